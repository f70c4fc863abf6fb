"""The clean classifier `f_clean`: taken from the user in several forms, or fitted."""

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from constructions.memorizers.coordinates import Coordinates, common_unit, principal
from constructions.memorizers.descent import descend
from constructions.memorizers.logistic import logistic_regression
from constructions.networks.network import Affine, ReLUNetwork
from constructions.networks.reading import read_network
from constructions.samples.sample import class_positions
from theory.balls.relaxation import margin_lower_bound
from theory.errors import AssumptionError
from theory.setting.losses import margins

# Points up to which a regression on all features is tried.
_FULL_BATCH = 10_000
_COORDINATES = 512
_WIDEST = 256
_STARTS = 3
# Multiplications of a layer and a pass up to which L-BFGS on all points is quicker than Adam on some.
_CHEAP = 4e7
# Passes of Adam without a fifth fewer errors; of a hidden layer that has to be without error, or that need not be.
_AFFINE_PATIENCE, _PATIENCE, _HASTE = 2, 15, 3

# Is given a function to tell the number of errors left.
Attempt: TypeAlias = Callable[[Callable[[int], None]], ReLUNetwork]
Layer: TypeAlias = tuple[np.ndarray, np.ndarray]


def as_network(clean: Any, dim: int, outputs: int) -> ReLUNetwork:
    """The given classifier as a `ReLUNetwork` from `R^dim` with as many outputs.

    Args:
        clean: whatever `constructions.networks.reading.read_network` reads.
        dim: dimension of the data.
        outputs: 1 for labels ±1, else the number of classes.

    Raises:
        ValueError: for another type or other sizes, or what cannot be read.
    """
    network = read_network(clean, name="clean")
    if (network.inputs, network.outputs) != (dim, outputs):
        raise ValueError(
            f"clean must map R^{dim} to {outputs} output(s) for this data, got {network.inputs} inputs and "
            f"{network.outputs} outputs: one output for labels -1 and +1, otherwise one for each class, "
            "in the order of the sorted labels"
        )
    return network


def no_information(dim: int, outputs: int) -> ReLUNetwork:
    """The classifier that is 0 everywhere, and so of no label."""
    return ReLUNetwork((Affine(sp.csr_array((outputs, dim)), np.zeros(outputs)),))


def fit_clean(
    points: Float[np.ndarray, "n d"],
    codes: Int[np.ndarray, " n"],
    outputs: int,
    *,
    seed: int = 0,
    progress: bool = False,
) -> ReLUNetwork:
    """A small network without training error: affine if that works, else with one hidden layer.

    First a weakly regularised logistic regression of the points in one common unit, which keeps the proportions of the
    l_p balls, for up to 10,000 points. Then, in at most 512 principal coordinates of the features in units of their
    own ranges, which are folded into the first layer: an affine classifier, and hidden layers of width w, 2w and 4w,
    `w = min(max(32, d), 256)`, so O(d). A network is accepted if the margin of every point is proved to be positive
    over the reals, rounding of the evaluation included, and comes out positive in float64.

    Args:
        points: the sample.
        codes: labels, ±1 for one output, else class numbers 0, …, outputs - 1.
        outputs: 1 or the number of classes.
        seed: of the first weights, the order of the points and the directions.
        progress: whether to show on stderr what is tried and how many errors are left.

    Raises:
        AssumptionError: if every attempt has a training error.
    """
    network, errors = _fitted(points, codes, outputs, seed, progress, hasty=False)
    if errors[-1]:
        raise AssumptionError(
            "robust_memorizer needs a clean classifier without training error, and found neither an affine one nor one "
            f"with up to {_width(points) << (_STARTS - 1)} hidden neurons (misclassified of {len(points)} points, by "
            f'attempt: {errors}): pass your own as clean=…, or take small="auto", which memorizes what it gets wrong'
        )
    return network


def best_fit(
    points: Float[np.ndarray, "n d"],
    codes: Int[np.ndarray, " n"],
    outputs: int,
    *,
    seed: int = 0,
    progress: bool = False,
) -> ReLUNetwork:
    """A small network with few training errors, for a caller who memorizes the points that it gets wrong.

    It is the affine one with the fewest, or the widest of `fit_clean` that has at most half as many as all before it.
    The first that has not ends the search, and its training ends when errors are slow to fall: a hidden layer that
    learns points one by one (random labels) takes long, and has so large slopes that few balls are saved by it.

    Arguments as of `fit_clean`.
    """
    return _fitted(points, codes, outputs, seed, progress, hasty=True)[0]


