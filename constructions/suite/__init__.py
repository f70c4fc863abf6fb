"""Checks of memorizers for the builders of others: with pytest, on its command line, or by a call."""

from theory.lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(globals())
