"""Published bounds: the forms, their hypotheses, and what the explicit ones say of networks that we can build."""

import math
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import methods
from theory.errors import AssumptionError
from theory.setting.separation import separation
from theory.sizes.published import CONTEXT, PUBLISHED, applicable, extremal_sample, logarithmic_width

LOWER = {2.0: "width of the first layer", math.inf: "width of the first layer, l_inf"}


def memorize(points: np.ndarray, labels: np.ndarray, radius: float, p: float, method: str) -> Any:
    """A robust memorizer with the clean classifier `Σ_j x_j - 1/2`."""
    from constructions import Affine, robust_memorizer

    clean = Affine(np.ones((1, points.shape[1])), np.array([-0.5]))
    return robust_memorizer(points, labels, radius=radius, p=p, clean=clean, method=method)


def lower_bound(p: float, count: int, dim: int, ratio: float) -> float:
    return PUBLISHED[LOWER[p]](N=count, d=dim, rho=ratio, p=p)


def needed_rank(p: float, count: int, dim: int, ratio: float) -> float:
    """The same bounds, written out a second time."""
    free = min(count - 1, dim)
    return ratio**2 * free if p == 2 else float(free)


def collide(weight: np.ndarray, points: np.ndarray, ratio: float, p: float) -> float:
    """The least `‖e_j - v‖_p` over j and v in the kernel of `weight`, by least squares (p = 2) or linear programming.

    If it is at most ρ, two points in balls of different labels have the same image, so some label is wrong.
    """
    from scipy.linalg import null_space
    from scipy.optimize import linprog

    kernel = null_space(weight)
    if kernel.shape[1] == 0:
        return math.inf
    if p == 2:
        return float(np.linalg.norm(points - points @ kernel @ kernel.T, axis=1).min())
    least = math.inf
    columns = kernel.shape[1]
    for x in points:
        sides = np.vstack([np.hstack([kernel, -np.ones((len(x), 1))]), np.hstack([-kernel, -np.ones((len(x), 1))])])
        solved = linprog(np.eye(columns + 1)[-1], sides, np.concatenate([x, -x]), bounds=[(None, None)] * (columns + 1))
        least = min(least, solved.fun)
    return least


# --- the explicit lower bounds, on their extremal data ------------------------------------------------


@given(
    st.integers(2, 12),
    st.integers(1, 6),
    st.sampled_from([0.1, 0.51, 0.6, 0.75, 0.9, 0.99]),
    st.sampled_from([2.0, math.inf]),
    methods,
)
def test_our_networks_respect_the_width_bounds(count, dim, ratio, p, method) -> None:
    if math.isinf(p) and ratio <= 0.5:
        ratio = 0.5 + ratio / 2
    points, labels = extremal_sample(count, dim)
    built = memorize(points, labels, ratio / 2, p, method)
    assert built.certify().error_bracket == (0.0, 0.0)
    first = built.network.layers[0]
    weight = first.weight if isinstance(first.weight, np.ndarray) else first.weight.toarray()
    bound = lower_bound(p, count, dim, ratio)
    assert first.outputs >= bound
    # The proof bounds the rank.
    assert np.linalg.matrix_rank(weight) >= needed_rank(p, count, dim, ratio) * (1 - 1e-12)
    assert collide(weight, points[:-1], ratio, p) > ratio


@pytest.mark.parametrize(("p", "ratio"), [(2.0, 0.6), (2.0, 0.9), (math.inf, 0.6), (math.inf, 0.9)])
def test_a_network_below_the_bound_is_caught_and_is_not_robust(p, ratio) -> None:
    """The planted fake: right on all points, with a first layer one neuron below the bound."""
    from constructions import guided_attack
    from constructions.networks.network import network

    dim = 6
    points, labels = extremal_sample(dim + 1, dim)
    width = math.ceil(lower_bound(p, dim + 1, dim, ratio)) - 1
    # A projection onto `width` dimensions that leaves all e_j in one open half-space, then a threshold.
    weight = np.abs(np.random.default_rng(0).normal(size=(width, dim))) + 0.1
    threshold = weight.sum(axis=0).min() / 2
    fake = network((weight, np.zeros(width)), (np.ones((1, width)), np.array([-threshold])))
    assert np.all(labels * fake(points)[:, 0] > 0)
    assert fake.layers[0].outputs < lower_bound(p, dim + 1, dim, ratio)
    assert collide(weight, points[:-1], ratio, p) <= ratio
    worst, _ = guided_attack(fake, points, labels, ratio / 2, p)
    assert worst.min() <= 0


