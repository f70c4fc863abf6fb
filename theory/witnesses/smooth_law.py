"""A law with a C^∞ density on the cube that is explicit where it matters: Theorem 6.3 and Proposition 6.4 ask for one.

Each coordinate is `1/4 + U/2 + B`, independent, U uniform on [0, 1] and B with the density proportional to
`exp(-1 / (1 - 16 b²))` on (-1/4, 1/4), which is C^∞ on the line. So

    the coordinate has the C^∞ density `2 P(z - 3/4 <= B <= z - 1/4) <= 2`, with support [0, 1];
    g(z) has the mean of g over one period, if g has the period 1/k and k is even: given B, `U/2` runs over k/2 periods.
"""

import numpy as np
from jaxtyping import Float

from theory.arguments.whole_numbers import read_whole


def density_bound(dim: int) -> float:
    """`κ = 2^d`: no more than this is the density of the law on `[0, 1]^d` anywhere; attained in the middle.

    Raises:
        ValueError: if d > 1023, where that is no float.
    """
    dim = read_whole(dim, "dim")
    if dim > 1023:
        raise ValueError(f"density_bound needs dim <= 1023, where 2^dim is a float, got {dim}: take a smaller dim")
    return 2.0**dim


def sample_smooth_law(n: int, dim: int, rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
    """Draws from the law, shape (n, d).

    Args:
        n: how many.
        dim: d.
        rng: of the draws.
    """
    n, dim = read_whole(n, "n"), read_whole(dim, "dim")
    return np.asarray(0.25 + rng.random((n, dim)) / 2 + _bumps(n * dim, rng).reshape(n, dim))


def _bumps(count: int, rng: np.random.Generator) -> np.ndarray:
    """B by rejection: three in five of the uniform draws are kept."""
    found = np.zeros(0)
    while len(found) < count:
        b = (rng.random(2 * count + 16) - 0.5) / 2
        # At an end, which a draw can be, the density is 0.
        with np.errstate(divide="ignore"):
            kept = rng.random(len(b)) < np.exp(1 - 1 / (1 - 16 * b**2))
        found = np.append(found, b[kept])
    return found[:count]
