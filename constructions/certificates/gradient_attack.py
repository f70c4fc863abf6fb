"""A gradient attack: projected descent on what makes an output an error, batched over regions.

The loss is the least margin itself, `min over conjunctions, max over rows of A f(x) - b`: differences of outputs, not
their softmax, which is flat where outputs are large. The network is computed in units in which no entry is above 1, and
only the direction of a gradient counts, so that its scale does not matter at all. As all attacks it can only refute.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from constructions.certificates.projected_descent import Descent, Place, looks
from constructions.networks.network import ReLUNetwork
from theory.arguments.whole_numbers import read_whole
from theory.balls.budget import is_over
from theory.balls.prepared import Prepared, blocks, kept, widest
from theory.balls.regions import Regions
from theory.balls.violations import Violations, margin_violations
from theory.layers import Layers, Matrix, evaluate
from theory.setting.norms import sample_ball

# One array of the attack; small, because it makes a dozen passes over each.
BLOCK_BYTES = 2**22
# A value that is negative by more than this, beside the outputs that it is a difference of, is no rounding.
_CLEAR = 2.0**-30
# Float32 searches where the radii are at least this share of the centres, and values differ by at most that share.
_SINGLE, _SIMILAR = 2.0**-12, 2.0**-8
# Layers that together change the order of magnitude by at most so many powers of two stay in their own units.
_ORDINARY = 64
# A region is left after so many descents on which it was flat.
_FLAT_DESCENTS = 2


@dataclass(frozen=True, eq=False)
class _Layer:
    weight: Matrix
    bias: np.ndarray


def gradient_attack(
    network: ReLUNetwork | Layers,
    regions: Regions,
    violations: Any,
    *,
    steps: Any = 20,
    restarts: Any = 5,
    seed: int = 0,
    starts: Float[np.ndarray, "k inputs"] | None = None,
    deadline: float = math.inf,
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n d"]]:
    """The least values found in the regions, of what is an error where it is <= 0, and where.

    Descent by Auto-PGD: signed steps for p = ∞, normalised ones for p = 2, the steepest coordinate for p = 1, with
    momentum, halved where they do not help. First from the centre on the conjunction with the least value, then from
    random points on one conjunction after the other, those with small values first. A region whose value is negative
    beyond rounding is left.

    Source: the targets of Gowal et al. (2019), An alternative surrogate loss for PGD-based adversarial testing.

    Args:
        network: a `ReLUNetwork`, or its layers.
        regions: see `theory.balls.regions`.
        violations: `Violations`, for each region its own or one for all; or class numbers, ±1 for one output, one a
            region: then the values are margins.
        steps: of each descent, >= 1.
        restarts: descents, >= 1.
        seed: of the random points.
        starts: points from which the first descents go; the centres by default.
        deadline: by `time.monotonic`, after which no step is made.

    Returns:
        The values, as computed (infinite where no point was found in the region, or f is not a number), shape (n,), and
        the points, shape (n, d): in the regions, exactly.

    Raises:
        ValueError: if shapes do not fit, or a number is out of range.
    """
    layers = network.layers if isinstance(network, ReLUNetwork) else network
    steps, restarts = read_whole(steps, "steps"), read_whole(restarts, "restarts")
    if not (steps >= 1 and restarts >= 1):
        raise ValueError(f"a gradient attack needs steps >= 1 and restarts >= 1, got {steps} and {restarts}")
    _check(layers, regions, violations, starts)
    rng = np.random.default_rng(seed)
    values, points = np.empty(len(regions)), np.empty(regions.centres.shape)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        nets, exponent = _in_units(layers)
        for rows in blocks(len(regions), widest(layers), BLOCK_BYTES):
            wrong = violations.take(rows) if isinstance(violations, Violations) else violations[rows]
            if not isinstance(wrong, Violations):
                wrong = margin_violations(wrong, int(layers[-1].weight.shape[0]))
            wrong = Violations(wrong.forms, np.ldexp(wrong.offsets, -exponent))
            search = _Search(nets, regions.take(rows), wrong, steps, rng, deadline)
            first = None if starts is None else starts[rows]
            search.run(restarts, first)
            values[rows], points[rows] = np.ldexp(search.values, exponent), search.points
    return values, points


def _check(layers: Layers, regions: Regions, violations: Any, starts: np.ndarray | None) -> None:
    inputs, outputs = (int(n) for n in (layers[0].weight.shape[1], layers[-1].weight.shape[0]))
    if regions.centres.shape[1] != inputs:
        raise ValueError(f"regions need {inputs} coordinates, the network's inputs, got {regions.centres.shape[1]}")
    count = len(violations.forms if isinstance(violations, Violations) else violations)
    own = isinstance(violations, Violations)
    if count != len(regions) and not (own and count == 1):
        raise ValueError(f"violations need one entry for each of the {len(regions)} regions, got {count}")
    if own and violations.forms.shape[3] != outputs:
        raise ValueError(f"violations need {outputs} outputs, got {violations.forms.shape[3]}")
    if starts is not None and starts.shape != regions.centres.shape:
        raise ValueError(f"starts need shape {regions.centres.shape}, one point a region, got {starts.shape}")


def _in_units(layers: Layers) -> tuple[dict[Any, list[_Layer]], int]:
    """The layers of `2^-e f` in float64 and float32, no entry above 1 in absolute value, and e; or f itself, and 0.

    `σ(2^-e z) = 2^-e σ(z)`, so that each layer may have its own unit, and powers of two round nothing. Where neither
    format can overflow, nor lose what is small, no unit is needed.
    """
    layers = [kept(layer) or layer for layer in layers]
    prepared = [layer for layer in layers if isinstance(layer, Prepared)]
    if len(prepared) == len(layers) and _are_ordinary(prepared):
        single = [_Layer(layer.single, layer.bias.astype(np.float32)) for layer in prepared]
        return {np.dtype(np.float64): [_Layer(f.weight, f.bias) for f in prepared], np.dtype(np.float32): single}, 0
    found, exponent = [], 0
    for layer in layers:
        entries = layer.weight if isinstance(layer.weight, np.ndarray) else layer.weight.data
        weight, bias = (float(np.abs(a).max(initial=0.0)) for a in (entries, layer.bias))
        before = exponent
        sizes = [math.frexp(size)[1] + unit for size, unit in ((weight, before), (bias, 0)) if size > 0]
        exponent = max(sizes, default=0)
        scaled = layer.weight.astype(np.float64)
        if isinstance(scaled, np.ndarray):
            scaled = np.ldexp(scaled, before - exponent)
        else:
            scaled.data = np.ldexp(scaled.data, before - exponent)
        found.append(_Layer(scaled, np.ldexp(np.asarray(layer.bias, np.float64), -exponent)))
    single = [_Layer(layer.weight.astype(np.float32), layer.bias.astype(np.float32)) for layer in found]
    return {np.dtype(np.float64): found, np.dtype(np.float32): single}, exponent


def _are_ordinary(layers: Sequence[Prepared]) -> bool:
    """Whether values and gradients stay far from overflow and underflow in float32, and so what differs by powers of 2.

    Weights and biases that are 0 in all places are ordinary.
    """
    grown = sum(abs(math.frexp(layer.largest)[1]) + int(layer.weight.shape[1]).bit_length() for layer in layers)
    return grown + max(abs(math.frexp(float(layer.bias_size.max()))[1]) for layer in layers) <= _ORDINARY


class _Search:
    """The least values found so far in a block of regions, and where."""

    def __init__(
        self,
        nets: dict[Any, list[_Layer]],
        regions: Regions,
        violations: Violations,
        steps: int,
        rng: np.random.Generator,
        deadline: float,
    ) -> None:
        self.nets, self.place, self.violations = nets, Place.of(regions), violations
        self.steps, self.rng, self.deadline = steps, rng, deadline
        self.points, self.values = self.place.nearest.copy(), np.full(len(regions), np.inf)
        self.clear, self.flat = np.zeros(len(regions), bool), np.zeros(len(regions), int)
        self.order = np.argsort(self.keep(np.arange(len(regions)), self.points), axis=1, kind="stable")
        self.kind = np.dtype(np.float32 if self.is_single_enough() else np.float64)

    def is_single_enough(self) -> bool:
        """Whether float32 moves points by little beside the radii, and values by little beside those at the centres."""
        place, wrong = self.place, self.violations
        if place.halves.max(axis=1).min() < _SINGLE * np.abs(place.centres).max(initial=0.0):
            return False
        outputs = evaluate(self.nets[np.dtype(np.float32)], place.nearest.astype(np.float32))
        found = wrong.margins(outputs.astype(np.float64))
        return bool((np.abs(found - self.values) <= _SIMILAR * np.abs(self.values))[~self.clear].all())

    def run(self, restarts: int, first: np.ndarray | None) -> None:
        """Descents from the first points, then from random points on one conjunction after the other."""
        for k in range(restarts):
            left = np.flatnonzero(~self.clear & (self.flat < _FLAT_DESCENTS))
            if not len(left) or is_over(self.deadline):
                break
            place = self.place.take(left)
            if k == 0:
                start, target = place.nearest if first is None else first[left], None
            else:
                start = place.centres + place.halves * sample_ball(self.rng, len(left), place.centres.shape[1], place.p)
                target = self.order[left, k % self.order.shape[1]]
            self.keep(left, place.surely_into(self.descend(left, start, target)))

    def keep(self, rows: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Keep points that are the best of their regions so far, and in them; the values of all conjunctions."""
        outputs = evaluate(self.nets[np.dtype(np.float64)], x)
        found = self.violations.take(rows).rows(outputs).max(axis=2)
        least = found.min(axis=1)
        better = np.flatnonzero(least < self.values[rows])
        better = better[self.place.take(rows[better]).contains(x[better])]
        at = rows[better]
        self.points[at], self.values[at] = x[better], least[better]
        self.clear[at] = least[better] < -_CLEAR * np.abs(outputs[better]).max(axis=1, initial=0.0)
        return np.asarray(found)

    def descend(self, at: np.ndarray, start: np.ndarray, target: np.ndarray | None) -> np.ndarray:
        """The best points of one descent from each start, about in the regions."""
        place, wrong = self.place.take(at), self.violations.take(at)
        found, rows = start.copy(), np.arange(len(start))
        forms = wrong.forms.astype(self.kind)
        wrong, place = Violations(forms, wrong.offsets), place.astype(self.kind)
        descent = Descent(self.nets[self.kind], place, wrong, target, place.into(start.astype(self.kind)))
        when = looks(self.steps)
        for k in range(self.steps):
            if is_over(self.deadline):
                break
            descent.step(self.rng)
            if k + 1 in when:
                left = np.flatnonzero(~(descent.is_far_below | descent.is_flat))
                if len(left) < len(rows):
                    self.flat[at[rows[descent.is_flat]]] += 1
                    found[rows], rows = descent.best, rows[left]
                    descent.take(left)
                if not len(left):
                    break
                descent.look()
        found[rows] = descent.best
        return found
