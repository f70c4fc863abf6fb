"""Hypothesis strategies: norms, networks, separated samples, radii near their limits."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp

from constructions.networks.network import Affine, ReLUNetwork
from theory.setting.separation import separation

try:
    from hypothesis import HealthCheck, Phase, assume, given, seed, settings
    from hypothesis import strategies as st
    from hypothesis.extra import numpy as hnp
except ImportError as error:
    raise ImportError(
        "constructions.suite needs the package hypothesis: pip install robust-memorization[suite]"
    ) from error

# The three with networks of their own, then whole and real ones between them.
EXPONENTS = (1.0, 2.0, math.inf, 1.5, 3.0, math.pi)


@dataclass(frozen=True)
class Instance:
    """A sample with a clean classifier, a radius and a shell that satisfy the theorem.

    Attributes:
        points: shape (n, d).
        labels: -1 and +1, or class numbers from 0; for those who ask for it, a list of text.
        clean: a `ReLUNetwork` of one output for labels ±1, else of one for each class.
        p, radius, shell: of the balls, in l_p, with `2 radius + shell <= separation`.
        name: for messages.
    """

    points: np.ndarray
    labels: Any
    clean: Any
    p: float
    radius: float
    shell: float
    name: str = ""


def dyadic(low: float = -2.0, high: float = 2.0, bits: int = 3) -> st.SearchStrategy[float]:
    """Multiples of 2^-bits in [low, high]: sums and products of a few of them are exact in float64."""
    scale = 2**bits
    return st.integers(int(low * scale), int(high * scale)).map(lambda k: k / scale)


def arrays(shape: tuple[int, ...], elements: st.SearchStrategy[float] | None = None) -> st.SearchStrategy[np.ndarray]:
    """Arrays of `dyadic()` numbers, or of others."""
    return hnp.arrays(np.float64, shape, elements=dyadic() if elements is None else elements)


@st.composite
def networks(
    draw: Any, inputs: int | None = None, outputs: int | None = None, depth: int | None = None, max_width: int = 4
) -> ReLUNetwork:
    """ReLU networks with dyadic weights, some layers stored sparse."""
    depth = depth or draw(st.integers(1, 3))
    sizes = [inputs or draw(st.integers(1, 3)), *(draw(st.integers(1, max_width)) for _ in range(depth - 1))]
    sizes.append(outputs or draw(st.integers(1, 3)))
    layers = []
    for before, after in pairwise(sizes):
        weight, bias = draw(arrays((after, before))), draw(arrays((after,)))
        layers.append(Affine(sp.csr_array(weight) if draw(st.booleans()) else weight, bias))
    return ReLUNetwork(tuple(layers))


@st.composite
def shifted(draw: Any, clean: ReLUNetwork, values: np.ndarray) -> ReLUNetwork:
    """The network less a threshold half way between two of its values: then both signs occur, and never 0."""
    distinct = np.unique(values)
    assume(len(distinct) > 1)
    k = draw(st.integers(0, len(distinct) - 2))
    last = clean.layers[-1]
    return ReLUNetwork((*clean.layers[:-1], Affine(last.weight, last.bias - (distinct[k] + distinct[k + 1]) / 2)))


@st.composite
def instances(
    draw: Any,
    *,
    classes: int | None = None,
    consistent: bool = False,
    p: float | None = None,
    norms: Sequence[float] = EXPONENTS,
) -> Instance:
    """Samples on a grid in [0, 1]^d with a clean network, a radius up to its limit and a shell up to its own.

    Args:
        classes: number of classes; 2 gives labels ±1 and one output; drawn from 2 and 3 when None.
        consistent: whether the clean network classifies every point correctly.
        p: the exponent; drawn from `norms` when None.
        norms: exponents to draw from.
    """
    exponent = p if p is not None else draw(st.sampled_from(norms))
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
    shell = room(gap, radius, exponent) * draw(st.sampled_from([1 / 8, 0.5, 1.0]))
    assume(shell > 0)
    return Instance(points, labels, clean, exponent, radius, shell)


def room(gap: float, radius: float, p: float) -> float:
    """`R - 2 δ` for the largest shell; a float less where the separation is itself rounded."""
    left = gap - 2 * radius
    return left if p in (1, math.inf) else math.nextafter(left, 0.0)


def drawn_instances(count: int, number: int, norms: Sequence[float], classes: int | None) -> list[Instance]:
    """A list of instances that depends on the arguments alone; the smallest samples first.

    Nothing is shrunk later, so who reads of the first that fails wants it small.

    Args:
        count: how many, at most.
        number: the seed.
        norms: exponents to draw from.
        classes: of every sample; 2 or 3 when None.
    """
    found: list[Instance] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(instance=instances(classes=classes, norms=norms))
    def draw(instance: Instance) -> None:
        found.append(instance)

    draw()
    return sorted(found, key=lambda instance: instance.points.size)
