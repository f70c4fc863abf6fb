"""From what single tests did to what is known of each statement, as plain data that goes into a file."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from theory import LATER, LEDGER, Statement
from theory.ledger.formula import Formula
from theory.ledger.ledger import Side
from theory.ledger.proofs import Proof, definitions, own_proofs, proved, unproved

# In words: a sign would join the formulas at both ends of it to one that nobody printed.
_RELATIONS = {
    "<": "is less than",
    "<=": "is at most",
    "=": "equals",
    ">=": "is at least",
    ">": "is more than",
}
FORMS = ("printed", "repaired")
Marks = list[tuple[str, str]]


@dataclass(frozen=True)
class Outcome:
    """What one test did.

    Attributes:
        name: as pytest has it, "file::test[case]".
        outcome: "passed", "failed" or "skipped".
        seconds: that its call took.
        statements: (id, form) of each statement that it audits.
        line: of its file where it stands.
        examples: tried by it.
        figures: files that it drew.
        records: what it handed over beside these, by name.
    """

    name: str
    outcome: str
    seconds: float
    statements: Marks
    line: int = 0
    examples: int = 1
    figures: tuple[str, ...] = ()
    records: Mapping[str, list[Any]] = field(default_factory=dict)


def rows(entries: Mapping[str, Statement], outcomes: Iterable[Outcome], planned: Mapping[str, Marks]) -> list[Any]:
    """One row a statement of the given ones, in their order.

    Args:
        entries: of the ledger, or of the later versions.
        outcomes: of the tests that were run.
        planned: the marks of every test that the run set out to do, by its name.
    """
    folder = own_proofs()
    theorems, left = proved(folder), unproved(folder)
    done: dict[str, list[tuple[str, Outcome]]] = defaultdict(list)
    number: dict[tuple[str, str], int] = defaultdict(int)
    for outcome in outcomes:
        for name, form in outcome.statements:
            done[name].append((form, outcome))
    for marks in planned.values():
        for mark in marks:
            number[mark] += 1
    return [
        _row(
            entry, done[name], {form: number[name, form] for form in FORMS}, theorems.get(name, ()), left.get(name, ())
        )
        for name, entry in entries.items()
    ]


def _row(
    entry: Statement,
    done: list[tuple[str, Outcome]],
    planned: dict[str, int],
    proofs: Iterable[Proof],
    left: Iterable[str],
) -> dict[str, Any]:
    witnesses = [found for _, outcome in done for found in outcome.records.get("witness", [])]
    return {
        "statement": entry.id,
        "title": entry.title,
        "section": entry.section,
        "kind": entry.kind,
        "verdict": entry.verdict,
        "fields": dict(entry.fields),
        "hypotheses": list(entry.hypotheses),
        "uses": list(entry.uses),
        "code": list(entry.code),
        "formulas": [
            {"text": one.text, "relation": relation_of(one, entry), "code": one.code} for one in entry.formulas
        ],
        "remarks": [asdict(remark) for remark in entry.remarks],
        "witness": broken_by(entry, witnesses),
        "counts": {form: _counts(form, done, planned[form]) for form in FORMS},
        "examples": sum(outcome.examples for _, outcome in done),
        "figures": sorted({figure for _, outcome in done for figure in outcome.figures}),
        "proofs": [asdict(proof) for proof in proofs],
        "unproved": list(left),
        "tests": [[form, one.name, one.outcome, one.examples, round(one.seconds, 2)] for form, one in done],
    }


def relation_of(formula: Formula, entry: Statement) -> str:
    """Where a formula stands; with the norm, where the statement has such a bound for several of them."""
    alike = [one for one in entry.formulas if (one.relation, one.code) == (formula.relation, formula.code)]
    p = formula.arguments.get("p", "")
    if len(alike) == 1 or not p:
        return formula.relation
    return f"{formula.relation} for any other p" if p == "p" else f"{formula.relation} for p = {p}"


def broken_by(entry: Statement, found: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The program that breaks the printed form, and what it printed in this run: None if it was not run."""
    if not entry.witness:
        return None
    witness, run = entry.witness, (found or [{"output": None, "numbers": {}}])[0]
    left = _said(witness.left)
    sides = f"{left}{',' * (',' in left)} {_RELATIONS[witness.relation]} {_said(witness.right)}"
    return {"call": str(witness), "name": witness.name, "snippet": witness.snippet, "printed": sides, **run}


def _said(side: Side) -> str:
    """Its words, with the number where they leave it open."""
    return f"{side.words} {side.at:g}" if side.words.endswith("say") and not isinstance(side.at, str) else side.words


def _counts(form: str, done: list[tuple[str, Outcome]], planned: int) -> dict[str, int]:
    those = [outcome for its, outcome in done if its == form]
    outcomes = [one.outcome for one in those]
    counts = {kind: outcomes.count(kind) for kind in ("passed", "failed", "skipped")}
    return {
        "planned": max(planned, len(those)),
        "run": len(those),
        **counts,
        "examples": sum(o.examples for o in those),
    }


def theorems_about_code() -> dict[str, Any]:
    """Theorems of Coq that are about no statement, and the definitions that all of them use."""
    folder = own_proofs()
    found = proved(folder)
    if folder is None or not found:
        return {"theorems": {}, "definitions": {}}
    others = {name: [asdict(proof) for proof in found[name]] for name in sorted(found.keys() - {*LEDGER, *LATER})}
    return {"theorems": others, "definitions": {name: list(pair) for name, pair in definitions(folder).items()}}
