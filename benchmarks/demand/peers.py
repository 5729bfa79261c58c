"""The peers, each at its plain defaults: statsforecast's AutoETS, AutoTheta and dynamic optimised Theta; LightGBM through mlforecast.

All of them get the history before the origin and what is known ahead; none of them is told more or less than our contest.
"""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor
from mlforecast import MLForecast
from mlforecast.lag_transforms import RollingMean
from numpy.typing import NDArray
from statsforecast import StatsForecast
from statsforecast.models import AutoETS, AutoTheta, DynamicOptimizedTheta

from trendhouse.demand.panel import Panel

Floats = NDArray[np.float64]

PROCESSES = 2


@dataclass(frozen=True)
class PeerForecast:
    """Forecasts (series, horizon), NaN for a series without history, and what they took. `quantiles` by level, where the peer has them."""

    values: Floats
    seconds: float
    quantiles: Mapping[float, Floats]


def statistical(
    panel: Panel, origin: int, season_length: int, names: Sequence[str], levels: Sequence[float] = ()
) -> dict[str, PeerForecast]:
    """Local models of statsforecast at one origin (as-of step). `names` among AutoETS, AutoTheta, DynamicOptimizedTheta."""
    kinds: dict[str, Callable[..., object]] = {
        "AutoETS": AutoETS,
        "AutoTheta": AutoTheta,
        "DynamicOptimizedTheta": DynamicOptimizedTheta,
    }
    frame = _long(panel, origin)
    found = {}
    # The library's interval of 80% ends at the quantiles 0.1 and 0.9.
    wanted = sorted({round(100 * abs(1 - 2 * level)) for level in levels if level != 0.5})
    for name in names:
        started = time.monotonic()
        model = kinds[name](season_length=season_length, alias=name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            forecast = StatsForecast([model], freq=1, n_jobs=PROCESSES, fallback_model=_fallback()).forecast(
                df=frame, h=panel.horizon, level=wanted or None
            )
        quantiles = {level: _grid(panel, forecast, _quantile_column(name, level)) for level in levels}
        found[name] = PeerForecast(_grid(panel, forecast, name), time.monotonic() - started, quantiles)
    return found


def boosted(
    panel: Panel, origin: int, lags: Sequence[int], windows: Sequence[int], levels: Sequence[float] = ()
) -> PeerForecast:
    """LightGBM at its defaults through mlforecast at one origin, step after step on its own forecasts.

    It gets lags, rolling means, the known-ahead values and the attributes; with `levels`, one more model for each quantile.
    """
    started = time.monotonic()
    frame = _long(panel, origin, with_known=True)
    models = {"mean": LGBMRegressor(verbosity=-1, n_jobs=PROCESSES)}
    models |= {
        f"q{level}": LGBMRegressor(objective="quantile", alpha=level, verbosity=-1, n_jobs=PROCESSES)
        for level in levels
    }
    forecaster = MLForecast(
        models=models,
        freq=1,
        lags=list(lags),
        lag_transforms={1: [RollingMean(window_size=window, min_samples=1) for window in windows]},
        num_threads=PROCESSES,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        forecaster.fit(frame, static_features=list(panel.attributes), dropna=False)
        ahead = _ahead(panel, origin, frame)
        forecast = forecaster.predict(panel.horizon, X_df=ahead)
    return PeerForecast(
        _grid(panel, forecast, "mean"),
        time.monotonic() - started,
        {level: _grid(panel, forecast, f"q{level}") for level in levels},
    )


def seasonal_naive(panel: Panel, origin: int, season_length: int) -> Floats:
    """The value one season before each target (series, horizon); the last known value where there is none, 0 where nothing is known."""
    ahead = np.arange(1, panel.horizon + 1)
    source = origin + ahead - 1 - -(-ahead // season_length) * season_length
    values = np.where(source >= 0, panel.values[:, np.maximum(source, 0)], np.nan)
    known = panel.values[:, :origin]
    seen = ~np.isnan(known)
    position = np.where(seen, np.arange(origin), -1).max(axis=1, initial=-1)
    last = np.where(position >= 0, known[np.arange(len(known)), np.maximum(position, 0)], 0.0)
    return np.where(np.isnan(values), last[:, None], values)


def _fallback() -> object:
    from statsforecast.models import Naive

    return Naive()


def _quantile_column(name: str, level: float) -> str:
    if level == 0.5:
        return name
    side = "lo" if level < 0.5 else "hi"
    return f"{name}-{side}-{round(100 * abs(1 - 2 * level))}"


def _long(panel: Panel, origin: int, with_known: bool = False) -> pd.DataFrame:
    """History before the origin, one row per series and step from a series' first value to the origin; a gap repeats the step before."""
    values = panel.values[:, :origin]
    last = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(origin)[None, :]), axis=1)
    series, step = np.nonzero(last >= 0)
    frame = pd.DataFrame({"unique_id": panel.names[series], "ds": step, "y": values[series, last[series, step]]})
    return _with_context(panel, frame, series, step) if with_known else frame


def _with_context(
    panel: Panel, frame: pd.DataFrame, series: NDArray[np.int64], step: NDArray[np.int64]
) -> pd.DataFrame:
    for name, known in panel.known.items():
        frame[name] = known[series if known.shape[0] > 1 else np.zeros_like(series), step]
    for name, texts in panel.attributes.items():
        frame[name] = pd.Categorical(texts[series])
    return frame


def _ahead(panel: Panel, origin: int, frame: pd.DataFrame) -> pd.DataFrame | None:
    """Known-ahead values of the horizon; None where the panel has none."""
    if not panel.known:
        return None
    begun = np.flatnonzero(np.isin(panel.names, frame["unique_id"].unique()))
    series = np.repeat(begun, panel.horizon)
    step = np.tile(np.arange(origin, origin + panel.horizon), len(begun))
    ahead = pd.DataFrame({"unique_id": panel.names[series], "ds": step})
    for name, known in panel.known.items():
        ahead[name] = known[series if known.shape[0] > 1 else np.zeros_like(series), step]
    return ahead


def _grid(panel: Panel, forecast: pd.DataFrame, column: str) -> Floats:
    """A forecast column as (series, horizon)."""
    forecast = forecast.sort_values(["unique_id", "ds"])
    grid = np.full((len(panel.names), panel.horizon), np.nan)
    names = forecast["unique_id"].to_numpy().astype(str).reshape(-1, panel.horizon)[:, 0]
    grid[np.searchsorted(panel.names, names)] = forecast[column].to_numpy().reshape(-1, panel.horizon)
    return grid
