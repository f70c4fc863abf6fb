"""Functions of torch that are affine, or made of ReLUs entry by entry, on `Rows`; their arguments are torch's."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
import torch

from constructions.networks.real_factors import over_roots
from constructions.networks.torch_parts import numbers, refused
from constructions.networks.torch_values import Rows, Tracing, copied
from constructions.networks.windows import convolution, windows

# A tensor or number that does not depend on the points.
Constant: TypeAlias = torch.Tensor | float | int
Sizes: TypeAlias = int | Sequence[int]


def spread(number: Sizes, axes: int) -> tuple[int, ...]:
    """One number for each axis."""
    each = (number,) * axes if isinstance(number, int) else tuple(int(n) for n in number)
    return each * axes if len(each) == 1 else each


def add(t: Tracing, a: Any, b: Any, *, alpha: float = 1) -> Rows:
    """`a + alpha b`."""
    b = b if alpha == 1 else mul(t, b, alpha) if isinstance(b, Rows) else b * alpha
    if not isinstance(a, Rows):
        a, b = b, a
    if isinstance(b, Rows):
        places = torch.broadcast_tensors(a.place, b.place)
        return t.plus(*(t.moved(rows, place) for rows, place in zip((a, b), places, strict=True)))
    return t.shifted(*_beside(t, a, b))


def sub(t: Tracing, a: Any, b: Any, *, alpha: float = 1) -> Rows:
    """`a - alpha b`."""
    return add(t, a, mul(t, b, -alpha) if isinstance(b, Rows) else b * -alpha)


def rsub(t: Tracing, a: Any, b: Any) -> Rows:
    """`b - a`."""
    return sub(t, b, a)


def mul(t: Tracing, a: Any, b: Any) -> Rows:
    """`a b`, where one of them is constant."""
    if not isinstance(a, Rows):
        a, b = b, a
    if isinstance(b, Rows):
        raise refused("a product of two values that depend on the point")
    rows, factors = _beside(t, a, b)
    return t.scaled(rows, factors)


def div(t: Tracing, a: Any, b: Any, *, rounding_mode: str | None = None) -> Rows:
    """`a / b` for a constant b."""
    if isinstance(b, Rows) or rounding_mode is not None:
        raise refused("a division by what depends on the point, or one that rounds")
    rows, divisors = _beside(t, a, b)
    return t.divided(rows, divisors)


def neg(t: Tracing, a: Rows) -> Rows:
    """`-a`."""
    return mul(t, a, -1.0)


def linear(t: Tracing, x: Rows, weight: torch.Tensor, bias: torch.Tensor | None = None) -> Rows:
    """`W x + b` along the last axis."""
    if isinstance(weight, Rows) or not isinstance(x, Rows):
        raise refused("weights that depend on the point")
    matrix = numbers(weight, "a weight")
    matrix = matrix[None] if matrix.ndim == 1 else matrix
    if matrix.ndim != 2 or not x.shape or x.shape[-1] != matrix.shape[1]:
        raise refused(f"a product of weights of shape {matrix.shape} with values of shape {x.shape}", "let shapes fit")
    outer, many = x.shape[:-1], int(np.prod(x.shape[:-1]))
    shift = np.zeros(len(matrix)) if bias is None else np.broadcast_to(numbers(bias, "a bias"), (len(matrix),))
    shape = outer if weight.dim() == 1 else (*outer, len(matrix))
    whole = matrix if many == 1 else sp.kron(sp.eye_array(many), matrix, format="csr")
    return t.affine(t.flat(x), whole, np.tile(shift, many), shape)


def matmul(t: Tracing, x: Rows, weight: torch.Tensor) -> Rows:
    """`x W`."""
    if isinstance(weight, Rows) or not isinstance(x, Rows):
        raise refused("a product of matrices other than of values with constant weights, in this order")
    return linear(t, x, weight.T if weight.dim() == 2 else weight)


def addmm(t: Tracing, bias: torch.Tensor, x: Rows, weight: torch.Tensor) -> Rows:
    """`b + x W`."""
    return linear(t, x, weight.T, bias)


def conv(
    t: Tracing,
    x: Rows,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Rows:
    """A convolution of one, two or three axes."""
    kernel, axes = numbers(weight, "a kernel"), weight.dim() - 2
    steps, gaps = spread(stride, axes), spread(dilation, axes)
    if isinstance(padding, str):
        # "same" pads the odd number behind.
        total = [d * (k - 1) if padding == "same" else 0 for k, d in zip(kernel.shape[2:], gaps, strict=True)]
        around = [(n // 2, n - n // 2) for n in total]
    else:
        around = [(n, n) for n in spread(padding, axes)]
    if len(x.shape) != axes + 1 or x.shape[0] != kernel.shape[1] * groups:
        raise refused(
            f"a convolution of {kernel.shape[1] * groups} channels of values of shape {x.shape}", "let them fit"
        )
    read = windows(x.numbers.numpy(), kernel.shape[2:], steps, around, gaps)
    matrix = convolution(read, kernel, groups, x.value.size)
    shift = np.zeros(len(kernel)) if bias is None else numbers(bias, "a bias")
    return t.affine(x, matrix, np.repeat(shift, read[0, 0].size), (len(kernel), *read.shape[2:]))


def maximum(t: Tracing, a: Any, b: Any) -> Rows:
    """`max(a, b)`."""
    if not isinstance(a, Rows):
        a, b = b, a
    if isinstance(b, torch.Tensor):
        return clamp(t, a, min=b)
    if not isinstance(b, Rows):
        raise refused("a maximum along an axis", "use amax")
    places = torch.broadcast_tensors(a.place, b.place)
    return t.greatest([t.moved(rows, place) for rows, place in zip((a, b), places, strict=True)])


def minimum(t: Tracing, a: Any, b: Any) -> Rows:
    """`min(a, b)`."""
    negated = [neg(t, one) if isinstance(one, Rows) else -one for one in (a, b)]
    return neg(t, maximum(t, *negated))


def relu(t: Tracing, x: Rows, inplace: bool = False) -> Rows:
    """`σ(x)`."""
    return t.relu(x)


def clamp(t: Tracing, x: Rows, min: Constant | None = None, max: Constant | None = None) -> Rows:
    """`min(max(x, low), high)`, as torch has it: `high` where the two cross."""
    if min is not None:
        x = add(t, t.relu(sub(t, x, min)), min)
    return x if max is None else sub(t, max, t.relu(sub(t, max, x)))


def hardtanh(t: Tracing, x: Rows, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Rows:
    """`x` cut off at both ends."""
    return clamp(t, x, min_val, max_val)


def relu6(t: Tracing, x: Rows, inplace: bool = False) -> Rows:
    """`min(σ(x), 6)`."""
    return clamp(t, x, 0.0, 6.0)


def leaky_relu(t: Tracing, x: Rows, negative_slope: Constant = 0.01, inplace: bool = False) -> Rows:
    """`σ(x) - s σ(-x)`."""
    return sub(t, t.relu(x), mul(t, t.relu(neg(t, x)), negative_slope))


def prelu(t: Tracing, x: Rows, weight: torch.Tensor) -> Rows:
    """`σ(x) - s σ(-x)` with one slope, or one a channel."""
    shaped = weight.reshape(-1, *[1] * (len(x.shape) - 1)) if weight.numel() > 1 else weight.reshape(())
    return leaky_relu(t, x, shaped)


def abs_(t: Tracing, x: Rows) -> Rows:
    """`σ(x) + σ(-x)`."""
    return leaky_relu(t, x, -1.0)


def dropout(t: Tracing, x: Rows, p: float = 0.5, training: bool = True, inplace: bool = False) -> Rows:
    """Nothing, in eval mode."""
    if training and p:
        raise refused("Dropout in training mode", "call module.eval() before")
    return x


def cast(t: Tracing, x: Rows, *args: Any, **kwargs: Any) -> Rows:
    """Nothing over the reals."""
    kinds = [kind for kind in (*args, *kwargs.values()) if isinstance(kind, torch.dtype)]
    if any(not kind.is_floating_point for kind in kinds):
        raise refused(f"a conversion to {kinds[0]}")
    return x


def pad(t: Tracing, x: Rows, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Rows:
    """Padding with a number, or by the tensor itself."""
    if mode == "constant":
        whole, (own, beside) = t.joined([x, t.constant(np.array([value or 0.0]))])
        padded = torch.nn.functional.pad(own[0], tuple(pad), value=int(beside[0]))
        return t.moved(whole, copied(padded, whole.value.size))
    return t.moved(x, torch.nn.functional.pad(x.place.double(), tuple(pad), mode=mode).long())


def interpolate(
    t: Tracing, x: Rows, size: Any = None, scale_factor: Any = None, mode: str = "nearest", **_: Any
) -> Rows:
    """Each number several times."""
    if mode not in ("nearest", "nearest-exact"):
        raise refused(f"interpolation by {mode}", 'use mode="nearest"')
    return t.moved(x, torch.nn.functional.interpolate(x.place.double(), size, scale_factor, mode).long())


def cat(t: Tracing, tensors: Sequence[Any], dim: int = 0, *, axis: int | None = None) -> Rows:
    """Tensors one beside the other."""
    whole, places = _aligned(t, tensors)
    return t.moved(whole, torch.cat(places, dim if axis is None else axis))


def stack(t: Tracing, tensors: Sequence[Any], dim: int = 0) -> Rows:
    """Tensors along a new axis."""
    whole, places = _aligned(t, tensors)
    return t.moved(whole, torch.stack(places, dim))


def batch_norm(
    t: Tracing,
    x: Rows,
    running_mean: torch.Tensor | None,
    running_var: torch.Tensor | None,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Rows:
    """`(x - mean) w / sqrt(var + eps) + b`, of the moments that were learned."""
    if training or running_mean is None or running_var is None:
        raise refused("BatchNorm that measures its batch", "give it running statistics, and call module.eval() before")
    shape = (-1, *[1] * (len(x.shape) - 1))
    variance = numbers(running_var, "the variance of a BatchNorm")
    gain = np.ones(len(variance)) if weight is None else numbers(weight, "the weight of a BatchNorm")
    moved = sub(t, x, running_mean.reshape(shape))
    channel = np.broadcast_to(np.arange(len(variance)).reshape(shape), moved.shape)
    scaled = t.scaled(moved, *(part[channel] for part in over_roots(gain, variance, eps)))
    return scaled if bias is None else add(t, scaled, bias.reshape(shape))


def _beside(t: Tracing, rows: Rows, constant: Constant) -> tuple[Rows, np.ndarray]:
    """Both in one shape; the constant in float64, of one point."""
    if not isinstance(constant, torch.Tensor | float | int):
        raise refused(f"{type(constant).__name__} beside values", "use tensors and numbers")
    given = constant if isinstance(constant, torch.Tensor) else torch.tensor(float(constant), dtype=torch.float64)
    place, full = torch.broadcast_tensors(rows.place, torch.from_numpy(numbers(given, "a constant")))
    rows = t.moved(rows, place)
    if not torch.equal(full, full[:1].expand_as(full)):
        raise refused("constants that differ from point to point", "keep the first axis to the points")
    return rows, np.asarray(full[0].numpy())


def _aligned(t: Tracing, tensors: Sequence[Any]) -> tuple[Rows, list[torch.Tensor]]:
    """All in one value, and the places of each."""
    parts = []
    for one in tensors:
        if not isinstance(one, Rows):
            entries = numbers(one, "a constant")
            if not np.array_equal(entries, np.broadcast_to(entries[:1], entries.shape)):
                raise refused("constants that differ from point to point", "keep the first axis to the points")
            one = t.constant(entries[0])
        parts.append(one)
    return t.joined(parts)
