"""How many coordinates every robust classifier of given points reads: a linear program over pairs, and its dual.

With a and B of `theory.lower_bounds.covering`, the coordinates S that a robust function reads satisfy, for each pair p
of differently labelled points, `Σ_{j ∈ S} min(a_pj, B) >= B`. For all weights `u >= 0` on pairs therefore

    |S| >= Σ_p u_p - Σ_j max(0, Σ_p u_p min(a_pj, B)/B - 1),

as `|S| >= |S| - Σ_p u_p (Σ_{j ∈ S} min(a_pj, B)/B - 1) = Σ_p u_p + Σ_{j ∈ S} (1 - Σ_p u_p min(a_pj, B)/B)`. The best
weights are those of a linear program, found in floats; what they prove is computed in integers. Where that is not
enough, cases (`theory.lower_bounds.cases`) have weights of their own, and the least that they prove holds.
"""

import time
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from rich.console import Console
from scipy.optimize import linprog

from theory.arguments.read_only import read_only
from theory.arguments.whole_numbers import read_whole
from theory.lower_bounds.branching import split_cases
from theory.lower_bounds.cases import Case, Group, least_proved, proved_in_case
from theory.lower_bounds.covering import demands, read_balls, shares
from theory.lower_bounds.near_pairs import check_pairs, in_unit, near_pairs, read_sample

# Pairs that a round adds, of so many that are looked at.
_ADDED, _SEEN = 2000, 8000
# Pairs that a solution satisfies by more than this share leave the program.
_SLACK = 0.3
_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class CoordinateBound:
    """Every function that is right on all closed balls around the points reads at least `count` coordinates.

    A network reads a coordinate by an entry of its first weight that is not 0, so that `count` bounds the non-zeros of
    that weight as well, whatever comes after it.

    Attributes:
        count: the bound.
        radius, p: δ and the exponent of the balls.
        dim: d.
        pairs: shape (m, 2), points of different labels.
        weights: shape (cases, m + cases - 1), u >= 0 of the pairs, then v >= 0 of the groups; each float is the
            rational number that it is.
        groups: the tree of the cases (`theory.lower_bounds.cases.cases`); a single one that is not split by default.
    """

    count: int
    radius: float
    p: float
    dim: int
    pairs: Int[np.ndarray, "m 2"]
    weights: Float[np.ndarray, "cases weights"]
    groups: tuple[Group, ...] = ((),)

    def __post_init__(self) -> None:
        for name in ("pairs", "weights"):
            object.__setattr__(self, name, read_only(getattr(self, name)))

    def __repr__(self) -> str:
        return f"<CoordinateBound {self.count} of {self.dim} coordinates, l_{self.p:g}, radius {self.radius:g}>"

    def check(self, points: Any, labels: Any) -> None:
        """Check the bound by the data, the pairs and the weights, in integers; nothing else is trusted.

        Raises:
            ValueError: if it does not follow, or for malformed points or labels.
        """
        x, codes = read_sample(points, labels)
        read_balls(self.radius, self.p)
        check_pairs(self.pairs, codes, np.zeros(len(self.pairs)))
        sizes, reach = demands(x, self.pairs, self.radius, self.p)
        proved = least_proved(sizes, reach, self.groups, self.weights)
        if x.shape[1] != self.dim or not self.count <= min(ceil(proved), self.dim):
            raise ValueError(
                f"a CoordinateBound needs weights that prove {self.count} of {self.dim} coordinates, got "
                f"{float(proved):.6g} of {x.shape[1]}: it is of other points, or was changed"
            )


def proved_coordinates(
    points: Float[np.ndarray, "n d"],
    pairs: Int[np.ndarray, "m 2"],
    weights: Float[np.ndarray, " m"],
    radius: float,
    p: float,
) -> Fraction:
    """`Σ_p u_p - Σ_j max(0, Σ_p u_p min(a_pj, B)/B - 1)` without rounding; at most the number of coordinates read."""
    used = weights > 0
    if not used.any():
        return Fraction(0)
    sizes, reach = demands(points, pairs[used], radius, p)
    return proved_in_case(sizes, reach, Case(), weights[used], np.zeros(0))


