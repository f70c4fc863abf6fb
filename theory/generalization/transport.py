"""Exact optimal transport between two finite samples: `W_1` and `W_∞` in l_p distance, and of any cost.

The measures are uniform on n and on m points: mass 1/n a point, 1/m a point (a point may occur twice).

    W_1(μ, ν) = min over couplings π of ∫ ‖x - z‖_p dπ,
    W_∞(μ, ν) = min over couplings π of the largest ‖x - z‖_p in the support of π.

`W_1` is what a function with Lipschitz constant G can tell apart: `|∫ g dμ - ∫ g dν| <= G W_1(μ, ν)`.
"""

import math
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment, linprog
from scipy.sparse.csgraph import maximum_bipartite_matching, maximum_flow
from scipy.spatial.distance import cdist

from theory.arguments.plain_array import exact_floats
from theory.arguments.scalars import read_exponent
from theory.arguments.whole_numbers import read_whole
from theory.setting.norms import in_units, norm

# The linear program has a variable a pair; beyond this its time and memory are out of hand.
MOST_PAIRS = 2**20
# The assignment has a square matrix of distances.
_MOST_ASSIGNED = 2**26


def w1(x: Float[np.ndarray, "n d"], z: Float[np.ndarray, "m d"], p: float = math.inf) -> float:
    """`W_1` of the uniform measures on the rows of x and of z, in l_p.

    d = 1: by sorting. n = m: an assignment, by Birkhoff's theorem. Else the transport linear program; its plan is
    feasible up to the solver's tolerance, and mass that it loses or invents is charged with the largest
    distance, so the value is at least `W_1`, but for the rounding of the sum. Solved in units of the largest distance:
    the tolerance is relative to it.

    Args:
        x: shape (n, d), finite.
        z: shape (m, d), finite.
        p: of the norm, in [1, ∞].

    Raises:
        ValueError: if a sample is empty or not finite, the dimensions differ, p < 1, a distance is beyond the largest
            float, or the program would have more than MOST_PAIRS variables.
        RuntimeError: if the solver stops without an optimum.
    """
    x, z, p = _read_samples(x, z, p)
    if x.shape[1] == 1:
        first, second, mass = _quantile_coupling(x[:, 0], z[:, 0])
        return _mean(_distances_on_the_line(first, second), mass)
    if not (len(x) == len(z) and len(x) ** 2 <= _MOST_ASSIGNED):
        check_pairs(len(x), len(z))
    return _least_mean(pair_distances(x, z, p))


def w1_bracket(x: Float[np.ndarray, "n d"], z: Float[np.ndarray, "m d"], p: float = math.inf) -> tuple[float, float]:
    """A lower and an upper bound of `W_1` from one linear program: a dual solution, made feasible, and a plan.

    The second route to `w1`; the two bounds are the solver's tolerance apart. Arguments and errors as for `w1`.
    """
    x, z, p = _read_samples(x, z, p)
    check_pairs(len(x), len(z))
    upper, lower = _by_linear_program(pair_distances(x, z, p))
    return lower, upper


def transport_cost(cost: Float[np.ndarray, "n m"]) -> float:
    """`min over couplings of E c(x_i, z_j)`, of the uniform measures on n and on m points; never below it by more than
    the rounding of the sum.

    An assignment or a linear program, as for `w1`.

    Args:
        cost: the c(x_i, z_j) >= 0, shape (n, m), finite.

    Raises:
        ValueError: if it has another shape, an entry is negative or not finite, or the program would have more than
            MOST_PAIRS variables.
        RuntimeError: if the solver stops without an optimum.
    """
    cost = exact_floats(cost, "cost")
    if cost.ndim != 2 or 0 in cost.shape or not ((cost >= 0) & (cost < math.inf)).all():
        raise ValueError(
            f"transport needs costs of shape (n >= 1, m >= 1), finite and >= 0, got shape {cost.shape}, from "
            f"{cost.min(initial=0.0)} to {cost.max(initial=0.0)}"
        )
    check_pairs(*cost.shape)
    return _least_mean(cost)


def check_pairs(n: int, m: int) -> None:
    """Refuses a program for more than MOST_PAIRS pairs.

    Raises:
        ValueError: if there are more.
    """
    if n * m > MOST_PAIRS:
        raise ValueError(
            f"transport between samples of different sizes needs at most {MOST_PAIRS} pairs, got {n} · {m}: take "
            "smaller samples, or equal sizes for w1"
        )


