"""The catalogue: categories with their economics, sellers, brands and products with life cycles and price paths."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from trendhouse.demo_shop.columns import Bools, Floats, Ints, decimals, ids, join, labels, text, text_table, timestamps
from trendhouse.demo_shop.seasons import DAYS, START_SECONDS, all_days
from trendhouse.demo_shop.streams import stream

PRODUCTS_AT_SCALE_1 = 300
SELLERS_AT_SCALE_1 = 25
# Popularity falls with the rank r among n products as (r / n + offset)^-exponent: a tenth of them sells most units.
_TAIL_OFFSET = 0.03
_TAIL_EXPONENT = 1.55


@dataclass(frozen=True)
class Leaf:
    """One category path and how its products sell.

    `elasticity` is of demand to price; `amplitude` and `peak_day` shape the year; `gift`, `festival` scale the common
    curves; `heat` is the log change per 10 degrees above 15, `rain` per 10 mm; `units` is the mean quantity per line.
    """

    path: str
    noun: str
    weight: float
    price: float
    elasticity: float
    amplitude: float = 0.0
    peak_day: float = 0.0
    gift: float = 0.0
    festival: float = 0.6
    weekend: float = 0.6
    heat: float = 0.0
    rain: float = 0.0
    units: float = 1.15
    life_days: float = 900.0
    returns: float = 0.04


LEAVES = (
    Leaf("electronics > audio > headphones", "Headphones", 1.3, 79, -1.9, gift=0.7, festival=1.0, life_days=520),
    Leaf("electronics > audio > speakers", "Speaker", 1.0, 95, -1.8, gift=0.7, festival=1.0, life_days=560),
    Leaf("electronics > phones > cases", "Phone Case", 1.3, 16, -1.5, festival=0.8, units=1.2, life_days=430),
    Leaf("electronics > phones > chargers", "Charger", 1.1, 24, -1.4, festival=0.8, units=1.3, life_days=620),
    Leaf("electronics > computing > keyboards", "Keyboard", 0.8, 62, -1.7, festival=1.0, weekend=-0.5, life_days=700),
    Leaf("fashion > women > dresses", "Dress", 1.2, 49, -2.2, 0.55, 160, festival=0.9, life_days=300, returns=0.16),
    Leaf("fashion > women > coats", "Coat", 0.9, 110, -2.0, 1.1, 325, festival=0.9, life_days=420, returns=0.15),
    Leaf("fashion > men > shirts", "Shirt", 1.0, 35, -2.1, 0.2, 130, festival=0.8, life_days=380, returns=0.12),
    Leaf("fashion > shoes > sneakers", "Sneakers", 1.0, 72, -1.9, 0.25, 115, festival=0.9, life_days=400, returns=0.15),
    Leaf("home > kitchen > cookware", "Pan", 1.0, 45, -1.3, gift=0.4, festival=0.8, life_days=1200),
    Leaf("home > kitchen > coffee", "Coffee Maker", 0.8, 85, -1.6, gift=0.6, festival=0.9, life_days=900),
    Leaf("home > bedroom > bedding", "Bed Linen", 0.8, 55, -1.5, 0.2, 330, festival=0.7, life_days=1000, returns=0.07),
    Leaf("beauty > skin > creams", "Face Cream", 1.3, 22, -1.6, 0.15, 340, festival=1.0, units=2.2, life_days=1000),
    Leaf("beauty > skin > sunscreen", "Sunscreen", 0.9, 18, -1.0, festival=0.4, heat=0.85, rain=-0.15, units=2.2),
    Leaf("beauty > hair > shampoo", "Shampoo", 1.1, 12, -1.7, festival=0.8, units=3.0, life_days=1200),
    Leaf("grocery > drinks > coffee beans", "Coffee Beans", 1.5, 14, -1.9, 0.1, 15, festival=0.3, units=4.0),
    Leaf("grocery > drinks > iced tea", "Iced Tea", 1.2, 9, -2.1, festival=0.2, heat=0.7, rain=-0.1, units=5.5),
    Leaf("grocery > snacks > chocolate", "Chocolate", 1.4, 8, -2.3, gift=0.9, festival=0.4, heat=-0.2, units=4.5),
    Leaf("grocery > pantry > pasta", "Pasta", 1.2, 5, -1.3, festival=0.2, units=6.0, life_days=1500),
    Leaf("garden > plants > seeds", "Seed Mix", 0.8, 6, -0.9, 1.3, 95, festival=0.1, weekend=0.9, rain=-0.3, units=4.0),
    Leaf("garden > tools > spades", "Spade", 0.6, 32, -1.1, 0.9, 115, festival=0.2, weekend=0.9, rain=-0.35),
    Leaf("garden > furniture > chairs", "Garden Chair", 0.6, 68, -1.6, festival=0.3, weekend=0.8, heat=0.9, rain=-0.4),
    Leaf(
        "sports > running > shoes", "Running Shoes", 0.9, 98, -1.7, 0.35, 110, festival=0.8, life_days=420, returns=0.12
    ),
    Leaf("sports > fitness > mats", "Exercise Mat", 0.8, 28, -1.4, 0.45, 12, festival=0.5, weekend=0.3),
    Leaf("sports > outdoor > tents", "Tent", 0.6, 135, -1.5, festival=0.4, weekend=0.7, heat=0.75, rain=-0.3),
    Leaf("toys > building > bricks", "Brick Set", 1.1, 39, -1.8, gift=1.5, festival=0.8, life_days=600),
    Leaf("toys > games > board games", "Board Game", 0.9, 30, -1.5, gift=1.4, festival=0.7, rain=0.15),
    Leaf("toys > plush > bears", "Plush Bear", 0.8, 19, -1.3, gift=1.2, festival=0.5),
    Leaf("baby > care > diapers", "Diapers", 1.2, 21, -1.4, festival=0.8, weekend=0.15, units=3.5, life_days=1500),
    Leaf("baby > toys > rattles", "Rattle", 0.6, 11, -1.2, gift=0.5, festival=0.5),
    Leaf("pets > dogs > food", "Dog Food", 1.2, 27, -1.3, festival=0.5, weekend=0.15, units=3.5, life_days=1500),
    Leaf("pets > cats > toys", "Cat Toy", 0.8, 9, -1.4, gift=0.4, festival=0.4, units=2.2),
    Leaf("books > fiction > novels", "Novel", 1.1, 15, -1.6, gift=0.8, festival=0.3, rain=0.15, life_days=320),
    Leaf("books > learning > cookbooks", "Cookbook", 0.7, 26, -1.5, gift=1.0, festival=0.3, life_days=450),
    Leaf("climate > cooling > fans", "Fan", 0.9, 46, -1.2, festival=0.2, weekend=0.15, heat=1.25),
    Leaf("climate > heating > heaters", "Heater", 0.8, 64, -1.1, festival=0.3, weekend=0.15, heat=-1.05),
    Leaf("climate > rain > umbrellas", "Umbrella", 0.7, 20, -0.8, festival=0.2, weekend=-0.3, rain=0.85),
)
TOPS = tuple(dict.fromkeys(leaf.path.split(" > ")[0] for leaf in LEAVES))
LEAF_TOP = np.array([TOPS.index(leaf.path.split(" > ")[0]) for leaf in LEAVES])

_FIRST = ("Nor", "Vel", "Tam", "Kor", "Lun", "Bri", "Sol", "Mar", "Fen", "Ost", "Zal", "Hav", "Rin", "Cal", "Dov")
_LAST = ("vik", "aro", "ix", "wood", "ela", "mont", "dan", "ora", "lin", "berg", "ana", "tor")
_ADJECTIVES = (
    "Compact",
    "Classic",
    "Pro",
    "Soft",
    "Urban",
    "Pure",
    "Bright",
    "Light",
    "Royal",
    "Easy",
    "Prime",
    "Fresh",
)
_PHRASES = (
    "made for every day",
    "light and sturdy",
    "a favourite of our customers",
    "with two years of warranty",
    "from recycled material",
    "new design",
    "great value for its price",
    "made in small batches",
)
_SELLER_KINDS = ("Trading", "Store", "Direct", "Outlet", "House", "Market", "Supply")


@dataclass(frozen=True)
class Sellers:
    """Sellers, one element each; `top` is the main top-level category."""

    top: Ints
    joined_seconds: Ints

    @property
    def count(self) -> int:
        """Number of sellers."""
        return len(self.top)

    def table(self) -> Any:
        """Return the raw table `sellers`."""
        number = np.arange(self.count)
        return text_table(
            {
                "seller_id": ids("S", number + 1, 4),
                "name": join(
                    _brand_names(number * 7 % (len(_FIRST) * len(_LAST))),
                    labels(number % len(_SELLER_KINDS), _SELLER_KINDS),
                    separator=" ",
                ),
                "category": labels(self.top, TOPS),
                "joined_at": timestamps(self.joined_seconds),
            }
        )


@dataclass(frozen=True)
class Products:
    """Products, one element each.

    `base` is the expected units per day at full life, list price and a neutral season. `launch_day` and `retire_day`
    count from the first day of the range. `revision_days` (n, 6) and `revision_factor` (n, 6) are the shelf price's
    steps.
    """

    leaf: Ints
    seller: Ints
    brand: Ints
    adjective: Ints
    series: Ints
    base: Floats
    list_cents: Ints
    cost_cents: Ints
    elasticity: Floats
    quality: Floats
    launch_day: Ints
    launch_seconds: Ints
    life_days: Floats
    ramp_days: Floats
    retire_day: Ints
    revision_days: Ints
    revision_factor: Floats
    factors: Floats
    lead_days: Ints

    @property
    def count(self) -> int:
        """Number of products."""
        return len(self.leaf)

    @property
    def top(self) -> Ints:
        """Top-level category of each product."""
        return np.asarray(LEAF_TOP[self.leaf])

    def live(self, days: Ints) -> Bools:
        """Return which products are on sale, shape (len(days), count)."""
        return np.asarray((days[:, None] >= self.launch_day) & (days[:, None] < self.retire_day))

    def life_cycle(self, days: Ints) -> Floats:
        """Return the share of full demand by age, shape (len(days), count): ramp-up, plateau, decline."""
        age = (days[:, None] - self.launch_day).astype(np.float64)
        ramp = 1 - 0.85 * np.exp(-np.maximum(age, 0) / self.ramp_days)
        decline = 1 / (1 + np.exp(np.clip((age - self.life_days) / (0.12 * self.life_days), -30, 30)))
        return np.asarray(np.where(self.live(days), ramp * decline, 0.0))

    def shelf_cents(self, days: Ints) -> Ints:
        """Return the shelf price before promotions, in cents, shape (len(days), count)."""
        factor = np.ones((len(days), self.count))
        for step in range(self.revision_days.shape[1]):
            factor = np.where(days[:, None] >= self.revision_days[:, step], self.revision_factor[:, step], factor)
        return np.asarray(np.maximum(np.rint(self.list_cents * factor / 10) * 10 - 1, 49), dtype=np.int64)

    def names(self) -> Any:
        """Return the product names."""
        nouns = labels(self.leaf, [leaf.noun for leaf in LEAVES])
        return join(
            _brand_names(self.brand),
            labels(self.adjective, _ADJECTIVES),
            nouns,
            labels(self.series, [str(100 + 10 * n) for n in range(90)]),
            separator=" ",
        )

    def table(self) -> Any:
        """Return the raw table `products`."""
        key = ids("P", np.arange(self.count) + 1, 5)
        names = self.names()
        return text_table(
            {
                "product_id": key,
                "name": names,
                "description": join(names, labels(self.series % len(_PHRASES), _PHRASES), separator=", "),
                "category": labels(self.leaf, [leaf.path for leaf in LEAVES]),
                "brand": _brand_names(self.brand),
                "seller_id": ids("S", self.seller + 1, 4),
                "list_price": decimals(self.list_cents, 2),
                "unit_cost": decimals(self.cost_cents, 2),
                "launched_at": timestamps(self.launch_seconds),
                "image_url": join("https://img.example.com/", key, ".jpg"),
            }
        )


def make_sellers(seed: int, scale: float) -> Sellers:
    """Return the sellers; every top-level category has some."""
    rng = stream(seed, "sellers")
    count = max(len(TOPS), round(SELLERS_AT_SCALE_1 * scale))
    top = np.concatenate([np.arange(len(TOPS)), rng.integers(0, len(TOPS), count - len(TOPS))])
    joined = rng.integers(-1500, -800, count) * 86_400 + rng.integers(0, 86_400, count)
    return Sellers(top, START_SECONDS + joined)


def make_products(seed: int, scale: float, sellers: Sellers, units_per_day: float) -> Products:
    """Return the products; `units_per_day` is the mean of `base` over products."""
    rng = stream(seed, "products")
    count = max(len(LEAVES), round(PRODUCTS_AT_SCALE_1 * scale))
    share = np.array([leaf.weight for leaf in LEAVES])
    # One product per category first, the rest by weight.
    extra = rng.choice(len(LEAVES), count - len(LEAVES), p=share / share.sum())
    leaf = rng.permutation(np.concatenate([np.arange(len(LEAVES)), extra]))
    top = LEAF_TOP[leaf]

    # Cheap categories sell more pieces. Ranks make the tail the same for every seed and scale.
    median_price = np.array([leaf.price for leaf in LEAVES])[leaf]
    liked = np.log(share[leaf]) + rng.normal(0, 0.8, count) - 0.65 * np.log(median_price)
    rank = np.argsort(np.argsort(-liked, kind="stable"), kind="stable")
    popularity = (rank / count + _TAIL_OFFSET) ** -_TAIL_EXPONENT
    base = popularity / popularity.mean() * units_per_day

    brands_per_top = min(15, 6 + round(3 * np.log10(max(scale, 1))))
    brand = top * 15 + np.floor(brands_per_top * rng.random(count) ** 1.6).astype(np.int64)
    price = median_price * rng.lognormal(0, 0.38, count)
    list_cents = np.maximum(np.rint(price * 10) * 10 - 1, 99).astype(np.int64)
    cost_cents = np.rint(list_cents * rng.uniform(0.42, 0.72, count)).astype(np.int64)

    existing = rng.random(count) < 0.62
    launch_day = np.where(existing, rng.integers(-750, -20, count), rng.integers(5, DAYS - 15, count))
    life_median = np.array([leaf.life_days for leaf in LEAVES])[leaf]
    life_days = life_median * rng.lognormal(0, 0.35, count)
    # A product that was there on the first day has at least some weeks left.
    life_days = np.maximum(life_days, np.where(existing, -launch_day * 0.8 + rng.uniform(90, 400, count), 120))
    retire_day = launch_day + np.rint(1.35 * life_days).astype(np.int64)

    # A fifth of the products is in price tests (many small steps); the others move a few times in two years.
    steps = 6
    in_test = rng.random(count) < 0.2
    gaps = np.where(in_test[:, None], rng.integers(35, 110, (count, steps)), rng.integers(130, 420, (count, steps)))
    revision_days = np.maximum(launch_day, -60)[:, None] + np.cumsum(gaps, axis=1)
    spread = np.where(in_test, 0.13, 0.06)
    revision_factor = np.exp(rng.normal(0, 1, (count, steps)) * spread[:, None]).clip(0.7, 1.35)

    return Products(
        leaf=leaf,
        seller=_sellers_by_top(rng, top, sellers),
        brand=brand,
        adjective=rng.integers(0, len(_ADJECTIVES), count),
        series=rng.integers(0, 90, count),
        base=base,
        list_cents=list_cents,
        cost_cents=cost_cents,
        elasticity=np.array([leaf.elasticity for leaf in LEAVES])[leaf] + rng.normal(0, 0.15, count),
        quality=rng.normal(0, 0.35, count),
        launch_day=launch_day,
        launch_seconds=START_SECONDS + launch_day * 86_400 + rng.integers(0, 6, count) * 3600,
        life_days=life_days,
        ramp_days=rng.uniform(8, 45, count),
        retire_day=retire_day,
        revision_days=revision_days,
        revision_factor=revision_factor,
        factors=_latent_factors(rng, leaf, brand),
        lead_days=rng.integers(4, 22, count),
    )


def leaf_mood(seed: int) -> Floats:
    """Return slow wanderings of each category's demand (fashion, news), log scale, shape (leaves, DAYS)."""
    rng = stream(seed, "mood")
    shocks = rng.normal(0, 0.035, (DAYS, len(LEAVES)))
    mood = np.zeros((DAYS, len(LEAVES)))
    for day in all_days()[1:]:
        mood[day] = 0.975 * mood[day - 1] + shocks[day]
    return mood.T


