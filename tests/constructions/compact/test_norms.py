"""Spectral norms from above: by another route, by exact cases, in any unit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions.compact.norms import operator_norm


@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 12), st.integers(-300, 300))
def test_it_is_above_the_norm_and_next_to_it(seed: int, rows: int, columns: int, power: int) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.standard_normal((rows, columns)) * (rng.random((rows, columns)) < 0.7)
    bound = operator_norm(np.ldexp(weight, power))
    # A product with a unit vector is a lower bound, up to its own rounding.
    vector = np.linalg.svd(weight)[2][0]
    lower = np.ldexp(float(np.linalg.norm(weight @ vector)), power) * (1 - 1e-14)
    assert lower <= bound <= lower * (1 + 1e-11) + 2.0**-900


@pytest.mark.parametrize(("weight", "norm"), [([[3.0, 0.0], [4.0, 0.0]], 5.0), ([[0.0]], 0.0), ([[1.0, 1.0]], 2**0.5)])
def test_known_norms_are_not_undercut(weight: list[list[float]], norm: float) -> None:
    assert norm <= operator_norm(np.array(weight)) <= norm * (1 + 1e-12)


def test_equal_singular_values_are_no_trouble() -> None:
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((40, 40)))[0][:, :20]
    assert 1 - 1e-14 <= operator_norm(basis) <= 1 + 1e-12


def test_wrong_vectors_cost_width_and_not_soundness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is believed of the factors that numpy gives."""
    weight = np.random.default_rng(1).standard_normal((9, 7))
    norm = operator_norm(weight)
    other = np.linalg.qr(np.random.default_rng(2).standard_normal((7, 7)))[0]
    for vectors in (other, other / 1.3, 0 * other, 2 * other):
        monkeypatch.setattr(np.linalg, "svd", lambda *a, v=vectors, **k: (None, None, v.T))
        assert norm * (1 - 1e-12) <= operator_norm(weight) <= 4 * norm
