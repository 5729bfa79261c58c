"""A fitted model <-> one row of a fits table.

Artifacts are text: LightGBM's own text format, or JSON. Reading one never runs code. Each carries its SHA-256, checked before
anything is made of it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version
from typing import Any

import pyarrow as pa

FITS_SCHEMA = pa.schema(
    [
        ("fit_id", pa.string()),
        ("topic", pa.string()),
        ("algorithm", pa.string()),
        ("is_baseline", pa.bool_()),
        ("trained_at", pa.timestamp("us")),
        ("data_from", pa.date32()),
        ("data_to", pa.date32()),
        ("fit_key", pa.string()),
        ("parameters", pa.string()),
        ("features", pa.string()),
        ("metrics", pa.string()),
        ("library_versions", pa.string()),
        ("artifact", pa.string()),
        ("artifact_sha256", pa.string()),
    ]
)
"""Columns of every `ml_<topic>__fits` table. Dates are inclusive, `trained_at` is UTC."""

# All columns but the artifact itself: what the decision to train needs to know.
DESCRIPTION_COLUMNS = [name for name in FITS_SCHEMA.names if name != "artifact"]


class DamagedArtifactError(ValueError):
    """A stored model is not what was written when it was trained."""


@dataclass(frozen=True)
class Fit:
    """One fitted model: one row of a fits table, its JSON columns as Python values."""

    fit_id: str
    topic: str
    algorithm: str
    is_baseline: bool
    trained_at: datetime
    data_from: date
    data_to: date
    fit_key: str
    parameters: Mapping[str, Any]
    features: Sequence[str]
    metrics: Mapping[str, Any]
    library_versions: Mapping[str, str]
    artifact: str


def canonical_json(value: Any) -> str:
    """JSON text that is the same for equal values: keys sorted, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256_text(text: str) -> str:
    """SHA-256 of a text (UTF-8), as hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def library_versions(distributions: Sequence[str]) -> dict[str, str]:
    """Installed version of each named distribution."""
    return {name: version(name) for name in sorted(distributions)}


def to_table(fits: Sequence[Fit]) -> pa.Table:
    """Rows of a fits table (FITS_SCHEMA) for these fits; zero rows for none."""
    rows = [
        {
            "fit_id": fit.fit_id,
            "topic": fit.topic,
            "algorithm": fit.algorithm,
            "is_baseline": fit.is_baseline,
            "trained_at": fit.trained_at,
            "data_from": fit.data_from,
            "data_to": fit.data_to,
            "fit_key": fit.fit_key,
            "parameters": canonical_json(fit.parameters),
            "features": canonical_json(list(fit.features)),
            "metrics": canonical_json(fit.metrics),
            "library_versions": canonical_json(fit.library_versions),
            "artifact": fit.artifact,
            "artifact_sha256": sha256_text(fit.artifact),
        }
        for fit in fits
    ]
    return pa.Table.from_pylist(rows, schema=FITS_SCHEMA)


def from_table(table: pa.Table) -> list[Fit]:
    """Fits from rows of a fits table; the reverse of `to_table`.

    Raises DamagedArtifactError when a row's artifact does not match its checksum.
    """
    return [
        Fit(
            fit_id=row["fit_id"],
            topic=row["topic"],
            algorithm=row["algorithm"],
            is_baseline=row["is_baseline"],
            trained_at=row["trained_at"],
            data_from=row["data_from"],
            data_to=row["data_to"],
            fit_key=row["fit_key"],
            parameters=json.loads(row["parameters"]),
            features=json.loads(row["features"]),
            metrics=json.loads(row["metrics"]),
            library_versions=json.loads(row["library_versions"]),
            artifact=_verified(row),
        )
        for row in table.to_pylist()
    ]


def _verified(row: Mapping[str, Any]) -> str:
    artifact = row["artifact"]
    if artifact is None or sha256_text(artifact) != row["artifact_sha256"]:
        raise DamagedArtifactError(
            f"The stored model {row['fit_id']} ({row['topic']}, {row['algorithm']}) is damaged: its text does not match the checksum "
            "written when it was trained. Delete that row from the table of fits and build again: it is then trained anew."
        )
    return str(artifact)
