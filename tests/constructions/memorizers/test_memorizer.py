"""`robust_memorizer`: what it builds is f_adv off the shells; what it refuses, and how."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from constructions import (
    Affine,
    IncompleteCertificateWarning,
    Memorizer,
    ReLUNetwork,
    certify,
    guided_attack,
    robust_memorizer,
)
from constructions.pieces.power import power_gap
from tests.rational import least_on_interval
from tests.replaced import replaced
from tests.strategies import Instance, exponents, instances, methods
from theory.errors import AssumptionError
from theory.setting.ideal import IdealClassifier
from theory.setting.norms import distance
from theory.setting.separation import separation

SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
DIAGONAL = [1, -1, -1, 1]


def build(instance: Instance, method: str = "shared", small: object = "all") -> Memorizer:
    return robust_memorizer(
        instance.points,
        instance.labels,
        radius=instance.radius,
        p=instance.p,
        clean=instance.clean,
        shell=instance.shell,
        small=small,  # type: ignore[arg-type]
        method=method,  # type: ignore[arg-type]
    )


def probes(memorizer: Memorizer, seed: int) -> np.ndarray:
    """Points all over the box, on the balls' surfaces, at the shells' outer rims, and on segments between points."""
    rng = np.random.default_rng(seed)
    points, dim = memorizer.task.sample.points, memorizer.task.sample.points.shape[1]
    signs = rng.choice([-1.0, 1.0], (len(points), dim))
    axis = np.eye(dim)[rng.integers(dim, size=len(points))] * signs
    corner = signs / (1 if math.isinf(memorizer.task.p) else dim ** (1 / memorizer.task.p))
    other = points[rng.integers(len(points), size=len(points))]
    tried = [points, rng.uniform(memorizer.low, memorizer.high, (40, dim)), (points + other) / 2]
    for reach in (memorizer.task.radius, memorizer.task.radius + memorizer.task.shell):
        tried += [points + reach * axis, points + reach * corner]
    # Rounded to 24 bits, so that a dyadic clean network is evaluated without rounding.
    x = np.round(np.concatenate(tried) * 2**24) / 2**24
    return np.asarray(x[np.all((x >= memorizer.low) & (x <= memorizer.high), axis=1)])


def off_shells(memorizer: Memorizer, x: np.ndarray) -> np.ndarray:
    """Rows outside every open shell; the rounding of a distance counts as inside."""
    task = memorizer.task
    centres = task.sample.points[memorizer.small]
    reach = distance(x[:, None], centres[None], task.p)
    exact_distances = task.p in (1, math.inf)
    edge = 1e-14 if exact_distances else 1e-12
    inside = (reach > task.radius - edge) & (reach < task.radius + task.shell + edge)
    on_rim = (np.abs(reach - task.radius) <= edge) | (np.abs(reach - task.radius - task.shell) <= edge)
    # On dyadic data for p = 1 and ∞ the distances are exact, and both rims belong to the claim.
    if exact_distances:
        exact = (reach <= task.radius) | (reach >= task.radius + task.shell)
        inside &= ~(on_rim & exact)
    return np.asarray(~inside.any(axis=1))


@given(instances(), methods, st.integers(0, 10**6))
def test_equals_f_adv_off_the_shells(instance: Instance, method: str, seed: int) -> None:
    memorizer = build(instance, method)
    x = probes(memorizer, seed)
    x = x[off_shells(memorizer, x)]
    ideal = IdealClassifier(
        instance.points,
        memorizer.task.sample.codes,
        memorizer.small,
        instance.radius,
        instance.p,
        _as_function(memorizer),
    )
    # All weights and values of the clean part are dyadic with few bits, so it is exact in any order of summation.
    np.testing.assert_array_equal(memorizer.network(x), ideal(x).reshape(len(x), -1))


def _as_function(memorizer: Memorizer) -> object:
    if memorizer.clean.outputs == 1:
        return lambda x: memorizer.clean(x)[:, 0]
    return memorizer.clean


@given(instances(), methods, st.integers(0, 10**6))
def test_call_agrees_with_the_network(instance: Instance, method: str, seed: int) -> None:
    memorizer = build(instance, method)
    x = probes(memorizer, seed)
    # An indicator's excess is a sum of fewer than 200 terms of at most 200; its error meets the slope of the ramp
    # and of the lock.
    slope = 1 / min(instance.shell / 2, instance.shell * (2 * instance.radius + instance.shell) / 2)
    if instance.p not in (1, 2, math.inf):
        # In units of outer^p, with slopes up to p / outer and a ramp of 1/8 of the gap of the powers.
        inner, outer = instance.radius + instance.shell / 4, instance.radius + 3 * instance.shell / 4
        slope = 8 / power_gap(inner, outer, instance.p) * max(1.0, instance.p / outer)
    bound = 400 * 200 * 2.0**-53 * slope * (1 + 2 * memorizer.bound) * len(instance.points)
    assert np.abs(memorizer.network(x) - memorizer(x)).max() <= bound


@given(instances(), methods)
def test_counted_size_is_the_formula(instance: Instance, method: str) -> None:
    size = build(instance, method).size
    assert size.nonzero == size.formula_nonzero
    assert size.nonzero == size.clean + size.features + size.indicators + size.gate


@given(instances(consistent=True), methods)
def test_every_ball_is_certified(instance: Instance, method: str) -> None:
    memorizer = build(instance, method, small="auto")
    certificate = memorizer.certify()
    assert certificate.certified.all(), certificate
    assert np.array_equal(memorizer(instance.points).argmax(axis=1), memorizer.task.sample.codes) or (
        np.all(np.sign(memorizer(instance.points)[:, 0]) == memorizer.task.sample.codes)
    )


def test_nothing_small_gives_the_clean_network() -> None:
    points = np.array([[0.0], [1.0]])
    clean = Affine(np.array([[1.0]]), np.array([-0.5]))
    memorizer = robust_memorizer(points, [-1, 1], radius=0.25, p=2, clean=clean)
    assert memorizer.small.size == 0
    assert memorizer.network.depth == 1
    assert memorizer.size.coefficient == 0.0
    assert memorizer.certify().certified.all()
    np.testing.assert_array_equal(memorizer(np.array([[0.75]])), [[0.25]])


def test_auto_memorizes_exactly_the_small_margins_of_an_affine_classifier() -> None:
    points = np.array([[0.0], [0.4], [0.6], [1.0]])
    clean = Affine(np.array([[1.0]]), np.array([-0.5]))
    memorizer = robust_memorizer(points, [-1, -1, 1, 1], radius=0.09, p=np.inf, clean=clean)
    assert memorizer.small.size == 0
    # dist(0.4, boundary) = 0.1: at radius 0.1 it is no longer larger, and nearer than 1e-7 a run in float32 may err.
    memorizer = robust_memorizer(points, [-1, -1, 1, 1], radius=0.09999, p=np.inf, clean=clean)
    assert memorizer.small.size == 0
    memorizer = robust_memorizer(points, [-1, -1, 1, 1], radius=0.0999999, p=np.inf, clean=clean)
    assert memorizer.margin is not None
    assert (memorizer.margin.small.size, memorizer.small.tolist()) == (0, [1, 2])
    with pytest.raises(AssumptionError, match=r"2 \* radius \+ shell <= separation"):
        robust_memorizer(points, [-1, -1, 1, 1], radius=0.1, p=np.inf, clean=clean)


@given(instances(), methods)
def test_where_every_point_is_memorized_nothing_is_fitted(instance: Instance, method: str) -> None:
    """By "all" or by every index `f_clean` is 0: of no size, within the formula, and 0 is the value off the shells."""
    room = {"radius": instance.radius, "shell": instance.shell, "p": instance.p, "method": method}
    built = robust_memorizer(instance.points, instance.labels, small="all", **room)
    count = len(instance.points)
    named = robust_memorizer(instance.points, instance.labels, small=np.arange(count)[::-1], **room)
    assert named.clean.nonzero == built.clean.nonzero == built.size.clean == 0
    assert named.size.nonzero == built.size.nonzero == built.size.formula_nonzero
    assert built.certify().certified.all()
    assert built.predict(instance.points) == list(built.task.sample.labels)
    far = instance.points + 10 * (np.ptp(instance.points) + 1)
    assert not built(far).any()
    given_one = robust_memorizer(instance.points, instance.labels, small="all", clean=built.clean, **room)
    assert given_one.size.nonzero == built.size.nonzero


@pytest.mark.parametrize("method", ["shared", "per_point"])
@pytest.mark.parametrize("p", [1.0, 2.0, np.inf])
@pytest.mark.parametrize("labels", [[1, -1] * 6, ["a", "b"] * 6, [0, 1, 2] * 4])
def test_the_constant_classifier_is_locked_in_every_arithmetic(labels: list[object], p: float, method: str) -> None:
    points = np.random.default_rng(0).random((12, 3))
    built = robust_memorizer(points, labels, radius=0.01, p=p, small="all", method=method)
    # Below float32 an indicator would lose it, far above it would loosen bounds of slopes.
    assert 2.0**-30 <= built.bound <= 2.0**-10
    for arithmetic in ("reals", "float64", "float32"):
        assert built.certify(arithmetic).certified.all(), arithmetic


def test_a_classifier_is_fitted_where_a_ball_rests_on_it() -> None:
    points, labels = separate()
    for small in ("auto", np.arange(39)):
        built = robust_memorizer(points, labels, radius=0.01, p=2, small=small)
        assert built.clean.nonzero > 0
        assert built.certify().certified.all()
    clean = Affine(np.ones((1, 2)), np.array([-1.0]))
    assert robust_memorizer(points, labels, radius=0.01, p=2, clean=clean, small="all").clean.layers == (clean,)


def test_indices_memorize_those_points_only() -> None:
    points = np.array([[0.0], [0.25], [0.75], [1.0]])
    clean = Affine(np.array([[1.0]]), np.array([-0.5]))
    memorizer = robust_memorizer(points, [-1, 1, -1, 1], radius=0.1, p=1, clean=clean, small=[2, 1])
    assert memorizer.small.tolist() == [1, 2]
    assert memorizer.certify().certified.all()


def test_forgetting_a_small_point_is_refuted_with_an_example() -> None:
    points = np.array([[0.0], [0.25], [0.75], [1.0]])
    clean = Affine(np.array([[1.0]]), np.array([-0.5]))
    with pytest.warns(IncompleteCertificateWarning, match="for 1 of 4 balls, the first that of point 2: they are not"):
        memorizer = robust_memorizer(points, [-1, 1, -1, 1], radius=0.1, p=1, clean=clean, small=[1])
    assert memorizer.uncertified is not None
    assert memorizer.uncertified.tolist() == [2]
    certificate = memorizer.certify()
    assert certificate.status.tolist() == ["certified", "certified", "refuted", "certified"]
    example = certificate.counterexamples[2]
    assert abs(example[0] - 0.75) <= 0.1
    assert memorizer(example[None])[0, 0] >= 0


@pytest.mark.parametrize(
    "labels",
    [["a", "b", "c", "a"], [(0, 1), (1, 0), (1, 0), (0, 1)], [True, False, False, True], [3, 3.5, "x", 3]],
)
def test_any_hashable_classes(labels: list[object]) -> None:
    memorizer = robust_memorizer(SQUARE, labels, radius=0.2, p=2)
    assert memorizer.network.outputs == len(set(labels))
    assert memorizer.predict(SQUARE) == labels
    assert memorizer.certify().certified.all()


@pytest.mark.parametrize("labels", [[1, -1, -1, 1], [1.0, -1.0, -1.0, 1.0], np.array([1, -1, -1, 1], dtype=np.int8)])
def test_signs_give_one_output(labels: object) -> None:
    memorizer = robust_memorizer(SQUARE, labels, radius=0.2, p=np.inf)
    assert memorizer.network.outputs == 1
    assert memorizer.predict(SQUARE) == DIAGONAL


def test_points_may_be_lists_integers_or_float32() -> None:
    for points in (SQUARE.tolist(), SQUARE.astype(np.uint8), SQUARE.astype(np.float32)):
        memorizer = robust_memorizer(points, DIAGONAL, radius=0.2, p=1)
        assert memorizer.task.separation == 1.0


def test_clean_may_be_a_torch_module() -> None:
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(2, 5), torch.nn.ReLU(), torch.nn.Linear(5, 1))
    memorizer = robust_memorizer(SQUARE, DIAGONAL, radius=0.2, p=2, clean=module)
    expected = module.double()(torch.from_numpy(SQUARE + 10)).detach().numpy()
    np.testing.assert_allclose(memorizer.clean(SQUARE + 10), expected, rtol=1e-12)
    assert memorizer.certify().certified.all()


def test_the_default_shell_takes_all_the_room() -> None:
    assert robust_memorizer(SQUARE, DIAGONAL, radius=0.25, p=1).task.shell == 0.5
    shell = robust_memorizer(SQUARE, DIAGONAL, radius=0.1, p=1).task.shell
    # The exact room 1 - 2 * float(0.1) is not a float; the shell may not exceed it.
    from fractions import Fraction

    room = 1 - 2 * Fraction(0.1)
    assert Fraction(shell) <= room < Fraction(np.nextafter(shell, 1))


def test_saved_network_is_the_network(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "memorizer.npz"
    memorizer = robust_memorizer(SQUARE, DIAGONAL, radius=0.2, p=2)
    memorizer.save(path)
    x = np.random.default_rng(0).random((50, 2))
    np.testing.assert_array_equal(ReLUNetwork.load(path)(x), memorizer.network(x))


NAN = float("nan")
GOOD = {"points": SQUARE, "labels": DIAGONAL, "radius": 0.2, "p": 2}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"points": np.where(SQUARE > 0, NAN, SQUARE)}, ValueError, "finite, got NaN or infinity in point 1"),
        ({"points": np.empty((0, 2)), "labels": []}, ValueError, r"shape \(n, d\) with n, d >= 1, got \(0, 2\)"),
        ({"points": SQUARE[:, 0]}, ValueError, r"got \(4,\): flatten"),
        ({"points": SQUARE.reshape(4, 1, 2)}, ValueError, r"got \(4, 1, 2\)"),
        ({"points": SQUARE.astype(complex)}, ValueError, "real numbers, got dtype complex128"),
        ({"points": SQUARE.astype(str)}, ValueError, "real numbers, got dtype <U"),
        ({"labels": [1, -1, -1]}, ValueError, "4 points and 3 labels"),
        ({"labels": [1, 1, 1, 1]}, AssumptionError, "at least two classes, got the label 1 only"),
        ({"labels": [1.0, -1.0, NAN, 1.0]}, ValueError, "labels must not be missing or NaN"),
        ({"labels": [[1], [2], [1], [2]]}, ValueError, "hashable"),
        ({"labels": "abba"}, ValueError, "one label a point, got str"),
        ({"points": SQUARE[[0, 1, 0, 3]]}, AssumptionError, r"\b0\b.*\b2\b"),
        ({"radius": 0.5}, AssumptionError, r"of points 0 and 1, .*: take a radius below 0\.5, or"),
        ({"radius": 0.7}, AssumptionError, r"got radius=0\.7, .*with separation=1, "),
        ({"radius": 0.0}, ValueError, "radius > 0, got radius=0.0"),
        ({"radius": -0.1}, ValueError, "radius > 0, got radius=-0.1"),
        ({"radius": NAN}, ValueError, "radius > 0, got radius=nan"),
        ({"radius": math.inf}, ValueError, "finite radius"),
        ({"p": 0.5}, ValueError, r"p >= 1, got p=0.5"),
        ({"p": -math.inf}, ValueError, "got p=-inf"),
        ({"p": NAN}, ValueError, r"p >= 1, got p=nan"),
        ({"p": 1e4}, ValueError, r"got p=10000 with radius\^p = 2\^-\d+ .* or use p=inf"),
        ({"p": 200.0, "points": 1e3 * SQUARE}, ValueError, r"\(greatest coordinate difference\)\^p = 2\^\d+: rescale"),
        ({"shell": 0.0}, ValueError, "shell > 0, got shell=0.0"),
        ({"shell": NAN}, ValueError, "got shell=nan"),
        ({"shell": 0.61}, AssumptionError, r"got radius=0\.2, shell=0\.61 .*: take a shell of at most 0\.6, or"),
        ({"method": "best"}, ValueError, "'best'"),
        ({"small": "none"}, ValueError, "'none'"),
        ({"small": [0, 0]}, ValueError, "distinct indices between 0 and 3"),
        ({"small": [4]}, ValueError, "distinct indices between 0 and 3"),
        ({"small": [-1]}, ValueError, "distinct indices between 0 and 3"),
        ({"small": [0.5]}, ValueError, "integer indices"),
        ({"clean": 7}, ValueError, "got int"),
        ({"clean": Affine(np.ones((1, 3)), np.zeros(1))}, ValueError, r"R\^2 to 1 output\(s\).*3 inputs"),
        ({"clean": Affine(np.ones((2, 2)), np.zeros(2))}, ValueError, "2 outputs"),
        ({"clean": Affine(np.full((1, 2), 1e308), np.full(1, 1e308))}, ValueError, "finite interval bound on the box"),
    ],
)
def test_bad_input_is_refused(change: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        robust_memorizer(**{**GOOD, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize("p", [1 + 1e-9, 1.01, 4.0, 10.0, 250.0])
@pytest.mark.parametrize("method", ["shared", "per_point"])
def test_any_exponent_is_memorized_and_certified(p: float, method: str) -> None:
    rng = np.random.default_rng(0)
    points, labels = rng.random((30, 6)), np.arange(30) % 3
    radius = 0.45 * separation(points, labels, p).distance
    memorizer = robust_memorizer(points, labels, radius=radius, p=p, small="all", method=method)
    assert memorizer.certify().certified.all()
    assert memorizer.size.nonzero == memorizer.size.formula_nonzero
    task = memorizer.task
    worst, _ = guided_attack(memorizer.network, points, task.sample.codes, radius, p, shell=task.shell)
    assert np.all(worst > 0)


@given(exponents)
def test_evaluation_refuses_bad_points(p: float) -> None:
    memorizer = robust_memorizer(SQUARE, DIAGONAL, radius=0.2, p=p)
    with pytest.raises(ValueError, match="dimension 2, got 3"):
        memorizer(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="finite"):
        memorizer(np.full((1, 2), NAN))


def separate(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two clouds that an affine classifier tells apart, so that nothing need be memorized."""
    rng = np.random.default_rng(seed)
    return np.vstack([rng.random((20, 2)) * 0.3, rng.random((20, 2)) * 0.3 + 0.7]), np.repeat([-1, 1], 20)


