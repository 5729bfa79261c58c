"""Every demand algorithm: forecasts are finite and not negative, a fit is deterministic and survives its artifact."""

from __future__ import annotations

import json
from datetime import date
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from planted_demand import AS_OF, planted_demand, planted_weeks

from trendhouse.demand.candidates import candidates
from trendhouse.demand.history import History, from_weeks
from trendhouse.demand.matrix import (
    KEYS,
    LARGEST_FACTOR,
    LEAST_ROWS,
    base_units,
    feature_names,
    learn_encoding,
    numbers,
)
from trendhouse.evaluation.metrics import wape

ALGORITHMS = sorted(candidates())
LIGHTGBM = candidates()["lightgbm"]


@cache
def planted() -> pa.Table:
    return planted_demand()


@cache
def history() -> History:
    return from_weeks(planted_weeks())


@cache
def labelled() -> pa.Table:
    rows = planted()
    keep = pc.and_(pc.is_valid(rows["units"]), pc.invert(pc.fill_null(rows["is_censored"], False)))
    return rows.filter(keep).sort_by([(key, "ascending") for key in KEYS])


@cache
def fitted(algorithm: str) -> str:
    candidate = candidates()[algorithm]
    artifact = candidate.fit(labelled(), feature_names(labelled().column_names), candidate.parameters(), 1)
    assert artifact is not None
    return artifact


