"""The back-test: at past origins, train on what was known then, predict the 28 days that followed, keep both.

Every candidate meets the same rows. Quantiles at one origin come from the errors at the other origins, so that their coverage is
an honest, out-of-sample figure too.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trendhouse.artifacts import Fit
from trendhouse.demand.candidates import candidates
from trendhouse.demand.matrix import HORIZON_DAYS, KEYS, LABEL, numbers
from trendhouse.evaluation.conformal import Calibration, PoissonQuantiles, calibrate
from trendhouse.evaluation.splits import rolling_origins, split_at

LEVELS = (0.1, 0.5, 0.9)
HORIZON_WEEKS = HORIZON_DAYS // 7

BACKTEST_SCHEMA = pa.schema(
    [
        ("fit_id", pa.string()),
        ("algorithm", pa.string()),
        ("product_id", pa.string()),
        ("as_of_date", pa.date32()),
        ("target_date", pa.date32()),
        ("horizon_days", pa.int32()),
        ("is_censored", pa.bool_()),
        ("actual_units", pa.float64()),
        ("mean_units", pa.float64()),
        ("p10_units", pa.float64()),
        ("p50_units", pa.float64()),
        ("p90_units", pa.float64()),
    ]
)
"""Columns of `ml_demand__backtest`; `as_of_date` is the origin."""


def run(rows: pa.Table, fits: Sequence[Fit], as_of_date: date, origins: int, threads: int) -> pa.Table:
    """Back-test the algorithms of one training (with its parameters) at up to `origins` origins, 28 days apart.

    `rows` are those of the feature table with a known label, censored ones among them: these are predicted, but neither train
    nor calibrate. An origin at which one of the algorithms finds too little to learn from is left out for all.
    """
    rows = rows.sort_by([(key, "ascending") for key in KEYS])
    available = pc.unique(rows.column("as_of_date")).to_pylist()
    dates = rolling_origins(as_of_date, available, origins, HORIZON_DAYS)
    # Origins side by side, one thread each: cores that wait for one another inside one training are idle cores.
    with ThreadPoolExecutor(max_workers=max(threads, 1)) as pool:
        parts = [part for at in pool.map(lambda origin: _at_origin(rows, fits, origin), dates) for part in at]
    if not parts:
        return BACKTEST_SCHEMA.empty_table()
    predictions = pa.concat_tables(parts)
    return pa.concat_tables(
        _with_quantiles(predictions.filter(pc.equal(predictions.column("fit_id"), fit.fit_id))) for fit in fits
    )


def untested(training: Sequence[Mapping[str, Any]], tested: pa.Table) -> list[str]:
    """Identifiers of one training's fits if none has back-test rows yet (`tested`: the fit_id of those that have); else none."""
    done = set(tested.column("fit_id").to_pylist())
    fits = [str(row["fit_id"]) for row in training]
    return [] if done.intersection(fits) else fits


def calibration(backtest: pa.Table) -> Calibration | PoissonQuantiles:
    """Quantile calibration from one fit's back-test rows; censored rows are left out."""
    rows = backtest.filter(pc.invert(backtest.column("is_censored")))
    return calibrate(
        numbers(rows, "actual_units"), numbers(rows, "mean_units"), horizon_week(rows), HORIZON_WEEKS, LEVELS
    )


def horizon_week(rows: pa.Table) -> NDArray[np.int64]:
    """Week of the horizon per row, numbered from 0: days 1-7 are 0."""
    days = rows.column("horizon_days").to_numpy().astype(np.int64)
    return np.asarray((days - 1) // 7, dtype=np.int64)


def _at_origin(rows: pa.Table, fits: Sequence[Fit], origin: date) -> list[pa.Table]:
    """Predictions of all fits at one origin, quantiles still to come; empty when one of them cannot be trained."""
    split = split_at(rows, origin)
    training = split.training.filter(pc.invert(pc.fill_null(split.training.column("is_censored"), False)))
    parts = []
    for fit in fits:
        candidate = candidates()[fit.algorithm]
        artifact = candidate.fit(training, fit.features, fit.parameters, threads=1)
        if artifact is None:
            return []
        test = split.test
        parts.append(
            pa.table(
                {
                    "fit_id": pa.array([fit.fit_id] * test.num_rows, type=pa.string()),
                    "algorithm": pa.array([fit.algorithm] * test.num_rows, type=pa.string()),
                    "product_id": test.column("product_id"),
                    "as_of_date": test.column("as_of_date"),
                    "target_date": test.column("target_date"),
                    "horizon_days": test.column("horizon_days"),
                    "is_censored": pc.fill_null(test.column("is_censored"), False),
                    "actual_units": test.column(LABEL),
                    "mean_units": candidate.load(artifact).predict(test),
                }
            )
        )
    return parts


def _with_quantiles(predictions: pa.Table) -> pa.Table:
    """Add quantiles to one fit's predictions: each origin calibrated on the other origins."""
    parts = []
    for origin in sorted(pc.unique(predictions.column("as_of_date")).to_pylist()):
        here = pc.equal(predictions.column("as_of_date"), pa.scalar(origin, type=pa.date32()))
        others = calibration(predictions.filter(pc.invert(here)))
        parts.append(with_quantiles(predictions.filter(here), others))
    return pa.concat_tables(part.select(BACKTEST_SCHEMA.names).cast(BACKTEST_SCHEMA) for part in parts)


def with_quantiles(predictions: pa.Table, calibrated: Calibration | PoissonQuantiles) -> pa.Table:
    """The table with columns p10_units, p50_units and p90_units, from its `mean_units` and `horizon_days`."""
    quantiles = calibrated.quantiles(numbers(predictions, "mean_units"), horizon_week(predictions))
    for index, level in enumerate(LEVELS):
        predictions = predictions.append_column(f"p{round(100 * level)}_units", pa.array(quantiles[:, index]))
    return predictions
