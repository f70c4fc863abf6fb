"""Section 5: a sweep of FGSM runs as one tensor program against the same runs one by one."""

import time
from dataclasses import dataclass
from typing import Any

import torch

from empirics.fgsm import linear_batch, train_linear
from empirics.linear_data import LinearData, LinearSample, random_direction


@dataclass(frozen=True)
class SweepTimes:
    """Seconds for all runs together and one after the other, and the largest difference of their unit directions."""

    runs: int
    together: float
    one_by_one: float
    difference: float

    @property
    def ratio(self) -> float:
        return self.one_by_one / self.together


def sweep_samples(dim: int, counts: tuple[int, ...], alphas: tuple[float, ...], seeds: int) -> list[LinearSample]:
    """One large-margin sample for each (seed, N, α)."""
    return [
        LinearData(random_direction(dim, seed), alpha, alpha, 0.0).sample(n, [seed, n])
        for seed in range(seeds)
        for n in counts
        for alpha in alphas
    ]


def sweep_times(dim: int = 20, seeds: int = 8, steps: int = 500) -> SweepTimes:
    """Times of the same runs in both ways; the samples are drawn, and each way warmed up, before."""
    samples = sweep_samples(dim, (10, 20, 30, 40), (1.0, 2.0, 4.0, 8.0), seeds)
    batch = linear_batch(samples, 0.5)
    singles = [linear_batch([sample], 0.5) for sample in samples]
    for warm in (batch, singles[0]):
        train_linear(warm, 20, record_at=[])
    started = time.perf_counter()
    together = train_linear(batch, steps, record_at=[])[0].w
    middle = time.perf_counter()
    alone = torch.cat([train_linear(single, steps, record_at=[])[0].w for single in singles])
    ended = time.perf_counter()
    units = [w / torch.linalg.vector_norm(w, dim=1, keepdim=True) for w in (together, alone)]
    difference = float((units[0] - units[1]).abs().max())
    return SweepTimes(len(samples), middle - started, ended - middle, difference)


def rows() -> list[dict[str, Any]]:
    times = sweep_times()
    return [
        {
            "FGSM runs of 500 steps, d = 20": times.runs,
            "together s": times.together,
            "one by one s": times.one_by_one,
            "ratio": times.ratio,
            "required": 10.0,
            "largest difference of a direction": times.difference,
        }
    ]
