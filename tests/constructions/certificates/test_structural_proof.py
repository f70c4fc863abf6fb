"""The structural proof accepts what is right and refuses every planted fault."""

import dataclasses
import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import assume, given
from hypothesis import strategies as st

from constructions import Affine, Memorizer, ReLUNetwork, certify, indicators, robust_memorizer
from constructions.certificates.executed_intervals import executed_layers, run
from constructions.certificates.indicator_proof import IndicatorCheck, check_indicators
from constructions.certificates.structural_proof import box_of_balls, covers
from constructions.memorizers.clean import fit_clean
from constructions.pieces.assembly import clean_bound, memorizing_network
from constructions.pieces.excess import lp_excess
from constructions.pieces.power import Hinges
from constructions.samples.sample import read_sample
from tests.rational import rational_value, rationals
from tests.replaced import replaced
from tests.strategies import EXPONENTS, Instance, instances, methods

POINTS = np.random.default_rng(5).random((9, 3))
LABELS = np.array([0, 1, 2] * 3)


def memorizer(p: float, method: str) -> Memorizer:
    sample = read_sample(POINTS, LABELS)
    clean = fit_clean(sample.points, sample.codes, sample.outputs)
    return robust_memorizer(POINTS, LABELS, radius=0.05, p=p, clean=clean, method=method, small="all")


def with_entry(network: ReLUNetwork, layer: int, row: int, column: int | None, change: float) -> ReLUNetwork:
    """The network with one weight (or the bias, column None) changed by a factor."""
    affine = network.layers[layer]
    weight, bias = sp.lil_array(affine.weight), affine.bias.copy()
    if column is None:
        bias[row] *= change
    else:
        assert weight[row, column] != 0
        weight[row, column] *= change
    layers = list(network.layers)
    layers[layer] = Affine(sp.csr_array(weight), bias)
    return ReLUNetwork(tuple(layers))


@pytest.mark.parametrize("p", EXPONENTS)
@pytest.mark.parametrize("method", ["shared", "per_point"])
def test_every_weight_matters_to_the_proof(p: float, method: str) -> None:
    """One weight halved or negated, in any layer: no such fault may leave all balls certified.

    (A steeper ramp would be right too, so there is no factor above 1.)
    """
    right = memorizer(p, method)
    assert right.certify().certified.all()
    rng = np.random.default_rng(0)
    accepted = 0
    for layer, affine in enumerate(right.network.layers):
        rows, columns = sp.coo_array(affine.weight).coords
        for _ in range(4):
            k = rng.integers(len(rows))
            wrong = with_entry(right.network, layer, int(rows[k]), int(columns[k]), float(rng.choice([-1.0, 0.5])))
            accepted += bool(replaced(right, network=wrong).certify().certified.all())
    assert accepted == 0


@pytest.mark.parametrize("p", EXPONENTS)
@pytest.mark.parametrize("method", ["shared", "per_point"])
@pytest.mark.parametrize(
    ("fault", "change"),
    [
        ("radius claimed larger", lambda m: {"radius": m.task.radius + 0.3 * m.task.shell}),
        ("separation claimed smaller than needed", lambda m: {"shell": m.task.shell * 1.01}),
        ("shell claimed smaller than the ramp", lambda m: {"shell": m.task.shell / 2}),
        ("a memorized point moved", lambda m: {"sample": _moved(m)}),
        ("two labels exchanged", lambda m: {"sample": _exchanged(m)}),
        ("box too small", lambda m: {"low": m.low + 0.1}),
    ],
)
def test_wrong_claims_are_refused(p: float, method: str, fault: str, change: object) -> None:
    right = memorizer(p, method)
    wrong = replaced(right, **change(right))  # type: ignore[operator]
    assert not wrong.certify().certified.all(), fault


def _moved(m: Memorizer) -> object:
    points = m.task.sample.points.copy()
    points[4] += 0.6 * m.task.shell
    return dataclasses.replace(m.task.sample, points=points)


def _exchanged(m: Memorizer) -> object:
    return dataclasses.replace(m.task.sample, codes=np.roll(m.task.sample.codes, 1))


@pytest.mark.parametrize("method", ["shared", "per_point"])
def test_the_proof_reads_the_power_from_the_weights(method: str) -> None:
    """Hinges for another p are refused: for a smaller p points off the shell are too near, for a larger one points of
    the ball too far."""
    points, low, high = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]), np.full(3, -1.0), np.full(3, 2.0)

    def check(built_for: float, claimed: float) -> IndicatorCheck:
        block = indicators(points, 0.6, 0.05, low, high, p=built_for, method=method).network  # type: ignore[arg-type]
        return check_indicators(block, points, 0.6, 0.05, low, high, p=claimed, method=method)  # type: ignore[arg-type]

    for p in (1.5, 3.0):
        assert check(p, p).inner.all()
        assert check(p, p).outer.all()
    assert not check(3.0, 1.5).outer.any()
    assert not check(1.5, 3.0).inner.any()


