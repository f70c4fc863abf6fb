"""What is stored of the size of f_clean against μ."""

import json
from pathlib import Path

STORED = Path(__file__).parents[2] / "benchmarks" / "results" / "tradeoff.json"


def test_the_sum_is_least_between_the_ends() -> None:
    rows = sorted(json.loads(STORED.read_text())["rows"], key=lambda row: row["non-zeros of f_clean"])
    assert all(row["certified"] == 5000 for row in rows)
    shares, sizes = [row["μ"] for row in rows], [row["non-zeros"] for row in rows]
    assert shares == sorted(shares, reverse=True)
    assert all(row["non-zeros"] > row["non-zeros of f_clean"] for row in rows)
    least = sizes.index(min(sizes))
    assert 0 < least < len(rows) - 1
    assert sizes == sorted(sizes[: least + 1], reverse=True) + sorted(sizes[least + 1 :])
