"""The theorem on one data set: `pytest --data=my.npz --radius 0.1 --p inf`.

First the hypotheses (each a test that says what to change), then the conclusions. Without the option they run on
the handwritten digits of scikit-learn, odd against even, at radius 0.1 in l_∞.
"""

from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="module")
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    get = request.config.getoption
    if get("--data"):
        return {"data": get("--data"), "radius": get("--radius"), "p": get("--p"), "classes": get("--classes")}
    return {"data": "digits", "radius": 0.1, "p": float("inf"), "classes": "parity"}


@pytest.fixture(scope="module")
def sample(options: dict[str, Any]) -> Any:
    from constructions.samples.loading import load_sample
    from constructions.samples.sample import read_sample

    try:
        return read_sample(*load_sample(options["data"], classes=options["classes"]))
    except (ValueError, OSError) as error:
        pytest.fail(f"the data cannot be used: {error}", pytrace=False)


@pytest.fixture(scope="module")
def built(sample: Any, options: dict[str, Any]) -> Any:
    from constructions import robust_memorizer
    from theory.errors import AssumptionError

    try:
        return robust_memorizer(sample.points, sample.labels, radius=options["radius"], p=options["p"])
    except AssumptionError as error:
        pytest.skip(f"a hypothesis fails, so the theorem says nothing: {error}")


def test_hypothesis_points_and_labels_are_well_formed(sample: Any) -> None:
    assert len(sample.points) == len(sample.codes)
    assert len(sample.classes) >= 2


def test_hypothesis_no_equal_points_with_different_labels(sample: Any, options: dict[str, Any]) -> None:
    from theory.setting.separation import separation

    assert separation(sample.points, sample.codes, options["p"]).distance > 0


def test_hypothesis_radius_is_below_half_the_separation(sample: Any, options: dict[str, Any]) -> None:
    from theory.setting.separation import separation

    found = separation(sample.points, sample.codes, options["p"])
    i, j = found.pair
    assert 2 * options["radius"] < found.distance, (
        f"radius {options['radius']} is too large: points {i} and {j} have different labels and are "
        f"{found.distance:.6g} apart, so at most {found.distance / 2:.6g}"
    )


def test_conclusion_every_training_ball_is_certified(built: Any) -> None:
    certificate = built.certify()
    assert certificate.certified.all(), str(certificate)


def test_conclusion_attack_finds_no_error(built: Any) -> None:
    from constructions import guided_attack

    task, sample = built.task, built.task.sample
    chosen = np.random.default_rng(0).permutation(len(sample.points))[:100]
    balls = sample.points, sample.labels, task.radius, task.p
    worst, _ = guided_attack(built, *balls, indices=chosen, shell=task.shell)
    assert np.all(worst > 0)


def test_conclusion_count_equals_the_formula(built: Any) -> None:
    assert built.size.nonzero == built.size.formula_nonzero


def test_conclusion_network_is_f_adv_off_the_shells(built: Any) -> None:
    from theory.setting.ideal import IdealClassifier

    rng = np.random.default_rng(0)
    task, sample = built.task, built.task.sample
    points = sample.points[rng.permutation(len(sample.points))[:50]]
    spread = rng.uniform(-task.radius, task.radius, (4, *points.shape)).reshape(-1, points.shape[1])
    x = np.concatenate(
        [points, np.tile(points, (4, 1)) + spread, rng.uniform(built.low, built.high, (50, points.shape[1]))]
    )
    ideal = IdealClassifier(sample.points, sample.codes, built.small, task.radius, task.p, _function(built))
    centres = sample.points[built.small]
    distance = np.stack([np.linalg.norm(centres - row, task.p, axis=1) for row in x])
    rounding = 1e-9
    off = ~np.any((distance > task.radius - rounding) & (distance < task.radius + task.shell + rounding), axis=1)
    expected = ideal(x[off]).reshape(off.sum(), -1)
    # The clean part is summed in another order inside the network.
    bound = 1e-12 * built.bound * built.size.width
    assert np.abs(built.network(x[off]) - expected).max() <= bound


def _function(built: Any) -> Any:
    return built.clean if built.clean.outputs > 1 else lambda x: built.clean(x)[:, 0]
