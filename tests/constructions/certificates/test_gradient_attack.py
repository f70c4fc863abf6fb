"""The gradient attack stays in its regions exactly, reaches what is known to be least, and is blind to no scale."""

import time
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from constructions import Affine, ReLUNetwork, load_sample
from constructions.certificates.gradient_attack import gradient_attack
from constructions.certificates.guided_attack import attack_balls
from constructions.certificates.projected_descent import Place
from constructions.certificates.witness import real_witnesses
from tests.rational import is_inside, rationals
from tests.strategies import exponents
from theory.balls.regions import balls, boxes
from theory.balls.small_margin import affine_margin
from theory.balls.violations import margin_violations, unions

EXPONENTS = (1.0, 1.5, 2.0, 3.0, np.inf)


def random_net(rng: np.random.Generator, *widths: int, scale: float = 1.0) -> ReLUNetwork:
    pairs = list(pairwise(widths))
    return ReLUNetwork(
        tuple(Affine(scale * rng.normal(size=(b, a)) / np.sqrt(a), 0.1 * rng.normal(size=b)) for a, b in pairs)
    )


def is_in(x: np.ndarray, centre: np.ndarray, radius: float, p: float) -> bool:
    return is_inside([abs(a - b) for a, b in zip(rationals(x), rationals(centre), strict=True)], radius, p)


@given(st.integers(0, 10**6), exponents, st.integers(-13, 3), st.booleans())
def test_every_reported_point_is_in_its_region_exactly(seed: int, p: float, size: int, is_cut: bool) -> None:
    """Also where the radius is little beside the centre, whose sums round by more than the radius' share of slack."""
    rng = np.random.default_rng(seed)
    radius = float(rng.random() + 0.1) * 10.0**size
    centres, labels = rng.random((6, 3)) * 10.0 ** rng.integers(-2, 3), rng.integers(0, 2, 6)
    # Centres may be outside the box, as long as it meets their balls.
    low, high = (centres - radius / 3, centres + radius * rng.uniform(-0.2, 2, (6, 3))) if is_cut else (None, None)
    regions, network = balls(centres, radius, p, low=low, high=high), random_net(rng, 3, 5, 2)
    values, points = gradient_attack(network, regions, labels, steps=6, restarts=2, seed=seed)
    found = np.isfinite(values)
    assert found.all() or is_cut
    reached = margin_violations(labels, 2).margins(network(points))
    for k in np.flatnonzero(found):
        assert is_in(points[k], centres[k], radius, p)
        assert low is None or high is None or ((low[k] <= points[k]) & (points[k] <= high[k])).all()
        assert abs(values[k] - reached[k]) <= 1e-12 * (1 + np.abs(network(points[[k]])).max())


@given(st.integers(0, 10**6))
def test_a_radius_for_each_coordinate_is_kept(seed: int) -> None:
    rng = np.random.default_rng(seed)
    centres, halves = rng.standard_normal((5, 4)), rng.random((5, 4)) * (rng.random((5, 4)) < 0.7)
    _, points = gradient_attack(random_net(rng, 4, 6, 1), balls(centres, halves, np.inf), np.array([1, -1, 1, 1, -1]))
    for x, centre, half in zip(points, centres, halves, strict=True):
        assert all(is_in(x[[j]], centre[[j]], float(half[j]), np.inf) for j in range(4))
    low, high = centres - halves, centres + halves
    _, points = gradient_attack(random_net(rng, 4, 6, 1), boxes(low, high), np.array([1, -1, 1, 1, -1]))
    assert ((low <= points) & (points <= high)).all()


@pytest.mark.parametrize("p", EXPONENTS)
@pytest.mark.parametrize("outputs", [1, 4])
def test_reaches_the_closed_form_of_an_affine_network(p: float, outputs: int) -> None:
    """Planted faults it catches: the gradient's sign, the dual exponent, a step that ends inside."""
    rng = np.random.default_rng(5)
    network = random_net(rng, 12, outputs)
    points, radius = rng.standard_normal((40, 12)), 0.05
    answers = network(points)
    labels = np.where(answers[:, 0] > 0, 1, -1) if outputs == 1 else answers.argmax(axis=1)
    # Signs are tried in double precision: 1e-6 beside values of about 1.
    values, _ = gradient_attack(network, balls(points, radius, p), labels, restarts=outputs)
    least = affine_margin(network.layers[0].weight, network.layers[0].bias, points, labels, radius, p)
    assert (values >= least - 1e-12).all()
    # Refuted balls are left as soon as they are.
    right = least > 0
    assert right.sum() > 10
    assert (values[right] - least[right]).max() <= 1e-3 * radius
    assert (values[~right] <= 0).all()


