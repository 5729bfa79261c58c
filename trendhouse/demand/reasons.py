"""Why a product's forecast is what it is: the drivers that add most to, or take most from, its next 28 days."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trendhouse.artifacts import Fit
from trendhouse.demand.candidate import Forecaster
from trendhouse.demand.drivers import REST, by_driver, driver_of, words
from trendhouse.demand.history import Floats, History
from trendhouse.demand.matrix import KEYS
from trendhouse.demand.serving import forecaster_of
from trendhouse.explain import phrase_of, sentence, top_reasons, value_text
from trendhouse.parallel import one_thread

# Beside them, the rest, so that a product's reasons add up to its forecast less what the model expects of nothing but its level.
REASONS_PER_PRODUCT = 5
# Products whose reasons are worked out in one piece of work.
PRODUCTS_AT_ONCE = 50
# Smaller contributions would read as 0.0 units.
LEAST_UNITS = 0.05

REASONS_SCHEMA = pa.schema(
    [
        ("product_id", pa.string()),
        ("as_of_date", pa.date32()),
        ("rank", pa.int32()),
        ("feature", pa.string()),
        ("contribution_units", pa.float64()),
        ("sentence", pa.string()),
        ("target_date", pa.date32()),
        ("fit_id", pa.string()),
    ]
)
"""Columns of `ml_demand__reasons`; contributions are units over the 28 days."""

# Features whose own name would puzzle a buyer; all others are spelled out from their name.
PHRASES = {
    "age_days": "days since launch",
    "base_units": "recent level, units a day",
    "campaigns": "campaigns running",
    "category_lift_year_ago_ratio": "the category's change in these weeks last year, times",
    "category_units_growth_ratio": "the category against last year, times",
    "category_units_mean_28d": "units a day in its category, last 28 days",
    "category_units_trend_ratio": "the category's last 4 weeks against its last 13, times",
    "category_weekday_units_ratio": "the category's usual weekday, times",
    "days_since_last_sale": "days since the last sale",
    "days_since_festival": "after a festival, days",
    "days_to_festival": "days to the festival",
    "discount_rate_28d": "discount in the last 28 days",
    "discount_rate_7d": "discount in the last 7 days",
    "festival_name": "festival",
    "horizon_days": "days ahead",
    "is_promoted": "on promotion:",
    "moving_average_units": "units a day, last 28 days",
    "normal_temperature_c": "usual temperature, degrees",
    "planned_discount_change": "planned discount less the recent one",
    "price_to_category_ratio": "price against its category, times",
    "price_to_list_ratio": "price against list price, times",
    "price_to_mean_91d_ratio": "price against its 13-week mean, times",
    "same_weekday_units_mean_56d": "units on this weekday, last 8 weeks",
    "seasonal_naive_units": "units on the last same weekday",
    "shop_units_trend_ratio": "the shop's last 4 weeks against its last 13, times",
    "units_kurtosis_91d": "how spiky daily sales are",
    "units_skewness_91d": "how lopsided daily sales are",
    "units_sd_28d": "spread of daily sales, last 28 days",
    "units_sd_91d": "spread of daily sales, last 13 weeks",
    "units_mean_364d": "units a day, last 52 weeks",
    "units_mean_182d": "units a day, last 26 weeks",
    "units_mean_91d": "units a day, last 13 weeks",
    "units_mean_56d": "units a day, last 8 weeks",
    "units_mean_28d": "units a day, last 4 weeks",
    "units_mean_14d": "units a day, last 2 weeks",
    "units_mean_7d": "units a day, last week",
    "units_recent_ratio": "last week against the last 4, times",
    "units_trend_ratio": "last 4 weeks against the last 13, times",
    "units_year_ago": "units a day in the same week last year",
    "units_year_ago_adjusted": "units a day in the same week last year, grown as the category",
    "zero_day_share_28d": "share of days without a sale, last 28 days",
    "zero_day_share_91d": "share of days without a sale, last 13 weeks",
}


def largest_products(forecast: pa.Table, count: int) -> list[str]:
    """The `count` products with the most units forecast over the horizon; `forecast` holds product_id and mean_units."""
    totals = forecast.group_by("product_id").aggregate([("mean_units", "sum")])
    ordered = totals.sort_by([("mean_units_sum", "descending"), ("product_id", "ascending")])
    return list(ordered.column("product_id").slice(0, count).to_pylist())


def explain(rows: pa.Table, champion_id: str | None, training: pa.Table, history: History, threads: int) -> pa.Table:
    """Reasons (REASONS_SCHEMA) for the products in `rows`, the feature rows of one as-of date.

    `training` holds the fits of the champion's training, as in `serving.forecaster_of`.
    """
    one_thread()
    if not rows.num_rows:
        return REASONS_SCHEMA.empty_table()
    fit, forecaster = forecaster_of(champion_id, training)
    rows = rows.sort_by([(key, "ascending") for key in KEYS])
    bounds = _bounds(rows)
    parts = [rows.slice(start, end - start) for start, end in pairwise([*bounds[:-1:PRODUCTS_AT_ONCE], bounds[-1]])]
    with ThreadPoolExecutor(max_workers=max(threads, 1)) as pool:
        found = pool.map(lambda part: _of_products(part, fit, forecaster, history), parts)
    return pa.Table.from_pylist([reason for reasons in found for reason in reasons], schema=REASONS_SCHEMA)


def _of_products(rows: pa.Table, fit: Fit, forecaster: Forecaster, history: History) -> list[dict[str, object]]:
    """Reasons of some products, whose rows are in order."""
    features, units = forecaster.contributions(rows, history)
    return [
        reason
        for start, end in pairwise(_bounds(rows))
        for reason in _of_product(rows.slice(start, end - start), features, units[start:end], fit)
    ]


def _bounds(rows: pa.Table) -> NDArray[np.int64]:
    """Where each product's rows, which stand together, begin, and where the last one's end."""
    products = rows.column("product_id").to_numpy()
    return np.flatnonzero(np.r_[True, products[1:] != products[:-1], True])


def _of_product(rows: pa.Table, features: Sequence[str], units: Floats, fit: Fit) -> list[dict[str, object]]:
    """Reasons of one product, whose rows are its days; `units` (days, features) are their contributions."""
    drivers, driven = by_driver(features, units)
    totals = driven.sum(axis=0)
    shown = top_reasons(totals, REASONS_PER_PRODUCT, LEAST_UNITS)
    reasons = [
        _reason(
            rows, drivers[index], float(totals[index]), driven[:, index], _of_driver(drivers[index], features, units)
        )
        for index in shown
    ]
    rest = float(totals.sum() - totals[shown].sum())
    if abs(rest) >= LEAST_UNITS:
        reasons.append(_reason(rows, REST, rest, None, ""))
    product = {name: rows.column(name)[0].as_py() for name in ("product_id", "as_of_date")}
    return [{**product, **reason, "rank": rank, "fit_id": fit.fit_id} for rank, reason in enumerate(reasons, start=1)]


def _of_driver(driver: str, features: Sequence[str], units: Floats) -> str:
    """The driver's feature that weighs most over all days."""
    sizes = [abs(units[:, index].sum()) if driver_of(name) == driver else -1.0 for index, name in enumerate(features)]
    return features[int(np.argmax(sizes))]


def _reason(rows: pa.Table, driver: str, total: float, by_day: Floats | None, feature: str) -> dict[str, object]:
    """One reason; its sentence speaks of the day on which the driver weighs most, the rest's of none."""
    strongest = 0 if by_day is None else int(np.argmax(by_day * np.sign(total)))
    row = rows.slice(strongest, 1).to_pylist()[0]
    text = words(driver, row, total) or f"{phrase_of(feature, PHRASES)} {value_text(feature, row.get(feature))}"
    return {
        "feature": driver,
        "contribution_units": total,
        "sentence": sentence(total, "units", text, None),
        "target_date": None if by_day is None else row["target_date"],
    }
