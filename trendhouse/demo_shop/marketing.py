"""Marketing: promotions per product, advertising with carry-over and saturation, campaigns with random hold-outs."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from trendhouse.demo_shop.catalogue import LEAVES, Products
from trendhouse.demo_shop.columns import (
    Bools,
    Floats,
    Ints,
    dates,
    decimals,
    ids,
    labels,
    numbers,
    text,
    text_table,
    timestamps,
)
from trendhouse.demo_shop.customers import Customers, customer_ids
from trendhouse.demo_shop.seasons import (
    DAY_SECONDS,
    DAYS,
    FESTIVALS,
    START,
    START_SECONDS,
    START_UNIX_DAY,
    all_days,
    day_number,
    festival_curve,
)
from trendhouse.demo_shop.streams import stream

PROMOTION_KINDS = ("price_cut", "leaflet", "display")
# Log change of demand by being shown, on top of the price's effect.
PROMOTION_LIFT = np.log(np.array([1.15, 1.6, 1.4]))
COUPON_RATE = 0.12
# An e-mail works, and its coupon can be redeemed, for so many days from the day it is sent.
EMAIL_DAYS = 14
_CONTACT_SHARE = 0.2
_HOLDOUT_SHARE = 0.2


@dataclass(frozen=True)
class Promotions:
    """Promotions sorted by first day; both days belong to it; `percent` is 0 when a product is only shown."""

    product: Ints
    kind: Ints
    first_day: Ints
    last_day: Ints
    percent: Ints

    def effects(self, days: Ints, products: int) -> tuple[Floats, Floats]:
        """Return discount rate and log lift by display, each of shape (len(days), products)."""
        discount = np.zeros((len(days), products))
        lift = np.zeros((len(days), products))
        near = np.flatnonzero((self.first_day <= days[-1]) & (self.last_day >= days[0]))
        for row, day in enumerate(days):
            now = near[(self.first_day[near] <= day) & (self.last_day[near] >= day)]
            np.maximum.at(discount[row], self.product[now], self.percent[now] / 100)
            np.maximum.at(lift[row], self.product[now], PROMOTION_LIFT[self.kind[now]])
        return discount, lift

    def table(self) -> Any:
        """Return the raw table `promotions`."""
        return text_table(
            {
                "product_id": ids("P", self.product + 1, 5),
                "kind": labels(self.kind, PROMOTION_KINDS),
                "starts_at": timestamps(START_SECONDS + self.first_day * DAY_SECONDS),
                "ends_at": timestamps(START_SECONDS + (self.last_day + 1) * DAY_SECONDS - 1),
                "discount_rate": decimals(self.percent, 2, valid=self.percent > 0),
            }
        )


def make_promotions(seed: int, products: Products) -> Promotions:
    """Return the plan of promotions: scattered ones, festival ones and clearances near the end of a product's life."""
    rng = stream(seed, "promotions")
    begin = np.maximum(products.launch_day, 0)
    end = np.minimum(products.retire_day, DAYS + 28)
    span = np.maximum(end - begin, 0)

    number = rng.poisson(span / 90)
    product = np.repeat(np.arange(products.count), number)
    first = begin[product] + np.floor(span[product] * rng.random(len(product))).astype(np.int64)
    parts = [_promotions(rng, product, first, first + rng.choice([6, 6, 9, 13], len(product)), 10, 36)]

    strength = np.array([leaf.festival for leaf in LEAVES])[products.leaf]
    for festival in FESTIVALS:
        for date in festival.days:
            day = day_number(date)
            joins = (rng.random(products.count) < 0.5 * strength) & (begin <= day - 5) & (end > day + 5)
            product = np.flatnonzero(joins)
            first = np.full(len(product), day - 2) + rng.integers(0, 3, len(product))
            last = np.full(len(product), day + len(festival.peak) - 1)
            parts.append(_promotions(rng, product, first, last, 15, 46))

    clearance = np.flatnonzero((rng.random(products.count) < 0.6) & (products.retire_day < DAYS) & (end - 60 > begin))
    first = end[clearance] - 60
    parts.append(_promotions(rng, clearance, first, first + 27, 25, 51, kind=0))

    joined = [np.concatenate([part[n] for part in parts]) for n in range(5)]
    order = np.lexsort((joined[0], joined[2]))
    return Promotions(*(values[order] for values in joined))


