"""Searches with torch's arrays: what is answered without them, to the last bit, and no device that computes otherwise.

"cpu" is torch's too, and takes the same way as a card.
"""

import math
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from constructions import __main__ as command_line
from constructions import robust_memorizer, separations
from tests.theory.closest.samples import KINDS, samples
from theory.closest.projections import Projections
from theory.closest.search import Search
from theory.device import HOST, Device, read_device
from theory.errors import AssumptionError
from theory.setting.labelled_points import sides_of
from theory.setting.separation import separation, separation_between

NO_CARD = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no card")
DEVICES = ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, NO_CARD])]
EXPONENTS = [1.0, 1.3, 2.0, 3.0, math.inf]


def many(way: str) -> tuple[np.ndarray, np.ndarray]:
    """So many that bounds are used: off every grid, all distances small whole numbers, near duplicates, few cells."""
    rng, n = np.random.default_rng(3), 900
    labels = rng.integers(0, 5, n)
    if way == "ties":
        return rng.permutation(2**10)[:, None] // 2 ** np.arange(10) % 2.0, rng.integers(0, 3, 2**10)
    points = {
        "plane": lambda: rng.standard_normal((n, 3)) @ rng.standard_normal((3, 70)),
        "images": lambda: rng.integers(0, 256, (n, 70)) / 255 * (rng.random((n, 70)) < 0.3),
        "offset": lambda: 1e8 + rng.integers(0, 64, (n, 12)) / 64 + rng.integers(0, 40, n)[:, None],
        "tiny": lambda: 1e-200 * rng.standard_normal((n, 5)),
        "huge": lambda: 1e290 * rng.standard_normal((n, 5)),
        "near duplicates": lambda: np.repeat(rng.random((n // 2, 9)), 2, axis=0) + 1e-14 * rng.random((n, 9)),
        "duplicates": lambda: np.repeat(rng.random((n // 2, 9)), 2, axis=0),
    }[way]()
    return points, np.repeat(labels[::2], 2) if way == "duplicates" else labels


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("p", EXPONENTS)
@pytest.mark.parametrize("way", ["plane", "images", "offset", "tiny", "huge", "near duplicates", "duplicates", "ties"])
def test_the_separation(way: str, p: float, device: str) -> None:
    points, labels = many(way)
    there, here = (separation(points, labels, p, device=which) for which in (torch.device(device), None))
    assert (there, there.of) == (here, here.of)
    halves = points[::2], labels[::2], points[1::2], labels[1::2], p
    assert separation_between(*halves, device=device) == separation_between(*halves)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), p=st.sampled_from(EXPONENTS))
def test_a_few_points(kind: str, device: str, data: st.DataObject, p: float) -> None:
    """Also what is refused."""
    points, labels = data.draw(samples(kind, 20))
    said = []
    for which in (None, device):
        try:
            said.append(repr(separation(points, labels, p, device=which)))
        except AssumptionError as error:
            said.append(str(error))
    assert said[0] == said[1]


@pytest.mark.parametrize("device", DEVICES)
def test_a_memorizer(device: str) -> None:
    points, labels = many("plane")
    ball = {"radius": 1e-4, "p": 2, "small": "all"}
    here, there = (robust_memorizer(points, labels, device=which, **ball) for which in (None, device))
    assert here.certify().seal == there.certify().seal != ""


@pytest.mark.parametrize("device", DEVICES)
def test_the_operations_of_both(device: str) -> None:
    rng, on = np.random.default_rng(0), read_device(device)
    rows = rng.integers(-9, 10, (5, 11)).astype(float)
    for size in (1, 4, 11, 20):
        assert np.array_equal(on.numpy(on.sums(on.array(rows), size)), HOST.sums(rows, size))
    assert np.array_equal(on.numpy(on.squares(on.single(on.array(rows)))), HOST.squares(rows))
    for share in (0.0, 0.01, 0.5, 1.0):
        bits = rng.random((6, 3, 64)) < share
        words = np.packbits(bits, axis=2, bitorder="little").view(np.uint64)[..., 0]
        row, bit = on.bits(on.array(words))
        expected = np.nonzero(bits.reshape(6, -1))
        assert np.array_equal([row, bit], expected)
        alone = [HOST.bits(own)[1] for own in words]
        assert np.array_equal(np.concatenate(alone), expected[1])


@pytest.fixture
def narrow() -> Iterator[None]:
    """float32 products as torch may take them if it is told so: TF32 on a card, bfloat16 on a CPU that has it."""
    torch.set_float32_matmul_precision("medium")
    yield
    torch.set_float32_matmul_precision("highest")


def is_narrow(on: Any) -> bool:
    a = 1 + torch.arange(1, 65, device=on.device)[None] * 2.0**-20
    return bool((a.T @ a != (a.double().T @ a.double()).float()).any())


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("autocast", [False, True])
def test_narrower_formats_are_off_meanwhile(
    narrow: None, device: str, autocast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    points, labels = many("plane")
    here = separation(points, labels, 2)
    settings = torch.backends.cuda.matmul, torch.backends.mkldnn.matmul
    before = [one.fp32_precision for one in settings]
    with torch.autocast(device, dtype=torch.bfloat16) if autocast else nullcontext():
        assert separation(points, labels, 2, device=device) == here
        assert [one.fp32_precision for one in settings] == before == ["tf32", "bf16"]
        assert torch.is_autocast_enabled(device) == autocast
        on = read_device(device)
        with pytest.raises(RuntimeError):
            on.product(torch.zeros(2, 3), torch.zeros(2, 3))
        assert [one.fp32_precision for one in settings] == before
        if autocast or is_narrow(on):
            monkeypatch.setattr(Device, "_without_narrower_formats", lambda self: nullcontext())
            with pytest.raises(ValueError, match=r"must multiply float32 matrices with float32 operations, got \d+ of"):
                separation(points, labels, 2, device=device)


PRODUCT = Device.product


def rounded(x: Any, digits: int) -> Any:
    fraction, exponent = torch.frexp(x)
    return torch.ldexp(torch.round(fraction * 2**digits), exponent - digits)


FAULTS: dict[str, Any] = {
    "TF32": lambda on, a, b: rounded(a, 11) @ rounded(b, 11) if a.dtype == torch.float32 else a @ b,
    "TF32 for one factor": lambda on, a, b: a @ rounded(b, 11) if a.dtype == torch.float32 else a @ b,
    "bfloat16": lambda on, a, b: (a.bfloat16() @ b.bfloat16()).to(a.dtype) if a.dtype == torch.float32 else a @ b,
    "sums in float16": lambda on, a, b: sum((a[:, [k]] * b[[k]]).half() for k in range(a.shape[1])).to(a.dtype),
    "common exponents": lambda on, a, b: fixed(a, 1) @ fixed(b, 0) if a.dtype == torch.float32 else a @ b,
    "float64 as float32": lambda on, a, b: (a.float() @ b.float()).to(a.dtype),
    "one row": lambda on, a, b: (a @ b).index_fill_(0, torch.tensor([3]), 0.0),
    "a term left out": lambda on, a, b: a[:, :-1] @ b[:-1],
}


def fixed(x: Any, axis: int) -> Any:
    """With 20 digits below the largest of a row or column, as an emulation by whole numbers has."""
    unit = torch.exp2(torch.ceil(torch.log2(abs(x).amax(axis, keepdim=True))) - 20)
    return torch.round(x / unit) * unit


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("p", [1.0, 2.0, math.inf])
def test_a_device_that_multiplies_otherwise_is_refused(
    fault: str, p: float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    points, labels = many("plane")
    monkeypatch.setattr(Device, "product", FAULTS[fault])
    with pytest.raises(
        ValueError, match=r"a device must multiply float\d\d matrices .* on cpu: .* leave the device out"
    ):
        separation(points, labels, p, device="cpu")
    assert separation(points, labels, p).distance > 0
    arguments = ["digits", "--radius", "0.1", "--p", "2", "--small", "all", "--device", "cpu"]
    assert command_line.main(arguments) == 2
    assert "error: a device must multiply" in capsys.readouterr().err


def off(share: float) -> Any:
    """Products of images that are too large by a share of what is allowed for: the worst that it may be."""

    def product(on: Any, a: Any, b: Any) -> Any:
        found = PRODUCT(on, a, b)
        k = a.shape[1]
        if a.dtype == torch.float32 and bool((a[:, -1] == 1).all()):
            roots = a[:, [-2]].double().sqrt() + b[[-1]].double().sqrt()
            found = (found + share * (k + 3) * 2.0**-24 * roots**2).float()
        return found

    return product


@pytest.mark.parametrize("p", [1.0, 1.3, 2.0, 3.0])
def test_what_is_off_by_less_than_the_margin_changes_nothing_and_by_more_does(
    p: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of pairs that differ in their last digits, so that their distance is below every margin."""
    rng = np.random.default_rng(4)
    half = rng.random((400, 6))
    points = np.concatenate([half, half * (1 + 1e-15 * rng.integers(1, 9, half.shape))])
    labels = np.repeat([0, 1], 400)
    sides = sides_of(points, labels, labels)
    here = separation(points, labels, p)
    monkeypatch.setattr(Device, "product", off(0.9))
    assert separation(points, labels, p, device="cpu") == here
    search = Search(sides, p, read_device("cpu"))
    assert isinstance(search._named, Projections)
    # Known to leave pairs out only where the self-test does not look.
    monkeypatch.setattr(Device, "product", off(1e4))
    monkeypatch.setattr(Device, "check_products", lambda self, *shape: None)
    with pytest.raises(AssertionError, match="within the upper bound of the least distance was not named"):
        separation(points, labels, p, device="cpu")


@pytest.mark.parametrize(
    ("device", "kind", "message"),
    [
        ("gpu", ValueError, r"one that torch knows, such as \"cuda\" or \"cuda:1\", got 'gpu'"),
        ("cuda:x", ValueError, "one that torch knows"),
        (0, ValueError, 'None, a torch.device or its name such as "cuda", got 0'),
        ("meta", OSError, r"has to be there and to have float64, got meta \(.*\): leave it out, or name one of .*cpu"),
        ("cuda:77", OSError, r"has to be there .* got cuda:77 \("),
        ("mps", OSError, r"has to be there .* got mps \("),
    ],
)
def test_a_device_that_is_not_there(device: Any, kind: type[Exception], message: str) -> None:
    points, labels = many("plane")
    for search in (separation, lambda *sample, **where: separation_between(*sample[:2], *sample, **where)):
        with pytest.raises(kind, match=message):
            search(points, labels, 2, device=device)


@pytest.mark.parametrize(
    ("device", "message"),
    [("gpu", "device must be one that torch knows"), ("cuda:77", "a device has to be there and to have float64")],
)
def test_command_lines_say_so(
    device: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["digits", "--radius", "0.1", "--p", "2", "--device", device]) == 2
    monkeypatch.setattr(sys, "argv", ["separations", "digits", "--device", device])
    with pytest.raises(SystemExit):
        separations.main()
    assert capsys.readouterr().err.count(f"error: {message}") == 2
    assert command_line.main(["digits", "--radius", "0.1", "--p", "2", "--method", "bits", "--device", device]) == 2
    assert "--method bits needs no --device" in capsys.readouterr().err


def test_torch_is_needed_for_a_device_only(monkeypatch: pytest.MonkeyPatch) -> None:
    points, labels = many("tiny")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="the device cuda needs the library torch: pip install torch, or leave it"):
        separation(points, labels, 2, device="cuda")
    assert separation(points, labels, 2).distance > 0
    old = SimpleNamespace(__version__="2.8.0", backends=SimpleNamespace(cuda=SimpleNamespace(matmul=object())))
    monkeypatch.setitem(sys.modules, "torch", old)
    with pytest.raises(ImportError, match=r"the device cuda needs torch >= 2.9, got 2.8.0"):
        read_device("cuda")


def test_a_cluster_or_a_device() -> None:
    points, labels = many("tiny")
    with pytest.raises(ValueError, match="by a cluster or on a device, got both 'tcp://host:8786' and 'cpu'"):
        separation(points, labels, 2, client="tcp://host:8786", device="cpu")


@pytest.mark.parametrize("device", DEVICES)
def test_the_command_lines(
    device: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ["digits", "--classes", "3,8", "--radius", "0.1", "--p", "2", "--small", "all"]
    said = []
    for name, where in (("here", []), ("there", ["--device", device])):
        assert command_line.main([*arguments, *where]) == 0
        monkeypatch.setattr(sys, "argv", ["separations", "digits", "--json", str(tmp_path / name), *where])
        assert separations.main() == 0
        said.append((capsys.readouterr().out, (tmp_path / name).read_text()))
    assert said[0] == said[1]
    assert "357 certified" in said[0][0]
