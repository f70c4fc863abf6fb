"""No proof in a thread that takes subnormal numbers for zero."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from constructions import Affine, ReLUNetwork, certify, robust_memorizer, write_certificate, write_points
from constructions.certificates.executed_intervals import executed_bounds, executed_margin_bound
from constructions.check.__main__ import main
from theory.balls.cells import cells, distance_to_boundary
from theory.balls.relaxation import interval_bounds, margin_lower_bound
from theory.exact.exact_distance import rational_distance
from theory.setting.membership import is_in_ball
from theory.setting.separation import separation

POINTS, LABELS = np.array([[0.0], [1.0]]), np.array([-1, 1])
LINE = ReLUNetwork((Affine(np.array([[2.0]]), np.array([-1.0])),))
MADE, CELLS = certify(LINE, POINTS, LABELS, 0.1, 2), cells(LINE.layers)
BUILT = robust_memorizer(POINTS, LABELS, radius=0.1, p=2, small="all")


@pytest.fixture
def flushing() -> Iterator[None]:
    """Where the processor has the switch, it is on inside."""
    assert torch.set_flush_denormal(True)
    yield
    torch.set_flush_denormal(False)


@pytest.mark.usefixtures("flushing")
@pytest.mark.parametrize(
    "ask",
    [
        lambda: certify(LINE, POINTS, LABELS, 0.1, 2),
        lambda: certify(LINE, POINTS, LABELS, 0.1, 2, arithmetic="rational"),
        lambda: certify(LINE, POINTS, LABELS, 0.1, 2, arithmetic="float32"),
        lambda: BUILT.certify(),
        lambda: margin_lower_bound(LINE.layers, POINTS, LABELS, 0.1, 2),
        lambda: interval_bounds(LINE.layers, POINTS, POINTS),
        lambda: executed_margin_bound(LINE.layers, POINTS, LABELS, 0.1, 2, "float64"),
        lambda: executed_bounds(LINE.layers, POINTS, POINTS, "float64"),
        lambda: separation(POINTS, LABELS, 2),
        lambda: is_in_ball(POINTS[0], POINTS[1], 0.5, 2),
        lambda: cells(LINE.layers),
        lambda: distance_to_boundary(CELLS, POINTS[0], 2),
        lambda: rational_distance(POINTS[0], POINTS[1], 2),
        lambda: MADE.is_of(LINE, POINTS, LABELS),
        lambda: Affine(np.eye(1), np.zeros(1)),
    ],
)
def test_every_proof_is_refused(ask: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="needs subnormal numbers"):
        ask()


def test_the_checker_refuses_to_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(tmp_path / name) for name in ("n.npz", "p.npz", "c.json")]
    LINE.save(files[0])
    write_points(files[1], LINE, POINTS, LABELS)
    write_certificate(files[2], certify(LINE, POINTS, LABELS, 0.1, 2), LINE, POINTS, LABELS)
    assert main(files) == 0
    torch.set_flush_denormal(True)
    try:
        assert main(files) == 2
    finally:
        torch.set_flush_denormal(False)
    assert "subnormal" in capsys.readouterr().err
