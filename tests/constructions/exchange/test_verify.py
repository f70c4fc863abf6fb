"""Properties of ONNX files: each answer against what is known, witnesses exact, nothing said that is not proved."""

import signal
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from constructions import Affine, ReLUNetwork
from constructions.exchange import verify as module
from constructions.exchange.command import main
from constructions.exchange.onnx_file import read_onnx_model, write_onnx
from constructions.exchange.properties import Case, Conjunction, Property, Region, Specification, margin_property
from constructions.exchange.verify import verify
from constructions.exchange.vnnlib_file import parse_vnnlib, read_vnnlib, write_specification
from constructions.exchange.witness_file import read_witness
from tests.constructions.exchange.models import executed, model, saved
from tests.rational import rational_value, rationals
from theory.balls.exact_minimum import minimum_over_ball

# y_0 = |x_0| and y_1 = x_0 + x_1, on files in float64.
FOLD = ReLUNetwork(
    (
        Affine(np.array([[1.0, 0.0], [-1.0, 0.0], [1.0, 1.0], [-1.0, -1.0]]), np.zeros(4)),
        Affine(np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]]), np.zeros(2)),
    )
)
DECLARED = "\n".join(f"(declare-const {name} Real)" for name in ("X_0", "X_1", "Y_0", "Y_1"))
BOX = "(assert (>= X_0 -1)) (assert (<= X_0 1)) (assert (>= X_1 0)) (assert (<= X_1 0.5))"


@pytest.fixture
def fold(tmp_path: Path) -> Path:
    write_onnx(tmp_path / "fold.onnx", FOLD)
    return tmp_path / "fold.onnx"


def asked(*assertions: str, box: str = BOX) -> Specification:
    return parse_vnnlib("\n".join([DECLARED, box, *(f"(assert {one})" for one in assertions)]))


def is_exact(path: Path, specification: Specification, x: np.ndarray) -> bool:
    """Of the file's own function, in the tests' rational arithmetic."""
    return specification.is_witness(
        rationals(x), rational_value(read_onnx_model(path, exact=True).network, rationals(x))
    )


@pytest.mark.parametrize(
    ("assertions", "answer"),
    [
        (["(<= Y_0 -0.1)"], "unsat"),
        (["(<= Y_0 0.0)"], "sat"),
        # |x| >= 1 at the ends only.
        (["(>= Y_0 1.0)"], "sat"),
        (["(>= Y_0 1.0000001)"], "unsat"),
        # Both at once nowhere, one of them somewhere: y_0 <= 0.1 gives y_1 <= 0.6.
        (["(<= Y_0 0.1)", "(>= Y_1 0.7)"], "unsat"),
        (["(and (<= Y_0 0.1) (>= Y_1 0.59))"], "sat"),
        (["(or (<= Y_0 -0.1) (and (<= Y_0 0.1) (>= Y_1 0.7)))"], "unsat"),
        (["(or (<= Y_0 -0.1) (and (<= Y_0 0.1) (>= Y_1 0.5)))"], "sat"),
        # y_1 - y_0 <= 1/2 everywhere.
        (["(>= Y_1 (+ Y_0 0.6))"], "unsat"),
        (["(>= Y_1 (+ Y_0 0.4))"], "sat"),
    ],
)
def test_answers_that_are_known(assertions: list[str], answer: str, fold: Path) -> None:
    specification = asked(*assertions)
    found = verify(fold, specification, seconds=20)
    assert found.answer == answer
    assert (found.x is None) == (answer == "unsat")
    if found.x is not None:
        assert is_exact(fold, specification, found.x)
        assert found.y is not None
        assert np.allclose(found.y, FOLD(found.x[None])[0])
        assert found.steps == {}
    else:
        assert sum(found.steps.values()) == len(specification.cases)
    assert found.untried == ()


