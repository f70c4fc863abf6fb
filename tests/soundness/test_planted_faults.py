"""The attacks find what they are there to find: one fault is planted in the project, and a claim must come out false.

A fault is a line of a function that is another line while the test runs. If the line is not there any more, the fault
has to be stated anew.
"""

import importlib
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.soundness.attacks import Tally, attack_executed, attack_real_bounds
from tests.soundness.forgeries import attack_with_false_bounds, attack_with_false_witnesses
from tests.soundness.imitations import imitation
from tests.soundness.memorized import attack_memorizer, build, draw_sample, moved_next_to_a_memorized_point
from tests.soundness.networks import Case, draw

Attack = Callable[[int, Path, Tally], None]


def plant(monkeypatch: pytest.MonkeyPatch, name: str, line: str, other: str) -> None:
    """Compile the function again with another line, in place: also where it was imported by name.

    A constant of a module has no line, and gets another value there.
    """
    module, _, path = name.partition(":")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    if not callable(found):
        assert repr(found) == line
        monkeypatch.setattr(importlib.import_module(module), path, float(other))
        return
    function: Any = inspect.unwrap(found)
    source = textwrap.dedent(inspect.getsource(function))
    source = source[source.index("def ") :]
    assert source.count(line) == 1, f"{name} has {source.count(line)} times {line!r}"
    place = dict(function.__globals__)
    # Annotations are of no use here, and names of shapes are no names.
    exec(compile("from __future__ import annotations\n" + source.replace(line, other), name, "exec"), place)
    monkeypatch.setattr(function, "__code__", place[function.__name__].__code__)


def _case(k: int, kinds: tuple[str, ...], arithmetic: str = "float64", p: float | None = None) -> Case:
    case = draw((51, k), arithmetic, kinds[k % len(kinds)], dim=(None, 1, 2)[k % 3])
    return case if p is None else replace(case, p=p)


def _bounds(*kinds: str, p: float | None = None) -> Attack:
    return lambda k, folder, tally: attack_real_bounds(_case(k, kinds, p=p), tally)


def _executed(arithmetic: str, *kinds: str) -> Attack:
    return lambda k, folder, tally: attack_executed(_case(k, kinds, arithmetic), arithmetic, tally, subnormals=True)


def _false_bounds(arithmetic: str, *kinds: str, p: float | None = None) -> Attack:
    return lambda k, folder, tally: attack_with_false_bounds(folder, _case(k, kinds, arithmetic, p), arithmetic, tally)


def _witnesses(arithmetic: str) -> Attack:
    return lambda k, folder, tally: attack_with_false_witnesses(
        folder, _case(k, ("normal", "dyadic"), arithmetic), arithmetic, tally
    )


def _imitations(change: str) -> Attack:
    def attack(k: int, folder: Path, tally: Tally) -> None:
        case, widths = imitation((52, k), change)
        attack_with_false_bounds(folder, case, "reals", tally, widths)

    return attack


def _another_network(k: int, folder: Path, tally: Tally) -> None:
    m = build(draw_sample((53, k), (1.0, np.inf)[k % 2], wild=False), (53, k))
    *rest, last = m.network.layers
    network = replace(m.network, layers=(*rest, replace(last, weight=-last.weight)))
    attack_memorizer(replace(m, network=network), (53, k), tally)


def _moved(k: int, folder: Path, tally: Tally) -> None:
    attack_memorizer(moved_next_to_a_memorized_point((54, k)), (54, k), tally)


INTERVAL, BACKWARD, RATIONAL, ROUNDING = (
    "theory.balls.intervals",
    "theory.balls.backward",
    "constructions.certificates.rational_intervals",
    "constructions.certificates.executed_intervals",
)
SUMS, INTERVALS, SLOPES, SQUARES = (
    f"constructions.check.{name}" for name in ("affine", "intervals", "slopes", "squares")
)

