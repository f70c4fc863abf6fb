"""Attacks: exact worst cases of affine classifiers, points that stay in ball and box, other libraries' results."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from empirics.images.training.attacks import (
    ALL_LOSSES,
    Attack,
    _losses,
    _magnitude,
    correct,
    fgsm,
    perturb,
    pgd,
    projection,
    random_offsets,
    robust_correct,
)
from empirics.images.training.models import Scale, build_model

exponents = st.sampled_from([2.0, math.inf])
INF = math.inf


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def affine(dim: int, seed: int = 0) -> nn.Sequential:
    """Two classes; the worst point of a ball is known."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(dim, 2))
    with torch.no_grad():
        model[1].weight.copy_(torch.randn(2, dim, generator=seeded(seed)))
    return model


def distance(z: torch.Tensor, x: torch.Tensor, p: float) -> torch.Tensor:
    """Of each item; differences of floats in [0, 1] and their sums of squares with an error of 1e-15."""
    return torch.linalg.vector_norm((z.double() - x.double()).flatten(1), ord=p, dim=1)


@pytest.fixture
def images() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(20, 1, 4, 4, generator=seeded(1)), torch.randint(2, (20,), generator=seeded(2))


# -- the worst case of affine classifiers


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("attack", [fgsm(0.25, random_start=False), pgd(0.25, 10), pgd(0.25, 3, restarts=2)])
def test_the_worst_corner_of_an_affine_classifier(attack: Attack, clip: bool, images) -> None:
    x, y = images
    model = affine(16)
    attack = Attack(**{**vars(attack), "clip": clip})
    towards = model[1].weight[1 - y] - model[1].weight[y]
    worst = x + 0.25 * towards.sign().reshape(x.shape)
    worst = worst.clamp(0, 1) if clip else worst
    found = perturb(model, x, y, attack, seeded())
    # The bounds are rounded inwards: by one unit in the last place at most.
    assert (found - worst).abs().max() <= 2**-23
    torch.testing.assert_close(found, worst, rtol=0, atol=2**-23)


@pytest.mark.parametrize("attack", [fgsm(0.5, p=2, random_start=False), pgd(0.5, 40, p=2, step_size=0.25)])
def test_the_worst_point_of_a_euclidean_ball(attack: Attack, images) -> None:
    x, y = images
    model = affine(16)
    towards = model[1].weight[1 - y] - model[1].weight[y]
    worst = x + 0.5 * (towards / towards.norm(dim=1, keepdim=True)).reshape(x.shape)
    found = perturb(model, x, y, Attack(**{**vars(attack), "clip": False}), seeded())
    torch.testing.assert_close(found, worst, rtol=0, atol=2e-5)


def test_fitted_images_are_attacked_in_half_precision_too(images) -> None:
    """Their gradients are below the least number of float16, and only directions count."""
    x, y = images
    model = affine(x[0].numel())
    with torch.no_grad():
        model[1].weight.mul_(1e-3)
        # Far on the right side: p - y is about 1e-6.
        model[1].bias.copy_(torch.tensor([14.0, 0.0]))
    y = torch.zeros_like(y)
    attack = fgsm(0.25, random_start=False)
    right = perturb(model, x, y, attack)
    with torch.autocast("cpu", dtype=torch.float16):
        half = perturb(model, x, y, attack)
    assert (right != x).flatten(1).any(dim=1).all()
    assert torch.equal(half, right)


def test_powers_of_two_do_not_change_a_step() -> None:
    losses = torch.tensor([0.0, 1e-30, 1e-7, 0.3, 1.0, 17.0, 1e12])
    found = _magnitude(losses)
    assert (torch.frexp(found)[0] == 0.5).all()
    ordinary = slice(2, 6)
    assert ((found * losses)[ordinary] >= 0.5).all()
    assert ((found * losses)[ordinary] < 1).all()


def test_one_step_from_a_random_start_misses_some_coordinates(images) -> None:
    """So the exact test above would notice a start that is not taken."""
    x, y = images
    exact, one = (perturb(affine(16), x, y, attack, seeded()) for attack in (pgd(0.25, 10), fgsm(0.25)))
    assert not torch.equal(exact, one)
    assert distance(one, x, INF).max() <= 0.25


