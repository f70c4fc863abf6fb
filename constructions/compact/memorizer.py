"""The smallest certified memorizers for p = 2: a 1-Lipschitz classifier, and one ReLU for each point that it leaves.

A GroupSort network of a few thousand weights certifies most points by its norm. Each of the others gets a ball in the
few coordinates in which it is far from all other classes; no gate, no clean classifier to protect. What a point costs
is |S| + 3 non-zeros, |S| about 6 for images, where an indicator of all coordinates costs d.

Source: Theorem 3.3, repaired form; for p = 2 the size of f_clean is traded for the number of memorized points.
"""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from constructions.certificates.certificate import Certificate
from constructions.compact.front import pooling, principal_directions, principal_rows, quarters, read_image
from constructions.compact.lipschitz import GroupSort
from constructions.compact.network import Balls, Parts
from constructions.compact.norms import operator_norm
from constructions.compact.proof import compact_bounds, first_sums, norms_before, squared_distances
from constructions.compact.subsets import separating_subsets
from constructions.memorizers.construction import proved
from constructions.memorizers.size import Size, size_of
from constructions.networks.network import Affine, ReLUNetwork, dense
from constructions.samples.sample import class_positions
from constructions.samples.task import Task, read_task
from theory.roundoff import norm_upper_bound

# Of the room `R - 2 δ`: the least that is left between a ball and those of other classes.
_SHELL = 1 / 32
# Of the least gap of squares: what their interpolation may take.
_INTERPOLATION = 1 / 2
# Of radius times slope: the margin that is asked for.
_MARGIN = 2.0**-12


