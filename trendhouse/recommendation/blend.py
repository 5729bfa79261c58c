"""A weighted sum of what the sources say: the straight line from which the ranker's trees start."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from trendhouse.recommendation.interactions import Floats, Integers

Doubles = NDArray[np.float64]


def evidence(scores: Floats, places: Floats) -> Doubles:
    """Evidence (pairs, 2 x sources) for each pair, never less where a source puts it higher.

    `scores` and `places` (pairs, sources) as `ranker.propose` gives them: scores down to -1, which also stands for none, then places by the discount
    of NDCG, 0 for none.
    """
    relative = np.nan_to_num(np.clip(scores.astype(np.float64), -1, 1), nan=-1)
    listed = np.nan_to_num(1 / np.log2(1 + places.astype(np.float64)), nan=0)
    return np.hstack([relative, listed])


def blend_weights(seen: Doubles, hit: Floats, sizes: Integers, ridge: float) -> Doubles:
    """Weights (evidence,), none below 0, of the listwise softmax model (ListNet, Cao et al. 2007).

    `seen` (pairs, evidence) and `hit` (pairs,) customer by customer, `sizes` (customers,) pairs each, with a hit in all of them. Minimises the mean
    over customers of the cross-entropy between the softmax of the weighted sum and the hits, plus `ridge` times the squared weights.
    """
    starts = np.cumsum(sizes) - sizes
    customer = np.repeat(np.arange(len(sizes)), sizes)
    target = hit / np.add.reduceat(hit, starts)[customer]

    def loss(weights: Doubles) -> tuple[float, Doubles]:
        score = seen @ weights
        score -= np.maximum.reduceat(score, starts)[customer]
        share = np.exp(score)
        total = np.add.reduceat(share, starts)[customer]
        entropy = -float(target @ (score - np.log(total))) / len(sizes)
        slope = seen.T @ (share / total - target) / len(sizes)
        return entropy + ridge * float(weights @ weights), slope + 2 * ridge * weights

    bounds = [(0, None)] * seen.shape[1]
    found = minimize(loss, np.zeros(seen.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds).x
    return np.asarray(found, dtype=np.float64)
