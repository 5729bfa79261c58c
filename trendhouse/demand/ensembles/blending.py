"""Blending: one weighted average of all candidates, weights from the back-test.

Weights are those of a non-negative least-squares fit (Breiman 1996, stacked regressions), scaled to sum to one and drawn half way towards
equal weights: estimated weights alone are often worse than equal ones (Smith and Wallis 2009, the forecast combination puzzle).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.optimize import nnls

from trendhouse.artifacts import canonical_json
from trendhouse.demand.history import Floats


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
        return {"version": 1, "equal_share": 0.5}

    def fit(
        self,
        members: Sequence[str],
        forecasts: Floats,
        actual: Floats,
        context: pa.Table,
        parameters: Mapping[str, Any],
    ) -> str | None:
        """JSON text with members and weights; None without rows or without a sale."""
        if not len(actual) or not actual.any():
            return None
        # Large products would own the fit: each row counts by the size of its forecast, as in a Poisson likelihood.
        scale = 1 / np.sqrt(np.maximum(forecasts.mean(axis=1), 1e-3))
        found, _ = nnls(forecasts * scale[:, None], actual * scale)
        learnt = found / found.sum() if found.sum() > 0 else np.full(len(members), 1 / len(members))
        share = parameters["equal_share"]
        weights = share / len(members) + (1 - share) * learnt
        return canonical_json({"members": list(members), "weights": [round(float(weight), 9) for weight in weights]})

    def load(self, artifact: str) -> Blend:
        """The blend of an artifact."""
        stored = json.loads(artifact)
        return Blend(tuple(stored["members"]), tuple(stored["weights"]))


ENSEMBLE = Blending()
