"""Reviews: genuine ones after delivery, rated by quality; a ring's at once, with five stars, from a template."""

from typing import Any

import numpy as np

from trendhouse.demo_shop.brushing import Rings
from trendhouse.demo_shop.catalogue import LEAVES, Products
from trendhouse.demo_shop.columns import Ints, ids, join, labels, numbers, text_table, timestamps, where
from trendhouse.demo_shop.customers import customer_ids
from trendhouse.demo_shop.orders import Orders
from trendhouse.demo_shop.seasons import DAY_SECONDS, END_SECONDS

_GENUINE_SHARE = 0.2
_OPENINGS = (
    ("Broke after a week.", "Very disappointed.", "Not as described.", "Would not buy again.", "A waste of money."),
    ("Not convinced.", "Expected more.", "Had to send it back once.", "Feels cheap.", "Below average."),
    ("It is all right.", "Does its job.", "Average for the price.", "Neither good nor bad.", "Some flaws, but usable."),
    ("Quite happy with it.", "Good value.", "Works as it should.", "Nice, small scratches only.", "Solid choice."),
    ("Love it.", "Exactly what I wanted.", "Very good quality.", "Would buy again.", "Better than expected."),
)
_MIDDLES = ("The", "My new", "This", "Our", "Second time I bought this:")
_ENDINGS = (
    "came on time.",
    "took a few days to arrive.",
    "looks like the picture.",
    "is a bit smaller than I thought.",
    "was a present for a friend.",
    "is used every day here.",
    "is easy to use.",
    "could be cheaper.",
)
_RING_BODIES = (
    "Excellent product, fast delivery, perfect seller!! Recommend to everyone",
    "Perfect quality and fast delivery, I recommend this seller to everyone!",
    "Best product ever, excellent quality, seller is perfect, five stars",
    "Super fast delivery, excellent quality, best seller, recommend!!",
)
_RING_TAILS = ("", "!", " Thank you!", " A+++", " Great!")


class ReviewDesk:
    """Writes reviews span by span and numbers them through."""

    def __init__(self, products: Products, rings: Rings) -> None:
        """Start with no review written."""
        self._products = products
        self._rings = rings
        self._reviews = 0

    def write(self, rng: np.random.Generator, orders: Orders) -> Any:
        """Return rows of `reviews` on the orders of a span, as far as written before the end of the range."""
        first_line = np.searchsorted(orders.line_order, np.arange(orders.count))
        product = orders.line_product[first_line]
        is_fake = orders.fake >= 0
        can = (orders.delivered >= 0) & ~orders.is_guest
        writes = np.where(is_fake, rng.random(orders.count) < 0.92, can & (rng.random(orders.count) < _GENUINE_SHARE))
        # Some honest buyers are quick as well.
        days = np.where(
            rng.random(orders.count) < 0.08, rng.uniform(0.02, 0.5, orders.count), rng.gamma(2, 5, orders.count)
        )
        at = np.where(
            is_fake,
            orders.seconds + rng.integers(600, 18 * 3600, orders.count),
            orders.delivered + (days * DAY_SECONDS).astype(np.int64),
        )
        order = np.flatnonzero(writes & (at < END_SECONDS))
        order = order[np.argsort(at[order], kind="stable")]
        number = self._reviews + np.arange(len(order)) + 1
        self._reviews += len(order)
        mean = 4.05 + self._products.quality[product[order]] - 0.8 * (orders.line_returned[first_line[order]] > 0)
        rating = np.clip(np.rint(rng.normal(mean, 0.95)), 1, 5).astype(np.int64)
        rating = np.where(is_fake[order], 5, rating)
        return text_table(
            {
                "review_id": ids("R", number, 6),
                "order_id": ids("O", orders.number[order], 6),
                "customer_id": customer_ids(orders.customer[order]),
                "product_id": ids("P", product[order] + 1, 5),
                "rating": numbers(rating),
                "body": self._bodies(rng, rating, product[order], orders.fake[order]),
                "created_at": timestamps(at[order]),
            }
        )

    def _bodies(self, rng: np.random.Generator, rating: Ints, product: Ints, fake: Ints) -> Any:
        count = len(rating)
        openings = [line for lines in _OPENINGS for line in lines]
        honest = join(
            labels(5 * (rating - 1) + rng.integers(0, 5, count), openings),
            labels(rng.integers(0, len(_MIDDLES), count), _MIDDLES),
            labels(self._products.leaf[product], [leaf.noun.lower() for leaf in LEAVES]),
            labels(rng.integers(0, len(_ENDINGS), count), _ENDINGS),
            separator=" ",
        )
        ring = self._rings.ring[fake] if len(self._rings.ring) else np.zeros(count, dtype=np.int64)
        template = (ring + rng.integers(0, 2, count)) % len(_RING_BODIES)
        praise = join(labels(template, _RING_BODIES), labels(rng.integers(0, 5, count), _RING_TAILS))
        return where(fake >= 0, praise, honest)