FAULTS: dict[str, tuple[str, str, str, Attack]] = {
    "no rounding": ("theory.roundoff:gamma", "return spent", "return 0.0 * spent", _bounds("normal", "long")),
    "no underflow": (f"{INTERVAL}:TINY", repr(2.0**-960), "0", _bounds("vanishing")),
    "half the radius": (
        f"{INTERVAL}:first_range",
        "regions.halves * dual *",
        "0.5 * regions.halves * dual *",
        _bounds("normal"),
    ),
    "sign of a bias": (
        f"{INTERVAL}:first_range",
        "regions.centres) + affine.bias",
        "regions.centres) - affine.bias",
        _bounds("normal"),
    ),
    "range behind a ReLU at one end": (
        f"{INTERVAL}:after_relu",
        "down[0] * less",
        "down[1] * less",
        _bounds("normal", "active"),
    ),
    "margin behind a ReLU at the other end": (
        f"{INTERVAL}:least_after_relu",
        "forms_at(down, high)",
        "forms_at(down, low)",
        _bounds("normal", "active"),
    ),
    "chord through 0": (
        f"{BACKWARD}:relu_lines",
        "np.where(unstable, offset, 0.0)",
        "0.0 * offset",
        _bounds("normal", "active"),
    ),
    "bias of a hidden layer": (
        f"{BACKWARD}:backward",
        "+ coefficient @ bias",
        "- coefficient @ bias",
        _bounds("normal", "active"),
    ),
    "rational box without the radius": (
        f"{RATIONAL}:_margin",
        "[c - reach for c in centre]",
        "[c for c in centre]",
        _bounds("normal", p=np.inf),
    ),
    "rational rounded up": (
        f"{RATIONAL}:largest_float_at_most",
        "near if Fraction(near) <= value else",
        "near if True else",
        _bounds("normal", p=np.inf),
    ),
    "any witness": (
        "constructions.certificates.witness:real_values",
        "return np.asarray(upper)",
        "return np.asarray(upper) - 1e3",
        _bounds("normal"),
    ),
    "witness anywhere": (
        "theory.setting.membership:_is_clear",
        "norm(rounded / radius, p) <=",
        "0 <=",
        _bounds("normal", p=1.0),
    ),
    "executed without rounding": (
        f"{ROUNDING}:_slack",
        "0.0 if exact else form.gamma(terms + 1)",
        "0.0",
        _executed("float32", "long", "normal"),
    ),
    "executed without underflow": (
        f"{ROUNDING}:_floor",
        "(2 * terms + 2) * form.least + TINY",
        "0.0 * form.least",
        _executed("float32", "vanishing", "scaled"),
    ),
    "executed without subnormal inputs": (
        f"{ROUNDING}:_with_flushed",
        "np.nextafter(low - form.least, -np.inf), np.nextafter(high + form.least, np.inf)",
        "low, high",
        _executed("float32", "vanishing"),
    ),
    "executed without overflow": (
        f"{ROUNDING}:_is_safe",
        "layer.gain * reach + layer.offset <= form.greatest / 4",
        "reach == reach",
        _executed("float32", "overflowing", "anything"),
    ),
    "executed range behind a ReLU at one end": (
        f"{ROUNDING}:_layer_behind",
        "_times(down, low)",
        "_times(down, high)",
        _executed("float32", "normal"),
    ),
    "executed margin behind a ReLU at the other end": (
        f"{ROUNDING}:_margin_behind",
        "np.maximum(-weight, 0.0) @ high",
        "np.maximum(-weight, 0.0) @ low",
        _executed("float32", "normal"),
    ),
    "executed margin without rounding": (
        f"{ROUNDING}:_margin_behind",
        "head.weight - head.slack * head.size",
        "head.weight",
        _executed("float32", "long", "normal"),
    ),
    "execution without error": (
        "constructions.certificates.execution_error:_layer_error",
        "moved = absolute @ error + relative * sums",
        "moved = absolute @ error",
        _executed("float32", "normal"),
    ),
    "checker without rounding": (
        f"{SUMS}:gamma",
        "* (1 + 2.0**-40)",
        "* 0.0",
        _false_bounds("float64", "long", "normal"),
    ),
    "checker without the norm": (
        f"{SUMS}:_row_norms",
        "return result",
        "return 0.5 * result",
        _false_bounds("reals", "normal", p=1.0),
    ),
    "checker's signs of negative inputs": (
        "constructions.check.outputs:monotone_margin",
        "np.all(low >= 0, axis=0)",
        "np.all(low >= low, axis=0)",
        _false_bounds("reals", "signed", p=np.inf),
    ),
    "checker's sums of negative inputs": (
        f"{SUMS}:affine",
        "(low.min(axis=0, initial=0.0) >= 0)",
        "(low.min(axis=0, initial=0.0) >= -np.inf)",
        _false_bounds("reals", "signed", p=np.inf),
    ),
    "checker's error at the smallest inputs": (
        f"{SUMS}:affine",
        "below = np.where(behind, lower - (share * (up[:, :balls] + down[:, balls:] + offset) + floor), below)",
        "below = np.where(behind, lower, below)",
        _false_bounds("float32", "long", "normal"),
    ),
    "checker's sums that are off": (
        f"{SUMS}:affine",
        "(up[:, balls:] == 0) & (bias <= 0)",
        "(up[:, balls:] == 0)",
        _false_bounds("reals", "normal"),
    ),
    "checker's outputs by themselves": (
        "constructions.check.outputs:separate_margin",
        "below[label] - others",
        "below[label]",
        _false_bounds("reals", "normal"),
    ),
    "checker's greatest term of negative inputs": (
        f"{SUMS}:_raise_to_greatest_term",
        "or not low.min(initial=0.0) >= 0",
        "",
        _false_bounds("reals", "signed", p=np.inf),
    ),
    "checker's exact box": (
        "constructions.check.exact:exact_margin",
        "Fraction(c) - Fraction(radius)",
        "Fraction(c)",
        _false_bounds("rational", "normal", p=np.inf),
    ),
    "checker's witness anywhere": (
        "constructions.check.claims:check",
        "is_inside(x, points[i], radius, p) and",
        "",
        _witnesses("reals"),
    ),
    "checker's witness of anything": (
        "constructions.check.claims:check",
        "and fails(layers, executed, x, int(labels[i]), arithmetic)",
        "",
        _witnesses("float64"),
    ),
    "checker's witness of no format": (
        "constructions.check.witnesses:fails",
        "if np.any(x.astype(kind).astype(np.float64) != x):",
        "if False:",
        _witnesses("float32"),
    ),
    "neurons taken for positive": (
        f"{SLOPES}:_always_positive",
        "return positive",
        "return positive | True",
        _imitations("memorizer"),
    ),
    "slopes of one sign": (
        f"{SLOPES}:_greatest_slopes",
        "np.maximum(np.abs(sums[0]), np.abs(sums[1]))",
        "np.minimum(np.abs(sums[0]), np.abs(sums[1]))",
        _imitations("memorizer"),
    ),
    "any weights of squares": (
        f"{SQUARES}:_read_squares",
        "np.all(omega > 0)",
        "True",
        _imitations("flat and negative"),
    ),
    "any tents": (
        f"{SQUARES}:_is_rows",
        "np.array_equal(f.value[part], values.ravel())",
        "True",
        _imitations("tent"),
    ),
    "any carried coordinates": (f"{SQUARES}:_read_squares", "np.all(carried == 1)", "True", _imitations("carry")),
    "any factor of the sum": (f"{SQUARES}:square_bounds", "np.any(weight[:, 0] != 1)", "False", _imitations("lead")),
    "any more inputs of the excess": (
        f"{SQUARES}:square_bounds",
        "or np.any(excess.column[: excess.start[size]] > dim)",
        "",
        _imitations("more neurons"),
    ),
    "squares outside of [0, 1]": (
        f"{SQUARES}:square_bounds",
        "outside = max(0.0,",
        "outside = min(0.0,",
        _imitations("offset"),
    ),
    "coordinates below 0": (
        f"{SQUARES}:square_bounds",
        "negative = max(0.0,",
        "negative = min(0.0,",
        _imitations("shift"),
    ),
    "sums below 0": (
        f"{SQUARES}:square_bounds",
        "above += max(0.0, dropped",
        "above += min(0.0, dropped",
        _imitations("clipped sum"),
    ),
    "neurons taken for off": (
        f"{INTERVALS}:_may_be_on",
        "high).max(axis=1) <= 0)",
        "high).max(axis=1) <= 1)",
        _false_bounds("reals", "normal", p=np.inf),
    ),
    "neurons taken for off without what is added": (
        f"{INTERVALS}:_may_be_on",
        "upper[off] + product(part(read.positive, off), high).max(axis=1)",
        "upper[off]",
        _false_bounds("reals", "normal", p=np.inf),
    ),
    "any network for the structure": (
        "constructions.certificates.structural_proof:memorizing_parts",
        "if is_same(network, added, beyond=block.widths[1:]) else None",
        "",
        _another_network,
    ),
    "any radius for the structure": (
        "constructions.certificates.structural_proof:structural_bounds",
        " and task.is_separated",
        "",
        _moved,
    ),
    "any separation for the structure": (
        "constructions.samples.task:Task.separation.fget",
        "self.neighbours.p == self.p and self.neighbours.is_of(points, codes)",
        "True",
        _moved,
    ),
}


# Faults that a second line makes up for, which is gone too.
SECOND_LINES = {
    "any weights of squares": (f"{SQUARES}:square_bounds", "np.all(omega * scale**2 >= VANISHING)", "True"),
    "coordinates below 0": (f"{INTERVALS}:_hidden", "safe &= np.all(least <= greatest, axis=0)", "pass"),
}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_the_attacks_find_it(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, line, other, attack = FAULTS[fault]
    plant(monkeypatch, name, line, other)
    if fault in SECOND_LINES:
        plant(monkeypatch, *SECOND_LINES[fault])
    for k in range(400):
        tally = Tally()
        attack(k, tmp_path, tally)
        # An exception is no false claim.
        if any(": raises " not in text and "exit 2" not in text for text in tally.false):
            return
    pytest.fail(f"{fault}: not found")
