"""The clean classifier `f_clean`: taken from the user in several forms, or fitted."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from constructions.networks.network import Affine, ReLUNetwork
from theory.errors import AssumptionError
from theory.setting.losses import margins

# Full-batch L-BFGS up to here, minibatch Adam beyond.
_FULL_BATCH = 10_000
_STARTS = 3


def as_network(clean: Any, dim: int, outputs: int) -> ReLUNetwork:
    """The given classifier as a `ReLUNetwork` from `R^dim` with as many outputs.

    Args:
        clean: a `ReLUNetwork`, an `Affine`, or a `torch.nn.Module` made of Linear, ReLU and Flatten.
        dim: dimension of the data.
        outputs: 1 for labels ±1, else the number of classes.

    Raises:
        ValueError: for another type or other sizes.
    """
    if isinstance(clean, Affine):
        network = ReLUNetwork((clean,))
    elif isinstance(clean, ReLUNetwork):
        network = clean
    elif hasattr(clean, "named_parameters"):
        from constructions.networks.torch_module import from_torch

        network = from_torch(clean)
    else:
        raise ValueError(
            "clean must be a ReLUNetwork, an Affine, a torch.nn.Module of Linear and ReLU, or None, "
            f"got {type(clean).__name__}"
        )
    if (network.inputs, network.outputs) != (dim, outputs):
        raise ValueError(
            f"clean must map R^{dim} to {outputs} output(s) for this data, got {network.inputs} inputs and "
            f"{network.outputs} outputs: one output for labels -1 and +1, otherwise one for each class, "
            "in the order of the sorted labels"
        )
    return network


def fit_clean(
    points: Float[np.ndarray, "n d"], codes: Int[np.ndarray, " n"], outputs: int, *, seed: int = 0
) -> ReLUNetwork:
    """A small network with zero clean training error: affine if that works, else one hidden layer.

    The affine classifier is a weakly regularised logistic regression; the hidden layer has width
    `max(32, d)`, so O(d), and is trained from at most 3 seeded starts.

    Args:
        points: the sample.
        codes: labels, ±1 for one output, else class numbers 0, …, outputs - 1.
        outputs: 1 or the number of classes.
        seed: of the starts.

    Raises:
        AssumptionError: if no start reaches zero clean training error.
    """
    errors: list[int] = []
    width = max(32, points.shape[1])
    for network in _candidates(points, codes, outputs, width, seed):
        wrong = int(np.sum(margins(network(points), codes) <= 0))
        if wrong == 0:
            return network
        errors.append(wrong)
    raise AssumptionError(
        "robust_memorizer needs a clean classifier without training error, and found neither an affine one nor one "
        f"with {width} hidden neurons (misclassified of {len(points)} points, by attempt: {errors}): "
        "pass your own as clean=…"
    )


def _candidates(points: np.ndarray, codes: np.ndarray, outputs: int, width: int, seed: int) -> Iterator[ReLUNetwork]:
    with warnings.catch_warnings():
        # Only the training error counts here, and it is checked.
        warnings.simplefilter("ignore", ConvergenceWarning)
        affine = LogisticRegression(C=1e4, max_iter=1000).fit(points, codes)
        yield _affine_network(affine.coef_, affine.intercept_, outputs)
        for start in range(_STARTS):
            yield _hidden_layer(points, codes, outputs, width, seed + start)


def _affine_network(weight: np.ndarray, bias: np.ndarray, outputs: int) -> ReLUNetwork:
    if outputs == 2:
        # scikit-learn keeps one logit for two classes.
        weight, bias = np.vstack([-weight, weight]), np.concatenate([-bias, bias])
    return ReLUNetwork((Affine(weight, bias),))


def _hidden_layer(points: np.ndarray, codes: np.ndarray, outputs: int, width: int, seed: int) -> ReLUNetwork:
    solver = "lbfgs" if len(points) <= _FULL_BATCH else "adam"
    iterations = 1000 if solver == "lbfgs" else 60
    model = MLPClassifier(
        (width,), solver=solver, alpha=1e-6, max_iter=iterations, max_fun=100_000, tol=0.0, random_state=seed
    ).fit(points, codes)
    hidden = Affine(model.coefs_[0].T, model.intercepts_[0])
    return ReLUNetwork((hidden, *_affine_network(model.coefs_[1].T, model.intercepts_[1], outputs).layers))
