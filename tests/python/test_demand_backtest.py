"""The back-test knows at each origin what was known then, and nothing else."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from planted_demand import AS_OF, planted_demand, planted_weeks

from trendhouse.artifacts import FITS_SCHEMA, Fit, from_table
from trendhouse.demand import backtest, fits
from trendhouse.demand.candidates import candidates
from trendhouse.demand.candidates.gradient_boosting import GradientBoosting
from trendhouse.demand.ensembles import ensembles
from trendhouse.demand.history import History, from_weeks
from trendhouse.evaluation.metrics import wape
from trendhouse.evaluation.splits import rolling_origins, split_at

WARM_UP = AS_OF - timedelta(days=28 * 4)
ORIGINS = [AS_OF - timedelta(days=28 * step) for step in (3, 2, 1)]
QUANTILES = [backtest.quantile_column(level) for level in backtest.LEVELS]


@cache
def rows() -> pa.Table:
    table = planted_demand()
    return table.filter(pc.is_valid(table["units"]))


@cache
def history() -> History:
    return from_weeks(planted_weeks())


@cache
def trained() -> tuple[Fit, ...]:
    labelled = rows().filter(pc.invert(rows()["is_censored"]))
    return tuple(from_table(fits.train(labelled, AS_OF, FITS_SCHEMA.empty_table(), 2)))


@cache
def back_tested() -> pa.Table:
    return backtest.run(rows(), history(), trained(), AS_OF, 3, 2)


def of(table: pa.Table, algorithm: str, origin: date | None = None) -> pa.Table:
    table = table.filter(pc.equal(table["algorithm"], algorithm))
    return table if origin is None else table.filter(pc.equal(table["as_of_date"], pa.scalar(origin)))


def test_all_meet_the_same_rows_and_ensembles_none_at_the_warm_up() -> None:
    keys = ["product_id", "as_of_date", "target_date", "demand_class", "actual_units"]
    expected = of(back_tested(), trained()[0].algorithm).select(keys)
    assert expected.num_rows == 4 * 40 * 28
    assert sorted(set(expected["as_of_date"].to_pylist())) == [WARM_UP, *ORIGINS]
    for fit in trained():
        assert of(back_tested(), fit.algorithm).select(keys).equals(expected)
    judged = expected.filter(pc.not_equal(expected["as_of_date"], pa.scalar(WARM_UP)))
    for algorithm in ensembles():
        assert of(back_tested(), algorithm).select(keys).equals(judged)
    assert back_tested().schema == backtest.BACKTEST_SCHEMA
    assert set(back_tested()["fit_key"].to_pylist()) == {trained()[0].fit_key}


def test_the_warm_up_origin_judges_nobody() -> None:
    marked = back_tested().filter(back_tested()["is_warm_up"])
    assert set(marked["as_of_date"].to_pylist()) == {WARM_UP}
    assert marked.num_rows == len(trained()) * 40 * 28


def test_one_origin_judges_the_candidates_and_leaves_no_ensemble() -> None:
    origin = ORIGINS[-1]
    known = rows().filter(
        pc.or_(pc.equal(rows()["as_of_date"], pa.scalar(origin)), pc.less(rows()["as_of_date"], pa.scalar(WARM_UP)))
    )
    table = backtest.run(known, history(), trained(), AS_OF, 3, 1)
    assert set(table["algorithm"].to_pylist()) == {fit.algorithm for fit in trained()}
    assert set(table["as_of_date"].to_pylist()) == {origin}
    assert not pc.any(table["is_warm_up"]).as_py()


def test_training_rows_are_labels_known_before_the_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[date, bool]] = []
    fit = GradientBoosting.fit

    def spying(self: GradientBoosting, training: pa.Table, *rest: object, **named: object) -> str | None:
        seen.append((pc.max(training["target_date"]).as_py(), pc.any(training["is_censored"]).as_py()))
        return fit(self, training, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(GradientBoosting, "fit", spying)
    backtest.run(rows(), history(), [fit for fit in trained() if fit.algorithm == "lightgbm"], AS_OF, 3, 1)
    assert sorted(seen) == [(origin - timedelta(days=1), False) for origin in (WARM_UP, *ORIGINS)]


def test_a_planted_future_signal_is_of_no_use() -> None:
    """The future sells a hundred times more, and the training rows that overlap it say so: no forecast before it moves.

    That holds for the ensembles too: what they learn from is over before the origin.
    """
    origin = ORIGINS[-1]
    table = rows()
    later = pc.greater_equal(table["target_date"], pa.scalar(origin))
    units = pc.if_else(later, pc.multiply(pc.add(table["units"], 1), 100), table["units"])
    changed = table.set_column(table.schema.get_field_index("units"), "units", units)
    before, after = back_tested(), backtest.run(changed, history(), trained(), AS_OF, 3, 2)
    assert before["mean_units"].equals(after["mean_units"])
    assert not of(before, "lightgbm", origin)["actual_units"].equals(of(after, "lightgbm", origin)["actual_units"])


def test_a_history_of_the_future_is_of_no_use() -> None:
    """Weeks after an origin are in the history that the back-test is given, and no forecast sees them."""
    later = History(
        history().products,
        history().known_from,
        np.where(history().known_from > np.datetime64(ORIGINS[0]), 1000.0, history().units),
    )
    after = backtest.run(rows(), later, trained(), AS_OF, 3, 2)
    for algorithm in {fit.algorithm for fit in trained()} | set(ensembles()):
        for column in ("mean_units", "demand_class"):
            before = of(back_tested(), algorithm, ORIGINS[0])
            assert before[column].equals(of(after, algorithm, ORIGINS[0])[column])


@pytest.mark.parametrize("algorithm", [*sorted(candidates()), *sorted(ensembles())])
def test_quantiles_do_not_cross(algorithm: str) -> None:
    table = of(back_tested(), algorithm)
    p10, p50, p90 = (table[f"p{level}_units"].to_numpy() for level in (10, 50, 90))
    assert (p10 >= 0).all()
    assert (p10 <= p50).all()
    assert (p50 <= p90).all()


@pytest.mark.parametrize("origin", ORIGINS)
def test_quantiles_learnt_at_other_origins_hold_at_this_one(origin: date) -> None:
    """Units are whole numbers: a level lies between the share below its quantile and the share at or below it, give or take chance."""
    table = of(back_tested(), "lightgbm", origin)
    table = table.filter(pc.invert(table["is_censored"]))
    actual = table["actual_units"].to_numpy()
    for level in backtest.BACKTEST_LEVELS:
        quantile = table[backtest.quantile_column(level)].to_numpy()
        assert np.mean(actual < quantile) <= level + 0.04
        assert np.mean(actual <= quantile) >= level - 0.04


def test_quantiles_at_an_origin_know_nothing_of_its_actuals() -> None:
    origin = ORIGINS[0]
    table = rows()
    here = pc.equal(table["as_of_date"], pa.scalar(origin))
    units = pc.if_else(here, 77, table["units"])
    changed = table.set_column(table.schema.get_field_index("units"), "units", units)
    naive = [fit for fit in trained() if fit.algorithm == "seasonal_naive"]
    before, after = (
        of(backtest.run(data, history(), naive, AS_OF, 3, 1), "seasonal_naive", origin) for data in (table, changed)
    )
    assert before["p90_units"].equals(after["p90_units"])


def test_the_calibration_check_repeats_the_back_test_with_every_quantile() -> None:
    stored = of(back_tested(), "stacking")
    checked = backtest.calibration_check(stored)
    assert checked.schema == backtest.CALIBRATION_SCHEMA
    assert checked.num_rows == stored.num_rows
    for column in ("p10_units", "p50_units", "p90_units", "mean_units", "is_warm_up"):
        assert checked[column].equals(stored[column])
    quantiles = np.column_stack([checked[column].to_numpy() for column in QUANTILES])
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert backtest.calibration_check(stored.slice(0, 0)).schema == backtest.CALIBRATION_SCHEMA


def test_the_learner_beats_both_baselines_at_every_origin() -> None:
    for origin in ORIGINS:
        error = {}
        for algorithm in candidates():
            table = of(back_tested(), algorithm, origin)
            table = table.filter(pc.invert(table["is_censored"]))
            error[algorithm] = wape(table["actual_units"].to_numpy(), table["mean_units"].to_numpy())
        assert error["lightgbm"] < min(error["moving_average"], error["seasonal_naive"])


def test_a_history_too_short_for_an_origin_gives_zero_typed_rows() -> None:
    late = rows().filter(pc.greater(rows()["as_of_date"], pa.scalar(ORIGINS[-1])))
    table = backtest.run(late, history(), trained(), AS_OF, 3, 1)
    assert table.num_rows == 0
    assert table.schema == backtest.BACKTEST_SCHEMA


def test_an_origin_where_one_candidate_cannot_learn_is_left_out_for_all() -> None:
    first = min(rows()["as_of_date"].to_pylist())
    as_of_date = first + timedelta(days=28)
    table = backtest.run(rows(), history(), trained(), as_of_date, 1, 1)
    assert table.num_rows == 0


def test_a_training_is_tested_once() -> None:
    described = [{"fit_id": "a"}, {"fit_id": "b"}]
    assert backtest.untested(described, pa.table({"fit_id": ["z"]})) == ["a", "b"]
    assert backtest.untested(described, pa.table({"fit_id": ["b", "b"]})) == []


def test_origins_are_whole_steps_back_and_have_features() -> None:
    weekly = [AS_OF - timedelta(days=7 * week) for week in range(9)]
    assert rolling_origins(AS_OF, weekly, 3, 28) == [AS_OF - timedelta(days=56), AS_OF - timedelta(days=28)]


def test_a_split_has_no_row_of_the_future_in_training() -> None:
    for origin in ORIGINS:
        split = split_at(rows(), origin)
        assert pc.max(split.training["target_date"]).as_py() < origin
        assert pc.min(split.test["target_date"]).as_py() == origin
        assert set(split.test["as_of_date"].to_pylist()) == {origin}
