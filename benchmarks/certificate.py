"""Certificates of executed memorizers for p = ∞, rounding included, against plain float interval propagation."""

import time
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from constructions import Memorizer, load_sample, robust_memorizer
from constructions.certificates.executed_intervals import executed_margin_bound
from constructions.comparison.precision import precision_rows
from constructions.memorizers.clean import fit_clean
from constructions.networks.network import dense
from constructions.samples.sample import read_sample
from theory.setting.separation import separation


def plain_intervals(built: Memorizer, block: int = 128) -> None:
    """Interval propagation as commonly written, `W⁺ l + W⁻ u + b`, with no allowance for rounding."""
    split = []
    for layer in built.network.layers:
        weight = layer.weight
        if 20 * np.count_nonzero(weight if isinstance(weight, np.ndarray) else weight.data) > np.prod(weight.shape):
            weight = dense(weight)
            split.append((np.maximum(weight, 0), np.minimum(weight, 0), layer.bias[:, None]))
        else:
            split.append((weight.maximum(0).tocsr(), weight.minimum(0).tocsr(), layer.bias[:, None]))
    points = built.task.sample.points
    for start in range(0, len(points), block):
        x = points[start : start + block].T
        low, high = x - built.task.radius, x + built.task.radius
        for k, (up, down, bias) in enumerate(split):
            low, high = (np.maximum(low, 0), np.maximum(high, 0)) if k else (low, high)
            low, high = up @ low + down @ high + bias, up @ high + down @ low + bias


def seconds(function: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    result = function()
    return time.perf_counter() - started, result


def row(name: str, ratio: float, built: Memorizer, threads: int, limit: float, *, intervals: bool) -> dict[str, Any]:
    """One table row; times for all balls, once each, because the long ones take most of a minute."""
    points, codes = built.task.sample.points, built.task.sample.codes
    result: dict[str, Any] = {"balls": name, "radius / separation": ratio, "threads": threads}
    for arithmetic in ("float64", "float32"):
        taken, certificate = seconds(lambda a=arithmetic: built.certify(a))
        result |= {
            f"{arithmetic} ms/ball": 1e3 * taken / len(points),
            f"{arithmetic} open": int((~certificate.certified).sum()),
        }
    general = plain = float("nan")
    if intervals:
        balls = points, codes, built.task.radius, built.task.p
        bound = partial(executed_margin_bound, built.network.layers, *balls, "float64")
        general, plain = seconds(bound)[0], seconds(lambda: plain_intervals(built))[0]
    result |= {
        "intervals with rounding ms/ball": 1e3 * general / len(points) if intervals else "-",
        "plain intervals ms/ball": 1e3 * plain / len(points) if intervals else "-",
        "limit ms/ball": limit,
    }
    return result


def rows() -> list[dict[str, Any]]:
    result = []
    rng = np.random.default_rng(0)
    points, labels = rng.random((1000, 64)), np.where(rng.random(1000) < 0.5, -1, 1)
    gap = float(separation(points, labels, np.inf).distance)
    with threadpool_limits(1):
        for ratio in (0.1, 0.25, 0.4, 0.49, 0.499):
            built = robust_memorizer(points, labels, radius=ratio * gap, p=np.inf, small="all")
            result.append(row("1000 in dimension 64", ratio, built, 1, 1.0, intervals=True))
    points, labels = load_sample("mnist5k")
    sample = read_sample(points, labels)
    clean = fit_clean(sample.points, sample.codes, sample.outputs)
    gap = float(separation(sample.points, sample.codes, np.inf).distance)
    with threadpool_limits(2):
        for ratio in (0.1, 0.499):
            built = robust_memorizer(points, labels, radius=ratio * gap, p=np.inf, clean=clean, small="all")
            # 60 s for 5,000 balls; near the limit the sparse layers take intervals minutes.
            result.append(row("5000 of mnist5k", ratio, built, 2, 12.0, intervals=ratio < 0.4))
    return result


if __name__ == "__main__":
    for line in precision_rows():
        print(line)
