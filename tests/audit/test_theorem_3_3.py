"""Theorem 3.3, repaired: f̂ = f_adv exactly off the shells, and the count is the formula."""

from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import Instance, instances, methods

pytestmark = pytest.mark.statement("theorem-3.3", form="repaired")


def build(instance: Instance, method: str) -> Any:
    from constructions import robust_memorizer

    return robust_memorizer(
        instance.points,
        instance.labels,
        radius=instance.radius,
        p=instance.p,
        clean=instance.clean,
        shell=instance.shell,
        small="all",
        method=method,
    )


@given(instances(), methods, st.integers(0, 10**6))
def test_f_hat_equals_f_adv_off_the_shells(instance: Instance, method: str, seed: int) -> None:
    """To the last bit: at points on a grid of 2^-20 all values of the clean network are exact."""
    from theory.ideal import IdealClassifier
    from theory.norms import distance

    built = build(instance, method)
    rng = np.random.default_rng(seed)
    x = np.round(rng.uniform(built.low, built.high, (60, len(built.low))) * 2**20) / 2**20
    near = built.sample.points[rng.integers(len(built.sample.points), size=60)]
    x = np.concatenate([x, near, near + np.round((x - near) * rng.random((60, 1)) * 2**20) / 2**20])
    x = x[np.all((x >= built.low) & (x <= built.high), axis=1)]
    reach = distance(x[:, None], built.sample.points[None], built.p)
    rounding = 1e-12
    x = x[~np.any((reach > built.radius - rounding) & (reach < built.radius + built.shell + rounding), axis=1)]
    clean = built.clean if built.clean.outputs > 1 else (lambda z: built.clean(z)[:, 0])
    ideal = IdealClassifier(instance.points, built.sample.codes, built.small, built.radius, built.p, clean)
    np.testing.assert_array_equal(built.network(x), ideal(x).reshape(len(x), -1))


@given(instances(), methods)
def test_counted_size_equals_the_formula(instance: Instance, method: str) -> None:
    size = build(instance, method).size
    assert size.nonzero == size.formula_nonzero


@pytest.mark.parametrize("p", [1.0, 2.0, np.inf])
def test_the_coefficient_of_n_d_is_one(p: float) -> None:
    """Symbolically: the limit of formula / (n d) as first n and then d grows, with the levels held."""
    from constructions.indicators import indicators

    c = np.random.default_rng(0).random((4, 3))
    formula = indicators(c, 0.1, 0.1, np.full(3, -0.1), np.full(3, 1.1), p=p, method="shared").formula
    n, d = sympy.symbols("n d", integer=True, nonnegative=True)
    for_many_points = sympy.limit(
        formula.subs(sympy.Symbol("Z", integer=True, nonnegative=True), 0) / (n * d), n, sympy.oo
    )
    assert sympy.limit(for_many_points, d, sympy.oo) == 1


@pytest.mark.parametrize("p", [1.0, 2.0, np.inf])
@pytest.mark.parametrize("method", ["shared", "per_point"])
def test_the_count_grows_like_n_d(p: float, method: str, record: Any) -> None:
    """Fits of log count against log n and log d, for what belongs to the points and one shell: exponents 1.

    The logarithm that per_point pays for p = 2 shows as less than 0.1 in the exponent of d.
    """
    sizes, dims = np.array([50, 100, 200, 400]), np.array([100, 200, 400, 800])
    in_n = np.polyfit(np.log(sizes), np.log([_own(int(k), 100, p, method) for k in sizes]), 1)[0]
    in_d = np.polyfit(np.log(dims), np.log([_own(40, int(k), p, method) for k in dims]), 1)[0]
    record("examples", len(sizes) + len(dims))
    assert abs(in_n - 1) < 0.01
    assert abs(in_d - 1) < 0.1


def _own(n: int, d: int, p: float, method: str) -> float:
    """Non-zeros that belong to single points, for coordinates on eight levels and no zeros."""
    from constructions.indicators import indicators

    centres = np.random.default_rng(1).integers(1, 9, (n, d)) / 8
    parts = indicators(centres, 0.01, 0.05, np.full(d, -0.01), np.full(d, 1.01), p=p, method=method)
    return float(sum(layer.nonzero for layer in parts.network.layers[parts.shared :]))


@pytest.mark.parametrize("method", ["shared", "per_point"])
def test_halving_the_shell_four_times_costs_two_tents(method: str) -> None:
    """p = 2: the error 4^-m of the squares has to follow the gap (2δ + γ)γ, so m grows by log2(1/γ) / 2."""
    from constructions.indicators import indicators

    centres = np.random.default_rng(2).random((3, 5))
    box = (np.full(5, -0.1), np.full(5, 1.1))
    tents = [
        next(v for k, v in indicators(centres, 0.1, shell, *box, p=2.0, method=method).values.items() if k.name == "m")
        for shell in 2.0 ** -np.arange(10, 31, 4)
    ]
    assert np.diff(tents).tolist() == [2] * 5
