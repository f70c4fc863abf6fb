"""How few bits a weight needs: the least precision that certifies, against N and δ."""

import json
from typing import Any

import pytest

pytestmark = [pytest.mark.statement("theorem-3.3", form="repaired"), pytest.mark.whole_audit]


def test_few_bits_certify_until_the_radius_nears_its_limit(record: Any, figure_path: Any) -> None:
    """Memorizers for p = ∞ of n uniform points in dimension 8; random labels; every point memorized."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    from constructions.comparison.precision import precision_rows

    rows = precision_rows()
    sizes = sorted({row["N"] for row in rows})
    path = figure_path("bit_complexity.png")
    path.with_suffix(".json").write_text(json.dumps(rows, indent=1))
    figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
    markers = dict(zip(sizes, "os^", strict=True))
    for size in sizes:
        own = [row for row in rows if row["N"] == size]
        bits = [row["bits"] for row in own]
        # Twice as near to half the separation costs one bit more, from some radius on.
        left = [0.5 - row["radius / separation"] for row in own]
        axis.semilogx(left, bits, marker=markers[size], label=f"N = {size}")
        assert bits == sorted(bits)
        assert bits[-1] < 24
    axis.invert_xaxis()
    axis.set(xlabel="½ - radius / separation", ylabel="least bits of a weight that certify every ball")
    axis.set_title("Theorem 3.3: bits of a weight, d = 8, p = ∞")
    axis.legend()
    figure.savefig(path, dpi=150)
    plt.close(figure)
    record("examples", len(rows))
    record("bits", {f"N = {row['N']}, {row['radius / separation']:g}": row["bits"] for row in rows})
