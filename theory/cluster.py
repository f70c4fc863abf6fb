"""Work in blocks, here or on a Dask cluster: the same blocks, and so the same results to the last bit.

What all blocks share (points, a projection of them, a network) is written once, to a file that every worker maps into
its memory; a task is the number of a block. So a worker needs the file system of the folder and no more memory than it
touches, nothing large passes through the scheduler, and what a lost worker had done or was doing is done again by
another. The default folder is the one for temporary files, which workers of other machines have to see: the environment
variable TMPDIR names it.

The size of ImageNet, n = 1,281,167 images of d = 150,528 numbers, as separation: 1,252 blocks of rows; points as
float64 take 1.5 TB (as a memory map of the file system), the projections on 32 directions in float32 0.35 GB a worker
and 2 · 34 · n² / 2 = 5.6e13 multiplications, some 20 minutes of one core; what takes time is to read all points once,
for the projections. For p = ∞ the tables of 128 coordinates take 64 · 128 · n / 8 bytes = 1.3 GB a worker.
"""

import mmap
import pickle
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from socket import gethostname
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import track

_Shared = TypeVar("_Shared")
_Block = TypeVar("_Block")
_Result = TypeVar("_Result")
# Arrays begin at multiples of this, as numpy's own do.
_ALIGNED = 64


def in_blocks(
    work: Callable[[_Shared, _Block], _Result],
    shared: _Shared,
    blocks: Sequence[_Block],
    *,
    client: Any = None,
    folder: str | None = None,
    progress: str | None = None,
) -> list[_Result]:
    """`[work(shared, block) for block in blocks]`, in this process or by the workers of a cluster.

    Args:
        work: a function of a module that the workers can import; it depends on its arguments alone.
        shared: what every block needs; arrays in it are read-only for the workers.
        blocks: small.
        client: a `distributed.Client`, the address of a scheduler such as "tcp://host:8786", or None for this process.
        folder: where all workers can read a file that is written here; None for the one for temporary files.
        progress: what a bar on stderr is called, or None for no bar.

    Raises:
        ImportError, OSError: as `connected`.
        distributed.KilledWorker: if a block has lost several workers.
    """
    if client is None and progress is None:
        # A bar that is not shown starts a thread all the same.
        return [work(shared, block) for block in blocks]
    bar = {"description": progress or "", "disable": progress is None, "console": Console(stderr=True)}
    if client is None:
        return [work(shared, block) for block in track(blocks, **bar)]  # type: ignore[arg-type]
    with connected(client) as workers, tempfile.TemporaryDirectory(dir=folder) as name:
        from distributed import as_completed

        path = str(Path(name) / "shared")
        _write(shared, path)
        # Not pure: a result of an earlier call with a file of the same name is another one.
        futures = workers.map(_work, [work] * len(blocks), [path] * len(blocks), list(blocks), pure=False)
        for _ in track(as_completed(futures), total=len(futures), **bar):  # type: ignore[arg-type]
            pass
        return list(workers.gather(futures))


@contextmanager
def connected(client: Any, *, seconds: float = 10.0) -> Iterator[Any]:
    """A client of the scheduler at an address, which has a worker; it is closed at the end.

    Args:
        client: the address, such as "tcp://host:8786"; a client, or None, is given back as it is, and stays open.
        seconds: how long to wait for the scheduler, and then for the worker.

    Raises:
        ImportError: if there is an address and the library distributed is not installed.
        OSError: if no scheduler answers there, or none that has a worker.
    """
    if not isinstance(client, str):
        yield client
        return
    try:
        from distributed import Client
        from distributed.comm.addressing import get_address_host_port
    except ImportError as error:
        raise ImportError(
            f"the scheduler {client} needs the library distributed: pip install distributed, or leave it out"
        ) from error
    try:
        # First, as a client without a host cannot be closed.
        get_address_host_port(client)
        workers = Client(client, timeout=seconds)
    except (OSError, ValueError) as error:
        raise OSError(
            f"a scheduler, at an address like tcp://host:8786, has to answer within {seconds:g} s, got none at "
            f"{client!r} ({error}): start one by `dask scheduler`, or leave it out"
        ) from error
    with workers:
        try:
            workers.wait_for_workers(1, timeout=seconds)
        except TimeoutError as error:
            raise OSError(
                f"a scheduler has to have a worker within {seconds:g} s, got none at {client!r}: start one by "
                f"`dask worker {client}`"
            ) from error
        yield workers


def _work(work: Callable[[Any, Any], Any], path: str, block: Any) -> Any:
    return work(_read(path), block)


def _write(shared: Any, path: str) -> None:
    """Pickled, with the arrays beside it, so that they can be mapped."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(shared, protocol=5, buffer_callback=buffers.append)
    raw = [buffer.raw() for buffer in buffers]
    starts, end = [], 0
    for part in raw:
        starts.append(end)
        end += -(-part.nbytes // _ALIGNED) * _ALIGNED
    Path(f"{path}.head").write_bytes(pickle.dumps((head, starts, [part.nbytes for part in raw])))
    with open(path, "wb") as file:
        for start, part in zip(starts, raw, strict=True):
            file.seek(start)
            file.write(part)
        file.truncate(max(end, 1))


@lru_cache(maxsize=2)
def _read(path: str) -> Any:
    try:
        head, starts, sizes = pickle.loads(Path(f"{path}.head").read_bytes())
    except FileNotFoundError as error:
        raise OSError(
            f"a worker has to see the files of the process that it works for, got no {path} on {gethostname()}: name a "
            "folder of a shared file system there, as TMPDIR"
        ) from error
    with open(path, "rb") as file:
        # Closed when no array needs it any more.
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    parts = [mapped[start : start + size] for start, size in zip(starts, sizes, strict=True)]
    return pickle.loads(head, buffers=parts)
