"""How few bits a weight of a memorizer needs, against the number of points and the radius."""

from typing import Any

import numpy as np

from constructions.certificates.bit_complexity import bit_complexity
from constructions.memorizers.memorizer import robust_memorizer
from constructions.networks.network import ReLUNetwork
from theory.balls.relaxation import margin_lower_bound
from theory.setting.separation import separation


def precision_rows(
    sizes: tuple[int, ...] = (16, 64, 256), ratios: tuple[float, ...] = (0.1, 0.3, 0.45, 0.49, 0.499), dim: int = 8
) -> list[dict[str, Any]]:
    """Least precision of memorizers for p = ∞ of n uniform points with random labels, `radius = ratio · separation`."""
    rows = []
    for size in sizes:
        rng = np.random.default_rng(size)
        points, labels = rng.random((size, dim)), np.resize([-1, 1], size)
        gap = float(separation(points, labels, np.inf).distance)
        for ratio in ratios:
            radius = ratio * gap
            built = robust_memorizer(points, labels, radius=radius, p=np.inf, small="all")
            codes = built.task.sample.codes

            def proved(f: ReLUNetwork, r: float = radius, x: np.ndarray = points, y: np.ndarray = codes) -> int:
                return int(np.sum(margin_lower_bound(f.layers, x, y, r, np.inf, method="interval") > 0))

            least = bit_complexity(built.network, points, codes, radius, np.inf, certified=proved)
            rows.append(
                {"N": size, "d": dim, "separation": gap, "radius / separation": ratio, "radius": radius}
                | {"bits": least.bits, "non-zeros": least.nonzero, "total bits": least.total}
            )
    return rows
