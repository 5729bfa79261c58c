"""Drivers hold every feature once, keep the sum, and speak as a planner does."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
import yaml
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trendhouse.demand.drivers import DRIVERS, OTHER, REST, by_driver, driver_of, words
from trendhouse.demand.matrix import feature_names

HORIZONS = ROOT / "models/features/demand/feat_demand_horizons.yml"
NOV_9 = date(2025, 11, 9)


def table_features() -> list[str]:
    (model,) = yaml.safe_load(HORIZONS.read_text())["models"]
    return feature_names([column["name"] for column in model["columns"]])


def test_every_feature_of_the_table_has_a_driver() -> None:
    assert not [feature for feature in table_features() if driver_of(feature) == OTHER]
    assert {driver_of(feature) for feature in table_features()} == set(DRIVERS) - {"own_series", OTHER, REST}


@pytest.mark.parametrize(
    ("feature", "driver"),
    [
        ("brand", "product_kind"),
        ("category", "product_kind"),
        ("category_units_trend_ratio", "market"),
        ("category_lift_year_ago_ratio", "season"),
        ("campaign_discount_rate", "campaign"),
        ("planned_discount_change", "promotion"),
        ("days_since_last_sale", "level"),
        ("days_since_festival", "festival"),
        ("days_of_cover", "stock"),
        ("price_to_category_ratio", "price"),
        ("units_trend_ratio", "trend"),
        ("views_trend_ratio", "interest"),
        ("ad_cost_trend_ratio", "coupons_and_ads"),
        ("seasonal_naive_units", "level"),
        ("own_series_units", "own_series"),
        ("moon_phase", OTHER),
    ],
)
def test_features_that_say_the_same_are_one_driver(feature: str, driver: str) -> None:
    assert driver_of(feature) == driver


@given(
    st.lists(st.sampled_from([*table_features(), "moon_phase"]), min_size=1, max_size=30).flatmap(
        lambda names: st.tuples(st.just(names), arrays(np.float64, (3, len(names)), elements=st.floats(-100, 100)))
    )
)
def test_contributions_keep_their_sums(given_units: tuple[list[str], np.ndarray]) -> None:
    """Row by row and driver by driver, also where two members of an ensemble name the same feature."""
    features, units = given_units
    drivers, driven = by_driver(features, units)
    np.testing.assert_allclose(driven.sum(axis=1), units.sum(axis=1), atol=1e-9)
    assert set(drivers) == {driver_of(feature) for feature in features}
    for index, driver in enumerate(drivers):
        own = [place for place, feature in enumerate(features) if driver_of(feature) == driver]
        np.testing.assert_allclose(driven[:, index], units[:, own].sum(axis=1), atol=1e-9)


def test_no_rows_and_no_features() -> None:
    drivers, driven = by_driver(["brand"], np.empty((0, 1)))
    assert drivers == ["product_kind"] and driven.shape == (0, 1)
    drivers, driven = by_driver([], np.empty((2, 0)))
    assert drivers == [] and driven.shape == (2, 0)


@pytest.mark.parametrize(
    ("driver", "row", "total", "text"),
    [
        ("festival", {"festival_name": "Singles' Day", "days_to_festival": 2}, 9, "Singles' Day on 11 Nov"),
        (
            "festival",
            {"festival_name": "Halloween", "days_to_festival": None, "days_since_festival": 9},
            -2,
            "the days after Halloween on 31 Oct",
        ),
        ("festival", {"festival_name": "none"}, -1, "no festival near"),
        ("festival", {"festival_name": "none", "is_public_holiday": True}, -1, "public holiday on 9 Nov"),
        ("campaign", {"campaigns": 1, "campaign_discount_rate": 0.2}, 9, "campaign 20% off on 9 Nov"),
        ("campaign", {"campaigns": 1, "campaign_discount_rate": 0.0}, 9, "campaign on 9 Nov"),
        ("campaign", {"campaigns": 0, "campaign_discount_rate": 0.0}, -1, "no campaign planned"),
        ("price", {"price_to_mean_91d_ratio": 1.08}, -5, "price up 8% on its 13-week mean"),
        ("price", {"price_to_mean_91d_ratio": 0.75}, 5, "price down 25% on its 13-week mean"),
        ("price", {"price_to_mean_91d_ratio": 1.0, "price_to_list_ratio": 0.9}, 2, "price 10% below its list price"),
        (
            "price",
            {"price_to_list_ratio": 1.0, "price_to_category_ratio": 1.3},
            -2,
            "price 30% above its category's mean",
        ),
        ("promotion", {"promotion_discount_rate": 0.3, "is_promoted": True}, 5, "promotion 30% off on 9 Nov"),
        ("promotion", {"promotion_discount_rate": 0.0, "is_promoted": True}, 5, "promotion on 9 Nov"),
        (
            "promotion",
            {"promotion_discount_rate": 0.0, "is_promoted": False, "discount_rate_28d": 0.14},
            -5,
            "no promotion planned, after discounts of 14% in the last 4 weeks",
        ),
        ("trend", {"units_trend_ratio": 1.4}, 3, "sales up 40% in the last 4 weeks against the last 13"),
        (
            "trend",
            {"units_trend_ratio": 1.4},
            -3,
            "sales up 40% in the last 4 weeks against the last 13, which seldom lasts",
        ),
        ("stock", {"stock_out_days_28d": 12, "on_hand": 3.0}, -4, "stock, none on 12 of the last 28 days"),
        ("stock", {"stock_out_days_28d": 0, "on_hand": 3.0}, -4, "stock, 3 on hand"),
        (
            "interest",
            {"views_28d": 1200, "add_to_carts_28d": 12},
            1,
            "interest, 1,200 views and 12 put in carts in the last 4 weeks",
        ),
        (
            "weather",
            {"normal_temperature_c": 11.6, "temperature_change_c": -3.2},
            1,
            "weather, usually 12 degrees then, 3 colder than last week",
        ),
        ("level", {"units_mean_28d": 0.824}, 3, "recent sales, 0.82 a day in the last 4 weeks"),
        (
            "level",
            {"units_mean_28d": 0.824, "units_mean_91d": 0.5},
            -3,
            "recent sales, 0.82 a day in the last 4 weeks, 0.50 in the last 13, which seldom last",
        ),
        ("own_series", {}, 3, "its own weeks, continued"),
        ("product_kind", {"brand": "acme"}, 3, "what such products usually sell"),
        ("age", {"age_days": 1500}, 3, "on sale for 1,500 days"),
        ("rest", {}, 3, "everything else"),
    ],
)
def test_words_name_the_thing(driver: str, row: dict[str, object], total: float, text: str) -> None:
    assert words(driver, {"target_date": NOV_9, **row}, total) == text


@pytest.mark.parametrize("driver", sorted(set(DRIVERS) - {"product_kind", "own_series", REST}))
def test_a_row_that_lacks_what_would_be_named_gives_no_words(driver: str) -> None:
    assert words(driver, {"target_date": NOV_9}, 1.0) is None
