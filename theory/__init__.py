"""What the paper claims: definitions, statements, bounds, witnesses. Needs numpy, scipy and sympy; no torch."""

from theory.lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(globals())
