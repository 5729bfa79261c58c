"""plan_prices on made-up shops: its compiled SQL against brute force over every price that the guardrails allow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from conftest import Warehouse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

RULES = (
    "margin_floor_rate",
    "largest_rise_rate",
    "largest_cut_rate",
    "largest_list_ratio",
    "price_step_amount",
    "price_ending_amount",
    "minimum_gain_rate",
)


@dataclass(frozen=True)
class Product:
    """One product on one day."""

    price: float
    cost: float
    elasticity: float
    sd: float
    units: float
    list_price: float | None = None


@dataclass(frozen=True)
class Rules:
    """The guardrails of its category."""

    margin_floor_rate: float = 0.15
    largest_rise_rate: float = 0.1
    largest_cut_rate: float = 0.1
    largest_list_ratio: float = 1.25
    price_step_amount: float = 0.1
    price_ending_amount: float = 0.09
    minimum_gain_rate: float = 0.01

    def limits(self, product: Product) -> tuple[float, float]:
        high = product.price * (1 + self.largest_rise_rate)
        if product.list_price is not None:
            high = min(high, max(product.list_price * self.largest_list_ratio, product.price))
        return max(product.price * (1 - self.largest_cut_rate), product.cost / (1 - self.margin_floor_rate)), high

    def allowed(self, product: Product) -> list[float]:
        """Every price other than today's that keeps all guardrails."""
        low, high = self.limits(product)
        first = math.floor((low - self.price_ending_amount) / self.price_step_amount) - 1
        last = math.ceil((high - self.price_ending_amount) / self.price_step_amount) + 1
        prices = (round(n * self.price_step_amount + self.price_ending_amount, 4) for n in range(first, last + 1))
        return [price for price in prices if low <= price <= high and price > 0 and price != product.price]


def profit(product: Product, price: float) -> float:
    return (price - product.cost) * product.units * (price / product.price) ** product.elasticity


@pytest.fixture(scope="module")
def compiled(demo_warehouse: Warehouse) -> str:
    path = demo_warehouse.target / "compiled/trendhouse/models/predictions/pricing/plan_prices.sql"
    return Path(path).read_text()


def planned(compiled: str, products: list[Product], rules: list[Rules]) -> list[dict[str, Any]]:
    """Rows of plan_prices, one per product, each of a category of its own with its own rules."""
    names = [f"p{number:05d}" for number in range(len(products))]
    tables = {
        "main_predictions.pred_price_response": {
            "product_id": names,
            "category": names,
            "fallback_level": ["category"] * len(names),
            "elasticity": [product.elasticity for product in products],
            "p10_elasticity": [product.elasticity - 1.28 * product.sd for product in products],
            "p90_elasticity": [product.elasticity + 1.28 * product.sd for product in products],
            "price_amount": [product.price for product in products],
            "as_of_date": [date(2024, 3, 15)] * len(names),
        },
        "main_core.dim_products": {
            "product_id": names,
            "list_price_amount": pa.array([product.list_price for product in products], pa.float64()),
            "unit_cost_amount": [product.cost for product in products],
        },
        "main_predictions.pred_demand_daily": {
            "product_id": names,
            "mean_units": [product.units for product in products],
        },
        "main_policy.price_guardrails": {
            "category": [*names, "default"],
            **{rule: [getattr(row, rule) for row in [*rules, Rules()]] for rule in RULES},
        },
        "main_ml.ml_demand__judged_days": {
            "product_id": [f"q{number}" for number in range(80)],
            "actual_units": [float(number % 7) for number in range(80)],
            "mean_units": [0.5 + number % 5 for number in range(80)],
            "as_of_date": [date(2024, 1, 15)] * 80,
        },
    }
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as trendhouse")
        for name, columns in tables.items():
            connection.execute(f"create schema if not exists trendhouse.{name.split('.')[0]}")
            connection.register("given", pa.table(columns))
            connection.execute(f"create table trendhouse.{name} as from given")
        rows: list[dict[str, Any]] = (
            connection.execute(f"select * from ({compiled}) order by product_id").to_arrow_table().to_pylist()
        )
    return rows


