"""The core layer against slow, plain definitions: the daily spine, its prices, the outlier flags, and that nothing looks ahead."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from conftest import Warehouse

ACTIVE_DAYS = 10
FIRST_DAY = date(2025, 3, 1)
DAYS = 70
CUT = FIRST_DAY + timedelta(days=45)
SETTINGS = {"trendhouse_shop_schema": "raw", "trendhouse_demand_active_days": ACTIVE_DAYS}

SALES_DAILY = """
select product_id, sales_date, units, orders, customers, net_amount, outlier_units, average_price_amount, views, on_hand, is_stock_out
from main_core.fct_sales_daily
"""
FLAGS = "select order_item_id, is_quantity_outlier, is_price_outlier, order_date from main_core.fct_order_items"


class Shop:
    """A random shop: busy, slow and dead products, cancelled orders, guests, outliers, late launches, products that nobody listed."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        self.products: list[tuple[str, float | None, datetime | None]] = []
        self.orders: list[tuple[str, str | None, datetime, str]] = []
        self.items: list[tuple[str, str, str, float, float, float]] = []
        self.events: list[tuple[str, str, str, datetime]] = []
        self.stock: list[tuple[date, str, float]] = []
        for number in range(24):
            name = f"p{number:02d}"
            rate = rng.choice([0.02, 0.08, 0.9])
            launch = FIRST_DAY + timedelta(days=rng.randint(-15, 60))
            if number % 6 != 5:
                stated = datetime.combine(launch, datetime.min.time()) if number % 3 else None
                self.products.append((name, 10.0 if number % 4 else None, stated))
            for offset in range(DAYS):
                day = FIRST_DAY + timedelta(days=offset)
                if rng.random() < 0.3:
                    self.stock.append((day, name, float(rng.randint(0, 2))))
                if rng.random() < 0.2:
                    self.events.append(
                        (f"e{len(self.events)}", "view", name, datetime(day.year, day.month, day.day, 9))
                    )
                for _ in range(sum(rng.random() < rate for _ in range(3))):
                    self._sell(rng, name, day)

    def _sell(self, rng: random.Random, product: str, day: date) -> None:
        order = f"o{len(self.orders)}"
        moment = datetime(day.year, day.month, day.day, rng.randint(0, 23), rng.randint(0, 59), len(self.orders) % 60)
        customer = rng.choice([None, "c1", "c2", "c3"])
        self.orders.append((order, customer, moment, "cancelled" if rng.random() < 0.2 else "paid"))
        wild_quantity, wild_price = rng.random() < 0.03, rng.random() < 0.03
        quantity = 90.0 if wild_quantity else float(rng.randint(1, 3))
        price = rng.choice([0.0, 0.5, 2000.0]) if wild_price else rng.choice([9.0, 10.0])
        self.items.append((f"i{len(self.items)}", order, product, quantity, price, round(0.1 * quantity * price, 2)))

    def load(self, warehouse: Warehouse, before: date | None = None) -> None:
        """Write the raw tables, only what happened before a date when one is given."""
        orders = [row for row in self.orders if before is None or row[2].date() < before]
        kept = {row[0] for row in orders}
        tables: list[tuple[str, str, list[Any]]] = [
            ("products", "product_id varchar, list_price double, launched_at timestamp", self.products),
            ("orders", "order_id varchar, customer_id varchar, ordered_at timestamp, status varchar", orders),
            (
                "order_items",
                "order_item_id varchar, order_id varchar, product_id varchar, quantity double, unit_price double, "
                "discount_amount double",
                [row for row in self.items if row[1] in kept],
            ),
            (
                "events",
                "event_id varchar, event_type varchar, product_id varchar, occurred_at timestamp",
                [row for row in self.events if before is None or row[3].date() < before],
            ),
            (
                "inventory_daily",
                "date date, product_id varchar, on_hand double",
                [row for row in self.stock if before is None or row[0] < before],
            ),
        ]
        warehouse.execute("create schema raw")
        for name, columns, rows in tables:
            values = ", ".join("(" + ", ".join(literal(value) for value in row) + ")" for row in rows)
            warehouse.execute(f"create table raw.{name} ({columns})", f"insert into raw.{name} values {values}")


def literal(value: Any) -> str:
    if value is None:
        return "null"
    return str(value) if isinstance(value, float) else f"'{value}'"


def build(warehouse: Warehouse, **settings: Any) -> Warehouse:
    """Build staging and core with their tests."""
    selection = ["--select", "path:seeds/reference", "staging", "core", "--exclude", "path:tests/staging"]
    options = ["--indirect-selection", "cautious", "--exclude-resource-type", "unit_test"]
    warehouse.dbt("build", *selection, *options, settings={**SETTINGS, **settings})
    return warehouse


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop(seed=11)


