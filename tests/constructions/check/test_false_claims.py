"""Claims that do not follow are not confirmed, though their files fit."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from constructions import certify
from tests.constructions.check.checked_files import changed, code, first, forged, line, written

ARITHMETICS = ["reals", "rational", "float64", "float32"]


@pytest.mark.parametrize(
    ("arithmetic", "change"),
    [
        ("float64", lambda c: first("refuted", c).update(status="certified", lower=0.5, witness=None)),
        ("float64", lambda c: first("refuted", c).update(status="certified", witness=None)),
        ("float64", lambda c: first("certified", c).update(lower=9.0)),
        ("rational", lambda c: first("certified", c).update(lower=9.0)),
        ("float64", lambda c: first("certified", c).update(lower=None)),
        ("float32", lambda c: first("certified", c).update(status="refuted", witness=[0.0] * 4)),
        ("float32", lambda c: first("refuted", c)["witness"].__setitem__(0, 100.0)),
        ("float64", lambda c: first("refuted", c).update(witness=None)),
        ("rational", lambda c: first("certified", c).update(status="undecided", lower=9.0)),
        ("float64", lambda c: c.update(radius=5.0)),
    ],
)
def test_false_claims_are_not_confirmed(tmp_path: Path, arithmetic: str, change: Any) -> None:
    files = written(tmp_path, arithmetic, math.inf)
    changed(files, change)
    assert code(files) == 1


def test_a_witness_that_is_no_error_or_no_vector_of_the_format_is_not_confirmed(tmp_path: Path) -> None:
    files = written(tmp_path, "float32", math.inf)
    with np.load(files[1]) as points:
        centre = points["points"]
    witness = centre[1].astype(np.float32).astype(float).tolist()
    changed(files, lambda c: c["records"][1].update(status="refuted", witness=witness))
    assert code(files) == 1
    changed(files, lambda c: c["records"][0].update(witness=(centre[0] + 2.0**-40).tolist()))
    assert code(files) == 1


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, math.inf])
@pytest.mark.parametrize(
    ("layers", "label"),
    [
        # f = x_1 + x_2 = -4.
        (([[1.0, 1.0]], [0.0]), 1),
        # f_0 = x_1 + x_2 = -4 against f_1 = 0.
        (([[1.0, 1.0], [0.0, 0.0]], [0.0, 0.0]), 0),
        # f_0 = x_1 = 1 against f_1 = -x_2 = 5.
        (([[1.0, 0.0], [0.0, -1.0]], [0.0, 0.0]), 0),
    ],
)
def test_a_network_without_a_hidden_layer_may_have_negative_inputs(
    tmp_path: Path, layers: Any, label: int, p: float, arithmetic: str
) -> None:
    """That terms with positive weights are >= 0 is true behind a ReLU, and not of the inputs."""
    assert forged(tmp_path, line(layers), np.array([[1.0, -5.0]]), np.array([label]), 0.1, p, arithmetic) == 1


@pytest.mark.parametrize("arithmetic", ["reals", "rational", "float64"])
@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, math.inf])
@pytest.mark.parametrize(
    ("layers", "x", "radius"),
    [
        # 2^-60 · 1e-320 is no float, and 1e300 · 1e300 times that is 8.7e261.
        ([([[2.0**-60]], [0.0]), ([[1e300]], [0.0]), ([[-1e300]], [1.0])], 1e-320, 1e-322),
        # Two layers in a row, as the rule for p = 1 reads them.
        ([([[1.0]], [0.0]), ([[1e-200]], [0.0]), ([[1e300]], [0.0]), ([[-1e300]], [1.0])], 1e-200, 1e-201),
        ([([[1e-200]], [0.0]), ([[1e-200]], [0.0]), ([[1e300]], [0.0]), ([[-1e300]], [1.0])], 1.0, 0.1),
    ],
)
def test_what_underflows_is_not_zero(
    tmp_path: Path, layers: Any, x: float, radius: float, p: float, arithmetic: str
) -> None:
    """Over the reals f = 1 - 8.7e261 or 1 - 1e200."""
    assert forged(tmp_path, line(*layers), np.array([[x]]), np.array([1]), radius, p, arithmetic) == 1


@pytest.mark.parametrize(
    ("layers", "x", "radius"),
    [
        # An input that counts as zero: -0.05 instead of 0.35.
        ([([[4e37]], [-0.05])], float(np.float32(1e-38)), 1e-40),
        ([([[4e37]], [0.0]), ([[20.0]], [-0.05])], float(np.float32(1e-38)), 1e-40),
        # A weight that does: -0.5 instead of 9.5.
        ([([[1.0]], [0.0]), ([[1e-38]], [0.0]), ([[1e30]], [0.0]), ([[1.0]], [-0.5])], 1e9, 1.0),
        # A bias that does, of a row without weights: 0 instead of 1.
        ([([[0.0]], [2.0**-140]), ([[2.0**120]], [0.0]), ([[2.0**20]], [0.0])], 1.0, 0.1),
    ],
)
@pytest.mark.parametrize("p", [1.0, 2.0, math.inf])
def test_subnormal_inputs_weights_and_biases_may_count_as_zero(
    tmp_path: Path, layers: Any, x: float, radius: float, p: float
) -> None:
    network = line(*layers)
    assert network(np.array([[x]]))[0, 0] > 0.3
    assert forged(tmp_path, network, np.array([[x]]), np.array([1]), radius, p, "float32") == 1
    assert not certify(network, np.array([[x]]), np.array([1]), radius, p, arithmetic="float32").certified[0]
    assert certify(network, np.array([[x]]), np.array([1]), radius, p).certified[0]


def test_a_witness_is_inside_exactly(tmp_path: Path) -> None:
    """For every p: on the surface and one float beyond it, with powers that no float holds."""
    from constructions.check.witnesses import is_inside

    centre = np.array([3.0, 0.0, 0.0])
    for p in (1.0, 1 + 2.0**-40, 1.5, 2.0, 3.0, 10.0, 100.0, 1e6, math.inf):
        for radius in (0.1, 5e-324, 1e-300, 1e300):
            assert is_inside(np.array([3.0, radius, 0.0]), centre, radius, p)
            assert not is_inside(np.array([3.0, np.nextafter(radius, 1e308), 0.0]), centre, radius, p)
        assert is_inside(centre, centre, 0.1, p)
        assert not is_inside(centre[:2], centre, 0.1, p)
        assert not is_inside(np.array([math.nan, 0, 0]), centre, 0.1, p)
        side = 2 ** (-1 / p)
        assert is_inside(np.array([3.0, side * (1 - 2.0**-40), -side * (1 - 2.0**-40)]), centre, 1.0, p)
        if not math.isinf(p):
            assert not is_inside(np.array([3.0, side * (1 + 2.0**-40), side * (1 + 2.0**-40)]), centre, 1.0, p)
            assert not is_inside(np.array([3.0, 1.0, 1e-3]), centre, 1.0, p)
