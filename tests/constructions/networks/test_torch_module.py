"""To torch and back: the same function, with gradients; and no torch where none is needed."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from constructions import Affine, ReLUNetwork
from constructions.certificates.executed_intervals import executed_layers, run
from constructions.networks import torch_out
from constructions.networks.network import dense as dense_array
from constructions.networks.network import network, sparse
from constructions.networks.torch_module import SparseLinear, from_torch, to_torch
from constructions.networks.torch_out import Layers
from tests.strategies import arrays, networks

ROOT = Path(__file__).parents[3]
variants = st.sampled_from([True, False, None])


def sparsely_stored(f: ReLUNetwork) -> ReLUNetwork:
    return ReLUNetwork(tuple(Affine(sparse(layer.weight), layer.bias) for layer in f.layers))


def jacobian(f: ReLUNetwork, x: np.ndarray) -> np.ndarray:
    """`W_L D W_{L-1} … D W_1` with the active pattern at `x`; torch's derivative of a ReLU at 0 is 0."""
    z, product = x, np.eye(f.inputs)
    for k, layer in enumerate(f.layers):
        if k:
            product = (z > 0)[:, None] * product
            z = np.maximum(z, 0)
        product, z = dense_array(layer.weight) @ product, dense_array(layer.weight) @ z + layer.bias
    return product


# -- to torch


@given(st.data(), networks(), variants)
def test_the_module_computes_the_network(data: st.DataObject, f: ReLUNetwork, as_dense: bool | None) -> None:
    x = data.draw(arrays((3, f.inputs)))
    module = to_torch(f, dense=as_dense)
    values = module(torch.from_numpy(x))
    assert values.dtype == torch.float64
    assert values.detach().numpy().tolist() == f(x).tolist()
    assert f.to_torch(dense=as_dense)(torch.from_numpy(x)).tolist() == values.tolist()


@given(networks())
def test_the_dense_module_is_plain_torch_but_for_the_type_of_its_batch(f: ReLUNetwork) -> None:
    module = to_torch(f, dense=True)
    assert type(module) is Layers
    assert isinstance(module, nn.Sequential)
    assert [type(part) for part in module] == [nn.Linear, *[nn.ReLU, nn.Linear] * (f.depth - 1)]
    assert sum(p.numel() for p in module.parameters()) == f.parameters


@given(networks())
def test_the_sparse_module_stores_the_nonzeros_only(f: ReLUNetwork) -> None:
    module = to_torch(sparsely_stored(f), dense=False)
    assert [type(part) for part in module] == [SparseLinear, *[nn.ReLU, SparseLinear] * (f.depth - 1)]
    nonzero_weights = sum(np.count_nonzero(dense_array(layer.weight)) for layer in f.layers)
    biases = sum(layer.outputs for layer in f.layers)
    assert sum(p.numel() for p in module.parameters()) == nonzero_weights + biases


def test_layers_stored_dense_stay_dense() -> None:
    f = network(([[1.0]], [0.0]), (sp.csr_array(np.ones((1, 1))), [0.0]))
    assert [type(part) for part in to_torch(f, dense=False)] == [nn.Linear, nn.ReLU, SparseLinear]


@pytest.mark.parametrize(("limit", "kind"), [(8 * 6, nn.Linear), (8 * 6 - 1, SparseLinear)])
def test_dense_while_it_fits(limit: int, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_out, "_DENSE_LIMIT", limit)
    f = ReLUNetwork((Affine(sp.csr_array(np.array([[1.0, 0.0], [0.0, 0.0]])), np.zeros(2)),))
    assert f.parameters == 6
    assert isinstance(to_torch(f)[0], kind)


@given(st.data(), networks(), st.booleans())
def test_input_gradients_are_the_active_jacobian(data: st.DataObject, f: ReLUNetwork, as_dense: bool) -> None:
    module = to_torch(f if as_dense else sparsely_stored(f), dense=as_dense)
    x = data.draw(arrays((f.inputs,)))
    for k in range(f.outputs):
        point = torch.from_numpy(x[None]).requires_grad_()
        module(point)[0, k].backward()
        assert point.grad is not None
        assert point.grad[0].tolist() == jacobian(f, x)[k].tolist()


