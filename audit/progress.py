"""How far a run is, and about how long the rest may take."""

from collections.abc import Mapping

from audit.rows import Marks
from audit.words import number_of


class Progress:
    """Of one run: fed with the names of tests as they begin and end.

    Args:
        planned: the marks of every test of the run, by name.
        before: seconds that tests took in an earlier run; a test that was not in it counts like the mean of the others.
    """

    def __init__(self, planned: Mapping[str, Marks], before: Mapping[str, float]) -> None:
        known = [before[name] for name in planned if name in before]
        mean = sum(known) / len(known) if known and sum(known) > 0 else 1.0
        self.planned = planned
        self.weights = {name: before.get(name, mean) for name in planned}
        self.done: set[str] = set()
        self.at: dict[str, None] = {}
        self.latest = ""
        self.began: float | None = None

    def begin(self, name: str, elapsed: float) -> None:
        """A test begins, at so many seconds of the run."""
        if self.began is None:
            self.began = elapsed
        self.at[name] = None
        self.latest = name

    def end(self, name: str) -> None:
        """A test has ended."""
        self.at.pop(name, None)
        self.done.add(name)

    def seconds_left(self, elapsed: float) -> float | None:
        """At the pace since the first test began, workers and machine as they are; None before anything is done."""
        done = sum(self.weights[name] for name in self.done if name in self.weights)
        left = sum(weight for name, weight in self.weights.items() if name not in self.done)
        return (elapsed - (self.began or 0.0)) * left / done if done > 0 else None

    def line(self, elapsed: float) -> str:
        """Such as "theorem-3.3: 122 of 870 tests, 0:45 so far, about 2:10 left"."""
        statements = dict.fromkeys(name for test in self.at or [self.latest] for name, _ in self.planned.get(test, []))
        at = ", ".join(list(statements)[:3]) or "tests of no statement"
        left = self.seconds_left(elapsed)
        rest = "" if left is None else f", about {clock(left)} left"
        return f"{at}: {len(self.done):,} of {number_of(len(self.planned), 'test')}, {clock(elapsed)} so far{rest}"


def clock(seconds: float) -> str:
    """ "2:05", "1:00:00"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
