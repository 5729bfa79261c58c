"""What products sold period by period: the series behind local (one model per series) forecasting methods.

The feature table says what was known of a product on one date; a local method wants the whole series. In the warehouse a period
is a week of `feat_demand_weeks`.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trendhouse.demand.matrix import numbers

Floats = NDArray[np.float64]

WEEK_DAYS = 7
# What `from_weeks` reads of feat_demand_weeks.
WEEK_COLUMNS = ["product_id", "as_of_date", "days_observed", "clean_units"]


@dataclass(frozen=True)
class History:
    """Mean units a day of each product and period: `units` (products, periods), periods in order of time.

    `products` are sorted. `known_from` (periods,) is the date from which a period is known, the day after its last. NaN stands
    before a product's first period, and where nothing could be observed (out of stock for a whole period). `season_lengths` are in
    periods, shortest first; empty where local methods have no season to learn (two years of weeks hold a year only twice).
    """

    products: NDArray[np.str_]
    known_from: NDArray[np.datetime64]
    units: Floats
    period_days: int = WEEK_DAYS
    season_lengths: tuple[int, ...] = ()

    def before(self, as_of_date: date) -> "History":
        """The periods that were known on a date."""
        known = self.known_from <= np.datetime64(as_of_date)
        return History(
            self.products, self.known_from[known], self.units[:, known], self.period_days, self.season_lengths
        )

    def series_of(self, products: NDArray[np.str_]) -> Floats:
        """Series (products, periods) in the order asked for; all NaN for a product that has none."""
        if not len(self.products):
            return np.full((len(products), len(self.known_from)), np.nan)
        position = np.minimum(np.searchsorted(self.products, products), len(self.products) - 1)
        found = self.products[position] == products
        return np.where(found[:, None], self.units[position], np.nan)

    def periods_ahead(self, horizon_days: NDArray[np.int64]) -> NDArray[np.int64]:
        """The period, numbered from 1, in which each day ahead (numbered from 1) lies."""
        return np.asarray(-(-horizon_days // self.period_days), dtype=np.int64)


def no_history() -> History:
    """History without a product, for methods that read the feature table alone."""
    return History(np.empty(0, dtype=np.str_), np.empty(0, dtype="datetime64[D]"), np.empty((0, 0)))


def from_weeks(weeks: pa.Table) -> History:
    """History from rows of `feat_demand_weeks` (WEEK_COLUMNS; its as_of_date is the day after the week).

    A week between a product's first and the last of all that has no row is a week in which the product lay silent: 0 units.
    """
    product, position = np.unique(
        np.asarray(weeks.column("product_id").to_pylist(), dtype=np.str_), return_inverse=True
    )
    ends = weeks.column("as_of_date").to_numpy().astype("datetime64[D]")
    if not len(ends):
        return History(product, np.empty(0, dtype="datetime64[D]"), np.empty((0, 0)))
    known_from = np.arange(ends.min(), ends.max() + 1, WEEK_DAYS)
    week = ((ends - ends.min()).astype(np.int64)) // WEEK_DAYS
    days, units = numbers(weeks, "days_observed", missing=0.0), numbers(weeks, "clean_units", missing=0.0)
    first = np.full(len(product), len(known_from))
    np.minimum.at(first, position, week)
    grid = np.where(np.arange(len(known_from))[None, :] < first[:, None], np.nan, 0.0)
    grid[position, week] = np.divide(units, days, out=np.full(len(days), np.nan), where=days > 0)
    return History(product, known_from, grid)