@given(st.integers(2, 20), st.integers(1, 8), st.sampled_from([1.0, 2.0, math.inf]))
def test_extremal_data(count, dim, p) -> None:
    points, labels = extremal_sample(count, dim)
    assert points.shape == (count, dim)
    assert len(np.unique(points, axis=0)) == count
    assert (labels == -1).sum() == 1
    assert separation(points, labels, p).distance == 1
    assert np.linalg.matrix_rank(points) == min(count - 1, dim)


@pytest.mark.parametrize("p", [2.0, math.inf])
def test_a_network_for_easy_data_lies_below_the_worst_case(p) -> None:
    """Data separable in one coordinate: one neuron, certified, under a line of more than 8."""
    from constructions import Affine, robust_memorizer

    rng = np.random.default_rng(0)
    points = np.concatenate([np.repeat([0.0, 1.0], 20)[:, None], np.full((40, 11), 0.5)], axis=1)
    points[:, 1:] += rng.uniform(-1e-3, 1e-3, (40, 11))
    labels = np.repeat([-1, 1], 20)
    ratio = 0.9
    clean = Affine(np.eye(12)[:1], np.array([-0.5]))
    built = robust_memorizer(points, labels, radius=ratio / 2, p=p, clean=clean)
    assert ratio / 2 <= ratio * separation(points, labels, p).distance / 2
    assert built.certify().error_bracket == (0.0, 0.0)
    assert built.network.layers[0].outputs == 1 < 8 < lower_bound(p, 40, 12, ratio)


# --- the table ---------------------------------------------------------------------------------------


@given(st.integers(2, 10**6), st.integers(2, 5000), st.floats(1e-6, 0.999))
def test_no_explicit_upper_bound_lies_below_the_explicit_lower_bound(count, dim, ratio) -> None:
    first = lower_bound(2.0, count, dim, ratio)
    assert first <= 3 * dim + 1
    try:
        width = logarithmic_width(count, dim, ratio)
    except AssumptionError:
        return
    assert PUBLISHED["logarithmic width"](N=count, d=dim, rho=ratio * (1 - 1e-12), k=width) == width
    assert first <= width


@given(st.integers(2, 10**5), st.integers(2, 3000), st.floats(1e-5, 0.05))
def test_the_logarithmic_width_is_the_least(count, dim, ratio) -> None:
    try:
        width = logarithmic_width(count, dim, ratio)
    except AssumptionError:
        with pytest.raises(AssumptionError, match="rho <="):
            PUBLISHED["logarithmic width"](N=count, d=dim, rho=ratio * (1 + 1e-12), k=dim + 5)
        return
    if width > 7:
        with pytest.raises(AssumptionError, match="needs rho <="):
            PUBLISHED["logarithmic width"](N=count, d=dim, rho=ratio * (1 + 1e-12), k=width - 1)


def test_the_logarithmic_width_is_logarithmic_in_the_sample() -> None:
    """For ρ = 0.1/√d: k - 6 between log N and a constant times log N."""
    widths = [logarithmic_width(10**e, 3000, 0.1 / math.sqrt(3000)) - 6 for e in (2, 4, 8, 16)]
    ratios = [width / (e * math.log(10)) for width, e in zip(widths, (2, 4, 8, 16), strict=True)]
    assert widths == sorted(widths)
    assert all(0.3 < ratio < 2 for ratio in ratios)


