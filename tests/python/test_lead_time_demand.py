"""Demand until a delivery: planted demand is covered as often as promised, and the ladder's costs are those of the newsvendor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import poisson

from trendhouse.demand import lead_time_demand
from trendhouse.demand.lead_time_demand import LEAD_TIME_SCHEMA, Ladder, SumErrors, ladder, ladders, learn

Floats = NDArray[np.float64]
AS_OF = date(2025, 3, 1)
DAYS = 10

# Units of DAYS days given each product's mean: what a Poisson process sells, what it sells when its rate is not known, what comes in sixes.
PLANTED: dict[str, Callable[[np.random.Generator, Floats], Floats]] = {
    "poisson": lambda rng, mean: rng.poisson(mean).astype(float),
    "negative binomial": lambda rng, mean: rng.poisson(mean * rng.gamma(2.0, 0.5, len(mean))).astype(float),
    "lumpy": lambda rng, mean: 6.0 * rng.poisson(mean / 6),
    "heavy tail": lambda rng, mean: rng.poisson(mean * np.exp(rng.normal(-0.5, 1.0, len(mean)))).astype(float),
}


def means(rng: np.random.Generator, count: int) -> Floats:
    """Most products sell little, a few sell much."""
    return np.exp(rng.normal(0.5, 1.4, count))


@cache
def errors(kind: str) -> SumErrors:
    rng = np.random.default_rng(1)
    mean = means(rng, 3000)
    return learn(PLANTED[kind](rng, mean), mean)


def stock_for(made: Ladder, level: float) -> int:
    """Lowest stock that is enough with this probability."""
    return int(made.stock_units[np.searchsorted(made.enough_probability, level)])


@pytest.mark.parametrize("kind", PLANTED)
@pytest.mark.parametrize("level", [0.8, 0.9, 0.95, 0.98])
def test_stock_is_enough_as_often_as_promised_and_one_unit_less_is_not(kind: str, level: float) -> None:
    rng = np.random.default_rng(2)
    mean = means(rng, 1500)
    demand = PLANTED[kind](rng, mean)
    stock = np.array([stock_for(ladder(each, errors(kind)), level) for each in mean])
    enough = np.mean(demand <= stock)
    assert enough >= level - 0.02
    assert np.mean(demand <= stock - 1) <= level + 0.02


@pytest.mark.parametrize("kind", ["poisson", "negative binomial"])
def test_the_level_holds_for_slow_and_for_fast_products_alone(kind: str) -> None:
    rng = np.random.default_rng(3)
    for mean in (0.4, 30.0):
        demand = PLANTED[kind](rng, np.full(20_000, mean))
        stock = stock_for(ladder(mean, errors(kind)), 0.95)
        assert np.mean(demand <= stock) >= 0.93
        assert np.mean(demand <= stock - 1) <= 0.965


@pytest.mark.parametrize("kind", ["poisson", "negative binomial"])
def test_expected_shortage_is_that_of_many_draws(kind: str) -> None:
    rng = np.random.default_rng(4)
    for mean in (0.5, 5.0, 60.0):
        made = ladder(mean, errors(kind))
        demand = PLANTED[kind](rng, np.full(200_000, mean))
        for level in (0.3, 0.8, 0.95):
            stock = stock_for(made, level)
            drawn = np.mean(np.maximum(demand - stock, 0))
            assert made.shortage_units[made.stock_units == stock][0] == pytest.approx(drawn, rel=0.25, abs=0.02)


def test_without_a_back_test_demand_is_poisson() -> None:
    unknown = learn(np.empty(0), np.empty(0))
    for mean in (0.1, 3.0, 40.0, 400.0):
        made = ladder(mean, unknown)
        assert made.enough_probability == pytest.approx(poisson.cdf(made.stock_units, mean), abs=0.005)
        exact = [mean * poisson.sf(stock - 1, mean) - stock * poisson.sf(stock, mean) for stock in (0, 1)]
        assert made.shortage_units[[0, 1]] == pytest.approx(exact, rel=0.01, abs=1e-3)


@settings(max_examples=60, deadline=None)
@given(
    mean=st.floats(0.01, 90),
    underage=st.floats(0.1, 50),
    overage=st.floats(0.01, 20),
    kind=st.sampled_from(sorted(PLANTED)),
)
def test_the_critical_ratio_finds_the_cheapest_stock(mean: float, underage: float, overage: float, kind: str) -> None:
    """Newsvendor: no stock costs less than the lowest one that is enough with underage / (underage + overage)."""
    made = ladder(mean, errors(kind))
    left_over = made.stock_units - made.shortage_units[0] + made.shortage_units
    cost = overage * left_over + underage * made.shortage_units
    ratio = underage / (underage + overage)
    assume(ratio <= 0.999)
    chosen = np.searchsorted(made.enough_probability, ratio)
    if made.stock_units[chosen] < 100:
        assert cost[chosen] == pytest.approx(cost[made.stock_units < 100].min(), rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(mean=st.floats(0, 20_000), kind=st.sampled_from(sorted(PLANTED)))
def test_more_stock_is_enough_more_often_and_falls_short_less(mean: float, kind: str) -> None:
    made = ladder(mean, errors(kind))
    assert made.stock_units[0] == 0
    assert np.all(np.diff(made.stock_units) > 0)
    assert np.all(np.diff(made.enough_probability) >= 0)
    assert np.all(np.diff(made.shortage_units) <= 0)
    assert np.all((made.enough_probability >= 0) & (made.enough_probability <= 1) & (made.shortage_units >= 0))
    assert made.enough_probability[-1] >= 0.999
    levels = [stock_for(made, level) for level in (0.5, 0.8, 0.9, 0.99, 0.999)]
    assert levels == sorted(levels)


def back_test(products: int, level_error: float, seed: int) -> pa.Table:
    """Three origins of 28 days at 2 units a day, the forecast right on average and off by the same factor on all days of a product."""
    rng = np.random.default_rng(seed)
    factor = np.exp(rng.normal(-(level_error**2) / 2, level_error, (3, products, 1)))
    units = rng.poisson(2 * factor * np.ones(28))
    origin, product, day = (grid.ravel() for grid in np.meshgrid(range(3), range(products), range(28), indexing="ij"))
    return pa.table(
        {
            "product_id": [f"P{number}" for number in product],
            "as_of_date": pa.array([AS_OF - timedelta(days=28 * (int(number) + 1)) for number in origin], pa.date32()),
            "horizon_days": pa.array(day + 1, pa.int32()),
            "is_censored": np.zeros(len(day), dtype=bool),
            "actual_units": units.ravel().astype(float),
            "mean_units": np.full(len(day), 2.0),
        }
    )


def forecast(**daily: float) -> pa.Table:
    rows = [
        {"product_id": product, "horizon_days": day, "mean_units": units, "as_of_date": AS_OF}
        for product, units in daily.items()
        for day in range(1, 29)
    ]
    return pa.Table.from_pylist(rows, schema=FORECAST)


def terms(**days: tuple[int, int]) -> pa.Table:
    rows = [
        {"product_id": product, "lead_time_days": lead, "protection_days": protection}
        for product, (lead, protection) in days.items()
    ]
    return pa.Table.from_pylist(rows, schema=TERMS)


FORECAST = pa.schema(
    [
        ("product_id", pa.string()),
        ("horizon_days", pa.int32()),
        ("mean_units", pa.float64()),
        ("as_of_date", pa.date32()),
    ]
)
TERMS = pa.schema([("product_id", pa.string()), ("lead_time_days", pa.int32()), ("protection_days", pa.int32())])


def rungs(table: pa.Table, product: str, period: str) -> Ladder:
    rows = [row for row in table.to_pylist() if (row["product_id"], row["period"]) == (product, period)]
    return Ladder(
        *(np.array([row[name] for row in rows]) for name in ("stock_units", "enough_probability", "shortage_units"))
    )


def test_errors_that_persist_widen_a_sum_of_days() -> None:
    """Days that are off together need far more stock than days that are off one by one."""
    steady, drifting = (
        rungs(ladders(forecast(a=2.0), back_test(400, error, 5), terms(a=(7, 14))), "a", "protection")
        for error in (0.0, 0.6)
    )
    assert stock_for(steady, 0.95) == pytest.approx(poisson.ppf(0.95, 28), abs=2)
    drawn = np.random.default_rng(6)
    demand = drawn.poisson(28 * np.exp(drawn.normal(-0.18, 0.6, 50_000)))
    assert np.mean(demand <= stock_for(drifting, 0.95)) == pytest.approx(0.95, abs=0.02)


def test_each_interval_is_learnt_from_sums_of_its_own_length() -> None:
    table = ladders(forecast(a=2.0), back_test(400, 0.0, 7), terms(a=(5, 20)))
    for period, mean in (("lead_time", 10), ("protection", 40)):
        assert rungs(table, "a", period).shortage_units[0] == pytest.approx(mean, rel=0.03)
        assert stock_for(rungs(table, "a", period), 0.9) == pytest.approx(poisson.ppf(0.9, mean), abs=2)


def test_days_without_stock_do_not_teach() -> None:
    rows = back_test(400, 0.0, 8)
    empty = np.random.default_rng(9).random(rows.num_rows) < 0.3
    sold = np.where(empty, 0.0, rows["actual_units"].to_numpy())
    marked = rows.drop_columns(["actual_units", "is_censored"])
    marked = marked.append_column("actual_units", pa.array(sold)).append_column("is_censored", pa.array(empty))
    made = rungs(ladders(forecast(a=2.0), marked, terms(a=(7, 14))), "a", "protection")
    assert made.shortage_units[0] == pytest.approx(28, rel=0.03)


def test_beyond_the_horizon_the_last_week_goes_on() -> None:
    rising = forecast(a=1.0).to_pylist()
    for row in rising:
        row["mean_units"] = 3.0 if row["horizon_days"] > 21 else 1.0
    table = ladders(pa.Table.from_pylist(rising, schema=FORECAST), back_test(100, 0.3, 10), terms(a=(28, 35)))
    forecasts = {row["period"]: row["forecast_units"] for row in table.to_pylist()}
    assert forecasts == {"lead_time": 21 + 21, "protection": 21 + 21 + 21}


def test_a_delivery_at_once_leaves_nothing_to_wait_for() -> None:
    table = ladders(forecast(a=2.0), back_test(10, 0.0, 11), terms(a=(0, 1)))
    at_once = rungs(table, "a", "lead_time")
    assert at_once.stock_units.tolist() == [0]
    assert at_once.enough_probability.tolist() == [1.0]


def test_every_product_has_both_ladders_whatever_there_is_to_learn_from() -> None:
    wanted = terms(a=(3, 10), never=(4, 11), huge=(60, 67))
    for rows in (back_test(50, 0.3, 12), back_test(1, 0.3, 12), back_test(1, 0.3, 12).slice(0, 0)):
        table = ladders(forecast(a=2.0, never=0.0, huge=5000.0), rows, wanted)
        assert table.schema == LEAD_TIME_SCHEMA
        made = {(row["product_id"], row["period"]) for row in table.to_pylist()}
        assert len(made) == 6
    assert stock_for(rungs(table, "never", "protection"), 0.95) == 0
    assert stock_for(rungs(table, "huge", "protection"), 0.95) == pytest.approx(67 * 5000, rel=0.03)


def test_no_products_give_typed_rows() -> None:
    table = ladders(forecast(), back_test(2, 0.3, 13), terms())
    assert table.num_rows == 0
    assert table.schema == LEAD_TIME_SCHEMA


def test_the_order_of_rows_makes_no_difference() -> None:
    rows, wanted = back_test(60, 0.3, 14), terms(a=(3, 10), b=(5, 12))
    backwards = rows.take(pa.array(range(rows.num_rows - 1, -1, -1)))
    assert ladders(forecast(a=2.0, b=0.1), rows, wanted).equals(ladders(forecast(b=0.1, a=2.0), backwards, wanted))


def test_levels_reach_into_the_tail() -> None:
    assert np.all(np.diff(lead_time_demand.LEVELS) > 0)
    assert lead_time_demand.LEVELS[[0, -1]].tolist() == [0.0, 1.0]
