"""Known bounds of indicators by distances, where intervals are too wide: for p = 1 and 2, over the reals.

Both rules give bounds of the first values of one layer, `E_i` of the indicators, over every ball `B_p(x_k, r)`. They
are for numbers of ordinary size: no weight, bias, coordinate or radius beyond 2^200. What underflows is at most 2^-1074
times three such factors, and a sum of those is below 2^-300.
"""

import numpy as np

from constructions.check.files import Layer
from constructions.check.known import LARGEST, Known
from constructions.check.slopes import mean_value_bounds
from constructions.check.squares import square_bounds


def indicator_bounds(
    layers: list[Layer], widths: list[int], points: np.ndarray, radius: float, p: float
) -> Known | None:
    """The rule for p, or None where it does not apply. `widths`: of the layers of the indicators, inputs included."""
    read = layers[: 2 if p == 1 else len(widths)]
    numbers = [points, *(f.value for f in read), *(f.bias for f in read)]
    if not max(radius, *(float(np.abs(n).max(initial=0.0)) for n in numbers)) <= LARGEST:
        return None
    with np.errstate(all="ignore"):
        if p == 1 and len(layers) > 2:
            return mean_value_bounds(layers, points, radius)
        if p == 2 and len(widths) > 4 and len(widths) <= len(layers):
            return square_bounds(layers, widths, points, radius)
    return None
