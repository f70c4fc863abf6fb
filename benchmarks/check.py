"""`constructions.check` on mnist5k beside that of commit ea3f4b2: processor seconds of the whole program, one thread.

Each commit writes its own files, of the same points and the same clean classifier. A ratio is of two runs one after the
other.
"""

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.earlier import BEFORE, ROOT, answer, checkout
from benchmarks.timing import growth_exponent

_WRITE = """
import sys
import numpy as np
from sklearn.linear_model import LogisticRegression
from constructions import Affine, load_sample, robust_memorizer, write_certificate
folder, n, p, radius, small = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]), sys.argv[5]
points, labels = load_sample("mnist5k")
# Sorted by digit: every so many.
chosen = [i * len(labels) // n for i in range(n)]
points, labels = points[chosen], np.unique(np.asarray(labels)[chosen], return_inverse=True)[1]
fitted = LogisticRegression(C=1e4, max_iter=1000).fit(points, labels)
clean = Affine(fitted.coef_, fitted.intercept_)
built = robust_memorizer(points, labels, radius=radius, p=p, small=small, clean=clean)
built.save(folder + "/network.npz")
np.savez(folder + "/points.npz", points=points, labels=labels)
certificate, widths = built.certify(), built.widths
write_certificate(folder + "/certificate.json", certificate, built.network, points, labels, indicators=widths)
print(len(built.small))
"""
_CHECK = """
import contextlib, io, json, resource, sys
from constructions.check.__main__ import main
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    main([sys.argv[1] + name for name in ("/network.npz", "/points.npz", "/certificate.json")])
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([used.ru_utime + used.ru_stime, json.loads(printed.getvalue())["confirmed"]]))
"""
_SIZES = (500, 1000, 2500, 5000)
_CASES = ((2.0, 0.5, "all"), (np.inf, 0.1, "all"), (1.0, 2.0, "auto"), (1.0, 2.0, "all"))
# So many pairs of runs, or fewer when one program takes so many seconds for them.
_PAIRS, _SECONDS = 3, 80


def rows() -> list[dict[str, Any]]:
    result = []
    with checkout() as old:
        if old is None:
            raise RuntimeError(f"the benchmark compares with commit {BEFORE}: run it in a clone with its history")
        for case in _CASES:
            own = [_row((old, ROOT), n, *case) for n in _SIZES]
            columns = {"exponent before": "before s", "exponent": "s"}
            exponents = {
                name: growth_exponent(_SIZES, [row[column] for row in own]) for name, column in columns.items()
            }
            result += [{**row, **(exponents if row is own[-1] else dict.fromkeys(exponents, "-"))} for row in own]
    return result


def _row(checkouts: tuple[Path, Path], n: int, p: float, radius: float, small: str) -> dict[str, Any]:
    """Median seconds of both programs, the median of their ratios, and the balls that they confirm."""
    seconds: tuple[list[float], list[float]] = ([], [])
    confirmed = [0, 0]
    with TemporaryDirectory() as name:
        folders = [Path(name) / which for which in ("before", "now")]
        for folder, checked in zip(folders, checkouts, strict=True):
            folder.mkdir()
            memorized = answer(checked, _WRITE, str(folder), str(n), str(p), str(radius), small)
        while len(seconds[0]) < _PAIRS and sum(seconds[0]) < _SECONDS:
            for k, checked in enumerate(checkouts):
                taken, confirmed[k] = answer(checked, _CHECK, str(folders[k]))
                seconds[k].append(taken)
    return {
        "p": p,
        "radius": radius,
        "n": n,
        "memorized": memorized,
        "pairs": len(seconds[0]),
        "confirmed before": confirmed[0],
        "confirmed": confirmed[1],
        "before s": median(seconds[0]),
        "s": median(seconds[1]),
        "ratio": median(before / now for before, now in zip(*seconds, strict=True)),
    }
