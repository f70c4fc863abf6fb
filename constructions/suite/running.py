"""Running the checks: by a call, or as tests of pytest."""

import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from constructions.suite import ball_checks, contract_checks, ideal_checks
from constructions.suite.declaring import Builder, Claims, name_of
from constructions.suite.failure import CheckFailed, NotChecked, sample_line
from constructions.suite.trials import Trials

MAX_EXAMPLES = 25
# Of an exception of the builder, the innermost.
_FRAMES = 3
_HERE = Path(__file__).parent
_OF_BALLS = (
    ball_checks.arguments_are_left_alone,
    ball_checks.every_point_has_its_label,
    ball_checks.radius_is_reached,
    ball_checks.no_ball_holds_an_error,
    ball_checks.no_ball_is_refuted,
    ball_checks.every_scale_is_right,
)
_OF_F_ADV = (
    ideal_checks.no_point_is_forgotten,
    ideal_checks.margin_is_one_on_balls,
    ideal_checks.ramp_ends_within_the_shell,
    ideal_checks.clean_classifier_is_locked_out,
    ideal_checks.interval_bounds_certify_it,
)
_OF_CONTRACT = (
    contract_checks.contract_is_kept,
    contract_checks.labels_are_those_that_were_given,
    contract_checks.count_is_exact,
    contract_checks.every_ball_is_certified,
    contract_checks.certificates_say_what_they_speak_of,
    contract_checks.task_of_now_is_certified,
    contract_checks.certificates_are_true,
    contract_checks.network_of_now_is_certified,
    contract_checks.what_has_no_room_is_refused,
    contract_checks.saved_network_is_the_same,
)


@dataclass(frozen=True)
class Check:
    """One conclusion about one builder; called, it raises `CheckFailed` or `NotChecked`, or returns.

    Attributes:
        function: of the trials.
        trials: the samples, shared by the checks of a builder.
    """

    function: Callable[[Trials], None]
    trials: Trials = field(repr=False)

    @property
    def name(self) -> str:
        """What it is called in messages and in `expected_failures`."""
        return self.function.__name__

    def __call__(self, builder: Builder | None = None) -> None:
        """Run it on the builder that it was made for, or on another."""
        __tracebackhide__ = True
        trials = self.trials
        if builder is not None and builder is not trials.builder:
            trials = Trials(builder, trials.max_examples, trials.seed)
        before = f"{name_of(trials.builder)}: {self.name}: "
        try:
            self.function(trials)
        except NotChecked:
            raise
        except CheckFailed as error:
            # The arrays are in the message, and nobody asks for the lines of this package.
            raise error.within(before, _on(trials)) from error.__cause__
        except Exception as error:
            line = f"{type(error).__name__}: {error}".splitlines()[0]
            raise CheckFailed(line).within(before, _on(trials)) from error


@dataclass(frozen=True)
class Summary:
    """What came of the checks of a builder.

    Attributes:
        builder: its name.
        held: names of the conclusions that hold on every sample.
        not_checked: names of the others, with the reason.
        expected: names of those that fail as expected, with the first line of the failure.
        samples: how many there were.
        refused: how many of them the builder refused.
    """

    builder: str
    held: tuple[str, ...]
    not_checked: Mapping[str, str]
    expected: Mapping[str, str]
    samples: int
    refused: int

    def __str__(self) -> str:
        lines = [
            f"{self.builder}: "
            + closing_line(len(self.held), 0, len(self.expected), len(self.not_checked))
            + f", on {self.samples} samples, of which it refused {self.refused}"
        ]
        lines += [f"not checked: {name}: {reason}" for name, reason in self.not_checked.items()]
        return "\n".join([*lines, *(f"fails, as expected: {line}" for line in self.expected.values())])


def closing_line(held: int, failed: int, expected: int, not_checked: int) -> str:
    """How many conclusions were checked, what came of them, and how many were not."""
    parts = [f"{held} hold", f"{failed} fail" if failed else "", f"{expected} fail as expected" if expected else ""]
    checked = held + failed + expected
    noun = "conclusion" if checked == 1 else "conclusions"
    return f"{checked} {noun} checked ({', '.join(filter(None, parts))}), {not_checked} not checked"


def checks_of(
    builder: Builder, *, max_examples: int = MAX_EXAMPLES, seed: int = 0, claims: Claims | None = None
) -> list[Check]:
    """The checks of what a builder claims, those of all builders first.

    Args:
        builder: a function of points, labels, radius and p; see `check_memorizer`.
        max_examples: samples that are drawn, beside those chosen by hand.
        seed: of the samples.
        claims: of the builder; by default what `claims` declared.

    Raises:
        TypeError: for a builder that cannot be called as one.
        ValueError: for malformed arguments.
    """
    trials = Trials(builder, max_examples, seed, claims)
    functions = [*_OF_BALLS]
    functions += _OF_F_ADV if trials.claims.f_adv else ()
    functions += _OF_CONTRACT if trials.claims.contract else ()
    return [Check(function, trials) for function in functions]