def truth_elasticity(products: Products) -> dict[str, Any]:
    """Return the columns of `truth_elasticity`: one row per product."""
    return {
        "product_id": ids("P", np.arange(products.count) + 1, 5),
        "category": labels(products.leaf, [leaf.path for leaf in LEAVES]),
        "elasticity": products.elasticity,
    }


def _sellers_by_top(rng: np.random.Generator, top: Ints, sellers: Sellers) -> Ints:
    """Pick each product's seller among those of its category, big ones more often."""
    order = np.argsort(sellers.top, kind="stable")
    first = np.searchsorted(sellers.top[order], np.arange(len(TOPS)))
    size = np.bincount(sellers.top, minlength=len(TOPS))
    pick = np.floor(size[top] * rng.random(len(top)) ** 1.4).astype(np.int64)
    return np.asarray(order[first[top] + pick])


def _latent_factors(rng: np.random.Generator, leaf: Ints, brand: Ints) -> Floats:
    """Return what else draws a customer to a product, shape (count, 4): its category's, brand's and own style."""
    leaf_part = rng.normal(0, 0.5, (len(LEAVES), 4))[leaf]
    brand_part = rng.normal(0, 0.7, (len(TOPS) * 15, 4))[brand]
    return np.asarray(leaf_part + brand_part + rng.normal(0, 0.35, (len(leaf), 4)))


def _brand_names(codes: Ints) -> Any:
    return text([_FIRST[n % len(_FIRST)] + _LAST[n // len(_FIRST) % len(_LAST)] for n in range(180)]).take(
        np.asarray(codes)
    )