def _fitted(
    points: np.ndarray, codes: np.ndarray, outputs: int, seed: int, progress: bool, *, hasty: bool
) -> tuple[ReLUNetwork, list[int]]:
    """The best network, and the errors of every attempt; the last one is without, if any is.

    In haste the best has a hidden layer only if that halves the errors, and no wider one is tried if it does not.
    """
    errors: list[int] = []
    best: ReLUNetwork | None = None
    bar = Progress(
        TextColumn("clean classifier, {task.description}"),
        BarColumn(),
        TextColumn("{task.fields[errors]:,} errors left"),
        console=Console(stderr=True),
        disable=not progress,
    )
    with bar:
        patience = _HASTE if hasty else _PATIENCE
        for name, attempt in _attempts(points, codes, outputs, _width(points), patience, seed):
            task = bar.add_task(name, total=len(points), errors=len(points))

            def report(wrong: int, task: TaskID = task) -> None:
                bar.update(task, completed=len(points) - wrong, errors=wrong)

            network = attempt(report)
            wrong = _errors(network, points, codes)
            report(wrong)
            vain = hasty and network.depth > 1 and 2 * wrong > min(errors)
            if best is None or (wrong < min(errors) and not vain):
                best = network
            errors.append(wrong)
            if wrong == 0 or vain:
                break
    if best is None:
        raise AssertionError("there is an attempt for all data")
    return best, errors


def _width(points: np.ndarray) -> int:
    return min(max(32, int(points.shape[1])), _WIDEST)


def _errors(network: ReLUNetwork, points: np.ndarray, codes: np.ndarray) -> int:
    """Points whose margin is not proved to be positive, or does not come out positive."""
    proved = margin_lower_bound(network.layers, points, codes, 0.0, np.inf, method="interval")
    return int(np.sum(~((proved > 0) & (margins(network(points), codes) > 0))))


def _attempts(
    points: np.ndarray, codes: np.ndarray, outputs: int, width: int, patience: int, seed: int
) -> Iterator[tuple[str, Attempt]]:
    size = len(points)
    if size <= _FULL_BATCH:
        common = common_unit(points)
        yield "affine", lambda report: _behind(common, _regression(common.of(points), codes, outputs))
    chosen = principal(points, _COORDINATES, seed)
    seen = chosen.of(points)
    labels = class_positions(codes, outputs)[0]

    def trained(neurons: int, passes: int, start: int, report: Callable[[int], None]) -> ReLUNetwork:
        if size * seen.shape[1] * (neurons or outputs) > _CHEAP:
            layers = descend(seen, labels, outputs, neurons, patience=passes, seed=start, report=report)
        elif neurons:
            layers = _hidden_layer(seen, codes, outputs, neurons, start)
        else:
            layers = _regression(seen, codes, outputs)
        return _behind(chosen, layers)

    yield "affine in principal coordinates", partial(trained, 0, _AFFINE_PATIENCE, seed)
    for k in range(_STARTS):
        yield f"{width << k} hidden neurons", partial(trained, width << k, patience, seed + k)


def _behind(coordinates: Coordinates, layers: list[Layer]) -> ReLUNetwork:
    first, *rest = layers
    return ReLUNetwork((coordinates.folded(*first), *(Affine(*layer) for layer in rest)))


def _regression(seen: np.ndarray, codes: np.ndarray, outputs: int) -> list[Layer]:
    logits = 1 if outputs == 2 else outputs
    return [_logits(*logistic_regression(seen, class_positions(codes, outputs)[0], logits), outputs)]


def _hidden_layer(seen: np.ndarray, codes: np.ndarray, outputs: int, width: int, seed: int) -> list[Layer]:
    """One hidden layer, by L-BFGS."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    with warnings.catch_warnings():
        # Only the training error counts here, and it is checked.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = MLPClassifier(
            (width,), solver="lbfgs", alpha=1e-6, max_iter=1000, max_fun=100_000, tol=1e-5, random_state=seed
        ).fit(seen.astype(np.float64), codes)
    (first, second), (bias, last) = model.coefs_, model.intercepts_
    return [(first.T, bias), _logits(second.T, last, outputs)]


def _logits(weight: np.ndarray, bias: np.ndarray, outputs: int) -> Layer:
    if outputs == 2:
        # Of two classes there is one logit, as scikit-learn has it.
        return np.vstack([-weight, weight]), np.concatenate([-bias, bias])
    return weight, bias
