"""Tests on real data of the full size."""

import pytest


@pytest.fixture(autouse=True)
def as_users_call(request: pytest.FixtureRequest) -> None:
    """Without the run-time type checker on the whole data: it checks the same calls on less, and takes long."""
    if request.node.get_closest_marker("whole_audit"):
        request.getfixturevalue("untyped")