def test_a_step_of_the_wrong_sign_would_be_seen(images) -> None:
    x, y = images
    model = affine(16)
    assert correct(model, perturb(model, x, y, pgd(0.3, 5), seeded()), y).sum() < correct(model, x, y).sum()
    assert correct(model, perturb(model, x, 1 - y, pgd(0.3, 5), seeded()), y).sum() > correct(model, x, y).sum()


# -- ball and box


@given(
    st.integers(0, 2**32),
    exponents,
    st.floats(0, 2),
    st.booleans(),
    st.sampled_from([torch.float32, torch.float64]),
    st.sampled_from([(1, 2, 2), (1, 28, 28), (3, 8, 8)]),
)
def test_a_projection_is_in_the_ball_as_a_real_number(seed, p, radius, clip, dtype, shape) -> None:
    generator = seeded(seed)
    x = torch.rand(4, *shape, generator=generator, dtype=dtype)
    z = x + 3 * radius * torch.randn(4, *shape, generator=generator, dtype=dtype)
    z[0] = x[0]
    inside = projection(x, Attack(radius, 1, 0.1, p, clip=clip))(z)
    # In float64 images the reference is rounded itself: d units in its last place.
    slack = 1 + (0 if dtype == torch.float32 and p == INF else x[0].numel() * 2**-52)
    assert (distance(inside, x, p) <= radius * slack).all()
    if p == INF:
        # However a user subtracts, in the images' own type too.
        assert (inside - x).abs().max().item() <= radius
    if clip:
        assert inside.min() >= 0
        assert inside.max() <= 1
    assert torch.equal(inside[0], x[0])


@given(st.floats(1e-3, 0.5), st.integers(0, 2**32))
def test_a_projection_moves_no_further_than_it_must(radius: float, seed: int) -> None:
    x = torch.rand(3, 1, 5, 5, generator=seeded(seed))
    z = x + torch.randn(3, 1, 5, 5, generator=seeded(seed + 1))
    corner = projection(x, Attack(radius, 1, 0.1, clip=False))(z)
    wanted = x + (z - x).clamp(-radius, radius)
    assert (corner - wanted).abs().max() <= 2**-22
    ball = projection(x, Attack(radius, 1, 0.1, 2, clip=False))(z)
    assert (distance(ball, x, 2) >= torch.minimum(distance(z, x, 2), torch.tensor(radius)) - 1e-5).all()


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("radius", [0.0, 0.1, 8 / 255, 1.0])
@pytest.mark.parametrize("p", [2.0, INF])
def test_attacks_stay_in_ball_and_box(p: float, radius: float, clip: bool) -> None:
    x, y = torch.rand(10, 1, 8, 8, generator=seeded(3)), torch.randint(10, (10,), generator=seeded(4))
    x[0], x[1] = 0, 1
    model = build_model("mlp", (1, 8, 8), 10, width=20)
    for attack in (
        fgsm(radius, p=p, clip=clip),
        pgd(radius, 4, p=p, clip=clip),
        pgd(radius, 2, p=p, restarts=3, clip=clip),
    ):
        found = perturb(model, x, y, attack, seeded())
        assert found.dtype == x.dtype
        assert not found.requires_grad
        assert (distance(found, x, p) <= radius).all()
        if clip:
            assert found.min() >= 0
            assert found.max() <= 1
        if radius == 0:
            assert torch.equal(found, x)
    assert torch.equal(x[1], torch.ones(1, 8, 8)), "the images themselves were changed"


def test_starts_are_uniform_in_the_ball() -> None:
    attack = pgd(0.5, 1, p=2, restarts=2)
    lengths = random_offsets((20000, 1, 1, 3), attack, seeded()).flatten(2).norm(dim=2)
    assert lengths.shape == (2, 20000)
    assert lengths.max() <= 0.5 * (1 + 1e-6)
    # P(length <= 0.5 s) = s^3: a binomial share of 40,000, of deviation 0.0025 at most.
    for s in (0.3, 0.5, 0.8):
        assert abs((lengths <= 0.5 * s).double().mean() - s**3) < 5 * 0.0025
    corner = random_offsets((40000, 1), pgd(0.5, 1), seeded())
    assert abs((corner <= 0.1).double().mean() - 0.6) < 5 * 0.0025
    assert not random_offsets((5, 1), pgd(0.5, 1, random_start=False), seeded()).any()


