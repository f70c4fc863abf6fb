from constructions.bits.file import write_integer_certificate
from constructions.bits.memorizer import IntegerMemorizer, code_memorizer
from constructions.bits.network import IntegerNetwork
from constructions.bits.projection import projection_code_memorizer
from constructions.certificates.any_network import certify
from constructions.certificates.bit_complexity import bit_complexity
from constructions.certificates.certificate import Certificate
from constructions.certificates.file import write_certificate, write_points
from constructions.certificates.guided_attack import guided_attack
from constructions.compact.memorizer import CompactMemorizer, compact_memorizer
from constructions.comparison.counts import parameter_report
from constructions.comparison.entries import ENTRIES, Count, Entry, Place, count_built
from constructions.comparison.report import ParameterReport
from constructions.estimator import RobustMemorizerClassifier
from constructions.memorizers.completeness import IncompleteCertificateWarning
from constructions.memorizers.construction import Construction, PlainMemorizer
from constructions.memorizers.max_tree import max_tree_memorizer
from constructions.memorizers.memorizer import Memorizer, robust_memorizer
from constructions.memorizers.narrow_deep import narrow_deep_memorizer
from constructions.memorizers.projection import projection_memorizer
from constructions.memorizers.size import Size, SizeReport, size_of
from constructions.networks.calculus import add, carry, chain, compose, concatenate, pad_depth, parallel, signed_pair
from constructions.networks.folded import FoldedNetwork
from constructions.networks.network import Affine, ReLUNetwork
from constructions.networks.torch_module import from_torch
from constructions.pieces.excess import (
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
from constructions.pieces.levels import Levels, shared_levels
from constructions.pieces.power import Hinges, interpolated_power
from constructions.pieces.soft_indicators import indicators, soft_indicator
from constructions.pieces.square import square
from constructions.rules.memorizer import RuleMemorizer, rule_memorizer
from constructions.samples.loading import load_sample
from constructions.samples.task import Task, read_task

__version__: str

__all__ = [
    # robust memorization
    "robust_memorizer",
    "Memorizer",
    "SizeReport",
    "IncompleteCertificateWarning",
    "RobustMemorizerClassifier",
    # what every builder returns, and what a builder of your own needs
    "Construction",
    "PlainMemorizer",
    "Task",
    "read_task",
    "Size",
    "size_of",
    # constructions built for comparison, and the report
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
    # the smallest
    "rule_memorizer",
    "RuleMemorizer",
    "compact_memorizer",
    "CompactMemorizer",
    "code_memorizer",
    "projection_code_memorizer",
    "IntegerMemorizer",
    "IntegerNetwork",
    "write_integer_certificate",
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
    "from_torch",
    "FoldedNetwork",
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
