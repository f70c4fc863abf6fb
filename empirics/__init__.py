"""Trained networks: data, training, measures, figures. Needs torch."""

from theory.lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(globals())