@pytest.mark.parametrize("as_dense", [True, False])
def test_input_gradients_are_difference_quotients(as_dense: bool) -> None:
    """Inside one linear piece the quotient of dyadic numbers is the derivative, without rounding."""
    f = network((sp.csr_array(np.array([[1.0, -2.0], [0.5, 0.0]])), [0.25, 1.0]), (sp.csr_array([[3.0, -1.0]]), [0.0]))
    x, step = np.array([1.0, 0.25]), 2.0**-5
    point = torch.from_numpy(x[None]).requires_grad_()
    to_torch(f, dense=as_dense)(point).sum().backward()
    quotients = [(f((x + step * e)[None]) - f((x - step * e)[None])).item() / (2 * step) for e in np.eye(2)]
    assert point.grad is not None
    assert point.grad[0].tolist() == quotients == [2.5, -6.0]


@pytest.mark.parametrize("as_dense", [True, False])
def test_parameters_get_gradients_and_can_be_trained(as_dense: bool) -> None:
    f = network((sp.csr_array(np.array([[1.0, 0.0], [0.0, 2.0]])), [1.0, 1.0]), (sp.csr_array([[1.0, -1.0]]), [0.0]))
    module = to_torch(f, dense=as_dense)
    x = torch.tensor([[1.0, 2.0], [3.0, -1.0]], dtype=torch.float64)
    module(x).sum().backward()
    gradients = [p.grad for p in module.parameters()]
    assert all(g is not None for g in gradients)
    hidden = np.maximum(x.numpy() @ np.diag([1.0, 2.0]) + 1, 0)
    last = gradients[2].reshape(-1) if gradients[2] is not None else None
    assert last is not None
    assert last.tolist() == hidden.sum(axis=0).tolist()
    # d/dW_11 = Σ x_1 (neuron 1 is on at both), d/dW_22 = -x_2 where neuron 2 is on (the first point).
    first = gradients[0]
    assert first is not None
    assert (first.diag() if as_dense else first).tolist() == [4.0, -2.0]
    before = module(x).sum().item()
    torch.optim.SGD(module.parameters(), lr=0.01).step()
    assert module(x).sum().item() < before
    assert f(x.numpy()).sum() == before


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("given", [torch.float64, torch.float32, torch.float16])
@pytest.mark.parametrize("as_dense", [True, False])
def test_a_batch_of_any_float_type_goes_in(dtype: torch.dtype, given: torch.dtype, as_dense: bool) -> None:
    f = network((sp.csr_array([[0.1, -2.0]]), [0.3]), ([[3.0]], [0.7]))
    module = f.to_torch(dense=as_dense, dtype=dtype)
    assert {p.dtype for p in module.parameters()} == {dtype}
    x = torch.tensor([[0.1, 0.2], [3.0, -0.7]], dtype=given)
    values = module(x)
    assert values.dtype == dtype
    kind = np.float64 if dtype == torch.float64 else np.float32
    assert values.tolist() == run(executed_layers(f.layers, kind.__name__), x.to(dtype).numpy()).tolist()
    assert from_torch(module)(x.double().numpy()).shape == (2, 1)


@pytest.mark.parametrize("dtype", [torch.float16, torch.int64, "float32"])
def test_other_types_are_refused(dtype: Any) -> None:
    with pytest.raises(ValueError, match=r"needs dtype torch.float64 or torch.float32, got"):
        network(([[1.0]], [0.0])).to_torch(dtype=dtype)


@pytest.mark.parametrize("f", [network(([[1e300]], [0.0])), network((sp.csr_array([[1.0]]), [-1e39]))])
def test_weights_beyond_float32_are_refused(f: ReLUNetwork) -> None:
    for as_dense in (True, False):
        assert to_torch(f, dense=as_dense)(torch.ones((1, 1))).isfinite().all()
        with pytest.raises(ValueError, match=r"weights that torch.float32 holds, got 1e\+3"):
            to_torch(f, dense=as_dense, dtype=torch.float32)


