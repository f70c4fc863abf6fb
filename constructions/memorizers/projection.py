"""Memorization after an orthonormal projection whose dimension is as small as the data allow: p = 2.

A linear map P is `‖P‖_2`-Lipschitz in l_2, so a network that memorizes the projected points at radius `δ ‖P‖_2` is
robust at δ on the points themselves: `f(x) = g(σ(P x + b))`, with b such that `P x + b >= 0` on the balls. It costs
`k d` non-zeros for P and `n (k + O(1))` for g, and needs the projected separation to exceed `2 δ + γ`.

Source: in the manner of Kim, Moon, Yun (2025) and Egosi, Yehudai, Shamir (2025), who project by lemmas on worst cases;
here k is found for the data.
"""

import math
import os
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal, TypeAlias

import numpy as np
from jaxtyping import Float

from constructions.certificates.certificate import Certificate
from constructions.certificates.executed_proof import executed_structural_bounds
from constructions.certificates.execution_error import execution_error
from constructions.certificates.indicator_proof import is_same
from constructions.certificates.structural_proof import box_of_balls, structural_bounds
from constructions.memorizers.construction import least_squares, proved
from constructions.memorizers.memorizer import Memorizer, robust_memorizer
from constructions.memorizers.size import Size, size_of
from constructions.networks.calculus import chain
from constructions.networks.network import Affine, ReLUNetwork, dense
from constructions.samples.task import Task, read_task
from theory.errors import AssumptionError
from theory.roundoff import TINY, gamma
from theory.setting.separation import separation

Basis: TypeAlias = Literal["pca", "random"]


