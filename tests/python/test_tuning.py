"""Tuning finds a planted optimum, never looks past a fold's origin, and costs nothing when it is off."""

from __future__ import annotations

import builtins
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_demand import AS_OF, planted_demand

from trendhouse import training
from trendhouse.demand import tuning
from trendhouse.demand.candidates import candidates
from trendhouse.demand.search_space import Choices, Integers, Numbers, SearchSpace, with_values
from trendhouse.demand.tuning import SAMPLERS, TRIALS_SCHEMA, best_parameters, tune

NOTHING = TRIALS_SCHEMA.empty_table()
BEST = {"depth": 6, "rate": 0.1, "kind": "right"}


@cache
def rows() -> pa.Table:
    table = planted_demand(products=20, weeks=30)
    return table.filter(pc.and_(pc.is_valid(table["units"]), pc.invert(pc.fill_null(table["is_censored"], False))))


@dataclass
class Surface:
    """A candidate whose forecasts are the further off, the further its parameters are from BEST."""

    algorithm: str = "surface"
    is_baseline: bool = False
    seen: list[tuple[date, date]] = field(default_factory=list)

    def parameters(self) -> Mapping[str, Any]:
        return {"version": 1, "depth": 20, "rate": 0.9, "nested": {"kind": "wrong"}}

    def search_space(self) -> SearchSpace:
        return {
            "depth": Integers(2, 20, log=True),
            "rate": Numbers(0.01, 1.0, log=True),
            "nested.kind": Choices(("wrong", "right")),
        }

    def fit(self, rows: pa.Table, features: Sequence[str], parameters: Mapping[str, Any], threads: int) -> str | None:
        self.seen.append((pc.max(rows["target_date"]).as_py(), pc.max(rows["as_of_date"]).as_py()))
        miss = (np.log(parameters["depth"] / BEST["depth"]) / 2) ** 2 + (
            np.log(parameters["rate"] / BEST["rate"]) / 3
        ) ** 2
        return str(miss + 0.3 * (parameters["nested"]["kind"] != BEST["kind"]))

    def load(self, artifact: str) -> Surface:
        self.miss = float(artifact)
        return self

    def predict(self, rows: pa.Table, history: object) -> np.ndarray:
        return np.asarray(rows["units"].to_numpy() * (1 + self.miss), dtype=float)

    def contributions(self, rows: pa.Table, history: object) -> tuple[Sequence[str], np.ndarray]:
        raise NotImplementedError


def tuned(sampler: str, trials: int, surface: Surface | None = None, previous: pa.Table = NOTHING) -> pa.Table:
    surface = surface or Surface()
    return tune(rows(), {"surface": surface}, AS_OF, 1, sampler, trials, previous, 1)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_each_sampler_comes_near_the_planted_optimum(sampler: str) -> None:
    table = tuned(sampler, 30)
    assert table.schema == TRIALS_SCHEMA
    scores = dict(zip(table["trial"].to_pylist(), table["mean_score"].to_pylist(), strict=True))
    (best,) = table.filter(table["is_best"]).to_pylist()
    assert best["mean_score"] == min(scores.values()) < 0.15 < scores[0]
    assert json.loads(best["changed_parameters"])["nested.kind"] == "right"
    assert table["sampler"].to_pylist() == ["default"] + [sampler] * (table.num_rows - 1)


def test_a_grid_is_tried_once_and_whole() -> None:
    table = tuned("grid", 100)
    points = [tuple(json.loads(text).values()) for text in table["changed_parameters"].to_pylist()[1:]]
    assert len(points) == len(set(points)) == 3 * 3 * 2


def test_bayesian_search_is_no_worse_than_random_search_on_average(monkeypatch: pytest.MonkeyPatch) -> None:
    best: dict[str, list[float]] = {"bayesian": [], "random": []}
    for seed in range(6):
        monkeypatch.setattr(tuning, "SEED", seed)
        for sampler, found in best.items():
            found.append(min(tuned(sampler, 25)["mean_score"].to_pylist()))
    assert np.mean(best["bayesian"]) <= np.mean(best["random"])


def test_the_score_is_the_wape_of_product_weeks() -> None:
    table = tuned("random", 1)
    miss = float(Surface().fit(rows(), [], Surface().parameters(), 1) or "nan")
    assert table["mean_score"][0].as_py() == pytest.approx(miss)


def test_folds_train_on_labels_known_at_their_origin_and_end_before_the_judged_days() -> None:
    surface = Surface()
    table = tuned("random", 2, surface)
    origins = [date.fromisoformat(text) for text in json.loads(table["fold_origins"][0].as_py())]
    # One origin is judged, one warms the quantiles up: both and their days are out of bounds.
    assert origins == [AS_OF - timedelta(days=28 * step) for step in (5, 4, 3)]
    assert [last_label for last_label, _ in surface.seen] == [origin - timedelta(days=1) for origin in origins] * 3
    assert all(last_row < origin for (_, last_row), origin in zip(surface.seen[:3], origins, strict=True))


