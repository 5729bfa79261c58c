"""Product-weeks: what the contest is judged by, and what ensembles therefore learn from.

Most days of most products sell nothing; a planner orders for weeks. So days are summed up before forecasts are compared.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trendhouse.demand.history import WEEK_DAYS, Floats

Integers = NDArray[np.int64]

# Forecasts below so many units a week count as this much when weeks are weighed.
LEAST_WEEK_UNITS = 0.01


@dataclass(frozen=True)
class ProductWeeks:
    """Out-of-sample forecasts by product, origin and week ahead: `forecasts` (weeks, members), all else (weeks,).

    `product` and `origin` are numbered from 0; `demand_class` is the product's class at the origin.
    """

    product: Integers
    origin: Integers
    demand_class: NDArray[np.str_]
    forecasts: Floats
    actual: Floats

    def errors(self) -> Floats:
        """Absolute errors (weeks, members)."""
        return np.abs(self.actual[:, None] - self.forecasts)

    def squared_errors(self) -> Floats:
        """Squared errors (weeks, members) over `variance_units`. Their mean is least for a forecast of the mean, that of absolute errors for one
        of the median (Gneiting 2011), which in intermittent demand is nothing.
        """
        return np.asarray((self.actual[:, None] - self.forecasts) ** 2 / variance_units(self.forecasts)[:, None])

    def wape(self) -> Floats:
        """WAPE of each member (members,): the mean of the origins at which something was sold, as in the standings."""
        sold = np.bincount(self.origin, self.actual)
        wrong = np.column_stack([np.bincount(self.origin, column) for column in self.errors().T])
        return np.asarray((wrong[sold > 0] / sold[sold > 0, None]).mean(axis=0), dtype=np.float64)


def variance_units(forecasts: Floats) -> Floats:
    """Variance (weeks,) that a Poisson count would have, of forecasts (weeks, members): the members' mean.

    What squared errors are divided by, or the largest products would own every comparison.
    """
    return np.asarray(np.maximum(forecasts.mean(axis=1), LEAST_WEEK_UNITS), dtype=np.float64)


def product_weeks(forecasts: Floats, actual: Floats, context: pa.Table) -> ProductWeeks | None:
    """Sums of days: `forecasts` (rows, members), `actual` (rows,); `context` holds product_id, as_of_date, horizon_days, demand_class.

    None without a row or a sale: there is then nothing that forecasts could be compared by.
    """
    if not actual.any():
        return None
    product, origin = _numbered(context.column("product_id")), _numbered(context.column("as_of_date"))
    week = (context.column("horizon_days").to_numpy().astype(np.int64) - 1) // WEEK_DAYS
    weeks = int(week.max()) + 1
    key = (product * (origin.max() + 1) + origin) * weeks + week
    _, first, position = np.unique(key, return_index=True, return_inverse=True)
    return ProductWeeks(
        product[first],
        origin[first],
        np.asarray(context.column("demand_class").take(pa.array(first)).to_pylist(), dtype=np.str_),
        np.column_stack([np.bincount(position, column) for column in forecasts.T]),
        np.asarray(np.bincount(position, actual), dtype=np.float64),
    )


def _numbered(column: pa.ChunkedArray) -> Integers:
    """Each row's value as a number, from 0 in order of appearance."""
    return np.asarray(column.combine_chunks().dictionary_encode().indices.to_numpy(), dtype=np.int64)
