"""Training: every candidate, on the same rows, each into one row of `ml_demand__fits`."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from trendhouse.artifacts import FITS_SCHEMA, Fit, library_versions, to_table
from trendhouse.demand.candidates import candidates
from trendhouse.demand.matrix import KEYS, LABEL, feature_names, numbers
from trendhouse.evaluation.metrics import bias, wape
from trendhouse.training import Settings, fingerprint, fit_id, fit_key

TOPIC = "demand"
LIBRARIES = ("lightgbm", "numpy", "pyarrow", "trendhouse")


def settings(columns: Sequence[str]) -> Settings:
    """What a training with these columns of the feature table would be made with."""
    parameters = {name: candidate.parameters() for name, candidate in candidates().items()}
    return Settings(parameters=parameters, features=feature_names(columns))


def train(rows: pa.Table, as_of_date: date, previous: pa.Table, threads: int) -> pa.Table:
    """Fit all candidates on labelled rows of the feature table; rows of FITS_SCHEMA.

    A fit that `previous` holds already (same data, same settings) is not repeated: it would come out the same. A candidate that
    finds too little to learn from gives no row.
    """
    wanted = settings(rows.column_names)
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
        actual, predicted = numbers(rows, LABEL), candidate.load(artifact).predict(rows)
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
                metrics={
                    "training_rows": rows.num_rows,
                    "training_wape": _rounded(wape(actual, predicted)),
                    "training_bias": _rounded(bias(actual, predicted)),
                },
                library_versions=library_versions(LIBRARIES),
                artifact=artifact,
            )
        )
    return to_table(fits) if fits else FITS_SCHEMA.empty_table()


def _rounded(value: float) -> float | None:
    return None if value != value else round(value, 6)
