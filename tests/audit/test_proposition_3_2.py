"""Proposition 3.2: three properties of f_adv, witnesses against the printed forms, and the repaired ones."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.arrangement import is_robust
from tests.strategies import Instance, arrays, dyadic, instances
from theory.balls.exact_minimum import minimum_over_ball
from theory.balls.relaxation import margin_forms
from theory.balls.small_margin import small_margin
from theory.errors import AssumptionError
from theory.generalization.columns import Columns
from theory.generalization.robust_ratio import log_threshold, ratio_bound
from theory.setting.ideal import IdealClassifier
from theory.setting.losses import clean_error, margins
from theory.setting.norms import distance, sample_ball
from theory.setting.separation import separation
from theory.witnesses.ideal_classifier import memorized_population, midpoint_of_opposite_labels

# Points of a ball are drawn in a ball smaller by this, so that rounding does not put them outside.
INSIDE = 1 - 2.0**-40


def ideal_of(instance: Instance, small: np.ndarray, radius: float | None = None) -> IdealClassifier:
    clean = instance.clean if instance.clean.outputs > 1 else (lambda z: instance.clean(z)[:, 0])
    chosen = instance.radius if radius is None else radius
    return IdealClassifier(instance.points, instance.labels, small, chosen, instance.p, clean)


def attacked(instance: Instance, i: int, rng: np.random.Generator) -> np.ndarray:
    """Points of the ball of training point i: random ones, its poles, and the nearest to every other training point."""
    x, dim = instance.points[i], instance.points.shape[1]
    steps = np.concatenate([sample_ball(rng, 30, dim, instance.p), np.eye(dim), -np.eye(dim), np.zeros((1, dim))])
    others = instance.points - x
    length = distance(instance.points, x[None], instance.p)[:, None]
    toward = others * np.minimum(1, instance.radius / np.maximum(length, 1e-300))
    return np.asarray(x + np.concatenate([steps * instance.radius, toward, toward / 2]) * INSIDE)


def errors_found(instance: Instance, f_adv: IdealClassifier, seed: int) -> list[int]:
    """Training points in whose ball some point is classified wrongly."""
    rng = np.random.default_rng(seed)
    found = []
    for i, y in enumerate(instance.labels):
        z = attacked(instance, i, rng)
        if (margins(f_adv(z), np.full(len(z), y)) <= 0).any():
            found.append(i)
    return found


def first_less_half(x: np.ndarray) -> np.ndarray:
    return np.asarray(x[:, 0] - 0.5)


@st.composite
def halfspace_samples(draw: Any) -> tuple[np.ndarray, np.ndarray]:
    """Points of [0, 1]^d on a grid of 1/32, d = 1 or 2, labelled by `x_1 > 1/2`, of both classes."""
    dim = draw(st.integers(1, 2))
    points = draw(arrays((draw(st.integers(2, 6)), dim), dyadic(0, 1, 5)))
    assume((points[:, 0] != 0.5).all())
    labels = np.where(points[:, 0] > 0.5, 1, -1)
    assume(len(set(labels.tolist())) == 2)
    return points, labels


# --- (i) --------------------------------------------------------------------------------------------


@pytest.mark.statement("proposition-3.2-i", form="repaired")
@given(instances(consistent=True), st.integers(0, 2**32 - 1))
def test_no_point_of_a_training_ball_is_found_wrong(instance: Instance, seed: int) -> None:
    """Any network as f_clean, any p, S_small by the sound bound, R > 2δ."""
    small = small_margin(instance.clean.layers, instance.points, instance.labels, instance.radius, instance.p).small
    assert errors_found(instance, ideal_of(instance, small), seed) == []


@pytest.mark.statement("proposition-3.2-i", form="repaired")
@given(halfspace_samples(), st.sampled_from([2.0**-4, 0.25, 0.5, 0.875, 1 - 2.0**-10]))
def test_the_whole_ball_is_right(sample: tuple[np.ndarray, np.ndarray], factor: float) -> None:
    """Decided on every piece of every ball, p = ∞, for radii up to half of the separation."""
    points, labels = sample
    radius = factor * separation(points, labels, np.inf).distance / 2
    small = np.flatnonzero(np.abs(points[:, 0] - 0.5) <= radius)
    f_adv = IdealClassifier(points, labels, small, radius, np.inf, first_less_half)
    assert all(is_robust(f_adv, x, int(y)) for x, y in zip(points, labels, strict=True))


@pytest.mark.statement("proposition-3.2-i", form="printed")
@given(halfspace_samples())
def test_at_half_the_separation_closed_balls_touch_and_cancel(sample: tuple[np.ndarray, np.ndarray]) -> None:
    """The bound on the radius is the best one: with both of the closest points memorized, 0 half way at R = 2δ."""
    points, labels = sample
    found = separation(points, labels, np.inf)
    f_adv = IdealClassifier(points, labels, np.array(found.pair), found.distance / 2, np.inf, first_less_half)
    i, j = found.pair
    assert not is_robust(f_adv, points[i], int(labels[i]))
    assert not is_robust(f_adv, points[j], int(labels[j]))
    assert f_adv((points[[i]] + points[[j]]) / 2).tolist() == [0.0]


@pytest.mark.statement("definition-sample-split", form="printed")
@pytest.mark.statement("proposition-3.2-i", form="printed")
@given(st.integers(1, 255).map(lambda k: k / 1024))
def test_a_point_exactly_the_radius_away_has_to_be_memorized(radius: float) -> None:
    """The printed S_small leaves it out, `dist < δ`; f_clean = 0 is then an error in its closed ball."""
    points, labels = np.array([[0.5 + radius], [0.0]]), np.array([1, -1])
    assert 0.5 + radius > 2 * radius
    printed = np.flatnonzero(np.abs(points[:, 0] - 0.5) < radius)
    repaired = np.flatnonzero(np.abs(points[:, 0] - 0.5) <= radius)
    assert (printed.tolist(), repaired.tolist()) == ([], [0])
    for small, robust in ((printed, False), (repaired, True)):
        f_adv = IdealClassifier(points, labels, small, radius, np.inf, first_less_half)
        assert is_robust(f_adv, points[0], 1) == robust
        assert is_robust(f_adv, points[1], -1)


@pytest.mark.statement("proposition-3.2", form="printed")
@pytest.mark.statement("proposition-3.2-i", form="printed")
@given(st.integers(1, 682).map(lambda k: k / 1024))
def test_the_witness_has_an_adversarial_training_error_of_one(radius: float) -> None:
    f_adv = midpoint_of_opposite_labels(radius).f_adv
    assert [is_robust(f_adv, x, int(y)) for x, y in zip(f_adv.points, f_adv.labels, strict=True)] == [False, False]


def test_the_attack_finds_a_radius_that_is_too_large_and_a_point_left_out() -> None:
    """Planted faults: balls of opposite labels that overlap, and a small-margin point that is not memorized."""
    from constructions.networks.network import network

    f_clean = network(([[1.0]], [-0.5]))
    points, labels = np.array([[0.25], [0.375], [0.75]]), np.array([-1, -1, 1])
    for radius, small, wrong in ((0.25, [0, 1, 2], [0, 1, 2]), (0.1875, [], [1]), (0.1875, [1], [])):
        instance = Instance(points, labels, f_clean, np.inf, radius, 0.01)
        found = errors_found(instance, ideal_of(instance, np.array(small, dtype=np.int64)), 0)
        assert set(found) <= set(wrong)
        assert bool(found) == bool(wrong)


# --- (ii) -------------------------------------------------------------------------------------------


@pytest.mark.statement("proposition-3.2", form="repaired")
@pytest.mark.statement("proposition-3.2-ii", form="printed")
@given(st.data(), instances(consistent=True), st.sampled_from([2.0**-4, 0.5, 0.9, 0.998]))
def test_no_clean_error_on_the_population(data: st.DataObject, instance: Instance, factor: float) -> None:
    """Radii up to the separation, where data within δ keep their label; any part of the population is memorized."""
    radius = factor * separation(instance.points, instance.labels, instance.p).distance
    size = len(instance.points)
    small = np.array(data.draw(st.lists(st.integers(0, size - 1), unique=True)), dtype=np.int64)
    f_adv = ideal_of(instance, small, radius)
    assert clean_error(margins(f_adv(instance.points), instance.labels)) == 0


@pytest.mark.statement("proposition-3.2-ii", form="printed")
@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_no_clean_error_on_columns(seed: int, n: int) -> None:
    population = Columns(2, 3, 2.0**-4, 2.0**-4, 2.0**-6, 0.5)
    rng = np.random.default_rng(seed)
    f_adv = population.ideal(*population.sample(n, rng))
    points, labels = population.sample(300, rng)
    assert clean_error(margins(f_adv(points), labels)) == 0


@given(instances(classes=2, consistent=True))
def test_beyond_the_separation_the_clean_error_shows(instance: Instance) -> None:
    """Planted fault: the hypothesis dropped. Memorize the closest pair alone, at a radius that contains it."""
    found = separation(instance.points, instance.labels, instance.p)
    f_adv = ideal_of(instance, np.array(found.pair), found.distance * (1 + 2.0**-20))
    margin = margins(f_adv(instance.points), instance.labels)
    assert margin[list(found.pair)].tolist() == [0.0, 0.0]
    assert clean_error(margin) > 0


# --- (iii) ------------------------------------------------------------------------------------------


@pytest.mark.statement("proposition-3.2-iii", form="printed")
@given(st.integers(1, 511).map(lambda k: k / 1024))
def test_a_memorized_population_has_no_error_left(radius: float) -> None:
    """The witness: 0 on the left, μ = 1/2 on the right, whatever the constant of Ω."""
    witness = memorized_population(radius)
    f_adv, labels = witness.f_adv, witness.f_adv.labels
    points = f_adv.points
    # The hypotheses: data in the cube, f_clean right, classes more than 2δ apart, S_small by either definition.
    assert ((points >= 0) & (points <= 1)).all()
    assert (labels * f_adv.clean(points) > 0).all()
    assert separation(points, labels, np.inf).distance == 1 > 2 * radius
    assert np.flatnonzero(np.abs(points[:, 0] - 0.5) < radius).tolist() == f_adv.small.tolist()
    nothing = IdealClassifier(points, labels, np.zeros(0, dtype=np.int64), radius, np.inf, first_less_half)
    for f, error in ((f_adv, witness.error_of_f_adv), (nothing, witness.error_of_f_clean)):
        assert np.mean([not is_robust(f, x, int(y)) for x, y in zip(points, labels, strict=True)]) == error
    assert (witness.error_of_f_adv, witness.error_of_f_clean) == (0.0, 0.5)


@pytest.mark.statement("proposition-3.2-iii", form="repaired")
@given(st.sampled_from([1.0, np.inf]).flatmap(lambda p: instances(consistent=True, p=p)))
def test_a_far_point_that_was_not_memorized_stays_wrong(instance: Instance) -> None:
    """Any network: where the exact attack breaks f_clean more than 2δ away from S_small, it breaks f_adv."""
    bracket = small_margin(instance.clean.layers, instance.points, instance.labels, instance.radius, instance.p)
    assume(len(bracket.small_at_least))
    for k in bracket.small_at_least:
        x, y = instance.points[k], int(instance.labels[k])
        reach = distance(instance.points[bracket.small], x[None], instance.p)
        f_adv = ideal_of(instance, bracket.small[reach > 2 * instance.radius * (1 + 1e-12)])
        worst = []
        for form in margin_forms(y, instance.clean.outputs):
            _, z = minimum_over_ball(instance.clean.layers, x, instance.radius, instance.p, form)
            worst.append(margins(f_adv(z[None]), np.array([y]))[0])
        # f_adv = f_clean there; the solver's tolerance at margins that are 0.
        assert min(worst) <= 1e-5


@pytest.mark.statement("proposition-3.2-iii", form="repaired")
@given(
    st.sampled_from([(2, 5, 0.0), (3, 3, 0.0), (4, 3, 0.0), (2, 3, 2.0**-6), (2, 2, 2.0**-3)]),
    st.sampled_from([2.0**-6, 2.0**-5, 2.0**-4]),
    st.sampled_from([0.25, 1.0]),
    st.integers(1, 200),
    st.integers(0, 2**32 - 1),
)
def test_the_ratio_is_above_its_bounds(
    shape: tuple[int, int, float], radius: float, mu: float, n: int, seed: int
) -> None:
    dim, m, half_width = shape
    population = Columns(dim, m, radius, half_width, radius / 4 if half_width else radius, mu)
    points, _ = population.sample(n, np.random.default_rng(seed))
    n_small = int(population.small(points).sum())
    ratio, far = population.adversarial_ratio(points), population.far_ratio(points)
    bound = ratio_bound(n_small, mu, population.ball_mass)
    # Sums of at most 200 terms below 1, divided by numbers above 2^-10.
    assert 1 + 1e-12 >= ratio >= far - 1e-12
    assert far >= bound - 1e-12
    if half_width and n_small <= math.exp(log_threshold(dim, radius, mu, population.density, math.inf)):
        assert ratio >= 0.5


# Name, distribution, sample sizes: K = 4^{d-1} single points, and columns that are 128 radii wide.
MEASURED = [
    *(
        (f"product grid, d = {d}, {4 ** (d - 1)} points", Columns(d, 4, 2.0**-4, 0.0, 2.0**-4, 0.5), 4 ** (d - 1))
        for d in (2, 3, 4, 5)
    ),
    ("two cubes, d = 2", Columns(2, 2, 2.0**-9, 2.0**-3, 2.0**-11, 0.5), 64),
]
SEEDS = range(20)


def measure(population: Columns, sizes: list[int]) -> dict[str, list[float]]:
    """Means over the seeds of the ratio and of its two lower bounds, and the extremes of the ratio."""
    series: dict[str, list[float]] = {key: [] for key in ("n_small", "ratio", "least", "most", "far", "bound")}
    for n in sizes:
        rows = []
        for seed in SEEDS:
            points, _ = population.sample(n, np.random.default_rng([seed, n]))
            n_small = int(population.small(points).sum())
            bound = ratio_bound(n_small, population.mu, population.ball_mass)
            rows.append((n_small, population.adversarial_ratio(points), population.far_ratio(points), bound))
        n_small, ratio, far, bound = np.array(rows).T
        for key, value in zip(
            series, (n_small.mean(), ratio.mean(), ratio.min(), ratio.max(), far.mean(), bound.mean()), strict=True
        ):
            series[key].append(float(value))
    return series


@pytest.mark.statement("proposition-3.2-iii", form="repaired")
def test_the_ratio_over_the_sample_size(record: Any, figure_path: Any) -> None:
    """From far below the threshold to far above it: exponentially many samples keep the ratio above 1/2."""
    stored: list[dict[str, Any]] = []
    for name, population, scale in MEASURED:
        sizes = sorted({max(1, round(scale * 2.0**k)) for k in np.arange(-4, 5.5, 0.5)})
        series = measure(population, sizes)
        # The number of memorized points up to which the bound is at least 1/2.
        threshold = population.mu / (2 * population.ball_mass)
        stored.append({"name": name, "dim": population.dim, "sizes": sizes, "n_small_threshold": threshold, **series})
        for n, ratio, far, bound in zip(sizes, series["ratio"], series["far"], series["bound"], strict=True):
            assert ratio >= far - 1e-12
            assert far >= bound - 1e-12
            if population.half_width == 0:
                # Each column is empty with probability (1 - μ/K)^N; one of the 20 N draws moves the mean by 1/(20 K),
                # so McDiarmid's inequality limits the deviation, at 1e-6.
                expected = (1 - population.mu / population.columns) ** n
                draws = n * len(SEEDS)
                limit = math.sqrt(draws * math.log(2e6) / 2) / (len(SEEDS) * population.columns)
                assert abs(ratio - expected) <= limit
        assert series["least"][0] > 0.5
        assert series["most"][-1] < 0.5
    # The threshold grows by the factor 4 with the dimension.
    assert [row["n_small_threshold"] for row in stored[:4]] == [2.0, 8.0, 32.0, 128.0]
    path = Path(figure_path("proposition_3_2_ratio.png"))
    path.with_suffix(".json").write_text(json.dumps({"seeds": list(SEEDS), "series": stored}, indent=1))
    draw(path)
    record("examples", len(SEEDS) * sum(len(row["sizes"]) for row in stored))


def draw(path: Path) -> None:
    """The figure, from the numbers beside it."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    stored = json.loads(path.with_suffix(".json").read_text())["series"]
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", sharey=True)
    for k, row in enumerate(stored):
        panel, colour = axes[int(row is stored[-1])], f"C{k}"
        panel.fill_between(row["sizes"], row["least"], row["most"], color=colour, alpha=0.2, linewidth=0)
        panel.plot(row["sizes"], row["ratio"], color=colour, label=row["name"])
        panel.plot(row["sizes"], row["bound"], color=colour, linestyle="--")
    axes[1].plot(
        stored[-1]["sizes"], stored[-1]["far"], color="C4", linestyle=":", label="share more than 2δ from S_small"
    )
    axes[0].plot([], [], color="black", linestyle="--", label="bound 1 - n sup D(B(z, 2δ)) / μ")
    for panel in axes:
        panel.axhline(0.5, color="black", linewidth=0.6)
        panel.set(xscale="log", xlabel="sample size N", ylim=(0, 1.02))
    figure.legend(loc="outside lower center", ncols=4, fontsize="small")
    axes[0].set_ylabel("adversarial error of f_adv / of f_clean")
    figure.suptitle(f"Proposition 3.2 (iii): the ratio of the errors, mean and range of {len(SEEDS)} samples")
    figure.savefig(path, dpi=150)
    plt.close(figure)


# --- bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Columns(2, 3, 0.25, 0.0, 0.25), AssumptionError, "separation of more than 2 . radius"),
        (lambda: memorized_population(0.5), AssumptionError, "needs 0 < radius < 1/2, got 0.5"),
        (lambda: memorized_population(float("nan")), AssumptionError, "got nan"),
        (
            lambda: IdealClassifier(np.zeros((1, 1)), np.array([1]), np.array([0]), 0.1, 0.5, first_less_half),
            ValueError,
            "p >= 1, got p=0.5",
        ),
    ],
)
def test_hypotheses_that_contradict_each_other_are_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
