"""Category popularity: what is popular in the categories that the customer cares about."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from trendhouse.recommendation.candidate import Known, Recommender
from trendhouse.recommendation.confidence import confidence
from trendhouse.recommendation.interactions import Floats, Integers, Texts
from trendhouse.recommendation.pair_features import members
from trendhouse.recommendation.popularity_scores import SameForAll, popularity
from trendhouse.recommendation.read_once import ReadOnce
from trendhouse.recommendation.tensors import from_text, to_text


class CategoryPopularity:
    """Popularity, times how much more the customer cares for the product's category than all do."""

    def __init__(self, products: Texts, values: Floats, prior: float) -> None:
        """Popularity (products,) of the products of the fit; the weight, in confidence, of what all customers care for."""
        self._popular = SameForAll(products, values)
        self._prior = prior
        self._categories_of = ReadOnce(categories_of)

    def scores(self, known: Known, customers: Integers) -> Floats:
        """P(category | customer) x P(product | category) (customers, products); -inf where nobody has met the product.

        The customer's categories are drawn to everybody's: (confidence + m P(category)) / (all confidence + m).
        """
        category, belongs = self._categories_of(known.catalogue)
        values = self._popular.of_products(known)
        of_all = np.bincount(category, weights=np.maximum(values, 0), minlength=belongs.shape[1])
        share = of_all / max(of_all.sum(), 1e-9)
        cared = (confidence(known.interactions.weights[customers]) @ belongs).toarray()
        affinity = (cared + self._prior * share) / (cared.sum(axis=1, keepdims=True) + self._prior)
        chance = np.maximum(affinity / np.maximum(of_all, 1e-9), 1e-30).astype(np.float32)
        # What nobody has met stays at -inf.
        return np.asarray(chance[:, category] * values, dtype=np.float32)


class CategoryPopularityCandidate:
    """Popularity within categories, weighted by the customer's own."""

    algorithm = "category_popularity"
    is_baseline = True

    def parameters(self) -> Mapping[str, Any]:
        """Weight of what all customers care for, in confidence: about so many interactions."""
        return {"version": 1, "prior": 5.0}

    def fit(self, known: Known, parameters: Mapping[str, Any], threads: int) -> str | None:
        """Popularity of each product; None when nobody has met any."""
        values = popularity(known)
        if not (values > 0).any():
            return None
        prior = np.array([parameters["prior"]], dtype=np.float32)
        products = known.interactions.products[values > 0]
        return to_text({"products": products, "popularity": values[values > 0], "prior": prior})

    def load(self, artifact: str) -> Recommender:
        """The recommender of an artifact."""
        stored = from_text(artifact)
        values = stored["popularity"].astype(np.float32)
        return CategoryPopularity(
            stored["products"].astype(np.str_), values, float(stored["prior"].astype(np.float64)[0])
        )


def categories_of(catalogue: pa.Table) -> tuple[Integers, csr_array]:
    """Number of each product's category (products,), from 0, and who belongs to which; products without one share a number."""
    names = np.asarray(catalogue.column("category").fill_null("").to_pylist(), dtype=np.str_)
    category = np.unique(names, return_inverse=True)[1].astype(np.int64)
    return category, members(category)


CANDIDATE = CategoryPopularityCandidate()
