"""Threads: what is set is what is said, and nothing but a count >= 1 is taken."""

import os
from collections.abc import Iterator

import pytest
import torch

from empirics.images.training.threads import passive_environment, threads


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    count = torch.get_num_threads()
    yield
    torch.set_num_threads(count)


def test_what_is_set_is_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert str(threads(2)) == "2 threads, waiting: spinning (set OMP_WAIT_POLICY=PASSIVE)"
    assert torch.get_num_threads() == 2
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    assert str(threads(1)) == "1 thread, waiting: passive"
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(("given", "count"), [("3", 3), ("", 4), ("0", 4)])
def test_the_default_does_not_depend_on_the_load(given: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    for load in (0.0, 9.0):
        monkeypatch.setattr(os, "getloadavg", lambda load=load: (load, 0.0, 0.0), raising=False)
        assert threads().count == count
        assert torch.get_num_threads() == count


def test_no_thread_is_refused() -> None:
    for count in (0, -1):
        with pytest.raises(ValueError, match=f"threads must be >= 1, got {count}"):
            threads(count)


def test_a_policy_that_is_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert passive_environment() == {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert passive_environment()["OMP_WAIT_POLICY"] == "ACTIVE"
