"""One sample in many forms is one claim, and what cannot be read as that sample is refused by every entry."""

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest
import scipy.sparse as sp
import torch
from torch import nn

from constructions import certify, parameter_report, robust_memorizer

POINTS = np.array([[0.0, 0.25], [0.125, 0.25], [1.0, 0.75], [1.125, 0.75]])
LABELS = np.array([3, 3, 8, 8])
RADIUS = 0.25

LABEL_FORMS: list[Any] = [
    LABELS,
    LABELS.tolist(),
    list(LABELS),
    LABELS.astype(np.float32),
    list(map(str, LABELS)),
    torch.tensor(LABELS),
    list(torch.tensor(LABELS)),
    [np.array(label) for label in LABELS],
    deque(LABELS),
    (label for label in LABELS),
    np.array(list(torch.tensor(LABELS)), dtype=object),
    np.ma.array(LABELS, mask=False),
    pd.Series(LABELS),
    pd.Series(LABELS, dtype="category"),
    dict(enumerate(LABELS)).values(),
]
POINT_FORMS: list[Any] = [
    POINTS,
    POINTS.tolist(),
    list(POINTS),
    np.asfortranarray(POINTS),
    POINTS.astype(np.float16),
    POINTS.astype(np.longdouble),
    torch.tensor(POINTS, requires_grad=True),
    torch.tensor(POINTS, dtype=torch.bfloat16),
    list(torch.tensor(POINTS)),
    np.ma.array(POINTS),
    pd.DataFrame(POINTS, columns=["x", "y"]),
]


@pytest.mark.parametrize("labels", LABEL_FORMS)
def test_labels_of_any_form_are_the_same_classes(labels: Any) -> None:
    made = robust_memorizer(POINTS, labels, radius=RADIUS, p=np.inf, small="all")
    assert made.task.separation == 0.875
    assert made.task.sample.codes.tolist() == [0, 0, 1, 1]
    assert list(map(str, made.task.sample.classes)) in (["3", "8"], ["3.0", "8.0"])
    assert made.certify().certified.all()


@pytest.mark.parametrize("points", POINT_FORMS)
def test_points_of_any_form_are_the_same_points(points: Any) -> None:
    made = robust_memorizer(points, LABELS, radius=RADIUS, p=np.inf, small="all")
    assert made.task.sample.points.tolist() == POINTS.tolist()
    assert made.predict(points) == LABELS.tolist()
    assert certify(made.network, points, LABELS, RADIUS, np.inf).certified.all()


masked_points = np.ma.array(POINTS, mask=np.eye(4, 2))
masked_labels = np.ma.array(LABELS, mask=[1, 0, 0, 0])


@pytest.mark.parametrize(
    ("points", "labels", "message"),
    [
        (masked_points, LABELS, "points must have no masked entries, got 2"),
        (POINTS, masked_labels, "labels must have no masked entries, got 1"),
        (sp.csr_array(POINTS), LABELS, "points must be dense"),
        (POINTS * 1j, LABELS, "points must be real"),
        (POINTS.astype(int) + 2**53 + 1, LABELS, "points must be numbers that float64 holds exactly"),
        (pd.DataFrame(POINTS).reset_index(), LABELS, "column 'index'"),
        (POINTS, dict(enumerate(LABELS)), "got dict"),
        (POINTS, {3, 5, 7, 8}, "got set"),
        (POINTS, [3, "3", 8, 8], "read the same"),
        (POINTS, [3, None, 8, 8], "missing"),
        (POINTS, LABELS[:, None], r"shape \(n,\)"),
    ],
)
@pytest.mark.parametrize(
    "build",
    [
        lambda points, labels: robust_memorizer(points, labels, radius=RADIUS, p=np.inf),
        lambda points, labels: parameter_report(points, labels, radius=RADIUS, p=np.inf),
    ],
)
def test_what_is_no_sample_is_refused(points: Any, labels: Any, message: str, build: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=message):
        build(points, labels)


@pytest.mark.parametrize("points", [masked_points, sp.csr_array(POINTS), POINTS * 1j, {0: POINTS}, None])
def test_what_is_no_points_is_refused_by_a_network(points: Any) -> None:
    made = robust_memorizer(POINTS, LABELS, radius=RADIUS, p=np.inf, small="all")
    for call in (made, made.predict, lambda x: certify(made.network, x, LABELS, RADIUS, np.inf)):
        with pytest.raises(ValueError, match=r"points must (be|have no masked)"):
            call(points)


def test_what_the_caller_writes_later_changes_nothing() -> None:
    points, labels = POINTS.copy(), LABELS.copy()
    made = robust_memorizer(points, labels, radius=RADIUS, p=np.inf, small="all")
    before = made.certify()
    points[:], labels[:] = 0.5, 3
    assert made.task.sample.points.tolist() == POINTS.tolist()
    assert made.predict(POINTS) == LABELS.tolist()
    after = made.certify()
    assert after.certified.all()
    assert after.lower.tolist() == before.lower.tolist()


def test_a_clean_module_with_a_hook_is_refused() -> None:
    module = nn.Sequential(nn.Linear(2, 2, dtype=torch.float64))
    robust_memorizer(POINTS, LABELS, radius=RADIUS, p=np.inf, clean=module, small="all")
    module.register_forward_pre_hook(lambda _, arguments: (arguments[0] - 0.5,))
    with pytest.raises(ValueError, match="Sequential with a forward pre-hook"):
        robust_memorizer(POINTS, LABELS, radius=RADIUS, p=np.inf, clean=module, small="all")
