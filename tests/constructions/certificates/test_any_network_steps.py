"""The front door: its steps, what time it takes, what it leaves, and who works."""

import math
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from constructions import certify
from constructions.certificates import any_network, decision
from tests.constructions.certificates.answers import EVERY, LINE, deep, some_balls
from theory.balls.regions import balls
from theory.balls.relaxation import margin_lower_bound
from theory.balls.violations import margin_violations


def test_what_the_linear_bound_proves_is_proved_and_more() -> None:
    network = deep(3, 4, 24, 24, 24, 4)
    points, labels = some_balls(network, 60)
    for p, radius in ((math.inf, 0.15), (2.0, 0.25), (1.0, 0.4)):
        alone = margin_lower_bound(network.layers, points, labels, radius, p)
        quick, long = (certify(network, points, labels, radius, p, seconds=s) for s in (None, 60))
        assert not ((alone > 0) & ~quick.certified).any()
        assert not (quick.certified & ~long.certified).any()
        assert 0 < (alone > 0).sum() < long.count("certified")
        assert not long.untried
        left = np.flatnonzero(quick.status == "undecided").tolist()
        assert sorted(quick.untried) == left
        assert len(left)
        assert set(quick.untried.values()) == {"splitting: give seconds="}
        assert f"; of {len(left)} undecided: splitting: give seconds=" in str(quick)
        assert set(long.method[long.certified].tolist()) > {"linear", "splitting"}
        assert set(long.method[long.status == "refuted"].tolist()) <= {"attack", "splitting"}


def test_the_upper_bound_of_a_refuted_ball_is_the_margin_at_its_witness() -> None:
    network = deep(3, 4, 24, 24, 24, 4)
    points, labels = some_balls(network, 60)
    found = certify(network, points, labels, 0.4, np.inf)
    assert found.counterexamples
    for i, x in found.counterexamples.items():
        outputs = network(x[None])[0]
        margin = outputs[labels[i]] - np.delete(outputs, labels[i]).max()
        assert math.isclose(found.upper[i], min(margin, 0.0), rel_tol=1e-9, abs_tol=1e-12)


def test_half_a_promise_is_given_more_often_than_a_whole_one() -> None:
    network = deep(3, 4, 24, 24, 24, 4)
    points, labels = some_balls(network, 60)
    task = network.layers, balls(points, 0.15, np.inf), margin_violations(labels, 4)
    whole, half = decision.is_promising(*task), decision.is_promising(*task, share=0.5)
    assert not (whole & ~half).any()
    assert 0 < whole.sum() < half.sum() < len(points)


def test_no_time_and_little_time_end_early() -> None:
    """A search of hours otherwise; generous, because machines are busy."""
    network = deep(0, 12, 80, 80, 80, 80, 4)
    points, labels = some_balls(network, 40)
    for seconds in (0, 2):
        started = time.monotonic()
        found = certify(network, points, labels, 0.2, np.inf, seconds=seconds)
        assert time.monotonic() - started < 60
        undecided = np.flatnonzero(found.status == "undecided").tolist()
        assert sorted(found.untried) == undecided
        assert all("the time was over" in why for why in found.untried.values())
        assert found.seconds.sum() < 60
    assert undecided


def test_the_deadline_reaches_every_step_and_the_last_attack(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: a search that takes no notice of the time would be given more than there is."""
    given: list[float] = []
    for module, name in ((decision, "gradient_attack"), (any_network, "real_witnesses")):
        old = getattr(module, name)

        def noted(*arguments: Any, _old: Callable[..., Any] = old, **named: Any) -> Any:
            given.append(named.get("deadline", math.inf) - time.monotonic())
            return _old(*arguments, **named)

        monkeypatch.setattr(module, name, noted)
    for name in ("slope_lower_bounds", "split_inputs", "split_relus"):
        old = getattr(decision, name)

        def limited(*arguments: Any, _old: Callable[..., Any] = old, **named: Any) -> Any:
            given.append(math.inf if named["seconds"] is None else named["seconds"])
            return _old(*arguments, **named)

        monkeypatch.setattr(decision, name, limited)
    network = deep(0, 12, 40, 40, 40, 4)
    points, labels = some_balls(network, 10)
    found = certify(network, points, labels, 0.2, np.inf, seconds=5)
    assert found.untried
    assert len(given) >= 4
    assert max(given) <= 5
    given.clear()
    certify(network, points, labels, 0.2, np.inf)
    assert max(given) == math.inf


def test_steps_that_take_long_are_left_out_without_seconds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision, "ALLOWED", 1.0)
    network = deep()
    points, labels = some_balls(network, 30)
    found = certify(network, points, labels, 0.1, np.inf)
    assert set(found.method.tolist()) <= {"interval", "attack"}
    assert found.untried
    assert all(re.fullmatch(r"linear relaxation: about \d+ minutes for \d+ regions, give seconds=", why)
               for why in found.untried.values())  # fmt: skip
    assert "linear" in certify(network, points, labels, 0.1, np.inf, seconds=30).method


def test_the_seed_is_that_of_the_attacks() -> None:
    network = deep()
    points, labels = some_balls(network, 10)
    one, two = (certify(network, points, labels, 0.2, np.inf, seed=s) for s in (0, 0))
    assert one.seal == two.seal
    assert certify(network, points, labels, 0.2, np.inf, seed=5).status.tolist() == one.status.tolist()


def test_progress_is_said_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    network = deep()
    points, labels = some_balls(network, 10)
    certify(network, points, labels, 0.15, np.inf, seconds=5)
    assert capsys.readouterr() == ("", "")
    certify(network, points, labels, 0.15, np.inf, seconds=5, progress=True)
    out, said = capsys.readouterr()
    assert out == ""
    for step in ("attack of", "linear relaxation of", "a search for slopes of", "splitting of"):
        assert step in said


def test_a_scheduler_that_is_not_there_is_named() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(OSError, match="a scheduler, at an address like"):
        certify(LINE, np.zeros((1, 1)), np.array([-1]), 0.1, np.inf, client="nowhere")


@pytest.fixture(scope="module")
def workers() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.parametrize("arithmetic", EVERY)
def test_workers_give_the_same_certificate(workers: Any, arithmetic: str) -> None:
    network = deep(1, 2, 6, 6, 2)
    points, labels = some_balls(network, 8)
    here, there = (
        certify(network, points, labels, 0.05, np.inf, arithmetic=arithmetic, client=c) for c in (None, workers)
    )
    assert here.seal == there.seal
