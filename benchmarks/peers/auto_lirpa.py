"""auto_LiRPA: CROWN, then CROWN with optimised slopes, in float32 as its users run it. It answers unsat or unknown."""

from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.peers.question import UNKNOWN, UNSAT, Answer, Question, ends, rows
from constructions.networks.network import ReLUNetwork, dense


def name() -> str:
    return f"auto_LiRPA {getattr(import_module('auto_LiRPA'), '__version__', 'of an unknown version')}"


def bounded(network: ReLUNetwork) -> Any:
    """Its module for a network: plain layers of float32."""
    import torch

    modules: list[Any] = []
    for layer in network.layers:
        affine = torch.nn.Linear(layer.inputs, layer.outputs)
        with torch.no_grad():
            affine.weight.copy_(torch.tensor(dense(layer.weight)))
            affine.bias.copy_(torch.tensor(layer.bias))
        modules += [affine, torch.nn.ReLU()]
    lirpa: Any = import_module("auto_LiRPA")
    return lirpa.BoundedModule(torch.nn.Sequential(*modules[:-1]), torch.zeros(1, network.inputs))


def answer(question: Question, seconds: float) -> Answer:
    import torch

    lirpa: Any = import_module("auto_LiRPA")
    torch.set_num_threads(1)
    module = bounded(question.network)
    module.set_bound_opts({"optimize_bound_args": {"iteration": 20, "verbosity": 0}})
    for case, one in question.parts:
        low, high = (torch.tensor(v[None], dtype=torch.float32) for v in ends(case))
        x = lirpa.BoundedTensor((low + high) / 2, lirpa.PerturbationLpNorm(norm=np.inf, x_L=low, x_U=high))
        weight, bound = rows(one)
        form = torch.tensor(weight[None], dtype=torch.float32)
        limit = torch.tensor(bound, dtype=torch.float32)
        for method in ("CROWN", "CROWN-Optimized"):
            lower, _ = module.compute_bounds(x=(x,), C=form, method=method, bound_upper=False)
            if bool((lower[0] - limit > 0).any()):
                break
        else:
            return UNKNOWN
    return UNSAT
