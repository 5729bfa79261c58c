"""Local methods: one model per series, fitted when it forecasts, on nothing but the series itself.

They learn nothing from the feature table. A period's forecast is spread over its days by the weekday pattern of the product's
category, where the rows have one.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from trendhouse.artifacts import canonical_json
from trendhouse.demand.history import Floats, History
from trendhouse.demand.matrix import numbers

WEEKDAY_RATIO = "category_weekday_units_ratio"
# The name under which a local method's forecast stands among the reasons.
OWN_SERIES = "own_series_units"
# Shorter series are continued with their mean.
LEAST_PERIODS = 4
# Up to so many series in the history each is searched for its best model; more get the plain one, in a tenth of the time.
MOST_SEARCHED = 1_000

Method = Callable[[Floats, int, Mapping[str, Any]], Floats]
"""A series (periods,) without gaps, periods ahead, settings -> forecasts (periods ahead,)."""


@dataclass(frozen=True)
class LocalForecaster:
    """A local method with its settings."""

    method: Method
    settings: Mapping[str, Any]

    def predict(self, rows: pa.Table, history: History) -> Floats:
        """Mean units per row (rows,)."""
        predicted = np.zeros(rows.num_rows)
        as_of = rows.column("as_of_date").to_numpy()
        products = np.asarray(rows.column("product_id").to_pylist(), dtype=np.str_)
        ahead = history.periods_ahead(rows.column("horizon_days").to_numpy().astype(np.int64))
        for date in np.unique(as_of):
            here = as_of == date
            names, position = np.unique(products[here], return_inverse=True)
            known = history.before(date.astype("datetime64[D]").item())
            forecasts = self._continued(known, known.series_of(names), int(ahead[here].max()))
            predicted[here] = forecasts[position, ahead[here] - 1]
        if WEEKDAY_RATIO in rows.column_names:
            predicted *= numbers(rows, WEEKDAY_RATIO, missing=1.0)
        return predicted

    def contributions(self, rows: pa.Table, history: History) -> tuple[Sequence[str], Floats]:
        """The whole forecast, as the work of the series."""
        return (OWN_SERIES,), self.predict(rows, history)[:, None]

    def _continued(self, known: History, series: Floats, steps: int) -> Floats:
        """Forecasts (products, steps), none negative; 0 for a product without a period."""
        settings = {
            **self.settings,
            "season_lengths": known.season_lengths,
            "is_searched": len(known.products) <= MOST_SEARCHED,
        }
        forecasts = np.zeros((len(series), steps))
        for index, values in enumerate(series):
            observed = _without_gaps(values)
            if not len(observed):
                continue
            mean = observed.mean()
            if len(observed) < LEAST_PERIODS or np.ptp(observed) == 0:
                forecasts[index] = mean
                continue
            found = self.method(observed, steps, settings)
            forecasts[index] = np.where(np.isfinite(found), found, mean)
        return np.maximum(forecasts, 0.0)


@dataclass(frozen=True)
class LocalCandidate:
    """Candidate that continues each series by a local method."""

    algorithm: str
    method: Method
    settings: tuple[tuple[str, Any], ...] = ()
    version: int = 1
    is_baseline: bool = False

    def parameters(self) -> Mapping[str, Any]:
        """The settings of the method, and the version of its module."""
        return {**dict(self.settings), "version": self.version}

    def fit(self, rows: pa.Table, features: Sequence[str], parameters: Mapping[str, Any], threads: int) -> str | None:
        """The settings, as JSON text: the rows teach nothing."""
        return canonical_json({"settings": {key: value for key, value in parameters.items() if key != "version"}})

    def load(self, artifact: str) -> LocalForecaster:
        """Forecaster of an artifact."""
        return LocalForecaster(self.method, json.loads(artifact)["settings"])


def _without_gaps(values: Floats) -> Floats:
    """The series from its first observed period on; a period that was not observed repeats the one before."""
    seen = ~np.isnan(values)
    if not seen.any():
        return values[:0]
    start = int(np.argmax(seen))
    last = np.maximum.accumulate(np.where(seen[start:], np.arange(len(values) - start), 0))
    return values[start:][last]
