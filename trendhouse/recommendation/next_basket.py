"""The next basket of a customer who buys again: what it will hold, and how likely.

What was bought before and what everybody buys share one list, by the probability of being in the next basket. For what the customer had before,
LightGBM learns it from past dates: who had bought what how often, how long ago, how evenly, and was it in the first basket after the date? For what
the customer never had, the probability is the product's share of baskets, scaled so that it was right on those dates. Beside it stand the two rules
that recommenders of next baskets seldom beat (Li, Jullien, Ariannezhad and de Rijke 2023, "A next basket recommendation reality check"): what the
customer bought most often, filled up with what everybody buys; and what everybody buys.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from sklearn.isotonic import IsotonicRegression

from trendhouse.artifacts import canonical_json
from trendhouse.boosters import deterministic, from_text, predict, to_text
from trendhouse.recommendation.interactions import Floats, Integers, Texts
from trendhouse.recommendation.places import places_of
from trendhouse.recommendation.top_products import best_of_rows

Doubles = NDArray[np.float64]

PAIR_COLUMNS = (
    "baskets_364d",
    "baskets_84d",
    "baskets_28d",
    "baskets_of_last_10",
    "baskets_of_last_5",
    "baskets_since_last",
    "baskets_since_first",
    "days_since_last",
    "gap_mean_days",
    "gap_sd_days",
    "customer_baskets_364d",
    "customer_baskets_28d",
    "customer_recent_baskets",
    "customer_basket_products",
    "customer_gap_mean_days",
    "customer_days_since_last",
)
"""Numbers of `feat_recommendation_repeats`, one row per customer and product bought before."""

PRODUCT_COLUMNS = (
    "basket_rate_364d",
    "basket_rate_28d",
    "repeat_rate",
    "category_repeat_rate",
    "gap_mean_days",
)
"""Numbers of `feat_recommendation_repeat_products`, one row per product."""

DERIVED = (
    "held_rate",
    "held_rate_since_first",
    "held_rate_of_last_10",
    "due_ratio",
    "product_due_ratio",
    "baskets_due_ratio",
)
FEATURES = (*PAIR_COLUMNS, *(f"product_{name}" for name in PRODUCT_COLUMNS), *DERIVED)
"""Features of a pair of customer and product, in their order."""

LESSONS = 2
"""Past dates, 28 days apart, that a fit learns from."""

MOST_CUSTOMERS = 5_000
"""Customers at most of one lesson, and of one back-test."""

# So many of the most popular products, times the length of the list, stand by to fill it.
SPARE = 5
# Below so many pairs that came again there is no pattern to learn.
LEAST_REPEATS = 100


@dataclass(frozen=True)
class Moment:
    """What was known of purchases at one date.

    `customers` are sorted and unique, `products` by their share of all baskets in the last 28 days and then of a year, the largest first. `row`,
    `column` and `features` (pairs, len(FEATURES)) say who bought what, by customer and product; `rates` (products,) is the share of baskets.
    """

    customers: Texts
    products: Texts
    row: Integers
    column: Integers
    features: Floats
    rates: Doubles

    def feature(self, name: str) -> Floats:
        """One feature of the pairs (pairs,)."""
        return self.features[:, FEATURES.index(name)]


@dataclass(frozen=True)
class Lesson:
    """A moment in the past, and the next baskets of those who bought within four weeks: `followed` (customers, products and those new since)."""

    moment: Moment
    followed: csr_array

    def asked(self) -> Integers:
        """Rows of the customers who bought."""
        return np.asarray(np.flatnonzero(np.diff(self.followed.indptr)), dtype=np.int64)

    def labels(self) -> NDArray[np.bool_]:
        """Whether each pair (pairs,) was in the next basket."""
        width = self.followed.shape[1]
        owner = np.repeat(np.arange(self.followed.shape[0]), np.diff(self.followed.indptr))
        return np.isin(self.moment.row * width + self.moment.column, owner * width + self.followed.indices)


@dataclass(frozen=True)
class Outlook:
    """What an algorithm says: `scores` order the products of a customer, `probabilities` are those of being in the next basket.

    Of what the customer had before (pairs,), and of what he never had (products,), the same for everyone.
    """

    pair_scores: Doubles
    pair_probabilities: Doubles
    product_scores: Doubles
    product_probabilities: Doubles


@dataclass(frozen=True)
class Lists:
    """The first products of every customer (customers, length): columns, -1 where there is none, probabilities, and which were bought before."""

    columns: Integers
    probabilities: Doubles
    is_repeat: NDArray[np.bool_]


class Predictor(Protocol):
    """A fitted algorithm."""

    def outlook(self, moment: Moment) -> Outlook:
        """What it says at a moment."""


class Algorithm(Protocol):
    """A way to tell the next basket."""

    name: str
    is_baseline: bool

    def parameters(self) -> Mapping[str, Any]:
        """Its parameters and the version of its code."""

    def fit(self, lessons: Sequence[Lesson], parameters: Mapping[str, Any], threads: int) -> str | None:
        """Artifact (JSON text); None when the lessons teach too little."""

    def load(self, artifact: str) -> Predictor:
        """The predictor of an artifact."""


# ---- What is known, from tables. ----


def moment_of(repeats: pa.Table, products: pa.Table) -> Moment:
    """The moment of the rows of one as-of date of `feat_recommendation_repeats` and `feat_recommendation_repeat_products`."""
    products = products.sort_by(
        [("basket_rate_28d", "descending"), ("basket_rate_364d", "descending"), ("product_id", "ascending")]
    )
    names = np.asarray(products.column("product_id").to_pylist(), dtype=np.str_)
    customers = np.asarray(pc.unique(repeats.column("customer_id")).sort().to_pylist(), dtype=np.str_)
    row = places_of(repeats.column("customer_id"), customers)
    column = places_of(repeats.column("product_id"), names)
    order = np.lexsort((column, row))
    row, column = row[order], column[order]
    pair = {name: _numbers(repeats, name)[order] for name in PAIR_COLUMNS}
    product = {name: _numbers(products, name)[column] for name in PRODUCT_COLUMNS}
    features = np.column_stack([*pair.values(), *product.values(), *_derived(pair, product)]).astype(np.float32)
    return Moment(customers, names, row, column, features, _numbers(products, "basket_rate_28d"))


def lesson_of(moment: Moment, baskets: pa.Table) -> Lesson:
    """A lesson from rows of `ml_recommendation__next_baskets` of the moment's date; customers not known then are left out."""
    row = places_of(baskets.column("customer_id"), moment.customers)
    column = places_of(baskets.column("product_id"), moment.products)
    # What nobody had bought before is in the basket all the same.
    unknown = pc.unique(baskets.column("product_id").filter(pa.array(column < 0))).sort()
    new = places_of(baskets.column("product_id"), np.asarray(unknown.to_pylist(), dtype=np.str_))
    column = np.where(column >= 0, column, len(moment.products) + new)
    kept = row >= 0
    shape = (len(moment.customers), len(moment.products) + len(unknown))
    entries = np.ones(int(kept.sum()), dtype=np.float32), (row[kept], column[kept])
    return Lesson(moment, csr_array(coo_array(entries, shape=shape)))


