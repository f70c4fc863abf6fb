"""Verifiers on the soundness benchmark, `python -m constructions.benchmark`: right, wrong, unknown, crash, seconds.

Truths are theorems, proved on the files. Each verifier answers in a process of its own, with limited time and memory;
one that exceeds the time is ended and started again. A wrong answer is listed in `results/verifiers.md` by the call
that makes its network. VERIFIERS_PYTHON names a Python that has the packages maraboupy and auto_LiRPA too.
"""

import csv
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.question import Question
from constructions.benchmark.folder import write_benchmark
from constructions.certificates.rational_intervals import rational_outputs
from constructions.networks.whole_file import write_whole

ROOT = Path(__file__).parents[1]
PEERS = tuple(f"benchmarks.peers.{name}" for name in ("marabou", "auto_lirpa", "mixed_integer", "smt", "ours"))
SECONDS, GIB = 10.0, 8
_GRACE, _START = 2.0, 120.0
# Answers of verifiers in floating point are asked to be right beyond tolerances.
TOLERANCE = 1e-6
VERDICTS = ("right", "wrong", "unknown", "error", "crash", "timeout")


def rows() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "benchmark"
        write_benchmark(out, progress=True)
        with (out / "truth.csv").open() as stream:
            truths = list(csv.DictReader(stream))
        with ThreadPoolExecutor(2) as pool:
            found = [one for one in pool.map(lambda peer: asked(peer, out, truths), PEERS) if one is not None]
    table = [row for name, answers in found for row in by_family(name, truths, answers)]
    write_whole(ROOT / "benchmarks" / "results" / "verifiers.md", text(truths, found))
    return table


@dataclass(frozen=True)
class Answered:
    """What a verifier said of one instance.

    Attributes:
        verdict: of `VERDICTS`.
        said: "sat", "unsat", "unknown", or what went wrong.
        seconds: of this answer.
        exact: whether the witness that it gave is one exactly; None without one.
    """

    verdict: str
    said: str
    seconds: float
    exact: bool | None = None


class NotThere(RuntimeError):
    """A verifier that does not start."""