@pytest.mark.parametrize("p", [1.0, 2.0, np.inf])
def test_reaches_the_least_value_of_a_ball_that_is_cut_off(p: float) -> None:
    """Linear, cut at [0, 1]: for p = 1 and ∞ the greedy minimum, for p = 2 that of the multiplier, by bisection."""
    rng = np.random.default_rng(6)
    x, w, radius = rng.random(30), rng.standard_normal(30), 2.0 if p == 1 else 0.8 if p == 2 else 0.3
    room = np.where(w > 0, x, 1 - x)
    if p == 1:
        order = np.argsort(-np.abs(w))
        used = np.minimum(room[order], np.maximum(radius - np.cumsum(room[order]) + room[order], 0))
        drop = used @ np.abs(w[order])
    elif p == 2:
        rates = np.geomspace(1e-3, 1e3, 100_001)[:, None]
        steps = np.minimum(np.abs(w) / rates, room)
        drop = (steps @ np.abs(w))[np.linalg.norm(steps, axis=1) <= radius].max()
    else:
        drop = np.minimum(room, radius) @ np.abs(w)
    # Far from an error, so that the search goes on to its end.
    network = ReLUNetwork((Affine(w[None], np.array([100.0])),))
    values, _ = gradient_attack(network, balls(x[None], radius, p, low=0, high=1), np.array([1]), steps=100)
    least = 100 + w @ x - drop
    assert least - 1e-9 <= values[0] <= least + 0.02 * drop


@pytest.mark.parametrize("exponent", [-900, -300, -7, 7, 300, 900])
def test_the_scale_of_the_outputs_changes_nothing(exponent: int) -> None:
    """Powers of two: the points are the same to the last bit. Planted fault it catches: cross entropy."""
    rng = np.random.default_rng(7)
    network, points = random_net(rng, 8, 16, 16, 4), rng.standard_normal((30, 8))
    labels = network(points).argmax(axis=1)
    last = network.layers[-1]
    scaled = Affine(np.ldexp(last.weight, exponent), np.ldexp(last.bias, exponent))
    regions = balls(points, 0.2, np.inf)
    values, where = gradient_attack(network, regions, labels)
    values_too, where_too = gradient_attack(ReLUNetwork((*network.layers[:-1], scaled)), regions, labels)
    assert 0 < (values <= 0).sum() < 30
    assert where_too.tolist() == where.tolist()
    assert values_too.tolist() == np.ldexp(values, exponent).tolist()


def test_layers_whose_products_overflow_are_attacked() -> None:
    rng = np.random.default_rng(8)
    plain = random_net(rng, 6, 12, 12, 3)
    points = rng.standard_normal((20, 6))
    labels = plain(points).argmax(axis=1)
    units = (700, 700, 700)
    layers = []
    for k, layer in enumerate(plain.layers):
        # Biases in the unit of all that is before them, which no float64 holds.
        layers.append(Affine(np.ldexp(layer.weight, units[k]), np.zeros_like(layer.bias)))
    without = ReLUNetwork(tuple(Affine(layer.weight, np.zeros_like(layer.bias)) for layer in plain.layers))
    huge, regions = ReLUNetwork(tuple(layers)), balls(points, 0.3, np.inf)
    labels = without(points).argmax(axis=1)
    values, where = gradient_attack(without, regions, labels)
    values_too, where_too = gradient_attack(huge, regions, labels)
    assert 0 < (values <= 0).sum() < 20
    assert where_too.tolist() == where.tolist()
    assert (np.sign(values_too) == np.sign(values)).all()


