"""Customers with known tastes: what the recommenders are tested on."""

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from trendhouse.recommendation.candidate import Known
from trendhouse.recommendation.contest import Cut
from trendhouse.recommendation.interactions import Interactions, from_table

COMMUNITIES = 6
VISITS = pa.schema(
    {
        "customer_id": pa.string(),
        "session_id": pa.string(),
        "product_id": pa.string(),
        "position": pa.int64(),
        "days_ago": pa.int64(),
    }
)


def catalogue(products: np.ndarray) -> pa.Table:
    """Products in communities by turns, in categories that have nothing to do with it: tastes show in behaviour alone."""
    number = np.arange(len(products))
    nothing = pa.nulls(len(products), pa.string())
    return pa.table(
        {
            "product_id": pa.array(products.tolist(), pa.string()),
            "name": nothing,
            "description": nothing,
            "category": [f"category {one}" for one in number // COMMUNITIES % 4],
            "subcategory": nothing,
            "brand": [f"brand {one}" for one in number % 5],
            "seller_id": nothing,
            "list_price_amount": 1.0 + number % 7,
        }
    )


def known_of(rows: list[tuple[str, str, float, int]], products: list[str]) -> Known:
    """Rows of customer, product, weight and days ago, each a purchase."""
    names = np.array(sorted(products))
    customer, product, weight, days = zip(*rows, strict=True) if rows else ([], [], [], [])
    table = pa.table(
        {
            "customer_id": pa.array(customer, pa.string()),
            "product_id": pa.array(product, pa.string()),
            "interaction_weight": pa.array(weight, pa.float64()),
            "purchases_364d": pa.array([1] * len(rows), pa.int64()),
            "days_since_last_interaction": pa.array(days, pa.int32()),
            "days_since_last_purchase": pa.array(days, pa.int32()),
        }
    )
    return Known(from_table(table, names), catalogue(names), VISITS.empty_table())


def planted_cut(customers: int = 400, products: int = 180, seed: int = 1, fashion: float = 1.0) -> Cut:
    """Each customer has a community, to which product p belongs with p % COMMUNITIES; 8 of 10 interactions are within, the rest anywhere.

    Some products are more popular than others everywhere. Of a customer's 12 products, 9 are known and 3 followed. One product in five is in
    fashion: those that follow are so many times as likely to be of these, which is also what was last dealt with.
    """
    random = np.random.default_rng(seed)
    names = [f"p{product:03d}" for product in range(products)]
    popular = random.gamma(1.0, 1.0, products) + 0.2
    rows, after = [], []
    for customer in range(customers):
        within = np.arange(products) % COMMUNITIES == customer % COMMUNITIES
        chance = popular * np.where(within, 8 / popular[within].sum(), 2 / popular[~within].sum())
        chosen = random.choice(products, 9, replace=False, p=chance / chance.sum())
        rows += [
            (f"c{customer:04d}", names[product], float(random.integers(1, 12)), _days_ago(random, product, fashion))
            for product in chosen
        ]
        chance = chance * np.where(np.arange(products) % 5 == 0, fashion, 1)
        chance[chosen] = 0
        after.append(random.choice(products, 3, replace=False, p=chance / chance.sum()))
    known = known_of(rows, names)
    return Cut(known, followed_by(after, products), known.interactions.weights)


def _days_ago(random: np.random.Generator, product: int, fashion: float) -> int:
    is_fashionable = fashion > 1 and product % 5 == 0
    return int(random.integers(1, 29 if is_fashionable else 112))


def followed_by(products_after: list[np.ndarray], products: int) -> csr_array:
    """Matrix (customers, products) with a 1 for each product that followed."""
    starts = np.concatenate([[0], np.cumsum([len(after) for after in products_after])])
    columns = np.concatenate([np.sort(after) for after in products_after])
    return csr_array((np.ones(len(columns), dtype=np.float32), columns, starts), shape=(len(products_after), products))


def with_products(known: Known, more: list[str]) -> Known:
    """The same day, with products that came after the fit; every other place moves."""
    old = known.interactions
    names = np.array(sorted([*old.products.tolist(), *more]))
    place = np.searchsorted(names, old.products)

    def moved(matrix: csr_array) -> csr_array:
        return csr_array((matrix.data, place[matrix.indices], matrix.indptr), shape=(matrix.shape[0], len(names)))

    matrices = moved(old.weights), moved(old.purchases), moved(old.days_ago)
    return Known(Interactions(old.customers, names, *matrices), catalogue(names), known.visits)
