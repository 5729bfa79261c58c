"""Content: what resembles, in text, category, brand and price, that which the customer dealt with. Knows new products as well as old ones."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from trendhouse.recommendation.candidate import Known
from trendhouse.recommendation.interactions import Floats, Integers
from trendhouse.recommendation.product_text import (
    MAX_TERMS,
    MIN_PRODUCTS,
    Vocabulary,
    learn_vocabulary,
    of_length_one,
    product_vectors,
)
from trendhouse.recommendation.read_once import ReadOnce
from trendhouse.recommendation.tensors import from_text, to_text


class ContentRecommender:
    """A customer is the mean of the products dealt with, weighted; a product counts as much as it points the same way (cosine)."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """What the terms weigh; the products' own terms come with the catalogue, so that a new product needs no new fit."""
        self.vocabulary = vocabulary
        self._vectors = ReadOnce(partial(product_vectors, vocabulary=vocabulary))

    def scores(self, known: Known, customers: Integers) -> Floats:
        """Cosine of customer and product, above 0 to 1; -inf where they share no term."""
        vectors = self.product_vectors(known)
        profiles = of_length_one(known.interactions.weights[customers] @ vectors)
        # Few terms of a product meet many of a customer: sparse times dense is several times as fast as sparse times sparse.
        cosines = (vectors @ profiles.T.toarray()).T
        return np.where(cosines > 0, cosines, -np.inf).astype(np.float32)

    def product_vectors(self, known: Known) -> csr_array:
        """What is written about today's products (products, terms), of length 1; 0 without a known term."""
        return self._vectors(known.catalogue)


class ContentCandidate:
    """Content-based filtering (Lops, de Gemmis and Semeraro 2011) on TF-IDF vectors."""

    algorithm = "content"
    is_baseline = False

    def parameters(self) -> Mapping[str, Any]:
        """Products that have to share a term for it to count, and terms at most."""
        return {"version": 1, "min_products": MIN_PRODUCTS, "max_terms": MAX_TERMS}

    def fit(self, known: Known, parameters: Mapping[str, Any], threads: int) -> str | None:
        """Vocabulary and weights; None when products have no term in common or nobody has dealt with any."""
        if known.interactions.weights.nnz == 0:
            return None
        vocabulary = learn_vocabulary(known.catalogue, parameters["min_products"], parameters["max_terms"])
        return None if vocabulary is None else to_text({"terms": vocabulary.terms, "weights": vocabulary.weights})

    def load(self, artifact: str) -> ContentRecommender:
        """The recommender of an artifact."""
        stored = from_text(artifact)
        return ContentRecommender(Vocabulary(stored["terms"].astype(np.str_), stored["weights"].astype(np.float32)))


CANDIDATE = ContentCandidate()
