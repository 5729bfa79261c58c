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


def test_quantiles_hold_on_fresh_data_of_every_size_though_the_forecast_is_biased() -> None:
    """Counts tie, so a level lies between the share below its quantile and the share at or below it."""
    learnt = calibrate(*draw(4, 40_000), 4, LEVELS)
    actual, forecast, group = draw(5, 40_000)
    quantiles = learnt.quantiles(forecast, group)
    for low, high in ((0.0, 1.0), (1.0, 4.0), (4.0, np.inf), (0.0, np.inf)):
        rows = (forecast >= low) & (forecast < high)
        for index, level in enumerate(LEVELS):
            assert np.mean(actual[rows] < quantiles[rows, index]) <= level + 0.015
            assert np.mean(actual[rows] <= quantiles[rows, index]) >= level - 0.015


def test_quantiles_of_large_counts_are_as_many_as_they_should_be() -> None:
    """Ties hardly matter among thousands of units: four of five lie within the band."""
    rng = np.random.default_rng(8)
    mean = rng.lognormal(8.0, 0.5, 20_000)
    actual = rng.negative_binomial(10, 10 / (10 + mean)).astype(float)
    learnt = calibrate(actual[:10_000], mean[:10_000], np.zeros(10_000, dtype=np.int64), 1, LEVELS)
    quantiles = learnt.quantiles(mean[10_000:], np.zeros(10_000, dtype=np.int64))
    inside = (actual[10_000:] >= quantiles[:, 0]) & (actual[10_000:] <= quantiles[:, 2])
    assert np.mean(inside) == pytest.approx(0.8, abs=0.015)


def test_quantiles_of_a_row_do_not_depend_on_the_rows_beside_it() -> None:
    """Few rows are worked out one by one, many by the counts they share: both give the same."""
    learnt = calibrate(*draw(9, 20_000), 4, LEVELS)
    _, forecast, group = draw(10, 2_000)
    together = learnt.quantiles(forecast, group)
    for row in range(0, 2_000, 97):
        np.testing.assert_array_equal(learnt.quantiles(forecast[[row]], group[[row]])[0], together[row])


def test_equal_forecasts_and_nothing_sold_have_quantiles_too() -> None:
    nothing = np.zeros(1_000)
    learnt = calibrate(nothing, nothing, np.zeros(1_000, dtype=np.int64), 4, LEVELS)
    assert (learnt.quantiles(nothing, np.zeros(1_000, dtype=np.int64)) == 0).all()


def test_too_few_errors_to_learn_from_give_a_poisson_spread() -> None:
    assert isinstance(calibrate(*draw(6, 50), 4, LEVELS), PoissonQuantiles)
