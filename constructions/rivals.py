"""What the published constructions that are built for comparison have in common: their task, exactly checked."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float

from constructions.network import Affine, ReLUNetwork
from constructions.sample import Sample, read_sample
from theory.errors import AssumptionError
from theory.scalars import read_exponent, read_scalar
from theory.separation import separation


@dataclass(frozen=True, eq=False)
class Task:
    """A labelled sample whose balls are to be memorized.

    Attributes:
        sample: points, numbered labels, classes.
        separation: R, exact, rounded down to a float.
        radius: δ.
        shell: γ, with `2 δ + γ <= R`.
        p: of the norm.
    """

    sample: Sample
    separation: float
    radius: float
    shell: float
    p: float

    def __post_init__(self) -> None:
        for name in ("separation", "radius", "shell"):
            object.__setattr__(self, name, read_scalar(getattr(self, name), name))
        object.__setattr__(self, "p", read_exponent(self.p))


@dataclass(frozen=True, eq=False)
class Rival:
    """A network that memorizes every ball of a task, and its non-zeros by formula.

    Attributes:
        network: the strict ReLU network.
        task: what it memorizes.
        formula_nonzero: the non-zeros by formula; equal to `network.nonzero`.
    """

    network: ReLUNetwork
    task: Task
    formula_nonzero: int


def read_task(points: Any, labels: Any, radius: Any, shell: Any, p: Any) -> Task:
    """The checked task; `shell` is `R - 2 δ` when it is None.

    Raises:
        ValueError: for malformed arguments.
        AssumptionError: if `2 δ + γ <= R` fails, or equal points have different labels.
    """
    radius, p = read_scalar(radius, "radius"), read_exponent(p)
    shell = None if shell is None else read_scalar(shell, "shell")
    if not 0 < radius < math.inf:
        raise ValueError(f"memorization needs a finite radius > 0, got radius={radius}")
    if shell is not None and not 0 < shell < math.inf:
        raise ValueError(f"memorization needs a finite shell > 0, got shell={shell}")
    sample = read_sample(points, labels)
    neighbours = separation(sample.points, sample.named_labels(), p)
    room = Fraction(neighbours.distance) - 2 * Fraction(radius)
    i, j = neighbours.pair
    if not room > 0 or (shell is not None and not Fraction(shell) <= room):
        raise AssumptionError(
            f"memorization needs 2 * radius + shell <= separation and shell > 0, got radius={radius}, shell={shell} "
            f"with separation={neighbours.distance:.6g}: points {i} and {j} are the closest pair with different "
            "labels; take a smaller radius or shell, or remove one of them"
        )
    if shell is None:
        shell = float(room)
        if Fraction(shell) > room:
            shell = math.nextafter(shell, 0.0)
    return Task(sample, neighbours.distance, radius, shell, p)


def class_sums(sample: Sample) -> sp.csr_array:
    """The matrix that maps indicators to the signed sum (labels ±1) or to one sum a class; n non-zeros."""
    size = len(sample.codes)
    if sample.outputs == 1:
        return sp.csr_array(sample.codes[None, :].astype(np.float64))
    return sp.csr_array((np.ones(size), (sample.codes, np.arange(size))), shape=(sample.outputs, size))


def least_squares(points: Float[np.ndarray, "n k"], sample: Sample) -> Affine:
    """The affine map nearest to the labels ±1, or to one-hot labels: a clean classifier on which no ball depends."""
    target = sample.codes[:, None].astype(np.float64) if sample.outputs == 1 else np.eye(sample.outputs)[sample.codes]
    solution = np.linalg.lstsq(np.hstack([points, np.ones((len(points), 1))]), target)[0]
    return Affine(np.ascontiguousarray(solution[:-1].T), solution[-1])
