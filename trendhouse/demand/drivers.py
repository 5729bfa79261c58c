"""From features to drivers: contributions of features that say the same are one cause, with words a planner would use for it."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trendhouse.explain import day_text, value_text

OTHER = "other"
REST = "rest"

# Which driver a feature belongs to: the first pattern found in its name. What is planned comes before what is known of the past, so
# that a campaign's discount is the campaign's, and last year's weeks are season, whoever sold in them.
PATTERNS = (
    ("fused_signals", r"^fused_|_index$"),
    ("weather", r"temperature|humidity|rainfall"),
    ("festival", r"festival|holiday"),
    ("campaign", r"campaign"),
    ("coupons_and_ads", r"coupon|^ad_"),
    ("promotion", r"promot|discount"),
    ("price", r"price"),
    ("stock", r"on_hand|stock|of_cover"),
    ("interest", r"views|favourites|add_to_cart|conversion"),
    ("season", r"year|month|week_of|day_of|weekend|weekday_units_ratio|horizon_days"),
    ("market", r"^category_|^shop_|_to_category_"),
    ("product_kind", r"^(brand|category|subcategory)$"),
    ("age", r"^age_"),
    ("trend", r"_trend_|_recent_"),
    ("own_series", r"^own_series"),
    ("level", r"units|orders|order_frequency|zero_day|last_sale"),
)
DRIVERS = (*(driver for driver, _ in PATTERNS), OTHER, REST)


@cache
def driver_of(feature: str) -> str:
    """The driver that a feature belongs to; OTHER when its name says nothing."""
    return next((driver for driver, pattern in PATTERNS if re.search(pattern, feature)), OTHER)


def by_driver(features: Sequence[str], units: NDArray[np.float64]) -> tuple[list[str], NDArray[np.float64]]:
    """Drivers that these features belong to, and the contributions (rows, features) summed over them (rows, drivers).

    Rows keep their sums. A feature may come twice, as from two members of an ensemble.
    """
    own = [driver_of(feature) for feature in features]
    drivers = [driver for driver in DRIVERS if driver in own]
    belongs = np.array([[name == driver for driver in drivers] for name in own], dtype=np.float64)
    return drivers, units @ belongs.reshape(len(own), len(drivers))


def words(driver: str, row: Mapping[str, Any], total: float) -> str | None:
    """What a driver is called, from the feature row of the day that weighs most; None when the row lacks what it would name.

    `total` is what it adds or takes: a forecast starts from the recent level, so that a rise which takes units away is one that seldom lasts.
    """
    teller = _TELLERS.get(driver)
    return teller(row, total) if teller else None


def _level(row: Mapping[str, Any], total: float) -> str | None:
    lately, before = row.get("units_mean_28d"), row.get("units_mean_91d")
    if lately is None:
        return None
    longer = "" if before is None else f", {before:.2f} in the last 13"
    return f"recent sales, {lately:.2f} a day in the last 4 weeks{longer}{', which seldom last' if total < 0 else ''}"


def _own_series(row: Mapping[str, Any], total: float) -> str:
    return "its own weeks, continued"


def _trend(row: Mapping[str, Any], total: float) -> str | None:
    ratio = row.get("units_trend_ratio")
    return (
        None
        if ratio is None
        else f"sales {_against(ratio)} in the last 4 weeks against the last 13{_lasting(ratio, total)}"
    )


def _season(row: Mapping[str, Any], total: float) -> str | None:
    lift = row.get("category_lift_year_ago_ratio")
    if lift is not None:
        return f"season and weekdays, its category {_against(lift)} in these weeks last year"
    return "season and weekdays" if "day_of_week" in row else None


def _festival(row: Mapping[str, Any], total: float) -> str | None:
    name, ahead, since = row.get("festival_name"), row.get("days_to_festival"), row.get("days_since_festival")
    if name is None:
        return None
    target = row["target_date"]
    if ahead is not None and isinstance(target, date):
        return f"{name} on {day_text(target + timedelta(days=int(ahead)))}"
    if since is not None and isinstance(target, date):
        return f"the days after {name} on {day_text(target - timedelta(days=int(since)))}"
    return f"public holiday on {day_text(target)}" if row.get("is_public_holiday") else "no festival near"


def _campaign(row: Mapping[str, Any], total: float) -> str | None:
    if row.get("campaigns") is None:
        return None
    if not row["campaigns"]:
        return "no campaign planned"
    rate = row.get("campaign_discount_rate")
    return f"campaign{f' {100 * rate:.0f}% off' if rate else ''} on {day_text(row['target_date'])}"


def _price(row: Mapping[str, Any], total: float) -> str | None:
    change, to_list, to_category = (row.get(f"price_to_{base}_ratio") for base in ("mean_91d", "list", "category"))
    if change is not None and abs(change - 1) >= 0.01:
        return f"price {_against(change)} on its 13-week mean"
    if to_list is not None and abs(to_list - 1) >= 0.01:
        return f"price {_beside(to_list)} its list price"
    return None if to_category is None else f"price {_beside(to_category)} its category's mean"


def _promotion(row: Mapping[str, Any], total: float) -> str | None:
    rate, recent = row.get("promotion_discount_rate"), row.get("discount_rate_28d")
    if rate is None:
        return None
    if row.get("is_promoted"):
        return f"promotion{f' {100 * rate:.0f}% off' if rate else ''} on {day_text(row['target_date'])}"
    if recent:
        return f"no promotion planned, after discounts of {100 * recent:.0f}% in the last 4 weeks"
    return "no promotion planned"


def _coupons_and_ads(row: Mapping[str, Any], total: float) -> str | None:
    known = [
        f"{value_text(name, row[name])} {text}"
        for name, text in (("coupons_issued_28d", "coupons"), ("ad_clicks_28d", "ad clicks"))
        if row.get(name) is not None
    ]
    return f"coupons and ads, {' and '.join(known)} in the last 4 weeks" if known else None


def _stock(row: Mapping[str, Any], total: float) -> str | None:
    out, on_hand = row.get("stock_out_days_28d"), row.get("on_hand")
    if out:
        return f"stock, none on {out} of the last 28 days"
    return None if on_hand is None else f"stock, {on_hand:.0f} on hand"


def _interest(row: Mapping[str, Any], total: float) -> str | None:
    views, carts = row.get("views_28d"), row.get("add_to_carts_28d")
    if views is None:
        return None
    return f"interest, {views:,} views{'' if carts is None else f' and {carts:,} put in carts'} in the last 4 weeks"


def _weather(row: Mapping[str, Any], total: float) -> str | None:
    usual, change = row.get("normal_temperature_c"), row.get("temperature_change_c")
    if usual is None or change is None:
        return None
    return f"weather, usually {usual:.0f} degrees then, {abs(change):.0f} {'warmer' if change >= 0 else 'colder'} than last week"


def _market(row: Mapping[str, Any], total: float) -> str | None:
    ratio = row.get("category_units_trend_ratio")
    return (
        None
        if ratio is None
        else f"its category {_against(ratio)} in the last 4 weeks against the last 13{_lasting(ratio, total)}"
    )


def _product_kind(row: Mapping[str, Any], total: float) -> str:
    return "what such products usually sell"


def _age(row: Mapping[str, Any], total: float) -> str | None:
    age = row.get("age_days")
    return None if age is None else f"on sale for {age:,} days"


def _rest(row: Mapping[str, Any], total: float) -> str:
    return "everything else"


_TELLERS = {
    "level": _level,
    "own_series": _own_series,
    "trend": _trend,
    "season": _season,
    "festival": _festival,
    "campaign": _campaign,
    "price": _price,
    "promotion": _promotion,
    "coupons_and_ads": _coupons_and_ads,
    "stock": _stock,
    "interest": _interest,
    "weather": _weather,
    "market": _market,
    "product_kind": _product_kind,
    "age": _age,
    REST: _rest,
}


def _against(ratio: float) -> str:
    """A ratio as a change: up 8%, down 20%, level."""
    percent = round(100 * (ratio - 1))
    return "level" if percent == 0 else f"{'up' if percent > 0 else 'down'} {abs(percent)}%"


def _lasting(ratio: float, total: float) -> str:
    """Why a rise can take units from a forecast that starts from the recent level, and a dip add some."""
    return ", which seldom lasts" if (ratio - 1) * total < 0 else ""


def _beside(ratio: float) -> str:
    """A ratio as a distance: 8% above, 20% below, at."""
    percent = round(100 * (ratio - 1))
    return "at" if percent == 0 else f"{abs(percent)}% {'above' if percent > 0 else 'below'}"
