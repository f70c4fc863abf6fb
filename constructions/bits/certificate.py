"""Certificates of integer networks: exact bounds on every ball, and the network as executed in float64."""

import hashlib
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from constructions.bits.intervals import Bounds, Values, first_images, largest, propagate, whole
from constructions.bits.network import BLOCK, IntegerNetwork
from constructions.certificates.certificate import ARITHMETICS, CERTIFIED, REFUTED, UNDECIDED, Certificate
from constructions.certificates.digests import points_digest
from constructions.certificates.rational_intervals import largest_float_at_most
from constructions.samples.sample import read_labelled_points
from constructions.samples.task import Task

# Up to here float64 holds every integer.
LIMIT = 2**53


class ExactCertificate(Certificate):
    """A certificate of an integer network, by exact intervals."""

    def __str__(self) -> str:
        what = "the integer network over the reals, exactly"
        if self.arithmetic == "float64":
            what = ARITHMETICS["float64"]
        return f"{super().__str__().rpartition(', for the')[0]}, for {what}"

    def is_of(self, network: Any, points: Any, labels: Any) -> bool:
        """Whether it was made of these, and neither they nor the certificate were changed since."""
        try:
            points, codes = read_labelled_points(points, labels, network.classes, network.inputs)
        except ValueError:
            return False
        return isinstance(network, IntegerNetwork) and self.seal == seal(self, network, points, codes)


def seal(certificate: Certificate, network: IntegerNetwork, points: np.ndarray, codes: np.ndarray) -> str:
    """Digest of what is claimed, and of what it is claimed of."""
    c = certificate
    claim = (c.radius, c.p, c.arithmetic, c.status.tolist(), c.lower.tolist(), c.upper.tolist(), c.method.tolist())
    rest = sorted(c.misclassified), [(i, x.tolist()) for i, x in sorted(c.counterexamples.items())]
    text = repr((*claim, *rest)) + network.digest + points_digest(points, codes)
    return hashlib.sha256(text.encode()).hexdigest()


def certify_integers(network: IntegerNetwork, task: Task, arithmetic: str) -> ExactCertificate:
    """The least margin on every ball of the task, by exact intervals; a ball whose centre is wrong is refuted by it.

    Args:
        network: its classes are those of the task.
        task: the balls.
        arithmetic: "reals" or "rational", which are the same here, or "float64".

    Raises:
        ValueError: for another arithmetic, other classes, or "float64" where sums of integers exceed 2^53.
    """
    if arithmetic not in ("reals", "rational", "float64"):
        raise ValueError(
            f'arithmetic must be "reals", "rational" or "float64" for integer networks, got {arithmetic!r}'
        )
    sample = task.sample
    if network.classes != sample.classes or network.inputs != sample.points.shape[1]:
        raise ValueError(
            f"the network needs the classes and the dimension of the task, got {network.inputs} inputs for points of "
            f"dimension {sample.points.shape[1]}, or other classes"
        )
    if arithmetic == "float64" and network.weight_bits > 53:
        raise ValueError(
            f"float64 holds integers up to 2^53, and the network has weights of {network.weight_bits} bits: build it "
            'with arithmetic="float64", or certify it over the "reals"'
        )
    started = time.perf_counter()
    lower = np.concatenate([_margins(network, *block, task, arithmetic) for block in _blocks(task)])
    status = np.where(lower > 0, CERTIFIED, UNDECIDED).astype("<U9")
    upper = np.full(len(lower), np.inf)
    left = np.flatnonzero(lower <= 0)
    counterexamples = {}
    if len(left) and arithmetic != "float64":
        centre = margins(network.bounds(sample.points[left], 0.0, task.p), sample.codes[left])
        upper[left] = centre
        wrong = left[centre <= 0]
        status[wrong] = REFUTED
        counterexamples = {i: sample.points[i].copy() for i in wrong.tolist()}
    seconds = np.full(len(lower), (time.perf_counter() - started) / len(lower))
    method = np.full(len(lower), "interval", dtype="<U9")
    for array in (status, lower, upper, method, seconds, *counterexamples.values()):
        array.flags.writeable = False
    parts = status, lower, upper, method, arithmetic, counterexamples, seconds, frozenset(counterexamples)
    made = ExactCertificate(task.radius, task.p, *parts)
    object.__setattr__(made, "seal", seal(made, network, sample.points, sample.codes))
    return made


def _blocks(task: Task) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for start in range(0, len(task.sample.points), BLOCK):
        rows = slice(start, start + BLOCK)
        yield task.sample.points[rows], task.sample.codes[rows]


def _margins(network: IntegerNetwork, points: np.ndarray, codes: np.ndarray, task: Task, arithmetic: str) -> np.ndarray:
    if arithmetic != "float64":
        return margins(network.bounds(points, task.radius, task.p), codes)
    first = first_images(network.layers[0], points, task.radius, task.p)
    most = int(np.ceil(np.abs(points).max() + task.radius)) * first.unit
    low, high = [], []
    rows = zip(network.layers[0].rows, network.layers[0].bias, first.low, first.high, strict=True)
    for row, bias, a, b in rows:
        error = _error(sum(abs(w) for _, w in row) * most + abs(bias) * first.unit, len(row), first.unit)
        low.append(a.astype(object) - error)
        high.append(b.astype(object) + error)
    return margins(propagate(network.layers, Bounds(low, high, first.unit), spread=_spread), codes)


def margins(bounds: Bounds, codes: np.ndarray) -> np.ndarray:
    """Least margins as floats, rounded down: of the sign of one output, or of the own output above the others."""
    low = np.array([row.astype(object) for row in bounds.low])
    high = np.array([row.astype(object) for row in bounds.high])
    if len(low) == 1:
        least = np.where(codes == 1, low[0], -high[0])
    else:
        points = np.arange(len(codes))
        own = low[codes, points]
        high[codes, points] = low.min()
        least = own - high.max(axis=0)
    return np.array([largest_float_at_most(Fraction(value, bounds.unit)) for value in least.tolist()])


def _spread(row: tuple[tuple[int, int], ...], bias: int, low: Values, high: Values, unit: int) -> np.ndarray | int:
    """By how much a computed value may be off: not at all where all inputs are known integers, else by rounding.

    Sums of integers up to 2^53 are exact in any order, fused or not.
    """
    most = sum(abs(w) * max(largest(low[c]), largest(high[c])) for c, w in row) + abs(bias) * unit
    error = _error(most, len(row), unit)
    inexact = np.zeros(len(low[0]), dtype=bool)
    for c, _ in row:
        if low[c] is not high[c] or unit > 1:
            inexact |= (low[c] != high[c]).astype(bool) | ~whole(low[c], unit)
    # An error may be longer than 64 bits.
    return inexact.astype(object) * error if inexact.any() else 0


def _error(most: int, terms: int, unit: int) -> int:
    """Of a sum of products, at most `(terms + 1) 2^-52` of its terms, and a unit for products that underflow."""
    if most > LIMIT * unit or unit > 1 << 900:
        raise ValueError(
            f"float64 holds integers up to 2^53, and a sum of this network reaches 2^{(most // unit).bit_length()}: "
            'build it with arithmetic="float64", or certify it over the "reals"'
        )
    return (most * (terms + 2) >> 52) + 1
