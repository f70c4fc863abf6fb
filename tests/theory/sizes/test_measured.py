"""The stored separations of image data sets: against what was published, and against the images where they are."""

import math
import re
from pathlib import Path

import pytest

from constructions.samples.hub import SOURCES
from constructions.samples.loading import load_sample
from constructions.separations import separations
from theory.errors import AssumptionError
from theory.setting.separation import rational_distance, round_down
from theory.sizes.measured import PUBLISHED_SEPARATION, MeasuredSeparation, measured_separations


def stored(data: str, between: str, p: float) -> MeasuredSeparation:
    (found,) = [row for row in measured_separations() if (row.data, row.between, row.p) == (data, between, p)]
    return found


@pytest.mark.parametrize("data", PUBLISHED_SEPARATION)
def test_the_published_three_digits_are_confirmed(data: str) -> None:
    for between, published in zip(("train to train", "test to train"), PUBLISHED_SEPARATION[data], strict=True):
        assert round(stored(data, between, math.inf).distance, 3) == published


def test_the_readme_shows_what_is_stored() -> None:
    """Seven digits of each."""
    text = " ".join((Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8").split())
    shown = re.findall(r"(\w+) ([\d.]+), ([\d.]+), ([\d.]+\d)", text)
    rows = [row for row in measured_separations() if row.data in SOURCES and row.between == "train to train"]
    names = sorted({row.data for row in rows})
    expected = [(name, *(f"{row.distance:.7g}" for row in rows if row.data == name)) for name in names]
    assert sorted(row for row in shown if row[0] in names) == expected


def test_norms_bound_each_other() -> None:
    """Of the same points: the least distance is at most that of the closest pair for another p."""
    for row in measured_separations():
        if row.p == 2:
            largest, total = (stored(row.data, row.between, p).distance for p in (math.inf, 1.0))
            assert largest <= row.distance <= total


@pytest.mark.parametrize("name", ["digits", "mnist5k"])
def test_data_sets_that_are_installed_are_measured_again(name: str) -> None:
    assert list(separations(name)) == [row for row in measured_separations() if row.data == name]


@pytest.mark.parametrize("name", SOURCES)
def test_images_that_are_there_have_the_stored_distance(name: str) -> None:
    """Without rounding, at the stored pair; that no pair is closer is measured by the command itself."""
    rows = [row for row in measured_separations() if row.data == name]
    try:
        train, labels = load_sample(name)
        tests, test_labels = load_sample(name, split="test")
    except FileNotFoundError:
        pytest.skip(f"{name} is not there")
    if not rows:
        pytest.skip(f"{name} was not measured")
    for row in rows:
        first, first_labels = (train, labels) if row.between == "train to train" else (tests, test_labels)
        i, j = row.pair
        assert first_labels[i] != labels[j]
        assert (len(first), len(train)) == (row.points, row.others)
        assert round_down(rational_distance(first[i], train[j], row.p), row.p) == row.distance


@pytest.mark.nightly
@pytest.mark.parametrize("name", SOURCES)
def test_complete_data_sets_are_measured_again(name: str) -> None:
    try:
        found = list(separations(name))
    except FileNotFoundError:
        pytest.skip(f"{name} is not there")
    assert found == [row for row in measured_separations() if row.data == name]


def test_ratio_of_the_usual_radii() -> None:
    row = stored("cifar10", "train to train", math.inf)
    assert row.distance == pytest.approx(54 / 255, rel=1e-15)
    assert row.ratio(8 / 255) == pytest.approx(16 / 54)
    with pytest.raises(AssumptionError, match=r"0 < radius < 0\.105882, half of the separation, got 0\.3"):
        row.ratio(0.3)
