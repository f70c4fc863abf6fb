"""Memorizers by rules of robust literals: any p, depth 3, no clean classifier, gate or shell around the balls.

A rule r is a conjunction of literals (`constructions.rules.literals`) of a class c at a level l. With
`u_k = σ(1/2 + (2/γ)(w_k·x - b_k))` and `v_k = σ(1/2 - (2/γ)(w_k·x - b_k))`, where direction k is high on a ball
`u_k >= 3/2` and `v_k = 0` on all of it, and the other way round where it is low. So with T at least every u_k and v_k
on the balls,

    J_r = σ(n_1 - T Σ_{j >= 2} n̄_j)     (n_j the neuron of literal j, n̄_j that of its opposite; or 1 in place of n_1)

is at least 1 on a ball on which r is true, and 0 on one on which a literal of r is false: either `n_1 = 0`, or some
`T n̄_j >= 3T/2 > n_1`. The network is

    f_c = Σ_{r of class c} W_{l(r)} J_r + [c is the last class] / 2.

*Claim.* Let level(i) be the first level with a rule of the class of i that is true on the ball of i, behind all levels
for a point of the last class without one. If no rule of another class of a level up to level(i) is true or unknown
there, each having a false literal, and `W_l` is at least 1/2 and what rules of other classes and later levels can add
on any ball of level l, then f is right with margin at least 1/2 on every ball. *Proof.* On the ball of i at level l
the output of its class is at least `W_l` (or 1/2 for the last class and no level), and that of another class gets
nothing from levels up to l.

All of it is found again by interval propagation, exactly where it matters: each literal is one neuron of the first
layer, whose range on a ball is that of its dual norm.

Non-zeros: `Σ_neurons (nnz(w) + 1) + Σ_rules (literals + 1) + rules that count the constant + 1`; the dimension enters
by the coordinates that are used alone.
"""

import hashlib
import math
import os
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from constructions.certificates.certificate import Certificate
from constructions.memorizers.construction import proved
from constructions.memorizers.size import Size, size_of
from constructions.networks.network import ReLUNetwork
from constructions.rules.literals import Candidates, Directions, coordinates, patches
from constructions.rules.network import Wiring, build, wire
from constructions.rules.search import Rule, State, find_rules
from constructions.samples.task import Task, read_task
from theory.arguments.scalars import read_scalar
from theory.arguments.whole_numbers import read_seed
from theory.setting.norms import dual_exponent

# Patches of an image for p < ∞, where the range of one pixel may be below the diameter of a ball.
_SIDES = ((1, 1), (1, 2), (2, 1), (2, 2), (1, 4), (4, 1), (2, 3), (3, 2), (3, 3), (4, 4))
_THRESHOLDS, _LEVELS, _TRIES = 1, 16, 3


