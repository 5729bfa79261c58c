"""Repurchase: what the customer has bought before and is about due to buy again."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.special import gammainc

from trendhouse.recommendation.candidate import Known, Recommender
from trendhouse.recommendation.interactions import Floats, Integers, Texts
from trendhouse.recommendation.places import places_of
from trendhouse.recommendation.tensors import from_text, to_text

WINDOW_DAYS = 364
"""Days over which `Interactions.purchases` counts."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Rhythm:
    """How a product, a kind of products or the whole shop is bought again: the share of buyers who come back for it, and after how many days."""

    repeat_rate: Doubles
    gap_days: Doubles


@dataclass(frozen=True)
class Reading:
    """How a fit is applied: what a product's rhythm weighs, in a customer's own purchases, how even gaps are, and days ahead that count."""

    own_prior: float
    regularity: float
    horizon_days: float


@dataclass(frozen=True)
class Purchases:
    """Pairs of customer and product with purchases in the window, (pairs,) each: where, how often, and the days since the last one."""

    row: Integers
    product: Integers
    count: Doubles
    days_since: Doubles

    def span_days(self) -> Doubles:
        """Days from the first to the last purchase, as expected: of n in a window that ends with the last, the others lie evenly in it."""
        return (WINDOW_DAYS - self.days_since) * (self.count - 1) / self.count


def purchases_of(known: Known, customers: Integers) -> Purchases:
    """The purchases of some customers; `row` counts from the first of them.

    Where interactions do not hold the days since the last purchase, those since the last interaction take their place.
    """
    counts = known.interactions.purchases[customers]
    since = known.interactions.days_since_purchase
    days = (known.interactions.days_ago if since is None else since)[customers]
    row = np.repeat(np.arange(len(customers)), np.diff(counts.indptr))
    bought = counts.data > 0
    return Purchases(
        row[bought],
        counts.indices[bought].astype(np.int64),
        counts.data[bought].astype(np.float64),
        np.clip(days.data[bought].astype(np.float64), 1, WINDOW_DAYS),
    )


def share_back_by(days: Doubles, gap_days: Doubles, regularity: float) -> Doubles:
    """Share of those who come back that have come back within so many days: gamma distribution of mean `gap_days` and shape `regularity`.

    Shape 1 is buying at random times (Poisson); the larger, the more even the gaps. Shape 2 is the classic for households and a category (Chatfield
    and Goodhardt 1973); one product among others of its category is bought less evenly.
    """
    return np.asarray(gammainc(regularity, regularity * days / gap_days))


def rhythm_of(
    purchases: Purchases, group: Integers, groups: int, above: Rhythm, prior: float, regularity: float
) -> Rhythm:
    """Rhythm of each group (groups,), drawn to the one above it, (groups,) or (1,), with the weight of `prior` purchases.

    A purchase that another one followed says: came back. The last one says: did not, but only as far as those who do would be back by now
    (cure model, Boag 1949). `group` (pairs,).
    """
    again = np.bincount(group, weights=purchases.count - 1, minlength=groups)
    span = np.bincount(group, weights=purchases.span_days(), minlength=groups)
    gap_days = (span + prior * above.gap_days) / (again + prior)
    overdue = np.bincount(
        group, weights=share_back_by(purchases.days_since, gap_days[group], regularity), minlength=groups
    )
    return Rhythm((again + prior * above.repeat_rate) / (again + overdue + prior), gap_days)


