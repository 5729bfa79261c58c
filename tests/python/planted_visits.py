"""A shop whose customers have known tastes, as the feature tables of recommendation hold it: deeds with dates, and the snapshots of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa
from planted_taste import COMMUNITIES, catalogue

AS_OF = date(2026, 6, 1)
CUSTOMERS, PRODUCTS = 150, 90
REST_DAYS = 20
SNAPSHOTS = """
    select
        d.customer_id, d.product_id, cast(c.as_of_date as date) as as_of_date,
        round(sum(8 * 0.5 ** (date_diff('day', d.day, c.as_of_date) / 56)), 6) as interaction_weight,
        count(*) filter (where d.is_purchase) as purchases_364d,
        cast(min(date_diff('day', d.day, c.as_of_date)) as integer) as days_since_last_interaction,
        cast(min(date_diff('day', d.day, c.as_of_date)) filter (where d.is_purchase) as integer) as days_since_last_purchase
    from deeds as d, cuts as c
    where d.day < c.as_of_date and d.day >= c.as_of_date - 364
    group by all
"""


@dataclass(frozen=True)
class PlantedShop:
    """Tables by the name of the model that makes them."""

    tables: dict[str, pa.Table]


def planted_deeds(seed: int = 1) -> pa.Table:
    """Purchases and views of a year: 8 of 10 in the customer's community (product p is of community p % COMMUNITIES), the rest anywhere."""
    random = np.random.default_rng(seed)
    popular = random.gamma(1.0, 1.0, PRODUCTS) + 0.2
    rows = []
    for customer in range(CUSTOMERS):
        within = np.arange(PRODUCTS) % COMMUNITIES == customer % COMMUNITIES
        chance = popular * np.where(within, 8 / popular[within].sum(), 2 / popular[~within].sum())
        for product in random.choice(PRODUCTS, 25, replace=True, p=chance / chance.sum()):
            rows.append(
                (f"c{customer:04d}", f"p{product:03d}", int(random.integers(1, 230)), bool(random.random() < 0.7))
            )
    customer, product, days, is_purchase = zip(*rows, strict=True)
    return pa.table(
        {
            "customer_id": customer,
            "product_id": product,
            "day": pa.array([AS_OF - timedelta(days=number) for number in days], pa.date32()),
            "is_purchase": is_purchase,
        }
    )


def planted_shop(deeds: pa.Table, as_of_date: date = AS_OF, hidden: tuple[str, ...] = ()) -> PlantedShop:
    """The features of these deeds as of a date and the two snapshots before it; every deed is a visit too. `hidden` may not be shown."""
    cuts = [as_of_date - timedelta(days=28 * step) for step in range(3)]
    products = np.array([f"p{number:03d}" for number in range(PRODUCTS)])
    goods = catalogue(products)
    with duckdb.connect() as connection:
        connection.register("deeds", deeds)
        connection.register("cuts", pa.table({"as_of_date": pa.array(cuts, pa.date32())}))
        interactions = connection.execute(SNAPSHOTS).to_arrow_table()
        connection.register("goods", goods)
        goods_by_date = connection.execute("select goods.*, cuts.as_of_date from goods, cuts").to_arrow_table()
        visits = connection.execute(
            """
            select
                customer_id || '-' || day as session_id, customer_id, product_id, day as visit_date,
                cast(row_number() over (partition by customer_id, day order by product_id) as integer) as position
            from deeds where day < ?
            """,
            [as_of_date],
        ).to_arrow_table()
        popularity = connection.execute(
            """
            select product_id, coalesce(n, 0) / 1e6 as popularity_rank, cast(? as date) as as_of_date
            from goods left join (select product_id, count(*) as n from deeds where day < ? group by 1) using (product_id)
            """,
            [as_of_date, as_of_date],
        ).to_arrow_table()
    shown = pa.table(
        {
            "product_id": products.tolist(),
            "rest_days": pa.array([REST_DAYS] * PRODUCTS, pa.int32()),
            "is_shown": [name not in hidden for name in products.tolist()],
        }
    )
    return PlantedShop(
        {
            "feat_recommendation_interactions": interactions,
            "feat_recommendation_catalogue": goods_by_date,
            "feat_recommendation_visits": visits,
            "feat_recommendation_products": popularity,
            "ml_recommendation__shown_products": shown,
        }
    )
