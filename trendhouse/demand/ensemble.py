"""What an ensemble has to offer: a second-level learner that combines the forecasts of the candidates.

It learns from forecasts that the candidates made out of sample, at back-test origins, and competes there on the origins after
those it learnt from.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa

from trendhouse.demand.history import Floats
from trendhouse.demand.product_weeks import ProductWeeks


class Combination(Protocol):
    """A fitted ensemble, loaded from its artifact. `members` are the algorithms that it needs forecasts of."""

    members: tuple[str, ...]

    def weights(self, context: pa.Table) -> Floats:
        """Weights (rows, members), none negative: the combined forecast is the weighted sum of the members' forecasts.

        `context` holds horizon_days and demand_class per row.
        """


class Ensemble(Protocol):
    """An ensemble that can be fitted. Its module in `trendhouse.demand.ensembles` holds one instance named ENSEMBLE."""

    algorithm: str

    def parameters(self) -> Mapping[str, Any]:
        """Everything that, changed, makes another model of the same data; `version` among it, raised when the code changes."""

    def fit(self, members: Sequence[str], weeks: ProductWeeks, parameters: Mapping[str, Any]) -> str | None:
        """Artifact (JSON text); None when there is too little to learn from.

        `weeks` hold what the members (in their order) forecast out of sample, and what was sold: something, at least.
        """

    def load(self, artifact: str) -> Combination:
        """The fitted ensemble of an artifact."""
