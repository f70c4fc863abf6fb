"""The search: every rule is true where it says and false on all that it must reject; levels, files, refusals."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions.rules.cover import Cover, Inseparable, Taste
from constructions.rules.literals import Candidates, Literals, coordinates
from constructions.rules.packed import some, unpack
from constructions.rules.search import RuleList, State, Unfinished, find_rules

TASTE = Taste(0.7, 0.3)


def bits(seed: int, size: int = 300, dim: int = 12, classes: int = 3) -> tuple[Literals, Candidates, np.ndarray]:
    """Points in {0, 1/2, 1}^dim, of which no two are equal, with classes that some coordinates decide."""
    rng = np.random.default_rng(seed)
    points = np.unique(rng.integers(0, 3, (size, dim)) / 2, axis=0)
    labels = (points[:, 0] * 2 + points[:, 1] * points[:, 2] * 4 + (rng.random(len(points)) < 0.1)).astype(
        int
    ) % classes
    candidates = Candidates.of(points, coordinates(dim), 0.125, np.inf, 0.125)
    return candidates.literals(2), candidates, labels


def cover(seed: int) -> tuple[Cover, Literals, np.ndarray, np.ndarray]:
    literals, _, labels = bits(seed)
    own, others = np.flatnonzero(labels == 1), np.flatnonzero(labels != 1)
    return Cover(literals, own, others, np.random.default_rng(seed)), literals, own, others


def true_of(literals: Literals, rule: list[int] | tuple[int, ...], size: int) -> np.ndarray:
    return unpack(literals.true, size)[list(rule)].all(axis=0)


def false_of(literals: Literals, rule: list[int] | tuple[int, ...], size: int) -> np.ndarray:
    return unpack(literals.true, size)[np.array(rule) ^ 1].any(axis=0)


@given(st.integers(0, 50))
def test_a_rule_is_true_at_its_seed_and_false_on_all_others(seed: int) -> None:
    found, literals, own, others = cover(seed)
    size = len(own) + len(others)
    wanted, price = some(len(own), slice(None)), np.zeros(len(literals))
    place = seed % len(own)
    rule = found.rule(place, wanted, TASTE, price)
    assert true_of(literals, rule, size)[own[place]]
    assert false_of(literals, rule, size)[others].all()
    assert np.array_equal(unpack(found.covered(rule), len(own)), true_of(literals, rule, size)[own])
    for k in range(len(rule)):  # none is needless
        rest = rule[:k] + rule[k + 1 :]
        assert not rest or not false_of(literals, rest, size)[others].all()


@given(st.integers(0, 50))
def test_an_exchange_keeps_what_is_rejected_and_covers_no_less(seed: int) -> None:
    found, literals, own, others = cover(seed)
    size = len(own) + len(others)
    wanted, price = some(len(own), slice(None)), np.zeros(len(literals))
    rule = found.rule(0, wanted, TASTE, price)
    # Dear neurons are no reason to cover fewer points.
    for dear in (price, 100.0 * (np.arange(len(literals)) % 3)):
        better = found.exchanged(rule, wanted, dear)
        assert false_of(literals, better, size)[others].all()
        assert true_of(literals, better, size)[own].sum() >= true_of(literals, rule, size)[own].sum()


def test_needless_literals_go() -> None:
    found, literals, own, _ = cover(1)
    wanted, price = some(len(own), slice(None)), np.zeros(len(literals))
    rule = found.rule(0, wanted, TASTE, price)
    more = [literal for literal in range(len(literals)) if literal not in rule and literal ^ 1 not in rule][:3]
    assert len(found.shortened([*rule, *more], wanted)) <= len(rule)


def test_points_that_no_literal_tells_apart_are_named() -> None:
    points = np.array([[0.0, 0.0], [0.0, 0.5], [1.0, 0.0]])
    candidates = Candidates.of(points, coordinates(2)[[0]], 0.125, np.inf, 0.125)
    found = Cover(candidates.literals(1), np.array([0]), np.array([1, 2]), np.random.default_rng(0))
    with pytest.raises(Inseparable) as error:
        found.rule(0, some(1, slice(None)), TASTE, np.zeros(2))
    assert (error.value.point, error.value.others.tolist()) == (0, [1])


def search(seed: int = 0, **changes: Any) -> tuple[RuleList, Literals, np.ndarray]:
    _, candidates, labels = bits(seed)
    options: dict[str, Any] = {"levels": 5, "tries": 2, "seed": 0, "deadline": time.monotonic() + 1e6}
    options |= {"state": State.at(None, ""), "report": lambda level, left: None} | changes
    found, literals = find_rules(candidates, 2, labels, **options)
    return found, literals, labels


@given(st.integers(0, 20), st.integers(1, 6))
def test_the_list_decides_every_point(seed: int, levels: int) -> None:
    """The first rule that is not false on a ball is of its class, or all are false and the last class is."""
    found, literals, labels = search(seed, levels=levels)
    size = len(labels)
    assert found.level <= levels
    covered = np.full(size, levels)
    for rule in found.rules:
        mine = true_of(literals, rule.literals, size) & (labels == rule.code)
        covered[mine] = np.minimum(covered[mine], rule.level)
    assert np.all((covered < levels) | (labels == found.default))
    for rule in found.rules:
        must = (labels != rule.code) & (covered >= rule.level)
        assert false_of(literals, rule.literals, size)[must].all()


def test_more_levels_need_fewer_literals() -> None:
    totals = [sum(len(rule.literals) for rule in search(levels=levels)[0].rules) for levels in (1, 8)]
    assert totals[1] < totals[0]


def test_a_search_goes_on_where_it_stopped(tmp_path: Path) -> None:
    whole, _, _ = search()
    path = tmp_path / "rules.json"
    calls = iter(range(100))

    def stop(level: int, left: int) -> None:
        if next(calls) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(state=State.at(path, "key"), report=stop)
    assert json.loads(path.read_text())["level"] == 2
    again, _, _ = search(state=State.at(path, "key"))
    assert again.rules == whole.rules
    assert again.default == whole.default
    assert search(state=State.at(path, "key"))[0].rules == whole.rules


def test_after_the_seconds_it_says_what_is_kept(tmp_path: Path) -> None:
    with pytest.raises(Unfinished, match=r"rules for 0 of \d+ points.*give more seconds.*resume=FILE"):
        search(deadline=time.monotonic() - 1)
    path = tmp_path / "rules.json"
    with pytest.raises(Unfinished, match=r"rules\.json, call again to go on"):
        search(deadline=time.monotonic() - 1, state=State.at(path, "key"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "is no file of a search"),
        ("[]", "is no file of a search"),
        ('{"key": "k", "rules": [{"level": 0}], "level": 1, "default": null, "pairs": []}', "is no file of a search"),
        ('{"key": "other", "rules": [], "level": 0, "default": null, "pairs": []}', "other points, labels or settings"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rules.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        search(state=State.at(path, "key"))
    assert path.read_text() == text
