"""What the paper claims: definitions, statements, bounds, witnesses. Needs numpy, scipy and sympy; no torch."""

from theory.errors import AssumptionError
from theory.exact_minimum import minimum_over_ball
from theory.ideal import IdealClassifier
from theory.losses import adversarial_error, clean_error, exponential_loss, log_exponential_loss, margins
from theory.margin import MarginBracket, affine_distance, affine_margin, small_margin
from theory.norms import distance, dual_exponent, norm, project_ball, sample_ball
from theory.relaxation import interval_bounds, linear_bounds, margin_lower_bound
from theory.separation import Separation, separation
from theory.statements import LEDGER, Statement, statement

__all__ = [
    # the ledger
    "LEDGER",
    "Statement",
    "statement",
    # norms and separation
    "distance",
    "dual_exponent",
    "norm",
    "project_ball",
    "sample_ball",
    "Separation",
    "separation",
    # margins of a classifier on l_p balls
    "MarginBracket",
    "affine_distance",
    "affine_margin",
    "small_margin",
    "minimum_over_ball",
    # sound bounds
    "interval_bounds",
    "linear_bounds",
    "margin_lower_bound",
    # losses and the ideal classifier
    "margins",
    "clean_error",
    "adversarial_error",
    "exponential_loss",
    "log_exponential_loss",
    "IdealClassifier",
    # errors
    "AssumptionError",
]
