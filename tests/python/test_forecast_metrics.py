"""sMAPE, MASE, OWA, MAPE and WMAE: cases worked by hand, and the M4 competition's published figures where its data is there."""

import sys
from pathlib import Path

import numpy as np
import pytest

from trendhouse.evaluation.metrics import (
    absolute_percentage_error,
    naive2,
    overall_weighted_average,
    scaled_error,
    seasonal_naive,
    symmetric_percentage_error,
    weighted_absolute_error,
)

ROOT = Path(__file__).resolve().parents[2]
M4 = ROOT / "../shared/data/m4"


def values(*numbers: float) -> np.ndarray:
    return np.array(numbers, dtype=np.float64)


def test_percentage_errors_by_hand() -> None:
    assert symmetric_percentage_error(values(100, 50), values(50, 50)) == pytest.approx(100 * (2 * 50 / 150) / 2)
    assert symmetric_percentage_error(values(0), values(0)) == 0.0
    assert absolute_percentage_error(values(100, 50, 0), values(80, 60, 9)) == pytest.approx(20.0)
    assert np.isnan(absolute_percentage_error(values(0), values(1)))


def test_weighted_error_counts_a_week_by_its_weight() -> None:
    assert weighted_absolute_error(values(10, 10), values(8, 16), values(1, 5)) == pytest.approx((2 + 30) / 6)
    assert np.isnan(weighted_absolute_error(values(1), values(1), values(0)))


def test_scaled_error_is_relative_to_the_seasonal_steps_of_the_history() -> None:
    history = values(1, 5, 2, 7)
    assert scaled_error(values(9, 9), values(6, 9), history, season_length=2) == pytest.approx(1.5 / 1.5)
    assert np.isnan(scaled_error(values(1), values(1), values(3, 3, 3), season_length=1))


def test_reference_forecasts() -> None:
    assert seasonal_naive(values(9, 1, 2, 3), 5, 3).tolist() == [1, 2, 3, 1, 2]
    assert naive2(values(4, 8, 6), 2, 1).tolist() == [6, 6]
    seasonal = np.tile(values(1, 2, 3, 2), 8)
    assert naive2(seasonal, 4, 4) == pytest.approx(values(1, 2, 3, 2))
    assert overall_weighted_average(8, 1, 16, 4) == pytest.approx((0.5 + 0.25) / 2)


@pytest.mark.skipif(not M4.is_dir(), reason="the M4 data is not there")
@pytest.mark.parametrize(
    ("frequency", "season", "smape", "reference"),
    [("Weekly", 1, 9.161, (9.161, 2.777)), ("Hourly", 24, 13.912, (18.383, 2.395))],
)
def test_the_published_figures_come_out(
    frequency: str, season: int, smape: float, reference: tuple[float, float]
) -> None:
    sys.path.insert(0, str(ROOT / "benchmarks/demand"))
    try:
        from m4 import read
    finally:
        sys.path.pop(0)
    training, test = read(M4 / f"{frequency}-train.csv"), read(M4 / f"{frequency}-test.csv")
    naive, second, scaled = [], [], []
    for name, history in training.items():
        actual = test[name]
        naive.append(symmetric_percentage_error(actual, seasonal_naive(history, len(actual), season)))
        forecast = naive2(history, len(actual), season)
        second.append(symmetric_percentage_error(actual, forecast))
        scaled.append(scaled_error(actual, forecast, history, season))
    assert np.mean(naive) == pytest.approx(smape, abs=5e-4)
    assert (np.mean(second), np.mean(scaled)) == pytest.approx(reference, abs=5e-4)