# -- the best point


@given(st.integers(0, 1000), exponents, st.floats(0.01, 1), st.integers(0, 3))
def test_the_best_point_is_never_worse_than_the_image(seed: int, p: float, radius: float, steps: int) -> None:
    """Steps of twice the radius jump about, so that the last point is often not the best."""
    x, y = torch.rand(6, 1, 4, 4, generator=seeded(seed)), torch.randint(3, (6,), generator=seeded(seed))
    model = build_model("mlp", (1, 4, 4), 3, width=6, seed=seed)
    attack = pgd(radius, steps, step_size=2 * radius, p=p, keep_best=True)
    losses = [
        nn.functional.cross_entropy(model(z), y, reduction="none")
        for z in (x, perturb(model, x, y, attack, seeded(seed)))
    ]
    assert (losses[1] >= losses[0] - 1e-6).all()
    # More restarts, of which the first is the same, are no worse either.
    more = perturb(model, x, y, Attack(**{**vars(attack), "restarts": 3}), seeded(seed))
    assert (nn.functional.cross_entropy(model(more), y, reduction="none") >= losses[0] - 1e-6).all()


def test_restarts_refute_no_less() -> None:
    x, y = torch.rand(100, 1, 4, 4, generator=seeded(5)), torch.randint(3, (100,), generator=seeded(6))
    model = build_model("mlp", (1, 4, 4), 3, width=30, seed=1)
    y = model(x).argmax(dim=1)
    # No steps: a random search, which one draw leaves far from done.
    once, often = (robust_correct(model, x, y, Attack(0.1, 0, 0, restarts=k), seeded()) for k in (1, 50))
    assert 0 < often.sum() < once.sum() < 100
    assert not (often & ~once).any()


def test_offsets_replace_the_generator(images) -> None:
    """So several processes can attack the parts of a batch as one attacks it whole."""
    x, y = images
    model, attack = affine(16), pgd(0.1, 2, restarts=2)
    whole = perturb(model, x, y, attack, seeded(7))
    offsets = random_offsets(x.shape, attack, seeded(7))
    part = perturb(model, x[1::2], y[1::2], attack, offsets=offsets[:, 1::2])
    torch.testing.assert_close(part, whole[1::2], rtol=0, atol=1e-6)


# -- the unit of the logits


@pytest.fixture(scope="module")
def sure() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """A network that has fitted the digits, and so has large logits; test images."""
    from empirics.images.training.data import load_images
    from empirics.images.training.recipe import Recipe
    from empirics.images.training.training import train

    split = load_images("digits", train=600, test=200)
    model = build_model("mlp", split.train.shape, 10, width=128)
    train(model, split, Recipe(20, None, batch=50, learning_rate=5e-3, optimizer="adam", weight_decay=0))
    return model, split.test.x, split.test.y


def robust_images(sure, factor: float, **options) -> int:
    model, x, y = sure
    return int(robust_correct(nn.Sequential(model, Scale(factor)), x, y, pgd(0.1, 20), seeded(), **options).sum())


def test_robust_accuracy_does_not_depend_on_the_unit_of_the_logits(sure) -> None:
    """The planted fault: on the cross entropy alone it does, both ways."""
    ours = [robust_images(sure, factor) for factor in (0.01, 1.0, 100.0, 1e6)]
    # Factors that are no powers of two are rounded, and a sign may turn.
    assert max(ours) - min(ours) <= 1
    blind = [robust_images(sure, factor, losses=("cross_entropy",)) for factor in (0.01, 1.0, 100.0)]
    assert blind[0] > blind[1] + 20
    assert blind[2] > blind[1] + 20
    # And none of them finds more.
    assert max(ours) <= min(blind) + 2
    for loss in ("scaled", "margin"):
        alone = [robust_images(sure, factor, losses=(loss,)) for factor in (2.0**-7, 1.0, 2.0**7)]
        assert alone[0] == alone[1] == alone[2] >= max(ours)


