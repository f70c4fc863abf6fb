"""Upper bounds of spectral norms, in float64 with directed rounding."""

import math

import numpy as np
from jaxtyping import Float

from theory.roundoff import TINY, gamma


def operator_norm(weight: Float[np.ndarray, "rows columns"]) -> float:
    """An upper bound of `‖W‖_2`, within a few units of rounding of it.

    For every Q with `‖Qᵀ Q - 1‖_2 <= ε < 1`, `‖W‖_2 <= ‖W Q‖_2 / √(1 - ε)`, and `‖B‖_2² <= ‖Bᵀ B‖_∞`. Q holds the
    singular vectors, as they are computed, so that `Bᵀ B` is nearly diagonal and its row sums are narrow. Nothing is
    asked of Q but what is checked here.
    """
    if weight.shape[0] < weight.shape[1]:
        weight = weight.T
    # In units of the largest entry, so that no square that counts underflows.
    largest = float(np.abs(weight).max(initial=0.0))
    if largest == 0.0:
        return 0.0
    scaled = np.ascontiguousarray(weight / largest)
    rows, columns = scaled.shape
    vectors = np.linalg.svd(scaled, full_matrices=False)[2].T
    absolute = np.abs(vectors)
    defect = np.abs(vectors.T @ vectors - np.eye(columns)) + 2 * gamma(columns + 4) * (absolute.T @ absolute + 1)
    lost = float(defect.sum(axis=1).max()) * (1 + gamma(2 * columns + 8))
    if not lost < 0.5:
        return largest * float(np.linalg.norm(scaled)) * (1 + 2 * gamma(weight.size + 8)) + TINY
    product = scaled @ vectors
    off = np.linalg.norm(2 * gamma(columns + 4) * (np.abs(scaled) @ absolute)) * (1 + gamma(rows * columns + 8))
    size = np.abs(product)
    gram = np.abs(product.T @ product) + 2 * gamma(rows + 4) * (size.T @ size)
    norm = math.sqrt(float(gram.sum(axis=1).max())) * (1 + 4 * gamma(columns + 8)) + float(off)
    # Division by the largest entry has one rounding an entry.
    return largest * norm / math.sqrt(1 - lost) * (1 + gamma(2 * columns + 64)) * (1 + 2.0**-52) + TINY
