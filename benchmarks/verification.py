"""The front door `certify` on networks of VNN-COMP's kinds, made here, against linear bounds, PGD and CROWN.

Counts: what intervals, the linear bound alone and `certify` prove, and what it refutes. *PGD* refutes by 20 steps from
5 random starts, as it is commonly written: the greater count of cross entropy and margin loss. Times are of the
processor, one thread, medians over balls that are given one by one, of a network that both have seen before. CROWN is
that of auto_LiRPA in float32, in the Python that VERIFIERS_PYTHON names; without one it is not compared. It ends where
`certify` goes on: a ball that both leave open costs `certify` an attack and a search for slopes besides. The
acasxu-like instances are boxes with properties of VNN-COMP's forms; decided are those that took at most 60 s.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from constructions import Affine, ReLUNetwork, certify, load_sample
from constructions.certificates.decision import decide_regions
from constructions.certificates.gradient_attack import gradient_attack
from constructions.networks.reading import read_network
from theory.balls.regions import Regions, boxes
from theory.balls.relaxation import margin_lower_bound
from theory.balls.violations import Violations, unions

BALLS, TIMED, ATTACKED = 100, 15, 500
RADII = (0.01, 0.02, 0.03, 0.05)
# Of the boxes, and from which seed on.
BOXES, FIRST_SEED, SECONDS = 20, 100, 60.0
COLUMNS = (
    *("intervals", "linear", "proved", "refuted", "PGD refutes"),
    *("ms", "CROWN proves", "CROWN ms", "times CROWN", "peer"),
)
ROOT = Path(__file__).parents[1]


def rows() -> list[dict[str, Any]]:
    with threadpool_limits(1):
        images, digits = map(np.asarray, load_sample("mnist5k"))
        found = []
        for depth in (2, 4, 6):
            network = read_network(_trained(_stack(784, *[256] * depth, 10), images, digits, epochs=8))
            chosen = np.random.default_rng(0).permutation(len(images))
            name = f"mnist5k, {depth} x 256"
            found += [_balls(name, network, images[chosen], digits[chosen], radius) for radius in RADII]
            if depth == 4:
                some = images[chosen[:ATTACKED]], digits[chosen[:ATTACKED]], 0.05
                found += [_attacked(name, network, *some, scale) for scale in (1.0, 100.0)]
        found.append(_together(found))
        images, labels = map(np.asarray, load_sample("cifar10"))
        images = images.reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2)
        module = _trained(_convolutions(), images, labels, epochs=4)
        chosen = np.random.default_rng(0).permutation(len(images))
        for radius in (1 / 255, 2 / 255):
            found.append(_balls("cifar10, 2 convolutions", module, images[chosen], labels[chosen], radius, timed=5))
        for name, build in (("trained", _smooth), ("random", _random)):
            found.append(_boxes(f"5 inputs, 6 x 50, {name}", build))
    return found


def _together(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over all timed balls of the rows that have both times, which are taken out of these."""
    both = [(row.pop("taken"), row.pop("peer taken")) for row in found if "peer taken" in row]
    if not both:
        return _row("all of these", "l_inf", 0)
    ours, peer = (1e3 * float(np.median(np.concatenate(taken))) for taken in zip(*both, strict=True))
    count = sum(len(taken) for taken, _ in both)
    return _row("all of these", "l_inf", count, **{"ms": ours, "CROWN ms": peer, "times CROWN": ours / peer})


def _row(name: str, regions: str, instances: int, **found: Any) -> dict[str, Any]:
    return {"network": name, "regions": regions, "instances": instances, **{c: found.get(c, "–") for c in COLUMNS}}