def test_what_the_caller_does_to_the_arrays_later_changes_nothing() -> None:
    points, labels = separate()
    for small in ("auto", "all"):
        kept, codes = points.copy(), labels.copy()
        built = robust_memorizer(points, labels, radius=0.05, p=np.inf, small=small)
        points[:], labels[:] = points[::-1].copy(), -labels
        assert np.array_equal(built.task.sample.points, kept)
        assert np.array_equal(built.task.sample.codes, codes)
        assert np.all(built.task.sample.codes * built.network(built.task.sample.points)[:, 0] > 0)
        assert built.certify().is_of(built.network, kept, codes)
        points[:], labels[:] = kept, codes
        arrays = (built.task.sample.points, built.network.layers[0].bias, built.low, built.high, built.small)
        assert not any(array.flags.writeable for array in arrays)


def test_the_clean_classifier_that_was_given_stays_as_it_was() -> None:
    points, labels = separate()
    weight, bias = np.ones((1, 2)), np.array([-1.0])
    built = robust_memorizer(points, labels, radius=0.05, p=np.inf, clean=Affine(weight, bias))
    weight *= -1
    assert built.certify().certified.all()
    assert np.all(built.clean(points)[:, 0] * labels > 0)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, np.inf])
def test_every_bound_is_of_the_network_that_is_there_now(p: float) -> None:
    """Nothing is memorized, all points, or some: after another network was put in no old margin stands."""
    points, labels = separate()
    clean = Affine(np.ones((1, 2)), np.array([-1.0]))
    zero = ReLUNetwork((Affine(np.zeros((1, 2)), np.zeros(1)),))
    for small in ([], [0, 5, 30], "all"):
        built = robust_memorizer(points, labels, radius=0.02, p=p, clean=clean, small=small)
        assert built.certify().certified.all()
        last = built.network.layers[-1]
        negated = ReLUNetwork((*built.network.layers[:-1], Affine(-last.weight, -last.bias)))
        for wrong in (zero, negated):
            found = replace(built, network=wrong).certify()
            assert found.count("refuted") == 40
            assert found.misclassified == set(range(40))


