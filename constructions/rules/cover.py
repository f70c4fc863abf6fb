"""Conjunctions of literals that are true on many points of a class and false on all points of the others."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt64

from constructions.rules.literals import Literals
from constructions.rules.packed import count, pack, some, unpack

# Points of other classes that are seen to choose a literal.
_SAMPLE = 600
# So many that are left are gathered.
_FEW = 1024
_BLOCK = 1024


@dataclass(frozen=True)
class Taste:
    """What a literal is worth, in logarithms of numbers of points.

    Attributes:
        length: price of one more literal.
        neuron: price of a non-zero of a neuron that no rule has yet.
    """

    length: float
    neuron: float


class Cover:
    """The points of one class that are to be covered, and those of the others, in which rules have to be false.

    `own` are numbers of points, of which rules are asked to be true on many; `others` those on which they must be
    false. Truth values of a rule are packed, over `own`.
    """

    def __init__(
        self, literals: Literals, own: Int[np.ndarray, " m"], others: Int[np.ndarray, " k"], rng: np.random.Generator
    ) -> None:
        self.own, self.others, self._rng = own, rng.permutation(others), rng
        self._size = len(literals)
        self._true = _gathered(literals, own)
        # In random order, so that any stretch of words is a random sample.
        self._false = _gathered(literals, self.others)[np.arange(self._size) ^ 1]
        self._own_rows, self._other_rows = literals.by_point[own], literals.by_point[self.others]
        self._all = some(len(others), slice(None))

    def covered(self, rule: list[int]) -> UInt64[np.ndarray, " words"]:
        """On which of `own` the rule is true."""
        return np.asarray(np.bitwise_and.reduce(self._true[rule], axis=0))

    def rule(
        self, seed: int, wanted: UInt64[np.ndarray, " words"], taste: Taste, price: Float[np.ndarray, " literals"]
    ) -> list[int]:
        """A rule that is true on `own[seed]`, found greedily.

        The literal taken next has the best ratio of what it rejects of the others, `-log(share left)`, to its price and
        what it loses of the wanted points, `-log(share left)`.

        Args:
            seed: place in `own`.
            wanted: of `own`, which count.
            taste: prices.
            price: of the neuron that each literal reads, 0 if there is one.

        Raises:
            Inseparable: if no literal tells the seed from some of the others.
        """
        candidates = np.flatnonzero(self._unpacked(self._own_rows[seed][None])[0])
        false, true = self._false[candidates], self._true[candidates]
        cost = taste.length + taste.neuron * price[candidates]
        alive, left, gathered = self._all, len(self.others), False
        rule: list[int] = []
        while left:
            if not gathered and left <= _FEW:
                places = np.flatnonzero(unpack(alive, len(self.others)))
                rows = self._unpacked(self._other_rows[places])
                false = pack(rows[:, candidates ^ 1].T)
                alive, gathered = some(left, slice(None)), True
            stretch = self._stretch(alive, left, gathered)
            seen = alive[stretch]
            total = int(count(seen))
            if not total:
                continue
            rejected = count(false[:, stretch] & seen)
            kept, before = count(true & wanted), max(int(count(wanted)), 1)
            gain = -np.log(1 - rejected / total + 0.3 / total)
            value = gain / (cost - np.log(np.maximum(kept, 1) / before))
            value[rejected == 0] = -np.inf
            best = int(value.argmax()) if len(value) else 0
            if not len(value) or not rejected[best]:
                if stretch.stop - stretch.start < len(alive):
                    continue
                rest = np.flatnonzero(unpack(alive, 64 * len(alive)))
                raise Inseparable(int(self.own[seed]), self.others[places[rest] if gathered else rest])
            alive, wanted = alive & ~false[best], wanted & true[best]
            left = int(count(alive))
            rule.append(int(candidates[best]))
        return self.shortened(rule, wanted)

    def shortened(self, rule: list[int], wanted: UInt64[np.ndarray, " words"]) -> list[int]:
        """Without the literals that it does not need, those first whose absence wins most of the wanted points."""
        rule = list(rule)
        while len(rule) > 1:
            needed = count(self._false[rule] & ~self._twice(rule))
            free = np.flatnonzero(needed == 0)
            if not len(free):
                break
            rests = [rule[:k] + rule[k + 1 :] for k in free.tolist()]
            rule = max(rests, key=lambda rest: int(count(self.covered(rest) & wanted)))
        return rule

    def exchanged(
        self, rule: list[int], wanted: UInt64[np.ndarray, " words"], price: Float[np.ndarray, " literals"]
    ) -> list[int]:
        """With other literals that reject what these reject alone, and are true on more of the wanted points."""
        rule = list(rule)
        for _ in range(2):
            changed = False
            k = 0
            while k < len(rule):
                alone = self._false[rule[k]] & ~self._twice(rule)
                places = np.flatnonzero(unpack(alone, len(self.others)))
                rest = rule[:k] + rule[k + 1 :]
                # A literal rejects where its opposite is true.
                rejects = self._unpacked(np.bitwise_and.reduce(self._other_rows[places], axis=0)[None])[0]
                candidates = np.flatnonzero(rejects) ^ 1
                among = wanted & self.covered(rest) if rest else wanted
                # First by points, then by price.
                kept = count(self._true[candidates] & among) - price[candidates] / (1 + price.max())
                best = int(kept.argmax())
                if kept[best] > kept[candidates == rule[k]][0]:
                    rule[k], changed = int(candidates[best]), True
                k += 1
            if not changed:
                break
            rule = self.shortened(rule, wanted)
        return rule

    def _twice(self, rule: list[int]) -> UInt64[np.ndarray, " words"]:
        """Which of the others at least two literals of the rule reject."""
        once, twice = np.zeros_like(self._all), np.zeros_like(self._all)
        for false in self._false[rule]:
            twice |= once & false
            once |= false
        return twice

    def _stretch(self, alive: np.ndarray, left: int, gathered: bool) -> slice:
        words = len(alive)
        length = words if gathered else min(words, max(4, -(-_SAMPLE * words // left)))
        start = int(self._rng.integers(0, words - length + 1))
        return slice(start, start + length)

    def _unpacked(self, rows: np.ndarray) -> Bool[np.ndarray, "m literals"]:
        return np.unpackbits(rows, axis=1, count=self._size).view(bool)


class Inseparable(Exception):
    """No literal is true on the ball of a point and false on that of any of the others."""

    def __init__(self, point: int, others: Int[np.ndarray, " m"]) -> None:
        super().__init__(point, others)
        self.point, self.others = point, others


def _gathered(literals: Literals, chosen: Int[np.ndarray, " m"]) -> UInt64[np.ndarray, "literals words"]:
    """The truth values of the literals on the chosen points."""
    size = len(literals)
    result = np.zeros((size, -(-len(chosen) // 64)), dtype=np.uint64)
    for start in range(0, len(chosen), 64 * _BLOCK):
        rows = literals.by_point[chosen[start : start + 64 * _BLOCK]]
        words = pack(np.unpackbits(rows, axis=1, count=size).view(bool).T)
        result[:, start // 64 : start // 64 + words.shape[1]] = words
    return result
