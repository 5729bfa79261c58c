"""LightGBM for demand: what all boosted candidates share, from rows to a booster and from a booster to text.

Deterministic to the byte. Forecasts take one thread, because trainings of one thread may run beside them (the origins of a back-test): LightGBM
keeps one number of threads for the whole process, and a call with more threads than another began with ends the process.
"""

from collections.abc import Mapping
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from trendhouse.demand.history import Floats
from trendhouse.demand.matrix import Encoding

LEAST_LEAF_ROWS = 100


def learning_data(
    matrix: NDArray[np.float32], target: Floats, encoding: Encoding, parameters: Mapping[str, Any], **weighing: Floats
) -> lightgbm.Dataset:
    """The rows to learn from, in bins: a matrix of the encoding and the target (rows,), for one or more boosters.

    `weighing` is the `weight` or `init_score` (rows,) of LightGBM's data; `parameters` as in `train`.
    """
    return lightgbm.Dataset(
        matrix,
        target,
        feature_name=list(encoding.features),
        categorical_feature=encoding.categorical,
        params=_settings(parameters, len(target), threads=1),
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
    return {
        **parameters["lightgbm"],
        "min_data_in_leaf": max(LEAST_LEAF_ROWS, int(rows * parameters["leaf_share"])),
        "num_threads": threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }


def predict(booster: lightgbm.Booster, matrix: NDArray[np.float32], **kind: bool) -> Floats:
    """The booster's output for a matrix, in one thread; `kind` is LightGBM's `raw_score` or `pred_contrib`."""
    return np.asarray(booster.predict(matrix, num_threads=1, **kind), dtype=np.float64)


def to_text(booster: lightgbm.Booster) -> str:
    """The model in LightGBM's own text format. The settings that it repeats, threads among them, are no part of the model."""
    return str(booster.model_to_string().split("\nparameters:")[0])


def from_text(text: str) -> lightgbm.Booster:
    """The reverse of `to_text`."""
    return lightgbm.Booster(model_str=text)
