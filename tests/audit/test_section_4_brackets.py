"""Section 4, both measures proved from above: small ReLU networks after adversarial and after clean training."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

RADIUS = 0.1
RADII = np.array([0.0, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2])
# Okabe and Ito's, and hatched, so that they are told apart in grey as well.
STYLES = {"adversarial training": ("#0072B2", "-", None), "clean training": ("#E69F00", "--", "///")}
MEASURES = ("gradient_norm", "loss_change")


@dataclass(frozen=True, eq=False)
class Proved:
    """One network with brackets of three averages over its images, each shape (2, radii): below and above."""

    network: Any
    gradient_norm: np.ndarray
    loss_change: np.ndarray
    robust_accuracy: np.ndarray


@pytest.fixture(scope="module")
def images() -> tuple[np.ndarray, np.ndarray]:
    """40 images of a 3 or an 8, by 4 x 4 pixels, and labels 0 and 1."""
    from sklearn.datasets import load_digits

    points, labels = load_digits(return_X_y=True)
    wanted = np.random.default_rng(0).permutation(np.flatnonzero(np.isin(labels, (3, 8))))[:40]
    coarse = points[wanted].reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)) / 16
    return coarse.reshape(-1, 16), (labels[wanted] == 8).astype(np.int64)


@pytest.fixture(scope="module")
def proved(images: tuple[np.ndarray, np.ndarray]) -> dict[str, Proved]:
    from empirics.images.training.models import two_logits
    from empirics.small_networks import train_adversarially

    points, labels = images
    found = {}
    for name, radius in (("adversarial training", RADIUS), ("clean training", 1e-9)):
        (trained,) = train_adversarially(points[None], 2 * labels[None] - 1, radius, width=16, steps=120)
        found[name] = brackets(two_logits(trained), points[:12], labels[:12])
    return found


def brackets(network: Any, points: np.ndarray, labels: np.ndarray) -> Proved:
    from empirics.images.flatness.bracket import flatness_brackets, flatness_range
    from theory.balls.relaxation import margin_lower_bound

    found = flatness_brackets(network, points, labels, RADII, clip=True, steps=8, gradient_steps=8)
    measures = {
        name: np.array([[getattr(at, name).lower.mean(), getattr(at, name).upper.mean()] for at in found]).T
        for name in MEASURES
    }
    # Two classes: wrong where the loss is log 2 or more.
    start = flatness_range(network, points, labels, 0.0, clip=False).loss[0]
    refuted = np.array([start + at.loss_change.lower > np.log(2) * (1 + 1e-12) for at in found])
    certified = np.array(
        [margin_lower_bound(network.layers, points, labels, float(radius), np.inf) > 0 for radius in RADII]
    )
    assert not (refuted & certified).any()
    return Proved(network, **measures, robust_accuracy=np.array([certified.mean(axis=1), 1 - refuted.mean(axis=1)]))


def sampled(network: Any, points: np.ndarray, labels: np.ndarray, radius: float) -> dict[str, float]:
    """A second route to lower bounds: values of torch at random vertices of the balls in [0, 1]^d."""
    import torch

    from constructions.networks.torch_module import to_torch

    model, rng = to_torch(network).eval(), np.random.default_rng(1)
    y = torch.from_numpy(labels)
    start = torch.nn.functional.cross_entropy(model(torch.tensor(points)), y, reduction="none").detach()
    norm, change = torch.zeros(2, len(points), dtype=torch.float64)
    for _ in range(10):
        vertex = np.clip(points + radius * rng.choice([-1, 1], points.shape), 0, 1)
        x = torch.tensor(vertex, requires_grad=True)
        loss = torch.nn.functional.cross_entropy(model(x), y, reduction="none")
        (gradient,) = torch.autograd.grad(loss.sum(), x)
        norm = torch.maximum(norm, gradient.abs().sum(dim=1))
        change = torch.maximum(change, loss.detach() - start)
    return {"gradient_norm": float(norm.mean()), "loss_change": float(change.mean())}


def breached(one: Proved, points: np.ndarray, labels: np.ndarray) -> int:
    """At how many radii a sampled average is above what was proved."""
    seen = [sampled(one.network, points, labels, radius) for radius in RADII]
    return sum(seen[k][name] > getattr(one, name)[1, k] * (1 + 1e-9) for name in MEASURES for k in range(len(RADII)))


@pytest.mark.statement("definition-maximum-gradient-norm", form="repaired")
@pytest.mark.statement("definition-maximum-loss-change", form="repaired")
def test_adversarial_training_flattens_and_that_is_proved(
    proved: dict[str, Proved],
    images: tuple[np.ndarray, np.ndarray],
    figure_path: Callable[[str], Path],
    record: Any,
) -> None:
    """At the training radius and inside, what is proved above is below what was found after clean training."""
    points, labels = (part[:12] for part in images)
    for one in proved.values():
        assert breached(one, points, labels) == 0
        for name in (*MEASURES, "robust_accuracy"):
            low, high = getattr(one, name)
            assert (low <= high).all()
    adversarial, clean = proved["adversarial training"], proved["clean training"]
    near = (RADII >= 0.04) & (RADII <= RADIUS)
    for name in MEASURES:
        assert (getattr(adversarial, name)[1, near] < getattr(clean, name)[0, near]).all()
        # The searches miss little, and the bounds are not loose: what the README says.
        for one in proved.values():
            low, high = getattr(one, name)
            assert (high[near] < 3 * low[near]).all()
    k = int(np.flatnonzero(RADII == RADIUS)[0])
    assert adversarial.robust_accuracy[0, k] > clean.robust_accuracy[1, k]
    draw(proved, figure_path("flatness_brackets.png"))
    record("examples", 2 * len(points) * len(RADII))


def test_bounds_of_a_flatter_network_are_caught(
    proved: dict[str, Proved], images: tuple[np.ndarray, np.ndarray]
) -> None:
    """The planted fault: what was proved of the network after adversarial training, said of the other one."""
    points, labels = (part[:12] for part in images)
    wrong = replace(proved["adversarial training"], network=proved["clean training"].network)
    assert breached(wrong, points, labels) > len(RADII)


def draw(proved: dict[str, Proved], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(11, 4.2), layout="constrained")
    labels = {
        "gradient_norm": r"mean of max $\|\nabla_x L\|_1$",
        "loss_change": r"mean of max $L(x+\xi)-L(x)$, nats",
        "robust_accuracy": "share of images robust at ε",
    }
    for axis, (measure, label) in zip(axes, labels.items(), strict=True):
        for name, one in proved.items():
            colour, line, hatch = STYLES[name]
            low, high = getattr(one, measure)
            axis.fill_between(RADII, low, high, facecolor=colour, edgecolor=colour, alpha=0.3, hatch=hatch, label=name)
            for edge in (low, high):
                axis.plot(RADII, edge, color=colour, linestyle=line)
        axis.axvline(RADIUS, color="black", linewidth=0.7, linestyle=":")
        axis.set(xlabel=r"$\ell_\infty$ radius ε of the balls, pixels in [0, 1]", ylabel=label)
    axes[0].set_yscale("log")
    axes[1].set_yscale("symlog", linthresh=1e-2)
    axes[1].set_ylim(0)
    axes[2].set_ylim(0, 1.03)
    figure.suptitle(
        "Definitions of section 4, maximum gradient norm and loss change: between found and proved", fontsize="medium"
    )
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2)
    figure.savefig(path, dpi=150)
    plt.close(figure)
