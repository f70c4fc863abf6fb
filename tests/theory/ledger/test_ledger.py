"""The ledger is whole, consistent, and names only what exists."""

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from theory.ledger.ledger import LATER, LEDGER, Side, Statement, Witness, ledger, resolve, statement
from theory.witnesses import ideal_classifier as witnesses

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
    "claim-small-margin-count": "checked",
    "corollary-3.4": "repaired",
    "corollary-3.4-i": "checked",
    "corollary-3.4-ii": "checked",
    "corollary-3.4-iii": "repaired",
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
    "proposition-6.4": "repaired",
}
SEVERITY = ["checked", "repaired", "refuted"]
WITNESS = Witness(
    "theory.witnesses.ideal_classifier.discontinuity_of_f_adv", {"radius": 0.1}, Side("1", 1.0), "<", Side("0", 0.0)
)
TITLE = re.compile(r"\b(Proposition|Theorem|Corollary|Assumption) (\d\.\d)")
ID = re.compile(r"\b(?:assumption|claim|definition|figure|theorem|proposition|corollary)-[a-z0-9](?:[\w.-]*\w)?")
DOTTED = re.compile(r"\b(?:theory|constructions|empirics)(?:\.\w+)+")


@pytest.fixture
def make() -> Callable[..., Statement]:
    def build(id="theorem-a", **changes) -> Statement:
        fields = {
            "title": "a",
            "section": "3",
            "kind": "theorem",
            "printed": "1 = 1",
            "verdict": "checked",
            "source": "a",
        }
        if (fields | changes)["verdict"] in ("repaired", "refuted"):
            fields["fails"] = "1 ≠ 2"
        return Statement(id=id, **(fields | changes))

    return build


def dotted_names(entry) -> list[str]:
    texts = [entry.title, entry.printed, entry.fails, entry.repaired, entry.sharper, entry.source]
    texts += [*entry.hypotheses, *entry.code]
    texts += [entry.witness.name] if entry.witness else []
    texts += [formula.code for formula in entry.formulas]
    return [name for text in texts for name in DOTTED.findall(text)]


def test_every_item_of_the_paper_has_its_entry_and_nothing_else_has_one() -> None:
    assert sorted(LEDGER) == sorted(NUMBERED + UNNUMBERED + PARTS)


def test_numbered_items_stand_in_the_order_of_the_paper() -> None:
    assert [entry for entry in LEDGER if entry in NUMBERED] == NUMBERED


def test_verdicts_are_those_the_audit_claims() -> None:
    assert {name: LEDGER[name].verdict for name in VERDICTS} == VERDICTS


def test_the_verdict_of_a_whole_is_the_worst_of_its_parts() -> None:
    for whole in ("proposition-3.2", "corollary-3.4"):
        parts = [LEDGER[name] for name in PARTS if name.startswith(whole)]
        assert LEDGER[whole].verdict == max((part.verdict for part in parts), key=SEVERITY.index)
        assert {part.id for part in parts} <= set(LEDGER[whole].uses)


def test_kind_section_and_source_agree_with_the_id() -> None:
    for entry in LEDGER.values():
        kind, _, number = entry.id.partition("-")
        if entry.id in NUMBERED:
            assert entry.kind == kind
            assert entry.source.startswith(f"{kind.capitalize()} {number}")
            if "." in number:
                assert entry.section.split(".")[0] == number.split(".")[0]
        elif entry.id in UNNUMBERED and kind != "complexity":
            assert entry.kind in (kind, "claim")


def test_every_witness_and_every_dotted_name_resolves() -> None:
    names = [name for entry in LEDGER.values() for name in dotted_names(entry)]
    # Each witness is among them, so none is written in a form that the search overlooks.
    assert {entry.witness.name for entry in LEDGER.values() if entry.witness} <= set(names)
    assert {name for entry in LEDGER.values() for name in entry.code} <= set(names)
    assert "theory.witnesses.ideal_classifier.discontinuity_of_f_adv" in names
    for name in names:
        found = resolve(name)
        assert callable(found) or isinstance(found, property), name


def test_every_statement_names_its_code() -> None:
    assert [entry.id for entry in LEDGER.values() if not entry.code] == []