@pytest.mark.parametrize("p", EXPONENTS)
@pytest.mark.parametrize("radius", [1e-6, 1e-9])
def test_tiny_radii_are_not_lost_in_rounding(p: float, radius: float) -> None:
    """The value falls to a tenth below 0 within the ball, and float32 could not tell its points apart."""
    rng = np.random.default_rng(9)
    x, w = rng.random(20) + 0.5, rng.standard_normal(20)
    q = {1.0: np.inf, np.inf: 1.0}.get(p) or p / (p - 1)
    drop = radius * np.linalg.norm(w, q)
    network = ReLUNetwork((Affine(w[None] / drop, np.array([-w @ x / drop + 0.9])), Affine(np.eye(1), np.zeros(1))))
    values, where = gradient_attack(network, balls(x[None], radius, p), np.array([1]))
    assert values[0] <= 0
    assert is_in(where[0], x, radius, p)


def test_a_kink_that_float32_cannot_tell_from_the_centre_is_seen() -> None:
    """At the centre the value is 1 in any format; half a radius on it falls."""
    x, radius = 0.7, 1e-9
    kink = Affine(np.ones((1, 1)), np.array([-(x + radius / 2)])), Affine(np.array([[-8 / radius]]), np.ones(1))
    values, _ = gradient_attack(ReLUNetwork(kink), balls(np.full((8, 1), x), radius, np.inf), np.ones(8, int))
    assert (values <= 0).all()


def test_values_that_float32_loses_are_descended() -> None:
    """Small beside the numbers that they are differences of: float32 computes 0 for all of them."""
    rng = np.random.default_rng(12)
    w, big = rng.standard_normal(50), 2.0**40
    layers = Affine(w[None], np.array([big])), Affine(np.ones((1, 1)), np.array([-big + 0.9 * np.abs(w).sum()]))
    values, _ = gradient_attack(ReLUNetwork(layers), balls(np.zeros((1, 50)), 1.0, np.inf), np.array([1]))
    assert values[0] <= 0


def test_flat_regions_are_left_by_chance() -> None:
    """No neuron is active at the centre, so that every gradient there is 0; a third of the ball is wrong."""
    network = ReLUNetwork((Affine(np.eye(2), np.full(2, -0.4)), Affine(np.array([[-20.0, -20.0]]), np.ones(1))))
    for restarts in (1, 5):
        values, _ = gradient_attack(network, balls(np.zeros((4, 2)), 1.0, np.inf), np.ones(4, int), restarts=restarts)
        assert (values <= 0).all()
    values, where = gradient_attack(network, balls(np.zeros((4, 2)), 0.4, np.inf), np.ones(4, int))
    assert values.tolist() == [1.0] * 4
    assert np.abs(where).max() <= 0.4


def test_conjunctions_are_met_in_all_rows() -> None:
    """y = (x_1, x_2), and what is wrong is a small square, or a half-plane out of reach."""
    identity = ReLUNetwork((Affine(np.eye(2), np.zeros(2)),))
    rows = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    square = (rows, np.array([0.75, -0.7, -0.2, 0.25]))
    far = (np.array([[1.0, 1.0]]), np.array([-4.0]))
    regions = boxes(-np.ones((2, 2)), np.ones((2, 2)))
    violations = unions([[far, square], [far, far]], 2)
    values, points = gradient_attack(identity, regions, violations, steps=50)
    assert values[0] <= 0
    assert (rows @ points[0] <= square[1]).all()
    assert values[1] == 2.0
    assert points[1].tolist() == [-1.0, -1.0]


def test_sparse_layers_are_attacked_as_dense_ones() -> None:
    rng = np.random.default_rng(10)
    dense = random_net(rng, 6, 20, 3)
    sparse = ReLUNetwork(tuple(Affine(sp.csr_array(layer.weight), layer.bias) for layer in dense.layers))
    points, labels = rng.standard_normal((10, 6)), rng.integers(0, 3, 10)
    found = [gradient_attack(f, balls(points, 0.3, 2), labels)[0] for f in (dense, sparse)]
    assert (np.sign(found[0]) == np.sign(found[1])).all()


