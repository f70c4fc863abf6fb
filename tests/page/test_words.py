"""Words, statuses, the graph, and how long the rest takes: what the page says, piece by piece."""

from typing import Any

import pytest

from audit.graph import draw, layers
from audit.page import capitalized
from audit.progress import Progress, clock
from audit.rows import broken_by, relation_of
from audit.status import FAILED, NOT_RUN, PARTLY, PROVED, TESTED, statuses
from audit.words import form_words, sentences, title
from theory import LATER, LEDGER


def row(name: str = "a", verdict: str = "repaired", uses: tuple[str, ...] = (), **changes: Any) -> dict[str, Any]:
    counts = {
        form: {"planned": 2, "run": 2, "passed": 2, "failed": 0, "skipped": 0, "examples": 60}
        for form in ("printed", "repaired")
    }
    kind = {"kind": "theorem", "proofs": [], "witness": {"output": "x"}, "title": "t"}
    return {"statement": name, "verdict": verdict, "uses": list(uses), "counts": counts, **kind, **changes}


def counted(one: dict[str, Any], form: str = "repaired", **changes: int) -> dict[str, Any]:
    one["counts"][form] |= changes
    return one


@pytest.mark.parametrize(
    ("one", "form", "words"),
    [
        (row(), "printed", "broken by its witness, in 2 tests, 60 examples"),
        (row(witness=None), "printed", "broken by 2 tests, 60 examples"),
        (row(verdict="checked"), "printed", "held in 2 tests, 60 examples"),
        (row(verdict="observed"), "repaired", "measured in 2 tests, 60 examples"),
        (counted(row(), run=1, passed=1, examples=1), "repaired", "1 of 2 run; held in 1 test"),
        (counted(row(), run=0, passed=0, examples=0), "repaired", "not run: 0 of 2 tests"),
        (counted(row(), "printed", passed=1, failed=1), "printed", "1 FAILED: did not break it"),
        (counted(row(), passed=0, failed=2), "repaired", "2 FAILED: did not hold"),
        (counted(row(), planned=0, run=0, passed=0), "repaired", "no test in this run"),
        (counted(row(verdict="checked"), planned=0, run=0, passed=0), "repaired", ""),
    ],
)
def test_what_is_said_of_a_form(one: dict[str, Any], form: str, words: str) -> None:
    said = form_words(one, form)
    assert said.startswith(words) if words else said == ""
    assert "passed" not in said


def test_the_second_form_of_what_is_refuted_is_no_repair() -> None:
    assert sentences(row(verdict="refuted"))[1].startswith("what holds instead: held in")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("theorem-3.3", "Theorem 3.3"),
        ("corollary-3.4-iii", "Corollary 3.4 (iii)"),
        ("assumption-6.1-remark", "Assumption 6.1, remark"),
        ("definition-f-adv", "Definition: f_adv"),
        ("definition-relu-network", "Definition: ReLU network"),
        ("later-definition-cgro", "Definition: CGRO of a later version"),
        ("later-theorem-5.9", "Theorem 5.9 of a later version"),
    ],
)
def test_ids_are_shown_as_the_paper_has_them(name: str, shown: str) -> None:
    assert title(name) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("margin", "Margin"), ("a network", "A network"), ("f_adv errs", "f_adv errs"), ("μ_0-balanced", "μ_0-balanced")],
)
def test_a_sentence_begins_with_a_capital_and_a_symbol_stays(text: str, shown: str) -> None:
    assert capitalized(text) == shown


def test_the_two_sides_of_a_printed_relation_do_not_run_into_one_formula() -> None:
    """C_1 μ_0 > 0 is not what Theorem 3.5 says: the error on the left of it is."""
    for entry in (*LEDGER.values(), *LATER.values()):
        if entry.witness:
            said = broken_by(entry, [])["printed"]
            left, right = entry.witness.left.words, entry.witness.right.words
            between = said.removeprefix(left).removesuffix(right).split("say")[0]
            assert said.startswith(left)
            assert not set(between) & set("<>=")
            assert ("," in left) == between.startswith(",")


