"""Fast evaluation of `f̂` without its network: only the centres near a point matter.

An indicator is 0 beyond `radius + shell` of its centre, so it is enough to find the near pairs (for p = 2 by
one matrix product and one comparison) and to evaluate the indicators there from the distances.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.distance import cdist

# One block of distances stays in the last-level cache of a small machine.
_BLOCK_BYTES = 2**24


def near_pairs(
    x: Float[np.ndarray, "k d"], centres: Float[np.ndarray, "n d"], reach: float, p: float
) -> Iterator[tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"]]]:
    """Pairs (row, centre) that include all with `‖x_row - c‖_p < reach`, block by block.

    Args:
        x: evaluation points.
        centres: the centres.
        reach: in the units of the distance.
        p: 1, 2 or ∞.
    """
    rows = max(1, _BLOCK_BYTES // (8 * len(centres)))
    if p != 2:
        metric = "cityblock" if p == 1 else "chebyshev"
        for start in range(0, len(x), rows):
            yield _indices(cdist(x[start : start + rows], centres, metric) < reach * (1 + 1e-9), start)
        return
    halves = np.einsum("ij,ij->i", centres, centres) / 2
    scratch = np.empty((min(rows, len(x)), len(centres)))
    for start in range(0, len(x), rows):
        block = x[start : start + rows]
        # ‖x - c‖_2² < s  ⇔  ⟨x, c⟩ - ‖c‖²/2 > (‖x‖² - s)/2, up to the rounding of the product.
        own = np.einsum("ij,ij->i", block, block)
        slack = 4 * (x.shape[1] + 4) * np.finfo(float).eps * (own.max() + halves.max())
        product = np.matmul(block, centres.T, out=scratch[: len(block)])
        product -= halves
        yield _indices(product > ((own - reach**2 - slack) / 2)[:, None], start)


def _indices(near: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray]:
    # flatnonzero on a contiguous mask is several times faster than the two-dimensional nonzero.
    flat = np.flatnonzero(near)
    return flat // near.shape[1] + start, flat % near.shape[1]