def coordinates_needed(
    points: Any,
    labels: Any,
    *,
    radius: Any,
    p: Any,
    enough: Any = 0,
    seconds: float | None = None,
    progress: bool = False,
) -> CoordinateBound:
    """A lower bound of the coordinates that any classifier reads which is right on all closed l_p balls of radius δ.

    The least of a linear program over pairs of points. Pairs that its solution violates are added, of all pairs those
    near in the coordinates of the solution (for p other than 2 near in l_2); any pairs give a sound bound. Time
    `O(n² d)` a round at most, a handful of rounds; memory `O(n d)`.

    Args:
        points: shape (n, d), finite.
        labels: n labels, two classes at least.
        radius: δ >= 0.
        p: in [1, 2^20], or ∞.
        enough: where the linear program proves less, cases are split until this is proved. Time grows exponentially
            in it, and without end if it is false: give `seconds` too.
        seconds: after so many no further round begins, no case is split, and the bound is that so far; None for no
            limit.
        progress: whether to print each round's bound on stderr.

    Raises:
        ValueError: for malformed arguments.
        AssumptionError: if there is one class only, or if balls of two labels are found to meet.
    """
    ends = np.inf if seconds is None else time.monotonic() + seconds
    delta, p = read_balls(radius, p)
    enough = read_whole(enough, "enough")
    x, codes = read_sample(points, labels)
    features, console = in_unit(x), Console(stderr=True, quiet=not progress)
    near = near_pairs(features, codes)[:_SEEN]
    rows = shares(x, near, delta, p)
    first = np.argsort(rows.sum(axis=1), kind="stable")[:_ADDED]
    pairs, rows = near[first], rows[first]
    best: tuple[Fraction, np.ndarray, np.ndarray] = (Fraction(0), pairs, np.zeros(len(pairs)))
    while True:
        solution, weights = _least_cover(rows)
        proved = proved_coordinates(x, pairs, weights, delta, p)
        best = max(best, (proved, pairs, weights), key=lambda found: found[0])
        console.print(f"coordinates: {float(best[0]):.4f} by {len(pairs)} pairs")
        if time.monotonic() > ends:
            break
        kept = rows @ solution < 1 + _SLACK
        pairs, rows = pairs[kept], rows[kept]
        seen = solution > 0
        near = near_pairs(features[:, seen] * np.sqrt(solution[seen], dtype=np.float32), codes)[:_SEEN]
        fresh = shares(x, near, delta, p)
        covered = fresh @ solution
        worst = np.argsort(covered, kind="stable")[:_ADDED]
        worst = worst[covered[worst] < 1 - _TOLERANCE]
        if not worst.size:
            break
        pairs, rows = np.concatenate([pairs, near[worst]]), np.concatenate([rows, fresh[worst]])
    proved, proof, weights = best
    used = weights > 0
    bound = CoordinateBound(ceil(proved), delta, p, x.shape[1], proof[used], weights[None, used])
    if bound.count >= enough or time.monotonic() > ends:
        return bound
    every, first = np.unique(np.concatenate([pairs, near]), axis=0, return_index=True)
    groups, weights = split_cases(np.concatenate([rows, fresh])[first], solution, enough, ends, console)
    kept = np.flatnonzero(weights[:, : len(every)].any(axis=0))
    pairs, weights = every[kept], np.hstack([weights[:, kept], weights[:, len(every) :]])
    proved = least_proved(*demands(x, pairs, delta, p), groups, weights)
    by_cases = CoordinateBound(min(ceil(proved), x.shape[1]), delta, p, x.shape[1], pairs, weights, tuple(groups))
    return max(bound, by_cases, key=lambda found: found.count)


def _least_cover(rows: Float[np.ndarray, "m d"]) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, " m"]]:
    """The cover `s` in [0, 1]^d of the least sum, and the weights of the rows that prove it, up to tolerances."""
    used = rows.any(axis=0)
    found = linprog(
        np.ones(int(used.sum())), A_ub=-rows[:, used], b_ub=-np.ones(len(rows)), bounds=(0, 1), method="highs"
    )
    if found.status != 0:
        raise RuntimeError(f"the linear program over {len(rows)} pairs was not solved: {found.message}")
    solution = np.zeros(rows.shape[1])
    solution[used] = np.clip(found.x, 0.0, 1.0)
    return solution, np.maximum(-found.ineqlin.marginals, 0.0)
