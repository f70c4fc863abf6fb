"""Logistic regression: what it minimises, by another route, and what it is used for."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from constructions.memorizers.logistic import logistic_regression


@pytest.mark.parametrize("outputs", [1, 3])
def test_it_is_the_regression_of_scikit_learn(outputs: int) -> None:
    """Overlapping classes, where the minimum is far from infinity; both stop at a gradient of 1e-4 a point."""
    rng = np.random.default_rng(outputs)
    labels = rng.integers(0, max(outputs, 2), 300)
    seen = rng.normal(size=(300, 4)) + labels[:, None]
    weight, bias = logistic_regression(seen, labels, outputs)
    peer = LogisticRegression(C=2500, tol=1e-6, max_iter=1000).fit(seen, labels)
    assert weight.shape == (outputs, 4)
    # Of three classes a common shift of all logits changes nothing.
    ours, theirs = (w - w.mean(axis=0) if outputs > 1 else w for w in (weight, peer.coef_))
    assert np.abs(ours - theirs).max() <= 0.02
    shifts = (b - b.mean() if outputs > 1 else b for b in (bias, peer.intercept_))
    assert np.abs(np.subtract(*shifts)).max() <= 0.02


def test_far_points_cost_no_accuracy() -> None:
    """Logits of thousands: their exponentials are 0 or beyond float32."""
    seen = np.array([[-1e4], [-1e3], [1e3], [1e4]])
    weight, bias = logistic_regression(seen, np.array([0, 0, 1, 1]), 1)
    assert np.isfinite(weight).all()
    assert ((seen @ weight.T + bias)[:, 0] > 0).tolist() == [False, False, True, True]


def test_one_class_is_no_error() -> None:
    weight, bias = logistic_regression(np.eye(3), np.array([1, 1, 1]), 2)
    assert (np.eye(3) @ weight.T + bias).argmax(axis=1).tolist() == [1, 1, 1]