def test_starts_are_used_and_a_deadline_ends_the_attack() -> None:
    """The value is 1 but next to one corner of the box, where only a start leads."""
    weight = np.ones((1, 30))
    network = ReLUNetwork((Affine(weight, np.array([-29.5])), Affine(np.array([[-4.0]]), np.ones(1))))
    region = boxes(np.zeros((1, 30)), np.ones((1, 30)))
    options: dict[str, Any] = {"steps": 4, "restarts": 1}
    assert gradient_attack(network, region, np.array([1]), **options)[0][0] == 1.0
    start = np.full((1, 30), 0.99)
    assert gradient_attack(network, region, np.array([1]), starts=start, **options)[0][0] <= 0
    late = time.monotonic() - 1
    values, where = gradient_attack(network, region, np.array([1]), starts=start, deadline=late, **options)
    assert values.tolist() == [1.0]
    assert where.tolist() == [[0.5] * 30]


def test_a_projection_that_ends_outside_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By 3e-8, as float32 projections of attack libraries do: nothing but points of the region is reported."""
    inside = Place.surely_into

    def outside(self: Place, x: np.ndarray) -> np.ndarray:
        found = inside(self, x)
        return np.asarray(found + 3e-8 * np.sign(found - self.centres))

    rng = np.random.default_rng(11)
    points, network = rng.standard_normal((8, 5)), random_net(rng, 5, 8, 2)
    for p in (2.0, np.inf):
        regions, labels = balls(points, 0.5, p), network(points).argmax(axis=1)
        values, _ = gradient_attack(network, regions, labels)
        assert (values <= 0).any()
        with monkeypatch.context() as patch:
            patch.setattr(Place, "surely_into", outside)
            _, where = gradient_attack(network, regions, labels)
        assert all(is_in(x, centre, 0.5, p) for x, centre in zip(where, points, strict=True))
        monkeypatch.setattr(Place, "contains", lambda self, x: np.ones(len(x), bool))
        with monkeypatch.context() as patch:
            patch.setattr(Place, "surely_into", outside)
            _, where = gradient_attack(network, regions, labels)
        assert not all(is_in(x, centre, 0.5, p) for x, centre in zip(where, points, strict=True))
        monkeypatch.undo()


def test_the_best_point_of_a_descent_is_kept() -> None:
    """A valley that steps of twice the radius jump over: the last point is worse than the best."""
    network = ReLUNetwork(
        (Affine(np.array([[1.0], [-1.0]]), np.array([-0.3, 0.3])), Affine(np.ones((1, 2)), np.ones(1)))
    )
    values, points = gradient_attack(network, balls(np.zeros((1, 1)), 1.0, np.inf), np.array([1]), steps=40)
    assert 1 <= values[0] <= 1.05
    assert abs(points[0, 0] - 0.3) <= 0.05


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"steps": 0}, "steps >= 1"),
        ({"restarts": 0}, "restarts >= 1"),
        ({"violations": np.array([0])}, "one entry for each of the 2 regions"),
        ({"violations": np.array([0, 3])}, "0..1"),
        ({"violations": margin_violations(np.array([0, 1]), 3)}, "need 2 outputs, got 3"),
        ({"regions": balls(np.zeros((2, 2)), 1, 2)}, "3 coordinates"),
        ({"starts": np.zeros((2, 2))}, "starts need shape"),
    ],
)
def test_bad_calls(options: dict[str, object], text: str) -> None:
    network = random_net(np.random.default_rng(0), 3, 4, 2)
    given_ = {"regions": balls(np.zeros((2, 3)), 1, 2), "violations": np.array([0, 1]), **options}
    with pytest.raises(ValueError, match=text):
        gradient_attack(network, **given_)  # type: ignore[arg-type]


# --- against the usual attack -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained() -> tuple[ReLUNetwork, np.ndarray, np.ndarray]:
    """784-256-256-256-256-10, trained on mnist5k, and 500 of its images."""
    torch = pytest.importorskip("torch")
    points, labels = load_sample("mnist5k")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = [784, 256, 256, 256, 256, 10]
        layers = [torch.nn.Linear(a, b) for a, b in pairwise(sizes)]
        model = torch.nn.Sequential(*[part for layer in layers for part in (layer, torch.nn.ReLU())][:-1])
        x, y = torch.tensor(points, dtype=torch.float32), torch.tensor(labels).long()
        adam = torch.optim.Adam(model.parameters(), 1e-3)
        for _ in range(5):
            for rows in torch.randperm(len(x)).split(100):
                adam.zero_grad()
                torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
                adam.step()
    weights = [(layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()) for layer in layers]
    rows = np.random.default_rng(0).permutation(len(points))[:500]
    return ReLUNetwork(tuple(Affine(w, b) for w, b in weights)), np.asarray(points)[rows], np.asarray(labels)[rows]


def refuted_by_pgd(
    network: ReLUNetwork, points: np.ndarray, labels: np.ndarray, radius: float, p: float, loss: str, is_cut: bool
) -> np.ndarray:
    """PGD-20 with 5 random starts and steps of a quarter of the radius, in float32 as it is run everywhere."""
    torch = pytest.importorskip("torch")
    layers = [(torch.tensor(f.weight).float(), torch.tensor(f.bias).float()) for f in network.layers]

    def logits(x: Any) -> Any:
        for k, (weight, bias) in enumerate(layers):
            x = torch.nn.functional.linear(x.relu() if k else x, weight, bias)
        return x

    centre, y = torch.tensor(points).float(), torch.tensor(labels).long()
    low, high = (0.0, 1.0) if is_cut else (-np.inf, np.inf)
    random = torch.Generator().manual_seed(0)
    wrong = torch.zeros(len(points), dtype=torch.bool)
    for _ in range(5):
        step = 2 * torch.rand(centre.shape, generator=random) - 1
        x = centre + radius * (step if np.isinf(p) else step / step.norm(dim=1, keepdim=True))
        for _ in range(20):
            x = x.clamp(low, high).requires_grad_()
            outputs = logits(x)
            if loss == "cross entropy":
                value = torch.nn.functional.cross_entropy(outputs, y, reduction="sum")
            else:
                own = outputs.gather(1, y[:, None])
                value = (outputs.scatter(1, y[:, None], -np.inf).max(dim=1, keepdim=True).values - own).sum()
            (slope,) = torch.autograd.grad(value, x)
            if np.isinf(p):
                step = (x.detach() + radius / 4 * slope.sign() - centre).clamp(-radius, radius)
            else:
                step = x.detach() + radius / 4 * slope / slope.norm(dim=1, keepdim=True).clamp_min(1e-30) - centre
                step = step * (radius / step.norm(dim=1, keepdim=True)).clamp_max(1)
            x = centre + step
        with torch.no_grad():
            wrong |= logits(x.clamp(low, high)).argmax(dim=1) != y
    return np.asarray(wrong)


@pytest.mark.parametrize(("p", "radius", "is_cut"), [(np.inf, 0.05, False), (np.inf, 0.05, True), (2.0, 1.0, True)])
def test_refutes_at_least_what_pgd_does(
    trained: tuple[ReLUNetwork, np.ndarray, np.ndarray], p: float, radius: float, is_cut: bool
) -> None:
    network, points, labels = trained
    ends = {"low": 0, "high": 1} if is_cut else {}
    values, _ = gradient_attack(network, balls(points, radius, p, **ends), labels)
    ours = int((values <= 0).sum())
    theirs = [refuted_by_pgd(network, points, labels, radius, p, loss, is_cut) for loss in ("cross entropy", "margin")]
    assert 0 < ours < 500
    assert all(int(wrong.sum()) <= ours for wrong in theirs)


def test_what_is_found_is_confirmed_whatever_the_scale(trained: tuple[ReLUNetwork, np.ndarray, np.ndarray]) -> None:
    """Over the reals, all of it; of the guided attack's candidates, without gradients, few are errors."""
    network, points, labels = trained
    points, labels, last = points[:60], labels[:60], network.layers[-1]
    alone, _ = attack_balls(network, points, labels, 0.05, np.inf)
    for scale in (0.01, 1.0, 100.0):
        scaled = ReLUNetwork((*network.layers[:-1], Affine(scale * last.weight, scale * last.bias)))
        found = real_witnesses(scaled, points, labels, 0.05, np.inf, np.arange(60))
        values, _ = gradient_attack(scaled, balls(points, 0.05, np.inf), labels)
        assert (found.upper <= 0).sum() >= (values <= 0).sum() > 2 * (alone <= 0).sum()