def w_infinity(x: Float[np.ndarray, "n d"], z: Float[np.ndarray, "m d"], p: float = math.inf) -> float:
    """`W_∞` of the uniform measures on the rows of x and of z, in l_p: the bottleneck.

    d = 1: the quantile coupling. Else the least of the pairs' distances for which the pairs no farther apart carry all
    of the mass, by bisection; whether they do is decided in integers: by a matching for n = m, else by a flow of `n m`
    units. So the value is one of the computed distances, without a tolerance.

    Args, errors: as for `w1`.
    """
    x, z, p = _read_samples(x, z, p)
    if x.shape[1] == 1:
        first, second, _ = _quantile_coupling(x[:, 0], z[:, 0])
        return float(_distances_on_the_line(first, second).max())
    check_pairs(len(x), len(z))
    cost = pair_distances(x, z, p)
    # Every point has to go somewhere: the candidates below these two are out at once.
    least = max(cost.min(axis=1).max(), cost.min(axis=0).max())
    candidates = np.unique(cost[cost >= least])
    low, high = 0, len(candidates) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _carries_all(cost <= candidates[middle]) else (middle + 1, high)
    return float(candidates[low])


def expected_w1_bound(n: int, dim: int) -> float:
    """An upper bound of `E W_1(D, S)` in l_∞, for every D on `[0, 1]^d` and n independent points S of it.

    `min over J of 2^-J + Σ_{j=1}^J 2^-(j+1) min(2, √((2^{dj} - 1) / n))`. With a(Q) the value of a 1-Lipschitz g in the
    centre of a dyadic cube Q of side 2^-j, `∫ g d(D - S)` telescopes over the cubes; centres of parent and child
    are 2^-(j+1) apart; and `E Σ_Q |D(Q) - S(Q)| <= Σ_Q √(D(Q)(1 - D(Q)) / n)`. Of order `n^{-1/2}` for d = 1,
    `n^{-1/2} log n` for d = 2, `n^{-1/d}` for d >= 3. `W_1` exceeds its mean by t with probability at
    most `exp(-2 n t²)` (McDiarmid: one point moves it by at most 1/n).

    Args:
        n: sample size, >= 1.
        dim: d >= 1.
    """
    n, dim = read_whole(n, "n"), read_whole(dim, "dim")
    if not n >= 1 or not dim >= 1:
        raise ValueError(f"expected_w1_bound needs n >= 1 and dim >= 1, got n={n}, dim={dim}")
    best, total = 1.0, 0.0
    for j in range(1, 64):
        # From 2^{dj} > 4 n on every term is the trivial one, and a finer level gains nothing.
        cells_over_n = math.inf if dim * j > 1000 else (2.0 ** (dim * j) - 1) / n
        total += 2.0 ** -(j + 1) * min(2.0, math.sqrt(cells_over_n))
        best = min(best, 2.0**-j + total)
        if cells_over_n >= 4:
            break
    return best


def _read_samples(x: Any, z: Any, p: Any) -> tuple[np.ndarray, np.ndarray, float]:
    """The samples in float64, where differences of small integers do not wrap around, and the exponent."""
    x, z, p = exact_floats(x, "x"), exact_floats(z, "z"), read_exponent(p)
    for name, points in (("x", x), ("z", z)):
        if points.ndim != 2 or 0 in points.shape or not np.isfinite(points).all():
            raise ValueError(
                f"transport needs samples of shape (n >= 1, d >= 1) with finite entries, got {name} of shape "
                f"{points.shape}, finite: {bool(np.isfinite(points).all())}"
            )
    if x.shape[1] != z.shape[1]:
        raise ValueError(f"transport needs samples of one dimension, got {x.shape[1]} and {z.shape[1]}")
    return x, z, p