def _promotions(
    rng: np.random.Generator, product: Ints, first: Ints, last: Ints, low: int, high: int, kind: int | None = None
) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    count = len(product)
    kinds = rng.choice(3, count, p=[0.55, 0.25, 0.2]) if kind is None else np.full(count, kind)
    percent = (rng.integers(low, high, count) // 5) * 5
    only_shown = (kinds == PROMOTION_KINDS.index("display")) & (rng.random(count) < 0.6)
    return product, kinds, first, last, np.where(only_shown, 0, percent)


@dataclass(frozen=True)
class AdChannel:
    """One advertising channel: money per day at scale 1, carry-over per day, money at half of the greatest lift."""

    name: str
    daily_cost: float
    carry_over: float
    half_cost: float
    lift: float
    click_cost: float
    click_rate: float
    conversion_rate: float


AD_CHANNELS = (
    AdChannel("search", 34.0, 0.15, 45.0, 0.22, 0.85, 0.034, 0.045),
    AdChannel("social", 26.0, 0.55, 70.0, 0.20, 0.55, 0.012, 0.022),
    AdChannel("display", 15.0, 0.75, 90.0, 0.12, 0.35, 0.004, 0.009),
)


@dataclass(frozen=True)
class Advertising:
    """Daily advertising per channel, arrays of shape (channels, DAYS); `log_lift` is what all of it did to demand."""

    cost_cents: Ints
    impressions: Ints
    clicks: Ints
    conversions: Ints
    log_lift: Floats

    def table(self, campaigns: "Campaigns") -> Any:
        """Return the raw table `ad_spend_daily`: days on which a channel spent money."""
        day, channel = np.nonzero(self.cost_cents.T)
        return text_table(
            {
                "date": dates(START_UNIX_DAY + day),
                "channel": labels(channel, [item.name for item in AD_CHANNELS]),
                "campaign_id": ids("M", campaigns.ads_number[channel, quarters(day)], 4),
                "impressions": numbers(self.impressions[channel, day]),
                "clicks": numbers(self.clicks[channel, day]),
                "cost": decimals(self.cost_cents[channel, day], 2),
                "conversions": numbers(self.conversions[channel, day]),
            }
        )


def make_advertising(seed: int, scale: float) -> Advertising:
    """Return spending in flights and the lift it brought: carried-over cost a gives lift * a / (a + half)."""
    rng = stream(seed, "ads")
    days = all_days()
    size = (len(AD_CHANNELS), DAYS)
    noise = rng.lognormal(0, 0.18, size)
    # Each channel moves its budget every week or two, independently of demand: what makes the response measurable.
    level = rng.lognormal(0, 0.55, (len(AD_CHANNELS), DAYS // 10 + 2))
    paused = rng.random(level.shape) < np.array([0.0, 0.12, 0.22])[:, None]
    flight = np.where(paused, 0.0, level)[:, (days + 3) // 10]
    base = np.array([item.daily_cost for item in AD_CHANNELS])[:, None]
    cost_cents = np.rint(100 * base * flight * noise * np.exp(0.35 * festival_curve())).astype(np.int64)
    cost = cost_cents / 100

    lift = np.zeros(size)
    for row, item in enumerate(AD_CHANNELS):
        carried = 0.0
        for day in days:
            carried = cost[row, day] + item.carry_over * carried
            lift[row, day] = item.lift * carried / (carried + item.half_cost)

    click_cost = np.array([item.click_cost for item in AD_CHANNELS])[:, None]
    click_rate = np.array([item.click_rate for item in AD_CHANNELS])[:, None]
    conversion_rate = np.array([item.conversion_rate for item in AD_CHANNELS])[:, None]
    clicks = rng.poisson(scale * cost / click_cost)
    return Advertising(
        cost_cents=np.rint(cost_cents * scale).astype(np.int64),
        impressions=rng.poisson(scale * cost / click_cost / click_rate),
        clicks=clicks,
        conversions=rng.binomial(clicks, conversion_rate),
        log_lift=np.log1p(lift.sum(axis=0)),
    )


def truth_ads(scale: float) -> dict[str, Any]:
    """Return the columns of `truth_ads`: one row per advertising channel."""
    return {
        "channel": text([item.name for item in AD_CHANNELS]),
        "carry_over_per_day": np.array([item.carry_over for item in AD_CHANNELS]),
        "half_saturation_cost": np.array([item.half_cost * scale for item in AD_CHANNELS]),
        "greatest_lift": np.array([item.lift for item in AD_CHANNELS]),
    }


def months(days: Ints) -> Ints:
    """Return the month's number, 0 for the first month of the range."""
    month = (START + days).astype("datetime64[M]").astype(np.int64)
    return np.asarray(month - START.astype("datetime64[M]").astype(np.int64))


def quarters(days: Ints) -> Ints:
    """Return the number of the three-month advertising budget a day belongs to."""
    return months(days) // 3


@dataclass(frozen=True)
class Campaigns:
    """All campaigns, sorted by start; numbers are those in `campaign_id`."""

    name: tuple[str, ...]
    kind: tuple[str, ...]
    channel: tuple[str, ...]
    first_day: Ints
    last_day: Ints
    budget_cents: Ints
    percent: Ints
    ads_number: Ints
    email_number: Ints
    email_day: Ints
    email_has_coupon: Bools

    def table(self) -> Any:
        """Return the raw table `campaigns`."""
        return text_table(
            {
                "campaign_id": ids("M", np.arange(len(self.name)) + 1, 4),
                "name": text(self.name),
                "kind": text(self.kind),
                "channel": text(self.channel),
                "starts_at": timestamps(START_SECONDS + self.first_day * DAY_SECONDS),
                "ends_at": timestamps(START_SECONDS + (self.last_day + 1) * DAY_SECONDS - 1),
                "budget": decimals(self.budget_cents, 2),
                "discount_rate": decimals(self.percent, 2, valid=self.percent > 0),
            }
        )


def make_campaigns(seed: int, scale: float, ads: Advertising) -> Campaigns:
    """Return festival campaigns, one e-mail a month (every third with a coupon) and quarterly advertising budgets."""
    rng = stream(seed, "campaigns")
    days = all_days()
    rows: list[tuple[int, int, str, str, str, int, int]] = []
    for festival in FESTIVALS:
        for date in festival.days:
            day = day_number(date)
            last = day + len(festival.peak) - 1
            budget = round(400_000 * scale)
            rows.append(
                (day - festival.run_up_days, last, f"{festival.name} {date[:4]}", "festival", "all", budget, 20)
            )
    month_of = months(days)
    for month in range(int(month_of[-1]) + 1):
        first = int(np.flatnonzero(month_of == month)[0]) + int(rng.integers(2, 11))
        kind = "coupon" if month % 3 == 1 else "email"
        percent = round(COUPON_RATE * 100) if kind == "coupon" else 0
        stamp = str((START + first).astype("datetime64[M]"))
        rows.append((first, first + EMAIL_DAYS - 1, f"Letter {stamp}", kind, "email", round(30_000 * scale), percent))
    quarter_of = quarters(days)
    for row, item in enumerate(AD_CHANNELS):
        for quarter in range(int(quarter_of[-1]) + 1):
            inside = np.flatnonzero(quarter_of == quarter)
            spent = int(ads.cost_cents[row, inside].sum())
            name = f"{item.name.capitalize()} ads, budget {quarter + 1}"
            rows.append((int(inside[0]), int(inside[-1]), name, "ads", item.name, spent // 10_000 * 10_500, 0))
    rows.sort(key=lambda row: (row[0], row[2]))
    first_day, last_day, names, kinds, channel, budgets, percents = zip(*rows, strict=True)
    number = np.arange(len(rows)) + 1
    is_email = np.array([value == "email" for value in channel])
    ads_number = np.stack([number[[value == item.name for value in channel]] for item in AD_CHANNELS])
    return Campaigns(
        name=names,
        kind=kinds,
        channel=channel,
        first_day=np.array(first_day),
        last_day=np.array(last_day),
        budget_cents=np.array(budgets),
        percent=np.array(percents),
        ads_number=ads_number,
        email_number=number[is_email],
        email_day=np.array(first_day)[is_email],
        email_has_coupon=np.array([value == "coupon" for value in kinds])[is_email],
    )


class Mailing:
    """Who got which e-mail, moving through time: the effect on orders and the coupons still open."""

    def __init__(self, customers: Customers) -> None:
        """Start with nobody contacted."""
        self._people = customers
        # One e-mail at a time: its effect has ended before the next is sent.
        self._first_day = DAYS
        self._last_day = -1
        self._is_treated = np.zeros(customers.count, dtype=bool)
        self._coupon = np.zeros(customers.count, dtype=np.int64)
        self._coupons_issued = 0
        self._open: dict[str, Ints] = {}

    def send(self, rng: np.random.Generator, campaign: int, day: int, has_coupon: bool) -> Any:
        """Choose customers for one e-mail, hold some out at random, and return rows of `campaign_contacts`."""
        people = self._people
        here = (people.first_day < day) & (people.last_day > day) & ~people.is_fake
        chosen = np.flatnonzero(here & (rng.random(people.count) < _CONTACT_SHARE))
        held_out = rng.random(len(chosen)) < _HOLDOUT_SHARE
        at = START_SECONDS + day * DAY_SECONDS + 7 * 3600 + rng.integers(0, 3600, len(chosen))
        self._first_day, self._last_day = day, day + EMAIL_DAYS - 1
        self._is_treated[:] = False
        self._is_treated[chosen[~held_out]] = True
        self._coupon[:] = 0
        if has_coupon:
            given = chosen[~held_out]
            number = self._coupons_issued + np.arange(len(given)) + 1
            self._coupons_issued += len(given)
            self._coupon[given] = number
            self._open = {
                "number": number,
                "campaign": np.full(len(given), campaign),
                "customer": given,
                "issued": at[~held_out],
                "redeemed": np.full(len(given), -1),
                "order": np.full(len(given), -1),
            }
        return text_table(
            {
                "campaign_id": ids("M", np.full(len(chosen), campaign), 4),
                "customer_id": customer_ids(chosen),
                "contacted_at": timestamps(at),
                "is_holdout": labels(held_out.astype(np.int64), ["false", "true"]),
            }
        )

    def works_on(self, day: Ints) -> Bools:
        """Return whether the last e-mail is at work on each day."""
        return np.asarray((day >= self._first_day) & (day <= self._last_day))

    def multiplier(self) -> Floats:
        """Return the factor on each customer's rate of ordering while the last e-mail is at work."""
        return np.asarray(np.where(self._is_treated, self._people.email_multiplier, 1.0))

    def open_coupons(self, customer: Ints, day: Ints) -> Ints:
        """Return the number of the coupon a customer can redeem on a day, 0 for none (and for customer -1, a guest)."""
        return np.asarray(np.where((customer >= 0) & self.works_on(day), self._coupon[customer], 0))

    def redeem(self, customer: Ints, order: Ints, at: Ints) -> None:
        """Note that these customers redeemed their coupon."""
        row = self._coupon[customer] - self._open["number"][0]
        self._open["redeemed"][row] = at
        self._open["order"][row] = order
        self._coupon[customer] = 0

    def close_coupons(self) -> Any | None:
        """Return the rows of `coupons` of the last coupon campaign once it has run out, None without one."""
        if not self._open:
            return None
        done, self._open = self._open, {}
        self._coupon[:] = 0
        used = done["redeemed"] >= 0
        return text_table(
            {
                "coupon_code": coupon_codes(done["number"]),
                "campaign_id": ids("M", done["campaign"], 4),
                "customer_id": customer_ids(done["customer"]),
                "issued_at": timestamps(done["issued"]),
                "redeemed_at": timestamps(done["redeemed"], valid=used),
                "order_id": ids("O", done["order"], 6, valid=used),
            }
        )


def coupon_codes(number: Ints, valid: Bools | None = None) -> Any:
    """Return coupon codes."""
    return ids("SAVE", number, 6, valid)
