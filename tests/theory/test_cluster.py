"""Work on a cluster of processes, one of which is killed: the same results as here, to the last bit."""

import itertools
import math
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import Client, LocalCluster, WorkerPlugin

from constructions import Memorizer, certify, command, robust_memorizer, separations
from constructions import __main__ as command_line
from constructions.networks.network import Affine, ReLUNetwork
from empirics import LinearData, LinearSample, StagedRecipe, random_direction, sweep_in_stages, sweep_linear
from empirics.gaussian import sweep
from theory import cluster as module
from theory.cluster import connected, in_blocks
from theory.setting.separation import separation, separation_between

SIZE, DIM = 3000, 12


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as connected,
    ):
        yield connected


def sample() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 64, (SIZE, DIM)) / 64 + rng.integers(0, 40, SIZE)[:, None], rng.integers(0, 10, SIZE)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
def test_separation(client: Client, p: float) -> None:
    points, labels = sample()
    points, labels = points[:-1], labels[:-1]
    assert separation(points, labels, p, client=client) == separation(points, labels, p)
    halves = (points[::2], labels[::2], points[1::2], labels[1::2], p)
    assert separation_between(*halves, client=client) == separation_between(*halves)


def test_ties_are_decided_as_here(client: Client) -> None:
    """All pairs have one distance: the first in the order of the points is of another block than the last."""
    points = np.array(list(itertools.product([0.0, 1.0], repeat=11)))
    labels = points.sum(axis=1).astype(int) // 6
    assert separation(points, labels, math.inf, client=client) == separation(points, labels, math.inf)


@pytest.mark.parametrize("arithmetic", ["reals", "float32"])
def test_certificate(client: Client, arithmetic: str) -> None:
    """Some balls by intervals, some by linear relaxation, some refuted."""
    rng = np.random.default_rng(5)
    points = rng.random((1500, 4))
    layers = (
        Affine(rng.standard_normal((8, 4)), rng.standard_normal(8)),
        Affine(rng.standard_normal((3, 8)), np.zeros(3)),
    )
    network = ReLUNetwork(layers)
    balls = network, points, network(points).argmax(axis=1), 0.02, 2
    here, there = (certify(*balls, arithmetic=arithmetic, client=which) for which in (None, client))
    assert 0 < here.count("certified") < 1500
    assert here.lower.tobytes() == there.lower.tobytes()
    assert here.upper.tobytes() == there.upper.tobytes()
    assert (here.status == there.status).all()
    assert (here.method == there.method).all()


class Dies(WorkerPlugin):
    """The first worker that begins a block is killed in it, if nobody left this note before."""

    def __init__(self, note: Path) -> None:
        self.note = note

    def transition(self, key: Any, start: str, finish: str, **kwargs: Any) -> None:
        if finish == "executing":
            try:
                self.note.touch(exist_ok=False)
            except FileExistsError:
                return
            os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def one_killed(client: Client, folder: Path) -> Iterator[None]:
    """A worker is killed at its first block, and there was one."""
    note = folder / "killed"
    client.register_plugin(Dies(note), name="dies")
    try:
        yield
    finally:
        client.unregister_worker_plugin("dies")
    assert note.exists()


def memorizer(p: float, size: int = 2600) -> Memorizer:
    """Every other point is memorized, and some of the indicators are not 1 on all of their balls."""
    rng = np.random.default_rng(2)
    points = rng.random((size, 4))
    points[:, 0] += np.where(points[:, 0] < 0.5, -0.05, 0.05)
    labels = np.where(points[:, 0] < 0.5, -1, 1)
    clean = Affine(np.array([[1.0, 0.0, 0.0, 0.0]]), np.array([-0.5]))
    made = robust_memorizer(points, labels, radius=0.02, p=p, clean=clean, small=range(0, size, 2))
    layers = list(made.network.layers)
    at = 0 if math.isinf(p) else len(made.widths) - 3
    bias = layers[at].bias.copy()
    bias[[3, len(made.small) - 5] if at else [3]] += 0.1
    layers[at] = Affine(layers[at].weight, bias)
    return replace(made, network=ReLUNetwork(tuple(layers), made.network.classes))