def test_baselines_and_a_learner_compete() -> None:
    assert {"lightgbm", "moving_average", "seasonal_naive"} <= set(ALGORITHMS)
    assert {"base_level", "moving_average", "seasonal_naive"} == {
        name for name in ALGORITHMS if candidates()[name].is_baseline
    }


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_forecasts_are_finite_and_not_negative(algorithm: str) -> None:
    predicted = candidates()[algorithm].load(fitted(algorithm)).predict(planted(), history())
    assert predicted.shape == (planted().num_rows,)
    assert np.isfinite(predicted).all()
    assert (predicted >= 0).all()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_artifact_is_json_and_predicts_the_same_every_time_it_is_loaded(algorithm: str) -> None:
    artifact = fitted(algorithm)
    assert json.loads(artifact)
    first, second = (candidates()[algorithm].load(artifact).predict(planted(), history()) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_no_rows_give_no_forecasts(algorithm: str) -> None:
    forecaster = candidates()[algorithm].load(fitted(algorithm))
    assert forecaster.predict(planted().slice(0, 0), history()).shape == (0,)
    features, units = forecaster.contributions(planted().slice(0, 0), history())
    assert units.shape == (0, len(features))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_forecasts_of_a_row_do_not_depend_on_the_rows_beside_it(algorithm: str) -> None:
    forecaster = candidates()[algorithm].load(fitted(algorithm))
    np.testing.assert_array_equal(
        forecaster.predict(planted(), history())[100:200], forecaster.predict(planted().slice(100, 100), history())
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_same_rows_give_the_same_bytes_on_any_number_of_threads(algorithm: str) -> None:
    candidate = candidates()[algorithm]
    again = candidate.fit(labelled(), feature_names(labelled().column_names), candidate.parameters(), 2)
    assert again == fitted(algorithm)


def test_the_learner_finds_the_planted_laws() -> None:
    """Weekends sell 1.8 times as much, toys on discount 2.5 times; nothing else does on discount. Shrinkage takes a part."""
    rows = labelled().filter(pc.equal(labelled()["as_of_date"], pa.scalar(date(2025, 2, 1))))
    forecaster = LIGHTGBM.load(fitted("lightgbm"))

    def factor(where: pa.Array, change: dict[str, object], base: dict[str, object]) -> float:
        chosen = rows.filter(where)

        def having(values: dict[str, object]) -> np.ndarray:
            table = chosen
            for name, value in values.items():
                kind = table.schema.field(name).type
                table = table.set_column(
                    table.schema.get_field_index(name), name, pa.array([value] * table.num_rows, type=kind)
                )
            return forecaster.predict(table, history())

        return float(having(change).sum() / having(base).sum())

    toys = pc.equal(rows["category"], "toys")
    off, on = {"discount_rate": 0.0}, {"discount_rate": 0.3}
    assert 1.8 < factor(toys, on, off) < 2.7
    assert factor(pc.invert(toys), on, off) == pytest.approx(1.0, abs=0.15)
    weekday, weekend = {"is_weekend": False, "day_of_week": 3}, {"is_weekend": True, "day_of_week": 6}
    assert factor(toys, weekend, weekday) == pytest.approx(1.8, rel=0.15)


def test_the_learner_beats_the_baselines_on_what_it_has_not_seen() -> None:
    rows = labelled()
    late = pc.greater_equal(rows["as_of_date"], pa.scalar(date(2025, 1, 15)))
    known = pc.less(rows["target_date"], pa.scalar(date(2025, 1, 15)))
    test = rows.filter(late)
    actual = numbers(test, "units")
    errors = {}
    for algorithm, candidate in candidates().items():
        artifact = candidate.fit(rows.filter(known), feature_names(rows.column_names), candidate.parameters(), 1)
        assert artifact is not None
        errors[algorithm] = wape(actual, candidate.load(artifact).predict(test, history()))
    assert errors["lightgbm"] < 0.95 * min(errors["moving_average"], errors["seasonal_naive"])


def test_contributions_of_the_learner_add_up_to_forecast_less_start() -> None:
    rows = planted().slice(0, 300)
    forecaster = LIGHTGBM.load(fitted("lightgbm"))
    _, units = forecaster.contributions(rows, history())
    start_factor = (forecaster.predict(rows, history()) - units.sum(axis=1)) / base_units(rows)
    np.testing.assert_allclose(start_factor, start_factor[0], rtol=1e-4)


def test_too_little_to_learn_from_gives_no_learner_but_baselines() -> None:
    few = labelled().slice(0, LEAST_ROWS - 1)
    silent = labelled().set_column(
        labelled().schema.get_field_index("units"), "units", pa.array([0] * labelled().num_rows)
    )
    for rows in (few, silent):
        names = feature_names(rows.column_names)
        assert LIGHTGBM.fit(rows, names, LIGHTGBM.parameters(), 1) is None
        baseline = candidates()["moving_average"]
        assert baseline.fit(rows, names, baseline.parameters(), 1) is not None


def test_one_mistyped_quantity_bends_nothing() -> None:
    rows = labelled()
    units = rows["units"].to_numpy().copy()
    units[7] = 1_000_000
    spoiled = rows.set_column(rows.schema.get_field_index("units"), "units", pa.array(units))
    artifact = LIGHTGBM.fit(spoiled, feature_names(rows.column_names), LIGHTGBM.parameters(), 1)
    assert artifact is not None
    before, after = (LIGHTGBM.load(text).predict(planted(), history()) for text in (fitted("lightgbm"), artifact))
    assert after.sum() == pytest.approx(before.sum(), rel=0.02)
    assert (after <= LARGEST_FACTOR * np.maximum(base_units(planted()), 1)).all()


def test_an_unknown_category_and_missing_values_are_forecast_all_the_same() -> None:
    rows = planted().slice(0, 50)
    for name in ("category", "discount_rate", "base_units"):
        kind = rows.schema.field(name).type
        rows = rows.set_column(rows.schema.get_field_index(name), name, pa.nulls(50, type=kind))
    assert np.isfinite(LIGHTGBM.load(fitted("lightgbm")).predict(rows, history())).all()


def test_a_feature_that_is_no_number_is_refused_by_name() -> None:
    rows = labelled().append_column("launched", pa.array([AS_OF] * labelled().num_rows))
    with pytest.raises(TypeError, match="Feature launched has the type date32"):
        learn_encoding(rows, ["launched"]).matrix(rows)


def test_text_levels_do_not_depend_on_the_order_of_rows() -> None:
    rows = labelled()
    backwards = rows.take(pa.array(range(rows.num_rows - 1, -1, -1)))
    assert learn_encoding(rows, ["category"]) == learn_encoding(backwards, ["category"])


def test_a_baseline_fills_gaps_of_its_column() -> None:
    rows = pa.table({"seasonal_naive_units": [2.0, None, None], "moving_average_units": [9.0, 3.0, None]})
    candidate = candidates()["seasonal_naive"]
    artifact = candidate.fit(rows, [], candidate.parameters(), 1)
    assert artifact is not None
    assert candidate.load(artifact).predict(rows, history()).tolist() == [2.0, 3.0, 0.0]