@dataclass(frozen=True, eq=False)
class RuleMemorizer:
    """A memorizer by rules, as a network of three layers.

    Attributes:
        network: the strict ReLU network.
        task: what it memorizes; its `shell` is γ, in which literals change.
        rules: in the order in which they were found; literals by their numbers.
        directions: of the literals.
        default: code of the class of the points that no rule covers.
    """

    network: ReLUNetwork
    task: Task
    rules: tuple[Rule, ...]
    directions: Directions
    default: int

    def __repr__(self) -> str:
        task, (size, dim) = self.task, self.task.sample.points.shape
        return (
            f"<RuleMemorizer of {size:,} points in R^{dim} by {len(self.rules):,} rules, l_{task.p:g}, "
            f"radius {task.radius:g}, {self.network.nonzero:,} non-zeros>"
        )

    @property
    def wiring(self) -> Wiring:
        """Which literals have neurons, and which of them each rule counts."""
        return wire([rule.literals for rule in self.rules])

    @property
    def size(self) -> Size:
        """Exact counts, and the formula's value."""
        wiring, last = self.wiring, self.network.layers[-1]
        neurons = np.array(wiring.neurons, dtype=int) // 2
        formula = int(self.directions.neuron_cost[neurons].sum()) + 1
        formula += sum(len(rule.literals) + 1 for rule in self.rules) + sum(c is None for c in wiring.counted)
        zeros = int(np.sum(self.network.layers[0].bias == 0)) if self.rules else 0
        size = size_of(self.network, formula - zeros - (not last.bias.any()), zeros)
        return replace(size, description_bits=math.ceil(self.description_bits))

    @property
    def description_bits(self) -> float:
        """Bits that say the network to someone who knows the points' dimension, radius, shell and the construction.

        For each neuron its coordinates, its sign and a threshold in float64, and the weights too where they are not
        those of a mean, `k^{-1/q}` each; for each rule its class, its level, its number of literals, which of the
        neurons it reads, and which of these it counts, if any; `log2` of the number of choices each, without the
        sharing of an entropy code.
        """
        wiring, dim = self.wiring, self.task.sample.points.shape[1]
        if not self.rules:
            return 0.0
        read = self.directions.weight[np.array(wiring.neurons, dtype=int) // 2]
        supports = np.diff(read.indptr)
        mean = np.array([k ** (-1 / dual_exponent(self.task.p)) for k in supports.tolist()])
        own = np.add.reduceat(read.data != np.repeat(mean, supports), read.indptr[:-1]) > 0
        longest = max(len(rule.literals) for rule in self.rules)
        choices = max(2, self.task.sample.outputs) * (max(r.level for r in self.rules) + 1) * longest * (longest + 1)
        neurons = len(supports) * (64 + 1) + int(supports[own].sum()) * 64
        places = int(supports.sum()) * math.log2(max(2, dim))
        reads = sum(len(rule.literals) for rule in self.rules) * math.log2(max(2, len(wiring.neurons)))
        return neurons + places + reads + len(self.rules) * math.log2(choices)

    def certify(self, arithmetic: str = "reals", *, client: Any = None) -> Certificate:
        """Proof on every ball by interval propagation through the weights; what it leaves open is attacked.

        Args:
            arithmetic: "reals", "float64", "float32" or "rational".
            client: as for `constructions.certify`.

        Raises:
            ValueError: for another arithmetic.
        """
        return proved(self.network, self.task, None, arithmetic, client=client)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to an `.npz` file that `ReLUNetwork.load` reads, all of it or nothing."""
        self.network.save(path)


def rule_memorizer(
    points: Any,
    labels: Any,
    *,
    radius: Any,
    p: Any,
    shell: Any = None,
    image: tuple[int, ...] | None = None,
    sides: tuple[tuple[int, int], ...] | None = None,
    thresholds: int = _THRESHOLDS,
    levels: int = _LEVELS,
    tries: int = _TRIES,
    seed: int = 0,
    seconds: float | None = None,
    resume: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> RuleMemorizer:
    """A network that is right with margin 1/2 on every ball, by an ordered list of rules of robust literals.

    Built in float64: where the points are so far from the origin that their spacing takes the room (1e8 and a radius of
    2^-26), balls may be wrong or stay open, and the certificate says so.

    Args:
        points: shape (n, d).
        labels: -1 and +1 (one output, its sign), or any hashable classes (one output a class, argmax).
        radius: δ > 0, of the balls in l_p.
        p: in [1, ∞].
        shell: γ > 0, in which a literal changes; the smaller, the more literals are known and the steeper they are.
            By default δ/8, or a quarter of the room `R - 2δ` if that is less.
        image: (height, width) or (height, width, channels), if the coordinates are pixels in this order: then literals
            are about sums over patches.
        sides: (height, width) of the patches; single pixels for p = ∞, and small rectangles for other p.
        thresholds: for each form, at most, to begin with.
        levels: of the list, at least 1. More levels make the network smaller and its last weights larger.
        tries: rules grown for each that is taken.
        seed: of the search.
        seconds: after which the search stops with an error; finished levels are kept in `resume`.
        resume: file of finished levels, read if it is there.
        progress: whether to show levels and points left on stderr.

    Raises:
        ValueError: for malformed arguments, or a file of another search.
        AssumptionError: if `2 δ + γ <= R` fails, or rounding takes what is left of it.
        Unfinished: after `seconds`.
    """
    for name, value in (("thresholds", thresholds), ("levels", levels), ("tries", tries)):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} must be a whole number >= 1, got {value!r}")
    seed = read_seed(seed)
    task = read_task(points, labels, radius, shell, p)
    if shell is None:
        task = Task(task.sample, task.neighbours, task.radius, min(task.radius / 8, task.shell / 4), task.p)
    deadline = time.monotonic() + (math.inf if seconds is None else read_scalar(seconds, "seconds"))
    search: dict[str, Any] = {"thresholds": thresholds, "levels": levels, "tries": tries, "seed": seed}
    return rules_of_task(task, image, sides, **search, deadline=deadline, resume=resume, progress=progress)


def rules_of_task(
    task: Task,
    image: tuple[int, ...] | None = None,
    sides: tuple[tuple[int, int], ...] | None = None,
    *,
    thresholds: int = _THRESHOLDS,
    levels: int = _LEVELS,
    tries: int = _TRIES,
    seed: int = 0,
    deadline: float = math.inf,
    resume: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> RuleMemorizer:
    """The same for a checked task, whose separation is not asked again, and its shell.

    Args:
        task: from `read_task`.
        image, sides, thresholds, levels, tries, seed, resume, progress: as for `rule_memorizer`.
        deadline: of `time.monotonic`.

    Raises:
        ValueError, AssumptionError, Unfinished: as `rule_memorizer`.
    """
    sample = task.sample
    weight = _weight(sample.points.shape[1], image, sides, task.p)
    candidates = Candidates.of(sample.points, weight, task.radius, task.p, task.shell)
    bar = Progress(
        TextColumn("rules, level {task.fields[level]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("points covered"),
        console=Console(stderr=True),
        disable=not progress,
    )
    with bar:
        shown = bar.add_task("", total=len(sample.points), level=1)
        found, literals = find_rules(
            candidates,
            thresholds,
            sample.codes,
            levels=levels,
            tries=tries,
            seed=seed,
            deadline=deadline,
            state=State.at(resume, _key(task, weight, (thresholds, levels, tries, seed))),
            report=lambda level, left: bar.update(shown, completed=len(sample.points) - left, level=level + 1),
        )
    assert found.default is not None
    network = build(found, literals.directions, sample, task.radius, task.shell, task.p)
    return RuleMemorizer(network, task, tuple(found.rules), literals.directions, found.default)


def _weight(dim: int, image: tuple[int, ...] | None, sides: tuple[tuple[int, int], ...] | None, p: float) -> Any:
    if image is None:
        if sides is not None:
            raise ValueError("sides are those of patches of an image, got sides without image=(height, width)")
        return coordinates(dim)
    whole = all(isinstance(side, int | np.integer) and side >= 1 for side in image)
    if not whole or len(image) not in (2, 3) or math.prod(image) != dim:
        raise ValueError(
            f"image must be (height, width) or (height, width, channels) of {dim} pixels, got {image!r}: their product "
            "is the dimension of the points"
        )
    weight = patches(tuple(image), sides if sides is not None else ((1, 1),) if math.isinf(p) else _SIDES, p)
    if not weight.shape[0]:
        raise ValueError(f"sides must hold patches that fit the image {image!r}, got {sides!r}")
    return weight


def _key(task: Task, weight: Any, settings: tuple[int, ...]) -> str:
    key = hashlib.sha256(repr((task.radius, task.shell, task.p, settings)).encode())
    for array in (task.sample.points, task.sample.codes, weight.data, weight.indices, weight.indptr):
        key.update(np.ascontiguousarray(array).tobytes())
    return key.hexdigest()
