"""What the ranking of proposals knows of a customer, a product and the two together."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from trendhouse.recommendation.candidate import Known
from trendhouse.recommendation.confidence import confidence
from trendhouse.recommendation.interactions import Floats, Integers

Doubles = NDArray[np.float64]

GROUPS = ("category", "subcategory", "brand", "seller_id")
RECENT_DAYS = 28
NAMES = (
    "customer_products",
    "customer_confidence",
    "customer_days_since_last",
    "customer_price_position",
    "product_customers",
    "product_recent_share",
    "product_days_since_last",
    "product_days_since_first",
    "product_price_position",
    "price_position_difference",
    *(f"{name}_affinity" for name in GROUPS),
    "own_weight",
    "own_purchases",
    "own_days_ago",
)
"""The features, in their order. Price positions run from 0 (cheapest of its category) to 1; affinities are shares of the customer's confidence."""


class PairFeatures:
    """Features of pairs of customer and product, as of the day of what is known; what pairs have in common is worked out once."""

    def __init__(self, known: Known) -> None:
        """What is known: the history in it and the catalogue."""
        self._known = known
        interactions = known.interactions
        self._confidence = confidence(interactions.weights)
        groups = [groups_of(known.catalogue, name) for name in GROUPS]
        self._groups = [(group, members(group)) for group in groups]
        self._price = price_positions(known.catalogue, groups[0])
        self._products = np.column_stack([_product_activity(interactions.days_ago), self._price])

    def of(self, customers: Integers, row: Integers, column: Integers) -> Floats:
        """Features (pairs, NAMES) of the pairs of `row` (place in `customers`, which are rows of the interactions) and product `column`.

        NaN where there is nothing to tell: no price, no brand, never met.
        """
        interactions = self._known.interactions
        matrix, days_ago = csr_array(self._confidence[customers]), csr_array(interactions.days_ago[customers])
        owner = np.repeat(np.arange(len(customers)), np.diff(matrix.indptr))
        total = np.bincount(owner, weights=matrix.data, minlength=len(customers)).astype(np.float64)
        last = np.full(len(customers), np.nan)
        np.fmin.at(last, owner, days_ago.data)
        price = _mean_by_row(self._price[matrix.indices], matrix.data, owner, len(customers))
        affinities = [_affinity(matrix, total, group, members, row, column) for group, members in self._groups]
        entry = own_entries(matrix, row, column)
        own = [
            np.where(entry >= 0, np.append(csr_array(values[customers]).data, np.nan)[entry], np.nan)
            for values in (interactions.weights, interactions.purchases, interactions.days_ago)
        ]
        of_customer = np.column_stack([np.diff(matrix.indptr), total, last, price])[row]
        of_product = self._products[column]
        difference = of_product[:, -1] - price[row]
        return np.column_stack([of_customer, of_product, difference, *affinities, *own]).astype(np.float32)


def groups_of(catalogue: pa.Table, name: str) -> Integers:
    """Number of each product's group by one column of the catalogue (products,), from 0; -1 where there is none."""
    if name not in catalogue.column_names:
        return np.full(catalogue.num_rows, -1, dtype=np.int64)
    encoded = catalogue.column(name).combine_chunks().dictionary_encode().indices
    return np.asarray(encoded.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)


def price_positions(catalogue: pa.Table, category: Integers) -> Doubles:
    """Place of each product's price among those of its category (products,), 0 the cheapest, 1 the dearest; NaN without a price."""
    if "list_price_amount" not in catalogue.column_names:
        return np.full(catalogue.num_rows, np.nan)
    price = catalogue.column("list_price_amount").to_numpy().astype(np.float64)
    order = np.lexsort((price, category))
    order = order[~np.isnan(price[order])]
    sizes = np.bincount(category[order] + 1)
    starts = np.cumsum(sizes) - sizes
    place = np.arange(len(order)) - starts[category[order] + 1]
    position = np.full(len(price), np.nan)
    position[order] = (place + 0.5) / sizes[category[order] + 1]
    return position


class Entries:
    """Where the entries of a matrix (columns in order) stand in its data, looked up by row and column; set up once for many look-ups."""

    def __init__(self, matrix: csr_array) -> None:
        """The matrix."""
        self._width = matrix.shape[1]
        self._keys = np.repeat(np.arange(matrix.shape[0]) * self._width, np.diff(matrix.indptr)) + matrix.indices

    def of(self, row: Integers, column: Integers) -> Integers:
        """Place of each pair's entry (pairs,); -1 where there is none."""
        if not len(self._keys):
            return np.full(len(row), -1, dtype=np.int64)
        wanted = row * self._width + column
        place = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        return np.where(self._keys[place] == wanted, place, -1).astype(np.int64)


def own_entries(matrix: csr_array, row: Integers, column: Integers) -> Integers:
    """Where in the data of a matrix (columns in order) the entry of each pair stands (pairs,); -1 where there is none."""
    return Entries(matrix).of(row, column)


def _product_activity(days_ago: csr_array) -> Doubles:
    """Of each product (products, 4): customers, the share of them met last in RECENT_DAYS, days since the last and since the first of these."""
    products = days_ago.shape[1]
    customers = np.bincount(days_ago.indices, minlength=products)
    recent = np.bincount(days_ago.indices[days_ago.data <= RECENT_DAYS], minlength=products)
    last, first = np.full(products, np.nan), np.full(products, np.nan)
    np.fmin.at(last, days_ago.indices, days_ago.data)
    np.fmax.at(first, days_ago.indices, days_ago.data)
    return np.column_stack([customers, recent / np.maximum(customers, 1), last, first])


def _mean_by_row(values: Doubles, weights: Floats, row: Integers, rows: int) -> Doubles:
    """Weighted mean of the values that are known (rows,); NaN without one."""
    weights = np.where(np.isnan(values), 0, weights)
    total = np.bincount(row, weights=weights, minlength=rows)
    summed = np.bincount(row, weights=weights * np.nan_to_num(values), minlength=rows)
    mean = np.divide(summed, total, out=np.full(rows, np.nan), where=total > 0)
    return np.asarray(mean, dtype=np.float64)


def members(group: Integers) -> csr_array:
    """Matrix (products, groups) with a 1 in the group of each product that has one."""
    known = np.flatnonzero(group >= 0)
    shape = (len(group), int(group.max(initial=-1)) + 1)
    return coo_array((np.ones(len(known), dtype=np.float32), (known, group[known])), shape=shape).tocsr()


def _affinity(
    matrix: csr_array, total: Doubles, group: Integers, members: csr_array, row: Integers, column: Integers
) -> Doubles:
    """Share of the customer's confidence that is in the product's group (pairs,); NaN where the product has none."""
    if not members.shape[1]:
        return np.full(len(row), np.nan)
    cared = (matrix @ members).toarray()[row, group[column]] / np.maximum(total[row], 1e-9)
    return np.asarray(np.where(group[column] >= 0, cared, np.nan), dtype=np.float64)
