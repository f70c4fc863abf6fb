"""A verifier that fails in the way that the name of the network's file says, or answers it."""

import os
import time

import numpy as np

from benchmarks.peers.question import Answer, Question


def name() -> str:
    return "faulty"


def answer(question: Question, seconds: float) -> Answer:
    print("what it prints is nobody's")
    match question.onnx.stem:
        case "crashes":
            os.abort()
        case "hangs":
            time.sleep(100 * seconds)
        case "raises":
            raise RuntimeError("no")
        case "wants":
            np.ones(2**31)
        case "witness":
            return Answer("sat", np.full(question.network.inputs, 0.5))
    return Answer(question.onnx.stem)