def test_a_network_does_not_share_memory_with_its_module() -> None:
    f = network(([[1.0]], [2.0]), (sp.csr_array(np.array([[3.0]])), [4.0]))
    for as_dense in (True, False):
        module = to_torch(f, dense=as_dense)
        back = from_torch(to_torch(f, dense=True))
        with torch.no_grad():
            for p in module.parameters():
                p.zero_()
        assert f(np.ones((1, 1))).item() == back(np.ones((1, 1))).item() == 13.0


def test_read_only_arrays_are_copied() -> None:
    """torch has no read-only memory, and warns of it."""
    weight, bias = np.array([[2.0]]), np.array([1.0])
    weight.flags.writeable = bias.flags.writeable = False
    sparse_weight = sp.csr_array(weight)
    sparse_weight.data.flags.writeable = False
    f = ReLUNetwork((Affine(weight, bias), Affine(sparse_weight, bias)))
    for as_dense in (True, False):
        module = to_torch(f, dense=as_dense)
        assert module(torch.ones((1, 1), dtype=torch.float64)).item() == 7.0
        with torch.no_grad():
            for p in module.parameters():
                p.zero_()
    assert f(np.ones((1, 1))).item() == 7.0


def test_a_module_does_not_share_memory_with_its_network() -> None:
    """Training goes on after the conversion; a converted float64 module may not change under the certificate."""
    module = nn.Sequential(nn.Linear(1, 1, dtype=torch.float64), nn.ReLU(), nn.Linear(1, 1, dtype=torch.float64))
    f = from_torch(module)
    before = f(np.ones((1, 1))).item()
    with torch.no_grad():
        for p in module.parameters():
            p.add_(1.0)
    assert f(np.ones((1, 1))).item() == before


def test_the_sparse_module_survives_a_state_dict() -> None:
    f = ReLUNetwork((Affine(sp.csr_array(np.array([[1.0, 0.0], [0.0, -2.0]])), np.array([0.5, 0.0])),))
    first, second = to_torch(f, dense=False), to_torch(f, dense=False)
    with torch.no_grad():
        for p in second.parameters():
            p.zero_()
    second.load_state_dict(first.state_dict())
    x = torch.eye(2, dtype=torch.float64)
    assert second(x).tolist() == first(x).tolist()


# -- and back


@given(st.data(), networks(), variants)
def test_there_and_back_is_the_same_function(data: st.DataObject, f: ReLUNetwork, as_dense: bool | None) -> None:
    back = from_torch(to_torch(f, dense=as_dense))
    assert back.rounded == 0
    assert back.nonzero <= f.nonzero
    x = data.draw(arrays((3, f.inputs)))
    # Few dyadic numbers, whose sums are exact.
    assert back(x).tolist() == f(x).tolist()


def test_there_and_back_is_the_same_network() -> None:
    f = network(([[1.0, -2.0], [0.5, 3.0]], [0.25, -1.0]), (sp.csr_array([[2.0, 0.1]]), [-0.5]))
    for as_dense in (True, False):
        back = from_torch(to_torch(f, dense=as_dense))
        for left, right in zip(back.layers, f.layers, strict=True):
            assert dense_array(left.weight).tolist() == dense_array(right.weight).tolist()
            assert left.bias.tolist() == right.bias.tolist()


# -- no torch where none is needed


@pytest.mark.parametrize("package", ["theory", "constructions"])
def test_importing_a_package_leaves_torch_alone(package: str) -> None:
    code = f"import sys, {package}; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False"], f"import {package} imports torch"


def test_converting_imports_torch() -> None:
    """Beside the test above, so that a misspelt module name there would show."""
    code = (
        "import sys; from constructions.networks.network import network; f = network(([[1.0]], [0.0]));"
        "print('torch' in sys.modules); f.to_torch(); print('torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "True"]
