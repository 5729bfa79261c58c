"""The back-test: at past origins, train on what was known then, predict the 28 days that followed, keep both.

Every candidate meets the same rows. Ensembles learn from the forecasts the candidates made at earlier origins, so the first origin
serves them alone and judges nobody. Quantiles at one origin come from the errors at the other origins, so that their coverage is
an honest, out-of-sample figure too.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trendhouse.artifacts import Fit
from trendhouse.demand.candidates import candidates
from trendhouse.demand.ensembles import ensembles
from trendhouse.demand.history import Floats, History
from trendhouse.demand.matrix import HORIZON_DAYS, KEYS, LABEL, numbers
from trendhouse.demand.product_weeks import ProductWeeks, product_weeks
from trendhouse.demand.segments import demand_classes
from trendhouse.evaluation.conformal import Calibration, PoissonQuantiles, calibrate
from trendhouse.evaluation.splits import rolling_origins, split_at
from trendhouse.parallel import one_thread
from trendhouse.training import fit_id

# Quantiles of every forecast: 0.05, 0.10 ... 0.95; and those that the back-test keeps of each candidate.
LEVELS = tuple(step / 20 for step in range(1, 20))
BACKTEST_LEVELS = (0.1, 0.5, 0.9)
HORIZON_WEEKS = HORIZON_DAYS // 7
# Origins before the judged ones, from whose forecasts the ensembles learn first.
WARM_UP_ORIGINS = 1


def quantile_column(level: float) -> str:
    """Name of the column that holds a quantile: p05_units for 0.05."""
    return f"p{round(100 * level):02d}_units"


BACKTEST_SCHEMA = pa.schema(
    [
        ("fit_id", pa.string()),
        ("fit_key", pa.string()),
        ("algorithm", pa.string()),
        ("product_id", pa.string()),
        ("demand_class", pa.string()),
        ("as_of_date", pa.date32()),
        ("target_date", pa.date32()),
        ("horizon_days", pa.int32()),
        ("is_warm_up", pa.bool_()),
        ("is_censored", pa.bool_()),
        ("actual_units", pa.float64()),
        ("mean_units", pa.float64()),
        *((quantile_column(level), pa.float64()) for level in BACKTEST_LEVELS),
    ]
)
"""Columns of `ml_demand__backtest`; `as_of_date` is the origin."""

CALIBRATION_SCHEMA = pa.schema(
    [
        *(
            field
            for field in BACKTEST_SCHEMA
            if field.name not in {quantile_column(level) for level in BACKTEST_LEVELS}
        ),
        *((quantile_column(level), pa.float64()) for level in LEVELS),
    ]
)
"""Columns of `ml_demand__calibration`: a back-test row with every quantile."""


@dataclass(frozen=True)
class OriginForecasts:
    """What the candidates predicted at one origin: `context` (one row per product and day), `forecasts` (rows, members)."""

    origin: date
    context: pa.Table
    members: tuple[str, ...]
    forecasts: Floats


def run(
    rows: pa.Table, history: History, fits: Sequence[Fit], as_of_date: date, origins: int, threads: int
) -> pa.Table:
    """Back-test the candidates of one training (with its parameters) at up to `origins` origins, 28 days apart, and all ensembles.

    `rows` are those of the feature table with a known label, censored ones among them: these are predicted, but neither train
    nor calibrate. An origin at which one of the candidates finds too little to learn from is left out for all. One more origin
    before these is for the ensembles to learn from; its rows are marked `is_warm_up`.
    """
    one_thread()
    rows = rows.sort_by([(key, "ascending") for key in KEYS])
    available = pc.unique(rows.column("as_of_date")).to_pylist()
    dates = rolling_origins(as_of_date, available, origins + WARM_UP_ORIGINS, HORIZON_DAYS)
    # Origins side by side, one thread each: cores that wait for one another inside one training are idle cores.
    with ThreadPoolExecutor(max_workers=max(threads, 1)) as pool:
        found = pool.map(lambda origin: _at_origin(rows, history, fits, origin), dates)
    tested = [part for part in found if part is not None]
    if not tested:
        return BACKTEST_SCHEMA.empty_table()
    # With a single origin there is nothing to warm up for.
    warm_up = {part.origin for part in tested[:WARM_UP_ORIGINS]} if len(tested) > WARM_UP_ORIGINS else set()
    key = fits[0].fit_key
    predictions = [
        pa.concat_tables(_predictions(part, key, fit.algorithm, part.forecasts[:, index]) for part in tested)
        for index, fit in enumerate(fits)
    ]
    for algorithm, parts in _combined(tested).items():
        predictions.append(pa.concat_tables(_predictions(part, key, algorithm, forecast) for part, forecast in parts))
    return pa.concat_tables(_with_backtest_quantiles(table, warm_up) for table in predictions)


def untested(training: Sequence[Mapping[str, Any]], tested: pa.Table) -> list[str]:
    """Identifiers of one training's fits if none has back-test rows yet (`tested`: the fit_id of those that have); else none."""
    done = set(tested.column("fit_id").to_pylist())
    fits = [str(row["fit_id"]) for row in training]
    return [] if done.intersection(fits) else fits


