"""How build, certificate and its check grow with N and d: exponents fitted to processor seconds of one thread.

Images of MNIST: the first of mnist5k in turn of their classes, and all at 7×7, 14×14 and 28×28 pixels (means of
blocks). The exponent is the slope of log(seconds) over log(N) or log(d) by least squares; build without the clean fit.
"""

import math
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.earlier import ROOT, answer
from benchmarks.timing import growth_exponent
from constructions.samples.loading import load_sample

_JOB = """
import contextlib, io, json, sys, time
import numpy as np
from constructions import robust_memorizer
from constructions.certificates.file import write_certificate, write_points
from constructions.check.__main__ import main
folder, p, radius = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
with np.load(f"{folder}/sample.npz") as file:
    points, labels = file["points"], file["labels"]
clock = [time.process_time()]
built = robust_memorizer(points, labels, radius=radius, p=p, small="all")
clock.append(time.process_time())
certificate = built.certify()
clock.append(time.process_time())
balls = built.network, built.task.sample.points, built.task.sample.labels
built.save(f"{folder}/network.npz")
write_points(f"{folder}/points.npz", *balls)
write_certificate(f"{folder}/certificate.json", certificate, *balls, indicators=built.widths)
clock.append(time.process_time())
with contextlib.redirect_stdout(io.StringIO()):
    code = main([f"{folder}/{name}" for name in ("network.npz", "points.npz", "certificate.json")])
clock.append(time.process_time())
build, certify, _, check = np.diff(clock)
print(json.dumps([build, certify, check, certificate.count("certified"), code]))
"""
_PARTS = ("build", "certify", "check")
_SIZES = (625, 1250, 2500, 5000)
_SIDES = (7, 14, 28)
# At 7×7 pixels the images are 16 times less far apart in l_1, 4 times in l_2.
_RADII = {1.0: {7: 0.1, 14: 0.5, 28: 2.0}, 2.0: {7: 0.1, 14: 0.2, 28: 0.5}, math.inf: {7: 0.05, 14: 0.1, 28: 0.1}}


def rows() -> list[dict[str, Any]]:
    points, labels = load_sample("mnist5k")
    images, named = points.reshape(-1, 28, 28), np.array(labels)
    # In turn of their classes.
    rank = np.empty(len(named), dtype=int)
    for label in np.unique(named):
        own = np.flatnonzero(named == label)
        rank[own] = np.arange(len(own))
    order = np.lexsort((named, rank))
    images, named = images[order], named[order]
    result = []
    for p in (1.0, 2.0, math.inf):
        by_size = [_times(images[:size], named[:size], 28, p) for size in _SIZES]
        by_side = [_times(images[:2500], named[:2500], side, p) for side in _SIDES]
        row: dict[str, Any] = {"p": p}
        for part in _PARTS:
            row[f"{part}: N^"] = growth_exponent(_SIZES, [times[part] for times in by_size])
        for part in _PARTS:
            row[f"{part}: d^"] = growth_exponent([side**2 for side in _SIDES], [times[part] for times in by_side])
        result.append(row | {f"{part} s, N = 5000": by_size[-1][part] for part in _PARTS})
    return result


def _times(images: np.ndarray, labels: np.ndarray, side: int, p: float) -> dict[str, float]:
    block = 28 // side
    small = images.reshape(len(images), side, block, side, block).mean(axis=(2, 4))
    with TemporaryDirectory() as folder:
        np.savez(Path(folder) / "sample.npz", points=small.reshape(len(images), -1), labels=labels)
        build, certify, check, certified, code = answer(ROOT, _JOB, os.fspath(folder), str(p), str(_RADII[p][side]))
    if certified != len(images) or code:
        raise RuntimeError(f"{certified} of {len(images)} certified, checked with exit code {code}")
    return dict(zip(_PARTS, (build, certify, check), strict=True))
