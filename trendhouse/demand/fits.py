"""Training: every candidate on the same rows, each into one row of `ml_demand__fits`; then the ensembles, on what the candidates
forecast in the back-test, each into one row of `ml_demand__ensembles`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trendhouse.artifacts import FITS_SCHEMA, Fit, library_versions, to_table
from trendhouse.demand.backtest import judged_weeks
from trendhouse.demand.candidates import candidates
from trendhouse.demand.ensembles import ensembles
from trendhouse.demand.matrix import KEYS, feature_names, numbers
from trendhouse.demand.tuning import best_parameters
from trendhouse.parallel import one_thread
from trendhouse.training import Settings, fingerprint, fit_id, fit_key

TOPIC = "demand"
LIBRARIES = ("lightgbm", "numpy", "pyarrow", "scikit-learn", "statsforecast", "trendhouse")


def settings(columns: Sequence[str], trials: pa.Table | None = None, as_of_date: date | None = None) -> Settings:
    """What a training with these columns of the feature table would be made with.

    Parameters are each candidate's own, or the best that a tuning (`trials`) found that saw nothing of `as_of_date`.
    """
    parameters = {name: candidate.parameters() for name, candidate in candidates().items()}
    if trials is not None:
        parameters = {name: best_parameters(trials, name, own, as_of_date) for name, own in parameters.items()}
    return Settings(parameters=parameters, features=feature_names(columns))


def train(
    rows: pa.Table, as_of_date: date, previous: pa.Table, threads: int, wanted: Settings | None = None
) -> pa.Table:
    """Fit all candidates on labelled rows of the feature table; rows of FITS_SCHEMA.

    A fit that `previous` holds already (same data, same settings) is not repeated: it would come out the same. A candidate that
    finds too little to learn from gives no row. Without `wanted`, every column is a feature and every parameter the candidate's own.
    """
    one_thread()
    wanted = wanted or settings(rows.column_names)
    rows = rows.sort_by([(key, "ascending") for key in KEYS])
    key = fit_key(fingerprint(rows, KEYS), wanted)
    present = set(previous.column("fit_id").to_pylist())
    trained_at = datetime.now(UTC).replace(tzinfo=None)
    data_to = as_of_date - timedelta(days=1)
    fits = []
    for algorithm, candidate in candidates().items():
        identifier = fit_id(key, algorithm)
        if identifier in present:
            continue
        artifact = candidate.fit(rows, wanted.features, wanted.parameters[algorithm], threads)
        if artifact is None:
            continue
        fits.append(
            Fit(
                fit_id=identifier,
                topic=TOPIC,
                algorithm=algorithm,
                is_baseline=candidate.is_baseline,
                trained_at=trained_at,
                data_from=pc.min(rows.column("target_date")).as_py() or data_to,
                data_to=data_to,
                fit_key=key,
                parameters=wanted.parameters[algorithm],
                features=wanted.features,
                metrics={"training_rows": rows.num_rows},
                library_versions=library_versions(LIBRARIES),
                artifact=artifact,
            )
        )
    return to_table(fits) if fits else FITS_SCHEMA.empty_table()


def missing_ensembles(training: Sequence[Mapping[str, Any]], previous: pa.Table) -> list[str]:
    """Ensembles that the latest training (rows of its fits) has none of yet; `previous` holds the fit_id of those that are there."""
    if not training:
        return []
    present = set(previous.column("fit_id").to_pylist())
    return [name for name in ensembles() if fit_id(str(training[0]["fit_key"]), name) not in present]


def train_ensembles(training: Sequence[Mapping[str, Any]], backtest: pa.Table, wanted: Sequence[str]) -> pa.Table:
    """Fit the ensembles on the candidates' back-test rows of one training; rows of FITS_SCHEMA.

    `training` describes the candidates' fits. An ensemble that finds too little to learn from gives no row.
    """
    one_thread()
    of_fit = {str(row["fit_id"]): str(row["algorithm"]) for row in training}
    order = [(name, "ascending") for name in ("as_of_date", "product_id", "horizon_days")]
    parts = {
        name: backtest.filter(pc.equal(backtest.column("fit_id"), key)).sort_by(order) for key, name in of_fit.items()
    }
    members = sorted(name for name, part in parts.items() if part.num_rows)
    if not members:
        return FITS_SCHEMA.empty_table()
    forecasts = np.column_stack([numbers(parts[name], "mean_units") for name in members])
    context = parts[members[0]]
    weeks = judged_weeks(forecasts, context)
    if weeks is None:
        return FITS_SCHEMA.empty_table()
    fits = []
    for algorithm in wanted:
        parameters = ensembles()[algorithm].parameters()
        artifact = ensembles()[algorithm].fit(members, weeks, parameters)
        if artifact is not None:
            fits.append(
                Fit(
                    fit_id=fit_id(str(training[0]["fit_key"]), algorithm),
                    topic=TOPIC,
                    algorithm=algorithm,
                    is_baseline=False,
                    trained_at=training[0]["trained_at"],
                    data_from=training[0]["data_from"],
                    data_to=training[0]["data_to"],
                    fit_key=str(training[0]["fit_key"]),
                    parameters=parameters,
                    features=members,
                    metrics={"training_rows": context.num_rows},
                    library_versions=library_versions(LIBRARIES),
                    artifact=artifact,
                )
            )
    return to_table(fits)