def _numbers(table: pa.Table, name: str) -> Doubles:
    return np.asarray(table.column(name).cast(pa.float64()).to_numpy(), dtype=np.float64)


def _derived(pair: Mapping[str, Doubles], product: Mapping[str, Doubles]) -> list[Doubles]:
    """The features DERIVED: shares of baskets, and how much of the usual time has passed; NaN where nothing is usual yet."""
    held, since_first = pair["baskets_364d"], pair["baskets_since_first"]
    with np.errstate(divide="ignore", invalid="ignore"):
        return [
            held / pair["customer_baskets_364d"],
            held / since_first,
            pair["baskets_of_last_10"] / pair["customer_recent_baskets"],
            pair["days_since_last"] / np.maximum(pair["gap_mean_days"], 1),
            pair["days_since_last"] / np.maximum(product["gap_mean_days"], 1),
            (pair["baskets_since_last"] + 1) * held / since_first,
        ]


# ---- Lists. ----


def lists_of(moment: Moment, outlook: Outlook, count: int, is_shown: NDArray[np.bool_] | None = None) -> Lists:
    """The first `count` products of every customer, by score; equal scores by popularity.

    `is_shown` (products,) says which may be listed; all by default.
    """
    shown = np.ones(len(moment.products), dtype=bool) if is_shown is None else is_shown
    customers = len(moment.customers)
    shape = (customers, count)
    own = np.flatnonzero(shown[moment.column])
    best, place = best_of_rows(moment.row[own], moment.column[own], outlook.pair_scores[own], count)
    own = own[best]
    columns = np.full(shape, -1, dtype=np.int64)
    scores, probabilities = np.full(shape, -np.inf), np.zeros(shape)
    at = moment.row[own], place
    columns[at], scores[at] = moment.column[own], outlook.pair_scores[own]
    probabilities[at] = outlook.pair_probabilities[own]

    popular = np.flatnonzero(shown)
    popular = popular[np.argsort(-outlook.product_scores[popular], kind="stable")][: SPARE * count]
    width = len(popular)
    is_own = np.isin(
        np.arange(customers)[:, None] * len(moment.products) + popular,
        moment.row * len(moment.products) + moment.column,
    )
    columns = np.hstack([columns, np.where(is_own, -1, popular)])
    scores = np.hstack([scores, np.where(is_own, -np.inf, outlook.product_scores[popular])])
    probabilities = np.hstack(
        [probabilities, np.broadcast_to(outlook.product_probabilities[popular], (customers, width))]
    )
    is_repeat = np.hstack([np.ones(shape, dtype=bool), np.zeros((customers, width), dtype=bool)])
    # The most popular first among equals; a place without a product goes last.
    order = np.lexsort((np.where(columns < 0, np.iinfo(np.int64).max, columns), -scores))[:, :count]
    columns = np.take_along_axis(columns, order, axis=1)
    return Lists(
        columns,
        np.where(columns >= 0, np.take_along_axis(probabilities, order, axis=1), 0.0),
        np.take_along_axis(is_repeat, order, axis=1) & (columns >= 0),
    )


