"""The run as text that is read anywhere: `audit.md`."""

from collections.abc import Iterator, Mapping
from typing import Any

from audit.tables import Table, tables
from audit.words import WHOLE, form_name, form_words, sentences, title, totals, why

_LATER = "Later versions of the paper, read from notes: a group of its own."


def markdown(content: Mapping[str, Any]) -> str:
    """All of it; the first line says if the run was not a whole one."""
    return "\n".join(_lines(content)) + "\n"


def _lines(content: Mapping[str, Any]) -> Iterator[str]:
    run = content["run"]
    if content["state"] != WHOLE:
        yield from (f"**{content['state']}**", "")
    libraries = ", ".join(f"{name} {version}" for name, version in run["libraries"].items())
    yield from (
        "# Audit",
        "",
        f"robust-memorization {run['version']}, commit {run['commit']}, {run['start']}, {run['seconds']} s on "
        f"{run['machine']}; Python {run['python']}, {libraries}; seed of the generated cases: {run['seed']}. Made by "
        f"`{run['command']}`.",
        "",
        "Verdict: the ledger's claim about the printed form. What a test did is evidence, a certificate is a proof "
        "about one network. Proved: a theorem that coqc checked, about the form, or the part of it, that is named "
        "below; as `make proofs` stored it for the files of proofs that are there.",
        "",
        *_verdict_lines(content["verdicts"]),
        "",
        totals(content["verdicts"]),
    )
    for table in tables(content):
        yield from _table_lines(table)
    yield from ("", "## Statements", "")
    for row in content["verdicts"]:
        yield from _statement_lines(row)
    yield from ("## Later versions", "", _LATER, "", *_verdict_lines(content["later"]), "")
    for row in content["later"]:
        yield from _statement_lines(row)
    yield from _other_proof_lines(content["proofs"])


def _verdict_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield "| statement | as printed | what this run did to the printed form | to the other form | proved | figure |"
    yield "|---|---|---|---|---|---|"
    for row in rows:
        other = form_words(row, "repaired")
        name = form_name(row["verdict"], "repaired")
        figures = " ".join(f"[{figure}]({figure})" for figure in row["figures"])
        places = ", ".join(proof["at"] for proof in row["proofs"])
        words = f"{name}: {other}" if other else ""
        cells = (row["statement"], row["verdict"], form_words(row, "printed"), words, places, figures)
        yield "| " + " | ".join(cells) + " |"


def _table_lines(table: Table) -> Iterator[str]:
    yield from ("", f"## {table.title}", "", table.words, "")
    yield "| " + " | ".join(table.columns) + " |"
    yield "|---|" + "---:|" * (len(table.columns) - 1)
    for cells in table.rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _statement_lines(row: Mapping[str, Any]) -> Iterator[str]:
    """All that the ledger says of one statement, and what this run did."""
    yield from (f"### {row['statement']}: {title(row['statement'])}, {row['title']}", "")
    yield from (f"Verdict on the printed form: {row['verdict']}. {why(row)}", "")
    yield from ("In this run: " + "; ".join(sentences(row)) + ".", "")
    for name, text in row["fields"].items():
        if text and name != "why it fails":
            yield from (f"{name[0].upper()}{name[1:]}: " + text.replace("\n", "; "), "")
    if row["witness"]:
        output = row["witness"]["output"]
        shown = f"# {output.strip()}" if output else "# not run in this run"
        yield from ("```python", row["witness"]["snippet"].rstrip(), shown, "```", "")
    for figure in row["figures"]:
        yield from (f"![{figure}]({figure})", "")
    for proof in row["proofs"]:
        yield from _proof_lines(proof)
    for part in row["unproved"]:
        yield from (f"Not proved: {part}.", "")
    yield from ("Tests of this run:" if row["tests"] else "Tests of this run: none.", "")
    for form, name, outcome, *_ in row["tests"]:
        breaks = form == "printed" and row["verdict"] in ("repaired", "refuted")
        words = {"passed": "breaks it" if breaks else "holds", "failed": "FAILED", "skipped": "skipped"}[outcome]
        yield f"- {form_name(row['verdict'], form)}, {words}: `{name}`"
    if row["tests"]:
        yield ""


def _proof_lines(proof: Mapping[str, Any]) -> list[str]:
    axioms = ", ".join(proof["axioms"]) or "no axioms"
    head = f"Proved, {proof['form']}: `{proof['theorem']}`, {proof['at']}, on {axioms}."
    return [head, "", "```coq", proof["coq"], "```", ""]


def _other_proof_lines(proofs: Mapping[str, Any]) -> Iterator[str]:
    """Theorems that are about code, and what the names in the statements of all theorems stand for."""
    if not proofs["theorems"]:
        return
    yield from ("## Theorems about code", "")
    for name, found in proofs["theorems"].items():
        yield from (f"### `{name}`", "")
        for proof in found:
            yield from _proof_lines(proof)
    yield from (
        "## Definitions in the Coq statements",
        "",
        "No tool checks that a Coq statement says what the English one beside it does: these are to be read.",
        "",
    )
    for name, (at, text) in proofs["definitions"].items():
        yield from (f"`{name}`, {at}", "", "```coq", text, "```", "")
