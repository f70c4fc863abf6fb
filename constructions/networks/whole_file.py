"""Files that are whole or as they were before, whatever happens while they are written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A path beside the given one, of the same ending, to write to: moved there if the block ends, removed if it fails.

    Args:
        path: of the file to be written or replaced.
    """
    target = Path(path)
    # Of one name, so that what a killed process left is written over.
    partial = target.with_name(f".partial-{target.name}")
    try:
        yield partial
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: str | os.PathLike[str], text: str) -> None:
    """Write a text, all of it or nothing."""
    with replacing(path) as partial:
        partial.write_text(text)