# ---- Algorithms. ----


def taught(lessons: Sequence[Lesson]) -> tuple[Floats, NDArray[np.bool_]]:
    """Features (pairs, len(FEATURES)) and labels (pairs,) of the customers who bought, lesson by lesson."""
    features, labels = [np.zeros((0, len(FEATURES)), dtype=np.float32)], [np.zeros(0, dtype=bool)]
    for lesson in lessons:
        kept = np.isin(lesson.moment.row, lesson.asked())
        features.append(lesson.moment.features[kept])
        labels.append(lesson.labels()[kept])
    return np.concatenate(features), np.concatenate(labels)


def popular_factor(lessons: Sequence[Lesson], most: int, with_own: bool) -> float:
    """What a popular product's share of baskets is to be multiplied by, to be its probability for a customer who never had it (or any customer).

    Hits over what the shares promised, of the `most` popular products; one promised hit speaks for a factor of 1.
    """
    promised = hits = 1.0
    for lesson in lessons:
        moment = lesson.moment
        asked = lesson.asked()
        rates = moment.rates[:most]
        there = _pattern(moment.row, moment.column, (len(moment.customers), len(moment.products)))[asked][:, :most]
        bought = csr_array(lesson.followed[asked][:, : len(rates)] > 0)
        promised += len(asked) * float(rates.sum())
        hits += float(bought.sum())
        if not with_own:
            promised -= float(there.sum(axis=0) @ rates)
            hits -= float(bought.multiply(there).sum())
    return float(f"{hits / promised:.6g}")


def _pattern(row: Integers, column: Integers, shape: tuple[int, int]) -> csr_array:
    return csr_array(coo_array((np.ones(len(row), dtype=np.float32), (row, column)), shape=shape))


def _popular_probabilities(moment: Moment, factor: float) -> Doubles:
    return np.clip(factor * moment.rates, 0.0, 1.0)


class GlobalTop:
    """What most baskets of the last 28 days held, for everyone."""

    name = "global_top"
    is_baseline = True

    def parameters(self) -> Mapping[str, Any]:
        """Popular products that the share of baskets is scaled on."""
        return {"version": 1, "popular_products": 100}

    def fit(self, lessons: Sequence[Lesson], parameters: Mapping[str, Any], threads: int) -> str | None:
        """The factor of the shares of baskets."""
        return canonical_json({"factor": popular_factor(lessons, parameters["popular_products"], with_own=True)})

    def load(self, artifact: str) -> Predictor:
        """The rule with its factor."""
        return GlobalTopPredictor(json.loads(artifact)["factor"])


