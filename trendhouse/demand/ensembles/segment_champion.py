"""Segment champion: for each demand class the candidate that forecasts it best, where it is clearly better than the best of all.

A method for intermittent demand may win where sales are rare and lose everywhere else. Clearly: a lower squared error at every origin,
and a mean difference per product of at least two standard errors (a paired comparison, as in Diebold and Mariano 1995, with products in
the place of time: errors of one product go together). Squared, because forecasts are means: where most weeks sell nothing, the absolute
error is won by whoever forecasts too little.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trendhouse.demand.class_weights import ClassWeights, from_artifact, to_artifact
from trendhouse.demand.history import Floats
from trendhouse.demand.product_weeks import Integers, ProductWeeks


@dataclass(frozen=True)
class SegmentChampion:
    """Ensemble: one member per demand class."""

    algorithm: str = "segment_champion"

    def parameters(self) -> Mapping[str, Any]:
        """Standard errors by which a member has to win its class, and the version of this module."""
        return {"version": 2, "standard_errors": 2.0}

    def fit(self, members: Sequence[str], weeks: ProductWeeks, parameters: Mapping[str, Any]) -> str | None:
        """JSON text with the members chosen."""
        best, errors = int(np.argmin(weeks.wape())), weeks.squared_errors()
        chosen = np.eye(len(members))
        by_class = {}
        for name in np.unique(weeks.demand_class):
            own = weeks.demand_class == name
            winner = int(np.argmin(errors[own].sum(axis=0)))
            gain = errors[own, best] - errors[own, winner]
            wins = _is_clear(gain, weeks.product[own], weeks.origin[own], parameters["standard_errors"])
            by_class[str(name)] = chosen[winner if wins else best]
        return to_artifact(members, chosen[best], by_class)

    def load(self, artifact: str) -> ClassWeights:
        """The choice of an artifact."""
        return from_artifact(artifact)


def _is_clear(gain: Floats, product: Integers, origin: Integers, standard_errors: float) -> bool:
    """True when the gain (weeks,) is one at every origin, and on average over products more than chance."""
    _, number = np.unique(product, return_inverse=True)
    by_product = np.bincount(number, gain)
    if len(by_product) < 2:
        return False
    at_every_origin = (np.bincount(origin, gain) >= 0).all()
    noise = by_product.std(ddof=1) / np.sqrt(len(by_product))
    return bool(at_every_origin and by_product.mean() > standard_errors * noise)


ENSEMBLE = SegmentChampion()
