"""What a verifier is asked, and its answer."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from constructions.exchange.onnx_file import read_onnx
from constructions.exchange.properties import Case, Conjunction, Specification
from constructions.exchange.vnnlib_file import read_vnnlib
from constructions.networks.network import ReLUNetwork


@dataclass(frozen=True)
class Question:
    """An ONNX and a VNN-LIB file, and both as we read them."""

    onnx: Path
    network: ReLUNetwork
    asked: Specification

    @classmethod
    def of_files(cls, onnx: Path, vnnlib: Path) -> "Question":
        return cls(onnx, read_onnx(onnx), read_vnnlib(vnnlib))

    @property
    def parts(self) -> list[tuple[Case, Conjunction]]:
        """Boxes, each with one conjunction that must hold nowhere in it."""
        return [(case, one) for case in self.asked.cases for one in case.violated.conjunctions]


@dataclass(frozen=True)
class Answer:
    """`verdict` is "unsat", "sat" or "unknown"; `witness` an input, if the verifier gave one."""

    verdict: str
    witness: np.ndarray | None = None


UNSAT, UNKNOWN = Answer("unsat"), Answer("unknown")


def ends(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Corners of a box, each number the float64 that is nearest."""
    low, high = ([float(v) for v in values] for values in (case.region.low, case.region.high))
    return np.array(low), np.array(high)


def rows(one: Conjunction) -> tuple[np.ndarray, np.ndarray]:
    """`A y <= b` with each number the float64 that is nearest."""
    return np.array([[float(v) for v in row] for row in one.rows]), np.array([float(b) for b in one.bounds])
