"""The inventory plan in a built warehouse: contradictory policies are named, every order has its reason."""

from __future__ import annotations

import shutil
from pathlib import Path

from conftest import Warehouse

# category, service_basis, service_level, holding_cost_rate, shortage_cost_multiple, order_cost_amount, review_period_days, default_lead_time_days,
# excess_cover_days, dead_stock_days, minimum_order_units, pack_units; each row breaks one rule.
CONTRADICTIONS = {
    "inventory_policy_excess_cover_days_must_exceed_review_period_plus_lead_time": "('a', 'cost_ratio', 0.9, 0.2, 1, 2, 7, 14, 21, 180, null, null)",
    "inventory_policy_minimum_order_units_must_be_a_multiple_of_pack_units": "('b', 'cost_ratio', 0.9, 0.2, 1, 2, 7, 14, 180, 180, 10, 6)",
    "inventory_policy_dead_stock_days_must_not_be_below_trendhouse_demand_active_days": "('c', 'cost_ratio', 0.9, 0.2, 1, 2, 7, 14, 180, 30, null, null)",
    "inventory_policy_cost_ratio_needs_a_holding_cost_rate_and_a_shortage_cost_multiple_above_0": "('d', 'cost_ratio', 0.9, 0, 1, 2, 7, 14, 180, 180, null, null)",
}
NO_DEFAULT = "inventory_policy_needs_a_row_named_default"


def test_each_contradiction_in_the_policy_is_named(demo_warehouse: Warehouse, tmp_path: Path) -> None:
    shutil.copytree(demo_warehouse.folder, tmp_path, dirs_exist_ok=True)
    spoiled = Warehouse(tmp_path)
    spoiled.execute(
        "delete from main_policy.inventory_policy",
        f"insert into main_policy.inventory_policy values {', '.join(CONTRADICTIONS.values())}",
    )
    done = spoiled.dbt("test", "--select", "inventory_policy", check=False)
    failures = {line.split("FAIL")[1].split()[1] for line in done.stdout.splitlines() if " FAIL " in line}
    assert failures == {*CONTRADICTIONS, NO_DEFAULT}


def test_the_plan_orders_counts_and_clears(demo_warehouse: Warehouse) -> None:
    """The demo shop has products of every kind; sentences say what the columns say."""
    rows = demo_warehouse.query(
        "select stock_status, order_quantity_units, reason, on_hand, lead_time_days from main_predictions.plan_inventory"
    )
    assert {"dead", "ok", "reorder", "unknown"} <= {row[0] for row in rows}
    for status, quantity, reason, on_hand, lead_time in rows:
        if status == "dead":
            assert reason.startswith("Do not order: ")
        elif status == "unknown":
            assert on_hand is None and quantity is None and reason.startswith("Count the stock: ")
        else:
            assert reason.startswith(f"Order {quantity or 'nothing'}")
            assert f"the delivery takes {lead_time}" in reason
