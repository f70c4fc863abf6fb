"""The same numbers in another type give the same answer, from every function of `theory` that takes an array."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

import theory
from theory.generalization.robust_gap import LabelledLosses
from theory.generalization.transport import w1_bracket

Reader = Callable[[np.ndarray], Any]

# Differences and products of these wrap around in eight bits.
P = np.array([[200.0, 3.0, 7.0], [10.0, 150.0, 21.0], [0.0, 255.0, 30.0], [90.0, 81.0, 251.0]])
Q = np.array([[3.0, 220.0, 17.0], [255.0, 0.0, 128.0], [31.0, 7.0, 254.0]])
W = np.array([[100.0, 101.0, 102.0], [7.0, 250.0, 33.0], [255.0, 0.0, 1.0]])
V = np.array([3.0, 200.0, 255.0])
HIGHER = np.array([4.0, 200.0, 255.0])
THREE, TWO = np.array([0, 2, 1, 2]), np.array([1, -1, -1, 1])
SMALL = np.array([True, False, False, True])
SCALES = {"alpha": 1000.0, "beta": 900.0, "radius": 0.5, "b": 20.0}


class Layer(NamedTuple):
    weight: np.ndarray
    bias: np.ndarray


NET = (Layer(W / 64, V / 64), Layer(W[:2] / 64, V[:2] / 64))


class Form(NamedTuple):
    """Numbers that a type can hold, made of the numbers above, and those in that type."""

    fit: Callable[[np.ndarray], np.ndarray]
    read: Reader


FORMS = {
    "uint8": Form(lambda a: a, lambda a: a.astype(np.uint8)),
    "int8": Form(lambda a: a - 128, lambda a: a.astype(np.int8)),
    "int64": Form(lambda a: 2.0**40 * a - 7, lambda a: a.astype(np.int64)),
    "float16": Form(lambda a: 128 * a, lambda a: a.astype(np.float16)),
    "float32": Form(lambda a: (a / 255).astype(np.float32).astype(np.float64), lambda a: a.astype(np.float32)),
    "bool": Form(lambda a: a % 2, lambda a: a.astype(bool)),
    "list": Form(lambda a: a / 255, lambda a: a.tolist()),
    "tensor": Form(lambda a: a / 255, torch.tensor),
    "small tensor": Form(lambda a: a - 128, lambda a: torch.tensor(a, dtype=torch.int8)),
}


def losses(r: Reader, rows: slice) -> LabelledLosses:
    return LabelledLosses(r(P[rows]), np.zeros(len(P[rows]), int), r(P[rows, 0]))


def mixed(r: Reader) -> theory.MixedModel:
    return theory.MixedModel(r(V), r(W[:2]), r(V[:2]), 20.0)


def maxima(r: Reader, radius: float) -> theory.PointwiseMaximum:
    return theory.PointwiseMaximum(r(P[:, 1]), r(P[:, 1]), radius)


CASES: dict[str, Callable[[Reader], Any]] = {
    "distance": lambda r: [theory.distance(r(P), r(P[1]), p) for p in (1, 2, 3, np.inf)],
    "norm": lambda r: [theory.norm(r(P), p) for p in (1, 2, 3, np.inf)],
    "project_ball": lambda r: [theory.project_ball(r(P), r(P[1]), 5.0, p) for p in (1, 2, np.inf)],
    "separation": lambda r: theory.separation(r(P), TWO, 2),
    "separation_between": lambda r: theory.separation_between(r(P[:3]), TWO[:3], r(P[3:]), TWO[3:], 2),
    "nearest_of_other_label": lambda r: theory.nearest_of_other_label(r(P), TWO, 2),
    "nearest_of_other_label, of others": lambda r: theory.nearest_of_other_label(
        r(P[:2]), np.array([7, 8]), 2, others=r(P[2:]), other_labels=TWO[2:]
    ),
    "IdealClassifier": lambda r: theory.IdealClassifier(r(P), TWO, np.arange(2), 0.5, 3, lambda x: x[:, 0])(r(P)),
    "affine_distance": lambda r: [
        theory.affine_distance(r(W), r(V), r(P), THREE, 2),
        theory.affine_distance(r(W[:1]), r(V[:1]), r(P), TWO, 1),
    ],
    "affine_margin": lambda r: theory.affine_margin(r(W), r(V), r(P), THREE, 0.5, 2),
    "small_margin": lambda r: theory.small_margin(NET, r(P), np.array([0, 1, 1, 0]), 0.5, 2),
    "minimum_over_ball": lambda r: theory.minimum_over_ball(NET, r(P[0]), 0.5, 1, np.array([1.0, -1.0]))[0],
    "interval_bounds": lambda r: theory.interval_bounds(NET, r(P), r(P)),
    "linear_bounds": lambda r: theory.linear_bounds(NET, r(P), 0.5, 2),
    "margin_lower_bound": lambda r: theory.margin_lower_bound(NET, r(P), np.array([0, 1, 1, 0]), 0.5, 2),
    "margins": lambda r: [theory.margins(r(P), THREE), theory.margins(r(P[:, 0]), TWO)],
    "clean_error": lambda r: theory.clean_error(r(V)),
    "adversarial_error": lambda r: theory.adversarial_error(r(V), r(HIGHER)),
    "exponential_loss": lambda r: theory.exponential_loss(r(V)),
    "log_exponential_loss": lambda r: theory.log_exponential_loss(r(V)),
    "max_margin_direction": lambda r: theory.max_margin_direction(r(P[:2]), np.array([1, 1])),
    "noise_margin": lambda r: theory.noise_margin(r(P), TWO),
    "MixedModel": lambda r: mixed(r)(r(P)),
    "target_model": lambda r: theory.target_model(r(V), r(W[:2]), np.array([1, -1]), 20.0),
    "target_conditions": lambda r: theory.target_conditions(r(P), SMALL, r(P[SMALL]), **SCALES),
    "margin_certificate": lambda r: theory.margin_certificate(mixed(r), r(P), TWO, 0.5),
    "overlap_conditions": lambda r: theory.overlap_conditions(r(P), SMALL, r(P[SMALL]), **SCALES),
    "overlap_certificate": lambda r: theory.overlap_certificate(mixed(r), r(P), TWO, 0.5),
    "PointwiseMaximum": lambda r: theory.PointwiseMaximum(r(V), r(HIGHER), 0.5).mean,
    "gradient_norm": lambda r: theory.gradient_norm(r(P), 3),
    "maximum_by_search": lambda r: theory.maximum_by_search(
        lambda x: x.sum(axis=1), r(P), 0.5, np.random.default_rng(0), draws=3
    ),
    "w1": lambda r: (
        [theory.w1(r(P), r(z), p) for z in (Q, P[::-1]) for p in (1, 2)] + [theory.w1(r(P[:, :1]), r(Q[:, :1]))]
    ),
    "w1_bracket": lambda r: w1_bracket(r(P), r(Q), 2),
    "w_infinity": lambda r: [theory.w_infinity(r(P), r(z), 2) for z in (Q, P[::-1])],
    "lipschitz_gap_bound": lambda r: theory.lipschitz_gap_bound(
        losses(r, slice(4)), losses(r, slice(2)), lipschitz=1.0, loss_bound=1e15
    ),
    "flatness_gap_bound": lambda r: theory.flatness_gap_bound(
        losses(r, slice(4)), losses(r, slice(2)), lambda radius: maxima(r, radius), radius=0.5, loss_bound=1e15
    ),
    "transport_gap_bound": lambda r: theory.transport_gap_bound(
        losses(r, slice(4)), losses(r, slice(2)), lambda x, y, at: r(P[: len(x), 1]), radius=0.5, loss_bound=1e15
    ),
    "PatchNetwork": lambda r: theory.PatchNetwork(r(W), 3)(r(P[None])),
    "UnseenNoise": lambda r: theory.UnseenNoise(r(V[None, 2:]), 3, 2).variance,
}
# Results, which are made here.
NOT_READ = {"CoordinateBound", "RankBound", "Nearest", "Separation", "MarginBracket", "HardDistribution"}
LABELLED: dict[str, Callable[[Any], Any]] = {
    "affine_distance": lambda y: theory.affine_distance(W, V, P, y, 2),
    "affine_margin": lambda y: theory.affine_margin(W, V, P, y, 0.5, 2),
    "margin_lower_bound": lambda y: theory.margin_lower_bound((Layer(W, V),), P, y, 0.5, 2),
    "IdealClassifier": lambda y: theory.IdealClassifier(P, y, np.arange(2), 0.5, 2, lambda x: x @ W.T)(P),
    "small_margin": lambda y: theory.small_margin((Layer(W, V),), P, y, 0.5, 2),
    "margins": lambda y: theory.margins(P, y),
    "separation": lambda y: theory.separation(P, y, 2),
    "separation_between": lambda y: theory.separation_between(P, y, P + 1, y, 2),
    "nearest_of_other_label": lambda y: theory.nearest_of_other_label(P, y, 2, others=P + 1, other_labels=y),
}
SIGNED: dict[str, Callable[[Any], Any]] = {
    "affine_distance": lambda y: theory.affine_distance(W[:1], V[:1], P, y, 2),
    "margins": lambda y: theory.margins(P[:, 0], y),
    "hard_distribution": lambda y: theory.hard_distribution(2, 4, y).centres(),
    "max_margin_direction": lambda y: theory.max_margin_direction(P * TWO[:, None], y),
    "noise_margin": lambda y: theory.noise_margin(P, y),
    "target_model": lambda y: theory.target_model(V, P[:, :3], y, 20.0),
    "margin_certificate": lambda y: theory.margin_certificate(mixed(lambda a: a), P, y, 0.5),
    "overlap_certificate": lambda y: theory.overlap_certificate(mixed(lambda a: a), P, y, 0.5),
}


def plain(result: Any) -> Any:
    """A result as nested tuples of arrays, that can be compared."""
    if dataclasses.is_dataclass(result):
        return tuple(plain(getattr(result, field.name)) for field in dataclasses.fields(result))
    if isinstance(result, list | tuple):
        return tuple(map(plain, result))
    return np.asarray(result)


def outcome(call: Callable[[], Any]) -> tuple[str, Any]:
    try:
        return "value", plain(call())
    except ValueError as error:
        return type(error).__name__, ()


def assert_equal(found: Any, expected: Any) -> None:
    if isinstance(expected, tuple):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            assert_equal(a, b)
    else:
        assert np.array_equal(found, expected, equal_nan=expected.dtype.kind == "f")


def takes_arrays(item: Any) -> bool:
    if not callable(item) or item is theory.AssumptionError:
        return False
    return any("ndarray" in str(p.annotation) for p in inspect.signature(item).parameters.values())


def test_every_function_that_takes_arrays_is_tried() -> None:
    tried = {*CASES, *LABELLED, *SIGNED, *NOT_READ}
    assert {name for name in theory.__all__ if takes_arrays(getattr(theory, name))} <= tried


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", CASES)
def test_numbers_of_every_type_are_the_same_numbers(name: str, form: str) -> None:
    fit, read = FORMS[form]
    expected = outcome(lambda: CASES[name](fit))
    found = outcome(lambda: CASES[name](lambda a: read(fit(a))))
    assert found[0] == expected[0]
    assert_equal(found[1], expected[1])


def test_the_cases_have_values() -> None:
    """Not only refusals that are alike."""
    for name, case in CASES.items():
        kinds = [outcome(lambda case=case, fit=fit: case(fit))[0] for fit, _ in FORMS.values()]  # type: ignore[misc]
        assert kinds.count("value") >= 2, (name, kinds)


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("read", [np.ndarray.tolist, torch.tensor, lambda y: y.astype(np.int8)])
@pytest.mark.parametrize(
    ("case", "labels"), [*((c, THREE) for c in LABELLED.values()), *((c, TWO) for c in SIGNED.values())]
)
def test_labels_of_every_type_are_the_same_labels(case: Any, labels: np.ndarray, read: Any) -> None:
    assert_equal(plain(case(read(labels))), plain(case(labels)))
