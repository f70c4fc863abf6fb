"""The separation of image data sets, exactly: how far differently labelled images are apart.

Stored by `python -m constructions.separations --json theory/sizes/separations.json` from the files of the data sets,
with pixels k/255 (digits: k/16) as float64. Beside them what Yang et al. (2020) published for p = ∞ to three digits.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from theory.errors import AssumptionError

# Yang, Rashtchian, Zhang, Salakhutdinov, Chaudhuri (2020), NeurIPS, arXiv:2003.02460, Table 1: the least l_inf distance
# of differently labelled images with pixels in [0, 1], (train to train, test to train).
PUBLISHED_SEPARATION: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"mnist": (0.737, 0.812), "cifar10": (0.212, 0.220)}
)
# Radii that robust training is usually measured at, by p.
USUAL_RADII: Mapping[float, tuple[float, ...]] = MappingProxyType({math.inf: (8 / 255, 0.1, 0.3), 2.0: (0.5,), 1.0: ()})


@dataclass(frozen=True)
class MeasuredSeparation:
    """The least distance of differently labelled images.

    Attributes:
        data: name of the data set, as `constructions.load_sample` takes it.
        between: "train to train" or "test to train"; data sets without a test part have the first only.
        points, others: how many images there are on each side.
        p: 1, 2 or ∞.
        distance: the largest float64 that is at most the least distance.
        pair: the images, the first such pair; of "test to train" the test image first.
    """

    data: str
    between: str
    points: int
    others: int
    p: float
    distance: float
    pair: tuple[int, int]

    def ratio(self, radius: float) -> float:
        """`ρ = radius / (distance / 2)`, which the sizes of robust memorizers depend on.

        Raises:
            AssumptionError: if it is 1 or more: then no classifier is right on all balls.
        """
        found = radius / (self.distance / 2)
        if not 0 < found < 1:
            raise AssumptionError(
                f"a robust memorizer needs 0 < radius < {self.distance / 2:.6g}, half of the separation, got {radius:g}"
            )
        return found

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return vars(self) | {"p": "inf" if math.isinf(self.p) else self.p, "pair": list(self.pair)}


@cache
def measured_separations() -> tuple[MeasuredSeparation, ...]:
    """What is stored."""
    text = files("theory.sizes").joinpath("separations.json").read_text(encoding="utf-8")
    return tuple(
        MeasuredSeparation(**row | {"p": float(row["p"]), "pair": tuple(row["pair"])})
        for row in json.loads(text)["separations"]
    )