def test_bounds_for_several_norms_say_which() -> None:
    entry = LEDGER["theorem-3.3"]
    said = [relation_of(one, entry) for one in entry.formulas if one.code.endswith("indicator_count")]
    assert said == ["A = … for p = ∞", "A = … for p = 1", "A = … for p = 2", "A = … for any other p"]
    (alone,) = (one for one in entry.formulas if one.code.endswith("tent_bound"))
    assert relation_of(alone, entry) == "m = …"


def test_a_status_is_passed_on_along_what_it_rests_on() -> None:
    proof = {"proofs": [{}]}
    found = statuses(
        [
            row("definition", kind="definition"),
            row("lemma", uses=("definition",), **proof),
            row("theorem", uses=("lemma",), **proof),
            row("weak"),
            row("on-weak", uses=("weak", "theorem"), **proof),
            row("further-on-weak", uses=("on-weak",), **proof),
            counted(row("broken"), passed=1, failed=1),
            row("on-broken", uses=("broken",)),
            counted(row("half"), run=1, passed=1),
            # As good as not run.
            counted(row("skipped"), run=2, passed=1, skipped=1),
            counted(counted(row("none"), run=0, passed=0), "printed", run=0, passed=0),
        ]
    )
    assert {name: status.own for name, status in found.items()} == {
        **dict.fromkeys(("definition", "weak", "on-broken"), TESTED),
        **dict.fromkeys(("lemma", "theorem", "on-weak", "further-on-weak"), PROVED),
        **{"broken": FAILED, "half": PARTLY, "skipped": PARTLY, "none": NOT_RUN},
    }
    shown = {name: status.name for name, status in found.items()}
    assert shown["theorem"] == shown["lemma"] == "proved-all"
    assert shown["definition"] == shown["weak"] == "tested-all"
    # The theorem below is proved, and what it rests on is tested only.
    assert shown["on-weak"] == shown["further-on-weak"] == "proved"
    assert shown["on-broken"] == "tested"
    assert "not all that it rests on" in found["on-broken"].words


def test_the_graph_has_each_statement_below_all_that_it_rests_on() -> None:
    uses = {entry.id: entry.uses for entry in LEDGER.values()}
    place = {name: k for k, names in enumerate(layers(uses)) for name in names}
    assert place.keys() == uses.keys()
    assert all(place[used] < place[name] for name, those in uses.items() for used in those)
    rows = [row(entry.id, entry.verdict, entry.uses) for entry in LEDGER.values()]
    svg = draw(rows, statuses(rows))
    assert svg.count("<path ") == sum(map(len, uses.values())) == 98
    assert svg.count('class="node ') == len(LEDGER)
    assert 'href="#theorem-3.3"' in svg


def test_the_rest_takes_as_long_as_before_at_the_pace_of_now() -> None:
    planned = {name: [(f"theorem-{name}", "printed")] for name in "abc"}
    progress = Progress(planned, {"a": 10.0, "b": 30.0})
    assert progress.seconds_left(0.0) is None
    progress.begin("a", 0.0)
    assert progress.line(1.0) == "theorem-a: 0 of 3 tests, 0:01 so far"
    progress.end("a")
    # Between two tests of one process.
    assert progress.line(20.0).startswith("theorem-a: 1 of 3 tests")
    progress.begin("b", 20.0)
    # Twice as slow as before; the third was not there, and counts like the mean of 20.
    assert progress.seconds_left(20.0) == 2 * (30 + 20)
    assert progress.line(20.0) == "theorem-b: 1 of 3 tests, 0:20 so far, about 1:40 left"
    for name in "bc":
        progress.end(name)
    assert progress.seconds_left(60.0) == 0
    assert clock(3725) == "1:02:05"


def test_without_an_earlier_run_every_test_counts_alike() -> None:
    progress = Progress({name: [] for name in "abcd"}, {})
    # What went by before the first test, for reading them all, says nothing of the pace.
    progress.begin("a", 40.0)
    progress.end("a")
    assert progress.seconds_left(45.0) == 15.0
