"""The exact curve of the constructed memorizer: against brackets and a grid, and what the search reaches of it."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from constructions import Memorizer, robust_memorizer
from constructions.memorizers.clean import fit_clean
from constructions.networks.network import Affine, ReLUNetwork, network
from empirics.images.flatness.bracket import FlatnessBracket, flatness_brackets
from empirics.images.flatness.closed_form import exact_curves
from empirics.images.flatness.search import flatness_curves
from empirics.images.training.models import two_logits
from tests.replaced import replaced
from theory.errors import AssumptionError
from theory.generalization.flatness import PointwiseMaximum

RADIUS, SHELL = 0.05, 0.08
# Where the indicator starts to fall, and over which excess it falls to 0.
FLAT, RAMP = 0.07, 0.04


def spread_points(dim, count=6, seed=0) -> np.ndarray:
    """Points of [0.05, 0.95]^d farther apart in l_∞ than any two of the cubes used here reach."""
    rng = np.random.default_rng(seed)
    points = np.empty((0, dim))
    while len(points) < count:
        x = rng.uniform(0.05, 0.95, dim)
        if not len(points) or np.abs(points - x).max(axis=1).min() > 0.3:
            points = np.vstack([points, x])
    return points


def memorizer(
    dim, classes=3, method="per_point", clean="zero", points=None
) -> tuple[Memorizer, np.ndarray, ReLUNetwork]:
    """The memorizer with `f_clean = 0` or a fitted one, its labels as classes, its network with a logit a class."""
    x = spread_points(dim) if points is None else points
    y = np.arange(len(x)) % classes
    outputs = 1 if classes == 2 else classes
    zero = Affine(np.zeros((outputs, dim)), np.zeros(outputs))
    labels = 2 * y - 1 if classes == 2 else y
    built = robust_memorizer(
        x,
        labels,
        radius=RADIUS,
        p=np.inf,
        shell=SHELL,
        small="all",
        method=method,
        clean=zero if clean == "zero" else fit_clean(x, labels, outputs),
    )
    return built, y, two_logits(built.network) if classes == 2 else built.network


CASES = [
    (3, 3, "per_point", False),
    (3, 2, "per_point", False),
    (3, 3, "shared", False),
    (3, 2, "shared", True),
    (40, 3, "per_point", True),
]


def gap_to_bracket(built, y, net, radii, clip) -> tuple[float, float, list[FlatnessBracket], list[FlatnessBracket]]:
    """Largest relative excess of the exact values over the upper bounds, and largest shortfall of the lower bounds."""
    exact = exact_curves(built, range(len(y)), radii, clip=clip)
    found = flatness_brackets(net, built.task.sample.points, y, radii, clip=clip, steps=4, gradient_steps=4)
    over = short = 0.0
    for e, f in zip(exact, found, strict=True):
        for ours, bounds in ((e.gradient_norm, f.gradient_norm), (e.loss_change, f.loss_change)):
            over = max(over, float(((ours.lower - bounds.upper) / (1 + ours.lower)).max()))
            short = max(short, float(((bounds.lower - ours.upper) / (1 + bounds.lower)).max()))
    return over, short, exact, found


@pytest.mark.parametrize(("dim", "classes", "method", "clip"), CASES)
def test_exact_curves_are_what_sound_bounds_leave(dim, classes, method, clip) -> None:
    """The interval bound is the curve, from above, to 1e-8; reached values are nowhere above it."""
    built, y, net = memorizer(dim, classes, method)
    radii = [0.04, FLAT + 1e-7, FLAT + 0.6 * RAMP / dim, FLAT + 2 * RAMP / dim]
    over, short, exact, found = gap_to_bracket(built, y, net, radii, clip)
    assert over <= 1e-9
    assert short <= 1e-9
    for e, f in zip(exact, found, strict=True):
        assert (e.gradient_norm.lower == e.gradient_norm.upper).all()
        if not clip:
            # The bounds are those of whole balls where the clipped ones are looser.
            np.testing.assert_allclose(f.gradient_norm.upper, e.gradient_norm.upper, rtol=1e-8, atol=1e-6)
            np.testing.assert_allclose(f.loss_change.upper, e.loss_change.upper, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("dim", "classes", "method", "clip"), CASES)
def test_the_maxima_are_attained_at_the_vertex_furthest_from_the_centre(dim, classes, method, clip) -> None:
    """By automatic differentiation there; each coordinate at the end that the network itself is steeper towards."""
    built, y, net = memorizer(dim, classes, method)
    x, model = built.task.sample.points, net.to_torch()
    for radius in (FLAT + 1e-6, FLAT + 0.7 * RAMP / dim):
        (exact,) = exact_curves(built, range(6), [radius], clip=clip)
        inside = (np.maximum(x - radius, 0.0), np.minimum(x + radius, 1.0)) if clip else (x - radius, x + radius)
        loss, norm = losses_and_norms(model, worst_vertex(built, x, *inside), y)
        change = loss - losses_and_norms(model, x, y)[0]
        # Shared levels put some coordinates out earlier, so that the ramp may be used up before the vertex.
        sound = exact.loss_change.lower < np.log(classes) - np.log1p((classes - 1) * np.exp(-1)) - 1e-9
        assert sound.any()
        np.testing.assert_allclose(norm[sound], exact.gradient_norm.lower[sound], rtol=1e-7)
        np.testing.assert_allclose(change[sound], exact.loss_change.lower[sound], rtol=1e-6, atol=1e-9)


def worst_vertex(built, x, low, high) -> np.ndarray:
    """The vertex at which each coordinate alone lowers the point's own indicator more, found by evaluating it."""
    own = np.arange(len(x))
    vertex = low.copy()
    for j in range(x.shape[1]):
        one, two = x.copy(), x.copy()
        one[:, j], two[:, j] = low[:, j], high[:, j]
        up = built.direct(two, own) < built.direct(one, own)
        vertex[up, j] = high[up, j]
    return vertex