def calibration(backtest: pa.Table, levels: Sequence[float] = LEVELS) -> Calibration | PoissonQuantiles:
    """Quantile calibration from one fit's back-test rows; censored rows are left out."""
    rows = backtest.filter(pc.invert(backtest.column("is_censored")))
    return calibrate(
        numbers(rows, "actual_units"), numbers(rows, "mean_units"), horizon_week(rows), HORIZON_WEEKS, levels
    )


def horizon_week(rows: pa.Table) -> NDArray[np.int64]:
    """Week of the horizon per row, numbered from 0: days 1-7 are 0."""
    days = rows.column("horizon_days").to_numpy().astype(np.int64)
    return np.asarray((days - 1) // 7, dtype=np.int64)


def with_quantiles(predictions: pa.Table, calibrated: Calibration | PoissonQuantiles) -> pa.Table:
    """The table with a column per level of the calibration (p05_units ...), from its `mean_units` and `horizon_days`."""
    quantiles = calibrated.quantiles(numbers(predictions, "mean_units"), horizon_week(predictions))
    for index, level in enumerate(calibrated.levels):
        predictions = predictions.append_column(quantile_column(level), pa.array(quantiles[:, index]))
    return predictions


def _at_origin(rows: pa.Table, history: History, fits: Sequence[Fit], origin: date) -> OriginForecasts | None:
    """Forecasts of all fits at one origin; None when one of them cannot be trained."""
    split = split_at(rows, origin)
    training = split.training.filter(pc.invert(pc.fill_null(split.training.column("is_censored"), False)))
    known = history.before(origin)
    forecasts = np.empty((split.test.num_rows, len(fits)))
    for index, fit in enumerate(fits):
        candidate = candidates()[fit.algorithm]
        artifact = candidate.fit(training, fit.features, fit.parameters, threads=1)
        if artifact is None:
            return None
        forecasts[:, index] = candidate.load(artifact).predict(split.test, known)
    return OriginForecasts(origin, _context(split.test, known), tuple(fit.algorithm for fit in fits), forecasts)


def _context(test: pa.Table, known: History) -> pa.Table:
    """What is kept of the rows predicted, apart from the forecasts."""
    context = test.select(["product_id", "as_of_date", "target_date", "horizon_days"])
    context = context.append_column("is_censored", pc.fill_null(test.column("is_censored"), False))
    context = context.append_column("actual_units", pc.cast(test.column(LABEL), pa.float64()))
    return with_demand_class(context, known)


def with_demand_class(rows: pa.Table, known: History) -> pa.Table:
    """The rows with a column `demand_class`, of their product's history up to the as-of date that all rows share."""
    products, position = np.unique(
        np.asarray(rows.column("product_id").to_pylist(), dtype=np.str_), return_inverse=True
    )
    return rows.append_column("demand_class", pa.array(demand_classes(known, products)[position], type=pa.string()))


def _combined(tested: Sequence[OriginForecasts]) -> dict[str, list[tuple[OriginForecasts, Floats]]]:
    """Per ensemble: its forecasts at every origin but the first ones, each learnt from the origins before it alone."""
    judged = tested[WARM_UP_ORIGINS:]
    learnt_from = []
    for number in range(WARM_UP_ORIGINS, len(tested)):
        earlier = tested[:number]
        weeks = judged_weeks(
            np.vstack([part.forecasts for part in earlier]), pa.concat_tables(part.context for part in earlier)
        )
        # All ensembles are judged on the same origins as the candidates, or not at all.
        if weeks is None:
            return {}
        learnt_from.append(weeks)
    forecasts: dict[str, list[tuple[OriginForecasts, Floats]]] = {}
    for algorithm, ensemble in ensembles().items():
        parts = []
        for here, weeks in zip(judged, learnt_from, strict=True):
            artifact = ensemble.fit(here.members, weeks, ensemble.parameters())
            if artifact is not None:
                combination = ensemble.load(artifact)
                chosen = here.forecasts[:, [here.members.index(name) for name in combination.members]]
                parts.append((here, (chosen * combination.weights(here.context)).sum(axis=1)))
        if parts and len(parts) == len(judged):
            forecasts[algorithm] = parts
    return forecasts


def judged_weeks(forecasts: Floats, context: pa.Table) -> ProductWeeks | None:
    """Product-weeks that ensembles learn from, of forecasts (rows, members); censored rows of the context teach nothing.

    None without a row or a sale.
    """
    usable = ~np.asarray(context.column("is_censored").to_numpy(), dtype=bool)
    rows = context.filter(pa.array(usable))
    return product_weeks(forecasts[usable], numbers(rows, "actual_units"), rows)


def _predictions(part: OriginForecasts, key: str, algorithm: str, forecast: Floats) -> pa.Table:
    """One fit's rows at one origin, quantiles still to come."""
    table = part.context
    for name, value in {"fit_id": fit_id(key, algorithm), "fit_key": key, "algorithm": algorithm}.items():
        table = table.append_column(name, pa.repeat(pa.scalar(value, pa.string()), table.num_rows))
    return table.append_column("mean_units", pa.array(forecast))


def _with_backtest_quantiles(predictions: pa.Table, warm_up: set[date]) -> pa.Table:
    """Add quantiles and the warm-up mark to one fit's predictions."""
    table = out_of_sample(predictions, BACKTEST_LEVELS)
    marks = pc.is_in(table.column("as_of_date"), value_set=pa.array(sorted(warm_up), type=pa.date32()))
    return table.append_column("is_warm_up", marks).select(BACKTEST_SCHEMA.names).cast(BACKTEST_SCHEMA)


def out_of_sample(predictions: pa.Table, levels: Sequence[float]) -> pa.Table:
    """One fit's predictions with quantiles of these levels, each origin calibrated on the other origins; origins in order."""
    parts = []
    for origin in sorted(pc.unique(predictions.column("as_of_date")).to_pylist()):
        here = pc.equal(predictions.column("as_of_date"), pa.scalar(origin, type=pa.date32()))
        parts.append(with_quantiles(predictions.filter(here), calibration(predictions.filter(pc.invert(here)), levels)))
    return pa.concat_tables(parts)


def calibration_check(backtest: pa.Table) -> pa.Table:
    """One fit's back-test rows with all quantiles (CALIBRATION_SCHEMA), out of sample."""
    if not backtest.num_rows:
        return CALIBRATION_SCHEMA.empty_table()
    stored = [quantile_column(level) for level in BACKTEST_LEVELS]
    return (
        out_of_sample(backtest.drop_columns(stored), LEVELS).select(CALIBRATION_SCHEMA.names).cast(CALIBRATION_SCHEMA)
    )
