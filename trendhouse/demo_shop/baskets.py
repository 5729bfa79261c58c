"""From units sold to baskets: who bought them, and what went into one order together."""

from dataclasses import dataclass

import numpy as np

from trendhouse.demo_shop.catalogue import LEAVES, Products
from trendhouse.demo_shop.columns import Floats, Ints
from trendhouse.demo_shop.customers import Customers, price_tiers
from trendhouse.demo_shop.marketing import Mailing
from trendhouse.demo_shop.streams import stream

# Customers, or baskets, compared for each line; the one it suits best tends to get it.
_CUSTOMER_CANDIDATES = 64
_BASKET_CANDIDATES = 16
_LINES_AT_ONCE = 8192
_NEW_BASKET_SHARE = 0.45


@dataclass(frozen=True)
class Lines:
    """Units of one product on one day that one customer buys; sorted by day."""

    day: Ints
    product: Ints
    quantity: Ints


@dataclass(frozen=True)
class Baskets:
    """Orders without a clock: one customer and day each; lines point to their basket."""

    customer: Ints
    day: Ints
    line_basket: Ints
    line_product: Ints
    line_quantity: Ints


class Shoppers:
    """Decides who buys: tastes, styles, price tiers, habits, the weather where the customer lives and e-mails."""

    def __init__(
        self, seed: int, customers: Customers, products: Products, log_weather: Floats, mailing: Mailing
    ) -> None:
        """Prepare drawing customers by activity."""
        self._people = customers
        self._products = products
        self._log_weather = log_weather
        self._mailing = mailing
        self._tier = np.log(products.list_cents / 100) - price_tiers()[products.leaf]
        self._rate = np.where(customers.is_fake, 0.0, customers.activity)
        self._offset = np.zeros(customers.count)
        self._offset = -self._appeal()
        # What goes well together: a fixed pattern of pairs of categories.
        pattern = stream(seed, "baskets").normal(0, 1, (len(LEAVES), len(LEAVES)))
        self._together = 0.8 * (pattern + pattern.T)

    def choose(self, rng: np.random.Generator, day: Ints, product: Ints) -> Ints:
        """Return a customer for each pair of day and product."""
        if len(day) == 0:
            return np.zeros(0, dtype=np.int64)
        people = self._people
        # Only who is a customer at some time within these days stands for election.
        rate = np.where((people.first_day < day.max()) & (people.last_day > day.min()), self._rate, 0.0)
        usual, with_mail = np.cumsum(rate), np.cumsum(rate * self._mailing.multiplier())
        blocks = np.array_split(np.arange(len(day)), len(day) // _LINES_AT_ONCE + 1)
        return np.concatenate([self._elect(rng, day[block], product[block], usual, with_mail) for block in blocks])

    def _elect(self, rng: np.random.Generator, day: Ints, product: Ints, usual: Floats, with_mail: Floats) -> Ints:
        """Return a customer per line: candidates by activity (cumulative weights), the choice by liking and weather."""
        shape = (len(day), _CUSTOMER_CANDIDATES)
        uniform = rng.random(shape)
        mailed = self._mailing.works_on(day)[:, None]
        candidate = np.where(mailed, _draw(with_mail, uniform), _draw(usual, uniform))
        score = self.liking(candidate, product[:, None]) + rng.gumbel(0, 1, shape)
        score += self._log_weather[self._products.leaf[product][:, None], self._people.region[candidate], day[:, None]]
        here = (self._people.first_day[candidate] < day[:, None]) & (self._people.last_day[candidate] > day[:, None])
        best = np.argmax(np.where(here, score, -np.inf), axis=1)
        return np.asarray(candidate[np.arange(len(day)), best])

    def liking(self, customer: Ints, product: Ints) -> Floats:
        """Return how much a customer likes a product, log scale; the arrays broadcast."""
        taste = self._people.taste[customer, self._products.top[product]]
        style = np.einsum("...f,...f->...", self._people.factors[customer], self._products.factors[product])
        tier = -0.6 * (self._people.price_tier[customer] - self._tier[product]) ** 2
        return np.asarray(taste + style + tier + 1.1 * _habit(customer, product) + self._offset[customer])

    def _appeal(self) -> Floats:
        """Return how much of the assortment appeals to each customer, log scale.

        Taken off every liking, so that tastes steer what a customer buys and activity how often.
        """
        products = self._products
        sample = np.argsort(-products.base, kind="stable")[:: max(1, products.count // 150)]
        share = np.log(products.base[sample] / products.base[sample].sum())
        appeal = np.empty(self._people.count)
        for part in np.array_split(np.arange(self._people.count), self._people.count // 5000 + 1):
            appeal[part] = np.logaddexp.reduce(self.liking(part[:, None], sample[None, :]) + share, axis=1)
        return appeal

    def fill(self, rng: np.random.Generator, lines: Lines) -> Baskets:
        """Group lines of a day into baskets: some lines start one, the others join the one they suit best."""
        starts = rng.random(len(lines.day)) < _NEW_BASKET_SHARE
        starts |= np.diff(lines.day, prepend=-1) != 0
        opener = np.flatnonzero(starts)
        customer = self.choose(rng, lines.day[opener], lines.product[opener])
        joiner = np.flatnonzero(~starts)
        day = lines.day[joiner]
        first = np.searchsorted(lines.day[opener], day, side="left")
        size = np.searchsorted(lines.day[opener], day, side="right") - first
        shape = (len(joiner), _BASKET_CANDIDATES)
        basket = first[:, None] + np.floor(rng.random(shape) * size[:, None]).astype(np.int64)
        product = lines.product[joiner][:, None]
        other = lines.product[opener][basket]
        leaf = self._products.leaf
        score = self.liking(customer[basket], product) + self._together[leaf[product], leaf[other]]
        score = np.where(product == other, -10.0, score) + rng.gumbel(0, 1, shape)
        line_basket = np.zeros(len(lines.day), dtype=np.int64)
        line_basket[opener] = np.arange(len(opener))
        line_basket[joiner] = basket[np.arange(len(joiner)), np.argmax(score, axis=1)]
        return _merge_equal(customer, lines, opener, line_basket, self._products.count)


def split_into_lines(rng: np.random.Generator, days: Ints, units: Ints, products: Products) -> Lines:
    """Split units sold, shape (len(days), products), into lines with a quantity each."""
    row, product = np.nonzero(units)
    count = units[row, product]
    unit_row = np.repeat(np.arange(len(row)), count)
    per_line = np.array([leaf.units for leaf in LEAVES])[products.leaf[product]]
    starts = rng.random(len(unit_row)) < 1 / per_line[unit_row]
    starts |= np.diff(unit_row, prepend=-1) != 0
    first = np.flatnonzero(starts)
    quantity = np.diff(first, append=len(unit_row))
    return Lines(days[row[unit_row[first]]], product[unit_row[first]], quantity)


def _draw(cumulative: Floats, uniform: Floats) -> Ints:
    """Return positions drawn with probability proportional to the steps of the cumulative weights, by inversion."""
    drawn = np.searchsorted(cumulative, uniform * cumulative[-1], side="right")
    return np.asarray(np.minimum(drawn, len(cumulative) - 1))


def _merge_equal(customer: Ints, lines: Lines, opener: Ints, line_basket: Ints, products: int) -> Baskets:
    """Make one line of lines of a basket that name the same product."""
    key, inverse = np.unique(line_basket * products + lines.product, return_inverse=True)
    quantity = np.bincount(inverse, weights=lines.quantity, minlength=len(key)).astype(np.int64)
    return Baskets(customer, lines.day[opener], key // products, key % products, quantity)


def _habit(customer: Ints, product: Ints) -> Floats:
    """Return a fixed personal fancy for a product, logistic around 0: what brings the same customer back to it."""
    mixed = customer.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + product.astype(np.uint64) * np.uint64(
        0xC2B2AE3D27D4EB4F
    )
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(32)
    share = ((mixed >> np.uint64(11)).astype(np.float64) + 0.5) / float(1 << 53)
    return np.asarray(np.log(share / (1 - share)) * 0.55)
