"""What a run did, in words that nobody can take for more: a printed form is broken or held, and never "passed"."""

from collections.abc import Iterable, Mapping
from typing import Any

WHOLE = "whole"
# Of ids, as they are written.
_WRITTEN = {"f-adv": "f_adv", "relu-network": "ReLU network", "cgro": "CGRO"}
ROMAN = ("i", "ii", "iii", "iv")


def state_of(done: int, planned: int, *, interrupted: bool, selected: str, untested: int, skipped: int) -> str:
    """The first line of every report: "whole", or why the run is none.

    Args:
        done: tests that were run.
        planned: tests that were to be run.
        interrupted: whether somebody or an error stopped it.
        selected: what the run was limited to, such as "-k memorizer"; empty for all tests.
        untested: statements of the ledger for which no test was to be run.
        skipped: tests that were begun and said that they could not be run here.
    """
    if interrupted or done < planned:
        return f"INTERRUPTED after {done:,} of {planned:,} tests: what is not there may not have been run"
    if selected:
        return f"PARTIAL: only the tests of {selected} were run, {done:,} of them"
    if untested:
        return f"PARTIAL: for {untested} statements there was no test in this run"
    if skipped:
        return f"PARTIAL: {skipped:,} of {number_of(planned, 'test')} skipped, for they cannot be run here"
    return WHOLE


def title(name: str) -> str:
    """An id as the paper has it: "corollary-3.4-i" is "Corollary 3.4 (i)"."""
    kind, _, rest = name.removeprefix("later-").partition("-")
    number, _, part = rest.partition("-")
    later = " of a later version" if name.startswith("later-") else ""
    if not number[:1].isdigit():
        return f"{kind.capitalize()}: {_WRITTEN.get(rest, rest.replace('-', ' '))}{later}"
    shown = f" ({part})" if part in ROMAN else f", {part}" if part else ""
    return f"{kind.capitalize()} {number}{shown}{later}"


def number_of(count: int, noun: str) -> str:
    """ "1 test", "84 tests"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def form_words(row: Mapping[str, Any], form: str) -> str:
    """What the run did to one form of a statement; empty where the form has no tests and needs none."""
    counts, verdict = row["counts"][form], row["verdict"]
    if not counts["planned"]:
        needless = {"checked": "repaired", "observed": "printed"}.get(verdict)
        return "" if form == needless else "no test in this run"
    planned, run, failed = counts["planned"], counts["run"], counts["failed"]
    if not run:
        return f"not run: 0 of {number_of(planned, 'test')}"
    parts = [f"{run:,} of {planned:,} run"] if run < planned else []
    breaks = form == "printed" and verdict in ("repaired", "refuted")
    if failed:
        parts.append(f"{failed:,} FAILED: " + ("did not break it" if breaks else "did not hold"))
    if counts["passed"]:
        tests = number_of(counts["passed"], "test")
        examples = f", {number_of(counts['examples'], 'example')}" if counts["examples"] > counts["passed"] else ""
        if breaks:
            witness = row["witness"] and row["witness"]["output"]
            parts.append(f"broken by {'its witness, in ' if witness else ''}{tests}{examples}")
        else:
            verb = "measured in" if verdict == "observed" else "held in"
            parts.append(f"{verb} {tests}{examples}")
    if counts["skipped"]:
        parts.append(f"{counts['skipped']:,} skipped")
    return "; ".join(parts)


def form_name(verdict: str, form: str) -> str:
    """What the second form of a statement is: none of a refuted one is a repair."""
    if form == "printed":
        return "printed form"
    return {"refuted": "what holds instead", "observed": "as measured", "checked": "sharper form"}.get(
        verdict, "repaired form"
    )


def sentences(row: Mapping[str, Any]) -> list[str]:
    """For example "printed form: broken by its witness, in 4 tests" and "repaired form: held in 84 tests, …"."""
    pairs = [(form_name(row["verdict"], form), form_words(row, form)) for form in ("printed", "repaired")]
    return [f"{name}: {words}" for name, words in pairs if words]


def why(row: Mapping[str, Any]) -> str:
    """One sentence on the verdict."""
    fails = row["fields"]["why it fails"]
    if fails:
        return str(fails)
    return {
        "checked": "It holds as printed, under the hypotheses named.",
        "observed": "It is empirical: it is measured on trained networks, not proved.",
    }[row["verdict"]]


def failures(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of the tests that failed, each once, in order."""
    return list(dict.fromkeys(name for row in rows for _, name, outcome, *_ in row["tests"] if outcome == "failed"))


def totals(rows: Iterable[Mapping[str, Any]]) -> str:
    """How many statements have each verdict, and what the run did to them."""
    rows = list(rows)
    verdicts = [row["verdict"] for row in rows]
    kinds = ", ".join(f"{verdicts.count(kind)} {kind}" for kind in ("checked", "repaired", "refuted", "observed"))
    tests = {name: outcome for row in rows for _, name, outcome, *_ in row["tests"]}
    failed = list(tests.values()).count("failed")
    examples = sum({name: examples for row in rows for _, name, _, examples, *_ in row["tests"]}.values())
    run = f"{number_of(len(tests), 'test')} and {number_of(examples, 'example')} in this run, {failed or 'none'} failed"
    return f"{len(rows)} statements: {kinds}; {run}"
