"""A baseline that is one column of the feature table: nothing to learn, nothing to explain but that column."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from trendhouse.artifacts import canonical_json
from trendhouse.demand.history import Floats, History
from trendhouse.demand.matrix import numbers


@dataclass(frozen=True)
class ColumnForecaster:
    """Predicts the first of its columns that is known, 0 where none is."""

    columns: tuple[str, ...]

    def predict(self, rows: pa.Table, history: History) -> Floats:
        """Mean units per row (rows,)."""
        predicted = np.full(rows.num_rows, np.nan)
        for column in self.columns:
            predicted = np.where(np.isnan(predicted), numbers(rows, column), predicted)
        return np.asarray(np.maximum(np.nan_to_num(predicted, nan=0.0), 0.0), dtype=np.float64)

    def contributions(self, rows: pa.Table, history: History) -> tuple[Sequence[str], Floats]:
        """The whole forecast, as the work of the first column."""
        return self.columns[:1], self.predict(rows, history)[:, None]


@dataclass(frozen=True)
class ColumnBaseline:
    """Candidate that forecasts with a column; the columns after the first fill its gaps."""

    algorithm: str
    columns: tuple[str, ...]
    is_baseline: bool = True

    def parameters(self) -> Mapping[str, Any]:
        """The columns, and the version of this rule."""
        return {"columns": list(self.columns), "version": 1}

    def fit(self, rows: pa.Table, features: Sequence[str], parameters: Mapping[str, Any], threads: int) -> str | None:
        """The rule itself, as JSON text: the rows teach nothing."""
        return canonical_json({"columns": parameters["columns"]})

    def load(self, artifact: str) -> ColumnForecaster:
        """Forecaster of an artifact."""
        return ColumnForecaster(tuple(json.loads(artifact)["columns"]))
