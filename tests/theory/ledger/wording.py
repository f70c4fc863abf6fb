"""The wording of the ledger that a reviewer has accepted, as hashes.

Run as `python -m tests.theory.ledger.wording` it accepts the wording as it is now.
"""

import hashlib
import json
import re
from pathlib import Path

from theory.ledger.ledger import LATER, LEDGER, Statement

ACCEPTED = Path(__file__).with_name("wording.json")
_DIGITS = 12
_CUT = re.compile(r"(?<=[.,;:]) ")


def clauses(entry: Statement) -> list[str]:
    """What the statement says, clause by clause, each with the name of its field."""
    return [f"{name}: {clause}" for name, text in _texts(entry) for clause in _CUT.split(text)]


def pin(entry: Statement) -> dict[str, str | list[str]]:
    """One SHA-256 prefix of the whole wording, and one of each clause, which says where another wording differs."""
    return {"wording": _hash(json.dumps(_texts(entry))), "clauses": [_hash(clause) for clause in clauses(entry)]}


def difference(entry: Statement, accepted: dict[str, str | list[str]] | None) -> str:
    """What a reviewer has to look at, or "" if the wording is the accepted one."""
    found = pin(entry)
    if found == accepted:
        return ""
    old = list(accepted["clauses"]) if accepted else []
    now_said = clauses(entry)
    first = next((i for i, (a, b) in enumerate(zip(found["clauses"], old, strict=False)) if a != b), None)
    first = min(len(old), len(now_said)) if first is None else first
    now = repr(now_said[first]) if first < len(now_said) else "nothing"
    before = f"a clause of hash {old[first]}" if first < len(old) else "nothing"
    return (
        f"{entry.id}: the wording is not the accepted one; the first difference is clause {first}, now {now}, accepted "
        f"{before} (its text: git log -p theory/ledger). Check every bound of the statement against its function, its "
        "relation and its hypotheses, then run `python -m tests.theory.ledger.wording` to accept the new wording."
    )


def accepted_wording() -> dict[str, dict[str, str | list[str]]]:
    """By statement."""
    return json.loads(ACCEPTED.read_text(encoding="utf-8"))


def _texts(entry: Statement) -> list[tuple[str, str]]:
    texts = [("printed", entry.printed), ("repaired", entry.repaired), ("fails", entry.fails)]
    texts += [("sharper", entry.sharper)] if entry.sharper else []
    texts += [("hypotheses", hypothesis) for hypothesis in entry.hypotheses]
    return texts + [("remarks", str(remark)) for remark in entry.remarks]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def main() -> None:
    """Accepts the wording as it is, and says of which statements it is new."""
    old = accepted_wording() if ACCEPTED.exists() else {}
    new = {entry.id: pin(entry) for entry in (*LEDGER.values(), *LATER.values())}
    rows = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in new.items()]
    ACCEPTED.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
    changed = [name for name in new.keys() | old.keys() if new.get(name) != old.get(name)]
    print(f"accepted: {', '.join(sorted(changed)) or 'nothing new'}")


if __name__ == "__main__":
    main()
