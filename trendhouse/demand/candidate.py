"""What a demand algorithm has to offer to compete in the back-test."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa

from trendhouse.demand.history import Floats, History


class Forecaster(Protocol):
    """A fitted algorithm, loaded from its artifact."""

    def predict(self, rows: pa.Table, history: History) -> Floats:
        """Mean units per row (rows,) of the feature table; finite, never negative.

        `history` may reach beyond a row's as-of date: a method that reads it takes `history.before(as_of_date)`.
        """

    def contributions(self, rows: pa.Table, history: History) -> tuple[Sequence[str], Floats]:
        """Names (features,) and units (rows, features) that each feature adds to the row's mean, against what the algorithm expects unseen."""


class Candidate(Protocol):
    """An algorithm that can be fitted. Its module in `trendhouse.demand.candidates` holds one instance named CANDIDATE."""

    algorithm: str
    is_baseline: bool

    def parameters(self) -> Mapping[str, Any]:
        """Everything that, changed, makes another model of the same data; `version` among it, raised when the code changes."""

    def fit(self, rows: pa.Table, features: Sequence[str], parameters: Mapping[str, Any], threads: int) -> str | None:
        """Artifact (text) fitted on labelled rows; None when there is too little to learn from.

        Same rows in the same order, same parameters: same text, whatever `threads` is.
        """

    def load(self, artifact: str) -> Forecaster:
        """The fitted algorithm of an artifact."""
