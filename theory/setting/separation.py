"""The separation of a labelled sample, and of one sample from another, exactly.

A distance by matrix product, even in float64, is off by `γ_d (‖x‖² + ‖y‖²)`, which for near-duplicates is more
than the distance itself; in float32 it has certified separations several times too large. So a matrix product only
names candidates here, within its error bound (`theory.closest`); they are measured by differences, whose relative error
is `γ_{d+8}` (Higham) at every scale, and the closest pair is decided without rounding.
"""

import hashlib
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped
from rich.console import Console
from rich.progress import track

from theory.arguments.scalars import read_exponent
from theory.arguments.subnormals import check_subnormals
from theory.closest.search import Pairs, Search, decided, original
from theory.closest.sides import Sides
from theory.cluster import in_blocks
from theory.device import read_device
from theory.errors import AssumptionError
from theory.exact.exact_distance import floats_below, rational_distance, relative_error, round_down
from theory.setting.labelled_points import label_of, read_codes, read_points, sides_between, sides_of

__all__ = ["Separation", "rational_distance", "round_down", "separation", "separation_between"]


@dataclass(frozen=True)
class Separation:
    """Separation of a labelled sample in l_p, or of one from another.

    Bounds hold for all finite floats. `u` is the relative error of a distance by differences: `γ_{d+8}` for p = 1, 2
    and ∞, else `γ_{d+72}`.

    Attributes:
        p: in [1, ∞].
        distance: the largest finite float that is at most the distance of any two differently labelled points. For p
            other than 1, 2, ∞: a float below that distance, by a relative `4 u` and the least float `2^-1074` at most.
        pair: the closest two points with different labels, `i < j`, and the first of them in that order; for p other
            than 1, 2, ∞ the first whose distance is within a relative `8 u` of the least. Between two samples `i` is
            of the first and `j` of the second.
        of: a digest of what it is the separation of, set by `separation` only; "" for one put together by hand.
    """

    p: float
    distance: float
    pair: tuple[int, int]
    of: str = field(init=False, default="", compare=False)

    def __repr__(self) -> str:
        return f"<Separation {self.distance:.6g} in l_{self.p:g}, of points {self.pair[0]} and {self.pair[1]}>"

    def is_of(self, points: Shaped[np.ndarray, "n d"], labels: Any) -> bool:
        """Whether `separation` computed it of these points and this partition into labels, and nothing was replaced.

        The names of the labels do not matter. Raises as `separation` for malformed points or labels.
        """
        check_subnormals("a comparison")
        x = read_points(points)
        return self.of == _digest(self, x, read_codes(labels, len(x)))


def separation(
    points: Shaped[np.ndarray, "n d"],
    labels: Any,
    p: Any,
    *,
    client: Any = None,
    device: Any = None,
    progress: bool = False,
) -> Separation:
    """The separation `R` of a labelled sample: the least distance of two points with different labels.

    Time `O(n² k)` for few `k` where bounds tell most pairs apart, as they do for images, and `O(n² d)` where none does;
    memory `O(n k)` and some blocks of 1,024² pairs beside the points.

    Args:
        points: shape (n, d), finite, of a type whose numbers are float64 numbers.
        labels: n labels, any number of classes, hashable and not NaN; equal labels are one class.
        p: in [1, ∞].
        client: a Dask client or the address of a scheduler, for a search on many machines; see `theory.cluster`.
        device: a `torch.device` or its name such as "cuda", to name near pairs there, with the same answer if the card
            computes as `theory.device` assumes; None for this process.
        progress: whether to show a progress bar.

    Raises:
        ValueError: for malformed points or labels or p, where arithmetic flushes subnormal numbers to zero, for both a
            client and a device, or a device that does not compute as is assumed.
        ImportError, OSError: if there is no torch for a device, or no such device.
        AssumptionError: if there is one class only, or equal points have different labels.
    """
    p = read_exponent(p)
    check_subnormals("a separation")
    points = read_points(points)
    codes = read_codes(labels, len(points))
    found = _closest(sides_of(points, labels, codes), p, progress, client, device)
    if not found.distance:
        i, j = found.pair
        raise AssumptionError(
            f"equal points must have equal labels, got labels {label_of(labels, i)} and {label_of(labels, j)} for the "
            f"equal points {i} and {j} ({_contradicting(points, codes)} points are in such pairs): remove or relabel "
            "them"
        )
    object.__setattr__(found, "of", _digest(found, points, codes))
    return found


