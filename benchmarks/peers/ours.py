"""This project's own: what `python -m constructions.certify` answers."""

from benchmarks.peers.question import UNKNOWN, UNSAT, Answer, Question
from constructions.exchange.verify import verify


def name() -> str:
    return "constructions.certify"


def answer(question: Question, seconds: float) -> Answer:
    found = verify(question.onnx, question.asked, seconds=seconds)
    if found.answer == "sat":
        return Answer("sat", found.x)
    return UNSAT if found.answer == "unsat" else UNKNOWN
