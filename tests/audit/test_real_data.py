"""Real data memorized, counted and certified: the main job of the audit."""

import time
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

pytestmark = [
    pytest.mark.statement("theorem-3.3", form="repaired"),
    pytest.mark.statement("corollary-3.4", form="repaired"),
]

# radius None: 0.45 times the separation
RUNS = [(np.inf, 0.1), (np.inf, None), (2.0, None), (1.0, None)]
DATA = [
    ("digits", "parity"),
    ("digits", "all"),
    pytest.param("mnist5k", "all", marks=pytest.mark.whole_audit),
]
# So many balls of memorized points are proved by intervals too.
SECOND_ROUTE = 500
SHARED_LIMIT = {1.0: 1.10, 2.0: 1.05, np.inf: 1.05}


@lru_cache
def load(data: str, classes: str) -> Any:
    """The sample and a clean classifier for it; kept for the other tests."""
    from constructions.memorizers.clean import fit_clean
    from constructions.samples.loading import load_sample
    from constructions.samples.sample import read_sample

    points, labels = load_sample(data, classes=classes)
    sample = read_sample(points, labels)
    return points, labels, fit_clean(sample.points, sample.codes, sample.outputs)


@pytest.mark.parametrize(("p", "radius"), RUNS)
@pytest.mark.parametrize(("data", "classes"), DATA)
def test_memorized_and_certified(data: str, classes: str, p: float, radius: float | None, record: Any) -> None:
    from constructions import guided_attack, robust_memorizer
    from theory.balls.relaxation import margin_lower_bound
    from theory.setting.separation import separation

    points, labels, clean = load(data, classes)
    started = time.perf_counter()
    if radius is None:
        radius = 0.45 * separation(points, np.array(labels), p).distance
    built = robust_memorizer(points, labels, radius=radius, p=p, clean=clean)
    certificate = built.certify()
    seconds = time.perf_counter() - started
    size = built.size
    record(
        "run",
        {
            "data": f"{data} {classes}",
            "points": len(points),
            "p": f"{p:g}",
            "radius": radius,
            "separation": built.task.separation,
            "shell": built.task.shell,
            "n_small": size.n_small,
            "nonzero": size.nonzero,
            "coefficient": size.coefficient,
            "general_coefficient": size.general_coefficient,
            "certified": certificate.count("certified"),
            "seconds": seconds,
            "size": size.to_dict(),
        },
    )
    record("examples", len(points))
    assert certificate.certified.all(), str(certificate)
    assert size.nonzero == size.formula_nonzero
    if np.isinf(p):
        # The second route, from the weights alone; where f_clean decides, intervals forget that lock and f_clean move
        # together, and say nothing.
        rows = np.random.default_rng(1).permutation(built.small)[:SECOND_ROUTE]
        codes = built.task.sample.codes
        general = margin_lower_bound(built.network.layers, points[rows], codes[rows], radius, p, method="interval")
        assert np.all(general > 0), general
    chosen = np.random.default_rng(0).permutation(len(points))[:20]
    worst, _ = guided_attack(built, points, built.task.sample.codes, radius, p, indices=chosen, shell=built.task.shell)
    assert np.all(worst > 0)
    x = points[chosen]
    assert np.array_equal(np.sign(built.network(x)), np.sign(built(x)))


@pytest.mark.whole_audit
@pytest.mark.parametrize("p", [1.0, 2.0, np.inf])
def test_all_of_mnist5k_costs_one_weight_a_coordinate(p: float, record: Any) -> None:
    """With every point memorized: non-zeros beside the clean network's own, over n · d, also for data without zeros."""
    from constructions import robust_memorizer

    points, labels, clean = load("mnist5k", "all")
    radius = 0.1
    size = robust_memorizer(points, labels, radius=radius, p=p, clean=clean, small="all").size
    record("examples", 1)
    assert size.n_small == 5000
    assert size.coefficient <= SHARED_LIMIT[p]
    assert size.general_coefficient <= SHARED_LIMIT[p]
    assert size.nonzero == size.formula_nonzero


@pytest.mark.whole_audit
def test_the_coefficient_over_n(record: Any, figure_path: Any) -> None:
    """The count over n for both methods, drawn; per_point is counted up to 500 points and then its formula."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    from constructions import robust_memorizer

    points, labels, clean = load("mnist5k", "all")
    order = np.random.default_rng(0).permutation(len(points))
    sizes = (50, 100, 200, 500, 1000, 2000, 5000)
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for p, norm, colour, marker, offset in (
        (1.0, "1", "#009E73", "s", 4),
        (2.0, "2", "#0072B2", "o", 0),
        (np.inf, "∞", "#D55E00", "^", 0),
    ):
        shared, sketch = [], []
        for n in sizes:
            some = order[:n]
            chosen = [labels[k] for k in some]
            size = robust_memorizer(points[some], chosen, radius=0.1, p=p, clean=clean, small="all", check=False).size
            shared.append(size.general_coefficient)
            sketch.append(size.sketch / (n * size.dim))
            if n <= 200:
                whole = robust_memorizer(
                    points[some], chosen, radius=0.1, p=p, clean=clean, small="all", method="per_point", check=False
                ).size
                assert whole.indicators + whole.symbols["Z"] == size.sketch
        axes.loglog(sizes, shared, color=colour, marker=marker, label=f"shared features, p = {norm}")
        axes.loglog(sizes, sketch, color=colour, linestyle=(offset, (4, 4)), label=f"proof sketch, p = {norm}")
        assert all(later < earlier for earlier, later in pairwise(shared))
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set(xlabel="points memorized, n", ylabel="non-zeros beside the clean network's / (n d)")
    axes.set_ylim(top=300)
    axes.set_title("Theorem 3.3: 5,000 images of MNIST, radius 0.1, general position")
    axes.legend(fontsize="small", ncols=2)
    figure.savefig(figure_path("coefficient.png"), dpi=150)
    plt.close(figure)
    record("examples", 3 * len(sizes))
