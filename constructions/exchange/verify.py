"""Whether a network in a file has a property in a file, as VNN-COMP asks: `unsat`, `sat`, `unknown` or `timeout`.

`unsat` is a proof over the reals, for the function that the file says, that no input of any region has outputs that are
not allowed. `sat` comes with an input that is in its region exactly, and whose outputs surely are not allowed: by
bounds that include all rounding, and in rational arithmetic where these leave it open. Numbers of the property that no
float64 holds are weakened for proofs, and kept for witnesses.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from constructions.certificates.decision import Decision, decide_regions, read_seconds
from constructions.certificates.rational_intervals import fits_rational, rational_outputs
from constructions.exchange.onnx_file import OnnxModel, read_onnx_model
from constructions.exchange.properties import Case, Conjunction, Property, Specification
from constructions.networks.folded import FoldedNetwork
from theory.arguments.whole_numbers import read_whole
from theory.balls.budget import deadline_of
from theory.balls.intervals import interval_bounds
from theory.balls.prepared import prepare
from theory.balls.regions import Regions, boxes
from theory.balls.violations import Violations, unions

# Regions times conjunctions that are held at once.
_MOST = 100_000
# Weights of an output in rational arithmetic each second, about; and up to how many a witness's outputs are exact.
_EXACT_SPEED, _SMALL = 1e6, 10**6
UNSAT, SAT, UNKNOWN, TIMEOUT = "unsat", "sat", "unknown", "timeout"


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer to a specification.

    Attributes:
        answer: "unsat", "sat", "unknown", or "timeout" where some step did not end in its time.
        x: the witness of "sat": float64 numbers, and float32 ones for a file in float32 if there is such a witness.
            At inputs whose range holds no float64, one that is near.
        y: its outputs, for small networks over the reals and rounded to float64, else as float64 computes them at x.
        steps: by which steps the cases were proved, and how many by each.
        untried: what was left out, and why, of the cases that are open.
        computed: operators by which the file computes constants: the answer is about these as float64 rounds them.
        point: the witness exactly, finite decimals: x, but where a range holds no float64 a number in it.
    """

    answer: str
    x: Float[np.ndarray, " inputs"] | None
    y: Float[np.ndarray, " outputs"] | None
    steps: dict[str, int]
    untried: tuple[str, ...]
    computed: tuple[str, ...] = ()
    point: tuple[Fraction, ...] | None = None


def verify(
    path: Any, specification: Specification, *, seconds: Any = None, seed: int = 0, progress: bool = False
) -> Answer:
    """Answer a specification for the network of an ONNX file.

    Args:
        path: of the file.
        specification: of as many inputs and outputs as the network has.
        seconds: from now, reading included; see `decide_regions`. None for no splitting.
        seed: of the attack.
        progress: whether to say on stderr which step is at work.

    Raises:
        ValueError: if the file cannot be read, the numbers of inputs and outputs do not fit, or seconds or seed is < 0.
        FileNotFoundError: if there is no file.
        ImportError: without onnx.
    """
    seconds = read_seconds(seconds)
    if read_whole(seed, "seed") < 0:
        raise ValueError(f"seed must be a whole number >= 0, got {seed}")
    deadline = deadline_of(seconds)
    model = read_onnx_model(path)
    network = model.network
    if (network.inputs, network.outputs) != (specification.inputs, specification.outputs):
        raise ValueError(
            f"the property must be of the network's {network.inputs} inputs and {network.outputs} outputs, got one of "
            f"{specification.inputs} inputs and {specification.outputs} outputs"
        )
    if not specification.cases:
        return Answer(UNSAT, None, None, {}, ())
    specification = _evened(specification)
    judge = _Judge(path, model, specification, deadline)
    regions = _regions(specification)
    for k, case in enumerate(specification.cases):
        if any(not one.rows for one in case.violated.conjunctions):
            return judge.answer(k, case.region.inward[0])
    found = decide_regions(
        network.layers,
        regions,
        _violations(model, specification, regions),
        seconds=None if seconds is None else max(deadline - time.monotonic(), 0.0),
        seed=seed,
        witness=judge.witness,
        progress=progress,
    )
    return replace(_answer(found, judge), computed=model.computed)


def _answer(found: Decision, judge: "_Judge") -> Answer:
    for case, x in found.witnesses.items():
        return judge.answer(case, x)
    proved = found.lower > 0
    names, counts = np.unique(found.step[proved], return_counts=True)
    steps = dict(zip(names.tolist(), counts.tolist(), strict=True))
    if proved.all():
        return Answer(UNSAT, None, None, steps, ())
    reasons = tuple(sorted(set(found.untried.values())))
    late = any("time was over" in reason for reason in reasons)
    return Answer(TIMEOUT if late else UNKNOWN, None, None, steps, reasons)


