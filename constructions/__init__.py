"""Explicit ReLU networks, their size, their certificates."""

from constructions.attack import guided_attack
from constructions.calculus import add, carry, chain, compose, concatenate, pad_depth, parallel, signed_pair
from constructions.certificate import Certificate, certify
from constructions.certificate_file import write_certificate, write_points
from constructions.comparison import parameter_report
from constructions.comparison_report import ParameterReport
from constructions.data import load_sample
from constructions.excess import (
    l1_excess,
    l2_excess,
    linf_excess,
    lp_excess,
    shared_l1_excess,
    shared_l2_excess,
    shared_linf_excess,
    shared_lp_excess,
    shared_squares,
)
from constructions.executed_structure import certify_executed
from constructions.indicators import indicators, soft_indicator
from constructions.levels import Levels, shared_levels
from constructions.max_tree import certify_max_tree, max_tree_memorizer
from constructions.memorizer import Memorizer, robust_memorizer
from constructions.narrow_deep import narrow_deep_memorizer
from constructions.network import Affine, ReLUNetwork
from constructions.power import Hinges, interpolated_power
from constructions.precision import bit_complexity
from constructions.projection import projection_memorizer
from constructions.size import SizeReport
from constructions.square import square

__all__ = [
    # robust memorization
    "robust_memorizer",
    "Memorizer",
    "SizeReport",
    # published rivals and the report that compares them
    "parameter_report",
    "ParameterReport",
    "max_tree_memorizer",
    "certify_max_tree",
    "narrow_deep_memorizer",
    "projection_memorizer",
    # certificates and attacks
    "certify",
    "certify_executed",
    "Certificate",
    "write_certificate",
    "write_points",
    "bit_complexity",
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
    "lp_excess",
    "shared_l1_excess",
    "shared_l2_excess",
    "shared_linf_excess",
    "shared_lp_excess",
    "interpolated_power",
    "Hinges",
    "shared_squares",
    "Levels",
    "shared_levels",
    # data
    "load_sample",
]
