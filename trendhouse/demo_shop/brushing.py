"""Brushing rings: sellers who buy from themselves through invented customers to look popular."""

from dataclasses import dataclass

import numpy as np

from trendhouse.demo_shop.catalogue import TOPS, Products
from trendhouse.demo_shop.columns import Ints
from trendhouse.demo_shop.customers import Customers
from trendhouse.demo_shop.seasons import DAY_SECONDS, DAYS, START_SECONDS
from trendhouse.demo_shop.streams import stream
from trendhouse.demo_shop.weather import REGIONS

RINGS_AT_SCALE_1 = 4
# A ring's buyers share so many devices and addresses.
RING_DEVICES = 3
RING_ADDRESSES = 3


@dataclass(frozen=True)
class Rings:
    """Planted rings: `seller` per ring, the invented buyers, and one element per fake order sorted by time.

    `buyer` counts within `buyers`, which are sorted by sign-up; `is_found` tells whether a person later found the
    order out.
    """

    seller: Ints
    buyers: Customers
    ring: Ints
    buyer: Ints
    product: Ints
    quantity: Ints
    seconds: Ints
    device: Ints
    address: Ints
    is_found: Ints

    def within(self, days: Ints) -> Ints:
        """Return the positions of fake orders placed in a span of days."""
        first = START_SECONDS + int(days[0]) * DAY_SECONDS
        last = START_SECONDS + (int(days[-1]) + 1) * DAY_SECONDS
        return np.arange(*np.searchsorted(self.seconds, [first, last]))


def make_rings(seed: int, scale: float, products: Products, genuine: int, wanted: bool = True) -> Rings:
    """Return the rings; `genuine` is the number of genuine customers, after whom devices and households are numbered.

    A ring runs two or three campaigns of one to three weeks. Some buyers were opened for it, some had slept for months.
    """
    rng = stream(seed, "rings")
    sellers = np.flatnonzero(np.bincount(products.seller) >= 4)
    number = min(len(sellers), max(1, round(RINGS_AT_SCALE_1 * scale))) if wanted else 0
    seller = np.sort(rng.choice(sellers, number, replace=False))
    signup: list[Ints] = []
    orders: list[tuple[Ints, ...]] = []
    ring_of_buyer: list[Ints] = []
    buyers_before = 0
    for ring in range(number):
        bursts = int(rng.integers(2, 4))
        # The first ring is at work in the last weeks: something to catch today.
        begin = np.sort(rng.integers(50, DAYS - 90, bursts)) if ring else np.array([rng.integers(120, 500), DAYS - 24])
        buyers = int(rng.integers(12, 23))
        sleeps = rng.random(buyers) < 0.4
        lead = np.where(sleeps, rng.integers(40, 300, buyers), rng.integers(1, 6, buyers))
        opened = START_SECONDS + (begin[0] - lead) * DAY_SECONDS + rng.integers(0, 12 * 3600, buyers)
        signup.append(opened)
        ring_of_buyer.append(np.full(buyers, ring))
        for start in begin:
            count = int(rng.integers(24, 46))
            length = int(rng.integers(8, 20))
            day = start + np.floor(length * rng.random(count)).astype(np.int64)
            own = np.flatnonzero(
                (products.seller == seller[ring]) & products.live(np.array([start, start + length])).all(0)
            )
            if len(own) == 0:
                continue
            targets = rng.choice(own, min(len(own), int(rng.integers(2, 5))), replace=False)
            orders.append(
                (
                    np.full(count, ring),
                    buyers_before + rng.integers(0, buyers, count),
                    rng.choice(targets, count),
                    1 + (rng.random(count) < 0.1).astype(np.int64),
                    START_SECONDS + day * DAY_SECONDS + rng.integers(8 * 3600, 23 * 3600, count),
                    rng.integers(0, RING_DEVICES, count),
                    rng.integers(0, RING_ADDRESSES, count),
                    np.where(rng.random() < 0.75, (rng.random(count) < 0.6).astype(np.int64), 0),
                )
            )
        buyers_before += buyers
    empty = np.zeros(0, dtype=np.int64)
    columns = [np.concatenate([part[n] for part in orders]) if orders else empty for n in range(8)]
    all_signup = np.concatenate([*signup, empty]).astype(np.int64)
    all_rings = np.concatenate([*ring_of_buyer, empty]).astype(np.int64)
    by_signup = np.argsort(all_signup, kind="stable")
    rank = np.argsort(by_signup, kind="stable")
    columns[1] = rank[columns[1]]
    region = rng.integers(0, len(REGIONS), number)
    people = _fake_customers(rng, all_signup[by_signup], all_rings[by_signup], region, genuine)
    order = np.argsort(columns[4], kind="stable")
    columns = [values[order] for values in columns]
    columns[5] = 4 * (2 * genuine + 64) + columns[0] * RING_DEVICES + columns[5]
    columns[6] = genuine + columns[0] * RING_ADDRESSES + columns[6]
    return Rings(seller, people, *columns)


def _fake_customers(rng: np.random.Generator, signup: Ints, ring: Ints, region: Ints, genuine: int) -> Customers:
    count = len(signup)
    first_day = (signup - START_SECONDS) // DAY_SECONDS
    return Customers(
        is_fake=np.ones(count, dtype=bool),
        signup_seconds=signup,
        first_day=first_day,
        last_day=np.full(count, DAYS),
        region=region[ring],
        birth_year=rng.integers(1975, 2004, count),
        gender=rng.choice(3, count, p=[0.53, 0.45, 0.02]),
        acquisition=rng.integers(0, 6, count),
        household=genuine + ring * RING_ADDRESSES,
        activity=np.zeros(count),
        taste=np.zeros((count, len(TOPS))),
        factors=np.zeros((count, 4)),
        price_tier=np.zeros(count),
        night=np.full(count, 0.05),
        app_share=np.full(count, 0.8),
        pay_later=np.zeros(count),
        payment=rng.choice(3, count, p=[0.2, 0.7, 0.1]),
        coupon_love=np.zeros(count),
        return_love=np.zeros(count),
        credit_risk=np.zeros(count),
        segment=np.full(count, 2),
    )
