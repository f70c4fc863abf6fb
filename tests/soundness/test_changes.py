"""No claim stands after what it speaks of was changed, in place or by `replace`: it is refused, or true of the new.

Every change is of one field of a memorizer, of an array behind it, or of a certificate before it is written.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from constructions import (
    Affine,
    Memorizer,
    ReLUNetwork,
    certify,
    max_tree_memorizer,
    projection_memorizer,
    robust_memorizer,
    write_certificate,
)
from constructions.networks.network import dense
from tests.replaced import replaced
from tests.soundness.attacks import Tally
from tests.soundness.forgeries import CONFIRMED, checked
from tests.soundness.memorized import Sample, build, check_certificate, draw_sample, moved_next_to_a_memorized_point
from tests.soundness.networks import case_of, draw
from theory.balls.small_margin import MarginBracket
from theory.setting.separation import Separation

Number, Judged = Callable[[int], int], Callable[[Tally], None]
Change = Callable[[Memorizer, np.random.Generator], dict[str, Any]]


def _scaled(network: ReLUNetwork, factor: float) -> ReLUNetwork:
    """The last layer times a factor."""
    *rest, last = network.layers
    return ReLUNetwork((*rest, Affine(dense(last.weight) * factor, last.bias * factor)))


def _one_entry(network: ReLUNetwork, rng: np.random.Generator) -> ReLUNetwork:
    layers = list(network.layers)
    k = int(rng.integers(len(layers)))
    weight, bias = dense(layers[k].weight).copy(), layers[k].bias.copy()
    places = np.argwhere(weight)
    if len(places) and rng.random() < 0.7:
        weight[tuple(places[int(rng.integers(len(places)))])] *= float(rng.choice([-1.0, 0.0, 0.5, 3.0]))
    else:
        bias[int(rng.integers(len(bias)))] += float(rng.choice([-2.0, 2.0]) * (1 + np.abs(bias).max()))
    layers[k] = Affine(weight, bias)
    return ReLUNetwork(tuple(layers))


def _farther(found: Separation) -> Separation:
    return replace(found, distance=64 * found.distance)


def _swapped(m: Memorizer) -> np.ndarray:
    """The points with two of different labels exchanged."""
    points = m.task.sample.points.copy()
    j = int(np.flatnonzero(m.task.sample.codes != m.task.sample.codes[0])[0])
    points[[0, j]] = points[[j, 0]]
    return points


def _high_margins(m: Memorizer) -> MarginBracket:
    size = len(m.task.sample.points)
    return MarginBracket(np.full(size, 9.0), np.full(size, 9.0))


CHANGES: dict[str, Change] = {
    "network, zero": lambda m, rng: {"network": _scaled(m.network, 0.0)},
    "network, negated": lambda m, rng: {"network": _scaled(m.network, -1.0)},
    "network, one entry": lambda m, rng: {"network": _one_entry(m.network, rng)},
    "network, clean": lambda m, rng: {"network": m.clean},
    "network and widths": lambda m, rng: {"network": _one_entry(m.clean, rng), "widths": ()},
    "sample, points swapped": lambda m, rng: {"sample": replace(m.task.sample, points=_swapped(m))},
    "sample, codes reversed": lambda m, rng: {"sample": replace(m.task.sample, codes=m.task.sample.codes[::-1].copy())},
    "sample, moved": lambda m, rng: {"sample": replace(m.task.sample, points=m.task.sample.points + 3 * m.task.radius)},
    "small, none": lambda m, rng: {"small": m.small[:0]},
    "small, fewer": lambda m, rng: {"small": m.small[1:]},
    "small, other": lambda m, rng: {"small": np.roll(np.arange(len(m.task.sample.points)), 1)[: len(m.small)]},
    "radius, larger": lambda m, rng: {"radius": m.task.radius * float(rng.choice([1.0625, 1.5, 2.0, 16.0]))},
    "shell, larger": lambda m, rng: {"shell": m.task.shell * float(rng.choice([1.0625, 2.0, 16.0]))},
    "shell, smaller": lambda m, rng: {"shell": m.task.shell / 64},
    "radius and shell": lambda m, rng: {"radius": m.task.radius + m.task.shell / 2, "shell": m.task.shell / 8},
    "p": lambda m, rng: {"p": float(rng.choice([q for q in (1.0, 1.5, 2.0, 3.0, np.inf) if q != m.task.p]))},
    "clean, negated": lambda m, rng: {"clean": _scaled(m.clean, -1.0)},
    "clean, scaled": lambda m, rng: {"clean": _scaled(m.clean, 0.5)},
    "margin": lambda m, rng: {"margin": _high_margins(m)},
    "margin and network": lambda m, rng: {"margin": _high_margins(m), "network": _one_entry(m.network, rng)},
    "margin, small and network": lambda m, rng: {
        "margin": _high_margins(m),
        "small": m.small[:0],
        "widths": (),
        "network": _scaled(m.clean, -1.0),
        "clean": _scaled(m.clean, -1.0),
    },
    "low": lambda m, rng: {"low": m.low + 1e3 * m.task.radius},
    "high": lambda m, rng: {"high": m.high - 1e3 * m.task.radius},
    "bound": lambda m, rng: {"bound": m.bound * 2.0 ** float(rng.choice([-20, 20]))},
    "neighbours": lambda m, rng: {"neighbours": _farther(m.task.neighbours)},
    "neighbours, radius": lambda m, rng: {
        "neighbours": _farther(m.task.neighbours),
        "radius": 2 * m.task.radius + m.task.shell,
    },
    "method": lambda m, rng: {"method": "shared" if m.method == "per_point" else "per_point"},
    "widths": lambda m, rng: {"widths": m.widths[::-1]},
}


@pytest.mark.parametrize("name", list(CHANGES))
def test_fields_that_were_replaced(name: str, number: Number, judged: Judged) -> None:
    tally = Tally()
    for k in range(number(3)):
        seed = (41, k)
        rng = np.random.default_rng(seed)
        memorizer = build(draw_sample(seed, (1.0, 2.0, np.inf)[k % 3], wild=False), seed)
        _judge_changed(memorizer, lambda m, rng=rng: replaced(m, **CHANGES[name](m, rng)), seed, name, tally)
    judged(tally)


def _judge_changed(
    memorizer: Memorizer, change: Callable[[Memorizer], Memorizer], seed: tuple[int, ...], name: str, tally: Tally
) -> None:
    """The changed memorizer refuses, or what it claims is true of what it holds now."""
    try:
        changed = change(memorizer)
    except ValueError:
        tally.attacked("replaced, refused")
        return
    task = changed.task
    balls = task.sample.points, task.sample.codes, task.radius, task.p
    case = case_of(changed.network, balls, seed, name)
    for arithmetic in ("reals", "float32"):
        claim = partial(changed.certify, arithmetic)
        found = _claimed(f"replaced, {arithmetic}", case, claim, tally)
        if found is None:
            continue
        if not (found.radius == task.radius and found.p == task.p):
            tally.is_false(name, case, f"the certificate is of radius {found.radius!r}, p={found.p}")
        check_certificate(case, found, arithmetic, f"replaced, {arithmetic}", tally)


def _claimed(kind: str, case: Any, claim: Callable[[], Any], tally: Tally) -> Any:
    """The certificate; None after a refusal, which is a `ValueError` and no other exception."""
    try:
        return claim()
    except ValueError:
        tally.attacked("replaced, refused")
    except Exception as error:
        tally.is_false(kind, case, f"raises {type(error).__name__}: {error}")
    return None


def test_points_that_moved_next_to_a_memorized_one(number: Number, judged: Judged) -> None:
    tally = Tally()
    for k in range(number(6)):
        changed = moved_next_to_a_memorized_point((46, k))
        _judge_changed(changed, lambda m: m, (46, k), "moved next to a memorized point", tally)
    judged(tally)


def _sample(seed: tuple[int, ...]) -> Sample:
    return draw_sample(seed, (1.0, 2.0, np.inf)[seed[1] % 3], wild=False)


def _write(array: np.ndarray, rng: np.random.Generator) -> None:
    array[...] = -np.roll(array, 1) if rng.random() < 0.5 else array + 1


ARRAYS: dict[str, Callable[[Memorizer], np.ndarray]] = {
    "points": lambda m: m.task.sample.points,
    "codes": lambda m: m.task.sample.codes,
    "small": lambda m: m.small,
    "low": lambda m: m.low,
    "weights": lambda m: _stored(m.network.layers[0]),
    "last weights": lambda m: _stored(m.network.layers[-1]),
    "bias": lambda m: m.network.layers[0].bias,
    "clean weights": lambda m: _stored(m.clean.layers[0]),
    "clean bias": lambda m: m.clean.layers[-1].bias,
}


def _stored(layer: Affine) -> np.ndarray:
    return layer.weight if isinstance(layer.weight, np.ndarray) else layer.weight.data


@pytest.mark.parametrize("name", list(ARRAYS))
def test_arrays_that_were_changed_in_place(name: str, number: Number, judged: Judged) -> None:
    tally = Tally()
    for k in range(number(3)):
        seed = (42, k)
        rng = np.random.default_rng(seed)

        def change(m: Memorizer, rng: np.random.Generator = rng) -> Memorizer:
            _write(ARRAYS[name](m), rng)
            return m

        _judge_changed(build(_sample(seed), seed), change, seed, f"in place, {name}", tally)
    judged(tally)


def test_what_was_given_may_be_changed_afterwards(number: Number, judged: Judged) -> None:
    """The caller's points, labels and clean classifier, after the memorizer was built of them."""
    tally = Tally()
    for k in range(number(6)):
        seed = (43, k)
        sample = _sample(seed)
        weight, bias = dense(sample.clean.weight).copy(), sample.clean.bias.copy()
        points, labels = sample.points.copy(), sample.labels.copy()
        memorizer = robust_memorizer(
            points, labels, radius=sample.radius, p=sample.p, small="auto", clean=Affine(weight, bias)
        )
        for array in (points, weight, bias):
            array[...] = -array[::-1] - 1
        labels[...] = labels[::-1].copy()
        _judge_changed(memorizer, lambda m: m, seed, "given arrays", tally)
    judged(tally)


