"""The method of Teunter, Syntetos and Babai (2011), by statsforecast.

Smooths the size of demand and the probability of any, so that the forecast of a product that stopped selling fades, where
Croston's stays.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from trendhouse.demand.history import Floats
from trendhouse.demand.local_method import LocalCandidate


def _forecast(series: Floats, steps: int, settings: Mapping[str, Any]) -> Floats:
    from statsforecast.models import TSB

    model = TSB(alpha_d=settings["size_weight"], alpha_p=settings["probability_weight"])
    return np.asarray(model.forecast(y=series, h=steps)["mean"], dtype=np.float64)


# Smoothing weights within the 0.1 to 0.3 that the literature recommends for slow movers.
CANDIDATE = LocalCandidate("tsb", _forecast, (("size_weight", 0.1), ("probability_weight", 0.1)))
