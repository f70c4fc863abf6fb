"""Compact memorizers: right, counted, certified, and uncertified as soon as a hypothesis of the proof fails."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import scipy.sparse as sp

from constructions.certificates.certificate import Certificate
from constructions.compact.lipschitz import GroupSort
from constructions.compact.memorizer import CompactMemorizer, compact_memorizer
from constructions.compact.proof import compact_bounds
from constructions.memorizers.construction import Construction
from constructions.networks.network import Affine, ReLUNetwork, dense
from theory.errors import AssumptionError

RADIUS = 0.5


def clusters(classes: int = 3, size: int = 120, dim: int = 16, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points of overlapping classes, no two of different classes nearer than 2.2, in [0, 12]^d about."""
    rng = np.random.default_rng(seed)
    means = 6 + 1.5 * rng.standard_normal((classes, dim))
    points, labels = np.empty((0, dim)), np.empty(0, dtype=int)
    while len(points) < size:
        label = int(rng.integers(classes))
        point = means[label] + rng.standard_normal(dim)
        if np.all(np.linalg.norm(points[labels != label] - point, axis=1) > 2.2):
            points, labels = np.vstack([points, point]), np.append(labels, label)
    return points, labels


@cache
def built(kind: str = "classes") -> CompactMemorizer:
    """With so few steps that some points are left."""
    points, codes = clusters(2 if kind == "signed" else 3)
    labels: object = {"classes": codes, "signed": 2 * codes - 1, "named": [f"class {c}" for c in codes]}[kind]
    settings = {"features": 8, "hidden": (8, 6), "coordinates": 8, "steps": 60}
    return compact_memorizer(points, labels, radius=RADIUS, **settings)


