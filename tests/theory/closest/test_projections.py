"""Each inequality of the derivation of `Projections`, in rational arithmetic or with 60 digits."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.theory.closest.bounds import sides_of
from tests.theory.closest.samples import KINDS, samples
from tests.theory.closest.truth import Truth
from theory.closest import projections
from theory.closest.projections import Projections

EXPONENTS = [1.0, 1.3, 2.0, 3.0, 100.0, math.inf]
DIGITS = 60


def built(points: np.ndarray, p: float, directions: int | None = None) -> Projections:
    return Projections(sides_of(points, np.arange(len(points)), same=True), p, directions)


def exact_image(bound: Projections, x: np.ndarray) -> list[Fraction]:
    """`v(x)`."""
    scale = Fraction(bound._scale)
    return [
        scale * Fraction(w) * (Fraction(value) - Fraction(c))
        for value, w, c in zip(x.tolist(), bound._weights.tolist(), bound._centre.tolist(), strict=True)
    ]


def polar_factor(basis: np.ndarray) -> mpmath.matrix:
    """Of nearly orthonormal columns, by Newton and Schulz."""
    found = mpmath.matrix(basis.tolist())
    for _ in range(8):
        found = found * (3 * mpmath.eye(found.cols) - found.T * found) / 2
    return found


def number(value: Fraction) -> mpmath.mpf:
    return mpmath.mpf(value.numerator) / value.denominator


def worst_image(bound: Projections, points: np.ndarray) -> mpmath.mpf:
    """The largest of `‖Φ(x) - Φ'(v(x))‖`."""
    stored = -bound._left[:, : bound._basis.shape[1] + 1].astype(float) / 2
    largest = mpmath.mpf(0)
    with mpmath.workdps(DIGITS):
        factor = polar_factor(bound._basis)
        for x, image in zip(points, stored, strict=True):
            v = mpmath.matrix([number(value) for value in exact_image(bound, x)])
            projected = factor.T * v
            expected = [*projected, mpmath.norm(v - factor * projected)]
            steps = [mpmath.mpf(own) - value for own, value in zip(image.tolist(), expected, strict=True)]
            largest = max(largest, mpmath.norm(mpmath.matrix(steps)))
    return largest


@pytest.mark.parametrize("p", EXPONENTS)
@given(data=st.data(), kind=st.sampled_from(list(KINDS)), directions=st.sampled_from([1, 2, None]))
def test_no_pair_is_farther_apart_in_l_2_than_is_said(
    kind: str, data: st.DataObject, p: float, directions: int | None
) -> None:
    """`‖v(x) - v(y)‖_2 <= T_2` for T the distance, and no coordinate of `v` is wider than 1."""
    points, _ = data.draw(samples(kind, 6))
    bound = built(points, p, directions)
    if not bound.usable:
        return
    truth = Truth(points, points, p)
    images = [exact_image(bound, x) for x in points]
    assert all(abs(value) <= 1 for image in images for value in image)
    for i in range(1, len(points)):
        reach = truth.float_above(0, i)
        allowed = Fraction(float(bound._euclidean(np.array([[reach]]))[0, 0]))
        squared = sum((a - b) ** 2 for a, b in zip(images[0], images[i], strict=True))
        # What underflows is allowed for elsewhere.
        assert squared <= (allowed + Fraction(projections._TINY)) ** 2


@pytest.mark.parametrize("p", EXPONENTS)
@given(data=st.data(), kind=st.sampled_from(list(KINDS)), directions=st.sampled_from([1, 2, None]))
def test_images_are_off_by_the_error_at_most(kind: str, data: st.DataObject, p: float, directions: int | None) -> None:
    points, _ = data.draw(samples(kind, 5))
    bound = built(points, p, directions)
    if bound.usable:
        assert worst_image(bound, points) <= bound._error


@pytest.mark.parametrize("size", [1e-13, 1e-8, 5e-7])
def test_a_basis_that_is_not_orthonormal_is_paid_for(size: float, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal((8, 3)))[0] + size * rng.standard_normal((8, 3)) / 8
    monkeypatch.setattr(Projections, "_directions", lambda self, k: basis)
    points = rng.random((20, 8))
    bound = built(points, 2.0)
    with mpmath.workdps(DIGITS):
        factor = mpmath.matrix(basis.tolist())
        defect = factor.T * factor - mpmath.eye(3)
        # The Frobenius norm is at most √3 times the spectral norm.
        assert mpmath.mnorm(defect, "f") / mpmath.sqrt(3) <= bound._defect
        assert mpmath.mnorm(factor - polar_factor(basis), "f") / mpmath.sqrt(3) <= bound._defect
    assert worst_image(bound, points) <= bound._error


def test_a_basis_far_from_orthonormal_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Projections, "_directions", lambda self, k: np.full((8, 3), 0.5))
    with pytest.raises(ArithmeticError, match="orthonormal up to"):
        built(np.random.default_rng(0).random((20, 8)), 2.0)


@pytest.mark.parametrize("directions", [1, 7, 64])
@pytest.mark.parametrize("p", [1.0, 2.0, math.inf])
def test_the_product_is_off_by_its_error_at_most(p: float, directions: int) -> None:
    """As float32 numbers they are added up to `‖Φ(x) - Φ(y)‖²`, for near ones and far ones."""
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.standard_normal((25, 70)), 0.5 + 1e-3 * rng.random((25, 70))])
    bound = built(points, p, directions)
    k = bound._basis.shape[1]
    images = -bound._left[:, : k + 1].astype(float) / 2
    assert np.array_equal(bound._right[: k + 1].T, images)
    computed, squares = bound._left @ bound._right, bound._squares[0]
    unit = Fraction(1, 2**24)
    gamma = (k + 6) * unit / (1 - (k + 6) * unit)
    for i in range(0, 50, 7):
        for j in range(50):
            pairs = zip(images[i].tolist(), images[j].tolist(), strict=True)
            exact = sum((Fraction(a) - Fraction(b)) ** 2 for a, b in pairs)
            roots = Fraction(math.sqrt(squares[i]) + math.sqrt(squares[j])) * (1 + Fraction(1, 2**40))
            assert abs(Fraction(float(computed[i, j])) - exact) <= gamma * roots**2 + Fraction(projections._TINY)


@given(data=st.data(), kind=st.sampled_from(list(KINDS)))
def test_sums_of_groups_are_off_by_their_error_at_most(kind: str, data: st.DataObject) -> None:
    points, _ = data.draw(samples(kind, 8))
    bound = built(points, 1.0)
    if not bound.usable:
        return
    stored, scale = bound._groups[0], Fraction(bound._scale)
    assert stored is not None
    assert stored.dtype == np.float32
    starts = range(0, points.shape[1], projections._GROUP)
    for x, sums in zip(points, stored.tolist(), strict=True):
        steps = [scale * (Fraction(a) - Fraction(c)) for a, c in zip(x.tolist(), bound._centre.tolist(), strict=True)]
        exact = [sum(steps[start : start + projections._GROUP]) for start in starts]
        assert sum(abs(Fraction(a) - b) for a, b in zip(sums, exact, strict=True)) <= Fraction(bound._group_error)


@pytest.mark.parametrize("value", [0.0, 1.0, 1 + 2.0**-30, 1 / 3, 2.0**-140, 2.0**90, 2.0**200, math.inf])
def test_limits_in_float32_are_above(value: float) -> None:
    found = projections._float32_above(np.array([[value]]))
    assert found.dtype == np.float32
    assert float(found[0, 0]) > min(value, 2.0**90)
