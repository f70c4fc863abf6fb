"""Docstrings cite the statements of the paper in one spelling, and cite what the ledger has.

    Source: Theorem 5.2, repaired form.
    Source: Proposition 3.2 (iii), printed form; it has no bound on N.
    Source: claim-standard-bound, repaired form; Vapnik and Chervonenkis (1971).

First the items of this paper, each a kind and a number with the part in brackets, or an id of the ledger for what has
no number; then its form where it matters; after a semicolon other literature with its year, or a few free words.
"""

import re
from pathlib import Path

import pytest

from theory.ledger.ledger import LEDGER, statement

ROOT = Path(__file__).parents[2]
KINDS = "Theorem|Proposition|Corollary|Assumption|Figure|Table"
CITATION = re.compile(
    rf"(?P<item>(?:{KINDS}) \d+(?:\.\d+)?(?: \((?:i|ii|iii)\))?|[a-z]+(?:-[a-z0-9.]+)+)"
    r"(?:, (?:printed|repaired|sharper) form)?"
)
NAMES_AN_ITEM = re.compile(rf"\b(?:{KINDS}) \d|\bsections? \d|\b(?:{'|'.join(map(re.escape, LEDGER))})\b")
YEAR = re.compile(r"\((?:[A-Z]\w+ )?(?:19|20)\d\d\)")


def sources(text: str) -> list[str]:
    """What follows each `Source:`, up to the end of its sentence."""
    found = re.findall(r"Source: (.*?)(?:(?<!et al)\.(?=\s|\"\"\")|\n\s*\n|\Z)", text, flags=re.DOTALL)
    return [" ".join(source.split()) for source in found]


def wrong(source: str) -> list[str]:
    """What is misspelt in one source, or cites what there is not."""
    clauses = [clause.strip() for clause in source.split(";")]
    faults, cites = [], False
    for clause in clauses:
        match = CITATION.fullmatch(clause)
        if match:
            cites = True
            try:
                statement(match["item"])
            except ValueError as error:
                faults.append(str(error))
        elif YEAR.search(clause):
            cites = True
        elif NAMES_AN_ITEM.search(clause):
            faults.append(f"{clause!r} is no citation: write such as 'Theorem 5.2, repaired form'")
    return faults if faults or cites else [f"{source!r} cites nothing"]


ALL = [
    (str(path.relative_to(ROOT)), source)
    for package in ("theory", "constructions", "empirics")
    for path in sorted((ROOT / package).rglob("*.py"))
    for source in sources(path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("path", "source"), ALL)
def test_a_source_is_spelt_as_all_are_and_names_what_there_is(path: str, source: str) -> None:
    assert wrong(source) == [], path


def test_there_are_sources() -> None:
    assert len(ALL) > 60
    assert sum(bool(CITATION.match(source)) for _, source in ALL) > 40


@pytest.mark.parametrize(
    "source",
    [
        "Theorem 5.2, repaired",
        "Theorem 5.2 (repaired form)",
        "proof of Theorem 3.5; Bartlett et al. (2019)",
        "Theorem 5.9, repaired form",
        "Proposition 3.3",
        "Proposition 3.2 (iv)",
        "section 6, first formula",
        "claim-standard-bounds",
        "derived here",
    ],
)
def test_another_spelling_is_found(source: str) -> None:
    assert wrong(source) != []


@pytest.mark.parametrize(
    "source",
    [
        "Theorem 5.2, repaired form",
        "Proposition 3.2 (iii), printed form; it has no bound on N",
        "definition-f-adv",
        "Theorem 3.3; Figure 3; Weng et al. (2018), Theorem 7",
        "Li, Fang, Xu, Zhao (ICLR 2020), where adversarial training converges to it",
    ],
)
def test_the_spelling_is_accepted(source: str) -> None:
    assert wrong(source) == []


def test_a_source_ends_with_its_sentence() -> None:
    text = '"""A.\n\n    Source: Theorem 3.3, repaired form; for p = 1\n    and 2. It serves.\n\n'
    text += '    Source: a et al. (2018), v1.2."""'
    assert sources(text) == ["Theorem 3.3, repaired form; for p = 1 and 2", "a et al. (2018), v1.2"]