def _quantile_coupling(
    x: Float[np.ndarray, " n"], z: Float[np.ndarray, " m"]
) -> tuple[np.ndarray, np.ndarray, Float[np.ndarray, " k"]]:
    """The monotone coupling, optimal on the line for both distances: pairs and their masses."""
    n, m = len(x), len(z)
    # Breakpoints i/n and j/m of the two quantile functions, as integers over n m.
    ends = np.union1d(np.arange(1, n + 1, dtype=np.int64) * m, np.arange(1, m + 1, dtype=np.int64) * n)
    mass: Int[np.ndarray, " k"] = np.diff(ends, prepend=0)
    first, second = np.sort(x)[(ends - 1) // m], np.sort(z)[(ends - 1) // n]
    return first, second, mass / (n * m)


def pair_distances(x: Float[np.ndarray, "n d"], z: Float[np.ndarray, "m d"], p: float) -> Float[np.ndarray, "n m"]:
    """All `‖x_i - z_j‖_p`, rounded; a ValueError if one is no float."""
    with np.errstate(over="ignore"):
        if p in (1, math.inf):
            return _check_finite(np.asarray(cdist(x, z, "cityblock" if p == 1 else "chebyshev")))
        # Powers of small or large differences may be no floats.
        return _check_finite(np.array([norm(point - z, p) for point in x]))


def _distances_on_the_line(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return _check_finite(np.abs(first - second))


def _check_finite(cost: np.ndarray) -> np.ndarray:
    if not np.isfinite(cost).all():
        raise ValueError("transport needs distances that are floats, got one beyond 1.8e308: scale both samples down")
    return cost


def _mean(values: np.ndarray, mass: np.ndarray) -> float:
    """`Σ mass · value`, which does not vanish where each product would."""
    values, exponent = in_units(values)
    # By rounding the masses may add up to more than 1.
    return math.ldexp(min(float(mass @ values), float(values.max())), exponent)


def _least_mean(cost: np.ndarray) -> float:
    if cost.shape[0] == cost.shape[1]:
        return _mean(cost[linear_sum_assignment(in_units(cost)[0])], np.full(len(cost), 1 / len(cost)))
    return _by_linear_program(cost)[0]


def _by_linear_program(cost: np.ndarray) -> tuple[float, float]:
    """Upper and lower bound of the least cost, whatever the tolerance of the solver and the scale of the costs."""
    n, m = cost.shape
    # Tolerances of solvers are absolute.
    cost, exponent = in_units(cost)
    if not cost.any():
        return 0.0, 0.0
    leaving = sp.kron(sp.eye_array(n), np.ones((1, m)))
    arriving = sp.kron(np.ones((1, n)), sp.eye_array(m))
    marginals = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
    solution = linprog(
        cost.ravel(), A_eq=sp.csr_array(sp.vstack([leaving, arriving])), b_eq=marginals, method="highs-ds"
    )
    if not solution.success:
        raise RuntimeError(f"the transport program stopped without an optimum: {solution.message}")
    plan = np.maximum(solution.x, 0.0).reshape(n, m)
    lost = np.abs(plan.sum(axis=1) - 1 / n).sum() + np.abs(plan.sum(axis=0) - 1 / m).sum()
    # No coupling costs more than the largest distance.
    upper = min(float((plan * cost).sum() + lost * cost.max()), float(cost.max()))
    # Potentials u_i + v_j <= c_ij bound the cost from below; for given v this is the largest u.
    v = solution.eqlin.marginals[n:]
    u = (cost - v).min(axis=1)
    lower = max(float(u.mean() + v.mean()), 0.0)
    # Outwards, where the product is subnormal.
    ends = math.ldexp(upper, exponent), math.ldexp(lower, exponent)
    return math.nextafter(ends[0], math.inf), math.nextafter(ends[1], 0.0)


def _carries_all(near: np.ndarray) -> bool:
    """Whether some coupling lives on these pairs."""
    n, m = near.shape
    if n == m:
        return bool((maximum_bipartite_matching(sp.csr_array(near), perm_type="column") >= 0).all())
    rows, columns = np.nonzero(near)
    source, sink = n + m, n + m + 1
    # Mass 1/n is m units and 1/m is n units, so that all capacities are integers.
    capacity = np.concatenate([np.full(n, m), np.full(len(rows), min(n, m)), np.full(m, n)]).astype(np.int32)
    heads = np.concatenate([np.full(n, source), rows, n + np.arange(m)])
    tails = np.concatenate([np.arange(n), n + columns, np.full(m, sink)])
    graph = sp.csr_array((capacity, (heads, tails)), shape=(n + m + 2, n + m + 2), dtype=np.int32)
    return bool(maximum_flow(sp.csr_matrix(graph), source, sink).flow_value == n * m)
