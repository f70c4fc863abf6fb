"""How many non-zeros robust memorization needs for the worst sample, at the depth of the network.

**Lemma.** Let p < ∞, `k <= d` and `ρ^p >= (k - 1)/k`. If networks of a class memorize every sample of N points at ratio
ρ (they are right on the closed balls of radius `ρ R/2`, R the separation), they have all sign patterns on some
`K = ⌊N/2⌋ k` points.
For given signs `y ∈ {-1, +1}^k` take the points `x = Σ_j y_j e_j` with label +1 and `-x` with label -1: their distance
is `2 k^{1/p}`. All coordinates of `y_j x - e_j` but the j-th, which is 0, are ±1: `‖y_j x - e_j‖_p = (k - 1)^{1/p} <=
ρ k^{1/p}`. So `e_j` is in the ball of label `y_j`. Take ⌊N/2⌋ such pairs, translated to places that are far apart,
each with signs of its own (and one point more, far from all, for N odd): the separation is still `2 k^{1/p}`.

So the growth bound of networks with W non-zeros and depth L is at least K (`theory.sizes.growth`), and W is not small.
For p = ∞ this holds with `k = 1`.

Source: Kim, Moon, Yun (2025), the points; Bartlett, Harvey, Liaw, Mehrabian (2019), the growth bound.
"""

import math
from fractions import Fraction
from typing import Any

from theory.arguments.scalars import read_exponent, read_scalar
from theory.arguments.whole_numbers import read_whole
from theory.errors import AssumptionError
from theory.sizes.growth import growth_bound

# Powers up to this exponent are computed as fractions.
_EXACT = 64


def worst_case_nonzero(count: Any, dim: Any, *, ratio: Any, p: Any, depth: Any = None) -> int:
    """W such that some N points of R^d have no ρ-robust network of depth at most L with fewer than W non-zeros.

    A worst case over samples: a network for other points may have fewer.

    Args:
        count: N >= 2.
        dim: d >= 1.
        ratio: ρ, of the radius to half of the separation, in (0, 1).
        p: in [1, ∞].
        depth: L >= 1, affine layers; any depth for None.

    Raises:
        AssumptionError: if a hypothesis fails.
    """
    count, dim, rho, p = (
        read_whole(count, "count"),
        read_whole(dim, "dim"),
        read_scalar(ratio, "ratio"),
        read_exponent(p),
    )
    depth = None if depth is None else read_whole(depth, "depth")
    if not (count >= 2 and dim >= 1 and 0 < rho < 1 and (depth is None or depth >= 1)):
        raise AssumptionError(
            "a worst case needs count >= 2 points, dim >= 1, a ratio in (0, 1) and depth >= 1, "
            f"got count={count}, dim={dim}, ratio={ratio}, depth={depth}"
        )
    points: int = count // 2 * _shattered_by_two(rho, p, dim)
    # With as many non-zeros as points the bound is above them.
    low, high = 0, points
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if growth_bound(middle, points, dim, depth) >= points else (middle, high)
    return high


def _shattered_by_two(ratio: float, p: float, dim: int) -> int:
    """The largest `k <= d` with `(k - 1)/k <= ρ^p`, that is `k (1 - ρ^p) <= 1`, or a lower one."""
    if math.isinf(p):
        return 1
    exact = p == int(p) and p <= _EXACT
    # Else rounded down.
    power = Fraction(ratio) ** int(p) if exact else Fraction(ratio**p * (1 - 2.0**-40))
    return max(1, min(dim, math.floor(1 / (1 - power))))