@dataclass(frozen=True, eq=False)
class CompactMemorizer:
    """A GroupSort network and balls in few coordinates, as one strict ReLU network.

    Attributes:
        network: the strict ReLU network.
        parts: what it is put together of.
        task: what it memorizes.
        clean: the GroupSort network, of the sums of the first layer without its bias.
        left: numbers of the points that it does not certify, each with a ball of its own.
    """

    network: ReLUNetwork
    parts: Parts
    task: Task
    clean: GroupSort
    left: Int[np.ndarray, " left"]

    def __repr__(self) -> str:
        size, dim = self.task.sample.points.shape
        return (
            f"<CompactMemorizer of {size:,} points in R^{dim}, l_2, radius {self.task.radius:g}, {len(self.left):,} "
            f"with balls, {self.network.nonzero:,} non-zeros>"
        )

    @property
    def size(self) -> Size:
        """Exact counts, with the formula's value beside them."""
        return size_of(self.network, self.parts.nonzero(), 0)

    def certify(self, arithmetic: str = "reals") -> Certificate:
        """Proof on every ball, by products of norms and distances, see `constructions.compact.proof`.

        Args:
            arithmetic: "reals", "float64" or "float32"; or "rational", by intervals alone.

        Raises:
            ValueError: for another arithmetic.
        """
        return proved(self.network, self.task, self._lower, arithmetic)

    def _lower(self, network: ReLUNetwork, task: Task, arithmetic: str) -> Float[np.ndarray, " n"]:
        return compact_bounds(network, self.parts, task, arithmetic)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to an `.npz` file that `ReLUNetwork.load` reads, all of it or nothing."""
        self.network.save(path)


def compact_memorizer(
    points: Any,
    labels: Any,
    *,
    radius: Any,
    p: Any = 2,
    shell: Any = None,
    image: Any = None,
    features: int = 64,
    hidden: Any = (64,),
    coordinates: int = 24,
    steps: int = 40_000,
    density: float = 1.0,
    seed: int = 0,
    seconds: float | None = None,
    clean: Any = None,
    device: str = "cpu",
    progress: bool = False,
) -> CompactMemorizer:
    """A network that is right on all balls `B_2(x_i, δ)`, with non-zeros for the classifier and the points it leaves.

    The classifier reads sums of 2 x 2 pixels and features of quarters of an image, or for other points features of all
    coordinates, and is trained to certify δ. Points that it does not certify get balls in some of the first principal
    coordinates of its features. More neurons and steps leave fewer points.

    Args:
        points: shape (n, d).
        labels: -1 and +1 (one output, its sign), or any hashable classes (one output a class, argmax).
        radius: δ > 0.
        p: 2.
        shell: γ, what is left between a ball and the balls of other classes in its coordinates; `(R - 2 δ) / 32` when
            None.
        image: even height and width of images of one channel, row by row; None for other points.
        features: neurons of the first layer, even.
        hidden: widths of the layers behind it, even.
        coordinates: that balls may read, at most `features`.
        steps: of training.
        density: part of the entries between hidden layers that is kept, in (0, 1]; below 1 the least of them are
            dropped after training, and half as many steps follow.
        seed: of training; with one version of torch and one kind of machine the same network comes out.
        seconds: after which training ends with what it has, which is completed by more balls; None for no limit.
        clean: a network of an earlier call, `memorizer.clean`, in place of training: for the same points and image.
        device: of torch, for training.
        progress: whether to show bars on stderr.

    Raises:
        ValueError: for malformed arguments.
        AssumptionError: if `2 δ + γ <= R` fails, or two points of different classes, one of which needs a ball, are too
            near in the coordinates.
    """
    if not (isinstance(p, int | float | np.number) and p == 2):
        raise ValueError(
            f"compact_memorizer needs p = 2, got {p!r}: for others see robust_memorizer and rule_memorizer"
        )
    widths = _read_widths(features, hidden)
    _check_numbers(coordinates=coordinates, features=features, steps=steps, seed=seed, seconds=seconds)
    if not (isinstance(density, int | float | np.number) and 0 < density <= 1):
        raise ValueError(f"density must be a number in (0, 1], got {density!r}")
    task = read_task(points, labels, radius, shell, 2.0)
    if shell is None:
        task = replace(task, shell=task.shell * _SHELL)
    sample = task.sample
    points = sample.points
    shape = None if image is None else read_image(image, points.shape[1])
    classes, outputs = class_positions(sample.codes, sample.outputs)
    pool = pooling(points, shape, task.radius * (1 + 2.0**-20))
    pooled = np.asarray((pool.weight @ points.T).T)
    _check_clean(clean, pool.outputs, outputs)
    if clean is None:
        plan = {"hidden": widths[1:], "steps": steps, "density": density, "seed": seed, "seconds": seconds}
        mask = quarters(pool, shape, features)
        clean = _trained(pooled, classes, outputs, mask, task.radius, plan, device, progress)
    stages = _stages(clean, pool, pooled, task.radius)
    bare = Parts(pool, stages, None, _last(sample.outputs, outputs, np.zeros(0, dtype=np.int64), np.zeros(0)))
    network = replace(bare.network(), classes=sample.classes)
    margins = compact_bounds(network, bare, task, "float64")
    weight = dense(clean.layers[-1].weight)
    unit = task.radius * float(norm_upper_bound(weight[:, None] - weight[None], 2.0).max())
    left = np.flatnonzero(~(margins >= unit * _MARGIN))
    if not len(left):
        return CompactMemorizer(network, bare, task, clean, left)
    if not np.isfinite(margins).all():
        raise ValueError(
            "compact_memorizer needs points whose values float64 resolves, and found balls on which a sum may be "
            "negative by rounding: centre the points, or rescale points and radius together"
        )
    balls, height = _balls(bare, pooled, task, classes, left, 2 * unit * _MARGIN - margins[left], coordinates, progress)
    last = _last(sample.outputs, outputs, classes[left], height)
    parts = replace(bare, balls=balls, last=last)
    return CompactMemorizer(replace(parts.network(), classes=sample.classes), parts, task, clean, left)


def _read_widths(features: Any, hidden: Any) -> tuple[int, ...]:
    widths = (features, *hidden) if isinstance(hidden, tuple | list) else ()
    if not widths or not all(isinstance(w, int | np.integer) and w > 0 and w % 2 == 0 for w in widths):
        raise ValueError(
            f"features and hidden widths must be even whole numbers > 0, got features={features!r}, hidden={hidden!r}"
        )
    return tuple(int(w) for w in widths)


def _check_numbers(*, coordinates: Any, features: int, steps: Any, seed: Any, seconds: Any) -> None:
    if not (isinstance(coordinates, int | np.integer) and 0 < coordinates <= features):
        raise ValueError(f"coordinates must be a whole number from 1 to features={features}, got {coordinates!r}")
    for name, value in (("steps", steps), ("seed", seed)):
        if not (isinstance(value, int | np.integer) and value >= (name == "steps")):
            raise ValueError(f"{name} must be a whole number >= {int(name == 'steps')}, got {value!r}")
    if seconds is not None and not (isinstance(seconds, int | float) and 0 < seconds < math.inf):
        raise ValueError(f"seconds must be None or a finite number > 0, got {seconds!r}")


def _bar(text: str, total: int, progress: bool) -> tuple[Progress, Callable[[int, str], None]]:
    bar = Progress(
        TextColumn(text),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        disable=not progress,
    )
    number = bar.add_task(text, total=total, note="")
    return bar, lambda done, note: bar.update(number, completed=done, note=note)


def _check_clean(clean: Any, inputs: int, outputs: int) -> None:
    ends = (clean.layers[0].inputs, clean.layers[-1].outputs) if isinstance(clean, GroupSort) else None
    if clean is not None and ends != (inputs, outputs):
        raise ValueError(
            f"clean must be None or a GroupSort network from {inputs} sums to {outputs} classes, such as "
            f"memorizer.clean of an earlier call with the same points and image, got {clean!r}"
        )


def _trained(
    pooled: np.ndarray,
    classes: np.ndarray,
    outputs: int,
    mask: np.ndarray,
    radius: float,
    plan: dict[str, Any],
    device: str,
    progress: bool,
) -> GroupSort:
    from constructions.compact.training import Plan, train

    first = principal_rows(pooled, mask)
    made = Plan(**plan)
    bar, tell = _bar("1-Lipschitz classifier", made.steps + made.again, progress)
    with bar:
        return train(
            pooled,
            classes,
            outputs,
            first,
            mask,
            radius,
            made,
            lambda done, left: tell(done, f"{left:,} points are left"),
            device,
        )


def _stages(clean: GroupSort, pool: Affine, pooled: np.ndarray, radius: float) -> tuple[Affine, ...]:
    """The layers with biases that keep all values on the balls above 0, both of a pair with the same."""
    norm = operator_norm(dense(pool.weight))
    before = pool.bias
    stages: list[Affine] = []
    for layer, values in zip(clean.layers, clean.features(pooled), strict=True):
        weight = dense(layer.weight)
        reach = radius * norm * norm_upper_bound(weight, 2.0) * (1 + 2.0**-20)
        scale = float(np.abs(values).max()) * 2.0**-30
        shift = np.maximum(reach - values.min(axis=0), 0) + scale
        behind = len(stages) == len(clean.layers) - 1
        pairs = np.full(1, shift.max()) if behind else np.maximum(shift[0::2], shift[1::2])
        shift = np.resize(pairs, len(shift)) if behind else np.repeat(pairs, 2)
        stages.append(Affine(layer.weight, layer.bias + shift - weight @ before))
        before = np.tile(pairs, 2)
        norm *= operator_norm(weight)
    return tuple(stages)


def _last(outputs: int, classes: int, owner: np.ndarray, height: np.ndarray) -> Affine:
    """The outputs of the classifier, and the balls added to those of their classes; for ±1 the difference of both."""
    sums = sp.csr_array((height, (owner, np.arange(len(owner)))), shape=(classes, len(owner)))
    weight = sp.hstack([sp.eye_array(classes), sums], format="csr")
    if outputs == 1:
        weight = sp.csr_array(np.array([[-1.0, 1.0]])) @ weight
    return Affine(sp.csr_array(weight), np.zeros(outputs))


def _balls(
    parts: Parts,
    pooled: np.ndarray,
    task: Task,
    classes: np.ndarray,
    left: np.ndarray,
    missing: np.ndarray,
    coordinates: int,
    progress: bool,
) -> tuple[Balls, Float[np.ndarray, " left"]]:
    """Balls that are at least what is missing on those of the points left, and 0 on those of other classes."""
    stage = parts.stages[0]
    first = np.asarray(pooled @ dense(stage.weight).T) + (stage.bias + dense(stage.weight) @ parts.pool.bias)
    rows = principal_directions(first - first.mean(axis=0))[:coordinates]
    radius = task.radius * norms_before(parts)[1] * operator_norm(rows) * (1 + 2.0**-30)
    raw = first @ rows.T
    shift = radius + 2.0**-30 * np.abs(raw).max() - raw.min(axis=0)
    width = np.ldexp(1.0, np.frexp((raw + shift).max(axis=0) + 2 * radius)[1])
    bar, tell = _bar("coordinates of balls", 2 * len(left), progress)
    with bar:
        sets = separating_subsets(
            raw, classes, left, 2 * radius + task.shell, report=lambda done: tell(done, f"{done:,}")
        )
    distinct = sorted(set(sets))
    which = np.array([distinct.index(s) for s in sets])
    sums = np.zeros((len(distinct), coordinates))
    for g, subset in enumerate(distinct):
        sums[g, list(subset)] = 1
    bare = Balls(
        Affine(rows, shift),
        width,
        2,
        sp.csr_array(sums),
        Affine(np.zeros((1, len(distinct) + coordinates)), np.zeros(1)),
    )
    u = first_sums(bare, first)
    centres = u[left] * sums[which]
    outer = _least_distances(u, classes, left, centres, sums, which) - radius
    gap = outer**2 - radius**2
    error = sums @ width**2
    tents = max(2, math.ceil(math.log(float((error[which] / gap).max()) / _INTERPOLATION, 4)) - 1)
    reads = sp.csr_array((-np.ones(len(left)), (np.arange(len(left)), which)), shape=(len(left), len(distinct)))
    weight = sp.hstack([reads, sp.csr_array(2 * centres)], format="csr")
    bias = outer**2 - np.einsum("ij,ij->i", centres, centres)
    balls = replace(bare, tents=tents, rows=Affine(sp.csr_array(weight), bias))
    return balls, missing / (gap - error[which] * 4.0 ** -(tents + 1)) * (1 + 2.0**-8)


def _least_distances(
    u: np.ndarray, classes: np.ndarray, left: np.ndarray, centres: np.ndarray, sums: np.ndarray, which: np.ndarray
) -> Float[np.ndarray, " left"]:
    """To the points of other classes, in the coordinates of each ball; from below, rounding included."""
    found = np.empty(len(left))
    for g in range(len(sums)):
        rows = np.flatnonzero(which == g)
        squares, error = squared_distances(u, centres[rows], sums[g])
        squares[classes[left[rows]][:, None] == classes] = np.inf
        found[rows] = np.sqrt(np.maximum(squares.min(axis=1) - error, 0))
    return found * (1 - 2.0**-30)
