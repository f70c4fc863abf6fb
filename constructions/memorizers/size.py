"""Exact size of a memorizing network: counted, by part, and from a formula."""

import json
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import numpy as np
from rich.table import Table

from constructions.networks.network import ReLUNetwork
from constructions.pieces.soft_indicators import Formula, Indicators, Method, symbols


def _clean_nonzero(K: Any) -> Any:
    return K


def _whole_nonzero(indicators: Formula, K: Any, last: Any, C: Any, carried: Any, n: Any, **others: Any) -> Any:
    """Of the clean classifier, its last layer once more (signed pair), what waits for the deeper part, and the gate.

    That is `constructions.pieces.assembly` for C classes and O outputs: n for the class sums, (C + 1) + (C + 2O),
    2 + (C + 2O), C + 4O and C + 2O for the four layers behind them.
    """
    outputs = others.pop("O")
    return K + last + carried + indicators(n=n, **others) + n + 5 * C + 10 * outputs + 3


@dataclass(frozen=True)
class Size:
    """Exact size of a network that was built, with the formula's value beside the count.

    `nonzero` counts the entries of weights and biases that are not 0 (the convention of Li et al. 2022 and
    Yu et al. 2024), `parameters` all entries (Kim et al. 2025).

    Attributes:
        nonzero: counted in the network.
        formula_nonzero: by the formula of its construction; equal to `nonzero`.
        zeros: weights and biases of the construction that happen to be 0 on this data (black pixels, coincidences).
        parameters: all entries.
        depth: affine layers.
        width: widest layer, input and output included.
        neurons: ReLUs.
        bytes: memory of the network as stored.
        description_bits: of a binary text that says the network, to who knows the construction where it has one of its
            own, else to everybody: see `description_bits` of the network and of `RuleMemorizer`.
    """

    nonzero: int
    formula_nonzero: int
    zeros: int
    parameters: int
    depth: int
    width: int
    neurons: int
    bytes: int
    description_bits: int

    @property
    def general(self) -> int:
        """Non-zeros for data in general position, where no coordinate or bias happens to be 0."""
        return self.nonzero + self.zeros

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict())

    def table(self) -> Table:
        """The report for a terminal."""
        table = Table(title="size of the network")
        table.add_column("part")
        table.add_column("non-zeros", justify="right")
        self._add_counts(table)
        return table

    def _add_counts(self, table: Table) -> None:
        table.add_row("all", f"{self.nonzero:,}")
        table.add_row("by formula", f"{self.formula_nonzero:,}")
        table.add_section()
        table.add_row("parameters (all entries)", f"{self.parameters:,}")
        table.add_row("depth / width / neurons", f"{self.depth} / {self.width:,} / {self.neurons:,}")
        table.add_row("memory", f"{self.bytes / 2**20:.2f} MiB")
        table.add_row("bits of a description", f"{self.description_bits:,}")


def size_of(network: ReLUNetwork, formula_nonzero: int, zeros: int) -> Size:
    """The counts of a network, with what its construction says of it."""
    return Size(nonzero=network.nonzero, formula_nonzero=formula_nonzero, zeros=zeros, **_counts(network))


def _counts(network: ReLUNetwork) -> dict[str, int]:
    names = ("parameters", "depth", "width", "neurons", "bytes", "description_bits")
    return {name: getattr(network, name) for name in names}


@dataclass(frozen=True)
class SizeReport(Size):
    """Size of a `Memorizer`, by part.

    Attributes:
        method: "shared" or "per_point".
        p: of the norm.
        n_small: memorized points.
        dim: d.
        clean: non-zeros of the clean classifier by itself.
        features: non-zeros of the layers shared by all memorized points.
        indicators: non-zeros that belong to single points.
        gate: all other non-zeros: class sums, lock, gate, and values carried past layers.
        symbols: the values of the symbols of its formula.
        sketch: non-zeros of the indicators as the paper's proof sketch builds them, for the same shell.
    """

    method: Method
    p: float
    n_small: int
    dim: int
    clean: int
    features: int
    indicators: int
    gate: int
    symbols: dict[str, int]
    sketch: int
    _formula: Formula = field(repr=False, compare=False)

    @property
    def formula(self) -> str:
        """The non-zeros as a formula, multiplied out."""
        import sympy

        return str(sympy.expand(self._formula(**symbols(self.symbols))))

    @property
    def coefficient(self) -> float:
        """Non-zeros beside the clean network's own, over `n_small · d`."""
        return (self.nonzero - self.clean) / (self.n_small * self.dim) if self.n_small else 0.0

    @property
    def general_coefficient(self) -> float:
        """The same for data in general position, where no coordinate or bias happens to be 0."""
        return self.coefficient + self.zeros / (self.n_small * self.dim) if self.n_small else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = asdict(self)
        del values["_formula"]
        return {
            **values,
            "formula": self.formula,
            "p": "inf" if np.isinf(self.p) else self.p,
            "coefficient": self.coefficient,
            "general_coefficient": self.general_coefficient,
        }

    def table(self) -> Table:
        """The report for a terminal."""
        table = Table(title=f"robust memorizer, p = {self.p:g}, {self.method}, {self.n_small} points memorized")
        table.add_column("part")
        table.add_column("non-zeros", justify="right")
        for name in ("clean", "features", "indicators", "gate"):
            table.add_row(name, f"{getattr(self, name):,}")
        table.add_section()
        self._add_counts(table)
        table.add_section()
        table.add_row("over n_small · d, without clean", f"{self.coefficient:.4f}")
        table.add_row("the same without zeros in the data", f"{self.general_coefficient:.4f}")
        table.add_row("indicators of the proof sketch", f"{self.sketch:,}")
        return table


def size_report(
    network: ReLUNetwork,
    clean: ReLUNetwork,
    parts: Indicators | None,
    *,
    method: Method,
    p: float,
) -> SizeReport:
    """Count `network`, made from `clean` and the indicators `parts` (None if nothing is memorized)."""
    values = {"K": clean.nonzero}
    formula: Formula = _clean_nonzero
    features = own = n_small = sketch = 0
    if parts is not None:
        groups = max(clean.outputs, 2)
        waiting = parts.network.depth + 1 - clean.depth
        values |= parts.counts
        values |= {"last": clean.layers[-1].nonzero, "C": groups, "O": clean.outputs}
        values["carried"] = 2 * clean.outputs * max(waiting, 0) + groups * max(-waiting, 0)
        formula = partial(_whole_nonzero, parts.nonzero)
        features = sum(layer.nonzero for layer in parts.network.layers[: parts.shared])
        own = parts.network.nonzero - features
        n_small = values["n"]
        sketch = parts.sketched(**parts.counts)
    nonzero = network.nonzero
    return SizeReport(
        method=method,
        p=p,
        n_small=n_small,
        dim=clean.inputs,
        clean=clean.nonzero,
        features=features,
        indicators=own,
        gate=nonzero - clean.nonzero - features - own,
        nonzero=nonzero,
        zeros=values.get("Z", 0),
        **_counts(network),
        symbols=values,
        formula_nonzero=formula(**values),
        sketch=sketch,
        _formula=formula,
    )
