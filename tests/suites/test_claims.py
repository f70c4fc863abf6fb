"""What a builder declares, how it is called, and what of it is refused."""

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from constructions import Affine, ReLUNetwork, max_tree_memorizer, robust_memorizer
from constructions.suite import CheckFailed, Claims, check_memorizer, checks_of, claims, parametrize_with_checks
from constructions.suite.building import passed_arguments
from constructions.suite.declaring import claims_of, name_of
from tests.suites.faulty_builders import last_ball_left_out, right_on_balls

ROOT = Path(__file__).parents[2]


def by_its_names(points: Any, labels: Any, radius: Any) -> None: ...
def with_a_shell(points: Any, labels: Any, *, radius: Any, shell: Any, p: Any, seed: int = 0) -> None: ...
def with_everything(points: Any, labels: Any, **options: Any) -> None: ...
def with_a_need(points: Any, labels: Any, radius: Any, width: int) -> None: ...


@pytest.mark.parametrize(
    ("builder", "f_adv", "passed"),
    [
        (by_its_names, False, {"radius"}),
        (with_a_shell, False, {"radius", "shell", "p"}),
        (with_everything, False, {"radius", "p"}),
        (with_everything, True, {"radius", "p", "shell", "clean", "small"}),
        (partial(with_a_need, width=3), False, {"radius"}),
        (partial(with_a_shell, p=2), False, {"radius", "shell"}),
        (robust_memorizer, False, {"radius", "p", "shell"}),
        (max_tree_memorizer, False, {"radius", "shell"}),
    ],
)
def test_a_builder_gets_what_its_signature_has(builder: Any, f_adv: bool, passed: set[str]) -> None:
    assert passed_arguments(builder, Claims(f_adv=f_adv)) == passed


@pytest.mark.parametrize(
    ("builder", "declared", "said"),
    [
        (with_a_need, {}, "knows no width, .* functools.partial"),
        (by_its_names, {"f_adv": True}, "has no clean or shell"),
        (lambda points, labels, eps: None, {}, "has no radius"),
        (3, {}, "a builder is a function"),
    ],
)
def test_what_cannot_be_called_is_refused(untyped: None, builder: Any, declared: dict[str, Any], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        checks_of(builder, claims=Claims(**declared))


@pytest.mark.parametrize(("name", "value"), [("max_examples", 0), ("seed", -1), ("max_examples", 2.5)])
def test_wrong_numbers_are_refused(untyped: None, name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a whole number"):
        check_memorizer(right_on_balls, **{name: value})


@pytest.mark.parametrize("norms", [[], [0.5], ["two"]])
def test_wrong_norms_are_refused(norms: Any) -> None:
    with pytest.raises(ValueError, match=r"norms|an l_p norm needs"):
        Claims(norms=norms)


def test_a_declaration_leaves_the_function_alone() -> None:
    declared = claims(norms="inf", binary=True)(right_on_balls)
    assert claims_of(declared) == Claims(norms=(float("inf"),), binary=True)
    assert claims_of(partial(declared, p=2)).binary
    assert claims_of(right_on_balls) == Claims()
    assert name_of(partial(declared)) == "right_on_balls"


def test_the_norm_is_that_of_the_task_or_has_to_be_said() -> None:
    assert checks_of(max_tree_memorizer)[0].trials.norms == (float("inf"),)
    assert checks_of(partial(right_on_balls, p="inf"))[0].trials.norms == (float("inf"),)

    def untold(points: Any, labels: Any, radius: Any) -> ReLUNetwork:
        return ReLUNetwork((Affine(np.ones((1, points.shape[1])), np.zeros(1)),))

    with pytest.raises(CheckFailed, match="declare its norms"):
        check_memorizer(untold)


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (lambda x: np.zeros((len(x), 3)), "the network has to return shape"),
        (lambda x: np.zeros(3), "the network has to return shape"),
        ("a network", "a builder returns a network, .* returned str"),
        (lambda x: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_what_is_no_network_fails_with_a_line(network: Any, said: str) -> None:
    def builds(points: Any, labels: Any, radius: Any, p: Any) -> Any:
        return network

    with pytest.raises(CheckFailed, match=said) as caught:
        check_memorizer(claims(binary=True)(builds), max_examples=1)
    assert "sample 'two points'" in caught.value.line


def test_a_refusal_is_declared() -> None:
    """A ValueError is a failure, with the way out; declared, it is a refusal."""

    def small_only(points: Any, labels: Any, radius: Any, p: Any) -> Any:
        if len(points) > 3:
            raise ValueError("too many points")
        return right_on_balls(points, labels, radius, p)

    with pytest.raises(CheckFailed, match=r"raised ValueError: too many points; .* claims\(refuses=ValueError\)"):
        check_memorizer(small_only, max_examples=5)
    found = check_memorizer(claims(refuses=ValueError)(small_only), max_examples=5)
    assert 0 < found.refused < found.samples
    assert f"of which it refused {found.refused}" in str(found)


def test_expected_failures() -> None:
    names = [check.name for check in checks_of(last_ball_left_out)]
    reasons = dict.fromkeys(names[1:], "a ball is left out")
    found = check_memorizer(last_ball_left_out, expected_failures=reasons, max_examples=1)
    assert found.held == ("arguments_are_left_alone",)
    assert set(found.expected) == set(reasons)
    assert "6 conclusions checked (1 hold, 5 fail as expected), 0 not checked" in str(found)
    with pytest.raises(CheckFailed, match="arguments_are_left_alone was expected to fail, and holds"):
        check_memorizer(last_ball_left_out, expected_failures={names[0]: "no"}, max_examples=1)
    with pytest.raises(ValueError, match=r"every_point_has_its_label.*got 'every_pint'"):
        check_memorizer(last_ball_left_out, expected_failures={"every_pint": "no"})
    marked = parametrize_with_checks([last_ball_left_out], expected_failures=lambda builder: reasons).args[1]
    assert [bool(parameter.marks) for parameter in marked] == [False, *[True] * 5]
    assert marked[0].id == "last_ball_left_out-arguments_are_left_alone"
    assert marked[1].marks[0].kwargs["strict"]


def test_the_same_seed_has_the_same_samples() -> None:
    def points(seed: int) -> list[bytes]:
        trials = checks_of(right_on_balls, max_examples=5, seed=seed)[0].trials
        return [instance.points.tobytes() for instance in trials.instances]

    assert points(1) == points(1) != points(2)


@pytest.mark.parametrize("absent", ["hypothesis", "pytest"])
def test_what_is_not_installed_is_named(absent: str) -> None:
    code = (
        f"import sys; sys.modules[{absent!r}] = None\n"
        "from constructions.suite import parametrize_with_checks\n"
        "parametrize_with_checks([])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: ")
    assert f"needs the package {absent}: pip install robust-memorization[suite]" in last


@pytest.mark.parametrize(
    ("builders", "error", "said"),
    [
        ([], ValueError, "at least one builder, got none"),
        (last_ball_left_out, TypeError, "a list of builders, got func"),
    ],
)
def test_no_tests_are_made_of_no_builders(untyped: None, builders: Any, error: type[Exception], said: str) -> None:
    """pytest would skip them, which looks like success."""
    with pytest.raises(error, match=said):
        parametrize_with_checks(builders)
