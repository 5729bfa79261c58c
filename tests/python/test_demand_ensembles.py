"""Ensembles: weights are shares, follow the evidence that counts, and never a bad member."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from trendhouse.demand.ensembles import ensembles
from trendhouse.demand.product_weeks import product_weeks

MEMBERS = ("bad", "often", "seldom")
ORIGINS = (date(2025, 1, 1), date(2025, 1, 29))


def planted(products: int = 200, seed: int = 3) -> tuple[np.ndarray, np.ndarray, pa.Table]:
    """Forecasts of three members, actuals and context: `often` is right on smooth demand, `seldom` on intermittent, `bad` never."""
    rng = np.random.default_rng(seed)
    product, origin, day = (
        grid.ravel() for grid in np.meshgrid(range(products), range(len(ORIGINS)), range(1, 29), indexing="ij")
    )
    smooth = product % 2 == 0
    mean = np.where(smooth, 3.0, 0.6) * np.exp(rng.normal(0, 0.3, products))[product]
    actual = rng.poisson(mean).astype(float)
    often, seldom = np.where(smooth, mean, 1.6 * mean), np.where(smooth, 1.15 * mean, mean)
    context = pa.table(
        {
            "product_id": [f"P{number:03d}" for number in product],
            "as_of_date": pa.array([ORIGINS[number] for number in origin], type=pa.date32()),
            "horizon_days": pa.array(day, type=pa.int32()),
            "demand_class": np.where(smooth, "smooth", "intermittent"),
        }
    )
    return np.column_stack([40 * mean, often, seldom]), actual, context


def learnt(
    algorithm: str, members: tuple[str, ...], forecasts: np.ndarray, actual: np.ndarray, context: pa.Table
) -> str | None:
    """What an ensemble learns from forecasts (rows, members) of days."""
    weeks = product_weeks(forecasts, actual, context)
    ensemble = ensembles()[algorithm]
    return ensemble.fit(members, weeks, ensemble.parameters()) if weeks else None


def fitted(algorithm: str) -> str:
    artifact = learnt(algorithm, MEMBERS, *planted())
    assert artifact is not None
    return artifact


@pytest.mark.parametrize("algorithm", sorted(ensembles()))
def test_weights_are_shares_and_a_bad_member_has_none(algorithm: str) -> None:
    _, _, context = planted()
    combination = ensembles()[algorithm].load(fitted(algorithm))
    weights = combination.weights(context)
    assert weights.shape == (context.num_rows, len(combination.members))
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-6)
    assert "bad" not in combination.members
    assert combination.weights(context.slice(0, 0)).shape == (0, len(combination.members))


@pytest.mark.parametrize("algorithm", sorted(ensembles()))
def test_the_same_rows_in_any_order_give_the_same_artifact(algorithm: str) -> None:
    forecasts, actual, context = planted()
    order = np.random.default_rng(1).permutation(len(actual))
    again = learnt(algorithm, MEMBERS, forecasts[order], actual[order], context.take(pa.array(order)))
    first, second = json.loads(fitted(algorithm)), json.loads(again or "")
    assert first["members"] == second["members"]
    assert learnt(algorithm, MEMBERS, forecasts, actual, context) == fitted(algorithm)


@pytest.mark.parametrize("algorithm", sorted(ensembles()))
def test_nothing_sold_teaches_nothing(algorithm: str) -> None:
    forecasts, actual, context = planted()
    assert learnt(algorithm, MEMBERS, forecasts, 0 * actual, context) is None


def weight_of(algorithm: str, demand_class: str, member: str) -> float:
    combination = ensembles()[algorithm].load(fitted(algorithm))
    context = pa.table({"horizon_days": pa.array([1], type=pa.int32()), "demand_class": [demand_class]})
    return float(combination.weights(context)[0, combination.members.index(member)])


def test_each_class_goes_to_the_member_that_clearly_forecasts_it_best() -> None:
    assert weight_of("segment_champion", "smooth", "often") == 1.0
    assert weight_of("segment_champion", "intermittent", "seldom") == 1.0


def test_a_class_never_met_goes_to_the_best_of_all() -> None:
    forecasts, actual, context = planted()
    weeks = product_weeks(forecasts, actual, context)
    assert weeks is not None
    best = MEMBERS[int(np.argmin(weeks.wape()))]
    assert weight_of("segment_champion", "lumpy", best) == 1.0


def test_too_low_a_forecast_does_not_win_a_class_that_seldom_sells() -> None:
    """It has the smaller absolute error, because most weeks sell nothing, and it would leave the shelves empty."""
    _, _, context = planted()
    actual = np.random.default_rng(3).poisson(0.04, context.num_rows).astype(float)
    right, low = np.full(context.num_rows, 0.04), np.full(context.num_rows, 0.004)
    forecasts = np.column_stack([right, low])
    weeks = product_weeks(forecasts, actual, context)
    assert weeks is not None
    assert np.argmin(weeks.errors().sum(axis=0)) == 1
    combination = ensembles()["segment_champion"].load(
        learnt("segment_champion", ("right", "low"), forecasts, actual, context) or ""
    )
    assert (combination.weights(context)[:, combination.members.index("right")] == 1).all()


def test_a_win_by_luck_does_not_count() -> None:
    """Two members that err alike: the class keeps the best of all."""
    forecasts, actual, context = planted()
    noise = np.random.default_rng(5).normal(1.0, 0.01, len(actual))
    alike = np.column_stack([forecasts[:, 2], forecasts[:, 2] * noise])
    artifact = learnt("segment_champion", ("a", "b"), alike, actual, context)
    assert len(json.loads(artifact or "")["members"]) == 1


def test_stacking_leans_to_the_member_that_is_right_about_the_class() -> None:
    assert weight_of("stacking", "smooth", "often") > weight_of("stacking", "intermittent", "often")
    assert weight_of("stacking", "intermittent", "seldom") > 0.5


def test_product_weeks_are_sums_of_days_and_their_wape_the_mean_of_the_origins() -> None:
    forecasts, actual, context = planted(products=4)
    weeks = product_weeks(forecasts, actual, context)
    assert weeks is not None
    assert len(weeks.actual) == 4 * len(ORIGINS) * 4
    assert weeks.actual.sum() == actual.sum()
    np.testing.assert_allclose(weeks.forecasts.sum(axis=0), forecasts.sum(axis=0))
    by_origin = [
        weeks.errors()[weeks.origin == origin].sum(axis=0) / weeks.actual[weeks.origin == origin].sum()
        for origin in range(len(ORIGINS))
    ]
    np.testing.assert_allclose(weeks.wape(), np.mean(by_origin, axis=0))
