"""Search for the slopes and multipliers of a linear relaxation, by a supergradient.

What is found is a choice, and `theory.balls.backward` bounds soundly with any. With the signs of a form's coefficients
held, its backward bound is linear in each lower slope α_j: the derivative is `A_j^+ z_j` at the minimising input,
carried forward through the lines that were chosen; in the multiplier of a split, minus the signed `z_j`.

Source: Xu et al. (2021), α-CROWN, arXiv:2011.13824; Wang et al. (2021), β-CROWN, arXiv:2103.06624.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from theory.balls.backward import Choice, Found, Relaxed, backward
from theory.balls.budget import is_over
from theory.balls.minimisers import minimisers
from theory.balls.prepared import Head, apply
from theory.balls.propagation import relaxed
from theory.balls.regions import Regions
from theory.layers import Matrix

# Of the slopes, in [0, 1]; the multipliers' steps are in units of the coefficients that they stand beside.
_STEP, _DECAY = 0.25, 0.95
_FIRST, _SECOND = 0.9, 0.99


@dataclass(frozen=True, eq=False)
class _Part:
    """A hidden layer as the search sees it: in float32, the neurons that matter, in n × k × width."""

    some: np.ndarray | slice
    width: int
    weight: Matrix
    bias: np.ndarray
    low: np.ndarray
    high: np.ndarray
    offset: np.ndarray
    unstable: np.ndarray
    signs: np.ndarray | None


class _Ascent:
    """Adam's steps upwards for one array within limits."""

    def __init__(self, start: np.ndarray, most: float) -> None:
        self.value, self.most = start, most
        self.mean, self.square = np.zeros_like(start), np.zeros_like(start)

    def step(self, gradient: np.ndarray, size: float | np.ndarray, count: int) -> None:
        self.mean += (1 - _FIRST) * (gradient - self.mean)
        self.square += (1 - _SECOND) * (gradient * gradient - self.square)
        mean, square = self.mean / (1 - _FIRST**count), self.square / (1 - _SECOND**count)
        self.value = np.clip(self.value + size * mean / (np.sqrt(square) + 1e-30), 0.0, self.most)


def optimised(
    head: Head,
    hidden: Sequence[Relaxed],
    regions: Regions,
    *,
    start: Sequence[Choice] | None = None,
    steps: int = 20,
    deadline: float = float("inf"),
    goal: float = float("inf"),
) -> tuple[Found, list[Choice]]:
    """The best sound bounds found for the head's forms, never below those of `start`, and the choices they are of.

    Args:
        head, hidden, regions: as for `backward`.
        start: choices to begin with; None for the lines of least area and no multipliers.
        steps: of the search.
        deadline: by `time.monotonic`, after which no step is begun.
        goal: a form above it is not raised further.
    """
    if start is None:
        start = [Choice()] * len(hidden)
    first = backward(head, hidden, regions, start)
    if steps < 1 or not hidden or (first.lower > goal).all():
        return first, list(start)
    with np.errstate(all="ignore"):
        found = _search(head, hidden, regions, start, steps, deadline, goal)
    second = backward(head, hidden, regions, found)
    better = second.lower > first.lower
    lower = np.where(better, second.lower, first.lower)
    coefficient = np.where(better[..., None], second.coefficient, first.coefficient)
    kept = [_where(better, new, old, layer) for new, old, layer in zip(found, start, hidden, strict=True)]
    return Found(lower, coefficient), kept


def tightened(layers: Sequence[Relaxed], regions: Regions, *, steps: int, deadline: float) -> list[Relaxed]:
    """Hidden layers with bounds by a search for each, of so many steps, one layer after the other; never looser."""

    def bounder(head: Head, before: Sequence[Relaxed], some: Regions) -> np.ndarray:
        return optimised(head, before, some, steps=steps, deadline=deadline)[0].lower

    return relaxed([layer.affine for layer in layers], regions, [layer.bounds for layer in layers], bounder)


def _where(better: np.ndarray, new: Choice, old: Choice, layer: Relaxed) -> Choice:
    """The new choice for the forms that it is better for."""
    shape = (*better.shape, layer.lower.shape[1])
    low = np.broadcast_to(layer.lines[0][:, None], shape)
    assert new.slopes is not None
    slopes = np.where(better[..., None], new.slopes, low if old.slopes is None else old.slopes)
    if new.multipliers is None:
        return Choice(slopes, new.signs)
    before = np.zeros(shape, np.float32) if old.multipliers is None else old.multipliers
    return Choice(slopes, new.signs, np.where(better[..., None], new.multipliers, before))


