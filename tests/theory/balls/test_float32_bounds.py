"""Linear relaxation in float32, thin layers, and layers that stay prepared: as sound, and of the same numbers."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions.certificates.digests import network_digest
from constructions.networks.network import Affine, ReLUNetwork
from tests.soundness.test_planted_faults import plant
from tests.theory.balls.test_relaxation import EXPONENTS, Layer, cases, dot, escapes, random_net
from theory.balls.backward import Relaxed, backward, relax
from theory.balls.prepared import prepare
from theory.balls.propagation import interval_ranges, narrowed
from theory.balls.regions import Bounds, Regions, balls
from theory.balls.relaxation import margin_lower_bound, violation_lower_bounds
from theory.balls.violations import margin_violations
from theory.roundoff import SINGLE


def layers_by_intervals(layers: Any, region: Regions, *, thin: bool = True) -> list[Relaxed]:
    hidden: list[Relaxed] = []
    for affine, bounds in zip(layers, interval_ranges(layers, region), strict=True):
        hidden.append(relax(affine, bounds, hidden[-1] if hidden else None, region, thin=thin))
    return hidden


def in_single(layers: Any, centres: np.ndarray, radius: float, p: float) -> Bounds:
    """Bounds of the outputs by lines alone, in float32."""
    affines, region = prepare(layers), balls(centres, radius, p)
    with np.errstate(over="ignore", invalid="ignore"):
        rows = affines[-1].rows(np.arange(len(affines[-1].bias)), SINGLE)
        lower = backward(rows, layers_by_intervals(affines[:-1], region), region, form=SINGLE).lower
    return lower[:, : lower.shape[1] // 2], -lower[:, lower.shape[1] // 2 :]


def exact_outputs(layers: Any, x: np.ndarray) -> list[Fraction]:
    values = [Fraction(v) for v in x.tolist()]
    for k, layer in enumerate(layers):
        values = [dot(row, [max(v, Fraction(0)) if k else v for v in values]) + Fraction(b)
                  for row, b in zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)]  # fmt: skip
    return values


@given(cases(), st.sampled_from(EXPONENTS))
def test_no_point_of_the_ball_escapes(case: Any, p: float) -> None:
    layers, centres, radius, rng = case
    if len(layers) > 1:
        assert escapes(layers, centres, radius, p, rng, in_single) == 0


@pytest.mark.parametrize("p", EXPONENTS)
def test_no_point_of_the_ball_escapes_where_layers_are_thin(p: float) -> None:
    rng = np.random.default_rng(0)
    for radius in (0.0, 2.0**-6, 0.3):
        layers = [Layer(a.weight, a.bias - 1.0) for a in random_net(rng, 4, 70, 90, 3)]
        centres = rng.normal(size=(2, 4))
        assert escapes(layers, centres, radius, p, rng, in_single) == 0


def beyond_exact_values() -> int:
    """How often a bound at a single point is on the wrong side of its exact value; in networks of every scale."""
    rng, count = np.random.default_rng(1), 0
    for k in range(60):
        scale = 2.0 ** (0, 40, -40, -70, -140)[k % 5]
        layers = [Layer(scale * a.weight, a.bias) for a in random_net(rng, 3, *[4] * (1 + k % 3), 2)]
        x = (1.0, 2.0**-130)[k % 2] * rng.normal(size=3)
        low, high = in_single(layers, x[None], 0.0, EXPONENTS[k % 5])
        for value, below, above in zip(exact_outputs(layers, x), low[0], high[0], strict=True):
            count += below > -np.inf and Fraction(below) > value
            count += above < np.inf and Fraction(above) < value
    return int(count)


def test_no_bound_is_beyond_an_exact_value() -> None:
    assert beyond_exact_values() == 0


def test_the_rounding_of_the_other_format_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "theory.balls.backward:_slack", "gamma(terms + 64, form.unit)", "gamma(terms + 64)")
    assert beyond_exact_values() > 0


def test_numbers_that_float32_does_not_hold_give_no_bound() -> None:
    layers = [Layer(np.full((2, 2), 2.0**100), np.zeros(2)) for _ in range(3)]
    low, high = in_single(layers, np.ones((1, 2)), 0.1, np.inf)
    assert (low == -np.inf).all()
    assert (high == np.inf).all()


def test_float32_is_little_looser() -> None:
    rng = np.random.default_rng(2)
    layers, region = prepare(random_net(rng, 20, 80, 80, 5)), balls(rng.normal(size=(3, 20)), 0.05, np.inf)
    hidden, known = layers_by_intervals(layers[:-1], region), interval_ranges(layers, region)[-1]
    double = narrowed(layers[-1], hidden, region, known, whole=True)
    single = narrowed(layers[-1], hidden, region, known, whole=True, form=SINGLE)
    width = double[1] - double[0]
    assert (single[0] < double[0]).any()
    assert (double[0] - single[0] < 1e-2 * width).all()
    assert (single[1] - double[1] < 1e-2 * width).all()


@pytest.mark.parametrize("radius", [1e-5, 1e-3, 0.02, 0.05, 0.2])
def test_what_is_proved_first_in_float32_is_what_is_proved(radius: float) -> None:
    rng = np.random.default_rng(3)
    layers, x = random_net(rng, 10, 70, 70, 70, 4), rng.normal(size=(12, 10))
    labels = rng.integers(0, 4, 12)
    until = violation_lower_bounds(layers, balls(x, radius, 2.0), margin_violations(labels, 4), until_proved=True)
    assert ((until > 0).all(axis=1) == (margin_lower_bound(layers, x, labels, radius, 2.0) > 0)).all()


def test_what_float32_leaves_open_is_bounded_in_float64() -> None:
    """A margin that only float64 can tell from 0: 1 + x - (1 + x) + 2^-30, of 65 neurons that are on."""
    up = Layer(np.ones((65, 1)), np.ones(65))
    down = Layer(np.where(np.arange(65) % 2, -1.0, 1.0)[None, :64] @ np.eye(64, 65), np.full(1, 2.0**-30))
    task = [up, down], balls(np.zeros((1, 1)), 0.5, np.inf), margin_violations(np.ones(1, int), 1)
    assert in_single([up, down], np.zeros((1, 1)), 0.5, np.inf)[0][0, 0] < 0
    assert violation_lower_bounds(*task, until_proved=True)[0, 0] > 0


@pytest.mark.parametrize("p", EXPONENTS)
def test_thin_layers_bound_as_whole_ones(p: float) -> None:
    """Of several regions at once, which are on and off in different places."""
    rng = np.random.default_rng(4)
    # Many are off.
    net = [Layer(a.weight, a.bias - 1.0) for a in random_net(rng, 5, 100, 80, 3)]
    layers, region = prepare(net), balls(rng.normal(size=(3, 5)), 0.02, p)
    head = layers[-1].rows(np.arange(3))
    thin, whole = (layers_by_intervals(layers[:-1], region, thin=thin) for thin in (True, False))
    assert any(isinstance(layer.kept, np.ndarray) for layer in thin)
    assert not any(isinstance(layer.kept, np.ndarray) for layer in whole)
    found, wanted = backward(head, thin, region), backward(head, whole, region)
    np.testing.assert_allclose(found.lower, wanted.lower, rtol=1e-10)
    np.testing.assert_allclose(found.coefficient, wanted.coefficient, atol=1e-12)
    some = backward(head, [layer.take([1, 2]) for layer in thin], region.take([1, 2]))
    np.testing.assert_allclose(some.lower, wanted.lower[1:], rtol=1e-10)


def test_a_neuron_that_is_on_somewhere_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    test_thin_layers_bound_as_whole_ones(np.inf)
    plant(monkeypatch, "theory.balls.backward:_kept", "(upper <= 0).all(axis=0)", "(upper <= 0).any(axis=0)")
    with pytest.raises(AssertionError):
        test_thin_layers_bound_as_whole_ones(np.inf)


def test_a_neuron_that_is_off_somewhere_is_bent(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "theory.balls.backward:_kept", "(lower >= 0).all(axis=0)", "(lower >= 0).any(axis=0)")
    with pytest.raises(AssertionError):
        test_thin_layers_bound_as_whole_ones(np.inf)


@pytest.mark.parametrize("stored", ["dense", "sparse", "bias"])
def test_arrays_that_were_written_to_are_prepared_again(stored: str) -> None:
    """Who owns an array can make it writeable again."""
    import scipy.sparse as sp

    weight, bias = np.array([[1.0, -2.0], [0.5, 4.0]]), np.array([1.0, -1.0])
    network = ReLUNetwork((Affine(sp.csr_array(weight) if stored == "sparse" else weight, bias),))
    layer = network.layers[0]
    first, digest = prepare(network.layers), network_digest(network)
    assert prepare(network.layers)[0] is first[0]
    assert network_digest(network) == digest
    array = {"dense": layer.weight, "sparse": getattr(layer.weight, "data", None), "bias": layer.bias}[stored]
    assert isinstance(array, np.ndarray)
    owner = array if array.base is None else array.base
    assert isinstance(owner, np.ndarray)
    owner.flags.writeable = True
    owner[0] = 7.0
    again = prepare(network.layers)[0]
    assert again is not first[0]
    same = prepare((Affine(layer.weight, layer.bias),))[0]
    for a, b in ((again.absolute, same.absolute), (again.parts[0], same.parts[0]), (again.bias, same.bias)):
        assert abs(a - b).max() == 0
    changed = network_digest(network)
    assert changed == network_digest(ReLUNetwork((Affine(layer.weight, layer.bias),))) != digest


def test_prepared_layers_do_not_share_memory_with_the_network() -> None:
    layer = Affine(np.eye(3), np.ones(3))
    made = prepare((layer,))[0]
    assert not np.shares_memory(made.weight, layer.weight)
    assert not np.shares_memory(made.bias, layer.bias)


def test_large_layers_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("theory.balls.prepared._MOST_KEPT", 8)
    layer = Affine(np.eye(3), np.ones(3))
    assert prepare((layer,))[0] is not prepare((layer,))[0]
    network = ReLUNetwork((layer,))
    assert network_digest(network) == network_digest(network)
