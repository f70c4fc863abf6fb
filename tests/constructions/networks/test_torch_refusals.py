"""What is another function than its parts say, or none of ReLUs, is refused by name and with the way out."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.modules import module as torch_modules
from torch.nn.utils import parametrizations, prune

from constructions.networks import torch_module, torch_operations, windows
from constructions.networks.torch_module import from_torch
from constructions.networks.torch_values import Tracing
from tests.constructions.networks.torch_modules import Forward, filled, linear

A, B = linear([[1.0, -2.0], [0.5, 3.0]], [0.25, -1.0]), linear([[2.0, 1.0]], [-0.5])
S = nn.Sequential


class Called(nn.Sequential):
    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return 1 - super().__call__(x)


class Within(nn.Sequential):
    def _call_impl(self, *args: Any) -> torch.Tensor:
        return 0 * super()._call_impl(*args)  # type: ignore[no-any-return]


class Beside:
    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return -super().__call__(x)  # type: ignore[misc, no-any-return]


class CalledBeside(Beside, nn.Sequential): ...


class Wrapped(torch.Tensor):
    """A tensor that may have operations of its own."""


def with_weight(weight: torch.Tensor) -> nn.Linear:
    layer = nn.Linear(2, 2)
    layer.weight = nn.Parameter(weight, requires_grad=weight.is_floating_point())
    return layer


class Counted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))
        self.layer = A

    def forward(self, x: torch.Tensor) -> Any:
        assert isinstance(self.calls, torch.Tensor)
        self.calls += 1
        return self.layer(x)


def scaled_by_batch(module: Any, x: torch.Tensor) -> Any:
    return module.a(x / x.size(0) * 3)


def updated_in_place(module: Any, x: torch.Tensor) -> Any:
    y = module.a(x)
    z = y
    z += 1.0
    return y + z


def branching(module: Any, x: torch.Tensor) -> Any:
    return module.a(x) if x.sum() > 0 else x


def squared(module: Any, x: torch.Tensor) -> Any:
    return module.a(x) * x


def loop() -> nn.Module:
    module = S(nn.Linear(1, 1))
    module._modules["1"] = module
    return module


REFUSED: list[tuple[Any, str]] = [
    (S(A, nn.Tanh(), B), "got tanh in Tanh at 1: no ReLU network computes it"),
    (S(A, nn.Sigmoid()), "got sigmoid in Sigmoid at 1: remove it: its sign is the same"),
    (S(A, nn.Softmax(dim=1)), "got softmax in Softmax at 1: remove it: the greatest logit is the same"),
    (S(A, nn.LogSoftmax(dim=1)), "got log_softmax .* remove it"),
    (S(A, nn.GELU()), "got gelu in GELU"),
    (S(A, nn.LayerNorm(2)), "got layer_norm in LayerNorm at 1: it divides by what it measures"),
    (Forward(lambda m, x: F.softmax(m.a(x), 1), a=A), "got softmax in Forward: remove it"),
    (S(A, nn.Dropout(), B), "got Dropout in training mode: call module.eval"),
    (S(A, nn.Dropout1d(), B).train(), "got Dropout in training mode"),
    (Forward(lambda m, x: F.dropout(m.a(x)), a=A).eval(), "got Dropout in training mode"),
    (S(nn.BatchNorm1d(2), A), "got BatchNorm1d in training mode: call module.eval"),
    (S(nn.BatchNorm1d(2, track_running_stats=False), A).eval(), "BatchNorm that measures its batch"),
    (Called(A), "got Called with its own __call__"),
    (Within(A), "got Within with its own _call_impl"),
    (CalledBeside(A), "got CalledBeside with its own __call__"),
    (nn.LazyLinear(2), "got LazyLinear.*run it once on a batch"),
    (parametrizations.weight_norm(nn.Linear(2, 2)), "got ParametrizedLinear.*remove_parametrizations"),
    (parametrizations.orthogonal(nn.Linear(2, 2)), "got ParametrizedLinear"),
    (nn.utils.spectral_norm(nn.Linear(2, 2)), "got Linear with a forward pre-hook"),
    (prune.l1_unstructured(nn.Linear(2, 2), "weight", 1), r"a forward pre-hook: .*prune.remove"),
    # As torch.compile makes them, which takes seconds.
    (Forward(lambda m, x: m._orig_mod(x), _orig_mod=A), "got the compiled Forward: give the module"),
    (nn.Linear(2, 2, dtype=torch.complex64), "got Tensor of torch.complex64 as a weight.*convert it to float"),
    (nn.Linear(2, 2, device="meta"), "got a weight on the meta device: load its numbers"),
    (with_weight(torch.eye(2).to_sparse()), "got torch.sparse_coo as a weight: give it by to_dense"),
    (with_weight(torch.eye(2).as_subclass(Wrapped)), "got Wrapped of torch.float32"),
    (with_weight(torch.tensor([[math.nan, 1.0]])), "got NaN or infinity in a weight"),
    (with_weight(torch.tensor([[math.inf, 1.0]])), "got NaN or infinity in a weight"),
    (S(A, nn.ReLU(), None), "a forward that cannot be followed"),
    ("A", "got str A"),
    (torch.relu, "got builtin_function_or_method"),
    (S(A, nn.ReLU(), linear([[-4.0]])), r"product of weights of shape \(1, 1\) with values of shape \(2,\)"),
    (S(A, nn.Flatten(0)), "an operation that mixes the points of a batch"),
    (Forward(lambda m, x: m.a(x).mean(0, keepdim=True), a=A), "over all points of a batch: name the axes"),
    (Forward(lambda m, x: m.a(x).mean(), a=A), "over all points of a batch"),
    (Forward(lambda m, x: m.a(x).flip(0), a=A), "mixes the points"),
    (Forward(lambda m, x: m.a(x)[:1], a=A), "mixes the points"),
    (Forward(lambda m, x: m.a(x) + torch.arange(3.0)[:, None], a=A), "constants that differ from point to point"),
    (Forward(squared, a=A), "a product of two values that depend on the point"),
    (Forward(lambda m, x: 1 / m.a(x), a=A), "a division by what depends on the point"),
    (Forward(lambda m, x: m.a(x) / 0, a=A), "a division by 0"),
    (Forward(lambda m, x: m.a(x) / 1e308, a=linear([[1.0]])), "factors must be at least .*, got 1e-308: rescale"),
    (Forward(lambda m, x: m.a(x) / 5e-324, a=A), "got truediv in Forward as it is not read: .* too large for a float"),
    (Forward(lambda m, x: m.a(x).pow(2), a=A), "got pow in Forward"),
    (Forward(lambda m, x: m.a(x).long(), a=A), "got long in Forward"),
    (Forward(lambda m, x: m.a(x).to(torch.int64), a=A), "got a conversion to torch.int64"),
    (Forward(lambda m, x: m.a(x) + torch.rand_like(x), a=A), "got rand_like in Forward"),
    (Forward(lambda m, x: m.a(x) + torch.rand(2), a=A), "outputs at random points are"),
    (Forward(branching, a=A), "a forward that cannot be followed .TraceError.*without branches"),
    (Forward(lambda m, x: (m.a(x), x), a=A), "an output that is tuple, not one tensor"),
    (Forward(lambda m, x: {"logits": m.a(x)}, a=A), "an output that is dict"),
    (Forward(lambda m, x: (m.a(x), m.a.weight)[1], a=A), "an output that is Tensor"),
    (Forward(lambda m, x: m.a(x)[:, :, None], a=A), r"outputs of shape \(2, 1\) a point: flatten"),
    (Forward(lambda m, x: F.relu(x, inplace=True) + m.a(x), a=A), "an operation in place on what is read again"),
    (Forward(lambda m, x: x.view(-1, 2).relu_() + m.a(x), a=A), "an operation in place on what is read again"),
    (Forward(updated_in_place, a=A), "outputs at random points are .* operations in place"),
    (Forward(scaled_by_batch, a=A), "outputs at random points are"),
    (Counted(), r"a forward that changes its buffers \(calls\)"),
    (S(linear([[1.0]], None, torch.float16), linear([[1.0]])), "a module that does not run .*expected"),
    (loop(), "got Sequential that holds itself"),
    (S(nn.Conv2d(1, 1, 2)), r"must tell the shape of one point .*input_shape=\(3, 32, 32\)"),
    (S(nn.ReLU()), "must tell the shape of one point"),
    (S(nn.AvgPool1d(2), nn.Linear(2, 2)), "must tell the shape of one point"),
    (S(nn.Linear(4, 2), nn.Conv1d(2, 2, 1)), r"a convolution of 2 channels of values of shape \(2,\)"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "message"), REFUSED)
def test_other_modules_are_refused(module: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_torch(module)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
def test_scripts_are_refused() -> None:
    with pytest.raises(ValueError, match="got the scripted RecursiveScriptModule: give the module that it was made of"):
        from_torch(torch.jit.script(S(A)))


def test_a_module_that_counts_its_calls_is_left_as_it_was() -> None:
    module = Counted()
    with pytest.raises(ValueError, match="changes its buffers"):
        from_torch(module)
    assert module.calls == 0


@pytest.mark.parametrize("shape", [(), 3, (0, 2), (2.0,), "3"])
def test_shapes_are_checked(shape: Any) -> None:
    with pytest.raises(ValueError, match=r"input_shape must be the axes of one point, such as \(3, 32, 32\), got"):
        from_torch(A, input_shape=shape)


def test_a_shape_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"product of weights of shape \(2, 2\) with values of shape \(3,\)"):
        from_torch(A, input_shape=(3,))
    with pytest.raises(ValueError, match=r"points of shape \(4,\), as input_shape was not given"):
        from_torch(Forward(lambda m, x: m.a((x - m.mean).flatten(1)), a=nn.Linear(4, 2), mean=torch.ones(1, 2, 2)))


# -- hooks and replaced methods


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
    inner = S(linear([[1.0, -2.0]], [0.25]), nn.ReLU())
    module = S(inner, linear([[2.0], [-1.0]], [0.5, 1.0]))
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
    module = S(linear([[1.0, -2.0]], [0.25]), nn.ReLU(), linear([[-4.0]]))
    module[0].register_forward_pre_hook(shifted).remove()
    module.register_full_backward_hook(lambda *_: None)
    module.train()
    x = np.array([[1.0, 0.25]])
    assert from_torch(module)(x).tolist() == module(torch.from_numpy(x)).tolist()


# -- faults of the reader, seen by its comparison with the module


def transposed(read: Any, weight: np.ndarray, groups: int, size: int) -> Any:
    return CONVOLUTION(read, weight.swapaxes(-1, -2), groups, size)


def shifted_padding(places: Any, kernel: Any, stride: Any, padding: Any, *rest: Any, **more: Any) -> Any:
    return WINDOWS(places, kernel, stride, [(a + 1, b - 1) for a, b in padding], *rest, **more)


def without_eps(t: Tracing, x: Any, *args: Any, eps: float = 0.0, **more: Any) -> Any:
    return BATCH_NORM(t, x, *args, eps=2.0**-1000, **more)


CONVOLUTION, WINDOWS, BATCH_NORM = windows.convolution, windows.windows, torch_operations.batch_norm
IMAGES = S(nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3, eps=1e-2), nn.ReLU(), nn.Flatten(), nn.Linear(60, 2))


@pytest.mark.parametrize(
    ("place", "name", "fault"),
    [
        (torch_operations, "convolution", transposed),
        (torch_operations, "windows", shifted_padding),
        (torch_operations, "batch_norm", without_eps),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_comparison_sees_a_wrong_reader(
    place: Any, name: str, fault: Any, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = filled(IMAGES).to(dtype)
    from_torch(module, input_shape=(2, 4, 5))
    monkeypatch.setattr(place, name, fault)
    with pytest.raises(ValueError, match="a module whose outputs at random points are"):
        from_torch(module, input_shape=(2, 4, 5))


@pytest.mark.parametrize(("dtype", "least"), [(torch.float64, 1e-12), (torch.float32, 1e-3)])
def test_the_comparison_is_as_sharp_as_the_arithmetic(
    dtype: torch.dtype, least: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = filled(IMAGES).to(dtype)
    seen: list[np.ndarray] = []
    monkeypatch.setattr(torch_module, "_compare", lambda ours, theirs, error: seen.extend((ours, theirs, error)))
    from_torch(module, input_shape=(2, 4, 5))
    ours, theirs, error = seen
    assert np.all(np.abs(ours - theirs) <= 4 * error)
    assert np.all(torch_module._SLACK * error <= least * np.abs(theirs).max())


def test_as_it_is_compared_so_it_is_refused() -> None:
    ours = np.array([[1.0, 2.0]])
    torch_module._compare(ours, ours + 0.6, np.full((1, 2), 1 / 64))
    for theirs in (ours + 1.1, np.full((1, 2), np.nan), np.ones((1, 3))):
        with pytest.raises(ValueError, match="rounding explains 1"):
            torch_module._compare(ours, theirs, np.full((1, 2), 1 / 64))
