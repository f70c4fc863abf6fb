"""The smallest certified memorizers of real data: non-zeros, certified balls, processor time; growth; random labels.

Each row is built and certified in a process of its own. The limits are those that were set before the constructions
were made, in non-zeros. A row takes up to ten minutes.
"""

import math
import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from constructions import code_memorizer, compact_memorizer, load_sample, projection_code_memorizer, rule_memorizer

MNIST = {"image": (28, 28)}
PATCHES = {**MNIST, "sides": ((2, 2), (3, 3), (1, 3), (3, 1)), "shell": 0.05}
SMALL_NET = {**MNIST, "features": 48, "hidden": (32,), "steps": 6_000, "coordinates": 20, "shell": 0.02}
NET = {**MNIST, "hidden": (128, 64), "steps": 50_000, "density": 0.7, "coordinates": 22, "shell": 0.012}
GREY = 0.00196

BUILDERS = {
    "rules": rule_memorizer,
    "compact": compact_memorizer,
    "bits": code_memorizer,
    "bits of a projection": projection_code_memorizer,
}
# Data, points (None for all), construction, p, radius, limit, options.
ROWS: list[tuple[str, int | None, str, float, float, int | str, dict[str, Any]]] = [
    ("digits", None, "rules", math.inf, 0.1, "", {}),
    ("mnist5k", None, "rules", math.inf, 0.1, 6_000, {}),
    ("mnist5k, random labels", None, "rules", math.inf, 0.1, "", {}),
    ("mnist5k", None, "rules", 2.0, 0.5, 15_000, PATCHES),
    ("mnist5k", None, "compact", 2.0, 0.5, 15_000, SMALL_NET),
    ("mnist5k", None, "bits", math.inf, GREY, "", {}),
    ("mnist5k", None, "bits of a projection", 2.0, 0.0, "", {}),
    *(("mnist", size, "rules", math.inf, 0.1, "", {}) for size in (10_000, 20_000, 40_000)),
    ("mnist", None, "rules", math.inf, 0.1, 45_000, {}),
    ("mnist", None, "rules", math.inf, 0.2, "", {}),
    ("mnist", None, "rules", math.inf, 0.3, "", {}),
    ("mnist", None, "bits", math.inf, GREY, 20_000, {}),
    ("mnist", None, "compact", 2.0, 0.5, 60_000, NET),
    ("cifar10", 10_000, "rules", math.inf, 8 / 255, 153_600, {}),
]


def rows() -> list[dict[str, Any]]:
    found = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as pool:
        for case in ROWS:
            found.append(pool.submit(measured, *case).result())
            print(found[-1], flush=True)
    return found


def measured(
    data: str, size: int | None, construction: str, p: float, radius: float, limit: int | str, options: dict[str, Any]
) -> dict[str, Any]:
    points, labels = load_sample(data.partition(",")[0])
    points, labels = points[:size], labels[:size]
    if data.endswith("random labels"):
        labels = np.random.default_rng(0).integers(0, 10, len(points)).tolist()
    started = time.process_time()
    # The radius of a projection is what it leaves.
    room = {"radius": radius, "p": p} if radius else {}
    built: Any = BUILDERS[construction](points, labels, **room, **options)
    row = {
        "data": data,
        "points": len(points),
        "p": p,
        "radius": built.task.radius,
        "rho": 2 * built.task.radius / built.task.separation,
        "construction": construction,
        "non-zeros": built.size.nonzero,
        "over N d": built.size.nonzero / points.size,
        "limit": limit,
        "all entries": built.size.parameters,
        "depth": built.network.depth,
        "bits": round(getattr(built, "description_bits", 0) or getattr(built.size, "description_bits", 0)) or "",
        "build s": time.process_time() - started,
    }
    # Of the compact network float32 is not asked: what its proof leaves open would be attacked, ball by ball.
    asked = {"rules": ("reals", "float64", "float32"), "compact": ("reals", "float64")}.get(construction, ("reals",))
    for arithmetic in asked:
        started = time.process_time()
        row[f"certified, {arithmetic}"] = built.certify(arithmetic).count("certified")
        row[f"{arithmetic} s"] = time.process_time() - started
    for arithmetic in ("float64", "float32"):
        row.setdefault(f"certified, {arithmetic}", "")
        row.setdefault(f"{arithmetic} s", "")
    return {**row, "peak GiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}
