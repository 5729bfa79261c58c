"""The second stage: what several sources propose, merged and ranked by LightGBM's LambdaRank (Burges 2010).

The trees start from a weighted sum of the sources, so that they only have to learn what a straight line misses, and may not put a product lower
because a source puts it higher: with little to learn from, trees alone fall behind the best source.

A lesson of the ranker is a cut in the past: sources that knew nothing from after it propose, and what customers then dealt with is the label. Never
does a lesson reach beyond the date for which it is learnt.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from trendhouse.artifacts import canonical_json
from trendhouse.boosters import deterministic, from_text, predict, to_text
from trendhouse.parallel import in_blocks, one_thread
from trendhouse.recommendation.blend import blend_weights, evidence
from trendhouse.recommendation.candidate import Known, Recommender
from trendhouse.recommendation.contest import Cut
from trendhouse.recommendation.interactions import Floats, Integers
from trendhouse.recommendation.pair_features import NAMES, PairFeatures, own_entries
from trendhouse.recommendation.top_products import best_of_rows, blocks_of, top_products, without

Doubles = NDArray[np.float64]

ALGORITHM = "ranker"
# Reciprocal rank fusion of a product that a source lists at a place: 1 / (60 + place) (Cormack, Clarke and Buettcher 2009).
FUSION_PLACES = 60
# Below so many customers with a hit there is no order to learn.
LEAST_CUSTOMERS = 20
# A source that weighs less than this share of the weightiest decides nothing, and is not named as where a product comes from.
LEAST_SHARE = 0.01


@dataclass(frozen=True)
class Lesson:
    """A cut in the past, and the sources by algorithm, fitted on what was known then."""

    cut: Cut
    sources: Mapping[str, Recommender]


@dataclass(frozen=True)
class TrainingRows:
    """What a ranker learns from: features (rows, features) and labels (rows,), customer by customer, and how many rows each has (customers,)."""

    features: Floats
    labels: Floats
    sizes: Integers


@dataclass(frozen=True)
class Proposals:
    """Pairs of customer (place in the block) and product that at least one source proposes, by customer and product; features (pairs, features)."""

    row: Integers
    column: Integers
    features: Floats


@dataclass(frozen=True)
class Lists:
    """The best products of some customers: columns and scores as `top_products` gives them, and the source (its place among the ranker's) that puts
    each highest, -1 where there is no product; (customers, places) each.
    """

    columns: Integers
    scores: Floats
    source: Integers


def feature_names(sources: Sequence[str]) -> list[str]:
    """Features of a proposal, in their order: of each source its score and place, their fusion, and NAMES."""
    return [
        *(f"{name}_score" for name in sources),
        *(f"{name}_place" for name in sources),
        "sources",
        "fusion",
        *NAMES,
    ]


def propose(
    sources: Sequence[Recommender],
    features: PairFeatures,
    known: Known,
    customers: Integers,
    most: int,
    excluded: csr_array | None,
) -> Proposals:
    """The first `most` products of every source, merged, for some customers.

    A source's score is 1 for its first product, 0 for the last that it lists, and may be below 0 for a product that others list; NaN where it has
    nothing to say. Places count from 1, NaN where the source does not list the product.
    """
    products = len(known.interactions.products)
    all_scores, lists = [], []
    for source in sources:
        scores = without(source.scores(known, customers), excluded, customers)
        all_scores.append(scores)
        lists.append(top_products(scores, most))
    keys = [(np.arange(len(customers))[:, None] * products + columns)[columns >= 0] for columns, _ in lists]
    row, column = np.divmod(np.unique(np.concatenate(keys)), products)
    values, places = [], []
    for scores, (columns, best) in zip(all_scores, lists, strict=True):
        values.append(_relative(scores[row, column], best, row))
        places.append(_places(columns, row, column))
    place = np.column_stack(places)
    is_listed = ~np.isnan(place)
    fusion = np.where(is_listed, 1 / (FUSION_PLACES + place), 0).sum(axis=1)
    found = [*values, place, is_listed.sum(axis=1), fusion, features.of(customers, row, column)]
    return Proposals(row, column, np.column_stack(found).astype(np.float32))


def _relative(scores: Floats, best: Floats, row: Integers) -> Floats:
    """Scores (pairs,) between the last and the first of the source's list for the customer; NaN for -inf."""
    first = best[:, 0]
    last = np.where(best > -np.inf, best, np.inf).min(axis=1)
    with np.errstate(invalid="ignore"):
        spread = np.maximum(first - last, np.float32(1e-9))[row]
        relative = np.where(scores > -np.inf, (scores - last[row]) / spread, np.nan)
    # Where all that is listed scores the same, what is not listed would be endlessly far away.
    return np.clip(relative, -5, 1)


def _places(columns: Integers, row: Integers, column: Integers) -> Floats:
    """Place from 1 of each pair (pairs,) in the lists (customers, length); NaN where it is not listed."""
    products = int(max(columns.max(initial=0), column.max(initial=0))) + 1
    order = np.argsort(columns, axis=1, kind="stable")
    in_order = np.take_along_axis(columns, order, axis=1)
    there = in_order >= 0
    keys = (np.arange(len(columns))[:, None] * products + in_order)[there]
    if not len(keys):
        return np.full(len(row), np.nan, dtype=np.float32)
    wanted = row * products + column
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, order[there][at] + 1, np.nan).astype(np.float32)


