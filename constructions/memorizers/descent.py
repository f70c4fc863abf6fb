"""A classifier trained by Adam until no point is misclassified, in few passes over the points that are right.

After each pass the next one is over the points with a margin below 2 and some of the others, that they are not
forgotten: most points are right after a few passes, and cost an evaluation from then on.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from constructions.networks.one_thread import one_thread

if TYPE_CHECKING:
    import torch

# About so many steps a pass for few points.
_BATCH, _STEPS = 128, 100
_RATE, _DECAY = 1e-3, 0.97
_FIRST, _SECOND, _LEAST = 0.9, 0.999, 1e-8
_HARD = 2.0
_FEWER = 0.8
# Float32 and the folding of the coordinates move a margin by less.
_ENOUGH = 0.05
_BLOCK = 4096


def descend(
    seen: Float[np.ndarray, "n k"],
    labels: Int[np.ndarray, " n"],
    outputs: int,
    width: int,
    *,
    patience: int,
    seed: int,
    report: Callable[[int], None],
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weight and bias of each layer, in float32, when all points are right or it is given up.

    Args:
        seen: the points, in coordinates of size 1.
        labels: class numbers.
        outputs: 1 for two classes, by the sign, or the number of classes.
        width: of the hidden layer; 0 for none.
        patience: passes without a fifth fewer errors after which it is given up.
        seed: of the first weights and the order of the points.
        report: is told the number of errors left after each pass.
    """
    import torch
    from torch import nn

    with _own_state(seed):
        sizes = [seen.shape[1], width, outputs] if width else [seen.shape[1], outputs]
        linear = [nn.Linear(sizes[k], sizes[k + 1], dtype=torch.float32) for k in range(len(sizes) - 1)]
        model = nn.Sequential(linear[0], nn.ReLU(), linear[1]) if width else linear[0]
        _until_right(model, torch.tensor(seen, dtype=torch.float32), torch.tensor(labels), patience, report)
        return [(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in linear]


@contextmanager
def _own_state(seed: int) -> Iterator[None]:
    """The caller's random numbers, gradient mode and device are neither used nor changed; one thread meanwhile."""
    import torch

    with one_thread(), torch.random.fork_rng(devices=[]), torch.enable_grad(), torch.device("cpu"):
        torch.default_generator.manual_seed(seed)
        yield


def _until_right(
    model: Any, seen: "torch.Tensor", labels: "torch.Tensor", patience: int, report: Callable[[int], None]
) -> None:
    import torch
    from torch import nn

    adam, rate = _Adam(list(model.parameters())), _RATE
    active = torch.arange(len(seen))
    fewest, idle = len(seen) + 1, 0
    while idle < patience:
        for _ in range(max(1, _STEPS * _BATCH // len(active))):
            for batch in active[torch.randperm(len(active))].split(_BATCH):
                adam.step(nn.functional.cross_entropy(_logits(model, seen[batch]), labels[batch]), rate)
        margin = _margins(model, seen, labels)
        report(int((margin <= 0).sum()))
        left = int((margin <= _ENOUGH).sum())
        if left == 0:
            return
        fewest, idle = (left, 0) if left <= _FEWER * fewest else (fewest, idle + 1)
        hard, easy = torch.nonzero(margin < _HARD)[:, 0], torch.nonzero(margin >= _HARD)[:, 0]
        others = easy[torch.randperm(len(easy))[: 2 * len(hard) + len(seen) // 10]]
        active = torch.cat([hard, others])
        rate *= _DECAY


class _Adam:
    """Kingma, Ba (2015), Algorithm 1. That of torch imports its compiler, of 70 MB and a second, for the first step."""

    def __init__(self, weights: "list[torch.Tensor]") -> None:
        import torch

        self.weights, self.steps = weights, 0
        self.means, self.squares = ([torch.zeros_like(w) for w in weights] for _ in range(2))

    def step(self, loss: "torch.Tensor", rate: float) -> None:
        import torch

        self.steps += 1
        first, second = 1 - _FIRST**self.steps, 1 - _SECOND**self.steps
        gradients = torch.autograd.grad(loss, self.weights)
        with torch.no_grad():
            for weight, gradient, mean, square in zip(self.weights, gradients, self.means, self.squares, strict=True):
                mean.lerp_(gradient, 1 - _FIRST)
                square.mul_(_SECOND).addcmul_(gradient, gradient, value=1 - _SECOND)
                weight.addcdiv_(mean, (square.sqrt() / math.sqrt(second)).add_(_LEAST), value=-rate / first)


def _logits(model: Any, seen: "torch.Tensor") -> "torch.Tensor":
    """One a class; of one output `f` they are `-f` and `f`."""
    import torch

    out = model(seen)
    return torch.cat([-out, out], dim=1) if out.shape[1] == 1 else out


def _margins(model: Any, seen: "torch.Tensor", labels: "torch.Tensor") -> "torch.Tensor":
    import torch

    with torch.no_grad():
        logits = torch.cat([_logits(model, block) for block in seen.split(_BLOCK)])
    own = logits.gather(1, labels[:, None])
    return (own - logits.scatter(1, labels[:, None], -math.inf).max(dim=1, keepdim=True).values)[:, 0]
