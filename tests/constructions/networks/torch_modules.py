"""Torch modules of all the kinds that are read, with numbers that leave nothing to chance, and their exact values."""

import copy
import functools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F


class Forward(nn.Module):
    """A module with a forward of its own, of these parts and buffers."""

    def __init__(self, function: Callable[..., Any], **parts: Any) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            if type(part) is torch.Tensor:
                self.register_buffer(name, part.clone())
            else:
                setattr(self, name, part)

    def forward(self, x: torch.Tensor) -> Any:
        return self.function(self, x)


def filled(module: nn.Module, seed: int = 0) -> nn.Module:
    """A copy in eval mode, with weights, moments and slopes of the size 1, none of them 0 or 1."""
    module = copy.deepcopy(module)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            if tensor.is_floating_point():
                low, high = (0.01, 2.0) if "var" in name or "std" in name else (-1.0, 1.0)
                tensor.copy_(low + (high - low) * torch.rand(tensor.shape, generator=generator))
    return module.eval()


def linear(weight: list[list[float]], bias: list[float] | None = None, dtype: Any = torch.float64) -> nn.Linear:
    layer = nn.Linear(len(weight[0]), len(weight), bias=bias is not None, dtype=dtype)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight, dtype=dtype))
        if bias is not None:
            layer.bias.copy_(torch.tensor(bias, dtype=dtype))
    return layer


def module_value(module: Any, x: list[Fraction]) -> list[Fraction]:
    """A Sequential of Linear and ReLU in rational arithmetic, part by part as torch calls them."""
    if isinstance(module, nn.Sequential):
        return functools.reduce(lambda z, part: module_value(part, z), module, x)
    if isinstance(module, nn.ReLU):
        return [max(z, Fraction(0)) for z in x]
    if isinstance(module, nn.Linear):
        rows = [[Fraction(w) for w in row] for row in module.weight.tolist()]
        bias = [Fraction(0)] * len(rows) if module.bias is None else map(Fraction, module.bias.tolist())
        return [
            b + sum((w * z for w, z in zip(row, x, strict=True)), Fraction(0))
            for row, b in zip(rows, bias, strict=True)
        ]
    return x


S, L, C, P = nn.Sequential, nn.Linear, nn.Conv2d, nn.Parameter
_SHAPE = (2, 6, 5)
ONES = torch.ones(2)


def _normalised(m: Any, x: torch.Tensor) -> Any:
    return m.net((x - m.mean) / m.std).flatten(1)


def _by_channels(m: Any, x: torch.Tensor) -> Any:
    return m.net(x.sub(m.mean[None, :, None, None]).div(m.std.view(1, -1, 1, 1))).flatten(1)


def _residuals(m: Any, x: torch.Tensor) -> Any:
    return m.c(F.relu(m.b(torch.relu(m.a(x))) + m.a(x)) + x)


def _far_residual(m: Any, x: torch.Tensor) -> Any:
    return m.c(m.b(m.a(x).relu()).relu()).relu() - 2 * x


def _viewed(m: Any, x: torch.Tensor) -> Any:
    return m.a(x.permute(0, 2, 3, 1).contiguous().view(x.size(0), -1)).relu()


def _reshaped(m: Any, x: torch.Tensor) -> Any:
    return m.a(torch.flatten(x.mT, 1).reshape(x.shape[0], -1))


def _concatenated(m: Any, x: torch.Tensor) -> Any:
    return m.b(torch.cat([x, m.a(x).relu(), x.new_zeros(x.size(0), 2)], 1))


def _maxima(m: Any, x: torch.Tensor) -> Any:
    first, second = m.a(x).chunk(2, dim=1)
    return torch.maximum(first, second) + 3 * torch.min(first, second)


def _reductions(m: Any, x: torch.Tensor) -> Any:
    return m.c(x).relu().mean((2, 3)) + x.sum(-1).amin((1, 2), keepdim=True)[:, 0]


def _clamped(m: Any, x: torch.Tensor) -> Any:
    return m.b(m.a(x).clamp(-0.25, 0.5).abs()).clamp(max=0.75)


