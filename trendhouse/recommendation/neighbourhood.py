"""Products that speak for other products, customers that speak for other customers: what the neighbourhood methods share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array

from trendhouse.parallel import in_blocks
from trendhouse.recommendation.candidate import Known, Recommender
from trendhouse.recommendation.confidence import confidence, mean_confidence
from trendhouse.recommendation.interactions import Floats, Integers, Interactions, Texts
from trendhouse.recommendation.places import evenly
from trendhouse.recommendation.read_once import ReadOnce
from trendhouse.recommendation.tensors import from_text, to_text
from trendhouse.recommendation.top_products import blocks_of, stacked, top_entries


@dataclass(frozen=True)
class Vectors:
    """Sparse vectors, one a row and, transposed, one a column, and what their similarity takes: (vectors,) the part of each that two have in common
    by chance, and the length that is left without it. No part is by chance for the cosine; for Pearson's correlation it is the mean.
    """

    values: csr_array
    transposed: csr_array
    chance: Floats
    length: Floats

    def similarity(self, rows: Integers, others: "Vectors", shrinkage: float) -> csr_array:
        """Of some of these vectors with all the others (rows, others): (a.b - chance) / (|a| |b| + shrinkage); -inf or no entry where not above 0.

        Shrinkage in the denominator holds back pairs that rest on little (Dacrema, Cremonesi and Jannach 2019): with confidences of 1 it counts
        customers, or products.
        """
        found = csr_array(self.values[rows] @ others.transposed)
        row = np.repeat(rows, np.diff(found.indptr))
        found.data -= self.chance[row] * others.chance[found.indices]
        found.data /= self.length[row] * others.length[found.indices] + np.float32(shrinkage)
        found.data[~(found.data > 0)] = -np.inf
        return found


def vectors_of(values: csr_array, is_centred: bool) -> Vectors:
    """The rows of a matrix as vectors; centred, their similarity is Pearson's correlation over all columns, empty ones as 0."""
    total = np.asarray(values.sum(axis=1), dtype=np.float64).ravel()
    chance = total / np.sqrt(max(values.shape[1], 1)) if is_centred else np.zeros(len(total))
    squares = np.asarray((values * values).sum(axis=1), dtype=np.float64).ravel()
    length = np.sqrt(np.maximum(squares - chance**2, 0))
    return Vectors(values, csr_array(values.T.tocsr()), chance.astype(np.float32), length.astype(np.float32))


class ProductLinks:
    """What each known product says about others: a customer's score of a product is the sum over the products dealt with, by confidence."""

    def __init__(self, products: Texts, links: csr_array) -> None:
        """`links` (products, products) of the fit: what the one in the row says about the one in the column."""
        self._links_of: ReadOnce[Interactions, csr_array] = ReadOnce(
            lambda today: moved(links, today.columns_of(products), today)
        )

    def scores(self, known: Known, customers: Integers) -> Floats:
        """Sum of links (customers, products); -inf where nothing that the customer dealt with is linked to the product."""
        found = confidence(known.interactions.weights[customers]) @ self._links_of(known.interactions)
        return scores_where_found(found)

    def between(self, interactions: Interactions) -> csr_array:
        """The links between today's products (products, products), their columns in order."""
        links = csr_array(self._links_of(interactions), copy=True)
        links.sort_indices()
        return links


def moved(links: csr_array, columns: Integers, interactions: Interactions) -> csr_array:
    """Links between products of a fit as links between today's; `columns` (products of the fit,) says where each stands today, -1 for gone."""
    if np.array_equal(columns, np.arange(len(interactions.products))):
        return links
    row = columns[np.repeat(np.arange(links.shape[0]), np.diff(links.indptr))]
    column = columns[links.indices]
    kept = (row >= 0) & (column >= 0)
    shape = (len(interactions.products),) * 2
    return coo_array((links.data[kept], (row[kept], column[kept])), shape=shape).tocsr()


def scores_where_found(found: csr_array) -> Floats:
    """The entries as scores (customers, products); -inf where there is none."""
    scores = np.full(found.shape[0] * found.shape[1], -np.inf, dtype=np.float32)
    scores[np.repeat(np.arange(found.shape[0]) * found.shape[1], np.diff(found.indptr)) + found.indices] = found.data
    return scores.reshape(found.shape)


def strongest(columns: Integers, values: Floats, width: int) -> csr_array:
    """Best columns and their values, as `top_products` gives them, as a matrix (rows, width)."""
    row, place = np.nonzero(columns >= 0)
    entries = values[row, place], (row, columns[row, place])
    return coo_array(entries, shape=(len(columns), width)).tocsr()


def nearest_products(vectors: Vectors, shrinkage: float, neighbours: int, threads: int) -> csr_array:
    """Links (products, products) from each product to its nearest ones, itself not among them; `vectors` has one per product."""
    products = len(vectors.length)

    def of_block(rows: Integers) -> tuple[Integers, Floats]:
        found = vectors.similarity(rows, vectors, shrinkage)
        found.data[found.indices == np.repeat(rows, np.diff(found.indptr))] = -np.inf
        return top_entries(found, neighbours)

    return strongest(
        *stacked(in_blocks(of_block, blocks_of(np.arange(products), products), threads), neighbours), products
    )