@pytest.mark.parametrize(
    ("p", "arithmetic"),
    [(1.0, "reals"), (2.0, "reals"), (3.0, "reals"), (math.inf, "reals"), (2.0, "float64"), (1.0, "float32")],
)
def test_structural_certificate(client: Client, p: float, arithmetic: str) -> None:
    made = memorizer(p)
    here, there = (made.certify(arithmetic, client=which) for which in (None, client))
    proved = here.lower[made.small] == 1
    assert 0 < proved.sum() < len(proved)
    assert len(set(here.lower.tolist())) > 1000
    assert here.seal == there.seal != ""


def test_structural_certificate_with_a_killed_worker(client: Client, tmp_path: Path) -> None:
    made = memorizer(2.0)
    with one_killed(client, tmp_path):
        there = made.certify(client=client)
    assert made.certify().seal == there.seal


def runs() -> list[LinearSample]:
    """Of other N, α and seeds."""
    return [
        LinearData(random_direction(20, k), 10.0 + k, 0.5, 0.5).sample(6 + 5 * (k % 3), k, n_small=3) for k in range(9)
    ]


@pytest.mark.parametrize("killed", [False, True])
def test_sweeps(client: Client, killed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "_RUNS", 2)
    recipe, radii = StagedRecipe(linear_steps=50, steps=20), [0.5 + 0.1 * k for k in range(9)]

    def swept(which: Any) -> tuple[Any, Any]:
        return (
            sweep_linear(runs(), radii, 40, record_at=[7, 40], client=which),
            sweep_in_stages(runs(), radii, 10.0, recipe, record_at=[0, 5], client=which),
        )

    here = swept(None)
    if killed:
        with one_killed(client, tmp_path):
            there = swept(client)
    else:
        there = swept(client)
    (state, records), (other, others) = here[0], there[0]
    assert state.step == other.step == 40
    assert state.w.numpy().tobytes() == other.w.numpy().tobytes()
    for a, b in zip(records, others, strict=True):
        assert [np.asarray(x).tobytes() for x in astuple(a)] == [np.asarray(x).tobytes() for x in astuple(b)]
    for run, same in zip(here[1], there[1], strict=True):
        assert run.records == same.records
        assert astuple(run.conditions) == astuple(same.conditions)
        for name in ("lower", "cosine", "cosine_bound"):
            assert getattr(run, name).tobytes() == getattr(same, name).tobytes()
        for name in ("linear", "weights", "signs"):
            assert getattr(run.model, name).tobytes() == getattr(same.model, name).tobytes()


def slow_sum(shared: tuple[np.ndarray, str], block: int) -> tuple[int, float]:
    """Of some rows; leaves a note that it was begun, by whom."""
    points, folder = shared
    Path(folder, f"{block}-{os.getpid()}").touch()
    time.sleep(0.2)
    return block, float(points[block::10].sum())


