"""Quantiles around a forecast, from how wrong the same algorithm was out of sample (split-conformal, Vovk et al. 2005).

The score is the ratio actual / forecast. It is pooled in cells of rows that err alike: the size of the forecast (small numbers
are noisier than large ones) x a group such as the week of the horizon. A predicted quantile is the forecast times its cell's
quantile of that ratio: never negative, and never crossing another quantile of the same row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# A cell needs so many residuals; thinner ones fall back to their size's residuals over all groups.
CELL_ROWS = 200
SIZES = 12
# Forecasts below this count as this, so that a forecast of nothing has a ratio too.
SMALLEST_FORECAST = 0.02


@dataclass(frozen=True)
class Calibration:
    """Ratios by cell. `edges` (sizes - 1,) part forecasts by size; `ratios` (groups, sizes, levels) rise along the last axis."""

    levels: tuple[float, ...]
    edges: Floats
    ratios: Floats

    def quantiles(self, forecast: Floats, group: Integers) -> Floats:
        """Quantiles (rows, levels) of forecasts (rows,), groups numbered from 0 as in `calibrate`."""
        forecast = np.maximum(forecast, SMALLEST_FORECAST)
        size = np.searchsorted(self.edges, forecast, side="right")
        return np.asarray(forecast[:, None] * self.ratios[group, size], dtype=np.float64)


@dataclass(frozen=True)
class PoissonQuantiles:
    """Stand-in where there is no back-test yet: the Poisson distribution with the forecast as its mean."""

    levels: tuple[float, ...]

    def quantiles(self, forecast: Floats, group: Integers) -> Floats:
        """Quantiles (rows, levels); `group` makes no difference."""
        return np.asarray(
            poisson.ppf(np.array(self.levels)[None, :], np.maximum(forecast, 0.0)[:, None]), dtype=np.float64
        )


def calibrate(
    actual: Floats, forecast: Floats, group: Integers, groups: int, levels: Sequence[float]
) -> Calibration | PoissonQuantiles:
    """Learn ratio quantiles from out-of-sample rows (all inputs 1-d of equal length, `group` in 0 .. groups - 1).

    `levels` rise. With fewer than CELL_ROWS rows there is nothing to learn from: PoissonQuantiles.
    """
    levels = tuple(levels)
    if len(actual) < CELL_ROWS:
        return PoissonQuantiles(levels)
    forecast = np.maximum(forecast, SMALLEST_FORECAST)
    ratio = actual / forecast
    sizes = int(np.clip(len(actual) // (CELL_ROWS * groups), 1, SIZES))
    edges = np.unique(np.quantile(forecast, np.linspace(0, 1, sizes + 1)[1:-1]))
    size = np.searchsorted(edges, forecast, side="right")
    ratios = np.empty((groups, len(edges) + 1, len(levels)))
    everything = _conformal_quantiles(ratio, levels)
    for a_size in range(len(edges) + 1):
        of_size = size == a_size
        pooled = _conformal_quantiles(ratio[of_size], levels) if of_size.sum() >= CELL_ROWS else everything
        for a_group in range(groups):
            cell = of_size & (group == a_group)
            ratios[a_group, a_size] = _conformal_quantiles(ratio[cell], levels) if cell.sum() >= CELL_ROWS else pooled
    return Calibration(levels, edges, ratios)


def _conformal_quantiles(scores: Floats, levels: Sequence[float]) -> Floats:
    """Order statistics with the finite-sample step outwards: rank ceil((n + 1) q) above the median, floor((n + 1) q) below."""
    ordered = np.sort(scores)
    n = len(ordered)
    ranks = [np.ceil((n + 1) * level) if level >= 0.5 else np.floor((n + 1) * level) for level in levels]
    return np.asarray(ordered[np.clip(np.array(ranks, dtype=np.int64), 1, n) - 1], dtype=np.float64)
