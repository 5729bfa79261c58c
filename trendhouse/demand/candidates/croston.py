"""Croston's method with the Syntetos-Boylan correction (Croston 1972; Syntetos and Boylan 2005), by statsforecast.

Smooths the size of demand and the interval between demands, for products that sell in few periods.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from trendhouse.demand.history import Floats
from trendhouse.demand.local_method import LocalCandidate


def _forecast(series: Floats, steps: int, settings: Mapping[str, Any]) -> Floats:
    from statsforecast.models import CrostonSBA

    return np.asarray(CrostonSBA().forecast(y=series, h=steps)["mean"], dtype=np.float64)


CANDIDATE = LocalCandidate("croston", _forecast)
