"""The ledger is whole, consistent, and names only what exists."""

import re
import sys
from dataclasses import replace

import pytest

from theory import witnesses
from theory.statements import LEDGER, Statement, ledger, resolve, statement

# Typed from the paper, not from the ledger.
NUMBERED = [
    "table-1",
    "proposition-3.1",
    "proposition-3.2",
    "theorem-3.3",
    "corollary-3.4",
    "theorem-3.5",
    "figure-1",
    "figure-2",
    "theorem-5.1",
    "theorem-5.2",
    "assumption-6.1",
    "theorem-6.2",
    "figure-3",
    "theorem-6.3",
    "proposition-6.4",
]
UNNUMBERED = [
    "claim-small-margin-count",
    "definition-clean-error",
    "definition-relu-network",
    "assumption-clean-classifier",
    "definition-decision-boundary",
    "definition-adversarial-margin",
    "definition-margin-split",
    "assumption-separation",
    "definition-adversarial-error",
    "definition-sample-split",
    "definition-f-adv",
    "conjecture-robust-memorization",
    "definition-balanced",
    "complexity-ordering",
    "definition-maximum-gradient-norm",
    "definition-maximum-loss-change",
    "assumption-linear-data",
    "claim-linear-data-separation",
    "definition-mixed-model",
    "definition-exponential-loss",
    "claim-small-margin-transfer",
    "claim-linear-limit",
    "claim-standard-bound",
    "claim-capacity",
    "assumption-6.1-verification",
    "assumption-6.1-remark",
]
PARTS = [f"{whole}-{part}" for whole in ("proposition-3.2", "corollary-3.4") for part in ("i", "ii", "iii")]

# What the audit claims of the printed forms; a verdict changes here and in the ledger, or not at all.
VERDICTS = {
    "table-1": "observed",
    "proposition-3.1": "repaired",
    "proposition-3.2-i": "repaired",
    "proposition-3.2-ii": "checked",
    "proposition-3.2-iii": "repaired",
    "theorem-3.3": "repaired",
    "corollary-3.4": "repaired",
    "theorem-3.5": "repaired",
    "complexity-ordering": "repaired",
    "figure-1": "observed",
    "figure-2": "observed",
    "figure-3": "observed",
    "theorem-5.1": "repaired",
    "theorem-5.2": "repaired",
    "assumption-6.1-remark": "repaired",
    "theorem-6.2": "refuted",
    "theorem-6.3": "refuted",
    "proposition-6.4": "refuted",
}
SEVERITY = ["checked", "repaired", "refuted"]
TITLE = re.compile(r"\b(Proposition|Theorem|Corollary|Assumption) (\d\.\d)")
ID = re.compile(r"\b(?:assumption|claim|definition|figure|theorem|proposition|corollary)-[a-z0-9](?:[\w.-]*\w)?")
DOTTED = re.compile(r"\b(?:theory|constructions|empirics)(?:\.\w+)+")


@pytest.fixture
def make():
    def build(id="theorem-a", **changes):
        fields = {
            "title": "a",
            "section": "3",
            "kind": "theorem",
            "printed": "1 = 1",
            "verdict": "checked",
            "source": "a",
        }
        return Statement(id=id, **(fields | changes))

    return build


def dotted_names(entry) -> list[str]:
    texts = [entry.title, entry.printed, entry.repaired, entry.source, entry.witness, *entry.hypotheses]
    return [name for text in texts for name in DOTTED.findall(text)]


def test_every_item_of_the_paper_has_its_entry_and_nothing_else_has_one():
    assert sorted(LEDGER) == sorted(NUMBERED + UNNUMBERED + PARTS)


def test_numbered_items_stand_in_the_order_of_the_paper():
    assert [entry for entry in LEDGER if entry in NUMBERED] == NUMBERED


def test_verdicts_are_those_the_audit_claims():
    assert {name: LEDGER[name].verdict for name in VERDICTS} == VERDICTS


def test_the_verdict_of_a_whole_is_the_worst_of_its_parts():
    for whole in ("proposition-3.2", "corollary-3.4"):
        parts = [LEDGER[name] for name in PARTS if name.startswith(whole)]
        assert LEDGER[whole].verdict == max((part.verdict for part in parts), key=SEVERITY.index)
        assert {part.id for part in parts} <= set(LEDGER[whole].uses)


def test_kind_section_and_source_agree_with_the_id():
    for entry in LEDGER.values():
        kind, _, number = entry.id.partition("-")
        if entry.id in NUMBERED:
            assert entry.kind == kind
            assert entry.source.startswith(f"{kind.capitalize()} {number}")
            if "." in number:
                assert entry.section.split(".")[0] == number.split(".")[0]
        elif entry.id in UNNUMBERED and kind != "complexity":
            assert entry.kind in (kind, "claim")


def test_every_witness_and_every_dotted_name_resolves():
    names = [name for entry in LEDGER.values() for name in dotted_names(entry)]
    # Each witness is among them, so none is written in a form that the search overlooks.
    assert {entry.witness for entry in LEDGER.values() if entry.witness} <= set(names)
    assert "theory.witnesses.discontinuity_of_f_adv" in names
    for name in names:
        assert callable(resolve(name)), name


