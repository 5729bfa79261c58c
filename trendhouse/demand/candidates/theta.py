"""The Theta method (Assimakopoulos and Nikolopoulos 2000; optimised and dynamic: Fiorucci et al. 2016), by statsforecast.

Half the slope of a straight line, around exponential smoothing; seasons are taken out before and put back after.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from trendhouse.demand.history import Floats
from trendhouse.demand.local_method import LocalCandidate


def _forecast(series: Floats, steps: int, settings: Mapping[str, Any]) -> Floats:
    from statsforecast.models import DynamicOptimizedTheta, Theta

    season = max((length for length in settings["season_lengths"] if 2 * length <= len(series)), default=1)
    kind = DynamicOptimizedTheta if settings["is_searched"] else Theta
    try:
        return np.asarray(kind(season_length=season).forecast(y=series, h=steps)["mean"], dtype=np.float64)
    except Exception:
        # Raised where the optimiser fails; the caller then continues with the mean.
        return np.full(steps, np.nan)


CANDIDATE = LocalCandidate("theta", _forecast)