def test_an_image_stays_robust_only_if_both_ascents_fail(sure) -> None:
    model, x, y = sure
    attack = pgd(0.1, 20)
    both = robust_correct(model, x, y, attack, seeded())
    scaled = robust_correct(model, x, y, attack, seeded(), losses=("scaled",))
    # The first ascent has the same starts, the second takes what it left.
    assert not (both & ~scaled).any()
    assert both.sum() < scaled.sum() or torch.equal(both, scaled)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_the_losses_are_what_they_say(dtype: torch.dtype) -> None:
    logits = torch.tensor([[1.0, 3.0, -1.0], [4.0, 0.0, 2.0], [0.0, 0.0, 0.0]], dtype=dtype)
    y, identity = torch.tensor([1, 2, 0]), nn.Identity()
    assert _losses(identity, logits, y, "margin").tolist() == [-2.0, 2.0, 0.0]
    # Differences to the label (-2, 0, -4), (2, -2, 0) and none, the largest of them taken to 20.
    expected = [
        math.log(1 + math.exp(-10) + math.exp(-20)),
        math.log(math.exp(20) + math.exp(-20) + 1),
        math.log(3),
    ]
    assert _losses(identity, logits, y, "scaled").tolist() == pytest.approx(expected, rel=1e-5, abs=2**-23)
    for loss in ALL_LOSSES:
        point = logits.float().requires_grad_()
        (gradient,) = torch.autograd.grad(_losses(identity, point, y, loss).sum(), point)
        assert gradient.isfinite().all()
        # Up in the others, down in the label.
        assert (gradient.gather(1, y[:, None]) < 0).all()


@pytest.mark.parametrize("losses", [(), ("cross entropy",), ("margin", "hinge")])
def test_other_losses_are_refused(losses: tuple[str, ...], images) -> None:
    x, y = images
    with pytest.raises(ValueError, match="an attack ascends cross_entropy or scaled or margin, got"):
        robust_correct(affine(16), x, y, fgsm(0.1), losses=losses)


# -- what is left as it was


