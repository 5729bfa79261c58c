"""Customers: tastes, activity, households that share devices and addresses, and how each answers to e-mail."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from trendhouse.demo_shop.catalogue import LEAVES, TOPS
from trendhouse.demo_shop.columns import Bools, Floats, Ints, ids, join, labels, numbers, text_table, timestamps
from trendhouse.demo_shop.seasons import DAY_SECONDS, DAYS, START_SECONDS
from trendhouse.demo_shop.streams import stream
from trendhouse.demo_shop.weather import REGION_SHARE, REGIONS

CUSTOMERS_AT_SCALE_1 = 2000
GENDERS = ("female", "male", "other")
ACQUISITION = ("search", "social", "referral", "email", "direct", "display")
SEGMENTS = ("persuadable", "sure_thing", "lost_cause", "sleeping_dog")
# What a marketing e-mail does to a customer's rate of ordering in the two weeks after it.
SEGMENT_MULTIPLIER = np.array([3.5, 1.1, 1.0, 0.45])
CHANNELS = ("web", "app")
PAYMENTS = ("card", "wallet", "bank_transfer", "pay_later")

_STREETS = tuple(
    f"{name} {kind}" for name in ("Sample", "Example", "Demo", "Test", "Model") for kind in ("St", "Rd", "Ave", "Ln")
)
_TOWNS = tuple(
    f"{place}ville"
    for place in ("North", "Mill", "Oak", "Lake", "Hill", "East", "Elm", "West", "Fox", "Bay", "Glen", "Ash")
)
_ADDRESSES_PER_REGION = 997 * len(_STREETS) * len(_TOWNS)


@dataclass(frozen=True)
class Customers:
    """Customers in the order they signed up, one element each; `is_fake` marks buyers that a brushing ring invented."""

    is_fake: Bools
    signup_seconds: Ints
    first_day: Ints
    last_day: Ints
    region: Ints
    birth_year: Ints
    gender: Ints
    acquisition: Ints
    household: Ints
    activity: Floats
    taste: Floats
    factors: Floats
    price_tier: Floats
    night: Floats
    app_share: Floats
    pay_later: Floats
    payment: Ints
    coupon_love: Floats
    return_love: Floats
    credit_risk: Floats
    segment: Ints

    @property
    def count(self) -> int:
        """Number of customers."""
        return len(self.region)

    @property
    def email_multiplier(self) -> Floats:
        """Factor on the rate of ordering after an e-mail."""
        return np.asarray(SEGMENT_MULTIPLIER[self.segment])

    def take(self, index: Ints) -> "Customers":
        """Return the customers at these positions."""
        return replace(self, **{field.name: getattr(self, field.name)[index] for field in fields(self)})

    def joined_with(self, other: "Customers") -> "Customers":
        """Return both, sorted by when they signed up."""
        both = {
            field.name: np.concatenate([getattr(self, field.name), getattr(other, field.name)])
            for field in fields(self)
        }
        return replace(self, **both).take(np.argsort(both["signup_seconds"], kind="stable"))

    def table(self) -> Any:
        """Return the raw table `customers`; e-mail, telephone and address can belong to nobody."""
        number = np.arange(self.count) + 1
        scrambled = scramble(number, 10_000_000)
        return text_table(
            {
                "customer_id": customer_ids(np.arange(self.count)),
                "signed_up_at": timestamps(self.signup_seconds),
                "birth_year": numbers(self.birth_year, valid=scrambled % 17 != 0),
                "gender": labels(self.gender, GENDERS, valid=scrambled % 13 != 0),
                "region": labels(self.region, REGIONS),
                "email": join(ids("shopper", scrambled, 7), "@example.com"),
                "phone": join("+1 555 ", ids("", scrambled, 7)),
                "acquisition_channel": labels(self.acquisition, ACQUISITION),
            }
        )


def customer_ids(index: Ints, valid: Bools | None = None) -> Any:
    """Return customer keys for positions in `Customers`."""
    return ids("C", index + 1, 6, valid)


def scramble(number: Ints, size: int) -> Ints:
    """Return a fixed one-to-one shuffle of 0 .. size - 1, so that neighbours do not look alike."""
    return np.asarray((number * 7_368_787 + 12_345) % size)


def addresses(household: Ints, region: Ints) -> Any:
    """Return the address of a household; every household of a region has its own."""
    code = scramble(household, _ADDRESSES_PER_REGION)
    house = code % 997 + 1
    street = code // 997 % len(_STREETS)
    town = code // 997 // len(_STREETS)
    return join(
        join(numbers(house), labels(street, _STREETS), separator=" "),
        labels(town, _TOWNS),
        labels(region, REGIONS),
        separator=", ",
    )


def devices(number: Ints) -> Any:
    """Return device keys."""
    return ids("D", scramble(number, 10_000_000), 7)


def ip_addresses(number: Ints) -> Any:
    """Return addresses of the private network 10.0.0.0/8."""
    code = scramble(number, 1 << 24)
    return join("10", numbers(code >> 16), numbers(code >> 8 & 255), numbers(code & 255), separator=".")


def make_customers(seed: int, scale: float) -> Customers:
    """Return the genuine customers."""
    rng = stream(seed, "customers")
    count = max(100, round(CUSTOMERS_AT_SCALE_1 * scale))
    existing = rng.random(count) < 0.55
    first_day = np.where(
        existing, rng.integers(-700, 0, count), np.floor((DAYS - 5) * rng.random(count)).astype(np.int64)
    )
    stays = np.rint(rng.exponential(620, count)).astype(np.int64) + 15
    # Who had left before the range began would never be seen.
    last_day = np.where(existing, np.rint(rng.exponential(520, count)).astype(np.int64) + 10, first_day + stays)
    age = np.clip(rng.gamma(7.5, 5.4, count), 18, 88).astype(np.int64)
    gender = rng.choice(3, count, p=[0.53, 0.45, 0.02])
    acquisition = rng.choice(len(ACQUISITION), count, p=[0.32, 0.2, 0.12, 0.1, 0.16, 0.1])
    activity = rng.gamma(0.9, 1.0, count) + 0.05
    night = rng.beta(1.2, 6, count)
    coupon_love = rng.beta(2, 3, count)
    return_love = rng.gamma(1.5, 0.67, count)
    # Risk shows in behaviour: night orders, returns, the advert that brought the customer; the rest is hidden.
    credit_risk = (
        0.75 * rng.normal(0, 1, count)
        + 2.2 * (night - 0.17)
        + 0.35 * (return_love - 1)
        + 0.5 * (acquisition == ACQUISITION.index("display"))
        - 0.012 * (age - 40)
    )
    household = np.arange(count)
    # One customer in six lives with an earlier one: shared devices and addresses are not always fraud.
    shares = (rng.random(count) < 0.16) & (household > 0)
    host = np.floor(rng.random(count) * household).astype(np.int64)
    household = np.where(shares, host, household)
    region = rng.choice(len(REGIONS), count, p=REGION_SHARE)
    region = np.where(shares, region[host], region)
    people = Customers(
        is_fake=np.zeros(count, dtype=bool),
        signup_seconds=START_SECONDS + first_day * DAY_SECONDS + rng.integers(0, 7 * 3600, count),
        first_day=first_day,
        last_day=last_day,
        region=region,
        birth_year=2025 - age,
        gender=gender,
        acquisition=acquisition,
        household=household,
        activity=activity,
        taste=_tastes(rng, age, gender),
        factors=rng.normal(0, 0.75, (count, 4)),
        price_tier=rng.normal(0, 0.5, count),
        night=night,
        app_share=np.clip(rng.beta(1.6, 1.6, count) - 0.006 * (age - 40), 0.02, 0.98),
        pay_later=np.where(rng.random(count) < 0.35, rng.beta(2, 3, count), 0.01),
        payment=rng.choice(3, count, p=[0.6, 0.28, 0.12]),
        coupon_love=coupon_love,
        return_love=return_love,
        credit_risk=credit_risk,
        segment=_segments(rng, activity, age, acquisition, coupon_love),
    )
    return people.take(np.argsort(people.signup_seconds, kind="stable"))


def truth_tastes(customers: Customers) -> dict[str, Any]:
    """Return the columns of `truth_tastes`: one row per genuine customer and top-level category."""
    real = np.flatnonzero(~customers.is_fake)
    share = np.exp(customers.taste[real])
    share /= share.sum(axis=1, keepdims=True)
    return {
        "customer_id": customer_ids(np.repeat(real, len(TOPS))),
        "category": labels(np.tile(np.arange(len(TOPS)), len(real)), TOPS),
        "taste_share": share.ravel(),
    }


def truth_uplift(customers: Customers) -> dict[str, Any]:
    """Return the columns of `truth_uplift`: one row per genuine customer."""
    real = np.flatnonzero(~customers.is_fake)
    return {
        "customer_id": customer_ids(real),
        "segment": labels(customers.segment[real], SEGMENTS),
        "order_rate_multiplier": customers.email_multiplier[real],
    }


def price_tiers() -> Floats:
    """Return the mean log price of each leaf, to which a product's price is compared."""
    return np.asarray(np.log(np.array([leaf.price for leaf in LEAVES])))


