"""To torch and back: the same function, with gradients; and no torch where none is needed."""

import functools
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.modules import module as torch_modules
from torch.nn.utils import parametrizations, prune

from constructions import Affine, ReLUNetwork
from constructions.networks import torch_module as torch_module_source
from constructions.networks.network import dense as dense_array
from constructions.networks.network import network, sparse
from constructions.networks.torch_module import SparseLinear, from_torch, to_torch
from tests.rational import rational_value, rationals
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
def test_the_dense_module_is_plain_torch(f: ReLUNetwork) -> None:
    module = to_torch(f, dense=True)
    assert type(module) is nn.Sequential
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
    monkeypatch.setattr(torch_module_source, "_DENSE_LIMIT", limit)
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


# -- from torch


@given(networks())
def test_there_and_back_is_the_same_network(f: ReLUNetwork) -> None:
    back = from_torch(to_torch(f, dense=True))
    assert back.depth == f.depth
    for left, right in zip(back.layers, f.layers, strict=True):
        assert np.array_equal(left.weight, dense_array(right.weight))
        assert np.array_equal(left.bias, right.bias)


def linear(weight: list[list[float]], bias: list[float] | None = None, dtype: Any = torch.float64) -> nn.Linear:
    layer = nn.Linear(len(weight[0]), len(weight), bias=bias is not None, dtype=dtype)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight, dtype=dtype))
        if bias is not None:
            layer.bias.copy_(torch.tensor(bias, dtype=dtype))
    return layer


A, B, C = linear([[1.0, -2.0], [0.5, 3.0]], [0.25, -1.0]), linear([[2.0, 1.0]], [-0.5]), linear([[-4.0]])


class Renamed(nn.Sequential):
    """A subclass that computes what its parent does."""


class Constructed(nn.Sequential):
    """As networks are often written."""

    hidden: int

    def __init__(self) -> None:
        super().__init__(A, nn.ReLU(), B)
        self.hidden = 2

    def predict(self, x: torch.Tensor) -> torch.Tensor:
        return self(x).sign()


@pytest.mark.parametrize(
    ("module", "depth"),
    [
        (A, 1),
        (nn.Sequential(A, B), 2),
        (nn.Sequential(A, B, C), 3),
        (nn.Sequential(A, nn.ReLU(), B), 2),
        (nn.Sequential(A, nn.ReLU(), B, C), 3),
        (nn.Sequential(A, nn.ReLU(), nn.ReLU(), B), 2),
        (nn.Sequential(A, nn.ReLU(inplace=True), B, nn.ReLU(), C), 3),
        (nn.Sequential(nn.Flatten(), nn.Identity(), A), 1),
        (nn.Sequential(nn.Sequential(nn.Flatten(), A), nn.Sequential(nn.ReLU(), nn.Sequential(B))), 2),
        (Renamed(A, nn.ReLU(), B), 2),
        (nn.Sequential(linear([[0.1, 0.2]], [0.3], torch.float32), linear([[0.7]], None, torch.float32)), 2),
        (nn.Sequential(linear([[0.5, 0.25]], [0.5], torch.bfloat16)), 1),
        (nn.Sequential(linear([[0.1, 0.2]], None, torch.float16), nn.ReLU(), C), 2),
        (Constructed(), 2),
    ],
)
def test_modules_of_linear_and_relu(module: nn.Module, depth: int) -> None:
    f = from_torch(module)
    assert f.depth == depth
    x = np.array([[0.0, 0.0], [1.0, 0.5], [-2.0, 1.0], [0.25, -3.0]])
    assert [rational_value(f, rationals(row)) for row in x] == [module_value(module, rationals(row)) for row in x]


def module_value(module: Any, x: list[Fraction]) -> list[Fraction]:
    """The module in rational arithmetic, part by part as torch calls them."""
    if isinstance(module, nn.Sequential):
        return functools.reduce(lambda z, part: module_value(part, z), module, x)
    if isinstance(module, nn.ReLU):
        return [max(z, Fraction(0)) for z in x]
    if isinstance(module, nn.Linear):
        rows = [[Fraction(w) for w in row] for row in module.weight.tolist()]
        bias = [Fraction(0)] * len(rows) if module.bias is None else map(Fraction, module.bias.tolist())
        return [
            b + sum((w * z for w, z in zip(row, x, strict=True)), Fraction(0))
            for row, b in zip(rows, bias, strict=True)
        ]
    return x


weights = st.floats(-2, 2, width=32) | st.floats(allow_nan=False, allow_infinity=False)


