"""Marabou, by its Python package: the file is read by its own parser, each conjunction is a query."""

from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np

from benchmarks.peers.question import UNKNOWN, UNSAT, Answer, Question, ends, rows


def name() -> str:
    return f"Marabou {version('maraboupy')}"


def answer(question: Question, seconds: float) -> Answer:
    package: Any = import_module("maraboupy.Marabou")
    options = package.createOptions(verbosity=0, timeoutInSeconds=max(1, int(seconds)))
    found = UNSAT
    for case, one in question.parts:
        network = package.read_onnx(str(question.onnx))
        inputs, outputs = network.inputVars[0].ravel().tolist(), network.outputVars[0].ravel().tolist()
        for variable, low, high in zip(inputs, *ends(case), strict=True):
            network.setLowerBound(variable, low)
            network.setUpperBound(variable, high)
        for row, bound in zip(*rows(one), strict=True):
            used = np.flatnonzero(row).tolist()
            network.addInequality([outputs[j] for j in used], row[used].tolist(), float(bound))
        verdict, values, _ = network.solve(verbose=False, options=options)
        if verdict == "sat":
            return Answer("sat", np.array([values[variable] for variable in inputs]))
        if verdict != "unsat":
            found = UNKNOWN
    return found
