"""Stacking: a second-level regression of what was sold on what the candidates forecast, one per demand class.

Ridge regression without negative weights in two steps: weights for the whole shop drawn towards equal ones, then weights of each demand
class drawn towards the shop's (Breiman 1996, stacked regressions; partial pooling as in Gelman and Hill 2007). Weights are not negative
and sum to one: a forecast lies between its members' and its reasons are theirs, weighed. A free sum would also take over the luck of the
few origins there are: every product of an origin shares its season.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trendhouse.demand.class_weights import ClassWeights, from_artifact, to_artifact
from trendhouse.demand.member_weights import equal_weights, fitted_weights
from trendhouse.demand.product_weeks import ProductWeeks


@dataclass(frozen=True)
class Stacking:
    """Ensemble: weights by demand class."""

    algorithm: str = "stacking"

    def parameters(self) -> Mapping[str, Any]:
        """Product-weeks that the start counts as, in both steps, and the version of this module."""
        return {"version": 1, "start_rows": 2000}

    def fit(self, members: Sequence[str], weeks: ProductWeeks, parameters: Mapping[str, Any]) -> str | None:
        """JSON text with members and their weights."""
        start_rows = parameters["start_rows"]
        shop = fitted_weights(weeks.forecasts, weeks.actual, equal_weights(weeks), start_rows)
        by_class = {}
        for name in np.unique(weeks.demand_class):
            own = weeks.demand_class == name
            by_class[str(name)] = fitted_weights(weeks.forecasts[own], weeks.actual[own], shop, start_rows)
        return to_artifact(members, shop, by_class)

    def load(self, artifact: str) -> ClassWeights:
        """The weights of an artifact."""
        return from_artifact(artifact)


ENSEMBLE = Stacking()
