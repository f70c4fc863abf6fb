"""A construction with something else in it, or in its task."""

from dataclasses import fields, replace
from typing import Any


def replaced(built: Any, **changes: Any) -> Any:
    """`dataclasses.replace`, where what belongs to the task is replaced in the task."""
    own = {name: value for name, value in changes.items() if name in {field.name for field in fields(built)}}
    others = {name: value for name, value in changes.items() if name not in own}
    return replace(built, task=replace(built.task, **others), **own) if others else replace(built, **own)