def test_of_what_was_stored_only_a_separation_of_these_points_is_used() -> None:
    """Two points with the same label nearer than any pair, which is a false separation for other labels."""
    points = np.array([[0.0], [0.25], [0.5], [1.0]])
    built = robust_memorizer(points, [-1, -1, 1, 1], radius=0.1, p=np.inf, small="all")
    far = replace(built.task.neighbours, distance=9.0)
    assert not far.is_of(points, built.task.sample.codes)
    assert replaced(built, neighbours=far).task.separation == 0.25
    exchanged = replace(built.task.sample, codes=np.array([-1, 1, -1, 1]))
    # The same network for points that it gets wrong; and a radius that was never asked for.
    for changes in ({"sample": exchanged}, {"radius": 0.2}, {"radius": 0.2, "neighbours": far}, {"shell": 0.5}):
        found = replaced(built, **changes).certify()
        truth = certify(built.network, points, replaced(built, **changes).task.sample.codes, found.radius, np.inf)
        assert not np.any(found.certified & (truth.status == "refuted"))
        assert not found.certified.all()


@pytest.mark.parametrize("base", [1.0, 1e8])
@pytest.mark.parametrize("p", [1.0, np.inf])
def test_gaps_of_few_units_in_the_last_place(base: float, p: float) -> None:
    """Verdicts against the exact minimum on a line: neither certified with an error nor refuted without one."""
    for gap in (2, 4, 16, 256, 4096):
        points = np.array([[base], [base + gap * np.spacing(base)]])
        for ratio in (0.3, 0.49):
            radius = ratio * gap * np.spacing(base)
            clean = Affine(np.ones((1, 1)), np.zeros(1))
            built = robust_memorizer(points, [-1, 1], radius=radius, p=p, small="all", clean=clean, check=False)
            found = built.certify()
            for i, label in enumerate((-1, 1)):
                centre = Fraction(points[i, 0])
                least = least_on_interval(built.network, centre - Fraction(radius), centre + Fraction(radius), label)
                assert found.lower[i] <= least <= found.upper[i]
                assert found.status[i] != ("refuted" if least > 0 else "certified")


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, np.inf])
@pytest.mark.parametrize("method", ["shared", "per_point"])
@pytest.mark.parametrize("unit", [1e-320, 1e-290, 1e-165, 1e-30, 1e30, 1e160, 1e300, 1.7e308])
def test_data_of_any_scale_are_memorized_or_refused_by_name(p: float, method: str, unit: float) -> None:
    """Never refuted; proved where no number is beyond 2^250, as one is for p = 2 and a ball of 1e-30 in a unit cube."""
    points, labels = np.random.default_rng(0).random((6, 2)) * unit, [1, -1] * 3
    radius = 0.3 * float(separation(points, np.array(labels), p).distance)
    arguments = {"radius": radius, "p": p, "small": "all", "clean": Affine(np.zeros((1, 2)), np.ones(1))}
    log_power = 0.0 if p in (1, np.inf) else p * abs(math.log2(radius))
    if unit in (1e-320, 1.7e308) or log_power > 890:
        with pytest.raises(ValueError, match="rescale points and radius together"):
            robust_memorizer(points, labels, method=method, **arguments)
        return
    built = robust_memorizer(points, labels, method=method, check=False, **arguments)
    found = built.certify()
    assert not found.count("refuted")
    if found.certified.all():
        assert robust_memorizer(points, labels, method=method, **arguments).uncertified.size == 0
    else:
        assert p == 2 or not 1e-30 <= unit <= 1e30
        with pytest.raises(AssumptionError, match="divide points and radius by one number so that coordinates are"):
            robust_memorizer(points, labels, method=method, **arguments)
    assert not certify(built.network, points, built.task.sample.codes, radius, p).count("refuted")


