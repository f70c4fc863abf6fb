"""Which theorems about a statement coqc has proved, as `proofs/status.json` has it, for the files that are there.

A status speaks of the files whose digests it has. One that belongs to other files proves nothing, so that it is no part
of the installed package: without the files nobody could tell.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Proof:
    """A theorem that coqc has proved.

    Attributes:
        form: of the statement which form it is, and how much of it.
        theorem: its name, "File.name".
        at: where it stands, "proofs/File.v:line".
        axioms: on which it rests, all of them of Coq's standard library.
        coq: what it says, as coqc prints it.
        uses: the definitions that this mentions, in turn with theirs in `definitions`.
    """

    form: str
    theorem: str
    at: str
    axioms: tuple[str, ...]
    coq: str
    uses: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.form}: {self.theorem}, {self.at}"


def own_proofs(root: Path = ROOT) -> Path | None:
    """The proofs of a checkout; None for an installed package."""
    return root / "proofs" if (root / "pyproject.toml").is_file() else None


def stale(folder: Path) -> list[str]:
    """Files that are not as they were when the status was made, are new or gone; the status itself if there is none."""
    if not (folder / "status.json").is_file():
        return ["status.json"]
    then = _status(folder)["files"]
    # coqc finds files in folders below too.
    now = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in [*folder.rglob("*.v"), *folder.glob("statements.tsv")]
    }
    return sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))


def proved(folder: Path | None) -> dict[str, list[Proof]]:
    """From ids of statements to what is proved about them. Empty without a folder, and where any file was changed."""
    found: dict[str, list[Proof]] = {}
    if folder is None or stale(folder):
        return found
    for row in _status(folder)["theorems"]:
        if row["proved"]:
            proof = Proof(
                row["form"],
                row["theorem"],
                f"{folder.name}/{row['at']}",
                tuple(row["axioms"]),
                row["coq"],
                tuple(row["uses"]),
            )
            found.setdefault(row["statement"], []).append(proof)
    return found


def unproved(folder: Path | None) -> dict[str, list[str]]:
    """From ids of statements to what of them no theorem covers, each with the reason."""
    found: dict[str, list[str]] = {}
    for row in (folder / "unproved.tsv").read_text(encoding="utf-8").splitlines() if folder else []:
        statement, part, reason = row.split("\t")
        found.setdefault(statement, []).append(f"{part}: {reason}")
    return found


def definitions(folder: Path) -> Mapping[str, tuple[str, str]]:
    """Of each definition that a theorem's statement needs its place and what it says, as coqc prints it."""
    return {name: (f"{folder.name}/{row['at']}", row["coq"]) for name, row in _status(folder)["definitions"].items()}


def _status(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "status.json").read_text(encoding="utf-8")))
