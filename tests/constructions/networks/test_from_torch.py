"""The network of a torch module: its function, exactly where it can be, in float32 and float64."""

import copy
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import constructions
from constructions import Affine
from constructions.networks.torch_module import from_torch
from empirics.images.training.models import lenet5, resnet9
from tests.constructions.networks.torch_modules import MODULES, Forward, filled, linear, module_value
from tests.rational import rational_value, rationals
from tests.strategies import arrays


def values(module: nn.Module, x: torch.Tensor) -> np.ndarray:
    """The module's own outputs, computed in float64."""
    with torch.no_grad():
        found: torch.Tensor = copy.deepcopy(module).double()(x)
    return found.reshape(len(x), -1).numpy()


def test_it_is_public() -> None:
    assert constructions.from_torch is from_torch


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(("name", "module", "shape", "exact"), MODULES, ids=[name for name, *_ in MODULES])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_network_is_the_module(
    name: str, module: nn.Module, shape: tuple[int, ...], exact: bool, dtype: torch.dtype
) -> None:
    module = filled(module).to(dtype)
    f = from_torch(module, input_shape=shape)
    assert f.rounding <= 2.0**-53
    assert (f.rounded > 0) == (f.rounding > 0)
    if exact:
        assert f.rounded == 0
    x = torch.from_numpy(np.random.default_rng(1).uniform(-2, 2, (50, *shape)))
    expected, found = values(module, x), f(x.reshape(50, -1).numpy())
    # Sums of up to a hundred numbers of size 1 to 10.
    assert np.abs(found - expected).max() <= 1e-13 * (1 + np.abs(expected).max())
    # A function that is not 0 or constant.
    assert np.ptp(expected, axis=0).max() > 1e-3
    low, high = np.full(f.inputs, -2.0), np.full(f.inputs, 2.0)
    assert (f.distance(low, high).max() == 0) == (f.rounded == 0)


