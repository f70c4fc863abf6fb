"""The clean classifier: fitted without training error or refused, and taken in several forms."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from torch import nn

from constructions import Affine, ReLUNetwork, load_sample
from constructions.memorizers import clean as module
from constructions.memorizers.clean import as_network, best_fit, fit_clean, no_information
from constructions.memorizers.coordinates import Coordinates, common_unit, principal
from constructions.memorizers.descent import _Adam, descend
from constructions.networks.network import network
from constructions.samples.sample import Sample, read_sample
from theory.errors import AssumptionError

XOR = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


def wrong(f: ReLUNetwork, sample: Sample) -> int:
    """Errors counted by argmax and sign, a tie being one."""
    values = f(sample.points)
    if f.outputs == 1:
        return int(np.sum(np.sign(values[:, 0]) != sample.codes))
    best = values.argmax(axis=1)
    ties = np.sum(values == values.max(axis=1, keepdims=True), axis=1) > 1
    return int(np.sum((best != sample.codes) | ties))


def fitted(sample: Sample, seed: int = 0) -> ReLUNetwork:
    return fit_clean(sample.points, sample.codes, sample.outputs, seed=seed)


# -- fitting


@pytest.mark.parametrize(("classes", "outputs", "depth"), [("all", 10, 1), ("parity", 1, 2), ("3,8", 2, 1)])
def test_digits_are_fitted_without_error(classes: str, outputs: int, depth: int) -> None:
    """All ten are linearly separable in 64 dimensions; their parity is not and needs the hidden layer."""
    sample = read_sample(*load_sample("digits", classes=classes))
    f = fitted(sample)
    assert (f.inputs, f.outputs, f.depth) == (64, outputs, depth)
    assert wrong(f, sample) == 0
    assert f.neurons == (0 if depth == 1 else 64)


@pytest.mark.parametrize(
    ("labels", "outputs"),
    [([-1, 1, 1, -1], 1), (["same", "other", "other", "same"], 2), ([(0,), (1,), (1,), (0,)], 2), ([0, 1, 2, 3], 4)],
)
def test_any_labels(labels: list[Any], outputs: int) -> None:
    """XOR with two classes needs a hidden layer, of width 32 in low dimension; the four corners do not."""
    sample = read_sample(XOR, labels)
    f = fitted(sample)
    assert f.outputs == outputs
    assert wrong(f, sample) == 0
    assert f.widths == ((2, 4) if outputs == 4 else (2, 32, outputs))


@pytest.mark.parametrize("labels", [[-1, -1, 1, 1], ["a", "a", "b", "b"], ["b", "b", "a", "a"]])
def test_the_sign_of_two_classes_is_the_right_way_round(labels: list[Any]) -> None:
    sample = read_sample(XOR, labels)
    f = fitted(sample)
    assert f.depth == 1
    assert wrong(f, sample) == 0


def test_the_seed_decides_the_hidden_layer() -> None:
    sample = read_sample(XOR, [-1, 1, 1, -1])
    first, again, other = fitted(sample), fitted(sample), fitted(sample, seed=1)
    assert np.array_equal(first.layers[0].weight, again.layers[0].weight)
    assert not np.array_equal(first.layers[0].weight, other.layers[0].weight)


@pytest.mark.parametrize(
    ("points", "labels"),
    [
        # 300 sign changes on the line are more than 32 neurons can make.
        (np.arange(301.0)[:, None] / 300, [(-1) ** k for k in range(301)]),
        (np.arange(301.0)[:, None] / 300, [str(k % 2) for k in range(301)]),
        # One point with two labels.
        (np.zeros((2, 1)), [0, 1]),
    ],
)
def test_impossible_data_is_refused_with_a_way_out(points: np.ndarray, labels: list[Any]) -> None:
    sample = read_sample(points, labels)
    with pytest.raises(AssumptionError, match=rf"up to 128 hidden neurons \(misclassified of {len(points)} .*clean=…"):
        fitted(sample)


def test_the_message_gives_the_errors_of_every_attempt() -> None:
    sample = read_sample(np.zeros((2, 1)), [0, 1])
    with pytest.raises(AssumptionError) as caught:
        fitted(sample)
    listed = str(caught.value).split("by attempt: [")[1].split("]")[0]
    assert len(listed.split(",")) == 5
    assert all(1 <= int(errors) <= 2 for errors in listed.split(","))


IRIS, CANCER, WINE = (load(return_X_y=True) for load in (load_iris, load_breast_cancer, load_wine))


def penguins() -> tuple[np.ndarray, np.ndarray]:
    """Two lengths in mm, a third one in mm without decimals, and a weight in g in steps of 25; three kinds."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, 300)
    centre = np.array([[39.0, 18.0, 190.0, 3700.0], [49.0, 18.5, 196.0, 3730.0], [47.5, 15.0, 217.0, 5080.0]])
    points = centre[kind] + rng.normal(size=(300, 4)) * np.array([3.0, 1.1, 6.5, 450.0])
    return np.column_stack([points[:, :2].round(1), points[:, 2].round(), 25 * (points[:, 3] / 25).round()]), kind