def test_the_ledger_imports_neither_constructions_nor_empirics() -> None:
    program = (
        "import sys, theory; print([name for name in ('constructions', 'empirics', 'torch') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


def test_a_witness_is_there_wherever_the_printed_form_is_false() -> None:
    entries = [*LEDGER.values(), *LATER.values()]
    assert [entry.id for entry in entries if entry.verdict in ("repaired", "refuted") and not entry.witness] == []


def test_what_a_text_refers_to_is_among_what_its_statement_uses() -> None:
    # Catches a reference to a renamed entry, and a dependency that is not declared.
    for entry in LEDGER.values():
        text = " ".join((entry.fails, entry.repaired, entry.sharper, *entry.hypotheses))
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


def test_the_ledger_is_read_only() -> None:
    with pytest.raises(TypeError):
        LEDGER["theorem-3.3"] = LEDGER["theorem-3.5"]
    with pytest.raises(AttributeError):
        LEDGER["theorem-3.3"].verdict = "checked"


def test_statement_finds_an_entry() -> None:
    assert statement("theorem-3.3") is LEDGER["theorem-3.3"]


def test_statement_lists_near_matches() -> None:
    with pytest.raises(ValueError, match=r"no statement 'theorem-33'; near matches: theorem-3\.3"):
        statement("theorem-33")


@pytest.mark.parametrize(
    ("name", "statement_id"),
    [
        ("3.3", "theorem-3.3"),
        ("Theorem 3.3", "theorem-3.3"),
        (" theorem 5.1 ", "theorem-5.1"),
        ("THEOREM–5.1", "theorem-5.1"),
        ("3.4", "corollary-3.4"),
        ("3.4-i", "corollary-3.4-i"),
        ("3.4 (iii)", "corollary-3.4-iii"),
        ("Corollary 3.4 (i)", "corollary-3.4-i"),
        ("corollary-3.4-ii", "corollary-3.4-ii"),
        ("6.1", "assumption-6.1"),
        ("Figure 1", "figure-1"),
        ("Complexity ordering", "complexity-ordering"),
    ],
)
def test_a_statement_is_found_by_its_number_or_its_title(name, statement_id) -> None:
    assert statement(name) is LEDGER[statement_id]


@pytest.mark.parametrize("entry", LEDGER.values(), ids=LEDGER)
def test_every_id_and_every_number_finds_its_statement(entry) -> None:
    assert statement(entry.id) is entry
    assert statement(entry.id.replace("-", " ", 1).upper()) is entry
    number = entry.id.partition("-")[2]
    if entry.id in NUMBERED + PARTS and "." in number:
        assert statement(number) is entry


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("6", "no statement '6'; near matches: .*theorem-6.2, figure-3, theorem-6.3, proposition-6.4"),
        ("3", "no statement '3'; near matches: figure-3"),
        ("1", "no statement '1'; near matches: table-1, figure-1"),
        ("theorem 3.4", "no statement 'theorem 3.4'; near matches: corollary-3.4, corollary-3.4-i"),
        ("3.9", "no statement '3.9'$"),
        ("6.1-remarks", "near matches: .*assumption-6.1-remark"),
        ("", "no statement ''$"),
        ("theorem", "no statement 'theorem'"),
    ],
)
def test_what_is_ambiguous_or_unknown_lists_near_matches(name, message) -> None:
    with pytest.raises(ValueError, match=message):
        statement(name)