def moved(memorizer: CompactMemorizer, seed: int, tries: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Points on the spheres: random ones, and towards the points of other classes."""
    sample, radius = memorizer.task.sample, memorizer.task.radius * (1 - 1e-9)
    rng = np.random.default_rng(seed)
    x, codes = sample.points, sample.codes
    directions = [rng.standard_normal(x.shape) for _ in range(tries)]
    for _ in range(tries):
        other = np.array([rng.choice(np.flatnonzero(codes != c)) for c in codes])
        directions.append(x[other] - x)
    steps = [radius * d / np.linalg.norm(d, axis=1, keepdims=True) for d in directions]
    return np.vstack([x, *[x + s for s in steps]]), np.tile(codes, 2 * tries + 1)


@pytest.mark.parametrize("kind", ["classes", "signed", "named"])
def test_it_is_certified_and_counted_and_right(kind: str) -> None:
    memorizer = built(kind)
    assert isinstance(memorizer, Construction)
    assert 0 < len(memorizer.left) < len(memorizer.task.sample.points)
    assert memorizer.size.nonzero == memorizer.size.formula_nonzero == memorizer.network.nonzero
    for arithmetic in ("reals", "float64"):
        certificate = memorizer.certify(arithmetic)
        assert certificate.certified.all(), certificate
    x, codes = moved(memorizer, 1)
    margins = margins_of(memorizer, x, codes)
    assert (margins > 0).all()
    lower = np.tile(memorizer.certify().lower, len(x) // len(memorizer.task.sample.points))
    assert (margins >= lower).all()


def margins_of(memorizer: CompactMemorizer, x: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Of the network as it is evaluated."""
    f = memorizer.network(x)
    if f.shape[1] == 1:
        return np.asarray(codes * f[:, 0])
    own = f[np.arange(len(x)), codes]
    f[np.arange(len(x)), codes] = -np.inf
    return np.asarray(own - f.max(axis=1))


def test_gradient_steps_never_go_below_the_bound() -> None:
    import torch

    memorizer = built()
    sample, module = memorizer.task.sample, memorizer.network.to_torch(dense=True)
    centre, codes = torch.tensor(sample.points), torch.tensor(sample.codes)
    lower = torch.tensor(memorizer.certify().lower)
    step = torch.zeros_like(centre)
    for _ in range(30):
        step.requires_grad_(True)
        f = module(centre + step)
        rival = f.scatter(1, codes[:, None], -torch.inf).amax(1)
        margin = f.gather(1, codes[:, None])[:, 0] - rival
        assert bool((margin >= lower).all())
        (slope,) = torch.autograd.grad(margin.sum(), step)
        step = step.detach() - 0.1 * slope / slope.norm(dim=1, keepdim=True).clamp_min(1e-12)
        step = step * (RADIUS * (1 - 1e-9) / step.norm(dim=1, keepdim=True)).clamp_max(1)


def test_the_same_arguments_give_the_same_network() -> None:
    points, codes = clusters()
    settings = {"features": 8, "hidden": (8, 6), "coordinates": 8, "steps": 60}
    again = compact_memorizer(points, codes, radius=RADIUS, **settings)
    for a, b in zip(built().network.layers, again.network.layers, strict=True):
        assert np.array_equal(dense(a.weight), dense(b.weight))
        assert np.array_equal(a.bias, b.bias)


def test_one_thread_trains_and_leaves_as_many_as_there_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """By two threads sums have another order, so that the network would depend on the machine."""
    import torch

    from constructions.compact import training

    threads, seen, start = torch.get_num_threads(), [], training._start
    monkeypatch.setattr(training, "_start", lambda *given: seen.append(torch.get_num_threads()) or start(*given))
    torch.set_num_threads(2)
    try:
        points, codes = clusters()
        compact_memorizer(points, codes, radius=RADIUS, features=8, hidden=(8, 6), coordinates=8, steps=10)
        assert seen == [1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_a_sparse_classifier_keeps_that_part_of_the_entries_between_hidden_layers() -> None:
    points, codes = clusters()
    settings = {"features": 8, "hidden": (8, 6), "coordinates": 8, "steps": 60}
    memorizer = compact_memorizer(points, codes, radius=RADIUS, density=0.5, **settings)
    assert [layer.nonzero for layer in memorizer.clean.layers] == [8 * 16 + 8, 32 + 8, 24 + 6, 3 * 6 + 3]
    assert memorizer.size.nonzero == memorizer.size.formula_nonzero == memorizer.network.nonzero
    for arithmetic in ("reals", "float64"):
        assert memorizer.certify(arithmetic).certified.all()


def test_points_in_other_units_and_elsewhere_are_memorized_too() -> None:
    points, codes = clusters()
    for unit, middle in ((2.0**-20, 0.0), (1000.0, -1e5)):
        settings = {"features": 8, "hidden": (8, 6), "coordinates": 8, "steps": 60}
        memorizer = compact_memorizer(unit * points + middle, codes, radius=unit * RADIUS, **settings)
        assert memorizer.certify("float64").certified.all()


def test_a_saved_classifier_takes_the_place_of_training(tmp_path: object) -> None:
    points, codes = clusters()
    built().clean.save(f"{tmp_path}/clean.npz")
    clean = GroupSort.load(f"{tmp_path}/clean.npz")
    again = compact_memorizer(points, codes, radius=RADIUS, features=8, coordinates=8, clean=clean)
    assert again.size == built().size


def test_nothing_is_left_where_classes_are_far_apart() -> None:
    points = np.array([[0.0, 0.0], [0.0, 1.0], [20.0, 0.0], [20.0, 1.0]])
    memorizer = compact_memorizer(points, [0, 0, 1, 1], radius=0.1, features=2, hidden=(2,), coordinates=1, steps=200)
    assert len(memorizer.left) == 0
    assert memorizer.parts.balls is None
    assert memorizer.certify("float64").certified.all()
    assert memorizer.size.nonzero == memorizer.size.formula_nonzero


def test_images_are_read_by_quarters() -> None:
    rng = np.random.default_rng(0)
    points, labels = rng.random((60, 64)), np.arange(60) % 2
    points[:, 0] = 0.0
    memorizer = compact_memorizer(
        points, labels, radius=0.05, image=(8, 8), features=8, hidden=(6,), coordinates=8, steps=30
    )
    assert memorizer.certify("float64").certified.all()
    assert memorizer.parts.pool.weight.nnz == 63
    quarter = dense(memorizer.parts.stages[0].weight)[:2]
    seen = np.flatnonzero(abs(quarter @ memorizer.parts.pool.weight.toarray()).sum(axis=0))
    assert set(seen) == {8 * r + c for r in range(4) for c in range(4)} - {0}


# Each breaks one hypothesis of the proof, in the network and in what it is said to be made of alike.


def with_stage(memorizer: CompactMemorizer, k: int, weight: np.ndarray, bias: np.ndarray) -> CompactMemorizer:
    """With another stage."""
    stages = list(memorizer.parts.stages)
    stages[k] = Affine(weight, bias)
    return with_parts(memorizer, stages=tuple(stages))


def with_parts(memorizer: CompactMemorizer, **parts: object) -> CompactMemorizer:
    """With other parts, and their network."""
    changed = replace(memorizer.parts, **parts)
    network = ReLUNetwork(changed.network().layers, memorizer.network.classes)
    return replace(memorizer, parts=changed, network=network)


def bounds(memorizer: CompactMemorizer, arithmetic: str = "reals") -> np.ndarray:
    """Of the proof alone."""
    return compact_bounds(memorizer.network, memorizer.parts, memorizer.task, arithmetic)


@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_a_carried_sum_that_may_be_negative_is_refused(k: int) -> None:
    memorizer = built()
    stage = memorizer.parts.stages[k]
    value = memorizer.network(memorizer.task.sample.points)
    assert np.isfinite(value).all()
    lowered = with_stage(memorizer, k, dense(stage.weight), stage.bias - 0.02)
    assert np.isneginf(bounds(lowered)).any()


def test_a_first_layer_that_may_be_negative_is_refused() -> None:
    memorizer = built()
    pool = memorizer.parts.pool
    changed = with_parts(memorizer, pool=Affine(pool.weight, pool.bias - pool.bias.max() - 20))
    assert np.isneginf(bounds(changed)).any()


@pytest.mark.parametrize("k", [0, 1, 2])
def test_each_norm_counts(k: int) -> None:
    """A layer twice as steep before one half as steep changes nothing; a proof without one of the norms would."""
    memorizer = built()
    stages, balls = list(memorizer.parts.stages), memorizer.parts.balls
    assert balls is not None
    stages[k] = Affine(2 * dense(stages[k].weight), 2 * stages[k].bias)
    stages[k + 1] = Affine(dense(stages[k + 1].weight) / 2, stages[k + 1].bias)
    if k == 0:
        balls = replace(balls, coordinates=Affine(dense(balls.coordinates.weight) / 2, balls.coordinates.bias))
    changed = with_parts(memorizer, stages=tuple(stages), balls=balls)
    assert np.allclose(bounds(changed), bounds(memorizer), rtol=0, atol=1e-9)
    stages[k + 1] = Affine(1.2 * dense(stages[k + 1].weight), stages[k + 1].bias)
    steeper = with_parts(memorizer, stages=tuple(stages), balls=balls)
    x, codes = moved(steeper, 3)
    assert (margins_of(steeper, x, codes).reshape(-1, 120).min(axis=0) >= bounds(steeper)).all()


@pytest.mark.parametrize("fault", ["wider", "taller", "own class", "not one", "beside", "tents", "width"])
def test_a_ball_that_is_not_as_said_is_refused(fault: str) -> None:
    memorizer = built()
    balls, last = memorizer.parts.balls, memorizer.parts.last
    assert balls is not None
    size, sums = memorizer.parts.outputs, balls.sums.shape[0]
    weight, bias, heights = dense(balls.rows.weight).copy(), balls.rows.bias.copy(), dense(last.weight).copy()
    if fault == "wider":
        bias[0] += 40
    elif fault == "taller":
        heights[:, size] *= 1e12
        bias[0] += 2
    elif fault == "own class":
        heights[:, size:] = np.roll(heights[:, size:], 1, axis=0)
    elif fault == "not one":
        weight[0, :sums] *= 2
    elif fault == "beside":
        weight[0, sums + np.flatnonzero(weight[0, sums:] == 0)[0]] = 0.5
    changed = replace(balls, rows=Affine(sp.csr_array(weight), bias))
    if fault == "tents":
        changed = replace(balls, tents=2)
    elif fault == "width":
        changed = replace(balls, width=balls.width / 4)
    outcome = bounds(with_parts(memorizer, balls=changed, last=Affine(heights, last.bias)))
    assert (outcome <= 0).any()


def test_a_ball_that_reaches_a_rival_ball_and_not_its_centre_counts_there() -> None:
    memorizer = built()
    sample, balls, last = memorizer.task.sample, memorizer.parts.balls, memorizer.parts.last
    assert balls is not None
    u = ReLUNetwork(memorizer.network.layers[:3])(sample.points)[:, -balls.size :]
    seen = dense(balls.sums)[balls.which[0]] == 1
    point = memorizer.left[0]
    centre, other = u[point, seen], sample.codes != sample.codes[point]
    distances = np.linalg.norm(u[:, seen] - centre, axis=1)
    rival = np.flatnonzero(other)[distances[other].argmin()]
    bias = balls.rows.bias.copy()
    bias[0] = (distances[rival] - 0.1) ** 2 - centre @ centre
    heights = dense(last.weight).copy()
    heights[:, memorizer.parts.outputs] *= 1e4
    wider = replace(balls, rows=Affine(balls.rows.weight, bias))
    changed = with_parts(memorizer, balls=wider, last=Affine(heights, last.bias))
    outcome = bounds(changed)
    assert bounds(memorizer)[rival] > 0
    assert outcome[rival] < 0
    assert np.array_equal(np.isfinite(outcome), np.isfinite(bounds(memorizer)))


def test_another_network_is_refused() -> None:
    memorizer = built()
    other = replace(memorizer, network=built("signed").network, parts=memorizer.parts)
    assert np.isneginf(bounds(other)).all()
    layers = list(memorizer.network.layers)
    layers[1] = Affine(layers[1].weight, np.nextafter(layers[1].bias, np.inf))
    assert np.isneginf(bounds(replace(memorizer, network=ReLUNetwork(tuple(layers))))).all()


def test_another_radius_or_norm_is_refused() -> None:
    memorizer = built()
    assert (bounds(replace(memorizer, task=replace(memorizer.task, radius=RADIUS * 1.01))) <= 0).any()
    assert np.isneginf(bounds(replace(memorizer, task=replace(memorizer.task, p=np.inf)))).all()


def test_the_certificate_names_what_a_fault_leaves_open() -> None:
    memorizer = built()
    bare = replace(memorizer, task=replace(memorizer.task, radius=1.05))
    certificate: Certificate = bare.certify()
    assert not certificate.certified.all()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"p": 1}, "needs p = 2"),
        ({"features": 7}, "even"),
        ({"hidden": 8}, "even"),
        ({"hidden": (3,)}, "even"),
        ({"coordinates": 9}, "coordinates"),
        ({"steps": 0}, "steps"),
        ({"density": 0}, "density"),
        ({"density": 1.5}, "density"),
        ({"density": float("nan")}, "density"),
        ({"seconds": 0}, "seconds"),
        ({"image": (4, 5)}, "image"),
        ({"clean": ReLUNetwork((Affine(np.eye(3, 16), np.zeros(3)),))}, "GroupSort"),
        ({"features": 18}, "fewer features"),
    ],
)
def test_malformed_arguments_are_named(change: dict[str, object], text: str) -> None:
    points, codes = clusters()
    arguments = {"features": 8, "hidden": (8,), "coordinates": 8, "steps": 5, **change}
    with pytest.raises(ValueError, match=text):
        compact_memorizer(points, codes, radius=RADIUS, **arguments)


def test_too_few_coordinates_name_the_points_and_the_way_out() -> None:
    points, codes = clusters()
    with pytest.raises(AssumptionError, match="more coordinates"):
        compact_memorizer(points, codes, radius=RADIUS, features=8, hidden=(8,), coordinates=1, steps=5)


@pytest.mark.parametrize("density", [1.0, 0.5])
def test_time_ends_training_and_balls_complete_it(density: float) -> None:
    points, codes = clusters()
    settings = {"features": 8, "hidden": (8,), "coordinates": 8, "steps": 10**7, "seconds": 0.2}
    memorizer = compact_memorizer(points, codes, radius=RADIUS, density=density, **settings)
    assert memorizer.certify().certified.all()
