"""`python -m benchmarks.peers.worker MODULE GIB`: answers questions, a line of JSON each, with limited memory.

What a verifier prints goes nowhere.
"""

import json
import os
import resource
import sys
import time
from importlib import import_module
from pathlib import Path

from benchmarks.peers.question import Question


def main(peer: str, gib: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (gib * 2**30, gib * 2**30))
    said = os.fdopen(os.dup(1), "w")
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)

    def say(**record: object) -> None:
        print(json.dumps(record), file=said, flush=True)

    module = import_module(peer)
    say(name=module.name())
    for line in sys.stdin:
        asked = json.loads(line)
        question = Question.of_files(Path(asked["onnx"]), Path(asked["vnnlib"]))
        started = time.perf_counter()
        try:
            found = module.answer(question, asked["seconds"])
        except Exception as error:  # whatever it is, the next question is another one
            say(verdict="error", error=f"{type(error).__name__}: {error}"[:300], seconds=time.perf_counter() - started)
            continue
        witness = None if found.witness is None else [v.hex() for v in found.witness.tolist()]
        say(verdict=found.verdict, seconds=time.perf_counter() - started, witness=witness)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
