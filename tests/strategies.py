"""Hypothesis strategies of the suite for the builders of others, and one more."""

from hypothesis import strategies as st

from constructions.suite.strategies import (
    EXPONENTS,
    Instance,
    arrays,
    dyadic,
    instances,
    networks,
    shifted,
)

__all__ = ["EXPONENTS", "Instance", "arrays", "dyadic", "exponents", "instances", "methods", "networks", "shifted"]

exponents = st.sampled_from(EXPONENTS)
methods = st.sampled_from(["shared", "per_point"])
