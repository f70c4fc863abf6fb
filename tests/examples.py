"""The examples of property tests: how many were tried, and in how many of them types are checked."""

from collections.abc import Generator
from typing import Any

import jaxtyping
import pytest

# The checks take as long as what they check, and the other examples call the same functions.
TYPED = 10


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Counts the examples that a property test really tried (those that ran to the end)."""
    handle = getattr(getattr(item, "obj", None), "hypothesis", None)
    if handle is None:
        return (yield)
    tried = 0
    original, disabled = handle.inner_test, jaxtyping.config.jaxtyping_disable

    def counting(*args: Any, **kwargs: Any) -> Any:
        nonlocal tried
        jaxtyping.config.update("jaxtyping_disable", disabled or tried >= TYPED)
        result = original(*args, **kwargs)
        tried += 1
        return result

    handle.inner_test = counting
    try:
        return (yield)
    finally:
        handle.inner_test = original
        jaxtyping.config.update("jaxtyping_disable", disabled)
        item.user_properties.append(("examples", tried))
