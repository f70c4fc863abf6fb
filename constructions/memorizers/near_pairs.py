"""Fast evaluation of `f̂` without its network: only the centres near a point matter.

An indicator is 0 beyond `radius + shell` of its centre, so it is enough to find the near pairs (for p = 1 and ∞ as the
separation does, else by one matrix product and one comparison) and to evaluate the indicators there from the distances.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int

from theory.closest.search import pairs_within

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
        p: in [1, ∞]; other than 1, 2 and ∞ by way of `‖v‖_2 <= d^{max(0, 1/2 - 1/p)} ‖v‖_p`.
    """
    if p in (1, np.inf):
        yield from pairs_within(x, centres, reach * (1 + 1e-9), p)
        return
    rows = max(1, _BLOCK_BYTES // (8 * len(centres)))
    if p != 2:
        reach = reach * x.shape[1] ** max(0.0, 1 / 2 - 1 / p) * (1 + 1e-9)
    with np.errstate(over="ignore"):
        halves, own = np.einsum("ij,ij->i", centres, centres) / 2, np.einsum("ij,ij->i", x, x)
        scale, roundings = float(own.max()) + float(halves.max()), 4 * (x.shape[1] + 4)
    if not max(scale, reach * reach) < 1e300:
        # Squares say nothing: all pairs are near.
        for start in range(0, len(x), rows):
            yield _indices(np.ones((len(x[start : start + rows]), len(centres)), dtype=bool), start)
        return
    # Single precision names the candidates wherever its error is small against the reach.
    single = reach**2 > 1e-30 and scale < 1e30 and 8 * roundings * np.finfo(np.float32).eps * scale < reach**2
    real = np.float32 if single else np.float64
    # ‖x - c‖² < s  ⇔  ⟨x, c⟩ - ‖c‖²/2 > (‖x‖² - s)/2, up to rounding and underflow of the product.
    slack = roundings * (np.finfo(real).eps * scale + np.finfo(real).tiny)
    least = ((own - reach**2 - slack) / 2).astype(real)
    columns, halves = centres.astype(real, copy=False).T, halves.astype(real)
    scratch = np.empty((min(rows, len(x)), len(centres)), dtype=real)
    for start in range(0, len(x), rows):
        block = x[start : start + rows].astype(real, copy=False)
        product = np.matmul(block, columns, out=scratch[: len(block)])
        product -= halves
        yield _indices(product > least[start : start + rows, None], start)


def _indices(near: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray]:
    # flatnonzero on a contiguous mask is several times faster than the two-dimensional nonzero.
    flat = np.flatnonzero(near)
    return flat // near.shape[1] + start, flat % near.shape[1]
