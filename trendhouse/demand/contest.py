"""The contest on a panel: every candidate forecasts at every origin, ensembles learn from earlier origins, the least error wins.

The same candidates and ensembles as in the warehouse, and the same rules: an algorithm is judged on forecasts that it made out of sample, a
champion is chosen by what was known when it is needed, and the first origin serves the ensembles alone.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from trendhouse.demand.backtest import WARM_UP_ORIGINS, with_demand_class
from trendhouse.demand.candidates import candidates
from trendhouse.demand.ensembles import ensembles
from trendhouse.demand.history import Floats
from trendhouse.demand.matrix import feature_names, numbers
from trendhouse.demand.panel import Panel, PanelFeatures, day_of
from trendhouse.demand.product_weeks import product_weeks
from trendhouse.evaluation.splits import split_at

Metric = Callable[[int, Floats, Floats], float]
"""As-of step, forecasts (series, horizon), actuals (series, horizon; NaN where unknown or not judged) -> error, the less the better."""

# Candidates forecast means, which serve squared errors. What serves another error best may be lower or higher, by one of these factors.
FACTORS = tuple(step / 20 for step in range(10, 24))


@dataclass(frozen=True)
class Round:
    """One origin: forecasts (series, horizon) by algorithm, their errors at the origins before, and the champion by these.

    `champion` is None at origins that have no judged origin before them. `seconds` is what each algorithm took, fit and forecast.
    """

    origin: int
    forecasts: dict[str, Floats]
    errors: dict[str, float]
    champion: str | None
    seconds: dict[str, float]


@dataclass(frozen=True)
class _Forecasts:
    """What the candidates forecast at one origin: `context` (rows) and forecasts (rows,) by algorithm."""

    origin: int
    context: pa.Table
    units: dict[str, Floats]


def compete(
    panel: Panel, origins: Sequence[int], metric: Metric, threads: int, is_scale_free: bool, without: Sequence[str] = ()
) -> list[Round]:
    """Forecasts of all algorithms (but those `without`) at each origin (as-of steps, oldest first), chosen among by `metric`.

    With `is_scale_free` every series counts the same: it is learnt in units of its own mean. Otherwise large series count more, as they
    do where money is summed. A candidate that finds too little to learn from at an origin is absent there.
    """
    unit = _units(panel, max(origins)) if is_scale_free else np.ones(len(panel.names))
    scaled = replace(panel, values=panel.values / unit[:, None])
    features = PanelFeatures(scaled)
    sample = features.training_rows(max(origins))
    made: list[_Forecasts] = []
    means: list[Round] = []
    rounds: list[Round] = []
    for origin in origins:
        here, seconds = _at_origin(scaled, features, sample, origin, threads, without)
        combined = _combined(made, here, seconds)
        mean = {name: _grid(panel, here.context, units) * unit[:, None] for name, units in combined.items()}
        forecasts = {name: units * _factor(panel, means, name, origin, metric) for name, units in mean.items()}
        errors = _errors(panel, rounds[WARM_UP_ORIGINS:], origin, metric)
        judged = [name for name in errors if name in forecasts]
        # On equal errors the simpler one: an ensemble may come down to one of its members.
        champion = min(judged, key=lambda name: (errors[name], name in ensembles(), name)) if judged else None
        made.append(here)
        means.append(Round(origin, mean, errors, champion, seconds))
        rounds.append(Round(origin, forecasts, errors, champion, seconds))
    return rounds


def _units(panel: Panel, before_step: int) -> Floats:
    """Mean size of each series (series,), a mere unit of measure; 1 where it has none."""
    values = np.abs(panel.values[:, :before_step])
    seen = ~np.isnan(values)
    total, count = np.where(seen, values, 0.0).sum(axis=1), seen.sum(axis=1)
    return np.where(total > 0, total / np.maximum(count, 1), 1.0)


def _at_origin(
    panel: Panel, features: PanelFeatures, sample: pa.Table, origin: int, threads: int, without: Sequence[str]
) -> tuple[_Forecasts, dict[str, float]]:
    """Forecasts of the candidates at one origin, fitted on what was known there, and the seconds each took."""
    rows = features.at(origin)
    training = split_at(sample, day_of(origin)).training
    history = panel.history(origin)
    units, seconds = {}, {}
    for name, candidate in candidates().items():
        if name in without:
            continue
        started = time.monotonic()
        artifact = candidate.fit(training, feature_names(rows.column_names), candidate.parameters(), threads)
        if artifact is not None:
            units[name] = candidate.load(artifact).predict(rows, history)
        seconds[name] = time.monotonic() - started
    context = rows.select(["product_id", "as_of_date", "target_date", "horizon_days", "units"])
    return _Forecasts(origin, with_demand_class(context, history), units), seconds


def _combined(made: Sequence[_Forecasts], here: _Forecasts, seconds: dict[str, float]) -> dict[str, Floats]:
    """Forecasts (rows,) at an origin, those of the ensembles among them, learnt from what was known of the origins before."""
    forecasts = dict(here.units)
    members = sorted(set(here.units).intersection(*(part.units for part in made)))
    if not made or not members:
        return forecasts
    contexts, matrices = [], []
    for part in made:
        target = part.context.column("target_date").to_numpy().astype("datetime64[D]").astype(np.int64)
        known = (target < here.origin) & ~np.isnan(numbers(part.context, "units"))
        contexts.append(part.context.filter(pa.array(known)))
        matrices.append(np.column_stack([part.units[name][known] for name in members]))
    context = pa.concat_tables(contexts)
    weeks = product_weeks(np.vstack(matrices), numbers(context, "units"), context)
    if weeks is None:
        return forecasts
    for name, ensemble in ensembles().items():
        started = time.monotonic()
        artifact = ensemble.fit(members, weeks, ensemble.parameters())
        if artifact is not None:
            combination = ensemble.load(artifact)
            there = np.column_stack([here.units[member] for member in combination.members])
            forecasts[name] = np.asarray((there * combination.weights(here.context)).sum(axis=1))
        seconds[name] = time.monotonic() - started
    return forecasts


def _grid(panel: Panel, rows: pa.Table, units: Floats) -> Floats:
    """Forecasts (rows,) as (series, horizon); NaN for a series that has not begun."""
    grid = np.full((len(panel.names), panel.horizon), np.nan)
    products = np.asarray(rows.column("product_id").to_pylist(), dtype=np.str_)
    grid[np.searchsorted(panel.names, products), rows.column("horizon_days").to_numpy() - 1] = units
    return grid


def actuals(panel: Panel, origin: int, before_step: int) -> Floats:
    """Values (series, horizon) that followed an as-of step, as they are; NaN from `before_step` on."""
    found = np.full((len(panel.names), panel.horizon), np.nan)
    length = max(min(panel.horizon, before_step - origin, panel.steps - origin), 0)
    found[:, :length] = panel.values[:, origin : origin + length]
    return found


def _factor(panel: Panel, rounds: Sequence[Round], name: str, origin: int, metric: Metric) -> float:
    """The factor that would have served an algorithm's forecasts best at the rounds before an origin; 1 before there are two."""
    past = [item for item in rounds if name in item.forecasts]
    if len(past) <= WARM_UP_ORIGINS:
        return 1.0
    seen = [(item.origin, item.forecasts[name], actuals(panel, item.origin, origin)) for item in past]
    errors = [float(np.mean([metric(at, factor * units, actual) for at, units, actual in seen])) for factor in FACTORS]
    return FACTORS[int(np.argmin(errors))]


def _errors(panel: Panel, rounds: Sequence[Round], origin: int, metric: Metric) -> dict[str, float]:
    """Mean error at the rounds before an origin, of every algorithm that took part in all of them; of steps known at the origin alone."""
    if not rounds:
        return {}
    names = set.intersection(*(set(item.forecasts) for item in rounds))
    errors = {
        name: [metric(item.origin, item.forecasts[name], actuals(panel, item.origin, origin)) for item in rounds]
        for name in sorted(names)
    }
    return {name: float(np.mean(values)) for name, values in errors.items()}