# Every formula a second time, from what was read, at one point of each range.
AT = {"N": 90, "d": 16, "rho": 0.6, "p": 3, "gamma": 0.2, "R": 2.0, "delta": 0.1, "eps": 0.3, "k": 20, "s": 0.25}
SPREAD = 16 ** (1 / 2 - 1 / 3)
LOGS = math.log(16 / 0.2**2) + math.log(2)
VALUES = {
    "width of the first layer": 0.36 * 16,
    "width of the first layer, l_inf": 16,
    "entries from below": (0.36 * 16 + 1) * 16 + math.sqrt(90 / (1 - 0.216)),
    "entries from below, l_inf": 256,
    "entries from below by shattering": math.sqrt(90 / (1 - 0.216)),
    "non-zeros from below": math.sqrt(90 / 0.64),
    "large ρ": 90 * 16**2 * (0.6 * SPREAD) ** 4 + 16,
    "large ρ, non-zeros": 90 * 16 * 0.36 + 16,
    "large ρ, width": 0.36 * 16,
    "large ρ, depth": 90,
    "logarithmic width from below": 2 * math.log(90) / math.log(4832 / 0.6),
    "logarithmic width, entries, larger ρ": 90 * 16**3 * (0.6 * SPREAD) ** 6 + 16,
    "optimal width, l_inf": 49,
    "optimal depth, l_inf": 181,
    "optimal non-zeros, l_inf": 90 * 16,
    "optimal non-zeros, l_inf, bounded slope": 90 * 16 * (1 + math.log(16)),
    "optimal width, l_p": 16,
    "optimal depth, l_p": 90 * 3 * (math.log(16 / 0.2**3) + 3 * math.log(2) + math.log(3)),
    "optimal entries, l_p": 90 * 16**2 * 9,
    "optimal entries, l_2": 90 * 16**2 * LOGS,
    "optimal non-zeros, l_2": 90 * 16 * LOGS,
    "no perturbation": math.sqrt(90) + 16,
    "no perturbation, width": 12,
    "no perturbation, from below": math.sqrt(90),
    "no perturbation, width times depth": math.sqrt(90 * math.log(4)),
    "no perturbation, width times depth from below": math.sqrt(90 / math.log(4)),
}
# Elsewhere: the change of the point, the value.
ELSEWHERE = {
    "small ρ": ({"rho": 1e-4}, math.sqrt(90) + 16),
    "moderate ρ, error η": ({"rho": 0.01}, 90 * 2 * math.sqrt(0.01 * SPREAD) + 16),
    "logarithmic width": ({"rho": 1e-4}, 20),
    "logarithmic width, entries": ({"rho": 0.1}, 106),
    "width of the first layer for more than d points": ({"rho": 0.8}, 16),
    "robust training": ({"p": math.inf}, 90 * 16 * math.log(160) + 90 * math.log(900)),
    "robust training from below": ({"rho": 0.97}, math.sqrt(90 * 16)),
}


def test_the_values_of_the_formulas() -> None:
    for name, value in VALUES.items():
        # a few operations, each rounded once
        assert PUBLISHED[name](**AT) == pytest.approx(value, rel=1e-13)
    for name, (change, value) in ELSEWHERE.items():
        with pytest.raises(AssumptionError):
            PUBLISHED[name](**(AT | {"eps": 0.15, "k": 7}))
        assert PUBLISHED[name](**AT | {"eps": 0.3} | change) == pytest.approx(value, rel=1e-13)
    assert set(VALUES) | set(ELSEWHERE) == set(PUBLISHED)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    # N = 4, d = 16, p = 1 and ∞: γ = 4.
    [
        ("small ρ", None, 1 / (5 * 4 * 4 * 4)),
        ("moderate ρ, error η", 1 / (5 * 4 * 4 * 4), 1 / (5 * 4 * 4)),
        ("large ρ", 1 / (5 * 4 * 4), 1 / 4),
        ("logarithmic width, entries", None, 1 / (4 * 4)),
        ("logarithmic width, entries, larger ρ", 1 / (4 * 4), 1 / 4),
    ],
)
@pytest.mark.parametrize("p", [1, math.inf])
def test_the_ranges_of_radii_end_where_the_source_says(name, low, high, p) -> None:
    """Kim, Moon and Yun: 1/(5N√dγ), 1/(5√dγ), 1/γ in Theorem C.11, 1/(√dγ), 1/γ of Egosi in Table 1; no other ρ."""
    bound = PUBLISHED[name]
    assert bound(N=4, d=16, rho=high * (1 - 1e-9), p=p) > 0
    with pytest.raises(AssumptionError, match="rho <"):
        bound(N=4, d=16, rho=high * (1 + 1e-9), p=p)
    if low is not None:
        assert bound(N=4, d=16, rho=low * (1 + 1e-9), p=p) > 0
        with pytest.raises(AssumptionError, match="rho >"):
            bound(N=4, d=16, rho=low * (1 - 1e-9), p=p)


