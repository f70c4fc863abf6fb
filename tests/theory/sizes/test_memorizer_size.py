"""The closed size of Theorem 3.3 bounds what is built, for every p; the deviation of a count is Hoeffding's."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from theory.errors import AssumptionError
from theory.generalization.concentration import binomial_deviation
from theory.sizes.memorizer_size import indicator_count, level_bound, size_bound


@pytest.mark.statement("theorem-3.3", form="repaired")
@pytest.mark.parametrize("classes", [1, 2, 3, 10])
@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, math.inf])
def test_the_bound_is_above_what_is_built(p: float, classes: int) -> None:
    from constructions import Affine, ReLUNetwork, robust_memorizer
    from constructions.networks.calculus import pad_depth

    for seed, (n, dim) in enumerate([(10, 3), (40, 2), (12, 20)]):
        rng = np.random.default_rng(seed)
        points = rng.random((n, dim))
        labels = np.where(points[:, 0] > 0.5, 1, -1) if classes == 1 else np.arange(n) % classes
        # Deeper than the indicators the second time, so that the class sums wait and not the clean classifier.
        clean = ReLUNetwork((Affine(rng.random((classes, dim)), np.full(classes, -0.5)),))
        clean = pad_depth(clean, 41 if seed == 1 else 1)
        built = robust_memorizer(points, labels, radius=1e-3, p=p, clean=clean, small="all", shell=0.0005)
        size = built.size
        bound = size_bound(n, dim, 1e-3, 0.0005, p, clean=size.clean, depth=size.depth, outputs=classes)
        assert size.nonzero <= bound
        # No empty bound: without the indicators of one point it is too small.
        assert (
            bound - size.nonzero
            < 12 * n * dim * max(1, size.symbols.get("s", 1)) + 60 * dim * classes * size.depth + 100
        )


def test_the_count_is_n_d_and_less() -> None:
    for p in (1.0, 2.0, 3.0, math.inf):
        counts = [indicator_count(10**9, 10**6, p, levels=10.0, tents=9.0, pieces=9.0)]
        assert counts[0] / 10**15 == pytest.approx(1, rel=1e-5)


def test_levels_are_shared_where_points_are_many() -> None:
    assert level_bound(3, 5, 0.1, math.inf) == 15
    assert level_bound(10**6, 5, 0.5, math.inf) == 5 * (1 + 2.01 / 0.5)
    assert level_bound(10**6, 4, 0.5, 2.0) == 4 * (1 + 8.01 * 2 / 0.5)


@pytest.mark.parametrize(
    "changes", [{"n": 0}, {"dim": 0}, {"radius": -0.1}, {"shell": 0.0}, {"shell": math.inf}, {"outputs": 0}]
)
def test_a_size_outside_the_hypotheses_is_refused(changes: dict[str, float]) -> None:
    arguments = {"n": 3, "dim": 2, "radius": 0.1, "shell": 0.1} | changes
    with pytest.raises(AssumptionError, match=r"Theorem 3\.3 needs"):
        size_bound(**arguments, p=2.0, clean=3, depth=5)


@pytest.mark.statement("claim-small-margin-count", form="printed")
@pytest.mark.parametrize("n", [1, 10, 1000])
@pytest.mark.parametrize("failure", [0.5, 0.01])
def test_the_count_of_small_margins_stays_within_the_deviation(n: int, failure: float) -> None:
    deviation = binomial_deviation(n, failure)
    for mu in (0.01, 0.3, 0.5, 0.9):
        k = np.arange(n + 1)
        outside = binom.pmf(k[np.abs(k - mu * n) > deviation], n, mu).sum()
        assert outside <= failure
    # A bound that is a third of it is none.
    k = np.arange(1001)
    assert binom.pmf(k[np.abs(k - 500) > binomial_deviation(1000, 0.01) / 3], 1000, 0.5).sum() > 0.01


@pytest.mark.parametrize(("n", "failure"), [(0, 0.1), (5, 0.0), (5, 1.0)])
def test_a_deviation_outside_the_hypotheses_is_refused(n: int, failure: float) -> None:
    with pytest.raises(ValueError, match="binomial_deviation needs"):
        binomial_deviation(n, failure)
