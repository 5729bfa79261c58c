"""The best of the scores, the contest, and the second stage: what is excluded stays out, nothing sees beyond its cut, the ranker beats its sources."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_taste import planted_cut, with_products
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from trendhouse.recommendation import ranker
from trendhouse.recommendation.candidate import Recommender
from trendhouse.recommendation.candidates import candidates
from trendhouse.recommendation.contest import Cut, compete, fit_all, standing
from trendhouse.recommendation.interactions import Floats
from trendhouse.recommendation.ranker import Lesson
from trendhouse.recommendation.top_products import GROUPS_PER_PRODUCT, recommended, top_products

SOURCES = ("als", "item_cosine", "popularity", "trending")
OTHERS = tuple(sorted(set(candidates()) - set(SOURCES)))


@cache
def earlier() -> Cut:
    return planted_cut(seed=2, fashion=3)


@cache
def later() -> Cut:
    return planted_cut(seed=1, fashion=3)


@cache
def sources(of_earlier: bool) -> dict[str, Recommender]:
    artifacts, _ = fit_all((earlier() if of_earlier else later()).known, 1, without=OTHERS)
    return {name: candidates()[name].load(text) for name, text in artifacts.items()}


@cache
def ranked() -> str:
    text = ranker.fit([Lesson(earlier(), sources(True))], ranker.parameters(), 1)
    assert text is not None
    return text


# ---- the best of the scores ---------------------------------------------------------------------------------------------


def sorted_out(scores: Floats, count: int) -> np.ndarray:
    order = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    found = np.full((len(scores), count), -1)
    found[:, : order.shape[1]] = np.where(np.isneginf(np.take_along_axis(scores, order, axis=1)), -1, order)
    return found


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.sampled_from([0, 1, 5, 40, 1_000]), st.integers(1, 30))
def test_top_products_are_those_of_a_full_sort(seed: int, customers: int, products: int, levels: int) -> None:
    """Few levels make many ties; some scores are -inf."""
    random = np.random.default_rng(seed)
    scores = random.integers(0, levels, (customers, products)).astype(np.float32)
    scores[random.random(scores.shape) < 0.2] = -np.inf
    for count in (1, 3, products // (2 * GROUPS_PER_PRODUCT) + 1):
        columns, values = top_products(scores.copy(), count)
        np.testing.assert_array_equal(columns, sorted_out(scores, count))
        assert np.isneginf(values[columns < 0]).all()
        rows = np.arange(customers)[:, None]
        if products:
            np.testing.assert_array_equal(values[columns >= 0], scores[rows, np.maximum(columns, 0)][columns >= 0])


def test_what_is_excluded_is_not_recommended() -> None:
    customers = np.arange(50)
    listed, _ = recommended(sources(False)["als"], later().known, customers, 20, 1, later().excluded)
    seen = later().known.interactions.weights.toarray()[:50] > 0
    assert not np.take_along_axis(seen, listed, axis=1).any()


# ---- the contest ----------------------------------------------------------------------------------------------------


def test_a_contest_is_the_same_on_any_number_of_threads() -> None:
    one, two = (compete(later(), threads, most_customers=100, without=OTHERS) for threads in (1, 2))
    assert [(item.algorithm, item.metrics) for item in one] == [(item.algorithm, item.metrics) for item in two]
    assert one[0].metrics["ndcg_at_10"] == max(item.metrics["ndcg_at_10"] for item in one)


def test_what_followed_judges_and_does_not_teach() -> None:
    """Models, and so lists, are the same whatever came after the cut."""
    other = replace(later(), followed=csr_array(later().followed[::-1]))
    first, second = (fit_all(cut.known, 1, without=OTHERS)[0] for cut in (later(), other))
    assert first == second


def test_customers_judge_at_even_distances() -> None:
    assert len(later().customers(10_000)) == 400
    assert len(later().customers(100)) == 100


# ---- the second stage -----------------------------------------------------------------------------------------------


def metric_of(listed: np.ndarray, customers: np.ndarray) -> float:
    return standing("", False, listed, later(), customers, 0).metrics["ndcg_at_10"]


def test_the_ranker_beats_every_source() -> None:
    customers = later().customers(10_000)
    listed, _ = ranker.load(ranked()).recommended(sources(False), later().known, customers, 20, 1, later().excluded)
    best = max(
        metric_of(recommended(source, later().known, customers, 20, 1, later().excluded)[0], customers)
        for source in sources(False).values()
    )
    assert metric_of(listed, customers) > best


def test_a_ranker_is_the_same_on_any_number_of_threads() -> None:
    with threadpool_limits(limits=2):
        assert ranker.fit([Lesson(earlier(), sources(True))], ranker.parameters(), 2) == ranked()
    customers = np.arange(60)
    one, two = (
        ranker.load(ranked()).recommended(sources(False), later().known, customers, 10, threads, later().excluded)
        for threads in (1, 2)
    )
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])


def test_a_ranker_lists_no_product_twice_and_none_that_is_excluded() -> None:
    listed, values = ranker.load(ranked()).recommended(
        sources(False), later().known, np.arange(60), 20, 1, later().excluded
    )
    seen = later().known.interactions.weights.toarray()[:60] > 0
    for row, products in enumerate(listed):
        there = products[products >= 0]
        assert len(set(there)) == len(there)
        assert not seen[row, there].any()
    assert (np.diff(values, axis=1) <= 0).all()


def test_a_ranker_does_without_a_source_and_takes_new_products() -> None:
    fewer = {name: source for name, source in sources(False).items() if name != "trending"}
    known = with_products(later().known, ["p0005"])
    listed, _ = ranker.load(ranked()).recommended(fewer, known, np.arange(20), 10, 1)
    assert (listed >= 0).all()


def test_too_few_customers_teach_nothing() -> None:
    nobody = replace(earlier(), followed=csr_array(earlier().followed.shape, dtype=np.float32))
    assert ranker.fit([Lesson(nobody, sources(True))], ranker.parameters(), 1) is None
    assert ranker.fit([], ranker.parameters(), 1) is None


def test_no_customers_are_recommended_nothing() -> None:
    nobody = np.array([], dtype=np.int64)
    listed, values = ranker.load(ranked()).recommended(sources(False), later().known, nobody, 10, 1)
    assert listed.shape == values.shape == (0, 10)


@pytest.mark.parametrize("seed", range(3))
def test_features_of_a_pair_do_not_depend_on_the_pairs_beside_it(seed: int) -> None:
    from trendhouse.recommendation.pair_features import NAMES, PairFeatures

    random = np.random.default_rng(seed)
    features = PairFeatures(later().known)
    customers, column = random.integers(0, 400, 30), random.integers(0, 180, 30)
    together = features.of(customers, np.arange(30), column)
    assert together.shape == (30, len(NAMES))
    for place in (0, 11, 29):
        alone = features.of(customers[[place]], np.array([0]), column[[place]])
        np.testing.assert_array_equal(alone[0], together[place])
