"""The front door: every argument and model, what is refused, and that its answers are true."""

import json
import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions import Affine, Certificate, ReLUNetwork, certify, from_torch, write_certificate, write_points
from constructions.certificates import any_network, decision
from constructions.certificates.witness import Witnesses
from constructions.check.__main__ import main as check
from constructions.networks.folded import FoldedNetwork
from tests.rational import rational_value, rationals
from tests.strategies import dyadic, exponents, networks
from theory.balls import input_splitting, prepared
from theory.balls.regions import Regions
from theory.balls.relaxation import margin_lower_bound

LINE = ReLUNetwork((Affine(np.array([[1.0]]), np.array([-0.5])),))
PLANE = ReLUNetwork((Affine(np.array([[1.0, 1.0]]), np.array([-0.5])),))
EVERY = ("reals", "rational", "float64", "float32")
EXECUTED = ("float64", "float32")


def deep(seed: int = 0, *widths: int) -> ReLUNetwork:
    rng = np.random.default_rng(seed)
    sizes = widths or (3, 16, 16, 16, 3)
    return ReLUNetwork(
        tuple(Affine(rng.normal(size=(b, a)) * (2 / a) ** 0.5, 0.1 * rng.normal(size=b)) for a, b in pairwise(sizes))
    )


def some_balls(network: ReLUNetwork, count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    points = np.random.default_rng(seed).uniform(-1, 1, (count, network.inputs))
    return points, network(points).argmax(axis=1)


def margin(network: Any, x: np.ndarray, label: int) -> Fraction:
    """By the tests' own rational evaluation."""
    values = rational_value(network, rationals(x))
    if len(values) == 1:
        return label * values[0]
    return values[label] - max(v for c, v in enumerate(values) if c != label)


def is_in(x: np.ndarray, centre: np.ndarray, radius: Any, p: float, low: Any = None, high: Any = None) -> bool:
    """Whether a point is in the ball and between the ends, in rational arithmetic; p = 1, 2 or ∞."""
    steps = [abs(Fraction(a) - Fraction(b)) for a, b in zip(x.tolist(), centre.tolist(), strict=True)]
    each = [Fraction(r) for r in np.broadcast_to(radius, centre.shape).tolist()]
    if math.isinf(p):
        inside = all(step <= r for step, r in zip(steps, each, strict=True))
    else:
        inside = sum(step ** int(p) for step in steps) <= each[0] ** int(p)
    ends = (
        np.broadcast_to(-np.inf if low is None else low, x.shape),
        np.broadcast_to(np.inf if high is None else high, x.shape),
    )
    return bool(inside and (ends[0] <= x).all() and (x <= ends[1]).all())


def assert_true(
    found: Certificate, network: ReLUNetwork, points: np.ndarray, labels: np.ndarray, radius: Any, p: float, **ends: Any
) -> None:
    """Witnesses are in their regions and errors, exactly; no point of a proved region is one; the rest is explained."""
    rng = np.random.default_rng(0)
    radii = np.broadcast_to(radius, points.shape)
    low, high = (
        np.broadcast_to(ends.get(name, none), points.shape) for name, none in (("low", -np.inf), ("high", np.inf))
    )
    known = {"low": None, "high": None} | ends
    assert set(found.counterexamples) == set(np.flatnonzero(found.status == "refuted").tolist())
    for i, x in found.counterexamples.items():
        own = {name: None if end is None else np.broadcast_to(end, points.shape)[i] for name, end in known.items()}
        assert is_in(x, points[i], radii[i] if math.isinf(p) else radius, p, **own)
        assert margin(network, x, int(labels[i])) <= Fraction(found.upper[i]) <= 0
        assert found.lower[i] <= found.upper[i]
    corners = np.array(list(product([-1.0, 1.0], repeat=points.shape[1])))
    for i in np.flatnonzero(found.certified):
        steps = np.concatenate([corners, rng.uniform(-1, 1, (200, points.shape[1]))])
        if not math.isinf(p):
            steps = steps / np.maximum(np.linalg.norm(steps, p, axis=1, keepdims=True), 1.0)
        # Within rounding of the region, and so errors only within rounding of the bound.
        x = np.clip(points[i] + radii[i] * steps, low[i], high[i])
        values = network(x)
        own = (
            labels[i] * values[:, 0]
            if values.shape[1] == 1
            else values[:, labels[i]] - np.delete(values, labels[i], 1).max(axis=1)
        )
        if math.isinf(p) or not ends:
            assert own.min() >= found.lower[i] - 1e-9
        assert found.lower[i] > 0
    assert set(found.untried) <= set(np.flatnonzero(found.status == "undecided").tolist())


# --- answers are true -------------------------------------------------------------------------------


@given(
    networks(inputs=2, outputs=1),
    st.integers(0, 1000),
    dyadic(0.125, 1.0),
    exponents,
    st.booleans(),
    st.sampled_from(("reals", "float64", "float32")),
)
def test_witnesses_are_errors_in_the_cut_ball_and_proved_balls_have_none(
    network: ReLUNetwork, seed: int, radius: float, p: float, is_cut: bool, arithmetic: str
) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(-8, 8, (4, 2)) / 4
    labels = np.where(network(points)[:, 0] >= 0, 1, -1)
    ends: dict[str, Any] = {"low": points.min(axis=0) - 0.125, "high": points + 0.25} if is_cut else {}
    found = certify(network, points, labels, radius, p, seconds=2.0, arithmetic=arithmetic, **ends)
    assert found.is_of(network, points, labels)
    if p in (1.0, 2.0, math.inf) and arithmetic == "reals":
        assert_true(found, network, points, labels, radius, p, **ends)
    elif p in (1.0, 2.0, math.inf):
        for i, x in found.counterexamples.items():
            own = {name: np.broadcast_to(end, points.shape)[i] for name, end in ends.items()}
            assert is_in(x, points[i], radius, p, **own)
            assert (x.astype(arithmetic) == x).all()


@pytest.mark.parametrize("p", [1.0, 2.0, math.inf])
@pytest.mark.parametrize("ends", [{}, {"low": -0.25}, {"high": np.full(3, 0.5)}, {"low": -0.5, "high": 0.5}])
def test_deep_networks_on_balls_of_every_kind(p: float, ends: dict[str, Any]) -> None:
    network = deep()
    points, labels = some_balls(network, 30)
    points = np.clip(points, ends.get("low", -np.inf), ends.get("high", np.inf))
    labels = network(points).argmax(axis=1)
    radius = {1.0: 0.3, 2.0: 0.2, math.inf: 0.12}[p]
    found = certify(network, points, labels, radius, p, seconds=30, **ends)
    assert_true(found, network, points, labels, radius, p, **ends)
    assert min(found.count("certified"), found.count("refuted")) > 3
    assert found.count("undecided") <= 2
    whole = certify(network, points, labels, radius, p)
    # A part of a ball that is right is right.
    assert not (whole.certified & ~found.certified).any()


@pytest.mark.parametrize("arithmetic", ["reals", *EXECUTED])
def test_a_radius_for_each_coordinate(arithmetic: str) -> None:
    """y = x_1 + x_2 - 1/2 on boxes: the least value is that of a corner."""
    points, labels = np.array([[1.0, 0.5], [1.0, 0.25]]), np.array([1, 1])
    for radii in (np.array([0.5, 0.25]), np.array([[0.5, 0.25], [0.75, 0.0]])):
        found = certify(PLANE, points, labels, radii, np.inf, arithmetic=arithmetic)
        least = points.sum(axis=1) - 0.5 - np.broadcast_to(radii, points.shape).sum(axis=1)
        assert found.status.tolist() == ["certified" if v > 0 else "refuted" for v in least.tolist()]
        assert np.allclose(found.lower, least, atol=1e-6)
        assert found.radius == radii.max()
        assert (found.radii == radii).all()
        for i, x in found.counterexamples.items():
            assert is_in(x, points[i], np.broadcast_to(radii, points.shape)[i], math.inf)


@pytest.mark.parametrize("p", [1.0, 2.0, math.inf])
@pytest.mark.parametrize("shape", [(), (2,), (3, 2)])
@pytest.mark.parametrize("arithmetic", ["reals", *EXECUTED])
def test_ends_of_every_shape_cut_the_balls_off(p: float, shape: tuple[int, ...], arithmetic: str) -> None:
    """Whole, the balls reach an error; cut off at 0 from below they do not."""
    points, labels = np.array([[0.25, 0.5], [0.5, 0.25], [0.375, 0.375]]), np.array([1, 1, 1])
    shifted = ReLUNetwork((Affine(np.array([[1.0, 1.0]]), np.array([0.25])),))
    whole = certify(shifted, points, labels, 2.0, p, arithmetic=arithmetic)
    assert whole.count("refuted") == 3
    found = certify(shifted, points, labels, 2.0, p, arithmetic=arithmetic, low=np.zeros(shape), high=np.ones(shape))
    if p == math.inf or arithmetic == "reals":
        assert found.certified.all()
        assert np.allclose(found.lower, 0.25)
    else:
        # As executed, a cut ball is bounded by the reals or as the whole one.
        assert found.count("refuted") == 0
    below = certify(shifted, points, labels, 2.0, p, arithmetic=arithmetic, low=np.full(shape, -0.25))
    assert below.count("refuted") == 3
    assert all((x >= -0.25).all() for x in below.counterexamples.values())


def test_a_centre_outside_the_cut_is_no_witness() -> None:
    """x - 1/2 is wrong at the centre 0, and right at all points of the ball from 3/4 on."""
    found = certify(LINE, np.array([[0.0]]), np.array([1]), 1.0, np.inf, low=0.75)
    assert found.status.tolist() == ["certified"]
    for arithmetic in EXECUTED:
        again = certify(LINE, np.array([[0.0]]), np.array([1]), 1.0, np.inf, low=0.75, arithmetic=arithmetic)
        assert again.status.tolist() == ["certified"]
    tight = certify(LINE, np.array([[0.0]]), np.array([1]), 1.0, np.inf, low=0.5)
    assert tight.counterexamples[0].tolist() == [0.5]
    above = certify(LINE, np.array([[0.0]]), np.array([1]), 1.0, np.inf, low=np.nextafter(0.5, 1))
    assert above.count("refuted") == 0


# --- steps, time and what is left -------------------------------------------------------------------


def test_what_the_linear_bound_proves_is_proved_and_more() -> None:
    network = deep(3, 4, 24, 24, 24, 4)
    points, labels = some_balls(network, 60)
    for p, radius in ((math.inf, 0.15), (2.0, 0.25), (1.0, 0.4)):
        alone = margin_lower_bound(network.layers, points, labels, radius, p)
        quick, long = (certify(network, points, labels, radius, p, seconds=s) for s in (None, 60))
        assert not ((alone > 0) & ~quick.certified).any()
        assert not (quick.certified & ~long.certified).any()
        assert 0 < (alone > 0).sum() < long.count("certified")
        assert not long.untried
        left = np.flatnonzero(quick.status == "undecided").tolist()
        assert sorted(quick.untried) == left
        assert len(left)
        assert set(quick.untried.values()) == {"splitting: give seconds="}
        assert f"; of {len(left)} undecided: splitting: give seconds=" in str(quick)
        assert set(long.method[long.certified].tolist()) > {"linear", "splitting"}
        assert set(long.method[long.status == "refuted"].tolist()) <= {"attack", "splitting"}


def test_no_time_and_little_time_end_early() -> None:
    """A search of hours otherwise; generous, because machines are busy."""
    network = deep(0, 12, 80, 80, 80, 80, 4)
    points, labels = some_balls(network, 40)
    for seconds in (0, 2):
        started = time.monotonic()
        found = certify(network, points, labels, 0.2, np.inf, seconds=seconds)
        assert time.monotonic() - started < 60
        undecided = np.flatnonzero(found.status == "undecided").tolist()
        assert sorted(found.untried) == undecided
        assert all("the time was over" in why for why in found.untried.values())
        assert found.seconds.sum() < 60
    assert undecided


def test_the_deadline_reaches_every_step_and_the_last_attack(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: a search that takes no notice of the time would be given more than there is."""
    given: list[float] = []
    for module, name in ((decision, "gradient_attack"), (any_network, "real_witnesses")):
        old = getattr(module, name)

        def noted(*arguments: Any, _old: Callable[..., Any] = old, **named: Any) -> Any:
            given.append(named.get("deadline", math.inf) - time.monotonic())
            return _old(*arguments, **named)

        monkeypatch.setattr(module, name, noted)
    for name in ("slope_lower_bounds", "split_inputs", "split_relus"):
        old = getattr(decision, name)

        def limited(*arguments: Any, _old: Callable[..., Any] = old, **named: Any) -> Any:
            given.append(math.inf if named["seconds"] is None else named["seconds"])
            return _old(*arguments, **named)

        monkeypatch.setattr(decision, name, limited)
    network = deep(0, 12, 40, 40, 40, 4)
    points, labels = some_balls(network, 10)
    found = certify(network, points, labels, 0.2, np.inf, seconds=5)
    assert found.untried
    assert len(given) >= 4
    assert max(given) <= 5
    given.clear()
    certify(network, points, labels, 0.2, np.inf)
    assert max(given) == math.inf


def test_steps_that_take_long_are_left_out_without_seconds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision, "ALLOWED", 1.0)
    network = deep()
    points, labels = some_balls(network, 30)
    found = certify(network, points, labels, 0.1, np.inf)
    assert set(found.method.tolist()) <= {"interval", "attack"}
    assert found.untried
    assert all(re.fullmatch(r"linear relaxation: about \d+ minutes for \d+ regions, give seconds=", why)
               for why in found.untried.values())  # fmt: skip
    assert "linear" in certify(network, points, labels, 0.1, np.inf, seconds=30).method


def test_the_seed_is_that_of_the_attacks() -> None:
    network = deep()
    points, labels = some_balls(network, 10)
    one, two = (certify(network, points, labels, 0.2, np.inf, seed=s) for s in (0, 0))
    assert one.seal == two.seal
    assert certify(network, points, labels, 0.2, np.inf, seed=5).status.tolist() == one.status.tolist()


def test_progress_is_said_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    network = deep()
    points, labels = some_balls(network, 10)
    certify(network, points, labels, 0.15, np.inf, seconds=5)
    assert capsys.readouterr() == ("", "")
    certify(network, points, labels, 0.15, np.inf, seconds=5, progress=True)
    out, said = capsys.readouterr()
    assert out == ""
    for step in ("attack of", "linear relaxation of", "a search for slopes of", "splitting of"):
        assert step in said


def test_a_scheduler_that_is_not_there_is_named() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(OSError, match="a scheduler, at an address like"):
        certify(LINE, np.zeros((1, 1)), np.array([-1]), 0.1, np.inf, client="nowhere")


@pytest.fixture(scope="module")
def workers() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.parametrize("arithmetic", EVERY)
def test_workers_give_the_same_certificate(workers: Any, arithmetic: str) -> None:
    network = deep(1, 2, 6, 6, 2)
    points, labels = some_balls(network, 8)
    here, there = (
        certify(network, points, labels, 0.05, np.inf, arithmetic=arithmetic, client=c) for c in (None, workers)
    )
    assert here.seal == there.seal


# --- arithmetics ------------------------------------------------------------------------------------


@pytest.mark.parametrize("arithmetic", EVERY)
def test_every_arithmetic_by_the_same_door(arithmetic: str) -> None:
    network = deep(1, 2, 6, 6, 2)
    points, labels = some_balls(network, 20)
    found = certify(network, points, labels, 0.05, np.inf, arithmetic=arithmetic, seconds=10)
    assert found.arithmetic == arithmetic
    assert found.is_of(network, points, labels)
    assert found.count("certified") > 5
    assert all(margin(network, x, int(labels[i])) <= 1e-5 for i, x in found.counterexamples.items())


@pytest.mark.parametrize("arithmetic", EXECUTED)
def test_executed_bounds_by_the_reals_are_paid_for_what_a_run_may_differ(
    arithmetic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """f = σ(x) - σ(x) + c: intervals lose the correlation. With c below 2 · error nothing may be proved."""

    def network(c: float) -> ReLUNetwork:
        return ReLUNetwork((Affine(np.ones((2, 1)), np.zeros(2)), Affine(np.array([[1.0, -1.0]]), np.array([c]))))

    at: Any = (np.array([[3.0]]), np.array([1]), 0.5, np.inf)
    assert certify(network(0.5), *at, arithmetic=arithmetic).method.tolist() == ["linear"]
    error = any_network.execution_error(network(0.5).layers, np.array([2.5]), np.array([3.5]), arithmetic)
    small = 1.9 * float(error.max())
    assert certify(network(small), *at, arithmetic=arithmetic).count("certified") == 0
    if arithmetic == "float64":
        # What the bound itself allows for rounding is as much.
        return
    # The planted fault: with the slack forgotten it is taken for proved.
    monkeypatch.setattr(any_network, "execution_error", lambda *_: np.zeros(1))
    assert certify(network(small), *at, arithmetic=arithmetic).count("certified") == 1


def test_a_run_whose_numbers_may_overflow_is_not_bounded_by_the_reals() -> None:
    steep = ReLUNetwork(
        (Affine(np.full((2, 1), 1e30), np.zeros(2)), Affine(np.array([[1e30, -1e30]]), np.array([1.0])))
    )
    found = certify(steep, np.array([[1.0]]), np.array([1]), 0.5, np.inf, arithmetic="float32")
    assert found.count("certified") == 0
    if found.count("undecided"):
        assert found.untried == {0: "linear relaxation: numbers of a run may overflow there"}


# --- models -----------------------------------------------------------------------------------------


def images(count: int, *, seed: int = 0) -> np.ndarray:
    # Float32 numbers, so that the module sees what the certificate speaks of.
    return np.random.default_rng(seed).random((count, 1, 6, 6), dtype=np.float32).astype(np.float64)


def convolution() -> Any:
    torch = pytest.importorskip("torch")
    nn = torch.nn
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Dropout(),
            nn.Linear(16, 3),
        )
        with torch.no_grad():
            module[1].running_mean.uniform_(-1, 1)
            module[1].running_var.uniform_(0.1, 2)
    return module.eval()


def test_models_of_every_kind_have_one_certificate(tmp_path: Path) -> None:
    network = deep(2, 4, 8, 3)
    points, labels = some_balls(network, 12)
    arguments: Any = (points, labels, 0.08, np.inf)
    expected = certify(network, *arguments)
    network.save(tmp_path / "model.npz")
    models: list[Any] = [tmp_path / "model.npz", str(tmp_path / "model.npz")]
    if _installed("onnx"):
        from constructions.exchange.onnx_file import write_onnx

        write_onnx(tmp_path / "model.onnx", network)
        models.append(tmp_path / "model.onnx")
    if _installed("torch"):
        models.append(network.to_torch())
    for model in models:
        found = certify(model, *arguments)
        assert found.seal == expected.seal
        assert found.is_of(model, points, labels)
    affine = network.layers[0]
    assert certify(affine, points, np.zeros(12, int), 0.1, 2).is_of(affine, points, np.zeros(12, int))


def _installed(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def test_a_torch_module_with_convolutions_is_certified_on_images() -> None:
    torch = pytest.importorskip("torch")
    module, points = convolution(), images(40)
    labels = module(torch.tensor(points, dtype=torch.float32)).argmax(dim=1).numpy()
    found = certify(module, points, labels, 0.2, np.inf, low=0, high=1, seconds=20)
    assert min(found.count("certified"), found.count("refuted")) > 3
    for i, x in found.counterexamples.items():
        assert 0 <= x.min() <= x.max() <= 1
        answers = module(torch.tensor(x.reshape(1, 1, 6, 6), dtype=torch.float32))[0].detach()
        # In float32, next to the exact one.
        assert answers[labels[i]] <= answers.max() + 1e-4
        assert answers.argmax() != labels[i] or (answers - answers[labels[i]]).sort().values[-2] > -1e-4
    for i in np.flatnonzero(found.certified):
        noise = np.random.default_rng(i).uniform(-0.2, 0.2, (300, 1, 6, 6))
        answers = module(torch.tensor(np.clip(points[i] + noise, 0, 1), dtype=torch.float32))
        assert (answers.argmax(dim=1) == labels[i]).all()
    assert (found.status == certify(from_torch(module, input_shape=(1, 6, 6)), points.reshape(40, 36), labels, 0.2,
                                    np.inf, low=0, high=1, seconds=20).status).all()  # fmt: skip
    with_tensor = certify(module, torch.tensor(points), labels, 0.2, np.inf, low=0, high=1, seconds=20)
    assert with_tensor.status.tolist() == found.status.tolist()


def folded(bias: float, by: float) -> FoldedNetwork:
    """x + bias, of a model that may be `by` relative to it off."""
    layers = (Affine(np.array([[1.0]]), np.array([bias])),)
    return FoldedNetwork(layers, None, 1, by)


def test_what_a_folded_model_lost_by_rounding_is_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """On [1, 2], x - 1 + tiny: positive by less than a rounded weight may cost, and refuted by less than that."""
    network, at = folded(-1 + 2.0**-53, 2.0**-53), (np.array([[1.5]]), np.array([1]), 0.5, np.inf)
    lost = 2 * network.distance(np.array([1.0]), np.array([2.0])).max()
    assert 2.0**-53 < lost < 2.0**-48
    exact = ReLUNetwork(network.layers)
    assert certify(exact, *at, arithmetic="rational").certified.all()
    found = certify(network, *at)
    assert found.status.tolist() == ["undecided"]
    wrong = folded(-1 - 2.0**-52, 2.0**-53)
    assert certify(wrong, *at).status.tolist() == ["undecided"]
    assert certify(wrong, np.array([[1.0]]), np.array([1]), 0.0, np.inf).misclassified == frozenset()
    sure = certify(folded(-1 - 2.0**-40, 2.0**-53), np.array([[1.0]]), np.array([1]), 0.0, np.inf)
    assert sure.misclassified == {0}
    assert Fraction(sure.upper[0]) > -(Fraction(2) ** -40)
    # The planted fault: with the slack forgotten the model is taken for refuted.
    monkeypatch.setattr(any_network, "_lost", lambda task: np.zeros(len(task.points)))
    assert certify(wrong, *at).status.tolist() == ["refuted"]


def test_what_a_folded_model_lost_comes_off_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """x - 1/2 on [1, 2], at least 1/2: of outputs that may be 1/4 off there is no proof, and 1/5 off leave 1/10."""
    at: Any = (np.array([[1.5]]), np.array([1]), 0.5, np.inf)
    for far, lower in ((0.25, None), (0.2, 0.1)):
        monkeypatch.setattr(FoldedNetwork, "distance", lambda self, low, high, far=far: np.full(1, far))
        found = certify(folded(-0.5, 2.0**-53), *at)
        assert found.count("certified") == (lower is not None)
        if lower is not None:
            assert found.lower[0] == pytest.approx(lower)
        elsewhere = certify(folded(-0.5, 2.0**-53), np.array([[0.0]]), np.array([1]), 0.0, np.inf)
        # -1/2 is an error by at least 1/2 less twice what it may be off.
        assert elsewhere.upper[0] == pytest.approx(-0.5 + 2 * far)


def test_executed_claims_of_a_module_are_refused_and_of_its_network_are_made() -> None:
    torch = pytest.importorskip("torch")
    module, points = convolution(), images(5)
    labels = module(torch.tensor(points, dtype=torch.float32)).argmax(dim=1).numpy()
    for arithmetic in ("rational", *EXECUTED):
        with pytest.raises(ValueError, match=r"got Sequential: pass from_torch\(module\) or read_onnx\(path\)"):
            certify(module, points, labels, 0.01, np.inf, arithmetic=arithmetic)
    network = from_torch(module, input_shape=(1, 6, 6))
    assert certify(network, points.reshape(5, 36), labels, 1e-3, np.inf, arithmetic="float32").certified.any()


# --- what is refused --------------------------------------------------------------------------------

POINTS, LABELS = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1, 1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": np.zeros((2, 3))}, "dimension 2, got 3"),
        ({"points": np.zeros((2, 1, 1, 3))}, "dimension 2, got 3"),
        ({"points": np.zeros(2)}, "shape"),
        ({"points": np.full((2, 2), np.nan)}, "finite"),
        ({"labels": [1]}, "labels"),
        ({"labels": [0, 1]}, "labels of a network with 1 output"),
        ({"radius": -1.0}, "radius >= 0"),
        ({"radius": np.inf}, "finite radius"),
        ({"radius": np.nan}, "radius"),
        ({"radius": [0.1, np.nan]}, "radius"),
        ({"radius": [0.1, -0.1]}, "radius >= 0, got -0.1"),
        ({"radius": np.zeros(3)}, r"radius needs one number, shape \(2,\) or \(2, 2\), got \(3,\)"),
        ({"radius": np.zeros((1, 2, 2))}, "radius needs one number"),
        ({"radius": [0.1, 0.1], "p": 2}, "a radius for each coordinate needs p=inf, whose balls are boxes, got p=2"),
        ({"radius": [0.1, 0.1], "p": 1}, "a radius for each coordinate needs p=inf"),
        ({"p": 0.5}, "p"),
        ({"p": "two"}, "p"),
        ({"low": np.nan}, "low needs numbers, got NaN"),
        ({"high": [0.0, np.nan]}, "high needs numbers, got NaN"),
        ({"low": np.zeros(3)}, r"low needs one number, shape \(2,\) or \(2, 2\), got \(3,\)"),
        ({"high": np.zeros((2, 1))}, "high needs one number"),
        ({"low": 1.0, "high": 0.0}, "a ball has to meet its box"),
        ({"low": 5.0}, r"a ball has to meet its box, got 5.0 > .* in box 0, coordinate 0"),
        ({"high": -5.0, "p": 2}, "a ball has to meet its box"),
        ({"low": "zero"}, "low and high"),
        ({"arithmetic": "float16"}, "arithmetic must be one of reals, rational, float64, float32"),
        ({"arithmetic": "rational", "low": 0}, "needs whole balls of one radius: leave out low and high"),
        ({"arithmetic": "rational", "radius": [0.1, 0.2]}, "needs whole balls of one radius"),
        ({"arithmetic": "rational", "p": 3}, "p in 1, 2, inf"),
        *(
            ({"seconds": seconds, "arithmetic": arithmetic}, "seconds must be a number >= 0, or None for no splitting")
            for seconds in (-1, True, "5", np.nan)
            for arithmetic in EVERY
        ),
        ({"seed": -1}, "seed must be a whole number >= 0, got -1"),
        ({"seed": True}, "seed must be a whole number >= 0, got True"),
        ({"model": "model.pt"}, r"an \.npz file .* got the path 'model.pt', a module for torch.load"),
        ({"model": 3}, "model must be a ReLUNetwork, an Affine, a torch.nn.Module, or the path .* got int"),
    ],
)
def test_bad_input_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    arguments = {"model": PLANE, "points": POINTS, "labels": LABELS, "radius": 0.1, "p": np.inf} | change
    with pytest.raises(ValueError, match=message):
        certify(**arguments)


def test_a_file_that_is_not_there() -> None:
    for name in ("missing.npz", "missing.onnx"):
        with pytest.raises(FileNotFoundError):
            certify(name, POINTS, LABELS, 0.1, np.inf)


# --- certificates -----------------------------------------------------------------------------------


def test_changed_ends_and_radii_are_seen() -> None:
    radii, low, high = np.array([0.25, 0.125]), np.array([-1.0, 0.0]), np.float64(1.5)
    found = certify(PLANE, POINTS, LABELS, radii, np.inf, low=low, high=high)
    assert found.is_of(PLANE, POINTS, LABELS)
    whole = certify(PLANE, POINTS, LABELS, 0.25, np.inf)
    assert found.seal != whole.seal
    for name in ("radii", "low", "high"):
        for other in (None, np.asarray(getattr(found, name) + 1e-9)):
            changed = replace(found, **{name: other})
            object.__setattr__(changed, "seal", found.seal)
            assert not changed.is_of(PLANE, POINTS, LABELS)
        with pytest.raises(ValueError, match="read-only"):
            getattr(found, name)[...] = 7
    # What the caller does with its own arrays afterwards changes nothing.
    radii[:], low[:] = 9, 9
    assert found.is_of(PLANE, POINTS, LABELS)
    assert found.radii is not None
    assert found.radii.tolist() == [0.25, 0.125]


def test_the_record_says_the_region_and_what_was_left() -> None:
    radii = np.array([[0.25, 0.125], [0.5, 0.5]])
    found = certify(PLANE, POINTS, LABELS, radii, np.inf, low=0, high=[2.0, 2.0])
    record = json.loads(found.to_json())
    assert (record["radii"], record["low"], record["high"]) == (radii.tolist(), 0.0, [2.0, 2.0])
    assert record["radius"] == 0.5
    assert record["untried"] == {}
    assert "radius 0.5 at most, one for each coordinate, cut off at 0 and ends of shape (2,)" in str(found)
    assert not {"radii", "low", "high"} & set(json.loads(certify(PLANE, POINTS, LABELS, 0.5, np.inf).to_json()))
    network = deep()
    quick = certify(network, *some_balls(network, 30), 0.12, np.inf)
    assert {int(i): why for i, why in json.loads(quick.to_json())["untried"].items()} == quick.untried
    assert quick.untried


@pytest.mark.parametrize("region", [{"low": 0}, {"high": 1}, {"radius": np.array([0.1, 0.2])}])
def test_the_file_of_the_checker_has_whole_balls_only(region: dict[str, Any], tmp_path: Path) -> None:
    """The file says one radius, so that a part of a ball would be read as all of it."""
    given: dict[str, Any] = {"radius": 0.1} | region
    found = certify(PLANE, POINTS, LABELS, p=np.inf, **given)
    with pytest.raises(ValueError, match="whole balls of one radius"):
        write_certificate(tmp_path / "certificate.json", found, PLANE, POINTS, LABELS)
    assert not list(tmp_path.iterdir())


def test_the_checker_reads_every_step_and_confirms_what_it_can(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = deep(0, 3, 20, 20, 20, 3)
    points, labels = some_balls(network, 60)
    found = certify(network, points, labels, 0.15, np.inf, seconds=60)
    assert {"attack", "slopes", "splitting"} <= set(found.method.tolist())
    names = [str(tmp_path / name) for name in ("network.npz", "points.npz", "certificate.json")]
    network.save(names[0])
    write_points(names[1], network, points, labels)
    write_certificate(names[2], found, network, points, labels)
    assert check(names) == 1
    report = json.loads(capsys.readouterr().out)
    # Intervals are all that it has for any network; witnesses it evaluates itself.
    open_ = {int(re.findall(r"\d+", text)[0]) for text in report["not confirmed"]}
    assert set(np.flatnonzero(found.status == "certified").tolist()) >= open_ - set(found.counterexamples)
    assert not any("witness" in text for text in report["not confirmed"])
    assert set(np.flatnonzero(np.isin(found.method, ["slopes", "splitting"]) & found.certified).tolist()) <= open_


# --- planted faults ---------------------------------------------------------------------------------


def test_a_witness_one_float_outside_the_cut_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    network = deep()
    points, labels = some_balls(network, 30)
    points = np.clip(points, -0.5, 0.5)
    labels = network(points).argmax(axis=1)
    task: Any = (network, points, labels, 0.3, math.inf)
    assert_true(certify(*task, low=-0.5, high=0.5), *task, low=-0.5, high=0.5)
    inner = Regions.inner

    def outside(self: Regions) -> tuple[np.ndarray, np.ndarray]:
        low, high = inner(self)
        return np.nextafter(low, -np.inf), np.nextafter(high, np.inf)

    monkeypatch.setattr(Regions, "inner", outside)
    faulty = certify(*task, low=-0.5, high=0.5)
    assert faulty.counterexamples
    with pytest.raises(AssertionError):
        assert_true(faulty, *task, low=-0.5, high=0.5)


def test_a_bound_of_another_region_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half-widths lost on the way: balls as large as points are proved."""
    network = deep()
    points, labels = some_balls(network, 30)
    task: Any = (network, points, labels, 0.3, math.inf)
    assert_true(certify(*task), *task)
    old = any_network.balls

    def points_only(centres: Any, radius: Any, p: Any, **ends: Any) -> Regions:
        return old(centres, np.zeros_like(np.asarray(radius, dtype=float)), p, **ends)

    monkeypatch.setattr(any_network, "balls", points_only)
    with pytest.raises(AssertionError):
        assert_true(certify(*task), *task)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_parts_beside_a_ball_are_left_out_and_no_others(p: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """y = t - |x_1| - |x_2| is negative in the corners of the box: of the ball 1 the least is t - 2^(1 - 1/p)."""
    fold = Affine(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), np.zeros(4))
    for excess, status in ((0.05, "certified"), (-0.05, "refuted")):
        network = ReLUNetwork((fold, Affine(-np.ones((1, 4)), np.array([2 ** (1 - 1 / p) + excess]))))
        at: Any = (network, np.zeros((1, 2)), np.array([1]), 1.0, p)
        assert certify(*at, seconds=30).status.tolist() == [status]
        # Without an attack, so that the parts alone decide.
        with monkeypatch.context() as patch:
            patch.setattr(input_splitting, "minimisers", lambda c, some: np.zeros((len(c), 1, 2)))
            patch.setattr(decision, "gradient_attack", lambda *_, **__: (np.ones(1), np.zeros((1, 2))))
            patch.setattr(any_network, "real_witnesses", _nothing_found)
            assert certify(*at, seconds=2).count("certified") == (excess > 0)
            # The planted fault: too much is left out.
            patch.setattr(input_splitting, "lengths", lambda gap, p: 1.5 * np.linalg.norm(gap, p, axis=1)[:, None])
            assert certify(*at, seconds=5).count("certified") == 1


def _nothing_found(network: Any, points: np.ndarray, *_: Any, **__: Any) -> Any:
    return Witnesses(np.full(1, np.inf), points, np.zeros(1, bool))


def test_layers_are_prepared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was made ready is taken as it is, and another list is checked again."""
    layers = prepared.prepare(deep().layers)
    assert prepared.prepare(layers) is layers
    with pytest.raises(ValueError, match="layer 1 takes 16 inputs but layer 0 has 3 outputs"):
        prepared.prepare([Affine(np.eye(3), np.zeros(3)), *layers[1:]])
