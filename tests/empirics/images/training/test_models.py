"""Networks by name: sizes known in the field, seeds; a constructed memorizer under the same attacks."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, softplus

from constructions import Affine, ReLUNetwork, robust_memorizer
from empirics.images.training.attacks import correct, perturb, pgd, robust_correct
from empirics.images.training.data import load_images
from empirics.images.training.models import as_classifier, build_model


def parameters(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("name", "shape", "width", "count"),
    [
        # LeNet5 as everybody counts it; ResNet9 of the fast-training literature.
        ("lenet5", (1, 28, 28), 1, 61706),
        ("resnet9", (3, 32, 32), 64, 6573120),
        ("mlp", (1, 28, 28), 256, 784 * 256 + 256 + 256 * 256 + 256 + 256 * 10 + 10),
        # Every convolution but the first shrinks by the square.
        ("resnet9", (3, 32, 32), 16, 3 * 16 * 9 + (6573120 - 3 * 64 * 9 - 4480 - 5120) // 16 + (4480 + 5120) // 4),
    ],
)
def test_known_parameter_counts(name: str, shape: tuple[int, int, int], width: int, count: int) -> None:
    assert parameters(build_model(name, shape, 10, width=width)) == count


@pytest.mark.parametrize("name", ["lenet5", "resnet9", "mlp"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (1, 13, 9)])
def test_logits_and_seeds(name: str, shape: tuple[int, int, int]) -> None:
    state = torch.random.get_rng_state()
    model, again, other = (build_model(name, shape, 7, width=4, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(state, torch.random.get_rng_state()), "the caller's generator was used"
    x = torch.rand(3, *shape)
    assert model(x).shape == (3, 7)
    assert torch.equal(model(x), again(x))
    assert not torch.equal(model(x), other(x))


@pytest.mark.parametrize("name", ["lenet5", "resnet9", "mlp"])
def test_the_width_multiplies_the_parameters(name: str) -> None:
    counts = [parameters(build_model(name, (1, 28, 28), 10, width=width)) for width in (4, 8, 16)]
    assert counts[0] < counts[1] / 1.5
    assert counts[1] < counts[2] / 1.5
    assert parameters(build_model(name, (1, 28, 28), 10)) == parameters(
        build_model(name, (1, 28, 28), 10, width={"lenet5": 1, "resnet9": 64, "mlp": 256}[name])
    )


@pytest.mark.parametrize(
    ("name", "shape", "classes", "width", "message"),
    [
        ("lenet", (1, 28, 28), 10, 1, "lenet5, resnet9, mlp, or package.module:builder, got 'lenet'"),
        ("lenet5", (1, 3, 28), 10, 1, "4x4 pixels"),
        ("resnet9", (3, 4, 4), 10, 1, "8x8 pixels"),
        ("mlp", (0, 8, 8), 10, 1, "a channel"),
        ("mlp", (1, 8, 8), 1, 1, "two classes"),
        ("mlp", (1, 8, 8), 10, 0, "width must be positive, got 0"),
        ("resnet9", (1, 8, 8), 10, -1.0, "width must be positive"),
        ("lenet5", (1, 8, 8), 10, math.nan, "width must be positive, got nan"),
    ],
)
def test_bad_models_are_refused(name: str, shape, classes: int, width: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_model(name, shape, classes, width=width)


# -- constructed networks


def test_one_output_becomes_two_logits() -> None:
    """The cross entropy is the logistic loss, and gradients arrive in the images' type."""
    network = ReLUNetwork((Affine(np.array([[1.0, -2.0, 0.5, 0.0]]), np.array([0.25])),))
    model = as_classifier(network)
    x = torch.rand(5, 1, 2, 2, requires_grad=True)
    logits = model(x)
    f = torch.from_numpy(network(x.detach().double().reshape(5, 4).numpy())).reshape(-1)
    assert logits.dtype == torch.float64
    assert logits.shape == (5, 2)
    for sign in (-1, 1):
        labels = torch.full((5,), (sign + 1) // 2)
        torch.testing.assert_close(cross_entropy(logits, labels, reduction="none"), softplus(-sign * f))
    (gradient,) = torch.autograd.grad(logits[:, 1].sum(), x)
    assert gradient.dtype == torch.float32
    assert gradient[0].flatten().tolist() == [1.0, -2.0, 0.5, 0.0]


@pytest.mark.parametrize("signed", [False, True])
def test_no_attack_breaks_a_certified_memorizer(signed: bool) -> None:
    """Inside the radius it is certified; far outside the same attack does break it."""
    images = load_images("digits", train=60, test=10).train
    points = images.x.flatten(1).double().numpy()
    digits = images.y.numpy()
    labels = np.where(digits % 2, 1, -1) if signed else digits
    built = robust_memorizer(points, labels, radius=0.1, p=math.inf, shell=0.02)
    assert built.certify().error_bracket == (0, 0)
    model, y = as_classifier(built.network), torch.from_numpy((labels + 1) // 2 if signed else labels)
    assert correct(model, images.x, y).all()
    generator = torch.Generator().manual_seed(0)
    found = perturb(model, images.x, y, pgd(0.1, 10, restarts=2), generator)
    assert found.dtype == torch.float32
    assert correct(model, found, y).all()
    assert robust_correct(model, images.x, y, pgd(0.1, 10, restarts=2), generator).all()
    assert not robust_correct(model, images.x, y, pgd(0.6, 10, clip=False), generator).all()
