"""Convolution and pooling as sparse matrices, from the numbers of the entries that each window reads."""

import itertools
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

# In the place of a number: what was padded; and beyond that, where the last window reaches in ceil_mode.
_PADDED, _BEYOND = -1, -2
# Products of one convolution, some gigabytes as a matrix.
_LARGEST = 2**26


def windows(
    place: Int[np.ndarray, "channels *sizes"],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    *,
    ceil: bool = False,
) -> Int[np.ndarray, "channels reads *out"]:
    """What each window reads of an image of one point; negative for what lies beyond.

    Args:
        place: numbers of the entries.
        kernel, stride, dilation: one number an axis.
        padding: for each axis, ahead and behind.
        ceil: whether a last window that starts within the image may reach beyond its padding.

    Raises:
        ValueError: for a window that does not fit in, or other numbers of axes.
    """
    counts, beyond = [], []
    for size, k, step, (ahead, behind), d in zip(place.shape[1:], kernel, stride, padding, dilation, strict=True):
        span = d * (k - 1) + 1
        room = ahead + size + behind - span
        count = (-(-room // step) if ceil else room // step) + 1
        if ceil and (count - 1) * step >= ahead + size:
            # A window that would begin behind the image and the padding before it is none.
            count -= 1
        if count < 1:
            raise ValueError(f"a window must fit into its input, got a window of {span} on {size} entries")
        counts.append(count)
        beyond.append(max(0, (count - 1) * step - room))
    full = np.pad(place, [(0, 0), *padding], constant_values=_PADDED)
    full = np.pad(full, [(0, 0), *((0, more) for more in beyond)], constant_values=_BEYOND)
    read = []
    for offset in np.ndindex(*kernel):
        steps = zip(offset, dilation, counts, stride, strict=True)
        read.append(full[(slice(None), *(slice(o * d, o * d + (n - 1) * s + 1, s) for o, d, n, s in steps))])
    return np.stack(read, axis=1)


def shares(place: Int[np.ndarray, "channels *sizes"], out: Sequence[int]) -> Int[np.ndarray, "channels reads *out"]:
    """What each of so many windows reads that share out each axis; negative where one reads less than others."""
    parts = [
        [slice(k * n // m, -(-(k + 1) * n // m)) for k in range(m)] for n, m in zip(place.shape[1:], out, strict=True)
    ]
    cuts = [place[(slice(None), *cut)].reshape(len(place), -1) for cut in itertools.product(*parts)]
    most = max(cut.shape[1] for cut in cuts)
    read = [np.pad(cut, [(0, 0), (0, most - cut.shape[1])], constant_values=_BEYOND) for cut in cuts]
    return np.stack(read, axis=2).reshape(len(place), most, *out)


def convolution(
    read: Int[np.ndarray, "channels reads *out"],
    kernel: Float[np.ndarray, "outputs own *kernel"],
    groups: int,
    size: int,
) -> sp.csr_array:
    """The matrix of a convolution: a row for each output channel and window, `size` columns.

    Raises:
        ValueError: for more products than memory holds.
    """
    outputs, own = kernel.shape[:2]
    read = read.reshape(groups, 1, own, read.shape[1], -1)
    products = kernel.size * read.shape[-1]
    if products > _LARGEST:
        raise ValueError(
            f"a convolution is read as a matrix, of at most {_LARGEST:,} products, got {products:,}: take a smaller "
            "network, or smaller images"
        )
    weight = kernel.reshape(groups, outputs // groups, own, -1, 1)
    count = outputs * read.shape[-1]
    row = np.arange(count, dtype=np.int32).reshape(groups, outputs // groups, 1, 1, -1)
    row, column, entry = np.broadcast_arrays(row, read, weight)
    kept = (column >= 0) & (entry != 0)
    return sp.csr_array((entry[kept].astype(np.float64), (row[kept], column[kept])), shape=(count, size))


def sums(read: Int[np.ndarray, "channels reads *out"], size: int) -> sp.csr_array:
    """The matrix of the sums over windows, a row for each channel and window, `size` columns."""
    read = np.moveaxis(read.reshape(read.shape[0], read.shape[1], -1), 1, 2).reshape(-1, read.shape[1])
    row, _ = np.nonzero(read >= 0)
    return sp.csr_array((np.ones(len(row)), (row, read[read >= 0])), shape=(len(read), size))


def counted(read: Int[np.ndarray, "channels reads *out"], *, padded: bool) -> Int[np.ndarray, "channels *out"]:
    """How many numbers each window has, with or without those that were padded."""
    return np.asarray((read >= (_PADDED if padded else 0)).sum(axis=1))


def inside(read: Int[np.ndarray, "channels reads *out"]) -> Int[np.ndarray, "channels reads *out"]:
    """The same with numbers of the window in place of what lies beyond, which leaves its maximum.

    Raises:
        ValueError: for a window that reads nothing.
    """
    some = read.max(axis=1, keepdims=True)
    if np.any(some < 0):
        raise ValueError("each window must see an entry of the image, got one in the padding")
    return np.where(read >= 0, read, some)
