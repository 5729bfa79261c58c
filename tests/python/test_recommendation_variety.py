"""Measures of variety against their definitions, and re-ranking that trades relevance for it."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from trendhouse.evaluation import variety
from trendhouse.recommendation.mmr import rerank
from trendhouse.recommendation.product_text import of_length_one

STRENGTHS = (0.0, 0.2, 0.5, 0.8, 1.0)


def unit_vectors(products: int, dimensions: int, seed: int) -> csr_array:
    values = np.random.default_rng(seed).random((products, dimensions)).astype(np.float32)
    return of_length_one(csr_array(np.where(values > 0.6, values, 0)))


def ranked_lists(customers: int, candidates: int, products: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Lists of products, best first, with their scores."""
    generator = np.random.default_rng(seed)
    lists = np.array([generator.permutation(products)[:candidates] for _ in range(customers)])
    return lists, -np.sort(-generator.random((customers, candidates)), axis=1).astype(np.float32)


# ---- re-ranking -----------------------------------------------------------------------------------------------------


def test_strength_zero_leaves_the_order_untouched() -> None:
    lists, scores = ranked_lists(20, 15, 40, seed=1)
    lists[3, 10:] = -1
    np.testing.assert_array_equal(rerank(lists, scores, unit_vectors(40, 8, seed=2), 0.0, 10), lists[:, :10])


def test_more_strength_more_diversity() -> None:
    lists, scores = ranked_lists(50, 30, 200, seed=3)
    vectors = unit_vectors(200, 12, seed=4)
    found = [
        variety.intra_list_diversity(rerank(lists, scores, vectors, strength, 8), vectors) for strength in STRENGTHS
    ]
    assert found == sorted(found) and found[-1] > found[0] + 0.05


@pytest.mark.parametrize("strength", STRENGTHS)
def test_equals_the_greedy_definition(strength: float) -> None:
    lists, scores = ranked_lists(10, 12, 30, seed=5)
    vectors = unit_vectors(30, 6, seed=6)
    cosines = (vectors @ vectors.T).toarray()
    for products, score, found in zip(lists, scores, rerank(lists, scores, vectors, strength, 6), strict=True):
        relevance = (score - score.min()) / (score.max() - score.min())
        left, chosen = list(range(12)), []
        while len(chosen) < 6:
            worth = [
                (1 - strength) * relevance[place]
                - strength * max(cosines[products[place], products[c]] for c in chosen)
                if chosen
                else relevance[place]
                for place in left
            ]
            chosen.append(left.pop(int(np.argmax(np.round(worth, 6)))))
        np.testing.assert_array_equal(found, products[chosen])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), strength=st.floats(0, 1), lengths=st.lists(st.integers(0, 7), min_size=1, max_size=5))
def test_reranking_only_changes_the_order(seed: int, strength: float, lengths: list[int]) -> None:
    lists, scores = ranked_lists(len(lengths), 7, 20, seed)
    for row, length in enumerate(lengths):
        lists[row, length:] = -1
        scores[row, length:] = np.nan
    reranked = rerank(lists, scores, unit_vectors(20, 5, seed), strength, 7)
    for row, length in enumerate(lengths):
        assert sorted(reranked[row, :length]) == sorted(lists[row, :length])
        assert (reranked[row, length:] == -1).all()
        assert length == 0 or reranked[row, 0] == lists[row, 0]


def test_a_copy_of_the_first_goes_to_the_end() -> None:
    vectors = csr_array(np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32))
    reranked = rerank(np.array([[0, 1, 2]]), np.array([[1.0, 0.9, 0.5]], dtype=np.float32), vectors, 0.5, 3)
    assert reranked.tolist() == [[0, 2, 1]]


@pytest.mark.parametrize("strength", [-0.1, 1.1])
def test_strength_out_of_range_is_refused(strength: float) -> None:
    with pytest.raises(ValueError, match="strength"):
        rerank(np.array([[0]]), np.ones((1, 1), dtype=np.float32), unit_vectors(1, 2, seed=1), strength, 1)


# ---- measures -------------------------------------------------------------------------------------------------------

LISTS = np.array([[0, 1, -1], [1, 2, 3], [-1, -1, -1]])


def test_coverage_counts_what_is_shown() -> None:
    assert variety.catalogue_coverage(LISTS, 8) == 0.5


def test_novelty_is_the_surprise_of_meeting_a_product() -> None:
    known_by = np.array([1.0, 3.0, 0.0, 7.0])
    expected = -np.mean(np.log2((known_by[[0, 1, 1, 2, 3]] + 1) / 8))
    assert variety.novelty(LISTS, known_by, 7) == pytest.approx(expected)
    assert variety.novelty(np.array([[3]]), known_by, 7) == 0


def test_diversity_is_the_mean_distance_of_pairs() -> None:
    vectors = unit_vectors(4, 6, seed=7)
    cosines = (vectors @ vectors.T).toarray()
    by_list = [
        np.mean([1 - cosines[a, b] for a, b in combinations(products[products >= 0], 2)]) for products in LISTS[:2]
    ]
    assert variety.intra_list_diversity(LISTS, vectors) == pytest.approx(np.mean(by_list), abs=1e-6)


def test_popularity_is_averaged_list_by_list() -> None:
    assert variety.average_popularity(LISTS, np.array([10.0, 4.0, 2.0, 0.0])) == pytest.approx((7 + 2) / 2)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=30).filter(lambda amounts: sum(amounts) > 1e-6))
def test_gini_is_half_the_relative_mean_difference(amounts: list[float]) -> None:
    values = np.array(amounts)
    expected = np.abs(values[:, None] - values[None, :]).mean() / (2 * values.mean())
    assert variety.gini(values) == pytest.approx(expected, abs=1e-9)


def test_gini_of_equal_and_of_one() -> None:
    assert variety.gini(np.full(5, 3.0)) == pytest.approx(0)
    assert variety.gini(np.array([0.0] * 99 + [1.0])) == pytest.approx(0.99)


def test_first_places_are_seen_most_and_sellers_share_all_of_it() -> None:
    seen = variety.exposure(LISTS, 4)
    assert seen == pytest.approx([1, 1 + 1 / np.log2(3), 1 / np.log2(3), 0.5])
    shares = variety.seller_exposure(LISTS, np.array([0, 1, 1, -1]), 3)
    assert shares == pytest.approx(np.array([seen[0], seen[1] + seen[2], 0]) / seen[:3].sum())


def test_nothing_shown_is_nan() -> None:
    empty = np.full((2, 3), -1)
    vectors = unit_vectors(4, 6, seed=7)
    assert variety.catalogue_coverage(empty, 4) == 0
    assert np.isnan(variety.novelty(empty, np.ones(4), 3))
    assert np.isnan(variety.intra_list_diversity(empty, vectors))
    assert np.isnan(variety.average_popularity(empty, np.ones(4)))
    assert np.isnan(variety.gini(np.zeros(4)))
    assert np.isnan(variety.seller_exposure(empty, np.zeros(4, dtype=np.int64), 2)).all()
