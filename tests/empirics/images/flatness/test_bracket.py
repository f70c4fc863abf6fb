"""Bounds of gradient norm and loss: nothing sampled exceeds them, linear networks are exact, faults are caught."""

from itertools import pairwise

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from torch import nn

from constructions.networks.network import ReLUNetwork, network
from empirics.images.flatness import bracket
from empirics.images.flatness.bracket import flatness_brackets, flatness_range


def random_network(rng, widths, scale=1.0) -> ReLUNetwork:
    return network(
        *((scale * rng.standard_normal((b, a)) / np.sqrt(a), 0.3 * rng.standard_normal(b)) for a, b in pairwise(widths))
    )


def backpropagation(net, x, y) -> tuple[np.ndarray, np.ndarray]:
    """`‖∇_x L‖_1` and L of one class for rows of x, layer by layer in numpy."""
    values, signs = x, []
    for k, layer in enumerate(net.layers):
        if k:
            signs.append(values > 0)
            values = np.maximum(values, 0)
        values = values @ layer.weight.T + layer.bias
    loss = logsumexp(values, axis=1) - values[:, y]
    back = np.exp(values - logsumexp(values, axis=1, keepdims=True))
    back[:, y] = 0
    back[:, y] = -back.sum(axis=1)
    for k in reversed(range(len(net.layers))):
        back = back @ net.layers[k].weight
        if k:
            back = back * signs[k - 1]
    return np.abs(back).sum(axis=1), loss


def check_sampled(seed, radius, clip, method="linear", draws=60) -> None:
    rng = np.random.default_rng(seed)
    widths = [(4, 3), (4, 6, 2), (4, 6, 3), (3, 8, 8, 4)][seed % 4]
    net = random_network(rng, widths, scale=float(rng.choice([1.0, 4.0])))
    x, y = rng.uniform(0, 1, (3, widths[0])), rng.integers(0, widths[-1], 3)
    bounds = flatness_range(net, x, y, radius, clip=clip, method=method)
    for i in range(3):
        steps = radius * np.concatenate(
            [rng.uniform(-1, 1, (draws, widths[0])), rng.choice([-1, 1], (draws, widths[0])), np.zeros((1, widths[0]))]
        )
        points = np.clip(x[i] + steps, 0, 1) if clip else x[i] + steps
        # The samples are rounded too.
        for value, (low, high) in zip(
            backpropagation(net, points, y[i]), (bounds.gradient_norm, bounds.loss), strict=True
        ):
            assert (value >= low[i] * (1 - 1e-11) - 1e-12).all()
            assert (value <= high[i] * (1 + 1e-11) + 1e-12).all()


@settings(max_examples=40)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 1e-3, 0.05, 0.3, 2.0]),
    st.booleans(),
    st.sampled_from(["interval", "linear"]),
)
def test_no_sample_is_out_of_range(seed, radius, clip, method) -> None:
    check_sampled(seed, radius, clip, method)


def as_active(low, high, below, above) -> tuple[np.ndarray, np.ndarray]:
    return low, high


def as_dead(low, high, below, above) -> tuple[np.ndarray, np.ndarray]:
    return np.where(below > 0, low, 0.0), np.where(below > 0, high, 0.0)


def caught() -> int:
    """How many of 20 networks the check refuses."""
    refused = 0
    for seed in range(20):
        try:
            check_sampled(seed, 0.3, clip=False)
        except AssertionError:
            refused += 1
    return refused


def test_without_a_fault_none_is_caught() -> None:
    assert caught() == 0


@pytest.mark.parametrize("fault", [as_active, as_dead])
def test_dropping_the_unstable_neurons_is_caught(monkeypatch, fault) -> None:
    monkeypatch.setattr(bracket, "_through_relu", fault)
    assert caught() >= 5


def test_bounds_of_the_wrong_class_are_caught(monkeypatch) -> None:
    """The upper ends of the probabilities taken from the lower ends of the differences."""
    right = bracket._probabilities
    monkeypatch.setattr(bracket, "_probabilities", lambda t: right((t[0], t[0])))
    assert caught() >= 5


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=8)
def test_radius_zero_is_the_value_up_to_rounding(seed) -> None:
    rng = np.random.default_rng(seed)
    net = random_network(rng, (5, 8, 8, 4))
    x, y = rng.uniform(0, 1, (4, 5)), rng.integers(0, 4, 4)
    bounds = flatness_range(net, x, y, 0.0, clip=False)
    for i in range(4):
        norm, loss = backpropagation(net, x[i : i + 1], y[i])
        for value, (low, high) in ((norm, bounds.gradient_norm), (loss, bounds.loss)):
            np.testing.assert_allclose([low[i], high[i]], value[0], rtol=1e-9, atol=1e-200)


