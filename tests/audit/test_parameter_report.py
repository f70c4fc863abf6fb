"""The rivals on real data: each certified on every ball, counted at one shell."""

from typing import Any

import pytest

pytestmark = [pytest.mark.statement("theorem-3.3", form="repaired"), pytest.mark.whole_audit]


def test_sizes_of_the_rivals_on_mnist5k(record: Any, figure_path: Any) -> None:
    """mnist5k, ten classes, l_2, radius 1/2, one shell for all, every point memorized.

    The first count is of this data, four fifths of which is 0; the second is of data in general position.
    """
    from constructions.comparison.counts import parameter_report
    from constructions.comparison.entries import CODE, COMPACT, ENTRIES, PCA, RANDOM, RULES, SHARED, SKETCH
    from constructions.samples.loading import load_sample

    points, labels = load_sample("mnist5k")
    # All but the one that is trained.
    entries = tuple(entry for entry in ENTRIES if entry.name != COMPACT)
    report = parameter_report(points, labels, radius=0.5, p=2, shell=0.3, entries=entries)
    shared, sketch, pca, random = (report.base(name) for name in (SHARED, SKETCH, PCA, RANDOM))
    record("examples", 3 * len(points))
    record("sizes", {row.construction: row.nonzero for row in (shared, sketch, pca, random)})
    report.figure(figure_path("parameters.png"))
    rows = [row for row in report.rows if row.axis == "base"]
    fields = ("construction", "nonzero", "general", "certified", "executed")
    record(
        "parameters",
        {
            "words": "All 5,000 points of mnist5k, ten classes, p = 2, radius 0.5, one shell of 0.3 for all.",
            "rows": [
                {"over": row.nonzero / points.size, **{name: getattr(row, name) for name in fields}} for row in rows
            ],
        },
    )
    reasons = {refusal.construction: refusal.reason for refusal in report.refusals if refusal.axis == "base"}
    assert "got N d = 3,920,000" in reasons[RULES]
    # Half of the range of a pixel.
    assert "no ball of radius 0.5 crosses" in reasons[CODE]
    assert points.shape == (5000, 784)
    for row in (shared, pca, random):
        assert row.certified == row.executed == 5000
    assert len({row.shell for row in (shared, sketch, pca, random)}) == 1
    assert shared.nonzero <= 1.05 * points.size
    assert shared.general <= 1.05 * points.size
    # At least 8 times fewer in both counts: here 52 times without zeros in the data, 242 times with them.
    assert sketch.nonzero >= 8 * shared.nonzero
    assert sketch.general >= 8 * shared.general
    assert pca.general <= 0.06 * points.size
    # No principal direction is wasted: directions at random take more.
    assert pca.dim < random.dim
    assert any("vacuous" in note for note in report.notes)
