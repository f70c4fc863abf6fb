"""A network from all forms that are read, and only from these."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from constructions import Affine, ReLUNetwork
from constructions.exchange.onnx_file import write_onnx
from constructions.networks.network import network
from constructions.networks.reading import read_network

F = network(([[1.0, -2.0], [0.5, 3.0]], [0.25, -1.0]), ([[2.0, 0.1]], [-0.5]))
X = np.array([[1.0, -0.5], [0.25, 3.0], [-2.0, 0.0]])


def test_a_network_is_itself_and_an_affine_map_is_one() -> None:
    assert read_network(F) is F
    assert read_network(F.layers[0]).layers == F.layers[:1]


def test_a_module_is_read() -> None:
    assert read_network(F.to_torch())(X).tolist() == F(X).tolist()
    convolution = nn.Conv1d(1, 1, 2, dtype=torch.float64)
    read = read_network(nn.Sequential(convolution, nn.Flatten()), input_shape=(1, 2))
    assert np.array_equal(read.layers[0].weight, convolution.weight.detach().numpy()[0])


@pytest.mark.parametrize("kind", [str, Path])
def test_files_are_read(kind: Any, tmp_path: Path) -> None:
    F.save(tmp_path / "f.npz")
    write_onnx(tmp_path / "f.onnx", F)
    for name in ("f.npz", "f.onnx"):
        assert read_network(kind(tmp_path / name))(X).tolist() == F(X).tolist()
    for name in ("g.npz", "g.onnx"):
        with pytest.raises(FileNotFoundError):
            read_network(kind(tmp_path / name))
    (tmp_path / "h.npz").write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"not a network saved by ReLUNetwork.save"):
        read_network(kind(tmp_path / "h.npz"))


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ("network.txt", "got the path 'network.txt'"),
        ("network", "got the path 'network'"),
        (Path("network.pt"), r"got the path 'network.pt', a module for torch.load"),
        (F.layers, "got tuple"),
        (None, "got NoneType"),
        (lambda x: x, "got function"),
        (SimpleNamespace(network=F), "got SimpleNamespace, whose .network is one"),
    ],
)
def test_everything_else_is_refused_with_all_that_is_read(model: Any, found: str) -> None:
    everything = r"a ReLUNetwork, an Affine, a torch.nn.Module, or the path of an .npz file of .* or of an .onnx file"
    with pytest.raises(ValueError, match=f"^my model must be {everything}, {found}"):
        read_network(model, name="my model")


def test_what_is_read_is_a_network() -> None:
    assert all(isinstance(read_network(f), ReLUNetwork) for f in (F, F.layers[1], F.to_torch(dtype=torch.float32)))
    assert isinstance(F.layers[0], Affine)
