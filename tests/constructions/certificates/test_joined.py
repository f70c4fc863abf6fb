"""Networks of many classes: some balls after the other, and one certificate of all."""

import time
import tracemalloc
from typing import Any

import numpy as np
import pytest

from constructions import Affine, ReLUNetwork, certify
from constructions.certificates import any_network, joined


def network(classes: int, seed: int = 0) -> ReLUNetwork:
    rng = np.random.default_rng(seed)
    return ReLUNetwork(
        (
            Affine(rng.normal(size=(12, 3)), rng.normal(size=12)),
            Affine(rng.normal(size=(classes, 12)), np.zeros(classes)),
        )
    )


def points(count: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 1, (count, 3))


CUTS: list[dict[str, Any]] = [
    {},
    {"low": 0.0, "high": 1.0},
    {"low": np.zeros((11, 3)), "high": np.linspace(1, 2, 33).reshape(11, 3)},
]


@pytest.mark.parametrize("arithmetic", ["reals", "float64"])
@pytest.mark.parametrize("cut", range(len(CUTS)))
def test_some_after_the_other_is_all_at_once(cut: int, arithmetic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    f, x = network(6), points(11)
    labels = f(x).argmax(axis=1)
    labels[4] = (labels[4] + 1) % 6
    radius = np.linspace(0.001, 0.3, 33).reshape(11, 3) if cut else 0.05
    task = (f, x, labels, radius, np.inf)
    named = {**CUTS[cut], "arithmetic": arithmetic, "seconds": 30}
    whole = certify(*task, **named)
    monkeypatch.setattr(any_network, "_FORMS", 4 * 36)
    some = certify(*task, **named)
    assert some.status.tolist() == whole.status.tolist()
    assert {"certified", "refuted"} <= set(some.status)
    assert np.allclose(some.lower, whole.lower)
    assert some.misclassified == whole.misclassified == {4}
    assert (some.radius, some.p, some.arithmetic) == (whole.radius, whole.p, arithmetic)
    assert some.counterexamples.keys() == whole.counterexamples.keys()
    for i, example in some.counterexamples.items():
        assert (abs(example - x[i]) <= (radius[i] if cut else radius) + 1e-12).all()
        assert f(example[None])[0].argmax() != labels[i]
    for name in ("radii", "low", "high"):
        assert np.array_equal(getattr(some, name), getattr(whole, name)) or getattr(whole, name) is None
    assert some.is_of(f, x, labels)


def test_the_time_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    now, given = [time.monotonic()], []
    monkeypatch.setattr(any_network.time, "monotonic", lambda: now[0])
    real = any_network.decide_regions

    def seen(*arguments: Any, **named: Any) -> Any:
        given.append(named["seconds"])
        now[0] += 100.0
        return real(*arguments, **named | {"seconds": None})

    monkeypatch.setattr(any_network, "decide_regions", seen)
    monkeypatch.setattr(any_network, "_FORMS", 2 * 9)
    f, x = network(3), points(6)
    certify(f, x, f(x).argmax(axis=1), 0.01, np.inf, seconds=1000)
    # A third of 1000 s, half of the 900 s that are left, all of 800 s; less what is kept for the last attack.
    assert np.allclose(given, 0.9 * np.array([1000 / 3, 900 / 2, 800]), rtol=0.02)


def test_a_thousand_classes_take_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    f, x = network(1000), points(120)
    labels = f(x).argmax(axis=1)
    monkeypatch.setattr(any_network, "_FORMS", 2**22)
    tracemalloc.start()
    try:
        found = certify(f, x, labels, 1e-6, np.inf)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.count("certified") > 100
    # The forms of all 120 balls would be 960 MB.
    assert peak < 400e6


def test_a_planted_fault_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    real = joined.np.cumsum
    monkeypatch.setattr(joined.np, "cumsum", lambda a: real(a) * 0)
    with pytest.raises(AssertionError):
        test_some_after_the_other_is_all_at_once(0, "reals", monkeypatch)
