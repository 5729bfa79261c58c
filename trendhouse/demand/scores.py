"""Scoring: the champion's forecast of every product in the feature table, with quantiles from its back-test."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from trendhouse.artifacts import Fit
from trendhouse.demand.backtest import LEVELS, calibration, quantile_column, with_quantiles
from trendhouse.demand.candidate import Forecaster
from trendhouse.demand.history import History
from trendhouse.demand.serving import forecaster_of
from trendhouse.evaluation.conformal import Calibration, PoissonQuantiles
from trendhouse.parallel import one_thread

SCORES_SCHEMA = pa.schema(
    [
        ("product_id", pa.string()),
        ("as_of_date", pa.date32()),
        ("target_date", pa.date32()),
        ("horizon_days", pa.int32()),
        ("mean_units", pa.float64()),
        *((quantile_column(level), pa.float64()) for level in LEVELS),
        ("fallback_level", pa.string()),
        ("fit_id", pa.string()),
        ("scored_at", pa.timestamp("us")),
    ]
)
"""Columns of `ml_demand__scores`; `scored_at` is UTC."""


@dataclass(frozen=True)
class Scorer:
    """The champion, ready to score: its fit, the loaded algorithm, its quantile calibration, and the history that local methods continue."""

    fit: Fit
    forecaster: Forecaster
    calibrated: Calibration | PoissonQuantiles
    history: History
    scored_at: datetime

    @classmethod
    def of_champion(cls, champion_id: str | None, training: pa.Table, backtest: pa.Table, history: History) -> "Scorer":
        """From the fits of the champion's training (candidates and ensembles) and the champion's back-test rows.

        Raises NotTrainedError when there is no champion, DamagedArtifactError when an artifact is not as it was written.
        """
        fit, forecaster = forecaster_of(champion_id, training)
        return cls(fit, forecaster, calibration(backtest), history, datetime.now(UTC).replace(tzinfo=None))

    def score(self, rows: pa.Table) -> pa.Table:
        """Forecasts (SCORES_SCHEMA) of rows of the feature table."""
        one_thread()
        predictions = rows.select(["product_id", "as_of_date", "target_date", "horizon_days"]).append_column(
            "mean_units", pa.array(self.forecaster.predict(rows, self.history))
        )
        scored = with_quantiles(predictions, self.calibrated)
        constants = {"fallback_level": "model", "fit_id": self.fit.fit_id, "scored_at": self.scored_at}
        for name, value in constants.items():
            kind = SCORES_SCHEMA.field(name).type
            scored = scored.append_column(name, pa.repeat(pa.scalar(value, kind), rows.num_rows))
        return scored.select(SCORES_SCHEMA.names).cast(SCORES_SCHEMA)
