"""The search for the maximum gradient norm and loss change: closed forms, exact balls, honest counts, bad input."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from empirics.images.flatness import search as measures
from empirics.images.flatness.search import Curves, exact_box, flatness_curves, images_at_once
from theory.generalization.flatness import flatness


def conv_net(seed=0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)
    ).eval()


def images(n=7, seed=0, dtype=torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(n, 1, 8, 8, generator=generator, dtype=dtype)
    return x, torch.randint(3, (n,), generator=generator)


def linear_model(w) -> nn.Linear:
    """Logits (0, ⟨w, x⟩)."""
    model = nn.Linear(len(w), 2, bias=False, dtype=torch.float64)
    with torch.no_grad():
        model.weight.copy_(torch.stack([torch.zeros(len(w), dtype=torch.float64), torch.from_numpy(w)]))
    return model.eval()


def closed_form(w, x, y, radius, clip) -> tuple[np.ndarray, np.ndarray]:
    """For logits (0, ⟨w, x⟩) and the sign s of the label both measures rise with -s⟨w, x⟩: a vertex is worst."""
    sign = 2 * y[:, None] - 1
    low, high = (x - radius, x + radius) if not clip else (np.maximum(x - radius, 0), np.minimum(x + radius, 1))
    worst = np.where(sign * w > 0, low, high)
    losses = [np.log1p(np.exp(-(sign[:, 0] * (point @ w)))) for point in (worst, x)]
    return np.abs(w).sum() / (1 + np.exp(sign[:, 0] * (worst @ w))), losses[0] - losses[1]


def linear_case(clip, seed=1) -> tuple[Curves, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    w, x, y = rng.standard_normal(6), rng.uniform(0, 1, (9, 6)), rng.integers(0, 2, 9)
    radii = [0.0, 0.01, 0.3]
    curves = flatness_curves(linear_model(w), torch.from_numpy(x), torch.from_numpy(y), radii, clip=clip)
    exact = [closed_form(w, x, y, radius, clip) for radius in radii]
    return curves, np.array([e[0] for e in exact]), np.array([e[1] for e in exact])


@pytest.mark.parametrize("clip", [False, True])
def test_the_maxima_of_a_linear_model_are_found(clip) -> None:
    curves, norms, changes = linear_case(clip)
    np.testing.assert_allclose(curves.gradient_norm, norms, rtol=1e-12)
    np.testing.assert_allclose(curves.loss_change, changes, rtol=1e-12, atol=1e-14)
    assert (curves.loss_change[0] == 0).all()


def test_a_search_that_descends_is_noticed(monkeypatch) -> None:
    def descend(search, point, direction, size) -> torch.Tensor:
        return (point - size * direction.sign()).clamp(search.low, search.high)

    monkeypatch.setattr(measures._Search, "_step", descend)
    monkeypatch.setattr(measures._Search, "vertex", lambda search, uniform: search.x)
    curves, norms, changes = linear_case(clip=False)
    assert (curves.gradient_norm[2] < norms[2] * 0.99).all()
    assert (curves.loss_change[2] < changes[2] * 0.99).all()


def test_radius_zero_is_the_value_at_the_image() -> None:
    """Against automatic differentiation in float64, one image at a time."""
    model, (x, y) = conv_net(), images()
    curves = flatness_curves(model, x, y, [0.0, 0.1], clip=True)
    double = conv_net().double()
    for i in range(len(x)):
        point = x[i : i + 1].double().requires_grad_()
        nn.functional.cross_entropy(double(point), y[i : i + 1]).backward()
        assert curves.gradient_norm[0, i] == pytest.approx(float(point.grad.abs().sum()), rel=1e-5)
    assert (curves.loss_change[0] == 0).all()


@settings(max_examples=6)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_curves_rise_and_are_reached_in_the_exact_balls(seed, clip) -> None:
    model, (x, y) = conv_net(seed), images(seed=seed)
    radii = [0.0, 0.03, 0.1, 0.3]
    curves = flatness_curves(
        model, x, y, radii, clip=clip, steps=3, gradient_steps=2, bisections=2, seed=seed % 100, keep_points=True
    )
    for values in (curves.gradient_norm, curves.loss_change):
        assert values.shape == (4, 7)
        assert (np.diff(values, axis=0) >= 0).all()
    for k, radius in enumerate(radii):
        for points, is_loss in ((curves.gradient_points[k], False), (curves.loss_points[k], True)):
            centre, other = x.double().numpy().ravel(), points.double().numpy().ravel()
            assert all(
                abs(Fraction(float(a)) - Fraction(float(b))) <= Fraction(radius)
                for a, b in zip(centre, other, strict=True)
            )
            assert not clip or ((other >= 0) & (other <= 1)).all()
            at = points.clone().requires_grad_()
            loss = nn.functional.cross_entropy(model(at).double(), y, reduction="none")
            if is_loss:
                change = loss - nn.functional.cross_entropy(model(x).double(), y, reduction="none")
                np.testing.assert_allclose(change.detach(), curves.loss_change[k], rtol=1e-4, atol=1e-6)
            else:
                (gradient,) = torch.autograd.grad(loss.sum(), at)
                np.testing.assert_allclose(gradient.abs().sum(dim=(1, 2, 3)), curves.gradient_norm[k], rtol=1e-4)


@given(st.floats(-4, 4), st.floats(0, 2), st.sampled_from([torch.float32, torch.float64]))
def test_box_corners_are_the_last_floats_inside(value, radius, dtype) -> None:
    x = torch.tensor([[value]], dtype=dtype)
    low, high = exact_box(x, radius, clip=False)
    centre = Fraction(float(x))
    for corner, way in ((low, -torch.inf), (high, torch.inf)):
        further = torch.nextafter(corner, torch.full_like(corner, way))
        assert abs(Fraction(float(corner)) - centre) <= Fraction(radius) < abs(Fraction(float(further)) - centre)


def test_double_backward_finds_more() -> None:
    """The gradient norm is no function of the loss: in one ball its own ascent only adds, and does."""
    torch.manual_seed(0)
    model = nn.Linear(6, 10, dtype=torch.float64).eval()
    nn.init.normal_(model.weight)
    x, y = torch.rand(50, 6, dtype=torch.float64), torch.randint(10, (50,))
    plain, both = (flatness_curves(model, x, y, [0.5], clip=False, gradient_steps=g).gradient_norm for g in (0, 10))
    assert (both >= plain).all()
    assert (both > 1.001 * plain).mean() > 0.2


def test_batches_and_memory_formats_do_not_matter() -> None:
    model, (x, y) = conv_net(), images()
    options = {"clip": True, "restarts": 0, "bisections": 2}
    whole = flatness_curves(model, x, y, [0.1, 0.2], **options)
    single = flatness_curves(model, x, y, [0.1, 0.2], batch=1, **options)
    last = flatness_curves(
        conv_net().to(memory_format=torch.channels_last),
        x.to(memory_format=torch.channels_last),
        y,
        [0.1, 0.2],
        **options,
    )
    for other in (single, last):
        np.testing.assert_allclose(other.gradient_norm, whole.gradient_norm, rtol=1e-3)


def small_net(device: str = "cpu") -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """In float64, and more images than draw together, the last of them fewer."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 3)).double().eval()
    return model.to(device), torch.rand(230, 1, 4, 4).double().to(device), torch.randint(3, (230,)).to(device)