def test_labels_of_the_days_that_are_judged_make_no_difference() -> None:
    table = rows()
    judged = pc.greater_equal(table["target_date"], pa.scalar(AS_OF - timedelta(days=56)))
    changed = table.set_column(table.schema.get_field_index("units"), "units", pc.if_else(judged, 1000, table["units"]))
    other = tune(changed, {"surface": Surface()}, AS_OF, 1, "random", 3, NOTHING, 1)
    assert other.drop(["trained_at"]).equals(tuned("random", 3).drop(["trained_at"]))


def test_the_best_parameters_serve_until_the_algorithm_changes() -> None:
    table, default = tuned("bayesian", 30), Surface().parameters()
    best = best_parameters(table, "surface", default, AS_OF)
    assert best["nested"]["kind"] == "right" and best["version"] == 1
    assert best_parameters(NOTHING, "surface", default, AS_OF) == default
    assert best_parameters(table, "lightgbm", default, AS_OF) == default
    assert best_parameters(table, "surface", default, AS_OF - timedelta(days=1)) == default, "was still to come"
    changed = {**default, "version": 2}
    assert best_parameters(table, "surface", changed, AS_OF) == changed


def test_the_same_search_is_made_once() -> None:
    table = tuned("random", 3)
    assert tuned("random", 3, previous=table).num_rows == 0
    wanted = tuning.settings({"surface": Surface()}, rows().column_names, 1, "random", 3)
    assert not training.decide("auto", 7, AS_OF, tuning.history(table), wanted).trains
    other = tuning.settings({"surface": Surface()}, rows().column_names, 1, "grid", 3)
    assert training.decide("auto", 7, AS_OF, tuning.history(table), other).trains


def test_only_candidates_with_a_space_are_searched() -> None:
    assert "lightgbm" in tuning.tunable(candidates())
    assert "moving_average" not in tuning.tunable(candidates())


def test_lightgbm_can_be_searched() -> None:
    lightgbm = {"lightgbm": candidates()["lightgbm"]}
    table = tune(rows(), lightgbm, AS_OF, 1, "random", 2, NOTHING, 2)
    assert table.num_rows == 3
    assert all(0 < score < 2 for score in table["mean_score"].to_pylist())


@pytest.mark.parametrize("algorithm", sorted(tuning.tunable(candidates())))
def test_declared_spaces_hold_the_defaults_and_name_parameters_that_exist(algorithm: str) -> None:
    candidate = candidates()[algorithm]
    for path, ranged in candidate.search_space().items():  # type: ignore[attr-defined]
        default: Any = candidate.parameters()
        for name in path.split("."):
            default = default[name]
        assert default in ranged.values if isinstance(ranged, Choices) else ranged.low <= default <= ranged.high, path


def test_a_history_too_short_for_a_fold_gives_zero_typed_rows() -> None:
    for table in (
        rows().slice(0, 0),
        rows().filter(pc.greater(rows()["as_of_date"], pa.scalar(AS_OF - timedelta(days=60)))),
    ):
        found = tune(table, {"surface": Surface()}, AS_OF, 1, "random", 2, NOTHING, 1)
        assert found.num_rows == 0 and found.schema == TRIALS_SCHEMA


def test_an_unknown_sampler_and_a_missing_optuna_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ValueError, match="trendhouse_demand_tuning is 'annealing'; choose none or one of grid, random, bayesian"
    ):
        tuned("annealing", 1)
    real = builtins.__import__

    def without_optuna(name: str, *rest: Any, **named: Any) -> Any:
        if name == "optuna":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without_optuna)
    with pytest.raises(ImportError, match=r"pip install 'trendhouse\[tuning\]'"):
        tuned("random", 1)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 50), st.integers(0, 500), st.integers(1, 6), st.booleans())
def test_grids_stay_within_their_range_and_reach_both_ends(low: int, width: int, points: int, log: bool) -> None:
    for ranged in (Integers(low, low + width, log), Numbers(low, low + width, log)):
        grid = ranged.grid(points)
        assert len(grid) <= points and all(low <= value <= low + width for value in grid)
        assert grid[0] == low
        if points > 1:
            assert grid[-1] == low + width


def test_values_go_where_their_paths_lead_and_nowhere_else() -> None:
    default = {"a": 1, "b": {"c": 2, "d": 3}}
    assert with_values(default, {"b.c": 9}) == {"a": 1, "b": {"c": 9, "d": 3}}
    assert default == {"a": 1, "b": {"c": 2, "d": 3}}
    with pytest.raises(KeyError, match=r"b\.e is no parameter"):
        with_values(default, {"b.e": 1})
