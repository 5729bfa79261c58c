"""LightGBM, one model for all products and horizons (direct multi-horizon forecasting with the horizon as a feature).

Tweedie objective (compound Poisson-gamma, Jorgensen 1987) with log(base units) as offset: the trees learn by what factor a day differs
from the product's recent level, and products of every size share what they have in common. Mean = base units x exp(sum of the trees).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa

from trendhouse.artifacts import canonical_json
from trendhouse.boosters import from_text, predict, to_text
from trendhouse.demand.boosting import learning_data, train
from trendhouse.demand.history import Floats, History
from trendhouse.demand.matrix import Encoding, base_units, learn_encoding, most_units, training_units
from trendhouse.demand.search_space import Integers, Numbers, SearchSpace
from trendhouse.explain import units_of_factors


class BoostedForecaster:
    """A fitted booster and the encoding of its features."""

    def __init__(self, booster: lightgbm.Booster, encoding: Encoding) -> None:
        """Take a booster trained on matrices of this encoding."""
        self._booster = booster
        self._encoding = encoding

    def predict(self, rows: pa.Table, history: History) -> Floats:
        """Mean units per row (rows,)."""
        if not rows.num_rows:
            return np.empty(0)
        raw = predict(self._booster, self._encoding.matrix(rows), raw_score=True)
        base = base_units(rows)
        return np.asarray(np.minimum(base * np.exp(raw), most_units(base)), dtype=np.float64)

    def contributions(self, rows: pa.Table, history: History) -> tuple[Sequence[str], Floats]:
        """Units (rows, features) by TreeSHAP (Lundberg et al. 2020), turned from log factors into units."""
        features = self._encoding.features
        if not rows.num_rows:
            return features, np.empty((0, len(features)))
        factors = predict(self._booster, self._encoding.matrix(rows), pred_contrib=True)
        start = base_units(rows) * np.exp(factors[:, -1])
        return features, units_of_factors(factors[:, :-1], start)


@dataclass(frozen=True)
class GradientBoosting:
    """Candidate: boosted trees, deterministic to the byte."""

    algorithm: str = "lightgbm"
    is_baseline: bool = False

    def parameters(self) -> Mapping[str, Any]:
        """Parameters of LightGBM, the number of rounds, and the version of this module."""
        return {
            "version": 2,
            "rounds": 100,
            # The rows of one day share its luck. A leaf holds at least this share of all rows: several days, so that luck is not learnt.
            "leaf_share": 0.001,
            "lightgbm": {
                # Between Poisson (1) and gamma (2): counts with many zeros and a few large orders.
                "objective": "tweedie",
                "tweedie_variance_power": 1.5,
                "num_leaves": 31,
                "learning_rate": 0.1,
                "lambda_l2": 5.0,
                "feature_fraction": 0.4,
                "bagging_fraction": 0.4,
                "bagging_freq": 1,
                "max_bin": 63,
                "cat_smooth": 50,
                "seed": 20,
            },
        }

    def search_space(self) -> SearchSpace:
        """What tuning may change: the size of the trees, how fast they learn, and how much each sees and gives way."""
        return {
            "rounds": Integers(50, 400, log=True),
            "leaf_share": Numbers(0.0001, 0.01, log=True),
            "lightgbm.num_leaves": Integers(7, 127, log=True),
            "lightgbm.learning_rate": Numbers(0.02, 0.2, log=True),
            "lightgbm.lambda_l2": Numbers(0.1, 100.0, log=True),
            "lightgbm.feature_fraction": Numbers(0.2, 1.0),
            "lightgbm.bagging_fraction": Numbers(0.2, 1.0),
        }

    def fit(self, rows: pa.Table, features: Sequence[str], parameters: Mapping[str, Any], threads: int) -> str | None:
        """JSON text with the encoding and LightGBM's own model text; None below LEAST_ROWS rows or without a sale."""
        learnt_from = training_units(rows)
        if learnt_from is None:
            return None
        units, base = learnt_from
        encoding = learn_encoding(rows, features)
        data = learning_data(encoding.matrix(rows), units, encoding, parameters, threads, init_score=np.log(base))
        return canonical_json({**encoding.stored(), "model": to_text(train(data, parameters, threads))})

    def load(self, artifact: str) -> BoostedForecaster:
        """Forecaster of an artifact."""
        stored = json.loads(artifact)
        return BoostedForecaster(from_text(stored["model"]), Encoding.restored(stored))


CANDIDATE = GradientBoosting()
