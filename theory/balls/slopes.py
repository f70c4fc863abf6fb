"""Linear relaxation with lower slopes that are searched for: tighter, and as sound.

Source: Xu et al. (2021), α-CROWN, arXiv:2011.13824.
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from theory.balls.budget import Progress, deadline_of, is_over
from theory.balls.intervals import least_after_relu, least_of_forms
from theory.balls.prepared import blocks, merge, prepare, widest
from theory.balls.propagation import STEP_BYTES, check_task, interval_ranges, relaxed
from theory.balls.regions import Regions
from theory.balls.slope_search import optimised, tightened
from theory.balls.violations import Violations
from theory.layers import Layers


def slope_lower_bounds(
    layers: Layers,
    regions: Regions,
    violations: Violations,
    *,
    steps: int = 20,
    hidden_steps: int = 0,
    seconds: Any = None,
    progress: Progress | None = None,
) -> Float[np.ndarray, "n conjunctions"]:
    """Lower bounds as `violation_lower_bounds`, by linear relaxation with slopes chosen by a search; never looser.

    Args:
        layers: the network.
        regions: of its inputs.
        violations: of its outputs, for each region its own or one for all.
        steps: of the search for the violations' own slopes.
        hidden_steps: of the search for those of each bound of a hidden neuron: much tighter, and `hidden_steps` times
            slower.
        seconds: after which no further step is begun, and regions that were not begun have the bound -∞; None for no
            limit.
        progress: called with the numbers of regions that are done, and of all.

    Raises:
        ValueError: if shapes do not fit.
    """
    deadline, affines = deadline_of(seconds), prepare(layers)
    check_task(affines, regions, violations)
    hidden = affines[:-1]
    lower = np.full((len(regions), int(np.prod(violations.offsets.shape[1:]))), -np.inf)
    forms = lower.shape[1] if hidden_steps < 1 else max(lower.shape[1], 2 * widest(affines))
    for rows in blocks(len(regions), 2 * forms * widest(affines), STEP_BYTES):
        if is_over(deadline):
            break
        some = regions.take(rows)
        with np.errstate(over="ignore", invalid="ignore"):
            head = merge(*violations.take(rows).flat(), affines[-1])
            if not hidden:
                lower[rows] = least_of_forms(head, some)
                continue
            plain = interval_ranges(hidden, some)
            best = least_after_relu(head, plain[-1])
            found = relaxed(hidden, some, plain)
            best = np.maximum(best, least_after_relu(head, found[-1].bounds))
            best = np.maximum(best, optimised(head, found, some, steps=steps, deadline=deadline)[0].lower)
            if hidden_steps > 0 and len(hidden) > 1 and not is_over(deadline):
                found = tightened(found, some, steps=hidden_steps, deadline=deadline)
                best = np.maximum(best, optimised(head, found, some, steps=steps, deadline=deadline)[0].lower)
            lower[rows] = best
        if progress is not None:
            progress(rows.stop, len(regions))
    return violations.excluded(lower)
