"""Options, profiles and fixtures.

Shapes and types are checked in every module of the project that is imported after `pytest_configure`, so this file
and what it imports may import the project's packages inside functions only. Of these pytest has loaded the plugin
`constructions.suite.plugin` before, which imports no other module of theirs at first.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
from hypothesis import HealthCheck, Phase, settings
from jaxtyping import install_import_hook

from tests.examples import pytest_runtest_call  # noqa: F401  (a hook)
from tests.verdicts import mark_statements, register

# As in PEP 484, an int will do where a float is asked for.
CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"

_SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
settings.register_profile("dev", max_examples=25, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("ci", max_examples=60, deadline=None, derandomize=True, suppress_health_check=_SLOW)
# For runs that only ask whether something fails, and not for the smallest example.
settings.register_profile(
    "unshrunk", settings.get_profile("ci"), max_examples=20, phases=[Phase.explicit, Phase.generate]
)
# Other examples in each run: the seed is printed, and `--hypothesis-seed` makes them again.
settings.register_profile("random", settings.get_profile("dev"), max_examples=10, derandomize=False, print_blob=True)
settings.register_profile("nightly", max_examples=500, deadline=None, suppress_health_check=_SLOW, print_blob=True)
settings.load_profile("dev")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("robust memorization")
    group.addoption("--audit", metavar="DIR", help="the whole audit, with mnist5k; writes its report to DIR")
    group.addoption("--nightly", action="store_true", help="also the searches that take minutes")


def pytest_configure(config: pytest.Config) -> None:
    # An audit runs what users run, in little more than half of the time.
    if not config.getoption("--audit"):
        install_import_hook(["theory", "constructions", "empirics"], CHECKER)
    register(config)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Of an audit only the files that test statements are imported: the others take longer to read than it may."""
    if config.getoption("markexpr") != "statement" or collection_path.suffix != ".py":
        return None
    return "mark.statement(" not in collection_path.read_text(encoding="utf-8") or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    mark_statements(items)
    kept, dropped = [], []
    for item in items:
        (kept if _selected(item, config) else dropped).append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept


def _selected(item: pytest.Item, config: pytest.Config) -> bool:
    if item.get_closest_marker("nightly") and not config.getoption("--nightly"):
        return False
    return item.get_closest_marker("whole_audit") is None or bool(config.getoption("--audit"))


def pytest_runtest_setup() -> None:
    """Modules are initialised alike whichever tests ran before in the process."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


@pytest.fixture
def untyped() -> Iterator[None]:
    """Calls as users make them, who have no run-time type checker."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Callable[[str, Any], None]:
    """`record(name, value)`: hands a value to the report; "examples", "run" and "figure" are shown there."""

    def add(name: str, value: Any) -> None:
        request.node.user_properties.append((name, value))

    return add


@pytest.fixture
def figure_path(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    record: Callable[[str, Any], None],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], Path]:
    """Where a figure of the report goes, and its drawing in vectors beside it; a temporary folder without a report."""
    directory, names = request.config.getoption("--audit"), set[str]()
    if directory:
        from matplotlib.figure import Figure

        save = Figure.savefig

        def in_vectors_too(figure: Any, place: Any, **options: Any) -> None:
            save(figure, place, **options)
            if Path(place).name in names:
                save(figure, Path(place).with_suffix(".svg"), metadata={"Date": None})

        monkeypatch.setattr(Figure, "savefig", in_vectors_too)

    def path(name: str) -> Path:
        folder = Path(directory) if directory else tmp_path
        folder.mkdir(parents=True, exist_ok=True)
        names.add(name)
        record("figure", name)
        return folder / name

    return path
