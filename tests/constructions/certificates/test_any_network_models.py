"""The front door: models of every kind, and what was lost when they were read."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from constructions import Affine, ReLUNetwork, certify, from_torch
from constructions.certificates import any_network
from constructions.networks.folded import FoldedNetwork
from tests.constructions.certificates.answers import EXECUTED, deep, some_balls


def images(count: int, *, seed: int = 0) -> np.ndarray:
    # Float32 numbers, so that the module sees what the certificate speaks of.
    return np.random.default_rng(seed).random((count, 1, 6, 6), dtype=np.float32).astype(np.float64)


def convolution() -> Any:
    torch = pytest.importorskip("torch")
    nn = torch.nn
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Dropout(),
            nn.Linear(16, 3),
        )
        with torch.no_grad():
            module[1].running_mean.uniform_(-1, 1)
            module[1].running_var.uniform_(0.1, 2)
    return module.eval()


def test_models_of_every_kind_have_one_certificate(tmp_path: Path) -> None:
    network = deep(2, 4, 8, 3)
    points, labels = some_balls(network, 12)
    arguments: Any = (points, labels, 0.08, np.inf)
    expected = certify(network, *arguments)
    network.save(tmp_path / "model.npz")
    models: list[Any] = [tmp_path / "model.npz", str(tmp_path / "model.npz")]
    if _installed("onnx"):
        from constructions.exchange.onnx_file import write_onnx

        write_onnx(tmp_path / "model.onnx", network)
        models.append(tmp_path / "model.onnx")
    if _installed("torch"):
        models.append(network.to_torch())
    for model in models:
        found = certify(model, *arguments)
        assert found.seal == expected.seal
        assert found.is_of(model, points, labels)
    affine = network.layers[0]
    assert certify(affine, points, np.zeros(12, int), 0.1, 2).is_of(affine, points, np.zeros(12, int))


def _installed(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def test_a_torch_module_with_convolutions_is_certified_on_images() -> None:
    torch = pytest.importorskip("torch")
    module, points = convolution(), images(40)
    labels = module(torch.tensor(points, dtype=torch.float32)).argmax(dim=1).numpy()
    found = certify(module, points, labels, 0.2, np.inf, low=0, high=1, seconds=20)
    assert min(found.count("certified"), found.count("refuted")) > 3
    for i, x in found.counterexamples.items():
        assert 0 <= x.min() <= x.max() <= 1
        answers = module(torch.tensor(x.reshape(1, 1, 6, 6), dtype=torch.float32))[0].detach()
        # In float32, next to the exact one.
        assert answers[labels[i]] <= answers.max() + 1e-4
        assert answers.argmax() != labels[i] or (answers - answers[labels[i]]).sort().values[-2] > -1e-4
    for i in np.flatnonzero(found.certified):
        noise = np.random.default_rng(i).uniform(-0.2, 0.2, (300, 1, 6, 6))
        answers = module(torch.tensor(np.clip(points[i] + noise, 0, 1), dtype=torch.float32))
        assert (answers.argmax(dim=1) == labels[i]).all()
    assert (found.status == certify(from_torch(module, input_shape=(1, 6, 6)), points.reshape(40, 36), labels, 0.2,
                                    np.inf, low=0, high=1, seconds=20).status).all()  # fmt: skip
    flat = certify(module, points.reshape(40, 36), labels, 0.2, np.inf, low=0, high=1, input_shape=(1, 6, 6))
    assert (flat.certified <= found.certified).all()
    assert flat.certified.any()
    with pytest.raises(ValueError, match="certify has an input_shape= too, or takes images"):
        certify(module, points.reshape(40, 36), labels, 0.2, np.inf)
    with pytest.raises(ValueError, match="shape"):
        certify(module, points.reshape(40, 36), labels, 0.2, np.inf, input_shape=(1, 5, 6))
    with_tensor = certify(module, torch.tensor(points), labels, 0.2, np.inf, low=0, high=1, seconds=20)
    assert with_tensor.status.tolist() == found.status.tolist()


def folded(bias: float, by: float) -> FoldedNetwork:
    """x + bias, of a model that may be `by` relative to it off."""
    layers = (Affine(np.array([[1.0]]), np.array([bias])),)
    return FoldedNetwork(layers, None, 1, by)


def test_what_a_folded_model_lost_by_rounding_is_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """On [1, 2], x - 1 + tiny: positive by less than a rounded weight may cost, and refuted by less than that."""
    network, at = folded(-1 + 2.0**-53, 2.0**-53), (np.array([[1.5]]), np.array([1]), 0.5, np.inf)
    lost = 2 * network.distance(np.array([1.0]), np.array([2.0])).max()
    assert 2.0**-53 < lost < 2.0**-48
    exact = ReLUNetwork(network.layers)
    assert certify(exact, *at, arithmetic="rational").certified.all()
    found = certify(network, *at)
    assert found.status.tolist() == ["undecided"]
    wrong = folded(-1 - 2.0**-52, 2.0**-53)
    assert certify(wrong, *at).status.tolist() == ["undecided"]
    assert certify(wrong, np.array([[1.0]]), np.array([1]), 0.0, np.inf).misclassified == frozenset()
    sure = certify(folded(-1 - 2.0**-40, 2.0**-53), np.array([[1.0]]), np.array([1]), 0.0, np.inf)
    assert sure.misclassified == {0}
    assert Fraction(sure.upper[0]) > -(Fraction(2) ** -40)
    # The planted fault: with the slack forgotten the model is taken for refuted.
    monkeypatch.setattr(any_network, "_lost", lambda task: np.zeros(len(task.points)))
    assert certify(wrong, *at).status.tolist() == ["refuted"]


def test_what_a_folded_model_lost_comes_off_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """x - 1/2 on [1, 2], at least 1/2: of outputs that may be 1/4 off there is no proof, and 1/5 off leave 1/10."""
    at: Any = (np.array([[1.5]]), np.array([1]), 0.5, np.inf)
    for far, lower in ((0.25, None), (0.2, 0.1)):
        monkeypatch.setattr(FoldedNetwork, "distance", lambda self, low, high, far=far: np.full(1, far))
        found = certify(folded(-0.5, 2.0**-53), *at)
        assert found.count("certified") == (lower is not None)
        if lower is not None:
            assert found.lower[0] == pytest.approx(lower)
        elsewhere = certify(folded(-0.5, 2.0**-53), np.array([[0.0]]), np.array([1]), 0.0, np.inf)
        # -1/2 is an error by at least 1/2 less twice what it may be off.
        assert elsewhere.upper[0] == pytest.approx(-0.5 + 2 * far)


def test_executed_claims_of_a_module_are_refused_and_of_its_network_are_made() -> None:
    torch = pytest.importorskip("torch")
    module, points = convolution(), images(5)
    labels = module(torch.tensor(points, dtype=torch.float32)).argmax(dim=1).numpy()
    for arithmetic in ("rational", *EXECUTED):
        with pytest.raises(ValueError, match=r"got Sequential: pass from_torch\(module\) or read_onnx\(path\)"):
            certify(module, points, labels, 0.01, np.inf, arithmetic=arithmetic)
    network = from_torch(module, input_shape=(1, 6, 6))
    assert certify(network, points.reshape(5, 36), labels, 1e-3, np.inf, arithmetic="float32").certified.any()
