"""The trend radar finds planted trends, and does not call a season, a promotion, an empty shelf, a new product or chance one."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from conftest import ROOT, load_module
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import false_discovery_control

from trendhouse.demand import trends

planted = load_module(ROOT / "benchmarks/demand/trends.py")
AS_OF = date(2025, 12, 22)
NUISANCES, NEW_LEVELS = list(planted.SHOPS)[1:3]


def series(
    entity: str,
    units: Any,
    kind: str = "product",
    parent: str | None = "tea",
    exposure: Any = 7.0,
    price_change: Any = 0.0,
    discount: Any = 0.0,
    promotion: Any = 0.0,
) -> pa.Table:
    """Rows of feat_demand_trend_weeks of one entity that ends the day before AS_OF."""
    units = np.asarray(units, dtype=float)
    weeks = len(units)
    days = [AS_OF - timedelta(days=7 * back) for back in range(weeks - 1, -1, -1)]
    sold = np.flatnonzero(units > 0)
    first = [days[sold[0]] - timedelta(days=7) if len(sold) and week >= sold[0] else None for week in range(weeks)]

    def column(value: Any) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, dtype=float), weeks)

    return pa.table(
        {
            "kind": [kind] * weeks,
            "entity_id": [entity] * weeks,
            "parent_id": pa.array([parent] * weeks, type=pa.string()),
            "units": units,
            "exposure_days": column(exposure),
            "price_change_log": column(price_change),
            "discount_rate": column(discount),
            "promotion_share": column(promotion),
            "units_to_date": np.cumsum(units),
            "as_of_date": pa.array(days, type=pa.date32()),
            "first_sold_date": pa.array(first, type=pa.date32()),
        }
    )


def found(*tables: pa.Table) -> dict[str, dict[str, Any]]:
    """Rows of the radar by entity; festivals are unknown, as in a country without any in the calendar."""
    weeks = pa.concat_tables(tables)
    days = np.array([AS_OF - timedelta(days=7 * back) for back in range(105)])
    return {row["entity_id"]: row for row in trends.find(weeks, planted.no_festivals(days), 0.1, 0.1, 1).to_pylist()}


def noise(mean: Any, seed: int, weeks: int = 105) -> np.ndarray:
    return np.random.default_rng(seed).poisson(np.broadcast_to(mean, weeks))


def steady_shop(count: int = 20, weeks: int = 105) -> list[pa.Table]:
    """Products that have no trend, and their category."""
    units = [noise(20, seed, weeks) for seed in range(count)]
    products = [series(f"steady {number}", own) for number, own in enumerate(units)]
    return [*products, series("tea", np.sum(units, axis=0), "category", None)]


@cache
def judged(name: str) -> tuple[Any, np.ndarray, np.ndarray]:
    shop = planted.simulate(planted.SHOPS[name], 800, 7)
    found = planted.by_radar(shop)
    return shop, found.direction, found.back


def test_a_shop_without_trends_gives_few_alarms() -> None:
    """Seasons, moods, price changes, promotions and empty shelves: false alarms stay below one product in a hundred."""
    for name in list(planted.SHOPS)[:2]:
        _, direction, _ = judged(name)
        assert np.mean(direction != 0) < 0.01, name


def test_planted_levels_are_found_their_way_and_their_week() -> None:
    shop, direction, back = judged(NEW_LEVELS)
    trend = shop.growth != 0
    right = trend & (direction == np.sign(shop.growth))
    assert right[trend & (shop.level >= planted.FINDABLE_UNITS)].mean() > 0.5
    assert (np.abs(back - shop.change)[right] <= 2).mean() > 0.8
    # The rate promised is 10%; eight in eighty is what chance may make of it here.
    assert (direction != 0)[~right].sum() <= 0.25 * right.sum()


def test_both_rules_of_thumb_cry_wolf_where_the_radar_does_not() -> None:
    shop, direction, _ = judged(NUISANCES)
    for weeks_before in (4, 52):
        assert np.mean(planted.by_difference(shop, weeks_before).direction != 0) > 10 * np.mean(direction != 0)


def test_christmas_is_no_trend() -> None:
    """A category doubles in the weeks before Christmas as it did a year before; one product triples beside it and one stays."""
    year = np.array([(AS_OF - timedelta(days=7 * back)).timetuple().tm_yday for back in range(104, -1, -1)])
    peak = np.clip((year - 320) / 36, 0, 1)
    units = [noise(20 * np.exp(0.7 * peak), seed) for seed in range(20)]
    gift, plain = noise(20 * np.exp(1.1 * peak), 50), noise(20, 51)
    tables = [series(f"p{number}", own) for number, own in enumerate(units)]
    tables += [series("gift", gift), series("plain", plain)]
    rows = found(*tables, series("tea", np.sum(units, axis=0) + gift + plain, "category", None))
    assert {row["direction"] for row in rows.values()} == {"steady"}
    assert rows["tea"]["season_share"] > 0.6
    assert rows["tea"]["season_units"] > 100
    assert rows["gift"]["season_units"] > 0.5 * rows["gift"]["change_units"]


def test_a_promotion_is_no_trend_and_a_price_cut_explains_itself() -> None:
    weeks = np.arange(105)
    shown = (weeks >= 101) | (weeks % 20 == 3)
    promoted = noise(20 * np.where(shown, 2.2, 1.0), 1)
    cut = np.where(weeks == 100, np.log(0.8), 0.0)
    cheaper = noise(20 * np.where(weeks >= 100, 0.8**-2.0, 1.0), 2)
    rows = found(
        *steady_shop(),
        series("promoted", promoted, discount=0.2 * shown, promotion=shown),
        series("cheaper", cheaper, price_change=cut),
    )
    assert rows["promoted"]["direction"] == "steady"
    assert rows["promoted"]["promotion_share"] > 0.7
    assert rows["cheaper"]["direction"] == "steady"
    assert rows["cheaper"]["price_share"] > 0.5
    assert "promotion +" in rows["promoted"]["sentence"]


def test_an_empty_shelf_is_not_fading() -> None:
    exposure = np.where(np.arange(105) >= 101, 2.0, 7.0)
    half = series("half empty", noise(20 * exposure / 7, 3), exposure=exposure)
    gone = np.where(np.arange(105) >= 101, 0.0, 7.0)
    empty = series("empty", noise(20 * gone / 7, 4), exposure=gone)
    fading = series("fading", noise(20 * exposure / 7, 5))
    rows = found(*steady_shop(), half, empty, fading)
    assert rows["half empty"]["direction"] == rows["empty"]["direction"] == "steady"
    assert rows["half empty"]["stock_share"] > 0.7
    assert rows["empty"]["stock_share"] > 0.7
    assert rows["fading"]["direction"] == "fading"
    assert rows["fading"]["rank"] == 1


def test_what_rose_half_a_year_ago_is_no_news() -> None:
    weeks = np.arange(105)
    old = series("old", noise(np.where(weeks >= 85, 60, 20), 6))
    new = series("new", noise(np.where(weeks >= 97, 60, 20), 7))
    rows = found(*steady_shop(), old, new)
    assert rows["old"]["direction"] == "steady"
    assert rows["new"]["direction"] == "rising"
    assert abs((rows["new"]["change_week_date"] - (AS_OF - timedelta(days=8 * 7))).days) <= 14
    assert rows["new"]["growth_low_log"] - 0.2 < np.log(3) < rows["new"]["growth_high_log"] + 0.2
    assert rows["new"]["growth_units"] == pytest.approx(40, rel=0.25)
    assert rows["new"]["sentence"].startswith("Rising since the week from ")


def test_a_new_product_is_called_new() -> None:
    young, baby = noise(np.r_[np.zeros(97), np.full(8, 20)], 8), noise(np.r_[np.zeros(102), np.full(3, 20)], 9)
    rows = found(*steady_shop(), series("young", young[97:]), series("baby", baby[102:]))
    assert rows["young"]["is_new"] and rows["baby"]["is_new"] and not rows["steady 0"]["is_new"]
    assert rows["young"]["novelty_share"] == pytest.approx(0.5, abs=0.1)
    assert rows["baby"]["novelty_share"] == 1
    assert rows["young"]["direction"] == "steady"
    assert rows["baby"]["p_value"] is None
    assert "Too few weeks" in rows["baby"]["sentence"] and "New: " in rows["baby"]["sentence"]


def test_causes_add_up() -> None:
    shop, _, _ = judged(NEW_LEVELS)
    rows = trends.find(shop.weeks, shop.festivals, 0.1, 0.1, 1)
    parts = np.stack([rows[f"{cause}_units"].to_numpy() for cause in trends.CAUSES])
    np.testing.assert_allclose(parts.sum(axis=0), rows["change_units"].to_numpy(), atol=1e-5)
    shares = np.stack([rows[f"{cause}_share"].to_numpy(zero_copy_only=False) for cause in trends.CAUSES])
    np.testing.assert_allclose(np.nansum(shares, axis=0)[~np.isnan(shares[0])], 1, atol=1e-5)


def test_ranks_number_each_kind_with_trends_first() -> None:
    shop, _, _ = judged(NEW_LEVELS)
    rows = trends.find(shop.weeks, shop.festivals, 0.1, 0.1, 1).to_pylist()
    for kind in {row["kind"] for row in rows}:
        own = sorted((row for row in rows if row["kind"] == kind), key=lambda row: row["rank"])
        assert [row["rank"] for row in own] == list(range(1, len(own) + 1))
        is_steady = [row["direction"] == "steady" for row in own]
        assert is_steady == sorted(is_steady)
    assert all(row["q_value"] <= 0.1 for row in rows if row["direction"] != "steady")


def test_the_order_of_rows_does_not_matter() -> None:
    shop, _, _ = judged(NUISANCES)
    order = np.random.default_rng(1).permutation(shop.weeks.num_rows)
    shuffled = trends.find(shop.weeks.take(pa.array(order)), shop.festivals, 0.1, 0.1, 1)
    assert shuffled.equals(trends.find(shop.weeks, shop.festivals, 0.1, 0.1, 2))


@pytest.mark.parametrize("weeks", [1, 3, 8, 30])
def test_short_histories_do_no_harm(weeks: int) -> None:
    rows = found(*steady_shop(3, weeks), series("kettle", noise(1, 3, weeks), "search_term", None))
    assert len(rows) == 5
    assert {row["direction"] for row in rows.values()} == {"steady"}
    assert not any(row["is_season_known"] for row in rows.values())


def test_products_that_never_sold_and_those_no_longer_there() -> None:
    gone = series("gone", noise(20, 1))
    gone = gone.filter(pc.less(gone["as_of_date"], pa.scalar(AS_OF)))
    rows = found(*steady_shop(), series("unsold", np.zeros(105)), gone)
    assert "gone" not in rows
    assert rows["unsold"]["direction"] == "steady"
    assert rows["unsold"]["novelty_share"] is None


def test_no_rows_are_typed_rows() -> None:
    nothing = series("a", [1.0]).slice(0, 0)
    assert trends.find(nothing, planted.no_festivals(np.array([AS_OF])), 0.1, 0.1, 1).schema == trends.TRENDS_SCHEMA


@given(arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 1)))
def test_q_values_are_those_of_benjamini_and_hochberg(p_values: np.ndarray) -> None:
    np.testing.assert_allclose(trends.adjusted(p_values), false_discovery_control(p_values), rtol=1e-12)
    with_gaps = np.r_[np.nan, p_values, np.nan]
    np.testing.assert_array_equal(trends.adjusted(with_gaps)[1:-1], trends.adjusted(p_values))


def test_the_largest_of_many_z_is_as_rare_as_said() -> None:
    """Against simulated series of equal weeks without a change: never rarer than said, and not twice as common."""
    rng = np.random.default_rng(3)
    weeks, backs = 39, np.arange(2, 14)
    walk = np.cumsum(rng.normal(size=(40_000, weeks)), axis=1)
    total = walk[:, -1:]
    after = total - walk[:, weeks - backs - 1]
    share = backs / weeks
    largest = np.abs((after - share * total) / np.sqrt(weeks * share * (1 - share))).max(axis=1)
    for z in (2.0, 2.5, 3.0):
        said = trends.maximum_p(np.array([z]), share[:1], share[-1:], np.array([len(backs)]))[0]
        assert said / 2 < np.mean(largest > z) < said * 1.05