class Ranker:
    """A fitted ranking of what the sources propose."""

    def __init__(self, sources: Sequence[str], blend: Doubles, booster: lightgbm.Booster, most: int) -> None:
        """The sources by algorithm, in the order of the features; the weights of their evidence; and how many products each proposes."""
        self.sources = tuple(sources)
        self._blend, self._booster, self._most = blend, booster, most

    def recommended(
        self,
        sources: Mapping[str, Recommender],
        known: Known,
        customers: Integers,
        count: int,
        threads: int,
        excluded: csr_array | None = None,
    ) -> tuple[Integers, Floats]:
        """The best products of these customers, columns and scores as `top_products` gives them, from what the sources propose.

        `sources` by algorithm, each of which may be missing: it then proposes nothing.
        """
        lists = self.lists(sources, known, customers, count, threads, excluded)
        return lists.columns, lists.scores

    def lists(
        self,
        sources: Mapping[str, Recommender],
        known: Known,
        customers: Integers,
        count: int,
        threads: int,
        excluded: csr_array | None = None,
    ) -> Lists:
        """The same, with the source of each product."""
        features = PairFeatures(known)
        chosen = [sources.get(name, Silent()) for name in self.sources]

        def of_block(block: Integers) -> Lists:
            proposals = propose(chosen, features, known, block, self._most, excluded)
            columns = np.full((len(block), count), -1, dtype=np.int64)
            values = np.full((len(block), count), -np.inf, dtype=np.float32)
            source = np.full((len(block), count), -1, dtype=np.int64)
            if len(proposals.row):
                seen = _evidence(proposals.features, len(chosen))
                score = self._scores(seen, proposals.features)
                best, place = best_of_rows(proposals.row, proposals.column, score, count)
                at = proposals.row[best], place
                columns[at], values[at] = proposals.column[best], score[best]
                source[at] = self._source_of(seen[best])
            return Lists(columns, values, source)

        blocks = list(in_blocks(of_block, _blocks(customers, known, len(chosen)), threads))
        empty = of_block(customers[:0])
        return Lists(
            np.vstack([empty.columns, *(block.columns for block in blocks)]),
            np.vstack([empty.scores, *(block.scores for block in blocks)]),
            np.vstack([empty.source, *(block.source for block in blocks)]),
        )

    def _source_of(self, seen: Doubles) -> Integers:
        """Number of the source that puts the product highest on its own list (pairs,), of those with a weight; of equal ones the weightiest."""
        count = len(self.sources)
        # Evidence starts at -1, for a source that has nothing to say.
        weighed = self._blend[:count] * (seen[:, :count] + 1) + self._blend[count:] * seen[:, count:]
        weight = self._blend[:count] + self._blend[count:]
        has_weight = weight > LEAST_SHARE * weight.max()
        order = np.lexsort((-weighed, -seen[:, count:], np.broadcast_to(~has_weight, weighed.shape)), axis=1)
        return np.asarray(order[:, 0], dtype=np.int64)

    def _scores(self, seen: Doubles, features: Floats) -> Floats:
        """Of each proposal (pairs,), the higher the better within a customer; `seen` is the evidence in its features."""
        blended = seen @ self._blend
        return np.asarray(blended + predict(self._booster, features, raw_score=True), dtype=np.float32)


class Silent:
    """A source that has nothing to say: it was not fitted on this day."""

    def scores(self, known: Known, customers: Integers) -> Floats:
        """-inf (customers, products)."""
        return np.full((len(customers), len(known.interactions.products)), -np.inf, dtype=np.float32)