@pytest.mark.parametrize(("p", "width"), [(1, 0.36 / 16), (4 / 3, 0.36 / 4), (2, 0.36), (7, 0.36), (math.inf, 0.36)])
def test_the_width_of_the_first_layer_in_other_norms(p, width) -> None:
    assert PUBLISHED["width of the first layer"](N=90, d=16, rho=0.6, p=p) == pytest.approx(16 * width, rel=1e-12)


def test_the_shattered_points_end_at_d_for_each_point() -> None:
    """1/(1 - ρ^p) grows to d at `ρ^p = 1 - 1/d`, and the bounds stay there; for p = ∞ there is no such term."""
    shattering, below = PUBLISHED["entries from below by shattering"], PUBLISHED["entries from below"]
    edge = 0.75**0.2
    assert shattering(N=100, d=4, rho=edge * (1 - 1e-9), p=5) == pytest.approx(20, rel=1e-6)
    with pytest.raises(AssumptionError, match="rho <="):
        shattering(N=100, d=4, rho=edge * (1 + 1e-9), p=5)
    with pytest.raises(AssumptionError, match="Ne"):
        shattering(N=100, d=4, rho=0.5, p=math.inf)
    assert below(N=100, d=4, rho=0.999, p=5) == pytest.approx((0.999**2 * 4 + 1) * 4 + 20, rel=1e-12)
    assert below(N=100, d=4, rho=0.999, p=math.inf) == pytest.approx((0.999**2 * 4 + 1) * 4 + 10, rel=1e-12)
    assert PUBLISHED["non-zeros from below"](N=100, d=4, rho=0.999) == 20


def test_every_bound_says_what_it_counts() -> None:
    for name, bound in PUBLISHED.items():
        assert bound.name == name
        assert any(author in bound.source for author in ("Kim", "Yu", "Egosi", "Li", "Vardi", "Goldberg", "Yang"))
        assert bound.form in ("explicit", "Ω", "O", "Õ")
        assert (bound.form == "Ω") <= (bound.kind == "lower")
        assert isinstance(bound.formula, sympy.Expr)
        assert bound.robust != name.startswith("no perturbation")
        assert bound.exact != name.endswith("error η")


def test_what_was_read_at_the_source_is_marked() -> None:
    """Kim et al. and Li et al. in full; of the others abstracts, a review, and what Kim et al. say of them."""
    for bound in PUBLISHED.values():
        assert (bound.read == "source") == bound.source.startswith(("Kim", "Li,"))
        assert ("as in" in bound.citation) == (bound.read != "source")
        assert bound.citation.startswith(f"{bound.source}, {bound.place}")
        assert bound.place
    assert {paper.read for paper in CONTEXT} == {"its abstract"}
    assert [paper.source.split(",")[0] for paper in CONTEXT] == ["Yu", "Shi", "Lee"]


