"""Ridge regression of the change against a product's recent level: units / base units, linear in standardised features.

Rows weigh by their base units, so that the error counted is one of units. Features in units are taken relative to the level, missing
values are the training mean, and values beyond CLIP standard deviations count as that many: a straight line has no other defence against
an extreme.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.linear_model import Ridge

from trendhouse.artifacts import canonical_json
from trendhouse.demand.history import Floats, History
from trendhouse.demand.matrix import Encoding, base_units, learn_encoding, most_units, thinned, training_units

CLIP = 4.0
# Text levels that get a column of their own.
MOST_INDICATORS = 30
IN_UNITS = re.compile(r"(^|_)units(_|$)")
PURE_NUMBER = re.compile(r"ratio|skewness|kurtosis|per_order|share|rate")


@dataclass(frozen=True)
class LinearForecaster:
    """Coefficients of standardised columns; a column is a numeric feature or the indicator of one text level."""

    encoding: Encoding
    means: Floats
    deviations: Floats
    coefficients: Floats
    intercept: float

    def predict(self, rows: pa.Table, history: History) -> Floats:
        """Mean units per row (rows,)."""
        base = base_units(rows)
        factor = self.intercept + self._parts(rows, base).sum(axis=1)
        return np.asarray(np.clip(base * factor, 0.0, most_units(base)), dtype=np.float64)

    def contributions(self, rows: pa.Table, history: History) -> tuple[Sequence[str], Floats]:
        """Units (rows, features): coefficient x standardised value x level, indicators summed by feature."""
        base = base_units(rows)
        parts = self._parts(rows, base) * base[:, None]
        owners = [owner for owner, _ in _columns(self.encoding)]
        features = self.encoding.features
        units = np.zeros((rows.num_rows, len(features)))
        for column, owner in enumerate(owners):
            units[:, owner] += parts[:, column]
        return features, units

    def _parts(self, rows: pa.Table, base: Floats) -> Floats:
        standardised = (_raw_columns(self.encoding, rows, base) - self.means) / self.deviations
        return np.asarray(
            np.clip(np.nan_to_num(standardised, nan=0.0), -CLIP, CLIP) * self.coefficients, dtype=np.float64
        )


@dataclass(frozen=True)
class LinearRegression:
    """Candidate: ridge regression."""

    algorithm: str = "linear_regression"
    is_baseline: bool = False

    def parameters(self) -> Mapping[str, Any]:
        """Penalty, as a share of the rows' total weight, rows at most, and the version of this module."""
        return {"version": 1, "penalty_share": 0.01, "most_rows": 100_000}

    def fit(self, rows: pa.Table, features: Sequence[str], parameters: Mapping[str, Any], threads: int) -> str | None:
        """JSON text with columns, scaling and coefficients; None below LEAST_ROWS rows or without a sale."""
        rows = thinned(rows, parameters["most_rows"])
        learnt_from = training_units(rows)
        if learnt_from is None:
            return None
        units, base = learnt_from
        encoding = learn_encoding(rows, features, MOST_INDICATORS)
        raw = _raw_columns(encoding, rows, base)
        known = ~np.isnan(raw)
        count = np.maximum(known.sum(axis=0), 1)
        means = np.where(known, raw, 0.0).sum(axis=0) / count
        deviations = np.sqrt(np.where(known, (raw - means) ** 2, 0.0).sum(axis=0) / count)
        deviations = np.where(deviations > 1e-9, deviations, np.inf)
        standardised = np.clip(np.nan_to_num((raw - means) / deviations, nan=0.0), -CLIP, CLIP)
        model = Ridge(alpha=parameters["penalty_share"] * base.sum(), solver="cholesky")
        model.fit(standardised, units / base, sample_weight=base)
        return canonical_json(
            {
                **encoding.stored(),
                "means": _texts(means),
                "deviations": _texts(deviations),
                "coefficients": _texts(model.coef_),
                "intercept": float(f"{model.intercept_:.9g}"),
            }
        )

    def load(self, artifact: str) -> LinearForecaster:
        """Forecaster of an artifact."""
        stored = json.loads(artifact)
        means, deviations, coefficients = (np.array(stored[name]) for name in ("means", "deviations", "coefficients"))
        return LinearForecaster(Encoding.restored(stored), means, deviations, coefficients, stored["intercept"])


def _columns(encoding: Encoding) -> list[tuple[int, int | None]]:
    """Position of the feature behind each column, and the text level the column stands for."""
    columns: list[tuple[int, int | None]] = []
    for index, name in enumerate(encoding.features):
        levels = encoding.levels.get(name)
        columns.extend([(index, None)] if levels is None else [(index, level) for level in range(len(levels))])
    return columns


def _raw_columns(encoding: Encoding, rows: pa.Table, base: Floats) -> Floats:
    """Columns (rows, columns) before scaling; NaN where a number is missing."""
    matrix = encoding.matrix(rows)
    columns = np.empty((rows.num_rows, len(_columns(encoding))))
    for column, (index, level) in enumerate(_columns(encoding)):
        values = matrix[:, index].astype(np.float64)
        if level is not None:
            columns[:, column] = values == level
        elif IN_UNITS.search(encoding.features[index]) and not PURE_NUMBER.search(encoding.features[index]):
            columns[:, column] = values / base
        else:
            columns[:, column] = values
    return columns


def _texts(values: Floats) -> list[float]:
    """Nine significant digits: more would say which order a sum was taken in. A column that never varied has no spread."""
    return [float(f"{value:.9g}") if np.isfinite(value) else 1e300 for value in values]


CANDIDATE = LinearRegression()
