"""A formula that a statement quotes, and the code that computes it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Position: TypeAlias = Literal["lower", "upper", "equal"]

_BLANK = "…"
# What ends the words before a formula, and the side on which the formula then stands.
_BEFORE: Mapping[str, Position] = {
    "≤": "upper",
    "<": "upper",
    "at most": "upper",
    "within": "upper",
    "≥": "lower",
    ">": "lower",
    "at least": "lower",
    "=": "equal",
    "is": "equal",
    "about": "equal",
    "tends to": "equal",
    "clean error": "equal",
    "exactly with probability": "equal",
}
# What begins the words after a formula that has a mere "if", "and" or "with" before it.
_AFTER: Mapping[str, Position] = {"≤": "lower", "<": "lower", "≥": "upper", ">": "upper"}
_JOINTS = ("if", "and", "with")
_COMPLEMENT = " 1 -"
_OTHER_SIDE: Mapping[Position, Position] = {"lower": "upper", "upper": "lower", "equal": "equal"}
# After a formula: the end, punctuation, a relation or a word; anything else would go on with the expression.
_ENDS = re.compile(
    r"$|[,;:.](?:\s|$)|\s(?:[≤≥<>=]|/ polylog\b|\([A-Z][a-z]+\)"
    r"|(?!(?:ln|exp|min|max|tan|cot|arctan|sup|inf)\b)[a-z]{2,}(?:[,;:.]?(?:\s|$)))"
)


@dataclass(frozen=True)
class Formula:
    """A part of the text of a statement that is a formula, bound to the function that computes it.

    The text is the formula: `theory.ledger.notation` reads it, and `theory.ledger.bound_formulas` compares it with the
    function at admissible values, so that neither can change without the other.

    Attributes:
        text: stands in the statement word for word, such as "√(N ln(2/Δ) / 2)".
        relation: the words directly around it, with … in its place, such as "gap ≥ …" or "if … ≤ b"; they say on which
            side of what it stands.
        code: dotted name of the function.
        arguments: from its parameters to formulas in the symbols of the text, such as {"dim": "D_0 + 1"}; in brackets
            for an array of one number.
        at: ranges of the symbols, drawn uniformly; whole numbers if both ends are. All that is drawn is admissible.
        returns: what the function returns, in terms of "quoted" and of the symbols.
        part: of what it returns: an attribute or an index; all of it if empty.
        reads: symbols that the returned object itself fixes, and by which attribute.
        names: parts of the text that are read as something else, such as a measured quantity or an abbreviation.

    Raises:
        ValueError: if the relation has not one …, or says no side.
    """

    text: str
    relation: str
    code: str
    arguments: Mapping[str, str] = field(hash=False)
    at: Mapping[str, tuple[float, float]] = field(hash=False)
    returns: str = "quoted"
    part: str = ""
    reads: Mapping[str, str] = field(default_factory=dict, hash=False)
    names: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.relation.count(_BLANK) != 1:
            raise ValueError(f"the formula {self.text!r} needs one {_BLANK} in its relation, got {self.relation!r}")
        _ = self.side

    @property
    def side(self) -> Position:
        """Where the formula stands in its relation: "lower" is the smaller side.

        What "at least 1 - …" takes away is bounded from above: "upper".
        """
        before, _, after = (part.strip() for part in self.relation.partition(_BLANK))
        if before in _JOINTS:
            for sign, side in _AFTER.items():
                if after.startswith(sign):
                    return side
        complement = before.endswith(_COMPLEMENT)
        before = before.removesuffix(_COMPLEMENT)
        for words, side in _BEFORE.items():
            if before == words or before.endswith(f" {words}"):
                return _OTHER_SIDE[side] if complement else side
        raise ValueError(
            f"the formula {self.text!r} needs a relation that says its side: before {_BLANK} one of "
            f"{', '.join(_BEFORE)}, or {', '.join(_JOINTS)} there and a sign after it, got {self.relation!r}"
        )

    def stands_in(self, text: str) -> bool:
        """Whether the formula stands there once in its relation, and as an expression that neither end goes on."""
        quoted = self.relation.replace(_BLANK, self.text)
        before, found, after = text.partition(quoted)
        follows = self.relation.partition(_BLANK)[2] + after
        return bool(found) and quoted not in after and before[-1:] in ("", " ") and bool(_ENDS.match(follows))
