"""Who dealt with what, and how much it says: the customer x product matrix that recommenders learn from."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array

from trendhouse.recommendation.places import places_of

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
Texts = NDArray[np.str_]

COLUMNS = (
    "customer_id",
    "product_id",
    "interaction_weight",
    "purchases_364d",
    "days_since_last_interaction",
    "days_since_last_purchase",
)
"""Columns of `feat_recommendation_interactions` that `from_table` reads."""


@dataclass(frozen=True)
class Interactions:
    """What was known of customers and products at one as-of date.

    `customers` and `products` are sorted and unique. The matrices (customers, products) have the same pattern, one entry per pair that met:
    `weights` above 0, `purchases` (0 where it was only looked at), `days_ago` (of the last time, 1 or more), and `days_since_purchase` (of the last
    one; 0 without one); None where the table does not say when things were bought.
    """

    customers: Texts
    products: Texts
    weights: csr_array
    purchases: csr_array
    days_ago: csr_array
    days_since_purchase: csr_array | None = None

    def rows_of(self, customers: Texts) -> Integers:
        """Row of each customer (customers,); -1 for one that is not known."""
        return places_of(customers, self.customers)

    def columns_of(self, products: Texts) -> Integers:
        """Column of each product (products,); -1 for one that is not known."""
        return places_of(products, self.products)


def from_table(rows: pa.Table, products: Texts) -> Interactions:
    """Interactions of one as-of date: `rows` with COLUMNS, at most one per customer and product; rows of other products are left out.

    `products` are all that may be recommended, also those that nobody met: sorted and unique.
    """
    column = places_of(rows.column("product_id"), products)
    rows, column = rows.filter(pa.array(column >= 0)), column[column >= 0]
    customers, row = np.unique(np.asarray(rows.column("customer_id").to_pylist(), dtype=np.str_), return_inverse=True)
    shape = (len(customers), len(products))
    # One order for all, so that their entries stand side by side.
    order = np.lexsort((column, row))
    indices = column[order].astype(np.int32)
    starts = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(customers)))]).astype(np.int32)

    def matrix(name: str) -> csr_array:
        values = rows.column(name).fill_null(0).to_numpy().astype(np.float32)[order]
        return csr_array((values, indices, starts), shape=shape)

    return Interactions(
        customers,
        products,
        matrix("interaction_weight"),
        matrix("purchases_364d"),
        matrix("days_since_last_interaction"),
        matrix("days_since_last_purchase") if "days_since_last_purchase" in rows.column_names else None,
    )