def check_memorizer(
    builder: Builder,
    *,
    expected_failures: Mapping[str, str] | None = None,
    max_examples: int = MAX_EXAMPLES,
    seed: int = 0,
    claims: Claims | None = None,
) -> Summary:
    """Checks on generated samples that a builder keeps what it claims: at least, that it is right on all balls.

    A builder takes points (n, d), labels (-1 and +1, or class numbers from 0), radius and p, and returns a network (a
    function from (k, d) to (k, outputs): the sign of one output, or the argmax), or an object with one as its
    `.network`. Its parameters `shell`, and if it claims `f_adv` also `clean` and `small`, are given if it has them.

    Args:
        builder: the function.
        expected_failures: names of checks that fail, with the reason; one that does not fail is an error.
        max_examples: samples that are drawn, beside those chosen by hand.
        seed: of the samples; a failure names it.
        claims: of the builder; by default what `claims` declared.

    Raises:
        CheckFailed: at the first check that fails; its first line names check, point, distance, margin and seed.
        TypeError: for a builder that cannot be called as one.
        ValueError: for malformed arguments, or unless `expected_failures` are names of checks of this builder.
    """
    checks = checks_of(builder, max_examples=max_examples, seed=seed, claims=claims)
    reasons = _known(expected_failures, checks)
    held, not_checked, expected = [], {}, {}
    for check in checks:
        try:
            check()
        except NotChecked as error:
            not_checked[check.name] = str(error)
        except CheckFailed as error:
            if check.name not in reasons:
                raise
            expected[check.name] = error.line
        else:
            if check.name in reasons:
                raise CheckFailed(f"{name_of(builder)}: {check.name} was expected to fail, and holds: take it off")
            held.append(check.name)
    trials = checks[0].trials
    return Summary(name_of(builder), tuple(held), not_checked, expected, len(trials.instances), trials.most_refused)


def parametrize_with_checks(
    builders: Iterable[Builder],
    *,
    expected_failures: Mapping[str, str] | Callable[[Builder], Mapping[str, str]] | None = None,
    max_examples: int = MAX_EXAMPLES,
    seed: int = 0,
) -> Any:
    """A decorator for a test with the arguments `builder, check`, one test for each check of each builder.

        @parametrize_with_checks([build])
        def test_memorizers(builder, check):
            check(builder)

    Args:
        builders: as for `check_memorizer`; what they claim is declared by `claims`.
        expected_failures: names of checks that fail, with the reason, for all builders, or a function that has them
            for one; these tests are strictly expected to fail.
        max_examples: samples that are drawn, beside those chosen by hand.
        seed: of the samples.

    Raises:
        ImportError: without pytest.
        TypeError, ValueError: as `check_memorizer`.
    """
    try:
        import pytest
    except ImportError as error:
        raise ImportError(
            "parametrize_with_checks needs the package pytest: pip install robust-memorization[suite]"
        ) from error
    if not isinstance(builders, Iterable):
        raise TypeError(f"parametrize_with_checks needs a list of builders, got {type(builders).__name__}")
    tests = []
    for builder in builders:
        checks = checks_of(builder, max_examples=max_examples, seed=seed)
        given = expected_failures(builder) if callable(expected_failures) else expected_failures
        reasons = _known(given, checks)
        for check in checks:
            reason = reasons.get(check.name)
            marks = [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True, raises=CheckFailed)]
            tests.append(pytest.param(builder, check, id=f"{name_of(builder)}-{check.name}", marks=marks))
    if not tests:
        # pytest would skip the test, and nothing would have been checked.
        raise ValueError("parametrize_with_checks needs at least one builder, got none")
    return pytest.mark.parametrize(("builder", "check"), tests)


def failure_text(error: BaseException) -> str:
    """What to print of a failure: the line, the arrays, and where an exception of the builder came from."""
    cause = error.__cause__
    if cause is None or isinstance(cause, NotChecked):
        return str(error)
    frames = [frame for frame in traceback.extract_tb(cause.__traceback__) if Path(frame.filename).parent != _HERE]
    lines = [*traceback.format_list(frames[-_FRAMES:]), *traceback.format_exception_only(cause)]
    return f"{error}\n\n{''.join(lines)}".rstrip()


def _known(expected: Mapping[str, str] | None, checks: list[Check]) -> Mapping[str, str]:
    names = [check.name for check in checks]
    if unknown := sorted(set(expected or {}) - set(names)):
        raise ValueError(f"expected_failures must be checks of the builder, {', '.join(names)}; got {unknown[0]!r}")
    return expected or {}


def _on(trials: Trials) -> str:
    sample = f"; {sample_line(trials.current)}" if trials.current is not None else ""
    return f"{sample}, seed {trials.seed}"
