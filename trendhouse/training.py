"""When to train: the fingerprint of training data, the key of a fit, and the policy.

`trendhouse_train` is the policy: `auto`, `always` or `never`. Time is data time: the age of a fit is counted in days of the shop's
data, not in days of the calendar, so that rebuilding last month's dump decides today what it decided then.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trendhouse.artifacts import canonical_json, sha256_text

POLICIES = ("auto", "always", "never")


class NotTrainedError(ValueError):
    """There is no model to predict with."""


@dataclass(frozen=True)
class Decision:
    """Whether to train, and why, in a few words."""

    trains: bool
    reason: str


@dataclass(frozen=True)
class Settings:
    """What decides a training apart from its data: parameters per algorithm (their version among them) and the feature list."""

    parameters: Mapping[str, Mapping[str, Any]]
    features: Sequence[str]

    def key(self) -> str:
        """SHA-256 over the canonical JSON of the settings."""
        return sha256_text(canonical_json({"parameters": self.parameters, "features": sorted(self.features)}))


def decide(policy: str, retrain_days: int, as_of_date: date | None, previous: pa.Table, settings: Settings) -> Decision:
    """Whether a topic is to be trained.

    `previous` holds the topic's fits so far (DESCRIPTION_COLUMNS of the fits table); only those that knew nothing of
    `as_of_date` or later count. With `auto`, train when there is no such fit, when the settings differ from those of the
    latest, or when the latest is `retrain_days` days of data old. Raises ValueError for an unknown policy.
    """
    if policy not in POLICIES:
        raise ValueError(f"trendhouse_train is '{policy}'; choose one of {', '.join(POLICIES)}.")
    if as_of_date is None:
        return Decision(False, "no feature rows")
    if policy != "auto":
        return Decision(policy == "always", f"policy {policy}")
    latest = latest_training(previous, as_of_date)
    if not latest:
        return Decision(True, "no fit yet")
    if _settings_of(latest).key() != settings.key():
        return Decision(True, "settings changed")
    age = (as_of_date - latest[0]["data_to"]).days - 1
    if age >= retrain_days:
        return Decision(True, f"latest fit is {age} days old")
    return Decision(False, f"latest fit is {age} days old")


def latest_training(previous: pa.Table, as_of_date: date | None) -> list[dict[str, Any]]:
    """Rows of the latest training (all fits of one fit_key) that saw only data before `as_of_date`; empty when there is none."""
    rows = [row for row in previous.to_pylist() if as_of_date is not None and row["data_to"] < as_of_date]
    if not rows:
        return []
    latest = max(rows, key=lambda row: (row["data_to"], row["trained_at"], row["fit_key"]))["fit_key"]
    return sorted((row for row in rows if row["fit_key"] == latest), key=lambda row: str(row["algorithm"]))


def fingerprint(rows: pa.Table, keys: Sequence[str]) -> str:
    """SHA-256 over the content of a table: names, values and nulls of every column, rows sorted by `keys`.

    The order of rows, of columns, and how Arrow cut the table into chunks make no difference; `keys` have to be unique.
    """
    rows = rows.sort_by([(key, "ascending") for key in keys])
    digest = hashlib.sha256(str(rows.num_rows).encode())
    for name in sorted(rows.column_names):
        column = rows.column(name)
        digest.update(f"\0{name}\0".encode())
        digest.update(np.packbits(pc.is_null(column).to_numpy()).tobytes())
        for part in _value_bytes(column):
            digest.update(part)
    return digest.hexdigest()


def fit_key(data_fingerprint: str, settings: Settings) -> str:
    """Key of one training: same data and same settings, same key."""
    return sha256_text(f"{data_fingerprint}:{settings.key()}")


def fit_id(key: str, algorithm: str) -> str:
    """Identifier of one fitted model: 32 hex digits of the hash of its training's key and its algorithm."""
    return sha256_text(f"{key}:{algorithm}")[:32]


def _settings_of(rows: Sequence[Mapping[str, Any]]) -> Settings:
    return Settings(
        parameters={row["algorithm"]: json.loads(row["parameters"]) for row in rows},
        features=json.loads(rows[0]["features"]),
    )


def _value_bytes(column: pa.ChunkedArray) -> list[Any]:
    """Buffers that hold the values of a column, nulls written as zero or empty text."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.large_string())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        texts = column.cast(pa.large_string()).fill_null("")
        lengths = pc.binary_length(texts).to_numpy()
        return [lengths.tobytes(), "".join(texts.to_pylist()).encode()]
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    elif pa.types.is_temporal(column.type):
        column = column.cast(pa.int64())
    elif pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    zero = pa.scalar(False) if pa.types.is_boolean(column.type) else pa.scalar(0, type=column.type)
    return [np.ascontiguousarray(column.fill_null(zero).to_numpy()).view(np.uint8)]
