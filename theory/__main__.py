"""`python -m theory` lists the ledger; `python -m theory 3.3` shows one statement, and runs its witness."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator

from theory.ledger.ledger import LEDGER, Statement, Verdict, resolve, statement
from theory.ledger.marked_tests import marked_tests, own_tests
from theory.ledger.statement import paragraph

_VERDICTS: tuple[Verdict, ...] = ("checked", "repaired", "refuted", "observed")
_NO_TESTS = (
    "the tests are not part of the installed package: in a checkout of the project's repository this lists them, and "
    "`pytest -m statement` runs them"
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 if it was done, 2 for a statement that the ledger does not have."""
    options = _parser().parse_args(arguments)
    if not options.statement:
        print("\n".join(listing()))
        return 0
    try:
        entry = statement(" ".join(options.statement))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(description(entry, resolve_code=options.resolve)))
    return 0


def listing() -> Iterator[str]:
    """One line a statement, then the totals."""
    width = max(map(len, LEDGER))
    for entry in LEDGER.values():
        yield f"{entry.id:{width}}  {entry.verdict:8}  {entry.title}"
    yield ""
    yield totals()


def totals() -> str:
    """How many statements have each verdict."""
    count = Counter(entry.verdict for entry in LEDGER.values())
    return f"{len(LEDGER)} statements: " + ", ".join(f"{count[verdict]} {verdict}" for verdict in _VERDICTS)


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
    folder = own_tests()
    tests = [f"{form}: {name}" for form, name in marked_tests(folder).get(entry.id, [])]
    yield paragraph("tests", "\n".join(tests) or ("none" if folder else _NO_TESTS))


def _summary(name: str) -> str:
    return (resolve(name).__doc__ or "").partition("\n")[0]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m theory", description=__doc__)
    parser.add_argument(
        "statement", nargs="*", help="such as 3.3, theorem-3.3 or Theorem 3.3; all of them when left out"
    )
    parser.add_argument("--resolve", action="store_true", help="also what each of its code says of itself")
    return parser


if __name__ == "__main__":
    sys.exit(main())
