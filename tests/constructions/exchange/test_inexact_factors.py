"""Factors that are no floats, such as 1/3: what is said of a file or module holds for the true ones."""

from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import helper

from constructions import certify, from_torch
from constructions.exchange.onnx_file import read_onnx_model
from constructions.exchange.verify import verify
from constructions.exchange.vnnlib_file import parse_vnnlib
from tests.constructions.exchange.models import model, saved


def asked(inputs: int, low: str, high: str, assertion: str) -> str:
    names = [f"X_{k}" for k in range(inputs)]
    box = [f"(assert (>= {x} {low})) (assert (<= {x} {high}))" for x in names]
    return "\n".join([f"(declare-const {name} Real)" for name in (*names, "Y_0")] + box + [f"(assert {assertion})"])


@pytest.fixture
def zero(tmp_path: Path) -> Path:
    """`3 (x / 3) - x = 0`."""
    nodes = [helper.make_node("Div", ["X", "c"], ["a"]), helper.make_node("Mul", ["a", "c"], ["b"])]
    nodes.append(helper.make_node("Sub", ["b", "X"], ["Y"]))
    return saved(tmp_path / "zero.onnx", model(nodes, {"c": np.array([3.0])}, [1, 1], dtype="float64"))


@pytest.mark.parametrize(("assertion", "wrong"), [
    ("(<= Y_0 0.0)", "unsat"), ("(>= Y_0 0.0)", "unsat"), ("(< Y_0 0.0)", "sat"), ("(> Y_0 0.0)", "sat"),
])  # fmt: skip
def test_factors_that_cancel_decide_nothing(assertion: str, wrong: str, zero: Path) -> None:
    read = read_onnx_model(zero).network
    assert read.rounded > 0
    assert not read.distance(np.ones(1), np.ones(1))[0] < 1e-33
    assert verify(zero, parse_vnnlib(asked(1, "1.0", "2.0", assertion)), seconds=1).answer != wrong


@pytest.mark.parametrize("assertion", ["(<= Y_0 0.99999999999999996)", "(< Y_0 1.0)", "(> Y_0 1.0)"])
def test_a_mean_of_ones_is_one(assertion: str, tmp_path: Path) -> None:
    nodes = [helper.make_node("AveragePool", ["X"], ["Y"], kernel_shape=[3])]
    path = saved(tmp_path / "mean.onnx", model(nodes, {}, [1, 1, 3], dtype="float64", outputs=3))
    assert verify(path, parse_vnnlib(asked(3, "1.0", "1.0", assertion)), seconds=1).answer != "sat"
    # What is clear is still found.
    assert verify(path, parse_vnnlib(asked(3, "1.0", "1.0", "(<= Y_0 1.0001)")), seconds=1).answer == "sat"
    assert verify(path, parse_vnnlib(asked(3, "1.0", "1.0", "(<= Y_0 0.9999)")), seconds=1).answer == "unsat"


class Zero(torch.nn.Module):
    """`3 (x / 3) - x = 0`, a tie."""

    def __init__(self) -> None:
        super().__init__()
        self.last = torch.nn.Linear(1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last((x / 3) * 3 - x)


@pytest.mark.parametrize("label", [-1, 1])
def test_a_module_of_factors_that_cancel_is_not_certified(label: int) -> None:
    module = Zero().double()
    torch.nn.init.ones_(module.last.weight)
    torch.nn.init.zeros_(module.last.bias)
    assert from_torch(module).rounded > 0
    assert certify(module, np.array([[1.5]]), [label], 0.25, np.inf).status.tolist() == ["undecided"]
