"""The formulas of the ledger, in the characters in which they are written, as MathML.

N(N-1)/2 · e^{-t}     a fraction takes the product before `/` and the factor behind it, as `theory.ledger.notation`
L_S^{adv,δ}(f̂)        scripts: one name or what stands in braces; ², ³, ⁺, ᵀ and a * that touches a name
√(2D_0), ‖ξ‖_p, |a|   roots, norms, bars, ⌈ ⌉, ⟨ ⟩
min over J of 2^-J    words stay words
"""

import re
from dataclasses import dataclass
from html import escape
from unicodedata import normalize

_LETTER = re.compile("[A-Za-z\u00c0-\u00ff\u0370-\u03ffℓ][\u0302\u0303]?")
_ACCENTS = {"\u0302": "^", "\u0303": "~"}
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_WORD = re.compile(r"[A-Za-z]{2,}\d?")
_SCRIPT = re.compile(r"-?(?:[A-Za-z0-9]+\*?|[\u0370-\u03ff∞+*])")
_RAISED = {"²": "2", "³": "3", "¹": "1", "⁺": "+", "ᵀ": "T", "°": "°", "*": "*"}
_VALUES = "½¼¾⅝"
RELATIONS = "=<>≤≥≠∈≈≪≲→↦⊥←~:"
_OF_TWO = {"<=": "≤", ">=": "≥"}
_SIGNS = "+-·∩∪∘,;…%'"
_BIG = {"Σ": "∑", "∪": "⋃"}
_PREFIXES = "∂∇∠∞"
_CLOSED_BY = {"(": ")", "[": "]", "{": "}", "⟨": "⟩", "⌈": "⌉"}
# Names of more than one letter; any other word of two letters is a product.
FUNCTIONS = {"ln", "exp", "log", "log2", "min", "max", "sup", "inf", "tan", "cot", "arctan", "sgn", "vol", "sign"}
_NAMES = {"DB", "VC"}
_PROSE = {"of", "if", "is", "in", "to", "or", "at", "by", "on", "as", "an", "no", "be", "so", "it"}
_BLANK = '<mspace width="0.17em"></mspace>'


def display(text: str) -> str:
    """One formula as MathML; the escaped text where it cannot be read."""
    try:
        found = Reader(text, stacked=True).all()
    except ValueError:
        return escape(text)
    return f'<math display="block" alttext="{escape(text)}">{"".join(part.mathml for part in found)}</math>'


@dataclass
class Part:
    """One element, and the source that it stands for."""

    mathml: str
    source: str
    breaks: bool = False
    ends: bool = False


