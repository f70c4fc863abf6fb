"""Upper bounds of the robust generalization gap by optimal transport: Theorem 6.3, repaired.

With D_c and S_c the laws of x in class c, priors π_c and π̂_c, all distances in l_p, q dual to p (p = ∞, q = 1 in the
paper), losses in [0, B], and `T = ½ B Σ_c |π_c - π̂_c|`:

    L_D^{adv,δ} - L_S^{adv,δ} <= G Σ_c π_c W_1(D_c, S_c) + T,    G = sup ‖∇_x L(f(·), y)‖_q,
    L_D^{adv,δ} - L_S^{adv,δ} <= h E_D[max over ‖ξ‖_p <= δ + h of ‖∇_x L(f(x + ξ), y)‖_q] + T,

h = max_c W_∞(D_c, S_c).

Both hold for every sample, without a probability. The adversarial loss `x ↦ max L(f(x + ξ), y)` is G-Lipschitz; and
along a coupling of D_c and S_c, x moves by at most h, so that the segment from `x + ξ` to `z + ξ` stays within δ + h of
x. The ½ in T is that of two probability vectors: losses in [0, B] differ from B/2 by at most B/2.

D is a finite population here, so that every term can be computed. `theory.generalization.pairwise_gap` has the one
bound that contains both.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from theory.arguments.plain_array import exact_floats, plain_array
from theory.arguments.scalars import read_exponent, read_scalar
from theory.errors import AssumptionError
from theory.generalization.bound_check import BoundCheck
from theory.generalization.flatness import PointwiseMaximum
from theory.generalization.transport import w1, w_infinity
from theory.roundoff import gamma


@dataclass(frozen=True, eq=False)
class LabelledLosses:
    """Points, their labels, and the adversarial loss of each; numbers of any type are kept as float64.

    Attributes:
        points: shape (n, d).
        labels: shape (n,).
        losses: `max over ‖ξ‖_p <= δ of L(f(x_i + ξ), y_i)`, shape (n,), in [0, B]. For a sound check from bounds give
            upper ones on the population and lower ones on the sample.
    """

    points: Float[np.ndarray, "n d"]
    labels: Int[np.ndarray, " n"]
    losses: Float[np.ndarray, " n"]

    def __post_init__(self) -> None:
        for name, read in (("points", exact_floats), ("labels", plain_array), ("losses", exact_floats)):
            object.__setattr__(self, name, read(getattr(self, name), name))
        if self.points.ndim != 2 or self.labels.ndim != 1 or self.losses.ndim != 1:
            raise ValueError(
                "a sample needs points (n, d), labels (n,) and losses (n,), got "
                f"{self.points.shape}, {self.labels.shape} and {self.losses.shape}"
            )
        if not (len(self.points) == len(self.labels) == len(self.losses) > 0):
            raise ValueError(
                "a sample needs n >= 1 points with one label and one loss each, got "
                f"{self.points.shape}, {self.labels.shape} and {self.losses.shape}"
            )


@dataclass(frozen=True)
class GapBound:
    """The robust generalization gap and its bound, `slope * transport + class_term`.

    Attributes:
        gap: `L_D^adv - L_S^adv`.
        slope: G, or the mean over D of the largest gradient norm at radius δ + h; 1 for a cost that has it inside.
        transport: `Σ_c π_c W_1(D_c, S_c)`, or h, or `Σ_c π_c OT_c`.
        class_term: T.
        loss_bound: B, which no gap exceeds.
        rounding: bound of the rounding errors of the sums.
    """

    gap: float
    slope: float
    transport: float
    class_term: float
    loss_bound: float
    rounding: float

    @property
    def bound(self) -> float:
        """What the theorem says the gap is at most, and the rounding errors."""
        # A constant loss has a gap of 0 at any distance.
        moved = self.slope * self.transport if self.slope > 0 and self.transport > 0 else 0.0
        return moved + self.class_term + self.rounding

    @property
    def check(self) -> BoundCheck:
        """Both, and whether the bound says anything: from B on it is vacuous."""
        return BoundCheck(self.gap, self.bound, self.loss_bound)


def lipschitz_gap_bound(
    population: LabelledLosses,
    sample: LabelledLosses,
    *,
    lipschitz: float,
    loss_bound: float,
    p: float = math.inf,
) -> GapBound:
    """The gap and `G Σ_c π_c W_1(D_c, S_c) + T`, in exact transport distances.

    Source: Theorem 6.3, repaired form; first bound.

    Args:
        population: D, uniform on its points.
        sample: S.
        lipschitz: G, at least `sup ‖∇_x L(f(·), y)‖_q`.
        loss_bound: B.
        p: of perturbations and transport.

    Raises:
        AssumptionError: if a class of D does not occur in S, or a loss is not in [0, B].
        ValueError: if G is negative or NaN.
    """
    lipschitz, loss_bound = read_scalar(lipschitz, "lipschitz"), read_scalar(loss_bound, "loss_bound")
    p = read_exponent(p)
    if not lipschitz >= 0:
        raise ValueError(f"a Lipschitz constant needs to be >= 0, got {lipschitz}")
    classes, priors, class_term = shared_classes(population, sample, loss_bound)
    distances = [w1(*class_points(population, sample, c), p) for c in classes]
    return gap_bound(population, sample, lipschitz, float(priors @ distances), class_term, loss_bound)


def flatness_gap_bound(
    population: LabelledLosses,
    sample: LabelledLosses,
    maxima: Callable[[float], PointwiseMaximum],
    *,
    radius: float,
    loss_bound: float,
    p: float = math.inf,
) -> GapBound:
    """The gap and `h · (global flatness at radius δ + h) + T`, h the exact bottleneck distance.

    Source: Theorem 6.3, repaired form; second bound.

    Args:
        population: D, uniform on its points.
        sample: S.
        maxima: from a radius r to the maxima of `‖∇_x L(f(x + ξ), y)‖_q` over `‖ξ‖_p <= r`, whole balls, for the
            population's points in their order; their upper ends enter, and after a mere search the bound is ∞.
        radius: δ.
        loss_bound: B.
        p: of perturbations and transport.

    Raises:
        AssumptionError: if a class of D does not occur in S, or a loss is not in [0, B].
        ValueError: if the maxima are of other balls or other points.
    """
    radius, loss_bound = read_scalar(radius, "radius"), read_scalar(loss_bound, "loss_bound")
    p = read_exponent(p)
    if not 0 <= radius < math.inf:
        raise ValueError(f"flatness_gap_bound needs a finite radius >= 0, got {radius}")
    classes, _, class_term = shared_classes(population, sample, loss_bound)
    h = max(w_infinity(*class_points(population, sample, c), p) for c in classes)
    # Rounded up: a coupling is allowed to move a point by h.
    reach = math.nextafter(radius + h, math.inf)
    found = maxima(reach)
    if (found.radius, found.p, found.unit_box) != (reach, p, False) or len(found.upper) != len(population.points):
        raise ValueError(
            f"flatness_gap_bound needs the maxima over whole l_{p:g} balls of radius {reach} around "
            f"{len(population.points)} points, got radius {found.radius}, p={found.p}, unit_box={found.unit_box}, "
            f"{len(found.upper)} points"
        )
    return gap_bound(population, sample, found.mean[1], h, class_term, loss_bound)


def shared_classes(
    population: LabelledLosses, sample: LabelledLosses, loss_bound: float
) -> tuple[list[int], Float[np.ndarray, " c"], float]:
    """The classes of D, their priors, and T; an error unless S has the same and all losses are in [0, B]."""
    if not 0 < loss_bound < math.inf:
        raise ValueError(f"the loss needs a finite bound > 0, got {loss_bound}")
    for name, part in (("population", population), ("sample", sample)):
        if not ((part.losses >= 0) & (part.losses <= loss_bound)).all():
            raise AssumptionError(
                f"Theorem 6.3 needs losses in [0, B], got B={loss_bound} and, on the {name}, losses from "
                f"{part.losses.min()} to {part.losses.max()}: clip the loss or raise loss_bound"
            )
    classes, counts = np.unique(population.labels, return_counts=True)
    missing = np.setdiff1d(classes, sample.labels)
    if len(missing):
        raise AssumptionError(
            f"Theorem 6.3 needs every class in the sample, got none of class {missing.tolist()}: its S_c is not there; "
            "draw more points or leave the class out of the population"
        )
    strangers = np.setdiff1d(sample.labels, classes)
    if len(strangers):
        raise ValueError(f"a sample has no class that the population lacks, got {strangers.tolist()}")
    priors = counts / len(population.labels)
    empirical = np.array([np.mean(sample.labels == c) for c in classes])
    return classes.tolist(), priors, float(loss_bound * np.abs(priors - empirical).sum() / 2)


def class_points(population: LabelledLosses, sample: LabelledLosses, label: int) -> tuple[np.ndarray, np.ndarray]:
    """The points of one class in D and in S."""
    return population.points[population.labels == label], sample.points[sample.labels == label]


def gap_bound(
    population: LabelledLosses, sample: LabelledLosses, slope: float, transport: float, class_term: float, top: float
) -> GapBound:
    """The bound of these terms, with what their sums are rounded by; top is B."""
    gap = float(population.losses.mean() - sample.losses.mean())
    # Sums over the points, over the coordinates of their distances, and a few operations more.
    terms = len(population.points) + len(sample.points) + 2 * population.points.shape[1] + 8
    moved = slope * transport if math.isfinite(slope) else 0.0
    return GapBound(gap, slope, transport, class_term, top, gamma(terms) * (top + class_term + moved))
