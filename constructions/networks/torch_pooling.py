"""Pooling and reductions of torch on `Rows`, by means and maxima of the numbers of windows; arguments are torch's."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from constructions.networks.torch_operations import Sizes, neg, spread
from constructions.networks.torch_parts import refused
from constructions.networks.torch_values import Rows, Tracing, copied
from constructions.networks.windows import counted, inside, shares, sums, windows


def avg_pool(
    t: Tracing,
    x: Rows,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Rows:
    """Means over windows."""
    read = _windows(x, kernel_size, stride, padding, 1, ceil_mode)
    count = counted(read, padded=count_include_pad)
    return _mean(t, x, read, count if divisor_override is None else np.full_like(count, divisor_override))


def max_pool(
    t: Tracing,
    x: Rows,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Rows:
    """Maxima over windows."""
    _check_indices(return_indices)
    read = _windows(x, kernel_size, stride, padding, dilation, ceil_mode)
    return _greatest(t, x, read, (len(read), *read.shape[2:]))


def adaptive_avg_pool(t: Tracing, x: Rows, output_size: Any) -> Rows:
    """Means over windows that share out each axis."""
    read = shares(x.numbers.numpy(), _output_size(x, output_size))
    return _mean(t, x, read, counted(read, padded=False))


def adaptive_max_pool(t: Tracing, x: Rows, output_size: Any, return_indices: bool = False) -> Rows:
    """Maxima over windows that share out each axis."""
    _check_indices(return_indices)
    read = shares(x.numbers.numpy(), _output_size(x, output_size))
    return _greatest(t, x, read, (len(read), *read.shape[2:]))


def mean(t: Tracing, x: Rows, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Rows:
    """Means along axes."""
    read, shape = _along(x, dim, keepdim)
    return _mean(t, x, read, np.full(shape, read.shape[1]))


def total(t: Tracing, x: Rows, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Rows:
    """Sums along axes."""
    read, shape = _along(x, dim, keepdim)
    return t.affine(x, sums(read, x.value.size), None, shape)


def amax(t: Tracing, x: Rows, dim: Any = None, keepdim: bool = False) -> Rows:
    """Maxima along axes."""
    read, shape = _along(x, dim, keepdim)
    return _greatest(t, x, read, shape)


def amin(t: Tracing, x: Rows, dim: Any = None, keepdim: bool = False) -> Rows:
    """Minima along axes."""
    return neg(t, amax(t, neg(t, x), dim, keepdim))


def _mean(t: Tracing, x: Rows, read: Int[np.ndarray, "channels reads *out"], count: Int[np.ndarray, "..."]) -> Rows:
    return t.divided(t.affine(x, sums(read, x.value.size), None, count.shape), count)


def _greatest(t: Tracing, x: Rows, read: Int[np.ndarray, "channels reads *out"], shape: Sequence[int]) -> Rows:
    read = inside(read)
    places = [torch.from_numpy(read[:, k]).reshape(tuple(shape)) for k in range(read.shape[1])]
    return t.greatest([t.moved(x, copied(place, x.value.size)) for place in places])


def _windows(
    x: Rows, kernel_size: Sizes, stride: Sizes | None, padding: Sizes, dilation: Sizes, ceil: bool
) -> Int[np.ndarray, "channels reads *out"]:
    axes = len(x.shape) - 1
    kernel, around, gaps = (spread(n, axes) for n in (kernel_size, padding, dilation))
    # Written by hand an empty list, too, is the default.
    steps = kernel if stride is None or stride == [] else spread(stride, axes)
    return windows(x.numbers.numpy(), kernel, steps, [(n, n) for n in around], gaps, ceil=ceil)


def _output_size(x: Rows, output_size: Any) -> list[int]:
    axes = len(x.shape) - 1
    wanted = output_size if isinstance(output_size, Sequence) else [output_size] * axes
    return [size if want is None else int(want) for want, size in zip(wanted, x.shape[1:], strict=True)]


def _along(x: Rows, dim: Any, keepdim: bool) -> tuple[Int[np.ndarray, "outs reads"], tuple[int, ...]]:
    """The numbers along these axes of the batch, and the shape that is left of one point."""
    axes = sorted({int(d) % x.place.dim() for d in ([dim] if isinstance(dim, int) else dim or [])})
    if not axes or 0 in axes:
        raise refused("a mean, sum or maximum over all points of a batch", "name the axes, but for the first")
    shape = [1 if k in axes else n for k, n in enumerate(x.place.shape)]
    left = [n for k, n in enumerate(shape) if keepdim or k not in axes][1:]
    read = x.numbers.movedim([k - 1 for k in axes], list(range(-len(axes), 0)))
    return np.asarray(read.reshape(math.prod(left), -1).numpy()), tuple(left)


def _check_indices(return_indices: bool) -> None:
    if return_indices:
        raise refused("a pooling that returns indices", "leave return_indices out")
