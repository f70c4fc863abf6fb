"""The sizes of certified memorizers against ρ: the stored rows, their figure, and one row built again."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytestmark = [
    pytest.mark.statement("theorem-3.3", form="repaired"),
    pytest.mark.statement("corollary-3.4", form="repaired"),
]
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def stored() -> list[dict[str, Any]]:
    return list(json.loads((RESULTS / "sizes.json").read_text())["rows"])


def uncertified(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["counted"] == "built" and row["certified"] != row["points"]]


def contradictions(rows: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Built networks that are smaller than what is proved for their points, p and a radius not above theirs.

    A ball of l_inf holds that of l_2 of its radius.
    """
    own = [row for row in rows if row["series"] == "rho"]
    return [
        (bound, row)
        for bound in own
        if bound["counted"] == "proved"
        for row in own
        if row["counted"] == "built" and row["radius"] >= bound["radius"] and row["p"] in (bound["p"], "inf")
        if row["non-zeros"] < bound["non-zeros"] or row["all entries"] < bound["all entries"]
    ]


def test_stored_sizes_are_of_certified_networks_and_above_what_the_points_need(record: Any, figure_path: Any) -> None:
    """Every stored network is right on every ball, no bound is above one, and the stored figure shows these rows."""
    from constructions.comparison.scaling import growth, label_factors
    from constructions.comparison.scaling_figure import KEY, draw_scaling

    rows = stored()
    built = [row for row in rows if row["counted"] == "built"]
    ratios = [row["rho"] for row in built if row["series"] == "rho"]
    fit, factors = growth(rows), label_factors(rows)
    record("growth", {"exponent": fit.exponent, "low": fit.low, "high": fit.high})
    record("random labels", {str(size): own for size, own in factors.items()})
    record("examples", sum(row["points"] for row in built))
    assert uncertified(rows) == []
    assert contradictions(rows) == []
    assert min(ratios) < 1e-6
    assert max(ratios) > 0.95
    assert {row["p"] for row in rows if row["counted"] == "proved"} == {2.0, "inf"}
    assert fit.low > 0.5
    assert fit.high < 1
    assert min(map(min, factors.values())) > 2
    path = figure_path("sizes.png")
    draw_scaling(rows, path)
    with Image.open(path) as drawn, Image.open(RESULTS / "sizes.png") as shown:
        assert drawn.text[KEY] == shown.text[KEY], "python -m benchmarks.sizes draws the stored rows again"
        assert drawn.size == shown.size


@pytest.mark.parametrize("change", [{"certified": 4999}, {"non-zeros": 1}, {"all entries": 1}])
def test_a_smaller_or_open_network_would_be_noticed(change: dict[str, int]) -> None:
    """The planted fault."""
    rows = stored()
    own = [k for k, row in enumerate(rows) if row["counted"] == "built" and row["construction"] == "rules"]
    place = max(own, key=lambda k: rows[k]["rho"])
    changed = [{**row, **change} if k == place else row for k, row in enumerate(rows)]
    assert [*uncertified(changed), *contradictions(changed)]


@pytest.mark.whole_audit
def test_a_stored_row_is_what_is_built(record: Any) -> None:
    """mnist5k, l_2, radius 1/2, by shared features: every count, to the last non-zero, and every certified ball."""
    from constructions import load_sample, robust_memorizer

    points, labels = load_sample("mnist5k")
    built = robust_memorizer(points, labels, radius=0.5, p=2, small="all")
    key = ("shared features", 2.0, 0.5)
    (row,) = (row for row in stored() if (row["construction"], row["p"], row["radius"]) == key)
    record("examples", len(points))
    found = (built.network.nonzero, built.size.parameters, built.network.depth, built.certify().count("certified"))
    assert found == (row["non-zeros"], row["all entries"], row["depth"], row["certified"])
    assert row["rho"] == 2 * built.task.radius / built.task.separation
