"""One front door: certificates of any network that people have, on balls around any points."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from constructions.certificates.certificate import Certificate, assembled_certificate
from constructions.certificates.deciding import check_arithmetic, decide, margin_bounds
from constructions.certificates.decision import Decision, decide_regions, read_seconds
from constructions.certificates.executed_intervals import executed_margin_bound
from constructions.certificates.execution_error import execution_error
from constructions.certificates.joined import joined_certificate
from constructions.certificates.witness import executed_witnesses, real_values, real_witnesses
from constructions.networks.folded import FoldedNetwork
from constructions.networks.network import Affine, ReLUNetwork
from constructions.networks.reading import read_network
from constructions.samples.sample import read_labelled_points
from theory.arguments.plain_array import exact_floats
from theory.arguments.read_only import read_only
from theory.arguments.scalars import read_exponent
from theory.arguments.whole_numbers import read_seed
from theory.balls.prepared import Prepared, prepare
from theory.balls.regions import Regions, balls, read_ball
from theory.balls.relaxation import violation_lower_bounds
from theory.balls.violations import Violations, margin_violations
from theory.cluster import in_blocks

# Balls whose intervals are computed together: always these, so that rounding does not depend on who computes them.
_BALLS = 1024
# Entries of the forms of margins that are held at once, half a gigabyte.
_FORMS = 2**26
# Of the time that is left: what the steps may take before the last attack.
_STEPS_SHARE = 0.9
_OVERFLOW = "linear relaxation: numbers of a run may overflow there"


def certify(
    model: Any,
    points: Any,
    labels: Any,
    radius: Any,
    p: Any,
    *,
    arithmetic: str = "reals",
    seconds: Any = None,
    low: Any = None,
    high: Any = None,
    input_shape: Any = None,
    seed: int = 0,
    client: Any = None,
    progress: bool = False,
) -> Certificate:
    """What is known of every ball `B_p(x_i, radius)`: certified, refuted by a point of it, or undecided, and why.

    Nothing is known of how the network was made. Step after step for the balls that are left: interval propagation, an
    attack by gradients, linear relaxation, relaxation with slopes that are searched for, and within `seconds` splitting
    of the balls, at inputs if these are at most 10, else at ReLUs; see `constructions.certificates.decision`. At last
    `guided_attack` looks where memorizing networks fail. The certificate says which step decided each ball, and of the
    undecided ones what was left untried.

    As executed (float64, float32) a run is bounded by intervals for what it computes, and by the other steps for the
    function over the reals less what a run may differ from it. A refutation is confirmed: its witness is in the ball
    exactly, and over the reals surely an error, or one of the executed network at a vector of its format.

    Args:
        model: a `ReLUNetwork`, an `Affine`, a `torch.nn.Module` that `from_torch` reads, or the path of an `.npz` file
            of `ReLUNetwork.save` or of an `.onnx` file. What is claimed of a module or file over the reals includes
            what its network's weights lost by rounding.
        points: shape (n, d), or for a torch module also (n, channels, height, width).
        labels: of the network's classes; without these -1 and +1 for one output, else class numbers.
        radius: of the balls, finite and >= 0; any number that float64 holds exactly. For p = ∞ also one for each
            coordinate, shape (d,) or (n, d).
        p: in [1, ∞], or "inf"; 1, 2 or ∞ for "rational".
        arithmetic: "reals", with float64 bounds that include their rounding; "rational", the same claim by intervals
            in exact arithmetic, for small networks; "float64" or "float32", the network as executed, see
            `constructions.certificates.executed_intervals`.
        seconds: for all balls together, after which the search stops; None for no splitting, and no step that would
            take more than some minutes.
        low, high: ends of a box that cuts the balls off, such as 0 and 1 for pixels: numbers or shapes (d,) or (n, d).
        input_shape: of one point as a torch module takes it, such as (3, 32, 32), where its first layer does not tell
            and the points are vectors.
        seed: of the attacks.
        client: a Dask client or the address of a scheduler, to compute the intervals on many machines, see
            `theory.cluster`.
        progress: whether to say on stderr which step is at work, and on how many balls.

    Raises:
        ValueError: for malformed arguments, a model that cannot be read, or one too large for exact arithmetic.
        FileNotFoundError: if there is no file of that name.
        ImportError: for an `.onnx` file without the extra `onnx`.
    """
    check_arithmetic(arithmetic)
    points, shape = _flat(points)
    network = read_network(model, input_shape=shape if input_shape is None else input_shape)
    points, codes = read_labelled_points(points, labels, network.classes, network.inputs)
    if arithmetic != "reals" and not isinstance(model, ReLUNetwork | Affine) and isinstance(network, FoldedNetwork):
        raise ValueError(
            f'arithmetic="{arithmetic}" speaks of a ReLUNetwork, whose layers are what is computed, got '
            f"{type(model).__name__}: pass from_torch(module) or read_onnx(path), of which it then speaks"
        )
    search = _Search(read_seconds(seconds), read_seed(seed), client, progress)
    task = _task(network, points, codes, radius, read_exponent(p), _ends(low), _ends(high))
    if arithmetic == "rational":
        return _rational(task, search)
    # Of many classes some balls after the other: the forms of one margin are as many numbers as classes squared.
    size = max(1, _FORMS // network.outputs**2)
    parts = []
    for start in range(0, len(points), size):
        some, share = task.take(slice(start, start + size)), search.share(size / (len(points) - start))
        parts.append(_over_the_reals(some, share) if arithmetic == "reals" else _executed(some, share, arithmetic))
    if len(parts) == 1:
        return parts[0]
    return joined_certificate(parts, network, points, codes, radii=task.radii, low=task.low, high=task.high)


@dataclass(frozen=True, eq=False)
class _Task:
    """The balls of one call; `radius` is the greatest of `radii`."""

    network: ReLUNetwork
    points: Float[np.ndarray, "n d"]
    codes: Int[np.ndarray, " n"]
    radius: float
    p: float
    radii: np.ndarray | None
    low: np.ndarray | None
    high: np.ndarray | None
    regions: Regions

    def take(self, rows: slice) -> "_Task":
        """Some of the balls."""
        if rows.start == 0 and rows.stop >= len(self.points):
            return self
        own = {name: getattr(self, name) for name in ("radii", "low", "high")}
        own = {name: ends if ends is None or ends.ndim < 2 else ends[rows] for name, ends in own.items()}
        return replace(self, points=self.points[rows], codes=self.codes[rows], regions=self.regions.take(rows), **own)

    @property
    def are_whole(self) -> bool:
        """Whether they are the balls `B_p(x_i, radius)`."""
        return self.radii is None and self.low is None and self.high is None

    @property
    def ball_list(self) -> tuple[np.ndarray, np.ndarray, float, float]:
        """Points, labels, radius and p: whole balls, which contain the regions."""
        return self.points, self.codes, self.radius, self.p

    @property
    def cut(self) -> dict[str, Any]:
        """Ends of boxes that with `radius` make the regions, for an attack."""
        if self.are_whole:
            return {}
        low, high = self.regions.inner()
        # Those of regions without a float are never attacked.
        return {"low": low, "high": np.maximum(low, high)}

    def attackable(self, rows: Int[np.ndarray, " k"]) -> Int[np.ndarray, " left"]:
        """Those of some regions that hold a float, as far as their boxes tell: where ball and cut touch, not all do."""
        if self.are_whole:
            return rows
        low, high = self.regions.inner()
        return np.asarray(rows[(low[rows] <= high[rows]).all(axis=1)])

    def certificate(
        self,
        found: Decision,
        upper: Float[np.ndarray, " n"],
        counterexamples: dict[int, np.ndarray],
        misclassified: frozenset[int],
        arithmetic: str,
        started: float,
        layers: Sequence[Prepared] | None = None,
    ) -> Certificate:
        """That of these findings, about the prepared layers if they are given; the time is shared equally."""
        method = found.step.copy()
        method[[i for i in counterexamples if i not in found.witnesses]] = "attack"
        return assembled_certificate(
            self.network,
            self.points,
            self.codes,
            radius=self.radius,
            p=self.p,
            radii=self.radii,
            low=self.low,
            high=self.high,
            lower=found.lower,
            upper=upper,
            method=method,
            seconds=np.full(len(upper), (time.perf_counter() - started) / len(upper)),
            counterexamples=counterexamples,
            misclassified=misclassified,
            untried={i: why for i, why in found.untried.items() if i not in counterexamples},
            arithmetic=arithmetic,
            layers=layers,
        )


@dataclass(frozen=True)
class _Search:
    seconds: float | None
    seed: int
    client: Any
    progress: bool
    started: float = field(default_factory=time.monotonic)

    @property
    def deadline(self) -> float:
        """When the time is over, by `time.monotonic`."""
        return np.inf if self.seconds is None else self.started + self.seconds

    def share(self, part: float) -> "_Search":
        """That of a part of the balls that are left, from now on; all of them for 1 or more."""
        if self.seconds is None or part >= 1:
            return self
        now = time.monotonic()
        return replace(self, seconds=part * max(self.deadline - now, 0.0), started=now)

    @property
    def left(self) -> float | None:
        """Seconds for the steps that come now, less what is kept for the last attack; None without a limit."""
        return None if self.seconds is None else _STEPS_SHARE * max(self.deadline - time.monotonic(), 0.0)


def _over_the_reals(task: _Task, search: _Search) -> Certificate:
    started = time.perf_counter()
    layers, wrong = prepare(task.network.layers), margin_violations(task.codes, task.network.outputs)
    lost = _lost(task)
    proof = Violations(wrong.forms, wrong.offsets + lost[:, None, None])
    starts = range(0, len(task.points), _BALLS)
    blocks = in_blocks(_intervals, (layers, task.regions, proof), starts, client=search.client)

    upper = np.full(len(task.points), np.inf)

    def witness(i: int, x: np.ndarray) -> np.ndarray | None:
        value = real_values(layers, x[None], wrong.take([i]))[0]
        if not value <= -lost[i]:
            return None
        upper[i] = value
        return x.copy()

    found = decide_regions(
        layers,
        task.regions,
        proof,
        seconds=search.left,
        seed=search.seed,
        lower=np.concatenate(blocks),
        witness=witness,
        progress=search.progress,
    )
    examples = dict(found.witnesses)
    left = np.flatnonzero(~(found.lower > 0))
    at_centres = real_values(layers, task.points[left], wrong.take(left))
    misclassified = frozenset(left[at_centres <= -lost[left]].tolist())
    left = task.attackable(left[[i not in examples for i in left.tolist()]])
    if len(left):
        hunt = real_witnesses(
            task.network, *task.ball_list, left, seed=search.seed, deadline=search.deadline, **task.cut
        )
        upper[left] = hunt.upper
        examples |= hunt.examples(left, -lost[left])
    # Of the model that the network was read from; upwards.
    upper = np.where(lost > 0, np.nextafter(upper + lost, np.inf), upper)
    upper[list(examples)] = np.minimum(upper[list(examples)], 0.0)
    return task.certificate(found, upper, examples, misclassified, "reals", started, layers)


def _executed(task: _Task, search: _Search, arithmetic: str) -> Certificate:
    started = time.perf_counter()
    if task.are_whole:
        lower, method = margin_bounds(task.network, *task.ball_list, arithmetic, client=search.client)
    else:
        lower = executed_margin_bound(task.network.layers, *task.ball_list, arithmetic, box=task.regions.outer())
        method = np.full(len(lower), "interval", dtype="<U9")
    left = np.flatnonzero(~(lower > 0))
    upper, examples, misclassified = np.full(len(lower), np.inf), dict[int, np.ndarray](), frozenset[int]()
    untried: dict[int, str] = {}
    some = task.attackable(left)
    if len(some):
        hunt = executed_witnesses(
            task.network, *task.ball_list, some, arithmetic, seed=search.seed, deadline=search.deadline, **task.cut
        )
        upper[some], misclassified = hunt.upper, frozenset(some[hunt.misclassified].tolist())
        examples = hunt.examples(some)
        left = np.setdiff1d(left, list(examples))
    if len(left):
        more = _bounds_by_the_reals(task, left, lower[left], search, arithmetic)
        better = more.lower > lower[left]
        lower[left[better]], method[left[better]] = more.lower[better], more.step[better]
        untried = {int(left[k]): why for k, why in more.untried.items()}
    found = Decision(lower, method, {}, untried)
    return task.certificate(found, upper, examples, misclassified, arithmetic, started)


def _bounds_by_the_reals(
    task: _Task, rows: Int[np.ndarray, " k"], known: Float[np.ndarray, " k"], search: _Search, arithmetic: str
) -> Decision:
    """Bounds for what a run computes by those for the reals less twice what a run may differ from them."""
    layers, some = task.network.layers, task.regions.take(rows)
    low, high = some.outer()
    error = execution_error(layers, low.min(axis=0), high.max(axis=0), arithmetic)
    if not np.isfinite(error).all():
        return Decision(
            known, np.full(len(rows), "interval", dtype="<U9"), {}, dict.fromkeys(range(len(rows)), _OVERFLOW)
        )
    wrong = margin_violations(task.codes[rows], task.network.outputs)
    # Upwards, with room for the rounding of the sum.
    lost = np.nextafter(2 * error.max() * (1 + 2.0**-50), np.inf)
    proof = Violations(wrong.forms, wrong.offsets + lost)
    return decide_regions(
        layers, some, proof, seconds=search.left, lower=known, witness=_no_witness, progress=search.progress
    )


def _no_witness(i: int, x: np.ndarray) -> None:
    """What is an error over the reals by less than a run may differ from them says nothing of the run."""


def _rational(task: _Task, search: _Search) -> Certificate:
    if not task.are_whole:
        raise ValueError(
            'arithmetic="rational" needs whole balls of one radius: leave out low and high, or use "reals"'
        )
    started = time.perf_counter()
    lower, method = margin_bounds(task.network, *task.ball_list, "rational", client=search.client)
    taken = (time.perf_counter() - started) / len(lower)
    return decide(task.network, *task.ball_list, lower, method, arithmetic="rational", seconds=taken, seed=search.seed)


def _lost(task: _Task) -> Float[np.ndarray, " n"]:
    """How much a margin of the network may be from that of the model that it was read from, on each region."""
    network = task.network
    if not (isinstance(network, FoldedNetwork) and network.rounded):
        return np.zeros(len(task.points))
    low, high = task.regions.outer()
    far = [network.distance(a, b).max() for a, b in zip(low, high, strict=True)]
    # Of two outputs; upwards.
    return np.nextafter(2.0 * np.array(far) * (1 + 2.0**-50), np.inf)


def _intervals(shared: tuple[Any, ...], start: int) -> Float[np.ndarray, " k"]:
    layers, regions, proof = shared
    rows = slice(start, start + _BALLS)
    lower = violation_lower_bounds(layers, regions.take(rows), proof.take(rows), method="interval")
    return np.asarray(lower.min(axis=1))


def _task(
    network: ReLUNetwork, points: np.ndarray, codes: np.ndarray, given: Any, p: float, low: Any, high: Any
) -> _Task:
    radii = None
    if np.ndim(given) > 0:
        radii = read_only(exact_floats(given, "radius"))
        if not np.isinf(p):
            raise ValueError(f"a radius for each coordinate needs p=inf, whose balls are boxes, got p={p:g}")
        if radii.shape not in (points.shape, points.shape[1:]):
            raise ValueError(f"radius needs one number, shape {points.shape[1:]} or {points.shape}, got {radii.shape}")
    reach = read_ball(given, p)[0] if radii is None else np.broadcast_to(radii, points.shape)
    regions = balls(points, reach, p, low=low, high=high)
    return _Task(network, points, codes, float(np.max(reach)), p, radii, low, high, regions)


def _ends(ends: Any) -> np.ndarray | None:
    return None if ends is None else read_only(exact_floats(np.asarray(ends), "low and high"))


def _flat(points: Any) -> tuple[Any, tuple[int, ...] | None]:
    """Points as vectors, and the shape of one of them if it is an image."""
    shape = tuple(getattr(points, "shape", ()))
    if len(shape) < 3:
        return points, None
    return points.reshape(shape[0], -1), shape[1:]
