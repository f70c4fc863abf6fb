"""Whether a network in a file has a property in a file, as VNN-COMP asks: `unsat`, `sat`, `unknown` or `timeout`.

`unsat` is a proof over the reals, for the function that the file says, that no input of any region has outputs that are
not allowed. `sat` comes with an input that is in its region exactly, and whose outputs are not allowed, in rational
arithmetic. Numbers of the property that no float64 holds are weakened for proofs, and kept for witnesses.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Float

from constructions.certificates.decision import Decision, decide_regions
from constructions.certificates.rational_intervals import fits_rational, rational_outputs
from constructions.exchange.onnx_file import OnnxModel, read_onnx_model
from constructions.exchange.properties import Case, Property, Specification
from constructions.networks.folded import FoldedNetwork
from theory.balls.intervals import interval_bounds
from theory.balls.regions import Regions, boxes
from theory.balls.violations import Violations, unions

# Regions times conjunctions that are held at once.
_MOST = 100_000
UNSAT, SAT, UNKNOWN, TIMEOUT = "unsat", "sat", "unknown", "timeout"


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer to a specification.

    Attributes:
        answer: "unsat", "sat", "unknown", or "timeout" where some step did not end in its time.
        x: the witness of "sat": float64 numbers, and float32 ones for a file in float32 if there is such a witness.
        y: its outputs over the reals, rounded to float64; as float64 computes them for a huge network.
        steps: by which steps the cases were proved, and how many by each.
        untried: what was left out, and why, of the cases that are open.
        computed: operators by which the file computes constants: the answer is about these as float64 rounds them.
    """

    answer: str
    x: Float[np.ndarray, " inputs"] | None
    y: Float[np.ndarray, " outputs"] | None
    steps: dict[str, int]
    untried: tuple[str, ...]
    computed: tuple[str, ...] = ()


def verify(
    path: Any, specification: Specification, *, seconds: Any = None, seed: int = 0, progress: bool = False
) -> Answer:
    """Answer a specification for the network of an ONNX file.

    Args:
        path: of the file.
        specification: of as many inputs and outputs as the network has.
        seconds: see `decide_regions`; None for no splitting.
        seed: of the attack.
        progress: whether to say on stderr which step is at work.

    Raises:
        ValueError: if the file cannot be read, or the numbers of inputs and outputs do not fit.
        FileNotFoundError: if there is no file.
        ImportError: without onnx.
    """
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
    exact = read_onnx_model(path, exact=True).network if network.rounded else network
    judge = _Judge(exact, specification, model.arithmetic == "float32")
    for case in specification.cases:
        if any(not one.rows for one in case.violated.conjunctions) and case.region.inward is not None:
            return judge.answer(case.region.inward[0])
    regions = _regions(specification)
    found = decide_regions(
        network.layers,
        regions,
        _violations(model, specification, regions),
        seconds=seconds,
        seed=seed,
        witness=judge.witness,
        progress=progress,
    )
    return replace(_answer(found, judge), computed=model.computed)


def _answer(found: Decision, judge: "_Judge") -> Answer:
    for x in found.witnesses.values():
        return judge.answer(x)
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
    """Decides about witnesses in rational arithmetic, by what is written in the files."""

    network: FoldedNetwork
    specification: Specification
    is_single: bool

    def witness(self, case: int, x: Float[np.ndarray, " inputs"]) -> Float[np.ndarray, " inputs"] | None:
        """The candidate if it is a witness; for a file in float32 rather one next to it that float32 holds."""
        tried = [self._single(case, x), x] if self.is_single else [x]
        return next((one.copy() for one in tried if self._is_witness(case, one)), None)

    def answer(self, x: Float[np.ndarray, " inputs"]) -> Answer:
        """The answer for a witness."""
        layers = self.network.layers
        outputs = rational_outputs(layers, x) if fits_rational(layers, 1) else self.network(x[None])[0].tolist()
        return Answer(SAT, x, np.array([float(v) for v in outputs]), {}, ())

    def _is_witness(self, case: int, x: Float[np.ndarray, " inputs"]) -> bool:
        one, layers = self.specification.cases[case], self.network.layers
        if not one.region.contains(x.tolist()):
            return False
        if fits_rational(layers, 1):
            outputs = rational_outputs(layers, x)
            if not self.network.rounded:
                return one.violated.contains(outputs)
            # Of factors that are no floats, such as 1/3, only the function nearby is known.
            far = self.network.distance(x, x)
            if not np.isfinite(far).all():
                return False
            ends = [[y + sign * Fraction(e) for y, e in zip(outputs, far.tolist(), strict=True)] for sign in (-1, 1)]
            return one.violated.surely_contains(*ends)
        # Too large for exact arithmetic: by bounds of the outputs, which are close together.
        far = self.network.distance(x, x)
        bounds = (end[0] for end in interval_bounds(layers, x[None], x[None]))
        low, high = (np.nextafter(end + sign * far, sign * np.inf) for end, sign in zip(bounds, (-1, 1), strict=True))
        return bool(np.isfinite([low, high]).all()) and one.violated.surely_contains(low, high)

    def _single(self, case: int, x: Float[np.ndarray, " inputs"]) -> Float[np.ndarray, " inputs"]:
        low, high = self.specification.cases[case].region.inward or (x, x)
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
    inner = [case.region.inward or outer for case, outer in zip(specification.cases, ends, strict=True)]
    inside = np.stack([low for low, _ in inner]), np.stack([high for _, high in inner])
    return Regions(found.centres, found.halves, found.p, found.box, inside)


def _violations(model: OnnxModel, specification: Specification, regions: Regions) -> Violations:
    """What is not allowed in each case, weakened by how far the network may be from the file's function."""
    network, (low, high) = model.network, regions.outer()
    conjunctions = []
    for i, case in enumerate(specification.cases):
        distance = network.distance(low[i], high[i]) if network.rounded else None
        pairs = []
        for one in case.violated.conjunctions:
            forms, bounds = one.weakened if one.rows else (np.zeros((1, network.outputs)), np.zeros(1))
            if distance is not None:
                # Upwards, with room for the rounding of the sums.
                bounds = np.nextafter(bounds + np.abs(forms) @ distance * (1 + 2.0**-40), np.inf)
            pairs.append((forms, bounds))
        conjunctions.append(pairs)
    return unions(conjunctions, network.outputs)
