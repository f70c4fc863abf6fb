"""Labelled samples that are hard for bounds: ties, duplicates, offsets, all scales, one point of a class."""

import math
from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

Rng = np.random.Generator
GREATEST = float(np.finfo(float).max)


def _near_duplicates(rng: Rng, n: int, d: int) -> np.ndarray:
    """Pairs one unit in the last place apart, in one coordinate."""
    points = rng.random((n, d))
    half = n // 2
    points[half : 2 * half] = points[:half]
    k = np.arange(half), rng.integers(0, d, half)
    points[half : 2 * half][k] = np.nextafter(points[:half][k], 2.0)
    return points


def _stretched(rng: Rng, n: int, d: int) -> np.ndarray:
    points = rng.random((n, d))
    points[:, rng.integers(d)] *= 1e12
    return points


def _with_constants(rng: Rng, n: int, d: int) -> np.ndarray:
    points = rng.random((n, d))
    points[:, rng.random(d) < 0.5] = 0.1
    return points


def _with_an_outlier(rng: Rng, n: int, d: int) -> np.ndarray:
    points = rng.random((n, d))
    points[rng.integers(n)] += 1e6
    return points


def _of_mixed_scales(rng: Rng, n: int, d: int) -> np.ndarray:
    return np.ldexp(rng.uniform(-1, 1, (n, d)), rng.choice([-1060, -500, -60, 0, 3, 500, 990], (n, d)))


def _clustered(rng: Rng, n: int, d: int) -> np.ndarray:
    return rng.random((3, d))[rng.integers(0, 3, n)] + 2.0 ** -rng.integers(5, 45) * rng.standard_normal((n, d))


KINDS: dict[str, Callable[[Rng, int, int], np.ndarray]] = {
    "uniform": lambda rng, n, d: rng.random((n, d)),
    "normal": lambda rng, n, d: rng.standard_normal((n, d)),
    "grid": lambda rng, n, d: rng.integers(-2, 3, (n, d)).astype(float),
    "off every grid": lambda rng, n, d: rng.choice([0.1, 0.4, 0.7], (n, d)),
    "near duplicates": _near_duplicates,
    "clustered": _clustered,
    "offset 1e6": lambda rng, n, d: 1e6 + rng.integers(-3, 4, (n, d)) * 2.0**-20,
    "offset 1e8": lambda rng, n, d: 1e8 + rng.integers(0, 64, (n, d)) / 64,
    "one column times 1e12": _stretched,
    "constant columns": _with_constants,
    "outlier": _with_an_outlier,
    "1e-200": lambda rng, n, d: 1e-200 * rng.standard_normal((n, d)),
    "subnormal": lambda rng, n, d: rng.integers(-40, 41, (n, d)) * math.ulp(0.0),
    "1e300": lambda rng, n, d: 1e300 * rng.standard_normal((n, d)),
    "greatest": lambda rng, n, d: rng.choice([-1.0, -0.5, 0.0, 1 - 2.0**-50, 1.0], (n, d)) * GREATEST,
    "mixed scales": _of_mixed_scales,
}


def _labels(rng: Rng, n: int, way: str) -> np.ndarray:
    """Of at least two classes."""
    labels = {
        "two": lambda: rng.integers(0, 2, n),
        "ten": lambda: rng.integers(0, 10, n),
        "one point": lambda: (np.arange(n) == rng.integers(n)).astype(int),
        "all": lambda: rng.permutation(n),
        "one fills blocks": lambda: np.where(rng.random(n) < 0.85, 0, 1 + rng.integers(0, 3, n)),
    }[way]()
    if len(set(labels.tolist())) == 1:
        labels[rng.integers(n)] += 1
    return labels


@st.composite
def samples(draw: st.DrawFn, kind: str, largest: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and labels."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, d = draw(st.integers(2, largest)), draw(st.sampled_from([1, 1, 2, 3, 5, 9]))
    points = KINDS[kind](rng, n, d)
    if draw(st.integers(0, 3)) == 0:
        # Some points twice, among them some with two labels.
        points[rng.integers(0, n, 2)] = points[rng.integers(0, n, 2)]
    return points, _labels(rng, n, draw(st.sampled_from(["two", "ten", "one point", "all", "one fills blocks"])))
