"""The trend radar on planted series: what it finds, what it cries wolf about, beside two rules of thumb.

    python benchmarks/demand/trends.py [--products 2000] [--seeds 3]

Simulates weekly series of products in ten categories over two years: levels over three orders of magnitude, counts that
scatter more than Poisson and, in the shops that have them, moods that last for weeks, seasons with a Christmas peak, price
changes, promotions, empty shelves. In the last two shops one product in ten comes to another level (up by a half to three
times, or down by a third to three quarters), at once or over eight weeks, 4 to 12 weeks ago. All rules look for products
whose demand changed and hold their false discovery rate at 10% (Benjamini-Hochberg); only products with at least two units
a week count as findable.

- radar: trendhouse.demand.trends, as the warehouse runs it.
- last 4 weeks against the 4 before: Poisson z of the two sums.
- last 4 weeks against the same 4 a year ago: Poisson z of the two sums.
"""

import argparse
import sys
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table
from scipy import special

from trendhouse.demand import trends

AS_OF = date(2025, 11, 24)
WEEKS = 105
CATEGORIES = 10
RATE = 0.1
LEAST_CHANGE = 0.1
THREADS = 2
# A product of fewer units a week shows no change of this size to anyone.
FINDABLE_UNITS = 2.0


@dataclass(frozen=True)
class Shop:
    """A simulated shop: feature rows for the radar, and what was planted, arrays (products,) or (products, weeks)."""

    weeks: pa.Table
    festivals: pa.Table
    units: np.ndarray
    exposure: np.ndarray
    level: np.ndarray
    growth: np.ndarray
    change: np.ndarray


@dataclass(frozen=True)
class Findings:
    """What a rule says of each product (products,): direction (-1, 0, 1); the radar also the weeks since, and the 80% band of the growth."""

    direction: np.ndarray
    back: np.ndarray | None = None
    low: np.ndarray | None = None
    high: np.ndarray | None = None


@dataclass(frozen=True)
class Settings:
    """What moves the shop's sales: log sizes of season, mood, price and promotion; shares of products."""

    season: float = 0.0
    mood: float = 0.0
    price: float = 0.0
    promotion: float = 0.0
    stock: float = 0.0
    trends: float = 0.0
    ramp_weeks: int = 1


SHOPS = {
    "white noise": Settings(),
    "season, moods, prices, promotions, stock-outs": Settings(0.4, 0.15, 0.15, 0.8, 0.1),
    "the same, one in ten with a new level": Settings(0.4, 0.15, 0.15, 0.8, 0.1, 0.1),
    "the same, one in ten over eight weeks": Settings(0.4, 0.15, 0.15, 0.8, 0.1, 0.1, 8),
}


