"""The formulas in running text: found by their characters, and typeset in pieces between which a line may break."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape

from audit.mathml import FUNCTIONS, RELATIONS, Part, Reader

_OPEN, _SHUT = "([{⟨⌈", ")]}⟩⌉"
_STOPS = ",;:.”"
_TELLING = re.compile("[\u0370-\u03ff\u0302_^=<>+|{}√Σ‖·≤≥≠∈≈≪≲→↦∩∪∘∂∇∠∞½¼¾⅝²³⟨⟩⌈⌉ÕÕûℓ]")
_SHORT = re.compile(
    r"[B-HJ-Zb-z]|[\[(]-?\d.*|\(?[A-Za-z]{1,2}\*?\(.*|\([b-hj-z]|(?:min|max|exp|ln|log2?|tan|cot|arctan|inf|sup|vol|sgn)\(.*"
    r"|[\w()]+/[\w()]+|\d+[A-Za-z]{1,2}|[A-Za-z]\*"
)
_OPERATOR = re.compile("[-+·/=<>≤≥≠∈≈≪≲→↦∩∪∘]")
# Words, with a hyphen too; numbers; parts such as (i); names of code and ids of statements.
_PLAIN = re.compile(
    r"\(\d+[),.;]*|[\"'“”(]*[A-Za-z]{3,}(?:[-'’/][A-Za-z]+)*[\"'“”)]*|\([ivx]+\)|\d+-\d+|\d+(?:st|nd|rd|th|°)|[aAIO]"
    r"|\(?[A-Za-z_]+\.[A-Za-z_.]+\)?|[a-z]+-\d[\w.-]*|[a-z]+(?:-[a-z]+)+(?:-[\w.]+)?|[…:]|[\w.]+/[\w./]+\.\w+|and/or"
)
# A word that a hyphen joins to a symbol, as in μ_0-balanced, is no term of a difference.
_TOKEN = re.compile(r"\S*[_^\u0370-\u03ff]\S*?(?=-[a-z]{4,}(?![a-z(_^]))|\S+|\s+")
# A piece of running text does not go on much longer on its line.
_LONGEST = 24
_JOINED = "&#8288;"


def running(text: str, known: Iterable[str] = ()) -> str:
    """Text with its formulas as MathML, in pieces between which a line may break; `known` as for `segments`."""
    shown, behind = "", False
    for part, is_formula in segments(text, known):
        # No line begins with the comma behind a formula.
        shown += _inline(part) if is_formula else (_JOINED if behind and part[0] in _STOPS else "") + escape(part)
        behind = is_formula
    return shown


def _inline(text: str) -> str:
    try:
        found = Reader(text, stacked=False).all()
    except ValueError:
        return escape(text)
    shown = ""
    for piece in _pieces(found):
        # Where an operator has its own room a line may break, and nothing is added.
        shown += "" if not shown else " " if shown.endswith(",</mo></math>") else "<wbr>"
        shown += f'<math alttext="{escape(piece.source)}">{"".join(piece.parts)}</math>'
    return shown


@dataclass
class _Piece:
    parts: list[str] = field(default_factory=list)
    source: str = ""


def _pieces(parts: list[Part]) -> Iterator[_Piece]:
    """Broken before relations, after commas, and before a sign where it would get long."""
    piece, left = _Piece(), sum(len(part.source) for part in parts)
    for part in parts:
        relation = part.source.strip() in RELATIONS
        long = len(piece.source) > _LONGEST
        breaks = part.breaks and (relation or long)
        # Not between a function and its argument.
        breaks |= long and not part.source.startswith(("(", "[")) and piece.source.endswith((" ", ")"))
        if piece.parts and breaks and left > 4:
            yield piece
            piece = _Piece()
        piece.parts.append(part.mathml)
        piece.source += part.source
        left -= len(part.source)
        if part.ends:
            yield piece
            piece = _Piece()
    if piece.parts:
        yield piece


def segments(text: str, known: Iterable[str] = ()) -> Iterator[tuple[str, bool]]:
    """The text in order, as parts that are formulas and parts that are not.

    Args:
        text: of a statement.
        known: parts that are formulas, whatever they look like.
    """
    quoted = sorted({formula for formula in known if formula in text}, key=len, reverse=True)
    if not quoted:
        yield from _found(text)
        return
    for part in re.split(f"({'|'.join(map(re.escape, quoted))})", text):
        if part in quoted:
            yield part, True
        elif part:
            yield from _found(part)


def _found(text: str) -> Iterator[tuple[str, bool]]:
    tokens = _TOKEN.findall(text)
    plain, k = "", 0
    while k < len(tokens):
        stop = _end_of_formula(tokens, k)
        if stop == k:
            plain += tokens[k]
            k += 1
            continue
        before, formula, after = _trimmed("".join(tokens[k:stop]))
        if plain + before:
            yield plain + before, False
        yield formula, True
        plain, k = after, stop
    if plain:
        yield plain, False


def _end_of_formula(tokens: list[str], k: int) -> int:
    """Behind the formula that begins at the token, or the token itself."""
    depth, stop, j = 0, k, k
    while j < len(tokens):
        token = tokens[j]
        if token.isspace():
            if j == k:
                return k
            j += 1
            continue
        if depth <= 0 and not _belongs(tokens, j):
            break
        depth += _balance(token)
        j += 1
        stop = j
        if depth <= 0 and token[-1] in _STOPS:
            break
    # What never closes is no formula; nor is a number alone.
    return k if depth > 0 or not _telling(_trimmed("".join(tokens[k:stop]))[1]) else stop


def _belongs(tokens: list[str], j: int) -> bool:
    core = tokens[j].rstrip(_STOPS)
    before = tokens[j - 2] if j > 1 else ""
    after = tokens[j + 2] if j + 2 < len(tokens) and core == tokens[j] else ""
    if core in FUNCTIONS:
        return _telling(after)
    if core in ("a", "A", "b") or re.fullmatch(r"\d[\d.,]*", core):
        return bool(_OPERATOR.fullmatch(before) or _OPERATOR.fullmatch(after)) or (
            core != "a" and _telling(after) and core[0].isdigit()
        )
    if core == "-" or core == "/":
        return bool(before and after)
    return not _PLAIN.fullmatch(core) and _telling(core)


def _telling(text: str) -> bool:
    text = text.rstrip(_STOPS)
    return bool(_TELLING.search(text) or _SHORT.fullmatch(text)) and not _PLAIN.fullmatch(text)


def _trimmed(text: str) -> tuple[str, str, str]:
    """Without the punctuation behind it, and without a bracket that closes outside."""
    after = ""
    while text and (text[-1] in _STOPS or (text[-1] in _SHUT and _balance(text) < 0)):
        text, after = text[:-1], text[-1] + after
    return "", text, after


def _balance(text: str) -> int:
    return sum(text.count(sign) for sign in _OPEN) - sum(text.count(sign) for sign in _SHUT)
