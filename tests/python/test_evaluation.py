"""Metrics and quantiles: agree with scikit-learn, never cross, cover what they promise on fresh data."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss

from trendhouse.evaluation.conformal import PoissonQuantiles, calibrate
from trendhouse.evaluation.metrics import bias, pinball_loss, wape

LEVELS = (0.1, 0.5, 0.9)


def draw(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Actual, forecast and group of a forecaster that is 20% too high and whose noise is wider than Poisson's."""
    rng = np.random.default_rng(seed)
    mean = rng.lognormal(1.0, 1.0, rows)
    actual = rng.negative_binomial(2, 2 / (2 + mean)).astype(float)
    return actual, 1.2 * mean, rng.integers(0, 4, rows)


def test_pinball_loss_is_that_of_scikit_learn() -> None:
    actual, forecast, _ = draw(1, 500)
    for level in LEVELS:
        assert pinball_loss(actual, forecast, level) == pytest.approx(mean_pinball_loss(actual, forecast, alpha=level))


def test_wape_and_bias_of_known_errors() -> None:
    actual, predicted = np.array([4.0, 0.0, 6.0]), np.array([2.0, 1.0, 8.0])
    assert wape(actual, predicted) == pytest.approx(0.5)
    assert bias(actual, predicted) == pytest.approx(0.1)
    assert np.isnan(wape(np.zeros(3), predicted))


def test_quantiles_do_not_cross_and_are_never_negative() -> None:
    learnt = calibrate(*draw(2, 20_000), 4, LEVELS)
    _, forecast, group = draw(3, 5_000)
    quantiles = learnt.quantiles(forecast, group)
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert (quantiles >= 0).all()


def test_quantiles_cover_fresh_data_though_the_forecast_is_biased() -> None:
    learnt = calibrate(*draw(4, 40_000), 4, LEVELS)
    actual, forecast, group = draw(5, 40_000)
    quantiles = learnt.quantiles(forecast, group)
    assert np.mean(actual > quantiles[:, 2]) == pytest.approx(0.1, abs=0.02)
    assert np.mean(actual < quantiles[:, 0]) <= 0.12


def test_too_few_errors_to_learn_from_give_a_poisson_spread() -> None:
    assert isinstance(calibrate(*draw(6, 50), 4, LEVELS), PoissonQuantiles)