def simulate(settings: Settings, products: int, seed: int) -> Shop:
    """Draw a shop."""
    rng = np.random.default_rng(seed)
    days = np.array([AS_OF - timedelta(days=7 * (WEEKS - 1 - week)) for week in range(WEEKS)])
    category = np.arange(products) % CATEGORIES
    level = np.exp(rng.uniform(np.log(0.3), np.log(150), products))
    year = np.array([day.timetuple().tm_yday for day in days]) / 365.25
    # A wave with its top anywhere in the year, and three weeks before Christmas in which half of the categories sell more.
    peak = rng.random(CATEGORIES)[:, None]
    christmas = np.exp(-(((year - 0.955) * 52 / 1.5) ** 2)) * (rng.random(CATEGORIES) < 0.5)[:, None]
    season = settings.season * (np.cos(2 * np.pi * (year - peak)) + 2 * christmas)
    own_season = rng.normal(1.0, 0.3, products)[:, None] * season[category]
    mood = _mood(rng, settings.mood, (products, WEEKS)) + _mood(rng, settings.mood / 2, (CATEGORIES, WEEKS))[category]
    steps = np.where(rng.random((products, WEEKS)) < 0.02, rng.normal(0, settings.price, (products, WEEKS)), 0.0)
    price = np.cumsum(steps, axis=1)
    promoted = _runs(rng, 0.04 if settings.promotion else 0.0, (1, 2), (products, WEEKS))
    share = np.where(promoted, rng.choice([3 / 7, 1.0], (products, WEEKS)), 0.0)
    discount = 0.2 * share
    lift = np.log1p(share * np.expm1(settings.promotion * rng.uniform(0.7, 1.3, (products, 1))))
    exposure = np.where(
        _runs(rng, settings.stock / 10, (1, 3), (products, WEEKS)), rng.choice([0, 2, 4], (products, WEEKS)), 7
    )

    is_trend = rng.random(products) < settings.trends
    up = rng.random(products) < 0.5
    size = np.where(up, rng.uniform(np.log(1.5), np.log(4), products), -rng.uniform(np.log(1.5), np.log(4), products))
    growth = np.where(is_trend, size, 0.0)
    change = rng.integers(4, 13, products)
    since = np.arange(WEEKS) - (WEEKS - change[:, None])
    own = growth[:, None] * np.clip((since + 1) / settings.ramp_weeks, 0, 1)

    elasticity = rng.normal(-1.8, 0.5, (products, 1))
    mean = level[:, None] * np.exp(own_season + mood + elasticity * price + lift + own) * exposure / 7
    units = rng.poisson(mean * rng.gamma(20, 1 / 20, mean.shape)).astype(float)
    changes = np.diff(price, axis=1, prepend=price[:, :1])
    missed = np.divide(units * (7 - exposure), exposure, out=np.zeros_like(units), where=exposure > 0)

    def sums(values: np.ndarray) -> np.ndarray:
        totals = np.zeros((CATEGORIES, WEEKS))
        np.add.at(totals, category, values)
        return totals

    weights = np.broadcast_to(level[:, None], units.shape)
    totals = sums(units)
    columns = {
        "units": (units, totals),
        "exposure_days": (exposure, np.where(totals > 0, 7 * totals / np.maximum(totals + sums(missed), 1e-9), 7)),
        "price_change_log": (changes, sums(weights * changes) / sums(weights)),
        "discount_rate": (discount, sums(weights * discount) / sums(weights)),
        "promotion_share": (share, sums(weights * share) / sums(weights)),
        "units_to_date": (np.cumsum(units, axis=1), np.cumsum(totals, axis=1)),
    }
    tables = []
    for index, (kind, count) in enumerate((("product", products), ("category", CATEGORIES))):
        ids = [f"{kind} {number:05d}" for number in range(count)]
        parents = [f"category {number:05d}" for number in category] if kind == "product" else [None] * count
        tables.append(
            pa.table(
                {
                    "kind": [kind] * (count * WEEKS),
                    "entity_id": np.repeat(ids, WEEKS),
                    "parent_id": pa.array(np.repeat(np.array(parents, dtype=object), WEEKS), type=pa.string()),
                    "as_of_date": pa.array(np.tile(days, count), type=pa.date32()),
                    "first_sold_date": pa.array([days[0] - timedelta(days=7)] * (count * WEEKS), type=pa.date32()),
                    **{name: np.asarray(pair[index], dtype=float).ravel() for name, pair in columns.items()},
                }
            )
        )
    return Shop(pa.concat_tables(tables), no_festivals(days), units, exposure, level, growth, change)


def no_festivals(days: np.ndarray) -> pa.Table:
    """A calendar without festivals: what Christmas does has to be learnt from the year before."""
    return pa.table(
        {
            "festival_name": ["none"] * len(days),
            "pull": [0.0] * len(days),
            "after_days": [0] * len(days),
            "public_holidays": [0] * len(days),
            "as_of_date": pa.array(days, type=pa.date32()),
        }
    )


def _mood(rng: np.random.Generator, spread: float, shape: tuple[int, int]) -> np.ndarray:
    """A first-order autoregressive process of this standard deviation, 0.5 from week to week."""
    mood = np.zeros(shape)
    for week in range(1, shape[1]):
        mood[:, week] = 0.5 * mood[:, week - 1] + rng.normal(0, spread * np.sqrt(1 - 0.25), shape[0])
    return mood


