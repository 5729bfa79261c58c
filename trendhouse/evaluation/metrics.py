"""Point and quantile forecast metrics. Inputs are 1-d arrays of equal length; every metric of an empty input is NaN."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def wape(actual: Floats, predicted: Floats) -> float:
    """Weighted absolute percentage error: sum |actual - predicted| / sum actual (Kolassa and Schuetz 2007, MAD/mean ratio).

    NaN when the actuals sum to nothing.
    """
    total = float(np.sum(actual))
    return float(np.sum(np.abs(actual - predicted))) / total if total > 0 else float("nan")


def bias(actual: Floats, predicted: Floats) -> float:
    """Relative bias: sum (predicted - actual) / sum actual; above 0 is over-forecast. NaN when the actuals sum to nothing."""
    total = float(np.sum(actual))
    return float(np.sum(predicted - actual)) / total if total > 0 else float("nan")


def rmse(actual: Floats, predicted: Floats) -> float:
    """Root mean squared error, in the unit of the actuals."""
    return float(np.sqrt(np.mean((actual - predicted) ** 2))) if len(actual) else float("nan")


def pinball_loss(actual: Floats, quantile: Floats, level: float) -> float:
    """Mean pinball loss of a predicted quantile, in the unit of the actuals (Koenker and Bassett 1978); `level` in (0, 1)."""
    if not len(actual):
        return float("nan")
    difference = actual - quantile
    return float(np.mean(np.maximum(level * difference, (level - 1) * difference)))


def coverage(actual: Floats, lower: Floats, upper: Floats) -> float:
    """Share of actuals within [lower, upper], both ends included."""
    return float(np.mean((actual >= lower) & (actual <= upper))) if len(actual) else float("nan")


def symmetric_percentage_error(actual: Floats, predicted: Floats) -> float:
    """sMAPE as the M4 competition counts it: mean of 200 |actual - predicted| / (|actual| + |predicted|), in percent (Makridakis et al. 2020).

    A pair of zeros is no error.
    """
    if not len(actual):
        return float("nan")
    size = np.abs(actual) + np.abs(predicted)
    error = np.divide(np.abs(actual - predicted), size, out=np.zeros(len(size)), where=size > 0)
    return float(200 * np.mean(error))


def absolute_percentage_error(actual: Floats, predicted: Floats) -> float:
    """MAPE: mean of 100 |actual - predicted| / |actual|, in percent; actuals of 0 are left out."""
    known = actual != 0
    if not known.any():
        return float("nan")
    return float(100 * np.mean(np.abs((actual[known] - predicted[known]) / actual[known])))


def weighted_absolute_error(actual: Floats, predicted: Floats, weight: Floats) -> float:
    """WMAE: sum weight x |actual - predicted| / sum weight, in the unit of the actuals. NaN when the weights sum to nothing."""
    total = float(np.sum(weight))
    return float(np.sum(weight * np.abs(actual - predicted))) / total if total > 0 else float("nan")


def scaled_error(actual: Floats, predicted: Floats, history: Floats, season_length: int) -> float:
    """MASE: mean absolute error over that of the seasonal naive forecast within the history (Hyndman and Koehler 2006).

    `history` (steps,) is the series before the forecast. NaN when that error is 0 or cannot be told.
    """
    steps = np.abs(history[season_length:] - history[:-season_length])
    scale = float(np.mean(steps)) if len(steps) else 0.0
    return float(np.mean(np.abs(actual - predicted))) / scale if scale > 0 and len(actual) else float("nan")


def seasonal_naive(history: Floats, horizon: int, season_length: int) -> Floats:
    """The last season of the history (steps,), repeated (horizon,); its last value where it is shorter than a season."""
    if len(history) < season_length:
        return np.full(horizon, history[-1] if len(history) else np.nan)
    return np.asarray(np.resize(history[-season_length:], horizon), dtype=np.float64)


def naive2(history: Floats, horizon: int, season_length: int) -> Floats:
    """The reference forecast (horizon,) of the M4 competition: the last value, seasonally adjusted where a season is found.

    A season is found when the autocorrelation at its lag is significant at 90%; it is taken out and put back by classical
    multiplicative decomposition (Makridakis et al. 2020, after the competition's published code).
    """
    index = np.ones(season_length)
    if season_length > 1 and _is_seasonal(history, season_length):
        index = _seasonal_index(history, season_length)
    position = np.arange(len(history) + horizon) % season_length
    return np.asarray(
        history[-1] / index[position[len(history) - 1]] * index[position[len(history) :]], dtype=np.float64
    )


def overall_weighted_average(smape: float, mase: float, naive2_smape: float, naive2_mase: float) -> float:
    """OWA of the M4 competition: the mean of sMAPE and MASE, each relative to the Naive2 forecast's (averages over all series)."""
    return (smape / naive2_smape + mase / naive2_mase) / 2


def _is_seasonal(history: Floats, season_length: int) -> bool:
    """Autocorrelation test of the M4 competition, 90% two-sided; series shorter than three seasons are not tested."""
    if len(history) < 3 * season_length:
        return False
    centred = history - history.mean()
    variance = float(np.dot(centred, centred))
    if variance <= 0:
        return False
    lags = [float(np.dot(centred[lag:], centred[:-lag])) / variance for lag in range(1, season_length + 1)]
    limit = 1.645 * np.sqrt((1 + 2 * np.sum(np.square(lags[:-1]))) / len(history))
    return bool(abs(lags[-1]) > limit)


def _seasonal_index(history: Floats, season_length: int) -> Floats:
    """Multiplicative seasonal indices (season_length,), mean 1: ratios to the centred moving average, averaged by position."""
    kernel = np.ones(season_length)
    if season_length % 2 == 0:
        kernel = np.concatenate([[0.5], np.ones(season_length - 1), [0.5]])
    trend = np.convolve(history, kernel / season_length, mode="valid")
    start = (len(kernel) - 1) // 2
    ratio = history[start : start + len(trend)] / trend
    position = np.arange(start, start + len(trend)) % season_length
    index = np.array([ratio[position == place].mean() for place in range(season_length)])
    return np.asarray(index / index.mean(), dtype=np.float64)