def losses_and_norms(model, x, y) -> tuple[np.ndarray, np.ndarray]:
    at = torch.tensor(x).requires_grad_()
    loss = torch.nn.functional.cross_entropy(model(at), torch.from_numpy(y), reduction="none")
    (gradient,) = torch.autograd.grad(loss.sum(), at)
    return loss.detach().numpy(), gradient.abs().sum(dim=1).numpy()


def test_a_wrong_shell_is_caught() -> None:
    built, y, net = memorizer(3)
    radii = [FLAT + 0.005]
    over, short, _, _ = gap_to_bracket(replaced(built, shell=1.02 * SHELL), y, net, radii, False)
    assert max(over, short) > 1e-3


def test_the_curve_in_the_plane_by_a_grid() -> None:
    """400² points of the ball and automatic differentiation."""
    built, y, net = memorizer(2)
    radius = FLAT + 0.6 * RAMP / 2
    (exact,) = exact_curves(built, [1], [radius], clip=False)
    side = np.linspace(-radius, radius, 400)
    grid = built.task.sample.points[1] + np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    x = torch.from_numpy(grid).requires_grad_()
    target = torch.full((len(grid),), int(y[1]))
    loss = torch.nn.functional.cross_entropy(net.to_torch()(x), target, reduction="none")
    (gradient,) = torch.autograd.grad(loss.sum(), x)
    assert float(gradient.abs().sum(dim=1).max()) == pytest.approx(float(exact.gradient_norm.upper[0]), rel=1e-9)
    change = loss.detach().max() - np.log1p(2 * np.exp(-1))
    assert float(change) == pytest.approx(float(exact.loss_change.upper[0]), rel=1e-9)


def test_the_kink_is_at_the_radius_plus_a_quarter_of_the_shell() -> None:
    built, _, _ = memorizer(5)
    for below, above in exact_pairs(built):
        assert (below.lower == 0).all()
        assert (below.upper == 0).all()
        jump = 5 / RAMP * 2 / (2 + np.e)
        np.testing.assert_allclose(above.lower, jump, rtol=1e-6)


def exact_pairs(built) -> Iterator[tuple[PointwiseMaximum, PointwiseMaximum]]:
    below, above = exact_curves(built, range(6), [FLAT * (1 - 1e-9), FLAT * (1 + 1e-9)], clip=False)
    yield below.gradient_norm, above.gradient_norm


