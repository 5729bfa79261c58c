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
