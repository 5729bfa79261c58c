"""Lists with less of the same: maximal marginal relevance (Carbonell and Goldstein 1998)."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from trendhouse.recommendation.interactions import Floats, Integers


def rerank(products: Integers, scores: Floats, vectors: csr_array, strength: float, length: int) -> Integers:
    """The first `length` products of each list (customers, length), by what they add to those before them; -1 where a list is shorter.

    At each place comes the product for which (1 - strength) x relevance - strength x similarity is largest: relevance is its score, scaled to
    0 to 1 within the list, and similarity the cosine with the product of the places before that it resembles most. Strength 0 leaves a list in
    its order, 1 looks at similarity only. `products` and `scores` (customers, candidates), best first, -1 and anything where there is none;
    `vectors` (products, dimensions), rows of length 1 or of nothing. Raises ValueError for a strength out of 0 to 1.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"The strength of re-ranking lies in 0 to 1, not {strength}.")
    customers, candidates = products.shape
    length = min(length, candidates)
    if strength == 0 or candidates == 0:
        return products[:, :length].copy()

    everyone = np.arange(customers)
    is_there = products >= 0
    relevance = _scaled(scores, is_there)
    # The first place has nothing before it and goes by relevance alone, also at strength 1.
    worth, closest = np.where(is_there, relevance, -np.inf), np.full(products.shape, -np.inf)
    candidate_vectors = vectors[np.where(is_there, products, 0).ravel()]
    reranked = np.empty((customers, length), dtype=np.int64)
    for place in range(length):
        # Of equal ones argmax takes the first, which is the better one by score.
        best = np.argmax(worth, axis=1)
        reranked[:, place] = np.where(is_there[everyone, best], products[everyone, best], -1)
        is_there[everyone, best] = False
        latest = candidate_vectors[np.repeat(everyone * candidates + best, candidates)]
        cosines = np.asarray(candidate_vectors.multiply(latest).sum(axis=1)).reshape(products.shape)
        closest = np.maximum(closest, cosines)
        worth = np.where(is_there, (1 - strength) * relevance - strength * closest, -np.inf)
    return reranked


def _scaled(scores: Floats, is_there: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Scores from 0, the lowest of a list, to 1, its highest (all 1 where they are equal); 1 where there is none."""
    lowest = np.min(scores, axis=1, keepdims=True, where=is_there, initial=np.inf)
    highest = np.max(scores, axis=1, keepdims=True, where=is_there, initial=-np.inf)
    spread = (highest - lowest).astype(np.float64)
    usable = np.isfinite(spread) & (spread > 0)
    return np.asarray(np.divide(scores - lowest, spread, out=np.ones(scores.shape), where=is_there & usable))