@pytest.mark.parametrize("batch", [1, 37, 130, 200, 1000])
def test_random_starts_do_not_depend_on_how_many_images_are_at_once(batch: int) -> None:
    model, x, y = small_net()
    options = {"clip": True, "restarts": 2, "gradient_steps": 2, "keep_points": True}
    whole = flatness_curves(model, x, y, [0.0, 0.1, 0.3], **options)
    other = flatness_curves(model, x, y, [0.0, 0.1, 0.3], batch=batch, **options)
    for name in ("gradient_norm", "loss_change", "gradient_points", "loss_points"):
        np.testing.assert_allclose(getattr(other, name), getattr(whole, name), rtol=1e-9, atol=1e-12)
    several = [
        flatness_curves(model, x, y, [0.3], clip=True, restarts=2, seed=seed, steps=0, gradient_steps=0).loss_change
        for seed in (0, 1)
    ]
    assert (several[0] != several[1]).mean() > 0.5


def test_the_starts_are_those_of_one_generator_in_groups_of_100() -> None:
    """As they were drawn for what is stored."""
    model, x, y = small_net()
    curves = flatness_curves(model, x, y, [0.2], clip=False, restarts=1, steps=0, gradient_steps=0, keep_points=True)
    generator = torch.Generator().manual_seed(0)
    for part in (slice(0, 100), slice(100, 200), slice(200, 230)):
        drawn = torch.rand(x[part].shape, generator=generator)
        shift = curves.loss_points[0][part] - x[part]
        moved = shift.flatten(1).abs().amax(dim=1) > 0
        assert moved.float().mean() > 0.3
        assert ((shift[moved] > 0) == (drawn[moved] >= 0.5)).all()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no card")
