"""One statement of the paper as data."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "definition", "assumption", "proposition", "theorem", "corollary", "conjecture", "figure", "table", "claim"
]
Verdict: TypeAlias = Literal["checked", "repaired", "refuted", "observed"]

_NEVER_EMPTY = ("id", "title", "section", "printed", "source")


@dataclass(frozen=True)
class Statement:
    """A numbered item, definition or claim of the paper, and what the ledger says of its printed form.

    Verdicts: "checked", it holds as printed; "repaired", it is false or incomplete as printed, and the repaired
    form holds; "refuted", it is false as printed, and what holds instead (`repaired`, if known) says something
    else; "observed", it is empirical, and `repaired` is the form that is measured. A definition or an
    assumption is "checked" when it is well posed and can be met as printed.

    What tests did about it is no field: that is computed from a run.

    Attributes:
        id: such as "theorem-3.3"; part (i) of a statement is `id + "-i"`.
        title: a few words.
        section: of the paper, such as "3.1".
        kind: what the paper calls it; "claim" for what it says without a number.
        printed: the printed form in our words.
        verdict: on the printed form; of several parts the worst.
        repaired: the form that holds, with explicit constants; empty if the printed one does.
        hypotheses: of the repaired form, or of the printed one where that holds.
        uses: ids of the statements it rests on.
        witness: dotted name of what breaks the printed form; empty while there is none in the code.
        source: where in the paper.

    Raises:
        ValueError: if a text that each statement needs is empty, or the repaired form or the witness does not
            go with the verdict.
    """

    id: str
    title: str
    section: str
    kind: Kind
    printed: str
    verdict: Verdict
    source: str
    repaired: str = ""
    hypotheses: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    witness: str = ""

    def __post_init__(self) -> None:
        for name in _NEVER_EMPTY:
            if not getattr(self, name).strip():
                raise ValueError(f"statement {self.id!r} needs a non-empty {name}")
        if self.verdict == "repaired" and not self.repaired.strip():
            raise ValueError(f'statement {self.id!r} has the verdict "repaired" and needs the repaired form, got ""')
        if self.verdict == "checked" and self.repaired:
            raise ValueError(
                f'statement {self.id!r} has the verdict "checked" and needs no repaired form, got {self.repaired!r}'
            )
        if self.witness and self.verdict in ("checked", "observed"):
            raise ValueError(
                f"statement {self.id!r} has a witness against it, {self.witness!r}, and the verdict {self.verdict!r}: "
                'it needs "repaired" or "refuted"'
            )