def test_lock_below_the_clean_bound_is_refused() -> None:
    right = memorizer(math.inf, "shared")
    network = right.network
    gate = network.layers[-2]
    _, columns = sp.coo_array(gate.weight).coords
    weight = sp.coo_array(gate.weight).copy()
    weight.data[columns == 0] /= 2**12
    wrong = ReLUNetwork((*network.layers[:-2], Affine(sp.csr_array(weight), gate.bias), network.layers[-1]))
    assert not replaced(right, network=wrong).certify().certified.any()


@given(instances(classes=2, p=math.inf), methods)
def test_agrees_with_interval_bounds_where_both_apply(instance: Instance, method: str) -> None:
    built = robust_memorizer(
        instance.points,
        instance.labels,
        radius=instance.radius,
        p=math.inf,
        clean=instance.clean,
        shell=instance.shell,
        small="all",
        method=method,  # type: ignore[arg-type]
    )
    structural = built.certify()
    generic = certify(built.network, instance.points, instance.labels, instance.radius, math.inf)
    assert structural.certified.all()
    assert generic.certified.all(), generic
    # Both bound the same minimum, which is at most 1 per active indicator.
    assert np.all(generic.lower <= len(instance.points))


@given(instances(consistent=True), methods, st.floats(1.0, 3.0))
def test_never_certifies_a_ball_on_which_the_attack_finds_an_error(
    instance: Instance, method: str, stretch: float
) -> None:
    """The radius of the claim is stretched beyond the one built for: the proof must give up before it is wrong."""
    built = robust_memorizer(
        instance.points,
        instance.labels,
        radius=instance.radius,
        p=instance.p,
        clean=instance.clean,
        shell=instance.shell,
        method=method,  # type: ignore[arg-type]
    )
    assume(built.small.size)
    claimed = replaced(built, radius=instance.radius * stretch, margin=None)
    certificate = claimed.certify()
    from constructions import guided_attack

    worst, _ = guided_attack(
        built.network,
        instance.points,
        built.task.sample.codes,
        instance.radius * stretch,
        instance.p,
        shell=instance.shell,
    )
    assert not np.any(certificate.certified & (worst <= 0))


def test_the_lock_is_no_less_than_a_bound_just_above_a_power_of_two() -> None:
    """`log2(1024 (1 + 2^-52))` rounds to 10: the lock is found by the exponent itself."""
    for exponent in (-20, 0, 10, 300):
        value = math.ldexp(1 + 2.0**-52, exponent)
        constant = Affine(np.zeros((1, 1)), np.array([value]))
        assert clean_bound((constant,), np.zeros(1), np.ones(1)) == math.ldexp(2.0, exponent)
        power = Affine(np.zeros((1, 1)), np.array([math.ldexp(1.0, exponent)]))
        # The bound of a constant has an allowance for rounding.
        assert clean_bound((power,), np.zeros(1), np.ones(1)) in (math.ldexp(1.0, exponent), math.ldexp(2.0, exponent))
    with pytest.raises(ValueError, match="at most 2"):
        clean_bound((Affine(np.zeros((1, 1)), np.array([1e305])),), np.zeros(1), np.ones(1))


def test_the_box_contains_the_balls_or_the_proof_fails() -> None:
    """0.1 + 0.3 rounds to a float below 2/5 + ...: a box that ends at a rounded sum may not contain the real ball."""
    points = np.array([[0.1], [0.7]])
    radius = 0.3
    end = points[1] + radius
    low, high = box_of_balls(points, radius)
    assert covers(low, high, points, radius)
    assert not covers(low, end, points, radius)
    assert not covers(points[0] - radius, high, points, radius)


@pytest.mark.parametrize("p", [1.0, 2.0, math.inf])
def test_weights_that_would_vanish_in_a_product_are_refused(p: float) -> None:
    """`I = 1 - 1e-400 ...` is not 1: a proof that multiplies such weights as floats would not see it."""
    built = memorizer(p, "shared")
    block = ReLUNetwork(
        tuple(
            Affine(f.weight[:width] if k == 0 else f.weight[:width, : built.widths[k]], f.bias[:width])
            for k, (f, width) in enumerate(zip(built.network.layers, built.widths[1:], strict=False))
        )
    )

    def check(network: ReLUNetwork) -> IndicatorCheck:
        return check_indicators(
            network, POINTS, built.task.radius, built.task.shell, built.low, built.high, p=p, method="shared"
        )

    assert check(block).inner.all()
    last = sp.lil_array(block.layers[-1].weight)
    for tiny in (1e-200, -1e-200, 1e200):
        last[0, last.shape[1] - 1] = tiny
        wrong = ReLUNetwork((*block.layers[:-1], Affine(sp.csr_array(last), block.layers[-1].bias)))
        assert not check(wrong).inner.any()
        assert not check(wrong).outer.any()


