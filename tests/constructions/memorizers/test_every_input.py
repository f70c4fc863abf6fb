"""`f̂ = f_adv` at every input of the box off the shells (Theorem 3.3, repaired form): decided, and not sampled.

Z3 is asked for a point of the box off the shells where they differ, of networks that `robust_memorizer` builds, by
their float64 weights as they are. That there is none is proved for these networks alone. No margin is left for
rounding: what weights are rounded by stays in the quarters of the shell beside the ramp, so that the equality is exact;
data are both dyadic, whose weights are not rounded but for 1 / ramp, and of tenths.
"""

import itertools
import math
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import z3

from constructions import Memorizer, ReLUNetwork, robust_memorizer
from constructions.networks.network import Affine, network
from tests.constructions.certificates.test_structural_proof import with_entry
from tests.rational import is_inside, rational_value, rationals
from tests.smt import Query, Undecided, grid_points, real
from theory import separation

METHODS = ("per_point", "shared")
CASES = list(itertools.product((1, 2, 3), (2, 3, 4), (1.0, math.inf), METHODS))
# Of one network, changed in each of its layers.
FAULTY = [(2, 3, p, method) for p in (1.0, math.inf) for method in METHODS]
BASE = 16


def memorizer(
    dim: int,
    size: int,
    p: float,
    method: str,
    *,
    outputs: int = 1,
    base: int = BASE,
    small: Iterable[int] | str = "all",
) -> Memorizer:
    """Of whole multiples of `1 / base` in the unit cube, a clean network that bends, and R / 4 as radius."""
    rng = np.random.default_rng([dim, size, outputs, base])
    labels = np.resize([-1, 1] if outputs == 1 else np.arange(outputs), size)
    points = grid_points(rng, labels, dim, base)
    hidden = rng.integers(-4, 5, (2, dim)) / 4 + 1 / 8, rng.integers(-2, 3, 2) / 4
    clean = network(hidden, (rng.integers(1, 5, (outputs, 2)) / 4 * [1, -1], rng.integers(1, 4, outputs) / 8))
    radius = separation(points, labels, p).distance / 4
    return robust_memorizer(points, labels, radius=radius, p=p, clean=clean, small=small, method=method)


def difference(built: Memorizer, faulty: ReLUNetwork | None = None, shell: Fraction | None = None) -> list | None:
    """A point of the box off the shells where the network is not `f_adv`; None if there is none."""
    return question(built, faulty, shell).point()


def question(built: Memorizer, faulty: ReLUNetwork | None = None, shell: Fraction | None = None) -> Query:
    task, dim = built.task, len(built.low)
    shell = Fraction(task.shell) if shell is None else shell
    query = Query(dim)
    for v, low, high in zip(query.x, built.low, built.high, strict=True):
        query.require(v >= real(low), v <= real(high))
    inside = [query.within(c, task.radius, task.p) for c in built.centres]
    for i, c in zip(inside, built.centres, strict=True):
        query.require(z3.Or(i, query.beyond(c, Fraction(task.radius) + shell, task.p)))
    found, clean = query.outputs(faulty or built.network), query.outputs(built.clean)
    differ = []
    for k, (f, g) in enumerate(zip(found, clean, strict=True)):
        terms = [z3.If(i, real(s), real(0)) for i, s in zip(inside, signs(built, k), strict=True)]
        differ.append(f != z3.Sum([*terms, z3.If(z3.Or(inside), real(0), g)]))
    query.require(z3.Or(differ))
    return query


def signs(built: Memorizer, output: int) -> list[int]:
    """What the ball of each memorized point adds to this output of `f_adv`."""
    codes = built.task.sample.codes[built.small].tolist()
    return codes if built.clean.outputs == 1 else [int(code == output) for code in codes]


def check(built: Memorizer, faulty: ReLUNetwork, shell: Fraction, x: list[Fraction] | None) -> None:
    """What Z3 found, in rationals: a point of the box off the shells, where the network is not `f_adv`."""
    assert x is not None
    task = built.task
    assert all(low <= v <= high for low, v, high in zip(rationals(built.low), x, rationals(built.high), strict=True))
    steps = [[abs(v - w) for v, w in zip(x, rationals(c), strict=True)] for c in built.centres]
    inside = [is_inside(s, task.radius, task.p) for s in steps]
    distances = [sum(s) if task.p == 1 else max(s) for s in steps]
    assert all(i or r >= Fraction(task.radius) + shell for i, r in zip(inside, distances, strict=True))
    wanted = [
        sum(s for s, i in zip(signs(built, k), inside, strict=True) if i) if any(inside) else value
        for k, value in enumerate(rational_value(built.clean, x))
    ]
    assert rational_value(faulty, x) != wanted


