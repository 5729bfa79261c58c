"""From the feature tables to what was known at one date, and to what came of it.

Relations of the warehouse are read through its seam, one date at a time and no more columns than the recommenders look at.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array, csr_array

from trendhouse import warehouse
from trendhouse.recommendation.candidate import Known
from trendhouse.recommendation.contest import Cut
from trendhouse.recommendation.interactions import COLUMNS, Floats, Interactions, from_table
from trendhouse.recommendation.places import places_of

INTERACTION_COLUMNS = list(COLUMNS)
CATALOGUE_COLUMNS = [
    "product_id",
    "seller_id",
    "name",
    "description",
    "category",
    "subcategory",
    "brand",
    "list_price_amount",
]
VISIT_COLUMNS = ["session_id", "customer_id", "product_id", "position", "visit_date"]
# Days back that interactions count and visits are read.
HISTORY_DAYS = 364
# Days between the dates of the features, and days after one that tell what came of it.
STEP_DAYS = 28


@dataclass(frozen=True)
class Tables:
    """The rows of the three feature tables that one date knows: INTERACTION_COLUMNS, CATALOGUE_COLUMNS and VISIT_COLUMNS."""

    interactions: pa.Table
    catalogue: pa.Table
    visits: pa.Table


@dataclass(frozen=True)
class Snapshots:
    """Relations of `feat_recommendation_interactions`, `_catalogue` and `_visits`."""

    interactions: Any
    catalogue: Any
    visits: Any

    def as_of_date(self) -> date | None:
        """The current date; None when there is nothing to recommend."""
        latest: date | None = warehouse.maximum(self.catalogue, "as_of_date")
        return latest

    def tables_at(self, cut: date) -> Tables:
        """What was known at the start of this date. No rows for a date that the features do not hold."""
        at = warehouse.equals("as_of_date", cut)
        days = warehouse.is_between("visit_date", cut - timedelta(days=HISTORY_DAYS), cut - timedelta(days=1))
        return Tables(
            warehouse.to_arrow(self.interactions, INTERACTION_COLUMNS, at),
            warehouse.to_arrow(self.catalogue, CATALOGUE_COLUMNS, at),
            warehouse.to_arrow(self.visits, VISIT_COLUMNS, days),
        )

    def known_at(self, cut: date) -> Known:
        """What recommenders see of it."""
        return known_of(self.tables_at(cut), cut)

    def cut_at(self, cut: date, rest_days: pa.Table) -> Cut:
        """What was known, and what was bought in the STEP_DAYS after it; nothing, when these are not over."""
        known = self.known_at(cut)
        at = warehouse.equals("as_of_date", cut + timedelta(days=STEP_DAYS))
        bought = f"days_since_last_purchase <= {STEP_DAYS}"
        after = warehouse.to_arrow(self.interactions, ["customer_id", "product_id"], f"{at} and {bought}")
        resting = resting_of(known.interactions, rest_days)
        return Cut(known, followed_of(known.interactions, after, resting), resting)


def known_of(tables: Tables, cut: date) -> Known:
    """What recommenders see of one date's tables; the order of their rows makes no difference."""
    catalogue = tables.catalogue.sort_by([("product_id", "ascending")])
    products = np.asarray(catalogue.column("product_id").to_pylist(), dtype=np.str_)
    seen = tables.visits.column("visit_date").cast(pa.int32()).cast(pa.int64())
    days_ago = pc.subtract(pa.scalar((cut - date(1970, 1, 1)).days, pa.int64()), seen)
    visits = tables.visits.drop_columns(["visit_date"]).append_column("days_ago", days_ago)
    return Known(from_table(tables.interactions, products), catalogue, visits)


def resting_of(interactions: Interactions, rest_days: pa.Table) -> csr_array:
    """Where the customer bought the product so lately that it is not to be recommended: 1 in (customers, products).

    `rest_days` (product_id, rest_days): days after a purchase in which it is not; a product without a row does not rest.
    """
    days = interactions.days_since_purchase
    if days is None:
        raise ValueError("The interactions do not say when things were bought.")
    place = interactions.columns_of(np.asarray(rest_days.column("product_id").to_pylist(), dtype=np.str_))
    rests: Floats = np.zeros(len(interactions.products), dtype=np.float32)
    rests[place[place >= 0]] = rest_days.column("rest_days").to_numpy()[place >= 0]
    return _where(days, (days.data > 0) & (days.data <= rests[days.indices]))


def followed_of(interactions: Interactions, after: pa.Table, resting: csr_array) -> csr_array:
    """What customers went on to buy (customer_id, product_id), as far as it could be in a list: 1 in (customers, products)."""
    row = places_of(after.column("customer_id"), interactions.customers)
    column = places_of(after.column("product_id"), interactions.products)
    is_known = (row >= 0) & (column >= 0)
    entries = np.ones(int(is_known.sum()), dtype=np.float32), (row[is_known], column[is_known])
    followed = csr_array(coo_array(entries, shape=interactions.weights.shape).tocsr())
    followed = csr_array(followed - followed.multiply(resting))
    followed.eliminate_zeros()
    followed.sort_indices()
    return followed


def _where(matrix: csr_array, holds: Any) -> csr_array:
    """Matrix with a 1 for the entries for which it holds (entries,)."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    entries = np.ones(int(holds.sum()), dtype=np.float32), (row[holds], matrix.indices[holds])
    return csr_array(coo_array(entries, shape=matrix.shape).tocsr())
