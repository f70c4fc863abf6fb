"""What the README says of growth and of random labels is what the stored sizes say."""

import json
from pathlib import Path
from statistics import geometric_mean

import pytest

from constructions.comparison.scaling import growth, label_factors

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
IMAGE = "](benchmarks/results/sizes.png)"


def sentences() -> str:
    """Both, from the stored rows."""
    rows = json.loads((ROOT / "benchmarks" / "results" / "sizes.json").read_text())["rows"]
    fit, factors = growth(rows), label_factors(rows)
    means = {size: geometric_mean(own) for size, own in factors.items()}
    least, most = min(means), max(means)
    return (
        f"From {fit.sizes[0]:,} to {fit.sizes[-1]:,} images of MNIST rules (l_inf, 0.1) grow like N^{fit.exponent:.2f} "
        f"(95 %: {fit.low:.2f} to {fit.high:.2f}), more slowly at first (N^{fit.first:.2f}) than at the end "
        f"(N^{fit.last:.2f}). Random labels cost {means[least]:.1f} times as much at N = {least:,}, {means[most]:.1f} "
        f"times at {most:,}."
    )


def prose(text: str) -> str:
    return " ".join(text.split())


def test_the_figure_and_its_two_sentences_are_shown() -> None:
    assert IMAGE in README
    assert sentences() in prose(README), sentences()


@pytest.mark.parametrize("changed", [("grow like N^0", "grow like N^1"), ("times as much", "per cent more")])
def test_another_number_would_be_noticed(changed: tuple[str, str]) -> None:
    """The planted fault."""
    assert sentences() not in prose(prose(README).replace(*changed))
