"""Published bounds on memorization without perturbations, and papers on what is near it, as context."""

from dataclasses import dataclass

import sympy

from theory.sizes.published_bound import N, PublishedBound, d, s

_VARDI = "Vardi, Yehudai, Shamir (2022), ICLR, arXiv:2110.03187"
_GOLDBERG = "Goldberg, Jerrum (1995), Machine Learning 18"
_YANG = "Yang, Yang (2026), arXiv:2603.09589"
_THROUGH_KIM = "Kim et al. (2025), Theorem B.4"
_BALL = "data in the unit ball, any two at distance at least s, finitely many labels; the abstract states no range of s"

MEMORIZATION = (
    PublishedBound(
        "no perturbation", _VARDI, "Theorem 3.1", f"{_THROUGH_KIM} and the abstract", None, "all entries", "upper", "Õ",
        sympy.sqrt(N) + d, assumes="any two points apart, whatever their labels; d is the first layer's",
        robust=False,
    ),
    PublishedBound(
        "no perturbation, width", _VARDI, "Theorem 3.1", _THROUGH_KIM, None, "width", "upper", "explicit",
        sympy.Integer(12), robust=False,
    ),
    PublishedBound(
        "no perturbation, from below", _GOLDBERG, "bound on the VC dimension",
        "Kim et al. (2025), 1.1, and the abstract of Vardi et al.", None, "non-zeros", "lower", "Ω",
        sympy.sqrt(N), robust=False,
    ),
    PublishedBound(
        "no perturbation, width times depth", _YANG, "abstract", "its abstract", None, "width times depth", "upper",
        "O", sympy.sqrt(N * sympy.log(1 / s)), (s <= sympy.Rational(1, 2),), _BALL, robust=False,
    ),
    PublishedBound(
        "no perturbation, width times depth from below", _YANG, "abstract", "its abstract", None, "width times depth",
        "lower", "Ω", sympy.sqrt(N / sympy.log(1 / s)), (s <= sympy.Rational(1, 2),), _BALL, robust=False,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Context:
    """A paper without a bound to put beside ours.

    Attributes:
        source: authors, year, venue.
        says: what it has to do with the statements here.
        read: "source", or what of it was read.
    """

    source: str
    says: str
    read: str


CONTEXT = (
    Context(
        "Yu, Gao, Zhang, Miao (2024), NeurIPS, arXiv:2411.00372",
        "memorizing networks generalize only if their width is at least d, and for some laws only with exponentially "
        "many parameters in d: small memorizers are not those that generalize",
        "its abstract",
    ),
    Context(
        "Shi, Liu, Cao, Suykens (2024), arXiv:2401.13624",
        "infinitely many networks with almost no adversarial training error have a good robust test error, for "
        "separated classes and small perturbations: what Theorem 3.3 builds exists, and so does its opposite",
        "its abstract",
    ),
    Context(
        "Lee, Chung (2026), ICML, arXiv:2605.21999",
        "in a two-layer model, a teacher confident on points that cannot be learnt robustly makes the student memorize "
        "their noise: robust overfitting out of adversarial distillation",
        "its abstract",
    ),
)
"""Papers of 2024 to 2026 on memorization and robust overfitting."""
