"""Explicit ReLU networks, their size, their certificates."""

from theory.lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(globals())
