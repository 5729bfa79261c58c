"""Forecasts that add up: bottom-up, and minimum trace (MinT) with a shrunk covariance of the forecast errors.

MinT moves the forecasts of all nodes as little as possible, measured by how wrong each used to be, until products add up to every
sum (Wickramasuriya, Athanasopoulos and Hyndman 2019). With C (sums, products) the membership, U' = [I, -C] and W the covariance of
the errors, the reconciled forecasts are y - W U (U'WU)^-1 U'y. That form solves for the sums alone; W is a diagonal plus a low rank,
and no matrix of products x products, nor of sums x sums unless it is sparse, is ever formed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array, diags_array
from scipy.sparse.linalg import splu

Floats = NDArray[np.float64]

# Standard deviations relative to the largest: below it a node would count as known for certain, and U'WU could be singular.
LEAST_RELATIVE_DEVIATION = 1e-9
# Without any shrinkage a few errors of many nodes leave W, and with it U'WU, singular.
LEAST_SHRINKAGE = 1e-6


@dataclass(frozen=True)
class Covariance:
    """W = diag(variance) with correlations shrunk towards none: W_ij = (1 - shrinkage) factor_i' factor_j for i <> j.

    `deviation` (nodes,) are standard deviations; `residuals` (errors, nodes) are standardised by each node's own root mean square, 0
    where an error is unknown; `shrinkage` lies in [0, 1], 1 leaves a diagonal.
    """

    deviation: Floats
    residuals: Floats
    shrinkage: float

    @property
    def kept(self) -> float:
        """By what the correlations are multiplied."""
        return 1 - max(self.shrinkage, LEAST_SHRINKAGE)

    def diagonal(self) -> Floats:
        """What the low rank leaves of the variances (nodes,)."""
        explained = self.kept * (self.residuals**2).sum(axis=0) / max(len(self.residuals), 1)
        return np.asarray(self.deviation**2 * (1 - np.minimum(explained, 1.0)), dtype=np.float64)

    def factor(self) -> Floats:
        """Low rank F (errors, nodes): W = diag(diagonal) + F'F."""
        scale = np.sqrt(self.kept / max(len(self.residuals), 1))
        return np.asarray(scale * self.residuals * self.deviation, dtype=np.float64)


def correlation_shrinkage(residuals: Floats) -> float:
    """Shrinkage intensity towards no correlation, in [0, 1] (Schaefer and Strimmer 2005, their target D).

    `residuals` (errors, nodes) are standardised, root mean square 1 or all 0. It is the sum of the estimated variances of the
    correlations over the sum of their squares; both sums come from products of errors x errors, not of nodes x nodes.
    """
    count = len(residuals)
    if count < 2:
        return 1.0
    squares = residuals**2
    own = (squares.sum(axis=0) / count) ** 2
    products = (squares.sum(axis=1) ** 2).sum() - (squares**2).sum()
    correlations = ((residuals @ residuals.T) ** 2).sum() / count**2 - own.sum()
    if correlations <= 0:
        return 1.0
    return float(np.clip((products / count - correlations) / ((count - 1) * correlations), 0.0, 1.0))


def bottom_up(membership: csr_array, bottom: Floats) -> Floats:
    """Sums (sums,) of the products' forecasts (products,)."""
    return np.asarray(membership @ bottom, dtype=np.float64)


def mint(membership: csr_array, upper: Floats, bottom: Floats, covariance: Covariance) -> Floats:
    """Reconciled forecasts of the products (products,), never negative; the sums follow by adding up.

    `upper` (sums,) and `bottom` (products,) are the base forecasts; the nodes of `covariance` are the sums, then the products. Products
    that would fall below 0 are fixed at 0, as known for certain, and the others are reconciled anew, until none is below 0.
    """
    sums = len(upper)
    if sums == 0 or len(bottom) == 0:
        return np.maximum(bottom, 0.0)
    floor = LEAST_RELATIVE_DEVIATION * max(float(covariance.deviation.max()), LEAST_RELATIVE_DEVIATION)
    diagonal, factor = covariance.diagonal(), covariance.factor()
    upper_diagonal = np.maximum(diagonal[:sums], floor**2)
    bottom_diagonal, bottom_factor = diagonal[sums:].copy(), factor[:, sums:].copy()
    base = bottom.astype(np.float64).copy()
    while True:
        reconciled = _unconstrained(
            membership, upper, base, upper_diagonal, bottom_diagonal, factor[:, :sums], bottom_factor
        )
        below = reconciled < 0
        if not below.any():
            return reconciled
        base[below], bottom_diagonal[below], bottom_factor[:, below] = 0.0, 0.0, 0.0


def _unconstrained(
    membership: csr_array,
    upper: Floats,
    bottom: Floats,
    upper_diagonal: Floats,
    bottom_diagonal: Floats,
    upper_factor: Floats,
    bottom_factor: Floats,
) -> Floats:
    """MinT of the products without a bound. U'WU = K + E'E with K sparse and E (errors, sums): solved by Woodbury's identity."""
    gap = upper - membership @ bottom
    errors = upper_factor - np.asarray(membership @ bottom_factor.T).T
    inner = csc_array(membership @ diags_array(bottom_diagonal) @ membership.T + diags_array(upper_diagonal))
    # Symmetric, with a dominant diagonal to pivot on: fill-in stays small, and the order of pivots is fixed.
    solver = splu(inner, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    solved = solver.solve(gap)
    spread = solver.solve(np.ascontiguousarray(errors.T))
    capacitance = np.eye(len(errors)) + errors @ spread
    weights = solved - spread @ np.linalg.solve(capacitance, errors @ solved)
    moved = bottom_diagonal * (membership.T @ weights) - bottom_factor.T @ (errors @ weights)
    return np.asarray(bottom + moved, dtype=np.float64)