@pytest.mark.parametrize(
    "factors",
    [
        # 2^-1500 and back: over the reals the same function, in floats nothing is left of it.
        [2.0**-250] * 6 + [2.0**250] * 4,
        # What vanishes in float32 between the layers, and comes back too late.
        [2.0**-80, 2.0**-80, 2.0**80],
    ],
)
def test_nothing_but_sums_may_come_between_a_feature_and_its_weight(factors: list[float]) -> None:
    points = np.array([[0.0], [1e-4], [1.0]])
    built = robust_memorizer(points, [-1, -1, 1], radius=0.2, p=np.inf, small="all", method="per_point")
    sides, *_, ramp = (
        Affine(f.weight[:width], f.bias[:width])
        for f, width in zip(built.network.layers, built.widths[1:], strict=False)
    )
    between = [Affine(np.eye(6) * factor, np.zeros(6)) for factor in factors]
    # What undoes the factors, as far as a weight can.
    rest = 1 / factors[0]
    own = sp.csr_array(ramp.weight)[:, : sides.outputs]
    block = ReLUNetwork((sides, *between, Affine(own * rest, ramp.bias)))
    network = memorizing_network(block, built.task.sample.codes, built.clean, built.bound)
    changed = replaced(built, network=network, widths=block.widths)
    truth = [label * rational_value(network, rationals(x))[0] for x, label in zip(points, (-1, -1, 1), strict=True)]
    found = changed.certify()
    assert all(lower <= margin for lower, margin in zip(found.lower, truth, strict=True))
    for arithmetic in ("float64", "float32") if rest < 2.0**120 else ("float64",):
        executed = changed.certify(arithmetic)
        runs = run(executed_layers(network.layers, arithmetic), points)[:, 0] * [-1, -1, 1]
        assert np.all(executed.lower <= runs)


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shell": math.inf}, "finite shell > 0"),
        ({"radius": math.inf}, "finite radius > 0"),
        ({"radius": 0.0}, "finite radius > 0"),
        ({"radius": "0.1"}, "radius must be one real number"),
        ({"p": 0.5}, "p >= 1"),
        ({"small": [9]}, "between 0 and 8"),
        ({"small": [1.5]}, "integer indices"),
        ({"low": [1j] * 3}, "low must be"),
    ],
)
def test_malformed_parts_are_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replaced(memorizer(2.0, "shared"), **change)  # type: ignore[arg-type]


@pytest.mark.usefixtures("untyped")
def test_scalars_and_corners_of_other_types_are_read() -> None:
    right = memorizer(2.0, "shared")
    same = replaced(right, p=np.float32(2), small=list(range(9)))
    assert same.certify().certified.all()
    assert replaced(right, p="inf").task.p == math.inf


@pytest.mark.usefixtures("untyped")
def test_corners_in_small_integers_do_not_wrap_around() -> None:
    """300² is no int16."""
    points, labels = np.array([[-290.0], [-289.9], [-280.0]]), [-1, -1, 1]
    low, high = np.array([-300], dtype=np.int16), np.array([-270], dtype=np.int16)
    parts = indicators(points, 1.0, 5.0, low, high, p=2, method="shared")
    clean = Affine(np.ones((1, 1)), np.ones(1))
    built = robust_memorizer(points, labels, radius=1.0, p=2, shell=5.0, small="all", clean=clean)
    network = memorizing_network(parts.network, built.task.sample.codes, built.clean, built.bound)
    changed = replaced(built, network=network, widths=parts.network.widths, low=low, high=high)
    truth = [y * rational_value(network, rationals(x))[0] for x, y in zip(points, labels, strict=True)]
    assert all(lower <= margin for lower, margin in zip(changed.certify().lower, truth, strict=True))


def test_levels_may_not_move_a_point_farther_for_large_exponents() -> None:
    """0.28 γ in one coordinate is more than γ / 4, also where 0.28^1500 is no float."""
    radius, p, shell = 0.6875, 1500, 2.0**-5
    left = 1.5 - (2 * radius + shell)
    points = np.array([[left, 0.5], [left + 0.28 * shell, 2.0], [left + 0.28 * shell, 1.98], [1.5, 0.5]])
    clean = Affine(np.zeros((1, 2)), np.array([-1.0]))
    built = robust_memorizer(
        points, [1, 1, 1, -1], radius=radius, p=p, small=[0, 1, 2], shell=shell * (1 - 1e-9), clean=clean
    )
    inside = [Fraction(1.5) - Fraction(radius), Fraction(0.5)]
    margin = -rational_value(built.network, inside)[0]
    assert built.certify().lower[3] <= margin
    assert built.certify("float64").lower[3] <= margin


