"""Small networks that sort pairs and have balls, for the checker's rule by Lipschitz constants."""

from functools import cache
from itertools import pairwise

import numpy as np

from constructions import Affine, ReLUNetwork
from constructions.check.files import Layer
from constructions.compact.lipschitz import GroupSort
from constructions.compact.memorizer import CompactMemorizer, compact_memorizer
from constructions.networks.network import dense
from tests.constructions.check.test_exact import layers_of

RADIUS = 0.5
Weights = list[tuple[np.ndarray, np.ndarray]]


@cache
def built(classes: int = 3, size: int = 40, dim: int = 6) -> CompactMemorizer:
    """Points of classes that overlap, a classifier of random isometries, and balls for most of them."""
    rng = np.random.default_rng(classes)
    points, codes = np.empty((0, dim)), np.empty(0, dtype=int)
    while len(points) < size:
        point, code = rng.uniform(0, 4, dim), int(rng.integers(classes))
        if np.all(np.linalg.norm(points[codes != code] - point, axis=1) > 2.2):
            points, codes = np.vstack([points, point]), np.append(codes, code)
    # Centred, and the first direction is that of the classes.
    directions = np.linalg.qr(np.column_stack([points[codes == 0].mean(0) - points.mean(0), rng.normal(size=(dim, 5))]))
    widths, layers = [6, 6, 4], [Affine(directions[0].T, -directions[0].T @ points.mean(axis=0))]
    for inputs, outputs in pairwise(widths):
        isometry = np.linalg.qr(rng.normal(size=(inputs, inputs)))[0][:outputs]
        layers.append(Affine(isometry, rng.normal(size=outputs)))
    layers.append(Affine(rng.normal(size=(classes, widths[-1])), np.zeros(classes)))
    labels = 2 * codes - 1 if classes == 2 else codes
    return compact_memorizer(
        points, labels, radius=RADIUS, clean=GroupSort(tuple(layers)), features=6, hidden=(6, 4), coordinates=6
    )


def weights_of(network: ReLUNetwork) -> Weights:
    """To be changed."""
    return [(dense(f.weight).copy(), f.bias.copy()) for f in network.layers]


def network_of(weights: Weights) -> ReLUNetwork:
    return ReLUNetwork(tuple(Affine(w, b) for w, b in weights))


def read(weights: Weights) -> list[Layer]:
    """As the checker has them."""
    return layers_of(network_of(weights))


def task(memorizer: CompactMemorizer) -> tuple[np.ndarray, np.ndarray, float]:
    """Points, labels as the network has them, radius."""
    sample = memorizer.task.sample
    return sample.points, np.asarray(sample.codes), memorizer.task.radius


def least_found(weights: Weights, points: np.ndarray, labels: np.ndarray, radius: float, seed: int = 0) -> np.ndarray:
    """The least margins found on the balls: at random points, towards other points, and near the best."""
    rng, length = np.random.default_rng(seed), radius * (1 - 1e-9)
    steps = np.stack(
        [*rng.standard_normal((8, *points.shape)), *(np.roll(points, k, axis=0) - points for k in range(40))]
    )
    steps[0] = 0
    found, best = np.full(len(points), np.inf), np.zeros_like(points)
    for size in (1.0, 0.5, 0.25, 0.125, 0.0625, 0.03):
        steps *= length / np.maximum(np.linalg.norm(steps, axis=2, keepdims=True), length if size < 1 else 1e-300)
        values = margins(
            outputs(weights, (points + steps).reshape(-1, points.shape[1])), np.tile(labels, len(steps))
        ).reshape(len(steps), -1)
        least = values.argmin(axis=0)
        value = values.min(axis=0)
        best = np.where((value < found)[:, None], steps[least, np.arange(len(points))], best)
        found = np.minimum(found, value)
        steps = best + size * length * rng.standard_normal((10, *points.shape)) / np.sqrt(points.shape[1])
    return found


def outputs(weights: Weights, x: np.ndarray) -> np.ndarray:
    for k, (weight, bias) in enumerate(weights):
        x = (np.maximum(x, 0) if k else x) @ weight.T + bias
    return x


def margins(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    if values.shape[1] == 1:
        return np.asarray(labels * values[:, 0])
    own = values[np.arange(len(values)), labels]
    others = values.copy()
    others[np.arange(len(values)), labels] = -np.inf
    return np.asarray(own - others.max(axis=1))