@dataclass(frozen=True, eq=False)
class _Judge:
    """Decides about witnesses, by what is written in the files."""

    path: Any
    model: OnnxModel
    specification: Specification
    deadline: float

    @cached_property
    def exact(self) -> FoldedNetwork:
        """The network of which no weight is rounded, but for factors that are no floats."""
        network = self.model.network
        return read_onnx_model(self.path, exact=True).network if network.rounded else network

    @cached_property
    def layers(self) -> Sequence[Any]:
        """Those of the model's network, made ready for bounds."""
        return prepare(self.model.network.layers)

    def witness(self, case: int, x: Float[np.ndarray, " inputs"]) -> Float[np.ndarray, " inputs"] | None:
        """The candidate if it is a witness; for a file in float32 rather one next to it that float32 holds."""
        tried = [self._single(case, x), x] if self.model.arithmetic == "float32" else [x]
        return next((one.copy() for one in tried if self._is_witness(self.specification.cases[case], one)), None)

    def answer(self, case: int, x: Float[np.ndarray, " inputs"]) -> Answer:
        """The answer for a witness."""
        network, region = self.model.network, self.specification.cases[case].region
        is_small = network.nonzero <= _SMALL and self._has_time(network) and not region.thin.any()
        outputs = rational_outputs(network.layers, x) if is_small else network(x[None])[0].tolist()
        return Answer(SAT, x, np.array([float(v) for v in outputs]), {}, (), point=region.point(x))

    def _is_witness(self, case: Case, x: Float[np.ndarray, " inputs"]) -> bool:
        point, thin, ends = case.region.point(x), case.region.thin, case.region.outward
        # What is the only value and no decimal, such as 1/3, cannot be written.
        if not (case.region.contains(point) and all(map(_is_decimal, point))):
            return False
        least, most = (np.where(thin, end, x) for end in ends)
        far = self.model.network.distance(least, most)
        bounds = (end[0] for end in interval_bounds(self.layers, least[None], most[None]))
        low, high = (np.nextafter(end + sign * far, sign * np.inf) for end, sign in zip(bounds, (-1, 1), strict=True))
        if np.isfinite([low, high]).all():
            if case.violated.surely_contains(low, high):
                return True
            if case.violated.surely_excludes(low, high):
                return False
        # Rational arithmetic here is of binary numbers.
        has_time = not thin.any() and self._has_time(self.model.network) and self._has_time(self.exact)
        return has_time and self._is_exactly(case, x)

    def _is_exactly(self, case: Case, x: Float[np.ndarray, " inputs"]) -> bool:
        outputs = rational_outputs(self.exact.layers, x)
        # Of factors that are no floats, such as 1/3, only the function nearby is known.
        far = self.exact.distance(x, x)
        if not np.isfinite(far).all():
            return False
        ends = [[y + sign * Fraction(e) for y, e in zip(outputs, far.tolist(), strict=True)] for sign in (-1, 1)]
        return case.violated.surely_contains(*ends)

    def _has_time(self, network: FoldedNetwork) -> bool:
        """Whether an output in rational arithmetic is known in time."""
        left = self.deadline - time.monotonic()
        return fits_rational(network.layers, 1) and (math.isinf(left) or network.nonzero <= _EXACT_SPEED * left)

    def _single(self, case: int, x: Float[np.ndarray, " inputs"]) -> Float[np.ndarray, " inputs"]:
        low, high = self.specification.cases[case].region.inward
        near = x.astype(np.float32)
        near = np.where(near < low, np.nextafter(near, np.float32(np.inf)), near)
        near = np.where(near > high, np.nextafter(near, np.float32(-np.inf)), near)
        return near.astype(np.float64)


def _evened(specification: Specification) -> Specification:
    """The same question in cases of about as many conjunctions: all are held in an array with room for the longest."""
    sizes = [len(case.violated.conjunctions) for case in specification.cases]
    if len(sizes) * max(sizes) <= _MOST:
        return specification
    most = max(1, sum(sizes) // len(sizes))
    cases = [
        Case(case.region, Property(case.violated.conjunctions[start : start + most]))
        for case in specification.cases
        for start in range(0, len(case.violated.conjunctions), most)
    ]
    return replace(specification, cases=tuple(cases))


def _regions(specification: Specification) -> Regions:
    """The boxes of all cases, rounded outwards; candidates are looked for in what is rounded inwards."""
    ends = [case.region.outward for case in specification.cases]
    low, high = np.stack([low for low, _ in ends]), np.stack([high for _, high in ends])
    if not np.isfinite([low, high]).all():
        raise ValueError("regions must have ends within float64")
    found = boxes(low, high)
    inner = [case.region.inward for case in specification.cases]
    inside = np.stack([low for low, _ in inner]), np.stack([high for _, high in inner])
    return Regions(found.centres, found.halves, found.p, found.box, inside)


def _violations(model: OnnxModel, specification: Specification, regions: Regions) -> Violations:
    """What is not allowed in each case, weakened by how far the network may be from the file's function."""
    network, cases, (low, high) = model.network, specification.cases, regions.outer()
    if network.rounded:
        far = np.stack([network.distance(*ends) for ends in zip(low, high, strict=True)])
    else:
        far = np.zeros((len(cases), network.outputs))
    if all(case.violated == cases[0].violated for case in cases):
        # Once for all, which takes room for one.
        cases, far = cases[:1], far.max(axis=0, keepdims=True)
    pairs = [[_weakened(one, own) for one in case.violated.conjunctions] for case, own in zip(cases, far, strict=True)]
    return unions(pairs, network.outputs)


def _weakened(one: Conjunction, far: Float[np.ndarray, " outputs"]) -> tuple[np.ndarray, np.ndarray]:
    """Forms and bounds of a conjunction, met wherever it is by outputs as far away as this."""
    forms, bounds = one.weakened if one.rows else (np.zeros((1, len(far))), np.zeros(1))
    if far.any():
        # Upwards, with room for the rounding of the sums.
        bounds = np.nextafter(bounds + np.abs(forms) @ far * (1 + 2.0**-40), np.inf)
    return forms, bounds


def _is_decimal(value: Fraction) -> bool:
    # Of no prime but 2 and 5, of which it has fewer than bits.
    return pow(10, value.denominator.bit_length(), value.denominator) == 0
