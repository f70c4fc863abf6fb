"""Sweeps of section 5 in blocks of runs, here or on a Dask cluster.

A block is one tensor program, of one thread, so that the order of summation is that of its runs alone. The blocks are
always the same, and so are the results, to the last bit, on processors of one kind; what a lost worker had begun is
begun again by another. Samples are written once, to a file that all workers map (`theory.cluster`).
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch

from constructions.networks.one_thread import one_thread
from empirics.gaussian.fgsm import LinearRecord, LinearState, StepRule, linear_batch, train_linear
from empirics.gaussian.neurons import StagedRecipe
from empirics.gaussian.samples import LinearSample
from empirics.gaussian.stages import StagedRun, train_batch_in_stages
from theory.cluster import in_blocks

_Result = TypeVar("_Result")
# Enough that a step costs its arithmetic, few enough for many workers.
_RUNS = 128


def sweep_linear(
    samples: Sequence[LinearSample],
    radius: float | Sequence[float],
    steps: int,
    *,
    rule: StepRule = "normalised",
    step_size: float | None = None,
    record_at: Sequence[int] | None = None,
    client: Any = None,
    progress: bool = False,
) -> tuple[LinearState, list[LinearRecord]]:
    """`train_linear` from zero for any number of samples, the runs in the order of the samples.

    Args:
        samples: of one dimension, of any sizes and scales.
        radius: δ, one for all or one each.
        steps, rule, step_size, record_at: of `train_linear`.
        client: a Dask client or the address of a scheduler, to train on many machines; None for this process.
        progress: whether to show a bar on stderr.

    Raises:
        AssumptionError, ValueError: as `linear_batch` and `train_linear`, of the runs of a block.
        FloatingPointError: if some `w` stops being finite.
        ImportError, OSError: if there is an address, and not the library distributed, or no scheduler that answers.
    """
    train = partial(_train_linear, steps=steps, rule=rule, step_size=step_size, record_at=record_at)
    found = _in_blocks(train, samples, (_each(radius, samples),), client, "linear parts" if progress else None)
    states, records = zip(*found, strict=True)
    return LinearState(steps, torch.cat([state.w for state in states])), [
        _joined(parts) for parts in zip(*records, strict=True)
    ]


def sweep_in_stages(
    samples: Sequence[LinearSample],
    radius: float | Sequence[float],
    threshold: float | Sequence[float],
    recipe: StagedRecipe | None = None,
    *,
    record_at: Sequence[int] | None = None,
    client: Any = None,
    progress: bool = False,
) -> tuple[StagedRun, ...]:
    """`train_batch_in_stages` for any number of samples, certificate and attack of every run included.

    Args:
        samples: of one dimension and any sizes and scales, each with at least one large-margin point.
        radius: δ in [0, α), one for all or one each.
        threshold: b > 0, one for all or one each.
        recipe: the algorithm by default.
        record_at: steps of stage 2 to record, as for `train_batch_in_stages`.
        client: a Dask client or the address of a scheduler, to train on many machines; None for this process.
        progress: whether to show a bar on stderr.

    Raises:
        AssumptionError, ValueError: as `train_batch_in_stages`, of the runs of a block.
        ImportError, OSError: if there is an address, and not the library distributed, or no scheduler that answers.
    """
    train = partial(_train_in_stages, recipe=recipe, record_at=record_at)
    numbers = _each(radius, samples), _each(threshold, samples)
    found = _in_blocks(train, samples, numbers, client, "runs in stages" if progress else None)
    return tuple(run for runs in found for run in runs)


def _train_linear(
    samples: Sequence[LinearSample], radius: Sequence[float], *, steps: int, **options: Any
) -> tuple[LinearState, list[LinearRecord]]:
    return train_linear(linear_batch(samples, radius), steps, **options)


def _train_in_stages(
    samples: Sequence[LinearSample], radius: Sequence[float], threshold: Sequence[float], **options: Any
) -> tuple[StagedRun, ...]:
    return train_batch_in_stages(samples, radius, threshold, **options)


def _each(number: float | Sequence[float], samples: Sequence[LinearSample]) -> list[float]:
    """A number of each sample.

    Raises:
        ValueError: if the numbers are not one for each.
    """
    numbers = [float(number)] * len(samples) if isinstance(number, (int, float)) else [float(each) for each in number]
    if not samples or len(numbers) != len(samples):
        raise ValueError(f"a sweep needs a sample, and one number or one for each of {len(samples)}, got {numbers}")
    return numbers


def _in_blocks(
    train: Callable[..., _Result],
    samples: Sequence[LinearSample],
    numbers: tuple[list[float], ...],
    client: Any,
    progress: str | None,
) -> list[_Result]:
    blocks = [slice(start, start + _RUNS) for start in range(0, len(samples), _RUNS)]
    return in_blocks(_block, (train, list(samples), numbers), blocks, client=client, progress=progress)


def _block(shared: tuple[Callable[..., _Result], list[LinearSample], tuple[list[float], ...]], runs: slice) -> _Result:
    train, samples, numbers = shared
    with _alone():
        return train(samples[runs], *(each[runs] for each in numbers))


@contextmanager
def _alone() -> Iterator[None]:
    """One thread of torch, and no warning that mapped samples are read-only: nobody writes to them."""
    with one_thread(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        yield


def _joined(parts: Sequence[LinearRecord]) -> LinearRecord:
    columns = [field.name for field in fields(LinearRecord) if field.name != "step"]
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in columns}
    return LinearRecord(step=parts[0].step, **arrays)
