"""What lists of recommendations are like, beside being right: how much of the catalogue they show, how new, how mixed, whose products.

`lists` (customers, places) holds positions of products, best first, -1 where a list is shorter. A metric that has nothing to look at is NaN.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def catalogue_coverage(lists: Integers, products: int) -> float:
    """Share of the products that are in some list (Ge, Delgado-Battenfeld and Jannach 2010)."""
    return len(np.unique(lists[lists >= 0])) / products if products else float("nan")


def novelty(lists: Integers, customers_of: Floats, customers: int) -> float:
    """Mean self-information of the products shown, in bits: -log2 of the share of customers who know one (Zhou et al. 2010).

    `customers_of` (products,) counts those who met it, of `customers`; one is added to both, so that a product nobody met has a share above 0.
    """
    shown = lists[lists >= 0]
    return float(-np.mean(np.log2((customers_of[shown] + 1) / (customers + 1)))) if len(shown) else float("nan")


def intra_list_diversity(lists: Integers, vectors: csr_array) -> float:
    """Mean over lists of two and more of the mean distance, 1 - cosine, between their products (Ziegler et al. 2005).

    `vectors` (products, dimensions) have length 1, or 0 for a product of which nothing is known: that one is at distance 1 from all.
    """
    row, place = np.nonzero(lists >= 0)
    lengths = np.bincount(row, minlength=len(lists))
    chosen = coo_array((np.ones(len(row)), (row, lists[row, place])), shape=(len(lists), vectors.shape[0])).tocsr()
    # The sum of all cosines within a list is the squared length of the sum of its vectors; those of products with themselves go off.
    sums = chosen @ vectors
    own = vectors.multiply(vectors).sum(axis=1)
    pairs = lengths * (lengths - 1.0)
    cosines = sums.multiply(sums).sum(axis=1) - chosen @ own
    counted = pairs > 0
    return float(1 - np.mean(cosines[counted] / pairs[counted])) if counted.any() else float("nan")


def average_popularity(lists: Integers, popularity: Floats) -> float:
    """Mean over lists of the mean popularity of their products, in the unit of `popularity` (products,) (Yin et al. 2012)."""
    is_shown = lists >= 0
    lengths = is_shown.sum(axis=1)
    totals = np.where(is_shown, popularity[lists], 0).sum(axis=1)
    return float(np.mean(totals[lengths > 0] / lengths[lengths > 0])) if lengths.any() else float("nan")


def gini(amounts: Floats) -> float:
    """Gini index of amounts (n,) of 0 or more: 0 when all are equal, towards 1 when one has everything.

    sum_i (2 i - n - 1) x_i / (n sum x), x ascending (Gini 1912). Of how often each product is shown, the popularity bias of the lists
    (Fleder and Hosanagar 2009).
    """
    total = float(np.sum(amounts))
    count = len(amounts)
    if total <= 0:
        return float("nan")
    return float(np.sum((2 * np.arange(1, count + 1) - count - 1) * np.sort(amounts)) / (count * total))


def exposure(lists: Integers, products: int) -> Floats:
    """How much each product is seen (products,): a place p, from 1, counts 1 / log2(1 + p), as in DCG (Singh and Joachims 2018)."""
    row, place = np.nonzero(lists >= 0)
    weights = 1 / np.log2(place + 2.0)
    return np.bincount(lists[row, place], weights=weights, minlength=products).astype(np.float64)


def seller_exposure(lists: Integers, seller_of: Integers, sellers: int) -> Floats:
    """Share of all that is seen that goes to each seller (sellers,); their `gini` says how unevenly. NaN when nothing is shown.

    `seller_of` (products,) is the position of each product's seller, -1 for a product without: what those show is not counted.
    """
    seen = exposure(lists, len(seller_of))
    owned = seller_of >= 0
    by_seller = np.bincount(seller_of[owned], weights=seen[owned], minlength=sellers)
    total = by_seller.sum()
    return by_seller / total if total > 0 else np.full(sellers, np.nan)
