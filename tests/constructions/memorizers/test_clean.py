"""The clean classifier: fitted without training error or refused, and taken in several forms."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from constructions import Affine, ReLUNetwork, load_sample
from constructions.memorizers.clean import as_network, fit_clean
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
    with pytest.raises(AssumptionError, match=rf"32 hidden neurons \(misclassified of {len(points)} .*clean=…"):
        fitted(sample)


def test_the_message_gives_the_errors_of_every_attempt() -> None:
    sample = read_sample(np.zeros((2, 1)), [0, 1])
    with pytest.raises(AssumptionError) as caught:
        fitted(sample)
    listed = str(caught.value).split("by attempt: [")[1].split("]")[0]
    assert len(listed.split(",")) == 4
    assert all(1 <= int(errors) <= 2 for errors in listed.split(","))


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
        (nn.Sequential(nn.Linear(2, 1), nn.Tanh()), 2, 1, "Linear, ReLU and a leading Flatten only, got Tanh"),
        (nn.Conv1d(1, 1, 1), 2, 1, "got Conv1d"),
        (np.ones((1, 2)), 2, 1, "must be a ReLUNetwork, an Affine.*got ndarray"),
        (lambda x: x, 2, 1, "got function"),
        ("affine", 2, 1, "got str"),
        (None, 2, 1, "got NoneType"),
    ],
)
def test_other_forms_and_sizes_are_refused(clean: Any, dim: int, outputs: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        as_network(clean, dim, outputs)
