"""A bar on stderr for work of more than a few seconds."""

from collections.abc import Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import track

_T = TypeVar("_T")


def bar(steps: Iterable[_T], name: str, *, show: bool, total: int | None = None) -> Iterable[_T]:
    """The steps, with a bar while they are taken; nothing is written unless `show`."""
    if not show:
        return steps
    return track(steps, name, total=total, console=Console(stderr=True))