@pytest.mark.parametrize(("shape", "width"), [((1, 8, 8), 0.5), ((1, 28, 28), 1)])
def test_lenet5(shape: tuple[int, int, int], width: float) -> None:
    module = lenet5(shape, 10, width=width).eval()
    f = from_torch(module, input_shape=shape)
    # Two convolutions and pools of two maxima each, then three layers; all weights are the module's.
    assert (f.depth, f.rounded) == (9, 0)
    x = torch.rand((20, *shape), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert np.abs(f(x.flatten(1).numpy()) - values(module, x)).max() <= 1e-14


def test_resnet9() -> None:
    module = filled(resnet9((1, 8, 8), 10, width=2))
    f = from_torch(module, input_shape=(1, 8, 8))
    assert f.rounded > 0
    x = torch.rand((20, 1, 8, 8), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    apart = np.abs(f(x.flatten(1).numpy()) - values(module, x)).max(axis=0)
    assert np.all(apart <= 1e-13 * np.abs(values(module, x)).max())
    assert np.all(f.distance(np.zeros(64), np.ones(64)) < 1e-5)


# -- exactly


A, B, D = linear([[1.0, -2.0], [0.5, 3.0]], [0.25, -1.0]), linear([[2.0, 1.0]], [-0.5]), linear([[-4.0]])
THIRDS = linear([[1 / 3], [1.0]]), linear([[3.0, -1.0]])
TENTHS = linear([[0.1], [0.7]]), linear([[0.3, 0.9]])


@pytest.mark.parametrize(
    ("module", "depth"),
    [
        (A, 1),
        (nn.Sequential(A, B), 1),
        (nn.Sequential(A, B, D), 1),
        (nn.Sequential(A, nn.ReLU(), B), 2),
        (nn.Sequential(A, nn.ReLU(), B, D), 2),
        (nn.Sequential(A, nn.ReLU(), nn.ReLU(), B), 3),
        (nn.Sequential(A, nn.ReLU(inplace=True), B, nn.ReLU(), D), 3),
        (nn.Sequential(nn.Flatten(), nn.Identity(), A), 1),
        (nn.Sequential(linear([[0.1, 0.2]], [0.3], torch.float32), linear([[0.7]], None, torch.float32)), 1),
        (nn.Sequential(linear([[0.5, 0.25]], [0.5], torch.bfloat16)), 1),
        (nn.Sequential(linear([[0.1, 0.2]], None, torch.float16), nn.ReLU(), linear([[0.3]], None, torch.float16)), 2),
        (nn.Sequential(*THIRDS), 1),
        (nn.Sequential(*TENTHS), 2),
    ],
)
def test_exact_networks(module: nn.Module, depth: int) -> None:
    """A product that float64 holds is multiplied out, another is kept as a layer."""
    f = from_torch(module, exact=True)
    assert (f.depth, f.rounded) == (depth, 0)
    for row in np.array([[0.0, 0.0], [1.0, 0.5], [-2.0, 1.0], [0.25, -3.0]])[:, : f.inputs]:
        assert rational_value(f, rationals(row)) == module_value(module, rationals(row))


weights = st.floats(-2, 2, width=32) | st.floats(-1e9, 1e9).filter(lambda w: w == 0 or abs(w) > 1e-9)


@given(st.data(), st.lists(st.tuples(st.integers(1, 3), st.booleans(), st.booleans()), min_size=1, max_size=4))
def test_exact_is_the_module_over_the_reals(data: st.DataObject, plan: list[tuple[int, bool, bool]]) -> None:
    """Also where Linear follows Linear, whose product float64 would round; and rounded it is near."""
    parts: list[nn.Module] = []
    size = inputs = data.draw(st.integers(1, 3))
    for outputs, biased, activated in plan:
        weight = data.draw(arrays((outputs, size), weights)).tolist()
        parts.append(linear(weight, data.draw(arrays((outputs,), weights)).tolist() if biased else None))
        parts += [nn.ReLU()] if activated else []
        size = outputs
    module = nn.Sequential(*parts, linear([[0.1] * size], [0.3]))
    kept, folded = from_torch(module, exact=True), from_torch(module)
    assert kept.rounded == 0
    bound = folded.distance(np.full(inputs, -2.0), np.full(inputs, 2.0))
    for row in data.draw(arrays((2, inputs), st.floats(-2, 2))):
        (value,) = module_value(module, rationals(row))
        assert rational_value(kept, rationals(row)) == [value]
        (near,) = rational_value(folded, rationals(row))
        assert abs(near - value) <= Fraction(float(bound[0]))


def test_rounding_is_counted_and_bounded() -> None:
    """`(x / 3) · 3 - x` is not 0 in rationals, and its sign is the class; a product that was rounded would be 0."""
    module = nn.Sequential(*THIRDS)
    f = from_torch(module)
    assert (f.depth, f.rounded) == (1, 0)
    (value,) = rational_value(f, [Fraction(1)])
    assert value == 3 * Fraction(1 / 3) - 1 < 0
    tenths = nn.Sequential(*TENTHS)
    g = from_torch(tenths)
    (value,), (true,) = rational_value(g, [Fraction(1)]), module_value(tenths, [Fraction(1)])
    assert (g.depth, g.rounded) == (1, 1)
    assert 0 < abs(value - true) <= Fraction(g.rounding) * abs(true) * (1 + Fraction(1, 2**40))
    assert abs(value - true) <= Fraction(float(g.distance(np.ones(1), np.ones(1))[0])) < Fraction(1, 2**50)


def test_a_norm_has_its_eps_in_it() -> None:
    """The weight is the float64 nearest to `g / sqrt(v + eps)`, found by its square."""
    norm = filled(nn.BatchNorm1d(3, eps=1e-5))
    assert isinstance(norm, nn.BatchNorm1d)
    f = from_torch(norm)
    assert norm.running_var is not None
    for k in range(3):
        weight, gain, variance = (
            Fraction(float(t[k])) for t in (f.layers[0].weight.diagonal(), norm.weight.detach(), norm.running_var)
        )
        true = gain**2 / (variance + Fraction(norm.eps))
        assert abs(weight**2 / true - 1) <= Fraction(2, 2**53)
        assert abs(gain**2 / variance / true - 1) > Fraction(1, 2**30)


def test_weights_are_rounded_once() -> None:
    """Also where a factor is no float: `w / 3`, not `w` times the rounded third."""
    layer = filled(nn.Linear(20, 20, bias=False)).double()
    f = from_torch(Forward(lambda m, x: m.a(x) / 3, a=layer))
    weights: list[list[float]] = layer.weight.tolist()
    assert f.layers[0].weight.tolist() == [[float(Fraction(w) / 3) for w in row] for row in weights]
    assert f.layers[0].weight.tolist() != [[w * (1 / 3) for w in row] for row in weights]


def test_exact_refuses_what_has_no_float_weights() -> None:
    for module in (nn.Sequential(nn.BatchNorm1d(2), A), Forward(lambda m, x: m.a(x) / 3, a=A), nn.AvgPool1d(3)):
        with pytest.raises(ValueError, match=r"no floats .*exact=True.*let exact=False round"):
            from_torch(filled(module), input_shape=(2, 3) if isinstance(module, nn.AvgPool1d) else (2,), exact=True)
    assert from_torch(Forward(lambda m, x: m.a(x) / 4, a=A), exact=True).rounded == 0


def test_a_layer_is_used_twice() -> None:
    layer = linear([[2.0]], [1.0])
    f = from_torch(nn.Sequential(layer, nn.ReLU(), layer))
    assert f.depth == 2
    assert f(np.array([[1.0], [-4.0]])).tolist() == [[7.0], [1.0]]


def test_weights_with_a_lazy_sign_are_read() -> None:
    layer = nn.Linear(1, 1, bias=False, dtype=torch.float64)
    layer.weight = nn.Parameter(torch.tensor([[1 + 2j]], dtype=torch.complex128).conj().imag)
    assert from_torch(layer).layers[0].weight.tolist() == [[-2.0]]


def test_what_a_class_overrides_is_followed() -> None:
    class Tripled(nn.Linear):
        def forward(self, x: Any) -> torch.Tensor:
            return 3 * super().forward(x)

    class Backwards(nn.Sequential):
        def forward(self, x: Any) -> Any:
            for part in reversed(list(self)):
                x = part(x)
            return x

    tripled = Tripled(2, 2, dtype=torch.float64)
    tripled.load_state_dict(A.state_dict())
    module = Backwards(B, nn.ReLU(), tripled)
    x = torch.tensor([[1.0, -2.0], [0.5, 3.0]], dtype=torch.float64)
    # 3 A x = (15.75, -19.5) and (-50.25, 24.75): nothing is rounded.
    assert from_torch(module)(x.numpy()).tolist() == module(x).tolist() == [[31.0], [24.25]]
    assert isinstance(from_torch(module).layers[0], Affine)
