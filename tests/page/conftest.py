from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def whole() -> dict[str, Any]:
    """A whole run."""
    from tests.page.made_up import content, outcomes

    return content(*outcomes())


@pytest.fixture(scope="session")
def cut_off() -> dict[str, Any]:
    """A run that was interrupted, and in which a test failed."""
    from dataclasses import replace

    from tests.page.made_up import content, outcomes

    done, planned = outcomes()
    done = [replace(one, outcome="failed") if "theorem-6.2.py::test_repaired[a]" in one.name else one for one in done]
    kept = [one for one in done if not one.name.endswith("::test_repaired[b]")]
    return content(kept, planned, interrupted=True)


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory, whole: dict[str, Any]) -> Path:
    """The reports of the whole run, with the reference of the code."""
    from audit.page import write_page
    from audit.reference import write_reference
    from tests.page.made_up import write_made_up

    folder = write_made_up(tmp_path_factory.mktemp("made-up") / "report", whole)
    assert write_reference(folder) == []
    write_page(folder, whole)
    return folder