def test_rivals_that_were_changed(number: Number, judged: Judged) -> None:
    tally = Tally()
    for k in range(number(4)):
        seed = (44, k)
        rng = np.random.default_rng(seed)
        sample = draw_sample(seed, np.inf, wild=False)
        tree = max_tree_memorizer(sample.points, sample.labels, radius=sample.radius)
        task, far = tree.task, _farther(tree.task.neighbours)
        for name, network, changed_task in (
            ("tree, network", _one_entry(tree.network, rng), task),
            ("tree, radius", tree.network, replace(task, radius=2 * task.radius + task.shell)),
            ("tree, separation", tree.network, replace(task, neighbours=far, shell=9 * task.shell)),
            ("tree, points", tree.network, replace(task, sample=replace(task.sample, points=-task.sample.points))),
        ):
            _judge_claim(
                name, replace(tree, network=network, task=changed_task).certify, network, changed_task, seed, tally
            )
        sample = draw_sample(seed, 2.0, wild=False)
        built = projection_memorizer(sample.points, sample.labels, radius=sample.radius, shell=sample.room / 8)
        for name, other in (
            ("projection, network", replace(built, network=_one_entry(built.network, rng))),
            ("projection, radius", replaced(built, radius=4 * built.task.radius)),
            ("projection, inner", replace(built, inner=replaced(built.inner, radius=9 * built.inner.task.radius))),
        ):
            _judge_claim(name, other.certify, other.network, other.task, seed, tally)
    judged(tally)


