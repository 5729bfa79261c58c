"""Training: every candidate on what was known at each of a few dates, each into one row of `ml_recommendation__fits`; then the ranker of a
date, taught by the dates before it, into one row of `ml_recommendation__rankers`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from trendhouse import warehouse
from trendhouse.artifacts import FITS_SCHEMA, Fit, from_table, library_versions, sha256_text, to_table
from trendhouse.parallel import in_blocks
from trendhouse.recommendation import ranker
from trendhouse.recommendation.candidate import Recommender
from trendhouse.recommendation.candidates import candidates
from trendhouse.recommendation.contest import fit_all
from trendhouse.recommendation.ranker import Lesson
from trendhouse.recommendation.snapshots import (
    CATALOGUE_COLUMNS,
    HISTORY_DAYS,
    INTERACTION_COLUMNS,
    STEP_DAYS,
    VISIT_COLUMNS,
    Snapshots,
    Tables,
    known_of,
)
from trendhouse.training import Settings, fingerprint, fit_id, fit_key, latest_training

TOPIC = "recommendation"
LIBRARIES = ("lightgbm", "numpy", "pyarrow", "scikit-learn", "scipy", "trendhouse")
# The dates, in steps before now, whose lessons teach: the later one is also judged, by a ranker that learnt from the earlier one alone.
TAUGHT_STEPS = (2, 1)
FEATURES = sorted({*INTERACTION_COLUMNS, *CATALOGUE_COLUMNS, *VISIT_COLUMNS})


def cuts_of(as_of_date: date) -> list[date]:
    """Dates at which candidates are fitted, the latest first: now, and those that the ranker learns from and is judged at."""
    return [as_of_date - timedelta(days=STEP_DAYS * steps) for steps in range(max(TAUGHT_STEPS) + 1)]


def settings(previous: pa.Table, as_of_date: date | None) -> Settings:
    """What a training would be made with now, of the candidates that the latest training (of `previous`) could fit.

    One that found too little to learn from has no row there to compare with, and a new one joins with the next training.
    """
    fitted = {row["algorithm"] for row in latest_training(previous, as_of_date)}
    parameters = {name: one.parameters() for name, one in candidates().items() if not fitted or name in fitted}
    return Settings(parameters=parameters, features=FEATURES)


def train(snapshots: Snapshots, as_of_date: date, previous: pa.Table, threads: int) -> pa.Table:
    """Fit all candidates on what was known at each of the cuts; rows of FITS_SCHEMA.

    A cut that `previous` holds already (same data, same settings) is not repeated. A candidate that finds too little to learn from gives no row.
    """
    wanted = Settings(parameters={name: one.parameters() for name, one in candidates().items()}, features=FEATURES)
    present = set(previous.column("fit_key").to_pylist())
    trained_at = datetime.now(UTC).replace(tzinfo=None)
    fits: list[Fit] = []
    for cut in cuts_of(as_of_date):
        tables = snapshots.tables_at(cut)
        key = fit_key(fingerprint_of(tables), wanted)
        if key in present or not tables.interactions.num_rows:
            continue
        known = known_of(tables, cut)
        metrics = {
            "customers": len(known.interactions.customers),
            "products": len(known.interactions.products),
            "pairs": int(known.interactions.weights.nnz),
            "visits": known.visits.num_rows,
        }
        for algorithm, artifact in fit_all(known, threads)[0].items():
            fits.append(
                _fit(key, algorithm, trained_at, cut, wanted.parameters[algorithm], FEATURES, metrics, artifact)
            )
    return to_table(fits)


def fingerprint_of(tables: Tables) -> str:
    """SHA-256 over what was known at a date."""
    parts = (
        fingerprint(tables.interactions, ["customer_id", "product_id"]),
        fingerprint(tables.catalogue, ["product_id"]),
        fingerprint(tables.visits, ["session_id", "position"]),
    )
    return sha256_text(":".join(parts))


@dataclass(frozen=True)
class Trained:
    """Relations of fits (FITS_SCHEMA). Artifacts are read when a date asks for them, and no others."""

    relations: Sequence[Any]

    def key_at(self, cut: date) -> str | None:
        """Key of the fits that knew all before this date, of those trained last; None without any."""
        day_before = warehouse.equals("data_to", cut - timedelta(days=1))
        rows = self._rows(["trained_at", "fit_key"], day_before).to_pylist()
        return max(((row["trained_at"], row["fit_key"]) for row in rows), default=(None, None))[1]

    def at(self, cut: date) -> list[Fit]:
        """The fits with that key; none without any. Raises DamagedArtifactError when one is not as it was written."""
        return self.of_key(self.key_at(cut))

    def of_key(self, key: str | None) -> list[Fit]:
        """The fits with this key."""
        return from_table(self._rows(FITS_SCHEMA.names, _has_key(key)))

    def identifiers_at(self, cut: date) -> dict[str, str]:
        """Their fit_id by algorithm."""
        rows = self._rows(["algorithm", "fit_id"], _has_key(self.key_at(cut))).to_pylist()
        return {row["algorithm"]: row["fit_id"] for row in rows}

    def _rows(self, columns: Sequence[str], where: str) -> pa.Table:
        return pa.concat_tables(warehouse.to_arrow(relation, columns, where) for relation in self.relations)


def _has_key(key: str | None) -> str:
    return warehouse.is_one_of("fit_key", [] if key is None else [key])


def recommenders_of(fits: Iterable[Fit]) -> dict[str, Recommender]:
    """The loaded candidates among these fits, by algorithm; one whose code is gone is left out."""
    known = candidates()
    return {fit.algorithm: known[fit.algorithm].load(fit.artifact) for fit in fits if fit.algorithm in known}


def missing_rankers(trained: Trained, rankers: pa.Table, as_of_date: date | None) -> dict[date, str]:
    """Dates, the judged one and now, whose fits have no ranker yet, with the key of these fits; none when nothing was trained today.

    `rankers` holds the fit_key of those that are there.
    """
    if as_of_date is None or trained.key_at(as_of_date) is None:
        return {}
    done = set(rankers.column("fit_key").to_pylist())
    keys = {cut: trained.key_at(cut) for cut in (judged_cut(as_of_date), as_of_date)}
    return {cut: key for cut, key in keys.items() if key is not None and key not in done}


def judged_cut(as_of_date: date) -> date:
    """The latest date of which it is known what followed."""
    return as_of_date - timedelta(days=STEP_DAYS)


def train_rankers(
    wanted: Mapping[date, str],
    as_of_date: date,
    snapshots: Snapshots,
    trained: Trained,
    rest_days: pa.Table,
    threads: int,
) -> pa.Table:
    """Fit the rankers of these dates, each on the lessons before it; rows of FITS_SCHEMA.

    A lesson is no later than STEP_DAYS before the ranker's date, so that what followed it was known then. A ranker that finds too little to learn
    from gives no row.
    """
    lessons = {}
    for steps in TAUGHT_STEPS if wanted else ():
        cut = as_of_date - timedelta(days=STEP_DAYS * steps)
        sources = recommenders_of(trained.at(cut))
        if sources:
            lessons[cut] = Lesson(snapshots.cut_at(cut, rest_days), sources)
    trained_at = datetime.now(UTC).replace(tzinfo=None)
    parameters, names = ranker.parameters(), ranker.names_in_all(list(lessons.values()))
    # Lessons side by side, and rankers after them: trainings and lists this small do not keep several cores busy.
    rows = dict(
        zip(
            lessons,
            in_blocks(lambda lesson: ranker.training_rows(lesson, names, parameters, 1), lessons.values(), threads),
            strict=True,
        )
    )

    def fit_of(cut: date) -> Fit | None:
        taught = [part for earlier, part in rows.items() if earlier + timedelta(days=STEP_DAYS) <= cut]
        artifact = ranker.fit_rows(names, taught, parameters, max(threads // len(wanted), 1))
        if artifact is None:
            return None
        sources, metrics = ranker.load(artifact).sources, {"lessons": len(taught)}
        return _fit(wanted[cut], ranker.ALGORITHM, trained_at, cut, parameters, sources, metrics, artifact)

    return to_table([fit for fit in in_blocks(fit_of, wanted, threads) if fit is not None])


def _fit(
    key: str,
    algorithm: str,
    trained_at: datetime,
    cut: date,
    parameters: Mapping[str, Any],
    features: Sequence[str],
    metrics: Mapping[str, Any],
    artifact: str,
) -> Fit:
    own = candidates().get(algorithm)
    return Fit(
        fit_id=fit_id(key, algorithm),
        topic=TOPIC,
        algorithm=algorithm,
        is_baseline=own is not None and own.is_baseline,
        trained_at=trained_at,
        data_from=cut - timedelta(days=HISTORY_DAYS),
        data_to=cut - timedelta(days=1),
        fit_key=key,
        parameters=parameters,
        features=features,
        metrics=metrics,
        library_versions=library_versions(LIBRARIES),
        artifact=artifact,
    )
