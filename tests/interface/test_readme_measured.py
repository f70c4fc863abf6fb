"""The table of section 4 in the README of `empirics` says what the stored results say."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STORED = ROOT / "empirics" / "images" / "results"
FLAT = "flat inside, sharp outside"
LOCAL = "robust behaviour is local to the training points"
GAP = "the gap in robust loss grows with global flatness"
NEAR = "test points near a training point of their class are more robust"
# What the README calls it, the experiment, and the claims whose words begin and end like this.
ROWS = {
    "flat inside, sharp outside, train": ("figure1", f"{FLAT}: adversarial, gradient_norm, train", "in [0,1]^d"),
    "flat inside, sharp outside, test": ("figure1", f"{FLAT}: adversarial, gradient_norm, test", "in [0,1]^d"),
    "flat inside, sharp outside, train, over whole balls": (
        "figure1",
        f"{FLAT}: adversarial, gradient_norm, train",
        "whole balls",
    ),
    "control: flat inside after clean training, train": ("figure1", f"{FLAT}: clean, gradient_norm, train", ""),
    "control: by loss change after clean training, train": ("figure1", f"{FLAT}: clean, loss_change, train", ""),
    "the kink moves with the training radius": ("figure1", "the kink moves with the training radius: train, rad", ""),
    "train curve, last epoch over first": ("figure2", "the train curve descends inside the radius: adv", ""),
    "train curve, last epoch over highest": ("figure2", "the train curve descends inside the radius in the end", ""),
    "test curve, last epoch over first": ("figure2", "the test curve", "adversarial"),
    "growth of global over local flatness": ("figure3", "global flatness grows much faster", "adversarial"),
    "robust loss gap and global flatness, levels": ("figure3", f"{GAP}: adversarial", "levels"),
    "robust loss gap and global flatness, differences": ("figure3", f"{GAP}: adversarial", "epochs"),
    "control: gap and another seed's flatness, differences": ("figure3", f"{GAP} of another seed: adversarial, d", ""),
    "control: gap and flatness after clean training, differences": ("figure3", f"{GAP}: clean, differences", ""),
    "robust training accuracy": ("table1", "robust training accuracy", "adversarial"),
    "robust accuracy, train minus test": ("table1", "the robust accuracy drops", "adversarial"),
    "clean accuracy, train minus test": ("table1", "the clean accuracy drops", "adversarial"),
    "share of points robust, train minus test": ("memorization", f"{LOCAL}: adversarial", ""),
    "share robust of points classified correctly, train minus test": (
        "memorization",
        f"{LOCAL}, of images classified correctly: adv",
        "",
    ),
    "small-margin points made robust, train minus test": ("memorization", "small-margin test points do not", ""),
    "robustness and distance to the training points": ("memorization", f"{NEAR}: adversarial", ""),
    "control: robustness and that distance, clean training": ("memorization", f"{NEAR}: clean", ""),
    "robustness and distance, minus that to held-out images": (
        "memorization",
        f"{NEAR} than near as many",
        "adversarial",
    ),
    "fall of robust train error with width": ("memorization", "robust training error falls", ""),
    "fall of robust train error minus that of test error": ("memorization", "it falls more", ""),
}
DATASETS = ("mnist5k", "cifar10")


def cell(row: str, dataset: str) -> str:
    """What the table says of one claim on one data set."""
    from empirics.images.verdicts.result import Result

    experiment, start, end = ROWS[row]
    result = Result.load(STORED / f"{experiment}-{dataset}-small.json")
    found = [v for v in result.verdicts if v.claim.startswith(start) and v.claim.endswith(end)]
    if not found:
        return "not measured"
    (v,) = found
    side = ">" if v.direction == "above" else "<"
    return f"{v.mean:.3g} [{v.low:.3g}, {v.high:.3g}] {side} {v.threshold:g}: {v.outcome}"


def table() -> list[str]:
    return ["| " + " | ".join([row, *(cell(row, dataset) for dataset in DATASETS)]) + " |" for row in ROWS]


def test_the_table_is_what_was_stored() -> None:
    text = (ROOT / "empirics" / "README.md").read_text()
    for line in table():
        assert line in text, line


@pytest.mark.parametrize("changed", [("0", "1"), ("reproduced", "undecided")])
def test_another_number_or_verdict_would_be_noticed(changed: tuple[str, str]) -> None:
    """The planted fault."""
    text = (ROOT / "empirics" / "README.md").read_text().replace(*changed)
    assert not all(line in text for line in table())
