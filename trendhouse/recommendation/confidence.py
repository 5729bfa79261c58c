"""How sure an interaction makes us of a customer's taste."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array


def confidence(weights: csr_array, unit: float = 1.0) -> csr_array:
    """log2(1 + weight) of each pair, in units of `unit`: a weight of 1 counts 1, of 15 counts 4 (Hu, Koren and Volinsky 2008, their second form).

    The hundredth view of one product says little that the first ten did not.
    """
    values = (np.log2(1 + weights.data) / unit).astype(np.float32)
    return csr_array((values, weights.indices, weights.indptr), shape=weights.shape)


def mean_confidence(weights: csr_array) -> float:
    """Mean over the pairs that met: the unit in which parameters that count customers or products mean the same in every shop."""
    return float(np.log2(1 + weights.data.astype(np.float64)).mean()) if weights.nnz else 1.0


def column_sums(matrix: csr_array) -> NDArray[np.float64]:
    """Sum of each column (columns,)."""
    sums = np.bincount(matrix.indices, weights=matrix.data, minlength=matrix.shape[1])
    return np.asarray(sums, dtype=np.float64)
