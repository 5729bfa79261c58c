"""ALS: matrix factorisation of implicit feedback by alternating least squares."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from trendhouse.parallel import in_blocks, one_thread
from trendhouse.recommendation.candidate import Known
from trendhouse.recommendation.confidence import confidence, mean_confidence
from trendhouse.recommendation.interactions import Floats, Integers, Interactions, Texts
from trendhouse.recommendation.read_once import ReadOnce
from trendhouse.recommendation.tensors import from_text, to_text

# Numbers gathered at a time while a block of systems is set up: 32 MB.
NUMBERS_AT_A_TIME = 8_000_000


@dataclass(frozen=True)
class Loss:
    """What the factors minimise, over customers u and products i with inner products s: sum over pairs that met c (1 - s)^2, plus
    `unobserved` x sum over all pairs s^2, plus `penalty` x (pairs that met + `unobserved` x all pairs) of each factor, squared.

    Hu, Koren and Volinsky 2008, with the weights and the frequency-scaled penalty of Rendle et al. 2022, without which it falls behind. `unit` is
    the weight that counts as 1.
    """

    unit: float
    unobserved: float
    penalty: float


def solve(matrix: csr_array, factors: Floats, loss: Loss, threads: int) -> Floats:
    """Factors (rows, rank) of the rows of a matrix of confidences (rows, columns), given the factors (columns, rank) of its columns.

    A row without an entry has factors of 0, and a column whose factors are 0 counts for nothing. Rows of like length are solved together; which
    ones, is the same on any number of threads. A row of fewer entries than factors is solved in its entries (Woodbury's identity), on the axes of
    the Gram matrix, where all that rows share is diagonal.
    """
    rank, others_known = factors.shape[1], np.count_nonzero(factors.any(axis=1))
    one_thread()
    gram = loss.unobserved * (factors.T @ factors)
    spectrum, axes = np.linalg.eigh(gram.astype(np.float64))
    spectrum, axes = np.maximum(spectrum, 0).astype(np.float32), axes.astype(np.float32)
    turned = factors @ axes
    length = np.diff(matrix.indptr)
    order = np.argsort(length, kind="stable")

    def of_block(rows: Integers) -> Floats:
        width = int(length[rows].max())
        entry = matrix.indptr[rows][:, None] + np.arange(width)
        is_there = np.arange(width) < length[rows][:, None]
        entry = np.where(is_there, entry, 0)
        weights = np.where(is_there, matrix.data[entry], 0).astype(np.float32)
        strength = (loss.penalty * (length[rows] + loss.unobserved * others_known)).astype(np.float32)
        if width < rank:
            found = _in_entries(turned[matrix.indices[entry]], weights, spectrum + strength[:, None])
            return np.asarray(found @ axes.T)
        others = factors[matrix.indices[entry]]
        weighted = others * weights[:, :, None]
        systems = weighted.transpose(0, 2, 1) @ others + gram
        systems[:, np.arange(rank), np.arange(rank)] += strength[:, None]
        return np.linalg.solve(systems, weighted.sum(axis=1)[:, :, None])[:, :, 0]

    solved = np.zeros((matrix.shape[0], rank), dtype=np.float32)
    blocks = list(_blocks_of_like_length(order[length[order] > 0], length, rank))
    for rows, found in zip(blocks, in_blocks(of_block, blocks, threads), strict=True):
        solved[rows] = found
    return solved


def _in_entries(others: Floats, weights: Floats, diagonal: Floats) -> Floats:
    """(D + U'CU)^-1 U'C 1 (rows, rank) as D^-1 U'W (1 + W U D^-1 U'W)^-1 W 1, with W the root of C.

    `others` (rows, entries, rank) is U, `weights` (rows, entries) is C, `diagonal` (rows, rank) is D.
    """
    roots = np.sqrt(weights)
    scaled = others * roots[:, :, None]
    divided = scaled / diagonal[:, None, :]
    systems = divided @ scaled.transpose(0, 2, 1)
    systems[:, np.arange(roots.shape[1]), np.arange(roots.shape[1])] += 1
    found = np.linalg.solve(systems, roots[:, :, None])
    return np.asarray((divided.transpose(0, 2, 1) @ found)[:, :, 0])


def _blocks_of_like_length(rows: Integers, length: Integers, rank: int) -> list[Integers]:
    """Rows, the shortest first, in blocks that gather no more than NUMBERS_AT_A_TIME once filled up to the longest, a single row apart."""
    blocks, start = [], 0
    while start < len(rows):
        # The longest row of a block decides what it gathers, so a block is tried at its largest and cut to fit.
        most = max(NUMBERS_AT_A_TIME // (rank * max(int(length[rows[start]]), rank)), 1)
        block = rows[start : start + most]
        fits = np.arange(1, len(block) + 1) * np.maximum(length[block], rank) * rank <= NUMBERS_AT_A_TIME
        block = block[: max(int(np.argmin(fits)) if not fits.all() else len(block), 1)]
        blocks.append(block)
        start += len(block)
    return blocks


class AlsRecommender:
    """Inner products of factors; a customer's are worked out from what is known of it now, so that new customers need no new fit."""

    def __init__(self, products: Texts, factors: Floats, loss: Loss) -> None:
        """Factors (products, rank) of the products of the fit."""
        self._products, self._factors, self._loss = products, factors, loss
        self._factors_of = ReadOnce(self._placed)

    def scores(self, known: Known, customers: Integers) -> Floats:
        """About 1 for what the customer deals with, about 0 for what is not for it; -inf for unknown products and customers without a known one."""
        product, customer = self.product_factors(known), self.customer_factors(known, customers)
        one_thread()
        scores: Floats = customer @ product.T
        scores[:, ~product.any(axis=1)] = -np.inf
        scores[~customer.any(axis=1)] = -np.inf
        return scores

    def product_factors(self, known: Known) -> Floats:
        """Factors of today's products (products, rank), 0 for those that came after the fit."""
        return self._factors_of(known.interactions)

    def customer_factors(self, known: Known, customers: Integers, threads: int = 1) -> Floats:
        """Factors of these customers (customers, rank), 0 for one that dealt with no product that has any."""
        weights = confidence(known.interactions.weights[customers], self._loss.unit)
        return solve(weights, self.product_factors(known), self._loss, threads)

    def _placed(self, interactions: Interactions) -> Floats:
        column = interactions.columns_of(self._products)
        factors = np.zeros((len(interactions.products), self._factors.shape[1]), dtype=np.float32)
        factors[column[column >= 0]] = self._factors[column >= 0]
        return factors


class AlsCandidate:
    """Implicit ALS, each system solved exactly."""

    algorithm = "als"
    is_baseline = False

    def parameters(self) -> Mapping[str, Any]:
        """Rank, sweeps over customers and products, the loss, and the seed of the first factors.

        `unobserved_share` is what all pairs together weigh against those that met: 10, as with ten negatives to a positive.
        """
        return {"version": 2, "rank": 64, "sweeps": 8, "unobserved_share": 10.0, "penalty": 0.01, "seed": 20}

    def fit(self, known: Known, parameters: Mapping[str, Any], threads: int) -> str | None:
        """The products that anybody met, and their factors; None when there are none."""
        unit = mean_confidence(known.interactions.weights)
        matrix = confidence(known.interactions.weights, unit)
        met = np.bincount(matrix.indices, minlength=matrix.shape[1]) > 0
        if not met.any():
            return None
        matrix = csr_array(matrix[:, np.flatnonzero(met)])
        transposed = csr_array(matrix.T.tocsr())
        density = matrix.nnz / (matrix.shape[0] * matrix.shape[1])
        loss, rank = Loss(unit, parameters["unobserved_share"] * density, parameters["penalty"]), parameters["rank"]
        random = np.random.default_rng(parameters["seed"])
        factors = random.normal(0, 0.1 / np.sqrt(rank), (matrix.shape[1], rank)).astype(np.float32)
        for _ in range(parameters["sweeps"]):
            factors = solve(transposed, solve(matrix, factors, loss, threads), loss, threads)
        return to_text(
            {
                "products": known.interactions.products[met],
                "factors": factors,
                "loss": np.array([loss.unit, loss.unobserved, loss.penalty], dtype=np.float32),
            }
        )

    def load(self, artifact: str) -> AlsRecommender:
        """The recommender of an artifact."""
        stored = from_text(artifact)
        unit, unobserved, penalty = stored["loss"].astype(np.float64)
        factors = stored["factors"].astype(np.float32)
        return AlsRecommender(
            stored["products"].astype(np.str_), factors, Loss(float(unit), float(unobserved), float(penalty))
        )


CANDIDATE = AlsCandidate()
