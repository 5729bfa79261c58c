"""Tuning: parameters of the demand algorithms searched for by grid, at random, or by Bayesian search.

Time-ordered cross-validation: each fold is an origin, trained on what was known before it and judged on the 28 days after it. All
folds end before the oldest origin of the back-test, so that the back-test still judges on days that no parameter was chosen on.
Bayesian search is Optuna's tree-structured Parzen estimator (Bergstra et al. 2011; Akiba et al. 2019); for random search see
Bergstra and Bengio 2012.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trendhouse.artifacts import canonical_json
from trendhouse.demand.candidate import Candidate
from trendhouse.demand.history import no_history
from trendhouse.demand.matrix import HORIZON_DAYS, KEYS, LABEL, feature_names, numbers
from trendhouse.demand.search_space import Choices, Integers, SearchSpace, with_values
from trendhouse.evaluation.metrics import wape
from trendhouse.evaluation.splits import Split, rolling_origins, split_at
from trendhouse.parallel import one_thread
from trendhouse.training import Settings, fingerprint, fit_key

SAMPLERS = ("grid", "random", "bayesian")
VERSION = 1
SEED = 20
FOLDS = 3
# Values per dimension of a grid.
GRID_POINTS = 3
# Random trials before the Bayesian search has something to go by.
STARTING_TRIALS = 5
LEAST_FOLD_ROWS = 100

TRIALS_SCHEMA = pa.schema(
    [
        ("tuning_id", pa.string()),
        ("settings", pa.string()),
        ("features", pa.string()),
        ("algorithm", pa.string()),
        ("sampler", pa.string()),
        ("trial", pa.int32()),
        ("default_parameters", pa.string()),
        ("changed_parameters", pa.string()),
        ("fold_origins", pa.string()),
        ("fold_scores", pa.string()),
        ("mean_score", pa.float64()),
        ("is_best", pa.bool_()),
        ("data_to", pa.date32()),
        ("trained_at", pa.timestamp("us")),
    ]
)
"""Columns of `ml_demand__tuning`: one row per tuning, algorithm and trial. Trial 0 has the default parameters."""


@runtime_checkable
class Tunable(Protocol):
    """A candidate some of whose parameters may be searched. It reads the feature table alone, no history."""

    def search_space(self) -> SearchSpace:
        """Ranges by path into `parameters()`."""


def tunable(candidates: Mapping[str, Candidate]) -> dict[str, Candidate]:
    """The candidates that declare a search space."""
    return {name: candidate for name, candidate in candidates.items() if isinstance(candidate, Tunable)}


def settings(
    candidates: Mapping[str, Candidate], columns: Sequence[str], origins: int, sampler: str, trials: int
) -> Settings:
    """What a tuning of these candidates on these columns of the feature table would be made with.

    Raises ValueError for a sampler that is none of SAMPLERS.
    """
    if sampler not in SAMPLERS:
        raise ValueError(f"trendhouse_demand_tuning is '{sampler}'; choose none or one of {', '.join(SAMPLERS)}.")
    parameters = {
        name: {
            "version": VERSION,
            "sampler": sampler,
            "trials": trials,
            "backtest_origins": origins,
            "default": candidate.parameters(),
            "space": {path: asdict(ranged) for path, ranged in _space(candidate).items()},
        }
        for name, candidate in tunable(candidates).items()
    }
    # As JSON reads it back: a tuple is a list there.
    return Settings(parameters=json.loads(canonical_json(parameters)), features=feature_names(columns))


def history(trials: pa.Table) -> pa.Table:
    """Earlier tunings as `training.decide` reads trainings: one row per tuning and algorithm."""
    first = trials.filter(pc.equal(trials.column("trial"), 0))
    names = ["tuning_id", "algorithm", "settings", "features", "data_to", "trained_at"]
    return first.select(names).rename_columns(
        ["fit_key", "algorithm", "parameters", "features", "data_to", "trained_at"]
    )


def best_parameters(
    trials: pa.Table, algorithm: str, default: Mapping[str, Any], as_of_date: date | None
) -> Mapping[str, Any]:
    """The best parameters of the algorithm's latest tuning that saw nothing of `as_of_date`; else `default`.

    A tuning that started from other defaults (the algorithm's code has changed since) does not count.
    """
    own = canonical_json(default)
    best = [
        row
        for row in trials.to_pylist()
        if row["algorithm"] == algorithm
        and row["is_best"]
        and row["default_parameters"] == own
        and (as_of_date is None or row["data_to"] < as_of_date)
    ]
    if not best:
        return default
    latest = max(best, key=lambda row: (row["data_to"], row["trained_at"], row["tuning_id"]))
    return with_values(default, json.loads(latest["changed_parameters"]))


def tune(
    rows: pa.Table,
    candidates: Mapping[str, Candidate],
    as_of_date: date,
    origins: int,
    sampler: str,
    trials: int,
    previous: pa.Table,
    threads: int,
) -> pa.Table:
    """Search the space of every candidate that declares one; rows of TRIALS_SCHEMA.

    `rows` are labelled, uncensored rows of the feature table. A tuning that `previous` holds already (same rows, same settings),
    and a history too short for a fold, give no rows. Raises ImportError, saying what to install, without Optuna.
    """
    one_thread()
    wanted = settings(candidates, rows.column_names, origins, sampler, trials)
    before = as_of_date - timedelta(days=HORIZON_DAYS * (origins + 1))
    rows = rows.filter(pc.less(rows.column("target_date"), pa.scalar(before, type=pa.date32())))
    rows = rows.sort_by([(key, "ascending") for key in KEYS])
    splits = folds(rows, before)
    data_to = as_of_date - timedelta(days=1)
    identifier = fit_key(f"{data_to}:{fingerprint(rows, KEYS)}", wanted)
    if not splits or identifier in set(previous.column("tuning_id").to_pylist()):
        return TRIALS_SCHEMA.empty_table()
    table: list[dict[str, Any]] = []
    for algorithm, candidate in tunable(candidates).items():
        found = search(candidate, splits, wanted.features, sampler, trials, threads)
        scored = [trial for trial in found if trial["mean_score"] is not None]
        best = min(scored, key=lambda trial: (trial["mean_score"], trial["trial"])) if scored else None
        table += [
            {
                **trial,
                "tuning_id": identifier,
                "settings": canonical_json(wanted.parameters[algorithm]),
                "features": canonical_json(list(wanted.features)),
                "algorithm": algorithm,
                "default_parameters": canonical_json(candidate.parameters()),
                "fold_origins": canonical_json([split.origin.isoformat() for split in splits]),
                "is_best": trial is best,
                "data_to": data_to,
            }
            for trial in found
        ]
    return pa.Table.from_pylist(table, schema=TRIALS_SCHEMA)


def folds(rows: pa.Table, before: date) -> list[Split]:
    """Up to FOLDS splits, oldest first, whose test days end before `before`; folds with next to nothing in them are left out.

    `rows` hold labels known before `before`. Training rows of a fold are those whose label was known at its origin.
    """
    available = pc.unique(rows.column("as_of_date")).to_pylist()
    splits = [split_at(rows, origin) for origin in rolling_origins(before, available, FOLDS, HORIZON_DAYS)]
    return [split for split in splits if min(split.training.num_rows, split.test.num_rows) >= LEAST_FOLD_ROWS]


def search(
    candidate: Candidate, splits: Sequence[Split], features: Sequence[str], sampler: str, trials: int, threads: int
) -> list[dict[str, Any]]:
    """The default parameters (trial 0) and `trials` others, each with its score in every fold; columns of TRIALS_SCHEMA.

    A grid with fewer points than `trials` ends earlier; of one with more, a fixed random part is tried.
    """
    try:
        import optuna
    except ImportError as error:
        raise ImportError(
            "trendhouse_demand_tuning needs Optuna: install it with pip install 'trendhouse[tuning]', or set the var to none."
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = _space(candidate)
    found: list[dict[str, Any]] = []

    def judged(values: Mapping[str, Any]) -> float:
        started = datetime.now(UTC).replace(tzinfo=None)
        parameters = with_values(candidate.parameters(), values)
        scores = [fold_error(candidate, split, features, parameters, threads) for split in splits]
        mean = float(np.mean(scores))
        found.append(
            {
                "sampler": sampler if found else "default",
                "trial": len(found),
                "changed_parameters": canonical_json(dict(values)),
                "fold_scores": canonical_json([None if np.isnan(score) else round(score, 9) for score in scores]),
                "mean_score": None if np.isnan(mean) else round(mean, 9),
                "trained_at": started,
            }
        )
        return mean

    def objective(trial: Any) -> float:
        return judged({path: _suggested(trial, path, ranged) for path, ranged in space.items()})

    judged({})
    grid = {path: ranged.grid(GRID_POINTS) for path, ranged in space.items()}
    samplers = {
        "grid": lambda: optuna.samplers.GridSampler(grid, seed=SEED),
        "random": lambda: optuna.samplers.RandomSampler(seed=SEED),
        "bayesian": lambda: optuna.samplers.TPESampler(seed=SEED, n_startup_trials=STARTING_TRIALS, multivariate=True),
    }
    # A trial that cannot be judged counts as failed, and the search goes on.
    optuna.create_study(sampler=samplers[sampler]()).optimize(objective, n_trials=trials)
    return found


def fold_error(
    candidate: Candidate, split: Split, features: Sequence[str], parameters: Mapping[str, Any], threads: int
) -> float:
    """WAPE of product-weeks in one fold, the figure that picks the champion; NaN when there is too little to learn from."""
    artifact = candidate.fit(split.training, features, parameters, threads)
    if artifact is None:
        return float("nan")
    predicted = candidate.load(artifact).predict(split.test, no_history())
    weeks = (split.test.column("horizon_days").to_numpy() - 1) // 7
    sums = (
        pa.table(
            {
                "product_id": split.test.column("product_id"),
                "week": weeks,
                "actual": numbers(split.test, LABEL),
                "predicted": predicted,
            }
        )
        .group_by(["product_id", "week"])
        .aggregate([("actual", "sum"), ("predicted", "sum")])
    )
    return wape(numbers(sums, "actual_sum"), numbers(sums, "predicted_sum"))


def _space(candidate: Candidate) -> SearchSpace:
    return cast(Tunable, candidate).search_space()


def _suggested(trial: Any, path: str, ranged: Any) -> Any:
    if isinstance(ranged, Choices):
        return trial.suggest_categorical(path, list(ranged.values))
    suggest = trial.suggest_int if isinstance(ranged, Integers) else trial.suggest_float
    return suggest(path, ranged.low, ranged.high, log=ranged.log)
