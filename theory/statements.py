"""The ledger: every statement of the paper, in its order, with our verdict on the printed form."""

import difflib
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from types import MappingProxyType

from theory.paper import introduction, section3, section4, section5, section6
from theory.paper.statement import Kind, Statement, Verdict

__all__ = ["LEDGER", "Kind", "Statement", "Verdict", "ledger", "resolve", "statement"]


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


def statement(statement_id: str) -> Statement:
    """The entry of the ledger with this id.

    Raises:
        ValueError: if there is none; the message lists the nearest ids.
    """
    if statement_id not in LEDGER:
        raise ValueError(f"the ledger has no statement {_unknown(statement_id, LEDGER)}")
    return LEDGER[statement_id]


def resolve(dotted: str) -> object:
    """The object of a module that a dotted name such as "theory.witnesses.discontinuity_of_f_adv" names.

    Raises:
        ValueError: if the module does not exist or has no such attribute.
    """
    module_name, _, name = dotted.rpartition(".")
    if not all(part.isidentifier() for part in dotted.split(".")) or not module_name:
        raise ValueError(f"a dotted name needs the form 'package.module.name', got {dotted!r}")
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


def _unknown(wanted: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(wanted, list(known), cutoff=0.5)
    return f"{wanted!r}" + (f"; near matches: {', '.join(near)}" if near else "")


LEDGER: Mapping[str, Statement] = ledger(
    (*introduction.STATEMENTS, *section3.STATEMENTS, *section4.STATEMENTS, *section5.STATEMENTS, *section6.STATEMENTS)
)
