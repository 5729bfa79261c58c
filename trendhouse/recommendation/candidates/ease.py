"""EASE: a linear model of every product on all the others, in closed form."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array

from trendhouse.parallel import one_thread
from trendhouse.recommendation.candidate import Known, Recommender
from trendhouse.recommendation.confidence import column_sums, confidence, mean_confidence
from trendhouse.recommendation.interactions import Floats
from trendhouse.recommendation.neighbourhood import links_from_text, links_to_text, strongest
from trendhouse.recommendation.top_products import top_products


class EaseCandidate:
    """Embarrassingly shallow autoencoder (Steck 2019) with the regularisation of dropout on its input (Steck 2020, EDLAE).

    Memory and time go with the square and the cube of the number of products, so only those dealt with most take part.
    """

    algorithm = "ease"
    is_baseline = False

    def parameters(self) -> Mapping[str, Any]:
        """Ridge penalty (in customers), dropout rate, products that take part, and links kept of each.

        The penalty is at the low end of what Steck found best (200 to 1000), because dropout, at its usual rate, regularises as well.
        """
        return {"version": 1, "penalty": 100.0, "dropout": 0.5, "most_products": 5_000, "links": 500}

    def fit(self, known: Known, parameters: Mapping[str, Any], threads: int) -> str | None:
        """Products and the links between them; None when no customer has dealt with two of them."""
        weights = known.interactions.weights
        matrix = confidence(weights, mean_confidence(weights))
        popular = np.argsort(-column_sums(matrix), kind="stable")[: parameters["most_products"]]
        chosen = np.sort(popular)
        chosen_matrix = csr_array(matrix[:, chosen])
        one_thread()
        links = ease(chosen_matrix, parameters["penalty"], parameters["dropout"])
        if not links.any():
            return None
        size = np.where(links != 0, np.abs(links), -np.inf)
        columns, _ = top_products(size, parameters["links"])
        kept = strongest(columns, np.take_along_axis(links, np.maximum(columns, 0), axis=1), len(chosen)).tocoo()
        shape = (matrix.shape[1],) * 2
        placed = coo_array((kept.data, (chosen[kept.coords[0]], chosen[kept.coords[1]])), shape=shape)
        return links_to_text(known.interactions.products, placed.tocsr())

    def load(self, artifact: str) -> Recommender:
        """The recommender of an artifact."""
        return links_from_text(artifact)


def ease(matrix: csr_array, penalty: float, dropout: float) -> Floats:
    """Weights (products, products) B with an empty diagonal that minimise |X - XB|^2 + the penalties, X (customers, products).

    With P the inverse of X'X + penalty + dropout / (1 - dropout) diag(X'X), B is -P / diag(P), column by column.
    """
    gram = (matrix.T @ matrix).toarray().astype(np.float64)
    diagonal = np.diagonal(gram).copy()
    np.fill_diagonal(gram, diagonal + penalty + dropout / (1 - dropout) * diagonal)
    inverse = np.linalg.inv(gram)
    weights: Floats = (inverse / -np.diagonal(inverse)).astype(np.float32)
    np.fill_diagonal(weights, 0)
    # A product that shares no customer with another has nothing to do with it; rounding would say otherwise.
    weights[np.abs(weights) < np.float32(1e-7)] = 0
    return weights


CANDIDATE = EaseCandidate()