def links_to_text(products: Texts, links: csr_array) -> str:
    """Artifact of links."""
    return to_text(
        {
            "products": products,
            "links": links.data.astype(np.float32),
            "linked": links.indices.astype(np.int32),
            "starts": links.indptr.astype(np.int64),
        }
    )


def links_from_text(text: str) -> ProductLinks:
    """The reverse of `links_to_text`, ready to score."""
    stored = from_text(text)
    products = stored["products"].astype(np.str_)
    links = csr_array(
        (stored["links"].astype(np.float32), stored["linked"], stored["starts"]), shape=(len(products),) * 2
    )
    return ProductLinks(products, links)


@dataclass(frozen=True)
class ProductNeighbours:
    """Candidate: products near to those dealt with (Sarwar et al. 2001), by cosine or, centred, by Pearson's correlation."""

    algorithm: str
    is_centred: bool
    is_baseline: bool = False

    def parameters(self) -> Mapping[str, Any]:
        """Neighbours kept of each product, and how much little evidence is held back (in customers)."""
        return {"version": 1, "neighbours": 200, "shrinkage": 5.0}

    def fit(self, known: Known, parameters: Mapping[str, Any], threads: int) -> str | None:
        """Products and the links between them; None when no customer has dealt with two."""
        interactions = known.interactions
        vectors = vectors_of(
            csr_array(confidence(interactions.weights, mean_confidence(interactions.weights)).T.tocsr()),
            self.is_centred,
        )
        if not len(vectors.length):
            return None
        links = nearest_products(vectors, parameters["shrinkage"], parameters["neighbours"], threads)
        return links_to_text(interactions.products, links) if links.nnz else None

    def load(self, artifact: str) -> ProductLinks:
        """The recommender of an artifact."""
        return links_from_text(artifact)


class CustomerLinks:
    """What the customers nearest to one dealt with: their confidences, summed by similarity."""

    def __init__(self, is_centred: bool, shrinkage: float, neighbours: int, most_customers: int) -> None:
        """How near is measured, how many count, and among how many they are looked for."""
        self._is_centred, self._shrinkage, self._neighbours = is_centred, shrinkage, neighbours
        self._most_customers = most_customers
        self._customers_of = ReadOnce(self._looked_among)

    def scores(self, known: Known, customers: Integers) -> Floats:
        """Sum over the nearest customers (customers, products); -inf where none of them dealt with the product."""
        among, place, unit = self._customers_of(known.interactions)
        asked = vectors_of(confidence(known.interactions.weights[customers], unit), self._is_centred)
        scores = np.full((len(customers), len(known.interactions.products)), -np.inf, dtype=np.float32)
        for rows in blocks_of(np.arange(len(customers)), len(among.length)):
            found = asked.similarity(rows, among, self._shrinkage)
            found.data[found.indices == np.repeat(place[customers[rows]], np.diff(found.indptr))] = -np.inf
            nearest = strongest(*top_entries(found, self._neighbours), len(among.length))
            scores[rows] = scores_where_found(nearest @ among.values)
        return scores

    def _looked_among(self, interactions: Interactions) -> tuple[Vectors, Integers, float]:
        """The customers that are looked among: their vectors; for each customer the place among them, -1 for none; the unit of confidence."""
        customers = len(interactions.customers)
        among = evenly(np.arange(customers), self._most_customers)
        place = np.full(customers, -1, dtype=np.int64)
        place[among] = np.arange(len(among))
        unit = mean_confidence(interactions.weights)
        return vectors_of(confidence(interactions.weights[among], unit), self._is_centred), place, unit


@dataclass(frozen=True)
class CustomerNeighbours:
    """Candidate: what customers of like taste dealt with (Resnick et al. 1994, as adapted to implicit data), by cosine or Pearson's correlation.

    Nothing is learnt: the neighbours are looked up among the customers of the day. The artifact holds the settings alone, and no customer.
    """

    algorithm: str
    is_centred: bool
    is_baseline: bool = False

    def parameters(self) -> Mapping[str, Any]:
        """Neighbours of each customer, how much little evidence is held back (in products), and customers that are looked among at most."""
        return {"version": 1, "neighbours": 100, "shrinkage": 5.0, "most_customers": 20_000}

    def fit(self, known: Known, parameters: Mapping[str, Any], threads: int) -> str | None:
        """The settings; None with fewer than two customers."""
        if len(known.interactions.customers) < 2:
            return None
        settings = [parameters[name] for name in ("shrinkage", "neighbours", "most_customers")]
        return to_text({"settings": np.array(settings, dtype=np.float32)})

    def load(self, artifact: str) -> Recommender:
        """The recommender of an artifact."""
        shrinkage, neighbours, most_customers = from_text(artifact)["settings"].astype(np.float64)
        return CustomerLinks(self.is_centred, float(shrinkage), int(neighbours), int(most_customers))
