"""Exponential smoothing in state-space form (Hyndman et al. 2008), by statsforecast: the model with the lowest AICc of each series."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from trendhouse.demand.history import Floats
from trendhouse.demand.local_method import LocalCandidate

# Longer seasons have too many states to estimate.
LONGEST_SEASON = 24


def _forecast(series: Floats, steps: int, settings: Mapping[str, Any]) -> Floats:
    from statsforecast.models import AutoETS

    season = max((length for length in settings["season_lengths"] if length <= LONGEST_SEASON), default=1)
    model = AutoETS(season_length=season, model="ZZZ" if settings["is_searched"] else "ZNN")
    try:
        return np.asarray(model.forecast(y=series, h=steps)["mean"], dtype=np.float64)
    except Exception:
        # Raised where no model converges; the caller then continues with the mean.
        return np.full(steps, np.nan)


CANDIDATE = LocalCandidate("exponential_smoothing", _forecast)
