"""Scoring: the champion's forecast of every product in the feature table, with quantiles from its back-test."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from trendhouse.artifacts import Fit, from_table
from trendhouse.demand.backtest import calibration, with_quantiles
from trendhouse.demand.candidate import Forecaster
from trendhouse.demand.candidates import candidates
from trendhouse.evaluation.conformal import Calibration, PoissonQuantiles

SCORES_SCHEMA = pa.schema(
    [
        ("product_id", pa.string()),
        ("as_of_date", pa.date32()),
        ("target_date", pa.date32()),
        ("horizon_days", pa.int32()),
        ("mean_units", pa.float64()),
        ("p10_units", pa.float64()),
        ("p50_units", pa.float64()),
        ("p90_units", pa.float64()),
        ("fallback_level", pa.string()),
        ("fit_id", pa.string()),
        ("scored_at", pa.timestamp("us")),
    ]
)
"""Columns of `ml_demand__scores`; `scored_at` is UTC."""


class NotTrainedError(ValueError):
    """There is nothing to score with."""


@dataclass(frozen=True)
class Scorer:
    """The champion, ready to score: its fit, the loaded algorithm, its quantile calibration."""

    fit: Fit
    forecaster: Forecaster
    calibrated: Calibration | PoissonQuantiles
    scored_at: datetime

    @classmethod
    def of_champion(cls, champion: pa.Table, backtest: pa.Table) -> "Scorer":
        """From the champion's row of the fits table and its back-test rows.

        Raises NotTrainedError when there is no champion, DamagedArtifactError when its artifact is not as it was written.
        """
        fits = from_table(champion)
        if len(fits) != 1:
            raise NotTrainedError(
                "No demand model has been trained on data before this as-of date. Build once with training: "
                "dbt build --vars '{trendhouse_train: auto}' (selector score never trains)."
            )
        fit = fits[0]
        forecaster = candidates()[fit.algorithm].load(fit.artifact)
        return cls(fit, forecaster, calibration(backtest), datetime.now(UTC).replace(tzinfo=None))

    def score(self, rows: pa.Table) -> pa.Table:
        """Forecasts (SCORES_SCHEMA) of rows of the feature table."""
        predictions = rows.select(["product_id", "as_of_date", "target_date", "horizon_days"]).append_column(
            "mean_units", pa.array(self.forecaster.predict(rows))
        )
        scored = with_quantiles(predictions, self.calibrated)
        constants = {"fallback_level": "model", "fit_id": self.fit.fit_id, "scored_at": self.scored_at}
        for name, value in constants.items():
            kind = SCORES_SCHEMA.field(name).type
            scored = scored.append_column(name, pa.array([value] * rows.num_rows, type=kind))
        return scored.select(SCORES_SCHEMA.names).cast(SCORES_SCHEMA)
