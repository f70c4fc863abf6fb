"""What comes of a check that does not hold: one line that says all, and arrays below it."""

import unittest
from typing import Any

import numpy as np

from constructions.suite.strategies import Instance


class CheckFailed(AssertionError):
    """A conclusion does not hold; the first line says where and by how much, without an array.

    Attributes:
        line: the first line.
        found: the same without the names of builder and check, for whoever has shown them.
        details: arrays, for who wants to see them.
        point: the index of the point in whose ball it fails, or None.
        x: where it fails, or None.
        margin: the value there, or None.
    """

    def __init__(
        self,
        line: str,
        details: str = "",
        *,
        point: int | None = None,
        x: np.ndarray | None = None,
        margin: float | None = None,
    ) -> None:
        self.line, self.details, self.point, self.x, self.margin = line, details, point, x, margin
        self.found = line
        super().__init__(f"{line}\n{details}" if details else line)

    def within(self, before: str, after: str) -> "CheckFailed":
        """The same, with what was checked before the line, and on what behind it."""
        whole = CheckFailed(f"{before}{self.line}{after}", self.details, point=self.point, x=self.x, margin=self.margin)
        whole.found = f"{self.line}{after}"
        return whole


class NotChecked(unittest.SkipTest):
    """Nothing was concluded, for the reason given; pytest and unittest call such a test skipped."""


def require(holds: Any, line: str) -> None:
    """Raises `CheckFailed` with the line unless it holds."""
    if not holds:
        raise CheckFailed(line)


def require_margins(instance: Instance, x: np.ndarray, owner: np.ndarray, margins: np.ndarray, least: str) -> None:
    """Raises `CheckFailed` at the worst point unless all margins are as they have to be.

    Args:
        instance: of the points.
        x: where the margins were found, shape (k, d).
        owner: the index of the point of each, shape (k,).
        margins: shape (k,); NaN is no margin.
        least: "> 0" or ">= 1", the latter to 1e-9, for the rounding of the network.
    """
    holds = margins > 0 if least == "> 0" else margins >= 1 - 1e-9
    if holds.all():
        return
    # Of what is not a number there is nothing worse.
    worst = int(np.where(holds, np.inf, np.nan_to_num(margins, nan=-np.inf)).argmin())
    i, where, margin = int(owner[worst]), x[worst], float(margins[worst])
    distance = np.linalg.norm(where - instance.points[i], instance.p)
    label = instance.labels[i]
    raise CheckFailed(
        f"point {i} (label {label}), at distance {distance:.6g} of radius {instance.radius:.6g} in l_{instance.p:g}: "
        f"margin {margin:.6g}, needs {least}",
        described(instance, x=where),
        point=i,
        x=where,
        margin=margin,
    )


def described(instance: Instance, **more: np.ndarray) -> str:
    """The arrays of an instance, and others, in full precision."""
    arrays = {"points": instance.points, "labels": np.asarray(instance.labels), **more}
    parts = [f"{name} = {np.array2string(array, separator=', ', precision=17)}" for name, array in arrays.items()]
    return "\n".join([*parts, f"p = {instance.p}, radius = {instance.radius!r}, shell = {instance.shell!r}"])


def sample_line(instance: Instance) -> str:
    """Which sample it is, in a few words."""
    size, dim = instance.points.shape
    return f"sample {instance.name!r} of {size} points in R^{dim}"
