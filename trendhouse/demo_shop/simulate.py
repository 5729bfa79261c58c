"""The simulator: one call writes a shop's raw tables and the truth behind them, month by month, in bounded memory."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from trendhouse.demo_shop.baskets import Shoppers, split_into_lines
from trendhouse.demo_shop.brushing import make_rings
from trendhouse.demo_shop.catalogue import make_products, make_sellers, truth_elasticity
from trendhouse.demo_shop.columns import Ints
from trendhouse.demo_shop.credit import CreditDesk
from trendhouse.demo_shop.customers import make_customers, truth_tastes, truth_uplift
from trendhouse.demo_shop.demand import DemandModel, Stock, truth_demand
from trendhouse.demo_shop.dirt import Soiler
from trendhouse.demo_shop.fraud import confirmed_orders, confirmed_sellers, truth_brushing
from trendhouse.demo_shop.marketing import (
    Mailing,
    make_advertising,
    make_campaigns,
    make_promotions,
    months,
    truth_ads,
)
from trendhouse.demo_shop.orders import OrderDesk
from trendhouse.demo_shop.reviews import ReviewDesk
from trendhouse.demo_shop.seasons import all_days
from trendhouse.demo_shop.sessions import Tracker
from trendhouse.demo_shop.streams import stream
from trendhouse.demo_shop.weather import make_weather
from trendhouse.demo_shop.writer import FileFormat, OutputFolder

Progress = Callable[[int, int], None]

RAW_TABLES = (
    "products",
    "orders",
    "order_items",
    "customers",
    "events",
    "reviews",
    "sellers",
    "campaigns",
    "promotions",
    "campaign_contacts",
    "coupons",
    "ad_spend_daily",
    "inventory_daily",
    "weather_daily",
    "credit_accounts",
    "confirmed_fraud",
)
# Expected units per product and day at full life, a neutral season and list price; sets the number of rows.
_UNITS_PER_PRODUCT_DAY = 0.23
# A month has about 4,000 rows at scale 1; beyond this scale a chunk is a part of a month and grows no further.
_WHOLE_MONTH_UP_TO_SCALE = 20


def simulate(
    scale: float,
    seed: int,
    out: Path,
    file_format: FileFormat = "parquet",
    progress: Progress | None = None,
    *,
    rings: bool = True,
    table_prefix: str = "",
) -> dict[str, int]:
    """Write a demo shop into a folder and return the number of rows per table, truth tables included.

    scale: 1 gives about 100,000 raw rows; products, customers and orders grow with it, the range of days stays.
    seed: same scale and seed, same bytes.
    file_format: `parquet` or `csv`; raw tables hold text only, as exports do; truth tables are typed.
    progress: called with (chunks done, chunks in all).
    rings: False leaves brushing rings, and all they did, out.
    table_prefix: goes before the file names of the raw tables, not of the truth tables.

    Raises ValueError for a scale that is not above zero or a negative seed.
    """
    if not scale > 0:
        raise ValueError(f"scale must be above zero, not {scale}")
    if seed < 0:
        raise ValueError(f"seed must not be negative, not {seed}")
    shop = _Shop(scale, seed, OutputFolder(out, file_format, table_prefix), rings)
    try:
        spans = chunks_of_days(scale)
        shop.open()
        for number, days in enumerate(spans):
            shop.trade(number + 1, days)
            if progress is not None:
                progress(number + 1, len(spans))
        shop.shut(len(spans) + 1)
    finally:
        rows = shop.folder.close()
    return rows


def chunks_of_days(scale: float) -> list[Ints]:
    """Return the spans of days that are simulated at once: months, or parts of them in large shops."""
    days = all_days()
    pieces = max(1, int(np.ceil(scale / _WHOLE_MONTH_UP_TO_SCALE)))
    month = months(days)
    spans: list[Ints] = []
    for number in range(int(month[-1]) + 1):
        inside = days[month == number]
        spans.extend(part for part in np.array_split(inside, pieces) if len(part))
    return spans


class _Shop:
    """Everything that lives through the simulation, and the folder it writes to."""

    def __init__(self, scale: float, seed: int, folder: OutputFolder, rings: bool) -> None:
        self.folder = folder
        self._seed = seed
        self._scale = scale
        self._weather = make_weather(seed)
        self._ads = make_advertising(seed, scale)
        self._sellers = make_sellers(seed, scale)
        self._products = make_products(seed, scale, self._sellers, _UNITS_PER_PRODUCT_DAY)
        self._promotions = make_promotions(seed, self._products)
        self._campaigns = make_campaigns(seed, scale, self._ads)
        genuine = make_customers(seed, scale)
        self._rings = make_rings(seed, scale, self._products, genuine.count, rings)
        self._people = genuine.joined_with(self._rings.buyers)
        self._demand = DemandModel(seed, self._products, self._promotions, self._ads, self._weather)
        self._stock = Stock(self._products)
        self._mailing = Mailing(self._people)
        self._shoppers = Shoppers(seed, self._people, self._products, self._demand.log_weather, self._mailing)
        self._desk = OrderDesk(self._people, self._products, self._rings, self._mailing)
        self._tracker = Tracker(self._people, self._products, self._shoppers)
        self._reviews = ReviewDesk(self._products, self._rings)
        self._credit = CreditDesk(self._people)
        self._soiler = Soiler()

    def open(self) -> None:
        """Write what does not grow with time."""
        rng = stream(self._seed, "dirt")
        self._raw(rng, "sellers", self._sellers.table())
        self._raw(rng, "products", self._products.table())
        self._raw(rng, "promotions", self._promotions.table())
        self._raw(rng, "campaigns", self._campaigns.table())
        self._raw(rng, "customers", self._people.table())
        self._raw(rng, "weather_daily", self._weather.table())
        self._raw(rng, "ad_spend_daily", self._ads.table(self._campaigns))
        self._truth("truth_elasticity", truth_elasticity(self._products))
        self._truth("truth_tastes", truth_tastes(self._people))
        self._truth("truth_uplift", truth_uplift(self._people))
        self._truth("truth_ads", truth_ads(self._scale))

    def trade(self, chunk: int, days: Ints) -> None:
        """Simulate one span of days and write it."""
        seed = self._seed
        dirt = stream(seed, "dirt", chunk)
        campaigns = self._campaigns
        for number in np.flatnonzero((campaigns.email_day >= days[0]) & (campaigns.email_day <= days[-1])):
            rng = stream(seed, "campaigns", 1 + int(number))
            self._close_coupons(dirt)
            contacts = self._mailing.send(
                rng,
                int(campaigns.email_number[number]),
                int(campaigns.email_day[number]),
                bool(campaigns.email_has_coupon[number]),
            )
            self._raw(dirt, "campaign_contacts", contacts)

        expected = self._demand.expected(days)
        sold = self._stock.sell(stream(seed, "demand", chunk), days, expected)
        basket_rng = stream(seed, "baskets", chunk)
        lines = split_into_lines(basket_rng, days, sold.units, self._products)
        baskets = self._shoppers.fill(basket_rng, lines)
        orders = self._desk.place(stream(seed, "orders", chunk), days, baskets, expected)

        self._raw(dirt, "orders", orders.table())
        self._raw(dirt, "order_items", orders.item_table())
        self._raw(dirt, "inventory_daily", self._stock.table(days, expected, sold))
        events = self._tracker.record(stream(seed, "sessions", chunk), days, orders, expected.units)
        self._raw(dirt, "events", events)
        self._raw(dirt, "reviews", self._reviews.write(stream(seed, "reviews", chunk), orders))
        credit = self._credit.grant(stream(seed, "credit", chunk), orders)
        self._raw(dirt, "credit_accounts", credit.table)
        self._raw(dirt, "confirmed_fraud", confirmed_orders(stream(seed, "fraud", chunk), orders, self._rings))
        self._truth("truth_demand", truth_demand(days, expected, sold))
        self._truth("truth_credit", credit.truth)
        self._truth("truth_brushing", truth_brushing(orders, self._rings))

    def shut(self, chunk: int) -> None:
        """Write what is known at the end only."""
        dirt = stream(self._seed, "dirt", chunk)
        self._close_coupons(dirt)
        self._raw(dirt, "confirmed_fraud", confirmed_sellers(self._rings))

    def _close_coupons(self, rng: np.random.Generator) -> None:
        coupons = self._mailing.close_coupons()
        if coupons is not None:
            self._raw(rng, "coupons", coupons)

    def _raw(self, rng: np.random.Generator, name: str, table: Any) -> None:
        dirty, truth = self._soiler.soil(rng, name, table, self.folder.rows(name))
        self.folder.append(name, dirty)
        self._truth("truth_dirt", truth)

    def _truth(self, name: str, columns: dict[str, Any]) -> None:
        self.folder.append(name, pa.table(columns))
