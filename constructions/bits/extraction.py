"""Bit extraction: a table of words, and a network that reads from one word whether a key is in it, and its label.

Exceptions are keys with a label of 1, …, C; with `M = C + 1` each is one integer `A = M key + label`. Sorted, and cut
into blocks of m, a block is one word whose fields are A of its first and the differences of the others. For a key t

    z_k = M t - A_k   is in -C, …, -1, and minus the label, if t is the k-th key; it is > 0 for lower keys and <= -M - 1
    for higher ones.

Fields are taken off the word by tents `v ↦ v - 2 σ(v - h)`, with h halved each time: they fold the word to its distance
from the multiples of 2^{K+1}, which is `v mod 2^K` if bit K of v is 0, as it is by construction. A difference of two
numbers, the word before and behind, is the field: it is carried in one neuron u together with z, and no bit is ever
formed. Six non-zeros a bit, 12 more a field, and 5 a block for the table.

Source: bit extraction as in Bartlett, Maiorov, Meir (1998) and Vardi, Yehudai, Shamir (2022), who form each bit.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from constructions.bits.wiring import Form, Wiring, total

# Least bits of a difference: a label is found within the layers of four bits.
_SHORTEST = 3


@dataclass(frozen=True)
class Table:
    """Words for keys: block b holds for keys from `starts[b]` on, the first for all lower keys too.

    Attributes:
        classes: C.
        starts: first key of each block.
        blocks: for each block its integers A, ascending.
        fields: m.
        first: bits of the first field.
        bits: bits of each other field.
        low: bits below the last field, in which another number rides.
    """

    classes: int
    starts: tuple[int, ...]
    blocks: tuple[tuple[int, ...], ...]
    fields: int
    first: int
    bits: int
    low: int

    @property
    def modulus(self) -> int:
        """M."""
        return self.classes + 1

    @property
    def places(self) -> tuple[int, ...]:
        """K_1, …, K_m: the bits that remain when the field was taken off; one more is 0 above them."""
        return tuple(self.low + (self.bits + 1) * k for k in reversed(range(self.fields)))

    @property
    def nonzero(self) -> int:
        """Non-zeros of the layers that `wire` adds, in closed form."""
        blocks, fields = len(self.blocks), self.fields
        table = 5 * (blocks - 1) + 7 if blocks > 1 else 3
        tents = self.first + 1 + (fields - 1) * (self.bits + 1)
        return table + 6 * tents + 12 * (fields - 1) + 6 * self.classes + 17

    def words(self) -> list[int]:
        """The word of each block, shifted by `low` bits."""
        return [self._word(block) for block in self.blocks]

    def _word(self, block: tuple[int, ...]) -> int:
        # Behind the last a number without a label, a multiple of M that is of no key's match.
        padding = -(-block[-1] // self.modulus) * self.modulus
        numbers = (0, *block, *[padding] * (self.fields - len(block)))
        return sum((b - a) << (place + 1) for a, b, place in zip(numbers, numbers[1:], self.places, strict=False))


def table_for(keys: np.ndarray, labels: np.ndarray, classes: int, range_: int, low: int, *, limit: int | None) -> Table:
    """The table with the fewest non-zeros.

    Args:
        keys: of the exceptions, different ones, >= 0.
        labels: 1, …, C.
        classes: C.
        range_: all keys are below it.
        low: bits to be left below the fields.
        limit: what no neuron may exceed; None for no limit.

    Raises:
        ValueError: if no table keeps the limit.
    """
    order = np.argsort(keys)
    starts = keys[order].astype(np.int64)
    numbers = (classes + 1) * starts + labels[order]
    first = int((classes + 1) * range_).bit_length()

    def cost(bits: int, fields: int, blocks: int) -> int:
        return 5 * blocks + (6 * (bits + 1) + 12) * fields

    def allowed(bits: int, fields: int) -> bool:
        return limit is None or _greatest(Table(classes, (), (), fields, first, bits, low)) <= limit

    bits, fields = cheapest(np.diff(numbers), first, cost, allowed)
    parts = blocks_of(np.diff(numbers), bits, fields)
    blocks = tuple(tuple(numbers[begin:end].tolist()) for begin, end in parts)
    return Table(classes, tuple(int(starts[begin]) for begin, _ in parts), blocks, fields, first, bits, low)


def cheapest(
    steps: np.ndarray, first: int, cost: Callable[[int, int, int], int], allowed: Callable[[int, int], bool]
) -> tuple[int, int]:
    """Bits of a step and entries of a block, for the least cost.

    Args:
        steps: differences of neighbouring entries.
        first: more bits than these are not needed.
        cost: of bits, entries of a block, and the number of blocks.
        allowed: of bits and entries, whether they may be.

    Raises:
        ValueError: if none may be.
    """
    best: tuple[int, int, int] | None = None
    for bits in range(_SHORTEST, max(first, _SHORTEST) + 1):
        lengths = _lengths(steps, bits)
        for entries in range(1, int(lengths.max()) + 1):
            value = cost(bits, entries, int((-(-lengths // entries)).sum()))
            if (best is None or value < best[0]) and allowed(bits, entries):
                best = value, bits, entries
            if best is not None and cost(bits, entries, 0) > best[0]:
                break
    if best is None:
        raise ValueError(
            'arithmetic="float64" needs integers up to 2^53, and one exception a word is too long for it already: take '
            'arithmetic="reals", or fewer points'
        )
    return best[1:]


def blocks_of(steps: np.ndarray, bits: int, entries: int) -> list[tuple[int, int]]:
    """Begin and end of each block: at most so many entries, and steps of so many bits between them."""
    ends = np.cumsum(_lengths(steps, bits)).tolist()
    parts = zip([0, *ends[:-1]], ends, strict=True)
    return [(k, min(k + entries, end)) for begin, end in parts for k in range(begin, end, entries)]


def _lengths(steps: np.ndarray, bits: int) -> np.ndarray:
    """Of the runs of entries without a longer step."""
    return np.diff(np.concatenate([[0], np.flatnonzero(steps >> bits) + 1, [len(steps) + 1]]))


def _units(table: Table) -> tuple[int, int, int]:
    """S, the unit of z; H, by which a label found lowers z, above four times any |z|; what keeps u positive."""
    unit, jump = 1 << (table.places[0] + 1), 4 << table.first
    return unit, jump, unit * (jump * (table.classes + 1) + (2 << table.first))


def _greatest(table: Table) -> int:
    """What no sum of the absolute values of a row's terms exceeds."""
    return 4 * table.modulus * _units(table)[2]