def _search(
    head: Head,
    hidden: Sequence[Relaxed],
    regions: Regions,
    start: Sequence[Choice],
    steps: int,
    deadline: float,
    goal: float,
) -> list[Choice]:
    n, k = len(regions), head.weight.shape[1]
    parts = _parts(hidden, start)
    # In units of its weights, that a form of any scale is one of float32.
    unit = np.maximum(head.absolute.max(axis=2), 1e-300)
    weight = np.broadcast_to(head.weight[..., parts[-1].some], (n, k, len(parts[-1].bias))) / unit[..., None]
    weight, bias = weight.astype(np.float32), np.broadcast_to(head.bias / unit, (n, k)).astype(np.float32)
    goals = (goal / unit).astype(np.float32)
    slopes, multipliers = [], []
    for part, choice in zip(parts, start, strict=True):
        shape = (n, k, len(part.bias))
        given = part.low[:, None] if choice.slopes is None else choice.slopes[..., part.some]
        slopes.append(_Ascent(np.broadcast_to(given, shape).astype(np.float32), 1.0))
        if part.signs is not None:
            given = np.zeros(shape) if choice.multipliers is None else choice.multipliers[..., part.some]
            multipliers.append(_Ascent(given.astype(np.float32), np.inf))
    best = np.full((n, k), -np.inf, np.float32)
    kept = [a.value.copy() for a in slopes], [a.value.copy() for a in multipliers]
    size = _STEP
    for count in range(1, steps + 1):
        coefficients, inputs, constant = _backwards(
            weight, bias, parts, [a.value for a in slopes], [a.value for a in multipliers]
        )
        points = minimisers(inputs, regions)
        value = constant + np.einsum("nkd,nkd->nk", inputs, points)
        better = value > best
        best = np.where(better, value, best)
        for saved, ascents in zip(kept, (slopes, multipliers), strict=True):
            for old, ascent in zip(saved, ascents, strict=True):
                np.copyto(old, ascent.value, where=better[..., None])
        if count == steps or is_over(deadline) or (best > goals).all():
            break
        _forwards(points, parts, coefficients, slopes, multipliers, size, count)
        size *= _DECAY
    return [_whole(parts, kept, j, (n, k)) for j in range(len(parts))]


def _parts(hidden: Sequence[Relaxed], start: Sequence[Choice]) -> list[_Part]:
    parts: list[_Part] = []
    before: np.ndarray | slice = slice(None)
    for layer, choice in zip(hidden, start, strict=True):
        split = None if choice.signs is None or not choice.signs.any() else choice.signs
        matter = ~(layer.upper <= 0).all(axis=0)
        if split is not None:
            matter |= split.any(axis=0)
        some: np.ndarray | slice = slice(None) if matter.mean() > 0.95 else np.flatnonzero(matter)
        weight = layer.affine.weight[some] if isinstance(some, np.ndarray) else layer.affine.weight
        weight = (weight if isinstance(before, slice) else weight[:, before]).astype(np.float32)
        low, high, offset = (a[:, some].astype(np.float32) for a in layer.lines)
        signs = None if split is None else split[:, some].astype(np.float32)
        width = layer.lower.shape[1]
        bias, unstable = layer.affine.bias[some].astype(np.float32), layer.unstable[:, some]
        parts.append(_Part(some, width, weight, bias, low, high, offset, unstable, signs))
        before = some
    return parts


