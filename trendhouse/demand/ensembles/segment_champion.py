"""Segment champion: for each demand class the candidate that forecasts it best, where it is clearly better than the best of all.

A method for intermittent demand may win where sales are rare and lose everywhere else. Clearly: a lower absolute error at every origin,
and a mean difference per product of at least two standard errors (a paired comparison, as in Diebold and Mariano 1995, with products in
the place of time: errors of one product go together).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trendhouse.demand.class_weights import ClassWeights, from_artifact, to_artifact
from trendhouse.demand.product_weeks import ProductWeeks


@dataclass(frozen=True)
class SegmentChampion:
    """Ensemble: one member per demand class."""

    algorithm: str = "segment_champion"

    def parameters(self) -> Mapping[str, Any]:
        """Standard errors by which a member has to win its class, and the version of this module."""
        return {"version": 1, "standard_errors": 2.0}

    def fit(self, members: Sequence[str], weeks: ProductWeeks, parameters: Mapping[str, Any]) -> str | None:
        """JSON text with the members chosen."""
        best = int(np.argmin(weeks.wape()))
        chosen = np.eye(len(members))
        by_class = {}
        for name in np.unique(weeks.demand_class):
            own = weeks.demand_class == name
            winner = int(np.argmin(weeks.errors()[own].sum(axis=0)))
            wins = _wins_clearly(weeks, own, winner, best, parameters["standard_errors"])
            by_class[str(name)] = chosen[winner if wins else best]
        return to_artifact(members, chosen[best], by_class)

    def load(self, artifact: str) -> ClassWeights:
        """The choice of an artifact."""
        return from_artifact(artifact)


def _wins_clearly(weeks: ProductWeeks, own: NDArray[np.bool_], winner: int, best: int, standard_errors: float) -> bool:
    """True when the winner's errors on these weeks (a mask) are clearly below those of the best of all."""
    errors = weeks.errors()[own]
    gain = errors[:, best] - errors[:, winner]
    _, product = np.unique(weeks.product[own], return_inverse=True)
    by_product = np.bincount(product, gain)
    if len(by_product) < 2:
        return False
    at_every_origin = (np.bincount(weeks.origin[own], gain) >= 0).all()
    noise = by_product.std(ddof=1) / np.sqrt(len(by_product))
    return bool(at_every_origin and by_product.mean() > standard_errors * noise)


ENSEMBLE = SegmentChampion()
