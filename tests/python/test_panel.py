"""Panels: features know nothing of the future, seasons and known-ahead values are found, odd series do no harm; the contest is fair."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from trendhouse.demand import contest
from trendhouse.demand.contest import actuals, compete
from trendhouse.demand.matrix import feature_names, numbers
from trendhouse.demand.panel import Panel, PanelFeatures, day_of, origins_before

RNG_SEED = 5
NOT_KNOWN_BEFORE = {"units"}


def planted(series: int = 12, steps: int = 160, season: int = 12, horizon: int = 6, effect: float = 1.5) -> Panel:
    """Series with a season of 12, a promotion that multiplies demand, and a little noise."""
    rng = np.random.default_rng(RNG_SEED)
    promotion = (rng.random((series, steps + horizon)) < 0.2).astype(float)
    profile = 1 + 0.6 * np.sin(2 * np.pi * np.arange(steps) / season)
    level = np.exp(rng.normal(3, 1, series))[:, None]
    values = level * profile * np.exp(np.log(effect) * promotion[:, :steps] + rng.normal(0, 0.05, (series, steps)))
    names = np.array([f"s{number:03d}" for number in range(series)])
    groups = np.array(["even" if number % 2 == 0 else "odd" for number in range(series)])
    return Panel(names, values, horizon, (season,), {"promotion": promotion}, {"kind": groups}, ("kind",))


def grid(panel: Panel, rows: pa.Table, column: str) -> np.ndarray:
    return numbers(rows, column).reshape(len(panel.names), panel.horizon)


def absolute_error(origin: int, forecast: np.ndarray, actual: np.ndarray) -> float:
    known = ~np.isnan(actual)
    return float(np.mean(np.abs(actual[known] - forecast[known])))


def test_features_know_nothing_of_the_as_of_step_or_later() -> None:
    panel = planted()
    origin = 120
    changed = panel.values.copy()
    changed[:, origin:] = 1_000 + 7 * changed[:, origin:]
    changed[3, origin:] = np.nan
    cut = replace(panel, values=changed)
    before, after = PanelFeatures(panel).at(origin), PanelFeatures(cut).at(origin)
    for name in set(before.column_names) - NOT_KNOWN_BEFORE:
        assert before.column(name).equals(after.column(name)), f"{name} changed with values it could not have known"


def test_training_rows_end_before_the_step_and_hold_what_came() -> None:
    panel = planted()
    rows = PanelFeatures(panel).training_rows(100)
    assert rows.num_rows > 1_000
    assert max(rows.column("target_date").to_pylist()) < day_of(100)
    step = rows.column("target_date").cast(pa.int32()).to_numpy()
    series = np.searchsorted(panel.names, rows.column("product_id").to_numpy(zero_copy_only=False).astype(str))
    assert np.allclose(numbers(rows, "units"), panel.values[series, step])


def test_the_rules_of_thumb_find_a_season() -> None:
    panel = planted(effect=1.0)
    origin = 150
    rows = PanelFeatures(panel).at(origin)
    actual = actuals(panel, origin, panel.steps)
    base, level = (
        absolute_error(origin, grid(panel, rows, name), actual) for name in ("base_units", "moving_average_units")
    )
    assert base < 0.3 * level


def test_a_season_that_is_not_there_is_not_believed() -> None:
    rng = np.random.default_rng(RNG_SEED)
    values = 100 * np.exp(rng.normal(0, 0.3, (20, 160)))
    names = np.array([f"s{number:03d}" for number in range(20)])
    rows = PanelFeatures(Panel(names, values, 6, (12,))).at(160)
    base = numbers(rows, "base_units")
    naive = numbers(rows, "seasonal_naive_units")
    assert np.std(base) < 0.75 * np.std(naive)


def test_several_seasons_work_together() -> None:
    step = np.arange(700)
    values = (10 + 4 * np.sin(2 * np.pi * step / 24)) * (1 + 0.3 * (step % 168 >= 120))
    panel = Panel(np.array(["a", "b"]), np.stack([values, 3 * values]), 48, (24, 168))
    rows = PanelFeatures(panel).at(640)
    actual = actuals(panel, 640, 688)
    assert absolute_error(640, grid(panel, rows, "base_units"), actual) < 0.05 * float(np.mean(actual))


def test_a_moving_feast_looks_back_on_the_feast() -> None:
    steps, horizon = 104, 8
    events = np.full(steps + horizon, "", dtype="U6")
    events[[10, 65, 108]] = "feast"
    values = np.full((1, steps), 10.0)
    values[0, [10, 65]] = 50.0
    panel = Panel(np.array(["a"]), values, horizon, (52,), events=events)
    rows = PanelFeatures(panel).at(steps)
    naive = numbers(rows, "seasonal_naive_units")
    assert naive[108 - steps] == 50.0
    assert np.all(np.delete(naive, 108 - steps) == 10.0)


@pytest.mark.parametrize("steps", [1, 2, 5, 30])
def test_short_constant_empty_and_single_series_do_no_harm(steps: int) -> None:
    for values in (np.zeros((1, steps)), np.full((1, steps), 7.0), np.arange(steps, dtype=float)[None, :]):
        panel = Panel(np.array(["a"]), values, 4, (12,), {"price": np.ones((1, steps + 4))})
        rows = PanelFeatures(panel).at(steps)
        assert rows.num_rows == 4
        assert np.all(np.isfinite(numbers(rows, "moving_average_units")))
        assert np.all(np.isfinite(numbers(rows, "base_units")))
    late = np.full((2, steps + 1), 3.0)
    late[1, :-1] = np.nan
    rows = PanelFeatures(Panel(np.array(["a", "b"]), late, 2, (4,))).at(steps)
    assert set(rows.column("product_id").to_pylist()) == {"a"}, "a series that has not begun has no rows"


def test_negative_values_count_as_nothing_sold() -> None:
    values = np.tile([5.0, -2.0], 20)[None, :]
    rows = PanelFeatures(Panel(np.array(["a"]), values, 2, (2,))).training_rows(40)
    assert min(rows.column("units").to_pylist()) == 0.0


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ValueError, match="sorted"):
        Panel(np.array(["b", "a"]), np.ones((2, 3)), 1)
    with pytest.raises(ValueError, match="price"):
        Panel(np.array(["a"]), np.ones((1, 3)), 2, known={"price": np.ones((1, 3))})
    with pytest.raises(ValueError, match="shortest first"):
        Panel(np.array(["a"]), np.ones((1, 3)), 2, (168, 24))


def test_origins_come_closer_where_the_past_is_short() -> None:
    panel = planted()
    assert list(origins_before(panel, 160, 3)) == [142, 148, 154]
    long = replace(panel, values=panel.values[:, :104], horizon=39, season_lengths=(52,), known={})
    origins = origins_before(long, 104, 4)
    assert len(origins) == 4 and min(origins) > 52 and max(origins) < 104


def test_the_contest_finds_the_planted_promotion_and_chooses_by_the_past(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = planted(series=20, steps=240, effect=2.0)
    wanted = {"lightgbm", "seasonal_naive", "moving_average"}
    few = {name: candidate for name, candidate in contest.candidates().items() if name in wanted}
    monkeypatch.setattr(contest, "candidates", lambda: few)
    origins = [*origins_before(panel, 234, 3), 234]
    rounds = compete(panel, origins, absolute_error, threads=1, is_scale_free=True)
    last = rounds[-1]
    assert rounds[0].champion is None and last.champion not in (None, "seasonal_naive", "moving_average")
    actual = actuals(panel, 234, panel.steps)
    own, naive = (absolute_error(234, last.forecasts[name], actual) for name in (last.champion, "seasonal_naive"))
    assert own < 0.6 * naive
    # What came after the last origin changes neither its forecasts nor its champion.
    values = panel.values.copy()
    values[:, 234:] *= 100
    again = compete(replace(panel, values=values), origins, absolute_error, threads=1, is_scale_free=True)[-1]
    assert again.champion == last.champion
    assert np.allclose(again.forecasts[last.champion], last.forecasts[last.champion])


def test_feature_names_are_features_alone() -> None:
    names = feature_names(PanelFeatures(planted()).at(100).column_names)
    assert "units" not in names and "promotion_change" in names and "kind" in names
