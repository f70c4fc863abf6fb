"""Short keys of binary codes: folded integer sums of bits in which the exceptions meet no point of another label."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from constructions.bits.wiring import Form, Wiring
from theory.errors import AssumptionError

# Longest keys, the share of the bits that a first key has, and changes of a weight that are tried for each length.
_LONGEST, _SHARE, _TRIES = 48, 0.2, 1500


@dataclass(frozen=True, eq=False)
class Key:
    """The distance of `Σ a_j s_j` from the nearest multiple of `2^{bits + 1}`, for bits s.

    The fold makes keys nearly uniform on 0, …, 2^bits, where sums are dense in the middle.

    Attributes:
        weights: a >= 0.
        bits: length of the key.
        folds: how often a sum is folded, at `2^{bits + folds - 1}` first, at `2^bits` last.
    """

    weights: Int[np.ndarray, " k"]
    bits: int
    folds: int

    def of(self, code: Bool[np.ndarray, "n k"]) -> Int[np.ndarray, " n"]:
        """The keys of codes."""
        return _folded(code.astype(np.int64) @ self.weights, self.bits)

    def wire(self, wiring: Wiring, value: Form, rider: Form) -> tuple[Form, Form]:
        """The layers that fold a sum, and carry another number along; one neuron for each."""
        for power in reversed(range(self.bits, self.bits + self.folds)):
            value, fold, rider = wiring.relu(value, value - (1 << power), rider)
            value = value - fold * 2
        value, rider = wiring.relu(value, rider)
        return value, rider

    def wired_nonzero(self, rider_terms: int) -> int:
        """Non-zeros of those layers: the sum is one neuron, and each later value a form of two."""
        return 6 * self.folds + rider_terms if self.folds else 1 + rider_terms


def short_key(
    code: Bool[np.ndarray, "n k"], labels: Int[np.ndarray, " n"], exceptional: Bool[np.ndarray, " n"], seed: int
) -> Key:
    """A key in which no exception has that of a point with another label.

    Random weights, long enough; then shorter ones, and changes of one at a time that leave no more conflicts, until a
    length is reached at which some stay.

    Raises:
        AssumptionError: if the longest random ones do not separate.
    """
    rng = np.random.default_rng(seed)
    columns = np.ascontiguousarray(code.T).astype(np.int64)
    bits = min(2 * len(code).bit_length(), _LONGEST)
    start = rng.integers(1, 2 << bits, len(columns)) * (rng.random(len(columns)) < _SHARE)
    weights = _without_conflicts(start, columns, labels, exceptional, bits, rng)
    if weights is None:
        raise AssumptionError("a key needs codes that differ wherever labels do, got an exception with two labels")
    while bits > 1:
        shorter = _without_conflicts(weights // 2, columns, labels, exceptional, bits - 1, rng)
        if shorter is None:
            break
        weights, bits = shorter, bits - 1
    largest = int((weights @ columns).max())
    return Key(weights, bits, max(0, largest.bit_length() - bits))


def _folded(values: Int[np.ndarray, " n"], bits: int) -> Int[np.ndarray, " n"]:
    behind = values % (2 << bits)
    return np.asarray(np.minimum(behind, (2 << bits) - behind))


def _without_conflicts(
    weights: np.ndarray,
    columns: np.ndarray,
    labels: np.ndarray,
    exceptional: np.ndarray,
    bits: int,
    rng: np.random.Generator,
) -> np.ndarray | None:
    """Weights of a key of so many bits, near the given ones; None if the tries were too few."""
    sums = weights @ columns
    left = _conflicts(_folded(sums, bits), labels, exceptional)
    for _ in range(_TRIES):
        if not len(left):
            return weights
        # A bit in which two points differ that should have different keys.
        first, second = left[rng.integers(len(left))]
        differing = np.flatnonzero(columns[:, first] != columns[:, second])
        if not len(differing):
            return None
        j = int(rng.choice(differing))
        change = int(rng.integers(1, 2 << bits)) - int(weights[j])
        moved = sums + change * columns[j]
        after = _conflicts(_folded(moved, bits), labels, exceptional)
        if len(after) <= len(left):
            weights, sums, left = weights.copy(), moved, after
            weights[j] += change
    return None if len(left) else weights


def _conflicts(key: np.ndarray, labels: np.ndarray, exceptional: np.ndarray) -> Int[np.ndarray, "k 2"]:
    """Pairs of points of one key and different labels, the second an exception."""
    chosen = np.flatnonzero(exceptional)
    own, where = np.unique(key[chosen], return_index=True)
    position = np.minimum(np.searchsorted(own, key), len(own) - 1)
    same = np.flatnonzero(own[position] == key)
    partner = chosen[where[position[same]]]
    apart = labels[same] != labels[partner]
    return np.stack([same[apart], partner[apart]], axis=1)
