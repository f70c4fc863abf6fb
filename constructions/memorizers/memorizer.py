"""`robust_memorizer`: a ReLU network that memorizes a labelled sample robustly, with its proof and its size."""

import os
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from rich.console import Console

from constructions.certificates.certificate import Certificate
from constructions.certificates.deciding import certificate_of_task
from constructions.certificates.digests import network_digest
from constructions.certificates.structural_proof import indicator_part
from constructions.memorizers.clean import as_network, best_fit, fit_clean, no_information
from constructions.memorizers.completeness import unproved
from constructions.memorizers.disassembly import memorized, taken_apart
from constructions.memorizers.near_pairs import near_pairs
from constructions.memorizers.proof import ball_bounds_of
from constructions.memorizers.selection import lock_of, points_to_memorize
from constructions.memorizers.size import SizeReport, size_report
from constructions.memorizers.small_margins import of_small_margins
from constructions.networks.network import ReLUNetwork
from constructions.pieces.assembly import (
    Assembled,
    extended,
    memorizing_network,
    read_indices,
    without_weights,
)
from constructions.pieces.soft_indicators import Method, Pairwise, indicators
from constructions.samples.sample import class_positions, read_points, read_sample, shown
from constructions.samples.task import Task, read_positive, task_for
from theory.arguments.read_only import read_only
from theory.arguments.scalars import read_exponent
from theory.arguments.whole_numbers import read_seed
from theory.balls.small_margin import MarginBracket, small_margin

# Non-zeros and balls: intervals, the attack, and linear relaxation of some.
_MARGINS_A_SECOND = 10**8
# log2 of what float64 can hold, with room.
_LOG_POWER = 900