@pytest.mark.parametrize("method", ["shared", "per_point"])
@pytest.mark.parametrize("p", [2.0**52, 1e17])
def test_a_proof_for_more_roundings_than_it_can_allow_for_fails(method: str, p: float) -> None:
    points = np.array([[0.25] * 4, [0.25] * 3 + [0.51]])
    clean = Affine(np.zeros((1, 4)), np.array([-1.0]))
    built = robust_memorizer(
        points, [1, -1], radius=0.125, p=100, small=[0], shell=2.0**-10, clean=clean, method=method
    )
    changed = replaced(built, p=p)
    # In the ball: 4 · (0.1245 / 0.125)^p is 0.
    margin = rational_value(built.network, rationals(points[0] + 0.1245))[0]
    assert margin == -1
    assert changed.certify().lower[0] <= -1
    assert changed.certify("float64").lower[0] <= -1


@pytest.mark.parametrize("method", ["shared", "per_point"])
def test_one_excess_does_not_serve_several_indicators(method: str) -> None:
    """The second indicator reads nothing and is 1 everywhere."""
    points = np.array([[0.25, 0.25], [0.251, 0.25], [0.75, 0.75]])
    clean = Affine(np.array([[-1.0, -1.0]]), np.array([1.0]))
    built = robust_memorizer(
        points, [1, 1, -1], radius=0.125, p=1, small=[0, 1], method=method, shell=0.25, clean=clean
    )
    *before, excess, ramp = (
        Affine(sp.csr_array(f.weight)[:width, :columns], f.bias[:width])
        for f, columns, width in zip(built.network.layers, built.widths, built.widths[1:], strict=False)
    )
    one = Affine(sp.csr_array(excess.weight)[:1], excess.bias[:1])
    slopes = sp.csr_array(ramp.weight).toarray()[:, :1] * [[1.0], [0.0]]
    block = ReLUNetwork((*before, one, Affine(slopes, ramp.bias)))
    network = memorizing_network(block, built.task.sample.codes[built.small], built.clean, built.bound)
    changed = replaced(built, network=network, widths=block.widths)
    truth = rational_value(network, rationals(points[2]))[0]
    assert truth > 0
    assert not changed.certify().certified[2]


@pytest.mark.parametrize("widths", [(), (2, 2), (3, 9), (3, 9, 9), (3, 16, 9, 9, 9)])
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
def test_other_widths_prove_nothing(p: float, widths: tuple[int, ...]) -> None:
    right = memorizer(p, "shared")
    changed = replaced(right, widths=widths)
    truth = certify(right.network, POINTS, LABELS, right.task.radius, p)
    assert not np.any(changed.certify().certified & (truth.status == "refuted"))
    assert changed.certify().is_of(right.network, POINTS, LABELS)
    changed.certify("float64")


def test_a_power_that_overflows_bounds_nothing() -> None:
    """`G(outer)` is beyond float64, and any slope times it would be at least 1."""
    points = np.array([[0.0], [4.0]])
    clean = Affine(np.ones((1, 1)), np.array([-2.0]))
    built = robust_memorizer(points, [-1, 1], radius=0.01, p=3, clean=clean, shell=3.9, small=[0], method="per_point")
    steep = lp_excess(points[:1], Hinges(np.zeros(1), np.array([7e307])), 7.2e307)
    block = ReLUNetwork((*steep.layers, Affine(np.array([[-5e-324]]), np.ones(1))))
    network = memorizing_network(block, built.task.sample.codes[:1], built.clean, built.bound)
    changed = replaced(built, network=network)
    assert rational_value(network, rationals(points[1]))[0] < 0
    assert not changed.certify().certified[1]


def test_a_large_bias_that_is_taken_back_is_rounded() -> None:
    """-2^54 in the sum of all coordinates and in the threshold: between them 1.9 is not what it was."""
    points = np.array([[-2.1], [-2.1 - 2.25]])
    clean = Affine(-np.ones((1, 1)), np.array([-2.1 - 1.125]))
    built = robust_memorizer(points, [-1, 1], radius=0.1, p=1, clean=clean, shell=2.0, small=[0])
    block = ReLUNetwork(
        (
            Affine(np.ones((2, 1)), np.array([2.1, -(2.0**54)])),
            Affine(np.array([[2.0, -1.0]]), np.array([-1.9])),
            Affine(np.array([[-0.5]]), np.ones(1)),
        )
    )
    network = memorizing_network(block, built.task.sample.codes[:1], built.clean, built.bound)
    changed = replaced(built, network=network)
    assert rational_value(network, rationals(points[1]))[0] == -1
    assert not changed.certify().certified[1]
