"""The empirical claims of section 4, each with a statistic and a threshold that were fixed before anything was measured.

A claim is *reproduced* when the whole 95 % confidence interval of its statistic lies on the claim's side of the
threshold, *not reproduced* when it lies on the other side, and *undecided* when it straddles the threshold. Controls
are judged by the same statistic and must not come out as reproduced.

Sources: Figure 1, Figure 2, Figure 3, Table 1 and the paragraphs on them.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from empirics.images.results import Record, Result, Verdict, significant
from empirics.images.statistics import (
    Interval,
    correlation,
    correlation_interval,
    fitted_slope,
    geometric_interval,
    inside_mean,
    rise_radius,
    slope_ratio,
    student_interval,
    two_segment_kink,
)

# Slope outside over slope inside: a cubic through the whole range has 7, so more than 7 is a kink.
SLOPE_RATIO = 7.0
# The kink moves by at least half of what the training radius moves by.
KINK_SPEED = 0.5
# "Much faster": global flatness grows by at least twice the factor of local flatness.
GROWTH = 2.0
CORRELATION = 0.5
# Table 1: "100 %", "far more", "small". Quoted there: drops of 54.2 points robust and 12.7 clean.
ROBUST_TRAIN = 0.99
ROBUST_DROP = 0.2
CLEAN_DROP = 0.2
DROP_FACTOR = 2.0
# The sample counts as fitted from the first measured epoch with at most this robust training error.
FITTED = 0.01
# Memorization: differences in robust fraction, and in robust radius over the training radius.
SHARE = 0.2
RADIUS_SHARE = 0.25
RESCUED = 0.9
WIDTH_FALL = 0.1

# The paper's Figure 2 has the test curve rise on CIFAR-10 and descend on MNIST.
TEST_CURVE_RISES = ("cifar10",)

Averaging = Callable[[Sequence[float]], Interval]


def judge(
    statement: str,
    claim: str,
    statistic: str,
    values: Sequence[float],
    threshold: float,
    *,
    direction: str = "above",
    role: str = "claim",
    averaging: Averaging = student_interval,
) -> Verdict:
    """The verdict on one claim from its statistic's values over seeds.

    Args:
        statement: id in the ledger.
        claim: in words.
        statistic: in words.
        values: one a seed.
        threshold: of the claim.
        direction: on which side of it the claim holds, "above" or "below".
        role: "claim" or "control".
        averaging: the interval from the values.

    Raises:
        ValueError: for another direction.
    """
    if direction not in ("above", "below"):
        raise ValueError(f'a claim holds "above" or "below" its threshold, got {direction!r}')
    found = averaging(list(values))
    side = 1.0 if direction == "above" else -1.0
    low, high = sorted((side * (found.low - threshold), side * (found.high - threshold)))
    outcome = "reproduced" if low > 0 else "not reproduced" if high < 0 else "undecided"
    numbers = (significant(x) for x in (found.mean, found.low, found.high))
    return Verdict(
        statement, role, claim, statistic, threshold, direction, tuple(map(significant, values)), *numbers, outcome
    )


def verdicts(result: Result) -> tuple[Verdict, ...]:
    """Every verdict that follows from the records of a result.

    Raises:
        ValueError: for an unknown experiment.
    """
    of = {
        "figure1": figure1,
        "figure2": figure2,
        "figure3": figure3,
        "table1": table1,
        "memorization": memorization,
    }
    if result.experiment not in of:
        raise ValueError(f"experiments are {', '.join(of)}, got {result.experiment!r}")
    return tuple(of[result.experiment](result))


def figure1(result: Result) -> list[Verdict]:
    """Flat inside the training radius and sharp outside; the kink moves with the radius."""
    main = float(result.settings["radius"])
    found = []
    for record in result.records:
        if record.measure not in ("gradient_norm", "loss_change"):
            continue
        control = record.condition != "adversarial"
        if not control and record.radius != main:
            continue
        # On training points of random labels, and of f̂, a flat zone is what memorization means: it is claimed.
        memorized = record.condition in ("random labels", "constructed") and record.split == "train"
        where = f"{record.measure}, {record.split}, {'balls in [0,1]^d' if record.clip else 'whole balls'}"
        found.append(
            judge(
                "figure-1",
                f"flat inside, sharp outside: {record.condition}, {where}",
                "slope outside over slope inside the training radius",
                [slope_ratio(record.grid(), row, main) for row in record.rows()],
                SLOPE_RATIO,
                role="control" if control and not memorized else "claim",
                averaging=geometric_interval,
            )
        )
    for split in ("train", "test"):
        swept = sorted(
            result.select(condition="adversarial", measure="gradient_norm", split=split, clip=True),
            key=lambda record: record.radius,
        )
        if len(swept) < 2:
            continue
        for name, locate, role in (
            ("radius of 10 % of the rise", rise_radius, "claim"),
            ("knot of the best two segments", two_segment_kink, "second route"),
        ):
            found.append(
                judge(
                    "figure-1",
                    f"the kink moves with the training radius: {split}, {name}",
                    f"slope of the kink over training radii {', '.join(f'{r.radius:.4g}' for r in swept)}",
                    [
                        fitted_slope([r.radius for r in swept], [locate(r.grid(), r.rows()[k]) for r in swept])
                        for k in range(len(result.seeds))
                    ],
                    KINK_SPEED,
                    role=role,
                )
            )
    return found


def flat_zone_reading(result: Result) -> str:
    """What Figure 1's verdicts on train and on test say about memorization."""
    outcome = {
        split: next(
            (
                v.outcome
                for v in result.verdicts
                if v.claim.endswith(f"adversarial, gradient_norm, {split}, balls in [0,1]^d")
            ),
            "undecided",
        )
        for split in ("train", "test")
    }
    if outcome["train"] != "reproduced":
        return f"no flat zone established on training points ({outcome['train']})"
    return {
        "reproduced": "the same flat zone on test points: robustness that generalizes, not memorization",
        "not reproduced": "a flat zone on training points only: local, as memorization has it",
        "undecided": "a flat zone on training points; on test points undecided",
    }[outcome["test"]]


