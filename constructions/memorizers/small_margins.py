"""The memorizer of `small="auto"`: as few points as are needed that every ball is certified, in a run too."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from jaxtyping import Int

from constructions.certificates.executed_intervals import FORMATS
from constructions.certificates.executed_proof import executed_indicators
from constructions.memorizers.proof import ball_bounds_of
from constructions.networks.network import ReLUNetwork
from constructions.pieces.assembly import Assembled
from theory.balls.small_margin import MarginBracket

Built = TypeVar("Built", bound=Assembled)

# Of all balls, multiplications for intervals through the whole network: a second or so.
_CHEAP = 10**9


def of_small_margins(
    assemble: Callable[..., Built],
    choose: Callable[[tuple[str, ...]], Int[np.ndarray, " n_small"]],
    margin: MarginBracket,
    clean: ReLUNetwork,
    rest: ReLUNetwork,
) -> Built:
    """What memorizes the points without a large margin, and those whose margin may be lost in a run.

    If no indicator is proved in a format, for shells of few floats of it, points are memorized for its sake in vain:
    then the others are not; and where the bounds of any network are cheap, and certify more as executed if all points
    are memorized beside `rest`, all are.
    """
    made = assemble(clean, choose(tuple(FORMATS)), margin)
    count = len(margin.lower)
    grown, cheap = len(made.small) > len(margin.small), made.network.nonzero * count <= _CHEAP
    vain = _in_vain(made) if len(made.small) and (grown or cheap) else ()
    if vain and grown:
        made = assemble(clean, choose(tuple(name for name in FORMATS if name not in vain)), margin)
    if vain and cheap:
        everything = assemble(rest, np.arange(count), None)
        if any(_executed(everything, name) > _executed(made, name) for name in vain):
            return everything
    return made


def _in_vain(made: Assembled) -> tuple[str, ...]:
    """The formats in which no indicator is proved as executed."""
    vain: list[str] = []
    # What is proved in float32 is not refuted in float64.
    for name in ("float32", "float64"):
        try:
            if executed_indicators(made, name).inner.any():
                break
        except ValueError:  # weights beyond the format
            pass
        vain.append(name)
    return tuple(vain)


def _executed(made: Assembled, arithmetic: str) -> int:
    """Balls that are certified as executed."""
    try:
        return int(np.sum(ball_bounds_of(made, arithmetic, None)[0] > 0))
    except ValueError:  # weights beyond the format
        return 0
