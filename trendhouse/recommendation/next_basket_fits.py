"""The next basket from training to lists: rows of the fits table, of the back-test and of the scores."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from trendhouse import warehouse
from trendhouse.artifacts import Fit, from_table, library_versions, to_table
from trendhouse.evaluation.ranking import judge, means_by_length
from trendhouse.recommendation.contest import KS
from trendhouse.recommendation.interactions import Texts
from trendhouse.recommendation.next_basket import (
    ALGORITHMS,
    FEATURES,
    LESSONS,
    MOST_CUSTOMERS,
    PAIR_COLUMNS,
    PRODUCT_COLUMNS,
    Lesson,
    Moment,
    Predictor,
    lesson_of,
    lists_of,
    moment_of,
)
from trendhouse.recommendation.places import evenly, places_of
from trendhouse.training import NotTrainedError, Settings, fingerprint, fit_id, fit_key

TOPIC = "next_basket"
LIBRARIES = ("lightgbm", "numpy", "pyarrow", "scikit-learn", "trendhouse")
LENGTH = max(KS)
"""Products in a list."""

REPEAT_COLUMNS = ("customer_id", "product_id", *PAIR_COLUMNS)
"""Columns of `feat_recommendation_repeats` that are read."""

# A customer of a grocer has bought some hundreds of products, each with a row of some thirty numbers.
BLOCK_CUSTOMERS = 5_000

BACKTEST_SCHEMA = pa.schema(
    [
        ("fit_id", pa.string()),
        ("fit_key", pa.string()),
        ("algorithm", pa.string()),
        ("origin_date", pa.date32()),
        ("metric", pa.string()),
        ("k", pa.int64()),
        ("customers", pa.int64()),
        ("metric_value", pa.float64()),
    ]
)
SCORES_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("product_id", pa.string()),
        ("place", pa.int64()),
        ("purchase_probability", pa.float64()),
        ("is_repeat", pa.bool_()),
        ("fit_id", pa.string()),
        ("as_of_date", pa.date32()),
        ("scored_at", pa.timestamp("us")),
    ]
)


@dataclass(frozen=True)
class Snapshot:
    """Rows of one past date: repeats and products as known then, and the baskets that followed."""

    as_of_date: date
    repeats: pa.Table
    products: pa.Table
    baskets: pa.Table

    def lesson(self) -> Lesson:
        """What the snapshot teaches."""
        return lesson_of(moment_of(self.repeats, self.products), self.baskets)

    def fingerprint(self) -> str:
        """Of all its rows."""
        key = ["product_id"]
        parts = (self.repeats, [*key, "customer_id"]), (self.products, key), (self.baskets, [*key, "customer_id"])
        return ":".join(fingerprint(rows, keys) for rows, keys in parts)


def settings() -> Settings:
    """What a training would be made with."""
    return Settings({name: algorithm.parameters() for name, algorithm in ALGORITHMS.items()}, FEATURES)


class PastBaskets:
    """The snapshots of the warehouse, each read when it is asked for."""

    def __init__(self, repeats: Any, products: Any, baskets: Any) -> None:
        """Relations: feat_recommendation_repeats, feat_recommendation_repeat_products, ml_recommendation__next_baskets."""
        self._repeats, self._products, self._baskets = repeats, products, baskets

    def as_of_date(self) -> date | None:
        """Today; None when nobody bought anything in the year before it."""
        latest: date | None = warehouse.maximum(self._repeats, "as_of_date")
        return latest

    def judged_date(self) -> date | None:
        """The last date whose four weeks are over; None without one."""
        latest: date | None = warehouse.maximum(self._baskets, "as_of_date")
        return latest

    def lessons(self, before: date) -> list[Snapshot]:
        """The lessons for a date, oldest first: their four weeks were over by then."""
        dates = warehouse.values(self._baskets, "as_of_date")
        known = [day for day in dates if day <= before - timedelta(days=28)]
        return [self.snapshot(day) for day in known[-LESSONS:]]

    def snapshot(self, day: date) -> Snapshot:
        """A past date, of every n-th customer who then bought, by their keys, so that at most MOST_CUSTOMERS are left."""
        at = warehouse.equals("as_of_date", day)
        customers = warehouse.values(self._baskets, "customer_id", at)
        asked = warehouse.is_one_of("customer_id", evenly(customers, MOST_CUSTOMERS))
        return Snapshot(
            day,
            warehouse.to_arrow(self._repeats, REPEAT_COLUMNS, f"{at} and {asked}"),
            warehouse.to_arrow(self._products, ["product_id", *PRODUCT_COLUMNS], at),
            warehouse.to_arrow(self._baskets, ["customer_id", "product_id"], f"{at} and {asked}"),
        )


def train(past: PastBaskets, as_of_date: date, previous: pa.Table, threads: int) -> pa.Table:
    """Fit every algorithm on the lessons before `as_of_date`; rows of FITS_SCHEMA.

    A fit that `previous` (fit_id) holds already is not repeated. An algorithm that finds too little to learn from gives no row.
    """
    wanted, snapshots = settings(), past.lessons(as_of_date)
    key = fit_key(":".join([as_of_date.isoformat(), *(snapshot.fingerprint() for snapshot in snapshots)]), wanted)
    present = set(previous.column("fit_id").to_pylist())
    missing = [name for name in ALGORITHMS if fit_id(key, name) not in present]
    lessons = [snapshot.lesson() for snapshot in snapshots] if missing else []
    data_to = as_of_date - timedelta(days=1)
    first = min((snapshot.as_of_date for snapshot in snapshots), default=as_of_date)
    trained_at = datetime.now(UTC).replace(tzinfo=None)
    fits = []
    for name in missing:
        artifact = ALGORITHMS[name].fit(lessons, wanted.parameters[name], threads)
        if artifact is not None:
            fits.append(
                Fit(
                    fit_id=fit_id(key, name),
                    topic=TOPIC,
                    algorithm=name,
                    is_baseline=ALGORITHMS[name].is_baseline,
                    trained_at=trained_at,
                    data_from=first - timedelta(days=364),
                    data_to=data_to,
                    fit_key=key,
                    parameters=wanted.parameters[name],
                    features=wanted.features,
                    metrics={"training_customers": sum(len(lesson.asked()) for lesson in lessons)},
                    library_versions=library_versions(LIBRARIES),
                    artifact=artifact,
                )
            )
    return to_table(fits)


def backtest(training: Sequence[Mapping[str, Any]], past: PastBaskets, threads: int) -> pa.Table:
    """How each algorithm of a training (rows of its fits) did on the last date that is over; rows of BACKTEST_SCHEMA.

    Each is fitted anew, with the same parameters, on lessons that were over by then. Customers who had bought in the year before judge, by all
    products of their next basket. `mean_probability` is what the first k places promise, beside `precision`, what they keep.
    """
    origin = past.judged_date()
    after = past.snapshot(origin).lesson() if origin and training else None
    if origin is None or after is None or not len(after.asked()):
        return BACKTEST_SCHEMA.empty_table()
    before = [snapshot.lesson() for snapshot in past.lessons(origin)]
    rows = []
    for fit in training:
        algorithm = ALGORITHMS[fit["algorithm"]]
        artifact = algorithm.fit(before, json.loads(fit["parameters"]), threads)
        if artifact is None:
            continue
        for metric, k, value in measured(after, algorithm.load(artifact)):
            common = {name: fit[name] for name in ("fit_id", "fit_key", "algorithm")}
            found = {"origin_date": origin, "metric": metric, "k": k, "customers": len(after.asked())}
            rows.append({**common, **found, "metric_value": value})
    return pa.Table.from_pylist(rows, schema=BACKTEST_SCHEMA)


def measured(after: Lesson, predictor: Predictor) -> list[tuple[str, int, float]]:
    """Metric, k and value of a predictor's lists for the customers who bought."""
    lists = lists_of(after.moment, predictor.outlook(after.moment), LENGTH)
    kept = means_by_length(judge(lists.columns, after.followed), KS)
    found = [(metric, k, round(value, 9)) for (metric, k), value in kept.items()]
    promised = lists.probabilities[after.asked()]
    found += [("mean_probability", k, round(float(promised[:, :k].sum() / (k * len(promised))), 9)) for k in KS]
    return found