def test_what_a_text_refers_to_is_among_what_its_statement_uses():
    # Catches a reference to a renamed entry, and a dependency that is not declared.
    for entry in LEDGER.values():
        text = " ".join((entry.repaired, *entry.hypotheses))
        named = set(ID.findall(text)) | {f"{kind.lower()}-{number}" for kind, number in TITLE.findall(text)}
        assert named - {entry.id} <= reachable(LEDGER, entry.id), entry.id


def reachable(entries, start: str) -> set[str]:
    found: set[str] = set()
    waiting = list(entries[start].uses)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += entries[name].uses
    return found


def test_the_ledger_is_read_only():
    with pytest.raises(TypeError):
        LEDGER["theorem-3.3"] = LEDGER["theorem-3.5"]
    with pytest.raises(AttributeError):
        LEDGER["theorem-3.3"].verdict = "checked"


def test_statement_finds_an_entry():
    assert statement("theorem-3.3") is LEDGER["theorem-3.3"]


def test_statement_lists_near_matches():
    with pytest.raises(ValueError, match=r"no statement 'theorem-33'; near matches: theorem-3\.3"):
        statement("theorem-33")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"printed": ""}, "non-empty printed"),
        ({"printed": "  "}, "non-empty printed"),
        ({"title": ""}, "non-empty title"),
        ({"source": ""}, "non-empty source"),
        ({"section": ""}, "non-empty section"),
        ({"id": ""}, "non-empty id"),
        ({"verdict": "repaired"}, "needs the repaired form"),
        ({"verdict": "checked", "repaired": "1 = 1 + 0"}, "needs no repaired form"),
        ({"verdict": "checked", "witness": "theory.witnesses.discontinuity_of_f_adv"}, "witness against it"),
        ({"verdict": "observed", "witness": "theory.witnesses.discontinuity_of_f_adv"}, "witness against it"),
    ],
)
def test_a_malformed_statement_is_refused(make, changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_refuted_needs_no_repaired_form_and_may_have_one(make):
    assert make(verdict="refuted").repaired == ""
    assert make(verdict="refuted", repaired="2 = 2").repaired == "2 = 2"


@pytest.mark.parametrize(
    ("uses", "message"),
    [
        ({"theorem-a": (), "theorem-b": ("theorem-c",)}, "'theorem-b' uses 'theorem-c'; near matches: theorem-"),
        ({"theorem-a": ("theorem-b",), "theorem-b": ("theorem-a",)}, "in a cycle: theorem-. <- theorem-. <- theorem-"),
        ({"theorem-a": ("theorem-a",)}, "in a cycle: theorem-a <- theorem-a"),
        (
            {"theorem-a": ("theorem-b",), "theorem-b": ("theorem-c",), "theorem-c": ("theorem-a",), "theorem-d": ()},
            "in a cycle",
        ),
    ],
)
def test_unknown_uses_and_cycles_are_refused(make, uses, message):
    with pytest.raises(ValueError, match=message):
        ledger([make(name, uses=used) for name, used in uses.items()])


def test_two_statements_of_one_id_are_refused(make):
    with pytest.raises(ValueError, match="two statements have the id 'theorem-a': 'a', 'another'"):
        ledger([make(), make(title="another")])


def test_a_diamond_is_no_cycle_and_the_order_stays(make):
    uses = {
        "theorem-d": ("theorem-b", "theorem-c"),
        "theorem-b": ("theorem-a",),
        "theorem-c": ("theorem-a",),
        "theorem-a": (),
    }
    assert list(ledger([make(name, uses=used) for name, used in uses.items()])) == list(uses)


@pytest.mark.parametrize("fault", ["stale witness", "missing repaired form", "unknown uses"])
def test_faults_planted_in_the_real_ledger_are_caught(fault):
    theorem = LEDGER["theorem-3.3"]
    if fault == "stale witness":
        planted = replace(theorem, witness="theory.witnesses.jump_of_f_adv")
        with pytest.raises(ValueError, match="stale"):
            resolve(next(name for name in dotted_names(planted)))
    elif fault == "missing repaired form":
        with pytest.raises(ValueError, match="needs the repaired form"):
            replace(theorem, repaired="")
    else:
        with pytest.raises(ValueError, match=r"'theorem-3\.3' uses 'theorem-3\.33'"):
            ledger([*(LEDGER[name] for name in LEDGER if name != theorem.id), replace(theorem, uses=("theorem-3.33",))])


def test_resolve_gives_the_object_itself():
    assert resolve("theory.witnesses.discontinuity_of_f_adv") is witnesses.discontinuity_of_f_adv


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("theory.witnesses.discontinuity_of_f", "has no 'discontinuity_of_f'; near matches: discontinuity_of_f_adv"),
        ("theory.no_such_module.witness", r"there is no module 'theory\.no_such_module'"),
        ("no_such_package.witness", "there is no module 'no_such_package'"),
        ("theory", "needs the form"),
        ("", "needs the form"),
        ("theory..witnesses", "needs the form"),
        ("theory.witnesses.", "needs the form"),
    ],
)
def test_a_stale_name_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        resolve(name)


def test_resolve_does_not_hide_a_module_that_lacks_its_own_import(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        resolve("half_installed.witness")
    assert "half_installed" not in sys.modules
