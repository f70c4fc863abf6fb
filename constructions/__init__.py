"""Explicit ReLU networks, their size, their certificates."""

from constructions.attack import guided_attack
from constructions.calculus import add, carry, chain, compose, concatenate, pad_depth, parallel, signed_pair
from constructions.certificate import Certificate, certify
from constructions.data import load_sample
from constructions.excess import (
    l1_excess,
    l2_excess,
    linf_excess,
    shared_l1_excess,
    shared_l2_excess,
    shared_linf_excess,
    shared_squares,
)
from constructions.indicators import indicators, soft_indicator
from constructions.levels import Levels, shared_levels
from constructions.memorizer import Memorizer, robust_memorizer
from constructions.network import Affine, ReLUNetwork
from constructions.size import SizeReport
from constructions.square import square

__all__ = [
    # robust memorization
    "robust_memorizer",
    "Memorizer",
    "SizeReport",
    # certificates and attacks
    "certify",
    "Certificate",
    "guided_attack",
    # networks and their calculus
    "ReLUNetwork",
    "Affine",
    "add",
    "carry",
    "chain",
    "compose",
    "concatenate",
    "pad_depth",
    "parallel",
    "signed_pair",
    # pieces
    "soft_indicator",
    "indicators",
    "square",
    "l1_excess",
    "l2_excess",
    "linf_excess",
    "shared_l1_excess",
    "shared_l2_excess",
    "shared_linf_excess",
    "shared_squares",
    "Levels",
    "shared_levels",
    # data
    "load_sample",
]
