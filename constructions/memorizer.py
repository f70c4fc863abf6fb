"""`robust_memorizer`: a ReLU network that memorizes a labelled sample robustly, with its proof and its size."""

import os
import time
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from rich.console import Console

from constructions.assembly import clean_bound, memorizing_network
from constructions.certificate import Certificate, decide, real_margin_bounds
from constructions.clean import as_network, fit_clean
from constructions.evaluation import near_pairs
from constructions.indicators import Method, Pairwise, indicators
from constructions.network import ReLUNetwork, read_only
from constructions.sample import Sample, class_positions, read_points, read_sample
from constructions.size import SizeReport, size_report
from constructions.structure import structural_bounds
from theory.errors import AssumptionError
from theory.losses import check_labels
from theory.margin import MarginBracket, small_margin
from theory.plain_array import exact_floats
from theory.scalars import read_exponent, read_scalar
from theory.separation import Separation, separation

# log2 of what float64 can hold, with room.
_LOG_POWER, _LOG_SCALE = 900, 1000


@dataclass(frozen=True, eq=False)
class Memorizer:
    """`f̂` of Theorem 3.3 for one sample: equal to `f_adv` off the shells, everywhere on the box.

    Calling it evaluates `f̂` from the distances to the centres; `network` is the same function as a strict
    ReLU network. `certify` and `separation` speak of what the object holds now; `margin`, `bound`, `size` and the call
    of what was built, and `dataclasses.replace` does not bring them up to date.

    Attributes:
        network: the strict ReLU network.
        sample: points, numbered labels, classes.
        radius: δ, the radius of the balls, in l_p.
        p: in [1, ∞].
        shell: γ, the width of the transition around each memorized ball.
        method: "shared" or "per_point".
        small: indices of the memorized points, S_small or a superset of it.
        clean: `f_clean`.
        margin: lower and upper bounds on the margin of `f_clean` on every ball; None for `small="all"`.
        neighbours: exact separation and nearest differently labelled points.
        low: least corner of the box Ω on which `f̂ = f_adv` off the shells.
        high: its greatest corner.
        bound: `M >= |f_clean|` on the box.
        size: exact counts by part, with the symbolic formula beside them.
        widths: of the layers of the indicator part; empty if nothing is memorized.
        direct: `(x, i) ↦ I_i(x)` from the distances, row by row; None if nothing is memorized.
    """

    network: ReLUNetwork
    sample: Sample
    radius: float
    p: float
    shell: float
    method: Method
    small: Int[np.ndarray, " n_small"]
    clean: ReLUNetwork
    margin: MarginBracket | None
    neighbours: Separation
    low: Float[np.ndarray, " d"]
    high: Float[np.ndarray, " d"]
    bound: float
    size: SizeReport
    widths: tuple[int, ...]
    direct: Pairwise | None
    # Whether `robust_memorizer` made it as it is; `dataclasses.replace` does not carry this over.
    _as_built: bool = field(init=False, default=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("radius", "shell"):
            value = read_scalar(getattr(self, name), name)
            if not 0 < value < np.inf:
                raise ValueError(f"a Memorizer needs a finite {name} > 0, got {value}")
            object.__setattr__(self, name, value)
        object.__setattr__(self, "p", read_exponent(self.p))
        for name in ("low", "high"):
            object.__setattr__(self, name, read_only(exact_floats(getattr(self, name), name)))
        object.__setattr__(self, "small", read_only(_read_indices(self.small, len(self.sample.points))))

    @property
    def separation(self) -> float:
        """R: no two points with different labels are nearer than this; exact, rounded down to a float.

        Of the points and labels that this object holds now: as it was found for them, or found again.
        """
        points, codes = self.sample.points, self.sample.codes
        if self._as_built and self.neighbours.is_of(points, codes):
            return float(self.neighbours.distance)
        return float(separation(points, codes, self.p).distance)

    @property
    def _memorizes_all(self) -> bool:
        return len(self.small) == len(self.sample.points)

    def __call__(self, x: Any) -> Float[np.ndarray, "k outputs"]:
        """`f̂` at each row of `x`, shape (k, 1) for labels ±1, else (k, classes)."""
        x = read_points(x, self.sample.points.shape[1])
        clean = self.clean(x)
        if self.direct is None:
            return clean
        outputs = self.clean.outputs
        group, groups = class_positions(self.sample.codes[self.small], outputs)
        memory = np.zeros(len(x) * groups)
        centres = self.sample.points if self._memorizes_all else self.sample.points[self.small]
        chunk = max(1, 2**17 // x.shape[1])
        for rows, index in near_pairs(x, centres, self.radius + self.shell, self.p):
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
        return [self.sample.classes[code] for code in codes]

    def certify(self) -> Certificate:
        """Structural proof on every training ball, for all p and sizes; what it leaves open is attacked.

        Every bound is computed now, from `network`, for the points, radius and p that this object holds now; of what
        was computed when it was built only the separation is used, if it is of these points and labels. See
        `constructions.structure` for the proof. Where nothing is memorized there is no structure, and `network` is
        bounded as any other.
        """
        started = time.perf_counter()
        points, codes = self.sample.points, self.sample.codes
        check_labels(codes, self.network.outputs)
        balls = points, codes, self.radius, self.p
        if self.widths:
            lower, method = self._structural_bounds(), np.full(len(points), "structure", dtype="<U9")
        else:
            lower, method = real_margin_bounds(self.network, *balls)
        seconds = (time.perf_counter() - started) / len(points)
        # The attack may look where the distances say, if they are those of the network.
        quick = self if self._as_built else None
        return decide(self.network, *balls, lower, method, seconds=seconds, function=quick, shell=self.shell)

    def _structural_bounds(self) -> Float[np.ndarray, " n"]:
        points, codes = self.sample.points, self.sample.codes
        clean_margin = np.full(len(points), -np.inf)
        others = np.setdiff1d(np.arange(len(points)), self.small)
        if len(others):
            some = points[others], codes[others], self.radius, self.p
            clean_margin[others] = real_margin_bounds(self.clean, *some)[0]
        return structural_bounds(
            self.network,
            self.widths,
            self.clean,
            clean_margin,
            points,
            codes,
            self.small,
            self.separation,
            radius=self.radius,
            shell=self.shell,
            p=self.p,
            method=self.method,
            low=self.low,
            high=self.high,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to an `.npz` file that `ReLUNetwork.load` reads, all of it or nothing."""
        self.network.save(path)


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
    progress: bool = False,
) -> Memorizer:
    """A ReLU network `f̂` that equals `f_adv` everywhere on the box off the shells, by Theorem 3.3 (repaired).

    `f_adv(x) = Σ_{S_small} y_i 1{‖x - x_i‖_p <= δ} + f_clean(x) 1{min_{S_small} ‖x - x_i‖_p > δ}`, and
    `f̂(x) = f_adv(x)` for every `x` of the box `Ω` with no `δ < ‖x - x_i‖_p < δ + γ`, `i ∈ S_small`. With
    `γ <= R - 2δ` no point of a ball `B_p(x_i, δ)` is misclassified (Corollary 3.4). `Ω` is the smallest box
    around the points and `[0, 1]^d`, enlarged by δ.

    Size: `n_small (d + O(1))` non-zeros plus a part that does not grow with `n_small` beyond the number of
    levels for method "shared"; `O(n_small d)` (times a logarithm for p = 2, and what `constructions.power` says for
    p other than 1, 2 and ∞) for "per_point".

    Args:
        points: shape (n, d), real and finite.
        labels: -1 and +1 (one output, its sign), or any hashable classes (one output a class, argmax).
        radius: δ > 0, in l_p, with `2 δ < R`; any number that float64 holds exactly, as p and the shell.
        p: in [1, ∞], or "inf".
        clean: `f_clean` as a `ReLUNetwork`, an `Affine`, a `torch.nn.Module` of Linear/ReLU/Flatten, or None to
            fit a small one. With more than one output its outputs follow the sorted labels.
        shell: γ, at most `R - 2δ`, which is the default.
        small: which points to memorize: "auto" for all that are not certified to have a large margin for
            `f_clean`, "all", or their indices.
        method: "shared" for features shared by all points, "per_point" for the count of the proof sketch.
        seed: of the fit of `f_clean`.
        progress: whether to show on stderr what is being done, with a bar for the separation.

    Returns:
        The `Memorizer`. Its weights are rounded to float64: where `‖x‖² 2^-50` is more than the room that the shell
        leaves (points far from the origin and near each other) the network may be another one, and `certify` says so.

    Raises:
        ValueError: for malformed arguments.
        AssumptionError: if a hypothesis fails: one class only, equal points with different labels, a radius or
            shell too large for the separation, no clean classifier found.
    """
    p, radius = read_exponent(p), read_scalar(radius, "radius")
    shell = None if shell is None else read_scalar(shell, "shell")
    way = _read_method(method)
    if not (0 < radius < np.inf):
        raise ValueError(f"robust_memorizer needs a finite radius > 0, got radius={radius}")
    sample = read_sample(points, labels)
    chosen = None if isinstance(small, str) else _read_indices(small, len(sample.points))
    if isinstance(small, str) and small not in ("auto", "all"):
        raise ValueError(f'small must be "auto", "all" or indices, got {small!r}')
    _check_powers(sample.points, radius, p)
    say = Console(stderr=True, quiet=not progress).print
    say(f"separation of {len(sample.points)} points in dimension {sample.points.shape[1]}")
    neighbours = separation(sample.points, sample.named_labels(), p, progress=progress)
    shell = _checked_shell(shell, radius, neighbours)
    _check_scale(sample.points, radius, shell)

    if clean is None:
        say("fitting a clean classifier")
        clean = fit_clean(sample.points, sample.codes, sample.outputs, seed=seed)
    clean = as_network(clean, sample.points.shape[1], sample.outputs)
    # One float outward, so that the real box contains every ball in spite of the rounding.
    low = np.nextafter(np.minimum(sample.points.min(axis=0), 0.0) - radius, -np.inf)
    high = np.nextafter(np.maximum(sample.points.max(axis=0), 1.0) + radius, np.inf)
    bound = clean_bound(clean.layers, low, high)
    margin = None
    if chosen is None:
        if small == "auto":
            say("margins of the clean classifier on every ball")
            margin = small_margin(clean.layers, sample.points, sample.codes, radius, p)
        chosen = np.arange(len(sample.points)) if margin is None else margin.small
    parts, network = None, clean
    if len(chosen):
        say(f"memorizing {len(chosen)} points")
        everything = len(chosen) == len(sample.points)
        centres = sample.points if everything else sample.points[chosen]
        parts = indicators(centres, radius, shell, low, high, p=p, method=way)
        network = memorizing_network(parts.network, sample.codes[chosen], clean, bound)
    made = Memorizer(
        network=network,
        sample=sample,
        radius=radius,
        p=p,
        shell=shell,
        method=way,
        small=chosen,
        clean=clean,
        margin=margin,
        neighbours=neighbours,
        low=low,
        high=high,
        bound=bound,
        size=size_report(network, clean, parts, method=way, p=p),
        widths=() if parts is None else parts.network.widths,
        direct=None if parts is None else parts.direct,
    )
    object.__setattr__(made, "_as_built", True)
    return made


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


def _check_scale(points: Float[np.ndarray, "n d"], radius: float, shell: float) -> None:
    """The weights are coordinates, radii and their quotients."""
    greatest = max(float(np.abs(points).max()), radius)
    if not (greatest <= 2.0**_LOG_SCALE and shell >= 2.0**-_LOG_SCALE):
        raise ValueError(
            f"robust_memorizer needs coordinates and a radius up to 2^{_LOG_SCALE} and a shell of at least "
            f"2^-{_LOG_SCALE}, got {greatest:g} and shell={shell:g}: rescale points and radius together"
        )


def _read_indices(small: Iterable[Any], size: int) -> Int[np.ndarray, " n_small"]:
    indices = np.asarray(small if isinstance(small, np.ndarray) else list(small))
    if indices.size == 0:
        return np.empty(0, dtype=np.int64)
    if indices.dtype.kind not in "iu" or indices.ndim != 1:
        raise ValueError(f"small must hold integer indices of points, got dtype {indices.dtype}, shape {indices.shape}")
    unique = np.unique(indices.astype(np.int64))
    if len(unique) != len(indices) or unique[0] < 0 or unique[-1] >= size:
        raise ValueError(f"small must hold distinct indices between 0 and {size - 1}, got {indices.tolist()[:10]}")
    return unique


def _checked_shell(shell: float | None, radius: float, neighbours: Separation) -> float:
    """The shell, at most `R - 2δ` exactly; by default the largest float with that property."""
    room = Fraction(neighbours.distance) - 2 * Fraction(radius)
    i, j = neighbours.pair
    pair = f"points {i} and {j} are the closest pair with different labels"
    if not room > 0:
        raise AssumptionError(
            f"robust_memorizer needs 2 * radius < separation, got radius={radius} with separation="
            f"{neighbours.distance:.6g} (at most {neighbours.distance / 2:.6g}, excluded): {pair}"
        )
    if shell is None:
        widest = float(room)
        return widest if Fraction(widest) <= room else float(np.nextafter(widest, 0.0))
    if not shell > 0 or not np.isfinite(shell):
        raise ValueError(f"robust_memorizer needs a finite shell > 0, got shell={shell}")
    if not Fraction(shell) <= room:
        raise AssumptionError(
            f"robust_memorizer needs shell <= separation - 2 * radius, got shell={shell} with separation="
            f"{neighbours.distance:.6g}, radius={radius} (at most {float(room):.6g}): {pair}"
        )
    return float(shell)
