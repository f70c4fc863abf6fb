"""The usual random changes of CIFAR-10's training images."""

import torch
from torch.nn.functional import pad


def shifted_and_mirrored(x: torch.Tensor, whole: int, mine: slice, generator: torch.Generator) -> torch.Tensor:
    """Shifted by up to 4 pixels a side, zeros coming in, and mirrored with probability 1/2."""
    draws = torch.rand((whole, 3), generator=generator, device=x.device)[mine]
    height, width = x.shape[2:]
    down, right = (draws[:, :2] * 9).long().clamp(max=8).unbind(1)
    rows = down[:, None] + torch.arange(height, device=x.device)
    columns = torch.arange(width, device=x.device).expand(len(x), width)
    columns = right[:, None] + torch.where(draws[:, 2:] < 0.5, columns.flip(1), columns)
    padded = pad(x, (4, 4, 4, 4))
    item = torch.arange(len(x), device=x.device)[:, None, None]
    # Indices before and after the channels put the channels last.
    return padded[item, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
