"""What each kind of demand method does that the others do not: local ones continue a series, linear ones and trees add up."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from planted_demand import AS_OF, planted_demand, planted_weeks

from trendhouse.demand.candidate import Forecaster
from trendhouse.demand.candidates import candidates
from trendhouse.demand.history import History, from_weeks
from trendhouse.demand.matrix import KEYS, LABEL, base_units, feature_names, numbers, thinned
from trendhouse.demand.segments import classes_of

LOCAL = ("croston", "exponential_smoothing", "theta", "tsb")
ADDITIVE = ("decision_tree", "linear_regression", "lightgbm_quantile", "random_forest")


@cache
def labelled() -> pa.Table:
    rows = planted_demand()
    keep = pc.and_(pc.is_valid(rows["units"]), pc.invert(pc.fill_null(rows["is_censored"], False)))
    return rows.filter(keep).sort_by([(key, "ascending") for key in KEYS])


@cache
def history() -> History:
    return from_weeks(planted_weeks())


@cache
def forecaster(algorithm: str) -> Forecaster:
    candidate = candidates()[algorithm]
    artifact = candidate.fit(labelled(), feature_names(labelled().column_names), candidate.parameters(), 1)
    assert artifact is not None
    return candidate.load(artifact)


def series(values: list[float]) -> History:
    """One product P with these mean daily units in its last weeks."""
    ends = np.array(
        [AS_OF - timedelta(days=7 * back) for back in range(len(values) - 1, -1, -1)], dtype="datetime64[D]"
    )
    return History(np.array(["P"]), ends, np.array([values], dtype=float))


def days_ahead(*horizons: int) -> pa.Table:
    return pa.table(
        {
            "product_id": ["P"] * len(horizons),
            "as_of_date": pa.array([AS_OF] * len(horizons), type=pa.date32()),
            "horizon_days": pa.array(horizons, type=pa.int32()),
        }
    )


@pytest.mark.parametrize("algorithm", LOCAL)
def test_a_level_series_goes_on_at_its_level(algorithm: str) -> None:
    forecast = forecaster(algorithm).predict(days_ahead(1, 14, 28), series([2.0] * 30))
    np.testing.assert_allclose(forecast, 2.0, rtol=1e-6)


@pytest.mark.parametrize("algorithm", LOCAL)
def test_a_local_method_knows_nothing_of_the_weeks_after_the_as_of_date(algorithm: str) -> None:
    origin = AS_OF - timedelta(days=56)
    rows = planted_demand().filter(pc.equal(planted_demand()["as_of_date"], pa.scalar(origin)))
    whole = history()
    later = whole.known_from > np.datetime64(origin)
    changed = History(whole.products, whole.known_from, np.where(later, 1e6, whole.units))
    before, after = (forecaster(algorithm).predict(rows, known) for known in (whole, changed))
    np.testing.assert_array_equal(before, after)
    assert later.sum() == 8


@pytest.mark.parametrize("algorithm", LOCAL)
@pytest.mark.parametrize("values", [[], [3.0], [0.0] * 20, [np.nan] * 3, [np.nan, 1.0, np.nan, 2.0], [1.0, 0.0] * 12])
def test_short_silent_and_broken_series_have_forecasts(algorithm: str, values: list[float]) -> None:
    forecast = forecaster(algorithm).predict(days_ahead(1, 28), series(values))
    assert np.isfinite(forecast).all()
    assert (forecast >= 0).all()


def test_after_silence_tsb_fades_and_croston_stays() -> None:
    selling = [4.0, 0.0, 4.0, 4.0, 0.0, 4.0] * 4
    silent = [*selling, *[0.0] * 20]
    rows = days_ahead(1)
    for algorithm, fades in (("tsb", True), ("croston", False)):
        before, after = (forecaster(algorithm).predict(rows, series(values))[0] for values in (selling, silent))
        assert (after < 0.3 * before) == fades


@pytest.mark.parametrize("algorithm", ["exponential_smoothing", "theta"])
def test_a_planted_season_is_continued(algorithm: str) -> None:
    wave = 10 + 5 * np.sin(2 * np.pi * np.arange(96) / 12)
    ends = np.array([AS_OF - timedelta(days=back) for back in range(95, -1, -1)], dtype="datetime64[D]")
    seasonal = History(np.array(["P"]), ends, wave[None, :], period_days=1, season_lengths=(12,))
    forecast = forecaster(algorithm).predict(days_ahead(*range(1, 13)), seasonal)
    np.testing.assert_allclose(forecast, wave[:12], atol=1.0)


@pytest.mark.parametrize("algorithm", ADDITIVE)
def test_contributions_and_one_start_value_per_level_make_the_forecast(algorithm: str) -> None:
    rows = planted_demand().slice(0, 400)
    predicted = forecaster(algorithm).predict(rows, history())
    _, units = forecaster(algorithm).contributions(rows, history())
    inside = predicted > 0
    start = (predicted - units.sum(axis=1))[inside] / base_units(rows)[inside]
    np.testing.assert_allclose(start, start[0], rtol=1e-6)


@pytest.mark.parametrize("algorithm", ADDITIVE)
def test_forecasts_add_up_to_what_was_sold_where_it_was_learnt(algorithm: str) -> None:
    predicted = forecaster(algorithm).predict(labelled(), history()).sum()
    assert predicted == pytest.approx(numbers(labelled(), LABEL).sum(), rel=0.01)


def test_missing_values_and_unknown_levels_leave_a_linear_forecast_near_the_level() -> None:
    rows = planted_demand().slice(0, 50)
    for name in feature_names(rows.column_names):
        if name != "base_units":
            kind = rows.schema.field(name).type
            rows = rows.set_column(rows.schema.get_field_index(name), name, pa.nulls(50, type=kind))
    ratio = forecaster("linear_regression").predict(rows, history()) / base_units(rows)
    np.testing.assert_allclose(ratio, 1.0, atol=0.6)


def test_thinning_keeps_order_and_the_limit() -> None:
    thin = thinned(labelled(), 1_000)
    assert 500 < thin.num_rows <= 1_000
    assert thin.column("product_id").to_pylist() == sorted(thin.column("product_id").to_pylist())
    assert thinned(labelled(), 10**9) is labelled()


def test_weeks_become_a_matrix_with_silence_as_zero() -> None:
    weeks = pa.table(
        {
            "product_id": ["B", "A", "A", "B"],
            "as_of_date": pa.array([date(2025, 1, 8), date(2025, 1, 22), date(2025, 1, 1), date(2025, 1, 15)]),
            "days_observed": [7, 7, 2, 0],
            "clean_units": [14.0, 7.0, 6.0, None],
        }
    )
    found = from_weeks(weeks)
    assert found.products.tolist() == ["A", "B"]
    np.testing.assert_array_equal(found.units, [[3, 0, 0, 1], [np.nan, 2, np.nan, 0]])
    assert found.before(date(2025, 1, 14)).units.shape == (2, 2)
    np.testing.assert_array_equal(found.series_of(np.array(["B", "C"]))[1], [np.nan] * 4)


def test_demand_classes_follow_interval_and_variation() -> None:
    smooth, erratic = [5.0, 6.0] * 13, [1.0, 20.0, 1.0, 1.0] * 6 + [1.0, 1.0]
    seldom, lumpy = [3.0, 0.0] * 13, [1.0, 0.0, 0.0, 30.0, 0.0, 1.0, 0.0] * 3 + [0.0] * 5
    new = [np.nan] * 22 + [4.0] * 4
    classes = classes_of(np.array([smooth, erratic, seldom, lumpy, new]))
    assert classes.tolist() == ["smooth", "erratic", "intermittent", "lumpy", "new"]
