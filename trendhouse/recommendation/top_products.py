"""From scores to the best products of each customer."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from trendhouse.parallel import in_blocks
from trendhouse.recommendation.candidate import Known, Recommender
from trendhouse.recommendation.interactions import Floats, Integers

# Scores of so many pairs of customer and product are held at a time by each thread: 128 MB of them.
PAIRS_AT_A_TIME = 32_000_000
# The maxima of so many groups per product wanted bound what can be among the best.
GROUPS_PER_PRODUCT = 8


def blocks_of(customers: Integers, products: int) -> Iterator[Integers]:
    """The customers (rows), in blocks small enough for a score of each of them and each product."""
    size = max(PAIRS_AT_A_TIME // max(products, 1), 1)
    for start in range(0, len(customers), size):
        yield customers[start : start + size]


def top_products(scores: Floats, count: int) -> tuple[Integers, Floats]:
    """The best products of each customer: columns and scores, each (customers, count), the best first.

    `scores` (customers, products) is -inf where a product is not to be had; places without a product are -1 and -inf. Of equal scores the
    product that comes first wins.
    """
    customers, products = scores.shape
    if not customers or not products:
        return _listed(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), scores.ravel(), customers, count)
    row, column = np.divmod(np.flatnonzero(_may_be_among_the_best(scores, count)), products)
    return _listed(row, column, scores[row, column], customers, count)


def top_entries(scores: csr_array, count: int) -> tuple[Integers, Floats]:
    """The best products of each customer as `top_products` gives them, where few of the scores are there: those without an entry are -inf."""
    kept = [np.empty(0, dtype=np.int64)]
    for start, end in pairwise(scores.indptr):
        own = scores.data[start:end]
        bound = np.partition(own, len(own) - count)[-count] if len(own) > count else -np.inf
        kept.append(start + np.flatnonzero((own >= bound) & (own > -np.inf)))
    entry = np.concatenate(kept)
    row = np.searchsorted(scores.indptr, entry, side="right") - 1
    return _listed(row, scores.indices[entry], scores.data[entry], scores.shape[0], count)


def largest_entries(matrix: csr_array, most: int) -> csr_array:
    """The matrix without all but the `most` largest entries of each row; of equal ones the first."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    kept, _ = best_of_rows(row, matrix.indices, matrix.data, most)
    return coo_array((matrix.data[kept], (row[kept], matrix.indices[kept])), shape=matrix.shape).tocsr()


def best_of_rows(
    row: Integers, column: Integers, score: NDArray[np.floating[Any]], count: int
) -> tuple[Integers, Integers]:
    """Which of the scores (scores,) are among the first `count` of their rows, and at which place, from 0; of equal ones the first column."""
    order = np.lexsort((column, -score, row))
    in_order = row[order]
    place = np.arange(len(order)) - np.searchsorted(in_order, in_order)
    return order[place < count], place[place < count]


def _listed(row: Integers, column: Integers, score: Floats, customers: int, count: int) -> tuple[Integers, Floats]:
    """The best of the scores of rows and columns (scores,), as `top_products` gives them."""
    columns = np.full((customers, count), -1, dtype=np.int64)
    values = np.full((customers, count), -np.inf, dtype=np.float32)
    best, place = best_of_rows(row, column, score, count)
    columns[row[best], place] = column[best]
    values[row[best], place] = score[best]
    return columns, values


def recommended(
    recommender: Recommender,
    known: Known,
    customers: Integers,
    count: int,
    threads: int,
    excluded: csr_array | None = None,
) -> tuple[Integers, Floats]:
    """The best products of these customers by one recommender, as `top_products` gives them.

    Products with an entry in `excluded` (rows and columns as in `known.interactions`) are left out.
    """

    def of_block(block: Integers) -> tuple[Integers, Floats]:
        return top_products(without(recommender.scores(known, block), excluded, block), count)

    return stacked(in_blocks(of_block, blocks_of(customers, len(known.interactions.products)), threads), count)


def stacked(found: Iterable[tuple[Integers, Floats]], count: int) -> tuple[Integers, Floats]:
    """The lists of all blocks as one: columns and scores, each (customers, count); no customer without a block."""
    blocks = [(np.empty((0, count), dtype=np.int64), np.empty((0, count), dtype=np.float32)), *found]
    return np.vstack([columns for columns, _ in blocks]), np.vstack([values for _, values in blocks])


def without(scores: Floats, excluded: csr_array | None, customers: Integers) -> Floats:
    """The scores (customers, products), in place -inf for what is excluded of these customers."""
    if excluded is not None:
        of_block = excluded[customers]
        scores[np.repeat(np.arange(len(customers)), np.diff(of_block.indptr)), of_block.indices] = -np.inf
    return scores


def _may_be_among_the_best(scores: Floats, count: int) -> NDArray[np.bool_]:
    """Where a score is no less than a bound that at least `count` scores of its row reach, as far as it has so many.

    The bound is the count-th of the maxima of disjoint groups, where there are products enough for groups: two passes over the scores, where
    sorting or partitioning takes many.
    """
    customers, products = scores.shape
    groups = GROUPS_PER_PRODUCT * count
    if products >= 2 * groups:
        width = products // groups
        maxima = scores[:, : width * groups].reshape(customers, width, groups).max(axis=1)
    elif products > count:
        maxima = scores
    else:
        return np.asarray(scores > -np.inf)
    bound = np.partition(maxima, maxima.shape[1] - count, axis=1)[:, maxima.shape[1] - count]
    return np.asarray(scores >= np.maximum(bound, np.finfo(np.float32).min)[:, None])