def wire(wiring: Wiring, key: Form, rider: Form, table: Table) -> Form:
    """The layers that look a key up, behind those of a wiring.

    Args:
        wiring: its last layer has key and rider.
        key: t, an integer >= 0, one neuron.
        rider: an integer of 0, …, C - 1, one neuron; it stays in the low bits of the word.
        table: of the exceptions.

    Returns:
        The label less 1 if the key is in the table, else the rider.
    """
    word, key = look_up(wiring, key, [rider], table.starts, table.words())
    unit, jump, base = _units(table)
    # u = base + S z - word, the word scaled so that what is taken off it is S A.
    held, scale = key * (unit * table.modulus) - word + base, 1
    found: list[Form] = []
    power = table.places[0] + 1 + table.first
    for place in table.places:
        following = unit >> (place + 1)
        held, scale = held - word * (following - scale), following
        for step, fold_at in enumerate(range(power - 1, place - 1, -1)):
            word, fold, held, *found = wiring.relu(word, word - (1 << fold_at), held, *found)
            word = word - fold * 2
            if found and step < 2:
                found = _sifted(found, unit, table.classes)
            elif found:
                held, found = held - found[0] * jump, []
        power = place
        found = [base - held - word * scale]
    return _decided(wiring, word, found[0], table)


def look_up(
    wiring: Wiring, key: Form, riders: list[Form], starts: tuple[int, ...], words: list[int]
) -> tuple[Form, Form]:
    """The word of the last block whose start is at most the key, plus the riders; and the key.

    `[t >= T]` is `1 - σ(T - t)` cut at 0: a key is at least T, or at most T - 1, so that it is 0 or 1.
    """
    steps: list[Form] = []
    if len(words) > 1:
        count = len(words) - 1
        *below, key = wiring.relu(*(start - key for start in starts[1:]), *riders, key)
        *reached, key = wiring.relu(*(1 - b for b in below[:count]), *below[count:], key)
        riders = reached[count:]
        steps = [r * (after - word) for r, word, after in zip(reached[:count], words[:-1], words[1:], strict=True)]
    word, key = wiring.relu(total([Form({}, words[0]), *riders, *steps]), key)
    return word, key


def _sifted(found: list[Form], unit: int, classes: int) -> list[Form]:
    """From `y = S σ(-z)` in two layers: S times the label if z is minus a label, else 0, as `y - M σ(y - S C)`."""
    if len(found) == 1:
        return [found[0], found[0] - unit * classes]
    return [found[0] - found[1] * (classes + 1)]


def _decided(wiring: Wiring, rider: Form, last: Form, table: Table) -> Form:
    """The label that lowered z, by its size, or the one that the last field has, else the rider."""
    unit, jump, _ = _units(table)
    far, rider = wiring.relu(last, rider)
    *near, rider = wiring.relu(*_sifted([far], unit, table.classes), rider)
    far, here, rider = wiring.relu(near[0], *_sifted(near, unit, table.classes), rider)
    # S H label, up to a quarter of S H; 0 and up to a quarter where there is none.
    size = far + here * jump
    thresholds = [unit * (jump // 2) * (2 * label - 1) for label in range(1, table.classes + 1)]
    *below, rider = wiring.relu(*(threshold - size for threshold in thresholds), rider)
    *reached, rider = wiring.relu(*(1 - b for b in below), rider)
    kept, label = wiring.relu(rider - reached[0] * table.classes, total(reached[1:]))
    return kept + label