def _inside(result: Result, condition: str, split: str) -> list[tuple[int, np.ndarray]]:
    """Mean of the curve inside the training radius: epochs, each with one value a seed."""
    radius = float(result.settings["radius"])
    records = result.select(condition=condition, split=split, measure="gradient_norm", clip=True)
    return [
        (record.epoch, np.array([inside_mean(record.grid(), row, radius) for row in record.rows()]))
        for record in sorted(records, key=lambda record: record.epoch)
    ]


def figure2(result: Result) -> list[Verdict]:
    """The curve inside the training radius, from the first measured epoch to the last."""
    rises = result.dataset in TEST_CURVE_RISES
    found = []
    for condition in ("adversarial", "clean"):
        for split in ("train", "test"):
            series = _inside(result, condition, split)
            if len(series) < 2:
                continue
            up = split == "test" and rises and condition == "adversarial"
            found.append(
                judge(
                    "figure-2",
                    f"the {split} curve {'rises' if up else 'descends'} inside the radius: {condition}",
                    f"mean inside the radius, epoch {series[-1][0]} over epoch {series[0][0]}",
                    (series[-1][1] / series[0][1]).tolist(),
                    1.0,
                    direction="above" if up else "below",
                    role="claim" if condition == "adversarial" else "control",
                    averaging=geometric_interval,
                )
            )
    found += _descent_once_fitted(result)
    return found


