"""Section 5: sweeps of runs as one tensor program against the same runs one by one."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from benchmarks.timing import in_turns
from empirics.gaussian.fgsm import linear_batch, train_linear
from empirics.gaussian.neurons import StagedRecipe
from empirics.gaussian.samples import LinearData, LinearSample, random_direction
from empirics.gaussian.stages import StagedRun, train_batch_in_stages

_REPEATS = 3


@dataclass(frozen=True)
class SweepTimes:
    """CPU seconds for all runs together and one after the other, and the largest difference of their results."""

    runs: int
    together: float
    one_by_one: float
    difference: float

    @property
    def ratio(self) -> float:
        return self.one_by_one / self.together


def sweep_samples(
    dim: int, counts: tuple[int, ...], alphas: tuple[float, ...], seeds: int, mu: float = 0.0
) -> list[LinearSample]:
    """One sample for each (seed, N, α); with mu, of small margin (β = ½) too."""
    return [
        LinearData(random_direction(dim, seed), alpha, 0.5, mu).sample(n, [seed, n], n_small=round(mu * n))
        for seed in range(seeds)
        for n in counts
        for alpha in alphas
    ]


def _in_both_ways(samples: list[LinearSample], run: Callable[[list[LinearSample]], list[np.ndarray]]) -> SweepTimes:
    """Times of the same runs in both ways, by turns."""

    def one_by_one() -> list[np.ndarray]:
        return [run([sample])[0] for sample in samples]

    pairs = zip(run(samples), one_by_one(), strict=True)
    difference = max(float(np.abs(a - b).max(initial=0)) for a, b in pairs)
    together, alone = in_turns(lambda: run(samples), one_by_one, _REPEATS, time.process_time)
    return SweepTimes(len(samples), together, alone, difference)


def linear_times(dim: int = 20, seeds: int = 8, steps: int = 500) -> SweepTimes:
    """FGSM of the linear part, normalised steps; the results are the directions."""

    def run(samples: list[LinearSample]) -> list[np.ndarray]:
        w = train_linear(linear_batch(samples, 0.5), steps, record_at=[])[0].w.numpy()
        return list(w / np.linalg.norm(w, axis=1, keepdims=True))

    return _in_both_ways(sweep_samples(dim, (10, 20, 30, 40), (1.0, 2.0, 4.0, 8.0), seeds), run)


def staged_times(dim: int = 20, seeds: int = 8, record_at: tuple[int, ...] = ()) -> SweepTimes:
    """Both stages, certificate, attack and conditions of every run included; the results are the neurons."""
    recipe = StagedRecipe(linear_steps=500)

    def run(samples: list[LinearSample]) -> list[np.ndarray]:
        runs: tuple[StagedRun, ...] = train_batch_in_stages(samples, 0.5, dim / 2, recipe, record_at=record_at)
        return [run.model.weights for run in runs]

    return _in_both_ways(sweep_samples(dim, (10, 20, 30, 40), (2.0, 4.0, 8.0, 16.0), seeds, 0.5), run)


def rows() -> list[dict[str, Any]]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        measured = {
            "linear part, 500 steps": linear_times(),
            "both stages, 500 + 200 steps, last one recorded": staged_times(),
            "both stages, 21 steps recorded, each with certificate and attack": staged_times(
                record_at=tuple(range(0, 201, 10))
            ),
        }
    finally:
        torch.set_num_threads(threads)
    return [
        {
            "runs, d = 20": name,
            "number": times.runs,
            "together s": times.together,
            "one by one s": times.one_by_one,
            "ratio": times.ratio,
            "required": 10.0,
            "largest difference": times.difference,
        }
        for name, times in measured.items()
    ]
