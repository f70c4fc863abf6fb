"""Clean < robust memorization < robust classifier: where it holds, where it does not, and the report of the numbers."""

import json
import math
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import exponents
from theory.balls.small_margin import affine_margin
from theory.layers import evaluate
from theory.setting.losses import adversarial_error
from theory.sizes.growth import robust_size_bound
from theory.sizes.hard_distribution import HardDistribution, hard_distribution
from theory.witnesses.sizes import equal_sizes

printed = pytest.mark.statement("complexity-ordering", form="printed")
repaired = pytest.mark.statement("complexity-ordering", form="repaired")

ALPHA = 0.25
CLEAN = 2
SAMPLES = (10**3, 6 * 10**4, 10**6)
# For each grid a radius that it allows: 0.1 is usual for MNIST, 8/255 for CIFAR-10.
RADIUS = {2: 0.4, 5: 0.1, 16: 8 / 255}
DIMS = (5, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 100, 128, 196, 256, 400, 512, 784, 1024, 2048, 3072)


def memorizer_count(n: int, dim: int, m: int) -> int:
    """Non-zeros of the memorizer of n cubes of the hard distribution, p = ∞, method "shared", and `f_clean`.

    `n (d + 2) + 6 F + 33`, F = m (d - 1) + 2 levels: `SizeReport.formula` with the values of this data, see the test.
    """
    return n * (dim + 2) + 6 * (m * (dim - 1) + 2) + 33


def labelled(dim: int, m: int, seed: int, radius: float | None = None) -> HardDistribution:
    labels = np.random.default_rng(seed).choice([-1, 1], m ** (dim - 1))
    return hard_distribution(dim, m, labels, radius=radius)


def memorize(hard: HardDistribution, points: np.ndarray, labels: np.ndarray, radius: float, p: float) -> Any:
    from constructions import Affine, robust_memorizer

    clean = Affine(hard.f_clean.weight, hard.f_clean.bias)
    return robust_memorizer(points, labels, radius=radius, p=p, clean=clean, small="all")


# --- as printed --------------------------------------------------------------------------------------


@printed
@given(st.integers(1, 4), st.lists(st.integers(1, 3), max_size=3), st.floats(-10, 10), st.data())
def test_three_equal_sizes(place, hidden, value, data) -> None:
    """Two points a large margin apart: f_clean, 2 non-zeros, is robust; and no network with one non-zero is right."""
    from constructions.networks.network import network

    witness = equal_sizes()
    clean = witness.classifier
    margins = affine_margin(clean.weight, clean.bias, witness.points, witness.labels, witness.radius, math.inf)
    assert adversarial_error(margins, margins) == (0.0, 0.0)
    assert clean.nonzero == CLEAN
    widths = [1, *hidden, 1]
    layers = [(np.zeros((b, a)), np.zeros(b)) for a, b in pairwise(widths)]
    entries = [array for layer in layers for array in layer]
    array = entries[data.draw(st.integers(0, len(entries) - 1))]
    array.flat[place % array.size] = value
    smaller = network(*layers)
    assert smaller.nonzero <= 1
    assert not np.all(witness.labels * smaller(witness.points)[:, 0] > 0)


@printed
@given(st.integers(2, 6), st.integers(0, 10**6), exponents)
def test_a_sample_that_meets_every_cube_leaves_no_room_between(dim, seed, p) -> None:
    """One network with both errors 0, and every robust memorizer of that sample has more than N_d non-zeros."""
    hard = labelled(dim, 2, seed)
    if len(set(hard.labels.tolist())) < 2:
        return
    both = memorize(hard, hard.centres(), hard.labels, hard.cover_radius(p), p)
    assert both.certify().error_bracket == (0.0, 0.0)
    points = hard.points_in(np.arange(hard.cubes), np.random.default_rng(seed))
    memorizer = memorize(hard, points, hard.labels, hard.radius, p)
    assert memorizer.certify().error_bracket == (0.0, 0.0)
    for built in (both, memorizer):
        assert hard.robust_error_bound(built.network) == 0
        assert built.size.nonzero > robust_size_bound(dim, 2, ALPHA)


# --- repaired ----------------------------------------------------------------------------------------