@dataclass(frozen=True, eq=False)
class ProjectionMemorizer:
    """A memorizer of the projected points behind the projection.

    Attributes:
        network: `x ↦ g(σ(P x + b))`.
        inner: g, a `Memorizer` of the floats nearest to `P x_i + b`, at a radius that contains the images of the balls.
        task: points, labels, radius and shell.
        basis: "pca" or "random".
    """

    network: ReLUNetwork
    inner: Memorizer
    task: Task
    basis: Basis

    def __repr__(self) -> str:
        task, (size, dim) = self.task, self.task.sample.points.shape
        return (
            f"<ProjectionMemorizer of {size:,} points in R^{dim} behind {self.dim} dimensions, l_2, "
            f"radius {task.radius:g}, {self.network.nonzero:,} non-zeros>"
        )

    @property
    def dim(self) -> int:
        """k, the dimension of the projection."""
        return self.network.layers[0].outputs

    @property
    def size(self) -> Size:
        """Exact counts: the first layer, and g."""
        first, inner = self.network.layers[0], self.inner.size
        return size_of(self.network, first.nonzero + inner.formula_nonzero, inner.zeros)

    def certify(self, arithmetic: str = "reals") -> Certificate:
        """Proof on every ball: its image under the first layer is in a ball that the proof of g covers.

        The first layer is read from `network`, its norm is bounded again, and the images of the balls, for an executed
        network with the error of the first layer, are compared with the balls of `inner`, whose own structural proof
        does the rest.

        Args:
            arithmetic: "reals", "float64" or "float32"; or "rational", by intervals alone.

        Raises:
            ValueError: for another arithmetic.
        """
        return proved(self.network, self.task, self._lower, arithmetic)

    def _lower(self, network: ReLUNetwork, task: Task, arithmetic: str) -> Float[np.ndarray, " n"]:
        points, codes, radius = task.sample.points, task.sample.codes, task.radius
        first, *rest = network.layers
        inner = self.inner.task
        centres = _project(first, points)
        if not (
            task.p == inner.p == 2
            and is_same(ReLUNetwork(tuple(rest)), self.inner.network)
            and np.array_equal(centres, inner.sample.points)
            and np.array_equal(codes, inner.sample.codes)
        ):
            return np.full(len(points), -np.inf)
        reach = _reach(first, points, radius, arithmetic)
        inside = (reach <= inner.radius) & (centres.min(axis=1) >= inner.radius)
        exact = arithmetic == "reals"
        lower = structural_bounds(self.inner) if exact else executed_structural_bounds(self.inner, arithmetic)
        return np.where(inside, lower, -np.inf)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to an `.npz` file that `ReLUNetwork.load` reads, all of it or nothing."""
        self.network.save(path)


def projection_memorizer(
    points: Any,
    labels: Any,
    *,
    radius: Any,
    shell: Any,
    basis: str = "pca",
    arithmetic: str = "float64",
    seed: int = 0,
) -> ProjectionMemorizer:
    """The network with the smallest k for which the first k vectors of the basis keep the separation above `2 δ + γ`.

    The projections are nested, so the projected separation grows with k, and k is found by search, with the exact
    separation of the projected points in float64 and the rounding of the projection in the radius. The clean classifier
    of the inner memorizer is the least-squares affine one: every point is memorized, so no ball depends on it.

    Args:
        points: shape (n, d).
        labels: -1 and +1 (one output, its sign), or any hashable classes (one output a class, argmax).
        radius: δ > 0, in l_2.
        shell: γ > 0, of the inner memorizer.
        basis: "pca" for the principal directions of the points, "random" for a uniform orthonormal basis.
        arithmetic: "reals", "float64" or "float32": in which a projected point has to stay in the ball of g; in single
            precision the smallest k may be larger.
        seed: of the random basis.

    Raises:
        ValueError: for malformed arguments.
        AssumptionError: if `2 δ + γ < R` fails or rounding takes what is left, of a ball or of the proof.
    """
    if basis not in ("pca", "random"):
        raise ValueError(f'basis must be "pca" or "random", got {basis!r}')
    if arithmetic not in ("reals", "float64", "float32"):
        raise ValueError(f'arithmetic must be "reals", "float64" or "float32", got {arithmetic!r}')
    if shell is None:
        raise ValueError("a projection needs a shell below R - 2 * radius, to have room to lose, got None")
    kind: Basis = "pca" if basis == "pca" else "random"
    task = read_task(points, labels, radius, shell, 2.0)
    sample = task.sample
    vectors = _basis(sample.points, kind, seed)
    high = _least_dimension(vectors, task, arithmetic)
    if high is None:
        needed = 2 * task.radius + task.shell
        raise AssumptionError(
            f"no projection on {len(vectors)} directions keeps 2 * radius + shell = {needed:.6g} below the separation "
            f"{task.separation:.6g} of the points, rounding included: take a smaller shell"
        )
    first = _shifted(vectors[:high], sample.points, task.radius)
    projected = _project(first, sample.points)
    inner = robust_memorizer(
        projected,
        sample.labels,
        radius=float(_reach(first, sample.points, task.radius, arithmetic).max()),
        p=2,
        clean=least_squares(projected, task.sample),
        shell=task.shell,
        # What is proved is the whole, below.
        check=False,
        small="all",
    )
    network = replace(chain(ReLUNetwork((first,)), inner.network), classes=sample.classes)
    made = ProjectionMemorizer(network, inner, task, kind)
    lost = np.flatnonzero(~(made._lower(network, task, "reals") > 0))
    if len(lost):
        raise AssumptionError(
            f"projection_memorizer needs room for the rounding of its weights: there is no proof for {len(lost)} of "
            f"{len(sample.points)} balls, the first around point {lost[0]}, with radius={task.radius:g}, "
            f"shell={task.shell:g} and coordinates up to {np.abs(sample.points).max():.3g}: subtract the mean of the "
            "points and multiply points, radius and shell by one number so that coordinates are about 1, or take a "
            "larger shell"
        )
    return made


def _basis(points: np.ndarray, basis: Basis, seed: int) -> Float[np.ndarray, "k d"]:
    """Orthonormal rows, most important first."""
    dim = points.shape[1]
    if basis == "random":
        return np.ascontiguousarray(np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))[0].T)
    centred = points - points.mean(axis=0)
    largest = float(np.abs(centred).max())
    if not 2.0**-400 < largest < 2.0**400:
        # The directions are the same, and their squares are floats.
        centred = np.ldexp(centred, -int(np.frexp(largest)[1]))
    return np.ascontiguousarray(np.linalg.eigh(centred.T @ centred)[1].T[::-1])


def _shifted(vectors: np.ndarray, points: np.ndarray, radius: float) -> Affine:
    """`x ↦ P x + b` with a whole number b a coordinate, such that all balls have non-negative images, with room."""
    least = (points @ vectors.T).min(axis=0)
    return Affine(vectors, np.ceil(2 * radius - least) + 1.0)


def _project(first: Affine, points: np.ndarray) -> np.ndarray:
    return np.asarray(points @ dense(first.weight).T + first.bias)


def _reach(first: Affine, points: Float[np.ndarray, "n d"], radius: float, arithmetic: str) -> Float[np.ndarray, " n"]:
    """Radii of balls around the computed `P x_i + b` that contain the images of the balls.

    `δ ‖P‖_2` plus the rounding of the centre, `‖P‖_2² <= ‖P Pᵀ‖_∞`; plus the error of the executed layer.
    """
    weight = np.abs(dense(first.weight))
    # In units of the largest weight, so that no square that counts underflows.
    largest = float(weight.max())
    exact = dense(first.weight) / (largest or 1.0)
    dim = weight.shape[1]
    gram = np.abs(exact @ exact.T) + 2 * gamma(dim + 4) * (np.abs(exact) @ np.abs(exact).T)
    operator = largest * math.sqrt(gram.sum(axis=1).max()) * (1 + 4 * gamma(len(weight) + 8))
    rounding = np.linalg.norm(np.abs(points) @ weight.T + np.abs(first.bias), axis=1)
    reach = radius * operator + 2 * gamma(dim + 4) * rounding
    if arithmetic != "reals":
        reach += np.linalg.norm(execution_error((first,), *box_of_balls(points, radius), arithmetic))
    return np.asarray(reach * (1 + 4 * gamma(len(weight) + 8)) + TINY)


def _least_dimension(vectors: np.ndarray, task: Task, arithmetic: str) -> int | None:
    """The least k for which the first k vectors keep the separation; None if all of them do not.

    Two points that are too near behind k vectors are so behind fewer. So a k that fails leaves a pair, which tells how
    many vectors are needed at least: there the separation is asked next, and in turn half way to the least known k
    that keeps it.
    """
    least, most, tries = _needed(vectors, task, task.neighbours.pair), len(vectors) + 1, 0
    while least < most:
        if most > len(vectors):
            k = min(least + 2**tries - 1, len(vectors))
        else:
            k = least if tries % 2 else (least + most) // 2
        tries += 1
        fits, pair = _fits(vectors[:k], task, arithmetic)
        if fits:
            most = k
        else:
            least = max(k + 1, _needed(vectors, task, pair) if pair else 0)
    return most if most <= len(vectors) else None


def _needed(vectors: np.ndarray, task: Task, pair: tuple[int, int]) -> int:
    """How many vectors the distance of two points needs at least to be `2 δ + γ`, rounding allowed for."""
    i, j = pair
    difference = task.sample.points[i] - task.sample.points[j]
    unit = float(np.abs(difference).max())
    parts = vectors @ (difference / unit)
    seen = np.sqrt(np.cumsum(parts * parts)) + 4 * gamma(2 * len(difference)) * math.sqrt(len(difference))
    wanted = (2 * task.radius + task.shell) / unit
    # Of vectors that are orthonormal but for rounding.
    return 1 + int(np.sum(seen < wanted * (1 - 1e-9)))


def _fits(vectors: np.ndarray, task: Task, arithmetic: str) -> tuple[bool, tuple[int, int] | None]:
    """Whether the separation of the computed projections is at least `2 δ' + γ`, `δ'` their radius; and its pair."""
    first = _shifted(vectors, task.sample.points, task.radius)
    reach = float(_reach(first, task.sample.points, task.radius, arithmetic).max())
    if not math.isfinite(reach):
        return False, None
    try:
        found = separation(_project(first, task.sample.points), task.sample.codes, 2.0)
    except AssumptionError:  # equal projections
        return False, None
    return Fraction(found.distance) >= 2 * Fraction(reach) + Fraction(task.shell), found.pair