def _judge_claim(
    name: str, claim: Callable[[], Any], network: ReLUNetwork, task: Any, seed: tuple[int, ...], tally: Tally
) -> None:
    case = case_of(network, (task.sample.points, task.sample.codes, task.radius, task.p), seed, name)
    found = _claimed("replaced, rival", case, claim, tally)
    if found is not None:
        check_certificate(case, found, "reals", "replaced, rival", tally)


FORGED: dict[str, Callable[[Any], dict[str, Any]]] = {
    "lower": lambda c: {"lower": c.lower + 9, "status": np.full(len(c.status), "certified"), "counterexamples": {}},
    "status": lambda c: {
        "status": np.full(len(c.status), "certified"),
        "lower": np.full(len(c.status), 0.5),
        "counterexamples": {},
    },
    "radius": lambda c: {"radius": 64 * c.radius},
    "arithmetic": lambda c: {"arithmetic": "float32" if c.arithmetic != "float32" else "reals"},
}


@pytest.mark.parametrize("arithmetic", ["reals", "rational", "float64", "float32"])
def test_certificates_that_were_changed_are_not_written_or_not_confirmed(
    tmp_path: Path, arithmetic: str, number: Number, judged: Judged
) -> None:
    """A false claim in a certificate, another network, other points: refused on writing, or not confirmed."""
    tally = Tally()
    for k in range(number(8)):
        case = replace(draw((45, k), arithmetic, ("dyadic", "normal")[k % 2]), p=(1.0, 2.0, np.inf)[k % 3])
        network, points, labels = case.network, case.points.copy(), case.labels.copy()
        right = certify(network, points, labels, case.radius, case.p, arithmetic=arithmetic)
        other = points + 9
        wrong_labels = -labels if network.outputs == 1 else (labels + 1) % network.outputs
        tried: list[tuple[str, Any, Any, Any, Any]] = [
            ("network", right, _scaled(network, -1.0), points, labels),
            ("points", right, network, other, labels),
            ("labels", right, network, points, wrong_labels),
        ]
        for name, forge in FORGED.items():
            try:
                tried.append((name, replace(right, **forge(right)), network, points, labels))
            except ValueError:
                tally.attacked("changed certificate, refused")
        for name, claim, net, x, y in tried:
            _judge_written(tmp_path, case, name, claim, net, x, y, tally)
        points += 9
        _judge_written(tmp_path, case, "points in place", right, network, points, labels, tally)
    judged(tally)


def _judge_written(
    folder: Path, case: Any, name: str, claim: Any, network: ReLUNetwork, points: Any, labels: Any, tally: Tally
) -> None:
    """If it is written and confirmed, it has to be true of network and points as they are."""
    files = [str(folder / n) for n in ("network.npz", "points.npz", "certificate.json")]
    try:
        write_certificate(files[2], claim, network, points, labels)
    except ValueError:
        tally.attacked("changed certificate, refused")
        return
    tally.attacked("changed certificate, written")
    network.save(files[0])
    np.savez(files[1], points=points, labels=labels)
    code, _, said = checked(files)
    if code == CONFIRMED:
        now = case_of(network, (points, labels, claim.radius, claim.p), case.seed, name)
        before = len(tally.false)
        check_certificate(now, claim, claim.arithmetic, f"changed certificate, {name}", tally)
        if len(tally.false) > before:
            tally.is_false(name, now, f"written and confirmed: {said}")
