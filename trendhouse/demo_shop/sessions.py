"""Browsing: every genuine order comes out of a session; some sessions end without one. Fake orders have none."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from trendhouse.demo_shop.baskets import Shoppers
from trendhouse.demo_shop.catalogue import LEAVES, Products
from trendhouse.demo_shop.columns import Bools, Floats, Ints, ids, labels, text_table, timestamps
from trendhouse.demo_shop.customers import Customers, customer_ids, devices
from trendhouse.demo_shop.orders import Orders
from trendhouse.demo_shop.seasons import DAY_SECONDS, START_SECONDS

EVENT_TYPES = ("view", "search", "click", "favourite", "add_to_cart", "purchase")
VIEW, SEARCH, CLICK, FAVOURITE, ADD_TO_CART, PURCHASE = range(6)
# The tracker samples: at least one view before every genuine order is kept.
_VIEWS_KEPT = 0.55
_CART_KEPT = 0.2
_PURCHASE_KEPT = 0.18
_BROWSE_ONLY = 0.12

SEARCH_TERMS = tuple(
    term for leaf in LEAVES for term in (leaf.noun.lower(), f"best {leaf.noun.lower()}", leaf.path.split(" > ")[1])
)


@dataclass(frozen=True)
class _Events:
    session: Ints
    customer: Ints
    device: Ints
    kind: Ints
    product: Ints
    term: Ints
    seconds: Ints


class Tracker:
    """Records events, span by span, and numbers sessions and events through."""

    def __init__(self, customers: Customers, products: Products, shoppers: Shoppers) -> None:
        """Start with nothing recorded."""
        self._people = customers
        self._products = products
        self._shoppers = shoppers
        self._by_leaf = np.argsort(products.leaf, kind="stable")
        self._first = np.searchsorted(products.leaf[self._by_leaf], np.arange(len(LEAVES)))
        self._size = np.bincount(products.leaf, minlength=len(LEAVES))
        self._sessions = 0
        self._events = 0

    def record(self, rng: np.random.Generator, days: Ints, orders: Orders, wanted: Floats) -> Any:
        """Return rows of `events`; `wanted` is the expected demand of the span, shape (days, products)."""
        parts = [*self._before_orders(rng, orders), *self._browsing(rng, days, wanted, int(np.sum(orders.fake < 0)))]
        events = _Events(*(np.concatenate([getattr(part, name) for part in parts]) for name in _Events.__annotations__))
        order = np.lexsort((events.kind, events.session, events.seconds))
        number = self._events + np.arange(len(order)) + 1
        self._events += len(order)
        kind, term = events.kind[order], events.term[order]
        customer = events.customer[order]
        product = events.product[order]
        is_search = kind == SEARCH
        return text_table(
            {
                "event_id": ids("E", number, 6),
                "session_id": ids("N", events.session[order], 6),
                "customer_id": customer_ids(customer, valid=customer >= 0),
                "event_type": labels(kind, EVENT_TYPES),
                "product_id": ids("P", product + 1, 5, valid=~is_search),
                "search_text": labels(term, SEARCH_TERMS, valid=is_search),
                "occurred_at": timestamps(events.seconds[order]),
                "device_id": devices(events.device[order]),
            }
        )

    def _before_orders(self, rng: np.random.Generator, orders: Orders) -> list[_Events]:
        genuine = np.flatnonzero(orders.fake < 0)
        session = np.full(orders.count, -1)
        session[genuine] = self._next_sessions(len(genuine))
        signed_in = ~orders.is_guest & (rng.random(orders.count) < 0.93)
        customer = np.where(signed_in, orders.customer, -1)
        length = rng.gamma(2.0, 420, orders.count) + 90

        # The view of an order's first line is always there; the tracker lost some of the others.
        is_first = np.diff(orders.line_order, prepend=-1) != 0
        seen = is_first | (rng.random(len(is_first)) < _VIEWS_KEPT)
        line = np.flatnonzero(seen & (orders.fake[orders.line_order] < 0))
        of = orders.line_order[line]
        ahead = (length[of] * rng.uniform(0.3, 1.0, len(line))).astype(np.int64) + 5

        def events(order: Ints, kind: int, product: Ints, ahead: Ints, number: Ints = session) -> _Events:
            return _Events(
                number[order],
                customer[order],
                orders.device[order],
                np.full(len(order), kind),
                product,
                self._terms(rng, product),
                orders.seconds[order] - ahead,
            )

        parts = [events(of, VIEW, orders.line_product[line], ahead)]
        kept = rng.random(len(line)) < _CART_KEPT
        parts.append(
            events(of[kept], ADD_TO_CART, orders.line_product[line][kept], (ahead[kept] * 0.6).astype(np.int64))
        )
        first_line = np.searchsorted(orders.line_order, genuine)
        first_product = orders.line_product[first_line]
        whole = length[genuine].astype(np.int64)
        for kind, share, where in ((VIEW, 0.2, 0.7), (SEARCH, 0.09, 1.15), (CLICK, 0.06, 1.05), (FAVOURITE, 0.04, 0.3)):
            kept = rng.random(len(genuine)) < share
            product = self._similar(rng, first_product[kept], orders.day()[genuine[kept]])
            if kind in (SEARCH, FAVOURITE):
                product = first_product[kept]
            parts.append(events(genuine[kept], kind, product, (whole[kept] * where).astype(np.int64) + 6))
        kept = rng.random(len(genuine)) < _PURCHASE_KEPT
        parts.append(events(genuine[kept], PURCHASE, first_product[kept], np.zeros(int(kept.sum()), dtype=np.int64)))
        # Some looked at the product days before they bought it.
        ago = rng.integers(8 * 3600, 6 * DAY_SECONDS, len(genuine))
        opened = np.maximum(self._people.signup_seconds[orders.customer[genuine]], START_SECONDS)
        looked = np.flatnonzero((rng.random(len(genuine)) < 0.08) & (orders.seconds[genuine] - ago > opened))
        earlier = np.full(orders.count, -1)
        earlier[genuine[looked]] = self._next_sessions(len(looked))
        parts.append(events(genuine[looked], VIEW, first_product[looked], ago[looked], earlier))
        return parts

    def _browsing(self, rng: np.random.Generator, days: Ints, wanted: Floats, orders: int) -> list[_Events]:
        """Sessions without an order: products in demand, also when they are out of stock."""
        count = rng.poisson(_BROWSE_ONLY * orders)
        cumulative = np.cumsum(wanted.ravel())
        if count == 0 or cumulative[-1] <= 0:
            return []
        cell = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
        day, product = days[cell // wanted.shape[1]], cell % wanted.shape[1]
        customer = self._shoppers.choose(rng, day, product)
        session = self._next_sessions(count)
        begin = START_SECONDS + day * DAY_SECONDS + rng.integers(6 * 3600, 23 * 3600, count)
        device = 4 * customer + rng.integers(0, 2, count)
        shown = np.where(rng.random(count) < 0.8, customer, -1)
        parts = []
        for step, (kind, share) in enumerate(
            ((VIEW, 1.0), (VIEW, 0.55), (VIEW, 0.3), (ADD_TO_CART, 0.12), (FAVOURITE, 0.05))
        ):
            kept = rng.random(count) < share
            seen = product[kept]
            if kind == VIEW and step:
                seen = self._similar(rng, seen, day[kept])
            at = begin[kept] + 45 * step + rng.integers(0, 40, int(kept.sum()))
            parts.append(
                _Events(
                    session[kept], shown[kept], device[kept], np.full(len(seen), kind), seen, np.zeros_like(seen), at
                )
            )
        return parts

    def _similar(self, rng: np.random.Generator, product: Ints, day: Ints) -> Ints:
        """Return another product of the same category on sale that day, the product itself when the draw finds none."""
        leaf = self._products.leaf[product]
        pick = self._first[leaf] + np.floor(self._size[leaf] * rng.random(len(product))).astype(np.int64)
        other = self._by_leaf[pick]
        on_sale: Bools = (self._products.launch_day[other] <= day) & (self._products.retire_day[other] > day)
        return np.asarray(np.where(on_sale, other, product))

    def _terms(self, rng: np.random.Generator, product: Ints) -> Ints:
        return np.asarray(3 * self._products.leaf[product] + rng.choice(3, len(product), p=[0.6, 0.2, 0.2]))

    def _next_sessions(self, count: int) -> Ints:
        first = self._sessions
        self._sessions += count
        return first + np.arange(count) + 1
