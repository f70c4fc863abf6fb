"""Bit extraction for keys that are known up to an interval only: runs of equal labels on a line.

The runs are parted by integers, the *cuts*; a block of m + 1 runs is one word. For each cut but the first, with which
the block begins, it has a field for the step to it and one for the step of the label modulo C; the label of the first
run is below all fields. A cut is passed or not by the whole interval, `σ(cut - t)` is 0 or at least 1, and adds the
step of the label or nothing: behind it values are points again. Fields are taken off as in
`constructions.bits.extraction`.

Source: bit extraction on a projection to a line as in Vardi, Yehudai, Shamir (2022).
"""

from dataclasses import dataclass

import numpy as np

from constructions.bits.classifier import index_bits
from constructions.bits.extraction import blocks_of, cheapest, look_up
from constructions.bits.wiring import Form, Wiring, total


@dataclass(frozen=True)
class Runs:
    """Words for blocks of runs.

    Attributes:
        classes: C.
        cuts: for each block those of its runs, the first of which it begins with.
        labels: for each block the labels 0, …, C - 1 of its runs.
        fields: m, pairs of fields.
        first: bits of the first step, from 0.
        bits: bits of the other steps.
    """

    classes: int
    cuts: tuple[tuple[int, ...], ...]
    labels: tuple[tuple[int, ...], ...]
    fields: int
    first: int
    bits: int

    @property
    def low(self) -> int:
        """Bits of a label."""
        return index_bits(self.classes)

    @property
    def places(self) -> list[tuple[int, int]]:
        """For each pair the bits that remain behind the step of the cut, and behind that of the label."""
        pair = self.bits + self.low + 2
        behind = [self.low + pair * k for k in reversed(range(self.fields))]
        return [(place + self.low + 1, place) for place in behind]

    @property
    def multiples(self) -> list[int]:
        """Multiples of C that reduce any sum of a block's labels to one of 0, …, C - 1, each taken off or not."""
        most = (self.fields + 1) * (self.classes - 1) // self.classes
        return [self.classes << j for j in reversed(range(most.bit_length()))]

    @property
    def nonzero(self) -> int:
        """Non-zeros of the layers that `wire_runs` adds, in closed form."""
        blocks, fields, low = len(self.cuts), self.fields, self.low + 1
        table = 5 * (blocks - 1) + 2 * (blocks > 1) + (self.words()[0] != 0) + 1
        # The sum of labels goes beside the steps from the third pair on, and from within the second.
        steps = 6 * (self.first + 1) + (fields - 1) * (7 * (self.bits + 1) + 6) - 2 * (fields > 1)
        labels = fields * (7 * low + 6) + (fields - 1) * low
        terms = 2 + (fields > 1)
        return table + steps + labels + 3 + terms + (2 * terms + 4) + 8 * (len(self.multiples) - 1)

    def words(self) -> list[int]:
        """The word of each block."""
        return [self._word(cuts, labels) for cuts, labels in zip(self.cuts, self.labels, strict=True)]

    def _word(self, cuts: tuple[int, ...], labels: tuple[int, ...]) -> int:
        word, before = labels[0], 0
        for k, (cut_place, label_place) in enumerate(self.places[: len(cuts) - 1], start=1):
            word += (cuts[k] - before) << (cut_place + 1)
            word += (labels[k] - labels[k - 1]) % self.classes << (label_place + 1)
            before = cuts[k]
        return word


def runs_for(cuts: np.ndarray, labels: np.ndarray, classes: int) -> Runs:
    """The words with the fewest non-zeros.

    Args:
        cuts: integers >= 0, ascending; the first is below all keys.
        labels: of the runs, 0, …, C - 1.
        classes: C.
    """
    first, steps, low = int(cuts[-1]).bit_length(), np.diff(cuts), index_bits(classes)

    def cost(bits: int, runs: int, blocks: int) -> int:
        return 5 * blocks + (7 * (bits + 1) + 8 * (low + 1) + 15) * (runs - 1)

    # One run a block would need no fields.
    bits, runs = cheapest(steps, first, cost, lambda _, runs: runs > 1)
    parts = blocks_of(steps, bits, runs)
    return Runs(
        classes,
        tuple(tuple(cuts[begin:end].tolist()) for begin, end in parts),
        tuple(tuple(labels[begin:end].tolist()) for begin, end in parts),
        runs - 1,
        first,
        bits,
    )


def wire_runs(wiring: Wiring, key: Form, table: Runs) -> tuple[Form, int]:
    """The layers that find the run of a key, behind those of a wiring.

    Args:
        wiring: its last layer has the key.
        key: t >= 0, at no place less than 1 below a cut.
        table: of the runs.

    Returns:
        The label of the run times a unit, and the unit.
    """
    starts = tuple(cuts[0] for cuts in table.cuts)
    word, key = look_up(wiring, key, [], starts, table.words())
    unit = 1 << (table.places[0][0] + 1)
    # More than S times what a word or a step can take off.
    base = unit << (max(table.first, table.bits) + 1)
    beside = key * unit + base
    label: list[Form] = []
    taken: list[Form] = []
    power, step_unit = table.places[0][0] + 1 + table.first, 1
    for cut_place, label_place in table.places:
        scale = unit >> (cut_place + 1)
        # base + S z - word, the word scaled so that what is taken off it is S times the step.
        held = beside - word * scale
        for fold_at in reversed(range(cut_place, power)):
            # The step of the label before: what its field took off the word.
            steps = [form - word for form in taken]
            word, fold, held, *sums = wiring.relu(word, word - (1 << fold_at), held, *label, *steps)
            word = word - fold * 2
            if sums:
                label = [total([*sums[: len(label)], *(step * step_unit for step in sums[len(label) :])])]
            taken = []
        beside, power = held + word * scale, label_place
        missed = base - beside
        for fold_at in reversed(range(label_place, cut_place)):
            word, fold, beside, sign, *label = wiring.relu(
                word, word - (1 << fold_at), beside, *(taken or [missed]), *label
            )
            # The word before the label's field if the cut is passed, else 0: then S, which is more, is taken off.
            taken = [word - sign] if not taken else [sign]
            word = word - fold * 2
        step_unit = unit >> (label_place + 1)
    rider, step, *label = wiring.relu(word, taken[0] - word, *label)
    number = total([rider * unit, step * step_unit, *label])
    for multiple in table.multiples:
        below, number = wiring.relu(multiple * unit - number, number)
        reached, number = wiring.relu(1 - below, number)
        number = number - reached * (multiple * unit)
    return number, unit
