"""Explicit ReLU networks, their size, their certificates."""

from constructions.attack import guided_attack
from constructions.calculus import add, carry, chain, compose, concatenate, pad_depth, parallel, signed_pair
from constructions.certificate import Certificate, certify
from constructions.certificate_file import write_certificate, write_points
from constructions.comparison import parameter_report
from constructions.comparison_report import ParameterReport
from constructions.comparison_rows import ENTRIES, Count, Entry, Place, count_built
from constructions.construction import Construction, PlainMemorizer
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
from constructions.indicators import indicators, soft_indicator
from constructions.levels import Levels, shared_levels
from constructions.max_tree import max_tree_memorizer
from constructions.memorizer import Memorizer, robust_memorizer
from constructions.narrow_deep import narrow_deep_memorizer
from constructions.network import Affine, ReLUNetwork
from constructions.power import Hinges, interpolated_power
from constructions.precision import bit_complexity
from constructions.projection import projection_memorizer
from constructions.size import Size, SizeReport, size_of
from constructions.square import square
from constructions.task import Task, read_task

__all__ = [
    # robust memorization
    "robust_memorizer",
    "Memorizer",
    "SizeReport",
    # what every builder returns, and what a builder of your own needs
    "Construction",
    "PlainMemorizer",
    "Task",
    "read_task",
    "Size",
    "size_of",
    # published rivals and the report that compares them
    "parameter_report",
    "ParameterReport",
    "ENTRIES",
    "Entry",
    "Place",
    "Count",
    "count_built",
    "max_tree_memorizer",
    "narrow_deep_memorizer",
    "projection_memorizer",
    # certificates and attacks
    "certify",
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
