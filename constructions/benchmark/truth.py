"""Truths of instances, proved on the files: the network, the property and the witness as they are read back.

- *sat*: the witness is in a box exactly, and the network at it, over the rationals, is what is not allowed.
- *unsat*: on each box a sound bound of the margin is above the threshold: by the structural proof of the construction
  (a box within the ball of a point), in rational interval arithmetic, or by linear relaxation.
- *least*: a bound and a point of the box that agree exactly.
"""

import os
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from constructions.benchmark.margins import Instance, Margin, read_margin
from constructions.benchmark.models import FromFile, Model
from constructions.certificates.digests import network_digest
from constructions.certificates.rational_intervals import largest_float_at_most, rational_margin_bound, rational_outputs
from constructions.exchange.onnx_file import read_onnx_model
from constructions.exchange.properties import Region, Specification
from constructions.exchange.vnnlib_file import read_vnnlib
from constructions.exchange.witness_file import read_witness
from theory.balls.relaxation import margin_lower_bound

# Non-zeros for which exact arithmetic takes a tenth of a second, and some seconds.
_CHEAP, _LARGEST = 20_000, 500_000


class Unproved(ValueError):
    """A truth that the files do not bear out."""


@dataclass(frozen=True)
class Truth:
    """What is proved of an instance.

    Attributes:
        answer: "sat" or "unsat".
        margin: of the margin less the threshold: for "unsat" a lower bound > 0 over all boxes, for "sat" its value
            <= 0 at the witness.
        least: its exact minimum, where it is known.
        reason: what proves the answer.
    """

    answer: str
    margin: Fraction
    least: Fraction | None
    reason: str


def network_of_file(path: str | os.PathLike[str], model: Model) -> FromFile:
    """The network that a file holds, if it is the one that was to be written.

    Raises:
        Unproved: if it is another one, or no exact composition of what the file holds.
    """
    read = read_onnx_model(path)
    if read.network.rounded or read.computed or read.arithmetic != model.dtype:
        raise Unproved(f"{path} must hold the layers of a {model.dtype} network as they are, got {read.network!r}")
    if network_digest(read.network) != network_digest(model.network):
        raise Unproved(f"{path} holds another network than {model.arguments}: a weight, bias or class differs")
    return FromFile(model, read.network)


def proved(
    instance: Instance,
    network: FromFile,
    property_path: str | os.PathLike[str],
    witness_path: str | os.PathLike[str] | None,
) -> Truth:
    """The truth of an instance, from its files.

    Args:
        instance: with the truth that is claimed.
        network: as it was read.
        property_path: of the VNN-LIB file.
        witness_path: of the witness, for "sat".

    Raises:
        Unproved: if the files do not bear out the claim.
    """
    asked = read_vnnlib(property_path)
    if (asked.inputs, asked.outputs) != (network.network.inputs, network.network.outputs):
        raise Unproved(f"{property_path} is about {asked.inputs} inputs and {asked.outputs} outputs")
    if not asked.cases:
        raise Unproved(f"{property_path} asks nothing: it has no box")
    try:
        margins = [read_margin(case.violated) for case in asked.cases]
    except ValueError as error:
        raise Unproved(f"{property_path}: {error}") from error
    if instance.truth == "sat":
        if witness_path is None:
            raise Unproved(f"{property_path}: sat needs a witness")
        return _proved_sat(network, asked, margins, property_path, witness_path)
    found = [_bound(network, case.region, margin) for case, margin in zip(asked.cases, margins, strict=True)]
    worst = min(value for value, _ in found)
    if not worst > 0:
        raise Unproved(
            f"{property_path} is not proved to be unsat: the margin is at least {float(worst)} by our bounds"
        )
    least = None
    for case, margin, (value, _) in zip(asked.cases, margins, found, strict=True):
        if value == worst and _reaches(network, case.region, margin, value):
            least = value
    return Truth("unsat", worst, least, ", ".join(sorted({name for _, name in found})))


