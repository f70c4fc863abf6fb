"""What the rows of `python -m benchmarks sizes` say: growth with N, the price of random labels, published curves.

A row is a mapping with "series", "construction", "p" ("inf" for ∞), "points", "labels", "seed", "rho" and the counts
"non-zeros" and "all entries", which are "" where there is none.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from constructions.comparison.power_law import power_law
from theory.errors import AssumptionError
from theory.sizes.published import PUBLISHED, PublishedBound

Row: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Growth:
    """`non-zeros ∝ N^exponent`, and the exponents between the first and the last two sizes.

    Attributes:
        exponent, low, high: the slope of a line in logarithms, with its 95 % interval.
        first, last: between the two smallest and between the two largest sizes.
        sizes: N.
        means: geometric means of the non-zeros over the subsets of a size.
    """

    exponent: float
    low: float
    high: float
    first: float
    last: float
    sizes: tuple[int, ...]
    means: tuple[float, ...]

    def line(self, size: float) -> float:
        """Non-zeros at N = size on the fitted line, which passes through the mean of the logarithms."""
        centre, height = (sum(map(math.log, values)) / len(values) for values in (self.sizes, self.means))
        return math.exp(height + self.exponent * (math.log(size) - centre))


def growth(rows: Iterable[Row]) -> Growth:
    """How non-zeros grow with N, of the rows of the series "N" with true labels.

    One place a size: the mean logarithm over its subsets. Subsets of one size share how far that size is from a power
    law, so that they are not independent errors. The interval is that of the regression on these means, by Student's t:
    it covers departures from a power law and the scatter of subsets over these sizes of this data set, and nothing
    about larger N or other data. The largest subsets overlap, the last is the whole set.
    """
    counts: dict[int, list[float]] = {}
    for row in rows:
        if row["series"] == "N" and row["labels"] == "true" and row["non-zeros"]:
            counts.setdefault(row["points"], []).append(math.log(row["non-zeros"]))
    sizes = sorted(counts)
    means = [math.exp(sum(counts[size]) / len(counts[size])) for size in sizes]
    first, last = (math.log(means[k + 1] / means[k]) / math.log(sizes[k + 1] / sizes[k]) for k in (0, len(sizes) - 2))
    return Growth(*power_law(sizes, means), first, last, tuple(sizes), tuple(means))


def label_factors(rows: Iterable[Row]) -> dict[int, tuple[float, ...]]:
    """Non-zeros with random labels over those with the true ones on the same images, by N, one a seed."""
    counts = {
        (row["points"], row["seed"], row["labels"]): row["non-zeros"]
        for row in rows
        if row["series"] == "N" and row["non-zeros"]
    }
    factors: dict[int, tuple[float, ...]] = {}
    for (size, seed, labels), count in sorted(counts.items()):
        if labels == "random" and (size, seed, "true") in counts:
            factors[size] = (*factors.get(size, ()), count / counts[size, seed, "true"])
    return factors


@dataclass(frozen=True)
class Curve:
    """A published bound along ρ at fixed N and d, without its constant, where its hypotheses hold; a worst case.

    Attributes:
        bound: what is published.
        p: of the norm, 2 or ∞.
        ratios: ρ.
        values: of the formula.
    """

    bound: PublishedBound
    p: float
    ratios: tuple[float, ...]
    values: tuple[float, ...]


def published_curves(count: int, dim: int, ratios: Sequence[float]) -> list[Curve]:
    """All bounds of non-zeros and of all entries that are formulas of N, d, ρ and p, for p = 2 and ∞.

    Of memorization without perturbations the lower bounds only: what memorizes robustly memorizes.
    """
    found = []
    for bound in PUBLISHED.values():
        counted = bound.counts in ("non-zeros", "all entries") and set(bound.symbols) <= {"N", "d", "rho", "p"}
        if not counted or not (bound.robust or bound.kind == "lower"):
            continue
        for p in (2.0, math.inf) if bound.norm is None else (bound.norm,):
            places = []
            for ratio in ratios:
                try:
                    places.append((ratio, bound(N=count, d=dim, rho=ratio, p=p)))
                except AssumptionError:
                    continue
            if places:
                found.append(Curve(bound, p, *zip(*places, strict=True)))
    return found


def ratio_grid(places: int = 71) -> list[float]:
    """ρ from 1e-7 to just below 1, even in logarithms."""
    return [float(ratio) for ratio in np.geomspace(1e-7, 0.999, places)]
