"""The ledger: every statement of the paper, in its order, with our verdict on the printed form."""

import difflib
import re
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from types import MappingProxyType
from typing import Any

from theory.ledger import introduction, later, section3, section4, section5, section6
from theory.ledger.formula import Formula
from theory.ledger.statement import Kind, Statement, Verdict
from theory.ledger.witness import Side, Witness

__all__ = [
    "LATER",
    "LEDGER",
    "Formula",
    "Kind",
    "Side",
    "Statement",
    "Verdict",
    "Witness",
    "ledger",
    "resolve",
    "statement",
]


def ledger(statements: Iterable[Statement]) -> Mapping[str, Statement]:
    """The statements by id, in the given order, read-only.

    Raises:
        ValueError: if two have one id, one uses an id that is not there, or some use each other in a cycle.
    """
    entries: dict[str, Statement] = {}
    for entry in statements:
        if entry.id in entries:
            raise ValueError(f"two statements have the id {entry.id!r}: {entries[entry.id].title!r}, {entry.title!r}")
        entries[entry.id] = entry
    for entry in entries.values():
        for used in entry.uses:
            if used not in entries:
                raise ValueError(f"statement {entry.id!r} uses {_unknown(used, entries)}")
    try:
        TopologicalSorter({entry.id: entry.uses for entry in entries.values()}).prepare()
    except CycleError as error:
        raise ValueError(f"statements use each other in a cycle: {' <- '.join(error.args[1])}") from None
    return MappingProxyType(entries)


def statement(name: str) -> Statement:
    """The entry of the ledger with this id, title or number, such as "theorem-3.3", "Theorem 3.3" or "3.3".

    A part is "3.4-i", "corollary-3.4-i" or "Corollary 3.4 (i)". A number without a kind has a dot: "3" may be a section
    or a figure. An entry of `LATER` begins with "later": "later-theorem-5.9", "later 5.9".

    Raises:
        ValueError: if there is none, or several; the message lists the nearest ids.
    """
    wanted = _normal(name)
    if wanted in LEDGER:
        return LEDGER[wanted]
    if wanted.startswith(_LATER):
        return _later(wanted)
    numbered = [key for key in LEDGER if _NUMBER.fullmatch(wanted) and key.partition("-")[2] == wanted]
    if "." in wanted and len(numbered) == 1:
        return LEDGER[numbered[0]]
    raise ValueError(f"the ledger has no statement {_unknown(name, LEDGER, [*numbered, *_of_number(wanted)])}")


def _later(wanted: str) -> Statement:
    rest = wanted.removeprefix(_LATER)
    found = [key for key in LATER if key == wanted or ("." in rest and key.endswith(f"-{rest}"))]
    if len(found) != 1:
        raise ValueError(f"the later versions have no statement {_unknown(wanted, LATER, found)}")
    return LATER[found[0]]


def resolve(dotted: str) -> Any:
    """What a dotted name stands for: "theory.setting.norms.norm", or an attribute of a class.

    Raises:
        ValueError: if the module does not exist or has no such attribute.
    """
    module_name, _, name = dotted.rpartition(".")
    if not all(part.isidentifier() for part in dotted.split(".")) or not module_name:
        raise ValueError(f"a dotted name needs the form 'package.module.name', got {dotted!r}")
    # By PEP 8 a capital begins the name of a class, and no name of a module.
    if module_name.rpartition(".")[2][:1].isupper():
        owner = resolve(module_name)
        known = {*dir(owner), *getattr(owner, "__dataclass_fields__", ())}
        if name not in known:
            raise ValueError(f"{dotted!r} is stale: class {module_name!r} has no {_unknown(name, known)}")
        return getattr(owner, name, None)
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        # A module that exists and lacks one of its own imports is another fault, and keeps its own error.
        if not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise ValueError(f"{dotted!r} is stale: there is no module {error.name!r}") from error
    if not hasattr(module, name):
        raise ValueError(f"{dotted!r} is stale: module {module_name!r} has no {_unknown(name, vars(module))}")
    return getattr(module, name)


def _normal(name: str) -> str:
    """As ids are written: "Corollary 3.4 (i)" is "corollary-3.4-i"."""
    return "-".join(re.sub(r"[()–—-]", " ", name).lower().split())


def _of_number(wanted: str) -> list[str]:
    """Ids with the number that stands in a name, or of the section with that number."""
    found = re.search(r"\d+(\.\d+)?", wanted)
    if not found:
        return []
    number = found.group()
    named = [key for key in LEDGER if number in key.split("-")]
    return named or [key for key, entry in LEDGER.items() if number in (entry.section, entry.section.split(".")[0])]


def _unknown(wanted: str, known: Iterable[str], first: Iterable[str] = ()) -> str:
    near = dict.fromkeys([*first, *difflib.get_close_matches(wanted, list(known), cutoff=0.5)])
    return f"{wanted!r}" + (f"; near matches: {', '.join(near)}" if near else "")


_NUMBER = re.compile(r"\d+(\.\d+)?(-\w+)?")
_LATER = "later-"

LEDGER: Mapping[str, Statement] = ledger(
    (*introduction.STATEMENTS, *section3.STATEMENTS, *section4.STATEMENTS, *section5.STATEMENTS, *section6.STATEMENTS)
)
# Later versions of the paper are a group of their own: they rest on the ledger, and it does not on them.
LATER: Mapping[str, Statement] = MappingProxyType(
    {name: entry for name, entry in ledger((*LEDGER.values(), *later.STATEMENTS)).items() if name not in LEDGER}
)