@given(st.integers(0, 200), st.sampled_from([0.25, 0.0, -0.25]), st.booleans(), st.sampled_from(["float32", "float64"]))
def test_answers_agree_with_the_exact_minimum(
    tmp_path_factory: pytest.TempPathFactory, seed: int, shift: float, is_strict: bool, dtype: str
) -> None:
    """`y <= least + shift` on a box: sat for shift > 0, unsat below, at 0 sat unless it is strict."""
    rng = np.random.default_rng(seed)
    weights = [rng.integers(-4, 5, shape) / 4 for shape in ((3, 2), (1, 3))]
    network = ReLUNetwork((Affine(weights[0], rng.integers(-4, 5, 3) / 4), Affine(weights[1], np.zeros(1))))
    centre = rng.integers(-4, 5, 2) / 4
    least, _ = minimum_over_ball(network.layers, centre, 0.5, np.inf, np.ones(1))
    exact = Fraction(least).limit_denominator(2**20)
    region = Region(
        tuple(Fraction(v) - Fraction(1, 2) for v in centre), tuple(Fraction(v) + Fraction(1, 2) for v in centre)
    )
    row = Conjunction(((Fraction(1),),), (exact + Fraction(shift),), frozenset({0} if is_strict else ()))
    specification = Specification(2, 1, (Case(region, Property((row,))),))
    path = tmp_path_factory.mktemp("random") / "network.onnx"
    write_onnx(path, network, dtype=dtype)
    # A tie may take all of the time.
    found = verify(path, specification, seconds=10 if shift else 1)
    if shift > 0:
        assert found.answer == "sat"
    elif shift < 0:
        assert found.answer == "unsat"
    else:
        # The least value may be met at points that are no floats.
        assert found.answer in ({"unknown", "timeout", "unsat"} if is_strict else {"sat", "unknown", "timeout"})
    if found.x is not None:
        assert is_exact(path, specification, found.x)
        assert dtype == "float64" or (found.x.astype(np.float32) == found.x).all()


@pytest.mark.parametrize("sign", ["<", "<="])
def test_strict_inequalities_at_equality(sign: str, fold: Path) -> None:
    """y_0 = |x_0| is 0 at 0, and nowhere below: `<` has no witness, and no proof by bounds."""
    found = verify(fold, asked(f"({sign} Y_0 0.0)"), seconds=3)
    if sign == "<=":
        assert found.answer == "sat"
        assert found.x is not None
        assert found.x[0] == 0
    else:
        assert found.answer in ("unknown", "timeout")
        assert found.untried
    # An open box: the end is not in it.
    ends = BOX.replace("(>= X_0 -1)", "(> X_0 0)")
    open_ = verify(fold, asked("(<= Y_0 0.0)", box=ends), seconds=3)
    assert open_.answer != "sat"
    inside = verify(fold, asked("(<= Y_0 0.25)", box=ends), seconds=3)
    assert inside.answer == "sat"
    assert inside.x is not None
    assert inside.x[0] > 0


def test_several_boxes_each_with_its_own_outputs(fold: Path) -> None:
    left = "(and (>= X_0 -1.0) (<= X_0 -0.5) (>= X_1 0.0) (<= X_1 1.0) {})"
    right = "(and (>= X_0 0.5) (<= X_0 1.0) (>= X_1 0.0) (<= X_1 1.0) {})"
    for first, second, answer in (
        ("(<= Y_0 0.4)", "(<= Y_1 0.4)", "unsat"),
        ("(<= Y_0 0.4)", "(<= Y_1 0.5)", "sat"),
        ("(<= Y_0 0.5)", "(<= Y_1 0.4)", "sat"),
    ):
        specification = asked(f"(or {left.format(first)} {right.format(second)})", box="")
        assert len(specification.cases) == 2
        found = verify(fold, specification, seconds=20)
        assert found.answer == answer
        if answer == "unsat":
            assert sum(found.steps.values()) == 2
        else:
            assert found.x is not None
            assert is_exact(fold, specification, found.x)
    # One case is proved, of the other neither is known: strictly below its least value is nothing.
    for first, second in (("(<= Y_0 0.4)", "(< Y_0 0.5)"), ("(< Y_0 0.5)", "(<= Y_1 0.4)")):
        specification = asked(f"(or {left.format(first)} {right.format(second)})", box="")
        assert verify(fold, specification, seconds=1).answer in ("unknown", "timeout")


