"""The tables and the numbers in the README of `empirics` say what the stored results say."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
STORED = ROOT / "empirics" / "images" / "results"
FLAT = "flat inside, sharp outside"
LOCAL = "robust behaviour is local to the training points"
KINK = "a kink beyond half of the training radius"
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
    "the same by loss change, train": ("figure1", f"{FLAT}: adversarial, loss_change, train", "in [0,1]^d"),
    "the same with random labels, train": ("figure1", f"{FLAT}: random labels, gradient_norm, train", ""),
    "the same with random labels, test": ("figure1", f"{FLAT}: random labels, gradient_norm, test", ""),
    "control: flat inside after clean training, train": ("figure1", f"{FLAT}: clean, gradient_norm, train", ""),
    "control: by loss change after clean training, train": ("figure1", f"{FLAT}: clean, loss_change, train", ""),
    "the kink moves with the training radius": ("figure1", "the kink moves with the training radius: train, rad", ""),
    "a kink beyond half of the training radius, train": (
        "figure1",
        f"{KINK}: adversarial, trained at {{radius:.4g}}, train",
        "",
    ),
    "control: such a kink after clean training, train": ("figure1", f"{KINK}: clean, train", ""),
    "the knot of a broken line moves with the training radius": (
        "figure1",
        "the kink moves with the training radius: train, knot",
        "",
    ),
    "train curve, last epoch over first": ("figure2", "the train curve descends inside the radius: adv", ""),
    "train curve, last epoch over highest": ("figure2", "the train curve descends inside the radius in the end", ""),
    "test curve, last epoch over first": ("figure2", "the test curve", "adversarial"),
    "growth of global over local flatness": ("figure3", "global flatness grows much faster", "adversarial"),
    "robust loss gap and global flatness, levels": ("figure3", f"{GAP}: adversarial", "levels"),
    "robust loss gap and global flatness, differences": ("figure3", f"{GAP}: adversarial", "epochs"),
    "control: gap and another seed's flatness, differences": ("figure3", f"{GAP} of another seed: adversarial, d", ""),
    "robust loss gap and global flatness given other seeds' flatness, levels": (
        "figure3",
        f"{GAP} beyond that of other seeds: adversarial, levels",
        "",
    ),
    "robust loss gap and global flatness given other seeds' flatness, differences": (
        "figure3",
        f"{GAP} beyond that of other seeds: adversarial, differences",
        "",
    ),
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
# By scale, the columns of a table: MNIST and CIFAR-10.
DATASETS = {"paper": ("mnist", "cifar10"), "small": ("mnist5k", "cifar10")}
MISSING = "not measured"
# Roles of what says nothing of a claim.
SILENT = ("not fitted", "no kink")


def stored(experiment: str, dataset: str, scale: str) -> Any:
    from empirics.images.verdicts.result import Result

    return Result.load(STORED / f"{experiment}-{dataset}-{scale}.json")


def judged(row: str, dataset: str, scale: str) -> Any:
    """The verdict of a row of the tables, None if it is not there."""
    experiment, start, end = ROWS[row]
    result = stored(experiment, dataset, scale)
    start = start.format(radius=result.settings["radius"])
    found = [v for v in result.verdicts if v.claim.startswith(start) and v.claim.endswith(end)]
    assert len(found) <= 1
    return found[0] if found else None


def outcome(v: Any) -> str:
    """What a verdict says in short."""
    if v is None:
        return MISSING
    return v.role if v.role in SILENT else f"{v.mean:.3g}, {v.outcome}"


def cell(row: str, dataset: str, scale: str) -> str:
    """What a table says of one claim on one data set."""
    v = judged(row, dataset, scale)
    if v is None or v.role in SILENT:
        return outcome(v)
    side = ">" if v.direction == "above" else "<"
    return f"{v.mean:.3g} [{v.low:.3g}, {v.high:.3g}] {side} {v.threshold:g}: {v.outcome}"


def table(scale: str) -> list[str]:
    return ["| " + " | ".join([row, *(cell(row, data, scale) for data in DATASETS[scale])]) + " |" for row in ROWS]


def changes() -> list[str]:
    """The rows whose verdict is another one at full size, on either data set."""
    lines = []
    for row in ROWS:
        columns = zip(DATASETS["small"], DATASETS["paper"], strict=True)
        pairs = [(judged(row, a, "small"), judged(row, b, "paper")) for a, b in columns]
        known = [pair for pair in pairs if all(v is not None and v.role not in SILENT for v in pair)]
        if any(a.outcome != b.outcome for a, b in known):
            lines.append(f"| {row} | " + " | ".join(f"{outcome(a)} → {outcome(b)}" for a, b in pairs) + " |")
    return lines


def mean(experiment: str, dataset: str, scale: str, **wanted: Any) -> np.ndarray:
    """Of the seeds, by place."""
    found: np.ndarray = np.mean(stored(experiment, dataset, scale).one(**wanted).values, axis=0)
    return found


def percents(measure: str, scale: str, dataset: str, condition: str = "adversarial") -> list[str]:
    return [
        f"{100 * mean('table1', dataset, scale, condition=condition, split=split, measure=measure)[0]:.1f}"
        for split in ("train", "test")
    ]


def sentences() -> Iterator[str]:
    """Numbers of the README's prose, each in words that stand there."""
    for name, scale, dataset in (
        ("all 60,000 MNIST images", "paper", "mnist"),
        ("4,000 MNIST images", "small", "mnist5k"),
        ("all 50,000 CIFAR-10 images", "paper", "cifar10"),
        ("1,000 CIFAR-10 images", "small", "cifar10"),
    ):
        train, test = percents("robust_accuracy", scale, dataset)
        yield f"{name}: {train} % on train, {test} % on test"
        inside = stored("memorization", dataset, scale).one(measure="inside_a_training_ball").values
        assert not np.any(inside), "No test image lies within ε of a training image of its class"
    for dataset in ("mnist", "cifar10"):
        parts = [mean("memorization", dataset, "paper", measure="rescued_share", split=p) for p in ("train", "test")]
        name = {"mnist": "MNIST", "cifar10": "CIFAR-10"}[dataset]
        rescued = [f"{100 * part[0]:.0f} % on {split}" for part, split in zip(parts, ("train", "test"), strict=True)]
        yield f"{name}, of {100 * parts[0][1]:.0f} % of the training points: {' and '.join(rescued)}"
    quarters = mean("memorization", "cifar10", "paper", measure="robust_share_by_quarter")
    near, far = (f"{100 * quarters[k]:.0f} %" for k in (0, -1))
    yield f"{near} of the nearest quarter of test images are robust and {far} of the farthest"
    gaps = measured_gaps("cifar10", "paper")
    yield "widths 16, 32, 64: gaps of " + ", ".join(f"{gap:.1f}" for gap in gaps) + " points"
    errors = [
        mean("memorization", "cifar10", "paper", measure="robust_error", split="train", width=w)[0]
        for w in (16, 32, 64)
    ]
    yield "robust training error " + ", ".join(f"{error:.2f}" for error in errors)
    random = [run["last"] for run in stored("figure1", "cifar10", "paper").runs if run["condition"] == "random labels"]
    least = min(run["train_pgd"] for run in random)
    yield f"{100 * least:.0f} % of them robust on every seed"
    lost = [
        run["last"]["train_pgd"]
        for run in stored("figure1", "mnist", "paper").runs
        if run["condition"] == "random labels"
    ]
    yield f"LeNet5 stays at {100 * max(lost):.0f} % or less on 500 MNIST images"


