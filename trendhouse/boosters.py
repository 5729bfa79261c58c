"""LightGBM as every topic uses it: deterministic to the byte, stored as text, forecasts in one thread.

Forecasts take one thread, because trainings of one thread may run beside them (the origins of a back-test): LightGBM keeps one number of threads
for the whole process, and a call with more threads than another began with ends the process.
"""

from collections.abc import Mapping
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray


def deterministic(settings: Mapping[str, Any], threads: int) -> dict[str, Any]:
    """LightGBM's settings, and those with which the same rows give the same model, silently, on any number of threads."""
    return {**settings, "num_threads": threads, "deterministic": True, "force_row_wise": True, "verbosity": -1}


def predict(booster: lightgbm.Booster, matrix: NDArray[np.float32], **kind: bool) -> NDArray[np.float64]:
    """The booster's output for a matrix, in one thread; `kind` is LightGBM's `raw_score` or `pred_contrib`."""
    return np.asarray(booster.predict(matrix, num_threads=1, **kind), dtype=np.float64)


def to_text(booster: lightgbm.Booster) -> str:
    """The model in LightGBM's own text format. The settings that it repeats, threads among them, are no part of the model."""
    return str(booster.model_to_string().split("\nparameters:")[0])


def from_text(text: str) -> lightgbm.Booster:
    """The reverse of `to_text`."""
    return lightgbm.Booster(model_str=text)
