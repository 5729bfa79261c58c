"""Customers who buy again with planted probabilities, as the tables of the next basket hold it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa

TODAY = date(2025, 6, 2)
CUTS = tuple(TODAY - timedelta(days=28 * step) for step in range(4))
CATALOGUE = 40
# Bought by every customer in every fourth basket, nine times of ten.
STAPLES = slice(30, 35)


@dataclass(frozen=True)
class PlantedShop:
    """The three tables, and of each customer and product the probability of being in a basket."""

    repeats: pa.Table
    products: pa.Table
    baskets: pa.Table
    chances: np.ndarray

    def connection(self) -> duckdb.DuckDBPyConnection:
        """A warehouse that holds the tables under the names of their models."""
        connection = duckdb.connect()
        for name, table in self.tables().items():
            connection.register("given", table)
            connection.execute(f"create table {name} as select * from given")
        return connection

    def tables(self) -> dict[str, pa.Table]:
        return {
            "feat_recommendation_repeats": self.repeats,
            "feat_recommendation_repeat_products": self.products,
            "ml_recommendation__next_baskets": self.baskets,
        }

    def without_rows(self) -> PlantedShop:
        return PlantedShop(self.repeats.slice(0, 0), self.products.slice(0, 0), self.baskets.slice(0, 0), self.chances)


def planted_repeats(customers: int = 300, seed: int = 5, cuts: Sequence[date] = CUTS) -> PlantedShop:
    """Every customer orders every week; a basket holds each product with a chance of the customer's own, most of them with a small one.

    STAPLES come when they are due, each customer's in weeks of their own; `chances` are those of the first basket from TODAY on. One more customer, `weekly`, buys the product p39, which nobody else has, in every basket.
    """
    random = np.random.default_rng(seed)
    chances = random.beta(0.3, 2.0, size=(customers, CATALOGUE))
    chances[:, -1] = 0
    chances = np.vstack([chances, np.zeros(CATALOGUE)])
    chances[-1, -1] = 1
    weeks = 30
    first = TODAY - timedelta(days=7 * weeks - 3)
    phase = random.integers(0, 4, (customers, STAPLES.stop - STAPLES.start))
    held = np.zeros((weeks + 1, *chances.shape), dtype=bool)
    for week in range(weeks + 1):
        chances[:customers, STAPLES] = np.where((week + phase) % 4 == 0, 0.9, 0.0)
        held[week] = random.random(chances.shape) < chances
    held = held[:weeks]
    # A basket that holds nothing is no order.
    held[:, :, 0] |= ~held.any(axis=2)
    lines = [
        (_customer(row, customers), f"o{week:02d}-{row:03d}", f"p{column:02d}", first + timedelta(days=7 * int(week)))
        for week, row, column in zip(*np.nonzero(held), strict=True)
    ]
    connection = duckdb.connect()
    names = ("customer_id", "order_id", "product_id", "day")
    connection.register(
        "lines", pa.table({name: list(values) for name, values in zip(names, zip(*lines, strict=True), strict=True)})
    )
    connection.execute("create table cuts as select unnest(?::date[]) as as_of_date", [list(cuts)])
    # Written apart from the models: by day alone, without blocks.
    repeats = connection.sql(REPEATS).to_arrow_table()
    products = connection.sql(PRODUCTS.format(repeats=f"({REPEATS})")).to_arrow_table()
    baskets = connection.sql(BASKETS, params=[TODAY]).to_arrow_table()
    return PlantedShop(repeats, products, baskets, chances)


def _customer(row: int, customers: int) -> str:
    return "weekly" if row == customers else f"c{row:03d}"


REPEATS = """
    with numbered as (
        select *,
            dense_rank() over (partition by customer_id order by day) as number,
            day - lag(day) over (partition by customer_id, product_id order by day) as gap
        from lines
    ),
    customers as (
        select as_of_date, customer_id, count(distinct day) as baskets, max(number) as last_number, max(day) as last_day,
            min(day) as first_day, count(distinct case when day >= as_of_date - 28 then day end) as baskets_28d, count(*) as products
        from numbered, cuts where day < as_of_date group by all
    )
    select customers.customer_id, product_id, as_of_date,
        count(*) as baskets_364d,
        count(case when day >= as_of_date - 84 then 1 end) as baskets_84d,
        count(case when day >= as_of_date - 28 then 1 end) as baskets_28d,
        count(case when number > last_number - 10 then 1 end) as baskets_of_last_10,
        count(case when number > last_number - 5 then 1 end) as baskets_of_last_5,
        last_number - max(number) as baskets_since_last,
        last_number - min(number) + 1 as baskets_since_first,
        as_of_date - max(day) as days_since_last,
        avg(gap) as gap_mean_days,
        stddev_pop(gap) as gap_sd_days,
        any_value(baskets) as customer_baskets_364d,
        any_value(customers.baskets_28d) as customer_baskets_28d,
        least(last_number, 10) as customer_recent_baskets,
        any_value(products / baskets) as customer_basket_products,
        any_value((last_day - first_day) / nullif(baskets - 1, 0)) as customer_gap_mean_days,
        any_value(as_of_date - last_day) as customer_days_since_last
    from numbered inner join customers using (customer_id)
    where day < as_of_date
    group by customers.customer_id, product_id, as_of_date, last_number
"""
PRODUCTS = """
    with repeats as {repeats},
    shop as (
        select as_of_date, sum(customer_baskets_364d) as baskets, sum(customer_baskets_28d) as baskets_28d
        from (select distinct as_of_date, customer_id, customer_baskets_364d, customer_baskets_28d from repeats) group by all
    )
    select product_id, as_of_date,
        sum(baskets_364d) / any_value(baskets) as basket_rate_364d,
        sum(repeats.baskets_28d) / any_value(shop.baskets_28d) as basket_rate_28d,
        avg((baskets_364d > 1)::int) as repeat_rate,
        0.5 as category_repeat_rate,
        avg(gap_mean_days) as gap_mean_days
    from repeats inner join shop using (as_of_date)
    group by all
"""
BASKETS = """
    select customer_id, product_id, order_id, as_of_date
    from (
        select lines.*, as_of_date, dense_rank() over (partition by customer_id, as_of_date order by day) as place
        from lines, cuts where day >= as_of_date and day < as_of_date + 28 and as_of_date <= ?::date - 28
    )
    where place = 1
"""
