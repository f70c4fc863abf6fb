"""Images and networks of one's own: the example of the README, and files that are refused."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

README = (Path(__file__).parents[4] / "empirics" / "README.md").read_text()
SECTION = README.partition("## Your own images, your own network")[2].partition("\n## ")[0]


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", SECTION, flags=re.MULTILINE | re.DOTALL)


def test_the_example_of_the_readme_runs(tmp_path, monkeypatch, capsys) -> None:
    from empirics.__main__ import main
    from empirics.images.verdicts.result import Result

    (module,), (commands,) = blocks("python"), blocks("sh")
    (tmp_path / "mine.py").write_text(module)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    runpy.run_path("mine.py", run_name="__main__")
    for line in commands.splitlines():
        words = line.partition(" #")[0].split()
        assert words[:3] == ["python", "-m", "empirics"]
        assert main([*words[3:], "--out", "own", "--threads", "1"]) == 0
    (path,) = Path("own").glob("*.json")
    result = Result.load(path)
    assert result.dataset == "mine"
    assert path.stem == result.name
    assert path.stem.startswith("table1-mine-digits-mini-model-mine.network-")
    assert result.settings["data"]["file"] == "mine.npz"
    assert len(result.settings["data"]["sha256"]) == 16
    assert result.settings["model"] == "mine:network"
    assert {v.role for v in result.verdicts} <= {"claim", "control"}
    assert str(tmp_path) not in path.read_text()
    # It is the own network, and the own classes: two.
    kept = next(Path("own").glob("runs/*/adversarial-*/weights-*.pt"))
    import torch

    weights = torch.load(kept, weights_only=True)
    assert next(iter(weights.values())).shape[1:] == (1, 3, 3)
    assert list(weights.values())[-1].shape == (2,)
    capsys.readouterr()


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        ((20, 4, 5), (1, 4, 5)),
        ((20, 4, 5, 3), (3, 4, 5)),
        ((20, 9), (1, 3, 3)),
        ((20, 10), (1, 1, 10)),
    ],
)
@pytest.mark.parametrize("kind", ["bytes", "float64", "float32"])
def test_files_of_images(tmp_path, shape, found, kind) -> None:
    from empirics.images.training.data import load_file

    rng = np.random.default_rng(0)
    points = rng.integers(256, size=shape).astype(np.uint8)
    stored = points if kind == "bytes" else (points / 255.0).astype(kind)
    labels = np.array(["b", "a"] * 10)
    np.savez(tmp_path / "a.npz", points=stored, labels=labels)
    split = load_file(str(tmp_path / "a.npz"), seed=1)
    assert split.train.shape == split.test.shape == found
    assert (len(split.train), len(split.test), split.train.classes) == (16, 4, 2)
    # Every image is there once, with its own label: a is 0.
    pairs = [(x, y) for part in split for x, y in zip(part.x.numpy(), part.y.tolist(), strict=True)]
    rows = {tuple(np.rint(255 * x).astype(int).ravel()): y for x, y in pairs}
    ordered = points.transpose(0, 3, 1, 2) if points.ndim == 4 else points
    assert rows == {tuple(ordered[k].astype(int).ravel()): int(labels[k] == "b") for k in range(20)}
    again = load_file(str(tmp_path / "a.npz"), seed=1)
    assert (again.train.x == split.train.x).all()
    assert not (load_file(str(tmp_path / "a.npz"), seed=2).train.x == split.train.x).all()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"points": np.zeros((4, 2, 2))}, "plain arrays points and labels"),
        ({"points": np.zeros(4), "labels": np.zeros(4, int)}, r"got \(4,\) and \(4,\)"),
        ({"points": np.zeros((4, 2, 2)), "labels": np.zeros(3, int)}, r"got \(4, 2, 2\) and \(3,\)"),
        ({"points": np.zeros((10, 2, 2)), "labels": np.zeros(10)}, "labels of whole numbers or text, got float64"),
        ({"points": np.zeros((10, 2, 2)), "labels": np.zeros(10, int)}, r"at least two classes, got \[0\]"),
        ({"points": np.full((10, 2, 2), 2.0), "labels": np.arange(10) % 2}, "values in .0, 1., got 2.0 to 2.0"),
        ({"points": np.full((10, 2, 2), np.nan), "labels": np.arange(10) % 2}, "values in .0, 1., got nan"),
        ({"points": np.zeros((10, 2, 2)), "labels": np.array([0] * 9 + [1])}, "leaves no image of .1."),
    ],
)
def test_files_that_are_refused(tmp_path, arrays, message) -> None:
    from empirics.images.training.data import load_file

    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        load_file(str(tmp_path / "a.npz"))


def test_a_damaged_file_is_refused(tmp_path) -> None:
    from empirics.images.training.data import load_file

    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 damaged")
    with pytest.raises(ValueError, match="plain arrays points and labels"):
        load_file(str(tmp_path / "a.npz"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cnn", "must be one of lenet5, resnet9, mlp, or package.module:builder, got 'cnn'"),
        ("nowhere:cnn", "there is no such builder: No module named 'nowhere'"),
        ("own_builders:cnn", "there is no such builder: module 'own_builders' has no attribute 'cnn'"),
        (":cnn", "there is no such builder"),
        ("own_builders:number", "must return a torch.nn.Module, got int"),
        ("own_builders:bare", "is called as builder.shape, classes, width=..., seed=....: bare.. got an unexpected"),
    ],
)
def test_builders_that_are_refused(tmp_path, monkeypatch, name, message) -> None:
    from empirics.images.training.models import build_model

    lines = (
        "def number(shape, classes, *, width=1, seed=0):",
        "    return 3",
        "def bare(shape, classes):",
        "    return 3",
    )
    (tmp_path / "own_builders.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ValueError, match=message):
        build_model(name, (1, 4, 4), 3)


def test_the_seed_of_a_builder_is_the_runs(tmp_path, monkeypatch) -> None:
    """Also of one that draws from the global generator and does not look at its seed."""
    import torch

    from empirics.images.training.models import build_model

    (tmp_path / "drawn.py").write_text(
        "import torch\ndef net(shape, classes, **_):\n    return torch.nn.Linear(4, classes)"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    before = torch.get_rng_state()
    one, same, other = (build_model("drawn:net", (1, 2, 2), 3, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.weight, same.weight)
    assert not torch.equal(one.weight, other.weight)
    assert torch.equal(torch.get_rng_state(), before)
