"""Families of instances that theorems decide; thresholds of margins are 0 unless said."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from jaxtyping import Float

from constructions.benchmark.margins import Instance, cube
from constructions.benchmark.models import Model
from constructions.exchange.properties import Case, margin_property

_ON_BALL = "a memorizer is right on the balls of its points (Corollary 3.4)"
_EXACTLY = "a memorized point's ball is where the margin is 1, and not less (Theorem 3.3)"
# Steps of half-widths that are rounded down: corners of boxes are then exact in float32.
_FINE = 2.0**20


def balls(model: Model, count: int) -> Iterator[Instance]:
    """unsat: the ball of a point, or the largest cube in it for p < ∞; and a cube in it beside the centre."""
    half = half_width(model)
    for i in first_of_classes(model, count):
        yield Instance("ball", model, (_case(model, i, half),), "unsat", _ON_BALL)
    i = first_of_classes(model, 1)[0]
    off = np.resize([half / 2, -half / 2], model.network.inputs)
    case = Case(cube(model.sample.points[i] + off, half / 2), margin_property(_label(model, i), model.network.outputs))
    yield Instance("ball", model, (case,), "unsat", _ON_BALL)


def unions(model: Model, count: int) -> Iterator[Instance]:
    """unsat: several balls with a label each, in one file; sat: with the label of one of them changed."""
    half, chosen = half_width(model), first_of_classes(model, count)
    cases = tuple(_case(model, i, half) for i in chosen)
    yield Instance("union", model, cases, "unsat", _ON_BALL)
    last = chosen[-1]
    wrong = Case(cases[-1].region, margin_property(_other(model, last), model.network.outputs))
    point = model.sample.points[last]
    yield Instance("union", model, (*cases[:-1], wrong), "sat", "another label is wrong on a ball", point)


def wrong_labels(model: Model, count: int) -> Iterator[Instance]:
    """sat, easy: a ball with another label, all of it a violation."""
    for i in first_of_classes(model, count):
        case = Case(cube(model.sample.points[i], half_width(model)), margin_property(_other(model, i), _outputs(model)))
        yield Instance("wrong label", model, (case,), "sat", "another label is wrong on a ball", model.sample.points[i])


def reaching(model: Model, count: int) -> Iterator[Instance]:
    """sat: a cube around a point that just holds a point of another label, in a face of it."""
    points, codes = model.sample.points, model.sample.codes
    for i in first_of_classes(model, count):
        distances = np.where(codes == codes[i], np.inf, np.abs(points - points[i]).max(axis=1))
        j = int(distances.argmin())
        case = Case(cube(points[i], float(distances[j])), margin_property(_label(model, i), _outputs(model)))
        yield Instance("reaching", model, (case,), "sat", "the box holds a point of another label", points[j])


def tight(model: Model, bits: tuple[int, ...], scales: tuple[int, ...]) -> Iterator[Instance]:
    """On a ball of a memorized point the margin is 1: `<= 1 - 2^-k` is unsat, `<= 1` sat with equality.

    Args:
        model: of labels ±1.
        bits: the k, up to 53.
        scales: s of half-widths `2^-s`, at most that of the ball, for which the last two and k = 1 are asked.
    """
    (i,), half = first_of_classes(model, 1), half_width(model)
    for k in bits:
        case = _case(model, i, half, 1 - Fraction(1, 2**k))
        yield Instance("tight", model, (case,), "unsat", _EXACTLY)
    yield Instance("tight", model, (_case(model, i, half, 1),), "sat", _EXACTLY, model.sample.points[i])
    for width in (2.0**-s for s in scales if 2.0**-s <= half):
        for threshold in (1 - Fraction(1, 2), 1 - Fraction(1, 2**20)):
            yield Instance("tight, narrow", model, (_case(model, i, width, threshold),), "unsat", _EXACTLY)
        case = _case(model, i, width, 1)
        yield Instance("tight, narrow", model, (case,), "sat", _EXACTLY, model.sample.points[i])


def crossing(model: Model, scales: tuple[int, ...]) -> Iterator[Instance]:
    """Narrow cubes in a shell, where the margin falls with one coordinate: sat on a part of the cube, and unsat.

    From `δ + γ/4` on the indicator falls from 1 to 0 within `γ/2`, and the margin is the indicator while that is at
    least 1/2; in the middle of the cubes it is 3/4.

    Args:
        model: per point, p = ∞, labels ±1, with f_clean the constant 1/2.
        scales: s of half-widths `2^-s`.
    """
    (i,), task = first_of_classes(model, 1), model.task
    centre, ramp = model.sample.points[i].copy(), task.shell / 2
    # Away from the other points.
    centre[0] += (task.radius + task.shell / 4 + ramp / 4) * _outward(model, i, 0)
    for width in (2.0**-s for s in scales if 2.0**-s <= ramp / 4):
        fall = Fraction(width) / Fraction(ramp)
        for part, truth in ((Fraction(-1, 2), "sat"), (Fraction(-1), "sat"), (Fraction(-3, 2), "unsat")):
            witness = None
            if truth == "sat":
                witness = centre.copy()
                witness[0] += width * _outward(model, i, 0)
            threshold = Fraction(3, 4) + part * fall
            case = Case(cube(centre, width), margin_property(_label(model, i), 1, threshold))
            why = "the soft indicator is linear in the shell (Theorem 3.3)"
            yield Instance("crossing, narrow", model, (case,), truth, why, witness)


def needles(model: Model, reach: int, depths: tuple[int, ...], bits: tuple[int, ...]) -> Iterator[Instance]:
    """Cubes that meet the ball of a memorized point of the label -1 in a corner; f_clean is the constant 1/2.

    At a corner with all coordinates e beyond `δ + γ/4` the indicator I is `1 - d e / (γ/2)`, and f is `1/2 - 2 I` for I
    up to 1/2; around it f is 1/2. A gradient that is not within the corner is 0.

    Args:
        model: per point, p = ∞, d a power of two, labels ±1, of which -1 are memorized, and f_clean the constant 1/2.
        reach: half-widths are `2^-reach`.
        depths: f is `-2^-k` at the corner, for these k: sat there, and next to nowhere else.
        bits: with f = 1/4 at the corner, `<= 1/4` is sat there alone, `<= 1/4 - 2^-k` unsat.
    """
    task, dim, half = model.task, model.network.inputs, 2.0**-reach
    ramp = Fraction(task.shell) / 2
    i, sign = _free_corner(model, half)

    def corner(value: Fraction) -> tuple[np.ndarray, np.ndarray]:
        """The centre of the cube, and the corner at which f has this value."""
        beyond = (3 + 2 * value) / 4 * ramp / dim
        at = model.sample.points[i] + sign * float(Fraction(task.radius) + Fraction(task.shell) / 4 + beyond)
        return at + sign * half, at

    why = "the soft indicator falls linearly from a corner of the cube (Theorem 3.3)"
    for k in depths:
        centre, at = corner(-Fraction(1, 2**k))
        yield Instance("needle", model, (Case(cube(centre, half), margin_property(1, 1)),), "sat", why, at)
    for k in depths:
        centre, _ = corner(Fraction(1, 2**k))
        yield Instance("needle, missed", model, (Case(cube(centre, half), margin_property(1, 1)),), "unsat", why)
    centre, at = corner(Fraction(1, 4))
    case = Case(cube(centre, half), margin_property(1, 1, Fraction(1, 4)))
    yield Instance("corner, tight", model, (case,), "sat", why, at)
    for k in bits:
        case = Case(cube(centre, half), margin_property(1, 1, Fraction(1, 4) - Fraction(1, 2**k)))
        yield Instance("corner, tight", model, (case,), "unsat", why)


def clean_errors(model: Model, count: int, coordinate: int, threshold: float) -> Iterator[Instance]:
    """sat: cubes that reach past the shell to where f_clean errs, the sign of `x_coordinate - threshold`.

    Only where that corner is off all shells of memorized points.
    """
    points, codes, task = model.sample.points, model.sample.codes, model.task
    right = np.flatnonzero(np.sign(points[:, coordinate] - threshold) == codes)
    found = 0
    for i in right.tolist():
        beyond = points[i].copy()
        beyond[coordinate] = threshold - codes[i] / 16
        half = float(abs(beyond - points[i]).max())
        if half > task.radius and np.abs(points - beyond).max(axis=1).min() >= task.radius + task.shell:
            case = Case(cube(points[i], half), margin_property(int(codes[i]), 1))
            yield Instance("clean error", model, (case,), "sat", "off the shells the network is f_clean", beyond)
            found += 1
        if found == count:
            break


def _free_corner(model: Model, half: float) -> tuple[int, Float[np.ndarray, " d"]]:
    """A memorized point and signs for which the cube at that corner meets the shell of no other memorized point."""
    task, own = model.task, np.flatnonzero(model.sample.codes < 0)
    points, generator = model.sample.points, np.random.default_rng(0)
    for i in own.tolist():
        others = points[own[own != i]]
        for _ in range(64):
            sign = generator.choice([-1.0, 1.0], model.network.inputs)
            centre = points[i] + sign * (task.radius + half)
            if np.all(np.abs(others - centre).max(axis=1) >= half + task.radius + task.shell):
                return i, sign
    raise ValueError(f"no cube of half-width {half} is free beside a point of {model.arguments}: take fewer points")


def half_width(model: Model) -> float:
    """Of the largest cube around a point in its ball, rounded down: `δ d^(-1/p)`."""
    task, dim = model.task, model.network.inputs
    if np.isinf(task.p):
        return task.radius
    half = np.floor(task.radius * dim ** (-1 / task.p) * _FINE) / _FINE
    # A step down where the rounding of the root went up.
    return float(
        half if dim * Fraction(half) ** int(task.p) <= Fraction(task.radius) ** int(task.p) else half - 1 / _FINE
    )


def first_of_classes(model: Model, count: int) -> list[int]:
    """So many points, of each class in turn."""
    codes = model.sample.codes
    ranks = np.array([np.sum(codes[:i] == codes[i]) for i in range(len(codes))])
    return np.lexsort((codes, ranks))[:count].tolist()  # type: ignore[no-any-return]


def _case(model: Model, i: int, half: float, threshold: Fraction | float = 0) -> Case:
    return Case(cube(model.sample.points[i], half), margin_property(_label(model, i), _outputs(model), threshold))


def _outputs(model: Model) -> int:
    return model.network.outputs


def _label(model: Model, i: int) -> int:
    return int(model.sample.codes[i])


def _other(model: Model, i: int) -> int:
    return -_label(model, i) if _outputs(model) == 1 else (_label(model, i) + 1) % _outputs(model)


def _outward(model: Model, i: int, coordinate: int) -> float:
    """The side of a point that is away from its nearest other point in this coordinate."""
    points: Float[np.ndarray, "n d"] = model.sample.points
    distances = np.abs(points - points[i]).max(axis=1)
    distances[i] = np.inf
    return 1.0 if points[i, coordinate] >= points[distances.argmin(), coordinate] else -1.0
