"""The proof of a compact memorizer, read from its weights: products of norms, and distances in few coordinates.

Let the network be its parts put together, weight for weight, and on a ball `B_2(x_j, δ)` let no sum that is only
carried be negative. There

- stage k has values within `δ Λ_k ‖w‖` of those at `x_j`, w its row and `Λ_k` the product of the norms of all layers
  before it: sorting pairs is 1-Lipschitz;
- so for the outputs g of the GroupSort network `g_y - g_c >= (g_y - g_c)(x_j) - δ Λ ‖w_y - w_c‖`;
- u is within `δ' = δ Λ_u` of `u(x_j)` in l_2, and with `q = ‖u(x_j) - v_i/2‖` over the coordinates of the sum that ball
  i reads, `κ_i = a_i + ‖v_i/2‖²` and squares at most η above the real ones,
  `κ_i - (q + δ')² - η <= a_i + v_i·u - Ŝ <= κ_i - (q - δ')₊²`.

An output gains what the balls of its class give, at least the lower bound, and a rival at most the upper one, 0 for
most. Values at `x_j` are computed in float64, within the error of `execution_error`; the executed network differs from
the real one by that error in its own format, once more. The last layer adds numbers >= 0 of one sign to each output.
"""

import numpy as np
from jaxtyping import Bool, Float

from constructions.certificates.executed_intervals import FORMATS
from constructions.certificates.execution_error import execution_error
from constructions.certificates.indicator_proof import is_same
from constructions.certificates.structural_proof import box_of_balls
from constructions.compact.network import Balls, Parts
from constructions.compact.norms import operator_norm
from constructions.networks.network import Affine, ReLUNetwork, dense, sparse
from constructions.samples.sample import Sample, class_positions
from constructions.samples.task import Task
from theory.roundoff import TINY, gamma, norm_upper_bound

_ROWS, _COLUMNS = 512, 8192
# Above every relative error of a few operations, and of sums over balls.
_SLACK = 1 + 2.0**-36
# Products of so few numbers of such sizes neither overflow nor vanish, and float32 holds the numbers.
_LARGEST, _STAGES = 2.0**100, 8


def compact_bounds(network: ReLUNetwork, parts: Parts, task: Task, arithmetic: str) -> Float[np.ndarray, " n"]:
    """Sound lower bounds of the margins on the balls of the task; `-inf` where the proof fails.

    Args:
        network: any.
        parts: what it is said to be put together of.
        task: whose balls are asked.
        arithmetic: "reals", "float64" or "float32".
    """
    sample, radius = task.sample, task.radius
    points, (labels, classes) = sample.points, class_positions(sample.codes, sample.outputs)
    failed = np.full(len(points), -np.inf)
    last = _read_last(parts, sample)
    if task.p != 2 or parts.outputs != classes or last is None or not _is_ordinary(parts, task):
        return failed
    if not is_same(network, parts.network()):
        return failed
    reading = _Reading(network, task, arithmetic)
    kept, lipschitz, values = reading.first_stages(parts)
    outputs = values[-1]
    weight = dense(parts.stages[-1].weight)
    apart = norm_upper_bound(weight[:, None] - weight[None], 2.0) * _SLACK
    error = reading.error(parts.layer_of_stage(len(parts.stages) - 1))[: parts.outputs]
    gained, most = np.zeros(len(points)), np.zeros_like(outputs)
    if parts.balls is not None:
        inside, gained, most = _gains(reading, parts, parts.balls, labels, values[0], last)
        kept &= inside
        error = reading.error(parts.behind)[: parts.outputs]
    every, steepest = np.arange(len(points)), radius * lipschitz * _SLACK
    # The error twice: of the values at the point, and on the ball; for each of two outputs.
    margins = outputs[every, labels][:, None] - outputs - steepest * apart[labels] - 4 * float(error.max())
    margins += gained[:, None] - most
    size = np.abs(outputs).max(axis=1, keepdims=True) + steepest * norm_upper_bound(weight, 2.0).max() + error.max()
    relative = gamma(16) + (0.0 if arithmetic == "reals" else FORMATS[arithmetic].gamma(network.layers[-1].inputs + 4))
    lost = 4 * relative * (2 * size + gained[:, None] + most + steepest * apart.max())
    margins -= lost + TINY
    margins[every, labels] = np.inf
    return np.where(kept, margins.min(axis=1), -np.inf)


