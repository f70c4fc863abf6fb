"""Which entries the windows of a convolution or a pooling see."""

import math
from typing import Any

import numpy as np
import scipy.sparse as sp

# In a window of a padded image: added by padding; or beyond that, where a window is cut off.
PADDED, BEYOND = -1, -2


def windows(place: np.ndarray, kernel: list[int], attributes: dict[str, Any]) -> np.ndarray:
    """Numbers of the entries of an image in each window, of shape (channels, kernel entries, *outputs).

    Args:
        place: numbers of the entries, of shape (channels, *sizes).
        kernel: sizes of the window.
        attributes: `strides`, `pads`, `dilations`, `auto_pad` and `ceil_mode` of ONNX.
    """
    axes = len(kernel)
    sizes = place.shape[1:]
    if len(sizes) != axes:
        raise ValueError(f"a window of shape {kernel} needs an input of {axes + 2} axes, got {len(sizes) + 2}")
    strides, dilations = (list(attributes.get(name, [1] * axes)) for name in ("strides", "dilations"))
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
    before, after = _pads(list(sizes), reach, strides, attributes)
    round_ = math.ceil if attributes.get("ceil_mode", 0) else math.floor
    counts, beyond = [], []
    for size, first, last, step, span in zip(sizes, before, after, strides, reach, strict=True):
        count = round_((size + first + last - span) / step) + 1
        if attributes.get("ceil_mode", 0) and (count - 1) * step >= size + first:
            # A window that would begin behind the image and the padding before it is none.
            count -= 1
        if count < 1:
            raise ValueError(f"a window must fit into its input, got a window of {span} on {size} entries")
        counts.append(count)
        beyond.append(max(0, (count - 1) * step + span - (size + first + last)))
    full = np.pad(place, [(0, 0), *zip(before, after, strict=True)], constant_values=PADDED)
    full = np.pad(full, [(0, 0), *((0, more) for more in beyond)], constant_values=BEYOND)
    shifted = []
    for offset in np.ndindex(*kernel):
        cut = tuple(
            slice(o * d, o * d + (count - 1) * step + 1, step)
            for o, d, count, step in zip(offset, dilations, counts, strides, strict=True)
        )
        shifted.append(full[(slice(None), *cut)])
    return np.stack(shifted, axis=1)


def convolution(place: np.ndarray, kernel: np.ndarray, attributes: dict[str, Any], size: int) -> sp.csr_array:
    """The matrix of a convolution, one row for each entry of the output (channels, *outputs).

    Args:
        place: numbers of the entries, of shape (channels, *sizes).
        kernel: shape (output channels, channels / groups, *kernel sizes).
        attributes: those of ONNX.
        size: number of columns.
    """
    groups = int(attributes.get("group", 1))
    outputs, channels = kernel.shape[:2]
    if outputs % groups or place.shape[0] != channels * groups:
        raise ValueError(
            f"Conv needs {channels} * {groups} input channels and a multiple of {groups} outputs, got "
            f"{place.shape[0]} and {outputs}"
        )
    seen = windows(place, list(kernel.shape[2:]), attributes)
    seen = seen.reshape(groups, 1, channels, seen.shape[1], -1)
    weight = kernel.reshape(groups, outputs // groups, channels, -1, 1)
    number = np.arange(outputs * seen.shape[-1]).reshape(groups, outputs // groups, 1, 1, -1)
    row, column, entry = np.broadcast_arrays(number, seen, weight)
    kept = (column >= 0) & (entry != 0)
    shape = (outputs * seen.shape[-1], size)
    return sp.csr_array((entry[kept].astype(np.float64), (row[kept], column[kept])), shape=shape)


def _pads(sizes: list[int], reach: list[int], strides: list[int], attributes: dict[str, Any]) -> tuple[Any, Any]:
    axes, auto = len(sizes), attributes.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        if any(dilation != 1 for dilation in attributes.get("dilations", ())):
            raise ValueError(f"auto_pad={auto} with dilations is read differently by runtimes: export the pads instead")
        needed = [
            (math.ceil(size / step) - 1) * step + span - size
            for size, step, span in zip(sizes, strides, reach, strict=True)
        ]
        if min(needed) < 0:
            raise ValueError(f"auto_pad={auto} with strides above the window is read differently: export the pads")
        small, large = [n // 2 for n in needed], [n - n // 2 for n in needed]
        return (small, large) if auto == "SAME_UPPER" else (large, small)
    pads = [0] * (2 * axes) if auto == "VALID" else list(attributes.get("pads", [0] * (2 * axes)))
    return pads[:axes], pads[axes:]