class Process:
    """A worker that is started when it is needed."""

    def __init__(self, peer: str) -> None:
        self.peer, self.name = peer, peer
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""

    def ask(self, onnx: Path, vnnlib: Path) -> dict[str, Any]:
        """The worker's record; its verdict is "crash" or "timeout" where there is none."""
        if self._process is None:
            self.start()
        assert self._process is not None
        assert self._process.stdin is not None
        question = {"onnx": str(onnx), "vnnlib": str(vnnlib), "seconds": SECONDS}
        started = time.perf_counter()
        try:
            self._process.stdin.write((json.dumps(question) + "\n").encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        record = self._read(SECONDS + _GRACE)
        return {"seconds": time.perf_counter() - started, **record}

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process, self._buffer = None, b""

    def start(self) -> None:
        python = os.environ.get("VERIFIERS_PYTHON", sys.executable)
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        command = [python, "-W", "ignore", "-m", "benchmarks.peers.worker", self.peer, str(GIB)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, cwd=ROOT
        )
        record = self._read(_START)
        if "name" not in record:
            raise NotThere(f"{self.peer} does not start in {python}: give a Python that has it by VERIFIERS_PYTHON")
        self.name = record["name"]

    def _read(self, seconds: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        deadline = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(self._process.stdout.fileno(), 2**16) if ready else b""
            if not part:
                verdict = "crash" if ready else "timeout"
                self.stop()
                return {"verdict": verdict}
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\n")
        return dict(json.loads(line))


def asked(peer: str, out: Path, truths: list[dict[str, str]]) -> tuple[str, list[Answered]] | None:
    """The verifier's name, and what it says of all instances; None if it is not there."""
    process, answers = Process(peer), []
    try:
        process.start()
        for truth in truths:
            record = process.ask(out / truth["onnx"], out / truth["vnnlib"])
            answers.append(_judged(record, truth, out))
            if answers[-1].verdict == "wrong":
                print(f"{process.name}: {answers[-1].said} instead of {truth['truth']}, {truth['vnnlib']}", flush=True)
    except NotThere as error:
        print(f"left out: {error}", flush=True)
        return None
    finally:
        process.stop()
    print(f"{process.name}: {dict(Counter(one.verdict for one in answers))}", flush=True)
    return process.name, answers


def _judged(record: dict[str, Any], truth: dict[str, str], out: Path) -> Answered:
    said, seconds = record["verdict"], record["seconds"]
    if said in ("sat", "unsat"):
        exact = None
        if record.get("witness"):
            x = np.array([float.fromhex(v) for v in record["witness"]])
            question = Question.of_files(out / truth["onnx"], out / truth["vnnlib"])
            exact = question.asked.is_witness(x, rational_outputs(question.network.layers, x))
        return Answered("right" if said == truth["truth"] else "wrong", said, seconds, exact)
    return Answered(said, record.get("error", said), seconds)


def is_gross(answer: Answered, truth: dict[str, str]) -> bool:
    """Whether an answer is wrong, and the margin is not within the tolerances of floating point."""
    return answer.verdict == "wrong" and abs(float(truth["margin"])) >= TOLERANCE


def by_family(name: str, truths: list[dict[str, str]], answers: list[Answered]) -> list[dict[str, Any]]:
    """A row for each family and truth."""
    keys = sorted({(truth["family"], truth["truth"]) for truth in truths})
    found = []
    for key in keys:
        own = [(a, t) for a, t in zip(answers, truths, strict=True) if (t["family"], t["truth"]) == key]
        counts = Counter(answer.verdict for answer, _ in own)
        found.append(
            {
                "verifier": name,
                "family": key[0],
                "truth": key[1],
                "instances": len(own),
                **{verdict: counts[verdict] for verdict in VERDICTS},
                "wrong, margin >= 1e-6": sum(is_gross(answer, truth) for answer, truth in own),
                "witness not exact": sum(answer.exact is False for answer, _ in own),
                "median s": float(np.median([answer.seconds for answer, _ in own])),
                "limit s": SECONDS,
            }
        )
    return found


def text(truths: list[dict[str, str]], found: list[tuple[str, list[Answered]]]) -> str:
    """The tables as Markdown."""
    lines = ["# Verifiers on the soundness benchmark", ""]
    lines += [
        f"`VERIFIERS_PYTHON=… python -m benchmarks verifiers`: size small, seed 0, {len(truths)} instances, "
        f"{SECONDS:g} s and {GIB} GiB each, one thread. Truths are about the weights of the files over the reals.",
        "Wrong with a margin of at least 1e-6 is beyond the tolerances of floating point. nnenum, which is on no "
        "package index, was not run.",
        *("", f"| verifier | {' | '.join(VERDICTS)} | wrong, margin >= 1e-6 | witness not exact | seconds in all |"),
        f"|{'---|' * (len(VERDICTS) + 4)}",
    ]
    for name, answers in found:
        counts = Counter(answer.verdict for answer in answers)
        bad = sum(answer.exact is False for answer in answers)
        gross = sum(is_gross(a, t) for a, t in zip(answers, truths, strict=True))
        total = sum(answer.seconds for answer in answers)
        lines.append(f"| {name} | {' | '.join(str(counts[v]) for v in VERDICTS)} | {gross} | {bad} | {total:.0f} |")
    keys = sorted({(truth["family"], truth["truth"]) for truth in truths})
    lines += ["", "Right / wrong, of each family:", ""]
    lines += [f"| family | truth | instances | {' | '.join(name for name, _ in found)} |"]
    lines += [f"|{'---|' * (len(found) + 3)}"]
    for key in keys:
        own = [k for k, truth in enumerate(truths) if (truth["family"], truth["truth"]) == key]
        cells = []
        for _, answers in found:
            counts = Counter(answers[k].verdict for k in own)
            cells.append(f"{counts['right']} / {counts['wrong']}")
        lines.append(f"| {key[0]} | {key[1]} | {len(own)} | {' | '.join(cells)} |")
    lines += ["", "## Wrong answers", "", "Margins less their thresholds; the network by the call that makes it.", ""]
    lines += ["| verifier | said | truth | family | times | least margin | greatest | network |", f"|{'---|' * 8}"]
    wrong: dict[tuple[str, ...], list[float]] = {}
    for name, answers in found:
        for answer, truth in zip(answers, truths, strict=True):
            if answer.verdict == "wrong":
                call = (name, answer.said, truth["truth"], truth["family"], truth["construction"])
                wrong.setdefault(call, []).append(float(truth["margin"]))
    for (*cells, construction), margins in wrong.items():
        numbers = f"{len(margins)} | {min(margins):.3g} | {max(margins):.3g}"
        lines.append(f"| {' | '.join(cells)} | {numbers} | `{construction}` |")
    return "\n".join(lines) + "\n"
