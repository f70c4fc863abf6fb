"""One statement of the paper as data."""

import textwrap
from dataclasses import dataclass
from typing import Literal, TypeAlias

from theory.ledger.formula import Formula
from theory.ledger.remark import Remark
from theory.ledger.witness import Witness

Kind: TypeAlias = Literal[
    "definition", "assumption", "proposition", "theorem", "corollary", "conjecture", "figure", "table", "claim"
]
Verdict: TypeAlias = Literal["checked", "repaired", "refuted", "observed"]

_NEVER_EMPTY = ("id", "title", "section", "printed", "source")
_WIDTH = 100


@dataclass(frozen=True, repr=False)
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
        fails: why the printed form is false or incomplete; empty if it is neither.
        repaired: the form that holds, with explicit constants; empty if the printed one does.
        sharper: of a printed form that holds, a stronger one that holds too, with explicit constants; or empty.
        formulas: those of the `strongest` form that code computes.
        hypotheses: of the repaired form, or of the printed one where that holds.
        uses: ids of the statements it rests on.
        witness: what breaks the printed form; None while there is none in the code.
        code: dotted names of what realises the statement: definitions, bounds, constructions, measurements.
        remarks: what was measured beside it, which no form of it says.
        source: where in the paper.

    Raises:
        ValueError: if a text that each statement needs is empty, a formula does not stand in the text in its relation,
            or the repaired or sharper form, what fails or the witness does not go with the verdict.
    """

    id: str
    title: str
    section: str
    kind: Kind
    printed: str
    verdict: Verdict
    source: str
    fails: str = ""
    repaired: str = ""
    sharper: str = ""
    formulas: tuple[Formula, ...] = ()
    hypotheses: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    witness: Witness | None = None
    remarks: tuple[Remark, ...] = ()
    code: tuple[str, ...] = ()

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
        if self.verdict != "checked" and self.sharper:
            raise ValueError(
                f"statement {self.id!r} has the verdict {self.verdict!r} and needs no sharper form, for only one that "
                f'holds as printed ("checked") is sharpened, got {self.sharper!r}'
            )
        fails = self.verdict in ("repaired", "refuted")
        if fails != bool(self.fails.strip()):
            raise ValueError(
                f"statement {self.id!r} has the verdict {self.verdict!r} and needs "
                f"{'a sentence why the printed form' if fails else 'nothing that'} fails, got {self.fails!r}"
            )
        if self.witness and not fails:
            raise ValueError(
                f"statement {self.id!r} has a witness against it, {self.witness.name!r}, and the verdict "
                f'{self.verdict!r}: it needs "repaired" or "refuted"'
            )
        for formula in self.formulas:
            if not formula.stands_in(self.strongest):
                raise ValueError(
                    f"statement {self.id!r} needs each of its formulas in its text, once and word for word, in its "
                    f"relation and with nothing that goes on with it at either end, got {formula.text!r} in "
                    f"{formula.relation!r}: change both, and the code if the formula or its side changes"
                )

    def __repr__(self) -> str:
        return f"Statement({self.id!r}, {self.verdict!r})"

    def __str__(self) -> str:
        return "\n".join([self.heading, "", *(paragraph(name, text) for name, text in self.fields if text)])

    @property
    def heading(self) -> str:
        """Id, title and verdict in one line."""
        return f"{self.id}: {self.title} [{self.verdict}]"

    @property
    def strongest(self) -> str:
        """The form that is known to hold, or is measured: the repaired or the sharper one, else the printed one."""
        return self.repaired or self.sharper or self.printed

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """All that the ledger says of it, as names and texts, in the order in which it is read; a text may be empty."""
        return (
            ("printed", self.printed),
            ("why it fails", self.fails),
            ("witness", str(self.witness) if self.witness else ""),
            ("measured" if self.verdict == "observed" else "repaired", self.repaired),
            ("sharper", self.sharper),
            ("hypotheses", "; ".join(self.hypotheses)),
            ("formulas", "\n".join(f"{formula.text}   by {formula.code}" for formula in self.formulas)),
            ("remarks", "\n".join(map(str, self.remarks))),
            ("code", ", ".join(self.code)),
            ("uses", ", ".join(self.uses)),
            ("source", self.source),
        )


def paragraph(name: str, text: str) -> str:
    """A text with its name, wrapped; each of its lines begins a new one."""
    filled = [
        textwrap.fill(
            f"{name + ':' if i == 0 else '':14}{line}",
            _WIDTH,
            subsequent_indent=" " * 14,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for i, line in enumerate(text.split("\n"))
    ]
    return "\n".join(filled)
