"""Ranking metrics at k: recommended products against those that turned out to be relevant. Relevance is yes or no."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Judged:
    """Recommendations held against what was relevant, of the customers for whom anything was.

    `hits` (customers, length) says which recommended products were relevant, the best first; `relevant` (customers,), 1 or more, counts the
    relevant products.
    """

    hits: NDArray[np.bool_]
    relevant: Integers


Metric = Callable[[Judged, int], Floats]
"""Judged recommendations, how many of the first count -> value of each customer (customers,), between 0 and 1."""


def judge(recommended: Integers, relevant: csr_array) -> Judged:
    """Hold recommendations against the relevant products.

    `recommended` (customers, length) are columns of `relevant`, the best first, none twice, -1 where there is none. An entry above 0 of `relevant`
    (customers, products) makes the product relevant. Customers without one are left out.
    """
    pairs = csr_array(relevant > 0)
    row = np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr))
    products = pairs.shape[1]
    wanted = np.where(recommended >= 0, np.arange(len(recommended))[:, None] * products + recommended, -1)
    hits = np.isin(wanted, row * products + pairs.indices)
    count = np.diff(pairs.indptr).astype(np.int64)
    return Judged(hits[count > 0], count[count > 0])


def precision(judged: Judged, k: int) -> Floats:
    """Share of k places that hold a relevant product; a place left empty holds none (Manning, Raghavan and Schuetze 2008, 8.4)."""
    return _hits_within(judged, k) / k


def recall(judged: Judged, k: int) -> Floats:
    """Share of the relevant products that are among the first k (Manning, Raghavan and Schuetze 2008, 8.4)."""
    return _hits_within(judged, k) / judged.relevant


def f1(judged: Judged, k: int) -> Floats:
    """Harmonic mean of precision and recall, which is 2 hits / (k + relevant) (van Rijsbergen 1979)."""
    return 2 * _hits_within(judged, k) / (k + judged.relevant)


def ndcg(judged: Judged, k: int) -> Floats:
    """Normalised discounted cumulative gain: sum over hits of 1 / log2(1 + place), over that of the best order (Jaervelin and Kekaelaeinen 2002)."""
    discount = 1 / np.log2(np.arange(2, k + 2))
    gained = judged.hits[:, :k] @ discount[: judged.hits.shape[1]]
    return np.asarray(gained / np.cumsum(discount)[np.minimum(judged.relevant, k) - 1], dtype=np.float64)


def average_precision(judged: Judged, k: int) -> Floats:
    """AP at k: precision at each hit, summed, over min(k, relevant); its mean over customers is MAP (Manning, Raghavan and Schuetze 2008, 8.4)."""
    hits = judged.hits[:, :k]
    precisions = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    return np.asarray((precisions * hits).sum(axis=1) / np.minimum(judged.relevant, k), dtype=np.float64)


def reciprocal_rank(judged: Judged, k: int) -> Floats:
    """1 / place of the first hit among the first k, 0 without one; its mean over customers is MRR (Voorhees 1999)."""
    hits = judged.hits[:, :k]
    return np.asarray((hits / np.arange(1, hits.shape[1] + 1)).max(axis=1, initial=0.0), dtype=np.float64)


def hit_rate(judged: Judged, k: int) -> Floats:
    """1 where a relevant product is among the first k, else 0 (Deshpande and Karypis 2004)."""
    return np.asarray(_hits_within(judged, k) > 0, dtype=np.float64)


METRICS: Mapping[str, Metric] = {
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "ndcg": ndcg,
    "map": average_precision,
    "mrr": reciprocal_rank,
    "hit_rate": hit_rate,
}
"""Every metric by its name."""


def means(judged: Judged, ks: Sequence[int]) -> dict[str, float]:
    """Mean over customers of every metric at each k, as `ndcg_at_10`; NaN without a customer."""
    return {f"{name}_at_{k}": value for (name, k), value in means_by_length(judged, ks).items()}


def means_by_length(judged: Judged, ks: Sequence[int]) -> dict[tuple[str, int], float]:
    """The same by name and k."""
    return {
        (name, k): float(np.mean(metric(judged, k))) if len(judged.relevant) else float("nan")
        for name, metric in METRICS.items()
        for k in ks
    }


def _hits_within(judged: Judged, k: int) -> Floats:
    return np.asarray(judged.hits[:, :k].sum(axis=1), dtype=np.float64)
