"""Arrays that cannot be written to, so that what was proved of them stays true of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from theory.layers import Matrix


def handed_over(weight: Matrix) -> Matrix:
    """The same matrix, read-only: for a fresh one that nobody else will write to."""
    for array in (weight,) if isinstance(weight, np.ndarray) else (weight.data, weight.indices, weight.indptr):
        owner: Any = array
        while isinstance(owner, np.ndarray):
            owner.flags.writeable = False
            owner = owner.base
    return weight


def read_only(array: np.ndarray) -> np.ndarray:
    """The array itself if neither it nor what it is a view of can be written to, else a read-only copy."""
    owner: Any = array
    while isinstance(owner, np.ndarray) and not owner.flags.writeable:
        owner = owner.base
    if owner is None:
        return array
    copy = array.copy(order="K")
    copy.flags.writeable = False
    return copy


def restore(thing: object, state: dict[str, Any]) -> None:
    """Gives a copy or an unpickled object its attributes, whose arrays are read-only again: a pickle forgets that."""
    vars(thing).update(state)
    for value in state.values():
        for array in value.values() if isinstance(value, Mapping) else (value,):
            if isinstance(array, Matrix):
                handed_over(array)