@dataclass(frozen=True, eq=False)
class Memorizer(Assembled):
    """`f̂` of Theorem 3.3 for one sample: equal to `f_adv` off the shells, everywhere on the box.

    Calling it evaluates `f̂` from the distances to the centres; `network` is the same function as a strict
    ReLU network. `certify` and `task.separation` speak of what the object holds now; `margin`, `bound`, `size` and the
    call of what was built, and `dataclasses.replace` does not bring them up to date.

    Attributes:
        margin: lower and upper bounds on the margin of `f_clean` on every ball; None for `small="all"`.
        size: exact counts by part, with the symbolic formula beside them.
        direct: `(x, i) ↦ I_i(x)` from the distances, row by row; None if nothing is memorized.
        uncertified: the points whose balls the structural proof over the reals left open when it was built, and an
            `IncompleteCertificateWarning` named; None if nobody asked.
    """

    margin: MarginBracket | None
    size: SizeReport
    direct: Pairwise | None
    uncertified: Int[np.ndarray, " k"] | None = None
    # Whether `robust_memorizer` made it as it is; `dataclasses.replace` does not carry this over.
    _as_built: bool = field(init=False, default=False, repr=False)

    def __repr__(self) -> str:
        task, (size, dim) = self.task, self.task.sample.points.shape
        return (
            f"<Memorizer of {size:,} points in R^{dim} ({len(self.small):,} memorized), l_{task.p:g}, "
            f"radius {task.radius:g}, {self.network.nonzero:,} non-zeros>"
        )

    def __call__(self, x: Any) -> Float[np.ndarray, "k outputs"]:
        """`f̂` at each row of `x`, shape (k, 1) for labels ±1, else (k, classes)."""
        task = self.task
        points, codes = task.sample.points, task.sample.codes
        x = read_points(x, points.shape[1])
        clean = self.clean(x)
        if self.direct is None:
            return clean
        outputs = self.clean.outputs
        group, groups = class_positions(codes[self.small], outputs)
        memory = np.zeros(len(x) * groups)
        chunk = max(1, 2**17 // x.shape[1])
        for rows, index in near_pairs(x, self.centres, task.radius + task.shell, task.p):
            for start in range(0, len(rows), chunk):
                row, i = rows[start : start + chunk], index[start : start + chunk]
                memory += np.bincount(row * groups + group[i], self.direct(x[row], i), minlength=len(memory))
        sums = memory.reshape(len(x), groups)
        lock = self.bound * np.minimum(sums.sum(axis=1, keepdims=True), 1.0)
        signed = sums[:, 1:] - sums[:, :1] if outputs == 1 else sums
        return np.asarray(signed + np.maximum(clean - lock, 0.0) - np.maximum(-clean - lock, 0.0))

    def predict(self, x: Any) -> list[Hashable]:
        """The label at each row of `x`; for ±1, the label -1 where `f̂ = 0`."""
        values = self(x)
        codes = (values[:, 0] > 0).astype(int) if values.shape[1] == 1 else values.argmax(axis=1)
        return [self.task.sample.classes[code] for code in codes]

    def certify(self, arithmetic: str = "reals", *, client: Any = None) -> Certificate:
        """Structural proof on every training ball, for all p and sizes; what it leaves open is attacked.

        Every bound is computed now, from `network`, for the task that this object holds now; of what was computed when
        it was built only the separation is used, if it is of these points and labels. See
        `constructions.certificates.structural_proof` and `constructions.certificates.executed_proof` for the proofs.
        Executed balls that they leave open are bounded by intervals. Where nothing is memorized there is no structure,
        and `network` is bounded as any other.

        Args:
            arithmetic: "reals", "float64" or "float32"; or "rational", by intervals alone.
            client: a Dask client or the address of a scheduler, to compute the bounds on many machines, see
                `theory.cluster`; the balls that are left are attacked here.

        Raises:
            ValueError: for another arithmetic.
            ImportError, OSError: if there is an address, and not the library distributed, or no scheduler that answers.
        """
        # The attack may look where the distances say, if they are those of the network.
        quick = self if self._as_built else None
        return certificate_of_task(
            self.network, self.task, lambda: ball_bounds_of(self, arithmetic, client), arithmetic, function=quick
        )

    def to_torch(self, *, dense: bool | None = None, dtype: Any = None) -> Any:
        """The network as a `torch.nn.Module`; see `ReLUNetwork.to_torch`."""
        return self.network.to_torch(dense=dense, dtype=dtype)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to an `.npz` file that `ReLUNetwork.load` and, for its points, `Memorizer.load` read.

        All of it or nothing is written.
        """
        self.network.save(path)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        points: Any,
        labels: Any,
        *,
        radius: Any,
        p: Any,
        shell: Any = None,
        method: str = "shared",
        client: Any = None,
    ) -> "Memorizer":
        """The memorizer that `save` wrote, with its proof.

        The file holds the network alone. From its weights it is read what `f_clean` is and which points it memorizes;
        from these and the task, which is to be given as it was, the memorizer is built again, and has to be that of the
        file to the last bit. To load a network without its task: `ReLUNetwork.load`.

        Args:
            path: of the file.
            points, labels, radius, p, shell, method, client: as `robust_memorizer` was given them.

        Raises:
            ValueError: if the file is no network, or not that of a `robust_memorizer` of this task.
            AssumptionError: as `robust_memorizer`.
        """
        network = ReLUNetwork.load(path)
        sample = read_sample(points, labels)
        parts = None
        if (network.inputs, network.classes) == (sample.points.shape[1], sample.classes):
            parts = taken_apart(network)
        # Where nothing is memorized the network is `f_clean`.
        clean, small = (network, np.empty(0, int)) if parts is None else (parts[1], memorized(parts[0], sample.points))
        made = None
        if clean.outputs == sample.outputs and network.classes == sample.classes:
            task = {"radius": radius, "p": p, "shell": shell, "method": method, "client": client}
            made = robust_memorizer(points, labels, clean=clean, small=small, check=False, **task)
        if made is None or network_digest(made.network) != network_digest(network):
            raise ValueError(
                f"{path} must hold the network of a robust_memorizer of these points, labels, radius, p, shell and "
                f"method, got {network!r} of the classes {shown(network.classes or ())}: give them as they were, or "
                "take ReLUNetwork.load and certify"
            )
        return made


def robust_memorizer(
    points: Any,
    labels: Any,
    *,
    radius: Any,
    p: Any,
    clean: Any = None,
    shell: Any = None,
    small: str | Iterable[Any] = "auto",
    method: str = "shared",
    seed: int = 0,
    check: bool = True,
    progress: bool = False,
    client: Any = None,
    device: Any = None,
) -> Memorizer:
    """A ReLU network `f̂` that equals `f_adv` everywhere on the box off the shells, by Theorem 3.3 (repaired).

    `f_adv(x) = Σ_{S_small} y_i 1{‖x - x_i‖_p <= δ} + f_clean(x) 1{min_{S_small} ‖x - x_i‖_p > δ}`, and
    `f̂(x) = f_adv(x)` for every `x` of the box `Ω` with no `δ < ‖x - x_i‖_p < δ + γ`, `i ∈ S_small`. With
    `γ <= R - 2δ` no point of a ball `B_p(x_i, δ)` is misclassified (Corollary 3.4). `Ω` is the smallest box
    around the points and `[0, 1]^d`, enlarged by δ.

    Size: `n_small (d + O(1))` non-zeros plus a part that does not grow with `n_small` beyond the number of
    levels for method "shared"; `O(n_small d)` (times a logarithm for p = 2, and what `constructions.pieces.power` says
    for p other than 1, 2 and ∞) for "per_point".

    Args:
        points: shape (n, d), real and finite.
        labels: -1 and +1 (one output, its sign), or any hashable classes (one output a class, argmax).
        radius: δ > 0, in l_p, with `2 δ < R`; any number that float64 holds exactly, as p and the shell.
        p: in [1, ∞], or "inf".
        clean: `f_clean` as a `ReLUNetwork`, an `Affine`, a `torch.nn.Module` that `from_torch` reads, the path of an
            `.npz` or `.onnx` file, or None to fit a small one by `constructions.memorizers.clean`: for `small="auto"`
            one that is soon found, whose errors are memorized (a fit that is slow to lose its errors is given up:
            `fit_clean` there carries on), for indices one without errors. It says what `f̂` is beyond the balls, and
            stays if all are memorized. Of `small="all"` no ball rests on it, nothing is fitted, and None is the
            constant 0: beyond the balls and their shells `f̂` is then 0, for ±1 an error of either label, and `predict`
            gives the first class. With more than one output its outputs follow the sorted labels.
        shell: γ, at most `R - 2δ`, which is the default.
        small: which points to memorize: "auto" for all that are not certified to have a large margin for `f_clean`,
            over the reals and as executed in float64 and float32 (in float32 where memorizing them helps: points far
            from the origin may be beyond it), so that no ball is certified by "all" alone; "all"; or their indices.
        method: "shared" for features shared by all points, "per_point" for the count of the proof sketch.
        seed: of the fit of `f_clean`; a whole number, 0 <= seed < 2^31.
        check: whether to prove every ball, by structure over the reals, before it is returned; else `uncertified` is
            None, and an error of rounding is seen by `certify` alone.
        progress: whether to show on stderr what is being done, with a bar for the separation.
        client: a Dask client or the address of a scheduler, for separation and proof; see `theory.cluster`.
        device: of torch, for the separation; see `theory.separation`. All else takes time linear in the points, and
            bounds that are stated to the last bit depend on the order of their sums, which a device does not keep.

    Returns:
        The `Memorizer`. An `IncompleteCertificateWarning` says for which points of your own `small` there is no proof.

    Raises:
        ValueError: for malformed arguments.
        AssumptionError: if a hypothesis fails: one class only, equal points with different labels, a radius or
            shell too large for the separation, no clean classifier found; or if weights rounded to float64 are too
            coarse, as for points far from the origin and near each other (p = 2: `‖x‖² 2^-50` beside the room that
            the shell leaves).
    """
    p, radius = read_exponent(p), read_positive(radius, "radius")
    way, seed = _read_method(method), read_seed(seed)
    sample = read_sample(points, labels)
    if isinstance(small, str) and small not in ("auto", "all"):
        raise ValueError(f'small must be "auto", "all" or indices, got {small!r}')
    count = len(sample.points)
    named = range(count) if isinstance(small, str) else small
    chosen = None if isinstance(small, str) and small == "auto" else read_indices(named, count)
    _check_powers(sample.points, radius, p)
    say = Console(stderr=True, quiet=not progress).print
    say(f"separation of {len(sample.points)} points in dimension {sample.points.shape[1]}")
    task = task_for(sample, radius, shell, p, progress=progress, client=client, device=device)

    fitted = clean is None
    if clean is None and chosen is not None and len(chosen) == count:
        clean = no_information(sample.points.shape[1], sample.outputs)
    elif clean is None:
        say("fitting a clean classifier")
        # Whatever the best fit gets wrong is memorized, where nobody says what is.
        fit = best_fit if chosen is None else fit_clean
        clean = fit(sample.points, sample.codes, sample.outputs, seed=seed, progress=progress)
    clean = as_network(clean, sample.points.shape[1], sample.outputs)
    if clean.classes not in (None, sample.classes):
        raise ValueError(
            f"clean must have the classes of the labels in their order, {sample.classes}, got {clean.classes}: permute "
            "its last layer, or leave its classes out"
        )
    # One float outward, so that the real box contains every ball in spite of the rounding.
    low = np.nextafter(np.minimum(sample.points.min(axis=0), 0.0) - radius, -np.inf)
    high = np.nextafter(np.maximum(sample.points.max(axis=0), 1.0) + radius, np.inf)
    assemble = partial(_assembled, task, way, low, high)
    if chosen is None:
        seconds = count * clean.nonzero / _MARGINS_A_SECOND
        say(f"margins of the clean classifier on {count:,} balls" + (f", some {seconds:,.0f} s" if seconds > 1 else ""))
        margin = small_margin(clean.layers, sample.points, sample.codes, radius, p)
        rest = no_information(clean.inputs, clean.outputs) if fitted else clean
        choose = partial(points_to_memorize, margin.lower, clean, task, low, high, client=client)
        made = of_small_margins(assemble, choose, margin, clean, rest)
    else:
        made = assemble(clean, chosen, None)
    say(f"{len(made.small)} points memorized")
    object.__setattr__(made, "_as_built", True)
    if check:
        say("proof on every ball")
        known = None if made.margin is None else made.margin.lower
        object.__setattr__(made, "uncertified", read_only(unproved(made, margins=known, client=client)))
    return made


def _assembled(
    task: Task,
    method: Method,
    low: np.ndarray,
    high: np.ndarray,
    clean: ReLUNetwork,
    chosen: Int[np.ndarray, " n_small"],
    margin: MarginBracket | None,
) -> Memorizer:
    """Indicators of the chosen points around `f_clean`."""
    sample, p, bound = task.sample, task.p, lock_of(clean, low, high)
    parts, network = None, clean
    widths: tuple[int, ...] = ()
    if len(chosen):
        everything = len(chosen) == len(sample.points)
        centres = sample.points if everything else sample.points[chosen]
        parts = indicators(centres, task.radius, task.shell, low, high, p=p, method=method)
        widths, layers = parts.network.widths, list(parts.network.layers)
        frame = memorizing_network(without_weights(parts.network), sample.codes[chosen], clean, bound)
        # Nobody but the list holds the layers meanwhile; then the indicators are part of the network.
        parts = replace(parts, network=frame)
        network = extended(layers, frame)
        own = indicator_part(network, widths, len(chosen))
        if own is None:
            raise AssertionError("the indicators are not the first rows and columns of the network")
        parts = replace(parts, network=own)
    return Memorizer(
        network=replace(network, classes=sample.classes),
        task=task,
        method=method,
        small=chosen,
        clean=clean,
        low=low,
        high=high,
        bound=bound,
        widths=widths,
        margin=margin,
        size=size_report(network, clean, parts, method=method, p=p),
        direct=None if parts is None else parts.direct,
    )


def _read_method(method: str) -> Method:
    if method == "shared":
        return "shared"
    if method == "per_point":
        return "per_point"
    raise ValueError(f'method must be "shared" or "per_point", got {method!r}')


def _check_powers(points: Float[np.ndarray, "n d"], radius: float, p: float) -> None:
    """The networks for p other than 1 and ∞ compute p-th powers of distances, which have to be floats."""
    if p in (1, np.inf):
        return
    with np.errstate(over="ignore"):
        widest = float(np.ptp(points, axis=0).max())
    least, greatest = p * np.log2(radius), p * np.log2(max(widest, radius)) + np.log2(points.shape[1])
    if not (least >= -_LOG_POWER and greatest <= _LOG_POWER):
        raise ValueError(
            f"robust_memorizer needs p-th powers between 2^-{_LOG_POWER} and 2^{_LOG_POWER}, got p={p:g} with "
            f"radius^p = 2^{least:.0f} and {points.shape[1]} (greatest coordinate difference)^p = 2^{greatest:.0f}: "
            "rescale points and radius together, or use p=inf, whose balls contain those of p"
        )
