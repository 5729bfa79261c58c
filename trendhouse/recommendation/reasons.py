"""Why a product is on a list: which of the products that the customer dealt with speaks for it."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from trendhouse.recommendation.candidate import Known
from trendhouse.recommendation.confidence import confidence
from trendhouse.recommendation.interactions import Floats, Integers
from trendhouse.recommendation.pair_features import Entries
from trendhouse.recommendation.top_products import largest_entries

# Products of a customer, those dealt with most, of which one is named as the reason.
MOST_ANCHORS = 20
# Sources that look at no product of the customer's, and what their word for it is.
PLAIN = {"popularity": "popular", "category_popularity": "popular", "trending": "trending"}
# The source that goes by what products are; all others go by who deals with them.
BY_TEXT = "content"

Relation = Callable[[Integers, Integers], Floats]
"""How strongly one product speaks for another: columns of both (pairs,) -> (pairs,)."""

BUY_AGAIN, LOOKED_AT, GOES_WITH, RESEMBLES = "buy_again", "looked_at", "goes_with", "resembles"


class Reasons:
    """Reasons of pairs of customer and product. What is said is true of the pair, whichever way the source came to it."""

    def __init__(self, known: Known, links: csr_array | None, vectors: csr_array) -> None:
        """What is known; how strongly products go with each other (products, products), None where nobody can tell; their texts (products, terms)."""
        self._interactions = known.interactions
        self._own = confidence(known.interactions.weights)
        self._own_entries = Entries(self._own)
        # Without links nothing goes with anything.
        self._links = csr_array((len(known.interactions.products),) * 2, dtype=np.float32) if links is None else links
        self._link_entries = Entries(self._links)
        self._vectors = vectors

    def of(self, customer: Integers, column: Integers, source: Sequence[str]) -> tuple[list[str], Integers]:
        """Kind of reason and the column of the product it names, -1 for none, of each pair (pairs,) of row and column of the interactions.

        Bought before and looked at before come first; then, by the source that proposed it, what goes with the product or resembles it, as far as
        there is such a thing; then that it is popular or trending.
        """
        entry = self._own_entries.of(customer, column)
        bought = np.append(self._interactions.purchases.data, 0)[entry] > 0
        kinds = np.array([PLAIN.get(name, "") for name in source], dtype=object)
        anchor = np.full(len(column), -1, dtype=np.int64)
        sources = np.asarray(source, dtype=object)
        is_new = (entry < 0) & (kinds == "")
        asked = np.flatnonzero(is_new & (sources == BY_TEXT))
        anchor[asked] = self._strongest(customer[asked], column[asked], self._likeness)
        asked = np.flatnonzero(is_new & (sources != BY_TEXT))
        anchor[asked] = self._strongest(customer[asked], column[asked], self._link)
        kinds[is_new & (anchor >= 0)] = GOES_WITH
        kinds[is_new & (anchor >= 0) & (sources == BY_TEXT)] = RESEMBLES
        kinds[entry >= 0] = LOOKED_AT
        kinds[(entry >= 0) & bought] = BUY_AGAIN
        kinds[kinds == ""] = "popular"
        return kinds.tolist(), anchor

    def was_bought(self, customer: Integers, column: Integers) -> NDArray[np.bool_]:
        """Whether the customer bought the product in the days that count (pairs,); false for column -1."""
        entry = self._own_entries.of(customer, column)
        bought = np.append(self._interactions.purchases.data, 0)[entry] > 0
        return np.asarray(bought & (entry >= 0) & (column >= 0))

    def _link(self, one: Integers, other: Integers) -> Floats:
        """How strongly two products go with each other (pairs,), 0 where they do not."""
        entry = self._link_entries.of(one, other)
        return np.where(entry >= 0, np.append(self._links.data, 0)[entry], 0).astype(np.float32)

    def _likeness(self, one: Integers, other: Integers) -> Floats:
        """Cosine of two products' texts (pairs,)."""
        cosine = self._vectors[one].multiply(self._vectors[other]).sum(axis=1)
        return np.asarray(cosine, dtype=np.float32).ravel()

    def _strongest(self, customer: Integers, column: Integers, relation: Relation) -> Integers:
        """Of the customer's products the one whose confidence times relation to the product is largest (pairs,); -1 where none is above 0."""
        strongest = np.full(len(column), -1, dtype=np.int64)
        if not len(column):
            return strongest
        people, row = np.unique(customer, return_inverse=True)
        own = largest_entries(csr_array(self._own[people]), MOST_ANCHORS)
        length = np.diff(own.indptr)[row]
        pair = np.repeat(np.arange(len(column)), length)
        first = np.cumsum(length) - length
        entry = own.indptr[row][pair] + np.arange(len(pair)) - first[pair]
        anchors = own.indices[entry].astype(np.int64)
        worth = own.data[entry] * relation(anchors, column[pair])
        order = np.lexsort((anchors, -worth, pair))
        best = order[np.searchsorted(pair, np.flatnonzero(length > 0))]
        best = best[worth[best] > 0]
        strongest[pair[best]] = anchors[best]
        return strongest