def test_a_statement_is_printed_whole_and_its_repr_is_short() -> None:
    entry = LEDGER["theorem-5.1"]
    lines = str(entry).splitlines()
    text = " ".join(" ".join(lines).split())
    assert len(lines) > 15
    assert max(map(len, lines)) <= 100
    assert repr(entry) == "Statement('theorem-5.1', 'repaired')"
    for part in (entry.title, entry.printed, entry.fails, entry.repaired, *entry.hypotheses, *entry.code, *entry.uses):
        assert " ".join(part.split()) in text
    assert entry.witness.name in text
    assert "why it fails" not in str(LEDGER["definition-f-adv"])
    assert "measured:" in str(LEDGER["figure-1"])
    assert "sharper:" in str(LEDGER["corollary-3.4-i"])
    assert "sharper:" not in str(LEDGER["definition-f-adv"])


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
        ({"verdict": "repaired", "repaired": "1 = 1", "sharper": "1 = 1 + 0"}, "needs no sharper form"),
        ({"verdict": "refuted", "sharper": "1 = 1 + 0"}, "needs no sharper form"),
        ({"verdict": "observed", "sharper": "1 = 1 + 0"}, "needs no sharper form"),
        ({"verdict": "checked", "witness": WITNESS}, "witness against it"),
        ({"verdict": "observed", "witness": WITNESS}, "witness against it"),
        ({"verdict": "repaired", "repaired": "1 = 1", "fails": ""}, "needs a sentence why the printed form fails"),
        ({"verdict": "refuted", "fails": " "}, "needs a sentence why the printed form fails"),
        ({"verdict": "checked", "fails": "it does not"}, "needs nothing that fails"),
        ({"verdict": "observed", "fails": "it does not"}, "needs nothing that fails"),
    ],
)
def test_a_malformed_statement_is_refused(make, changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_refuted_needs_no_repaired_form_and_may_have_one(make) -> None:
    assert make(verdict="refuted").repaired == ""
    assert make(verdict="refuted", repaired="2 = 2").repaired == "2 = 2"


def test_the_strongest_form_is_the_one_that_holds(make) -> None:
    assert make().strongest == "1 = 1"
    assert make(sharper="1 = 1 + 0").strongest == "1 = 1 + 0"
    assert make(verdict="repaired", repaired="2 = 2").strongest == "2 = 2"


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
def test_unknown_uses_and_cycles_are_refused(make, uses, message) -> None:
    with pytest.raises(ValueError, match=message):
        ledger([make(name, uses=used) for name, used in uses.items()])


def test_two_statements_of_one_id_are_refused(make) -> None:
    with pytest.raises(ValueError, match="two statements have the id 'theorem-a': 'a', 'another'"):
        ledger([make(), make(title="another")])


def test_a_diamond_is_no_cycle_and_the_order_stays(make) -> None:
    uses = {
        "theorem-d": ("theorem-b", "theorem-c"),
        "theorem-b": ("theorem-a",),
        "theorem-c": ("theorem-a",),
        "theorem-a": (),
    }
    assert list(ledger([make(name, uses=used) for name, used in uses.items()])) == list(uses)


@pytest.mark.parametrize("fault", ["stale witness", "stale code", "missing repaired form", "unknown uses"])
def test_faults_planted_in_the_real_ledger_are_caught(fault) -> None:
    theorem = LEDGER["theorem-3.3"]
    if fault == "stale witness":
        planted = replace(
            theorem, witness=replace(theorem.witness, name="theory.witnesses.ideal_classifier.jump_of_f_adv")
        )
        with pytest.raises(ValueError, match="stale"):
            [resolve(name) for name in dotted_names(planted)]
    elif fault == "stale code":
        planted = replace(theorem, code=("constructions.memorizers.memorizer.Memorizer.no_such_field",))
        with pytest.raises(ValueError, match="stale"):
            [resolve(name) for name in dotted_names(planted)]
    elif fault == "missing repaired form":
        with pytest.raises(ValueError, match="needs the repaired form"):
            replace(theorem, repaired="")
    else:
        with pytest.raises(ValueError, match=r"'theorem-3\.3' uses 'theorem-3\.33'"):
            ledger([*(LEDGER[name] for name in LEDGER if name != theorem.id), replace(theorem, uses=("theorem-3.33",))])


def test_resolve_finds_attributes_of_classes() -> None:
    from theory.sizes.hard_distribution import HardDistribution

    assert resolve("theory.sizes.hard_distribution.HardDistribution.f_clean") is HardDistribution.f_clean
    assert resolve("theory.ledger.ledger.Statement.fails") == ""
    assert resolve("theory.setting.ideal.IdealClassifier.radius") is None


def test_resolve_gives_the_object_itself() -> None:
    assert resolve("theory.witnesses.ideal_classifier.discontinuity_of_f_adv") is witnesses.discontinuity_of_f_adv


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "theory.witnesses.ideal_classifier.discontinuity_of_f",
            "has no 'discontinuity_of_f'; near matches: discontinuity_of_f_adv",
        ),
        ("theory.no_such_module.witness", r"there is no module 'theory\.no_such_module'"),
        ("no_such_package.witness", "there is no module 'no_such_package'"),
        ("theory", "needs the form"),
        ("", "needs the form"),
        ("theory..witnesses", "needs the form"),
        ("theory.witnesses.ideal_classifier.", "needs the form"),
        ("theory.setting.ideal.IdealClassifier.radii", "has no 'radii'; near matches: radius"),
        ("theory.setting.ideal.NoSuchClass.radius", "has no 'NoSuchClass'"),
    ],
)
def test_a_stale_name_is_refused(name, message) -> None:
    with pytest.raises(ValueError, match=message):
        resolve(name)


def test_resolve_does_not_hide_a_module_that_lacks_its_own_import(tmp_path, monkeypatch) -> None:
    (tmp_path / "half_installed.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        resolve("half_installed.witness")
    assert "half_installed" not in sys.modules
