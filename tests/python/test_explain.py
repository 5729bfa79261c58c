"""Contributions add up, reasons are the largest of them, sentences read."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trendhouse.explain import amount_text, phrase_of, sentence, top_reasons, units_of_factors, value_text

FACTORS = arrays(np.float64, (4, 3), elements=st.floats(-2, 2))
STARTS = arrays(np.float64, 4, elements=st.floats(0.01, 1000))


@given(FACTORS, STARTS)
def test_units_add_up_to_what_the_factors_change(log_factors: np.ndarray, start: np.ndarray) -> None:
    units = units_of_factors(log_factors, start)
    change = start * np.expm1(log_factors.sum(axis=1))
    np.testing.assert_allclose(units.sum(axis=1), change, rtol=1e-6, atol=1e-6)
    assert (units[log_factors == 0] == 0).all()
    assert (np.sign(units) == np.sign(log_factors))[np.abs(units) > 0].all()


def test_top_reasons_are_the_largest_by_size_and_no_noise() -> None:
    contributions = np.array([0.5, -2.0, 0.01, 1.0, 0.0])
    assert list(top_reasons(contributions, 2, 0.05)) == [1, 3]
    assert list(top_reasons(contributions, 9, 0.05)) == [1, 3, 0]


@pytest.mark.parametrize(
    ("feature", "value", "text"),
    [
        ("campaign_discount_rate", 0.2, "20%"),
        ("zero_day_share_28d", 0.86, "86%"),
        ("is_weekend", True, "yes"),
        ("is_weekend", False, "no"),
        ("category", "toys", "toys"),
        ("horizon_days", 7, "7"),
        ("base_units", 1.234, "1.23"),
        ("price_amount", None, "unknown"),
        ("price_amount", float("nan"), "unknown"),
    ],
)
def test_values_are_written_as_their_name_says(feature: str, value: object, text: str) -> None:
    assert value_text(feature, value) == text


def test_names_are_spelled_out_unless_there_is_a_phrase() -> None:
    assert phrase_of("views_28d", {}) == "views, last 28 days"
    assert phrase_of("conversion_rate_28d", {}) == "conversion, last 28 days"
    assert phrase_of("is_public_holiday", {}) == "public holiday"
    assert phrase_of("campaign_discount_rate", {}) == "campaign discount"
    assert phrase_of("x", {"x": "a phrase"}) == "a phrase"


def test_sentence() -> None:
    assert (
        sentence(3.14, "units", "campaign discount", "20%", date(2025, 11, 11))
        == "+3.1 units: campaign discount 20% on 11 Nov"
    )
    assert sentence(-0.25, "units", "brand", "acme") == "-0.2 units: brand acme"


@pytest.mark.parametrize(
    ("amount", "text"), [(3.14, "+3.1"), (-0.04, "+0.0"), (-9.96, "-10.0"), (-18.4, "-18"), (1234.5, "+1,234")]
)
def test_amounts_are_as_fine_as_they_are_small(amount: float, text: str) -> None:
    assert amount_text(amount) == text