def test_modes_gradients_and_parameters_are_left_alone(images) -> None:
    x, y = images
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Dropout(), nn.Linear(8, 2))
    model[4].weight.requires_grad_(False)
    model.train()
    model[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        first = perturb(model, x, y, pgd(0.1, 3), seeded())
    assert torch.equal(first, perturb(model, x, y, pgd(0.1, 3), seeded())), "dropout or statistics were at work"
    assert [m.training for m in model] == [True, False, True, True, True]
    assert [p.requires_grad for p in model.parameters()] == [True, True, True, True, False, True]
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [m.training for m in model] == [True, False, True, True, True]


def test_a_network_that_fails_gets_everything_back(images) -> None:
    x, y = images
    model = nn.Sequential(nn.Flatten(), nn.Linear(15, 2)).train()
    with pytest.raises(RuntimeError, match="shapes"):
        perturb(model, x, y, fgsm(0.1))
    assert model.training
    assert all(p.requires_grad for p in model.parameters())


def test_an_undefined_gradient_is_no_refutation() -> None:
    """The derivative of the root at 0 is infinite times 0."""

    class Root(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([(0 * x).sqrt().sum(dim=1, keepdim=True) + 1, 0 * x[:, :1]], dim=1)

    x, y = torch.full((3, 4), 0.5), torch.zeros(3, dtype=torch.int64)
    for attack in (fgsm(0.1), pgd(0.1, 3, p=2), pgd(0.1, 3, restarts=2)):
        assert perturb(Root(), x, y, attack, seeded()).isfinite().all()
        assert robust_correct(Root(), x, y, attack, seeded()).all()


def test_undefined_logits_are_not_correct() -> None:
    class Undefined(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.full((len(x), 2), math.nan)

    assert not correct(Undefined(), torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64)).any()


# -- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"radius": -0.1}, "radius, step_size >= 0, got radius=-0.1"),
        ({"radius": math.nan}, "got radius=nan"),
        ({"radius": INF}, "got radius=inf"),
        ({"step_size": -1.0}, "step_size=-1.0"),
        ({"steps": -1}, "steps >= 0"),
        ({"restarts": 0}, "restarts >= 1"),
        ({"p": 1.0}, "p = 2 or infinity, got 1.0"),
        ({"p": math.nan}, "p = 2 or infinity, got nan"),
    ],
)
def test_bad_attacks_are_refused(change, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Attack(**{"radius": 0.1, "steps": 1, "step_size": 0.1} | change)


@pytest.mark.parametrize(
    ("x", "y", "clip", "message"),
    [
        (torch.tensor([[0.5, math.nan]]), [0], True, r"in \[0, 1\], got nan"),
        (torch.tensor([[0.5, math.nan]]), [0], False, "finite images"),
        (torch.tensor([[0.5, INF]]), [0], False, "finite images"),
        (torch.tensor([[0.5, 255.0]]), [0], True, r"in \[0, 1\], got 0.5 to 255.0: scale them, or clip=False"),
        (torch.rand(3, 2), [0, 1], True, r"n labels, n >= 1, got \(3, 2\) and \(2,\)"),
        (torch.rand(3), [0, 1, 0], True, r"images \(n, ...\)"),
        (torch.rand(0, 2), [], True, "n >= 1"),
    ],
)
def test_bad_images_are_refused(x: torch.Tensor, y: list[int], clip: bool, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        perturb(affine(2), x, torch.tensor(y, dtype=torch.int64), fgsm(0.1, clip=clip))


# -- other libraries


@pytest.fixture(scope="module")
def trained() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """A convolutional network that has learned the digits, so that an attack has something to do."""
    from empirics.images.training.data import load_images
    from empirics.images.training.recipe import Recipe
    from empirics.images.training.training import train

    split = load_images("digits", train=600, test=300)
    model = build_model("lenet5", split.train.shape, 10)
    train(model, split, Recipe(6, None, batch=50, learning_rate=5e-3, optimizer="adam", weight_decay=0))
    return model, split.test.x, split.test.y


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("p", "radius"), [(INF, 0.1), (2.0, 0.8)])
def test_foolbox_takes_the_same_steps(trained, p: float, radius: float) -> None:
    foolbox = pytest.importorskip("foolbox", reason="foolbox, of the extra 'peers', is not installed")
    model, x, y = trained
    peer = foolbox.PyTorchModel(model, bounds=(0, 1))
    kind = foolbox.attacks.LinfPGD if p == INF else foolbox.attacks.L2PGD
    steps = {"abs_stepsize": radius / 4, "steps": 10}
    _, (theirs,), success = kind(random_start=False, **steps)(peer, x, y, epsilons=[radius])
    attack = pgd(radius, 10, step_size=radius / 4, p=p, random_start=False)
    ours = perturb(model, x, y, attack)
    # A sign of a gradient near 0 may differ between two orders of summation, in few images.
    apart = (ours - theirs).flatten(1).abs().amax(dim=1)
    assert (apart < 1e-4).double().mean() > 0.97
    accuracy = float(correct(model, ours, y).double().mean())
    assert 0.05 < accuracy < 0.8, "the attack of this test should break many, not all"
    assert abs(accuracy - (1 - float(success.double().mean()))) <= 0.01
    # From random starts each draws its own: the accuracies agree, up to 3 deviations of a share of 300 images.
    _, _, success = kind(random_start=True, **steps)(peer, x, y, epsilons=[radius])
    random = robust_correct(model, x, y, pgd(radius, 10, step_size=radius / 4, p=p), seeded())
    assert abs(float(random.double().mean()) - (1 - float(success.double().mean()))) <= 0.05


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("p", "radius"), [(INF, 0.1), (2.0, 0.8)])
def test_the_adversarial_robustness_toolbox_finds_as_much(trained, p: float, radius: float) -> None:
    pytest.importorskip("art", reason="adversarial-robustness-toolbox, of the extra 'peers', is not installed")
    from art.attacks.evasion import ProjectedGradientDescentPyTorch
    from art.estimators.classification import PyTorchClassifier

    model, x, y = trained
    peer = PyTorchClassifier(model, nn.CrossEntropyLoss(), x.shape[1:], 10, clip_values=(0, 1), device_type="cpu")
    theirs = ProjectedGradientDescentPyTorch(
        peer, norm=p, eps=radius, eps_step=radius / 4, max_iter=10, num_random_init=0, batch_size=300, verbose=False
    ).generate(x.numpy(), nn.functional.one_hot(y, 10).numpy())
    ours = perturb(model, x, y, pgd(radius, 10, step_size=radius / 4, p=p, random_start=False))
    shares = [float(correct(model, z, y).double().mean()) for z in (ours, torch.from_numpy(theirs))]
    assert abs(shares[0] - shares[1]) <= 0.02