FAR = {
    "offset": lambda x: x + 1e9,
    "offset of one": lambda x: x + 1e9 * np.eye(1, x.shape[1]),
    "column": lambda x: x * np.array([1.0, 1.0, 1e12, 1.0]),
    "small": lambda x: x * 1e-9 + 1.0,
}


@pytest.mark.parametrize("far", FAR)
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, np.inf])
@pytest.mark.parametrize("method", ["shared", "per_point"])
@pytest.mark.parametrize("small", ["all", "auto"])
def test_far_from_the_origin_there_is_a_certificate_or_an_error(far: str, p: float, method: str, small: str) -> None:
    rng = np.random.default_rng(0)
    points, labels = FAR[far](rng.random((30, 4))), rng.integers(0, 2, 30)
    arguments = {"radius": separation(points, labels, p).distance / 4, "p": p, "small": small, "method": method}
    if p == 2 and far != "column":
        with pytest.raises(AssumptionError, match=r"floats are [\de.+-]+ apart, beside radius=.*subtract the mean"):
            robust_memorizer(points, labels, **arguments)
        # The way out.
        points = points - points.mean(axis=0)
        arguments["radius"] = separation(points, labels, p).distance / 4
        if far == "small":
            points, arguments["radius"] = points * 1e9, arguments["radius"] * 1e9
    built = robust_memorizer(points, labels, **arguments)
    assert built.uncertified is not None
    assert built.uncertified.size == 0
    for arithmetic in ("reals", "float64"):
        assert built.certify(arithmetic).certified.all(), arithmetic