def separation_between(
    points: Shaped[np.ndarray, "n d"],
    labels: Any,
    others: Shaped[np.ndarray, "m d"],
    other_labels: Any,
    p: Any,
    *,
    client: Any = None,
    device: Any = None,
    progress: bool = False,
) -> Separation:
    """The least distance of a point of one sample from a differently labelled point of another.

    For example of test images from training images: what is left of a ball's radius for points not seen. It is 0 where
    equal points have different labels.

    Args:
        points, labels: of the first sample, as for `separation`.
        others, other_labels: of the second, in the same dimension.
        p: in [1, ∞].
        client: a Dask client or the address of a scheduler, for a search on many machines; see `theory.cluster`.
        device: a `torch.device` or its name such as "cuda", to name near pairs there, with the same answer if the card
            computes as `theory.device` assumes; None for this process.
        progress: whether to show a progress bar.

    Raises:
        ValueError: as `separation`, or for samples of different dimensions.
        ImportError, OSError: as `separation`.
        AssumptionError: if no two labels differ.
    """
    p = read_exponent(p)
    check_subnormals("a separation")
    return _closest(sides_between(points, labels, others, other_labels), p, progress, client, device)


def _closest(sides: Sides, p: float, progress: bool, client: Any, device: Any) -> Separation:
    if client is not None and device is not None:
        raise ValueError(
            f"a separation is searched for by a cluster or on a device, got both {client!r} and {device!r}: leave one "
            "out"
        )
    search = Search(sides, p, read_device(device))
    if client is None:
        # One after the other each looks only for what is closer than what was found before.
        units = track(sides.units(), "separation", disable=not progress, console=Console(stderr=True))
        found = search.closest(units)
    else:
        shown = "separation" if progress else None
        found = search.joined(in_blocks(_closest_of_unit, search, sides.units(), client=client, progress=shown))
    if not len(found):
        raise AssertionError("a pair within the upper bound of the least distance was not named")
    if p in (1, 2, math.inf):
        found = decided(sides, found, p)
        distance = round_down(rational_distance(sides.x[found.i][0], sides.y[found.j][0], p), p)
    else:
        distance = _below(found, relative_error(sides.x.dim, p))
    first, second = original(sides, found)
    k = int(np.lexsort((second, first))[0])
    return Separation(p, distance, (int(first[k]), int(second[k])))


def _closest_of_unit(search: Search, unit: tuple[slice, slice]) -> Pairs:
    return search.closest([unit])


def _below(found: Pairs, slack: float) -> float:
    if not found.fractions.all():
        return 0.0
    return float(floats_below(found.fractions * (1 - 2 * slack), found.exponents).min())


def _contradicting(points: np.ndarray, codes: np.ndarray) -> int:
    """How many points have an equal one with another label."""
    labels: dict[bytes, set[int]] = {}
    # 0.0 and -0.0 are equal.
    rows = [(row + 0.0).tobytes() for row in points]
    for row, code in zip(rows, codes.tolist(), strict=True):
        labels.setdefault(row, set()).add(code)
    return sum(len(labels[row]) > 1 for row in rows)


def _digest(found: Separation, points: np.ndarray, codes: Int[np.ndarray, " n"]) -> str:
    seal = hashlib.sha256(repr((points.shape, found.p, float(found.distance).hex(), found.pair)).encode())
    for array in (points, codes):
        seal.update(repr((array.dtype.str, array.shape)).encode())
        seal.update(np.ascontiguousarray(array).data)
    return seal.hexdigest()