def _balls(
    name: str, model: Any, images: np.ndarray, labels: np.ndarray, radius: float, *, timed: int = TIMED
) -> dict[str, Any]:
    """Balls of p = ∞ around rightly classified images."""
    network = read_network(model, input_shape=images.shape[1:])
    vectors, first = images.reshape(len(images), -1), labels[: 4 * BALLS]
    right = np.flatnonzero(network(vectors[: 4 * BALLS]).argmax(axis=1) == first)[:BALLS]
    points, own = vectors[right], labels[right]
    bounds = [margin_lower_bound(network.layers, points, own, radius, np.inf, method=m) for m in ("interval", "linear")]
    found = certify(model, images[right], own, radius, np.inf)
    assert (found.certified | ~(bounds[1] > 0)).all()
    taken = []
    for k in range(timed):
        started = time.process_time()
        certify(network, points[[k]], own[[k]], radius, np.inf)
        taken.append(time.process_time() - started)
    ours = 1e3 * float(np.median(taken))
    peer = _crown(network, points[:timed], own[:timed], radius) if model is network else {}
    if "CROWN ms" in peer:
        peer["times CROWN"] = ours / peer["CROWN ms"]
    row = _row(
        name,
        f"l_inf {radius:.3g}",
        len(points),
        **{
            "intervals": int((bounds[0] > 0).sum()),
            "linear": int((bounds[1] > 0).sum()),
            "proved": found.count("certified"),
            "refuted": found.count("refuted"),
            "ms": ours,
            **peer,
        },
    )
    return row | ({"taken": taken, "peer taken": peer["seconds"]} if "seconds" in peer else {})


def _attacked(
    name: str, network: ReLUNetwork, images: np.ndarray, digits: np.ndarray, radius: float, scale: float
) -> dict[str, Any]:
    """Refutations only: of all images, with logits as they are or multiplied."""
    last = network.layers[-1]
    scaled = ReLUNetwork((*network.layers[:-1], Affine(scale * last.weight, scale * last.bias)))
    found = certify(scaled, images, digits, radius, np.inf)
    theirs = [int(_pgd(scaled, images, digits, radius, loss).sum()) for loss in ("cross entropy", "margin")]
    title = f"{name}, logits x {scale:g}"
    counts = {"proved": found.count("certified"), "refuted": found.count("refuted"), "PGD refutes": max(theirs)}
    return _row(title, f"l_inf {radius:.3g}", len(images), **counts)


def _boxes(name: str, build: Any) -> dict[str, Any]:
    """Boxes with properties of VNN-COMP's forms; `ms` is the median for one of them."""
    proved = refuted = 0
    taken = []
    for seed in range(FIRST_SEED, FIRST_SEED + BOXES):
        network, box, wrong = _instance(seed, build)
        started = time.process_time()
        found = decide_regions(network.layers, box, wrong, seconds=SECONDS)
        taken.append(time.process_time() - started)
        proved, refuted = proved + int(found.lower[0] > 0), refuted + len(found.witnesses)
        print(f"{name}, seed {seed}: {found.lower[0]:.3g}, {len(found.witnesses)} witnesses, {taken[-1]:.1f} s",
              file=sys.stderr, flush=True)  # fmt: skip
    return _row(name, f"boxes, {SECONDS:g} s", BOXES, proved=proved, refuted=refuted, ms=1e3 * float(np.median(taken)))


def _instance(seed: int, build: Any) -> tuple[ReLUNetwork, Regions, Violations]:
    """A box, and what is not allowed in it: that one output is least, or not the greatest, or below a number.

    Thresholds are next to the least value that an attack finds, so that it takes work to tell.
    """
    rng = np.random.default_rng(seed)
    network = build(seed)
    middle, half = rng.uniform(-0.5, 0.5, 5), rng.choice([0.05, 0.1, 0.2, 0.4])
    low, high = middle - half, middle + half
    own = int(rng.integers(5))
    rivals = [np.eye(5)[own] - np.eye(5)[j] for j in range(5) if j != own]
    forms = ([np.stack(rivals)], [row[None] for row in rivals], [np.eye(5)[[own]]])[int(rng.integers(3))]
    outputs = network(rng.uniform(low, high, (20_000, 5)))
    values = np.min([(outputs @ form.T).max(axis=1) for form in forms], axis=0)
    box = boxes(low[None], high[None])
    least, _ = gradient_attack(network, box, unions([[(form, np.zeros(len(form))) for form in forms]], 5))
    threshold = min(values.min(), least[0]) + rng.choice([-1.0, -0.3, -0.1, 0.02]) * values.std()
    return network, box, unions([[(form, np.full(len(form), threshold)) for form in forms]], 5)


def _random(seed: int) -> ReLUNetwork:
    rng = np.random.default_rng(seed)
    widths = pairwise([5, *[50] * 6, 5])
    return ReLUNetwork(
        tuple(Affine(rng.normal(size=(b, a)) * np.sqrt(2 / a), 0.1 * rng.normal(size=b)) for a, b in widths)
    )


