"""How members are weighed: where weights start from without evidence, and least squares that stays near that start.

Estimated weights alone are often worse than equal ones (Smith and Wallis 2009, the forecast combination puzzle), and equal weights over
bad members worse than over good ones. So the start is an equal weight for each good member, a bad one has none, and evidence moves the
weights away from the start.
"""

import numpy as np
from scipy.optimize import nnls

from trendhouse.demand.history import Floats
from trendhouse.demand.product_weeks import ProductWeeks, variance_units

# A member is good while its WAPE is at most so many times the best one's (trimmed combination, Timmermann 2006).
GOOD_WITHIN = 1.05
# Mean square of scaled forecasts, at least.
LEAST_SIZE = 0.01
# How much heavier than all weeks together the wish weighs that weights sum to one.
SUM_TO_ONE = 1e3


def equal_weights(weeks: ProductWeeks) -> Floats:
    """Weights (members,) that sum to one: the same for every good member, none for the others."""
    error = weeks.wape()
    good = (error <= GOOD_WITHIN * error.min()).astype(np.float64)
    return np.asarray(good / good.sum(), dtype=np.float64)


def fitted_weights(forecasts: Floats, actual: Floats, start: Floats, start_rows: float) -> Floats:
    """Weights (members,), none negative and one in sum, of ridge regression of actual (weeks,) on forecasts (weeks, members).

    Weights are drawn towards `start`, which counts as much as `start_rows` weeks would; a member without a weight there gets none. Weeks
    count by the reciprocal of their variance_units.
    """
    members = np.flatnonzero(start > 0)
    forecasts, start_weights = forecasts[:, members], start[members]
    scale = 1 / np.sqrt(variance_units(forecasts))
    scaled = forecasts * scale[:, None]
    size = max(float((scaled**2).mean()), LEAST_SIZE)
    pull = np.sqrt(start_rows * size) * np.eye(len(members))
    in_sum = SUM_TO_ONE * np.sqrt((len(actual) + start_rows) * size)
    found, _ = nnls(
        np.vstack([scaled, pull, np.full(len(members), in_sum)]), np.r_[actual * scale, pull @ start_weights, in_sum]
    )
    weights = np.zeros(len(start))
    weights[members] = found / found.sum()
    return weights
