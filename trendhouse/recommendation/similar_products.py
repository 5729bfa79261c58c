"""Each product's neighbours: alike by who deals with them, by what is written about them, or, failing both, of the same category.

Behaviour and content are not two votes. Content says what similarity of behaviour to expect of a pair, and the behaviour of many customers overrules
it: score = (a.b + shrinkage x expected) / (|a| |b| + shrinkage), where a and b are the confidences of two products' customers, and `expected` is the
content cosine times what a content cosine of 1 has been worth in this shop. This is the shrunk cosine of the item neighbourhoods (Dacrema, Cremonesi
and Jannach 2019), drawn to an expectation and not to 0 (empirical Bayes, Efron and Morris 1973): a product that nobody met has its content alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array

from trendhouse.artifacts import Fit
from trendhouse.parallel import in_blocks
from trendhouse.recommendation.candidate import Known
from trendhouse.recommendation.candidates import content, item_cosine
from trendhouse.recommendation.confidence import confidence, mean_confidence
from trendhouse.recommendation.interactions import Floats, Integers, Texts
from trendhouse.recommendation.places import evenly
from trendhouse.recommendation.popularity_scores import popularity
from trendhouse.recommendation.repeated import REPEATED, repeated
from trendhouse.recommendation.top_products import blocks_of, stacked, top_products

ALGORITHMS = ("item_cosine", "content")
"""The fits that `similar_products` reads."""

PLACES = 20
SHOWN_COLUMNS = ("product_id", "category", "is_shown")
"""Columns of `ml_recommendation__shown_products` that `similar_products` reads."""

# What content is worth is learnt from so many products, evenly spaced, against all.
LEARNT_FROM = 2000
# Where no behaviour bears content out it still orders the products that nobody met.
LEAST_WORTH = 0.001
# Arrays of products x products that stand side by side while a block is scored.
ARRAYS_AT_A_TIME = 3

# A word in more than a tenth of the products gives no reason.
LEAST_WORD_WEIGHT = 1 + np.log(10)
WORDS_SHOWN = 2
PAIRS_OF_WORDS_AT_A_TIME = 100_000

SIMILAR_SCHEMA = pa.schema(
    [
        ("product_id", REPEATED),
        ("other_product_id", REPEATED),
        ("fallback_level", REPEATED),
        ("shared_words", pa.string()),
        ("place", pa.int64()),
        ("score", pa.float64()),
        ("behaviour_similarity", pa.float64()),
        ("content_similarity", pa.float64()),
        ("behaviour_weight", pa.float64()),
        ("expected_similarity", pa.float64()),
        ("behaviour_fit_id", REPEATED),
        ("content_fit_id", REPEATED),
        ("as_of_date", pa.date32()),
    ]
)
"""Columns of `ml_recommendation__similar_products`."""

NO_CATEGORY = "unknown"
LEVELS = ("behaviour", "content", "category", "global")
# Not filled in: what says most for it, behaviour or content, comes with its measures.
FOUND = -1


@dataclass(frozen=True)
class Likeness:
    """What behaviour and content say of pairs of products, from each of n products to each of m others.

    `links` (n, m): cosine of confidences, shrunk to 0. `lengths` (n,) and `other_lengths` (m,) of the confidences, in customers of average interest.
    `vectors` (n, terms) of length 1, and `other_terms` (terms, m), those of the others in columns.
    """

    links: csr_array
    lengths: Floats
    other_lengths: Floats
    vectors: csr_array
    other_terms: csr_array
    shrinkage: float

    def behaviour(self, rows: Integers) -> Floats:
        """Shrunk cosine of customers (rows, m); 0 where a pair shares none, or is not among the links that were kept."""
        return np.asarray(self.links[rows].toarray(), dtype=np.float32)

    def content(self, rows: Integers) -> Floats:
        """Cosine of what is written (rows, m)."""
        return np.asarray((self.vectors[rows] @ self.other_terms).toarray(), dtype=np.float32)

    def rests_on(self, rows: Integers) -> Floats:
        """How many customers the cosine of a pair rests on, about (rows, m)."""
        both: Floats = self.lengths[rows][:, None] * self.other_lengths
        return both

    def worth(self, threads: int) -> float:
        """Cosine of customers that goes with a content cosine of 1: least squares through the origin, by weight; at most 1."""
        products = self.links.shape[0]
        rows = evenly(np.arange(products), LEARNT_FROM)

        def of_block(block: Integers) -> tuple[float, float]:
            contents, rests_on = self.content(block), self.rests_on(block)
            together = np.sum(self.behaviour(block) * contents, dtype=np.float64)
            alone = np.sum(rests_on / (rests_on + np.float32(self.shrinkage)) * contents**2, dtype=np.float64)
            return float(together), float(alone)

        sums = list(in_blocks(of_block, self._blocks(rows), threads))
        together, alone = sum(one for one, _ in sums), sum(one for _, one in sums)
        return float(np.clip(together / alone, LEAST_WORTH, 1)) if alone else 1.0

    def best(self, own: Integers, worth: float, threads: int) -> tuple[Integers, Floats]:
        """The PLACES best others of every product, as `top_products` gives them; `own` (n,): its place among the others, -1 for none."""

        def of_block(rows: Integers) -> tuple[Integers, Floats]:
            # behaviour + (1 - weight) x worth x content, in place.
            scores = self.content(rows)
            scores *= np.float32(worth * self.shrinkage)
            scores /= self.rests_on(rows) + np.float32(self.shrinkage)
            scores += self.behaviour(rows)
            scores[scores <= 0] = -np.inf
            is_among = np.flatnonzero(own[rows] >= 0)
            scores[is_among, own[rows[is_among]]] = -np.inf
            return top_products(scores, PLACES)

        return stacked(in_blocks(of_block, self._blocks(np.arange(len(own))), threads), PLACES)

    def _blocks(self, rows: Integers) -> Sequence[Integers]:
        return list(blocks_of(rows, ARRAYS_AT_A_TIME * len(self.other_lengths)))


def similar_products(known: Known, shown: pa.Table, fits: Sequence[Fit], threads: int, as_of_date: date) -> pa.Table:
    """What may be shown beside every product, PLACES others at most: rows of SIMILAR_SCHEMA.

    `shown` has SHOWN_COLUMNS, one row per product, those that the catalogue does not list too. `fits` are those of ALGORITHMS, as far as there
    are any. Where the two sources find fewer neighbours than there are places, the popular products of the category follow, and those of the shop.
    """
    shown = shown.sort_by("product_id")
    names = np.asarray(shown.column("product_id").to_pylist(), dtype=np.str_)
    categories = np.asarray(shown.column("category").to_pylist(), dtype=np.str_)
    # Products are counted in three ways: all of `names`, those that the catalogue lists, and the others, which may be shown.
    listed = known.interactions.columns_of(names)
    others = np.flatnonzero(shown.column("is_shown").to_numpy() & (listed >= 0))
    if not len(others):
        return SIMILAR_SCHEMA.empty_table()
    by_algorithm = {fit.algorithm: fit for fit in fits}
    likeness, terms = _likeness(known, by_algorithm, listed[others])
    own = np.full(len(known.interactions.products), -1, dtype=np.int64)
    own[listed[others]] = np.arange(len(others))
    worth = likeness.worth(threads)
    best, scores = likeness.best(own, worth, threads)

    found = np.full((len(names), PLACES), -1, dtype=np.int64)
    found[listed >= 0] = best[listed[listed >= 0]]
    filled, levels = _filled(found, others, popularity(known)[listed[others]], categories)
    row, place = np.nonzero(filled >= 0)
    other, level = filled[row, place], levels[row, place]

    # What was filled in has neither similarities nor words.
    measures, words = np.zeros((4, len(row))), np.full(len(row), None, dtype=object)
    is_found = level == FOUND
    pairs = listed[row[is_found]], other[is_found]
    measures[:, is_found] = scores[pairs[0], place[is_found]], *_measures(likeness, *pairs)
    words[is_found] = _shared_words(likeness, terms, *pairs)
    score, behaviour, contents, weight = measures
    expected = worth * contents
    is_by_behaviour = (behaviour > 0) & (behaviour >= (1 - weight) * expected)
    level = np.where(is_found, np.where(is_by_behaviour, LEVELS.index("behaviour"), LEVELS.index("content")), level)
    return pa.Table.from_arrays(
        [
            repeated(row, names),
            repeated(others[other], names),
            repeated(level, np.asarray(LEVELS)),
            pa.array(words.tolist(), pa.string()),
            pa.array(place + 1),
            *(pa.array(np.round(column, 6)) for column in (score, behaviour, contents, weight, expected)),
            *(_same(by_algorithm.get(name), len(row)) for name in ALGORITHMS),
            pa.array(np.full(len(row), np.datetime64(as_of_date, "D"))),
        ],
        schema=SIMILAR_SCHEMA,
    )


def _likeness(known: Known, fits: dict[str, Fit], others: Integers) -> tuple[Likeness, Texts]:
    """What the fits say, from every product of the day to the `others`, and the terms of the content vectors."""
    interactions = known.interactions
    products = len(interactions.products)
    links, shrinkage = csr_array((products, products), dtype=np.float32), 1.0
    lengths = np.zeros(products, dtype=np.float32)
    if (fit := fits.get("item_cosine")) is not None:
        links = item_cosine.CANDIDATE.load(fit.artifact).between(interactions)
        shrinkage = float(fit.parameters["shrinkage"])
        sure = confidence(interactions.weights, mean_confidence(interactions.weights))
        squares = np.bincount(sure.indices, weights=sure.data.astype(np.float64) ** 2, minlength=products)
        lengths = np.sqrt(squares).astype(np.float32)
    vectors, terms = csr_array((products, 1), dtype=np.float32), np.asarray([""], dtype=np.str_)
    if (fit := fits.get("content")) is not None:
        by_content = content.CANDIDATE.load(fit.artifact)
        vectors, terms = by_content.product_vectors(known), _reasons(by_content)
    likeness = Likeness(
        links[:, others].tocsr(), lengths, lengths[others], vectors, vectors[others].T.tocsr(), shrinkage
    )
    return likeness, terms


def _reasons(by_content: content.ContentRecommender) -> Texts:
    """The terms (terms,) that can be a reason: words, not numbers, that few products have; an empty text for the others."""
    terms, weights = by_content.vocabulary.terms, by_content.vocabulary.weights
    is_label = np.char.find(terms, ":") >= 0
    return np.where((weights >= LEAST_WORD_WEIGHT) & ~is_label & ~np.char.isnumeric(terms), terms, "")


def _measures(likeness: Likeness, rows: Integers, others: Integers) -> NDArray[np.float64]:
    """Behaviour, content and weight of behaviour of pairs (3, pairs)."""
    behaviour, contents = np.zeros(len(rows)), np.zeros(len(rows))
    other_vectors = likeness.other_terms.T.tocsr()
    for start in range(0, len(rows), PAIRS_OF_WORDS_AT_A_TIME):
        block = slice(start, start + PAIRS_OF_WORDS_AT_A_TIME)
        behaviour[block] = likeness.links[rows[block], others[block]]
        both = likeness.vectors[rows[block]].multiply(other_vectors[others[block]])
        contents[block] = both.sum(axis=1)
    rests_on = likeness.lengths[rows].astype(np.float64) * likeness.other_lengths[others]
    return np.vstack([behaviour, contents, rests_on / (rests_on + likeness.shrinkage)])


def _shared_words(likeness: Likeness, terms: Texts, rows: Integers, others: Integers) -> list[str | None]:
    """The words that make the two products of each pair most alike, at most WORDS_SHOWN, with a comma between; None when there are none."""
    is_word = np.flatnonzero(terms != "")
    words, vectors, other_vectors = (
        terms[is_word],
        likeness.vectors[:, is_word],
        likeness.other_terms[is_word].T.tocsr(),
    )
    found: list[str | None] = []
    for start in range(0, len(rows), PAIRS_OF_WORDS_AT_A_TIME):
        block = slice(start, start + PAIRS_OF_WORDS_AT_A_TIME)
        both = csr_array(vectors[rows[block]].multiply(other_vectors[others[block]]))
        pair = np.repeat(np.arange(both.shape[0]), np.diff(both.indptr))
        order = np.lexsort((both.indices, -both.data, pair))
        starts, column = both.indptr[:-1], both.indices[order]
        ends = np.minimum(both.indptr[1:], starts + WORDS_SHOWN)
        found += [
            ", ".join(words[column[one:end]]) if end > one else None for one, end in zip(starts, ends, strict=True)
        ]
    return found


def _filled(found: Integers, others: Integers, popular: Floats, categories: Texts) -> tuple[Integers, Integers]:
    """Places among the others (products, PLACES), -1 where there are none left, and the level of what was filled in, FOUND for the rest.

    `popular` (others,); `categories` (products,).
    """
    filled, levels = found.copy(), np.full(found.shape, FOUND, dtype=np.int64)
    order = np.lexsort((others, -popular))
    of_category = categories[others[order]]
    # A product itself and what is in its list already take places of these.
    candidates = {
        category: np.concatenate([order[of_category == category], order[of_category != category]])[: 2 * PLACES]
        for category in np.unique(categories)
    }
    for product in np.flatnonzero((found < 0).any(axis=1)):
        wanted = candidates[categories[product]]
        count = int((found[product] >= 0).sum())
        free = ~np.isin(wanted, found[product]) & (others[wanted] != product)
        chosen = wanted[free][: PLACES - count]
        filled[product, count : count + len(chosen)] = chosen
        is_same = (categories[others[chosen]] == categories[product]) & (categories[product] != NO_CATEGORY)
        levels[product, count : count + len(chosen)] = np.where(
            is_same, LEVELS.index("category"), LEVELS.index("global")
        )
    return filled, levels


def _same(fit: Fit | None, rows: int) -> pa.DictionaryArray:
    """The fit_id for every row; null without a fit."""
    places = pa.array(np.zeros(rows, dtype=np.int32), mask=np.full(rows, fit is None))
    return pa.DictionaryArray.from_arrays(places, pa.array([fit.fit_id if fit else ""], pa.string()))
