"""Feature selection: what each feature of the demand table is worth by five methods, and which are kept.

Information gain (mutual information), principal components, and three that ask a model: random forest importance, LightGBM gain
and permutation importance on later, unseen days. A feature is dropped only when all methods that look at the label find no more in
it than in a shuffled column (the shadow features of Boruta: Kursa and Rudnicki 2010), or when it never varies. Correlated features
are kept: trees choose among them. So are features of the shop as a whole: there are too few days to judge them by.

Only labels from before the oldest origin of the back-test count, so that the back-test never judges on days that chose its features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import mutual_info_score

from trendhouse.artifacts import canonical_json
from trendhouse.boosters import deterministic
from trendhouse.demand.candidates.gradient_boosting import CANDIDATE as BOOSTING
from trendhouse.demand.matrix import (
    HORIZON_DAYS,
    KEYS,
    LABEL,
    LARGEST_FACTOR,
    base_units,
    feature_names,
    learn_encoding,
    most_units,
    numbers,
)
from trendhouse.parallel import one_thread
from trendhouse.training import Settings, fingerprint, fit_key

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ALGORITHM = "feature_selection"
VERSION = 1
SEED = 20
# The forecasts' scale, the naive rules and the day ahead: candidates read them whatever they are worth.
STARTING_POINTS = frozenset({"base_units", "horizon_days", "moving_average_units", "seasonal_naive_units"})
# Rows that are judged on (a fixed sample) and rows below which nothing is.
MOST_ROWS = 20_000
LEAST_ROWS = 2_000
FOREST_ROWS = 8_000
HELD_OUT_ROWS = 5_000
# Share of the rows, the latest, on which permutation importance is measured.
HELD_OUT_SHARE = 0.25
BINS = 10
SHUFFLES = 3
PROBES = 10
COMPONENTS = 5

SELECTION_SCHEMA = pa.schema(
    [
        ("selection_id", pa.string()),
        ("parameters", pa.string()),
        ("feature", pa.string()),
        ("selection_rows", pa.int64()),
        ("mutual_information", pa.float64()),
        ("mutual_information_probe", pa.float64()),
        *((f"pca_{component}_loading", pa.float64()) for component in range(1, COMPONENTS + 1)),
        *((f"pca_{component}_variance_share", pa.float64()) for component in range(1, COMPONENTS + 1)),
        ("random_forest_importance", pa.float64()),
        ("random_forest_probe", pa.float64()),
        ("lightgbm_gain_share", pa.float64()),
        ("lightgbm_gain_probe", pa.float64()),
        ("permutation_importance", pa.float64()),
        ("permutation_error", pa.float64()),
        ("is_kept", pa.bool_()),
        ("reason", pa.string()),
        ("data_to", pa.date32()),
        ("judged_before_date", pa.date32()),
        ("trained_at", pa.timestamp("us")),
    ]
)
"""Columns of `ml_demand__feature_selection`: one row per selection and feature."""

# What the decision to select anew, and a training, need to know of earlier selections.
DESCRIPTION_COLUMNS = ["selection_id", "parameters", "feature", "is_kept", "data_to", "trained_at"]


def settings(columns: Sequence[str], origins: int) -> Settings:
    """What a selection among these columns of the feature table would be made with."""
    return Settings(
        parameters={ALGORITHM: {"version": VERSION, "backtest_origins": origins}}, features=feature_names(columns)
    )


def history(selections: pa.Table) -> pa.Table:
    """Earlier selections as `training.decide` reads trainings: one row each, its features as a JSON list."""
    found: dict[str, dict[str, Any]] = {}
    for row in selections.select(DESCRIPTION_COLUMNS).to_pylist():
        one = found.setdefault(row["selection_id"], {**row, "names": []})
        one["names"].append(row["feature"])
    rows = [
        {
            "fit_key": identifier,
            "algorithm": ALGORITHM,
            "parameters": one["parameters"],
            "features": canonical_json(sorted(one["names"])),
            "data_to": one["data_to"],
            "trained_at": one["trained_at"],
        }
        for identifier, one in found.items()
    ]
    names = ["fit_key", "algorithm", "parameters", "features"]
    return pa.Table.from_pylist(
        rows,
        schema=pa.schema(
            [*((name, pa.string()) for name in names), ("data_to", pa.date32()), ("trained_at", pa.timestamp("us"))]
        ),
    )


def kept(selections: pa.Table, columns: Sequence[str], as_of_date: date | None) -> list[str]:
    """The columns without those that the latest selection, of those that saw nothing of `as_of_date`, dropped.

    A column that selection did not know is kept; so is every column when there is no selection.
    """
    rows = [row for row in selections.to_pylist() if as_of_date is None or row["data_to"] < as_of_date]
    if not rows:
        return list(columns)
    latest = max(rows, key=lambda row: (row["data_to"], row["trained_at"], row["selection_id"]))["selection_id"]
    dropped = {row["feature"] for row in rows if row["selection_id"] == latest and not row["is_kept"]}
    return [column for column in columns if column not in dropped]


def select(rows: pa.Table, as_of_date: date, origins: int, previous: pa.Table, threads: int) -> pa.Table:
    """Judge every feature on labelled, uncensored rows of the feature table; rows of SELECTION_SCHEMA.

    A selection that `previous` holds already (same rows, same settings) gives no rows. With fewer than LEAST_ROWS rows before the
    oldest of `origins` + 1 origins, everything is kept.
    """
    one_thread()
    wanted = settings(rows.column_names, origins)
    before = as_of_date - timedelta(days=HORIZON_DAYS * (origins + 1))
    known = rows.filter(pc.less(rows.column("target_date"), pa.scalar(before, type=pa.date32())))
    sample = _sample(known, MOST_ROWS)
    data_to = as_of_date - timedelta(days=1)
    identifier = fit_key(f"{data_to}:{fingerprint(sample, KEYS)}", wanted)
    if identifier in set(previous.column("selection_id").to_pylist()):
        return SELECTION_SCHEMA.empty_table()
    judged = _judge(sample, wanted.features, threads) if _can_judge(sample) else {}
    enough = rows.num_rows >= LEAST_ROWS
    constant = {
        name for name in wanted.features if enough and pc.count_distinct(rows.column(name), mode="all").as_py() < 2
    }
    shop_wide = _shop_wide(sample, wanted.features) if judged else set()
    trained_at = datetime.now(UTC).replace(tzinfo=None)
    table = []
    for name in wanted.features:
        verdict = judged.get(name, {})
        is_kept, reason = _verdict(name, name in constant, name in shop_wide, verdict)
        table.append(
            {
                **verdict,
                "selection_id": identifier,
                "parameters": canonical_json(wanted.parameters[ALGORITHM]),
                "feature": name,
                "selection_rows": sample.num_rows,
                "is_kept": is_kept,
                "reason": reason,
                "data_to": data_to,
                "judged_before_date": before,
                "trained_at": trained_at,
            }
        )
    return pa.Table.from_pylist(table, schema=SELECTION_SCHEMA)


def _can_judge(sample: pa.Table) -> bool:
    return sample.num_rows >= LEAST_ROWS and bool(numbers(sample, LABEL).any())


def _shop_wide(sample: pa.Table, features: Sequence[str]) -> set[str]:
    """Features that are the same for all products of an as-of date and target date: calendar, weather, what the shop as a whole did.

    Their observations are days, not rows. A festival comes once a year, and what rows of one day share looks like an effect or hides it.
    """
    days = sample.select(["as_of_date", "target_date", *features])
    counts = days.group_by(["as_of_date", "target_date"]).aggregate(
        [(name, "count_distinct", pc.CountOptions(mode="all")) for name in features]
    )
    return {name for name in features if pc.max(counts.column(f"{name}_count_distinct")).as_py() == 1}


def _sample(rows: pa.Table, most: int) -> pa.Table:
    """At most so many rows, sorted by key; which ones depends on nothing but the rows."""
    order = pc.sort_indices(rows.select(list(KEYS)), [(key, "ascending") for key in KEYS])
    if rows.num_rows > most:
        chosen = np.random.default_rng(SEED).choice(rows.num_rows, most, replace=False)
        order = order.take(pa.array(np.sort(chosen)))
    return rows.take(order)


def _verdict(name: str, is_constant: bool, is_shop_wide: bool, verdict: dict[str, float | None]) -> tuple[bool, str]:
    """Whether a feature is kept, and why."""
    if name in STARTING_POINTS:
        return True, "kept: the forecasts start from it"
    if is_constant:
        return False, "dropped: never known, or always the same"
    if not verdict:
        return True, "kept: too little history to judge, or too new"
    if is_shop_wide:
        return True, "kept: the same for all products of a day, and there are too few days to judge it by"
    above = {
        "mutual information": _exceeds(verdict["mutual_information"], verdict["mutual_information_probe"]),
        "random forest": _exceeds(verdict["random_forest_importance"], verdict["random_forest_probe"]),
        "LightGBM gain": _exceeds(verdict["lightgbm_gain_share"], verdict["lightgbm_gain_probe"]),
        "permutation": _exceeds(verdict["permutation_importance"], verdict["permutation_error"]),
    }
    found = [method for method, is_above in above.items() if is_above]
    if found:
        return True, f"kept: above chance by {', '.join(found)}"
    return False, "dropped: no method finds more in it than in a shuffled column"


def _exceeds(value: float | None, bound: float | None) -> bool:
    return value is not None and bound is not None and value > bound


@dataclass(frozen=True)
class _Matrix:
    """Features as numbers, with what the models aim at. `values` (rows, features), missing NaN; the rest (rows,)."""

    names: tuple[str, ...]
    categorical: tuple[int, ...]
    values: NDArray[np.float32]
    units: Floats
    base: Floats
    day: Integers

    @property
    def ratio(self) -> Floats:
        """Log of 1 + units / base units: what is left to explain when the recent level is known."""
        return np.asarray(np.log1p(self.units / self.base), dtype=np.float64)


def _judge(sample: pa.Table, features: Sequence[str], threads: int) -> dict[str, dict[str, float | None]]:
    """Values of every method, by feature; features that do not vary among these rows are left out."""
    encoding = learn_encoding(sample, features)
    values = encoding.matrix(sample)
    varies = [index for index in range(len(features)) if _varies(values[:, index])]
    base = base_units(sample)
    data = _Matrix(
        names=tuple(features[index] for index in varies),
        categorical=tuple(place for place, index in enumerate(varies) if index in encoding.categorical),
        values=values[:, varies],
        units=np.minimum(numbers(sample, LABEL), most_units(base)),
        base=base,
        day=sample.column("target_date").cast(pa.int32()).to_numpy().astype(np.int64),
    )
    columns = {
        **_mutual_information(data),
        **_principal_components(data),
        **_random_forest(data, threads),
        **_boosting(data, threads),
    }
    return {
        name: {
            key: None if np.isnan(column[place]) else round(float(column[place]), 9) for key, column in columns.items()
        }
        for place, name in enumerate(data.names)
    }


def _varies(column: NDArray[np.float32]) -> bool:
    known = column[~np.isnan(column)]
    return bool(len(known)) and (len(known) < len(column) or bool((known != known[0]).any()))


def _mutual_information(data: _Matrix) -> dict[str, Floats]:
    """Mutual information (nats) of each feature's quantile bins and the label's, and the most that SHUFFLES shuffles of the bins give."""
    rng = np.random.default_rng(SEED)
    label = _bins(data.ratio)
    gain, probe = np.empty(len(data.names)), np.empty(len(data.names))
    for index in range(len(data.names)):
        column = data.values[:, index].astype(np.float64)
        bins = _codes(column) if index in data.categorical else _bins(column)
        gain[index] = _information(bins, label)
        probe[index] = max(_information(rng.permutation(bins), label) for _ in range(SHUFFLES))
    return {"mutual_information": gain, "mutual_information_probe": probe}


def _information(left: Integers, right: Integers) -> float:
    width = int(right.max()) + 1
    counts = np.bincount(left * width + right, minlength=(int(left.max()) + 1) * width).reshape(-1, width)
    return float(mutual_info_score(None, None, contingency=counts))


def _bins(column: Floats) -> Integers:
    """Bins between the quantiles, numbered from 1; missing values are bin 0. A value that is a quantile has a bin of its own.

    So a feature that is 0 nearly always has a bin for the 0 and one for the rest.
    """
    known = ~np.isnan(column)
    edges = np.unique(np.quantile(column[known], np.linspace(0, 1, BINS + 1)[1:-1]))
    place = np.searchsorted(edges, column, side="left") + np.searchsorted(edges, column, side="right")
    return np.where(known, place + 1, 0).astype(np.int64)


def _codes(column: Floats) -> Integers:
    return np.where(np.isnan(column), 0, np.nan_to_num(column) + 1).astype(np.int64)


def _principal_components(data: _Matrix) -> dict[str, Floats]:
    """Loadings of the first COMPONENTS principal components of the standardised numbers (text features have none), and their variance shares."""
    numeric = [index for index in range(len(data.names)) if index not in data.categorical]
    values = data.values[:, numeric].astype(np.float64)
    mean = np.nanmean(values, axis=0)
    spread = np.nanstd(values, axis=0)
    # A number that is known or not, and never differs, has no spread of its own.
    scaled = np.nan_to_num((values - mean) / np.where(spread > 0, spread, 1.0))
    components = min(COMPONENTS, *scaled.shape)
    fitted = PCA(components, svd_solver="covariance_eigh").fit(scaled)
    columns = {}
    for place in range(COMPONENTS):
        loading, share = np.full(len(data.names), np.nan), np.full(len(data.names), np.nan)
        if place < components:
            loading[numeric] = fitted.components_[place]
            share[:] = fitted.explained_variance_ratio_[place]
        columns[f"pca_{place + 1}_loading"] = np.round(loading, 6)
        columns[f"pca_{place + 1}_variance_share"] = np.round(share, 6)
    return columns


def _random_forest(data: _Matrix, threads: int) -> dict[str, Floats]:
    """Impurity importance in a random forest (Breiman 2001), and the most that a shuffled column has."""
    rows = _spread(np.arange(len(data.units)), FOREST_ROWS)
    values = _with_probes(data.values[rows])
    forest = RandomForestRegressor(
        n_estimators=40, max_features=0.3, max_samples=0.5, min_samples_leaf=20, random_state=SEED, n_jobs=threads
    ).fit(values, data.ratio[rows])
    return _beside_probes(
        "random_forest_importance", "random_forest_probe", forest.feature_importances_, len(data.names)
    )


def _boosting(data: _Matrix, threads: int) -> dict[str, Floats]:
    """Share of the gain of LightGBM's splits and the most that a shuffled column has; permutation importance with its standard error.

    Trained with the candidate's own parameters on the earlier days. Permutation importance is the loss (Poisson deviance / 2 per
    row) that shuffling the feature adds on the later days; its standard error is over rows.
    """
    split = np.quantile(data.day, 1 - HELD_OUT_SHARE, method="lower")
    train, later = np.flatnonzero(data.day < split), np.flatnonzero(data.day >= split)
    values = _with_probes(data.values)
    parameters = BOOSTING.parameters()
    least_rows = max(20, int(len(train) * parameters["leaf_share"]))
    options = deterministic({**parameters["lightgbm"], "min_data_in_leaf": least_rows}, threads)
    dataset = lightgbm.Dataset(
        values[train],
        data.units[train],
        init_score=np.log(data.base[train]),
        categorical_feature=list(data.categorical),
        params=options,
    )
    booster = lightgbm.train(options, dataset, num_boost_round=parameters["rounds"])
    gain = booster.feature_importance("gain")
    held_out = _spread(later, HELD_OUT_ROWS)
    return {
        **_beside_probes("lightgbm_gain_share", "lightgbm_gain_probe", gain / max(gain.sum(), 1e-12), len(data.names)),
        **_permutation(booster, values[held_out], data, held_out, gain > 0),
    }


def _permutation(
    booster: lightgbm.Booster, values: NDArray[np.float32], data: _Matrix, rows: Integers, used: NDArray[np.bool_]
) -> dict[str, Floats]:
    rng = np.random.default_rng(SEED)
    units, start = data.units[rows], np.log(data.base[rows])

    def loss(matrix: NDArray[np.float32]) -> Floats:
        score = np.minimum(start + booster.predict(matrix, raw_score=True), np.log(LARGEST_FACTOR * 1e6))
        return np.asarray(np.exp(score) - units * score, dtype=np.float64)

    whole = loss(values)
    importance, error = np.zeros(len(data.names)), np.zeros(len(data.names))
    for index in np.flatnonzero(used[: len(data.names)]):
        changed = values.copy()
        changed[:, index] = values[rng.permutation(len(rows)), index]
        added = loss(changed) - whole
        importance[index], error[index] = added.mean(), added.std() / np.sqrt(len(rows))
    return {"permutation_importance": importance, "permutation_error": error}


def _spread(rows: Integers, most: int) -> Integers:
    """At most so many of the rows, evenly spread."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(np.int64))]


def _with_probes(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The columns, and PROBES of them again with their rows shuffled: what a feature without meaning is worth."""
    rng = np.random.default_rng(SEED)
    chosen = rng.choice(values.shape[1], PROBES, replace=values.shape[1] < PROBES)
    probes = [values[rng.permutation(len(values)), index] for index in chosen]
    return np.asfortranarray(np.column_stack([values, *probes]))


def _beside_probes(name: str, probe: str, importance: Floats, features: int) -> dict[str, Floats]:
    return {
        name: np.asarray(importance[:features], dtype=np.float64),
        probe: np.full(features, importance[features:].max()),
    }
