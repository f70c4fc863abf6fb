"""`python -m theory` lists the ledger, `… later` later versions; `… 3.3` shows a statement, and runs its witness."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping

from theory.ledger.ledger import LATER, LEDGER, Statement, Verdict, resolve, statement
from theory.ledger.marked_tests import marked_tests, own_tests
from theory.ledger.proofs import own_proofs, proved, stale, unproved
from theory.ledger.statement import paragraph

_VERDICTS: tuple[Verdict, ...] = ("checked", "repaired", "refuted", "observed")
_NO_TESTS = (
    "the tests are not part of the installed package: in a checkout of the project's repository this lists them, and "
    "`pytest -m statement` runs them"
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 if it was done, 2 for a statement that the ledger does not have."""
    options = _parser().parse_args(arguments)
    if options.statement in ([], ["later"]):
        print("\n".join(listing(LATER if options.statement else LEDGER)))
        return 0
    try:
        entry = statement(" ".join(options.statement))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(description(entry, resolve_code=options.resolve)))
    return 0


def listing(entries: Mapping[str, Statement] = LEDGER) -> Iterator[str]:
    """One line a statement, with the number of theorems about it that coqc has proved, then the totals."""
    width = max(map(len, entries))
    theorems = proved(own_proofs())
    for entry in entries.values():
        number = len(theorems.get(entry.id, []))
        yield f"{entry.id:{width}}  {entry.verdict:8}  {f'{number} proved' if number else '':9}  {entry.title}"
    yield ""
    yield totals(entries)


def totals(entries: Mapping[str, Statement] = LEDGER) -> str:
    """How many statements have each verdict."""
    count = Counter(entry.verdict for entry in entries.values())
    return f"{len(entries)} statements: " + ", ".join(f"{count[verdict]} {verdict}" for verdict in _VERDICTS)


def description(entry: Statement, *, resolve_code: bool = False) -> Iterator[str]:
    """All that the ledger says of a statement, what its witness finds, and its tests."""
    yield str(entry)
    if entry.witness:
        # Late, for it needs sympy, and a list of the ledger does not.
        from theory.ledger.contradiction import contradiction

        found = contradiction(entry.witness, resolve)
        numbers = ", ".join(f"{name} {value}" for name, value in found.numbers.items())
        yield paragraph("witness run", "\n".join([*str(found).split("; "), f"returned: {numbers}"]))
    if resolve_code:
        yield paragraph("code", "\n".join(f"{name}: {_summary(name)}" for name in entry.code))
    yield from _proofs(entry)
    folder = own_tests()
    tests = [f"{form}: {name}" for form, name in marked_tests(folder).get(entry.id, [])]
    yield paragraph(
        "tests", "\n".join(tests) or ("none by name: `pytest -m statement` runs all" if folder else _NO_TESTS)
    )


def _proofs(entry: Statement) -> Iterator[str]:
    folder = own_proofs()
    theorems = proved(folder).get(entry.id, [])
    if theorems:
        yield paragraph("proved", "\n".join(map(str, theorems)))
    elif folder and stale(folder):
        yield paragraph("proved", f"unknown, for {', '.join(stale(folder))} changed: `make proofs` asks coqc again")
    if left := unproved(folder).get(entry.id):
        yield paragraph("not proved", "\n".join(left))


def _summary(name: str) -> str:
    return (resolve(name).__doc__ or "").partition("\n")[0]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m theory", description=__doc__)
    parser.add_argument(
        "statement", nargs="*", help="such as 3.3, theorem-3.3, Theorem 3.3 or later-5.9; all when left out"
    )
    parser.add_argument("--resolve", action="store_true", help="also what each of its code says of itself")
    return parser


if __name__ == "__main__":
    sys.exit(main())