# A name, the module, the shape of a point, and whether all weights have to be exact.
MODULES: list[tuple[str, nn.Module, tuple[int, ...], bool]] = [
    ("mlp", S(nn.Flatten(), L(4, 5), nn.ReLU(), L(5, 2)), (4,), True),
    ("relu at both ends", S(nn.ReLU(), L(3, 2), nn.ReLU()), (3,), True),
    ("linear on the last axis", S(L(3, 2), nn.ReLU(), nn.Flatten()), (4, 3), True),
    ("one output", Forward(lambda m, x: m.a(x).squeeze(1), a=L(3, 1)), (3,), True),
    ("convolution", S(C(4, 6, 3, (2, 1), (1, 2), (2, 1), 2), nn.ReLU(), nn.Flatten()), (4, 6, 5), True),
    ("no bias", S(C(2, 3, (1, 2), bias=False), nn.Flatten()), _SHAPE, True),
    ("same", S(C(2, 2, (4, 3), padding="same", dilation=(1, 2)), nn.Flatten()), _SHAPE, True),
    ("reflected", S(C(2, 2, 3, padding=1, padding_mode="reflect"), nn.Flatten()), _SHAPE, True),
    ("circular", S(C(2, 2, 3, padding=(2, 1), padding_mode="circular"), nn.Flatten()), _SHAPE, True),
    ("replicated", S(nn.Conv1d(2, 2, 3, padding=1, padding_mode="replicate"), nn.Flatten()), (2, 5), True),
    ("three axes", S(nn.Conv3d(1, 2, 2, (1, 2, 1)), nn.ReLU(), nn.Flatten()), (1, 3, 4, 3), True),
    ("padded", S(nn.ConstantPad2d((1, 0, 2, 1), 0.5), C(2, 1, 2), nn.Flatten()), _SHAPE, True),
    ("conv1d norm", S(nn.Conv1d(2, 3, 3, 2), nn.BatchNorm1d(3), nn.ReLU(), nn.Flatten()), (2, 9), False),
    ("conv2d norm", S(C(2, 3, 2), nn.BatchNorm2d(3, eps=0.125), nn.ReLU(), nn.Flatten()), _SHAPE, False),
    ("norm of a vector", S(nn.BatchNorm1d(3), L(3, 4), nn.BatchNorm1d(4, affine=False), nn.ReLU()), (3,), False),
    ("average, a power of 2", S(nn.AvgPool2d(2), nn.Flatten()), _SHAPE, True),
    ("average, ceiled", S(nn.AvgPool2d(3, 2, 1, ceil_mode=True), nn.Flatten()), (2, 6, 7), False),
    ("average, counted", S(nn.AvgPool2d(3, 2, 1, True, False), nn.Flatten()), (2, 6, 7), False),
    ("average, divided", S(nn.AvgPool2d((2, 3), divisor_override=7), nn.Flatten()), _SHAPE, False),
    ("average of a line", S(nn.AvgPool1d(3, 2, 1), nn.Flatten()), (2, 8), False),
    ("adaptive average", S(nn.AdaptiveAvgPool2d((4, None)), nn.AdaptiveAvgPool2d(1), nn.Flatten()), (2, 7, 5), False),
    ("maximum", S(nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.Flatten()), (2, 6, 7), True),
    ("maximum, dilated", S(nn.MaxPool2d(2, 1, 1, 2), nn.Flatten()), _SHAPE, True),
    ("maximum of a line", S(nn.MaxPool1d(3), nn.Flatten()), (2, 7), True),
    ("maximum, ceiled to the edge", S(nn.MaxPool1d(2, 3, ceil_mode=True), nn.Flatten()), (2, 6), True),
    ("adaptive maximum", S(nn.AdaptiveMaxPool2d((2, 3)), nn.Flatten()), (2, 5, 4), True),
    ("dropout", S(nn.Dropout(), L(3, 4), nn.ReLU(), nn.Dropout1d(0.3), nn.AlphaDropout(), L(4, 2)), (3,), True),
    ("unflatten", S(L(3, 12), nn.ReLU(), nn.Unflatten(1, (3, 2, 2)), C(3, 2, 2), nn.Flatten()), (3,), True),
    ("upsampled", S(nn.Upsample(scale_factor=2), nn.PixelUnshuffle(2), nn.Flatten()), (1, 3, 2), True),
    ("leaky", S(L(3, 4), nn.LeakyReLU(0.25), L(4, 3), nn.PReLU(3), L(3, 2), nn.PReLU()), (3,), True),
    ("cut off", S(L(3, 4), nn.ReLU6(), L(4, 4), nn.Hardtanh(-0.25, 0.5), L(4, 2)), (3,), True),
    ("in place", S(L(3, 4), nn.ReLU(inplace=True), L(4, 2)), (3,), True),
    ("nested", S(S(nn.Identity(), S(L(3, 4))), S(nn.ReLU(), S(S(L(4, 2))))), (3,), True),
    ("normalised", Forward(_normalised, mean=ONES[:, None, None], std=ONES[0], net=C(2, 3, 2)), _SHAPE, False),
    ("normalised by channels", Forward(_by_channels, mean=ONES, std=ONES, net=C(2, 3, 2)), _SHAPE, False),
    ("affine residual", Forward(lambda m, x: x + m.a(x), a=L(3, 3)), (3,), False),
    ("residuals", Forward(_residuals, a=L(3, 3), b=L(3, 3), c=L(3, 2)), (3,), False),
    ("far residual", Forward(_far_residual, a=L(3, 4), b=L(4, 4), c=L(4, 3)), (3,), True),
    ("view", Forward(_viewed, a=L(24, 3)), (2, 3, 4), True),
    ("reshape", Forward(_reshaped, a=L(24, 3)), (2, 3, 4), True),
    ("slices", Forward(lambda m, x: m.a(x[:, ::2]) + x[..., 1:2] - 2 * x[:, [0]], a=L(3, 2)), (5,), False),
    ("concatenated", Forward(_concatenated, a=L(5, 4), b=L(11, 2)), (5,), True),
    ("stacked", Forward(lambda m, x: torch.stack([x, m.a(x)], 1).amax(1), a=L(3, 3)), (3,), False),
    ("maxima", Forward(_maxima, a=L(5, 6)), (5,), False),
    ("reductions", Forward(_reductions, c=C(2, 4, 2)), (2, 6, 5), False),
    ("numbers", Forward(lambda m, x: 1 - m.a(x) * 0.25 / 4 + 2, a=L(3, 2)), (3,), False),
    ("clamped", Forward(_clamped, a=L(3, 4), b=L(4, 2)), (3,), True),
    ("matrices", Forward(lambda m, x: torch.addmm(m.v, x @ m.w, m.w.T), w=torch.ones(3, 2), v=ONES[:1]), (3,), False),
    ("broadcast", Forward(lambda m, x: (x + x.sum(1, keepdim=True)).flatten(1)), (2, 3, 2), True),
    ("own parameter", Forward(lambda m, x: (m.scale * x).relu_().add_(m.scale), scale=P(torch.ones(3))), (3,), True),
    ("cast", Forward(lambda m, x: m.a(x.to(m.a.weight.dtype).to(m.a.weight)), a=L(3, 2)), (3,), True),
]  # fmt: skip
