"""Hypothesis strategies: norms, networks, separated samples, radii near their limits."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

# The three with networks of their own, then whole and real ones between them.
EXPONENTS = (1.0, 2.0, math.inf, 1.5, 3.0, math.pi)
exponents = st.sampled_from(EXPONENTS)
methods = st.sampled_from(["shared", "per_point"])


def dyadic(low: float = -2.0, high: float = 2.0, bits: int = 3) -> st.SearchStrategy[float]:
    """Multiples of 2^-bits in [low, high]: sums and products of a few of them are exact in float64."""
    scale = 2**bits
    return st.integers(int(low * scale), int(high * scale)).map(lambda k: k / scale)


def arrays(shape: tuple[int, ...], elements: st.SearchStrategy[float] | None = None) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.float64, shape, elements=dyadic() if elements is None else elements)


@st.composite
def networks(
    draw: Any, inputs: int | None = None, outputs: int | None = None, depth: int | None = None, max_width: int = 4
) -> Any:
    """ReLU networks with dyadic weights, some layers stored sparse."""
    import scipy.sparse as sp

    from constructions import Affine, ReLUNetwork

    depth = depth or draw(st.integers(1, 3))
    sizes = [inputs or draw(st.integers(1, 3)), *(draw(st.integers(1, max_width)) for _ in range(depth - 1))]
    sizes.append(outputs or draw(st.integers(1, 3)))
    layers = []
    for before, after in pairwise(sizes):
        weight, bias = draw(arrays((after, before))), draw(arrays((after,)))
        layers.append(Affine(sp.csr_array(weight) if draw(st.booleans()) else weight, bias))
    return ReLUNetwork(tuple(layers))


@dataclass(frozen=True)
class Instance:
    """A sample with a clean classifier, a radius and a shell that satisfy the theorem."""

    points: np.ndarray
    labels: np.ndarray
    clean: Any
    p: float
    radius: float
    shell: float


@st.composite
def shifted(draw: Any, clean: Any, values: np.ndarray) -> Any:
    """The network less a threshold half way between two of its values: then both signs occur, and never 0."""
    from constructions import Affine, ReLUNetwork

    distinct = np.unique(values)
    assume(len(distinct) > 1)
    k = draw(st.integers(0, len(distinct) - 2))
    last = clean.layers[-1]
    return ReLUNetwork((*clean.layers[:-1], Affine(last.weight, last.bias - (distinct[k] + distinct[k + 1]) / 2)))


@st.composite
def instances(draw: Any, *, classes: int | None = None, consistent: bool = False, p: float | None = None) -> Instance:
    """Samples on a grid in [0, 1]^d with a clean network, a radius up to its limit and a shell up to its own.

    Args:
        classes: number of classes; 2 gives labels ±1 and one output; drawn from 2 and 3 when None.
        consistent: whether the clean network classifies every point correctly.
        p: the exponent; drawn from `EXPONENTS` when None.
    """
    from theory.setting.separation import separation

    exponent = p if p is not None else draw(exponents)
    count = classes or draw(st.sampled_from([2, 3]))
    dim = draw(st.integers(1, 4))
    size = draw(st.integers(count, 7))
    points = draw(arrays((size, dim), dyadic(0.0, 1.0, 4)))
    clean = draw(networks(inputs=dim, outputs=1 if count == 2 else count))
    if consistent:
        values = clean(points)
        if count == 2:
            clean = draw(shifted(clean, values))
            labels = np.sign(clean(points)[:, 0]).astype(np.int64)
        else:
            best = np.sort(values, axis=1)
            assume(bool(np.all(best[:, -1] > best[:, -2])))
            labels = values.argmax(axis=1)
    else:
        labels = draw(hnp.arrays(np.int64, size, elements=st.integers(0, count - 1)))
        labels = 2 * labels - 1 if count == 2 else labels
    assume(len(set(labels.tolist())) == count)
    different = labels[:, None] != labels[None]
    assume(not np.any(different & np.all(points[:, None] == points[None], axis=2)))
    gap = separation(points, labels, exponent).distance
    radius = gap / 2 * draw(st.sampled_from([1 / 16, 0.25, 0.5, 0.75, 0.9, 0.998]))
    room = gap - 2 * radius if exponent in (1, math.inf) else math.nextafter(gap - 2 * radius, 0.0)
    shell = room * draw(st.sampled_from([1 / 8, 0.5, 1.0]))
    assume(shell > 0)
    return Instance(points, labels, clean, exponent, radius, shell)