def _is_ordinary(parts: Parts, task: Task) -> bool:
    """Whether nothing that the rules multiply can overflow or vanish."""
    arrays = [task.sample.points, np.array([task.radius])]
    layers = [parts.pool, *parts.stages, parts.last]
    if parts.balls is not None:
        layers += [parts.balls.coordinates, parts.balls.rows]
        arrays += [parts.balls.width]
    for layer in layers:
        arrays += [layer.weight if isinstance(layer.weight, np.ndarray) else layer.weight.data, layer.bias]
    sizes = [np.abs(array[array != 0]) for array in arrays]
    small = all(len(size) == 0 or (size.min() >= 1 / _LARGEST and size.max() <= _LARGEST) for size in sizes)
    return small and 2 <= len(parts.stages) <= _STAGES


def norms_before(parts: Parts) -> list[float]:
    """Upper bounds of the Lipschitz constants of the values that each stage reads."""
    found = [operator_norm(dense(parts.pool.weight))]
    for stage in parts.stages[:-1]:
        found.append(found[-1] * operator_norm(dense(stage.weight)) * _SLACK)
    return found


def squared_distances(
    u: Float[np.ndarray, "n k"], centres: Float[np.ndarray, "m k"], member: Float[np.ndarray, " k"]
) -> tuple[Float[np.ndarray, "m n"], Float[np.ndarray, " m"]]:
    """`Σ_{f in S} (u_f - c_f)²` of all pairs in float64, and for each centre a bound of its error."""
    seen = np.flatnonzero(member)
    x, c = u[:, seen], centres[:, seen]
    squares, own = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", c, c)
    distances = own[:, None] + squares - 2 * c @ x.T
    error = 4 * gamma(len(seen) + 8) * (np.sqrt(own) + np.sqrt(squares.max())) ** 2 + TINY
    return distances, error


class _Reading:
    """Values of layers at the points, how far they are from the real ones, and the executed ones from those."""

    def __init__(self, network: ReLUNetwork, task: Task, arithmetic: str) -> None:
        self.task, self.arithmetic, self._layers = task, arithmetic, network.layers
        self._box = box_of_balls(task.sample.points, task.radius)
        self._errors: dict[int, np.ndarray] = {}

    def error(self, number: int) -> np.ndarray:
        """Of the sums of a layer: a bound that holds of float64 at the points and of the execution on the balls."""
        if number not in self._errors:
            layers = self._layers[: number + 1]
            found = execution_error(layers, *self._box, "float64")
            if self.arithmetic != "reals":
                found = np.maximum(found, execution_error(layers, *self._box, self.arithmetic))
            self._errors[number] = found
        return self._errors[number]

    def values(self, number: int, columns: int) -> np.ndarray:
        """The first sums of a layer at the points, in float64."""
        layers = [*self._layers[:number], _head(self._layers[number], columns)]
        return ReLUNetwork(tuple(layers))(self.task.sample.points)

    def first_stages(self, parts: Parts) -> tuple[Bool[np.ndarray, " n"], float, list[np.ndarray]]:
        """Where all carried sums are surely >= 0, the last Lipschitz constant, and the values of the stages."""
        radius, norms = self.task.radius, norms_before(parts)
        kept = self.is_carried(0, self.values(0, parts.pool.outputs), radius * _row_norms(parts.pool))
        values = []
        for k, stage in enumerate(parts.stages):
            number = parts.layer_of_stage(k)
            found = self.values(number, stage.outputs)
            kept &= self.is_carried(number, found, radius * norms[k] * _row_norms(stage))
            values.append(found)
        return kept, norms[-1], values

    def is_carried(self, number: int, values: np.ndarray, reach: np.ndarray | float) -> np.ndarray:
        """Whether no sum of the layer is negative on the ball, over the reals or as executed."""
        error = 2 * self.error(number)[: values.shape[1]]
        return np.asarray((values - (reach * _SLACK + error) * _SLACK >= 0).all(axis=1))


def _head(layer: Affine, rows: int) -> Affine:
    return layer if rows == layer.outputs else Affine(layer.weight[:rows], layer.bias[:rows])


def _row_norms(layer: Affine) -> np.ndarray:
    return norm_upper_bound(dense(layer.weight), 2.0)


def _read_last(parts: Parts, sample: Sample) -> tuple[np.ndarray, np.ndarray] | None:
    """The class and the factor of each ball, if the last layer adds the balls to the outputs; else None."""
    weight, classes = dense(parts.last.weight), parts.outputs
    wanted = np.array([[-1.0, 1.0]]) if sample.outputs == 1 else np.eye(classes)
    if parts.last.bias.any() or not np.array_equal(weight[:, :classes], wanted):
        return None
    heights = weight[:, classes:]
    if sample.outputs == 1:
        heights = np.vstack([np.maximum(-heights, 0), np.maximum(heights, 0)])
    one = np.count_nonzero(heights, axis=0) == 1
    return (heights.argmax(axis=0), heights.max(axis=0)) if one.all() and (heights >= 0).all() else None


