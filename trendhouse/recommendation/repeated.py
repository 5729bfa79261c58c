"""Texts that stand in many rows of a table, held once each: 200,000 customers have 13 million rows of vectors."""

import numpy as np
import pyarrow as pa

from trendhouse.recommendation.interactions import Integers, Texts

REPEATED = pa.dictionary(pa.int32(), pa.string())
"""Type of such a column."""


def repeated(places: Integers, texts: Texts) -> pa.DictionaryArray:
    """The text at each place (places,)."""
    return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32)), pa.array(texts.tolist(), pa.string()))
