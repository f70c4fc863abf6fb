"""A proof by cases: of a group of coordinates one at least is read, or none is.

In a case some coordinates R are known to be read, others not, and of some groups G at least one is read. With a and B
of `theory.lower_bounds.covering`, the coordinates S of a robust function then satisfy, beyond R and for each pair,
`Σ_{j ∈ S \\ R} min(a_pj, b_p) >= b_p` for `b_p = max(0, B - Σ_{j ∈ R} a_pj)`, and `|S ∩ G| >= 1`. For weights
`u, v >= 0` on pairs and groups therefore, as for the linear program without cases,

    |S| >= |R| + Σ_p u_p b_p/B + Σ_G v_G - Σ_j max(0, Σ_p u_p min(a_pj, b_p)/B + Σ_{G ∋ j} v_G - 1),

j over the coordinates of which nothing is known. The least of this over all cases bounds |S|.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Bool, Float, Shaped

from theory.lower_bounds.integers import as_integers

Group = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """Of each group in `some` a coordinate is read; no coordinate in `none` is. Groups have numbers."""

    some: tuple[tuple[int, Group], ...] = ()
    none: Group = ()

    @property
    def read(self) -> list[int]:
        """Coordinates that are known to be read."""
        return sorted({group[0] for _, group in self.some if len(group) == 1})

    @property
    def open(self) -> list[tuple[int, Group]]:
        """Groups of which no coordinate is known to be read."""
        read = set(self.read)
        return [(k, group) for k, group in self.some if not read & set(group)]

    def free(self, dim: int) -> Bool[np.ndarray, " d"]:
        """Of which coordinates nothing is known."""
        free = np.ones(dim, dtype=bool)
        free[[*self.read, *self.none]] = False
        return free

    def split(self, number: int, group: Group) -> tuple["Case", "Case"]:
        """The two cases that this one is, by one group more."""
        return Case((*self.some, (number, group)), self.none), Case(self.some, self.none + group)


def cases(groups: Sequence[Group], dim: int) -> Iterator[Case]:
    """The cases of a tree in preorder: a group, then the cases where it has a coordinate that is read, then the others.

    Args:
        groups: of coordinates, numbered in this order; an empty one, without number, for a case that is not split.
        dim: d.

    Raises:
        ValueError: if these are not the groups of one tree, or name other coordinates.
    """
    pending, number = [Case()], 0
    for group in groups:
        if not (pending and all(0 <= j < dim for j in group)):
            raise ValueError(f"a bound by cases needs a tree of groups of {dim} coordinates, got {group} too much")
        case = pending.pop()
        if group:
            pending += reversed(case.split(number, group))
            number += 1
        else:
            yield case
    if pending:
        raise ValueError(f"a bound by cases needs all cases, got {len(groups)} groups that leave out {len(pending)}")


def proved_in_case(
    sizes: Shaped[np.ndarray, "m d"],
    reach: int,
    case: Case,
    weights: Float[np.ndarray, " m"],
    group_weights: Float[np.ndarray, " k"],
) -> Fraction:
    """The right side above without rounding, or 0 if that is more.

    Args:
        sizes, reach: a and B.
        case: what is known.
        weights: u.
        group_weights: v, by the numbers of groups; only those of open groups count.
    """
    used, read, known = weights > 0, case.read, case.open
    free = case.free(sizes.shape[1])
    need = np.maximum(reach - sizes[used][:, read].sum(axis=1), 0)
    whole, unit = as_integers(np.append(weights[used], group_weights[[k for k, _ in known]]))
    one = reach * Fraction(2) ** -unit
    first, others = whole[: len(need)], whole[len(need) :]
    columns = (first[:, None] * np.minimum(sizes[used], need[:, None])).sum(axis=0)
    columns = columns + np.zeros(sizes.shape[1], dtype=object)
    for weight, (_, group) in zip(others, known, strict=True):
        for j in set(group):
            columns[j] += weight * reach
    total = int((first * need).sum()) + int(others.sum()) * reach
    excess = sum((max(Fraction(0), column - one) for column in columns[free]), Fraction(0))
    return max(Fraction(0), len(read) + Fraction(total - excess) / one)


def least_proved(
    sizes: Shaped[np.ndarray, "m d"],
    reach: int,
    groups: Sequence[Group],
    weights: Float[np.ndarray, "leaves weights"],
) -> Fraction:
    """The least over the cases; each row of weights has those of the m pairs, then those of the groups.

    Raises:
        ValueError: if the groups are not those of one tree, or for weights of another number, negative or not finite.
    """
    found = list(cases(groups, sizes.shape[1]))
    wanted = (len(found), len(sizes) + len(found) - 1)
    if weights.shape != wanted:
        raise ValueError(f"a bound by cases needs weights of the shape {wanted}, got {weights.shape}")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError("a bound by cases needs weights that are finite and not negative")
    m = len(sizes)
    return min(proved_in_case(sizes, reach, case, row[:m], row[m:]) for case, row in zip(found, weights, strict=True))
