"""Truth values, 64 to a word: conjunctions and counts of many at once."""

import numpy as np
from jaxtyping import Bool, Int, UInt64


def pack(rows: Bool[np.ndarray, "k n"]) -> UInt64[np.ndarray, "k words"]:
    """The rows, each padded by False to whole words."""
    size, width = rows.shape
    padded = np.zeros((size, -(-width // 64) * 64), dtype=bool)
    padded[:, :width] = rows
    return np.packbits(padded, axis=1, bitorder="little").view(np.uint64)


def unpack(words: UInt64[np.ndarray, "*k words"], width: int) -> Bool[np.ndarray, "*k n"]:
    """The first `width` truth values of each row."""
    result: np.ndarray = np.unpackbits(words.view(np.uint8), axis=-1, count=width, bitorder="little").view(bool)
    return result


def some(width: int, chosen: Int[np.ndarray, " m"] | slice) -> UInt64[np.ndarray, " words"]:
    """One row that is True at the chosen places."""
    row = np.zeros((1, width), dtype=bool)
    row[0, chosen] = True
    return np.asarray(pack(row)[0])


def count(words: UInt64[np.ndarray, "*k words"]) -> Int[np.ndarray, "*k"]:
    """How many of each row are True."""
    return np.asarray(np.bitwise_count(words).sum(axis=-1, dtype=np.int64))