def of_kinks_and_schedules() -> Iterator[str]:
    """What is said of kinks seed by seed, and of the gap with eight seeds."""
    from empirics.images.verdicts.kink import kink
    from empirics.images.verdicts.thresholds import KINK_LIKELIHOOD

    def likelihoods(dataset: str, scale: str, **wanted: Any) -> list[float]:
        curve = stored("figure1", dataset, scale).one(measure="gradient_norm", split="train", clip=True, **wanted)
        found = [kink(curve.grid(), row) for row in curve.rows()]
        return [one.likelihood for one in found if one is not None]

    for dataset, scale, wanted in (
        ("mnist5k", "small", {"condition": "adversarial", "radius": 0.1}),
        ("mnist5k", "small", {"condition": "adversarial", "radius": 0.2}),
        ("cifar10", "small", {"condition": "adversarial"}),
        ("cifar10", "paper", {"condition": "random labels"}),
    ):
        assert min(likelihoods(dataset, scale, **wanted)) > KINK_LIKELIHOOD, (dataset, scale, wanted)
    seen = [
        sum(one > KINK_LIKELIHOOD for one in likelihoods("digits", "small", condition="adversarial", radius=radius))
        for radius in (0.05, 0.1, 0.2)
    ]
    assert 0 < seen[1] <= seen[0] < 3
    assert seen[2] == 0
    assert min(likelihoods("digits", "small", condition="constructed")) > KINK_LIKELIHOOD
    assert not likelihoods("cifar10", "paper", condition="adversarial")
    for dataset, scale in (("mnist5k", "small"), ("mnist", "paper")):
        assert max(likelihoods(dataset, scale, condition="clean")) < 0
    full = sorted(likelihoods("mnist", "paper", condition="adversarial"))
    assert full[1] < 0 < full[2] < KINK_LIKELIHOOD
    yield "a smooth curve fits better on every seed but one, where they tie"
    result = stored("figure3", "digits", "small-seeds-8")
    parts = []
    for on in ("levels", "differences between measured epochs"):
        (v,) = [v for v in result.verdicts if v.claim == f"{GAP} beyond that of other seeds: adversarial, {on}"]
        parts.append(f"{v.mean:.2f} [{v.low:.2f}, {v.high:.2f}] on {on.split()[0]}")
    yield f"the partial correlation of robust loss gap and flatness is {parts[0]}, undecided, and {parts[1]}, more than"
    others = [
        v.outcome
        for v in result.verdicts
        if v.claim.startswith("the gap in robust error grows with global flatness bey")
    ]
    assert others == ["undecided", "undecided"]