class RepurchaseRecommender:
    """Chance of buying a product again within the horizon, given that it has not been bought since.

    With probability r the customer comes back, after a gap of distribution F. Both start from the product's and move to the customer's own, as each
    purchase that followed another is a gap and a coming back. After d days without a purchase the chance is r (F(d + h) - F(d)) / (1 - r F(d)): low
    after a purchase, highest when due, and low again when long overdue.
    """

    def __init__(self, products: Texts, kinds: Texts, by_product: Rhythm, by_kind: Rhythm, reading: Reading) -> None:
        """Rhythm of the products (products,) and kinds (kinds + 1,) of the fit; the last kind is the shop."""
        self._products, self._kinds = products, kinds
        self._by_product, self._by_kind = by_product, by_kind
        self._reading = reading

    def scores(self, known: Known, customers: Integers) -> Floats:
        """Probability (customers, products) for products bought in the window; -inf for all others."""
        purchases = purchases_of(known, customers)
        fitted = places_of(known.interactions.products, self._products)[purchases.product]
        kind = places_of(kinds_of(known.catalogue), self._kinds)[purchases.product]
        rate = np.where(fitted >= 0, self._by_product.repeat_rate[fitted], self._by_kind.repeat_rate[kind])
        gap_days = np.where(fitted >= 0, self._by_product.gap_days[fitted], self._by_kind.gap_days[kind])
        again, prior = purchases.count - 1, self._reading.own_prior
        rate = (again + prior * rate) / (again + prior)
        gap_days = (purchases.span_days() + prior * gap_days) / (again + prior)
        before = share_back_by(purchases.days_since, gap_days, self._reading.regularity)
        after = share_back_by(purchases.days_since + self._reading.horizon_days, gap_days, self._reading.regularity)
        scores = np.full((len(customers), len(known.interactions.products)), -np.inf, dtype=np.float32)
        scores[purchases.row, purchases.product] = rate * (after - before) / (1 - rate * before)
        return scores


class RepurchaseCandidate:
    """Repeat purchases as a renewal process with drop-out (in the spirit of Bhagat et al. 2018, "Buy It Again")."""

    algorithm = "repurchase"
    is_baseline = False

    def parameters(self) -> Mapping[str, Any]:
        """Purchases that the level above a kind or product is worth, and how the fit is applied (`Reading`)."""
        return {"version": 1, "prior": 20.0, "own_prior": 2.0, "regularity": 1.5, "horizon_days": 28.0}

    def fit(self, known: Known, parameters: Mapping[str, Any], threads: int) -> str | None:
        """Rhythm of every product, kind and the shop; None when nobody has bought anything twice."""
        products = known.interactions.products
        purchases = purchases_of(known, np.arange(len(known.interactions.customers)))
        if not (purchases.count > 1).any():
            return None
        kind_of = kinds_of(known.catalogue)
        kinds = np.unique(kind_of)
        prior, regularity = parameters["prior"], parameters["regularity"]
        everything = np.zeros(len(purchases.row), dtype=np.int64)
        # Half come back after a quarter of a year: what is thought of a shop before its first purchase, with the weight of one.
        shop = rhythm_of(purchases, everything, 1, Rhythm(np.array([0.5]), np.array([91.0])), 1.0, regularity)
        kind = places_of(kind_of, kinds)
        by_kind = rhythm_of(purchases, kind[purchases.product], len(kinds), shop, prior, regularity)
        above = Rhythm(by_kind.repeat_rate[kind], by_kind.gap_days[kind])
        by_product = rhythm_of(purchases, purchases.product, len(products), above, prior, regularity)
        return to_text(
            {
                "products": products,
                "kinds": kinds,
                "repeat_rate": by_product.repeat_rate.astype(np.float32),
                "gap_days": by_product.gap_days.astype(np.float32),
                "kind_repeat_rate": np.append(by_kind.repeat_rate, shop.repeat_rate).astype(np.float32),
                "kind_gap_days": np.append(by_kind.gap_days, shop.gap_days).astype(np.float32),
                "reading": np.array([parameters[field.name] for field in fields(Reading)], dtype=np.float32),
            }
        )

    def load(self, artifact: str) -> Recommender:
        """The recommender of an artifact."""
        stored = from_text(artifact)
        doubles = {name: array.astype(np.float64) for name, array in stored.items() if array.dtype.kind == "f"}
        return RepurchaseRecommender(
            stored["products"].astype(np.str_),
            stored["kinds"].astype(np.str_),
            Rhythm(doubles["repeat_rate"], doubles["gap_days"]),
            Rhythm(doubles["kind_repeat_rate"], doubles["kind_gap_days"]),
            Reading(*doubles["reading"].tolist()),
        )


def kinds_of(catalogue: pa.Table) -> Texts:
    """What kind of product each is (products,): its subcategory within its category, as far as they are known."""
    category, subcategory = (catalogue.column(name).fill_null("") for name in ("category", "subcategory"))
    return np.asarray(pc.binary_join_element_wise(category, subcategory, " > ").to_pylist(), dtype=np.str_)


CANDIDATE = RepurchaseCandidate()
