"""The back-test knows at each origin what was known then, and nothing else."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from planted_demand import AS_OF, planted_demand

from trendhouse.artifacts import FITS_SCHEMA, Fit, from_table
from trendhouse.demand import backtest, fits
from trendhouse.demand.candidates import candidates
from trendhouse.demand.candidates.gradient_boosting import GradientBoosting
from trendhouse.evaluation.metrics import wape
from trendhouse.evaluation.splits import rolling_origins, split_at

ORIGINS = [AS_OF - timedelta(days=28 * step) for step in (3, 2, 1)]


@cache
def rows() -> pa.Table:
    table = planted_demand()
    return table.filter(pc.is_valid(table["units"]))


@cache
def trained() -> tuple[Fit, ...]:
    labelled = rows().filter(pc.invert(rows()["is_censored"]))
    return tuple(from_table(fits.train(labelled, AS_OF, FITS_SCHEMA.empty_table(), 2)))


@cache
def back_tested() -> pa.Table:
    return backtest.run(rows(), trained(), AS_OF, 3, 2)


def of(table: pa.Table, algorithm: str, origin: date | None = None) -> pa.Table:
    table = table.filter(pc.equal(table["algorithm"], algorithm))
    return table if origin is None else table.filter(pc.equal(table["as_of_date"], pa.scalar(origin)))


def test_every_candidate_meets_the_same_rows() -> None:
    keys = [
        of(back_tested(), fit.algorithm).select(["product_id", "as_of_date", "target_date", "actual_units"]).to_pylist()
        for fit in trained()
    ]
    assert keys[0] == keys[1] == keys[2]
    assert len(keys[0]) == 3 * 40 * 28
    assert sorted(set(back_tested()["as_of_date"].to_pylist())) == ORIGINS
    assert back_tested().schema == backtest.BACKTEST_SCHEMA


def test_training_rows_are_labels_known_before_the_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[date, bool]] = []
    fit = GradientBoosting.fit

    def spying(self: GradientBoosting, training: pa.Table, *rest: object, **named: object) -> str | None:
        seen.append((pc.max(training["target_date"]).as_py(), pc.any(training["is_censored"]).as_py()))
        return fit(self, training, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(GradientBoosting, "fit", spying)
    backtest.run(rows(), [fit for fit in trained() if fit.algorithm == "lightgbm"], AS_OF, 3, 1)
    assert sorted(seen) == [(origin - timedelta(days=1), False) for origin in ORIGINS]


def test_a_planted_future_signal_is_of_no_use() -> None:
    """The future sells a hundred times more, and the training rows that overlap it say so: no forecast before it moves."""
    origin = ORIGINS[-1]
    table = rows()
    later = pc.greater_equal(table["target_date"], pa.scalar(origin))
    units = pc.if_else(later, pc.multiply(pc.add(table["units"], 1), 100), table["units"])
    changed = table.set_column(table.schema.get_field_index("units"), "units", units)
    lightgbm = [fit for fit in trained() if fit.algorithm == "lightgbm"]
    before, after = (backtest.run(data, lightgbm, AS_OF, 3, 2) for data in (table, changed))
    assert before["mean_units"].equals(after["mean_units"])
    assert not of(before, "lightgbm", origin)["actual_units"].equals(of(after, "lightgbm", origin)["actual_units"])


@pytest.mark.parametrize("algorithm", sorted(candidates()))
def test_quantiles_do_not_cross(algorithm: str) -> None:
    table = of(back_tested(), algorithm)
    p10, p50, p90 = (table[f"p{level}_units"].to_numpy() for level in (10, 50, 90))
    assert (p10 >= 0).all()
    assert (p10 <= p50).all()
    assert (p50 <= p90).all()


@pytest.mark.parametrize("origin", ORIGINS)
def test_quantiles_learnt_at_other_origins_hold_at_this_one(origin: date) -> None:
    """Units are whole numbers, so a tenth at most lies beyond each quantile, give or take chance."""
    table = of(back_tested(), "lightgbm", origin)
    table = table.filter(pc.invert(table["is_censored"]))
    actual = table["actual_units"].to_numpy()
    assert np.mean(actual > table["p90_units"].to_numpy()) == pytest.approx(0.1, abs=0.04)
    assert np.mean(actual < table["p10_units"].to_numpy()) <= 0.14


def test_quantiles_at_an_origin_know_nothing_of_its_actuals() -> None:
    origin = ORIGINS[0]
    table = rows()
    here = pc.equal(table["as_of_date"], pa.scalar(origin))
    units = pc.if_else(here, 77, table["units"])
    changed = table.set_column(table.schema.get_field_index("units"), "units", units)
    naive = [fit for fit in trained() if fit.algorithm == "seasonal_naive"]
    before, after = (of(backtest.run(data, naive, AS_OF, 3, 1), "seasonal_naive", origin) for data in (table, changed))
    assert before["p90_units"].equals(after["p90_units"])


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
    table = backtest.run(late, trained(), AS_OF, 3, 1)
    assert table.num_rows == 0
    assert table.schema == backtest.BACKTEST_SCHEMA


def test_an_origin_where_one_candidate_cannot_learn_is_left_out_for_all() -> None:
    first = min(rows()["as_of_date"].to_pylist())
    as_of_date = first + timedelta(days=28)
    table = backtest.run(rows(), trained(), as_of_date, 1, 1)
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
