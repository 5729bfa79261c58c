"""Ranking metrics: against hand-worked cases, scikit-learn, and what must hold of any list."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.metrics import ndcg_score

from trendhouse.evaluation.ranking import METRICS, judge, means


def relevant_of(*products: list[int], width: int = 10) -> csr_array:
    matrix = np.zeros((len(products), width))
    for row, columns in enumerate(products):
        matrix[row, columns] = 1
    return csr_array(matrix)


def value(name: str, k: int, listed: list[int], relevant: list[int]) -> float:
    return float(METRICS[name](judge(np.array([listed]), relevant_of(relevant)), k)[0])


def test_a_case_worked_by_hand() -> None:
    """Of the list 3, 1, 4, 0 the second and the fourth are relevant; so is 9, which is not listed."""
    listed, relevant = [3, 1, 4, 0], [1, 0, 9]
    assert value("precision", 4, listed, relevant) == pytest.approx(2 / 4)
    assert value("recall", 4, listed, relevant) == pytest.approx(2 / 3)
    assert value("f1", 4, listed, relevant) == pytest.approx(2 * (1 / 2) * (2 / 3) / (1 / 2 + 2 / 3))
    assert value("map", 4, listed, relevant) == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert value("mrr", 4, listed, relevant) == pytest.approx(1 / 2)
    gained, best = 1 / np.log2(3) + 1 / np.log2(5), 1 + 1 / np.log2(3) + 1 / np.log2(4)
    assert value("ndcg", 4, listed, relevant) == pytest.approx(gained / best)
    assert value("hit_rate", 1, listed, relevant) == 0
    assert value("hit_rate", 2, listed, relevant) == 1


def test_places_left_empty_are_misses() -> None:
    assert value("precision", 4, [1, -1, -1, -1], [1]) == pytest.approx(1 / 4)
    assert value("precision", 4, [1], [1]) == pytest.approx(1 / 4)
    for name in ("recall", "ndcg", "map", "mrr", "hit_rate"):
        assert value(name, 4, [1, -1, -1, -1], [1]) == value(name, 4, [1], [1]) == 1


def test_customers_for_whom_nothing_was_relevant_do_not_count() -> None:
    judged = judge(np.array([[0, 1], [0, 1]]), relevant_of([1], []))
    assert len(judged.relevant) == 1
    assert means(judged, [2])["recall_at_2"] == 1
    assert np.isnan(means(judge(np.array([[0]]), relevant_of([])), [1])["ndcg_at_1"])


@given(st.permutations(range(10)), st.sets(st.integers(0, 9), min_size=1, max_size=6), st.integers(1, 10))
def test_ndcg_is_that_of_scikit_learn(listed: list[int], relevant: set[int], k: int) -> None:
    truth, score = np.zeros((1, 10)), np.zeros((1, 10))
    truth[0, list(relevant)] = 1
    score[0, listed] = np.arange(10, 0, -1)
    assert value("ndcg", k, listed, sorted(relevant)) == pytest.approx(ndcg_score(truth, score, k=k))


@given(st.permutations(range(10)), st.sets(st.integers(0, 9), min_size=1, max_size=9), st.integers(1, 10))
def test_every_metric_lies_between_0_and_1_and_the_best_list_reaches_what_can_be(
    listed: list[int], relevant: set[int], k: int
) -> None:
    best = sorted(relevant) + sorted(set(range(10)) - relevant)
    for name in METRICS:
        assert 0 <= value(name, k, listed, sorted(relevant)) <= value(name, k, best, sorted(relevant)) <= 1
    assert value("ndcg", k, best, sorted(relevant)) == pytest.approx(1)
    assert value("map", k, best, sorted(relevant)) == pytest.approx(1)