def _descent_once_fitted(result: Result) -> list[Verdict]:
    """The train curve from its highest epoch, and from the first epoch that fits the sample, to the last."""
    series = _inside(result, "adversarial", "train")
    if len(series) < 2:
        return []
    curves = np.array([values for _, values in series])
    claim = "the train curve descends inside the radius"
    from_peak = (curves[-1] / curves.max(axis=0)).tolist()
    # 1 where the last epoch is the highest; then the limit 1 is not below the threshold 1, and nothing descends.
    found = [
        judge(
            "figure-2",
            f"{claim} in the end: adversarial",
            "mean inside the radius, last epoch over highest epoch",
            from_peak,
            0.5,
            direction="below",
            averaging=geometric_interval,
        )
    ]
    errors = sorted(
        result.select(condition="adversarial", split="train", measure="robust_error"), key=lambda record: record.epoch
    )
    ratios = []
    for k in range(len(result.seeds)):
        fitted = [i for i, record in enumerate(errors) if record.values[k][0] <= FITTED]
        if not fitted or fitted[0] == len(errors) - 1:
            return found
        ratios.append(float(curves[-1, k] / curves[fitted[0], k]))
    found.append(
        judge(
            "figure-2",
            f"{claim} once the sample is fitted: adversarial",
            f"mean inside the radius, last epoch over the first with robust training error <= {FITTED}",
            ratios,
            1.0,
            direction="below",
            averaging=geometric_interval,
        )
    )
    return found


def _series(result: Result, condition: str, measure: str, split: str) -> np.ndarray:
    """One scalar over the epochs, shape (epochs, seeds)."""
    records = result.select(condition=condition, measure=measure, split=split, clip=True)
    return np.array([[row[-1] for row in r.values] for r in sorted(records, key=lambda record: record.epoch)])


def figure3(result: Result) -> list[Verdict]:
    """Local and global flatness at the training radius over epochs, and the robust generalization gap."""
    found = []
    for condition in ("adversarial", "clean"):
        local, overall = (_series(result, condition, "flatness", split) for split in ("train", "test"))
        if len(local) < 2:
            continue
        role = "claim" if condition == "adversarial" else "control"
        found.append(
            judge(
                "figure-3",
                f"global flatness grows much faster than local flatness: {condition}",
                "growth of global over growth of local flatness, first to last epoch",
                ((overall[-1] / overall[0]) / (local[-1] / local[0])).tolist(),
                GROWTH,
                role=role,
                averaging=geometric_interval,
            )
        )
        if len(local) < 4:
            continue
        for measure in ("robust_loss", "robust_error"):
            gap = _series(result, condition, measure, "test") - _series(result, condition, measure, "train")
            epochs = np.repeat(np.arange(len(gap), dtype=np.float64)[:, None], gap.shape[1], axis=1)
            for differences in (False, True):
                on = "differences from epoch to epoch" if differences else "levels"
                for other, name, kind in (
                    (overall, "global flatness", role),
                    (epochs, "the number of the epoch", "control"),
                ):
                    # A constant step of the epoch's number correlates with nothing.
                    if kind == "control" and (other is epochs) and (differences or role == "control"):
                        continue
                    found.append(
                        judge(
                            "figure-3",
                            f"the gap in {measure.replace('_', ' ')} grows with {name}: {condition}, {on}",
                            f"correlation over epochs, on the {on}",
                            [
                                correlation(gap[:, k].tolist(), other[:, k].tolist(), differences=differences)
                                for k in range(gap.shape[1])
                            ],
                            CORRELATION,
                            role=kind,
                            averaging=correlation_interval,
                        )
                    )
    return found


def _accuracy(result: Result, condition: str, measure: str, split: str) -> np.ndarray:
    """Accuracy of the trained network by seed."""
    return np.array([row[0] for row in result.one(condition=condition, measure=measure, split=split).values])


