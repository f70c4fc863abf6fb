"""Training: which entries of a weight are dropped, and what becomes of the others."""

import pytest
import torch

from constructions.compact.training import _drop


@pytest.mark.parametrize(("rows", "columns"), [(12, 20), (20, 12)])
@pytest.mark.parametrize("density", [0.5, 0.75, 1.0])
def test_the_largest_entries_are_kept_and_singular_values_go_back_to_one(
    rows: int, columns: int, density: float
) -> None:
    generator = torch.Generator().manual_seed(rows)
    size = max(rows, columns)
    weight = torch.linalg.qr(torch.randn(size, size, generator=generator))[0][:rows, :columns].contiguous()
    before, entries = weight.clone(), torch.ones_like(weight)
    _drop([weight], [entries], density)
    kept = entries.bool()
    assert int(kept.sum()) == round(density * rows * columns)
    assert before.abs()[kept].min() >= before.abs()[~kept].max() if density < 1 else kept.all()
    assert not weight[~kept].any()
    values, first = torch.linalg.svdvals(weight), torch.linalg.svdvals(before * entries)
    assert (values - 1).abs().max() < 0.5 * (first - 1).abs().max() + 1e-5


def test_at_least_one_entry_is_kept() -> None:
    weight, entries = torch.tensor([[0.25, -1.0], [0.5, 0.75]]), torch.ones(2, 2)
    _drop([weight], [entries], 1e-9)
    assert entries.tolist() == [[0.0, 1.0], [0.0, 0.0]]
