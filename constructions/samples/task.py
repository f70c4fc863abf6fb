"""A task: a labelled sample whose balls are to be memorized, and the room that its separation leaves."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from constructions.samples.sample import Sample, read_sample
from theory.arguments.scalars import read_exponent, read_scalar
from theory.errors import AssumptionError
from theory.setting.separation import Separation, separation

_LARGEST = 2.0**1000


@dataclass(frozen=True, eq=False)
class Task:
    """A labelled sample whose balls `B_p(x_i, radius)` are to be memorized, each within a shell.

    `read_task` makes one that is checked. One that is put together, or changed by `dataclasses.replace`, need not be
    separated: proofs ask `is_separated`, and builders refuse it.

    Attributes:
        sample: points, numbered labels, classes.
        neighbours: the separation that was found, and the nearest differently labelled points.
        radius: δ > 0, of the balls, in l_p.
        shell: γ > 0, the width of the transition around each ball.
        p: in [1, ∞].

    Raises:
        ValueError: for a radius or shell that is not finite and > 0.
    """

    sample: Sample
    neighbours: Separation
    radius: float
    shell: float
    p: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "radius", read_positive(self.radius, "radius"))
        object.__setattr__(self, "shell", read_positive(self.shell, "shell"))
        object.__setattr__(self, "p", read_exponent(self.p))

    def __repr__(self) -> str:
        size, dim = self.sample.points.shape
        return f"<Task of {size:,} points in R^{dim}, l_{self.p:g}, radius {self.radius:g}, shell {self.shell:g}>"

    @property
    def separation(self) -> float:
        """R: no two points with different labels are nearer than this; exact, rounded down to a float.

        Of the points and labels that this object holds now: as it was found for them, or found again.
        """
        points, codes = self.sample.points, self.sample.codes
        if self.neighbours.p == self.p and self.neighbours.is_of(points, codes):
            return float(self.neighbours.distance)
        return float(separation(points, codes, self.p).distance)

    @property
    def is_separated(self) -> bool:
        """Whether `2 δ + γ <= R`, exactly: no ball with its shell meets a ball of another label."""
        try:
            return _room(self.separation, self.radius) >= Fraction(self.shell)
        except AssumptionError:  # equal points with different labels, or one label only
            return False


def read_task(points: Any, labels: Any, radius: Any, shell: Any, p: Any) -> Task:
    """The checked task of points and labels as they are given; see `task_for`.

    Raises:
        ValueError: for malformed arguments.
        AssumptionError: if `2 δ + γ <= R` fails, equal points have different labels, or all labels are the same.
    """
    return task_for(read_sample(points, labels), radius, shell, p)


def task_for(
    sample: Sample,
    radius: Any,
    shell: Any,
    p: Any,
    *,
    progress: bool = False,
    client: Any = None,
    device: Any = None,
) -> Task:
    """The checked task: the only place where `2 δ + γ <= R` is asked of data, exactly.

    Args:
        sample: points and labels.
        radius: δ, finite and > 0.
        shell: γ, finite and > 0; None for the largest, `R - 2 δ` rounded down to a float.
        p: in [1, ∞].
        progress: whether to show a bar for the separation on stderr.
        client: a Dask client or the address of a scheduler, for the separation; see `theory.cluster`.
        device: of torch, for the separation; see `theory.separation`.

    Raises:
        ValueError: for a malformed radius, shell or p, or numbers whose quotients are no floats.
        AssumptionError: if `2 δ + γ <= R` fails, or equal points have different labels.
    """
    radius, p = read_positive(radius, "radius"), read_exponent(p)
    shell = None if shell is None else read_positive(shell, "shell")
    neighbours = separation(sample.points, sample.named_labels(), p, client=client, device=device, progress=progress)
    room = _room(neighbours.distance, radius)
    if not room > 0 or (shell is not None and not Fraction(shell) <= room):
        i, j = neighbours.pair
        most = f"a shell of at most {float(room):.6g}" if room > 0 else f"a radius below {neighbours.distance / 2:.6g}"
        raise AssumptionError(
            f"memorization needs 2 * radius + shell <= separation with a shell > 0, got radius={radius}, "
            f"shell={shell} with separation={neighbours.distance:.6g}, of points {i} and {j}, the closest pair with "
            f"different labels: take {most}, or remove one of these points"
        )
    if shell is None:
        shell = float(room)
        if Fraction(shell) > room:
            shell = math.nextafter(shell, 0.0)
    greatest = max(float(sample.points.max()), -float(sample.points.min()), radius)
    # Weights are coordinates, radii and their quotients.
    if not (greatest <= _LARGEST and shell >= 1 / _LARGEST):
        raise ValueError(
            f"memorization needs coordinates and a radius up to 2^1000 and a shell of at least 2^-1000, got "
            f"{greatest:g} and shell={shell:g}: rescale points and radius together"
        )
    return Task(sample, neighbours, radius, shell, p)


def read_positive(value: Any, name: str) -> float:
    """The radius or shell as a float.

    Raises:
        ValueError: unless it is a finite number > 0 that float64 holds exactly.
    """
    number = read_scalar(value, name)
    if not 0 < number < math.inf:
        raise ValueError(f"memorization needs a finite {name} > 0, got {name}={number}")
    return number


def _room(distance: float, radius: float) -> Fraction:
    """`R - 2 δ`."""
    return Fraction(distance) - 2 * Fraction(radius)
