"""What `Memorizer.save` wrote is a memorizer again, with its proof, for the task that it was built for alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from constructions import Memorizer, ReLUNetwork, load_sample, robust_memorizer
from constructions.certificates.digests import network_digest
from constructions.networks.network import network
from theory.errors import AssumptionError

RNG = np.random.default_rng(0)
POINTS = RNG.random((12, 3))
SIGNS, NAMES = [1, -1] * 6, ["a", "b", "c"] * 4
DEEP = network(
    *(((0.1 * RNG.normal(size=(b, a))).tolist(), (0.1 * RNG.normal(size=b)).tolist())
      for a, b in zip([3, 5, 4, 6, 4, 5, 4, 5, 4], [5, 4, 6, 4, 5, 4, 5, 4, 3], strict=True))
)  # fmt: skip


def same(first: Memorizer, second: Memorizer) -> bool:
    """All that is of use: the network, the proof of it, and the fast evaluation, up to the order of sums."""
    bounds = np.stack([each.certify().lower for each in (first, second)])
    bounds[np.isneginf(bounds)] = -1.0
    x = np.concatenate([POINTS, RNG.random((5, 3))])
    return (
        network_digest(first.network) == network_digest(second.network)
        and first.network.classes == second.network.classes
        and np.abs(bounds[0] - bounds[1]).max() <= 1e-12
        and first.size.nonzero == second.size.nonzero
        and first.small.tolist() == second.small.tolist()
        and np.abs(first(x) - second(x)).max() <= 1e-12
    )


@pytest.mark.parametrize(
    ("p", "method", "labels"),
    [(1, "shared", SIGNS), (2, "shared", SIGNS), (2, "per_point", NAMES), (np.inf, "shared", NAMES)],
    ids=["1", "2", "2 per point", "inf"],
)
@pytest.mark.parametrize(
    "options",
    [
        {"small": "all"},
        {"small": "auto"},
        {"small": [1, 4, 5]},
        {"small": [], "shell": 0.001},
        {"small": [2], "shell": 0.002},
        {"small": [0, 7, 11], "clean": DEEP},
    ],
    ids=str,
)
def test_it_is_loaded_as_it_was(p: float, method: str, labels: Any, options: dict[str, Any], tmp_path: Path) -> None:
    if labels is SIGNS and "clean" in options:
        last = DEEP.layers[-1]
        one = network(*((f.weight, f.bias) for f in DEEP.layers[:-1]), (last.weight[:1], last.bias[:1]))
        options = {**options, "clean": one}
    task = {"radius": 0.01, "p": p, "method": method, "shell": options.get("shell")}
    built = robust_memorizer(POINTS, labels, **{**options, **task})
    built.save(tmp_path / "f.npz")
    loaded = Memorizer.load(tmp_path / "f.npz", POINTS, labels, **task)
    assert same(loaded, built)
    assert loaded.certify().count("certified") >= len(built.small)


def test_on_data(tmp_path: Path) -> None:
    points, labels = load_sample("digits", classes="3,8")
    task = {"radius": 0.1, "p": 2.0}
    built = robust_memorizer(points, labels, small="auto", **task)
    built.save(tmp_path / "f.npz")
    loaded = Memorizer.load(tmp_path / "f.npz", points, labels, **task)
    assert loaded.certify().certified.all()
    assert loaded.small.tolist() == built.small.tolist()


@pytest.mark.parametrize("change", ["radius", "shell", "p", "points", "labels", "method", "classes"])
def test_another_task_is_refused(change: str, tmp_path: Path) -> None:
    robust_memorizer(POINTS, SIGNS, radius=0.01, p=2, shell=0.005, small="all").save(tmp_path / "f.npz")
    task: dict[str, Any] = {"radius": 0.01, "p": 2, "shell": 0.005}
    points, labels = POINTS, SIGNS
    if change == "points":
        points = POINTS[::-1]
    elif change == "labels":
        labels = [-label for label in SIGNS]
    elif change == "classes":
        labels = NAMES
    else:
        task[change] = {"radius": 0.009, "shell": 0.004, "p": np.inf, "method": "per_point"}[change]
    with pytest.raises(ValueError, match=r"must hold the network of a robust_memorizer of these points.*as they were"):
        Memorizer.load(tmp_path / "f.npz", points, labels, **task)


def test_a_weight_that_was_changed_is_seen(tmp_path: Path) -> None:
    built = robust_memorizer(POINTS, SIGNS, radius=0.01, p=2, small="all").network
    for k, layer in enumerate(built.layers):
        bias = layer.bias.copy()
        bias[0] = np.nextafter(bias[0], np.inf)
        changed = [(f.weight, bias if j == k else f.bias) for j, f in enumerate(built.layers)]
        ReLUNetwork(network(*changed).layers, built.classes).save(tmp_path / "f.npz")
        with pytest.raises((ValueError, AssumptionError)):
            Memorizer.load(tmp_path / "f.npz", POINTS, SIGNS, radius=0.01, p=2)


def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f.npz").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="is not a network saved by"):
        Memorizer.load(tmp_path / "f.npz", POINTS, SIGNS, radius=0.01, p=2)
    with pytest.raises(FileNotFoundError):
        Memorizer.load(tmp_path / "g.npz", POINTS, SIGNS, radius=0.01, p=2)


@pytest.mark.parametrize("dtype", [None, torch.float64, torch.float32])
def test_as_a_torch_module(dtype: Any) -> None:
    built = robust_memorizer(POINTS, SIGNS, radius=0.01, p=2, small="all")
    module = built.to_torch(dtype=dtype, dense=True)
    values = module(torch.tensor(POINTS, dtype=torch.float32))
    assert values.dtype == (dtype or torch.float64)
    assert torch.sign(values)[:, 0].tolist() == SIGNS
