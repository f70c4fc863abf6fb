"""VNN-LIB files: against a direct evaluation of their assertions, and round trips."""

import gzip
import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions.certificates.rational_intervals import largest_float_at_most
from constructions.exchange import properties, vnnlib_terms
from constructions.exchange.properties import (
    Case,
    Conjunction,
    Property,
    Region,
    box_region,
    margin_property,
)
from constructions.exchange.vnnlib_file import (
    decimal,
    parse_vnnlib,
    read_vnnlib,
    write_specification,
    write_vnnlib,
)
from constructions.exchange.witness_file import read_witness, write_witness

DECLARED = "\n".join(f"(declare-const {name} Real)" for name in ("X_0", "X_1", "Y_0", "Y_1"))
BOX = "(assert (and (>= X_0 -1) (<= X_0 1.5) (>= X_1 0) (<= X_1 1e-1)))"
SECOND = "(vnnlib-version <2.0>)(declare-network f (declare-input X real [1,2])(declare-output Y real [2]))"

numerals = st.sampled_from(["0", "1", "-1", "0.1", "-2.5", "1e-05", "3E2", ".5", "2.", "0.30000000000000004"])
finite = st.floats(allow_nan=False, allow_infinity=False)


def first(*assertions: str) -> str:
    return "\n".join([DECLARED, BOX, *assertions])


@st.composite
def forms(draw: Any, names: tuple[str, ...], depth: int = 0) -> tuple[str, Any]:
    """A term as text, and its value for given values of the variables."""
    kind = draw(st.sampled_from(["name", "number", "+", "-", "*", "/", "minus"] if depth < 3 else ["name", "number"]))
    if kind == "name":
        name = draw(st.sampled_from(names))
        return name, lambda v: v[name]
    if kind == "number":
        text = draw(numerals)
        return text, lambda v: Fraction(text)
    one, f = draw(forms(names, depth + 1))
    if kind == "minus":
        return f"(- {one})", lambda v: -f(v)
    if kind in "*/":
        text = draw(numerals.filter(lambda t: kind == "*" or Fraction(t) != 0))
        factor = Fraction(text) if kind == "*" else 1 / Fraction(text)
        left = draw(st.booleans()) and kind == "*"
        return (f"({kind} {text} {one})" if left else f"({kind} {one} {text})"), lambda v: f(v) * factor
    other, g = draw(forms(names, depth + 1))
    sign = 1 if kind == "+" else -1
    return f"({kind} {one} {other})", lambda v: f(v) + sign * g(v)


COMPARED: dict[str, Any] = {
    "<=": lambda a, b: a <= b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    ">": lambda a, b: a > b,
    "=": lambda a, b: a == b,
}


@st.composite
def assertions(draw: Any, depth: int = 0) -> tuple[str, Any]:
    kind = draw(st.sampled_from(["row", "row", "input", "and", "or"] if depth < 3 else ["row", "input"]))
    if kind in ("and", "or"):
        parts = [draw(assertions(depth + 1)) for _ in range(draw(st.integers(1, 3)))]
        join = all if kind == "and" else any
        return f"({kind} {' '.join(text for text, _ in parts)})", lambda v: join(f(v) for _, f in parts)
    names = ("Y_0", "Y_1") if kind == "row" else (draw(st.sampled_from(["X_0", "X_1"])),)
    operator = draw(st.sampled_from(list(COMPARED)))
    (one, f), (other, g) = draw(forms(names)), draw(forms(names))
    return f"({operator} {one} {other})", lambda v: COMPARED[operator](f(v), g(v))


@given(made=st.lists(assertions(), min_size=1, max_size=3), data=st.data())
def test_the_normal_form_is_what_the_assertions_say(made: list[tuple[str, Any]], data: st.DataObject) -> None:
    read = parse_vnnlib(first(*(f"(assert {text})" for text, _ in made)))
    grid = st.one_of(st.sampled_from([-1, 0, Fraction(1, 10), 1]), st.fractions(-2, 2, max_denominator=8))
    for _ in range(8):
        x, y = ([Fraction(data.draw(grid)) for _ in range(2)] for _ in "xy")
        values = {"X_0": x[0], "X_1": x[1], "Y_0": y[0], "Y_1": y[1]}
        inside = -1 <= x[0] <= Fraction(3, 2) and 0 <= x[1] <= Fraction(1, 10)
        assert read.is_witness(x, y) == (inside and all(f(values) for _, f in made))


