"""A kink is found where one is known, smooth curves are refused, and the fit has power."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, norm

from empirics.images.verdicts.kink import kink
from empirics.images.verdicts.thresholds import KINK_LIKELIHOOD

RADII = np.linspace(0, 0.4, 17)
SMOOTH: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "line": lambda x: x,
    "square": lambda x: x**2,
    "cube": lambda x: x**3,
    "eighth power": lambda x: x**8,
    "exponential": lambda x: np.exp(x / 0.05),
    "steep exponential": lambda x: np.exp(x / 0.03),
    "logistic": lambda x: 1 / (1 + np.exp(-(x - 0.2) / 0.03)),
    "normal distribution": lambda x: norm.cdf((x - 0.2) / 0.05),
    "levels off": lambda x: x**4 / (0.15**4 + x**4),
    "rises at once": lambda x: np.tanh(x / 0.1),
    "square behind a flat zone": lambda x: np.maximum(x - 0.1, 0) ** 2,
}


def hinge(knot: float, inside: float = 0.1) -> np.ndarray:
    return 1 + inside * RADII + (10 - inside) * np.maximum(RADII - knot, 0)


@pytest.mark.parametrize("knot", [0.06, 0.1, 0.117, 0.2, 0.31])
@pytest.mark.parametrize("level", [np.inf, 1.2])
def test_a_broken_line_is_found(knot: float, level: float) -> None:
    """Also where it levels off."""
    curve = hinge(knot)
    found = kink(RADII, np.minimum(curve, 1 + level * (curve[-1] - 1) / 2))
    assert found is not None
    assert found.low - 1e-3 <= knot <= found.high + 1e-3
    assert found.knot == pytest.approx(knot, abs=3e-3)
    # Few radii behind the knot say less.
    assert found.likelihood > (10 if knot < 0.3 else KINK_LIKELIHOOD)
    assert found.flat == found.low


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("count", [17, 41])
def test_a_smooth_curve_does_not_come_near(name: str, count: int) -> None:
    """The planted fault: curves that the fit of two segments alone gives a knot, well inside."""
    radii = np.linspace(0, 0.4, count)
    found = kink(radii, SMOOTH[name](radii))
    assert found is None or (found.likelihood < 0 and found.flat == 0)


def test_rounding_the_kink_off_takes_it_away() -> None:
    widths = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05)
    found = [kink(RADII, width * np.logaddexp(0, (RADII - 0.1) / width)) for width in widths]
    gains = [one.likelihood for one in found if one is not None]
    assert len(gains) == len(widths)
    assert (np.diff(gains) < 0).all()
    assert gains[1] > 10
    assert gains[-1] < 0


def test_under_noise_it_has_power_and_refuses() -> None:
    """100 draws of each, 1 % of the rise: nearly every broken line is seen, and nearly no cubic taken for one."""
    rng, draws = np.random.default_rng(5), 100
    seen = covered = taken = 0
    for _ in range(draws):
        noise = 0.01 * rng.standard_normal(len(RADII))
        one, other = kink(RADII, np.maximum(RADII - 0.15, 0) / 0.25 + noise), kink(RADII, (RADII / 0.4) ** 3 + noise)
        assert one is not None
        assert other is not None
        seen += one.flat > 0
        covered += one.low <= 0.15 <= one.high
        taken += other.flat > 0
    assert seen == draws
    assert taken == 0
    # A deviation estimated from 11 radii makes the limits narrower than they say; not by much.
    assert covered >= binom.ppf(1e-6, draws, 0.9)


@pytest.mark.parametrize("curve", [np.ones(17), -RADII, np.minimum(RADII / 0.05, 1)])
def test_no_rise_or_one_at_once_says_nothing(curve: np.ndarray) -> None:
    assert kink(RADII, curve) is None


def test_the_constructed_memorizer_has_its_kink_where_theorem_3_3_has_it() -> None:
    """The closed form around memorized points: the kink is at δ + shell/4, whatever the radius of memorization."""
    from constructions import robust_memorizer
    from empirics.images.flatness.closed_form import exact_curves

    rng = np.random.default_rng(2)
    points = rng.permuted(np.linspace(0.1, 0.9, 8)[:, None].repeat(40, axis=1), axis=0)
    labels = np.arange(8) % 2
    for radius in (0.1, 0.15):
        shell = radius / 2
        memorizer: Any = robust_memorizer(points, labels, radius=radius, p=float("inf"), shell=shell, small="all")
        exact = exact_curves(memorizer, range(8), RADII, clip=True)
        curve = np.array([at.gradient_norm.lower.mean() for at in exact])
        found = kink(RADII, curve)
        assert found is not None
        assert found.likelihood > 10
        # The knot lies on the last radius of the flat zone at most, and the next one is steep.
        assert found.low <= radius + shell / 4 <= found.high + RADII[1]
        assert found.flat > 0.9 * radius - RADII[1] / 2


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="increasing radii from 0"):
        kink(RADII[1:], RADII[1:])
