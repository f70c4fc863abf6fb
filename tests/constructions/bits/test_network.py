"""Integer networks: exact values against rationals, intervals that hold, and files."""

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions.bits.intervals import dual_norm, integers
from constructions.bits.layer import IntegerLayer
from constructions.bits.network import IntegerNetwork
from constructions.networks.network import Affine, ReLUNetwork

entries = st.integers(-4, 4) | st.integers(-(2**200), 2**200)


def layer(rows: list[list[int]], bias: list[int]) -> IntegerLayer:
    return IntegerLayer(len(rows[0]), tuple(tuple((j, w) for j, w in enumerate(row) if w) for row in rows), tuple(bias))


@st.composite
def integer_networks(draw: st.DrawFn) -> IntegerNetwork:
    sizes = [draw(st.integers(1, 3)) for _ in range(draw(st.integers(2, 4)))]
    layers = []
    for before, after in zip(sizes, [*sizes[1:], draw(st.integers(2, 3))], strict=True):
        rows = draw(st.lists(st.lists(entries, min_size=before, max_size=before), min_size=after, max_size=after))
        layers.append(layer(rows, draw(st.lists(entries, min_size=after, max_size=after))))
    return IntegerNetwork(tuple(layers), tuple(range(layers[-1].outputs)))


def value(network: IntegerNetwork, x: list[Fraction]) -> list[Fraction]:
    """One point, term by term in rationals."""
    for k, f in enumerate(network.layers):
        x = [max(v, Fraction(0)) for v in x] if k else x
        x = [sum((w * x[j] for j, w in row), Fraction(b)) for row, b in zip(f.rows, f.bias, strict=True)]
    return x


@given(integer_networks(), st.lists(st.floats(-1e3, 1e3), min_size=6, max_size=6))
def test_values_are_exact(network: IntegerNetwork, numbers: list[float]) -> None:
    points = np.resize(np.array(numbers), (4, network.inputs))
    found = network.bounds(points, 0.0, math.inf)
    for i, x in enumerate(points):
        exact = value(network, [Fraction(c) for c in x.tolist()])
        assert [Fraction(int(row[i]), found.unit) for row in found.low] == exact
        assert [Fraction(int(row[i]), found.unit) for row in found.high] == exact


@given(integer_networks(), st.sampled_from([1.0, 2.0, 3.0, math.inf]), st.floats(1e-6, 10.0), st.integers(0, 2**32))
def test_values_in_a_ball_are_within_the_bounds(network: IntegerNetwork, p: float, radius: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=network.inputs)
    found = network.bounds(centre[None], radius, p)
    for _ in range(10):
        step = rng.normal(size=network.inputs)
        x = centre + step * (0.999 * radius / np.linalg.norm(step, p))
        exact = value(network, [Fraction(c) for c in x.tolist()])
        for low, high, v in zip(found.low, found.high, exact, strict=True):
            assert int(low[0]) <= v * found.unit <= int(high[0])


def test_the_first_layer_is_bounded_by_the_dual_norm() -> None:
    network = IntegerNetwork((layer([[3, -4], [0, 5]], [0, 1]),), (0, 1))
    for p, reach in ((1.0, 4), (2.0, 5), (math.inf, 7), (3.0, 7)):
        found = network.bounds(np.zeros((1, 2)), 0.5, p)
        assert Fraction(int(found.high[0][0]), found.unit) == Fraction(reach, 2)
        assert Fraction(int(found.low[0][0]), found.unit) == -Fraction(reach, 2)


@given(st.lists(st.integers(-(2**80), 2**80), min_size=1, max_size=5), st.integers(0, 2**90))
def test_an_irrational_norm_is_rounded_up_by_less_than_a_unit(weights: list[int], radius: int) -> None:
    found, square = dual_norm(weights, 2.0, radius), radius**2 * sum(w * w for w in weights)
    assert found * found >= square
    assert found == 0 or (found - 1) ** 2 < square


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_floats_are_read_exactly(values: list[float]) -> None:
    whole, unit = integers(np.array(values))
    assert [Fraction(int(w), unit) for w in whole] == [Fraction(v) for v in values]


@given(integer_networks())
def test_a_file_holds_the_network(tmp_path_factory: pytest.TempPathFactory, network: IntegerNetwork) -> None:
    path = tmp_path_factory.mktemp("integers") / "network.json"
    network.save(path)
    read = IntegerNetwork.load(path)
    assert (read.layers, read.classes, read.digest) == (network.layers, network.classes, network.digest)
    assert network.bytes == path.stat().st_size