@pytest.mark.parametrize("data", [IRIS, CANCER, WINE, penguins()], ids=["iris", "cancer", "wine", "penguins"])
@pytest.mark.parametrize("change", ["none", "offset", "column", "constant"])
def test_tables_in_any_units(data: tuple[np.ndarray, np.ndarray], change: str) -> None:
    points, labels = data[0].copy(), data[1]
    if change == "offset":
        points += 1e6
    elif change == "column":
        points[:, 1] *= 1e6
    elif change == "constant":
        points[:, 0] = 7.5
    sample = read_sample(points, labels)
    f = fitted(sample)
    assert wrong(f, sample) == 0
    assert f.depth == 1 or f.widths[1] in (32, 64, 128)


def test_a_point_is_right_only_if_that_is_proved() -> None:
    """The float64 value is right by 1e-9, which the rounding of sums of size 1e8 does not leave sure."""
    sure, unsure = (network(([[1e8, -1e8]], [bias])) for bias in (1.0, 1e-9))
    points, codes = np.array([[0.3, 0.3]]), np.array([1])
    assert unsure(points)[0, 0] > 0
    assert module._errors(unsure, points, codes) == 1
    assert module._errors(sure, points, codes) == 0
    assert module._errors(network(([[0.0, 0.0]], [-1.0])), points, codes) == 1


@pytest.mark.parametrize("coordinates", [common_unit, lambda points: principal(points, 3, 0)])
def test_folding_is_the_composition(coordinates: Any) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(50, 5)) * np.array([1.0, 1e6, 1e-3, 1.0, 0.0]) + np.array([0, 0, 0, 1e4, 3.0])
    chosen: Coordinates = coordinates(points)
    seen = chosen.of(points)
    weight, bias = rng.normal(size=(2, seen.shape[1])), rng.normal(size=2)
    layer = chosen.folded(weight, bias)
    # Coordinates of size 3 in float32 or float64, and an offset of 1e4 times the width in float64.
    error = 64 * (np.finfo(seen.dtype).eps + 1e4 * np.finfo(float).eps)
    assert np.abs(seen @ weight.T + bias - ReLUNetwork((layer,))(points)).max() <= error


def test_units_are_of_the_features_that_vary() -> None:
    points = np.array([[0.0, 5.0, -1.7e308], [1e-3, 5.0, 1.7e308]])
    assert common_unit(points[:, :2]).unit.tolist() == [5e-4, 5e-4]
    assert common_unit(points[:, 1:2]).unit.tolist() == [1.0]
    each = principal(points, 2, 0)
    assert each.unit.tolist() == [5e-4, 1.0, 1.7e308]
    assert np.isfinite(each.of(points)).all()


