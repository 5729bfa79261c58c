"""Blending: one weighted average of the candidates, the same for all products.

Half of it is an equal weight for every good candidate, half a least-squares fit without negative weights (Breiman 1996, stacked
regressions).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from trendhouse.artifacts import canonical_json
from trendhouse.demand.history import Floats
from trendhouse.demand.member_weights import equal_weights, fitted_weights
from trendhouse.demand.product_weeks import ProductWeeks


@dataclass(frozen=True)
class Blend:
    """A fitted blend: one weight per member."""

    members: tuple[str, ...]
    member_weights: tuple[float, ...]

    def weights(self, context: pa.Table) -> Floats:
        """The same weights in every row (rows, members)."""
        return np.tile(np.array(self.member_weights), (context.num_rows, 1))


@dataclass(frozen=True)
class Blending:
    """Ensemble: weighted average."""

    algorithm: str = "blending"

    def parameters(self) -> Mapping[str, Any]:
        """Share of equal weights in the average, and the version of this module."""
        return {"version": 2, "equal_share": 0.5}

    def fit(self, members: Sequence[str], weeks: ProductWeeks, parameters: Mapping[str, Any]) -> str | None:
        """JSON text with the members that have a weight, and their weights, which sum to one."""
        equal = equal_weights(weeks)
        learnt = fitted_weights(weeks.forecasts, weeks.actual, equal, start_rows=0)
        share = parameters["equal_share"]
        weights = {
            name: round(float(weight), 9)
            for name, weight in zip(members, share * equal + (1 - share) * learnt, strict=True)
            if weight > 0
        }
        return canonical_json({"members": list(weights), "weights": list(weights.values())})

    def load(self, artifact: str) -> Blend:
        """The blend of an artifact."""
        stored = json.loads(artifact)
        return Blend(tuple(stored["members"]), tuple(stored["weights"]))


ENSEMBLE = Blending()
