"""Writes `status.json`: of each theorem in `statements.tsv` whether coqc has it proved, where, on which axioms, what it
says, and the definitions that it uses. All of it is coqc's answer about the compiled files; `make` compiles first.

`python status.py`: 0 if all are proved; 1 if one is not, or if the stored status said something else of the same files.
"""

import hashlib
import json
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Those of the real numbers in Coq's standard library, and of classical logic; as they are printed, and whose they are.
ALLOWED = {
    "ClassicalDedekindReals.sig_forall_dec": "Coq.Reals.ClassicalDedekindReals.sig_forall_dec",
    "ClassicalDedekindReals.sig_not_dec": "Coq.Reals.ClassicalDedekindReals.sig_not_dec",
    "FunctionalExtensionality.functional_extensionality_dep": (
        "Coq.Logic.FunctionalExtensionality.functional_extensionality_dep"
    ),
    "Classical_Prop.classic": "Coq.Logic.Classical_Prop.classic",
}
# One sentence on lines of its own: a further one could print anything.
_HEADER = re.compile(r"^(?:From|Require|Import|Open Scope)\b(?:[^.]|\.\w)*\.$", re.MULTILINE)


def main() -> int:
    """Asks coqc, writes the status, says what is not proved."""
    stored = HERE / "status.json"
    before = json.loads(stored.read_text(encoding="utf-8")) if stored.is_file() else None
    now = status()
    stored.write_text(json.dumps(now, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    missing = [row for row in now["theorems"] if not row["proved"]]
    for row in missing:
        print(f"not proved: {row['statement']}, {row['form']}: {row['theorem']} {row['why']}")
    print(f"{len(now['theorems']) - len(missing)} of {len(now['theorems'])} theorems proved, coqc {now['coqc']}")
    # Another coqc may say the same.
    differs = before is not None and before.get("files") == now["files"] and before | {"coqc": now["coqc"]} != now
    if differs:
        print("status.json said something else of the same files; it says now what coqc says")
    return int(bool(missing) or differs)


def status() -> dict:
    """Version, digests, one entry a row of `statements.tsv`, and the definitions that the statements use."""
    if deeper := sorted({*HERE.rglob("*.v")} - {*HERE.glob("*.v")}):
        # coqc finds them, and nothing here reads them.
        raise SystemExit(f"files have to stand in {HERE} itself, not below: {', '.join(map(str, deeper))}")
    lines = (HERE / "statements.tsv").read_text(encoding="utf-8").splitlines()
    rows = [dict(zip(("statement", "form", "theorem"), line.split("\t"), strict=True)) for line in lines]
    theorems, definitions = places("prf|thm"), places("def|ind|rec")
    asked = [row["theorem"] for row in rows if row["theorem"] in theorems]
    said, assumed = ask(asked, definitions)
    if unanswered := set(asked) - assumed.keys():
        raise SystemExit(f"coqc did not say on which axioms these rest: {', '.join(sorted(unanswered))}")
    used: dict[str, list[str]] = {}
    waiting = list(asked)
    while waiting:
        name = waiting.pop()
        if name not in used:
            used[name] = mentioned(name, said[name], definitions)
            waiting += used[name]
    answer = subprocess.run(["coqc", "--print-version"], capture_output=True, text=True, check=True)
    return {
        "coqc": answer.stdout.split()[0],
        "files": {path.name: digest(path) for path in sorted([*HERE.glob("*.v"), HERE / "statements.tsv"])},
        "theorems": [
            row
            | verdict(theorems.get(row["theorem"], ""), assumed.get(row["theorem"], []))
            | {"coq": in_full(row["theorem"], said, used), "uses": used.get(row["theorem"], [])}
            for row in rows
        ],
        "definitions": {name: {"at": at, "coq": said[name]} for name, at in definitions.items() if name in used},
    }


def digest(path: Path) -> str:
    """sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def places(kinds: str) -> dict[str, str]:
    """From "File.name" to "File.v:line" for all of these kinds that coqc's own records of the compiled files have."""
    found = {}
    for record in sorted(HERE.glob("*.glob")):
        source = record.with_suffix(".v")
        if not source.is_file():
            continue
        text, lines = source.read_bytes(), record.read_text(encoding="utf-8").splitlines()
        compiled = source.with_suffix(".vo")
        # Where coqc fails, its record is new and the compiled file is the old one.
        is_old = not compiled.is_file() or compiled.stat().st_mtime_ns < source.stat().st_mtime_ns
        if is_old or lines[0] != f"DIGEST {hashlib.md5(text).hexdigest()}":
            raise SystemExit(f"{source.name} was changed since coqc compiled it: run make in {HERE}")
        for line in lines:
            if entry := re.match(rf"(?:{kinds}) (\d+):\d+ \S+ (\w+)$", line):
                found[f"{source.stem}.{entry[2]}"] = f"{source.name}:{text[: int(entry[1])].count(10) + 1}"
    return found


def ask(theorems: list[str], definitions: Iterable[str]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """What each theorem and definition says, with the names of its own file, and the axioms of each theorem."""
    modules = sorted(
        {theorem.partition(".")[0] for theorem in theorems} | {name.partition(".")[0] for name in definitions}
    )
    # What a text or a notation of the files prints is taken for no answer.
    mark = secrets.token_hex(16)
    script = [f"Require {' '.join(modules)}.", "Set Printing Width 110."]
    for theorem in theorems:
        script += _question(mark, "Print Assumptions", theorem)
    for axiom in ALLOWED:
        script += _question(mark, "Locate", axiom)
    for module in modules:
        header = _HEADER.findall((HERE / f"{module}.v").read_text(encoding="utf-8"))
        script += [f"Module Of_{module}.", *header, f"Import {module}."]
        for question, names in (("Check", theorems), ("Print", definitions)):
            for name in names:
                script += _question(mark, question, name) if name.startswith(f"{module}.") else []
        script.append(f"End Of_{module}.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "Questions.v"
        path.write_text("\n".join(script) + "\n", encoding="utf-8")
        command = ["coqc", "-q", "-w", "none", "-Q", str(HERE), "", str(path)]
        answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode:
        raise SystemExit(f"coqc could not be asked:\n{answer.stderr}")
    parts = re.findall(rf"^{mark} (\S+) (.*)\n((?:(?!{mark}).*\n)*)", answer.stdout, re.MULTILINE)
    said = {
        name: text.partition("\n\nArguments ")[0].rstrip()
        for name, question, text in parts
        if question in ("Check", "Print")
    }
    # A homonym of an allowed axiom is another one.
    ours = {name for name, question, text in parts if question == "Locate" and text.split()[1:2] == [ALLOWED[name]]}
    assumed = {name: _axioms(text, ours) for name, question, text in parts if question == "Print Assumptions"}
    return said, assumed


def _question(mark: str, question: str, name: str) -> list[str]:
    return [f'Goal True. idtac "{mark} {name} {question}". Abort.', f"{question} {name}."]


def _axioms(text: str, known: set[str]) -> list[str]:
    """Each with a question mark that is not known. Each entry begins a line; a switched off check of coqc's is one."""
    if text.strip() == "Closed under the global context":
        return []
    found = sorted(set(re.findall(r"^([^\s:]+)", text, re.MULTILINE)) - {"Axioms"}) or ["what was not understood"]
    return [name if name in known else f"{name} (?)" for name in found]


def mentioned(name: str, text: str, definitions: dict[str, str]) -> list[str]:
    """The definitions of these files that a text of the file of `name` mentions; of homonyms the one imported last."""
    module = name.partition(".")[0]
    source = (HERE / f"{module}.v").read_text(encoding="utf-8")
    imported = " ".join(re.findall(r"^Require Import (.*?)\.$", source, re.MULTILINE | re.DOTALL)).split()
    found = set()
    for word in set(re.findall(r"[A-Za-z_]\w*", text)):
        near = [f"{place}.{word}" for place in (module, *reversed(imported)) if f"{place}.{word}" in definitions]
        found.update(near[:1])
    return sorted(found - {name})


def in_full(theorem: str, said: dict[str, str], used: dict[str, list[str]]) -> str:
    """What a theorem says; of one that refutes what is printed also what that is."""
    printed = [name for name in used.get(theorem, []) if ".printed_" in name]
    return "\n\n".join(said[name] for name in [theorem, *printed] if name in said)


def verdict(at: str, axioms: list[str]) -> dict:
    """Whether a theorem is proved, and if not why."""
    foreign = [axiom for axiom in axioms if axiom not in ALLOWED]
    why = f"rests on {', '.join(foreign)}" if foreign else "" if at else "is no theorem of the compiled files"
    return {"proved": not why, "why": why, "at": at, "axioms": axioms}


if __name__ == "__main__":
    sys.exit(main())