class Reader:
    """Reads a formula from left to right; with fractions stacked, or on one line as they are written."""

    def __init__(self, text: str, *, stacked: bool) -> None:
        self.text = text
        self.stacked = stacked
        self.at = 0

    def all(self) -> list[Part]:
        found = self.sequence("")
        if self.at < len(self.text):
            raise ValueError(f"{self.text!r}: {self.text[self.at :]!r} is left")
        return found

    def sequence(self, closing: str) -> list[Part]:
        """Elements up to a closing bracket, which is left; the product before a `/` becomes a numerator."""
        found: list[Part] = []
        product = 0
        while self.at < len(self.text) and self.text[self.at] not in (closing or "\0"):
            start, sign = self.at, self.text[self.at]
            if sign in ")]}⟩⌉":
                raise ValueError(f"{self.text!r} has a {sign} too many")
            if sign == " ":
                self.at += 1
                if found:
                    found[-1].source += " "
                    # A blank between two factors stays a small one.
                    found[-1].mathml += _BLANK if product < len(found) and self.at_factor() else ""
                continue
            if sign == "/" and not self.stacked:
                self.at += 1
                found.append(Part('<mo lspace="0.1em" rspace="0.1em">/</mo>', sign, bool(found)))
                continue
            if sign == "/":
                self.at += 1
                self.blanks()
                numerator, below = found[product:], self.factor()
                if not numerator:
                    raise ValueError(f"{self.text!r} divides nothing")
                source = "".join(part.source for part in numerator) + self.text[start : self.at]
                above = _row([part.mathml for part in numerator])
                found[product:] = [Part(f"<mfrac>{_bare(above)}{_bare(below)}</mfrac>", source)]
                continue
            if (two := self.text[self.at : self.at + 2]) in _OF_TWO:
                self.at += 2
                found.append(Part(f"<mo>{_OF_TWO[two]}</mo>", two, bool(found)))
                product = len(found)
                continue
            indexed = sign in _BIG and self.text[self.at + 1 : self.at + 2] == "_"
            if sign in RELATIONS + _SIGNS and not indexed:
                self.at += 1
                form = ' form="infix"' if found and sign not in ",;…'" else ""
                shown = {"-": "−", "<": "&lt;", ">": "&gt;"}.get(sign, sign)
                breaks = bool(found) and sign in RELATIONS + "+-·"
                found.append(Part(f"<mo{form}>{shown}</mo>", sign, breaks, sign in ",;"))
                product = len(found)
                continue
            words = _WORD.match(self.text, self.at)
            if words and self.is_prose(words):
                self.at = words.end()
                found.append(Part(f"<mtext>&nbsp;{words.group()}&nbsp;</mtext>", words.group(), True))
                product = len(found)
                continue
            found.append(Part(self.factor(), self.text[start : self.at]))
        return found

    def at_factor(self) -> bool:
        sign = self.text[self.at : self.at + 1]
        return bool(sign) and (sign.isalnum() or sign in "(‖|√⟨⌈∂∇")

    def is_prose(self, word: re.Match[str]) -> bool:
        text, follows = word.group(), self.text[word.end() : word.end() + 1]
        if text in FUNCTIONS | _NAMES or follows in ("(", "_", "^"):
            return False
        return len(text) > 2 or text in _PROSE

    def factor(self) -> str:
        """One factor with its scripts."""
        base = self.atom()
        lower = upper = ""
        while self.at < len(self.text):
            sign = self.text[self.at]
            if sign == "_" and not lower:
                lower = self.script()
            elif sign == "^" and not upper:
                upper = self.script()
            elif sign in _RAISED:
                self.at += 1
                raised = f"<mo>{_RAISED[sign]}</mo>" if sign in "⁺°*" else f"<mn>{_RAISED[sign]}</mn>"
                upper = f"<mrow>{upper}{raised}</mrow>" if upper else raised
            else:
                break
        if lower and upper:
            return f"<msubsup>{base}{lower}{upper}</msubsup>"
        if lower:
            return f"<msub>{base}{lower}</msub>"
        return f"<msup>{base}{upper}</msup>" if upper else base

    def script(self) -> str:
        self.at += 1
        if self.text[self.at : self.at + 1] == "{":
            self.at += 1
            return self.bracketed("}")
        minus = self.text[self.at : self.at + 2] == "-("
        if minus or self.text[self.at : self.at + 1] == "(":
            self.at += 1 + minus
            inside = self.bracketed(")")
            return f"<mrow><mo>−</mo>{_fenced('(', inside, ')')}</mrow>" if minus else inside
        found = _SCRIPT.match(self.text, self.at)
        if not found:
            raise ValueError(f"{self.text!r} needs a script after {self.text[: self.at]!r}")
        self.at = found.end()
        text = found.group()
        kind = "mn" if text.lstrip("-").isdigit() else "mo" if text in "+*" else "mi"
        return f"<{kind}>{text.replace('-', '−')}</{kind}>"

    def bracketed(self, closing: str) -> str:
        inside = self.sequence(closing)
        if self.text[self.at : self.at + 1] != closing:
            raise ValueError(f"{self.text!r} needs a {closing}")
        self.at += 1
        return _row([part.mathml for part in inside])

    def atom(self) -> str:
        if self.at >= len(self.text):
            raise ValueError(f"{self.text!r} ends early")
        sign = self.text[self.at]
        if sign in _CLOSED_BY:
            self.at += 1
            closing = _CLOSED_BY[sign]
            return _fenced(sign, self.bracketed(closing), closing)
        if sign in "‖|":
            return self.between(sign)
        if sign in ("√", *_BIG) or sign in _PREFIXES + _VALUES:
            self.at += 1
            if sign == "√":
                return f"<msqrt>{_bare(self.factor())}</msqrt>"
            if sign in _BIG:
                return f"<mo>{_BIG[sign]}</mo>"
            return f"<{'mn' if sign in _VALUES else 'mi'}>{sign}</{'mn' if sign in _VALUES else 'mi'}>"
        if found := _NUMBER.match(self.text, self.at):
            self.at = found.end()
            return f"<mn>{found.group()}</mn>"
        word = _WORD.match(self.text, self.at)
        if word and self.is_name(word):
            self.at = word.end()
            name = word.group()
            if name == "log2":
                return "<msub><mi>log</mi><mn>2</mn></msub>" + self.gap()
            return f"<mi>{name}</mi>" + (self.gap() if name in FUNCTIONS else "")
        if found := _LETTER.match(self.text, self.at):
            self.at = found.end()
            letter, accent = (*normalize("NFD", found.group()), "")[:2]
            base = f"<mi>{letter}</mi>"
            return (
                f'<mover accent="true">{base}<mo stretchy="false">{_ACCENTS[accent]}</mo></mover>'
                if accent in _ACCENTS
                else base
            )
        raise ValueError(f"{self.text!r}: {sign!r} is no part of a formula")

    def is_name(self, word: re.Match[str]) -> bool:
        return word.group() in FUNCTIONS | _NAMES or len(word.group()) > 2

    def between(self, bar: str) -> str:
        """Between two bars; one alone is that of a condition."""
        start = self.at
        self.at += 1
        try:
            inside = self.bracketed(bar)
        except ValueError:
            if bar == "‖":
                raise
            self.at = start + 1
            return "<mo>|</mo>"
        return _fenced(bar, inside, bar)

    def gap(self) -> str:
        """Behind the name of a function whose argument has no brackets."""
        self.blanks()
        return "" if self.text[self.at : self.at + 1] in ("(", "_", "^", "", *_RAISED) else _BLANK

    def blanks(self) -> None:
        while self.text[self.at : self.at + 1] == " ":
            self.at += 1


def _fenced(opening: str, inside: str, closing: str) -> str:
    """Brackets that grow only around a fraction: fonts without a size between make them too large."""
    fixed = "" if "<mfrac>" in inside else ' stretchy="false"'
    return f"<mrow><mo{fixed}>{opening}</mo>{inside}<mo{fixed}>{closing}</mo></mrow>"


def _row(parts: list[str]) -> str:
    return f"<mrow>{''.join(parts)}</mrow>"


def _bare(mathml: str) -> str:
    """Without the brackets around the whole, which a fraction or a root makes needless."""
    for row in (mathml, mathml.removeprefix("<mrow>").removesuffix("</mrow>")):
        opened = re.fullmatch(
            r'<mrow><mo(?: stretchy="false")?>\(</mo>(<mrow>.*</mrow>)<mo(?: stretchy="false")?>\)</mo></mrow>', row
        )
        if opened and _is_one(opened[1]):
            return opened[1]
    return mathml


def _is_one(row: str) -> bool:
    """Whether the first `<mrow>` ends with the text."""
    depth = 0
    for found in re.finditer(r"</?mrow>", row):
        depth += 1 if found.group() == "<mrow>" else -1
        if depth == 0:
            return found.end() == len(row)
    return False
