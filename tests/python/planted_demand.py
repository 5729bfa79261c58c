"""A small feature table with known laws, in the shape of feat_demand_horizons: what the demand library is tested on."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

AS_OF = date(2025, 3, 1)
CATEGORIES = ("garden", "kitchen", "toys")


def planted_demand(products: int = 40, weeks: int = 24, seed: int = 1) -> pa.Table:
    """Rows product x weekly as-of date x 28 horizons.

    Planted: a level per product, weekends sell 1.8 times as much, toys on discount 2.5 times as much, Poisson noise. One row in
    fifty is censored (its units halved). Labels of the last as-of dates that lie in the future are null.
    """
    rng = np.random.default_rng(seed)
    level = np.exp(rng.normal(0.3, 1.0, products))
    first = AS_OF - timedelta(days=7 * weeks)
    days = 7 * weeks + 28 + 91
    weekend = np.array([(first + timedelta(days=day - 91)).weekday() >= 5 for day in range(days)])
    discount = np.where(rng.random((products, days)) < 0.1, 0.3, 0.0)
    toys = np.arange(products) % len(CATEGORIES) == 2
    mean = level[:, None] * np.where(weekend, 1.8, 1.0) * np.where((discount > 0) & toys[:, None], 2.5, 1.0)
    units = rng.poisson(mean)
    censored = rng.random((products, days)) < 0.02
    observed = np.where(censored, units // 2, units)

    product, week, horizon = (
        grid.ravel() for grid in np.meshgrid(range(products), range(weeks + 1), range(1, 29), indexing="ij")
    )
    origin = 91 + 7 * week
    target = origin + horizon - 1
    dates = np.array([first + timedelta(days=int(day) - 91) for day in range(days + 28)])
    past = np.cumsum(np.pad(observed, ((0, 0), (1, 0))), axis=1)
    recent = (past[product, origin] - past[product, origin - 28]) / 28
    known = dates[target] < AS_OF
    return pa.table(
        {
            "product_id": pa.array([f"P{number:03d}" for number in product]),
            "as_of_date": pa.array(dates[origin], type=pa.date32()),
            "target_date": pa.array(dates[target], type=pa.date32()),
            "horizon_days": pa.array(horizon, type=pa.int32()),
            "units": pa.array(observed[product, target], type=pa.int64(), mask=~known),
            "is_censored": pa.array(censored[product, target], mask=~known),
            "base_units": np.maximum(recent, 1 / 28),
            "moving_average_units": recent,
            "seasonal_naive_units": pa.array(observed[product, origin - 1 - (origin - 1 - target) % 7].astype(float)),
            "discount_rate": discount[product, target],
            "is_weekend": pa.array(weekend[target]),
            "day_of_week": pa.array([day.isoweekday() for day in dates[target]], type=pa.int32()),
            "category": pa.array([CATEGORIES[number % len(CATEGORIES)] for number in product]),
        }
    )


def planted_weeks(products: int = 40, weeks: int = 24, seed: int = 1) -> pa.Table:
    """Weeks of the same products before AS_OF, in the shape of feat_demand_weeks: what local methods continue."""
    rows = planted_demand(products, weeks, seed)
    known = rows.filter(pc.and_(pc.is_valid(rows["units"]), pc.less_equal(rows["horizon_days"], 7)))
    sums = known.group_by(["product_id", "as_of_date"]).aggregate([("units", "sum"), ("units", "count")])
    ends = pc.cast(pc.add(pc.cast(sums["as_of_date"], pa.int32()), pa.scalar(7, pa.int32())), pa.date32())
    return pa.table(
        {
            "product_id": sums["product_id"],
            "as_of_date": ends,
            "days_observed": sums["units_count"],
            "clean_units": pc.cast(sums["units_sum"], pa.float64()),
        }
    )
