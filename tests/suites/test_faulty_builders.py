"""The suite passes right builders, and names what is wrong with each of those that are wrong in one way."""

import functools
from typing import Any

import pytest

from constructions.suite import CheckFailed, NotChecked, check_memorizer, checks_of, claims
from tests.suites import faulty_builders

FAULTS = {
    "radius_too_small": "margin_is_one_on_balls",
    "ramp_too_wide": "ramp_ends_within_the_shell",
    "sign_flipped": "every_point_has_its_label",
    "point_forgotten": "no_point_is_forgotten",
    "lock_too_weak": "clean_classifier_is_locked_out",
    "classes_as_they_come": "every_point_has_its_label",
    "single_precision": "radius_is_reached",
    "squares_vanish": "every_scale_is_right",
    "last_ball_left_out": "every_point_has_its_label",
    "always_euclidean": "radius_is_reached",
    "keeps_the_first": "every_point_has_its_label",
    "scales_in_place": "arguments_are_left_alone",
    "absolute_tolerance": "every_scale_is_right",
    "nan_far_out": "radius_is_reached",
    "stale_margins": "network_of_now_is_certified",
    "refuses_everything": "every_point_has_its_label",
}
# The only one that notices.
ALONE = {"squares_vanish", "scales_in_place", "absolute_tolerance"}


def failures(builder: Any) -> dict[str, CheckFailed]:
    found = {}
    for check in checks_of(builder, max_examples=8):
        try:
            check()
        except CheckFailed as error:
            found[check.name] = error
        except NotChecked:
            pass
    return found


@pytest.mark.parametrize("builder", [faulty_builders.right, faulty_builders.right_on_balls])
def test_right_builders_pass(builder: Any) -> None:
    assert failures(builder) == {}


@pytest.mark.parametrize(("name", "caught_by"), FAULTS.items())
def test_every_fault_is_caught_by_a_check_that_names_it(name: str, caught_by: str) -> None:
    found = failures(getattr(faulty_builders, name))
    assert caught_by in found
    assert name not in ALONE or set(found) == {caught_by}
    for check, error in found.items():
        assert error.line.startswith(f"{name}: {check}: ")
        assert error.line.endswith("seed 0")
        assert "\n" not in error.line
        assert "array" not in error.line


def test_the_first_line_has_point_distance_margin_and_seed() -> None:
    with pytest.raises(CheckFailed) as caught:
        check_memorizer(faulty_builders.last_ball_left_out, max_examples=1, seed=3)
    error = caught.value
    assert error.line == (
        "last_ball_left_out: every_point_has_its_label: point 1 (label -1), at distance 0 of radius 0.25 in l_1: "
        "margin -0, needs > 0; sample 'two points' of 2 points in R^1, seed 3"
    )
    assert str(error).startswith(f"{error.line}\npoints = ")
    assert (error.point, error.margin) == (1, 0.0)


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_builder_fails_soon(name: str) -> None:
    """Nothing is shrunk, and nothing built twice: what was drawn first is shown."""
    builder, calls = getattr(faulty_builders, name), 0

    @functools.wraps(builder)
    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        return builder(*arguments, **named)

    with pytest.raises(CheckFailed):
        check_memorizer(counted, max_examples=5)
    # Of each of 13 samples one as it is, one with another clean classifier or labels of text; 12 scales, and a norm.
    assert calls <= 2 * 13 + 12 + 1


def test_only_what_is_claimed_is_checked() -> None:
    """A builder that is right on all balls, but whose ramps are too wide, is wrong only about `f_adv`."""
    builder = faulty_builders.radius_too_small
    names = [check.name for check in checks_of(claims()(builder.__wrapped__))]
    assert len(names) == 6
    assert len(checks_of(builder)) == 11
    assert len(checks_of(faulty_builders.stale_margins)) == 16
    norms = {
        built.instance.p
        for built in checks_of(claims(norms=[2, "inf"])(faulty_builders.right_on_balls))[0].trials.all_built()
    }
    assert norms == {2.0, float("inf")}
    signed = checks_of(claims(binary=True)(faulty_builders.right_on_balls))[0].trials
    assert all(set(built.instance.labels.tolist()) == {-1, 1} for built in signed.all_built())