def table1(result: Result) -> list[Verdict]:
    """Robust training accuracy near 100 %, a large robust drop from train to test, a small clean one."""
    found = []
    for condition in ("adversarial", "clean"):
        role = "claim" if condition == "adversarial" else "control"
        robust, clean = (
            [_accuracy(result, condition, measure, split) for split in ("train", "test")]
            for measure in ("robust_accuracy", "clean_accuracy")
        )
        drops = robust[0] - robust[1], clean[0] - clean[1]
        rows = (
            ("robust training accuracy is near 100 %", robust[0], ROBUST_TRAIN, "above"),
            ("the robust accuracy drops a lot", drops[0], ROBUST_DROP, "above"),
            ("the clean accuracy drops little", drops[1], CLEAN_DROP, "below"),
            (f"the robust drop is over {DROP_FACTOR:g} clean drops", drops[0] - DROP_FACTOR * drops[1], 0.0, "above"),
        )
        for claim, values, threshold, direction in rows:
            # Clean training also fits clean data with a small drop: that row cannot tell them apart, and is no control.
            if role == "control" and direction == "below":
                continue
            found.append(
                judge(
                    "table-1",
                    f"{claim}: {condition}",
                    "accuracy" if threshold == ROBUST_TRAIN else "accuracy on train minus accuracy on test",
                    values.tolist(),
                    threshold,
                    direction=direction,
                    role=role,
                )
            )
    return found


def memorization(result: Result) -> list[Verdict]:
    """How much of the robust behaviour is local to the training points."""
    radius = float(result.settings["radius"])
    statement = "conjecture-robust-memorization"
    found = []

    def scalars(measure: str, split: str, **wanted: object) -> np.ndarray:
        return np.array([row[0] for row in result.one(measure=measure, split=split, **wanted).values])

    def add(claim: str, statistic: str, values: np.ndarray, threshold: float, **options: str) -> None:
        found.append(judge(statement, claim, statistic, values.tolist(), threshold, **options))  # type: ignore[arg-type]

    main = float(result.settings["width"])
    for condition in ("adversarial", "clean"):
        role = "claim" if condition == "adversarial" else "control"
        share, reach = (
            scalars(measure, "train", condition=condition, width=main)
            - scalars(measure, "test", condition=condition, width=main)
            for measure in ("robust_share", "robust_radius")
        )
        where = "robust behaviour is local to the training points"
        add(f"{where}: {condition}", "share robust at the training radius, train minus test", share, SHARE, role=role)
        add(
            f"{where}, by robust radius: {condition}",
            "mean largest robust radius over the training radius, train minus test",
            reach / radius,
            RADIUS_SHARE,
            role=role,
        )
    rescued = {split: scalars("rescued_share", split) for split in ("train", "test")}
    statistic = "share of the clean network's small-margin points that become robust"
    add("small-margin training points become robust", f"{statistic}, train", rescued["train"], RESCUED)
    add("small-margin test points do not", f"{statistic}, train minus test", rescued["train"] - rescued["test"], SHARE)
    add(
        "test points near a training point of their class are more robust",
        "rank correlation of robust radius and l_∞ distance",
        scalars("distance_correlation", "test"),
        0.0,
        direction="below",
    )
    widths = sorted({record.width for record in result.select(measure="robust_error", condition="adversarial")})
    if len(widths) > 1:
        fall = {
            split: scalars("robust_error", split, condition="adversarial", width=widths[0])
            - scalars("robust_error", split, condition="adversarial", width=widths[-1])
            for split in ("train", "test")
        }
        widest = f"width {widths[0]:g} to {widths[-1]:g}"
        add(f"robust training error falls with width, {widest}", "fall of the error", fall["train"], WIDTH_FALL)
        add(
            f"it falls more than the robust test error, {widest}",
            "fall on train minus fall on test",
            fall["train"] - fall["test"],
            WIDTH_FALL,
        )
    return found


def controls_reproduced(result: Result) -> list[str]:
    """The controls that came out as if the claim held of them: what a claim then says is not specific."""
    return [v.claim for v in result.verdicts if v.role == "control" and v.outcome == "reproduced"]


def kinks(record: Record) -> dict[str, float]:
    """Both locations of the kink, the median over seeds."""
    rows, grid = record.rows(), record.grid()
    return {
        "rise": float(np.median([rise_radius(grid, row) for row in rows])),
        "two segments": float(np.median([two_segment_kink(grid, row) for row in rows])) if len(grid) > 3 else math.nan,
    }
