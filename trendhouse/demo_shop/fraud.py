"""What people found out: fake orders, sellers behind them, orders paid with a stolen card."""

from typing import Any

import numpy as np

from trendhouse.demo_shop.brushing import Rings
from trendhouse.demo_shop.columns import Ints, ids, labels, text_table, timestamps
from trendhouse.demo_shop.customers import customer_ids
from trendhouse.demo_shop.orders import FRAUD, Orders
from trendhouse.demo_shop.seasons import DAY_SECONDS, END_SECONDS

KINDS = ("brushing", "stolen_card")


def confirmed_orders(rng: np.random.Generator, orders: Orders, rings: Rings) -> Any:
    """Return rows of `confirmed_fraud` about the orders of a span; what nobody had found by the end is missing."""
    found = np.zeros(orders.count, dtype=bool)
    fake = orders.fake >= 0
    found[fake] = rings.is_found[orders.fake[fake]] > 0
    stolen = orders.status == FRAUD
    days = np.where(stolen, rng.uniform(3, 35, orders.count), rng.uniform(12, 60, orders.count))
    at = orders.seconds + (days * DAY_SECONDS).astype(np.int64)
    order = np.flatnonzero((found | stolen) & (at < END_SECONDS))
    order = order[np.argsort(at[order], kind="stable")]
    return _table(orders.number[order], np.full(len(order), -1), stolen[order].astype(np.int64), at[order])


def confirmed_sellers(rings: Rings) -> Any:
    """Return rows of `confirmed_fraud` about sellers: those of whom most found orders are known three months later."""
    found = np.bincount(rings.ring, weights=rings.is_found, minlength=len(rings.seller))
    last = np.zeros(len(rings.seller), dtype=np.int64)
    np.maximum.at(last, rings.ring, rings.seconds)
    at = last + 90 * DAY_SECONDS
    known = np.flatnonzero((found >= 20) & (at < END_SECONDS))
    return _table(np.full(len(known), -1), rings.seller[known], np.zeros(len(known), dtype=np.int64), at[known])


def truth_brushing(orders: Orders, rings: Rings) -> dict[str, Any]:
    """Return the columns of `truth_brushing`: one row per fake order of the span."""
    order = np.flatnonzero(orders.fake >= 0)
    fake = orders.fake[order]
    return {
        "order_id": ids("O", orders.number[order], 6),
        "customer_id": customer_ids(orders.customer[order]),
        "seller_id": ids("S", rings.seller[rings.ring[fake]] + 1, 4),
        "product_id": ids("P", rings.product[fake] + 1, 5),
        "ring": rings.ring[fake] + 1,
    }


def _table(order: Ints, seller: Ints, kind: Ints, at: Ints) -> Any:
    return text_table(
        {
            "order_id": ids("O", order, 6, valid=order >= 0),
            "seller_id": ids("S", seller + 1, 4, valid=seller >= 0),
            "kind": labels(kind, KINDS),
            "confirmed_at": timestamps(at),
        }
    )
