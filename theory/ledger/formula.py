"""A formula that a statement quotes, and the code that computes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Formula:
    """A part of the text of a statement that is a formula, bound to the function that computes it.

    The text is the formula: `theory.ledger.notation` reads it, and `theory.ledger.bound_formulas` compares it with the
    function at admissible values, so that neither can change without the other.

    Attributes:
        text: stands in the statement word for word, such as "√(N ln(2/Δ) / 2)".
        code: dotted name of the function.
        arguments: from its parameters to formulas in the symbols of the text, such as {"dim": "D_0 + 1"}; in brackets
            for an array of one number.
        at: ranges of the symbols, drawn uniformly; whole numbers if both ends are. All that is drawn is admissible.
        returns: what the function returns, in terms of "quoted" and of the symbols.
        part: of what it returns: an attribute or an index; all of it if empty.
        reads: symbols that the returned object itself fixes, and by which attribute.
        names: parts of the text that are read as something else, such as a measured quantity or an abbreviation.
    """

    text: str
    code: str
    arguments: Mapping[str, str] = field(hash=False)
    at: Mapping[str, tuple[float, float]] = field(hash=False)
    returns: str = "quoted"
    part: str = ""
    reads: Mapping[str, str] = field(default_factory=dict, hash=False)
    names: Mapping[str, str] = field(default_factory=dict, hash=False)
