"""A mixed-integer program with big-M constraints, solved by HiGHS through scipy; float64 and its default tolerances."""

import time
from importlib.metadata import version

import numpy as np
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, milp

from benchmarks.peers.question import UNKNOWN, UNSAT, Answer, Question, ends, rows
from constructions.exchange.properties import Case, Conjunction
from constructions.networks.network import ReLUNetwork, sparse


def name() -> str:
    return f"HiGHS, scipy {version('scipy')}"


def answer(question: Question, seconds: float) -> Answer:
    found, deadline = UNSAT, time.monotonic() + seconds
    for case, one in question.parts:
        least, x = _least(question.network, case, one, max(0.1, deadline - time.monotonic()))
        weight, bound = rows(one)
        if x is not None and np.all(weight @ question.network(x[None])[0] <= bound):
            return Answer("sat", x)
        if not least > bound[0]:
            found = UNKNOWN
    return found


def _least(network: ReLUNetwork, case: Case, one: Conjunction, seconds: float) -> tuple[float, np.ndarray | None]:
    """The solver's bound of the first row over the box, and its point.

    Variables are the inputs x, the neurons h of all layers, then a switch a for each neuron: `h >= z`,
    `h <= z - l (1 - a)`, `h <= u a` for interval bounds `l <= 0 <= u` of `z`.
    """
    low, high = ends(case)
    widths = [network.inputs, *(layer.outputs for layer in network.layers[:-1])]
    starts = np.concatenate([[0], np.cumsum(widths)])
    neurons = int(starts[-1]) - network.inputs
    total = int(starts[-1]) + neurons
    matrices, limits = [], []
    below, above = [low], [high]
    for k, layer in enumerate(network.layers[:-1]):
        weight, m = sparse(layer.weight), layer.outputs
        positive, negative = weight.maximum(0), weight.minimum(0)
        least = np.minimum(positive @ below[-1] + negative @ above[-1] + layer.bias, 0)
        most = np.maximum(positive @ above[-1] + negative @ below[-1] + layer.bias, 0)
        z = _placed(weight, int(starts[k]), total)
        h = _placed(sp.eye_array(m), int(starts[k + 1]), total)
        switch = int(starts[k + 1]) + neurons
        matrices += [z - h, h - z + _placed(sp.diags_array(-least), switch, total)]
        matrices += [h + _placed(sp.diags_array(-most), switch, total)]
        limits += [-layer.bias, layer.bias - least, np.zeros(m)]
        below.append(np.zeros(m))
        above.append(most)
    weight, _ = rows(one)
    last = network.layers[-1]
    cost = np.zeros(total)
    cost[starts[-2] : starts[-1]] = weight[0] @ last.weight
    constraints = [LinearConstraint(matrix, -np.inf, limit) for matrix, limit in zip(matrices, limits, strict=True)]
    result = milp(
        cost,
        integrality=np.concatenate([np.zeros(starts[-1]), np.ones(neurons)]),
        bounds=Bounds(np.concatenate([*below, np.zeros(neurons)]), np.concatenate([*above, np.ones(neurons)])),
        constraints=constraints,
        options={"time_limit": seconds},
    )
    # A linear program has its optimum alone.
    found = result.mip_dual_bound if neurons else result.fun
    bound = -np.inf if found is None else found + weight[0] @ last.bias
    x = None if result.x is None else np.clip(result.x[: network.inputs], low, high)
    return float(bound), x


def _placed(matrix: sp.sparray, column: int, total: int) -> sp.csr_array:
    """A matrix with its first column there, zeros beside it."""
    csr = sp.csr_array(matrix)
    return sp.csr_array((csr.data, csr.indices + column, csr.indptr), shape=(csr.shape[0], total))