@st.composite
def regions(draw: Any, inputs: int) -> Region:
    ends = [sorted(draw(st.tuples(finite, finite))) for _ in range(inputs)]
    wide = [k for k, (low, high) in enumerate(ends) if low < high]
    open_ends = st.frozensets(st.sampled_from(wide)) if wide else st.just(frozenset())
    low, high = (tuple(Fraction(end[side]) for end in ends) for side in (0, 1))
    return Region(low, high, draw(open_ends), draw(open_ends))


@st.composite
def conjunctions(draw: Any, outputs: int) -> Conjunction:
    numbers = st.one_of(st.sampled_from([0.0, 1.0, -1.0]), finite).map(Fraction)
    rows = draw(st.lists(st.tuples(*[numbers] * outputs), min_size=1, max_size=3))
    bounds = tuple(draw(numbers) for _ in rows)
    return Conjunction(tuple(rows), bounds, draw(st.frozensets(st.integers(0, len(rows) - 1))))


@st.composite
def cases(draw: Any) -> list[Case]:
    inputs, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    boxes = draw(st.lists(regions(inputs), min_size=1, max_size=3, unique=True))
    return [
        Case(box, Property(tuple(draw(st.lists(conjunctions(outputs), min_size=1, max_size=3, unique=True)))))
        for box in boxes
    ]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@given(made=cases())
