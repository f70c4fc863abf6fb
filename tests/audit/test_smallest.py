"""How few non-zeros real data need: the smallest certified memorizers, beside the count of Theorem 3.3."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [
    pytest.mark.statement("theorem-3.3", form="repaired"),
    pytest.mark.statement("corollary-3.4", form="repaired"),
    # A search calls small functions 100,000 times: their types are checked on small data, in the tests of the rules.
    pytest.mark.usefixtures("untyped"),
]


@pytest.mark.parametrize("data", ["digits", pytest.param("mnist5k", marks=pytest.mark.whole_audit)])
def test_rules_memorize_all_points_with_few_non_zeros(data: str, record: Any, tmp_path: Path) -> None:
    """A certified network with less than a hundredth of the printed count N d, which other runtimes run too."""
    import onnxruntime
    import torch

    from constructions import load_sample, rule_memorizer
    from constructions.exchange.onnx_file import write_onnx

    points, labels = load_sample(data)
    built = rule_memorizer(points, labels, radius=0.1, p=math.inf)
    counts = {
        arithmetic: built.certify(arithmetic).count("certified") for arithmetic in ("reals", "float64", "float32")
    }
    share = built.size.nonzero / points.size
    record("rules", {"data": data, "nonzero": built.size.nonzero, "share": share, **counts})
    record("examples", len(points))
    assert set(counts.values()) == {len(points)}
    assert built.size.nonzero == built.size.formula_nonzero
    assert share < {"digits": 0.01, "mnist5k": 0.001}[data]

    file = tmp_path / "rules.onnx"
    write_onnx(file, built.network, dtype="float32")
    assert file.stat().st_size < 2_000_000
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    images = points.astype(np.float32)
    (by_onnx,) = session.run(None, {session.get_inputs()[0].name: images})
    by_torch = built.network.to_torch(dtype=torch.float32)(torch.from_numpy(images)).numpy(force=True)
    for outputs in (by_onnx, by_torch):
        assert np.array_equal(outputs.argmax(axis=1), built.task.sample.codes)


def test_integers_memorize_all_points_exactly(record: Any) -> None:
    """In another arithmetic, by another proof: whole numbers, and nothing is rounded."""
    from constructions import code_memorizer, load_sample

    points, labels = load_sample("digits")
    built = code_memorizer(points, labels, radius=0.03, p=math.inf)
    assert built.certify().certified.all()
    record("bits", {"nonzero": built.size.nonzero, "weight_bits": built.size.weight_bits})
    assert built.size.nonzero == built.size.formula_nonzero < 0.02 * points.size


def test_no_robust_network_is_smaller_than_the_data_allow(record: Any) -> None:
    """A lower bound for these points, whose proof is checked in whole numbers, and a network above it."""
    from constructions import load_sample, rule_memorizer
    from theory.lower_bounds.coordinates import coordinates_needed

    points, labels = load_sample("digits", classes="3,8,9")
    codes = np.unique(labels, return_inverse=True)[1]
    needed = coordinates_needed(points, codes, radius=0.3, p=2)
    needed.check(points, codes)
    built = rule_memorizer(points, labels, radius=0.3, p=2)
    assert built.certify().certified.all()
    read = np.unique(built.network.layers[0].weight.indices)
    record("coordinates", {"needed": needed.count, "read": len(read)})
    assert 1 < needed.count <= len(read)