def check(product: Product, rules: Rules, row: dict[str, Any]) -> None:
    """Every rule is kept, and no allowed price is better than the planned one."""
    low, high = rules.limits(product)
    allowed = rules.allowed(product)
    may_stay = product.price >= low
    if row["action"] == "review":
        assert row["planned_price_amount"] is None
        assert not may_stay and (low > high or not allowed)
        assert row["reason"].startswith("No plan")
        return
    price = row["planned_price_amount"]
    assert price == product.price or any(price == pytest.approx(other, abs=1e-9) for other in allowed)
    assert (price - product.cost) / price >= rules.margin_floor_rate - 1e-9
    if price == product.price:
        assert row["action"] == "keep" and may_stay
    values = [profit(product, other) for other in allowed]
    best = max(values, default=-math.inf)
    current = profit(product, product.price)
    worth_it = rules.minimum_gain_rate * abs(current)
    tolerance = 1e-6 * max(1.0, abs(current))
    if row["action"] == "keep":
        assert best - current <= worth_it + tolerance
        assert row["profit_gain_amount"] == pytest.approx(0, abs=1e-5)
    else:
        assert profit(product, price) >= best - tolerance
        assert not may_stay or profit(product, price) - current > worth_it - tolerance
    for name in ("planned_units", "planned_revenue_amount", "planned_profit_amount", "profit_gain_amount"):
        assert row[f"p10_{name}"] <= row[name] + 1e-6
        assert row[name] <= row[f"p90_{name}"] + 1e-6
    assert row["planned_profit_amount"] == pytest.approx(profit(product, price), rel=1e-6, abs=1e-5)


money = st.floats(0.5, 500).map(lambda amount: round(amount, 2))
some_products = st.builds(
    Product,
    price=money,
    cost=st.floats(0, 400).map(lambda amount: round(amount, 2)),
    elasticity=st.floats(-8, 0.5),
    sd=st.floats(0, 2),
    units=st.floats(0, 1000).map(lambda units: round(units, 3)),
    list_price=st.one_of(st.none(), money),
)
some_rules = st.builds(
    Rules,
    margin_floor_rate=st.floats(0, 0.6),
    largest_rise_rate=st.floats(0, 1),
    largest_cut_rate=st.floats(0, 0.9),
    largest_list_ratio=st.floats(0.5, 2),
    price_step_amount=st.sampled_from([0.01, 0.05, 0.1, 0.5, 1.0, 5.0]),
    price_ending_amount=st.sampled_from([0.0, 0.09, 0.49, 0.99]),
    minimum_gain_rate=st.floats(0, 0.2),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(some_products, some_rules), min_size=1, max_size=60))
def test_plans_are_the_best_that_the_guardrails_allow(compiled: str, cases: list[tuple[Product, Rules]]) -> None:
    products, rules = [case[0] for case in cases], [case[1] for case in cases]
    rows = planned(compiled, products, rules)
    assert len(rows) == len(products)
    for product, rule, row in zip(products, rules, rows, strict=True):
        check(product, rule, row)


def test_many_ordinary_products_are_planned_and_most_of_them_moved(compiled: str) -> None:
    rng = np.random.default_rng(5)
    products = [
        Product(
            price=float(np.round(rng.lognormal(3, 1), 2)),
            cost=0.0,
            elasticity=float(-rng.lognormal(0.4, 0.4)),
            sd=0.3,
            units=float(np.round(rng.lognormal(1, 1.5), 3)),
        )
        for _ in range(600)
    ]
    products = [
        Product(p.price, float(np.round(p.price * rng.uniform(0.3, 0.8), 2)), p.elasticity, p.sd, p.units, p.price)
        for p in products
    ]
    rows = planned(compiled, products, [Rules()] * len(products))
    for product, row in zip(products, rows, strict=True):
        check(product, Rules(), row)
    actions = [row["action"] for row in rows]
    assert {"raise", "cut", "keep"} <= set(actions)
    gain = sum(row["profit_gain_amount"] for row in rows)
    assert gain > 0.01 * sum(row["current_profit_amount"] for row in rows)


def test_less_certain_elasticities_make_wider_intervals(compiled: str) -> None:
    sure, unsure = (Product(10, 6, -1.2, sd, 100.0, 10) for sd in (0.1, 1.0))
    rows = planned(compiled, [sure, unsure], [Rules()] * 2)
    widths = [row["p90_planned_profit_amount"] - row["p10_planned_profit_amount"] for row in rows]
    gains = [row["p90_profit_gain_amount"] - row["p10_profit_gain_amount"] for row in rows]
    assert widths[0] < widths[1]
    assert gains[0] < gains[1]


def test_planned_prices_of_the_demo_shop_keep_the_rules_and_bring_more(demo_warehouse: Warehouse) -> None:
    rows = demo_warehouse.query(
        "select action, count(*), sum(profit_gain_amount), sum(current_profit_amount)"
        " from main_predictions.plan_prices group by action"
    )
    actions = {row[0]: row[1:] for row in rows}
    assert actions["raise"][0] > 50
    assert sum(row[1] or 0 for row in actions.values()) > 0.02 * sum(row[2] or 0 for row in actions.values())
