"""The theorem on one data set: first its hypotheses, each of which says what to change, then its conclusions."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from constructions.certificates.guided_attack import guided_attack
from constructions.memorizers.memorizer import Memorizer
from constructions.samples.layout import Layout
from constructions.samples.loading import load_with_note
from constructions.samples.sample import Sample, read_sample
from constructions.samples.task import read_positive
from constructions.suite.building import Built, build, norms_of, passed_arguments, required_arguments
from constructions.suite.declaring import Builder, claims_of
from constructions.suite.failure import CheckFailed, NotChecked, require, require_margins
from constructions.suite.strategies import Instance
from theory.arguments.scalars import read_exponent
from theory.errors import AssumptionError
from theory.setting.ideal import IdealClassifier
from theory.setting.separation import Separation, separation

# Balls that are attacked, and points around which f̂ is compared with f_adv.
_ATTACKED, _COMPARED = 100, 50


@dataclass(frozen=True)
class OwnData:
    """A data set, and what a builder makes of it.

    Attributes:
        data: name or file, as for `load_sample`.
        classes: as for `load_sample`.
        radius, p: of the balls.
        builder: with the parameters of a builder of the suite.
        seed: of the attack and the random points.
        layout: of a table.

    Raises:
        ValueError: for a malformed radius or p.
    """

    data: str
    classes: str
    radius: float
    p: float
    builder: Builder
    seed: int = 0
    layout: Layout = field(default_factory=Layout)

    def __post_init__(self) -> None:
        object.__setattr__(self, "radius", read_positive(self.radius, "radius"))
        object.__setattr__(self, "p", read_exponent(self.p))

    @cached_property
    def sample(self) -> Sample:
        """The data.

        Raises:
            CheckFailed: if they cannot be used.
        """
        try:
            loaded = load_with_note(self.data, self.layout, classes=self.classes)
            return read_sample(loaded.points, loaded.labels)
        except (ValueError, OSError, ImportError) as error:
            raise CheckFailed(f"the data cannot be used: {error}") from None

    @cached_property
    def neighbours(self) -> Separation:
        """The closest points of different labels."""
        return separation(self.sample.points, self.sample.codes, self.p)

    @cached_property
    def built(self) -> Built:
        """What the builder makes of the data.

        Raises:
            NotChecked: if a hypothesis fails, so that the theorem says nothing.
            CheckFailed: if the builder raises an exception, though the hypotheses hold.
        """
        claims = claims_of(self.builder)
        passed = passed_arguments(self.builder, replace(claims, f_adv=False))
        if claims.norms is not None or "p" not in passed:
            norms = norms_of(self.builder, claims, passed)
            require(self.p in norms, f"the builder is for p = {norms}, asked for is {self.p:g}")
        if "shell" not in required_arguments(self.builder):
            passed -= {"shell"}
        # For who needs one, half of the room.
        shell = max(self._distance() - 2 * self.radius, 0.0) / 2
        instance = Instance(self.sample.points, self.sample.codes, None, self.p, self.radius, shell, self.data)
        try:
            return build(self.builder, instance, passed)
        except (CheckFailed, MemoryError):
            raise
        except Exception as error:
            if isinstance(error, claims.refuses) and not 2 * self.radius < self._distance():
                raise NotChecked(f"a hypothesis fails, so the theorem says nothing: {error}") from None
            line = f"{type(error).__name__}: {error}".splitlines()[0]
            raise CheckFailed(f"no memorizer is built, though the hypotheses hold: {line}") from error

    def _distance(self) -> float:
        try:
            return float(self.neighbours.distance)
        except AssumptionError:  # equal points with different labels
            return 0.0


def points_and_labels_are_well_formed(own: OwnData) -> None:
    """A hypothesis."""
    require(len(own.sample.classes) >= 2, "all labels are the same")


def no_equal_points_have_different_labels(own: OwnData) -> None:
    """A hypothesis."""
    try:
        require(own.neighbours.distance > 0, f"points {own.neighbours.pair} are equal, and their labels are not")
    except AssumptionError as error:
        raise CheckFailed(str(error)) from None


def radius_is_below_half_the_separation(own: OwnData) -> None:
    """A hypothesis."""
    no_equal_points_have_different_labels(own)
    found = own.neighbours
    i, j = found.pair
    require(
        2 * own.radius < found.distance,
        f"radius {own.radius} is too large: points {i} and {j} have different labels and are {found.distance:.6g} "
        f"apart, so at most {found.distance / 2:.6g}",
    )


def every_ball_is_certified(own: OwnData) -> None:
    """A conclusion, for what has a certificate of its own."""
    made = own.built.made
    if not hasattr(made, "certify"):
        raise NotChecked("the builder gives no certificate")
    certificate = made.certify()
    require(certificate.certified.all(), " ".join(str(certificate).split()))


def attack_finds_no_error(own: OwnData) -> None:
    """A conclusion, on a hundred balls."""
    built, sample = own.built, own.sample
    chosen = np.random.default_rng(own.seed).permutation(len(sample.points))[:_ATTACKED]
    shell = getattr(getattr(built.made, "task", None), "shell", None)
    worst, where = guided_attack(
        built.values, sample.points, built.codes, own.radius, own.p, indices=chosen, shell=shell, seed=own.seed
    )
    require_margins(built.instance, where, chosen, worst, "> 0")


def count_equals_the_formula(own: OwnData) -> None:
    """A conclusion, for what has a size."""
    size = getattr(own.built.made, "size", None)
    if size is None:
        raise NotChecked("the builder gives no size")
    require(size.nonzero == size.formula_nonzero, f"{size.nonzero} non-zeros, by the formula {size.formula_nonzero}")


def network_is_f_adv_off_the_shells(own: OwnData) -> None:
    """A conclusion, for `robust_memorizer` and what returns its `Memorizer`."""
    made = own.built.made
    if not isinstance(made, Memorizer):
        raise NotChecked("the builder gives no Memorizer, which has f_clean and the memorized points")
    rng = np.random.default_rng(own.seed)
    task, sample = made.task, made.task.sample
    points = sample.points[rng.permutation(len(sample.points))[:_COMPARED]]
    spread = rng.uniform(-task.radius, task.radius, (4, *points.shape)).reshape(-1, points.shape[1])
    within = rng.uniform(made.low, made.high, (_COMPARED, points.shape[1]))
    x = np.concatenate([points, np.tile(points, (4, 1)) + spread, within])
    ideal = IdealClassifier(sample.points, sample.codes, made.small, task.radius, task.p, _function(made))
    centres = sample.points[made.small]
    distance = np.stack([np.linalg.norm(centres - row, task.p, axis=1) for row in x])
    rounding = 1e-9
    off = ~np.any((distance > task.radius - rounding) & (distance < task.radius + task.shell + rounding), axis=1)
    expected = ideal(x[off]).reshape(off.sum(), -1)
    # The clean part is summed in another order inside the network.
    bound = 1e-12 * made.bound * made.size.width
    most = np.abs(made.network(x[off]) - expected).max()
    require(most <= bound, f"off the shells the network is {most:.6g} from f_adv, rounding explains {bound:.6g}")


def _function(made: Memorizer) -> Any:
    return made.clean if made.clean.outputs > 1 else lambda x: made.clean(x)[:, 0]


HYPOTHESES: tuple[Callable[[OwnData], None], ...] = (
    points_and_labels_are_well_formed,
    no_equal_points_have_different_labels,
    radius_is_below_half_the_separation,
)
CONCLUSIONS: tuple[Callable[[OwnData], None], ...] = (
    every_ball_is_certified,
    attack_finds_no_error,
    count_equals_the_formula,
    network_is_f_adv_off_the_shells,
)
