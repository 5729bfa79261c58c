"""Arrays <-> text: factors and neighbours as an artifact. JSON with base64 of the raw numbers; reading one runs no code."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trendhouse.artifacts import canonical_json

# Little-endian whatever the machine: the text of one is read on another.
TYPES = {"float32": "<f4", "int32": "<i4", "int64": "<i8"}


def to_text(arrays: Mapping[str, NDArray[np.generic]]) -> str:
    """JSON text of named arrays: float32, int32, int64, or texts. Raises TypeError for another type."""
    return canonical_json({name: _stored(name, array) for name, array in arrays.items()})


def from_text(text: str) -> dict[str, NDArray[np.generic]]:
    """The reverse of `to_text`."""
    return {name: _restored(stored) for name, stored in json.loads(text).items()}


def _stored(name: str, array: NDArray[np.generic]) -> dict[str, Any]:
    if array.dtype.kind == "U":
        return {"shape": array.shape, "texts": array.ravel().tolist()}
    kind = array.dtype.name
    if kind not in TYPES:
        raise TypeError(f"{name} is of {kind}; an artifact holds {', '.join(TYPES)} and texts.")
    raw = np.ascontiguousarray(array, dtype=TYPES[kind]).tobytes()
    return {"shape": array.shape, "type": kind, "base64": base64.b64encode(raw).decode("ascii")}


def _restored(stored: Mapping[str, Any]) -> NDArray[np.generic]:
    shape = tuple(stored["shape"])
    if "texts" in stored:
        return np.asarray(stored["texts"], dtype=np.str_).reshape(shape)
    kind = str(stored["type"])
    raw = base64.b64decode(stored["base64"])
    return np.frombuffer(raw, dtype=TYPES[kind]).astype(kind).reshape(shape)