def test_counts_are_those_of_a_float_network() -> None:
    rows, bias = [[3, 0, -1], [0, 0, 0], [5, 2, 1]], [0, 7, -1]
    last = layer([[1, 0, 2], [0, 0, 1]], [0, 3])
    network = IntegerNetwork((layer(rows, bias), last), ("a", "b"))
    as_floats = ReLUNetwork(
        (
            Affine(np.array(rows, dtype=float), np.array(bias, dtype=float)),
            Affine(np.array([[1.0, 0, 2], [0, 0, 1]]), np.array([0.0, 3.0])),
        )
    )
    for name in ("nonzero", "parameters", "depth", "width", "widths", "neurons", "inputs", "outputs"):
        assert getattr(network, name) == getattr(as_floats, name)
    assert network.weight_bits == 3
    points = np.random.default_rng(0).normal(size=(20, 3))
    assert np.abs(network(points) - as_floats(points)).max() < 1e-12


def test_the_description_is_counted_by_hand() -> None:
    # Place among input, bias and end in 2 bits, for 2 entries and 1 end; 12 = 3 * 2^2: sign, 11, lengths 2 (011) and
    # 3 (011); 1: sign, 1, lengths 1 (1) and 1 (1).
    network = IntegerNetwork((IntegerLayer(1, (((0, 12),),), (1,)),), (-1, 1))
    assert network.description_bits == 3 * 2 + (1 + 2 + 3 + 3) + (1 + 1 + 1 + 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["layers"][0]["bias"].__setitem__(0, "0x1"), "hexadecimal"),
        (lambda c: c["layers"][0]["bias"].__setitem__(0, "-0"), "hexadecimal"),
        (lambda c: c["layers"][0]["bias"].__setitem__(0, 1), "hexadecimal"),
        (lambda c: c["layers"][0]["rows"][0].append([0, "1"]), "ascend"),
        (lambda c: c["layers"][0]["rows"][0].append([9, "1"]), "ascend"),
        (lambda c: c["layers"][0]["rows"][1].append([0, "0"]), "other than 0"),
        (lambda c: c["layers"][0]["rows"][1].append([0.0, "1"]), "canonical"),
        (lambda c: c["layers"].pop(), "at least one layer"),
        (lambda c: c.update(classes=[0, 1, 2]), "classes"),
        (lambda c: c.update(format="another"), "format"),
        (lambda c: c.update(more=1), "format"),
        (lambda c: c["layers"][0].update(inputs=True), "inputs"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, change: object, message: str) -> None:
    path = tmp_path / "network.json"
    IntegerNetwork((layer([[1, 2], [0, 0]], [1, 0]),), (0, 1)).save(path)
    content = json.loads(path.read_bytes())
    change(content)  # type: ignore[operator]
    path.write_text(json.dumps(content, sort_keys=True, separators=(",", ":")))
    with pytest.raises(ValueError, match=message):
        IntegerNetwork.load(path)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"classes":[0,1], "format":"robust memorization integer network 1","layers":[]}']
)
def test_what_is_no_network_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "network.json").write_text(text)
    with pytest.raises(ValueError, match="not a network saved by"):
        IntegerNetwork.load(tmp_path / "network.json")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: IntegerLayer(2, (((0, 0),),), (1,)), "other than 0"),
        (lambda: IntegerLayer(2, (((1, 1), (0, 1)),), (1,)), "ascend"),
        (lambda: IntegerLayer(2, (((0, 1),),), (1, 2)), "one bias a row"),
        (lambda: IntegerNetwork((), (0, 1)), "at least one layer"),
        (lambda: IntegerNetwork((layer([[1], [1]], [0, 0]),) * 2, (0, 1)), "layers that fit"),
        (lambda: IntegerNetwork((layer([[1], [1]], [0, 0]),), (0, 1, 2)), "for 2 outputs"),
        (lambda: IntegerNetwork((layer([[1], [1]], [0, 0]),), (0, (1, 2))).save("x"), "text or booleans"),
    ],
)
def test_what_is_malformed_is_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


@pytest.mark.usefixtures("untyped")
def test_a_layer_is_not_changed_by_its_lists() -> None:
    """Else a certificate would speak of another network than the one whose digest it has."""
    rows, bias = [[(0, 2)]], [-1]
    found = IntegerLayer(1, rows, bias)  # type: ignore[arg-type]
    rows[0][0], bias[0] = (0, -2), 1
    assert found.rows == (((0, 2),),)
    assert found.bias == (-1,)
