"""The demand feature table as the algorithms see it: keys, label, features, and a numeric matrix of the features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

HORIZON_DAYS = 28
KEYS = ("product_id", "as_of_date", "horizon_days")
LABEL = "units"
NOT_FEATURES = frozenset({"product_id", "as_of_date", "target_date", "units", "is_censored"})
# Rows that teach and rows that judge: the label is known, and a stock-out did not cut it short.
HAS_LABEL = "units is not null and not coalesce(is_censored, false)"
# Least mean daily units that a forecast is scaled by.
SMALLEST_BASE_UNITS = 0.01
# No day is forecast at more than so many times the recent level (or one unit), and a label beyond it counts as that much: one
# mistyped quantity would otherwise bend the forecasts of all products that look like this one.
LARGEST_FACTOR = 50.0
# Below so many rows there is nothing to tell apart.
LEAST_ROWS = 500
# Levels a text feature may have; rarer ones count as missing.
MOST_LEVELS = 200


def feature_names(columns: Sequence[str]) -> list[str]:
    """The features among the columns of the feature table, sorted: every column that is no key and no label."""
    return sorted(set(columns) - NOT_FEATURES)


@dataclass(frozen=True)
class Encoding:
    """How feature columns become numbers: their order, and for each text feature its levels (level i becomes i)."""

    features: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]

    def stored(self) -> dict[str, Any]:
        """The encoding as it stands in an artifact."""
        return {"features": self.features, "levels": self.levels}

    @classmethod
    def restored(cls, stored: Mapping[str, Any]) -> "Encoding":
        """The reverse of `stored`; other entries of the artifact are passed over."""
        return cls(tuple(stored["features"]), {name: tuple(texts) for name, texts in stored["levels"].items()})

    @property
    def categorical(self) -> list[int]:
        """Positions of the text features."""
        return [index for index, name in enumerate(self.features) if name in self.levels]

    def matrix(self, rows: pa.Table) -> NDArray[np.float32]:
        """Features as (rows, features), column-major; a null or an unknown level is NaN.

        Raises TypeError when a column is neither number, boolean nor text.
        """
        matrix = np.empty((rows.num_rows, len(self.features)), dtype=np.float32, order="F")
        for index, name in enumerate(self.features):
            column = rows.column(name)
            if name in self.levels:
                column = pc.index_in(_as_text(column), value_set=pa.array(self.levels[name], type=pa.string()))
            elif not _is_numeric(column.type):
                raise TypeError(f"Feature {name} has the type {column.type}; features are numbers, booleans or text.")
            matrix[:, index] = pc.cast(column, pa.float64(), safe=False).to_numpy()
        return matrix


def learn_encoding(rows: pa.Table, features: Sequence[str], most_levels: int = MOST_LEVELS) -> Encoding:
    """Encoding of these features, text levels taken from the rows (the most frequent of each, in alphabetical order)."""
    levels = {}
    for name in features:
        column = rows.column(name)
        if _is_text(column.type):
            counts = pc.value_counts(_as_text(column).drop_null()).to_pylist()
            frequent = sorted(counts, key=lambda count: (-count["counts"], count["values"]))[:most_levels]
            levels[name] = tuple(sorted(count["values"] for count in frequent))
    return Encoding(tuple(features), levels)


def numbers(rows: pa.Table, column: str, missing: float = np.nan) -> NDArray[np.float64]:
    """One column as float64 (rows,), nulls replaced by `missing`."""
    values = pc.cast(rows.column(column), pa.float64(), safe=False).to_numpy().copy()
    values[np.isnan(values)] = missing
    return np.asarray(values, dtype=np.float64)


def base_units(rows: pa.Table) -> NDArray[np.float64]:
    """Recent mean daily units that forecasts are scaled by, at least SMALLEST_BASE_UNITS."""
    return np.maximum(numbers(rows, "base_units", missing=SMALLEST_BASE_UNITS), SMALLEST_BASE_UNITS)


def thinned(rows: pa.Table, most_rows: int) -> pa.Table:
    """Every n-th row, so that at most `most_rows` are left: what is taken does not depend on chance."""
    step = -(-rows.num_rows // most_rows)
    return rows.take(pa.array(np.arange(0, rows.num_rows, step))) if step > 1 else rows


def most_units(base: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a day's label and forecast may be at most, for products of these base units."""
    return np.asarray(LARGEST_FACTOR * np.maximum(base, 1.0), dtype=np.float64)


def training_units(rows: pa.Table) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Units to learn from and base units, each (rows,); None where there is too little to learn from, or nothing was sold."""
    base = base_units(rows)
    units = np.minimum(numbers(rows, LABEL), most_units(base))
    return (units, base) if len(units) >= LEAST_ROWS and units.any() else None


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_numeric(kind: pa.DataType) -> bool:
    checks = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)
    return any(check(kind) for check in checks)


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string())
