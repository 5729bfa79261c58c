"""Random streams: one independent numpy generator per part of the shop and chunk of time, all from one seed."""

import numpy as np

PARTS = (
    "weather",
    "mood",
    "ads",
    "sellers",
    "products",
    "promotions",
    "customers",
    "rings",
    "campaigns",
    "demand",
    "baskets",
    "orders",
    "sessions",
    "reviews",
    "credit",
    "fraud",
    "dirt",
)


def stream(seed: int, part: str, chunk: int = 0) -> np.random.Generator:
    """Return the generator of one part and chunk.

    The pair is the spawn key of a child of `SeedSequence(seed)`, so a draw added in one part moves no other part.
    """
    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=(PARTS.index(part), chunk)))
