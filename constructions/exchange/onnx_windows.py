"""Which entries the windows of a convolution or a pooling see, by ONNX's attributes."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int

from constructions.networks.windows import windows


def seen_windows(
    place: Int[np.ndarray, "channels *sizes"],
    kernel: Sequence[int],
    attributes: dict[str, Any],
    *,
    pooled: bool = False,
) -> Int[np.ndarray, "channels reads *out"]:
    """Numbers of the entries of an image in each window, as `constructions.networks.windows` has them.

    Args:
        place: numbers of the entries.
        kernel: sizes of the window.
        attributes: `strides`, `pads`, `dilations`, `auto_pad` and `ceil_mode` of ONNX.
        pooled: whether each window has to see an entry.

    Raises:
        ValueError: for attributes that do not fit, or that runtimes read differently.
    """
    axes, sizes = len(kernel), list(place.shape[1:])
    if len(sizes) != axes:
        raise ValueError(f"a window of shape {list(kernel)} needs an input of {axes + 2} axes, got {len(sizes) + 2}")
    strides, dilations = (list(attributes.get(name, [1] * axes)) for name in ("strides", "dilations"))
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
    padding = list(zip(*_pads(sizes, reach, strides, attributes), strict=True))
    if pooled and any(max(ends) >= size for ends, size in zip(padding, kernel, strict=True)):
        raise ValueError(f"pads of a pooling must be less than its window {list(kernel)}, got {padding}")
    return windows(place, kernel, strides, padding, dilations, ceil=bool(attributes.get("ceil_mode", 0)))


def _pads(sizes: list[int], reach: list[int], strides: list[int], attributes: dict[str, Any]) -> tuple[Any, Any]:
    axes, auto = len(sizes), attributes.get("auto_pad", "NOTSET")
    if auto != "NOTSET" and any(attributes.get("pads", ())):
        raise ValueError(f"pads are given twice, by auto_pad={auto} and by numbers: export one of them")
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
    if auto not in ("NOTSET", "VALID"):
        raise ValueError(f"auto_pad must be NOTSET, VALID, SAME_UPPER or SAME_LOWER, got {auto}")
    pads = [0] * (2 * axes) if auto == "VALID" else list(attributes.get("pads", [0] * (2 * axes)))
    return pads[:axes], pads[axes:]
