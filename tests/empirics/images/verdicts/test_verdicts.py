"""Verdicts on synthetic results in which each claim holds, or fails, by construction."""

from typing import Any

import numpy as np
import pytest

from tests.empirics.images.verdicts.test_result import record, result

RADII = tuple(round(0.025 * k, 10) for k in range(17))
GRID = np.array(RADII)


def curve(knot, inside=0.1, outside=100.0) -> tuple[tuple[float, ...], ...]:
    """Two seeds of a hinge."""
    base = 0.05 + inside * GRID + (outside - inside) * np.maximum(GRID - knot, 0)
    return tuple(map(tuple, (base, 1.1 * base)))


def outcomes(found, text="", role=None) -> dict[str, str]:
    return {v.claim: v.outcome for v in found if text in v.claim and role in (None, v.role)}


@pytest.mark.parametrize(
    ("values", "direction", "outcome"),
    [
        ([8.0, 8.1, 8.2], "above", "reproduced"),
        ([8.0, 8.1, 8.2], "below", "not reproduced"),
        ([1.0, 1.1, 1.2], "above", "not reproduced"),
        ([1.0, 8.0, 15.0], "above", "undecided"),
        ([8.0], "above", "undecided"),
        # On the threshold itself neither side is established.
        ([7.0, 7.0], "above", "undecided"),
    ],
)
def test_judgement(values, direction, outcome) -> None:
    from empirics.images.verdicts.thresholds import judge

    assert judge("figure-1", "c", "s", values, 7.0, direction=direction).outcome == outcome


def test_judgement_knows_two_directions() -> None:
    from empirics.images.verdicts.thresholds import judge

    with pytest.raises(ValueError, match='"above" or "below"'):
        judge("figure-1", "c", "s", [1.0], 7.0, direction="left")


def figure1(test_knot=0.1, control_knot=0.02, swept=(0.05, 0.1, 0.2)) -> Any:
    records = [
        record(radius=radius, split=split, at=RADII, values=curve(radius if split == "train" else test_knot))
        for radius in swept
        for split in ("train", "test")
    ]
    records += [
        record(condition=name, radius=0.0, split=split, at=RADII, values=curve(control_knot))
        for name in ("clean", "initialisation")
        for split in ("train", "test")
    ]
    return result(*records, settings={"radius": 0.1})


def test_flat_zones_and_kinks_that_move() -> None:
    from dataclasses import replace

    from empirics.images.verdicts.figure1 import flat_zone_reading
    from empirics.images.verdicts.verdicts import controls, verdicts

    both = figure1()
    both = replace(both, verdicts=verdicts(both))
    assert set(outcomes(both.verdicts, "flat inside", "claim").values()) == {"reproduced"}
    assert set(outcomes(both.verdicts, "flat inside", "control").values()) == {"not reproduced"}
    assert controls(both, "reproduced") == []
    assert "not memorization" in flat_zone_reading(both)
    moves = outcomes(both.verdicts, "kink moves")
    assert {outcome for claim, outcome in moves.items() if ": train," in claim} == {"reproduced"}
    # The test curve's kink stays where it is: the planted fault of the sweep.
    assert {outcome for claim, outcome in moves.items() if ": test," in claim} == {"not reproduced"}

    local = figure1(test_knot=0.0)
    local = replace(local, verdicts=verdicts(local))
    assert "on training points only" in flat_zone_reading(local)

    faulty = figure1(control_knot=0.1)
    assert len(controls(replace(faulty, verdicts=verdicts(faulty)), "reproduced")) == 6


def test_smooth_curves_have_no_kink_that_moves() -> None:
    """The planted fault: cubes stretched with the training radius, so that every location of theirs moves with it."""
    from empirics.images.verdicts.verdicts import verdicts

    stretched = [
        record(
            radius=radius, at=RADII, values=tuple(tuple(k * np.minimum(GRID / (3 * radius), 1) ** 3) for k in (1, 2))
        )
        for radius in (0.05, 0.1, 0.12)
    ]
    found = verdicts(result(*stretched, settings={"radius": 0.1}))
    by_rise = next(v for v in found if v.claim.endswith("10 % of the rise"))
    assert (by_rise.role, by_rise.outcome) == ("claim", "reproduced")
    assert [v.role for v in found if v.claim.endswith("broken line")] == ["no kink"]
    near = outcomes(found, "a kink beyond half")
    assert len(near) == 3
    assert set(near.values()) == {"not reproduced"}
    # Broken lines at the same places are told from them.
    broken = verdicts(figure1())
    assert [v.role for v in broken if v.claim.endswith("broken line")] == ["second route", "second route"]
    assert set(outcomes(broken, "a kink beyond half", "claim").values()) == {"reproduced"}
    assert set(outcomes(broken, "a kink beyond half", "control").values()) == {"not reproduced"}


