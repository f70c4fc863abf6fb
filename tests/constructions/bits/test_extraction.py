"""Tables read by bit extraction: every key, in the table or not, against the dictionary that it stands for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructions.bits.extraction import Table, blocks_of, cheapest, table_for, wire
from constructions.bits.network import IntegerNetwork
from constructions.bits.runs import Runs, runs_for, wire_runs
from constructions.bits.wiring import Form, Wiring


def looked_up(table: Table, keys: np.ndarray, riders: np.ndarray) -> np.ndarray:
    wiring = Wiring(2)
    value = wire(wiring, *wiring.relu(Form({0: 1}), Form({1: 1})), table)
    network = IntegerNetwork(tuple([*wiring.layers, *closing(wiring, value)]), (-1, 1))
    assert network.nonzero == 2 + table.nonzero + 2
    return network(np.stack([keys, riders], axis=1).astype(float))[:, 0].astype(int)


def closing(wiring: Wiring, value: Form) -> list[object]:
    before = len(wiring.layers)
    wiring.relu(value)
    return wiring.layers[before:]


@given(st.integers(2, 5), st.integers(1, 400), st.data())
def test_a_table_is_a_dictionary(classes: int, span: int, data: st.DataObject) -> None:
    keys = np.array(data.draw(st.lists(st.integers(0, span - 1), min_size=1, max_size=40, unique=True)))
    labels = np.array([data.draw(st.integers(1, classes)) for _ in keys])
    table = table_for(keys, labels, classes, span, (classes - 1).bit_length(), limit=None)
    assert sum(map(len, table.blocks)) == len(keys)
    every = np.arange(span)
    riders = every % classes
    expected = riders.copy()
    expected[keys] = labels - 1
    assert looked_up(table, every, riders).tolist() == expected.tolist()


@pytest.mark.parametrize("fields", [1, 2, 3, 7])
@pytest.mark.parametrize("bits", [3, 5, 9])
def test_every_shape_of_a_table_works(fields: int, bits: int) -> None:
    rng = np.random.default_rng(fields)
    keys, labels = np.sort(rng.permutation(600)[:60]), rng.integers(1, 11, 60)
    numbers = 11 * keys + labels
    parts = blocks_of(np.diff(numbers), bits, fields)
    blocks = tuple(tuple(numbers[a:b].tolist()) for a, b in parts)
    table = Table(10, tuple(int(keys[a]) for a, _ in parts), blocks, fields, (11 * 600).bit_length(), bits, 4)
    every = np.arange(600)
    expected = every % 10
    expected[keys] = labels - 1
    assert looked_up(table, every, every % 10).tolist() == expected.tolist()


def test_the_cheapest_shape_is_the_best_of_all() -> None:
    rng = np.random.default_rng(0)
    steps = rng.geometric(1 / 300, 500)

    def cost(bits: int, entries: int, blocks: int) -> int:
        return 5 * blocks + (6 * (bits + 1) + 12) * entries

    bits, entries = cheapest(steps, 14, cost, lambda *_: True)
    all_costs = [cost(b, m, len(blocks_of(steps, b, m))) for b in range(3, 15) for m in range(1, 502)]
    assert cost(bits, entries, len(blocks_of(steps, bits, entries))) == min(all_costs)


def test_blocks_hold_no_longer_step_and_all_entries() -> None:
    steps = np.array([1, 9, 2, 3, 7, 8, 1, 1])
    parts = blocks_of(steps, 3, 3)
    assert parts == [(0, 1), (1, 4), (4, 5), (5, 6)] or [k for a, b in parts for k in range(a, b)] == list(range(9))
    assert all(b - a <= 3 and all(steps[a : b - 1] < 8) for a, b in parts)


def run_of(table: Runs, keys: np.ndarray) -> np.ndarray:
    wiring = Wiring(1)
    value, unit = wire_runs(wiring, *wiring.relu(Form({0: 1})), table)
    network = IntegerNetwork(tuple([*wiring.layers, *closing(wiring, value)]), (-1, 1))
    assert network.nonzero == 1 + table.nonzero + 2
    # Where an interval is wide, exactly what is claimed: the label is the same at both its ends and between.
    found = network.bounds(keys[:, None] + 0.25, 0.25, np.inf)
    assert all(np.array_equal(a, b) for a, b in zip(found.low, found.high, strict=True))
    return np.array([int(v) // (found.unit * unit) for v in found.low[0]])


@given(st.integers(2, 5), st.integers(2, 40), st.data())
def test_runs_are_found_from_intervals(classes: int, count: int, data: st.DataObject) -> None:
    steps = data.draw(st.lists(st.integers(2, 60), min_size=count - 1, max_size=count - 1))
    cuts = np.cumsum([0, *steps])
    labels = [data.draw(st.integers(0, classes - 1))]
    for _ in steps:
        labels.append((labels[-1] + data.draw(st.integers(1, classes - 1))) % classes)
    table = runs_for(cuts, np.array(labels), classes)
    span = int(cuts[-1]) + 5
    # A key is at least a cut, or at most 1 below: the unit interval below each cut is no key's.
    keys = np.array([t for t in range(span) if t + 1 not in cuts])
    expected = np.array(labels)[np.searchsorted(cuts, keys, side="right") - 1]
    assert run_of(table, keys).tolist() == expected.tolist()


def test_no_table_for_float64_is_an_error() -> None:
    with pytest.raises(ValueError, match="2\\^53"):
        table_for(np.array([1, 2**46]), np.array([1, 2]), 2, 2**47, 1, limit=2**53)
