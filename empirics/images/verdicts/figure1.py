"""Figure 1: flat inside the training radius and sharp outside it; the kink moves with the radius."""

import numpy as np

from empirics.images.verdicts.chance import fitted, role
from empirics.images.verdicts.kink import Kink, kink
from empirics.images.verdicts.result import Judgement, Record, Result
from empirics.images.verdicts.statistics import (
    fitted_slope,
    geometric_interval,
    rise_radius,
    slope_ratio,
)
from empirics.images.verdicts.thresholds import (
    KINK_LIKELIHOOD,
    KINK_RADIUS,
    KINK_SPEED,
    RANDOM_FITTED,
    SLOPE_RATIO,
    judge,
)


def figure1(result: Result) -> list[Judgement]:
    """Flat inside the training radius and sharp outside, with a kink; the kink moves with the training radius."""
    return [*_flat_zones(result), *_kinks(result), *_moves(result)]


def _flat_zones(result: Result) -> list[Judgement]:
    main = float(result.settings["radius"])
    found = []
    for record in result.records:
        if record.measure not in ("gradient_norm", "loss_change"):
            continue
        if record.condition == "adversarial" and record.radius != main:
            continue
        where = f"{record.measure}, {record.split}, {'balls in [0,1]^d' if record.clip else 'whole balls'}"
        found.append(
            judge(
                "figure-1",
                f"flat inside, sharp outside: {record.condition}, {where}",
                "slope outside over slope inside the training radius",
                [slope_ratio(record.grid(), row, main) for row in record.rows()],
                SLOPE_RATIO,
                role=_kind(result, record),
                averaging=geometric_interval,
            )
        )
    return found


def _kind(result: Result, record: Record) -> str:
    """On training points of random labels, and of f̂, a flat zone is what memorization means: it is claimed."""
    if not fitted_condition(result, record.condition, record.radius):
        return "not fitted"
    memorized = record.condition in ("random labels", "constructed") and record.split == "train"
    return "claim" if record.condition == "adversarial" or memorized else "control"


def _kinks(result: Result) -> list[Judgement]:
    """Whether the gradient norm on training points has a kink: a broken line is likelier than a smooth curve."""
    main = float(result.settings["radius"])
    found = []
    for record in result.select(measure="gradient_norm", split="train", clip=True):
        seen = _of_seeds(record)
        if seen is None:
            continue
        radius = record.radius if record.condition == "adversarial" else main
        after = f", trained at {radius:.4g}" if record.condition == "adversarial" else ""
        found.append(
            judge(
                "figure-1",
                f"a kink beyond half of the training radius: {record.condition}{after}, train",
                "least knot of a broken line over the training radius, 0 where a smooth curve fits as well",
                [one.flat / radius for one in seen],
                KINK_RADIUS,
                role=_kind(result, record),
            )
        )
    return found


def _of_seeds(record: Record) -> list[Kink] | None:
    """The kink of every seed; None if one has too few radii."""
    seen = [kink(record.grid(), row) for row in record.rows()]
    known = [one for one in seen if one is not None]
    return known if len(known) == len(seen) else None


def _moves(result: Result) -> list[Judgement]:
    found = []
    for split in ("train", "test"):
        swept = _swept(result, split)
        if len(swept) < 2:
            continue
        routes = [("radius of 10 % of the rise", [[rise_radius(r.grid(), row) for row in r.rows()] for r in swept])]
        seen = [known for r in swept if (known := _of_seeds(r)) is not None]
        if len(seen) == len(swept):
            routes.append(("knot of a broken line", [[one.knot for one in known] for known in seen]))
        # Seeds are independent, so that their log-likelihoods add up.
        sharp = all(sum(one.likelihood for one in known) > KINK_LIKELIHOOD for known in seen)
        for (name, places), kind in zip(routes, ("claim", "second route" if sharp else "no kink"), strict=False):
            found.append(
                judge(
                    "figure-1",
                    f"the kink moves with the training radius: {split}, {name}",
                    f"slope of the kink over training radii {', '.join(f'{r.radius:.4g}' for r in swept)}",
                    [fitted_slope([r.radius for r in swept], list(of_seed)) for of_seed in zip(*places, strict=True)],
                    KINK_SPEED,
                    role=role(result, kind, "adversarial"),
                )
            )
    return found


def _swept(result: Result, split: str) -> list[Record]:
    return sorted(
        result.select(condition="adversarial", measure="gradient_norm", split=split, clip=True),
        key=lambda record: record.radius,
    )


def fitted_condition(result: Result, condition: str, radius: float) -> bool:
    """Whether the networks of a condition and radius learned their sample: random labels robustly, others at all."""
    if condition == "random labels":
        return fitted_random_labels(result)
    return fitted(result, condition, radius=radius)


def fitted_random_labels(result: Result) -> bool:
    """Whether every network with random labels fits them robustly; otherwise it says nothing about memorization."""
    runs = [run["last"]["train_pgd"] for run in result.runs if run["condition"] == "random labels"]
    return all(accuracy >= RANDOM_FITTED for accuracy in runs)


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


def kinks(record: Record) -> str:
    """Where the kink is by either route, medians over seeds, in words."""
    rise = float(np.median([rise_radius(record.grid(), row) for row in record.rows()]))
    seen = _of_seeds(record)
    if seen is None:
        return f"10 % of the rise {rise:.3g}"
    likelier = sum(one.likelihood for one in seen) / len(seen)
    return (
        f"10 % of the rise {rise:.3g}, knot {float(np.median([one.knot for one in seen])):.3g} of a broken line, in "
        f"log-likelihood {likelier:+.1f} to a smooth curve"
    )
