"""How many claims were attacked, by kind: shown at the end of a run."""

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import settings

from tests.soundness.attacks import Tally

_KEY = "claims attacked"
_attacked: Counter[str] = Counter()


# Examples of a property in the profiles "ci" and "nightly", and how many times as many cases the latter gets.
_CI, _NIGHTLY, _TIMES = 60, 500, 18


def share(cases: int) -> int:
    """Cases of one test: `cases` in the profile "ci", fewer in smaller ones, 18 times as many in "nightly"."""
    examples = settings().max_examples
    return max(1, cases * examples // _CI if examples < _NIGHTLY else _TIMES * cases)


@pytest.fixture
def number(request: pytest.FixtureRequest) -> Callable[[int], int]:
    return share


@pytest.fixture
def judged(request: pytest.FixtureRequest) -> Callable[[Tally], None]:
    """Counts the claims of a tally for the summary, and fails if one of them is false."""

    def judge(tally: Tally) -> None:
        request.node.user_properties.append((_KEY, dict(tally.cases)))
        assert not tally.false, str(tally)
        assert tally.cases

    return judge


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call":
        for name, value in report.user_properties:
            if name == _KEY:
                _attacked.update(value)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _attacked:
        terminalreporter.section(f"{sum(_attacked.values()):,} claims attacked")
        for kind, count in sorted(_attacked.items()):
            terminalreporter.write_line(f"{count:9,}  {kind}")
