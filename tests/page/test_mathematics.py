"""Formulas as MathML: each is what was written, and what is none stays text."""

import re
from html import unescape
from unicodedata import normalize

import pytest

from audit.mathml import display
from audit.running import running, segments
from theory import LATER, LEDGER

ENTRIES = [*LEDGER.values(), *LATER.values()]
SIGNS = str.maketrans({"−": "-", "∑": "Σ", "⋃": "∪", "²": "2", "³": "3", "¹": "1", "⁺": "+", "ᵀ": "T", "\u00a0": None})
# Signs that say how a formula is set, and blanks.
SETTING = re.compile("[ {}_^\u0302\u0303~\u2060]")


def letters(text: str) -> str:
    """Without all that only says how it is set; and without brackets where a root has made some needless."""
    bare = SETTING.sub("", normalize("NFD", text).translate(SIGNS))
    return re.sub("[()]", "", bare) if "√" in bare else bare


def shown(html: str) -> str:
    """The letters of what a reader sees."""
    return letters(unescape(re.sub("<[^>]+>", "", html.replace("<msqrt>", "√"))))


def is_typeset(formula: str) -> bool:
    return display(formula).startswith("<math")


def texts(entry) -> list[str]:
    return [entry.printed, entry.fails, entry.repaired, entry.sharper, *entry.hypotheses, entry.title]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_typesetting_changes_no_letter(entry) -> None:
    known = [formula.text for formula in entry.formulas]
    for text in texts(entry):
        assert "".join(part for part, _ in segments(text, known)) == text
        assert shown(running(text, known)) == letters(text)


@pytest.mark.parametrize("formula", [f for entry in ENTRIES for f in entry.formulas], ids=lambda formula: formula.text)
def test_every_formula_that_code_computes_is_typeset(formula) -> None:
    assert is_typeset(formula.text)
    stacked = shown(display(formula.text))
    # A fraction loses its stroke, and the brackets that it makes needless.
    assert re.sub("[/()]", "", stacked) == re.sub("[/()]", "", letters(formula.text))


def test_few_formulas_of_the_ledger_stay_text() -> None:
    left = [
        part
        for entry in ENTRIES
        for text in texts(entry)
        for part, is_formula in segments(text, [formula.text for formula in entry.formulas])
        if is_formula and not is_typeset(part)
    ]
    assert len(left) <= 6, left


@pytest.mark.parametrize(
    ("text", "mathml"),
    [
        ("a/b", "<mfrac><mrow><mi>a</mi></mrow><mi>b</mi></mfrac>"),
        ("N(N-1)/2", "<mn>2</mn></mfrac>"),
        ("(a + b)/(c d)", '<mfrac><mrow><mi>a</mi><mo form="infix">+</mo><mi>b</mi></mrow><mrow><mi>c</mi>'),
        ("x_i^2", "<msubsup><mi>x</mi><mi>i</mi><mi>2</mi></msubsup>".replace("<mi>2</mi>", "<mn>2</mn>")),
        ("√(2t)", "<msqrt><mrow><mn>2</mn><mi>t</mi></mrow></msqrt>"),
        ("f̂", '<mover accent="true"><mi>f</mi>'),
        ("log2(n)", "<msub><mi>log</mi><mn>2</mn></msub>"),
        ("a <= b", "<mi>a</mi><mo>≤</mo><mi>b</mi>"),
        ("w*", "<msup><mi>w</mi><mo>*</mo></msup>"),
    ],
)
def test_how_a_formula_is_set(text: str, mathml: str) -> None:
    assert mathml in display(text)


def test_a_hyphen_behind_a_symbol_is_no_minus() -> None:
    assert running("some μ_0-balanced D").endswith('</math>-balanced <math alttext="D"><mi>D</mi></math>')
    assert "−" in running("with x_0-y")


@pytest.mark.parametrize("text", ["(a", "a)", "/b", "√", "x_", "a ∮ b", "‖x"])
def test_what_cannot_be_read_stays_as_it_is(text: str) -> None:
    assert "<math" not in display(text)
    assert shown(display(text)) == letters(text)


@pytest.mark.parametrize(
    "text",
    [
        "A classifier that is right, (i) or (iii), at 5 % of 0-1 losses.",
        "as theory.gaussian.laws has it, and claim-small-margin-count.",
        "Li, Fang, Xu, Zhao (2020) have it.",
        "well-known max-margin data of a large margin",
    ],
)
def test_words_are_no_formulas(text: str) -> None:
    assert running(text) == text
