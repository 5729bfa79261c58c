"""One score per product, the same for every customer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trendhouse.recommendation.candidate import Known, Recommender
from trendhouse.recommendation.confidence import column_sums, confidence
from trendhouse.recommendation.interactions import Floats, Integers, Interactions, Texts
from trendhouse.recommendation.read_once import ReadOnce
from trendhouse.recommendation.tensors import from_text, to_text


class SameForAll:
    """The same scores for every customer, whoever it is."""

    def __init__(self, products: Texts, values: Floats) -> None:
        """Scores (products,) of the products of the fit."""
        self._products, self._values = products, values
        self._scores_of = ReadOnce(self._placed)

    def scores(self, known: Known, customers: Integers) -> Floats:
        """The product's score (customers, products)."""
        return np.tile(self.of_products(known), (len(customers), 1))

    def of_products(self, known: Known) -> Floats:
        """Scores of today's products (products,); -inf for one that the fit had nothing to say about."""
        return self._scores_of(known.interactions)

    def _placed(self, interactions: Interactions) -> Floats:
        column = interactions.columns_of(self._products)
        scores = np.full(len(interactions.products), -np.inf, dtype=np.float32)
        scores[column[column >= 0]] = self._values[column >= 0]
        return scores


@dataclass(frozen=True)
class SameForAllCandidate:
    """Candidate: products by one score; `score` maps what is known and the parameters to (products,), above 0 where there is something to say."""

    algorithm: str
    score: Callable[[Known, Mapping[str, Any]], Floats]
    is_baseline: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)

    def parameters(self) -> Mapping[str, Any]:
        """Those of the score, and the version of this module."""
        return {"version": 1, **self.settings}

    def fit(self, known: Known, parameters: Mapping[str, Any], threads: int) -> str | None:
        """The products with a score; None when there is none."""
        scores = self.score(known, parameters)
        scored = scores > 0
        if not scored.any():
            return None
        return to_text({"products": known.interactions.products[scored], "scores": scores[scored].astype(np.float32)})

    def load(self, artifact: str) -> Recommender:
        """The recommender of an artifact."""
        stored = from_text(artifact)
        return SameForAll(stored["products"].astype(np.str_), stored["scores"].astype(np.float32))


def popularity(known: Known) -> Floats:
    """Summed confidence of each product's customers (products,): by recent interactions more, since their weights decay."""
    return column_sums(confidence(known.interactions.weights)).astype(np.float32)