def parameters() -> Mapping[str, Any]:
    """Products that each source proposes, customers at most in each lesson, the ridge of the weighted sum, LightGBM's own settings and rounds,
    and the version of this module.
    """
    return {
        "version": 1,
        "most_proposed": 50,
        "most_customers": 5_000,
        "ridge": 0.001,
        "rounds": 100,
        "lightgbm": {
            "objective": "lambdarank",
            "lambdarank_truncation_level": 30,
            "learning_rate": 0.03,
            "num_leaves": 15,
            "min_data_in_leaf": 500,
            "feature_fraction": 0.7,
            "max_bin": 63,
            "lambda_l2": 10.0,
            "seed": 20,
        },
    }


def fit(lessons: Sequence[Lesson], parameters: Mapping[str, Any], threads: int) -> str | None:
    """Artifact (JSON text) of a ranker, see `fit_rows`. Sources that are missing in some of the lessons are left out."""
    names = names_in_all(lessons)
    return fit_rows(
        names, [training_rows(lesson, names, parameters, threads) for lesson in lessons], parameters, threads
    )


def names_in_all(lessons: Sequence[Lesson]) -> list[str]:
    """The sources that all lessons have, sorted; none without a lesson."""
    return sorted(set.intersection(*(set(lesson.sources) for lesson in lessons))) if lessons else []


def fit_rows(
    names: Sequence[str], lessons: Sequence[TrainingRows], parameters: Mapping[str, Any], threads: int
) -> str | None:
    """Artifact (JSON text) of a ranker of these sources, taught by the rows of some lessons.

    None when fewer than LEAST_CUSTOMERS dealt with anything that was proposed. Same input, same text, whatever `threads` is.
    """
    if not names or sum(len(lesson.sizes) for lesson in lessons) < LEAST_CUSTOMERS:
        return None
    features, label, size = (
        np.concatenate(parts)
        for parts in zip(*((lesson.features, lesson.labels, lesson.sizes) for lesson in lessons), strict=True)
    )
    seen = _evidence(features, len(names))
    one_thread()
    blend = np.array([float(f"{weight:.6g}") for weight in blend_weights(seen, label, size, parameters["ridge"])])
    start = seen @ blend
    data = lightgbm.Dataset(features, label, group=size, init_score=start, feature_name=feature_names(names))
    settings = deterministic({**parameters["lightgbm"], "monotone_constraints": _directions(len(names))}, threads)
    booster = lightgbm.train(settings, data, num_boost_round=parameters["rounds"])
    return canonical_json(
        {
            "sources": names,
            "blend": blend.tolist(),
            "model": to_text(booster),
            "most_proposed": parameters["most_proposed"],
        }
    )


def load(artifact: str) -> Ranker:
    """The ranker of an artifact."""
    stored = json.loads(artifact)
    blend = np.array(stored["blend"], dtype=np.float64)
    return Ranker(stored["sources"], blend, from_text(stored["model"]), stored["most_proposed"])


def _evidence(features: Floats, sources: int) -> Doubles:
    """Evidence of the sources in the features (pairs, features)."""
    return evidence(features[:, :sources], features[:, sources : 2 * sources])


def _directions(sources: int) -> list[int]:
    """For each feature 1 where more of it never speaks against the product, -1 where less of it never does, 0 where it may be either."""
    return [1] * sources + [-1] * sources + [1, 1] + [0] * len(NAMES)


def training_rows(lesson: Lesson, names: Sequence[str], parameters: Mapping[str, Any], threads: int) -> TrainingRows:
    """What these sources propose to the customers of a lesson, as far as there is a hit and a miss."""
    cut = lesson.cut
    customers = cut.customers(parameters["most_customers"])
    sources, features = [lesson.sources[name] for name in names], PairFeatures(cut.known)

    def of_block(block: Integers) -> tuple[Floats, Floats, Integers]:
        proposals = propose(sources, features, cut.known, block, parameters["most_proposed"], cut.excluded)
        followed = csr_array(cut.followed[block])
        followed.sort_indices()
        hit = own_entries(followed, proposals.row, proposals.column) >= 0
        hits = np.bincount(proposals.row[hit], minlength=len(block))
        size = np.bincount(proposals.row, minlength=len(block))
        teaches = (hits > 0) & (hits < size)
        kept = teaches[proposals.row]
        return proposals.features[kept], hit[kept].astype(np.float32), size[teaches].astype(np.int64)

    nothing = np.empty((0, len(feature_names(names))), dtype=np.float32), np.empty(0, dtype=np.float32)
    found = [(*nothing, np.empty(0, dtype=np.int64))]
    found += in_blocks(of_block, _blocks(customers, cut.known, len(sources)), threads)
    return TrainingRows(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _blocks(customers: Integers, known: Known, sources: int) -> Iterator[Integers]:
    """Blocks for which the scores of all sources are held at once."""
    return blocks_of(customers, len(known.interactions.products) * max(sources, 1))