@dataclass(frozen=True)
class GlobalTopPredictor:
    """The most popular products, whoever asks."""

    factor: float

    def outlook(self, moment: Moment) -> Outlook:
        """Bought before or not makes no difference."""
        probabilities = _popular_probabilities(moment, self.factor)
        return Outlook(moment.rates[moment.column], probabilities[moment.column], moment.rates, probabilities)


class PersonalTop:
    """What the customer bought most often, of equals the last bought first; then what most baskets held (G-P-TopFreq in Li et al. 2023)."""

    name = "personal_top"
    is_baseline = True

    def parameters(self) -> Mapping[str, Any]:
        """As of the global top."""
        return GlobalTop().parameters()

    def fit(self, lessons: Sequence[Lesson], parameters: Mapping[str, Any], threads: int) -> str | None:
        """The probability by the share of the customer's baskets that held the product: isotonic regression; the share itself without lessons."""
        features, came = taught(lessons)
        shares = probabilities = [0.0, 1.0]
        if len(came):
            steps = IsotonicRegression(out_of_bounds="clip").fit(features[:, FEATURES.index("held_rate")], came)
            shares, probabilities = (
                [float(f"{value:.6g}") for value in ends] for ends in (steps.X_thresholds_, steps.y_thresholds_)
            )
        factor = popular_factor(lessons, parameters["popular_products"], with_own=False)
        return canonical_json({"factor": factor, "shares": shares, "probabilities": probabilities})

    def load(self, artifact: str) -> Predictor:
        """The rule with its probabilities."""
        stored = json.loads(artifact)
        return PersonalTopPredictor(stored["factor"], np.array(stored["shares"]), np.array(stored["probabilities"]))


@dataclass(frozen=True)
class PersonalTopPredictor:
    """Own products before all others."""

    factor: float
    shares: Doubles
    probabilities: Doubles

    def outlook(self, moment: Moment) -> Outlook:
        """Own products score 1 and above, by how often, and then by how lately, they were bought; others below 1, by their popularity."""
        scores = moment.feature("baskets_364d") + 1 / (1 + moment.feature("days_since_last").astype(np.float64))
        probabilities = np.interp(moment.feature("held_rate"), self.shares, self.probabilities)
        return Outlook(scores, probabilities, moment.rates, _popular_probabilities(moment, self.factor))


class RepeatBoosting:
    """LightGBM on who bought what, how often and when; popular products compete by their probability."""

    name = "repeat_boosting"
    is_baseline = False

    def parameters(self) -> Mapping[str, Any]:
        """As of the global top; LightGBM's own settings and rounds."""
        return {
            **GlobalTop().parameters(),
            "rounds": 75,
            "lightgbm": {
                "objective": "binary",
                "learning_rate": 0.05,
                "num_leaves": 31,
                "min_data_in_leaf": 200,
                "feature_fraction": 0.7,
                "max_bin": 63,
                "lambda_l2": 10.0,
                "seed": 20,
            },
        }

    def fit(self, lessons: Sequence[Lesson], parameters: Mapping[str, Any], threads: int) -> str | None:
        """The trees; None when fewer than LEAST_REPEATS products came again."""
        features, came = taught(lessons)
        if came.sum() < LEAST_REPEATS:
            return None
        data = lightgbm.Dataset(features, came, feature_name=list(FEATURES))
        settings = deterministic(parameters["lightgbm"], threads)
        booster = lightgbm.train(settings, data, num_boost_round=parameters["rounds"])
        factor = popular_factor(lessons, parameters["popular_products"], with_own=False)
        return canonical_json({"factor": factor, "model": to_text(booster)})

    def load(self, artifact: str) -> Predictor:
        """The trees."""
        stored = json.loads(artifact)
        return RepeatBoostingPredictor(stored["factor"], from_text(stored["model"]))


@dataclass(frozen=True)
class RepeatBoostingPredictor:
    """Everything by its probability."""

    factor: float
    booster: lightgbm.Booster

    def outlook(self, moment: Moment) -> Outlook:
        """Scores are the probabilities."""
        own = predict(self.booster, moment.features)
        popular = _popular_probabilities(moment, self.factor)
        return Outlook(own, own, popular, popular)


ALGORITHMS: Mapping[str, Algorithm] = {item.name: item for item in (GlobalTop(), PersonalTop(), RepeatBoosting())}
"""Every algorithm by its name."""