def _gains(
    reading: _Reading, parts: Parts, balls: Balls, labels: np.ndarray, first: np.ndarray, last: tuple[np.ndarray, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the rule of the balls applies; the least that the own class gains there; the most that each other gains."""
    size, (owner, height) = len(labels), last
    gained, most = np.zeros(size), np.zeros((size, parts.outputs))
    if not _is_sound(balls):
        return np.zeros(size, dtype=bool), gained, most
    u, near = _coordinates(reading, parts, balls, first)
    inside = np.asarray(((u - near >= 0) & (u + near <= balls.width)).all(axis=1))
    centres, member = dense(balls.centres), dense(balls.sums)
    above = member @ (balls.width**2 * 4.0 ** -(balls.tents + 1)) * _SLACK
    lengths = np.einsum("ij,ij->i", centres, centres)
    kappa = balls.rows.bias + lengths
    off = 2 * gamma(balls.size + 16) * (np.abs(balls.rows.bias) + lengths + np.abs(kappa)) + TINY
    off += reading.error(parts.behind)[parts.outputs :] * _SLACK
    for rows in _blocks_of_sums(balls.which):
        g = balls.which[rows[0]]
        for columns in _blocks(np.arange(size), _COLUMNS):
            squares, error = squared_distances(u[columns], centres[rows], member[g])
            least = np.sqrt(np.maximum(squares - error[:, None], 0)) / _SLACK - near
            raised = (kappa + off)[rows, None] - np.maximum(least, 0) ** 2 / _SLACK
            own = owner[rows, None] == labels[columns]
            i, j = np.nonzero(~own & (raised > 0))
            np.add.at(most, (columns[j], owner[rows][i]), height[rows][i] * raised[i, j] * _SLACK)
            i, j = np.nonzero(own & (raised > 0))
            greatest = np.sqrt(np.maximum(squares[i, j], 0) + error[i]) * _SLACK + near
            lowered = (kappa - off)[rows][i] - greatest**2 * _SLACK - above[g]
            np.add.at(gained, columns[j], height[rows][i] * np.maximum(lowered, 0) / _SLACK)
    return inside, gained, most


def _coordinates(reading: _Reading, parts: Parts, balls: Balls, first: np.ndarray) -> tuple[np.ndarray, float]:
    """u at the points, and how far from it u is anywhere on their balls, errors included."""
    weight = np.abs(dense(balls.coordinates.weight))
    lipschitz = norms_before(parts)[1] * operator_norm(dense(balls.coordinates.weight)) * _SLACK
    # The error of the first sums is passed on; then there is that of the product here, and of the layer.
    off = weight @ reading.error(parts.layer_of_stage(0)) + reading.error(parts.layer_of_stage(0) + 1)[-balls.size :]
    off = off + 2 * gamma(first.shape[1] + 8) * ((np.abs(first) @ weight.T).max(axis=0) + balls.width)
    near = (reading.task.radius * lipschitz + 2 * float(norm_upper_bound(off, 2.0))) * _SLACK
    return first_sums(balls, first), near


def first_sums(balls: Balls, first: Float[np.ndarray, "n m"]) -> Float[np.ndarray, "n k"]:
    """The coordinates of the balls, from the sums of the first layer, in float64."""
    return np.asarray(np.maximum(first, 0) @ dense(balls.coordinates.weight).T + balls.coordinates.bias)


def _is_sound(balls: Balls) -> bool:
    """Whether sums and rows are what the rule is about: squares with weight 1, read once, at centres within the sum."""
    # As an array: what a sparse matrix stores twice is added.
    sums, rows = dense(balls.sums), sparse(balls.rows.weight)
    reads = rows[:, : len(sums)]
    if not (np.all(np.diff(reads.indptr) == 1) and np.all(reads.data == -1) and np.isin(sums, (0.0, 1.0)).all()):
        return False
    outside = np.asarray(dense(balls.centres) != 0) & (sums[balls.which] == 0)
    return not outside.any() and bool(np.all(np.frexp(balls.width)[0] == 0.5))


def _blocks_of_sums(which: np.ndarray) -> list[np.ndarray]:
    """Balls that read the same sum, some at a time."""
    return [rows for g in np.unique(which) for rows in _blocks(np.flatnonzero(which == g), _ROWS)]


def _blocks(numbers: np.ndarray, step: int) -> list[np.ndarray]:
    return [numbers[start : start + step] for start in range(0, len(numbers), step)]
