"""Logistic regression of all points at once, by L-BFGS."""

import numpy as np
from jaxtyping import Float, Int

# Least squares of the weights beside the losses of so many points: weak enough for a classifier without error.
_STRENGTH = 2500
_STEPS, _GRADIENT = 300, 1e-4
# Differences of logits beyond this are taken for it: their exponentials would be subnormal, and slow.
_FAR = 80.0


def logistic_regression(
    seen: Float[np.ndarray, "n k"], labels: Int[np.ndarray, " n"], outputs: int
) -> tuple[Float[np.ndarray, "outputs k"], Float[np.ndarray, " outputs"]]:
    """Weights W and biases b that nearly minimise the mean cross-entropy of `W z + b` and `‖W‖² / (2 n 2500)`.

    Loss and gradient are computed in float32, and steps in float64; nothing is claimed of the result. With one output f
    the logits of the two classes are 0 and f.

    Args:
        seen: the points, in coordinates of size 1.
        labels: class numbers.
        outputs: 1 for two classes, by the sign, or the number of classes.
    """
    from scipy.optimize import minimize

    size, dim = seen.shape
    points = np.empty((size, dim + 1), dtype=np.float32)
    points[:, :dim], points[:, dim] = seen, 1.0
    own = np.zeros((max(outputs, 2), size), dtype=np.float32)
    own[labels, np.arange(size)] = 1.0
    logits = np.zeros_like(own)
    penalty = np.full((outputs, dim + 1), 1 / (size * _STRENGTH))
    penalty[:, dim] = 0.0

    def loss_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(outputs, -1)
        logits[:] = 0.0
        logits[-outputs:] = (points @ weights.astype(np.float32).T).T
        np.subtract(logits, logits.max(axis=0), out=logits)
        right = np.einsum("ij,ij->j", logits, own)
        shares = np.exp(np.maximum(logits, -_FAR))
        sums = shares.sum(axis=0)
        loss = float((np.log(sums) - right).mean(dtype=np.float64)) + float((penalty * weights**2).sum()) / 2
        shares /= sums
        shares -= own
        gradient = (shares[-outputs:] @ points).astype(np.float64) / size + penalty * weights
        return loss, gradient.ravel()

    found = minimize(
        loss_and_gradient,
        np.zeros(outputs * (dim + 1)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _STEPS, "gtol": _GRADIENT, "ftol": 0.0, "maxls": 50},
    ).x.reshape(outputs, -1)
    return np.ascontiguousarray(found[:, :dim]), found[:, dim].copy()