def _runs(rng: np.random.Generator, chance: float, length: tuple[int, int], shape: tuple[int, int]) -> np.ndarray:
    """Runs of marked weeks that begin with this chance and last between these lengths."""
    marked = np.zeros(shape, dtype=bool)
    for row, week in zip(*np.nonzero(rng.random(shape) < chance), strict=True):
        marked[row, week : week + rng.integers(length[0], length[1] + 1)] = True
    return marked


def by_radar(shop: Shop) -> Findings:
    """What the radar says."""
    found = trends.find(shop.weeks, shop.festivals, RATE, LEAST_CHANGE, THREADS).to_pylist()
    products = sorted((row for row in found if row["kind"] == "product"), key=lambda row: row["entity_id"])
    signs = {"rising": 1, "steady": 0, "fading": -1}
    back = [(AS_OF - row["change_week_date"]).days // 7 if row["change_week_date"] else 0 for row in products]
    return Findings(
        np.array([signs[row["direction"]] for row in products]),
        np.array(back),
        np.array([row["growth_low_log"] for row in products], dtype=float),
        np.array([row["growth_high_log"] for row in products], dtype=float),
    )


def by_difference(shop: Shop, weeks_before: int) -> Findings:
    """By the Poisson z of its last four weeks against four weeks that ended `weeks_before` weeks before."""
    recent, before = (shop.units[:, WEEKS - 4 - gap : WEEKS - gap].sum(axis=1) for gap in (0, weeks_before))
    z = (recent - before) / np.sqrt(np.maximum(recent + before, 1.0))
    found = trends.adjusted(2 * special.ndtr(-np.abs(z))) <= RATE
    return Findings(np.where(found & (np.abs(recent - before) >= LEAST_CHANGE * before), np.sign(z), 0))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    table = Table(
        title=f"Planted trends, {arguments.products:,} products, {arguments.seeds} seeds", title_justify="left"
    )
    for heading in (
        "shop",
        "rule",
        "alarms",
        "false alarms of steady",
        "false share of alarms",
        "found",
        "within 2 weeks",
        "80% band covers",
    ):
        table.add_column(heading, justify="left" if heading in ("shop", "rule") else "right")
    for name, settings in SHOPS.items():
        shops = [simulate(settings, arguments.products, seed) for seed in range(arguments.seeds)]
        results = {
            "radar": [by_radar(shop) for shop in shops],
            "4 weeks against 4": [by_difference(shop, 4) for shop in shops],
            "year on year": [by_difference(shop, 52) for shop in shops],
        }
        for rule, findings in results.items():
            direction = np.concatenate([found.direction for found in findings])
            growth, level, change = (
                np.concatenate([getattr(s, key) for s in shops]) for key in ("growth", "level", "change")
            )
            planted = growth != 0
            right = planted & (direction == np.sign(growth))
            alarms = direction != 0
            findable = planted & (level >= FINDABLE_UNITS)
            near = covered = "-"
            if rule == "radar" and right.any() and settings.ramp_weeks == 1:
                back, low, high = (
                    np.concatenate([getattr(f, key) for f in findings]) for key in ("back", "low", "high")
                )
                near = f"{np.mean(np.abs(back - change)[right] <= 2):.0%}"
                covered = f"{np.mean((low <= growth) & (growth <= high), where=right):.0%}"
            table.add_row(
                name if rule == "radar" else "",
                rule,
                f"{alarms.sum():,}",
                f"{alarms[~planted].mean():.2%}",
                f"{(alarms & ~right).sum() / max(alarms.sum(), 1):.1%}" if alarms.any() else "-",
                f"{right[findable].mean():.0%}" if findable.any() else "-",
                near,
                covered,
            )
    Console(width=None if sys.stdout.isatty() else 160).print(table)


if __name__ == "__main__":
    main()