@pytest.mark.parametrize("dim", [16, 200])
def test_the_search_finds_thin_walls_by_bisection_only(dim) -> None:
    """Radii on both sides of a wall that is `RAMP / dim` thick: steps jump over it, bisection does not."""
    built, y, net = memorizer(dim)
    x, labels = torch.tensor(built.task.sample.points), torch.from_numpy(y)
    radii = [0.05, 0.068, 0.09]
    exact = exact_curves(built, range(6), radii, clip=False)[-1]
    steps, bisected = (
        flatness_curves(net.to_torch().eval(), x, labels, radii, clip=False, bisections=b) for b in (0, 14)
    )
    assert (bisected.gradient_norm[:2] == 0).all()
    assert (bisected.gradient_norm[2] <= exact.gradient_norm.upper * (1 + 1e-9)).all()
    assert (bisected.gradient_norm[2] >= 0.85 * exact.gradient_norm.upper).all()
    assert (steps.gradient_norm[2] <= 0.1 * exact.gradient_norm.upper).all()
    np.testing.assert_allclose(bisected.loss_change[2], exact.loss_change.upper, rtol=1e-9)


def test_a_clean_classifier_that_leaks_is_not_claimed() -> None:
    """Flat zone and jump stay exact; once the lock opens, larger slopes than the formula's appear and ∞ is returned."""
    built, y, net = memorizer(16, clean="fitted")
    radii = [0.05, FLAT + 1e-6, FLAT + 0.9 * RAMP / 16, 0.08]
    over, short, exact, found = gap_to_bracket(built, y, net, radii, False)
    assert max(over, short) <= 1e-9
    assert all((e.gradient_norm.upper < np.inf).all() for e in exact[:2])
    assert (exact[-1].gradient_norm.upper == np.inf).all()
    assert (found[-1].gradient_norm.lower > 16 / RAMP).any()


def test_overlapping_cubes_of_one_class_are_not_claimed() -> None:
    """Two near points of one class: `f̂` is a sum of two indicators, and not flat between them."""
    x = np.array([[0.2, 0.2], [0.28, 0.2], [0.8, 0.8], [0.8, 0.3]])
    built = robust_memorizer(
        x,
        [0, 0, 1, 2],
        radius=RADIUS,
        p=np.inf,
        shell=SHELL,
        small="all",
        method="per_point",
        clean=Affine(np.zeros((3, 2)), np.zeros(3)),
    )
    (exact,) = exact_curves(built, range(4), [RADIUS], clip=False)
    assert (exact.gradient_norm.upper == [np.inf, np.inf, 0, 0]).all()
    (found,) = flatness_brackets(built.network, x, np.array([0, 0, 1, 2]), [RADIUS], clip=False)
    assert (found.gradient_norm.lower[:2] > 1).all()
    assert (found.gradient_norm.upper[2:] < 1e-6).all()


def test_two_logits() -> None:
    built, y, net = memorizer(3, classes=2)
    x = torch.tensor(built.task.sample.points)
    loss = torch.nn.functional.cross_entropy(net.to_torch()(x), torch.from_numpy(y), reduction="none")
    np.testing.assert_allclose(loss.detach(), np.log1p(np.exp(-(2 * y - 1) * built.network(x.numpy())[:, 0])))
    with pytest.raises(ValueError, match="one output"):
        two_logits(network(([[1.0], [2.0]], [0.0, 0.0])))


@pytest.mark.parametrize(
    ("rows", "radii", "message"),
    [
        ([], [0.1], "at least one row"),
        ([0.5], [0.1], "integers"),
        ([0], [-0.1], "radii >= 0"),
        ([0], [0.2, 0.1], "increasing"),
        ([0], [float("nan")], "finite"),
        ([0], [], "increasing"),
    ],
)
def test_bad_input(rows, radii, message) -> None:
    built, _, _ = memorizer(3)
    with pytest.raises(ValueError, match=message):
        exact_curves(built, rows, radii, clip=False)


def test_points_that_are_not_memorized_and_other_norms_are_refused() -> None:
    built, _, _ = memorizer(3)
    with pytest.raises(AssumptionError, match="memorized"):
        exact_curves(built, [6], [0.1], clip=False)
    other = robust_memorizer(built.task.sample.points, np.arange(6) % 3, radius=0.02, p=2, small="all")
    with pytest.raises(AssumptionError, match="p=inf"):
        exact_curves(other, [0], [0.1], clip=False)
    outside, _, _ = memorizer(3, points=spread_points(3) + 0.5)
    with pytest.raises(ValueError, match="clip=False"):
        exact_curves(outside, [0, 1, 2, 3, 4, 5], [0.1], clip=True)