@repaired
@given(st.sampled_from([(5, 2), (9, 2), (5, 5), (3, 16)]), st.integers(0, 10**6), st.data())
def test_the_count_is_that_of_the_network(grid, seed, data) -> None:
    """At the radii of the report: equality when the sample meets every level of the grid; never more."""
    dim, m = grid
    hard = labelled(dim, m, seed, RADIUS[m])
    rng = np.random.default_rng(seed)
    cubes = rng.permutation(hard.cubes)[: data.draw(st.integers(2, min(hard.cubes, 80)))]
    points, labels = hard.points_in(cubes, rng), hard.labels_of(cubes)
    if len(set(labels.tolist())) < 2:
        return
    built = memorize(hard, points, labels, hard.radius, math.inf)
    whole = memorizer_count(len(cubes), dim, m)
    # Weights and biases that happen to be 0 are not counted.
    nonzero = built.size.nonzero + built.size.symbols["Z"]
    assert nonzero == whole - 6 * (m * (dim - 1) + 2 - built.size.symbols["F"])
    levels = [set((cubes // m**j % m).tolist()) for j in range(dim - 1)]
    if all(len(seen) == m for seen in levels):
        assert nonzero == whole


@repaired
@given(st.sampled_from([(4, 2), (6, 2), (4, 3)]), st.integers(0, 10**6), exponents)
def test_a_robust_classifier_memorizes_and_a_memorizer_is_clean(grid, seed, p) -> None:
    """The order with <=: each property implies the one before, on every sample."""
    hard = labelled(*grid, seed)
    if len(set(hard.labels.tolist())) < 2:
        return
    robust = memorize(hard, hard.centres(), hard.labels, hard.cover_radius(p), p)
    assert robust.certify().error_bracket == (0.0, 0.0)
    points, labels = hard.sample(30, np.random.default_rng(seed))
    from constructions import guided_attack

    worst, _ = guided_attack(
        robust.network, points, labels, hard.radius, p, indices=np.arange(5), shell=robust.task.shell
    )
    assert np.all(worst > 0)
    assert np.all(labels * evaluate(robust.network.layers, points)[:, 0] > 0)


def flip(n: int, m: int) -> int:
    """The least d at which memorizing min(n, K) cubes costs at most N_d non-zeros."""
    return next(dim for dim in range(2, 4000) if memorizer_count(min(n, m ** (dim - 1)), dim, m) <= bound(dim, m))


@cache
def bound(dim: int, m: int) -> int:
    return robust_size_bound(dim, m, ALPHA)


@repaired
@pytest.mark.parametrize("m", RADIUS)
@pytest.mark.parametrize("n", SAMPLES)
def test_the_order_is_shown_from_one_dimension_on(n, m) -> None:
    """Below it the count exceeds N_d, so nothing is shown; from it on it holds, and the gap grows."""
    first = flip(n, m)
    assert memorizer_count(min(n, m ** (first - 2)), first - 1, m) > bound(first - 1, m)
    gaps = []
    for dim in [*range(first, first + 10), *(dim for dim in DIMS if dim > first + 10)]:
        gaps.append(math.log(bound(dim, m)) - math.log(memorizer_count(min(n, m ** (dim - 1)), dim, m)))
    assert gaps[0] >= 0
    assert gaps == sorted(gaps)


@repaired
@pytest.mark.parametrize("m", RADIUS)
def test_report(m, record, figure_path) -> None:
    """The three numbers over d, on the finest grid that the radius allows; drawn from the file that is written."""
    assert RADIUS[m] < 1 / (2 * (m - 1))
    rows = [
        {
            "d": dim,
            "log10_clean": math.log10(CLEAN),
            "log10_memorizer": {str(n): math.log10(memorizer_count(min(n, m ** (dim - 1)), dim, m)) for n in SAMPLES},
            "log10_robust_lower": math.log10(bound(dim, m)) if bound(dim, m) else None,
            "log10_robust_upper": math.log10(memorizer_count(m ** (dim - 1), dim, m)),
            # The largest sample for which the order is shown.
            "log10_largest_n": math.log10(bound(dim, m)) - math.log10(dim + 2) if bound(dim, m) else None,
        }
        for dim in DIMS
    ]
    report = {
        "m": m,
        "radius": RADIUS[m],
        "alpha": ALPHA,
        "counted": "non-zeros",
        "memorizer": "n (d + 2) + 6 (m (d - 1) + 2) + 33, p = inf",
        "flip": {str(n): flip(n, m) for n in SAMPLES},
        "rows": rows,
    }
    path = figure_path(f"complexity-ordering-m{m}.png")
    path.with_suffix(".json").write_text(json.dumps(report, indent=1))
    draw(json.loads(path.with_suffix(".json").read_text()), path)
    record("examples", len(rows))
    for row in rows:
        lower = row["log10_robust_lower"]
        if lower is not None:
            assert lower < row["log10_robust_upper"]
        for n in SAMPLES:
            memorizer = row["log10_memorizer"][str(n)]
            assert row["log10_clean"] < memorizer <= row["log10_robust_upper"]
            assert (lower is not None and memorizer <= lower) == (row["d"] >= report["flip"][str(n)])


def draw(report: dict[str, Any], path: Any) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    rows = report["rows"]
    dims = [row["d"] for row in rows]
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    axes.plot(dims, [row["log10_robust_upper"] for row in rows], "k:", label="robust: enough (all cubes memorized)")
    known = [row for row in rows if row["log10_robust_lower"]]
    lower = [row["log10_robust_lower"] for row in known]
    axes.plot([row["d"] for row in known], lower, "k-", label="robust: needed, $N_d$")
    for (n, colour), marker in zip([("1000", "C0"), ("60000", "C1"), ("1000000", "C2")], "os^", strict=True):
        values = [row["log10_memorizer"][n] for row in rows]
        axes.plot(dims, values, color=colour, label=f"robust memorization, n = {int(n):,}")
        at = report["flip"][n]
        axes.plot(at, np.interp(at, dims, values), marker, color=colour, label=f"order shown from d = {at}")
    axes.plot(dims, [row["log10_clean"] for row in rows], color="C7", label="clean: 2")
    axes.set(xscale="log", yscale="log", xlabel="dimension d", ylabel="non-zeros")
    axes.yaxis.set_major_formatter(lambda power, _: f"$10^{{{power:g}}}$")
    axes.set_title(
        f"Order of the sizes in section 3: words of length d - 1 over {report['m']} letters,\nradius "
        f"{report['radius']:.3g}, "
        f"robust error ≤ {report['alpha']}",
        fontsize="medium",
    )
    axes.legend(fontsize="x-small")
    figure.savefig(path, dpi=150)
    plt.close(figure)
