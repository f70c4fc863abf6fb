"""Numbers of every type that hold the same values build the same thing: none wraps around or is rounded."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import constructions
from constructions import (
    Affine,
    Hinges,
    Levels,
    ReLUNetwork,
    RobustMemorizerClassifier,
    bit_complexity,
    certify,
    code_memorizer,
    compact_memorizer,
    guided_attack,
    indicators,
    interpolated_power,
    l1_excess,
    l2_excess,
    linf_excess,
    lp_excess,
    max_tree_memorizer,
    narrow_deep_memorizer,
    parameter_report,
    projection_code_memorizer,
    projection_memorizer,
    read_task,
    robust_memorizer,
    rule_memorizer,
    shared_l1_excess,
    shared_l2_excess,
    shared_levels,
    shared_linf_excess,
    shared_lp_excess,
    shared_squares,
    soft_indicator,
    square,
    write_points,
)
from theory import AssumptionError

pytestmark = pytest.mark.usefixtures("untyped")

Cast = Callable[[Any], Any]
# (points, radius): sums and differences of them leave the type, or have no exact value in it.
VALUES: dict[str, tuple[Any, list[list[float]], float]] = {
    "uint8": (np.uint8, [[250, 3], [7, 200]], 30),
    "int8": (np.int8, [[-100, 3], [7, 120]], 30),
    "uint64": (np.uint64, [[250, 3], [7, 200]], 30),
    "float16": (np.float16, [[2047, 0.5], [3, 60000]], 30),
    "float32": (np.float32, [[2.0**24 + 2, 0.5], [float(np.float32(0.1)), 2]], 0.25),
    "bool": (np.bool_, [[1, 0], [0, 1]], 0.25),
    "list": (None, [[250, 3], [7, 200]], 30),
    "list of floats": (None, [[0.1, 3.0], [7.5, 1e9]], 0.25),
}
LABELS = [-1, 1]


@dataclasses.dataclass(frozen=True)
class Given:
    """The same numbers as float64 and of another type."""

    array: Cast
    scalar: Cast
    points: list[list[float]]
    radius: float

    @property
    def centres(self) -> Any:
        return self.array(self.points)

    @property
    def low(self) -> Any:
        return self.array(np.min(self.points, axis=0).tolist())

    @property
    def high(self) -> Any:
        return self.array(np.max(self.points, axis=0).tolist())

    @property
    def r(self) -> Any:
        return self.scalar(self.radius)

    @property
    def levels(self) -> Levels:
        flat = [value for row in self.points for value in row]
        return Levels(self.array(flat), np.array([0, 1, 0, 1]), np.array([[0, 1], [2, 3]]))

    @property
    def hinges(self) -> Hinges:
        return Hinges(self.array([0, 1]), self.array([1, 1]))


def given(name: str, *, plain: bool) -> Given:
    kind, points, radius = VALUES[name]
    if plain:
        return Given(lambda values: np.array(values, dtype=np.float64), float, points, radius)
    if kind is None:
        return Given(lambda values: values, lambda value: value, points, radius)
    return Given(lambda values: np.array(values, dtype=kind), float if kind is np.bool_ else kind, points, radius)


def clean(g: Given) -> Affine:
    return Affine(np.ones((1, 2)), np.array([-1.0]))


def written(g: Given, folder: Path) -> Any:
    write_points(folder / "points.npz", ReLUNetwork((clean(g),)), g.centres, np.array(LABELS))
    with np.load(folder / "points.npz") as file:
        return file["points"]


def projected(g: Given, _: Path) -> Any:
    """Far from the origin it is refused: by the same numbers."""
    try:
        return projection_memorizer(g.centres, LABELS, radius=g.r / 8, shell=g.r / 8)
    except AssumptionError as refusal:
        return str(refusal)


BUILDERS: dict[str, Callable[[Given, Path], Any]] = {
    "linf_excess": lambda g, _: linf_excess(g.centres, g.r),
    "l1_excess": lambda g, _: l1_excess(g.centres, g.r),
    "l2_excess": lambda g, _: l2_excess(g.centres, g.r, g.array([1, 1]), 3),
    "lp_excess": lambda g, _: lp_excess(g.centres, g.hinges, g.r),
    "shared_linf_excess": lambda g, _: shared_linf_excess(g.levels, g.r),
    "shared_l1_excess": lambda g, _: shared_l1_excess(g.levels, g.low, g.r),
    "shared_l2_excess": lambda g, _: shared_l2_excess(g.centres, g.r, g.low, g.high, 3),
    "shared_lp_excess": lambda g, _: shared_lp_excess(g.levels, g.hinges, g.r),
    "shared_squares": lambda g, _: shared_squares(g.low, g.high, 3),
    "shared_levels": lambda g, _: [shared_levels(g.centres, 7 * g.radius, p) for p in (1, 3, "inf")],
    "Levels": lambda g, _: g.levels,
    "Hinges": lambda g, _: g.hinges,
    "interpolated_power": lambda g, _: interpolated_power(g.r, g.scalar(2 * g.radius), 3, 2),
    "soft_indicator": lambda g, _: soft_indicator(g.r, g.r),
    "square": lambda g, _: square(3, g.r),
    "indicators": lambda g, _: [
        indicators(g.centres, g.r, g.r, g.low, g.high, p=p, method=method)
        for p in (1, 2, 3, math.inf)
        for method in ("shared", "per_point")
    ],
    "Affine": lambda g, _: Affine(g.centres, g.low),
    "ReLUNetwork": lambda g, _: [ReLUNetwork((Affine(g.centres, g.low),)), clean(g)],
    "RobustMemorizerClassifier": lambda g, _: (
        RobustMemorizerClassifier(g.radius, small="all").fit(g.centres, LABELS).memorizer_.network
    ),
    "robust_memorizer": lambda g, _: [
        robust_memorizer(g.centres, LABELS, radius=g.radius, p=p, clean=clean(g), small="all")
        for p in (1, 2, 3, math.inf)
    ],
    "max_tree_memorizer": lambda g, _: max_tree_memorizer(g.centres, LABELS, radius=g.r),
    "narrow_deep_memorizer": lambda g, _: narrow_deep_memorizer(g.centres, LABELS, radius=g.r),
    "projection_memorizer": projected,
    "rule_memorizer": lambda g, _: rule_memorizer(g.centres, LABELS, radius=g.r / 8, p=2),
    "compact_memorizer": lambda g, _: compact_memorizer(
        g.centres, LABELS, radius=g.r / 8, features=2, hidden=(4,), coordinates=2, steps=20
    ),
    "code_memorizer": lambda g, _: code_memorizer(g.centres, LABELS, radius=g.r / 8).network.digest,
    "projection_code_memorizer": lambda g, _: projection_code_memorizer(g.centres, LABELS).network.digest,
    "parameter_report": lambda g, _: parameter_report(g.centres, LABELS, radius=g.r, p=math.inf).to_json(),
    "read_task": lambda g, _: read_task(g.centres, LABELS, g.r, g.r / 8, 2),
    "guided_attack": lambda g, _: guided_attack(ReLUNetwork((clean(g),)), g.centres, LABELS, g.r, 2),
    "certify": lambda g, _: certify(ReLUNetwork((clean(g),)), g.centres, LABELS, g.r, 2).lower,
    "bit_complexity": lambda g, _: bit_complexity(
        linf_excess(np.zeros((1, 2)), -1.0), g.centres, np.array([1, 1]), g.r, math.inf
    ),
    "write_points": written,
}
# What takes networks, or what another exported name has made.
OTHERS = {
    *("Memorizer", "SizeReport", "ParameterReport", "Certificate", "Construction", "PlainMemorizer", "Task", "Size"),
    *("size_of", "ENTRIES", "Entry", "Place", "Count", "count_built"),
    *("write_certificate", "add", "carry", "chain", "compose", "concatenate", "pad_depth", "parallel", "signed_pair"),
    *("RuleMemorizer", "CompactMemorizer", "IntegerMemorizer", "IntegerNetwork", "write_integer_certificate"),
    *("load_sample", "from_torch", "FoldedNetwork", "IncompleteCertificateWarning"),
}


def numbers(value: Any) -> Any:
    """All arrays and numbers in it, with their types; functions and times left out."""
    if sp.issparse(value):
        return [numbers(value.toarray())]
    if isinstance(value, np.ndarray):
        return [str(value.dtype), value.tolist()]
    if isinstance(value, tuple | list):
        return [numbers(part) for part in value]
    if isinstance(value, constructions.Construction):
        return numbers(value.network)
    if dataclasses.is_dataclass(value):
        return [numbers(getattr(value, field.name)) for field in dataclasses.fields(value) if field.name != "seconds"]
    return None if callable(value) else value


def test_every_exported_name_is_here() -> None:
    assert set(BUILDERS) | OTHERS == set(constructions.__all__)
    assert not set(BUILDERS) & OTHERS


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("builder", BUILDERS)
def test_the_type_of_the_numbers_makes_no_difference(builder: str, values: str, tmp_path: Path) -> None:
    build = BUILDERS[builder]
    assert numbers(build(given(values, plain=False), tmp_path)) == numbers(build(given(values, plain=True), tmp_path))


def test_known_values_at_integer_centres() -> None:
    centres = np.array([[250]], dtype=np.uint8)
    assert linf_excess(centres, 10)(np.array([[255.0]])).item() == 0
    assert l1_excess(centres, np.uint8(10))(np.array([[255.0]])).item() == -5
    f = shared_l2_excess(centres, 1.0, np.array([0]), np.array([256]), 6)
    assert -1 <= f(np.array([[250.0]])).item() <= -1 + 256**2 / 4**7
    assert lp_excess(centres, interpolated_power(1, 2, 3, 1), 1)(np.array([[250.0]])).item() == -1
    rounded = shared_levels(np.array([[-100], [100]], dtype=np.int8), 150, np.inf).rounded()
    assert rounded.tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: linf_excess(np.zeros(3), 1.0), r"centres need shape \(n, d\)"),
        (lambda: l2_excess([[]], 1.0, [1.0], 2), r"got \(1, 0\)"),
        (lambda: lp_excess([["a"]], Hinges([0.0], [1.0]), 1.0), "centres"),
        (lambda: linf_excess([[2**53 + 1]], 1.0), "float64 holds exactly, got 9007199254740993"),
        (lambda: linf_excess([[1.0]], "1"), "t must be one real number"),
        (lambda: Levels([1.0], [0.5], [[0]]), "whole numbers as coordinate"),
        (lambda: Levels([1.0], [0], [[True]]), "whole numbers as index"),
        (lambda: Hinges([0.0, 1.0], [1.0]), r"one shape \(pieces,\)"),
        (lambda: interpolated_power(1.0, 2.0, 3.0, 1.5), "whole dim >= 1, got 1.5"),
    ],
)
def test_malformed_arguments_are_refused_by_name(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
