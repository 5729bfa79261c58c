"""The ensembles that combine the candidates' forecasts: one module each.

A new one joins with one file in this folder that holds an instance of `trendhouse.demand.ensemble.Ensemble` named ENSEMBLE.
"""

import sys
from functools import cache

from trendhouse.demand.ensemble import Ensemble
from trendhouse.registry import members_of


@cache
def ensembles() -> dict[str, Ensemble]:
    """Ensembles by algorithm, in alphabetical order."""
    return members_of(sys.modules[__name__], "ENSEMBLE")