@given(st.data(), st.lists(st.tuples(st.integers(1, 3), st.booleans(), st.booleans()), min_size=1, max_size=4))
def test_the_network_is_the_module_over_the_reals(data: st.DataObject, plan: list[tuple[int, bool, bool]]) -> None:
    """Also where Linear follows Linear, whose product float64 would round or overflow."""
    parts: list[nn.Module] = []
    size = inputs = data.draw(st.integers(1, 3))
    for outputs, biased, activated in plan:
        weight = data.draw(arrays((outputs, size), weights)).tolist()
        parts.append(linear(weight, data.draw(arrays((outputs,), weights)).tolist() if biased else None))
        parts += [nn.ReLU()] if activated else []
        size = outputs
    module = nn.Sequential(*parts, linear([[0.1] * size], [0.3]))
    f = from_torch(module)
    for row in data.draw(arrays((2, inputs), weights)):
        assert rational_value(f, rationals(row)) == module_value(module, rationals(row))


def test_consecutive_layers_are_not_rounded() -> None:
    """`(x / 3) · 3 - x` is not 0 in rationals, and its sign is the class; the rounded product is 1."""
    f = from_torch(nn.Sequential(linear([[1 / 3], [1.0]]), linear([[3.0, -1.0]])))
    assert (1 / 3) * 3 - 1 == 0
    (value,) = rational_value(f, [Fraction(1)])
    assert value == 3 * Fraction(1 / 3) - 1 < 0


def test_a_shared_layer_is_used_twice() -> None:
    square_layer = linear([[2.0]], [1.0])
    f = from_torch(nn.Sequential(square_layer, nn.ReLU(), square_layer))
    assert f.depth == 2
    assert f(np.array([[1.0], [-4.0]])).tolist() == [[7.0], [1.0]]


class Doubled(nn.Sequential):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * torch.relu(x)


class Tripled(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 3 * super().forward(x)


class Called(nn.Sequential):
    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return 1 - super().__call__(x)


class Reversed(nn.Sequential):
    def __iter__(self) -> Iterator[nn.Module]:
        return iter(list(super().__iter__())[::-1])


class Wrapped(torch.Tensor):
    """A tensor that may have operations of its own."""


def with_weight(weight: torch.Tensor) -> nn.Linear:
    layer = nn.Linear(2, 2)
    layer.weight = nn.Parameter(weight, requires_grad=weight.is_floating_point())
    return layer


class Own(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = A

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Conv2d(1, 1, 3), "got Conv2d"),
        (nn.Sequential(A, nn.Tanh(), B), "got Tanh"),
        (nn.Sequential(A, nn.LeakyReLU(), B), "got LeakyReLU"),
        (nn.Sequential(A, nn.ReLU6(), B), "got ReLU6"),
        (nn.Sequential(A, nn.Sigmoid()), "got Sigmoid"),
        (nn.Sequential(A, nn.Dropout(), B), "got Dropout"),
        (nn.Sequential(nn.BatchNorm1d(2), A), "got BatchNorm1d"),
        (nn.Sequential(A, nn.Softmax(dim=1)), "got Softmax"),
        (nn.Sequential(A, nn.Flatten(), B), r"leading Flatten only, got Flatten"),
        (nn.Sequential(nn.Flatten(0), A), r"leading Flatten only, got Flatten\(start_dim=0"),
        (nn.Sequential(nn.Flatten(1, 2), A), r"end_dim=2"),
        (nn.Sequential(A, nn.Identity()), "got Identity"),
        (nn.Sequential(nn.ReLU(), A), "got ReLU"),
        (nn.Sequential(A, nn.ReLU()), "must end with a Linear"),
        (nn.ReLU(), "got ReLU"),
        (nn.Sequential(), "must end with a Linear"),
        (nn.Sequential(nn.Flatten()), "must end with a Linear"),
        (Own(), "got Own"),
        # Their parents would pass, but these compute something else.
        (Doubled(A), "got Doubled with its own forward"),
        (nn.Sequential(Tripled(2, 1)), "got Tripled"),
        (nn.Sequential(A, nn.ReLU(), Called(B)), "got Called with its own __call__"),
        (Reversed(nn.Flatten(), A), "got Reversed with its own __iter__"),
        (nn.LazyLinear(2), "got LazyLinear"),
        (parametrizations.weight_norm(nn.Linear(2, 2)), "got ParametrizedLinear"),
        (parametrizations.orthogonal(nn.Linear(2, 2)), "got ParametrizedLinear"),
        (nn.utils.spectral_norm(nn.Linear(2, 2)), "got Linear with a forward pre-hook"),
        (prune.l1_unstructured(nn.Linear(2, 2), "weight", 1), "a forward pre-hook: .*prune.remove"),
        (nn.Linear(2, 2, dtype=torch.complex64), "real floating-point weights, got Parameter of torch.complex64"),
        (nn.Linear(2, 2, device="meta"), "weights in memory, got weight of Linear.* on the meta device"),
        (with_weight(torch.eye(2, dtype=torch.int64)), "floating-point weights, got Parameter of torch.int64"),
        (with_weight(torch.eye(2).to_sparse()), "dense real .*torch.sparse_coo, as weight of Linear"),
        (with_weight(torch.eye(2).as_subclass(Wrapped)), "got Wrapped of torch.float32"),
        (nn.Sequential(A, nn.ReLU(), None), "got None"),
        ("A", "got A"),
        (nn.Sequential(A, nn.ReLU(), linear([[float("nan"), 1.0]], [0.0])), "finite"),
        (nn.Sequential(A, nn.ReLU(), C), "2 outputs of layer 1 and 1 inputs of layer 2"),
    ],
)
def test_other_modules_are_refused(module: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_torch(module)


def shifted(*arguments: Any) -> Any:
    """As a hook of any kind: the input (in a tuple), or the output (last), shifted."""
    *_, values = arguments
    return (values[0] - 0.5,) if isinstance(values, tuple) else values - 0.5


@pytest.mark.parametrize("place", ["first", "relu", "last", "inner", "whole"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda part: part.register_forward_pre_hook(shifted), "with a forward pre-hook"),
        (lambda part: part.register_forward_hook(shifted), "with a forward hook"),
        (lambda part: part.register_forward_hook(shifted, always_call=True), "with a forward hook"),
        (lambda part: part.register_forward_hook(lambda *a: shifted(a[-1]), with_kwargs=True), "with a forward hook"),
        (lambda part: setattr(part, "forward", lambda x, f=part.forward: f(x) - 0.5), "with its own forward"),
        (lambda part: setattr(part, "_call_impl", lambda x, f=part.forward: f(x) - 0.5), "with its own _call_impl"),
        (
            lambda part: setattr(part, "_compiled_call_impl", lambda x, f=part.forward: f(x) - 0.5),
            "with its own _compiled_call_impl",
        ),
    ],
)
def test_what_changes_a_module_is_refused(place: str, change: Callable[[nn.Module], Any], message: str) -> None:
    """Each changes what the module answers, so a network of its layers alone is another function."""
    inner = nn.Sequential(linear([[1.0, -2.0]], [0.25]), nn.ReLU())
    module = nn.Sequential(inner, linear([[2.0], [-1.0]], [0.5, 1.0]))
    x = torch.tensor([[1.0, 0.25]], dtype=torch.float64)
    before, network_before = module(x), from_torch(module)
    assert network_before(x.numpy()).tolist() == before.tolist()
    change({"first": inner[0], "relu": inner[1], "last": module[1], "inner": inner, "whole": module}[place])
    assert module(x).tolist() != before.tolist()
    with pytest.raises(ValueError, match=message):
        from_torch(module)