def test_a_killed_worker_loses_nothing(client: Client, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    shared = rng.random((1000, 3)), str(tmp_path)
    here = [slow_sum(shared, block) for block in range(10)]
    for note in tmp_path.iterdir():
        note.unlink()
    killed: list[int] = []

    def kill_one() -> None:
        while not killed:
            begun = {int(note.name.split("-")[1]) for note in tmp_path.iterdir()}
            if len(begun) == 2:
                killed.append(min(begun))
                os.kill(killed[0], signal.SIGKILL)
            time.sleep(0.02)

    from threading import Thread

    killer = Thread(target=kill_one)
    killer.start()
    there = in_blocks(slow_sum, shared, range(10), client=client)
    killer.join()
    assert there == here
    owners: dict[str, set[str]] = {}
    for note in tmp_path.iterdir():
        block, worker = note.name.split("-")
        owners.setdefault(block, set()).add(worker)
    # What the killed one had begun was begun again by another.
    assert any(len(workers) > 1 for workers in owners.values())


def test_an_address_is_a_client(client: Client) -> None:
    points, labels = sample()
    assert separation(points, labels, 2, client=client.scheduler.address) == separation(points, labels, 2)


def failing(shared: Any, block: int) -> int:
    raise ValueError(f"no block {block}")


def test_an_error_of_a_block_is_raised_here(client: Client) -> None:
    with pytest.raises(ValueError, match="no block 3"):
        in_blocks(failing, None, [3], client=client)


def aliasing(shared: dict[str, np.ndarray], block: int) -> tuple[bool, float]:
    return shared["a"].flags.writeable, float(shared["b"].sum()) + float(shared["a"][block])


def test_arrays_are_mapped_read_only(client: Client) -> None:
    """Of any order and type, empty ones too."""
    shared = {
        "a": np.asfortranarray(np.arange(6.0).reshape(2, 3)).ravel(order="K"),
        "b": np.ones(3, dtype=np.float32),
        "c": np.empty((0, 4)),
    }
    assert in_blocks(aliasing, shared, [0, 5], client=client) == [(False, 3.0), (False, 8.0)]


def test_the_command_line_works_on_a_cluster(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["digits", "--classes", "3,8", "--radius", "0.1", "--p", "2", "--small", "all"]
    said = []
    for scheduler in ([], ["--scheduler", client.scheduler.address]):
        assert command_line.main([*arguments, *scheduler]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert "357 certified" in said[0]


def test_separations_on_a_cluster(client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, scheduler in (("here", []), ("there", ["--scheduler", client.scheduler.address])):
        file = str(tmp_path / name)
        monkeypatch.setattr(sys, "argv", ["separations", "digits", "--json", file, *scheduler])
        assert separations.main() == 0
    here, there = ((tmp_path / name).read_text() for name in ("here", "there"))
    assert here == there
    assert "1.17924" in here


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("tcp://127.0.0.1:1", "has to answer within 0.5 s, got none at 'tcp://127.0.0.1:1' .*`dask scheduler`"),
        ("127.0.0.1", "an address like tcp://host:8786, .*got none at '127.0.0.1' .*missing port"),
    ],
)
def test_a_scheduler_that_does_not_answer(
    address: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for one in (command, separations):
        monkeypatch.setattr(one, "connected", partial(connected, seconds=0.5))
    assert command_line.main(["digits", "--radius", "0.1", "--p", "2", "--scheduler", address]) == 2
    monkeypatch.setattr(sys, "argv", ["separations", "digits", "--scheduler", address])
    with pytest.raises(SystemExit):
        separations.main()
    errors = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert len(errors) == 2
    assert all(re.search(message, line) for line in errors)


def test_a_scheduler_without_a_worker() -> None:
    with (
        LocalCluster(n_workers=0, processes=True, dashboard_address=":0") as cluster,
        pytest.raises(OSError, match=r"has to have a worker within 0.5 s, got none at 'tcp://.*`dask worker tcp://"),
        connected(cluster.scheduler_address, seconds=0.5),
    ):
        pass


def test_an_address_needs_the_library(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert command_line.main(["digits", "--radius", "0.1", "--p", "2", "--scheduler", "tcp://127.0.0.1:1"]) == 2
    assert "tcp://127.0.0.1:1 needs the library distributed: pip install" in capsys.readouterr().err


def test_a_client_stays_open_and_that_of_an_address_does_not(client: Client) -> None:
    with connected(client) as same:
        assert same is client
    assert client.status == "running"
    with connected(client.scheduler.address) as other:
        assert other.status == "running"
    assert other.status == "closed"
    with connected(None) as none:
        assert none is None


def test_a_worker_that_does_not_see_the_files_says_so(client: Client) -> None:
    with pytest.raises(OSError, match=r"a worker has to see the files .* got no /nowhere/shared on .*TMPDIR"):
        client.submit(module._work, failing, "/nowhere/shared", 0, pure=False).result()