def test_what_is_written_is_read(version: str, made: list[Case], tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("vnnlib") / "property.vnnlib"
    write_specification(path, made, version=version, comment="of a test\nin two lines")
    # A row without variables is a truth value, and no row any more.
    if all(any(row) for case in made for one in case.violated.conjunctions for row in one.rows):
        assert read_vnnlib(path).cases == tuple(made)


def test_the_second_version_is_the_first(tmp_path: Path) -> None:
    rows = "(or (<= {0} {1}) (and (>= (+ {0} (* 2.0 {1})) 7.25) (< (- {0} {1} 0.5) 8.0) ({2} (- {1}) 0.1)))"
    box = "(assert (and (>= {0} -1.0) (<= {0} 1.5) (>= {1} 0.0) (<= {1} 0.1)))"
    old = f"{DECLARED}{box.format('X_0', 'X_1')}(assert {rows.format('Y_0', 'Y_1', '=')})"
    new = f"{SECOND}{box.format('X[0,0]', 'X[0,1]')}(assert {rows.format('Y[0]', 'Y[1]', '==')})"
    assert parse_vnnlib(old) == parse_vnnlib(new)
    assert parse_vnnlib(old).cases[0].region.high == (Fraction(3, 2), Fraction(1, 10))


def test_a_property_in_the_form_of_the_competition(tmp_path: Path) -> None:
    text = """; ACAS Xu property 2, shortened

(declare-const X_0 Real)
(declare-const Y_0 Real)
(declare-const Y_1 Real)

; Unscaled Input 0: (55947.691, 60760)
(assert (<= X_0 0.679857769))
(assert (>= X_0 0.6))

(assert (>= Y_0 Y_1)) ; the first is the greatest
"""
    path = tmp_path / "prop_2.vnnlib.gz"
    path.write_bytes(gzip.compress(text.encode()))
    (case,) = read_vnnlib(path).cases
    assert case.region == Region((Fraction("0.6"),), (Fraction("0.679857769"),))
    assert case.violated.conjunctions == (Conjunction(((Fraction(-1), Fraction(1)),), (Fraction(0),)),)
    low, high = case.region.outward
    assert Fraction(low[0]) < Fraction("0.6") < Fraction(np.nextafter(low[0], 1))
    inner = case.region.inward
    assert not case.region.thin.any()
    assert case.region.contains(inner[0])
    assert case.region.contains(inner[1])
    assert not case.region.contains(low)
    assert not case.region.contains(high)


@given(region=regions(2))
def test_boxes_of_floats_are_around_and_inside(region: Region) -> None:
    low, high = region.outward
    assert all(Fraction(a) == b for a, b in zip(low.tolist(), region.low, strict=True))
    inner, thin = region.inward, region.thin
    assert set(np.flatnonzero(thin)) <= region.open_low | region.open_high
    for corner in inner:
        assert region.contains(region.point(corner))
        assert thin.any() or region.contains(corner)
        assert np.all(low <= corner)
        assert np.all(corner <= high)


@given(value=st.one_of(st.fractions(), finite.map(Fraction), st.just(Fraction(10) ** 400)))
def test_rounding_down_is_the_next_float(value: Fraction) -> None:
    down = largest_float_at_most(value)
    assert Fraction(down) <= value
    with np.errstate(over="ignore"):
        above = np.nextafter(down, np.inf)
    assert np.isinf(above) or Fraction(above) > value


def test_rows_are_weakened_for_proofs() -> None:
    third = Fraction(1, 3)
    one = Conjunction(((Fraction("0.1"), third), (Fraction(1), Fraction(0))), (Fraction("0.1"), third), frozenset({1}))
    matrix, bounds = one.weakened
    assert matrix.tolist() == [[3.0, 10.0], [1.0, 0.0]]
    assert bounds[0] == 3.0
    assert Fraction(bounds[1]) > third > Fraction(np.nextafter(bounds[1], 0))
    assert one.contains([Fraction(1, 4), Fraction(0)])
    assert not one.contains([third, Fraction(0)])
    with pytest.raises(ValueError, match="coefficients of outputs must be float64 times one number"):
        Conjunction(((Fraction(1, 3**40), Fraction(2**60 + 1)),), (Fraction(0),)).weakened  # noqa: B018


@pytest.mark.parametrize("label", [0, 2])
def test_a_margin_counts_a_tie_as_an_error(label: int) -> None:
    violated = margin_property(label, 3)
    y = np.array([1.0, 1.0, 1.0])
    assert violated.contains(y)
    y[label] = 1.5
    assert not violated.contains(y)
    assert margin_property(-1, 1).contains([0.0])
    assert not margin_property(-1, 1).contains([-1.0])
    for wrong, outputs in ((0, 1), (3, 3), (-1, 3)):
        with pytest.raises(ValueError, match="a label must be"):
            margin_property(wrong, outputs)


REFUSED = {
    "(assert (<= X_0 Y_0))": "a row must be of outputs only or of one input, got X_0, Y_0",
    "(assert (<= (+ X_0 X_1) 1))": r"inputs must be bounded one by one \(a box\), got X_0, X_1",
    "(assert (<= Y_2 1))": "declared before it is used, got Y_2",
    "(assert (<= Y_0 1.0.0))": r"declared before it is used, got 1\.0\.0",
    "(assert (<= (* Y_0 Y_1) 1))": "one factor that is no constant",
    "(assert (<= (/ Y_0 0) 1))": "no divisor 0",
    "(assert (not (<= Y_0 1)))": "an assertion must be a comparison .*, got not",
    "(assert (<= Y_0))": "a comparison needs two sides",
    "(assert Y_0)": "an assertion must be a comparison, and, or or",
    "(assert (<= (sin Y_0) 1))": "a sum, a difference or a product",
    "(declare-const Z Real)": "variables must be named X_0",
    "(declare-const Y_0 Real)": "declared once each, got 3 declarations",
    "(declare-const Y_2 Int)": r"a VNN-LIB 1\.0 file holds",
    "(assert (<= Y_0 1)": "brackets must be closed, got 1 that are not",
    "(assert (<= Y_0 1)))": "one too many",
    "(" * 300 + ")" * 300: "nested 200 deep",
    f"(assert (<= Y_0 {'1' * 6000}))": "5000 digits",
    "(assert (<= Y_0 1e99999))": "declared before it is used",
}


@pytest.mark.parametrize("line", REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_property_is_named(line: str) -> None:
    with pytest.raises(ValueError, match=REFUSED[line]):
        parse_vnnlib(first("(assert (<= Y_0 0))", line))


def test_missing_bounds_and_empty_boxes() -> None:
    with pytest.raises(ValueError, match="got no upper one of X_1"):
        parse_vnnlib(DECLARED + "(assert (and (<= X_0 1) (>= X_0 0) (>= X_1 0) (<= Y_0 0)))")
    for empty in ("(<= X_0 -2)", "(< X_0 -1)", "(<= 1 0)", "(or)"):
        assert parse_vnnlib(first(f"(assert {empty})")).cases == ()
    # Of two boxes the one that has points.
    (case,) = parse_vnnlib(first("(assert (or (<= X_0 -2) (and (<= X_0 0) (<= Y_0 1))))")).cases
    assert case.region.high[0] == 0


@pytest.mark.parametrize(
    "join", ["{} {} {}", "(and {} (and {}) {})", "(or (and {} {} {}))", "(and {} (or {}) (or {}))"]
)
def test_the_tightest_bounds_hold(join: str) -> None:
    """In any order, within a group and between groups; of equal ones the strict one."""
    for sign, ends in (("<", (3, 1, 2)), (">", (-3, -1, -2))):
        for order in itertools.permutations(ends):
            rows = [f"({sign}= X_0 {v})" for v in order]
            text = join.format(*rows)
            bounds = text.replace(" (", "\n(").splitlines() if join[0] == "{" else [text]
            other = f"({'>' if sign == '<' else '<'}= X_0 0)"
            declared = "(declare-const X_0 Real)(declare-const Y_0 Real)"
            asserted = "".join(f"(assert {one})" for one in (*bounds, other, "(<= Y_0 0)"))
            (case,) = parse_vnnlib(declared + asserted).cases
            assert (case.region.low, case.region.high) == (((0,), (1,)) if sign == "<" else ((-1,), (0,)))
    for rows in itertools.permutations(("(< X_0 1)", "(<= X_0 1)", "(>= X_0 0)")):
        box = join.format(*rows) if join[0] == "(" else f"(and {' '.join(rows)})"
        (case,) = parse_vnnlib(f"{declared}(assert {box})(assert (<= Y_0 0))").cases
        assert case.region.open_high == {0}
        assert not case.region.open_low


def test_a_long_normal_form_is_refused() -> None:
    choice = "(assert (or (<= Y_0 0) (>= Y_0 1) (<= Y_1 0)))"
    assert len(parse_vnnlib(first(*[choice] * 3)).cases[0].violated.conjunctions) <= 27
    with pytest.raises(ValueError, match="may have 200,000 conjunctions, got 531,441"):
        parse_vnnlib(first(*[choice] * 12))
    with pytest.raises(ValueError, match="may have 5 conjunctions, got 9"):
        parse_vnnlib(first(choice, choice), limit=5)


def written(boxes: int, inputs: int) -> tuple[str, tuple[Case, ...]]:
    """A file of so many boxes, each with its own two conjunctions, and its cases."""
    names = [f"X_{k}" for k in range(inputs)]
    ends = [[Fraction(int(v), 8) for v in row] for row in np.random.default_rng(0).integers(-99, 99, (boxes, inputs))]
    parts = [
        "(and (or (<= Y_0 0.5) (>= Y_1 0.25)) "
        + " ".join(f"(<= {x} {float(v)}) (>= {x} {float(v - 1)})" for x, v in zip(names, row, strict=True))
        + ")"
        for row in ends
    ]
    rows = (((Fraction(1), Fraction(0)), Fraction(1, 2)), ((Fraction(0), Fraction(-1)), Fraction(-1, 4)))
    violated = Property(tuple(Conjunction((row,), (bound,)) for row, bound in rows))
    cases = tuple(Case(Region(tuple(v - 1 for v in row), tuple(row)), violated) for row in ends)
    declared = "\n".join(f"(declare-const {name} Real)" for name in (*names, "Y_0", "Y_1"))
    return f"{declared}\n(assert (or {' '.join(parts)}))", cases


def test_many_boxes_are_read_by_one_comparison_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What two conjunctions share is read once: no comparison is met again for each of them."""
    text, cases = written(30, 40)
    assert parse_vnnlib(text).cases == cases
    counts = dict.fromkeys(("number", "_near", "_conjunction", "_region"), 0)
    for name in counts:
        home = properties if name == "_near" else vnnlib_terms
        real = getattr(home, name)

        def counting(*arguments: Any, name: str = name, real: Any = real) -> Any:
            counts[name] += 1
            return real(*arguments)

        monkeypatch.setattr(home, name, counting)
    read = parse_vnnlib(text)
    for case in read.cases:
        assert case.region.outward[0].shape == (40,)
    # Of each of the 60 conjunctions two numbers of their own; of each box its 80 ends.
    assert counts == {"number": 30 * 80 + 2 * 60, "_near": 30 * 80, "_conjunction": 2, "_region": 30}


def test_a_file_with_a_mark_in_front_is_read(tmp_path: Path) -> None:
    """As editors of Windows write it, with their ends of lines."""
    text = first("(assert (<= Y_0 0)) ; a comment")
    (tmp_path / "a.vnnlib").write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
    assert read_vnnlib(tmp_path / "a.vnnlib") == parse_vnnlib(text)


def test_the_second_version_names_what_the_package_refuses() -> None:
    with pytest.raises(ValueError, match=r"the package vnnlib does not read this file: .*PositiveIntConstant"):
        parse_vnnlib(f"{SECOND}(assert (<= X[0,0] 1))")
    two = SECOND.replace(
        "(declare-network f",
        "(declare-network g (declare-input V real [1])(declare-output W real [1]))(declare-network f",
    )
    with pytest.raises(ValueError, match="about one network of one input and one output"):
        parse_vnnlib(f"{two}(assert (<= X[0,0] 1.0))")


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    box, violated = box_region(np.zeros(1), np.ones(1)), margin_property(1, 1)
    with pytest.raises(ValueError, match=r"must be \"1\.0\" or \"2\.0\", got '3\.0'"):
        write_vnnlib(tmp_path / "a", box, violated, version="3.0")
    with pytest.raises(ValueError, match="finite decimals, got 1/3"):
        write_vnnlib(tmp_path / "a", Region((Fraction(0),), (Fraction(1, 3),)), violated)
    with pytest.raises(ValueError, match="at least one conjunction"):
        write_vnnlib(tmp_path / "a", box, Property(()))
    with pytest.raises(ValueError, match="as many inputs"):
        write_specification(tmp_path / "a", [Case(box, violated), Case(box_region(np.zeros(2), np.ones(2)), violated)])
    with pytest.raises(ValueError, match="must have points, got input 0 from 1 to 0"):
        box_region(np.ones(1), np.zeros(1))
    assert list(tmp_path.iterdir()) == []


@given(x=st.lists(finite, min_size=1, max_size=4), y=st.lists(finite, min_size=1, max_size=3))
def test_a_witness_is_read_as_it_is(x: list[float], y: list[float], tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("witness") / "witness.txt"
    write_witness(path, np.array(x), np.array(y))
    assert read_witness(path) == ([Fraction(v) for v in x], [Fraction(v) for v in y])
    path.write_text("sat\n" + path.read_text())
    assert read_witness(path) == ([Fraction(v) for v in x], [Fraction(v) for v in y])


@pytest.mark.parametrize(
    "text",
    ["", "((X_0 1))", "((X_0 1)(X_0 2)(Y_0 1))", "((X_1 1)(Y_0 1))", "((X_0 a)(Y_0 1))", "unsat", "((X_0 1) (Y_0 1)"],
)
def test_what_is_no_witness_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "w").write_text(text)
    with pytest.raises(ValueError, match="/w: "):
        read_witness(tmp_path / "w")
    with pytest.raises(ValueError, match="finite numbers"):
        write_witness(tmp_path / "w", np.array([np.inf]), np.zeros(1))


WORDS = ["assert", "<=", "or", "and", "X_0", "Y_0", "1.0", "-", "+", "declare-const", "Real", "1e9", "*", "é"]
pieces = st.sampled_from(["(", ")", " ", ";", "\n", "vnnlib-version", *WORDS])


@given(text=st.one_of(st.lists(pieces).map(" ".join), st.text()), head=st.booleans())
def test_any_text_is_read_or_refused(text: str, head: bool) -> None:
    try:
        read = parse_vnnlib(first(text) if head else text)
    except ValueError:
        return
    assert read.inputs >= 1


@given(content=st.binary(), zipped=st.booleans())
def test_any_file_is_read_or_refused(content: bytes, zipped: bool, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("vnnlib") / "property.vnnlib"
    path.write_bytes(gzip.compress(b"x")[:10] + content if zipped else content)
    with pytest.raises(ValueError, match=r"property\.vnnlib"):
        read_vnnlib(path)


@given(value=finite)
def test_decimals_are_exact(value: float) -> None:
    text = decimal(Fraction(value))
    assert "e" not in text
    assert Fraction(text) == Fraction(value)
    assert float(text) == value


@pytest.mark.parametrize("fault", ["strict", "sign", "float"])
def test_a_planted_fault_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if fault == "strict":
        monkeypatch.setitem(vnnlib_terms._COMPARISONS, "<", ((1, False),))
    elif fault == "sign":
        monkeypatch.setitem(vnnlib_terms._COMPARISONS, "<=", ((-1, False),))
    else:
        # Not what is remembered from other files, nor to be remembered.
        monkeypatch.setattr(vnnlib_terms, "number", vnnlib_terms.number.__wrapped__)
        monkeypatch.setattr(vnnlib_terms, "Fraction", lambda *v: Fraction(float(Fraction(*v))))
    read = parse_vnnlib(DECLARED + "(assert (and (>= X_0 0.1) (< X_0 0.3) (= X_1 0) (<= Y_0 -1)))")
    x = {"strict": Fraction(3, 10), "sign": Fraction(1, 5), "float": Fraction("0.1")}[fault]
    expected = Fraction("0.1") <= x < Fraction("0.3")
    assert read.is_witness([x, Fraction(0)], [Fraction(-2), Fraction(0)]) != expected
