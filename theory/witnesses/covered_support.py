"""A support that the training balls cover: there robust memorization is robustness, and no classifier is CGRO."""

from dataclasses import dataclass

import numpy as np

from theory.arguments.scalars import read_scalar
from theory.errors import AssumptionError
from theory.setting.ideal import IdealClassifier


@dataclass(frozen=True, eq=False)
class CoveredSupport:
    """D is uniform on the points of the sample S.

    Attributes:
        f_s: `f_clean` off the training balls, the labels on them: f_adv with all points memorized.
        robust_error: `L_D^{adv,δ}(f_s)`, and `L_S^{adv,δ}`, which is the same sum.
        robust_error_of_f_clean: `L_D^{adv,δ}(f_clean)`.
    """

    f_s: IdealClassifier
    robust_error: float
    robust_error_of_f_clean: float


def covered_support(radius: float) -> CoveredSupport:
    """Breaks the printed Lemma 4.5 of the later versions, which calls f_S CGRO for every sample.

    On the line, p = ∞, the points 0, `½ - δ/2` with label -1 and `½ + δ/2 + 2δ`, `1 + 4δ` with label +1, f_clean(x) =
    x - ½: classes are 3δ apart, f_clean has no clean error and one of its four balls reaches ½. D is uniform on the
    four points and S holds them all, as a sample of N points does but for a probability of at most `4 (3/4)^N`. So
    `L_D^{adv,δ} = L_S^{adv,δ}` for *every* classifier: what is robust on S is robust on D.

    Source: later-lemma-4.5, printed form.

    Args:
        radius: δ, in (0, 1/3].

    Raises:
        AssumptionError: if the radius is not in (0, 1/3].
    """
    radius = read_scalar(radius, "radius")
    if not 0 < radius <= 1 / 3:
        raise AssumptionError(f"covered_support needs 0 < radius <= 1/3, for its balls not to reach 0, got {radius}")
    points = np.array([[0.0], [0.5 - radius / 2], [0.5 + 2.5 * radius], [1.0 + 4 * radius]])
    labels = np.array([-1, -1, 1, 1])
    f_s = IdealClassifier(points, labels, np.arange(4), radius, np.inf, _less_half)
    return CoveredSupport(f_s, 0.0, 0.25)


def _less_half(x: np.ndarray) -> np.ndarray:
    return np.asarray(x[:, 0] - 0.5)
