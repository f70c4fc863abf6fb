"""Memorization by the distance to every point, its maximum taken by a tree of ReLUs: p = ∞.

For each point `c_i` and coordinate `e_j = σ(x_j - c_ij - t) + σ(c_ij - x_j - t)`, and `max_j e_j` by a binary tree of
`max(a, b) = σ(a - b) + σ(b)`, right for `b >= 0`. Then `I_i = σ(1 - max_j e_j / ramp)` and class sums.

Source: in the manner of Li, Jin, Zhong, Hopcroft, Wang (2022), whose network also computes the distance to each point.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float

from constructions.certificates.executed_intervals import FORMATS, as_executed
from constructions.certificates.execution_error import execution_error
from constructions.certificates.indicator_proof import IndicatorCheck, check_indicators, is_same
from constructions.certificates.structural_proof import ball_margins, box_of_balls
from constructions.memorizers.construction import PlainMemorizer, class_sums
from constructions.memorizers.size import size_of
from constructions.networks.network import Affine, ReLUNetwork, sparse
from constructions.pieces.excess import linf_excess
from constructions.pieces.soft_indicators import ramp_of, zeros_per_point
from constructions.samples.task import Task, read_task


def max_tree_memorizer(points: Any, labels: Any, *, radius: Any, shell: Any = None) -> PlainMemorizer:
    """The network; `n (10 d - 2)` non-zeros for d a power of two, `max_tree_nonzero` otherwise, less accidental zeros.

    Depth `3 + ⌈log2 d⌉`. 1 on the balls and 0 off their shells, exactly, as the ramp takes the middle half of a shell.

    Args:
        points: shape (n, d).
        labels: -1 and +1 (one output, its sign), or any hashable classes (one output a class, argmax).
        radius: δ > 0, in l_inf.
        shell: γ; `R - 2 δ` when None.

    Raises:
        ValueError: for malformed arguments.
        AssumptionError: if `2 δ + γ <= R` fails.
    """
    task = read_task(points, labels, radius, shell, np.inf)
    c, (size, dim) = task.sample.points, task.sample.points.shape
    t, ramp = ramp_of(task.radius, task.shell)
    tree, root = _tree(size, dim)
    layers = (
        linf_excess(c, t).layers[0],
        *tree,
        Affine(root * (-1 / ramp), np.ones(size)),
        Affine(class_sums(task.sample), np.zeros(task.sample.outputs)),
    )
    network = ReLUNetwork(layers, task.sample.classes)
    zeros = zeros_per_point(c, task.radius, task.shell, np.inf)
    return PlainMemorizer(network, task, size_of(network, max_tree_nonzero(size, dim) - zeros, zeros), max_tree_bounds)


def max_tree_nonzero(size: int, dim: int) -> int:
    """Non-zeros of the network for n points of R^d in general position.

    A point: 4 d for the sides, `p + 2 q` for the maximum of values that are sums of p and of q neurons, the root and
    its bias, and 1 for the class sum.
    """
    neurons, tree = [2] * dim, 0
    while len(neurons) > 1:
        pairs = list(zip(neurons[::2], neurons[1::2], strict=False))
        odd = neurons[2 * len(pairs) :]
        tree += sum(p + 2 * q for p, q in pairs) + sum(odd)
        neurons = [2] * len(pairs) + [1] * len(odd)
    return size * (4 * dim + tree + neurons[0] + 2)


def max_tree_widths(size: int, dim: int, outputs: int) -> tuple[int, ...]:
    """Sizes of all layers of the network for n points of R^d, input and output included."""
    widths, count = [dim, 2 * size * dim], dim
    while count > 1:
        widths.append(size * count)
        count = count // 2 + count % 2
    return (*widths, size, outputs)


def max_tree_bounds(network: ReLUNetwork, task: Task, arithmetic: str) -> Float[np.ndarray, " n"]:
    """Structural proof: sound lower bounds of the margins on every ball, read from the weights.

    Intervals double with every level of the tree and prove nothing. The tree is compared weight for weight with one
    that computes `max_j` over the reals; then the sides, thresholds and slopes are read from the weights: all sides 0
    on the own ball, and each large enough to close the indicator beyond the shell by itself, which serve for the
    maximum as they do for the sum. With `2 δ + γ <= R` the margin is at least 1 on every ball.

    Executed, a side has one rounding, which keeps its sign, so on the own ball all of the tree is 0 exactly; elsewhere
    the argument of the last ReLU is computed with an error bound (`constructions.certificates.execution_error`).

    Args:
        network: of `max_tree_memorizer`, or what became of it.
        task: what it memorizes.
        arithmetic: "reals", "float64" or "float32".
    """
    sample, (size, dim) = task.sample, task.sample.points.shape
    tree, root = _tree(size, dim)
    lower = np.full(size, -np.inf)
    block = ReLUNetwork(network.layers[:-2])
    sums = ReLUNetwork((Affine(class_sums(sample), np.zeros(sample.outputs)),))
    ramp = network.layers[-2]
    slopes = np.zeros(size)
    if ramp.weight.shape == root.shape:
        slopes = -np.asarray(sparse(ramp.weight).sum(axis=1) / root.sum(axis=1)).ravel()
    scaled = ReLUNetwork((Affine(sp.csr_array(sp.diags_array(-slopes) @ root), np.ones(size)),))
    same = (
        network.depth == len(tree) + 3
        and block.inputs == dim
        and block.layers[0].outputs == 2 * size * dim
        and (not tree or is_same(ReLUNetwork(block.layers[1:]), ReLUNetwork(tuple(tree))))
        and is_same(ReLUNetwork((ramp,)), scaled)
        and is_same(ReLUNetwork(network.layers[-1:]), sums)
    )
    if same and np.all(slopes > 0) and task.is_separated:
        sums_a_point = linf_excess(sample.points, 0.0).layers[1].weight
        by_sum = Affine(sp.csr_array(sp.diags_array(-slopes) @ sums_a_point), np.ones(size))
        sides = block.layers[0]
        moved = None
        if arithmetic != "reals":
            executed = as_executed(ReLUNetwork((sides,)), arithmetic).layers[0]
            box = box_of_balls(sample.points, task.radius)
            moved = execution_error(network.layers[:-1], *box, arithmetic) / slopes * (1 + 2.0**-40)
            # A subnormal coordinate or bias may be read as zero, and a side has one rounding, which keeps its sign.
            least = 2 * FORMATS[arithmetic].least
            own = _check_sides(executed, by_sum, replace(task, radius=float(np.nextafter(task.radius + least, np.inf))))
        else:
            own = _check_sides(sides, by_sum, task)
        inner, outer = own.inner, _check_sides(sides, by_sum, task, moved).outer
        lower = ball_margins(IndicatorCheck(inner, outer), lower, sample.codes, np.arange(size))
    return lower


def _check_sides(sides: Affine, by_sum: Affine, task: Task, moved: np.ndarray | None = None) -> IndicatorCheck:
    everywhere = np.full(sides.inputs, np.inf)
    block = ReLUNetwork((sides, by_sum))
    return check_indicators(
        block,
        task.sample.points,
        task.radius,
        task.shell,
        -everywhere,
        everywhere,
        p=np.inf,
        method="per_point",
        moved=moved,
    )


def _tree(size: int, dim: int) -> tuple[list[Affine], sp.csr_array]:
    """The layers of the tree for every point, and the sum of neurons that is the root."""
    copies = sp.eye_array(size)
    # The sides are ordered point by point, first all upper ones, then all lower ones.
    values = sp.hstack([sp.eye_array(size * dim), sp.eye_array(size * dim)], format="csr")
    layers: list[Affine] = []
    count = dim
    while count > 1:
        half, odd = count // 2, count % 2
        one = sp.eye_array(count, format="csr")
        first, second, rest = one[: 2 * half : 2], one[1 : 2 * half : 2], one[2 * half :]
        step = sp.vstack([first - second, second, rest], format="csr")
        layers.append(_linear(sp.kron(copies, step, format="csr") @ values))
        identity = sp.eye_array(half)
        join = sp.hstack([identity, identity], format="csr")
        if odd:
            join = sp.block_diag([join, np.ones((1, 1))], format="csr")
        values = sp.csr_array(sp.kron(copies, join, format="csr"))
        count = half + odd
    return layers, sp.csr_array(values)


def _linear(weight: Any) -> Affine:
    return Affine(sp.csr_array(weight), np.zeros(weight.shape[0]))
