"""Every construction on mnist5k at one shell, l_2, radius 1/2, all points memorized: non-zeros over n d."""

from typing import Any

from constructions import load_sample
from constructions.comparison.counts import parameter_report

# Over n d; of the sketch: at least so many times the shared features.
LIMIT = {"shared features": 1.05, "projection, pca": 0.06}


def rows() -> list[dict[str, Any]]:
    points, labels = load_sample("mnist5k")
    report = parameter_report(points, labels, radius=0.5, p=2, shell=0.3)
    shared = report.base("shared features")
    return [
        {
            "construction": row.construction,
            "dimension": row.dim,
            "non-zeros / n d": row.nonzero / (row.N * row.d),
            "no zeros in the data": row.general / (row.N * row.d),
            "over shared, no zeros": row.general / shared.general,
            "limit": LIMIT.get(row.construction, ""),
            "all entries": "" if row.parameters is None else row.parameters,
            "certified": "" if row.certified is None else row.certified,
            "as executed": "" if row.executed is None else row.executed,
            "counted": "built" if row.built else "formula",
        }
        for row in report.rows
        if row.axis == "base"
    ]