@pytest.fixture(scope="module")
def built(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = Warehouse(tmp_path_factory.mktemp("core"))
    shop.load(warehouse)
    return build(warehouse)


def expected_flags(shop: Shop) -> dict[str, tuple[bool, bool]]:
    """The outlier rule, line by line in the order of time."""
    orders = {row[0]: row for row in shop.orders}
    listed = {row[0]: row[1] for row in shop.products}
    quantities: dict[str, list[float]] = defaultdict(list)
    prices: dict[str, list[float]] = defaultdict(list)

    def z_score(value: float, earlier: list[float], least_spread: float) -> float:
        logs = [math.log(x) for x in earlier]
        mean = sum(logs) / len(logs)
        spread = math.sqrt(sum((x - mean) ** 2 for x in logs) / len(logs))
        return (math.log(value) - mean) / max(spread, math.log(least_spread))

    flags = {}
    for item, order, product, quantity, price, _ in sorted(shop.items, key=lambda row: (orders[row[1]][2], row[0])):
        old, paid, tag = quantities[product], prices[product], listed.get(product)
        large = len(old) >= 20 and z_score(quantity, old, 1.5) > 5 and quantity >= 5 * sum(old) / len(old)
        if len(paid) >= 20:
            mean = sum(paid) / len(paid)
            odd = price == 0 or (abs(z_score(price, paid, 1.1)) > 5 and (price >= 5 * mean or price * 5 <= mean))
        else:
            odd = tag is not None and (price >= 10 * tag or price * 10 <= tag)
        flags[item] = (large, odd)
        if orders[order][3] == "paid":
            old.append(quantity)
            if price > 0:
                paid.append(price)
    return flags


def expected_days(shop: Shop, flags: dict[str, tuple[bool, bool]]) -> dict[tuple[str, date], tuple[Any, ...]]:
    """The spine and its columns, product by product and day by day."""
    orders = {row[0]: row for row in shop.orders}
    sold: dict[tuple[str, date], list[Any]] = defaultdict(list)
    for item in shop.items:
        if orders[item[1]][3] == "paid":
            sold[item[2], orders[item[1]][2].date()].append(item)
    listed = {row[0]: row for row in shop.products}
    stock = {(product, day): count for day, product, count in shop.stock}
    last_day = max(row[2] for row in shop.orders).date()
    first_day = min(row[2] for row in shop.orders).date()
    rows = {}
    for product in sorted({product for product, _ in sold} | set(listed)):
        _, price, stated = listed.get(product, (product, None, None))
        alive = stated.date() if stated else None
        day = min(first_day, alive or first_day)
        while day <= last_day:
            items = sold.get((product, day), [])
            if items:
                alive = day if alive is None else max(alive, day) if alive <= day else day
            good = [item for item in items if not flags[item[0]][1]]
            if good:
                price = sum(i[3] * i[4] - i[5] for i in good) / sum(i[3] for i in good)
            if alive is not None and alive <= day <= alive + timedelta(days=ACTIVE_DAYS) and day >= first_day:
                rows[product, day] = (
                    sum(i[3] for i in items),
                    len({i[1] for i in items}),
                    len({orders[i[1]][1] or i[1] for i in items}),
                    sum(i[3] * i[4] - i[5] for i in items),
                    sum(i[3] for i in items if flags[i[0]][0]),
                    price,
                    sum(1 for e in shop.events if e[2] == product and e[3].date() == day),
                    stock.get((product, day)),
                    not items and stock.get((product, day), 1.0) <= 0,
                )
            day += timedelta(days=1)
    return rows


def test_outliers_are_flagged_by_the_stated_rule(shop: Shop, built: Warehouse) -> None:
    flags = {item: (large, odd) for item, large, odd, _ in built.query(FLAGS)}
    assert flags == expected_flags(shop)
    assert any(large for large, _ in flags.values())
    assert any(odd for _, odd in flags.values())


def test_sales_daily_is_the_stated_spine(shop: Shop, built: Warehouse) -> None:
    wanted = expected_days(shop, expected_flags(shop))
    found = {(row[0], row[1]): row[2:] for row in built.query(SALES_DAILY)}
    assert found.keys() == wanted.keys()
    assert any(row[0] == 0 for row in found.values())
    for key, row in found.items():
        assert row == pytest.approx(wanted[key], abs=1e-5), key


def test_sales_daily_and_flags_do_not_look_ahead(shop: Shop, built: Warehouse, warehouse: Warehouse) -> None:
    shop.load(warehouse, before=CUT)
    build(warehouse, trendhouse_as_of_date=CUT.isoformat())
    assert warehouse.query(f"{SALES_DAILY} order by all") == built.query(
        f"{SALES_DAILY} where sales_date < '{CUT}' order by all"
    )
    assert warehouse.query(f"{FLAGS} order by all") == built.query(f"{FLAGS} where order_date < '{CUT}' order by all")


def test_a_shop_without_orders_builds_empty(warehouse: Warehouse) -> None:
    warehouse.execute(
        "create schema raw",
        "create table raw.products as select 'p' as product_id",
        "create table raw.orders (order_id varchar, customer_id varchar, ordered_at timestamp)",
        "create table raw.order_items (order_id varchar, product_id varchar, quantity double, unit_price double)",
    )
    build(warehouse)
    assert warehouse.query("select product_id, launched_date from main_core.dim_products") == [("p", None)]
    for table in ("dim_as_of", "dim_as_of_dates", "dim_dates", "fct_sales_daily", "fct_events", "dim_customers"):
        assert warehouse.query(f"select count(*) from main_core.{table}") == [(0,)], table


def test_an_earlier_as_of_date_keeps_later_sales_as_actuals(shop: Shop, warehouse: Warehouse) -> None:
    shop.load(warehouse)
    build(warehouse, trendhouse_as_of_date=CUT.isoformat())
    last_day = max(row[2] for row in shop.orders).date()
    assert warehouse.query("select max(sales_date) from main_core.fct_sales_daily") == [(last_day,)]
    grid = warehouse.query(
        "select as_of_date, weeks_ago, is_current, is_monthly from main_core.dim_as_of_dates order by 1 desc"
    )
    first_day = min(row[2] for row in shop.orders).date()
    dates = [CUT - timedelta(days=7 * week) for week in range(20) if CUT - timedelta(days=7 * week) > first_day]
    assert grid == [(day, week, week == 0, week % 4 == 0) for week, day in enumerate(dates)]
