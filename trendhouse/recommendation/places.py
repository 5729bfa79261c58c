"""Where texts stand among others."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Texts = NDArray[np.str_]
Items = TypeVar("Items", bound=Sequence[object] | Integers)


def places_of(texts: Texts | pa.Array | pa.ChunkedArray, among: Texts) -> Integers:
    """Place of each text (texts,) in `among`, which is unique, in any order; -1 where it is null or not there."""
    values = pa.array(texts.astype(np.str_), pa.string()) if isinstance(texts, np.ndarray) else texts
    # An empty array of NumPy is one of numbers.
    found = pc.index_in(values, value_set=pa.array(among.astype(np.str_), pa.string()), skip_nulls=True)
    return np.asarray(pc.fill_null(found, -1).to_numpy(), dtype=np.int64)


def ranks_of(texts: pa.ChunkedArray) -> Integers:
    """Rank of each text (texts,) among the different ones, from 0, whatever the order of the rows; -1 where it is null."""
    return places_of(texts, np.asarray(pc.unique(texts.drop_null()).sort().to_pylist(), dtype=np.str_))


def evenly(items: Items, most: int) -> Items:
    """Every n-th of the items, so that at most `most` are left."""
    return items[:: max(-(-len(items) // most), 1)]  # type: ignore[return-value]