def _smooth(seed: int) -> ReLUNetwork:
    """Trained on scores that are sums of waves of the inputs."""
    import torch

    rng = np.random.default_rng(seed)
    frequency, phase = rng.normal(size=(5, 8, 5)) * 1.5, rng.uniform(0, 2 * np.pi, (5, 8))
    x = rng.uniform(-1, 1, (10_000, 5))
    y = np.sin(np.einsum("ksd,nd->nks", frequency, x) + phase).sum(axis=2) / np.sqrt(8)
    return read_network(_trained(_stack(5, *[50] * 6, 5), x, y, epochs=15, loss=torch.nn.functional.mse_loss))


def _stack(*widths: int) -> Any:
    import torch

    torch.manual_seed(0)
    affine = [torch.nn.Linear(a, b) for a, b in pairwise(widths)]
    return torch.nn.Sequential(*[part for layer in affine for part in (layer, torch.nn.ReLU())][:-1])


def _convolutions() -> Any:
    from torch import manual_seed, nn

    manual_seed(0)
    features = [nn.Conv2d(3, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 4, 2, 1), nn.ReLU(), nn.Flatten()]
    return nn.Sequential(*features, nn.Linear(1024, 100), nn.ReLU(), nn.Linear(100, 10))


def _trained(module: Any, points: np.ndarray, targets: np.ndarray, *, epochs: int, loss: Any = None) -> Any:
    import torch

    torch.set_num_threads(1)
    loss = torch.nn.functional.cross_entropy if loss is None else loss
    x = torch.tensor(points, dtype=torch.float32)
    y = torch.tensor(targets).long() if targets.ndim == 1 else torch.tensor(targets, dtype=torch.float32)
    adam = torch.optim.Adam(module.parameters(), 1e-3)
    for _ in range(epochs):
        for some in torch.randperm(len(x)).split(100):
            adam.zero_grad()
            loss(module(x[some]), y[some]).backward()
            adam.step()
    return module.eval()


def _pgd(network: ReLUNetwork, points: np.ndarray, labels: np.ndarray, radius: float, loss: str) -> np.ndarray:
    """PGD-20 with 5 random starts and steps of a quarter of the radius, in float32."""
    import torch
    from torch.nn import functional

    layers = [(torch.tensor(f.weight).float(), torch.tensor(f.bias).float()) for f in network.layers]

    def logits(x: Any) -> Any:
        for k, (weight, bias) in enumerate(layers):
            x = functional.linear(x.relu() if k else x, weight, bias)
        return x

    centre, y = torch.tensor(points).float(), torch.tensor(labels).long()
    random = torch.Generator().manual_seed(0)
    wrong = torch.zeros(len(points), dtype=torch.bool)
    for _ in range(5):
        x = centre + radius * (2 * torch.rand(centre.shape, generator=random) - 1)
        for _ in range(20):
            x = x.requires_grad_()
            outputs = logits(x)
            if loss == "cross entropy":
                value = functional.cross_entropy(outputs, y, reduction="sum")
            else:
                own = outputs.gather(1, y[:, None])
                value = (outputs.scatter(1, y[:, None], -np.inf).max(dim=1, keepdim=True).values - own).sum()
            (slope,) = torch.autograd.grad(value, x)
            x = centre + (x.detach() + radius / 4 * slope.sign() - centre).clamp(-radius, radius)
        with torch.no_grad():
            wrong |= logits(x).argmax(dim=1) != y
    return np.asarray(wrong.numpy())


def _crown(network: ReLUNetwork, points: np.ndarray, labels: np.ndarray, radius: float) -> dict[str, Any]:
    """What CROWN proves, and its milliseconds, where there is a Python that has auto_LiRPA."""
    python = os.environ.get("VERIFIERS_PYTHON")
    if python is None:
        return {"peer": "not compared"}
    with tempfile.TemporaryDirectory() as folder:
        network.save(Path(folder) / "network.npz")
        np.savez(Path(folder) / "balls.npz", points=points, labels=labels, radius=radius)
        found = _answer([python, "-W", "ignore", "-m", "benchmarks.peers.crown", folder])
    return {
        "CROWN proves": f"{sum(found['proved'])} of {len(points)}",
        "CROWN ms": 1e3 * float(np.median(found["seconds"])),
        "seconds": found["seconds"],
        "peer": found["version"],
    }


def _answer(command: Sequence[str]) -> Any:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=ROOT)
    return json.loads(done.stdout.splitlines()[-1])