@pytest.mark.parametrize("register", ["register_module_forward_hook", "register_module_forward_pre_hook"])
def test_global_hooks_are_refused(register: str) -> None:
    handle = getattr(torch_modules, register)(shifted)
    try:
        with pytest.raises(ValueError, match="global forward hooks"):
            from_torch(A)
    finally:
        handle.remove()
    assert from_torch(A).depth == 1


def test_a_hook_that_was_removed_and_hooks_of_gradients_change_nothing() -> None:
    module = nn.Sequential(linear([[1.0, -2.0]], [0.25]), nn.ReLU(), C)
    module[0].register_forward_pre_hook(shifted).remove()
    module.register_full_backward_hook(lambda *_: None)
    module.train()
    x = np.array([[1.0, 0.25]])
    assert from_torch(module)(x).tolist() == module(torch.from_numpy(x)).tolist()


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


class _Negated(nn.Module):
    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return -super().__call__(x)  # type: ignore[no-any-return]


class _Silent(nn.Module):
    def _call_impl(self, *args: torch.Tensor) -> torch.Tensor:
        return 0 * super()._call_impl(*args)  # type: ignore[no-any-return]


class _CallsBeside(nn.Sequential, _Negated): ...


class _CallsWithin(nn.Sequential, _Silent): ...


@pytest.mark.parametrize("kind", [_CallsBeside, _CallsWithin])
def test_a_class_beside_sequential_is_looked_at_too(kind: type[nn.Sequential]) -> None:
    with pytest.raises(ValueError, match="must compute what its class does"):
        from_torch(kind(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)))


def test_what_holds_itself_is_refused() -> None:
    module = nn.Sequential(nn.Linear(1, 1))
    module._modules["1"] = module
    with pytest.raises(ValueError, match="must not hold itself"):
        from_torch(module)


def test_weights_with_a_lazy_sign_are_read() -> None:
    linear = nn.Linear(1, 1, bias=False, dtype=torch.float64)
    linear.weight = nn.Parameter(torch.tensor([[1 + 2j]], dtype=torch.complex128).conj().imag)
    assert from_torch(linear).layers[0].weight.tolist() == [[-2.0]]