def test_applicable_bounds_are_those_of_the_norm_whose_hypotheses_hold() -> None:
    near = applicable(2, N=100, d=50, rho=1e-4)
    far = applicable(2, N=100, d=50, rho=0.9)
    assert "small ρ" in near
    assert "large ρ" not in near
    assert "small ρ" not in far
    assert not any(name.endswith("l_inf") for name in near)
    assert set(applicable(math.inf, N=100, d=50, rho=0.6)) - set(applicable(math.inf, N=100, d=50, rho=0.4)) == {
        "width of the first layer, l_inf",
        "entries from below, l_inf",
    }
    assert "width of the first layer for more than d points" in applicable(math.inf, N=100, d=50, rho=0.9)
    # 100 points of R^100 at ρ = 1e-4 were once said to need 1e-10 entries.
    least = applicable(2, N=100, d=100, rho=1e-4)
    assert least["small ρ"] == 110
    assert "large ρ" not in least


BAD = [
    (lambda: PUBLISHED["large ρ, width"](N=10, d=3), ValueError, "missing rho"),
    (lambda: PUBLISHED["large ρ, width"](N=10, d=3, rho=math.nan), ValueError, "finite values > 0"),
    (lambda: PUBLISHED["large ρ, width"](N=10, d=0, rho=0.5), ValueError, "finite values > 0"),
    (lambda: PUBLISHED["large ρ, width"](N=10, d=3, rho=1.0), AssumptionError, "rho < 1"),
    (lambda: PUBLISHED["large ρ"](N=10, d=3, rho=0.5, p=0.5), ValueError, "p >= 1"),
    (lambda: PUBLISHED["large ρ"](N=10, d=3, rho=0.5, p=math.nan), ValueError, "p >= 1"),
    (lambda: PUBLISHED["optimal width, l_p"](d=3, rho=0.5, p=2.5), AssumptionError, "Mod"),
    (lambda: PUBLISHED["optimal width, l_p"](d=3, rho=0.5, p=math.inf), AssumptionError, "Mod"),
    (lambda: PUBLISHED["optimal entries, l_p"](N=9, d=3, rho=0.5, p=math.inf), AssumptionError, "Mod"),
    (lambda: PUBLISHED["robust training"](N=9, d=3, delta=0.1, eps=0.3, p=3), AssumptionError, "Eq"),
    (
        lambda: PUBLISHED["width of the first layer for more than d points"](N=10, d=10, rho=0.9),
        AssumptionError,
        "d < N|N > d",
    ),
    (lambda: PUBLISHED["robust training from below"](N=9, d=4, rho=0.86), AssumptionError, "rho >="),
    (lambda: PUBLISHED["width of the first layer, l_inf"](N=10, d=3, rho=0.5), AssumptionError, "rho > 1/2"),
    (lambda: PUBLISHED["width of the first layer"](N=1, d=3, rho=0.5, p=2), AssumptionError, "N >= 2"),
    (lambda: PUBLISHED["small ρ"](N=10, d=3, rho=0.5, p=2), AssumptionError, "rho <="),
    (lambda: PUBLISHED["logarithmic width"](N=10, d=3, rho=1e-9, k=9), AssumptionError, "k <= d"),
    (lambda: PUBLISHED["logarithmic width"](N=10, d=3, rho=1e-9, k=6), AssumptionError, "k >= 7"),
    (lambda: PUBLISHED["robust training"](N=10, d=3, delta=0.2, eps=0.4, p=2), AssumptionError, "delta < eps/2"),
    (lambda: applicable(0.5, N=10), ValueError, "p >= 1"),
    (lambda: applicable(math.nan, N=10), ValueError, "p >= 1"),
    (lambda: logarithmic_width(10, 5, 0.9), AssumptionError, "largest width"),
    (lambda: logarithmic_width(10, 1, 0.1), ValueError, "d >= 2"),
    (lambda: logarithmic_width(10, 5, math.nan), ValueError, "ρ > 0"),
    (lambda: extremal_sample(1, 3), ValueError, "count >= 2"),
    (lambda: extremal_sample(3, 0), ValueError, "dim >= 1"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD)
def test_bad_calls(call, error, message) -> None:
    with pytest.raises(error, match=message):
        call()
