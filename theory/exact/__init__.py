"""Exact arithmetic: rationals, and distances compared without rounding."""
