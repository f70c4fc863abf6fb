"""Certificates of executed networks against torch's own runs, on a card where there is one: all sizes of a batch.

What the claim covers has to hold: float64, and float32 multiplied and added as float32, in whatever order the batch
makes of it. What it excludes, TF32, is switched on, and seen to leave the bounds; where there is no card, by rounding
factors as TF32 does.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch import nn

from constructions import Affine, Memorizer, ReLUNetwork, robust_memorizer
from constructions.certificates.executed_intervals import executed_margin_bound
from constructions.certificates.execution_error import execution_error
from theory.setting.norms import sample_ball
from theory.setting.separation import separation

NO_CARD = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no card")
DEVICES = ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, NO_CARD])]
BATCHES = [1, 2, 3, 17, 64, 1000, 4096]
DTYPES = {"float64": torch.float64, "float32": torch.float32}
RATIO = 0.45


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def in_batches(module: nn.Module, x: np.ndarray, size: int, arithmetic: str, device: str) -> np.ndarray:
    """The outputs at the rows of x in the format."""
    rows = torch.from_numpy(x).to(device, DTYPES[arithmetic])
    with torch.no_grad():
        return torch.cat([module(part) for part in rows.split(size)]).double().cpu().numpy()


def attacked(built: Memorizer, arithmetic: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of the format in the balls, half of them near the edge, and whose they are."""
    sample, p, radius = built.task.sample, built.task.p, built.task.radius
    rng = np.random.default_rng(0)
    of = np.arange(count) % len(sample.points)
    steps = sample_ball(rng, count, sample.points.shape[1], p, 1.0)
    outer = np.arange(count) % 2 == 0
    steps[outer] /= np.linalg.norm(steps[outer], p, axis=1, keepdims=True)
    x = (sample.points[of] + (1 - 1e-5) * radius * steps).astype(arithmetic).astype(np.float64)
    assert (np.linalg.norm(x - sample.points[of], p, axis=1) < radius).all()
    return x, of


def margins(outputs: np.ndarray, codes: np.ndarray) -> np.ndarray:
    own = outputs[np.arange(len(codes)), codes]
    rivals = outputs.copy()
    rivals[np.arange(len(codes)), codes] = -np.inf
    return own - rivals.max(axis=1)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("arithmetic", list(DTYPES))
@pytest.mark.parametrize("p", [1.0, 2.0, math.inf])
@pytest.mark.parametrize("dense", [True, False])
def test_no_margin_falls_below_its_certificate(p: float, arithmetic: str, device: str, dense: bool) -> None:
    rng = np.random.default_rng(3)
    points, labels = rng.random((60, 24)), rng.integers(0, 3, 60)
    radius = RATIO * float(separation(points, labels, p).distance)
    built = robust_memorizer(points, labels, radius=radius, p=p)
    certificate = built.certify(arithmetic)
    assert certificate.certified.all(), str(certificate)
    module = built.network.to_torch(dense=dense, dtype=DTYPES[arithmetic]).to(device).eval()
    x, of = attacked(built, arithmetic, max(BATCHES))
    codes = built.task.sample.codes[of]
    with tf32(False):
        for size in BATCHES:
            # One vector at a time is slow, and 100 of them see each ball.
            rows = slice(0, 100 * size)
            found = margins(in_batches(module, x[rows], size, arithmetic, device), codes[rows])
            assert (found >= certificate.lower[of[rows]]).all(), f"batches of {size}"


def deep_network() -> ReLUNetwork:
    rng = np.random.default_rng(0)
    return ReLUNetwork(tuple(Affine(rng.normal(size=(64, 64)) / 8, rng.normal(size=64) / 8) for _ in range(3)))


def inputs(arithmetic: str) -> np.ndarray:
    x: np.ndarray = np.random.default_rng(1).uniform(-1, 1, (4096, 64)).astype(arithmetic).astype(np.float64)
    return x


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("size", BATCHES)
def test_float32_without_tf32_is_within_its_bound_and_not_within_that_of_float64(size: int, device: str) -> None:
    network, x = deep_network(), inputs("float32")[: 100 * size]
    module = network.to_torch(dense=True, dtype=torch.float32).to(device)
    box = -np.ones(64), np.ones(64)
    with tf32(False):
        off = abs(in_batches(module, x, size, "float32", device) - network(x)).max(axis=0)
    # The reference is itself rounded, in float64.
    wide = execution_error(network.layers, *box, "float64")
    assert (off <= execution_error(network.layers, *box, "float32") + wide).all()
    assert (off > 2 * wide).all()


def as_tf32(x: torch.Tensor) -> torch.Tensor:
    """With the 11 digits of a factor of TF32."""
    fraction, exponent = torch.frexp(x)
    return torch.ldexp(torch.round(fraction * 2**11), exponent - 11)


class TF32Linear(nn.Module):
    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(as_tf32(x), as_tf32(self.linear.weight), self.linear.bias)


@pytest.mark.parametrize("device", DEVICES)
def test_tf32_is_not_covered(device: str) -> None:
    """A point certified in float32 that products of 11 digits misclassify: all its weights, 1 + 2⁻¹², are 1 there."""
    dim, small = 64, 2.0**-12
    first = Affine(np.full((dim, dim), 1 + small), np.full(dim, -dim * (1 + small / 2)))
    network = ReLUNetwork((first, Affine(np.ones((1, dim)), np.array([-(dim**2) * small / 4]))))
    points = np.ones((4096, dim))
    bound = executed_margin_bound(network.layers, points[:1], np.array([1]), 1e-6, math.inf, "float32")
    assert bound[0] > 0
    module = network.to_torch(dense=True, dtype=torch.float32).to(device)
    with tf32(False):
        assert (in_batches(module, points, 4096, "float32", device) >= bound[0]).all()
    if device == "cpu":
        module = nn.Sequential(*(TF32Linear(part) if isinstance(part, nn.Linear) else part for part in module))
    elif torch.cuda.get_device_capability() < (8, 0):
        pytest.skip("the card has no TF32")
    with tf32(True):
        assert (in_batches(module, points, 4096, "float32", device) < 0).all()


@pytest.mark.parametrize("device", DEVICES)
def test_float64_is_never_tf32(device: str) -> None:
    network, x = deep_network(), inputs("float64")
    module = network.to_torch(dense=True).to(device)
    bound = execution_error(network.layers, -np.ones(64), np.ones(64), "float64")
    with tf32(True):
        for size in (1, 64, 4096):
            rows = x[: 100 * size]
            off = abs(in_batches(module, rows, size, "float64", device) - network(rows)).max(axis=0)
            # Both are rounded.
            assert (off <= 2 * bound).all()
