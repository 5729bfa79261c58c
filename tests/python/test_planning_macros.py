"""The inventory formulas in SQL against brute force."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from macro_harness import MacroHarness


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> MacroHarness:
    folder: Path = tmp_path_factory.mktemp("macros")
    return MacroHarness(folder)


@pytest.mark.parametrize(("daily", "order", "holding"), [(0.05, 2.0, 0.01), (3.0, 9.0, 0.02), (40.0, 30.0, 0.5)])
def test_no_other_lot_costs_less_a_day(harness: MacroHarness, daily: float, order: float, holding: float) -> None:
    lot = harness.value(harness.render("economic_order_quantity", str(daily), str(order), str(holding)))
    lots = np.linspace(lot / 10, lot * 10, 5000)
    costs = order * daily / lots + holding * lots / 2
    assert order * daily / lot + holding * lot / 2 <= costs.min() * (1 + 1e-6)


def test_at_the_critical_ratio_one_more_unit_saves_what_it_costs(harness: MacroHarness) -> None:
    """Demand is evenly spread over 0 to 100; cost is least where the share below the stock is the ratio."""
    ratio = harness.value(harness.render("critical_ratio", "4.0", "1.0"))
    demand = np.linspace(0, 100, 100_001)
    costs = [4 * np.maximum(demand - stock, 0).mean() + np.maximum(stock - demand, 0).mean() for stock in range(101)]
    assert np.argmin(costs) == pytest.approx(100 * ratio)


def test_unknown_costs_give_no_answer(harness: MacroHarness) -> None:
    assert harness.value(harness.render("economic_order_quantity", "1.0", "1.0", "cast(null as double)")) is None
    assert harness.value(harness.render("economic_order_quantity", "1.0", "1.0", "0")) is None
    assert harness.value(harness.render("critical_ratio", "cast(null as double)", "1.0")) is None


@pytest.mark.parametrize(("number", "text"), [("12.0e0", "12"), ("0", "0"), ("cast(3 as bigint)", "3")])
def test_whole_numbers_are_written_without_decimals(harness: MacroHarness, number: str, text: str) -> None:
    assert harness.value(harness.render("whole_number", number)) == text
