"""Networks for images, initialised from a seed, and constructed memorizers in the same form."""

import importlib
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from constructions import Affine, ReLUNetwork
from constructions.networks.network import dense
from constructions.networks.torch_module import to_torch

Shape = tuple[int, int, int]
_Built = TypeVar("_Built")


def lenet5(shape: Shape, classes: int, *, width: float = 1, seed: int = 0) -> nn.Sequential:
    """LeNet5 with ReLU and max-pooling: two 5×5 convolutions, then affine layers of 120, 84 and `classes` outputs.

    The first convolution keeps the size; the second does too when the image has fewer than 12 pixels a side.

    Args:
        shape: (channels, height, width) of an image, at least 4×4.
        classes: number of outputs.
        width: multiplies 6 and 16 channels and 120 and 84 units; 1 is LeNet5.
        seed: of the initial weights.
    """
    channels, height, side = _read_shape(shape, classes, 4)
    _positive("width", width)
    first, second, third, fourth = (max(1, round(width * size)) for size in (6, 16, 120, 84))
    padding = 2 if min(height, side) < 12 else 0
    area = ((height // 2 + 2 * padding - 4) // 2) * ((side // 2 + 2 * padding - 4) // 2)
    return _seeded(
        seed,
        lambda: nn.Sequential(
            nn.Conv2d(channels, first, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(first, second, 5, padding=padding),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(second * area, third),
            nn.ReLU(),
            nn.Linear(third, fourth),
            nn.ReLU(),
            nn.Linear(fourth, classes),
        ),
    )


def resnet9(shape: Shape, classes: int, *, width: float = 64, seed: int = 0) -> nn.Sequential:
    """ResNet9 of the fast-training literature: blocks of convolution, batch norm and ReLU, two of them residual.

    Channels w, 2w, 4w, 8w; max-pooling by 2 after the last three, then over the whole image; logits times 1/8.

    Args:
        shape: (channels, height, width) of an image, at least 8×8.
        classes: number of outputs.
        width: w, the channels of the first convolution; 64 in the literature, 16 is quick on a CPU.
        seed: of the initial weights.
    """
    channels, _, _ = _read_shape(shape, classes, 8)
    _positive("width", width)
    w = max(1, round(width))
    return _seeded(
        seed,
        lambda: nn.Sequential(
            _block(channels, w),
            _block(w, 2 * w, pool=True),
            Residual(_block(2 * w, 2 * w), _block(2 * w, 2 * w)),
            _block(2 * w, 4 * w, pool=True),
            _block(4 * w, 8 * w, pool=True),
            Residual(_block(8 * w, 8 * w), _block(8 * w, 8 * w)),
            nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),
            nn.Linear(8 * w, classes, bias=False),
            Scale(0.125),
        ),
    )


def mlp(shape: Shape, classes: int, *, width: float = 256, seed: int = 0) -> nn.Sequential:
    """Two hidden layers of `width` units with ReLU.

    Args:
        shape: (channels, height, width) of an image.
        classes: number of outputs.
        width: units of a hidden layer.
        seed: of the initial weights.
    """
    channels, height, side = _read_shape(shape, classes, 1)
    _positive("width", width)
    units = max(1, round(width))
    return _seeded(
        seed,
        lambda: nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * height * side, units),
            nn.ReLU(),
            nn.Linear(units, units),
            nn.ReLU(),
            nn.Linear(units, classes),
        ),
    )


MODELS: dict[str, Callable[..., nn.Sequential]] = {"lenet5": lenet5, "resnet9": resnet9, "mlp": mlp}


def build_model(name: str, shape: Shape, classes: int, *, width: float | None = None, seed: int = 0) -> nn.Module:
    """A network by name: "lenet5", "resnet9" or "mlp", or of a builder of one's own, "package.module:builder".

    A builder is called as those are, `builder(shape, classes, width=…, seed=…)` with the shape (channels, height,
    width) of an image, and returns a module from images (n, channels, height, width) to logits (n, classes). The global
    generator is seeded when it is called, and left as it was.

    Args:
        name: of the network.
        shape: (channels, height, width) of an image.
        classes: number of outputs.
        width: as each network defines it, None for its usual one.
        seed: of the initial weights.

    Raises:
        ValueError: for an unknown name, a builder that is not there or returns no module, a shape that is too small,
            or not `width > 0`.
    """
    options = {} if width is None else {"width": width}
    if name in MODELS:
        return MODELS[name](shape, classes, seed=seed, **options)
    place, colon, attribute = name.partition(":")
    if not colon:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, or package.module:builder, got {name!r}")
    try:
        builder = getattr(importlib.import_module(place), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"model {name!r}: there is no such builder: {error}") from error
    try:
        made: object = _seeded(seed, lambda: builder(shape, classes, seed=seed, **options))
    except TypeError as error:
        raise ValueError(
            f"model {name!r} is called as builder(shape, classes, width=..., seed=...): {error}"
        ) from error
    if not isinstance(made, nn.Module):
        raise ValueError(f"model {name!r} must return a torch.nn.Module, got {type(made).__name__}")
    return made


def as_classifier(network: ReLUNetwork) -> nn.Sequential:
    """A constructed network on images: flattened, in float64, with one logit a class.

    A network with one output f, whose sign is the class -1 or +1, gets logits (0, f) for the classes 0 and 1: the cross
    entropy is then the logistic loss `log(1 + e^{-y f})`, and the larger logit is the sign. Images of any float type go
    in, and gradients with respect to them come back in that type.

    Args:
        network: such as the `network` of a memorizer; labels numbered as by
        `constructions.samples.sample.class_positions`.
    """
    logits = two_logits(network) if network.outputs == 1 else network
    return nn.Sequential(nn.Flatten(), Double(), to_torch(logits))


def two_logits(network: ReLUNetwork) -> ReLUNetwork:
    """The logits `(0, f)` of a network with one output, so that the cross entropy is `log(1 + e^{-y f})`.

    The classes are `(y + 1) / 2` for the labels y = ±1.

    Raises:
        ValueError: if the network has several outputs.
    """
    if network.outputs != 1:
        raise ValueError(f"two_logits needs a network with one output, for labels -1 and +1, got {network.outputs}")
    last = network.layers[-1]
    weight = np.concatenate([np.zeros((1, last.inputs)), dense(last.weight)])
    return ReLUNetwork((*network.layers[:-1], Affine(weight, np.array([0.0, last.bias[0]]))))


class Residual(nn.Module):
    """`x ↦ x + g(x)` for the composition g of the parts."""

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.inner = nn.Sequential(*parts)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner: torch.Tensor = self.inner(x)
        return x + inner


class Scale(nn.Module):
    """`x ↦ factor x`."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor * x


class Double(nn.Module):
    """`x ↦ x` in float64."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.double()


def _block(inputs: int, outputs: int, *, pool: bool = False) -> nn.Sequential:
    parts = [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*parts, *([nn.MaxPool2d(2)] if pool else []))


def _seeded(seed: int, build: Callable[[], _Built]) -> _Built:
    """The global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def _read_shape(shape: Shape, classes: int, least: int) -> Shape:
    channels, height, width = shape
    if not (channels >= 1 and min(height, width) >= least and classes >= 2):
        raise ValueError(
            f"this network needs a channel, {least}x{least} pixels and two classes at least, "
            f"got shape {shape} and {classes} classes"
        )
    return channels, height, width


def _positive(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name} must be positive, got {value}")
