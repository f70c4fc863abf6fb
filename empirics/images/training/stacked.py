"""Networks of one architecture as one network: convolutions in groups, affine layers as products of stacks.

Channels of k networks stand one network's after another's, (n, k·channels, height, width); once flattened, vectors do,
(k, n, units). So kernels are launched once for all networks, and each number is computed as it is by its own network,
up to the order of sums.
"""

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn import functional

from empirics.images.training.models import Double, Residual, Scale

# Of what stands at a place alone, or of each channel alone.
_ALIKE = (nn.ReLU, nn.Identity, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d, Scale, Double)


class Stacked(nn.Module):
    """k networks as one, from images of all, (k n, …), the first n of the first network, to logits (k n, classes).

    In train mode gradients go to the parameters of the networks, whose running statistics change as in training alone.

    Args:
        models: of one architecture: Sequential and Residual of convolutions, affine layers, batch norm, ReLU, pooling.

    Raises:
        ValueError: for other layers, or networks that differ by more than numbers.
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__()
        kinds = {
            (repr(model), *((n, tuple(v.shape), v.dtype) for n, v in model.state_dict().items())) for model in models
        }
        if len(kinds) != 1:
            raise ValueError(
                f"networks are stacked if they are of one architecture, got {len(kinds)}: train them one by one"
            )
        self.count = len(models)
        self.inner = _joined(models)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        apart = x.unflatten(0, (self.count, -1))
        found: torch.Tensor = self.inner(apart.transpose(0, 1).flatten(1, 2))
        return found.flatten(0, 1)


def _joined(parts: Sequence[nn.Module]) -> nn.Module:
    """The same layer of every network as one."""
    first = parts[0]
    if isinstance(first, nn.Sequential):
        return nn.Sequential(*(_joined(layers) for layers in zip(*parts, strict=True)))
    if isinstance(first, Residual):
        return Residual(_joined([part.get_submodule("inner") for part in parts]))
    if isinstance(first, nn.Conv2d) and first.padding_mode == "zeros":
        return _Convolutions(parts)
    if isinstance(first, nn.BatchNorm2d) and first.track_running_stats and first.momentum is not None:
        return _BatchNorms(parts)
    if isinstance(first, nn.Linear):
        return _Affine(parts)
    if isinstance(first, nn.Flatten) and (first.start_dim, first.end_dim) == (1, -1):
        return _Vectors(len(parts))
    if isinstance(first, _ALIKE):
        return first
    raise ValueError(f"networks with {first} are not stacked: train them one by one")


class _Layers(nn.Module):
    """One layer of all networks. Not registered: their modes and parameters stay theirs."""

    def __init__(self, parts: Sequence[nn.Module]) -> None:
        super().__init__()
        self.parts = tuple(parts)

    def of_all(self, name: str, join: Callable[[list[torch.Tensor]], torch.Tensor] = torch.cat) -> torch.Tensor | None:
        """The parameters of this name, constants in eval mode; None if there is none."""
        values = [getattr(part, name) for part in self.parts]
        if values[0] is None:
            return None
        return join(values if self.training else [value.detach() for value in values])


class _Convolutions(_Layers):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one = self.parts[0]
        assert isinstance(one, nn.Conv2d)
        weight = self.of_all("weight")
        assert weight is not None
        return functional.conv2d(
            x, weight, self.of_all("bias"), one.stride, one.padding, one.dilation, one.groups * len(self.parts)
        )


class _BatchNorms(_Layers):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one = self.parts[0]
        assert isinstance(one, nn.BatchNorm2d)
        mean, var = (torch.cat([part.get_buffer(name) for part in self.parts]) for name in _STATISTICS)
        found = functional.batch_norm(
            x, mean, var, self.of_all("weight"), self.of_all("bias"), self.training, one.momentum or 0.0, one.eps
        )
        if self.training:
            for name, values in zip(_STATISTICS, (mean, var), strict=True):
                for part, value in zip(self.parts, values.chunk(len(self.parts)), strict=True):
                    part.get_buffer(name).copy_(value)
            for part in self.parts:
                part.get_buffer("num_batches_tracked").add_(1)
        return found


_STATISTICS = ("running_mean", "running_var")


class _Affine(_Layers):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.ndim != 3:
            raise ValueError("networks are stacked if affine layers take vectors: put nn.Flatten() before them")
        weight, bias = self.of_all("weight", torch.stack), self.of_all("bias", torch.stack)
        assert weight is not None
        return torch.bmm(x, weight.mT) if bias is None else torch.baddbmm(bias.unsqueeze(1), x, weight.mT)


class _Vectors(nn.Module):
    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.ndim == 3 else x.unflatten(1, (self.count, -1)).flatten(2).transpose(0, 1)
