"""The search for an ordered list of rules, level by level."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from constructions.networks.whole_file import write_whole
from constructions.rules.cover import Cover, Inseparable, Taste
from constructions.rules.literals import Addition, Candidates, Literals
from constructions.rules.packed import count, some, unpack
from theory.errors import AssumptionError

_LENGTHS = (0.5, 0.7, 1.0)
_NEURON = 0.3
# Points that the best rules cover at least for a non-zero, in the last levels but one.
_LEAST = 0.3
# Points that literals are made enough for before the search.
_LOOKED_AT = 1_000
# Failures in a row after which a class has no more rules for a level.
_PATIENCE = 10


@dataclass(frozen=True)
class Rule:
    """A conjunction of literals that says a class.

    Attributes:
        level: 0 is decided first.
        code: of its class.
        literals: numbers of the literals.
    """

    level: int
    code: int
    literals: tuple[int, ...]


@dataclass
class RuleList:
    """What a search has found.

    Attributes:
        rules: of all levels below `level`.
        level: that is next.
        default: the class of all points that the rules leave, once it is known.
        pairs: of points for which a direction was added.
    """

    rules: list[Rule] = field(default_factory=list)
    level: int = 0
    default: int | None = None
    pairs: list[tuple[int, int]] = field(default_factory=list)


class Unfinished(TimeoutError):
    """A search ran out of the seconds that it was given."""


def find_rules(
    candidates: Candidates,
    thresholds: int,
    codes: Int[np.ndarray, " n"],
    *,
    levels: int,
    tries: int,
    seed: int,
    deadline: float,
    state: "State",
    report: Callable[[int, int], None],
) -> tuple[RuleList, Literals]:
    """Rules such that every point of a class other than the last has one that is true on its ball.

    The points that no rule of the levels before covers are *open* at a level. Its rules are false on all open points of
    other classes, and true on many of their own: at least `θ` for each non-zero, θ falling from level to level, so
    that first come rules with many points, and what they cover need not be rejected by the rest. In the last level
    all open points are covered but those of the class with the most; where no literal tells two of them from each
    other, a direction that does is added.

    Args:
        candidates: forms of the literals.
        thresholds: for each form, at most, to begin with.
        codes: classes of the points.
        levels: at most.
        tries: rules from which each is chosen, grown from random points.
        seed: of these, and of the samples by which literals are chosen.
        deadline: of `time.monotonic`.
        state: where finished levels are kept.
        report: is told the level and the number of open points.

    Raises:
        Unfinished: after the deadline.
        AssumptionError: if no literal tells two points of different classes from each other.
    """
    found = state.load()
    literals = candidates.literals(thresholds)
    if found.pairs:
        literals = literals.extended([_told_apart(candidates, i, j) for i, j in found.pairs])
    else:
        literals, found.pairs = _enough(candidates, literals, codes, seed, deadline)
    open_points = _left_open(literals, codes, found.rules)
    most = max(int(n) for n in np.unique(codes, return_counts=True)[1])
    # Of few points a class they are all the same, and one will do.
    falling = np.unique(np.geomspace(max(_LEAST, most / 100), _LEAST, levels - 1))[::-1]
    efficiency = [*falling.tolist(), 0.0]
    while found.default is None:
        report(found.level, int(open_points.sum()))
        last = found.level == len(efficiency) - 1 or len(np.unique(codes[open_points])) < 2
        try:
            new, default = _level(
                literals, codes, open_points, found, last, efficiency[found.level], seed, tries, deadline
            )
        except TimeoutError as error:
            raise Unfinished(state.message(found, codes, open_points)) from error
        except Inseparable as pair:
            additions, pairs = _additions(candidates, pair.point, pair.others)
            literals = literals.extended(additions)
            found.pairs += pairs
            continue
        found.rules += new
        open_points &= _left_open(literals, codes, new)
        found.level += 1
        found.default = default
        state.save(found)
    return found, literals


def _level(
    literals: Literals,
    codes: Int[np.ndarray, " n"],
    open_points: Bool[np.ndarray, " n"],
    found: RuleList,
    last: bool,
    efficiency: float,
    seed: int,
    tries: int,
    deadline: float,
) -> tuple[list[Rule], int | None]:
    """The rules of one level, and if it is the last the class that is left."""
    classes, sizes = np.unique(codes[open_points], return_counts=True)
    default = None
    if last:
        default = int(classes[sizes.argmax()]) if len(classes) else int(codes[0])
    used = np.zeros(len(literals), dtype=bool)
    for rule in found.rules:
        used[_neurons(rule.literals)] = True
    rng = np.random.default_rng([seed, found.level])
    new: list[Rule] = []
    for code in classes.tolist():
        if code == default:
            continue
        own, others = np.flatnonzero(open_points & (codes == code)), np.flatnonzero(open_points & (codes != code))
        search = _ClassSearch(literals, Cover(literals, own, others, rng), used, rng, tries, deadline)
        new += [Rule(found.level, code, rule) for rule in search.run(efficiency, whole=last)]
    return new, default


def _enough(
    candidates: Candidates, literals: Literals, codes: Int[np.ndarray, " n"], seed: int, deadline: float
) -> tuple[Literals, list[tuple[int, int]]]:
    """With directions such that some random points are told from all of other classes, and the pairs they are of."""
    additions: list[Addition] = []
    pairs: list[tuple[int, int]] = []
    for i in np.random.default_rng(seed).permutation(len(codes))[:_LOOKED_AT].tolist():
        left = (codes != codes[i]) & ~unpack(literals.rejected(i), len(codes))
        for a in additions:
            left &= ~(a.low if a.high[i] else a.high if a.low[i] else np.zeros_like(left))
        if time.monotonic() > deadline:
            break
        more, of = _additions(candidates, i, np.flatnonzero(left))
        additions += more
        pairs += of
    return literals.extended(additions), pairs


def _additions(
    candidates: Candidates, i: int, others: Int[np.ndarray, " m"]
) -> tuple[list[Addition], list[tuple[int, int]]]:
    """Directions that tell a point from others, each made for the nearest that is left, and the pairs they are of."""
    additions: list[Addition] = []
    pairs: list[tuple[int, int]] = []
    distances = np.linalg.norm(candidates.points[others] - candidates.points[i], ord=candidates.p, axis=1)
    left = others[np.argsort(distances, kind="stable")]
    while len(left):
        j = int(left[0])
        found = _told_apart(candidates, i, j)
        additions.append(found)
        pairs.append((i, j))
        left = left[~(found.low if found.high[i] else found.high)[left]]
    return additions, pairs


def _told_apart(candidates: Candidates, i: int, j: int) -> Addition:
    found = candidates.separating(i, j)
    if found is None:
        room = 2 * candidates.radius + candidates.shell
        raise AssumptionError(
            f"rules need points with different labels 2 * radius + shell = {room!r} apart with room for rounding, got "
            f"points {i} and {j}, which are not: take a smaller shell"
        )
    return found


class _ClassSearch:
    """Rules of one class at one level."""

    def __init__(
        self,
        literals: Literals,
        cover: Cover,
        used: Bool[np.ndarray, " literals"],
        rng: np.random.Generator,
        tries: int,
        deadline: float,
    ) -> None:
        self._cover, self._used, self._rng, self._tries, self._deadline = cover, used, rng, tries, deadline
        self._costs = np.repeat(literals.directions.neuron_cost, 2).astype(np.float64)

    def run(self, threshold: float, *, whole: bool) -> list[tuple[int, ...]]:
        """Rules of at least so many points a non-zero; with `whole` so many rules that every point has one."""
        size = len(self._cover.own)
        wanted = some(size, slice(None))
        rules: list[list[int]] = []
        failures = 0
        while (whole or failures < _PATIENCE) and len(places := np.flatnonzero(unpack(wanted, size))):
            value, rule = self._best(places, wanted, whole)
            if value < threshold:
                failures += 1
                continue
            failures = 0
            wanted = wanted & ~self._cover.covered(rule)
            self._used[_neurons(rule)] = True
            rules.append(rule)
        return [tuple(rule) for rule in self._without_needless(rules)]

    def _best(self, places: np.ndarray, wanted: np.ndarray, whole: bool) -> tuple[float, list[int]]:
        """The rule with most wanted points a non-zero, of some grown from random points of them."""
        found: list[tuple[float, list[int]]] = []
        for seed in self._rng.choice(places, min(self._tries, len(places)), replace=False).tolist():
            if time.monotonic() > self._deadline:
                raise TimeoutError
            price = self._prices()
            taste = Taste(float(self._rng.choice(_LENGTHS)), _NEURON)
            try:
                rule = self._cover.exchanged(self._cover.rule(seed, wanted, taste, price), wanted, price)
            except Inseparable:
                if whole:
                    raise
                continue
            cost = len(rule) + 1 + price[rule].sum()
            found.append((int(count(self._cover.covered(rule) & wanted)) / cost, rule))
        return max(found, key=lambda pair: pair[0], default=(-1.0, []))

    def _prices(self) -> Float[np.ndarray, " literals"]:
        return np.where(self._used[np.arange(len(self._used)) ^ 1], 0.0, self._costs)

    def _without_needless(self, rules: list[list[int]]) -> list[list[int]]:
        """Without rules all of whose points have another, the longest first."""
        if not rules:
            return rules
        covered = np.stack([self._cover.covered(rule) for rule in rules])
        times = unpack(covered, len(self._cover.own)).sum(axis=0)
        kept = set(range(len(rules)))
        for k in sorted(kept, key=lambda k: -len(rules[k])):
            mine = unpack(covered[k], len(self._cover.own))
            if times[mine].min(initial=2) > 1:
                times[mine] -= 1
                kept.remove(k)
        return [rules[k] for k in sorted(kept)]


@dataclass(frozen=True)
class State:
    """The file in which a search keeps its finished levels, if it has one, and for which search it is."""

    path: Path | None
    key: str

    @classmethod
    def at(cls, path: str | os.PathLike[str] | None, key: str) -> "State":
        return cls(None if path is None else Path(path), key)

    def load(self) -> RuleList:
        """What was found before.

        Raises:
            ValueError: if the file is another's.
        """
        if self.path is None or not self.path.exists():
            return RuleList()
        try:
            stored: dict[str, Any] = json.loads(self.path.read_text())
            key, rules = stored["key"], [Rule(r["level"], r["code"], tuple(r["literals"])) for r in stored["rules"]]
            pairs = [(i, j) for i, j in stored["pairs"]]
            found = RuleList(rules, stored["level"], stored["default"], pairs)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{self.path} is no file of a search for rules: name another to resume from") from error
        if key != self.key:
            raise ValueError(
                f"{self.path} is of a search for other points, labels or settings: name another file to resume from"
            )
        return found

    def save(self, found: RuleList) -> None:
        if self.path is not None:
            write_whole(self.path, json.dumps({"key": self.key, **asdict(found)}))

    def message(self, found: RuleList, codes: np.ndarray, open_points: np.ndarray) -> str:
        done = len(codes) - int(open_points.sum())
        kept = f"kept in {self.path}, call again to go on" if self.path else "give resume=FILE to keep them"
        return (
            f"rules for {done:,} of {len(codes):,} points after the seconds given, {found.level} levels finished: "
            f"give more seconds; finished levels are {kept}"
        )


def _neurons(literals: tuple[int, ...] | list[int]) -> np.ndarray:
    """What tells that a literal fails: the neuron of its opposite."""
    return np.asarray(literals, dtype=int) ^ 1


def _left_open(literals: Literals, codes: np.ndarray, rules: list[Rule]) -> Bool[np.ndarray, " n"]:
    """Points for which no rule of their class is true."""
    left = np.ones(len(codes), dtype=bool)
    for rule in rules:
        true = np.bitwise_and.reduce(literals.true[list(rule.literals)], axis=0)
        left &= ~(unpack(true, len(codes)) & (codes == rule.code))
    return left