def test_proofs_are_about_more_than_is_asked_and_witnesses_about_less() -> None:
    third, two = Fraction(1, 3), Fraction(2, 3)
    region = Region((third, Fraction(0)), (two, Fraction(1)), open_low=frozenset({1}))
    found = module._regions(Specification(2, 2, (Case(region, margin_property(0, 2)),)))
    (low, high), (least, most) = found.outer(), found.inner()
    assert Fraction(low[0, 0]) < third < Fraction(least[0, 0])
    assert Fraction(most[0, 0]) < two < Fraction(high[0, 0])
    assert low[0, 1] == 0 < least[0, 1]


def test_no_case_is_unsat_and_no_demand_is_sat(fold: Path) -> None:
    assert verify(fold, Specification(2, 2, ())).answer == "unsat"
    region = Region((Fraction(1, 3),) * 2, (Fraction(2, 3),) * 2)
    found = verify(fold, Specification(2, 2, (Case(region, Property((Conjunction((), ()),))),)))
    assert found.answer == "sat"
    assert found.x is not None
    assert region.contains(found.x)
    # A box between two floats: decimals are witnesses.
    thin = Region((Fraction(1, 3),) * 2, (Fraction(1, 3) + Fraction(1, 10**30),) * 2)
    some = verify(fold, Specification(2, 2, (Case(thin, Property((Conjunction((), ()),))),)), seconds=1)
    assert (some.answer, thin.contains(some.point or ())) == ("sat", True)
    proved = verify(fold, Specification(2, 2, (Case(thin, margin_property(1, 2)),)), seconds=1)
    assert proved.answer == "unsat"