@dataclass(frozen=True)
class Scorer:
    """The champion's lists, some customers at a time."""

    fit: Fit
    predictor: Predictor
    products: pa.Table
    shown: Texts
    as_of_date: date
    scored_at: datetime

    @classmethod
    def of_champion(cls, fits: pa.Table, products: pa.Table, shown: Sequence[str], as_of_date: date) -> "Scorer":
        """`fits`: the champion's row, or none; `products`: rows of the as-of date; `shown`: products that may be listed.

        Raises NotTrainedError without a champion, DamagedArtifactError when its artifact is not as it was written.
        """
        champions = from_table(fits)
        if not champions:
            raise NotTrainedError(
                "Nothing has been trained for the next basket on data before this as-of date. Build once with training: "
                "dbt build --vars '{trendhouse_train: auto}' (selector score never trains)."
            )
        fit = champions[0]
        predictor = ALGORITHMS[fit.algorithm].load(fit.artifact)
        scored_at = datetime.now(UTC).replace(tzinfo=None)
        return cls(fit, predictor, products, np.asarray(shown, dtype=np.str_), as_of_date, scored_at)

    def score(self, repeats: pa.Table) -> pa.Table:
        """Lists of some customers, of whom these are all the rows; rows of SCORES_SCHEMA."""
        moment = moment_of(repeats, self.products)
        return self._listed(moment, pa.array(moment.customers, pa.string()))

    def score_unknown(self, repeats: pa.Table) -> pa.Table:
        """The list of everybody without purchases in the year before, whose key is null; `repeats` gives the columns alone."""
        moment = replace(moment_of(repeats.slice(0, 0), self.products), customers=np.array([""]))
        return self._listed(moment, pa.nulls(1, pa.string()))

    def _listed(self, moment: Moment, keys: pa.Array) -> pa.Table:
        is_shown = places_of(moment.products, self.shown) >= 0
        lists = lists_of(moment, self.predictor.outlook(moment), LENGTH, is_shown)
        row, place = np.nonzero(lists.columns >= 0)
        columns = {
            "customer_id": keys.take(pa.array(row)),
            "product_id": moment.products[lists.columns[row, place]],
            "place": place + 1,
            "purchase_probability": np.round(lists.probabilities[row, place], 6),
            "is_repeat": lists.is_repeat[row, place],
            "fit_id": pa.repeat(self.fit.fit_id, len(row)),
            "as_of_date": pa.repeat(pa.scalar(self.as_of_date), len(row)),
            "scored_at": pa.repeat(pa.scalar(self.scored_at), len(row)),
        }
        return pa.table(
            [pa.array(columns[field.name]).cast(field.type) for field in SCORES_SCHEMA], schema=SCORES_SCHEMA
        )


def score_all(scorer: Scorer, repeats: Any) -> pa.Table:
    """Lists of every customer in `repeats` (a relation), block by block, and the list of everybody else; rows of SCORES_SCHEMA."""
    at = warehouse.equals("as_of_date", scorer.as_of_date)
    customers = warehouse.values(repeats, "customer_id", at)
    parts = [scorer.score_unknown(warehouse.to_arrow(repeats, REPEAT_COLUMNS, "false"))]
    for start in range(0, len(customers), BLOCK_CUSTOMERS):
        block = customers[start : start + BLOCK_CUSTOMERS]
        of_block = warehouse.is_between("customer_id", block[0], block[-1])
        parts.append(scorer.score(warehouse.to_arrow(repeats, REPEAT_COLUMNS, f"{at} and {of_block}")))
    return pa.concat_tables(parts)
