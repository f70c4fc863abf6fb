"""Witnesses in VNN-COMP's form: `((X_0 v) … (Y_0 v) …)`, with decimals that are exactly the numbers."""

import math
import os
import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from constructions.exchange.vnnlib_file import decimal
from constructions.exchange.vnnlib_terms import number
from constructions.networks.whole_file import write_whole

_PAIR = re.compile(r"\(\s*([XY])_(0|[1-9][0-9]{0,8})\s+([^\s()]+)\s*\)")


def write_witness(path: str | os.PathLike[str], x: Sequence[Any] | np.ndarray, y: Sequence[Any] | np.ndarray) -> None:
    """Write an input and its outputs, all of it or nothing.

    Raises:
        ValueError: if a number is not finite, or no finite decimal.
    """
    if not all(map(math.isfinite, (*x, *y))):
        raise ValueError("a witness must consist of finite numbers, got NaN or infinity")
    rows = [
        f"({letter}_{k} {decimal(Fraction(value))})"
        for letter, values in (("X", x), ("Y", y))
        for k, value in enumerate(values)
    ]
    write_whole(path, "(" + "\n ".join(rows) + ")\n")


def read_witness(path: str | os.PathLike[str]) -> tuple[list[Fraction], list[Fraction]]:
    """The input and the outputs of a file, with or without a line `sat` before them, as exact numbers.

    Raises:
        ValueError: if the file is no such witness.
        FileNotFoundError: if there is no file.
    """
    try:
        text = Path(path).read_text()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be text: {error}") from error
    body = re.sub(r"^\s*sat\s", "", text).strip()
    values: dict[str, dict[int, Fraction]] = {"X": {}, "Y": {}}
    try:
        for letter, k, value in _PAIR.findall(body):
            exact = number(value)
            if exact is None or int(k) in values[letter]:
                raise ValueError(f"{letter}_{k} must have one number, got {value[:40]}")
            values[letter][int(k)] = exact
        rest = _PAIR.sub("", body).split()
        if "".join(rest) != "()" or any(sorted(v) != list(range(len(v))) or not v for v in values.values()):
            raise ValueError(f"a witness must be ((X_0 v) … (Y_0 v) …), got {body[:40]!r}")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return [values["X"][k] for k in range(len(values["X"]))], [values["Y"][k] for k in range(len(values["Y"]))]
