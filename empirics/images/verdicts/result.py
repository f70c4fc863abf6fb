"""A measured experiment as data: records, verdicts, how it came about; to JSON and CSV and back."""

import csv
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from constructions.networks.whole_file import replacing, write_whole

DIGITS = 5
# Of the CSV; then one a seed.
COLUMNS = (
    "condition",
    "width",
    "training_radius",
    "epoch",
    "split",
    "clip",
    "measure",
    "at",
    "mean",
    "deviation",
)


@dataclass(frozen=True)
class Record:
    """One measured quantity at some places, a row of values for each seed.

    Attributes:
        condition: of the network: "adversarial", "clean", "random labels", "initialisation", "constructed".
        radius: it was trained with; 0 without an adversary.
        epoch: after which it was measured.
        split: "train" or "test".
        clip: whether the balls were cut off at `[0, 1]^d`.
        measure: such as "gradient_norm".
        at: places, such as radii, shape (k,).
        values: by seed and place.
        width: of the network, as the preset counts it.
    """

    condition: str
    radius: float
    epoch: int
    split: str
    clip: bool
    measure: str
    at: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]
    width: float

    def rows(self) -> list[np.ndarray]:
        """The values, one array a seed."""
        return [np.array(row) for row in self.values]

    def grid(self) -> np.ndarray:
        """The places as an array."""
        return np.array(self.at)


@dataclass(frozen=True)
class Judgement:
    """A claim, the statistic that decides it, its threshold, and what was found.

    Attributes:
        statement: of the ledger, such as "figure-1".
        role: "claim"; "control", which must not be reproduced; "second route" to a claim; "not fitted", of networks
            that did not learn their sample and say nothing about the claim; "no kink", of what is said of kinks where
            smooth curves fit as well.
        claim: in words.
        statistic: in words.
        threshold: fixed before the measurement.
        direction: the side of the threshold on which the claim holds, "above" or "below".
        values: of the statistic, one a seed.
        mean: of the values, on the scale the statistic is averaged.
        low: lower 95 % confidence limit.
        high: upper one.
        outcome: "reproduced" if both limits are on the claim's side, "not reproduced" if both are on the other,
            else "undecided".
    """

    statement: str
    role: str
    claim: str
    statistic: str
    threshold: float
    direction: str
    values: tuple[float, ...]
    mean: float
    low: float
    high: float
    outcome: str


@dataclass(frozen=True)
class Result:
    """One experiment on one data set, all seeds.

    Attributes:
        experiment: such as "figure1".
        dataset: its name.
        preset: its name.
        settings: the preset in full, and the search.
        seeds: of subset, start, shuffling and attacks, one a run.
        records: what was measured.
        verdicts: what follows from it.
        runs: the trained networks: condition, seed, accuracies, warnings.
        command: that makes it again.
        machine: threads, versions, seconds.
        differs: what was not as the command does it, or as the preset is now: of a setting by its name.
    """

    experiment: str
    dataset: str
    preset: str
    settings: dict[str, Any]
    seeds: tuple[int, ...]
    records: tuple[Record, ...]
    verdicts: tuple[Judgement, ...] = ()
    runs: tuple[dict[str, Any], ...] = ()
    command: str = ""
    machine: dict[str, Any] = field(default_factory=dict)
    differs: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Stem of its files."""
        return f"{self.experiment}-{self.dataset}-{self.preset}"

    def select(self, **wanted: Any) -> list[Record]:
        """The records whose attributes have these values."""
        return [r for r in self.records if all(getattr(r, key) == value for key, value in wanted.items())]

    def one(self, **wanted: Any) -> Record:
        """The one record whose attributes have these values.

        Raises:
            ValueError: if there is none, or more than one.
        """
        found = self.select(**wanted)
        if len(found) != 1:
            raise ValueError(f"{self.name} needs exactly one record with {wanted}, it has {len(found)}")
        return found[0]

    def to_json(self) -> str:
        """As strict JSON, infinities as strings, one record a line."""
        content = asdict(self)
        parts = []
        for key, value in content.items():
            if isinstance(value, (list, tuple)) and value and isinstance(value[0], dict):
                lines = ",\n  ".join(json.dumps(_finite(entry), allow_nan=False) for entry in value)
                parts.append(f' "{key}": [\n  {lines}\n ]')
            else:
                parts.append(f' "{key}": {json.dumps(_finite(value), allow_nan=False)}')
        return "{\n" + ",\n".join(parts) + "\n}\n"

    def save(self, folder: Path) -> Path:
        """Writes the JSON and the CSV; returns the path of the JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        write_whole(path, self.to_json())
        with replacing(path.with_suffix(".csv")) as partial, partial.open("w", newline="") as stream:
            table = csv.writer(stream)
            table.writerow([*COLUMNS, *(f"seed_{seed}" for seed in self.seeds)])
            for r in self.records:
                for place, column in zip(r.at, zip(*r.values, strict=True), strict=True):
                    deviation = float(np.std(column, ddof=1)) if len(column) > 1 else 0.0
                    about = (r.condition, r.width, r.radius, r.epoch, r.split, r.clip, r.measure, place)
                    table.writerow((*about, significant(float(np.mean(column))), significant(deviation), *column))
        return path

    @staticmethod
    def load(path: Path) -> "Result":
        """Reads what `save` wrote.

        Raises:
            ValueError: if the file is no such JSON.
            FileNotFoundError: if there is none.
        """
        if not path.is_file():
            raise FileNotFoundError(f"there is no result {path}: run the experiment first, without --draw")
        try:
            content = json.loads(path.read_text())
            content["records"] = tuple(
                Record(**entry | {"at": tuple(entry["at"]), "values": tuple(map(tuple, entry["values"]))})
                for entry in content["records"]
            )
            content["verdicts"] = tuple(
                Judgement(
                    **entry
                    | {"values": tuple(map(float, entry["values"]))}
                    | {key: float(entry[key]) for key in ("mean", "low", "high")}
                )
                for entry in content["verdicts"]
            )
            content["seeds"], content["runs"] = tuple(content["seeds"]), tuple(content["runs"])
            return Result(**content)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is no stored result of python -m empirics: {error!r}") from error


def significant(value: float, digits: int = DIGITS) -> float:
    """The value rounded to so many significant digits: what is stored, and what verdicts are computed from."""
    return float(f"{value:.{digits}g}")


def rounded(rows: Iterable[Sequence[float] | np.ndarray]) -> tuple[tuple[float, ...], ...]:
    """Rows of values as they are stored."""
    return tuple(tuple(significant(float(value)) for value in row) for row in rows)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