def _proved_sat(
    network: FromFile,
    asked: Specification,
    margins: list[Margin],
    property_path: str | os.PathLike[str],
    witness_path: str | os.PathLike[str],
) -> Truth:
    x, written = read_witness(witness_path)
    point = np.array([float(v) for v in x])
    if [Fraction(v) for v in point.tolist()] != x or len(x) != network.network.inputs:
        raise Unproved(f"{witness_path} must hold a float64 for each input")
    inside = [k for k, case in enumerate(asked.cases) if case.region.contains(x)]
    if not inside:
        raise Unproved(f"{witness_path} is in no box of {property_path}")
    outputs = rational_outputs(network.network.layers, point)
    if len(written) != len(outputs) or not all(
        abs(y - v) <= abs(v) * Fraction(1, 2**52) for y, v in zip(written, outputs, strict=True)
    ):
        raise Unproved(f"{witness_path} has other outputs than the network")
    value = min(margins[k].value(outputs) for k in inside)
    if value > 0 or not asked.is_witness(x, outputs):
        raise Unproved(f"{witness_path} is no witness against {property_path}: the margin is {float(value)} above it")
    bounds = [_bound(network, case.region, margin)[0] for case, margin in zip(asked.cases, margins, strict=True)]
    least = value if min(bounds) == value else None
    reason = "exact evaluation at the witness"
    return Truth("sat", value, least, reason if least is None else f"{reason}, and no less by a certified bound")


def _bound(network: FromFile, region: Region, margin: Margin) -> tuple[Fraction, str]:
    """The best sound lower bound of the margin less the threshold over the box, and what gave it."""
    found = [_structure(network, region, margin)]
    centre, half = _ball(region)
    label = np.array([margin.label])
    # Where the structure proves, intervals may only add that the bound is exact.
    if network.network.nonzero <= (_CHEAP if max(found)[0] > 0 else _LARGEST):
        (exact,) = rational_margin_bound(network.network.layers, centre[None], label, half, np.inf)
        found.append((exact - margin.threshold, "intervals, exact"))
    if not max(found)[0] > 0:
        (lower,) = margin_lower_bound(network.network.layers, centre[None], label, half, np.inf).tolist()
        if np.isfinite(lower):
            found.append((Fraction(lower) - margin.threshold, "linear"))
    return max(found)


def _structure(network: FromFile, region: Region, margin: Margin) -> tuple[Fraction, str]:
    """The bound of the ball of the task that contains the box."""
    sample, lower = network.model.sample, network.lower
    worst, name = -(Fraction(2) ** 2000), "nothing"
    for i in np.flatnonzero((sample.codes == margin.label) & np.isfinite(lower)):
        value = Fraction(lower[i].item()) - margin.threshold
        if value > worst and is_within_ball(region, sample.points[i], network.model.task.radius, network.model.task.p):
            worst, name = value, f"{network.certificate.method[i]}, ball of point {i}"
    return worst, name


def is_within_ball(region: Region, centre: np.ndarray, radius: float, p: float) -> bool:
    """Whether a box lies in `B_p(centre, radius)`, exactly; for p other than 1, 2 and ∞ in the ball of p = 1."""
    far = [
        max(abs(low - Fraction(c)), abs(high - Fraction(c)))
        for low, high, c in zip(region.low, region.high, centre.tolist(), strict=True)
    ]
    delta = Fraction(radius)
    if np.isinf(p):
        return max(far) <= delta
    if p == 2:
        return sum(v * v for v in far) <= delta * delta
    return sum(far) <= delta


def _ball(region: Region) -> tuple[np.ndarray, float]:
    """An l_inf ball of floats that contains the box: itself, if it is one."""
    centre = np.array([float((low + high) / 2) for low, high in zip(region.low, region.high, strict=True)])
    half = max(
        max(high - Fraction(c), Fraction(c) - low)
        for low, high, c in zip(region.low, region.high, centre.tolist(), strict=True)
    )
    return centre, -largest_float_at_most(-half)


def _reaches(network: FromFile, region: Region, margin: Margin, value: Fraction) -> bool:
    """Whether the margin takes this value at the middle or at a corner towards a near centre."""
    low, high = (np.array([float(v) for v in ends]) for ends in (region.low, region.high))
    middle = _ball(region)[0]
    points = network.model.sample.points
    near = np.argsort(np.abs(points - middle).max(axis=1), kind="stable")[:2]
    found = [middle, *(np.where(centre >= middle, high, low) for centre in points[near])]
    return any(margin.value(rational_outputs(network.network.layers, x)) == value for x in found if region.contains(x))
