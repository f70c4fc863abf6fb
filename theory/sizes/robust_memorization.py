"""Published bounds on the size of networks that memorize N points of R^d robustly: Kim et al., Egosi et al., Yu et al.,
Li et al.

Names of Kim, Moon and Yun for ranges of ρ: with `γ_p = d^{|1/p - 1/2|}`, small up to `1/(5 N √d γ_p)`, moderate up to
`1/(5 √d γ_p)`, large up to `1/γ_p`. They leave out the term d of the first layer; it is written here. They count every
entry unless "non-zeros" is said, and their Table 1 prints the exponent of Theorem C.14 as 2 where the theorem has 4.
"""

import math

import sympy

from theory.sizes.published_bound import N, PublishedBound, R, d, delta, eps, gamma, k, p, rho

_KIM = "Kim, Moon, Yun (2025), NeurIPS, arXiv:2510.24643"
_EGOSI = "Egosi, Yehudai, Shamir (2025), arXiv:2502.11162"
_YU = "Yu, Gao, Zhang (2024), ICLR"
_LI = "Li, Jin, Zhong, Hopcroft, Wang (2022), NeurIPS, arXiv:2205.13863"

_HALF = sympy.Rational(1, 2)
_SPREAD = d ** sympy.Abs(1 / p - _HALF)
"""γ_p: a ball of l_p lies in one of l_2 and that in one of l_p, their radii are at most so far apart."""
_WIDTH = (rho / d ** sympy.Max(0, 1 / p - _HALF)) ** 2
_SHATTERED = sympy.Min(1 / sympy.sqrt(1 - rho**p), sympy.sqrt(d)) * sympy.sqrt(N)
_SMALL = 1 / (5 * N * sympy.sqrt(d) * _SPREAD)
_MODERATE = 1 / (5 * sympy.sqrt(d) * _SPREAD)
_SIZE = sympy.log(d / gamma**2) + sympy.log(R)
_INF_OR_2 = sympy.Or(sympy.Eq(p, 2), sympy.Eq(p, sympy.oo))

KIM = (
    PublishedBound(
        "width of the first layer", _KIM, "Proposition 3.2 (p = 2), C.6", "source", None,
        "width of the first hidden layer", "lower", "explicit", _WIDTH * sympy.Min(N - 1, d), (N >= 2, rho < 1),
    ),
    PublishedBound(
        "width of the first layer, l_inf", _KIM, "Proposition C.7", "source", math.inf,
        "width of the first hidden layer", "lower", "explicit", sympy.Min(N - 1, d), (N >= 2, rho > _HALF, rho < 1),
    ),
    PublishedBound(
        "entries from below", _KIM, "Theorem 3.1 (p = 2), C.5", "source", None, "all entries", "lower", "Ω",
        (_WIDTH * sympy.Min(N, d) + 1) * d + _SHATTERED, (N >= 2, rho < 1),
        "C.5 is what C.6 and C.8 add up to; for p = ∞ its second term is √N, that of memorization",
    ),
    PublishedBound(
        "entries from below, l_inf", _KIM, "Proposition C.7, Table 1", "source", math.inf, "all entries", "lower", "Ω",
        sympy.Min(N, d) * d, (N >= 2, rho > _HALF, rho < 1),
    ),
    PublishedBound(
        "entries from below by shattering", _KIM, "Proposition 3.3 (p = 2), C.8", "source", None, "all entries",
        "lower", "Ω", sympy.sqrt(N / (1 - rho**p)), (N >= 2, sympy.Ne(p, sympy.oo), rho <= (1 - 1 / d) ** (1 / p)),
    ),
    PublishedBound(
        "non-zeros from below", _KIM, "Theorem E.1", "source", 2, "non-zeros", "lower", "Ω",
        _SHATTERED.subs(p, 2), (N >= 2, rho < 1),
    ),
    PublishedBound(
        "small ρ", _KIM, "Theorem 4.2 (i) (p = 2), C.11 (i)", "source", None, "all entries", "upper", "Õ",
        sympy.sqrt(N) + d, (rho <= _SMALL,),
    ),
    PublishedBound(
        "moderate ρ, error η", _KIM, "Theorem 4.2 (ii) (p = 2), C.11 (ii)", "source", None, "all entries", "upper", "Õ",
        N * d ** sympy.Rational(1, 4) * sympy.sqrt(rho * _SPREAD) + d, (rho > _SMALL, rho <= _MODERATE),
        "the error is 0 for networks that have threshold activations too", exact=False,
    ),
    PublishedBound(
        "large ρ", _KIM, "Theorem 4.2 (iii) (p = 2), C.11 (iii)", "source", None, "all entries", "upper", "Õ",
        N * d**2 * (rho * _SPREAD) ** 4 + d, (rho > _MODERATE, rho < 1 / _SPREAD),
    ),
    PublishedBound(
        "large ρ, non-zeros", _KIM, "Theorem E.2 (iii)", "source", 2, "non-zeros", "upper", "Õ",
        N * d * rho**2 + d, (rho > _MODERATE.subs(p, 2), rho < 1),
    ),
    PublishedBound(
        "large ρ, width", _KIM, "Theorem B.1 (iii)", "source", 2, "width", "upper", "Õ",
        rho**2 * d, (rho > _MODERATE.subs(p, 2), rho < 1),
    ),
    PublishedBound(
        "large ρ, depth", _KIM, "Theorem B.1 (iii)", "source", 2, "depth", "upper", "Õ",
        N, (rho > _MODERATE.subs(p, 2), rho < 1),
    ),
)  # fmt: skip

