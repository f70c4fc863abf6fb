"""Samples at all scales, and the memorizers of the project for them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from constructions import (
    Affine,
    Certificate,
    Memorizer,
    max_tree_memorizer,
    narrow_deep_memorizer,
    projection_memorizer,
    robust_memorizer,
    rule_memorizer,
)
from constructions import certify as certify_any
from tests.replaced import replaced
from tests.soundness.attacks import Tally, check_executed_certificate, check_real_certificate, executed_truth
from tests.soundness.executions import DTYPES, all_products
from tests.soundness.networks import Case, case_of
from tests.soundness.truth import least_margin, least_margin_found
from theory import separation

_EXPONENTS = (1.0, 2.0, np.inf, 1.0, 2.0, np.inf, 1.5, 3.0)


@dataclass(frozen=True, eq=False)
class Sample:
    """A sample with a radius and a shell that satisfy the theorem, or miss it by rounding."""

    points: np.ndarray
    labels: np.ndarray
    radius: float
    shell: float | None
    room: float
    p: float
    clean: Affine


def draw_sample(seed: tuple[int, ...], p: float | None = None, *, wild: bool = True) -> Sample:
    """Two or three classes, near ties and offsets included; `wild` for scales far from 1."""
    rng = np.random.default_rng(seed)
    size, dim, outputs = int(rng.integers(2, 6)), int(rng.integers(1, 4)), int(rng.choice([1, 1, 3]))
    size = max(size, outputs)
    exponent = int(rng.choice([0, 0, rng.integers(-30, 30), rng.integers(-140, 140)])) if wild else 0
    points = rng.choice([rng.normal(size=(size, dim)), rng.integers(0, 5, (size, dim)) / 4])
    points = points + (rng.choice([0.0, 0.0, 1.0, 2.0**10, 2.0**40]) if wild else 0.0)
    points = np.ldexp(points, exponent)
    points[1] = points[0] + np.ldexp(rng.choice([1.0, 0.25, 2.0**-20]) if wild else 1.0, exponent)
    # No two equal, whatever their labels.
    points[:, 0] += np.ldexp(np.arange(size) * 0.0371, exponent)
    codes = np.array([-1, 1]) if outputs == 1 else np.arange(outputs)
    labels = np.concatenate([codes, rng.choice(codes, size - len(codes))])
    p = float(rng.choice(_EXPONENTS)) if p is None else p
    gap = float(separation(points, labels, p).distance)
    radius = gap * float(rng.choice([0.05, 0.25, 0.4, 0.49]))
    room = gap - 2 * radius
    shell = None if rng.random() < 0.5 else room * float(rng.uniform(0.1, 0.99))
    scale = 2.0**-exponent / 8 if abs(exponent) < 1000 else 1.0
    clean = Affine(rng.normal(size=(outputs, dim)) * scale, rng.normal(size=outputs) / 8)
    return Sample(points, labels, radius, shell, room, p, clean)


def build(sample: Sample, seed: tuple[int, ...]) -> Memorizer:
    rng = np.random.default_rng(seed)
    small: Any = rng.choice(np.array(["all", "auto", "some"]))
    if small == "some":
        small = np.flatnonzero(rng.random(len(sample.points)) < 0.7)
    return robust_memorizer(
        sample.points,
        sample.labels,
        radius=sample.radius,
        p=sample.p,
        shell=sample.shell,
        small=small if isinstance(small, np.ndarray) else str(small),
        method=str(rng.choice(["shared", "per_point"])),
        clean=sample.clean,
        # Also those that would be refused, for nothing is proved.
        check=False,
    )


def moved_next_to_a_memorized_point(seed: tuple[int, ...]) -> Memorizer:
    """A memorizer in whose sample a point that only the clean classifier speaks for came near another label.

    Its own bounds are right: the clean classifier is constant. Only the separation is another.
    """
    rng = np.random.default_rng(seed)
    points = rng.uniform(-0.2, 0.2, (3, int(rng.integers(1, 4))))
    points[:, 0] = -2.0, 2.0, 4.0
    clean = Affine(np.zeros((1, points.shape[1])), np.ones(1) / 2)
    p = float(rng.choice(_EXPONENTS))
    memorizer = robust_memorizer(points, [-1, 1, 1], radius=0.25, p=p, small=np.array([0]), clean=clean)
    moved = points.copy()
    moved[1] = points[0]
    moved[1, 0] += float(rng.uniform(0.01, 0.4))
    return replaced(memorizer, sample=replace(memorizer.task.sample, points=moved))


def attack_memorizer(memorizer: Memorizer, seed: tuple[int, ...], tally: Tally) -> None:
    """The structural claims of a memorizer, over the reals and executed."""
    attack_claim(memorizer, memorizer.certify(), "reals", seed, "Memorizer.certify", tally)
    for arithmetic in DTYPES:
        try:
            found = memorizer.certify(arithmetic)
        except ValueError as error:
            if "beyond float32" not in str(error):
                raise
            continue
        attack_claim(memorizer, found, arithmetic, seed, f"Memorizer.certify {arithmetic}", tally)


def attack_claim(
    built: Any, found: Certificate, arithmetic: str, seed: tuple[int, ...], name: str, tally: Tally
) -> None:
    """A certificate of what is built for a sample, against the balls of that sample."""
    task = getattr(built, "task", built)
    p = found.p
    case = case_of(built.network, (task.sample.points, task.sample.codes, task.radius, p), seed, name)
    if (found.radius, len(found.status)) != (case.radius, len(case.points)):
        tally.is_false(name, case, f"the certificate is of radius {found.radius!r} and {len(found.status)} balls")
        return
    check_certificate(case, found, arithmetic, name, tally)


def check_certificate(case: Case, found: Certificate, arithmetic: str, name: str, tally: Tally) -> None:
    if arithmetic in ("reals", "rational"):
        # On a line exactly, where the pieces are not too many.
        exact = [least_margin(case, i, pieces=40) for i in range(len(case.points))]
        truth = [least_margin_found(case, i) if e is None else e for i, e in enumerate(exact)]
        check_real_certificate(name, case, found, truth, tally)
        return
    rng = np.random.default_rng(case.seed)
    products = all_products(rng, subnormals=True)
    some = [products[k] for k in rng.choice(len(products), 5, replace=False)]
    check_executed_certificate(name, case, found, executed_truth(case, arithmetic, some), arithmetic, tally)


def attack_rivals(sample: Sample, seed: tuple[int, ...], tally: Tally) -> None:
    """The constructions that are built for comparison, each with its own certificate."""
    rng = np.random.default_rng(seed)
    data, arithmetic = (sample.points, sample.labels), str(rng.choice(["reals", "float64", "float32"]))
    rules = rule_memorizer(*data, radius=sample.radius, p=sample.p, shell=sample.room / 8, levels=3, tries=1)
    attack_claim(rules, rules.certify(arithmetic), arithmetic, seed, f"rules, certify {arithmetic}", tally)
    if sample.p == np.inf:
        tree = max_tree_memorizer(*data, radius=sample.radius, shell=sample.shell)
        found = tree.certify(arithmetic)
        attack_claim(tree, found, arithmetic, seed, f"max tree {arithmetic}", tally)
        deep = narrow_deep_memorizer(*data, radius=sample.radius, shell=sample.shell)
        balls = deep.task.sample.points, deep.task.sample.codes, sample.radius, np.inf
        attack_claim(deep, certify_any(deep.network, *balls), "reals", seed, "narrow and deep, certify", tally)
    elif sample.p == 2:
        shell = sample.room / 8
        basis = str(rng.choice(["pca", "random"]))
        built = projection_memorizer(*data, radius=sample.radius, shell=shell, basis=basis, arithmetic=arithmetic)
        attack_claim(built, built.certify(arithmetic), arithmetic, seed, f"projection, certify {arithmetic}", tally)
