"""Z3 on the network over the rationals, written as it is: exact, and for small networks."""

from fractions import Fraction
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np

from benchmarks.peers.question import UNKNOWN, UNSAT, Answer, Question
from constructions.networks.network import sparse

# Beyond this it hardly ever answers.
_NONZERO = 200


def name() -> str:
    return f"Z3 {version('z3-solver')}, up to {_NONZERO} non-zeros"


def answer(question: Question, seconds: float) -> Answer:
    z3: Any = import_module("z3")
    if question.network.nonzero > _NONZERO:
        return UNKNOWN
    found = UNSAT

    def number(value: Fraction) -> Any:
        return z3.Q(value.numerator, value.denominator)

    for case, one in question.parts:
        solver = z3.SolverFor("QF_LRA")
        solver.set("timeout", int(1000 * seconds))
        x = [z3.Real(f"x{j}") for j in range(question.network.inputs)]
        for variable, low, high in zip(x, case.region.low, case.region.high, strict=True):
            solver.add(variable >= number(low), variable <= number(high))
        values = x
        for k, layer in enumerate(question.network.layers):
            weight = sparse(layer.weight)
            sums = []
            for i in range(layer.outputs):
                part = slice(weight.indptr[i], weight.indptr[i + 1])
                terms = [
                    number(Fraction(w)) * values[j]
                    for w, j in zip(weight.data[part].tolist(), weight.indices[part].tolist(), strict=True)
                ]
                sums.append(z3.Sum([*terms, number(Fraction(layer.bias[i].item()))]))
            if k < question.network.depth - 1:
                values = []
                for i, z in enumerate(sums):
                    h = z3.Real(f"h{k}_{i}")
                    solver.add(z3.Or(z3.And(z >= 0, h == z), z3.And(z <= 0, h == 0)))
                    values.append(h)
        for row, bound in zip(one.rows, one.bounds, strict=True):
            solver.add(z3.Sum([number(a) * y for a, y in zip(row, sums, strict=True) if a]) <= number(bound))
        verdict = solver.check()
        if verdict == z3.sat:
            model = solver.model()
            point = [model.eval(variable, model_completion=True) for variable in x]
            return Answer("sat", np.array([v.numerator_as_long() / v.denominator_as_long() for v in point]))
        if verdict != z3.unsat:
            found = UNKNOWN
    return found