def test_two_classes_and_one_layer_are_exact() -> None:
    """`‖∇L‖_1 = p ‖w‖_1` with p greatest at the vertex against w."""
    rng = np.random.default_rng(3)
    net = random_network(rng, (6, 2))
    x, y = rng.uniform(0, 1, (8, 6)), rng.integers(0, 2, 8)
    (w,) = np.diff(net.layers[0].weight, axis=0)
    margin = (2 * y - 1) * (x @ w + np.diff(net.layers[0].bias))
    for k, radius in enumerate(radii := [0.0, 0.1, 1.0]):
        found = flatness_brackets(net, x, y, radii, clip=False)[k]
        worst = margin - radius * np.abs(w).sum()
        for measured, exact in (
            (found.gradient_norm, np.abs(w).sum() / (1 + np.exp(worst))),
            (found.loss_change, np.log1p(np.exp(-worst)) - np.log1p(np.exp(-margin))),
        ):
            np.testing.assert_allclose(measured.lower, exact, rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(measured.upper, exact, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("clip", [False, True])
def test_brackets_rise_and_close_at_zero(clip) -> None:
    rng = np.random.default_rng(4)
    net = random_network(rng, (5, 10, 10, 3))
    x, y = rng.uniform(0, 1, (6, 5)), rng.integers(0, 3, 6)
    brackets = flatness_brackets(net, x, y, [0.0, 0.01, 0.1, 0.2], clip=clip)
    for kind in ("gradient_norm", "loss_change"):
        for end in ("lower", "upper"):
            assert (np.diff([getattr(getattr(b, kind), end) for b in brackets], axis=0) >= 0).all()
    assert (brackets[0].loss_change.upper == 0).all()
    np.testing.assert_allclose(brackets[0].gradient_norm.lower, brackets[0].gradient_norm.upper, rtol=1e-9)
    small = brackets[1].gradient_norm
    # Most balls of radius 0.01 meet no kink.
    assert np.median(small.upper / small.lower) < 1.1


def test_a_torch_module_is_its_network() -> None:
    rng = np.random.default_rng(5)
    net = random_network(rng, (4, 6, 3))
    x, y = rng.uniform(0, 1, (3, 4)), rng.integers(0, 3, 3)
    one, two = (flatness_brackets(each, x, y, [0.05], clip=True)[0] for each in (net, net.to_torch()))
    assert (one.gradient_norm.upper == two.gradient_norm.upper).all()


@settings(max_examples=25)
@given(st.lists(st.floats(-900, 900), min_size=2, max_size=4), st.floats(0, 50))
def test_probabilities_and_loss_of_intervals_hold_the_true_ones(low, width) -> None:
    """Against 60 digits, at the worst corners, also where exponentials under- and overflow."""
    t = (np.array([low]), np.array([low]) + width)
    p, loss = bracket._probabilities(t), bracket._loss(t)
    with mpmath.workdps(60):
        for own, rest, end, sign in ((0, 1, p[0], 1), (1, 0, p[1], -1)):
            for c in range(len(low)):
                mixed = [mpmath.mpf(float(t[own if k == c else rest][0, k])) for k in range(len(low))]
                total = 1 + mpmath.fsum(mpmath.exp(m) for m in mixed)
                true = mpmath.exp(mixed[c]) / total
                assert sign * (true - mpmath.mpf(float(end[0, c]))) >= 0
                assert float(abs(true - float(end[0, c]))) <= 1e-9 * float(true) + 1e-200
        for end, sign in ((0, 1), (1, -1)):
            true = mpmath.log1p(mpmath.fsum(mpmath.exp(mpmath.mpf(float(v))) for v in t[end][0]))
            assert sign * (true - mpmath.mpf(float(loss[end][0]))) >= 0
            assert float(abs(true - float(loss[end][0]))) <= 1e-9 * float(true) + 1e-200


def test_infinite_logits_say_nothing() -> None:
    t = (np.array([[-np.inf, 0.0]]), np.array([[np.inf, 1.0]]))
    p = bracket._probabilities(t)
    assert p[0][0, 0] == 0
    assert p[1][0, 0] == 1
    assert bracket._loss(t)[1][0] == np.inf


NET = network(([[1.0, 2.0], [3.0, -1.0]], [0.0, 0.0]))
ONE = network(([[1.0, 2.0]], [0.0]))


@pytest.mark.parametrize(
    ("net", "x", "y", "message"),
    [
        (ONE, [[0.5, 0.5]], [1], "at least two outputs"),
        (NET, [[0.5, 0.5]], [2], r"0\.\.1"),
        (NET, [[0.5, 0.5]], [0, 1], "label for each"),
        (NET, [[0.5, 1.5]], [0], "clip=False"),
        (NET, [[0.5, np.nan]], [0], "finite"),
        (NET, [[0.5]], [0], "shape"),
    ],
)
def test_bad_input(net, x, y, message) -> None:
    with pytest.raises(ValueError, match=message):
        flatness_range(net, np.array(x), np.array(y), 0.1, clip=True)


def test_networks_that_are_not_relu_networks_are_refused() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    with pytest.raises(ValueError, match=r"of affine maps and ReLUs, .*got tanh"):
        flatness_brackets(module, np.full((1, 2), 0.5), np.array([0]), [0.1], clip=True)
