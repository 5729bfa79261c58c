"""Collaborative candidates: they find planted tastes, take new customers and products, and are the same on any number of threads."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest
from planted_taste import COMMUNITIES, known_of, planted_cut, with_products
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from trendhouse.recommendation.candidate import Known, Recommender
from trendhouse.recommendation.candidates import candidates
from trendhouse.recommendation.candidates.als import Loss, solve
from trendhouse.recommendation.candidates.ease import ease
from trendhouse.recommendation.contest import Cut, Standing, compete
from trendhouse.recommendation.interactions import Floats
from trendhouse.recommendation.neighbourhood import vectors_of

PERSONAL = ("als", "ease", "item_cosine", "item_pearson", "user_cosine", "user_pearson")
ALGORITHMS = (*PERSONAL, "category_popularity", "popularity", "trending")


@cache
def cut() -> Cut:
    return planted_cut()


@cache
def artifact(algorithm: str) -> str:
    candidate = candidates()[algorithm]
    text = candidate.fit(cut().known, candidate.parameters(), 1)
    assert text is not None
    return text


@cache
def standings() -> dict[str, Standing]:
    others = sorted(set(candidates()) - set(ALGORITHMS))
    return {one.algorithm: one for one in compete(cut(), threads=1, without=others)}


def recommender(algorithm: str) -> Recommender:
    return candidates()[algorithm].load(artifact(algorithm))


def scores(algorithm: str, known: Known) -> Floats:
    return recommender(algorithm).scores(known, np.arange(len(known.interactions.customers)))


@pytest.mark.parametrize("algorithm", PERSONAL)
def test_planted_tastes_are_found(algorithm: str) -> None:
    found, popular = (standings()[name].metrics["ndcg_at_10"] for name in (algorithm, "popularity"))
    assert found > 2 * popular


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_scores_are_numbers_for_every_pair(algorithm: str) -> None:
    found = scores(algorithm, cut().known)
    assert found.shape == cut().known.interactions.weights.shape
    assert found.dtype == np.float32
    assert not np.isnan(found).any()
    assert not np.isposinf(found).any()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_same_text_and_scores_on_any_number_of_threads(algorithm: str) -> None:
    candidate = candidates()[algorithm]
    with threadpool_limits(limits=2):
        assert candidate.fit(cut().known, candidate.parameters(), 2) == artifact(algorithm)
    assert json.loads(artifact(algorithm))
    np.testing.assert_array_equal(scores(algorithm, cut().known), scores(algorithm, cut().known))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_scores_of_a_customer_do_not_depend_on_the_customers_beside_it(algorithm: str) -> None:
    some = np.array([7, 3, 250])
    found = recommender(algorithm).scores(cut().known, some)
    np.testing.assert_allclose(found, scores(algorithm, cut().known)[some], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_product_that_came_after_the_fit_has_no_score_and_moves_no_other(algorithm: str) -> None:
    later = with_products(cut().known, ["p0005", "p9"])
    is_new = np.isin(later.interactions.products, ["p0005", "p9"])
    found = scores(algorithm, later)
    assert np.isneginf(found[:, is_new]).all()
    kept, before = found[:, ~is_new], scores(algorithm, cut().known)
    # The mean that Pearson's correlation of customers takes out is that of today's products.
    if algorithm not in ("user_pearson", "category_popularity"):
        np.testing.assert_allclose(kept, before, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_product_that_is_gone_takes_nothing_else_with_it(algorithm: str) -> None:
    known = cut().known
    kept = [name for name in known.interactions.products if name != "p003"]
    pairs = known.interactions.weights.tocoo()
    rows = [
        (known.interactions.customers[row], known.interactions.products[column], float(weight), 30)
        for row, column, weight in zip(*pairs.coords, pairs.data, strict=True)
    ]
    found = scores(algorithm, known_of([row for row in rows if row[1] != "p003"], kept))
    assert found.shape[1] == len(kept)
    assert np.isfinite(found).any(axis=1).all()


@pytest.mark.parametrize("algorithm", PERSONAL)
def test_a_customer_who_came_after_the_fit_is_known_by_what_it_did(algorithm: str) -> None:
    known = cut().known
    pairs = known.interactions.weights.tocoo()
    rows = [
        (known.interactions.customers[row], known.interactions.products[column], float(weight), 30)
        for row, column, weight in zip(*pairs.coords, pairs.data, strict=True)
    ]
    mine = [2, 8, 14, 20]
    rows += [("new", f"p{product:03d}", 8.0, 3) for product in mine]
    later = known_of(rows, known.interactions.products.tolist())
    found = recommender(algorithm).scores(later, later.interactions.rows_of(np.array(["new"])))[0]
    found[mine] = -np.inf
    best = np.argsort(-found, kind="stable")[:10]
    assert (best % COMMUNITIES == 2).mean() >= 0.7


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_nothing_known_gives_no_model(algorithm: str) -> None:
    candidate = candidates()[algorithm]
    assert candidate.fit(known_of([], ["a", "b"]), candidate.parameters(), 1) is None
    assert candidate.fit(known_of([], []), candidate.parameters(), 1) is None


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_no_customers_give_no_scores(algorithm: str) -> None:
    found = recommender(algorithm).scores(cut().known, np.array([], dtype=np.int64))
    assert found.shape == (0, len(cut().known.interactions.products))


def test_popularity_counts_customers_not_clicks() -> None:
    rows = [("a", "loved", 500.0, 1), *((f"c{customer}", "wanted", 3.0, 1) for customer in range(6))]
    known = known_of(rows, ["loved", "wanted", "unseen"])
    candidate = candidates()["popularity"]
    text = candidate.fit(known, candidate.parameters(), 1)
    assert text is not None
    loved, unseen, wanted = candidate.load(text).scores(known, np.array([0]))[0]
    assert wanted > loved > unseen == -np.inf


def test_trending_is_what_grows_and_one_buyer_is_no_trend() -> None:
    rows = [(f"s{customer}", "steady", 1.0, 7 + customer % 100) for customer in range(200)]
    rows += [(f"r{customer}", "rising", 1.0, 1 + customer % 20) for customer in range(60)]
    rows += [("one", "odd", 1.0, 1)]
    known = known_of(rows, ["odd", "rising", "steady"])
    candidate = candidates()["trending"]
    text = candidate.fit(known, candidate.parameters(), 1)
    assert text is not None
    odd, rising, steady = candidate.load(text).scores(known, np.array([0]))[0]
    assert rising > steady > odd


def test_category_popularity_follows_the_customers_categories() -> None:
    known = cut().known
    category = np.arange(180) // COMMUNITIES % 4
    rows = [
        (f"c{customer}", f"p{product:03d}", 8.0, 3)
        for customer in range(40)
        for product in np.flatnonzero(category == customer % 4)[: 5 + customer // 4]
    ]
    known = known_of(rows, known.interactions.products.tolist())
    candidate = candidates()["category_popularity"]
    text = candidate.fit(known, candidate.parameters(), 1)
    assert text is not None
    found = candidate.load(text).scores(known, known.interactions.rows_of(np.array(["c2"])))[0]
    assert set(category[np.argsort(-found, kind="stable")[:5]]) == {2}


def test_similarities_are_those_of_numpy() -> None:
    random = np.random.default_rng(3)
    dense = random.poisson(0.6, (8, 60)).astype(np.float32)
    rows = np.arange(8)
    for is_centred, expected in ((True, np.corrcoef(dense)), (False, None)):
        vectors = vectors_of(csr_array(dense), is_centred)
        found = vectors.similarity(rows, vectors, shrinkage=0.0).toarray()
        if expected is None:
            length = np.linalg.norm(dense, axis=1)
            expected = dense @ dense.T / np.outer(length, length)
        np.testing.assert_allclose(np.where(np.isneginf(found), 0, found), np.maximum(expected, 0), atol=1e-5)


def test_ease_solves_what_it_says() -> None:
    """Column by column: ridge regression of a product on all the others."""
    random = np.random.default_rng(5)
    dense = random.poisson(0.5, (50, 6)).astype(np.float64)
    found = ease(csr_array(dense), penalty=3.0, dropout=0.0)
    for product in range(6):
        others = [one for one in range(6) if one != product]
        x, y = dense[:, others], dense[:, product]
        expected = np.linalg.solve(x.T @ x + 3 * np.eye(5), x.T @ y)
        np.testing.assert_allclose(found[others, product], expected, rtol=1e-4)


def test_als_solves_what_it_says() -> None:
    """No step away from the solved factors makes the loss of a row less."""
    random = np.random.default_rng(6)
    dense = np.where(random.random((5, 30)) < 0.3, random.uniform(0.5, 3, (5, 30)), 0)
    factors = random.normal(size=(30, 4)).astype(np.float32)
    loss = Loss(unit=1.0, unobserved=0.2, penalty=0.1)
    solved = solve(csr_array(dense.astype(np.float32)), factors, loss, threads=1)

    def value(row: int, own: np.ndarray) -> float:
        score = factors @ own
        met = dense[row] > 0
        strength = loss.penalty * (met.sum() + loss.unobserved * 30)
        return float(
            (dense[row] * met * (1 - score) ** 2).sum() + loss.unobserved * (score**2).sum() + strength * (own @ own)
        )

    for row in range(5):
        for step in 0.01 * np.vstack([np.eye(4), -np.eye(4)]):
            assert value(row, solved[row]) < value(row, solved[row] + step)