_EGOSI_WIDTH = rho <= sympy.sqrt((k - 6) / d) * N ** (-2 / (k - 6)) / (4 * sympy.sqrt(sympy.E))

EGOSI = (
    PublishedBound(
        "logarithmic width", _EGOSI, "Theorem 4.4", "Kim et al. (2025), D.3", 2, "width", "upper", "explicit",
        k, (k >= 7, k <= d + 5, _EGOSI_WIDTH),
    ),
    # Without the least with d it would contradict width O(d) for every ρ: no theorem says that for d < log N. The
    # quotation says that it exceeds 1 from ρ = 4832/N on, where this formula is 2.
    PublishedBound(
        "logarithmic width from below", _EGOSI, "no number known", "Kim et al. (2025), section 3", 2, "width",
        "lower", "explicit", sympy.Min(d, 2 * sympy.log(N) / sympy.log(4832 / rho)), (rho < 1,),
        "for widths less than d",
    ),
    PublishedBound(
        "logarithmic width, entries", _EGOSI, "counted from Theorem 4.4", "Kim et al. (2025), D.3, Table 1", None,
        "all entries", "upper", "Õ", N + d, (rho < 1 / (sympy.sqrt(d) * _SPREAD),), "range up to its constant",
    ),
    PublishedBound(
        "logarithmic width, entries, larger ρ", _EGOSI, "counted from Theorem 4.4", "Kim et al. (2025), D.3, Table 1",
        None, "all entries", "upper", "Õ", N * d**3 * (rho * _SPREAD) ** 6 + d,
        (rho > 1 / (sympy.sqrt(d) * _SPREAD), rho < 1 / _SPREAD),
    ),
)  # fmt: skip

_REVIEW = "a review of the submission"

YU = (
    PublishedBound(
        "optimal width, l_inf", _YU, "Theorem 4.8", _REVIEW, math.inf, "width", "upper", "explicit",
        3 * d + 1, (rho < 1,),
    ),
    PublishedBound(
        "optimal depth, l_inf", _YU, "Theorem 4.8", _REVIEW, math.inf, "depth", "upper", "explicit",
        2 * N + 1, (rho < 1,),
    ),
    PublishedBound(
        "optimal non-zeros, l_inf", _YU, "Theorem 4.8", f"{_REVIEW} and the abstract", math.inf, "non-zeros", "upper",
        "O", N * d, (rho < 1,),
    ),
    PublishedBound(
        "optimal non-zeros, l_inf, bounded slope", _YU, "Theorem 5.2", f"{_REVIEW} and the abstract", math.inf,
        "non-zeros", "upper", "O", N * d * (1 + sympy.log(d)), (rho < 1,), "two classes",
    ),
    PublishedBound(
        "width of the first layer for more than d points", _YU, "no number known", "Kim et al. (2025), section 3",
        math.inf, "width of the first hidden layer", "lower", "explicit",
        d, (d < N, rho >= sympy.Rational(4, 5), rho < 1),
    ),
    PublishedBound(
        "optimal width, l_p", _YU, "Theorem B.6", "Kim et al. (2025), Lemma D.1", None, "width", "upper", "O",
        d, (sympy.Eq(sympy.Mod(p, 1), 0), rho < 1),
    ),
    PublishedBound(
        "optimal depth, l_p", _YU, "Theorem B.6", "Kim et al. (2025), Lemma D.1", None, "depth", "upper", "O",
        N * p * (sympy.log(d / gamma**p) + p * sympy.log(R) + sympy.log(p)),
        (sympy.Eq(sympy.Mod(p, 1), 0), rho < 1, R > 1),
    ),
    PublishedBound(
        "optimal entries, l_2", _YU, "counted from Theorem B.6", "Kim et al. (2025), Lemma D.2", 2, "all entries",
        "upper", "O", N * d**2 * _SIZE, (rho < 1, R > 1),
    ),
    PublishedBound(
        "optimal entries, l_p", _YU, "counted from Theorem B.6", "Kim et al. (2025), Table 1", None, "all entries",
        "upper", "Õ", N * d**2 * p**2, (sympy.Eq(sympy.Mod(p, 1), 0), rho < 1),
        "Table 1 has every p, Lemma D.1 whole ones",
    ),
    PublishedBound(
        "optimal non-zeros, l_2", _YU, "Theorem B.6", "Kim et al. (2025), Lemma E.3", 2, "non-zeros", "upper", "O",
        N * d * _SIZE, (rho < 1, R > 1),
    ),
)  # fmt: skip

# Li et al. call two classes 2 ε apart: their ε is half of the separation, so that δ < ε/2 is ρ < 1/2.
LI = (
    PublishedBound(
        "robust training", _LI, "Theorem 2.2", "source", None, "non-zeros", "upper", "Õ",
        N * d * sympy.log(d / delta) + N * sympy.log(N / delta), (_INF_OR_2, delta < eps / 2, eps < _HALF),
        "two classes, data in the unit ball of l_p; the second logarithm to some power",
    ),
    PublishedBound(
        "robust training from below", _LI, "Theorem 2.3", "source", 2, "non-zeros", "lower", "Ω",
        sympy.sqrt(N * d), (N >= 2, rho >= sympy.sqrt(1 - 1 / d), rho < 1),
        "the source states no range of ρ, also for p = ∞: this one is that of Kim et al. (2025), Proposition 3.3",
    ),
)  # fmt: skip
