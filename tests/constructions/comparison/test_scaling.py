"""Growth, factors and curves are those of rows with known laws; the figure says in itself what it shows."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from constructions.comparison.power_law import power_law
from constructions.comparison.scaling import growth, label_factors, published_curves, ratio_grid
from constructions.comparison.scaling_figure import KEY, _digest, draw_scaling
from theory.sizes.published import PUBLISHED


def row(series: str = "N", points: int = 1000, nonzero: int | str = 500, **other: Any) -> dict[str, Any]:
    fixed = {"construction": "rules", "p": "inf", "labels": "true", "seed": 0, "rho": 0.2, "dimension": 784}
    counts = {"non-zeros": nonzero, "all entries": 9 * nonzero, "counted": "built"}
    return {"series": series, "points": points, **fixed, **counts, **other}


def rows() -> list[dict[str, Any]]:
    true = [row(points=n, nonzero=round(3 * n**0.75)) for n in (1000, 2000, 5000, 10_000)]
    random = [row(points=n, nonzero=round(15 * n**0.75), labels="random") for n in (1000, 2000)]
    bounds = [row("rho", 5000, k, p=2.0, rho=k / 40, counted="proved", construction="lower bound") for k in (4, 20)]
    absent = [row("rho", 5000, "", outcome="not finished in 1 s"), row(points=2000, nonzero="", seed=1)]
    return [row("rho", 5000), row("rho", 5000, 900, p=2.0, rho=0.4), *bounds, *absent, *true, *random]


def test_the_exponent_of_a_power_law_is_found() -> None:
    found = growth(rows())
    assert (found.exponent, found.first, found.last) == pytest.approx((0.75, 0.75, 0.75), abs=1e-3)
    assert found.high - found.low < 0.01
    assert found.low <= found.exponent <= found.high
    assert found.sizes == (1000, 2000, 5000, 10_000)
    assert found.line(4000) == pytest.approx(3 * 4000**0.75, rel=1e-3)


def test_subsets_of_a_size_are_one_place() -> None:
    """More subsets do not make the interval of a bent curve smaller."""
    bent = [row(points=n, nonzero=round(n**0.5 + n / 100)) for n in (1000, 3000, 9000, 27_000)]
    found = growth(bent)
    again = growth([{**one, "seed": seed} for one in bent for seed in range(5)])
    assert (again.low, again.high) == pytest.approx((found.low, found.high))
    assert found.first < found.exponent < found.last
    assert found.high - found.low > 0.05


def test_the_mean_of_a_size_is_that_of_logarithms() -> None:
    doubled = [row(points=n, nonzero=n * factor, seed=factor) for n in (10, 100, 1000) for factor in (1, 4)]
    assert growth(doubled).means == pytest.approx((20, 200, 2000))


def test_factors_compare_the_same_images() -> None:
    counts = {(0, "true"): 100, (0, "random"): 500, (1, "true"): 200, (1, "random"): 700, (2, "random"): 900}
    found = [row(nonzero=count, seed=seed, labels=labels) for (seed, labels), count in counts.items()]
    # Of seed 2 there is nothing to compare with; another series is not compared.
    assert label_factors([*found, row("rho", nonzero=1, seed=2)]) == {1000: (5.0, 3.5)}


@pytest.mark.parametrize(
    ("places", "counts"),
    [
        ([1, 2], [1, 2]),
        ([1, 2, 3], [1, 2]),
        ([1, 2, 3], [1, 0, 3]),
        ([2, 2, 2], [1, 2, 3]),
        ([1, 2, 3], [1, math.nan, 3]),
    ],
)
def test_no_line_through_too_little(places: list[float], counts: list[float]) -> None:
    with pytest.raises(ValueError, match="three at least"):
        power_law(places, counts)


def test_the_interval_is_that_of_students_t() -> None:
    """By hand: the residuals of (0, 0), (1, 1), (2, 1) are -1/6, 1/3, -1/6; t with one degree of freedom is tan."""
    slope, low, high = power_law(np.exp([0, 1, 2]).tolist(), np.exp([0, 1, 1]).tolist())
    reach = math.tan(math.pi * 0.475) * math.sqrt((1 / 36 + 1 / 9 + 1 / 36) / 2)
    assert (slope, low, high) == pytest.approx((0.5, 0.5 - reach, 0.5 + reach))


def test_curves_are_the_published_formulas_where_they_hold() -> None:
    ratios = (1e-7, 0.01, 0.6)
    curves = {(curve.bound.name, curve.p): curve for curve in published_curves(5000, 784, ratios)}
    assert {p for _, p in curves} == {2.0, math.inf}
    for (name, p), curve in curves.items():
        bound = PUBLISHED[name]
        assert bound.norm in (None, p)
        assert bound.counts in ("non-zeros", "all entries")
        assert bound.robust or bound.kind == "lower"
        assert set(curve.ratios) <= set(ratios)
        for ratio, value in zip(curve.ratios, curve.values, strict=True):
            assert value == bound(N=5000, d=784, rho=ratio, p=p)
    assert curves["small ρ", 2.0].ratios == (1e-7,)
    assert curves["large ρ, non-zeros", 2.0].values[-1] == pytest.approx(5000 * 784 * 0.36 + 784)
    assert ("no perturbation", 2.0) not in curves


def test_the_figure_says_what_it_shows(tmp_path: Path) -> None:
    draw_scaling(rows(), tmp_path / "one.png")
    curves = published_curves(5000, 784, ratio_grid())
    with Image.open(tmp_path / "one.png") as image:
        assert image.text[KEY] == _digest(rows(), curves)
    changed = rows()
    changed[0]["non-zeros"] += 1
    shorter = [*curves[:-1], replace(curves[-1], values=curves[-1].values[1:])]
    assert len({_digest(rows(), curves), _digest(changed, curves), _digest(rows(), shorter)}) == 3
