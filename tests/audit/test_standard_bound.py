"""The standard bound of section 6, and what it says of classes that memorize: VC dimensions with every constant."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from theory.generalization.bound_check import BoundCheck
from theory.generalization.vc import relu_vc_dimension_bound, relu_vc_dimension_by_counting, uniform_bound
from theory.witnesses.sample_size import rademacher_failure

LIMIT = 1e-6
capacity = pytest.mark.statement("claim-capacity", form="repaired")


# --- the bound ---------------------------------------------------------------------------------------


@pytest.mark.statement("claim-standard-bound", form="printed")
@given(st.floats(0.01, 10), st.floats(0.05, 0.5))
def test_with_the_rademacher_complexity_it_fails_with_high_probability(constant, failure) -> None:
    found = rademacher_failure(constant, failure)
    assert found.probability >= 1 - failure
    # E|Σ σ_i| = √(2N/π) (1 + O(1/N)), and the bound follows from it.
    assert abs(found.complexity / math.sqrt(2 / (math.pi * found.n)) - 1) <= 1 / found.n
    assert abs(found.bound - math.sqrt(constant * found.complexity / found.n)) <= 1e-12


@pytest.mark.statement("claim-standard-bound", form="printed")
def test_the_failure_in_samples_that_are_drawn() -> None:
    """L_D = 1/2 for both constants; the one that fits has the gap |B/N - 1/2|."""
    found = rademacher_failure(1.0, 0.1)
    rng = np.random.default_rng(6)
    draws = 5000
    ones = rng.binomial(found.n, 0.5, size=draws)
    best = np.minimum(ones, found.n - ones) / found.n
    beyond = int(np.count_nonzero(0.5 - best > found.bound))
    assert binom.ppf(LIMIT / 2, draws, found.probability) <= beyond
    assert beyond <= binom.isf(LIMIT / 2, draws, found.probability)
    # The complexity by drawing too: E |Σ σ| / N, each |Σ σ|/N with standard deviation below N^-1/2.
    sums = np.abs(2 * rng.binomial(found.n, 0.5, size=draws) - found.n) / found.n
    assert abs(sums.mean() - found.complexity) <= 5 / math.sqrt(draws * found.n)


@pytest.mark.statement("claim-standard-bound", form="repaired")
@given(st.floats(1, 10), st.floats(0.05, 0.45))
def test_the_normalisation_of_the_rademacher_complexity_decides(constant, failure) -> None:
    """The classifiers ±1, the gap |B/N - 1/2| by its law: normalised, r, by itself; as a sum, N r, under the root."""
    found = rademacher_failure(constant, failure)

    def beyond(bound: float) -> float:
        return float(2 * binom.sf(found.n // 2 + math.floor(found.n * bound), found.n, 0.5))

    assert beyond(2 * found.complexity + math.sqrt(math.log(1 / failure) / (2 * found.n))) <= failure
    as_a_sum = math.sqrt(constant * (found.n * found.complexity) / found.n)
    assert 2 * found.complexity <= 2 * as_a_sum
    assert beyond(as_a_sum) <= failure
    # √(C r), r = √(2/(πN)): of order N^-1/4.
    assert as_a_sum * found.n**0.25 == pytest.approx(math.sqrt(constant) * (2 / math.pi) ** 0.25, rel=1 / found.n)
    # The planted fault: normalised and under the root, as it is refuted.
    assert beyond(found.bound) >= 1 - failure > failure


@pytest.mark.parametrize(
    ("constant", "failure", "message"),
    [
        (0.0, 0.1, "constant > 0"),
        (math.nan, 0.1, "constant > 0"),
        (1.0, 0.0, "failure in"),
        (1.0, math.nan, "failure in"),
        (1e9, 1e-9, "more than 2\\^50"),
    ],
)
def test_bad_constants_are_refused(constant, failure, message) -> None:
    with pytest.raises(ValueError, match=message):
        rademacher_failure(constant, failure)


def worst_threshold_gap(x: np.ndarray, labels: np.ndarray, noise: float) -> float:
    """`sup |L_D - L_S|` over x ↦ sgn(x - t), D uniform on [0, 1] with P(y = +1) = 1 - noise: v = 1.

    Both are affine in t between sample points: the supremum is at one of them, from the left or the right.
    """
    order = np.argsort(x)
    ends = np.concatenate([[0.0], x[order], [1.0]])
    # +1 is predicted right of t: errors are the +1 to the left and the -1 to the right.
    plus = labels[order] > 0
    wrong = np.concatenate([[0], np.cumsum(plus)]) + np.count_nonzero(~plus) - np.concatenate([[0], np.cumsum(~plus)])
    truth = (1 - noise) * ends + noise * (1 - ends)
    sample = wrong / len(x)
    return float(max(np.abs(truth[:-1] - sample).max(), np.abs(truth[1:] - sample).max()))


@pytest.mark.statement("claim-standard-bound", form="repaired")
@pytest.mark.parametrize(("n", "failure"), [(100, 0.5), (1000, 0.5), (1000, 0.05)])
def test_the_repaired_bound_fails_no_more_often_than_it_says(n, failure, record) -> None:
    """Thresholds on the line, where the supremum over the class is known exactly: 6 to 10 times below the bound.

    Its constants are those of the proof, and are compared with the function where the ledger quotes them.
    """
    rng = np.random.default_rng(n)
    draws = 400
    record("examples", draws)
    gaps = []
    for _ in range(draws):
        x = rng.random(n)
        labels = np.where(rng.random(n) < 0.6, 1, -1)
        gaps.append(worst_threshold_gap(x, labels, 0.4))
    bound = uniform_bound(n, 1, failure)
    beyond = int(np.count_nonzero(np.array(gaps) > bound))
    assert beyond <= binom.isf(LIMIT, draws, failure)
    # The planted faults: a twelfth of the bound, and the one of a single classifier at 1/N in place of 1/√N.
    for wrong in (bound / 12, math.log(2 / failure) / n):
        assert np.count_nonzero(np.array(gaps) > wrong) > binom.isf(LIMIT, draws, failure)
    statuses = {BoundCheck(gap, bound).status for gap in gaps}
    assert statuses == ({"vacuous"} if bound >= 1 else {"holds"})


def test_the_supremum_over_thresholds_by_trying_many() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        x, labels = rng.random(7), rng.choice([-1, 1], 7)
        t = np.union1d(np.linspace(0, 1, 2001), np.concatenate([x, np.nextafter(x, 0)]))
        truth = 0.7 * t + 0.3 * (1 - t)
        sample = np.mean(np.where(x > t[:, None], 1, -1) != labels, axis=1)
        assert abs(np.abs(truth - sample).max() - worst_threshold_gap(x, labels, 0.3)) <= 1e-12


# --- capacity ----------------------------------------------------------------------------------------


def memorizers(n: int, dim: int, labellings: Any) -> Any:
    """One network for each labelling of the same points, all of one architecture."""
    from constructions import Affine, robust_memorizer

    rng = np.random.default_rng(n)
    points = np.unique(np.round(rng.random((n, dim)) * 64) / 64, axis=0)
    assert len(points) == n
    clean = Affine(np.ones((1, dim)), np.array([-dim / 2]))
    for labels in labellings:
        yield (
            points,
            np.array(labels),
            robust_memorizer(points, labels, radius=1 / 256, p=math.inf, clean=clean, small="all", shell=1 / 256),
        )


@capacity
def test_one_architecture_of_memorizers_shatters_its_points_so_the_printed_bound_is_vacuous(record) -> None:
    """All 2^N labellings, so VCdim >= N and √(VCdim / N) >= 1; the two constant ones by the last bias alone."""
    from constructions import Affine, ReLUNetwork

    n = 5
    shapes = set()
    labellings = [y for y in itertools.product((-1, 1), repeat=n) if len(set(y)) == 2]
    for points, labels, built in memorizers(n, 2, labellings):
        assert (labels * built.network(points)[:, 0] > 0).all()
        assert built.certify().certified.all()
        shapes.add(built.network.widths)
    for sign in (-1.0, 1.0):
        layers = built.network.layers
        last = Affine(np.zeros((1, layers[-1].inputs)), np.array([sign]))
        constant = ReLUNetwork((*layers[:-1], last))
        assert (sign * constant(points)[:, 0] > 0).all()
        shapes.add(constant.widths)
    record("examples", 2**n)
    assert len(shapes) == 1
    widths = list(shapes.pop())
    # The upper bound by Bartlett et al. has to lie above: catches one that is too small by a factor of W.
    assert n <= relu_vc_dimension_by_counting(widths) <= relu_vc_dimension_bound(widths)
    printed = BoundCheck(0.0, math.sqrt(n / n))
    assert printed.status == "vacuous"


@capacity
@pytest.mark.parametrize("n", [10, 40])
def test_the_upper_bound_of_the_memorizers_class_is_vacuous_too(n, record) -> None:
    """The repaired standard bound with the VC bound of f̂'s own architecture: far above 1 at its own N, for any N."""
    rng = np.random.default_rng(1)
    record("examples", 1)
    _, _, built = next(memorizers(n, 3, [[1, -1, *rng.choice([-1, 1], n - 2)]]))
    vc = relu_vc_dimension_bound(list(built.network.widths))
    assert vc > n
    assert BoundCheck(0.0, uniform_bound(vc, vc, 0.05)).status == "vacuous"
    assert built.network.parameters > n * 3


@pytest.mark.statement("claim-capacity", form="printed")
def test_one_labelling_needs_no_capacity(record) -> None:
    """F = {f̂} reaches robust training error 0: one classifier, so it fits one labelling of its points, and no other.

    No point is shattered by one pattern, its VC dimension is 0. A network that errs somewhere in a ball would not do.
    """
    from constructions import certify

    rng = np.random.default_rng(2)
    labels = [1, -1, *rng.choice([-1, 1], 28)]
    record("examples", 1)
    points, codes, built = next(memorizers(30, 3, [labels]))
    assert built.certify().certified.all()
    # The planted fault: with another labelling of one point this class has robust training error 1/30, not 0.
    other = codes.copy()
    other[0] *= -1
    certificate = certify(built.network, points, other, built.task.radius, math.inf)
    assert certificate.error_bracket[0] == 1 / 30
