"""Session: what customers went on to after the products that this one looked at last."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from trendhouse.recommendation.candidate import Known, Recommender
from trendhouse.recommendation.interactions import Floats, Integers, Texts
from trendhouse.recommendation.places import places_of, ranks_of
from trendhouse.recommendation.tensors import from_text, to_text
from trendhouse.recommendation.top_products import largest_entries


@dataclass(frozen=True)
class Path:
    """Visits in the order in which they happened, owner by owner: the product, who or what met it, and how many days ago; (visits,) each."""

    product: Integers
    owner: Integers
    days_ago: Integers


def path_of(visits: pa.Table, owner: Integers, products: Texts) -> Path:
    """The visits to known products; `owner` (visits,) is -1 where a visit does not count. Rows may come in any order."""
    product = places_of(visits.column("product_id"), products)
    counts = (owner >= 0) & (product >= 0)
    visits, product, owner = visits.filter(pa.array(counts)), product[counts], owner[counts]
    days_ago = visits.column("days_ago").to_numpy().astype(np.int64)
    position = visits.column("position").to_numpy()
    order = np.lexsort((position, ranks_of(visits.column("session_id")), -days_ago, owner))
    return Path(product[order], owner[order], days_ago[order])


def transitions(path: Path, products: int, window: int, step_decay: float, half_life_days: float) -> csr_array:
    """How often one product followed another in a session (products, products), no product itself.

    A product n steps later, up to `window`, counts step_decay ** (n - 1), and all of it halves every `half_life_days`.
    """
    counts = csr_array((products, products), dtype=np.float64)
    for steps in range(1, window + 1):
        before, after = path.product[:-steps], path.product[steps:]
        counted = (path.owner[:-steps] == path.owner[steps:]) & (before != after)
        weight = step_decay ** (steps - 1) * 0.5 ** (path.days_ago[steps:] / half_life_days)
        counts = counts + coo_array((weight[counted], (before[counted], after[counted])), shape=counts.shape).tocsr()
    return counts


@dataclass(frozen=True)
class Context:
    """What counts as the last visits: how many, how much less each counts than the one after it, and after how many days it counts half."""

    visits: int
    decay: float
    half_life_days: float

    def weights(self, path: Path, owners: int, products: int) -> csr_array:
        """How much each product is on the mind of each owner (owners, products); rows of sum 1, or of nothing where there was no visit."""
        ends = np.searchsorted(path.owner, path.owner, side="right")
        steps_back = ends - 1 - np.arange(len(path.owner))
        weight = self.decay**steps_back * 0.5 ** (path.days_ago / self.half_life_days)
        weight[steps_back >= self.visits] = 0
        total = np.bincount(path.owner, weights=weight, minlength=owners)
        return coo_array((weight / total[path.owner], (path.owner, path.product)), shape=(owners, products)).tocsr()


class SessionRecommender:
    """Transitions, smoothed: what followed a product is drawn to what followed its category's, and that to what was gone on to at all.

    With c transitions from a product and a prior of m, P(next | product) = (count + m P(next | category)) / (c + m), and the category's likewise
    (hierarchical Dirichlet prior, MacKay and Peto 1995): the fewer its visits, the more a product is taken for one of its kind.
    """

    def __init__(
        self,
        products: Texts,
        categories: Texts,
        category_of: Integers,
        counts: csr_array,
        prior: float,
        context: Context,
    ) -> None:
        """Transitions (products, products) between the products of the fit, the category of each, and how the model is read."""
        self._products, self._categories, self._counts = products, categories, counts
        self._prior, self._context = prior, context
        shape = (len(categories), len(products))
        members = coo_array((np.ones(len(products)), (category_of, np.arange(len(products)))), shape=shape).tocsr()
        by_category = (members @ counts).toarray()
        overall = counts.sum(axis=0) / counts.sum()
        chances = (by_category + prior * overall) / (by_category.sum(axis=1, keepdims=True) + prior)
        # Last, where position -1 of an unknown category points: what is gone on to at all.
        self._category_chances = np.vstack([chances, overall])

    def scores(self, known: Known, customers: Integers) -> Floats:
        """Probability of the product met next (customers, products); -inf without a visit, and for products that nobody went on to."""
        interactions = known.interactions
        row = np.full(len(interactions.customers) + 1, -1)
        row[customers] = np.arange(len(customers))
        owner = row[places_of(known.visits.column("customer_id"), interactions.customers)]
        path = path_of(known.visits, owner, interactions.products)
        context = self._context.weights(path, len(customers), len(interactions.products))

        fitted = places_of(interactions.products, self._products)
        category = places_of(known.catalogue.column("category"), self._categories)
        chances = self._chances(context, fitted, category)
        # Products that came after the fit are on nobody's path.
        scores = np.zeros((len(customers), len(fitted)))
        scores[:, fitted >= 0] = chances[:, fitted[fitted >= 0]]
        return np.where(scores > 0, scores, -np.inf).astype(np.float32)

    def _chances(self, context: csr_array, fitted: Integers, category: Integers) -> NDArray[np.float64]:
        """Chance of each product of the fit to come next (customers, products of the fit).

        `context` (customers, products of today); of each product of today its place in the fit and its category's, -1 for none.
        """
        totals = np.where(fitted >= 0, self._counts.sum(axis=1)[fitted], 0)
        own_share = 1 / (totals + self._prior)
        from_own = (context * own_share[None, :]).tocsr()[:, fitted >= 0] @ self._counts[fitted[fitted >= 0]]
        groups = np.where(category >= 0, category, len(self._categories))
        shape = (len(groups), len(self._category_chances))
        kinds = coo_array((self._prior * own_share, (np.arange(len(groups)), groups)), shape=shape).tocsr()
        return np.asarray(from_own.toarray() + (context @ kinds) @ self._category_chances)


class SessionCandidate:
    """Next product of the session from a Markov chain over visits, of first order with a window (Shani, Heckerman and Brafman 2005)."""

    algorithm = "session"
    is_baseline = False

    def parameters(self) -> Mapping[str, Any]:
        """How transitions are counted (the first five), smoothed (prior, in transitions) and applied to a customer's last visits."""
        return {
            "version": 1,
            "window": 3,
            "step_decay": 0.5,
            "half_life_days": 112.0,
            "successors": 200,
            "prior": 10.0,
            "last_visits": 10,
            "visit_decay": 0.8,
            "visit_half_life_days": 28.0,
        }

    def fit(self, known: Known, parameters: Mapping[str, Any], threads: int) -> str | None:
        """Products, their categories and the transitions between them; None when no session went on from one product to another."""
        products, visits = known.interactions.products, known.visits
        path = path_of(visits, ranks_of(visits.column("session_id")), products)
        counts = transitions(
            path, len(products), parameters["window"], parameters["step_decay"], parameters["half_life_days"]
        )
        if counts.nnz == 0:
            return None
        counts = largest_entries(counts, parameters["successors"])
        categories = pc.unique(known.catalogue.column("category").drop_null()).sort()
        names = np.asarray([*categories.to_pylist(), ""], dtype=np.str_)
        reading = [parameters[name] for name in ("prior", "last_visits", "visit_decay", "visit_half_life_days")]
        return to_text(
            {
                "products": products,
                "categories": names,
                "category_of": places_of(known.catalogue.column("category").fill_null(""), names).astype(np.int32),
                "counts": counts.data.astype(np.float32),
                "successors": counts.indices.astype(np.int32),
                "starts": counts.indptr.astype(np.int64),
                "reading": np.asarray(reading, dtype=np.float32),
            }
        )

    def load(self, artifact: str) -> Recommender:
        """The recommender of an artifact."""
        stored = from_text(artifact)
        products = stored["products"].astype(np.str_)
        counts = csr_array(
            (stored["counts"].astype(np.float64), stored["successors"], stored["starts"]), shape=(len(products),) * 2
        )
        prior, visits, decay, half_life_days = stored["reading"].astype(np.float64)
        return SessionRecommender(
            products,
            stored["categories"].astype(np.str_),
            stored["category_of"].astype(np.int64),
            counts,
            float(prior),
            Context(int(visits), float(decay), float(half_life_days)),
        )


CANDIDATE = SessionCandidate()