@pytest.mark.parametrize(("dim", "size", "p", "method"), CASES)
def test_no_input_off_the_shells_differs(dim: int, size: int, p: float, method: str) -> None:
    assert difference(memorizer(dim, size, p, method)) is None


@pytest.mark.parametrize(("dim", "size", "p", "method"), CASES)
def test_nor_with_rounded_weights_and_a_point_for_the_clean_network(dim: int, size: int, p: float, method: str) -> None:
    assert difference(memorizer(dim, size, p, method, base=10, small=range(size - 1))) is None


@pytest.mark.parametrize(("dim", "size", "p", "method"), [case for case in CASES if case[1] > 2])
def test_nor_with_three_classes(dim: int, size: int, p: float, method: str) -> None:
    assert difference(memorizer(dim, size, p, method, outputs=3)) is None


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("p", [1.5, 2.0, 3.0])
@pytest.mark.parametrize("method", METHODS)
def test_nor_on_the_line_for_other_p(size: int, p: float, method: str) -> None:
    """All balls of the line are intervals; the networks are those of p: squares, and hinges."""
    assert difference(memorizer(1, size, p, method, base=10)) is None


def test_too_much_work_is_no_answer() -> None:
    with pytest.raises(Undecided, match="undecided"):
        question(memorizer(3, 4, 1.0, "shared")).point(1000)


@pytest.mark.parametrize(("dim", "size", "p", "method"), CASES)
def test_half_a_shell_is_too_little(dim: int, size: int, p: float, method: str) -> None:
    built = memorizer(dim, size, p, method)
    half = Fraction(built.task.shell) / 2
    check(built, built.network, half, difference(built, shell=half))


@pytest.mark.parametrize("case", FAULTY)
def test_another_clean_network_is_found(case: tuple[int, int, float, str]) -> None:
    """By 2^-40, where no ball is."""
    built = memorizer(*case)
    *rest, last = built.clean.layers
    other = replace(built, clean=ReLUNetwork((*rest, Affine(last.weight, last.bias + 2.0**-40))))
    check(other, built.network, Fraction(built.task.shell), difference(other))


@pytest.mark.parametrize("case", FAULTY)
def test_a_flipped_sign_is_found(case: tuple[int, int, float, str]) -> None:
    """Of the first weight of every layer."""
    built = memorizer(*case)
    for k, layer in enumerate(built.network.layers):
        row, column = np.argwhere(dense_of(layer))[0].tolist()
        faulty = with_entry(built.network, k, row, column, -1.0)
        check(built, faulty, Fraction(built.task.shell), difference(built, faulty))


@pytest.mark.parametrize("case", FAULTY)
@pytest.mark.parametrize("shift", [-(2.0**-40), 2.0**-40])
def test_a_shifted_bias_is_found(case: tuple[int, int, float, str], shift: float) -> None:
    """Of every indicator `1 - E_i / ramp`, in turn, however little it is."""
    built = memorizer(*case)
    place = len(built.widths) - 2
    layer = built.network.layers[place]
    assert layer.bias[: len(built.small)].tolist() == [1.0] * len(built.small)
    for i in range(len(built.small)):
        shifted = Affine(layer.weight, layer.bias + shift * (np.arange(layer.outputs) == i))
        faulty = ReLUNetwork((*built.network.layers[:place], shifted, *built.network.layers[place + 1 :]))
        check(built, faulty, Fraction(built.task.shell), difference(built, faulty))


@pytest.mark.parametrize("case", FAULTY)
def test_a_shifted_centre_is_found(case: tuple[int, int, float, str]) -> None:
    """By a shell, in one bias of the first layer: less than a quarter of it would be right."""
    built = memorizer(*case)
    first, *rest = built.network.layers
    moved = Affine(first.weight, first.bias + built.task.shell * (np.arange(first.outputs) == 0))
    faulty = ReLUNetwork((moved, *rest))
    check(built, faulty, Fraction(built.task.shell), difference(built, faulty))


def dense_of(layer: Affine) -> np.ndarray:
    return layer.weight if isinstance(layer.weight, np.ndarray) else layer.weight.toarray()