def _tastes(rng: np.random.Generator, age: Ints, gender: Ints) -> Floats:
    """Return log tastes for the top-level categories, shape (count, tops): a few loves, moved by age and gender."""
    count = len(age)
    taste = np.log(rng.gamma(0.45, 1.0, (count, len(TOPS))) + 0.02)
    taste[:, TOPS.index("baby")] += np.where((age >= 24) & (age <= 42), 0.9, -1.2)
    taste[:, TOPS.index("toys")] += np.where((age >= 28) & (age <= 48), 0.5, -0.2)
    taste[:, TOPS.index("garden")] += np.where(age >= 45, 0.7, -0.4)
    taste[:, TOPS.index("electronics")] += np.where(age < 35, 0.5, -0.2)
    female = gender == GENDERS.index("female")
    taste[:, TOPS.index("beauty")] += np.where(female, 0.6, -0.6)
    taste[:, TOPS.index("fashion")] += np.where(female, 0.3, -0.3)
    return np.asarray(taste)


def _segments(rng: np.random.Generator, activity: Floats, age: Ints, acquisition: Ints, coupon_love: Floats) -> Ints:
    """Draw how a customer answers to e-mail; it can be learnt from activity, age, channel and love of coupons."""
    busy = np.log(activity)
    score = np.stack(
        [
            2.4 * (coupon_love - 0.4) + 0.9 * (acquisition == ACQUISITION.index("social")) - 0.25 * np.abs(busy),
            0.3 + 0.8 * busy,
            0.3 - 0.7 * busy,
            -1.4 + 1.3 * (age > 58) + 0.9 * (acquisition == ACQUISITION.index("direct")),
        ],
        axis=1,
    )
    return np.asarray(np.argmax(1.3 * score + rng.gumbel(0, 1, score.shape), axis=1))