@pytest.mark.parametrize(("accuracy", "role"), [(1.0, "claim"), (0.5, "not fitted")])
def test_random_labels_count_once_they_are_fitted(accuracy, role) -> None:
    from empirics.images.verdicts.verdicts import verdicts

    entry = record(condition="random labels", at=RADII, values=curve(0.1))
    runs = ({"condition": "random labels", "last": {"train_pgd": accuracy}},)
    found = verdicts(result(entry, settings={"radius": 0.1}, runs=runs))
    assert {(v.role, v.outcome) for v in found} == {(role, "reproduced")}
    assert len(found) == 2


def epochs(dataset, test_factor, train=(1.0, 8.0, 4.0, 0.5)) -> Any:
    """Curves inside the radius over four epochs; the robust error of the training points falls to 0."""
    shape, at = np.array([0.5, 1.0, 5.0]), (0.0, 0.1, 0.2)
    records = []
    for k, level in enumerate(train):
        for split, factor in (("train", level), ("test", test_factor**k)):
            rows = tuple(tuple(seed * factor * shape) for seed in (1.0, 1.05))
            records.append(record(epoch=k + 1, split=split, at=at, values=rows))
            error = (0.6, 0.3, 0.0, 0.0)[k] if split == "train" else 0.7
            records.append(record(epoch=k + 1, split=split, measure="robust_error", at=(0.1,), values=((error,),) * 2))
    return result(*records, experiment="figure2", dataset=dataset, settings={"radius": 0.1})


def test_learning_process() -> None:
    from empirics.images.verdicts.verdicts import verdicts

    found = verdicts(epochs("cifar10", 2.0))
    assert outcomes(found, "the test curve") == {"the test curve rises inside the radius: adversarial": "reproduced"}
    assert set(outcomes(found, "train curve").values()) == {"reproduced"}
    assert [v.values[0] for v in found if "once the sample is fitted" in v.claim] == [0.125]
    # The same numbers on MNIST contradict what the paper says of it.
    found = verdicts(epochs("mnist5k", 2.0))
    assert outcomes(found, "the test curve") == {
        "the test curve descends inside the radius: adversarial": "not reproduced"
    }
    rising = verdicts(epochs("cifar10", 2.0, train=(1.0, 2.0, 4.0, 8.0)))
    assert set(outcomes(rising, "train curve").values()) == {"not reproduced"}


def flatness(local_growth, gap_follows) -> Any:
    records = []
    steps = np.array([1.0, 2.0, 1.5, 3.0, 2.5, 4.0, 3.5])
    own = 0.1 * np.array([0, 1, 1, -1, -1, 1, -1])
    for k in range(7):
        # Two seeds, each with a part of its own.
        overall = np.array([1.0 + order[: k + 1].sum() for order in (steps, steps + own)])
        gap = 0.1 * overall if gap_follows else np.full(2, 0.1 * k + 0.05 * (-1) ** k)
        for split, flat, loss in (
            ("train", np.full(2, local_growth**k), np.full(2, 0.1)),
            ("test", overall, 0.1 + gap),
        ):
            for measure, values in (("flatness", flat), ("robust_loss", loss), ("robust_error", loss)):
                rows = tuple((value,) for value in values)
                records.append(record(epoch=k + 1, split=split, measure=measure, at=(0.1,), values=rows))
    return result(*records, experiment="figure3", settings={"radius": 0.1})


