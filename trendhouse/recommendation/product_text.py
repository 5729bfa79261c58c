"""What is written about products, as vectors: TF-IDF over their names, descriptions, categories, brands and prices."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from trendhouse.recommendation.interactions import Floats, Texts

WORDS = re.compile(r"[^\W_]+")
# Scripts written without spaces: a run of them is no word, its pairs of characters come close to words.
UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")

# Products that have to share a term for it to count, and terms at most.
MIN_PRODUCTS = 2
MAX_TERMS = 20_000
TEXT_COLUMNS = ("name", "description")
LABEL_COLUMNS = ("category", "subcategory", "brand")


@dataclass(frozen=True)
class Vocabulary:
    """The terms that count (terms,), sorted and unique, and the weight of each (terms,): ln((1 + n) / (1 + n with it)) + 1 of n products."""

    terms: Texts
    weights: Floats


def learn_vocabulary(catalogue: pa.Table, min_products: int, max_terms: int) -> Vocabulary | None:
    """The terms of a catalogue (columns as in `Known.catalogue`) that at least `min_products` share, the commonest when more than `max_terms`.

    A term of one product connects it with no other. None when no term is shared.
    """
    documents = list(product_terms(catalogue))
    counter = CountVectorizer(analyzer=_as_is, min_df=min_products, max_features=max_terms, dtype=np.float32)
    try:
        counts = counter.fit_transform(documents)
    except ValueError:  # scikit-learn's word for a vocabulary without terms
        return None
    idf = TfidfTransformer().fit(counts).idf_
    return Vocabulary(np.asarray(counter.get_feature_names_out(), dtype=np.str_), idf.astype(np.float32))


def product_vectors(catalogue: pa.Table, vocabulary: Vocabulary) -> csr_array:
    """TF-IDF of every product of the catalogue, float32 (products, terms): (1 + ln count) x weight, of length 1; 0 without a known term.

    Products need not be those the vocabulary was learnt from. Source: Salton and Buckley 1988.
    """
    counter = CountVectorizer(analyzer=_as_is, vocabulary=vocabulary.terms.tolist(), dtype=np.float32)
    counts = csr_array(counter.transform(product_terms(catalogue)))
    counts.data = (1 + np.log(counts.data)) * vocabulary.weights[counts.indices]
    return of_length_one(counts)


def text_vectors(catalogue: pa.Table) -> csr_array:
    """Vectors of a catalogue in its own terms, as `product_vectors` gives them; a single column of nothing where no term is shared."""
    vocabulary = learn_vocabulary(catalogue, MIN_PRODUCTS, MAX_TERMS)
    if vocabulary is None:
        return csr_array((catalogue.num_rows, 1), dtype=np.float32)
    return product_vectors(catalogue, vocabulary)


def of_length_one(rows: csr_array) -> csr_array:
    """The rows, each divided by its length; rows of nothing stay so."""
    lengths = np.sqrt(rows.multiply(rows).sum(axis=1))
    scale = np.divide(1, lengths, out=np.zeros(len(lengths)), where=lengths > 0)
    return csr_array(
        ((rows.data * np.repeat(scale, np.diff(rows.indptr))).astype(np.float32), rows.indices, rows.indptr),
        shape=rows.shape,
    )


def product_terms(catalogue: pa.Table) -> Iterator[list[str]]:
    """The terms of each product, in the catalogue's order: words of its texts; labels and the size of its price as one term each."""
    texts = [catalogue.column(name).to_pylist() for name in TEXT_COLUMNS]
    labels = [catalogue.column(name).to_pylist() for name in LABEL_COLUMNS]
    prices = _price_classes(catalogue)
    for row in range(catalogue.num_rows):
        terms = [word for column in texts if column[row] for word in words(column[row])]
        terms += [f"{name}:{column[row]}" for name, column in zip(LABEL_COLUMNS, labels, strict=True) if column[row]]
        yield terms if prices[row] is None else [*terms, f"price:{prices[row]}"]


def words(text: str) -> Iterator[str]:
    """Words in lower case; pairs of neighbouring characters where a script has no spaces."""
    for word in WORDS.findall(text.lower()):
        for unspaced in UNSPACED.findall(word):
            yield from (unspaced[place : place + 2] for place in range(max(len(unspaced) - 1, 1)))
        yield from filter(None, UNSPACED.split(word))


def _price_classes(catalogue: pa.Table) -> Sequence[int | None]:
    """Whole powers of two that prices reach, so that half and double the price are the next class; None without a price."""
    prices: NDArray[np.float64] = catalogue.column("list_price_amount").to_numpy().astype(np.float64)
    return [int(np.floor(np.log2(price))) if price > 0 else None for price in prices]


def _as_is(terms: list[str]) -> list[str]:
    return terms