def test_a_card_takes_more_images_at_once_with_the_same_result() -> None:
    model, x, y = small_net("cuda")
    assert images_at_once(model, x, y) > len(x)
    options = {"clip": True, "restarts": 2}
    whole = flatness_curves(model, x, y, [0.1, 0.3], **options)
    apart = flatness_curves(model, x, y, [0.1, 0.3], batch=100, **options)
    np.testing.assert_allclose(apart.gradient_norm, whole.gradient_norm, rtol=1e-6)
    np.testing.assert_allclose(apart.loss_change, whole.loss_change, rtol=1e-6, atol=1e-9)


def test_the_model_and_the_images_stay_as_they_were_and_seeds_repeat() -> None:
    model, (x, y) = conv_net(), images()
    before = x.clone()
    first = flatness_curves(model, x, y, [0.1], clip=False, seed=3)
    second = flatness_curves(model, x, y, [0.1], clip=False, seed=3)
    assert (first.gradient_norm == second.gradient_norm).all()
    assert torch.equal(x, before)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_cost_counts_every_pass() -> None:
    model, (x, y) = conv_net(), images()
    seen = []
    model.register_forward_hook(lambda module, inputs, output: seen.append(len(output)))
    cost = flatness_curves(model, x, y, [0.0, 0.1, 0.2], clip=True, bisections=3, batch=3).cost
    assert cost.forward == cost.backward == sum(seen)
    assert cost.double_backward == 7 * 2 * 5
    assert cost.seconds > 0


def test_curves_are_brackets_without_upper_bound() -> None:
    model, (x, y) = conv_net(), images()
    curves = flatness_curves(model, x, y, [0.0, 0.1], clip=True)
    both = flatness(curves.at(1), curves.at(1))
    assert both.radius == 0.1
    assert both.local == (float(curves.gradient_norm[1].mean()), np.inf)
    assert curves.loss_change_at(1).unit_box


def nan_model() -> nn.Sequential:
    model = conv_net()
    nn.init.constant_(model[-1].bias, torch.nan)
    return model


X, Y = images()
BAD = [
    ({"radii": [-0.1]}, "radius >= 0"),
    ({"radii": [float("nan")]}, "radius >= 0"),
    ({"radii": []}, "at least one"),
    ({"radii": [0.2, 0.1]}, "increasing"),
    ({"radii": [0.1, 0.1]}, "increasing"),
    ({"x": X + 1}, r"in \[0, 1\].*clip=False"),
    ({"x": X * float("nan")}, "finite images"),
    ({"x": X[:0], "y": Y[:0]}, "n >= 1"),
    ({"x": torch.zeros(3), "y": Y[:3]}, "shape"),
    ({"y": Y[:3]}, r"shape \(7,\)"),
    ({"y": Y + 1}, "labels in 0..2"),
    ({"model": conv_net().train()}, "model.eval"),
    ({"model": nn.Identity().eval()}, "logits of shape"),
    ({"model": nan_model()}, "NaN"),
    ({"steps": -1}, "steps >= 0"),
    ({"restarts": -1}, "restarts >= 0"),
    ({"bisections": -1}, "bisections >= 0"),
    ({"gradient_steps": -1}, "gradient_steps >= 0"),
    ({"batch": 0}, "batch >= 1"),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=[m for _, m in BAD])
def test_bad_input(change, message) -> None:
    arguments = {"model": conv_net(), "x": X, "y": Y, "radii": [0.1], "clip": True} | change
    with pytest.raises(ValueError, match=message):
        flatness_curves(**arguments)
