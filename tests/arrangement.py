"""Adversarial robustness of f_adv in the maximum norm, decided on every piece of a ball."""

import numpy as np

from theory.setting.ideal import IdealClassifier


def is_robust(f_adv: IdealClassifier, x: np.ndarray, y: int) -> bool:
    """Whether `y f_adv > 0` on all of `B_∞(x, δ)`, for p = ∞ and a clean classifier `z ↦ z_j - 1/2`, any j.

    The faces of all memorized balls and the planes `z_j = 1/2` cut the ball into boxes, and `sgn f_adv` is constant on
    each open face of each box: one point of each is looked at. Exact for dyadic data.
    """
    axes = []
    for j, coordinate in enumerate(x):
        low, high = coordinate - f_adv.radius, coordinate + f_adv.radius
        centres = f_adv.points[f_adv.small, j]
        cuts = np.concatenate([centres - f_adv.radius, centres + f_adv.radius, [0.5]])
        cuts = np.unique(np.concatenate([cuts[(cuts > low) & (cuts < high)], [low, high]]))
        axes.append(np.union1d(cuts, (cuts[1:] + cuts[:-1]) / 2))
    z = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, len(x))
    return bool((y * f_adv(z) > 0).all())
