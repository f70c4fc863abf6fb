"""Networks, points and claims in files, and what the checker says of them."""

import hashlib
import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from constructions import Affine, ReLUNetwork, certify, load_sample, robust_memorizer, write_certificate, write_points
from constructions.certificates.digests import network_digest
from constructions.check.__main__ import main
from constructions.check.files import canonical

Files = tuple[Path, Path, Path]


def written(folder: Path, arithmetic: str, p: float, outputs: int = 1) -> Files:
    """A random network with certified, undecided and refuted balls, bounded by intervals only."""
    rng = np.random.default_rng(outputs)
    sizes = [4, 12, 8, outputs]
    layers = [Affine(rng.normal(size=(b, a)), rng.normal(size=b)) for a, b in pairwise(sizes)]
    layers[1] = Affine(sp.csr_array(np.where(rng.random((8, 12)) < 0.2, layers[1].weight, 0)), layers[1].bias)
    network = ReLUNetwork(tuple(layers))
    points = rng.normal(size=(16, 4))
    values = network(points)
    labels = np.where(values[:, 0] > 0, 1, -1) if outputs == 1 else values.argmax(axis=1)
    # One wrong label, which every arithmetic refutes.
    labels[0] = -labels[0] if outputs == 1 else (labels[0] + 1) % outputs
    certificate = certify(network, points, labels, 0.02, p, arithmetic=arithmetic)
    if arithmetic in ("float64", "float32"):
        # Of runs the checker knows intervals only.
        left = np.isin(certificate.method, ["interval", "attack"])
        points, labels = points[left], labels[left]
        certificate = certify(network, points, labels, 0.02, p, arithmetic=arithmetic)
    assert certificate.certified.any()
    assert certificate.status[0] == "refuted"
    files = folder / "network.npz", folder / "points.npz", folder / "certificate.json"
    network.save(files[0])
    np.savez(files[1], points=points, labels=labels)
    write_certificate(files[2], certificate, network, points, labels)
    return files


def code(files: Files) -> int:
    return main([str(f) for f in files])


def changed(files: Files, change: Any) -> None:
    """A false claim with a digest that fits it."""
    content = json.loads(files[2].read_text())
    change(content)
    del content["digest"]
    content["digest"] = hashlib.sha256(canonical(content)).hexdigest()
    files[2].write_bytes(canonical(content))


def first(status: str, content: dict[str, Any]) -> dict[str, Any]:
    return next(r for r in content["records"] if r["status"] == status)


def memorized(folder: Path, p: float, arithmetic: str = "reals", method: str = "shared") -> Files:
    points, labels = load_sample("digits", classes="3,8")
    points, labels = points[:24], labels[:24]
    # All that is certified is certified by the memory.
    nothing = Affine(np.zeros((2, 64)), np.full(2, 0.125))
    built = robust_memorizer(
        points, labels, radius={1.0: 1.0, 2.0: 0.4, math.inf: 0.1}[p], p=p, small="all", method=method, clean=nothing
    )
    certificate = built.certify(arithmetic)
    assert certificate.lower.tolist() == [1.0] * 24
    files = folder / "n.npz", folder / "p.npz", folder / "c.json"
    built.save(files[0])
    write_points(files[1], built.network, points, labels)
    write_certificate(files[2], certificate, built.network, points, labels, indicators=built.widths)
    return files


def resigned(files: Files, layers: tuple[Affine, ...]) -> None:
    """Another network under the same claims, with digests that fit."""
    wrong = ReLUNetwork(layers)
    wrong.save(files[0])
    digest = network_digest(wrong)
    changed(files, lambda c: c.update(network=digest))


def claimed(folder: Path, network: ReLUNetwork, points: np.ndarray, codes: np.ndarray, widths: tuple[int, ...]) -> int:
    """The checker's answer to the claim, for p = 2 and radius 0.05, that every margin is at least 0.1."""
    files = folder / "n.npz", folder / "p.npz", folder / "c.json"
    network.save(files[0])
    write_points(files[1], network, points, codes)
    certificate = certify(network, points, codes, 0.05, 2.0)
    write_certificate(files[2], certificate, network, points, codes, indicators=widths)
    claim = {"status": "certified", "lower": 0.1, "witness": None}
    changed(files, lambda c: [record.update(claim) for record in c["records"]])
    return code(files)


def forged(
    folder: Path,
    network: ReLUNetwork,
    x: np.ndarray,
    labels: np.ndarray,
    radius: float,
    p: float,
    arithmetic: str,
    lower: float = 0.5,
    widths: list[int] | None = None,
) -> int:
    """The checker's answer to the claim that every margin is at least `lower`."""
    files = folder / "n.npz", folder / "p.npz", folder / "c.json"
    network.save(files[0])
    write_points(files[1], network, x, labels)
    write_certificate(files[2], certify(network, x, labels, 0.5, 2), network, x, labels)
    about = {"radius": radius, "p": "inf" if math.isinf(p) else p, "arithmetic": arithmetic, "indicators": widths or []}
    changed(files, lambda c: c.update(about))
    claim = {"status": "certified", "lower": lower, "witness": None, "arithmetic": arithmetic}
    changed(files, lambda c: [record.update(claim) for record in c["records"]])
    return code(files)


def line(*layers: tuple[list[list[float]], list[float]]) -> ReLUNetwork:
    return ReLUNetwork(tuple(Affine(np.array(w, dtype=float), np.array(b, dtype=float)) for w, b in layers))


def rewritten(path: Path, **arrays: Any) -> None:
    """The same archive with other arrays; None takes one out."""
    with np.load(path) as stored:
        content = {**stored, **arrays}
    np.savez(path, **{name: array for name, array in content.items() if array is not None})
