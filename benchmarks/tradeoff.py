"""The size of f_clean against μ: compact memorizers of mnist5k with larger and larger Lipschitz networks.

A larger f_clean leaves a smaller share μ of the points, and each of those costs a neuron: the sum of both has a least
value in between. All are certified on every ball, l_2, radius 0.5, over the reals. Then `tradeoff.png` is drawn;
`python -m benchmarks.tradeoff` draws it again from the stored rows.
"""

import json
import time
from pathlib import Path
from typing import Any

from benchmarks.smallest import SMALL_NET
from constructions import compact_memorizer, load_sample

# Hidden widths, steps: the larger, the longer it takes to train.
PLANS: list[tuple[tuple[int, ...], int]] = [
    ((10,), 4_000),
    ((16,), 4_000),
    ((32,), 6_000),
    ((64,), 6_000),
    ((64, 32), 6_000),
    ((128, 64), 6_000),
]
RESULTS = Path(__file__).parent / "results"


def rows() -> list[dict[str, Any]]:
    points, labels = load_sample("mnist5k")
    found = []
    for hidden, steps in PLANS:
        options: dict[str, Any] = {**SMALL_NET, "hidden": hidden, "steps": steps}
        started = time.process_time()
        built = compact_memorizer(points, labels, radius=0.5, p=2, **options)
        seconds = time.process_time() - started
        alone = sum(layer.nonzero for layer in (built.parts.pool, *built.parts.stages))
        found.append(
            {
                "features": options["features"],
                "hidden": "-".join(map(str, hidden)),
                "steps": steps,
                "non-zeros of f_clean": alone,
                "μ": len(built.left) / len(points),
                "non-zeros": built.size.nonzero,
                "certified": built.certify().count("certified"),
                "build s": seconds,
            }
        )
        print(found[-1], flush=True)
    draw(found)
    return found


def draw(rows: list[dict[str, Any]]) -> None:
    from matplotlib.figure import Figure

    stored = sorted(rows, key=lambda row: row["non-zeros of f_clean"])
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    x = [row["non-zeros of f_clean"] for row in stored]
    axes.plot(x, [row["non-zeros"] for row in stored], "o-", label="all of f̂, certified on every ball")
    axes.plot(x, x, "--", color="grey", label="f_clean alone")
    for row, at in zip(stored, x, strict=True):
        axes.annotate(f"μ = {row['μ']:.3f}", (at, row["non-zeros"]), (0, 6), textcoords="offset points", fontsize=7)
    axes.set(
        xscale="log",
        xlabel="non-zeros of f_clean",
        ylabel="non-zeros",
        ylim=(0, 1.15 * max(row["non-zeros"] for row in stored)),
    )
    axes.set_title("mnist5k, ten classes, l_2 balls of radius 0.5", fontsize=10)
    axes.legend(fontsize=8)
    figure.savefig(RESULTS / "tradeoff.png", dpi=150)


if __name__ == "__main__":
    draw(json.loads((RESULTS / "tradeoff.json").read_text(encoding="utf-8"))["rows"])
