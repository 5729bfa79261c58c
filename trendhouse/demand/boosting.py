"""Training LightGBM on demand rows: what all boosted candidates share."""

from collections.abc import Mapping
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from trendhouse.boosters import deterministic
from trendhouse.demand.history import Floats
from trendhouse.demand.matrix import Encoding

LEAST_LEAF_ROWS = 100


def learning_data(
    matrix: NDArray[np.float32],
    target: Floats,
    encoding: Encoding,
    parameters: Mapping[str, Any],
    threads: int,
    **weighing: Floats,
) -> lightgbm.Dataset:
    """The rows to learn from, in bins: a matrix of the encoding and the target (rows,), for one or more boosters.

    `weighing` is the `weight` or `init_score` (rows,) of LightGBM's data; `parameters` as in `train`.
    """
    return lightgbm.Dataset(
        matrix,
        target,
        feature_name=list(encoding.features),
        categorical_feature=encoding.categorical,
        params=_settings(parameters, len(target), threads),
        **weighing,
    )


def train(data: lightgbm.Dataset, parameters: Mapping[str, Any], threads: int) -> lightgbm.Booster:
    """A booster of the data.

    `parameters` hold LightGBM's own under `lightgbm`, the number of `rounds`, and `leaf_share`, the least share of the rows in a leaf.
    """
    rows = len(data.get_label())
    return lightgbm.train(_settings(parameters, rows, threads), data, num_boost_round=parameters["rounds"])


def _settings(parameters: Mapping[str, Any], rows: int, threads: int) -> dict[str, Any]:
    """What LightGBM is told, about so many rows."""
    least_rows = max(LEAST_LEAF_ROWS, int(rows * parameters["leaf_share"]))
    return deterministic({**parameters["lightgbm"], "min_data_in_leaf": least_rows}, threads)