def of_the_attack() -> Iterator[str]:
    """What another attack finds on the same networks."""
    scales = ("small", "small-losses-cross_entropy")
    for dataset, epoch in (("digits", 4), ("mnist5k", 1)):
        wanted = {"condition": "adversarial", "measure": "robust_error", "split": "train", "epoch": epoch}
        early = [f"{mean('figure3', dataset, scale, **wanted)[0]:.2f}" for scale in scales]
        yield f"the robust error on train after epoch {epoch} is {early[0]}, by the cross entropy {early[1]}"
        late = [" and ".join(percents("robust_accuracy", scale, dataset)) for scale in scales]
        yield f"after the last, robust accuracy is {late[0]} % on train and test, by the cross entropy {late[1]} %"
    clean = [" and ".join(percents("robust_accuracy", scale, "mnist5k", "clean")) for scale in scales]
    yield f"after clean training {clean[0]} %, by the cross entropy {clean[1]} %"
    changed = dict.fromkeys(("digits", "mnist5k"), 0)
    for experiment, dataset in product(("figure3", "table1"), changed):
        pairs = zip(*(stored(experiment, dataset, scale).verdicts for scale in scales), strict=True)
        changed[dataset] += sum(a.outcome != b.outcome for a, b in pairs)
    assert changed == {"digits": 2, "mnist5k": 0}
    for experiment in ("figure3", "table1"):
        runs = [stored(experiment, "mnist5k", scale).runs for scale in scales]
        assert [run["last"] for run in runs[0]] == [run["last"] for run in runs[1]], "the same networks"
    # Where the page says that the cross entropy was ascended, and where not.
    for dataset, scale in (("mnist", "paper"), ("cifar10", "paper"), ("mnist5k", "small"), ("cifar10", "small")):
        for experiment in ("figure1", "figure2", "figure3", "table1", "memorization"):
            again = dataset == "mnist5k" and experiment not in ("figure1", "memorization")
            assert ("losses" in stored(experiment, dataset, scale).differs) != again, (experiment, dataset)


def measured_gaps(dataset: str, scale: str) -> list[float]:
    from empirics.images.verdicts.later_tables import measured_gaps

    return [gap for _, gap in measured_gaps(stored("memorization", dataset, scale))]


def readme() -> str:
    return (ROOT / "empirics" / "README.md").read_text()


@pytest.mark.parametrize("scale", DATASETS)
def test_the_table_is_what_was_stored(scale: str) -> None:
    for line in table(scale):
        assert line in readme(), line


def test_the_table_of_what_the_size_decides() -> None:
    text = readme()
    lines = changes()
    assert 5 < len(lines) < len(ROWS)
    for line in lines:
        assert line in text, line
    # And no other row is there.
    assert sum(line.startswith("|") and " → " in line for line in text.splitlines()) == len(lines) + 1


def test_the_numbers_of_the_prose() -> None:
    text = " ".join(readme().split())
    for sentence in (*sentences(), *of_kinks_and_schedules(), *of_the_attack()):
        assert sentence in text, sentence


def test_full_size_comes_first() -> None:
    text = readme()
    assert 0 < text.index(table("paper")[0]) < text.index(changes()[0]) < text.index(table("small")[0])


@pytest.mark.parametrize("changed", [("0", "1"), ("reproduced", "undecided")])
def test_another_number_or_verdict_would_be_noticed(changed: tuple[str, str]) -> None:
    """The planted fault."""
    text = readme().replace(*changed)
    for scale in DATASETS:
        assert not all(line in text for line in table(scale))
    assert not all(line in text for line in changes())
