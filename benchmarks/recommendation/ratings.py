"""Who dealt with what and when, from public data sets, as the library knows it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from trendhouse.recommendation.candidate import Known, Recommender
from trendhouse.recommendation.candidates import candidates
from trendhouse.recommendation.contest import Cut, fit_all
from trendhouse.recommendation.interactions import Interactions
from trendhouse.recommendation.ranker import Lesson

# As in feat_recommendation_interactions.
HALF_LIFE_DAYS = 56
CATALOGUE = pa.schema(
    [
        ("product_id", pa.string()),
        ("name", pa.string()),
        ("description", pa.string()),
        ("category", pa.string()),
        ("subcategory", pa.string()),
        ("brand", pa.string()),
        ("seller_id", pa.string()),
        ("list_price_amount", pa.float64()),
    ]
)
VISITS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("session_id", pa.string()),
        ("product_id", pa.string()),
        ("position", pa.int64()),
        ("days_ago", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Ratings:
    """Interactions, one per customer and product: numbers of both, from 0, what each weighs, and the day (not whole) it happened; (rows,) each."""

    customer: NDArray[np.int64]
    product: NDArray[np.int64]
    weight: NDArray[np.float64]
    day: NDArray[np.float64]

    def where(self, kept: NDArray[np.bool_]) -> "Ratings":
        """Some of the rows."""
        return Ratings(self.customer[kept], self.product[kept], self.weight[kept], self.day[kept])


def catalogue(products: int, columns: Mapping[str, list[str | None]]) -> pa.Table:
    """The catalogue of so many products, with these columns and nulls for the rest."""
    known = {"product_id": [_key(product) for product in range(products)], **columns}
    empty: list[str | None] = [None] * products
    return pa.table([known.get(field.name, empty) for field in CATALOGUE], schema=CATALOGUE)


def known_at(
    ratings: Ratings, end_day: float, products: pa.Table, is_decayed: bool, with_visits: bool = False
) -> Known:
    """What was known at the end of a day: all the ratings given.

    With `is_decayed` their weights have halved every HALF_LIFE_DAYS. `with_visits` makes what each customer did one session.
    """
    days_ago = np.maximum(np.ceil(end_day - ratings.day), 1)
    weight = ratings.weight * 0.5 ** (days_ago / HALF_LIFE_DAYS) if is_decayed else ratings.weight
    customers, row = np.unique(ratings.customer, return_inverse=True)
    keys = np.array([_key(customer) for customer in customers])
    shape = (len(customers), products.num_rows)

    def matrix(values: NDArray[np.float64]) -> csr_array:
        return coo_array((values.astype(np.float32), (row, ratings.product)), shape=shape).tocsr()

    names = np.asarray(products.column("product_id").to_pylist(), dtype=np.str_)
    visits = VISITS.empty_table()
    if with_visits:
        order = np.lexsort((ratings.day, ratings.customer))
        starts = np.searchsorted(ratings.customer[order], ratings.customer[order])
        owner = [_key(customer) for customer in ratings.customer[order]]
        position = np.arange(len(order)) - starts + 1
        columns = [owner, owner, names[ratings.product[order]], position, days_ago[order].astype(np.int64)]
        visits = pa.table([pa.array(column) for column in columns], schema=VISITS)
    one = np.ones(len(row))
    return Known(Interactions(keys, names, matrix(weight), matrix(one), matrix(days_ago)), products, visits)


def cut_at(known: Known, followed: Ratings) -> Cut:
    """A cut after which these ratings followed; what a customer has rated already is not shown again. New customers cannot judge."""
    interactions = known.interactions
    row = interactions.rows_of(np.array([_key(customer) for customer in followed.customer], dtype=np.str_))
    kept = row >= 0
    entries = np.ones(kept.sum(), dtype=np.float32), (row[kept], followed.product[kept])
    after = coo_array(entries, shape=interactions.weights.shape).tocsr()
    return Cut(known, after, interactions.weights)


def sources_of(known: Known, threads: int) -> dict[str, Recommender]:
    """Every candidate, fitted on what is known, as a source of the ranker."""
    artifacts, _ = fit_all(known, threads)
    return {name: candidates()[name].load(artifact) for name, artifact in artifacts.items()}


def lesson_of(cut: Cut, threads: int) -> Lesson:
    """A lesson of the ranker."""
    return Lesson(cut, sources_of(cut.known, threads))


def _key(number: int) -> str:
    return f"{number:07d}"
