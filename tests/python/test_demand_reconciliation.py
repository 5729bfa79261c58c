"""Reconciliation: the formulas against their explicit form, and what must hold whatever the forecasts are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.sparse import csr_array

from trendhouse.demand.reconciliation import Covariance, bottom_up, correlation_shrinkage, mint

Floats = NDArray[np.float64]


class Case:
    """A random grouped hierarchy with forecasts and past errors."""

    def __init__(self, seed: int, products: int = 8, errors: int = 6, level: float = 20.0) -> None:
        self.rng = rng = np.random.default_rng(seed)
        rows = [np.ones(products)]
        for groups in (2, 3):
            group = rng.integers(0, groups, products)
            rows += [(group == number).astype(float) for number in np.unique(group)]
        self.membership = np.unique(np.array(rows), axis=0)
        self.sums = len(self.membership)
        self.bottom = rng.gamma(2.0, level / 2, products)
        self.upper = self.membership @ self.bottom * np.exp(rng.normal(0, 0.3, self.sums))
        past = rng.normal(size=(errors, self.sums + products)) + rng.normal(size=(errors, 1))
        past *= np.exp(rng.normal(0, 0.7, past.shape[1]))
        self.deviation = np.sqrt((past**2).mean(axis=0))
        self.residuals = past / self.deviation

    def covariance(self, shrinkage: float | None = None) -> Covariance:
        found = correlation_shrinkage(self.residuals) if shrinkage is None else shrinkage
        return Covariance(self.deviation, self.residuals, found)

    def reconcile(self, covariance: Covariance) -> Floats:
        return mint(csr_array(self.membership), self.upper, self.bottom, covariance)


def explicit_mint(case: Case, covariance: Covariance) -> Floats:
    """(S'W^-1 S)^-1 S'W^-1 y, every matrix written out."""
    correlation = case.residuals.T @ case.residuals / len(case.residuals)
    shrunk = (1 - covariance.shrinkage) * correlation + covariance.shrinkage * np.eye(len(correlation))
    inverse = np.linalg.inv(np.outer(case.deviation, case.deviation) * shrunk)
    summing = np.vstack([case.membership, np.eye(len(case.bottom))])
    weighted = summing.T @ inverse
    return np.linalg.solve(weighted @ summing, weighted @ np.concatenate([case.upper, case.bottom]))


def explicit_shrinkage(residuals: Floats) -> float:
    """Sum of Var(r_ij) over sum of r_ij^2, pair by pair (i <> j)."""
    count, nodes = residuals.shape
    variance = squares = 0.0
    for i in range(nodes):
        for j in range(nodes):
            if i != j:
                products = residuals[:, i] * residuals[:, j]
                variance += products.var(ddof=1) / count
                squares += products.mean() ** 2
    return float(np.clip(variance / squares, 0, 1))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(2, 20))
def test_mint_is_the_explicit_formula(seed: int, products: int, errors: int) -> None:
    case = Case(seed, products, errors, level=1000.0)
    covariance = case.covariance(max(correlation_shrinkage(case.residuals), 0.01))
    expected = explicit_mint(case, covariance)
    if (expected >= 0).all():
        np.testing.assert_allclose(case.reconcile(covariance), expected, rtol=1e-6, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 9), st.integers(2, 15))
def test_shrinkage_is_the_explicit_formula_and_a_share(seed: int, products: int, errors: int) -> None:
    residuals = Case(seed, products, errors).residuals
    found = correlation_shrinkage(residuals)
    assert 0 <= found <= 1
    assert found == pytest.approx(explicit_shrinkage(residuals), abs=1e-9)


def test_shrinkage_leaves_strong_correlation_and_takes_noise() -> None:
    rng = np.random.default_rng(0)
    common = rng.normal(size=(200, 1)) + 0.1 * rng.normal(size=(200, 10))
    noise = rng.normal(size=(8, 400))
    assert correlation_shrinkage(common / np.sqrt((common**2).mean(axis=0))) < 0.05
    assert correlation_shrinkage(noise / np.sqrt((noise**2).mean(axis=0))) > 0.9
    assert correlation_shrinkage(noise[:1]) == 1.0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30), st.floats(0, 1))
def test_coherent_forecasts_stay_as_they_are(seed: int, products: int, shrinkage: float) -> None:
    case = Case(seed, products)
    case.upper = case.membership @ case.bottom
    np.testing.assert_allclose(case.reconcile(case.covariance(shrinkage)), case.bottom, rtol=1e-8, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30), st.floats(0, 0.6))
def test_forecasts_are_never_negative_however_low_the_sums_are(seed: int, products: int, share: float) -> None:
    case = Case(seed, products)
    case.upper = case.membership @ case.bottom * share * case.rng.random(case.sums)
    found = case.reconcile(case.covariance())
    assert np.isfinite(found).all() and (found >= 0).all()


@pytest.mark.parametrize("seed", range(20))
def test_bounded_forecasts_are_nearly_the_best_that_are_not_negative(seed: int) -> None:
    case = Case(seed, products=10)
    case.upper = case.membership @ case.bottom * 0.2
    weights = 1 / case.deviation
    summing = np.vstack([case.membership, np.eye(10)])
    base = np.concatenate([case.upper, case.bottom])

    def distance(bottom: Floats) -> float:
        return float((((summing @ bottom - base) * weights) ** 2).sum())

    best, _ = nnls(summing * weights[:, None], base * weights)
    found = case.reconcile(case.covariance(shrinkage=1.0))
    assert distance(best) <= distance(found) * (1 + 1e-9)
    assert distance(found) <= distance(best) * 1.05


def test_products_gain_from_a_sum_that_is_known_better() -> None:
    """Planted: all products are forecast too high in common, the total is forecast well; the errors of the past show it."""
    rng = np.random.default_rng(3)
    truth = rng.gamma(2.0, 10.0, 50)
    membership = np.ones((1, 50))

    def forecasts() -> tuple[Floats, Floats]:
        shared = rng.normal(0, 0.3)
        bottom = truth * (1 + shared + rng.normal(0, 0.05, 50))
        return truth.sum() * (1 + rng.normal(0, 0.02, 1)), bottom

    past = np.array([np.concatenate(pair) for pair in (forecasts() for _ in range(24))])
    errors = np.concatenate([[truth.sum()], truth]) - past
    deviation = np.sqrt((errors**2).mean(axis=0))
    covariance = Covariance(deviation, errors / deviation, correlation_shrinkage(errors / deviation))
    before, after = 0.0, 0.0
    for _ in range(20):
        upper, bottom = forecasts()
        before += np.abs(bottom - truth).sum()
        after += np.abs(mint(csr_array(membership), upper, bottom, covariance) - truth).sum()
    assert after < 0.4 * before


def test_the_surer_of_two_sums_is_followed() -> None:
    case = Case(1, products=6)
    case.membership, case.upper, case.bottom = np.ones((1, 6)), np.array([90.0]), np.full(6, 10.0)
    sure, unsure = np.array([0.01, *[1.0] * 6]), np.array([100.0, *[1.0] * 6])
    none = np.zeros((0, 7))
    assert case.reconcile(Covariance(sure, none, 1.0)).sum() == pytest.approx(90, abs=0.1)
    assert case.reconcile(Covariance(unsure, none, 1.0)).sum() == pytest.approx(60, abs=0.1)


def test_one_product_no_product_no_sum() -> None:
    one = Covariance(np.ones(2), np.zeros((0, 2)), 1.0)
    assert mint(csr_array(np.ones((1, 1))), np.array([3.0]), np.array([1.0]), one) == pytest.approx([2.0])
    nothing = Covariance(np.ones(0), np.zeros((0, 0)), 1.0)
    assert len(mint(csr_array((0, 0)), np.empty(0), np.empty(0), nothing)) == 0
    no_sum = Covariance(np.ones(2), np.zeros((0, 2)), 1.0)
    assert mint(csr_array((0, 2)), np.empty(0), np.array([1.0, 2.0]), no_sum) == pytest.approx([1.0, 2.0])


def test_bottom_up_adds_products_up() -> None:
    case = Case(5)
    np.testing.assert_allclose(bottom_up(csr_array(case.membership), case.bottom), case.membership @ case.bottom)


def test_mint_agrees_with_hierarchicalforecast() -> None:
    methods = pytest.importorskip("hierarchicalforecast.methods")
    for seed in range(5):
        case = Case(seed, products=7, errors=10, level=1000.0)
        # So close to one another that no product falls below 0, where the two differ.
        case.upper = case.membership @ case.bottom * np.exp(case.rng.normal(0, 0.02, case.sums))
        past = case.residuals * case.deviation
        past -= past.mean(axis=0)
        case.deviation = np.sqrt((past**2).mean(axis=0))
        case.residuals = past / case.deviation
        summing = np.vstack([case.membership, np.eye(7)])
        peer = methods.MinTrace(method="mint_shrink").fit_predict(
            S=summing,
            y_hat=np.concatenate([case.upper, case.bottom])[:, None],
            y_insample=past.T,
            # It takes the mean of each node's errors off.
            y_hat_insample=np.ones_like(past.T),
        )["mean"]
        np.testing.assert_allclose(case.reconcile(case.covariance()), peer[case.sums :, 0], rtol=1e-5)
