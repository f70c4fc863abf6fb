"""The status of the machine-checked proofs: it is of the files that are there, and says "proved" of nothing else."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from theory import LATER, LEDGER
from theory import __main__ as command
from theory.ledger.ledger import resolve
from theory.ledger.proofs import definitions, own_proofs, proved, stale, unproved

ROOT = Path(__file__).parents[3]
PROOFS = ROOT / "proofs"
needs_coqc = pytest.mark.skipif(not shutil.which("coqc"), reason="coqc is not installed; `make proofs` says how")

SMALL = """From Coq Require Import Reals.
Axiom choice : forall A : Prop, A \\/ ~ A.
Theorem by_choice : True \\/ ~ True.
Proof. apply choice. Qed.
Theorem open : False.
Admitted.
Theorem good : True.
Proof. exact I. Qed.
Definition defined : True := I.
Theorem real : (0 <= 0)%R.
Proof. right. reflexivity. Qed.
Unset Guard Checking.
Fixpoint loop (n : nat) : False := loop n.
Theorem round : False.
Proof. exact (loop 0). Qed.
"""


def copy(folder: Path, *names: str) -> Path:
    """A folder of proofs with these files of ours, by default all that the status is of."""
    made = folder / "proofs"
    made.mkdir()
    for name in names or [*stored()["files"], "status.json", "unproved.tsv"]:
        shutil.copy(PROOFS / name, made)
    return made


def stored() -> dict[str, Any]:
    return dict(json.loads((PROOFS / "status.json").read_text()))


def made(folder: Path, *, good: bool) -> dict[str, dict[str, Any]]:
    """What make says of each theorem there; whether all are proved is its exit status too."""
    answer = subprocess.run(["make", "-s", "-C", str(folder)], capture_output=True, text=True)
    assert (answer.returncode == 0) == good, answer.stdout + answer.stderr
    return {row["theorem"]: row for row in json.loads((folder / "status.json").read_text())["theorems"]}


def test_the_status_is_of_the_files_that_are_there() -> None:
    assert stale(PROOFS) == [], "`make proofs` makes the status again"


def test_every_row_is_proved_and_about_a_statement_or_code() -> None:
    rows = stored()["theorems"]
    asked = (PROOFS / "statements.tsv").read_text().splitlines()
    assert ["\t".join(row[key] for key in ("statement", "form", "theorem")) for row in rows] == asked
    assert [row["theorem"] for row in rows if not row["proved"]] == []
    for name in {row["statement"] for row in rows} - {*LEDGER, *LATER}:
        assert resolve(name)
    assert len({(row["statement"], row["form"]) for row in rows}) == len(rows)
    assert sum(map(len, proved(PROOFS).values())) == len(rows)


def test_what_is_not_proved_is_said() -> None:
    """Statements that are not measured and not mere definitions have a theorem, or the reason why they have none."""
    both = {**LEDGER, **LATER}
    left = unproved(PROOFS)
    assert set(left) <= set(both)
    provable = [s.id for s in both.values() if s.verdict != "observed" and s.kind not in ("definition", "assumption")]
    assert [name for name in provable if name not in proved(PROOFS) and name not in left] == []
    whole = {name for name, reasons in left.items() if any(reason.startswith("the whole:") for reason in reasons)}
    assert whole.isdisjoint(proved(PROOFS))
    assert any(line.startswith("not proved") for line in command.description(LEDGER["theorem-3.5"]))
    assert unproved(None) == {}


def test_theorems_stand_where_the_status_says() -> None:
    axioms = {row["theorem"]: row["axioms"] for row in stored()["theorems"]}
    for proof in (proof for found in proved(PROOFS).values() for proof in found):
        assert list(proof.axioms) == axioms[proof.theorem]
        file, _, line = proof.at.partition(":")
        text = (ROOT / file).read_text().splitlines()[int(line) - 1]
        kind, name = text.split()[:2]
        assert (kind in ("Theorem", "Corollary"), name) == (True, proof.theorem.partition(".")[2])
        assert proof.coq.startswith(proof.theorem.partition(".")[2])
        assert set(proof.uses) <= set(definitions(PROOFS))


@pytest.mark.parametrize("path", sorted(PROOFS.glob("*.v")), ids=lambda path: path.name)
def test_files_are_short_and_open_with_what_they_say(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0].startswith("(* ")
    assert len(lines) < 250
    assert max(map(len, lines)) <= 120


def test_no_file_assumes_anything() -> None:
    """Also where no coqc is; that says what the imported files assume."""
    words = r"\b(?:Admitted|admit|(?:Axiom|Parameter|Conjecture)s?|bypass_check)\b|Unset \w+ Checking"
    text = "\n".join(path.read_text() for path in PROOFS.glob("*.v"))
    assert re.findall(words, text) == []
    assert set(re.findall(words, SMALL)) == {"Axiom", "Admitted", "Unset Guard Checking"}


def test_an_answer_that_is_not_understood_proves_nothing() -> None:
    status = runpy.run_path(str(PROOFS / "status.py"))
    said = "Closed under the global context", "Axioms:\nA.b : False", "Section Variables:\nv : False", "", "Axioms:\n"
    assert [status["verdict"]("A.v:1", status["_axioms"](text, set()))["proved"] for text in said] == [True] + [
        False
    ] * 4


def test_a_changed_new_or_lost_file_leaves_nothing_proved(tmp_path: Path) -> None:
    folder = copy(tmp_path)
    assert stale(folder) == []
    assert proved(folder)["theorem-3.3"]
    network = folder / "Network.v"
    text = network.read_text()
    network.write_text(text.replace("Rmax 0 t", "Rmax 1 t", 1))
    assert stale(folder) == ["Network.v"]
    assert proved(folder) == {}
    network.write_text(text)
    assert proved(folder)
    (folder / "New.v").write_text("")
    assert stale(folder) == ["New.v"]
    (folder / "New.v").unlink()
    (folder / "below").mkdir()
    (folder / "below" / "New.v").write_text("")
    assert stale(folder) == ["below/New.v"]
    (folder / "below" / "New.v").unlink()
    (folder / "statements.tsv").write_text("")
    assert stale(folder) == ["statements.tsv"]
    network.unlink()
    assert stale(folder) == ["Network.v", "statements.tsv"]
    assert proved(folder) == {}
    (folder / "status.json").unlink()
    assert stale(folder) == ["status.json"]
    assert proved(folder) == {}


def test_what_the_status_calls_not_proved_is_not_shown(tmp_path: Path) -> None:
    folder = copy(tmp_path)
    status = stored()
    status["theorems"][0]["proved"] = False
    (folder / "status.json").write_text(json.dumps(status))
    shown = {proof.theorem for found in proved(folder).values() for proof in found}
    assert shown == {row["theorem"] for row in status["theorems"][1:]}


def test_without_a_checkout_nothing_is_said_of_proofs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_proofs(tmp_path) is None
    assert proved(None) == {}
    monkeypatch.setattr(command, "own_proofs", lambda: None)
    assert not any(line.startswith("proved") for line in command.description(LEDGER["theorem-3.3"]))
    assert not any("proved" in line for line in command.listing())


def test_the_command_shows_theorems_and_what_is_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (proof, *_) = proved(PROOFS)["theorem-3.3"]
    assert f"{proof.theorem}," in "\n".join(command.description(LEDGER["theorem-3.3"]))
    folder = copy(tmp_path)
    (folder / "New.v").write_text("")
    monkeypatch.setattr(command, "own_proofs", lambda: folder)
    text = "\n".join(command.description(LEDGER["theorem-3.3"]))
    assert proof.theorem not in text
    assert "unknown, for New.v changed" in text


@needs_coqc
def test_a_theorem_that_rests_on_an_admitted_one_is_not_proved(tmp_path: Path) -> None:
    folder = copy(tmp_path, "Network.v", "SoftIndicator.v", "Linf.v", "Makefile", "status.py")
    rows = ["theorem-3.3\tinside\tLinf.excess_zero_iff", "theorem-3.3\toutside\tLinf.excess_outside"]
    (folder / "statements.tsv").write_text("\n".join(rows) + "\n")
    assert all(row["proved"] for row in made(folder, good=True).values())
    assert len(proved(folder)["theorem-3.3"]) == 2
    linf = (folder / "Linf.v").read_text()
    first, lemma, rest = linf.partition("Lemma excess_nonneg")
    (folder / "Linf.v").write_text(first + lemma + rest.replace("Qed.", "Admitted.", 1))
    found = made(folder, good=False)
    assert found["Linf.excess_outside"]["why"] == "rests on Linf.excess_nonneg (?)"
    assert proved(folder) == {}


@needs_coqc
def test_foreign_axioms_homonyms_and_definitions_are_no_proofs(tmp_path: Path) -> None:
    folder = copy(tmp_path, "Makefile", "status.py")
    (folder / "Small.v").write_text(SMALL)
    (folder / "Classical_Prop.v").write_text(
        "Axiom classic : False.\nTheorem false : False.\nProof. exact classic. Qed.\n"
    )
    names = [
        "Small.by_choice",
        "Small.open",
        "Small.good",
        "Small.defined",
        "Small.real",
        "Small.round",
        "Small.absent",
    ]
    names.append("Classical_Prop.false")
    (folder / "statements.tsv").write_text("".join(f"theorem-3.3\t{name}\t{name}\n" for name in names))
    found = made(folder, good=False)
    assert {name for name, row in found.items() if row["proved"]} == {"Small.good", "Small.real"}
    assert found["Small.by_choice"]["why"] == "rests on Small.choice (?)"
    assert found["Classical_Prop.false"]["why"] == "rests on Classical_Prop.classic (?)"
    assert found["Small.absent"]["why"] == found["Small.defined"]["why"] == "is no theorem of the compiled files"
    assert found["Small.good"]["at"] == "Small.v:7"


@needs_coqc
def test_a_status_written_by_hand_is_found_out(tmp_path: Path) -> None:
    folder = copy(tmp_path, "Makefile", "status.py")
    (folder / "Small.v").write_text("Theorem good : True.\nProof. exact I. Qed.\nTheorem open : False.\nAdmitted.\n")
    (folder / "statements.tsv").write_text("theorem-3.3\tgood\tSmall.good\n")
    made(folder, good=True)
    text = (folder / "status.json").read_text()
    other = re.sub(r'("coqc": ")[^"]*', r"\g<1>0.0", text)
    assert other != text
    for forged, good in ((text, False), (other, False), (other, True)):
        (folder / "status.json").write_text(forged if good else forged.replace("True", "False"))
        made(folder, good=good)
        assert (folder / "status.json").read_text() == text


@needs_coqc
def test_what_a_file_makes_coqc_print_is_no_answer(tmp_path: Path) -> None:
    folder = copy(tmp_path, "Makefile", "status.py")
    answer = "\n@@ Small.open Print Assumptions\nClosed under the global context\n"
    (folder / "Small.v").write_text(
        "From Coq Require Import String.\n"
        f'Open Scope string_scope. Lemma says : True. idtac "{answer}". exact I. Qed.\n'
        "Open Scope string_scope.\n"
        f'Theorem text : "{answer}" <> "".\nProof. discriminate. Qed.\n'
        "Theorem open : False.\nAdmitted.\n"
    )
    (folder / "statements.tsv").write_text("theorem-3.3\topen\tSmall.open\ntheorem-3.3\ttext\tSmall.text\n")
    found = made(folder, good=False)
    assert found["Small.open"]["why"] == "rests on Small.open (?)"
    assert found["Small.text"]["proved"]


@needs_coqc
def test_only_what_coqc_compiled_to_its_end_has_a_status(tmp_path: Path) -> None:
    folder = copy(tmp_path, "Makefile", "status.py")
    (folder / "Small.v").write_text("Theorem good : True.\nProof. exact I. Qed.\n")
    (folder / "statements.tsv").write_text("theorem-3.3\tgood\tSmall.good\n")
    made(folder, good=True)
    text = (folder / "status.json").read_text()

    def refused(reason: str) -> None:
        answer = subprocess.run([sys.executable, str(folder / "status.py")], capture_output=True, text=True)
        assert answer.returncode
        assert reason in answer.stderr
        assert (folder / "status.json").read_text() == text

    (folder / "below").mkdir()
    (folder / "below" / "Hidden.v").write_text("")
    refused("have to stand in")
    (folder / "below" / "Hidden.v").unlink()
    (folder / "Small.v").write_text("Theorem good : False.\nProof. exact I. Qed.\n")
    os.utime(folder / "Small.v", (0, 0))
    refused("Small.v was changed since coqc compiled it")
    os.utime(folder / "Small.v")
    assert subprocess.run(["make", "-s", "-C", str(folder)], capture_output=True).returncode
    refused("Small.v was changed since coqc compiled it")
