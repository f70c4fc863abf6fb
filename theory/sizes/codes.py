"""Codes: words of one length over the letters `0, …, q-1` that differ pairwise in at least h places."""

import itertools
import math

import numpy as np
from jaxtyping import Int

from theory.arguments.whole_numbers import read_whole

# Words that `lexicode` goes through, and pairs of words that are compared at once.
_MOST_WORDS = 2**16
_PAIRS = 2**22


def gilbert_varshamov(length: int, distance: int, letters: int = 2) -> int:
    """Some code has at least so many words: `q^n / Σ_{j<h} C(n, j) (q-1)^j`, rounded up.

    While there are fewer, their balls of Hamming radius h - 1 leave a word out, which is added.

    Source: Gilbert (1952); Varshamov (1957).

    Args:
        length: n >= 1.
        distance: h, in 1..n.
        letters: q >= 2.

    Raises:
        ValueError: if an argument is out of range.
    """
    length, distance, letters = _read(length, distance, letters)
    ball, term = 0, 1
    for j in range(distance):
        ball += term
        term = term * (length - j) * (letters - 1) // (j + 1)
    return int(-(-(letters**length) // ball))


def lexicode(length: int, distance: int, letters: int = 2) -> Int[np.ndarray, "K n"]:
    """The words, in lexicographic order, that differ from all taken before in at least h places.

    At least `gilbert_varshamov(length, distance, letters)`, since none can be added.

    Source: Conway, Sloane (1986), Lexicographic codes.

    Args:
        length: n >= 1, with q^n <= 2^16.
        distance: h, in 1..n.
        letters: q >= 2.

    Raises:
        ValueError: if an argument is out of range.
    """
    length, distance, letters = _read(length, distance, letters)
    if letters**length > _MOST_WORDS:
        raise ValueError(f"lexicode needs q^n <= 2^16 words to go through, got q={letters}, n={length}")
    kind = np.int8 if letters <= 2**7 else np.int32
    words = np.array(list(itertools.product(range(letters), repeat=length)), dtype=kind)
    if distance == 1:
        return words
    taken = []
    while len(words):
        taken.append(words[0])
        words = words[(words != words[0]).sum(axis=1) >= distance]
    return np.array(taken)


def heavier_half(words: Int[np.ndarray, "K n"], letters: int = 2) -> Int[np.ndarray, "k n"]:
    """The words of letter sum at least `(q-1)n/2`, or as many of the reflections `q - 1 - c` if these are more.

    At least half of the K words: a word or its reflection is among them. They differ from each other in as many places
    as before, and from the word 0 in at least n/2, as each letter is at most q - 1.

    Args:
        words: K >= 1 of length n, entries 0..q-1.
        letters: q >= 2.

    Raises:
        ValueError: if the words have another shape or another entry.
    """
    letters = read_whole(letters, "letters")
    if words.ndim != 2 or not words.size or words.min() < 0 or words.max() >= letters:
        raise ValueError(f"words need shape (K >= 1, n >= 1) and entries 0..{letters - 1}, got shape {words.shape}")
    sums = 2 * words.sum(axis=1, dtype=np.int64)
    half = (letters - 1) * words.shape[1]
    heavy, light = sums >= half, sums <= half
    return np.asarray(words[heavy] if heavy.sum() >= light.sum() else letters - 1 - words[light])


def least_distance(words: Int[np.ndarray, "K n"]) -> int:
    """In how many places the two words differ that differ in the fewest; n for a single word.

    Args:
        words: K >= 1 of length n.
    """
    count, length = map(int, words.shape)
    # Equal letters of all pairs as matrix products; float32 holds the counts.
    places = [(words == letter).astype(np.float32) for letter in np.unique(words)]
    least, rows = length, max(1, _PAIRS // count)
    for start in range(0, count, rows):
        block = slice(start, start + rows)
        same = np.sum([place[block] @ place.T for place in places], axis=0)
        same[np.arange(len(same)), np.arange(count)[block]] = 0
        least = min(least, length - int(same.max()))
    return least


def root_below(distance: int, p: float) -> float:
    """A float just below `h^{1/p}`, or the power itself where it is a whole number; 1 for p = ∞.

    Points that differ by 1 in at least h places are so far apart in l_p.
    """
    if math.isinf(p) or distance == 1:
        return 1.0
    near = float(distance) ** (1 / p)
    whole = round(near)
    # The rounded power is off by less than the factor for any h below 2^1000.
    return float(whole) if p.is_integer() and whole ** int(p) == distance else near * (1 - 2.0**-40)


def _read(length: int, distance: int, letters: int) -> tuple[int, int, int]:
    length, distance, letters = (
        read_whole(length, "length"),
        read_whole(distance, "distance"),
        read_whole(letters, "letters"),
    )
    if not (1 <= distance <= length and letters >= 2):
        raise ValueError(
            f"a code needs 1 <= distance <= length and letters >= 2, got {length=}, {distance=}, {letters=}"
        )
    return length, distance, letters
