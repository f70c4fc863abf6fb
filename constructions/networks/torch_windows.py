"""Convolution and pooling as sparse matrices, from the places of what each window reads."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int

# In the place of a number: what was padded; and beyond that, where the last window reaches in ceil_mode.
_PADDED, _BEYOND = -1, -2


def spread(number: int | Sequence[int], axes: int) -> tuple[int, ...]:
    """One number for each axis."""
    each = (number,) * axes if isinstance(number, int) else tuple(int(n) for n in number)
    return each * axes if len(each) == 1 else each


def windows(
    places: torch.Tensor,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    *,
    ceil: bool = False,
) -> Int[np.ndarray, "channels reads *out"]:
    """What each window reads, of places of shape (channels, …); negative for what lies beyond.

    Args:
        places: of one point.
        kernel, stride, dilation: one number an axis.
        padding: for each axis, ahead and behind.
        ceil: whether a last window that starts within the tensor may reach beyond its padding.
    """
    around = [n for pair in reversed(padding) for n in pair]
    padded = torch.nn.functional.pad(places, around, value=_PADDED)
    counts = []
    for axis, (k, s, d, (ahead, _)) in enumerate(zip(kernel, stride, dilation, padding, strict=True)):
        room = padded.shape[axis + 1] - d * (k - 1) - 1
        count = (math.ceil(room / s) if ceil else room // s) + 1
        # The last window has to start on the tensor or ahead of it.
        counts.append(count - (ceil and (count - 1) * s >= places.shape[axis + 1] + ahead))
    reach = [d * (k - 1) + s * (n - 1) + 1 for k, s, d, n in zip(kernel, stride, dilation, counts, strict=True)]
    beyond = [max(0, r - n) for r, n in zip(reach, padded.shape[1:], strict=True)]
    padded = torch.nn.functional.pad(padded, [n for b in reversed(beyond) for n in (0, b)], value=_BEYOND)
    read = []
    for offsets in itertools.product(*map(range, kernel)):
        steps = zip(offsets, stride, dilation, counts, strict=True)
        read.append(padded[(slice(None), *(slice(o * d, o * d + s * (n - 1) + 1, s) for o, s, d, n in steps))])
    return np.asarray(torch.stack(read, dim=1).numpy())


def convolution(
    read: Int[np.ndarray, "channels reads *out"],
    weight: Float[np.ndarray, "outputs own *kernel"],
    groups: int,
    size: int,
) -> sp.csr_array:
    """The matrix of a convolution: a row for each output channel and window, `size` columns."""
    outputs, own = weight.shape[:2]
    read = read.reshape(groups, 1, own, read.shape[1], -1)
    weight = weight.reshape(groups, outputs // groups, own, -1, 1)
    row = np.arange(outputs * read.shape[-1], dtype=np.int32).reshape(groups, outputs // groups, 1, 1, -1)
    row, column, entry = np.broadcast_arrays(row, read, weight)
    kept = (column >= 0) & (entry != 0)
    return sp.csr_array((entry[kept], (row[kept], column[kept])), shape=(row.max() + 1, size))


def sums(read: Int[np.ndarray, "channels reads *out"], size: int) -> sp.csr_array:
    """The matrix of the sums over windows, a row for each channel and window, `size` columns."""
    read = np.moveaxis(read.reshape(read.shape[0], read.shape[1], -1), 1, 2).reshape(-1, read.shape[1])
    row, _ = np.nonzero(read >= 0)
    return sp.csr_array((np.ones(len(row)), (row, read[read >= 0])), shape=(len(read), size))


def counted(read: Int[np.ndarray, "channels reads *out"], *, padded: bool) -> Int[np.ndarray, "channels *out"]:
    """How many numbers each window has, with or without those that were padded."""
    return np.asarray((read >= (_PADDED if padded else 0)).sum(axis=1))


def shares(places: torch.Tensor, out: Sequence[int]) -> Int[np.ndarray, "channels reads *out"]:
    """What each window of an adaptive pooling reads, of places of shape (channels, …); negative where it reads less."""
    parts = [
        [slice(k * n // m, -(-(k + 1) * n // m)) for k in range(m)] for n, m in zip(places.shape[1:], out, strict=True)
    ]
    cuts = [places[(slice(None), *cut)].flatten(1) for cut in itertools.product(*parts)]
    most = max(cut.shape[1] for cut in cuts)
    read = [torch.nn.functional.pad(cut, (0, most - cut.shape[1]), value=_BEYOND) for cut in cuts]
    return np.asarray(torch.stack(read, dim=2).reshape(len(places), most, *out).numpy())
