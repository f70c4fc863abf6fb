"""Work on a cluster of processes, one of which is killed: the same results as here, to the last bit."""

import itertools
import math
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import Client, LocalCluster

from constructions import certify
from constructions.networks.network import Affine, ReLUNetwork
from theory.cluster import in_blocks
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
