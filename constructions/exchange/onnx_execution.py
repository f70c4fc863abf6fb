"""ONNX files as onnxruntime executes them, on the CPU."""

import os
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from jaxtyping import Float

from constructions.certificates.executed_intervals import FORMATS, executed_bounds
from constructions.exchange.onnx_file import read_onnx_model
from constructions.exchange.optional import optional
from constructions.networks.network import ReLUNetwork

LEVELS = ("ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED", "ORT_ENABLE_ALL")
THREADS = (1, 2, 4)
_GATHERED_BYTES = 2**27


@dataclass(frozen=True)
class SessionCheck:
    """What sessions computed, beside the bounds of the executed certificate.

    Attributes:
        sessions: how many there were, one for each optimisation level and number of threads.
        outputs: numbers computed by all of them.
        outside: numbers beyond the bounds; 0 unless runtime, file or bounds are wrong.
        different: numbers that were not the same in all sessions.
    """

    sessions: int
    outputs: int
    outside: int
    different: int


def run_onnx(
    path: str | os.PathLike[str], points: Float[np.ndarray, "n d"], *, level: str = LEVELS[-1], threads: int = 1
) -> Float[np.ndarray, "n outputs"]:
    """What onnxruntime computes at the points, rounded to the file's type first; in float64, which holds it.

    Args:
        path: of a file whose input has shape (N, d) or one for a single point.
        points: the points.
        level: of the graph optimisations, by onnxruntime's name.
        threads: within an operator.

    Raises:
        ImportError: without onnxruntime.
    """
    runtime = optional("onnxruntime")
    options = runtime.SessionOptions()
    options.graph_optimization_level = getattr(runtime.GraphOptimizationLevel, level)
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = runtime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])
    (source,) = session.get_inputs()
    kind = {"tensor(double)": np.float64, "tensor(float)": np.float32}[source.type]
    free = bool(source.shape) and not isinstance(source.shape[0], int)
    shape = [size if isinstance(size, int) else 1 for size in source.shape]
    # A gathered layer takes as much for each point as it has weights.
    step = max(1, _GATHERED_BYTES // max(os.path.getsize(path) * 8, 8 * points.shape[1])) if free else 1
    found = []
    for start in range(0, len(points), step):
        batch: Any = points[start : start + step].astype(kind)
        batch = batch.reshape(len(batch), *shape[1:]) if free else batch.reshape(shape)
        outputs = session.run(None, {source.name: batch})[0]
        found.append(np.asarray(outputs).reshape(points[start : start + step].shape[0], -1).astype(np.float64))
    return np.concatenate(found)


def onnx_session_check(
    path: str | os.PathLike[str],
    points: Float[np.ndarray, "n d"],
    network: ReLUNetwork,
    *,
    levels: tuple[str, ...] = LEVELS,
    threads: tuple[int, ...] = THREADS,
) -> SessionCheck:
    """Whether onnxruntime stays within what the executed certificate says of a network, at these points.

    Args:
        path: of the file, as `write_onnx` wrote it.
        points: where it is executed.
        network: the network that was written, in float64.
        levels: graph optimisation levels, by onnxruntime's names.
        threads: numbers of threads.

    Raises:
        ValueError: if the file is not read as a network executed in float64 or float32.
    """
    arithmetic = read_onnx_model(path).arithmetic
    if arithmetic not in FORMATS:
        raise ValueError(f"{path} must compute in float64 or float32, got both")
    rounded = points.astype(FORMATS[arithmetic].dtype).astype(np.float64)
    low, high = executed_bounds(network.layers, rounded, rounded, arithmetic)
    first, outside, different, count = None, 0, np.zeros(low.shape, dtype=bool), 0
    for level, number in product(levels, threads):
        found = run_onnx(path, points, level=level, threads=number)
        first = found if first is None else first
        outside += int(np.count_nonzero(~((low <= found) & (found <= high))))
        different |= found != first
        count += found.size
    return SessionCheck(len(levels) * len(threads), count, outside, int(different.sum()))
