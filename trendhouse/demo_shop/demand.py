"""Demand: expected units per product and day, drawn, and cut off by the stock at hand."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from trendhouse.demo_shop.catalogue import LEAVES, Products, leaf_mood
from trendhouse.demo_shop.columns import Bools, Floats, Ints, dates, ids, numbers, text_table
from trendhouse.demo_shop.marketing import Advertising, Promotions
from trendhouse.demo_shop.seasons import (
    START_UNIX_DAY,
    all_days,
    festival_curve,
    gift_curve,
    quiet_curve,
    weekday,
    weekly_curve,
    yearly_curve,
)
from trendhouse.demo_shop.weather import REGION_SHARE, Weather

# Sales of a day vary more than a Poisson count: the rate itself is gamma distributed with this shape.
_RATE_SHAPE = 12.0
_GROWTH_PER_YEAR = 0.08
# The share of products, by expected sales, whose stock is counted every Monday.
COUNTED_SHARE = 0.2


@dataclass(frozen=True)
class Expected:
    """What a span of days would sell with stock without end; each array is of shape (days, products)."""

    units: Floats
    planned: Floats
    shelf_cents: Ints
    discount: Floats
    live: Bools


@dataclass(frozen=True)
class Sold:
    """What a span of days asked for and got; each array is of shape (days, products)."""

    demanded: Ints
    units: Ints
    on_hand: Ints
    on_order: Ints


class DemandModel:
    """Expected units = base x life cycle x season x price^elasticity x promotion x festival x weather x advertising."""

    def __init__(
        self, seed: int, products: Products, promotions: Promotions, ads: Advertising, weather: Weather
    ) -> None:
        """Work out, once, all that depends on category and day alone."""
        self._products = products
        self._promotions = promotions
        festival, gift, quiet = festival_curve(), gift_curve(), quiet_curve()
        trend = np.log1p(_GROWTH_PER_YEAR) * all_days() / 365
        planned = np.stack([yearly_curve(leaf.amplitude, leaf.peak_day) + leaf.gift * gift for leaf in LEAVES])
        moving = np.stack([leaf.festival * festival + weekly_curve(leaf.weekend) for leaf in LEAVES]) + quiet
        heat = np.array([leaf.heat for leaf in LEAVES])[:, None, None]
        rain = np.array([leaf.rain for leaf in LEAVES])[:, None, None]
        warmth = np.clip((weather.temperature_c - 15) / 10, -2, 2)
        # (leaves, regions, days): how the day's weather moves demand in each region.
        self.log_weather = heat * warmth + rain * np.minimum(weather.rainfall_mm / 10, 3)
        everywhere = np.log(np.einsum("r,lrd->ld", REGION_SHARE, np.exp(self.log_weather)))
        # Heat alone would change the year's total of a category: take its mean out.
        everywhere -= np.log(np.exp(everywhere).mean(axis=1, keepdims=True))
        self._log_planned = planned + trend
        self._log_moving = moving + everywhere + leaf_mood(seed) + ads.log_lift

    def expected(self, days: Ints) -> Expected:
        """Return expected demand, the shop's own plan of it, and prices for a span of days."""
        products = self._products
        discount, shown = self._promotions.effects(days, products.count)
        shelf = products.shelf_cents(days)
        relative = shelf * (1 - discount) / products.list_cents
        planned = products.base * products.life_cycle(days) * np.exp(self._log_planned[products.leaf][:, days].T)
        moving = self._log_moving[products.leaf][:, days].T + products.elasticity * np.log(relative) + shown
        return Expected(planned * np.exp(moving), planned, shelf, discount, products.live(days))


class Stock:
    """The warehouse, day by day: orders again at a reorder point, waits the lead time, sometimes longer."""

    def __init__(self, products: Products) -> None:
        """Every product starts with its first delivery."""
        self._lead = products.lead_days
        self.on_hand = np.ceil(products.base * (products.lead_days + 25)).astype(np.int64) + 4
        self.on_order = np.zeros(products.count, dtype=np.int64)
        self._arrives = np.zeros(products.count, dtype=np.int64)
        self._counted = products.base >= np.quantile(products.base, 1 - COUNTED_SHARE)
        self._was_empty = np.zeros(products.count, dtype=bool)

    def sell(self, rng: np.random.Generator, days: Ints, expected: Expected) -> Sold:
        """Draw demand for a span of days and serve it from stock."""
        shape = expected.units.shape
        demanded = rng.poisson(expected.units * rng.gamma(_RATE_SHAPE, 1 / _RATE_SHAPE, shape))
        late = np.where(rng.random(shape) < 0.1, rng.exponential(10, shape), 0).astype(np.int64)
        units = np.zeros(shape, dtype=np.int64)
        on_hand = np.zeros(shape, dtype=np.int64)
        on_order = np.zeros(shape, dtype=np.int64)
        for row, day in enumerate(days):
            arrived = (self.on_order > 0) & (self._arrives <= day)
            self.on_hand += np.where(arrived, self.on_order, 0)
            self.on_order[arrived] = 0
            units[row] = np.minimum(demanded[row], self.on_hand)
            self.on_hand -= units[row]
            rate = expected.planned[row]
            reorder = (self.on_order == 0) & expected.live[row] & (self.on_hand <= np.ceil(rate * (self._lead + 9) + 1))
            target = np.ceil(rate * (self._lead + 40) + 4).astype(np.int64)
            self.on_order = np.where(reorder, np.maximum(target - self.on_hand, 1), self.on_order)
            self._arrives = np.where(reorder, day + self._lead + late[row], self._arrives)
            on_hand[row] = self.on_hand
            on_order[row] = self.on_order
        return Sold(demanded, units, on_hand, on_order)

    def table(self, days: Ints, expected: Expected, sold: Sold) -> Any:
        """Return rows of `inventory_daily`.

        Best sellers are counted every Monday; any product on each day it ends without stock and when it is back.
        """
        empty = (sold.on_hand == 0) & expected.live
        before = np.vstack([self._was_empty[None, :], empty[:-1]])
        self._was_empty = empty[-1]
        monday = (weekday(days) == 0)[:, None]
        keep = (empty | (before & ~empty) | (monday & self._counted)) & expected.live
        row, product = np.nonzero(keep)
        return text_table(
            {
                "date": dates(START_UNIX_DAY + days[row]),
                "product_id": ids("P", product + 1, 5),
                "on_hand": numbers(sold.on_hand[row, product]),
                "on_order": numbers(sold.on_order[row, product]),
                "lead_time_days": numbers(self._lead[product]),
            }
        )


def truth_demand(days: Ints, expected: Expected, sold: Sold) -> dict[str, Any]:
    """Return the columns of `truth_demand`: one row per product and day on sale."""
    row, product = np.nonzero(expected.live)
    return {
        "product_id": ids("P", product + 1, 5),
        "date": (START_UNIX_DAY + days[row]).astype("datetime64[D]"),
        "price": np.rint(expected.shelf_cents[row, product] * (1 - expected.discount[row, product])) / 100,
        "expected_units": np.round(expected.units[row, product], 6),
        "demanded_units": sold.demanded[row, product],
        "sold_units": sold.units[row, product],
    }