def test_growth_and_correlation() -> None:
    from empirics.images.verdicts.verdicts import controls, verdicts

    found = verdicts(flatness(1.0, True))
    assert set(outcomes(found, role="claim").values()) == {"reproduced"}
    assert set(outcomes(verdicts(flatness(2.0, True)), "grows much faster").values()) == {"not reproduced"}
    # A gap that merely grows correlates on the levels, with the epoch's number and another seed's flatness as well.
    found = verdicts(flatness(1.0, False))
    levels, differences = (outcomes(found, f"flatness: adversarial, {on}", "claim") for on in ("levels", "differences"))
    assert set(levels.values()) == {"reproduced"}
    assert set(differences.values()) == {"not reproduced"}
    # Given the other seed nothing is left of it.
    assert "reproduced" not in outcomes(found, "beyond that of other seeds").values()
    assert len(controls(result(verdicts=found), "reproduced")) == 4


def table(robust, clean) -> Any:
    records = [
        record(condition=condition, split=split, measure=measure, at=(0.0,), values=((value,), (value - 0.001,)))
        for condition in ("adversarial", "clean")
        for measure, values in (
            ("robust_accuracy", robust if condition == "adversarial" else (0.0, 0.0)),
            ("clean_accuracy", clean),
        )
        for split, value in zip(("train", "test"), values, strict=True)
    ]
    return result(*records, experiment="table1")


def test_table_1() -> None:
    from empirics.images.verdicts.verdicts import controls, verdicts

    printed = verdicts(table((1.0, 0.458), (1.0, 0.873)))
    assert set(outcomes(printed, role="claim").values()) == {"reproduced"}
    assert controls(result(verdicts=printed), "reproduced") == []
    small = outcomes(verdicts(table((1.0, 0.2), (1.0, 0.5))), "adversarial")
    assert small["the clean accuracy drops little: adversarial"] == "not reproduced"
    assert small["the robust drop is over 2 clean drops: adversarial"] == "not reproduced"
    assert outcomes(verdicts(table((0.9, 0.2), (1.0, 0.9))), "near 100 %: adv") == {
        "robust training accuracy is near 100 %: adversarial": "not reproduced"
    }


def robust_radii(train_share, test_share, widths=((0.5, 0.6), (0.0, 0.58)), dependence=-0.1) -> Any:
    def one(split, measure, value, **changes) -> Any:
        return record(split=split, measure=measure, at=(0.1,), values=((value,), (value,)), **changes)

    records = []
    for split, share in (("train", train_share), ("test", test_share)):
        shares = ("robust_share", "robust_share_of_right")
        records += [*(one(split, name, share) for name in shares), one(split, "robust_radius", 0.2 * share)]
        records += [one(split, name, 0.1, condition="clean") for name in (*shares, "robust_radius")]
        records.append(one(split, "rescued_share", share))
    records.append(one("test", "distance_correlation", -0.3))
    for condition, pair in (("adversarial", (-0.3, dependence)), ("clean", (0.1, 0.0))):
        values = (pair, pair)
        records.append(
            record(split="test", measure="dependence_correlations", at=(0.0, 1.0), values=values, condition=condition)
        )
    for width, errors in zip((1, 4), widths, strict=True):
        for split, error in zip(("train", "test"), errors, strict=True):
            records.append(one(split, "robust_error", error, width=width))
    return result(*records, experiment="memorization")


def test_memorization() -> None:
    from empirics.images.verdicts.verdicts import verdicts

    found = verdicts(robust_radii(1.0, 0.2))
    assert set(outcomes(found, role="claim").values()) == {"reproduced"}
    assert set(outcomes(found, role="control").values()) == {"not reproduced"}
    general = outcomes(verdicts(robust_radii(1.0, 0.95, widths=((0.5, 0.6), (0.0, 0.1)), dependence=-0.4)))
    near = "test points near a training point of their class are more robust than near as many held-out ones"
    assert general[f"{near}: adversarial"] == "not reproduced"
    assert general["robust behaviour is local to the training points: adversarial"] == "not reproduced"
    assert general["small-margin test points do not"] == "not reproduced"
    assert general["it falls more than the robust test error, width 1 to 4"] == "not reproduced"


def test_unknown_experiment() -> None:
    from empirics.images.verdicts.verdicts import verdicts

    with pytest.raises(ValueError, match="experiments are figure1"):
        verdicts(result(experiment="figure4"))