def test_without_time_it_is_unknown_and_with_little_timeout(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    widths = [(40, 12), (40, 40), (40, 40), (2, 40)]
    hard = ReLUNetwork(
        tuple(Affine(rng.normal(size=s) * (2 / s[1]) ** 0.5, 0.1 * rng.normal(size=s[0])) for s in widths)
    )
    write_onnx(tmp_path / "hard.onnx", hard)
    least = hard(rng.uniform(-0.5, 0.5, (20_000, 12)))[:, 0].min()
    region = Region((Fraction(-1, 2),) * 12, (Fraction(1, 2),) * 12)
    row = Conjunction(((Fraction(1), Fraction(0)),), (Fraction(float(least)) - 2,))
    specification = Specification(12, 2, (Case(region, Property((row,))),))
    for seconds, answer in ((None, "unknown"), (0, "timeout"), (0.01, "timeout")):
        found = verify(tmp_path / "hard.onnx", specification, seconds=seconds)
        assert found.answer == answer
        assert found.x is None
        assert len(found.untried) == 1
    assert found.untried[0].endswith("the time was over")


def test_time_is_counted_from_before_reading(fold: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, given = [0.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    read, decide = module.read_onnx_model, module.decide_regions

    def slow(*arguments: Any, **named: Any) -> Any:
        now[0] += 3.0
        return read(*arguments, **named)

    def seen(*arguments: Any, **named: Any) -> Any:
        given.append(named["seconds"])
        return decide(*arguments, **named)

    monkeypatch.setattr(module, "read_onnx_model", slow)
    monkeypatch.setattr(module, "decide_regions", seen)
    for seconds in (5, 2, None):
        verify(fold, asked("(<= Y_0 -0.1)"), seconds=seconds)
    assert given == [2.0, 0.0, None]


def counted_exact(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many outputs are computed in rational arithmetic, and how often files are read."""
    counts = [0, 0]
    exact, read = module.rational_outputs, module.read_onnx_model

    def outputs(*arguments: Any) -> Any:
        counts[0] += 1
        return exact(*arguments)

    def reading(*arguments: Any, **named: Any) -> Any:
        counts[1] += 1
        return read(*arguments, **named)

    monkeypatch.setattr(module, "rational_outputs", outputs)
    monkeypatch.setattr(module, "read_onnx_model", reading)
    return counts


def test_rational_arithmetic_is_for_what_bounds_leave_open(
    fold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = counted_exact(monkeypatch)
    monkeypatch.setattr(module, "_SMALL", 0)
    assert verify(fold, asked("(<= Y_0 0.1)"), seconds=5).answer == "sat"
    assert counts == [0, 1]
    # Met at one point exactly, and there by bounds only up to rounding.
    exactly = asked("(>= (+ Y_0 Y_1) 2.5)")
    assert verify(fold, exactly, seconds=5).answer == "sat"
    assert counts[0] >= 1
    # Files of which weights are rounded are read once, unless that is open.
    path = batch_normalised(tmp_path / "normalised.onnx")
    counts[:] = [0, 0]
    assert verify(path, asked("(<= Y_0 100)"), seconds=5).answer == "sat"
    assert counts == [0, 1]


def test_rational_arithmetic_is_left_out_where_it_ends_too_late(fold: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = counted_exact(monkeypatch)
    monkeypatch.setattr(module, "_EXACT_SPEED", 1e-3)
    found = verify(fold, asked("(>= (+ Y_0 Y_1) 2.5)"), seconds=1)
    assert found.answer in ("unknown", "timeout")
    assert counts[0] == 0


def test_bounds_of_outputs_exclude_a_conjunction_or_not() -> None:
    one = Conjunction(((Fraction(1), Fraction(-1)), (Fraction(0), Fraction(1))), (Fraction(0), Fraction(5)))
    assert one.surely_excludes([2.0, 0.0], [3.0, 1.0])
    assert one.surely_excludes([0.0, 6.0], [1.0, 7.0])
    assert not one.surely_excludes([1.0, 0.0], [3.0, 1.0])
    strict = Conjunction(one.rows, one.bounds, frozenset({0}))
    assert strict.surely_excludes([1.0, 0.0], [3.0, 1.0])
    assert Property((one, strict)).surely_excludes([2.0, 0.0], [3.0, 1.0])
    assert not Property((one, strict)).surely_excludes([1.0, 0.0], [3.0, 1.0])


def batch_normalised(path: Path) -> Path:
    """Relu(BatchNorm(x W)) V: roots, which no float64 holds."""
    rng = np.random.default_rng(0)
    stored = {
        "W": rng.normal(size=(2, 4)).astype(np.float32),
        "s": np.array([1.5, -0.5, 0.75, 1.25], dtype=np.float32),
        "b": np.array([0.1, 0.2, -0.1, 0.3], dtype=np.float32),
        "m": rng.normal(size=4).astype(np.float32),
        "v": np.array([0.3, 0.7, 1.1, 2.3], dtype=np.float32),
        "V": rng.normal(size=(4, 2)).astype(np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["X", "W"], ["h"]),
        helper.make_node("BatchNormalization", ["h", "s", "b", "m", "v"], ["n"], epsilon=1e-5),
        helper.make_node("Relu", ["n"], ["r"]),
        helper.make_node("MatMul", ["r", "V"], ["Y"]),
    ]
    return saved(path, model(nodes, stored, ["N", 2]))


def test_a_file_whose_weights_are_rounded_is_decided_with_what_that_loses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = batch_normalised(tmp_path / "normalised.onnx")
    network: Any = read_onnx_model(path).network
    assert network.rounded > 0
    region = Region((Fraction(0),) * 2, (Fraction(1, 4),) * 2)
    grid = np.stack(np.meshgrid(*[np.linspace(0, 0.25, 65)] * 2), axis=-1).reshape(-1, 2)
    least = network(grid)[:, 0].min()

    def about(bound: Fraction) -> Specification:
        row = Conjunction(((Fraction(1), Fraction(0)),), (bound,))
        return Specification(2, 2, (Case(region, Property((row,))),))

    assert verify(path, about(Fraction(float(least)) - Fraction(1, 10)), seconds=20).answer == "unsat"
    found = verify(path, about(Fraction(float(least)) + Fraction(1, 100)), seconds=20)
    assert found.answer == "sat"
    assert found.x is not None
    assert is_exact(path, about(Fraction(float(least)) + Fraction(1, 100)), found.x)
    assert np.allclose(executed(path, found.x[None].astype(np.float32))[0], found.y, atol=1e-5)
    # At one point, a bound below its value by less than rounding may cost: no proof.
    point = Region((Fraction(1, 8),) * 2, (Fraction(1, 8),) * 2)
    value = rational_value(network, [Fraction(1, 8)] * 2)[0]
    far = network.distance(np.full(2, 0.125), np.full(2, 0.125))[0]
    row = Conjunction(((Fraction(1), Fraction(0)),), (value - Fraction(float(far)) * Fraction(99, 100),))
    close = Specification(2, 2, (Case(point, Property((row,))),))
    assert verify(path, close, seconds=1).answer != "unsat"
    # Between the values of the network and of the file: what one of them has is no witness of the other.
    of_file = rational_value(read_onnx_model(path, exact=True).network, [Fraction(1, 8)] * 2)[0]
    sign = 1 if value < of_file else -1
    row = Conjunction(((Fraction(sign), Fraction(0)),), (sign * (value + of_file) / 2,))
    assert value != of_file
    assert verify(path, Specification(2, 2, (Case(point, Property((row,))),)), seconds=1).answer in (
        "unknown",
        "timeout",
    )
    # A network that may be far from the file proves little.
    with monkeypatch.context() as patch:
        patch.setattr(type(network), "distance", lambda self, low, high: np.full(2, 1.0))
        assert verify(path, about(Fraction(float(least)) - Fraction(1, 10)), seconds=2).answer != "unsat"


def test_a_network_too_large_for_exact_arithmetic_has_witnesses_by_bounds(
    fold: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "fits_rational", lambda layers, points: False)
    found = verify(fold, asked("(<= Y_0 0.1)"), seconds=5)
    assert found.answer == "sat"
    assert found.x is not None
    assert is_exact(fold, asked("(<= Y_0 0.1)"), found.x)
    # Bounds do not tell what is met exactly.
    assert verify(fold, asked("(<= Y_0 0.0)", box=BOX.replace("0.5", "0.3")), seconds=2).answer != "unsat"


def test_bounds_of_outputs_contain_a_conjunction_or_not() -> None:
    one = Conjunction(((Fraction(1), Fraction(-1)),), (Fraction(0),), frozenset({0}))
    assert one.surely_contains([0.0, 2.0], [1.0, 3.0])
    assert not one.surely_contains([0.0, 1.0], [1.0, 3.0])
    assert not Property((one,)).surely_contains([0.0, 1.0], [1.0, 3.0])
    weak = Conjunction(one.rows, one.bounds)
    assert weak.surely_contains([0.0, 1.0], [1.0, 3.0])
    assert Property((one, weak)).surely_contains([0.0, 1.0], [1.0, 3.0])
    assert not weak.surely_contains([0.0, np.nextafter(1, 0)], [1.0, 3.0])


@pytest.mark.parametrize("sizes", [(3, 2), (2, 3), (1, 1)])
def test_properties_of_other_sizes_are_refused(sizes: tuple[int, int], fold: Path) -> None:
    region = Region((Fraction(0),) * sizes[0], (Fraction(1),) * sizes[0])
    row = Conjunction(((Fraction(1),) * sizes[1],), (Fraction(0),))
    specification = Specification(*sizes, (Case(region, Property((row,))),))
    with pytest.raises(
        ValueError, match=f"2 inputs and 2 outputs, got one of {sizes[0]} inputs and {sizes[1]} outputs"
    ):
        verify(fold, specification)


def test_regions_beyond_float64_are_refused(fold: Path) -> None:
    region = Region((Fraction(0),) * 2, (Fraction(10) ** 400,) * 2)
    with pytest.raises(ValueError, match="regions must have ends within float64"):
        verify(fold, Specification(2, 2, (Case(region, margin_property(0, 2)),)))


# --- planted faults ---------------------------------------------------------------------------------


def test_a_witness_outside_its_box_by_one_float_is_not_believed(fold: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only x_0 = 0 would do, and the box begins one float above: candidates are moved onto it."""
    tiny = np.nextafter(0.25, 1)
    box = BOX.replace("(>= X_0 -1)", f"(>= X_0 {Fraction(tiny).numerator / Fraction(tiny).denominator:.60f})")
    specification = asked("(<= Y_0 0.25)", box=box)
    assert verify(fold, specification, seconds=1).answer != "sat"
    old = module.decide_regions

    def moved(*arguments: Any, **named: Any) -> Any:
        judge = named["witness"]
        return old(*arguments, **named | {"witness": lambda case, x: judge(case, np.array([0.25, 0.25]))})

    monkeypatch.setattr(module, "decide_regions", moved)
    assert verify(fold, specification, seconds=1).answer != "sat"
    monkeypatch.setattr(Region, "contains", lambda self, x: True)
    # The planted fault is seen.
    assert verify(fold, specification, seconds=1).answer == "sat"


def test_a_case_that_is_dropped_is_seen(fold: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = "(and (>= X_0 -1.0) (<= X_0 -0.5) (>= X_1 0.0) (<= X_1 1.0) (<= Y_0 0.4))"
    right = "(and (>= X_0 0.5) (<= X_0 1.0) (>= X_1 0.0) (<= X_1 1.0) (<= Y_1 0.5))"
    specification = asked(f"(or {left} {right})", box="")
    assert verify(fold, specification, seconds=5).answer == "sat"
    object.__setattr__(specification, "cases", specification.cases[:1])
    assert verify(fold, specification, seconds=5).answer == "unsat"


# --- the command ------------------------------------------------------------------------------------


CODES = {"unsat": 20, "sat": 10, "unknown": 0, "timeout": 0}


def answered(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[str, str]:
    """The answer of the command, with the exit status that it has to have, and what it says beside it."""
    code = main([str(one) for one in arguments])
    out, said = capsys.readouterr()
    assert code == CODES[out.strip()]
    return out.strip(), said


def test_the_command_prints_the_answer_and_writes_a_witness_that_can_be_replayed(
    fold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    specification = asked("(or (<= Y_0 -0.1) (and (<= Y_0 0.1) (>= Y_1 0.5)))")
    write_specification(tmp_path / "asked.vnnlib", specification.cases)
    path = tmp_path / "witness.txt"
    out, said = answered(capsys, fold, tmp_path / "asked.vnnlib", "--witness", path, "--quiet")
    assert out == "sat"
    assert f"witness written to {path}" in said
    x, y = read_witness(path)
    assert y == [Fraction(float(v)) for v in rational_value(FOLD, x)]
    assert read_vnnlib(tmp_path / "asked.vnnlib").is_witness(x, rational_value(FOLD, x))
    replayed = executed(fold, np.array([[float(v) for v in x]]))[0]
    assert np.allclose(replayed, [float(v) for v in y], atol=1e-12)
    assert specification.is_witness(x, replayed)


def test_the_command_says_by_what_it_knows(fold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_specification(tmp_path / "asked.vnnlib", asked("(<= Y_0 -0.1)").cases)
    out, said = answered(capsys, fold, tmp_path / "asked.vnnlib", "--witness", tmp_path / "none.txt")
    assert out == "unsat"
    assert "1 of 1 regions proved by" in said
    assert not (tmp_path / "none.txt").exists()
    write_specification(tmp_path / "asked.vnnlib", asked("(<= Y_0 0.1)", "(>= Y_1 0.60001)").cases)
    assert answered(capsys, fold, tmp_path / "asked.vnnlib", "--seconds", 0)[0] in ("timeout", "unsat")
    write_specification(tmp_path / "strict.vnnlib", asked("(< Y_0 0.0)").cases)
    out, said = answered(capsys, fold, tmp_path / "strict.vnnlib", "--seconds", 1)
    assert out in ("unknown", "timeout")
    assert "splitting, not to its end" in said
    assert answered(capsys, fold, tmp_path / "strict.vnnlib", "--seconds", 1, "--quiet")[1] == ""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timer on this system")
def test_what_does_not_look_at_the_clock_is_ended(
    fold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading that would take a minute: without the alarm the answer would be unsat."""
    write_specification(tmp_path / "asked.vnnlib", asked("(<= Y_0 -0.1)").cases)
    real = onnx.load

    def slow(path: str) -> Any:
        time.sleep(60)
        return real(path)

    monkeypatch.setattr(onnx, "load", slow)
    before = signal.getsignal(signal.SIGALRM)
    out, said = answered(capsys, fold, tmp_path / "asked.vnnlib", "--seconds", 0.1)
    assert out == "timeout"
    assert "does not look at the clock" in said
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_too_little_memory_is_unknown(
    fold: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any, **named: Any) -> Any:
        raise MemoryError("Unable to allocate 1 TiB")

    write_specification(tmp_path / "asked.vnnlib", asked("(<= Y_0 -0.1)").cases)
    monkeypatch.setattr(module, "decide_regions", full)
    out, said = answered(capsys, fold, tmp_path / "asked.vnnlib")
    assert out == "unknown"
    assert "not enough memory: Unable to allocate 1 TiB" in said