def _backwards(
    weight: np.ndarray,
    bias: np.ndarray,
    parts: Sequence[_Part],
    slopes: Sequence[np.ndarray],
    multipliers: Sequence[np.ndarray],
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """The coefficients of each layer's values behind the ReLU, those of the inputs, and the constant."""
    coefficient, constant = weight, bias
    coefficients: list[np.ndarray] = []
    left = list(multipliers)
    for part, slope in zip(reversed(parts), reversed(slopes), strict=True):
        coefficients.append(coefficient)
        negative = np.minimum(coefficient, 0)
        constant = constant + (negative @ part.offset[:, :, None])[..., 0]
        chosen = np.where(part.unstable[:, None], slope, part.low[:, None])
        coefficient = (coefficient - negative) * chosen + negative * part.high[:, None]
        if part.signs is not None:
            coefficient = coefficient - left.pop() * part.signs[:, None]
        constant = constant + coefficient @ part.bias
        coefficient = apply(part.weight, coefficient, transposed=False)
    return coefficients[::-1], coefficient, constant


def _forwards(
    points: np.ndarray,
    parts: Sequence[_Part],
    coefficients: Sequence[np.ndarray],
    slopes: Sequence[_Ascent],
    multipliers: Sequence[_Ascent],
    size: float,
    count: int,
) -> None:
    """Carry the minimising inputs forward, and take a step of each slope and multiplier."""
    h, left = points, list(multipliers)[::-1]
    for part, coefficient, slope in zip(parts, coefficients, slopes, strict=True):
        z = apply(part.weight, h) + part.bias
        positive = coefficient > 0
        chosen = np.where(part.unstable[:, None], slope.value, part.low[:, None])
        h = np.where(positive, chosen * z, part.high[:, None] * z + part.offset[:, None])
        slope.step(np.where(positive & part.unstable[:, None], coefficient * z, 0), size, count)
        if part.signs is not None:
            ascent = left.pop()
            unit = np.abs(coefficient).mean(axis=-1, keepdims=True)
            ascent.step(-part.signs[:, None] * z, size * unit, count)


def _whole(
    parts: Sequence[_Part], kept: tuple[list[np.ndarray], list[np.ndarray]], j: int, shape: tuple[int, int]
) -> Choice:
    """The choice for all neurons of a layer from that for those that matter."""
    part = parts[j]
    slopes = np.zeros((*shape, part.width), np.float32)
    slopes[..., part.some] = np.nan_to_num(kept[0][j])
    if part.signs is None:
        return Choice(slopes)
    multipliers = np.zeros_like(slopes)
    multipliers[..., part.some] = np.nan_to_num(kept[1][sum(p.signs is not None for p in parts[:j])], posinf=0.0)
    signs = np.zeros((shape[0], part.width))
    signs[:, part.some] = part.signs
    return Choice(slopes, signs, multipliers)


def strains(
    head: Head, hidden: Sequence[Relaxed], regions: Regions, choices: Sequence[Choice], rows: np.ndarray
) -> list[np.ndarray]:
    """How much the lines of each neuron may cost one form of each region, for every hidden layer of shape (n, width).

    Its coefficient times the greatest gap between the ReLU and the line that bounds it; 0 where the neuron is stable.
    """
    at = np.arange(len(regions))
    one = [
        Choice(
            None if c.slopes is None else c.slopes[at, rows][:, None],
            c.signs,
            None if c.multipliers is None else c.multipliers[at, rows][:, None],
        )
        for c in choices
    ]
    with np.errstate(all="ignore"):
        parts = _parts(hidden, one)
        unit = np.maximum(head.absolute.max(axis=2), 1e-300)[..., None]
        weight = np.broadcast_to(head.weight / unit, (len(at), *head.weight.shape[1:]))[at, rows][
            :, None, parts[-1].some
        ]
        slopes = [
            (p.low[:, None] if c.slopes is None else c.slopes[..., p.some]) for p, c in zip(parts, one, strict=True)
        ]
        multipliers = [
            (np.zeros((1, 1, 1), np.float32) if c.multipliers is None else c.multipliers[..., p.some])
            for p, c in zip(parts, one, strict=True)
            if p.signs is not None
        ]
        coefficients, _, _ = _backwards(
            weight.astype(np.float32), np.zeros((1, 1), np.float32), parts, slopes, multipliers
        )
        found = []
        for part, layer, slope, coefficient in zip(parts, hidden, slopes, coefficients, strict=True):
            low, high = layer.lower[:, part.some], layer.upper[:, part.some]
            below = np.maximum(-slope[:, 0] * low, (1.0 - slope[:, 0]) * high)
            each = coefficient[:, 0]
            score = np.zeros(layer.lower.shape)
            score[:, part.some] = np.where(
                part.unstable, np.where(each < 0, -each * part.offset, 0.5 * each * below), 0.0
            )
            found.append(np.nan_to_num(score, posinf=1e300))
    return found
