"""Strict ReLU networks with integer weights of any length, evaluated exactly."""

import hashlib
import json
import math
import os
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from constructions.bits.intervals import Bounds, first_images, propagate
from constructions.bits.layer import IntegerLayer
from constructions.networks.counts import Counts
from constructions.networks.whole_file import replacing
from constructions.samples.sample import is_signed, read_labels, read_points, shown

FORMAT = "robust memorization integer network 1"
_HEXADECIMAL = re.compile(r"-?[1-9a-f][0-9a-f]*|0")
# Points evaluated together: integers of a thousand bits for each of them and each neuron of two layers.
BLOCK = 5000


@dataclass(frozen=True, eq=False)
class IntegerNetwork(Counts):
    """`f(x) = W_L σ(… σ(W_1 x + b_1) …) + b_L` with integer entries.

    Attributes:
        layers: the affine maps.
        classes: the labels that the outputs stand for: (-1, 1) for the sign of one output, else one an output.

    Raises:
        ValueError: without layers, if consecutive ones do not fit, or if the classes do not fit the outputs.
    """

    layers: tuple[IntegerLayer, ...]
    classes: tuple[Hashable, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        object.__setattr__(self, "classes", tuple(read_labels(self.classes)))
        if not self.layers:
            raise ValueError("IntegerNetwork needs at least one layer, got none")
        for k, (before, after) in enumerate(pairwise(self.layers)):
            if before.outputs != after.inputs:
                raise ValueError(
                    f"IntegerNetwork needs layers that fit, got {before.outputs} outputs of layer {k + 1} and "
                    f"{after.inputs} inputs of layer {k + 2}"
                )
        wanted = 1 if is_signed(self.classes) else len(self.classes)
        if self.outputs != wanted or len(set(self.classes)) != len(self.classes):
            raise ValueError(
                f"the classes of a network must be different ones, one an output, or -1 and 1 for its one output, got "
                f"{shown(self.classes)} for {self.outputs} outputs"
            )

    def __repr__(self) -> str:
        return (
            f"<IntegerNetwork of {self.inputs:,} inputs, depth {self.depth}, {self.nonzero:,} non-zeros of up to "
            f"{self.weight_bits} bits>"
        )

    def __call__(self, x: Any) -> np.ndarray:
        """The outputs at float64 points, exactly, rounded to float64 at the end; shape (n, outputs)."""
        exact = [self.bounds(block, 0.0, math.inf) for block in _blocks(read_points(x, self.inputs))]
        return np.concatenate(
            [np.array([[v / bound.unit for v in row.tolist()] for row in bound.low]).T for bound in exact]
        )

    @cached_property
    def weight_bits(self) -> int:
        """Binary digits of the largest weight or bias."""
        return max(abs(entry).bit_length() for layer in self.layers for entry in layer.entries())

    @cached_property
    def description_bits(self) -> int:
        """Length of a binary text from which the network can be read.

        For each non-zero its place, `⌈log2(inputs + 2)⌉` bits (an input, the bias, or the end of the row, which every
        row has once more), its sign, and odd part and power of two, each with its length, by Elias' γ code of
        `2 ⌊log2 k⌋ + 1` bits for k >= 1.
        """
        total = 0
        for layer in self.layers:
            place = (layer.inputs + 1).bit_length()
            total += place * (layer.nonzero + layer.outputs)
            for entry in layer.entries():
                power = (entry & -entry).bit_length()
                digits = abs(entry).bit_length() - power + 1
                total += 1 + digits + _gamma(digits) + _gamma(power)
        return total

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self._text()).hexdigest()

    def bounds(self, points: np.ndarray, radius: float, p: float) -> Bounds:
        """Exact interval bounds of the outputs on the balls `B_p(x_i, radius)`.

        The first layer by the dual norm, rounded outwards where it is irrational (by the l_1 norm for p other than 1,
        2, ∞), the others by intervals, all in integers: where an interval is a point the values are exact.

        Args:
            points: shape (n, d).
            radius: of the balls, >= 0.
            p: in [1, ∞].
        """
        return propagate(self.layers, first_images(self.layers[0], points, radius, p))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network as canonical JSON with hexadecimal numbers, all of it or nothing.

        Raises:
            ValueError: for classes other than numbers, text and booleans.
        """
        with replacing(path) as partial:
            partial.write_bytes(self._text())

    def _text(self) -> bytes:
        if not {type(label) for label in self.classes} <= {int, float, str, bool}:
            raise ValueError(
                f"a network file holds classes that are numbers, text or booleans, got {shown(self.classes)}: build "
                "the network for names of the classes"
            )
        layers = [
            {
                "inputs": layer.inputs,
                "bias": [_hexadecimal(b) for b in layer.bias],
                "rows": [[[c, _hexadecimal(w)] for c, w in row] for row in layer.rows],
            }
            for layer in self.layers
        ]
        content = {"format": FORMAT, "classes": list(self.classes), "layers": layers}
        return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "IntegerNetwork":
        """Read a network written by `save`.

        Raises:
            ValueError: if the file is not exactly such a file.
        """
        raw = Path(path).read_bytes()
        try:
            content = json.loads(raw)
            if set(content) != {"format", "classes", "layers"} or content["format"] != FORMAT:
                raise ValueError(f"it needs the format {FORMAT!r}")
            network = cls(tuple(_read_layer(layer) for layer in content["layers"]), tuple(content["classes"]))
            if network._text() != raw:
                raise ValueError("it is not in canonical form")
        except Exception as error:  # malformed content fails in many ways, none of them the caller's
            raise ValueError(f"{path} is not a network saved by IntegerNetwork.save: {error}") from error
        return network

    @property
    def bytes(self) -> int:
        """Length of the file."""
        return len(self._text())


def _blocks(points: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(points), BLOCK):
        yield points[start : start + BLOCK]


def _gamma(k: int) -> int:
    return 2 * k.bit_length() - 1


def _hexadecimal(value: int) -> str:
    return f"{value:x}"


def _read_layer(content: Any) -> IntegerLayer:
    if set(content) != {"inputs", "bias", "rows"} or type(content["inputs"]) is not int:
        raise ValueError("a layer needs inputs, bias and rows")
    rows = tuple(tuple((int(c), _read_integer(w)) for c, w in row) for row in content["rows"])
    return IntegerLayer(content["inputs"], rows, tuple(_read_integer(b) for b in content["bias"]))


def _read_integer(text: Any) -> int:
    if not (isinstance(text, str) and _HEXADECIMAL.fullmatch(text)):
        raise ValueError(f"an entry needs hexadecimal digits, got {text!r}")
    return int(text, 16)