def test_principal_coordinates_are_as_wide_as_each_other() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(400, 6)) @ rng.normal(size=(6, 6)) * 10.0 ** np.arange(6)
    seen = principal(points, 6, 0, damping=0.0).of(points)
    spread = np.cov(seen.T, bias=True)
    # In float32, with directions to its accuracy times a condition of hundreds.
    assert np.abs(spread - np.eye(6)).max() <= 1e-2


@pytest.mark.parametrize("outputs", [1, 2, 10])
def test_descent_alone_fits_what_is_too_large_for_full_batches(outputs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise with random labels in 40 dimensions, by Adam; the message of a real attempt counts errors down to 0."""
    monkeypatch.setattr(module, "_CHEAP", 0.0)
    monkeypatch.setattr(module, "_FULL_BATCH", 0)
    rng = np.random.default_rng(outputs)
    labels = rng.choice([-1, 1], 300) if outputs == 1 else rng.integers(0, outputs, 300).astype(str)
    sample = read_sample(rng.normal(size=(300, 40)) * 3 + 100, labels)
    f, again, other = (fitted(sample, seed) for seed in (0, 0, 1))
    assert wrong(f, sample) == wrong(other, sample) == 0
    assert f.depth == 2
    assert all(np.array_equal(a.weight, b.weight) for a, b in zip(f.layers, again.layers, strict=True))
    assert f.widths != other.widths or not np.array_equal(f.layers[0].weight, other.layers[0].weight)


def test_descent_gives_up() -> None:
    told: list[int] = []
    descend(np.zeros((200, 3)), np.arange(200) % 2, 2, 4, patience=5, seed=0, report=told.append)
    # Half the points are wrong whatever is learned, and no margin is above a rounding.
    assert len(told) == 5
    assert all(errors >= 100 for errors in told)


def test_random_labels_are_soon_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of who memorizes what is wrong: a hidden layer learns them one by one, in passes over them all."""
    monkeypatch.setattr(module, "_CHEAP", 0.0)
    widths: list[int] = []
    passes: list[int] = []

    def counted(*args: Any, report: Any, **options: Any) -> Any:
        widths.append(args[3])
        return descend(*args, report=lambda errors: (passes.append(errors), report(errors)), **options)

    monkeypatch.setattr(module, "descend", counted)
    rng = np.random.default_rng(0)
    points, labels = rng.random((12_000, 20)), rng.choice([-1, 1], 12_000)
    f = best_fit(points, labels, 1)
    assert widths == [0, 32]
    assert len(passes) <= 12
    # A steep layer that gets a few more points right is no better for balls.
    assert f.depth == 1
    widths.clear()
    # Where there is something to learn the hidden layer is taken.
    labels = np.where((points[:, 0] > 0.5) == (points[:, 1] > 0.5), 1, -1)
    f = best_fit(points, labels, 1)
    assert f.depth == 2
    assert widths[:2] == [0, 32]
    assert int(np.sum(np.sign(f(points)[:, 0]) != labels)) < 600


def test_steps_are_those_of_the_optimizer_of_torch() -> None:
    torch.manual_seed(0)
    points, labels = torch.rand(40, 5), torch.randint(0, 3, (40,))
    ours, theirs = nn.Linear(5, 3), nn.Linear(5, 3)
    theirs.load_state_dict(ours.state_dict())
    adam, optimizer = _Adam(list(ours.parameters())), torch.optim.Adam(theirs.parameters(), lr=0.01)
    for _ in range(20):
        adam.step(nn.functional.cross_entropy(ours(points), labels), 0.01)
        optimizer.zero_grad()
        nn.functional.cross_entropy(theirs(points), labels).backward()
        optimizer.step()
    # Steps of about 0.01 in float32, 20 of them; weights move by 0.1.
    for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(own, other, rtol=0, atol=1e-6)


@pytest.mark.parametrize("imported", ["torch._dynamo", "sklearn"])
def test_a_descent_needs_neither_a_compiler_nor_scikit_learn(imported: str) -> None:
    """Which take 70 and 100 MB beside a network of 50."""
    code = (
        "import sys, numpy as np\n"
        "from constructions.memorizers import clean\n"
        "clean._CHEAP = 0.0\n"
        "points, codes = np.random.default_rng(0).random((300, 40)), np.arange(300) % 2 * 2 - 1\n"
        "clean.fit_clean(points, codes, 1)\n"
        f"sys.exit({imported!r} in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def test_the_state_of_torch_is_the_callers() -> None:
    """Neither its random numbers, nor a default type, nor a mode without gradients matter or change."""
    rng = np.random.default_rng(0)
    seen, labels = rng.normal(size=(300, 5)), rng.integers(0, 2, 300)

    def trained() -> np.ndarray:
        return descend(seen, labels, 2, 8, patience=3, seed=0, report=lambda errors: None)[0][0]

    first = trained()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            assert np.array_equal(trained(), first)
            assert not torch.is_grad_enabled()
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.rand(1) == expected


def test_progress_shows_the_errors_that_are_left(capsys: pytest.CaptureFixture[str]) -> None:
    sample = read_sample(XOR, [-1, 1, 1, -1])
    fit_clean(sample.points, sample.codes, 1)
    assert capsys.readouterr().err == ""
    fit_clean(sample.points, sample.codes, 1, progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = [line for line in shown.err.splitlines() if line.strip()]
    tried = ["affine", "affine in principal coordinates", "32 hidden neurons"]
    assert len(lines) == len(tried)
    assert all(line.startswith(f"clean classifier, {name} ") for line, name in zip(lines, tried, strict=True))
    assert not lines[0].rstrip().endswith(" 0 errors left")
    assert lines[2].rstrip().endswith(" 0 errors left")


# -- given

LINE = Affine(np.array([[1.0, -2.0]]), np.array([0.5]))
DEEP = network(([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0]), ([[1.0, 1.0]], [-0.5]))


@pytest.mark.parametrize(
    "clean",
    [
        LINE,
        ReLUNetwork((LINE,)),
        DEEP,
        nn.Linear(2, 1),
        nn.Sequential(nn.Flatten(), nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)),
    ],
)
def test_every_form_computes_the_same(clean: Any) -> None:
    f = as_network(clean, 2, 1)
    assert isinstance(f, ReLUNetwork)
    if isinstance(clean, nn.Module):
        expected = clean.double()(torch.from_numpy(XOR)).detach().numpy()
        # A dozen roundings of numbers of size 1.
        assert np.all(np.abs(f(XOR) - expected) <= 16 * np.finfo(float).eps)
    else:
        layers = (clean,) if isinstance(clean, Affine) else clean.layers
        assert f.layers == layers


@pytest.mark.parametrize(
    ("clean", "dim", "outputs", "message"),
    [
        (LINE, 3, 1, r"R\^3 to 1 output.*got 2 inputs and 1 outputs"),
        (LINE, 2, 2, r"R\^2 to 2 output.*order of the sorted labels"),
        (DEEP, 2, 10, "got 2 inputs and 1 outputs"),
        (nn.Linear(2, 1), 2, 3, "got 2 inputs and 1 outputs"),
        (nn.Sequential(nn.Linear(2, 1), nn.Tanh()), 2, 1, "got tanh in Tanh at 1"),
        (nn.Conv1d(1, 1, 1), 2, 1, r"from_torch\(module, input_shape="),
        (np.ones((1, 2)), 2, 1, "clean must be a ReLUNetwork, an Affine.*got ndarray"),
        (lambda x: x, 2, 1, "got function"),
        ("affine", 2, 1, "got the path 'affine'"),
        (None, 2, 1, "got NoneType"),
    ],
)
def test_other_forms_and_sizes_are_refused(clean: Any, dim: int, outputs: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        as_network(clean, dim, outputs)


@pytest.mark.parametrize("outputs", [1, 2, 10])
def test_no_information_is_0_without_a_weight(outputs: int) -> None:
    f = no_information(3, outputs)
    assert (f.inputs, f.outputs, f.depth, f.nonzero) == (3, outputs, 1, 0)
    assert not f(np.ones((4, 3))).any()
