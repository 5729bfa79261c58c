"""Predictive distributions around a forecast, from how wrong the same algorithm was out of sample.

A negative binomial distribution around the forecast gives the shape: whole units, wider than Poisson, the same law for small and large
numbers. Where sold units really fell in that distribution (the probability integral transform, PIT) says which of its quantiles to take
for each level: distributional conformal prediction (Chernozhukov, Wuethrich and Zhu 2021). Counts tie, so a unit sold spreads evenly over
the probability that the distribution gives it (the non-randomised PIT of Czado, Gneiting and Held 2009). Both are learnt in cells of rows
that err alike: the size of the forecast x a group such as the week of the horizon.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv
from scipy.stats import nbinom, poisson

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# A cell needs so many rows; a thinner one falls back to its size's rows over all groups, and then to all rows.
CELL_ROWS = 200
SIZES = 12
# Forecasts below this count as this, so that a forecast of nothing has a distribution too.
SMALLEST_FORECAST = 0.02
# The variance is forecast + dispersion x forecast^2. Bounds of what is believed: nearly Poisson, and seven times the mean as deviation.
LEAST_DISPERSION = 0.01
MOST_DISPERSION = 50.0
# The base distribution has no quantile at 1.
MOST_PROBABILITY = 1 - 1e-6


@dataclass(frozen=True)
class Calibration:
    """Learnt distributions. `edges` (sizes - 1,) part forecasts by size; `dispersions` (sizes,) are those of the base distribution.

    `probabilities` (groups, sizes, levels) say which quantile of the base distribution serves a level; they rise along the last axis.
    """

    levels: tuple[float, ...]
    edges: Floats
    dispersions: Floats
    probabilities: Floats

    def quantiles(self, forecast: Floats, group: Integers) -> Floats:
        """Quantiles (rows, levels), whole units, of forecasts (rows,), groups numbered from 0 as in `calibrate`."""
        forecast = np.maximum(forecast, SMALLEST_FORECAST)
        size = np.searchsorted(self.edges, forecast, side="right")
        found = np.empty((len(forecast), len(self.levels)))
        for a_group, a_size in {(int(g), int(s)) for g, s in np.unique(np.column_stack([group, size]), axis=0)}:
            rows = np.flatnonzero((group == a_group) & (size == a_size))
            found[rows] = _base_quantiles(forecast[rows], self.dispersions[a_size], self.probabilities[a_group, a_size])
        return found


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
    """Learn distributions from out-of-sample rows (all inputs 1-d of equal length, `group` in 0 .. groups - 1).

    `levels` rise. With fewer than CELL_ROWS rows there is nothing to learn from: PoissonQuantiles.
    """
    levels = tuple(levels)
    if len(actual) < CELL_ROWS:
        return PoissonQuantiles(levels)
    forecast = np.maximum(forecast, SMALLEST_FORECAST)
    sizes = int(np.clip(len(actual) // (CELL_ROWS * groups), 1, SIZES))
    edges = np.unique(np.quantile(forecast, np.linspace(0, 1, sizes + 1)[1:-1]))
    size = np.searchsorted(edges, forecast, side="right")
    dispersions = np.empty(len(edges) + 1)
    probabilities = np.empty((groups, len(edges) + 1, len(levels)))
    for a_size in range(len(edges) + 1):
        of_size = size == a_size
        pooled = of_size if of_size.sum() >= CELL_ROWS else np.ones(len(actual), dtype=bool)
        dispersions[a_size] = _dispersion(actual[pooled], forecast[pooled])
        for a_group in range(groups):
            cell = of_size & (group == a_group)
            rows = cell if cell.sum() >= CELL_ROWS else pooled
            probabilities[a_group, a_size] = _probabilities(actual[rows], forecast[rows], dispersions[a_size], levels)
    return Calibration(levels, edges, dispersions, probabilities)


def _dispersion(actual: Floats, forecast: Floats) -> float:
    """Moment estimate of d in variance = mean + d x mean^2."""
    excess = float(np.sum((actual - forecast) ** 2 - forecast))
    return float(np.clip(excess / float(np.sum(forecast**2)), LEAST_DISPERSION, MOST_DISPERSION))


def negative_binomial_cdf(units: Floats, mean: Floats | float, dispersion: float) -> Floats:
    """P(X <= units) of the negative binomial with this mean and variance mean + dispersion x mean^2; 0 below 0 units."""
    shape = 1 / dispersion
    probability = betainc(shape, np.maximum(units, 0.0) + 1, shape / (shape + np.asarray(mean)))
    return np.asarray(np.where(units < 0, 0.0, probability), dtype=np.float64)


def _base_quantiles(forecast: Floats, dispersion: float, probabilities: Floats) -> Floats:
    """Quantiles (rows, levels) of base distributions of one dispersion.

    A quantile is the number of counts too small to reach its probability. Each count stops being enough at one mean, so that a few such
    means serve all rows; only where there are more counts than rows is each row worked out by itself.
    """
    shape = 1 / dispersion
    largest = float(forecast.max())
    most = int(nbinom.ppf(probabilities[-1], shape, shape / (shape + largest)))
    if most > len(forecast):
        found = nbinom.ppf(probabilities[None, :], shape, (shape / (shape + forecast))[:, None])
        return np.asarray(found, dtype=np.float64)
    counts = np.arange(1, most + 1, dtype=np.float64)
    found = np.empty((len(forecast), len(probabilities)))
    for index, probability in enumerate(probabilities):
        success = betaincinv(shape, counts, probability)
        found[:, index] = np.searchsorted(shape * (1 - success) / success, forecast, side="left")
    return found


def _probabilities(actual: Floats, forecast: Floats, dispersion: float, levels: Sequence[float]) -> Floats:
    """Probabilities (levels,) of the base distribution below which the shares `levels` of what was sold lie.

    With the finite-sample step outwards of conformal prediction: rank ceil((n + 1) q) above the median, floor((n + 1) q) below.
    """
    n = len(actual)
    units = np.floor(actual)
    low, high = (
        negative_binomial_cdf(units - 1, forecast, dispersion),
        negative_binomial_cdf(units, forecast, dispersion),
    )
    high = np.maximum(high, low + 1e-7)
    density = 1 / (high - low)
    points = np.concatenate([low, high])
    order = np.argsort(points, kind="stable")
    slope = np.cumsum(np.concatenate([density, -density])[order])
    points = points[order]
    share = np.concatenate([[0.0], np.cumsum(slope[:-1] * np.diff(points))]) / n
    ranks = [np.ceil((n + 1) * level) if level >= 0.5 else np.floor((n + 1) * level) for level in levels]
    found = np.interp(np.clip(np.array(ranks) / n, 0, 1), np.maximum.accumulate(share), points)
    return np.asarray(np.clip(found, 1 - MOST_PROBABILITY, MOST_PROBABILITY), dtype=np.float64)
