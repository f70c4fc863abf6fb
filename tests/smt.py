"""Questions about all points at once, decided by Z3 over the reals.

A network is read as it is: its weights are taken for the rational numbers they are, each affine value is a variable
with an equation, each ReLU the greater of it and 0. `Query.point` is a point where all holds that was asked for, or
None, and then there is none. Where Z3 does not decide with so much work it raises `Undecided`, which is no answer.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp
import z3

# Of one question, in Z3's units, of which it does about a million a second on any machine, however busy: 30 times what
# the longest takes.
WORK = 200_000_000
# Of a polygon around a disc, in each quadrant.
_SIDES = 4


class Undecided(AssertionError):
    """Z3 gave no answer."""


def real(number: Any) -> z3.RatNumRef:
    """The rational number that a float, an integer or a fraction is."""
    number = Fraction(number)
    return z3.RealVal(f"{number.numerator}/{number.denominator}")


class Query:
    """Points `x` of R^dim, and what is asked of them.

    Attributes:
        x: the coordinates.
    """

    def __init__(self, dim: int) -> None:
        self._solver = z3.Solver()
        self._named = 0
        self.x = [z3.Real(f"x{j}") for j in range(dim)]

    def require(self, *conditions: Any) -> None:
        self._solver.add(*conditions)

    def outputs(self, network: Any) -> list[Any]:
        """`f(x)`, of a network of floats or of integers."""
        values = self.x
        for k, layer in enumerate(network.layers):
            values = [self._name(z3.If(v > 0, v, real(0))) for v in values] if k else values
            sums = [z3.Sum([real(w) * values[j] for j, w in row] + [real(b)]) for row, b in _rows(layer)]
            values = [self._name(value) for value in sums]
        return values

    def within(self, centre: Sequence[float], radius: Any, p: float) -> Any:
        """Whether `‖x - centre‖_p <= radius`, for p = 1, 2, ∞, and for all p on the line."""
        steps, r = self._steps(centre), real(radius)
        if len(steps) == 1 or p == math.inf:
            return z3.And([z3.And(s <= r, s >= -r) for s in steps])
        if p == 2:
            return z3.Sum([s * s for s in steps]) <= r * r
        return self._sum_of_sizes(steps, p) <= r

    def beyond(self, centre: Sequence[float], radius: Any, p: float) -> Any:
        """Whether `‖x - centre‖_p >= radius`, for p = 1, ∞, and for all p on the line."""
        steps, r = self._steps(centre), real(radius)
        if len(steps) == 1 or p == math.inf:
            return z3.Or([z3.Or(s >= r, s <= -r) for s in steps])
        return self._sum_of_sizes(steps, p) >= r

    def around(self, centre: Sequence[float], radius: Any) -> Any:
        """Whether x is in a polygon around the disc `‖x - centre‖_2 <= radius`: linear, where the disc is not.

        A point of it need not be of the disc; where it has no point of some kind the disc has none.
        """
        first, second = self._steps(centre)
        return z3.And([real(a) * first + real(b) * second <= real(radius) for a, b in normals()])

    def point(self, work: int = WORK) -> list[Fraction] | None:
        """A point where all holds that is required, or None if there is none.

        Raises:
            Undecided: after so much work.
        """
        self._solver.set("rlimit", work)
        answer = self._solver.check()
        if answer == z3.unsat:
            return None
        if answer != z3.sat:
            raise Undecided(f"undecided: {self._solver.reason_unknown()}")
        model = self._solver.model()
        return [_fraction(model.eval(v, model_completion=True)) for v in self.x]

    def _steps(self, centre: Sequence[float]) -> list[Any]:
        return [v - real(float(c)) for v, c in zip(self.x, centre, strict=True)]

    def _sum_of_sizes(self, steps: list[Any], p: float) -> Any:
        if p != 1:
            raise ValueError(f"balls have p = 1 or inf here, got p={p:g}")
        return z3.Sum([self._name(z3.If(s >= 0, s, -s)) for s in steps])

    def _name(self, value: Any) -> Any:
        self._named += 1
        variable = z3.Real(f"t{self._named}")
        self._solver.add(variable == value)
        return variable


def normals() -> list[tuple[Fraction, Fraction]]:
    """Rational unit vectors all around the plane."""
    n = _SIDES
    first = [(Fraction(n * n - k * k, n * n + k * k), Fraction(2 * k * n, n * n + k * k)) for k in range(n)]
    half = [*first, *((-b, a) for a, b in first)]
    return [*half, *((-a, -b) for a, b in half)]


def _rows(layer: Any) -> list[tuple[list[tuple[int, Any]], Any]]:
    """For each output the pairs (input, weight), and the bias."""
    if hasattr(layer, "rows"):
        return list(zip(layer.rows, layer.bias, strict=True))
    weight = sp.csr_array(layer.weight)
    rows = [
        list(zip(weight.indices[a:b].tolist(), weight.data[a:b].tolist(), strict=True))
        for a, b in pairwise(weight.indptr)
    ]
    return list(zip(rows, layer.bias.tolist(), strict=True))


def _fraction(value: Any) -> Fraction:
    # Only of a question with squares is a coordinate perhaps no rational number: the nearest with 30 digits.
    value = value if z3.is_rational_value(value) else value.approx(30)
    return Fraction(value.numerator_as_long(), value.denominator_as_long())


def grid_points(rng: np.random.Generator, labels: np.ndarray, dim: int, base: int) -> np.ndarray:
    """Small samples to ask about: whole multiples of `1 / base` in the unit cube, two at least between labels."""
    while True:
        points = rng.integers(0, base + 1, (len(labels), dim)) / base
        apart = np.abs(points[:, None] - points[None]).max(axis=2)[labels[:, None] != labels].min()
        if apart >= 1.5 / base:
            return points
