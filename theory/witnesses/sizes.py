"""Samples on which the printed counts of section 3 come out wrong."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from theory.arguments.scalars import read_exponent, read_scalar
from theory.arguments.whole_numbers import read_whole
from theory.errors import AssumptionError
from theory.sizes.halfspaces import Halfspace


@dataclass(frozen=True, eq=False)
class Sized:
    """A population that is a sample too, and a classifier of both.

    Attributes:
        points: shape (n, d), in [0, 1]^d.
        labels: shape (n,), ±1.
        radius: δ.
        classifier: with robust error 0 on the points at this radius.
    """

    points: Float[np.ndarray, "n d"]
    labels: Int[np.ndarray, " n"]
    radius: float
    classifier: Halfspace

    @property
    def robust_error(self) -> float:
        """`L_D^{adv,δ}` of the classifier for p = ∞: an error where `y f(x) <= δ ‖w‖_1`."""
        margins = self.labels * self.classifier(self.points) - self.radius * np.abs(self.classifier.weight).sum()
        return float(np.mean(margins <= 0))


@dataclass(frozen=True, eq=False)
class OneClass(Sized):
    """A population of one class, as a large separation of the classes has it; constant, so robust in every l_p.

    Attributes:
        separation: R; no two points of `[0, 1]^d` are so far apart in l_p.
    """

    separation: float


def one_class_only(eps: float, c: float, dim: int, p: float = math.inf) -> OneClass:
    """Breaks the printed Theorem 3.5, which has any `R > 2δ`, at every `δ = cε`: here `R = 2 d^{1/p} > 2δ`.

    Two points of `[0, 1]^d` are at most `d^{1/p}` apart. So a distribution whose classes are more than `R >= d^{1/p}`
    apart has one class only, and the constant classifier with that sign, one non-zero, has robust error 0: no
    `C_1 μ_0 > 0` bounds it. So it is too if D comes before R, for one D would have to meet every R.

    Source: Theorem 3.5, printed form.

    Args:
        eps: ε, in (0, 1).
        c: in (0, 1).
        dim: d >= 1.
        p: of the norm, in [1, ∞].

    Returns:
        Two points as far apart as can be, in one class, and the constant classifier.

    Raises:
        AssumptionError: if ε or c is not in (0, 1), or not `dim >= 1`.
        ValueError: if p < 1.
    """
    eps, c, dim, p = read_scalar(eps, "eps"), read_scalar(c, "c"), read_whole(dim, "dim"), read_exponent(p)
    if not (0 < eps < 1 and 0 < c < 1 and dim >= 1):
        raise AssumptionError(f"one_class_only needs eps and c in (0, 1) and dim >= 1, got {eps=}, {c=}, {dim=}")
    points = np.stack([np.zeros(dim), np.ones(dim)])
    constant = Halfspace(np.zeros((1, dim)), np.array([1.0]))
    return OneClass(points, np.array([1, 1]), c * eps, constant, 2 * float(dim) ** (1 / p))


def equal_sizes() -> Sized:
    """Breaks the printed ordering, clean < robust memorization < robust: here all three take 2 non-zeros.

    One dimension, 0 with label -1, 1 with label +1, both in the sample: `R = 1`, `δ = 1/4`, `f(x) = x - 1/2` is robust
    on both. With one non-zero a network is a constant or `x ↦ w x`, and `f(0) < 0 < f(1)` fails.

    Source: complexity-ordering, printed form.
    """
    clean = Halfspace(np.array([[1.0]]), np.array([-0.5]))
    return Sized(np.array([[0.0], [1.0]]), np.array([-1, 1]), 0.25, clean)


@dataclass(frozen=True, eq=False)
class OneLabelling(Sized):
    """A class of one classifier, which has robust error 0 on the sample.

    Attributes:
        patterns: shape (k, n), the labellings of the points that the class has; here k = 1.
    """

    patterns: Int[np.ndarray, "k n"]

    @property
    def shattered(self) -> int:
        """The most points of which the class has all labellings: `2^s` of them need as many patterns."""
        return int(math.log2(len(np.unique(self.patterns, axis=0))))


def one_labelling() -> OneLabelling:
    """Breaks "for robust training error 0 one has to set Complexity(F) = O(Nd)": the class `F = {f}` of `equal_sizes`.

    f is robust on both points, and `{f}` has one labelling of any points: it shatters none, its VC dimension is 0.

    Source: claim-capacity, printed form.
    """
    same = equal_sizes()
    patterns = np.sign(same.classifier(same.points)).astype(np.int64)[None]
    return OneLabelling(same.points, same.labels, same.radius, same.classifier, patterns)