def test_the_error_far_away_says_how_far() -> None:
    points = np.array([[1e9, 0.0], [1e9 + 1, 0.0]])
    with pytest.raises(AssumptionError) as caught:
        robust_memorizer(points, [-1, 1], radius=0.25, p=2, small="all")
    for part in ("no proof for 2 of 2 balls", "point 0", "reach 1e+09, where floats are 1.2e-07 apart", "p=1 or p=inf"):
        assert part in str(caught.value)


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Samples of all scales, near the limit of float32 too."""
    rng = np.random.default_rng(seed)
    points = rng.random((25, int(rng.integers(1, 6)))) * 10.0 ** rng.integers(-2, 3) + rng.choice([0.0, 30.0, 1000.0])
    sums = points.sum(axis=1)
    labels = (sums > np.median(sums)).astype(int) if seed % 2 else rng.integers(0, 3, 25)
    p = [1.0, 2.0, 3.0, np.inf][seed % 4]
    return points, labels, p, separation(points, labels, p).distance * float(rng.choice([0.01, 0.25, 0.45]))


@pytest.mark.parametrize("seed", range(24))
def test_auto_certifies_no_ball_less_than_all(seed: int) -> None:
    """As executed too: what the proof of a run would leave open is memorized."""
    points, labels, p, radius = drawn(seed)
    some, every = (robust_memorizer(points, labels, radius=radius, p=p, small=small) for small in ("auto", "all"))
    for arithmetic in ("reals", "float64", "float32"):
        least = every.certify(arithmetic).count("certified")
        assert some.certify(arithmetic).count("certified") >= least, arithmetic


def test_points_that_a_run_may_lose_are_memorized() -> None:
    """A margin of 1e-8, a difference of numbers near 1: certain over the reals, within the error of float32."""
    points = np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    clean = Affine(np.array([[1.0, -1.0]]), np.array([1e-8]))
    built = robust_memorizer(points, [1, -1, 1], radius=1e-9, p=np.inf, clean=clean)
    assert built.margin is not None
    assert (built.margin.small.size, built.small.tolist()) == (0, [0])
    for arithmetic in ("reals", "float64", "float32"):
        assert built.certify(arithmetic).certified.all()
    # With room for a run nothing is memorized, and the run is certified by the bounds over the reals.
    points = np.array([[0.0, 0.0], [1.0, 1e-4], [0.5, 1.0], [1.0, -1e-4]])
    clean = Affine(np.array([[0.0, 1.0]]), np.array([1e-5]))
    built = robust_memorizer(points, [1, 1, 1, -1], radius=1e-6, p=2, clean=clean)
    assert built.small.size == 0
    found = built.certify("float32")
    assert found.certified.all()
    assert set(found.method.tolist()) <= {"interval", "linear"}


def test_what_the_best_fit_gets_wrong_is_memorized() -> None:
    """300 sign changes on the line: more than the fit can make."""
    points, labels = np.arange(301.0)[:, None] / 300, [(-1) ** k for k in range(301)]
    built = robust_memorizer(points, labels, radius=1e-3, p=1)
    assert built.certify().certified.all()
    wrong = np.flatnonzero(np.sign(built.clean(points)[:, 0]) != labels)
    assert len(wrong)
    assert set(wrong) <= set(built.small.tolist())
    with pytest.raises(AssumptionError, match='small="auto", which memorizes what it gets wrong'):
        robust_memorizer(points, labels, radius=1e-3, p=1, small=range(5))


def test_no_proof_is_made_where_none_is_asked_for() -> None:
    points, labels = separate()
    clean = Affine(-np.ones((1, 2)), np.array([1.0]))
    built = robust_memorizer(points, labels, radius=0.01, p=2, clean=clean, small=[0], check=False)
    assert built.uncertified is None
    with pytest.warns(IncompleteCertificateWarning, match="for 39 of 40 balls, the first that of point 1"):
        again = robust_memorizer(points, labels, radius=0.01, p=2, clean=clean, small=[0])
    assert again.uncertified is not None
    assert again.uncertified.tolist() == list(range(1, 40))
    assert not again.uncertified.flags.writeable


def test_progress_says_on_how_many_balls_margins_are_sought(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    points, labels = separate()
    clean = Affine(-np.ones((1, 2)), np.array([1.0]))
    given: dict[str, Any] = {"radius": 0.01, "p": 2, "clean": clean, "progress": True}
    robust_memorizer(points, labels, **given)
    assert "margins of the clean classifier on 40 balls\n" in capsys.readouterr().err
    monkeypatch.setattr("constructions.memorizers.memorizer._MARGINS_A_SECOND", 10)
    robust_memorizer(points, labels, **given)
    # Of 40 balls and 3 non-zeros.
    assert "margins of the clean classifier on 40 balls, some 12 s\n" in capsys.readouterr().err
