"""Trees of the change against a product's recent level, by LightGBM: a single tree, a forest, or trees of quantiles.

The target is units / base units and rows weigh by base units: a leaf's mean is then its units over its levels, and contributions add up in units.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trendhouse.artifacts import canonical_json
from trendhouse.boosters import from_text, predict, to_text
from trendhouse.demand.boosting import learning_data, train
from trendhouse.demand.history import Floats, History
from trendhouse.demand.matrix import Encoding, base_units, learn_encoding, most_units, thinned, training_units

# Splits from the root to a leaf at most: TreeSHAP takes the time of its square, and a narrower path is an exception, learnt by heart.
MOST_DEPTH = 8


class TreeForecaster:
    """Boosters whose mean is the ratio of units to base units, and the encoding of their features."""

    def __init__(self, boosters: Sequence[lightgbm.Booster], encoding: Encoding, scale: float) -> None:
        """Take boosters trained on matrices of this encoding, and the factor that their mean is scaled by."""
        self._boosters = boosters
        self._encoding = encoding
        self._scale = scale

    def predict(self, rows: pa.Table, history: History) -> Floats:
        """Mean units per row (rows,)."""
        if not rows.num_rows:
            return np.empty(0)
        matrix, base = self._encoding.matrix(rows), base_units(rows)
        ratio = np.mean([predict(booster, matrix) for booster in self._boosters], axis=0)
        return np.asarray(np.clip(base * self._scale * ratio, 0.0, most_units(base)), dtype=np.float64)

    def contributions(self, rows: pa.Table, history: History) -> tuple[Sequence[str], Floats]:
        """Units (rows, features) by TreeSHAP (Lundberg et al. 2020)."""
        features = self._encoding.features
        if not rows.num_rows:
            return features, np.empty((0, len(features)))
        matrix = self._encoding.matrix(rows)
        ratio = np.mean([_contributions(booster, matrix) for booster in self._boosters], axis=0)
        return features, np.asarray(self._scale * ratio[:, :-1] * base_units(rows)[:, None], dtype=np.float64)


@dataclass(frozen=True)
class TreeCandidate:
    """Candidate: one LightGBM model per set of `objectives`, its forecast their mean. Deterministic to the byte."""

    algorithm: str
    rounds: int
    leaf_share: float
    settings: tuple[tuple[str, Any], ...]
    objectives: tuple[tuple[tuple[str, Any], ...], ...] = ((("objective", "regression"),),)
    most_rows: int = 50_000
    version: int = 1
    is_baseline: bool = False

    def parameters(self) -> Mapping[str, Any]:
        """Parameters of LightGBM, the number of rounds, rows at most, the smallest leaf as a share of the rows, and the version of this module."""
        return {
            "version": self.version,
            "rounds": self.rounds,
            "leaf_share": self.leaf_share,
            "most_rows": self.most_rows,
            "lightgbm": {"max_bin": 63, "max_depth": MOST_DEPTH, "cat_smooth": 50, "seed": 20, **dict(self.settings)},
            "objectives": [dict(objective) for objective in self.objectives],
        }

    def fit(self, rows: pa.Table, features: Sequence[str], parameters: Mapping[str, Any], threads: int) -> str | None:
        """JSON text with the encoding and LightGBM's own model texts; None below LEAST_ROWS rows or without a sale."""
        rows = thinned(rows, parameters["most_rows"])
        learnt_from = training_units(rows)
        if learnt_from is None:
            return None
        units, base = learnt_from
        encoding = learn_encoding(rows, features)
        matrix = encoding.matrix(rows)
        data = learning_data(matrix, units / base, encoding, parameters, threads, weight=base)
        boosters = []
        for objective in parameters["objectives"]:
            own = {**parameters, "lightgbm": {**parameters["lightgbm"], **objective}}
            boosters.append(train(data, own, threads))
        # Quantiles leave the tails out: without this their mean would fall short of what is sold.
        fitted = np.mean([predict(booster, matrix) for booster in boosters], axis=0)
        scale = float(units.sum() / max(float((base * fitted).sum()), 1e-9))
        return canonical_json(
            {
                **encoding.stored(),
                "models": [to_text(booster) for booster in boosters],
                "scale": float(f"{scale:.9g}"),
            }
        )

    def load(self, artifact: str) -> TreeForecaster:
        """Forecaster of an artifact."""
        stored = json.loads(artifact)
        boosters = [from_text(model) for model in stored["models"]]
        return TreeForecaster(boosters, Encoding.restored(stored), stored["scale"])


def _contributions(booster: lightgbm.Booster, matrix: NDArray[np.float32]) -> Floats:
    """TreeSHAP values and start value (rows, features + 1). LightGBM sums over the trees, also where the forest's prediction is their mean."""
    summed = predict(booster, matrix, pred_contrib=True)
    is_averaged = "average_output" in booster.model_to_string(num_iteration=1)
    return summed / booster.num_trees() if is_averaged else summed
