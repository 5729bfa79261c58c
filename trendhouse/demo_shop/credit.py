"""Pay-later credit: whether a borrower defaults follows from how he or she behaved before."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from trendhouse.demo_shop.columns import Bools, Floats, Ints, decimals, ids, labels, numbers, text_table, timestamps
from trendhouse.demo_shop.customers import PAYMENTS, Customers, customer_ids
from trendhouse.demo_shop.orders import CANCELLED, FRAUD, Orders
from trendhouse.demo_shop.seasons import DAY_SECONDS, END_SECONDS, START_SECONDS

STATUSES = ("open", "repaid", "late", "defaulted")
# A credit counts as defaulted when it is unpaid so many days after it fell due.
DEFAULT_AFTER_DAYS = 60


@dataclass(frozen=True)
class CreditRows:
    """The span's credits: raw rows and the truth behind them."""

    table: Any
    truth: dict[str, Any]


class CreditDesk:
    """Grants credit for orders paid later, and remembers each customer's behaviour."""

    def __init__(self, customers: Customers) -> None:
        """Start with nobody known."""
        self._people = customers
        self._orders = np.zeros(customers.count, dtype=np.int64)
        self._units = np.zeros(customers.count)
        self._returned = np.zeros(customers.count)
        self._night = np.zeros(customers.count)
        self._last_seconds = np.full(customers.count, START_SECONDS - 400 * DAY_SECONDS)
        self._credits = 0

    def grant(self, rng: np.random.Generator, orders: Orders) -> CreditRows:
        """Return the credits of a span of orders, then learn from the orders."""
        later = (
            (orders.payment == PAYMENTS.index("pay_later")) & (orders.status != CANCELLED) & (orders.status != FRAUD)
        )
        order = np.flatnonzero(later)
        count = len(order)
        customer = orders.customer[order]
        seen, since = self._behaviour(orders)
        chance = self._default_chance(orders, order, seen[order], since[order])
        term = rng.choice([30, 60, 90], count, p=[0.5, 0.3, 0.2])
        opened = orders.seconds[order]
        due = opened + term * DAY_SECONDS
        defaults: Bools = rng.random(count) < chance
        is_late = rng.random(count) < 0.06 + 0.9 * chance
        delay = np.where(is_late, rng.uniform(1, 45, count), -rng.uniform(0, 0.5, count) * term)
        repaid = due + (delay * DAY_SECONDS).astype(np.int64)
        known = ~defaults & (repaid < END_SECONDS)
        lost = defaults & (due + DEFAULT_AFTER_DAYS * DAY_SECONDS < END_SECONDS)
        status = np.where(known, 1, np.where(lost, 3, np.where(due < END_SECONDS, 2, 0)))
        number = self._credits + np.arange(count) + 1
        self._credits += count
        self._learn(orders)
        key = ids("K", number, 6)
        table = text_table(
            {
                "credit_id": key,
                "customer_id": customer_ids(customer),
                "opened_at": timestamps(opened),
                "principal": decimals(orders.net_cents[order], 2),
                "term_days": numbers(term),
                "due_at": timestamps(due),
                "repaid_at": timestamps(repaid, valid=known),
                "status": labels(status, STATUSES),
            }
        )
        truth = {
            "credit_id": key,
            "order_id": ids("O", orders.number[order], 6),
            "customer_id": customer_ids(customer),
            "default_probability": np.round(chance, 6),
            "is_default": defaults,
        }
        return CreditRows(table, truth)

    def _behaviour(self, orders: Orders) -> tuple[Ints, Floats]:
        """Return, per order, how many orders the customer placed before and the days since the last one."""
        by_customer = np.lexsort((orders.seconds, orders.customer))
        customer = orders.customer[by_customer]
        starts = np.diff(customer, prepend=-1) != 0
        first = np.maximum.accumulate(np.where(starts, np.arange(len(customer)), 0))
        seen = np.empty(orders.count, dtype=np.int64)
        seen[by_customer] = self._orders[customer] + np.arange(len(customer)) - first
        previous = np.roll(orders.seconds[by_customer], 1)
        previous = np.where(starts, self._last_seconds[customer], previous)
        since = np.empty(orders.count)
        since[by_customer] = (orders.seconds[by_customer] - previous) / DAY_SECONDS
        return seen, since

    def _default_chance(self, orders: Orders, order: Ints, seen: Ints, since: Floats) -> Floats:
        """Logistic in hidden risk, size, haste, experience, tenure, night orders and returns."""
        people = self._people
        customer = orders.customer[order]
        tenure = np.clip((orders.seconds[order] - people.signup_seconds[customer]) / (365 * DAY_SECONDS), 0, 3)
        returns = self._returned[customer] / np.maximum(self._units[customer], 4)
        night = (self._night[customer] + orders.is_night[order]) / (self._orders[customer] + 2)
        score = (
            -1.95
            + 1.15 * people.credit_risk[customer]
            + 0.75 * np.clip(np.log(np.maximum(orders.net_cents[order], 1) / 9000), -1.5, 2)
            + 0.7 * (since < 7)
            - 0.4 * np.log1p(seen)
            - 0.3 * tenure
            + 1.2 * night
            + 2.0 * returns
        )
        return np.asarray(1 / (1 + np.exp(-score)))

    def _learn(self, orders: Orders) -> None:
        size = self._people.count
        customer = orders.customer
        self._orders += np.bincount(customer, minlength=size)
        self._night += np.bincount(customer, weights=orders.is_night, minlength=size)
        self._units += np.bincount(customer[orders.line_order], weights=orders.line_quantity, minlength=size)
        self._returned += np.bincount(customer[orders.line_order], weights=orders.line_returned, minlength=size)
        np.maximum.at(self._last_seconds, customer, orders.seconds)
