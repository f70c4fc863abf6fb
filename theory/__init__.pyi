from theory.balls.exact_minimum import minimum_over_ball
from theory.balls.relaxation import interval_bounds, linear_bounds, margin_lower_bound
from theory.balls.small_margin import MarginBracket, affine_distance, affine_margin, small_margin
from theory.errors import AssumptionError
from theory.gaussian.convergence import direction_error_bound
from theory.gaussian.margin_tail import angle_quantile, margin_tail
from theory.gaussian.max_margin import limit_angle, max_margin_direction, noise_margin
from theory.gaussian.mixed_model import MixedModel, margin_certificate, target_model
from theory.gaussian.overlap import overlap_certificate, overlap_conditions
from theory.gaussian.patches import PatchNetwork, UnseenNoise
from theory.gaussian.target_conditions import target_conditions
from theory.generalization.flatness import Flatness, PointwiseMaximum, flatness, gradient_norm, maximum_by_search
from theory.generalization.pairwise_gap import transport_gap_bound
from theory.generalization.robust_gap import flatness_gap_bound, lipschitz_gap_bound
from theory.generalization.transfer import transfer_bound, transfer_constant
from theory.generalization.transport import expected_w1_bound, w1, w_infinity
from theory.generalization.vc import (
    affine_vc_dimension,
    consistent_bound,
    consistent_sample_size,
    relu_vc_dimension_bound,
)
from theory.ledger.ledger import LATER, LEDGER, Statement, statement
from theory.lower_bounds.coordinates import CoordinateBound, coordinates_needed
from theory.lower_bounds.network import network_size_needed
from theory.lower_bounds.rank import RankBound, first_layer_rank_needed
from theory.lower_bounds.worst_case import worst_case_nonzero
from theory.setting.ideal import IdealClassifier
from theory.setting.losses import adversarial_error, clean_error, exponential_loss, log_exponential_loss, margins
from theory.setting.nearest import Nearest, nearest_of_other_label
from theory.setting.norms import distance, dual_exponent, norm, project_ball, sample_ball
from theory.setting.separation import Separation, separation, separation_between
from theory.setting.volumes import log_ball_volume, log_shell_volume, shell_width
from theory.sizes.codes import gilbert_varshamov, lexicode
from theory.sizes.growth import growth_bound, labelling_failure, robust_size_bound, size_bound_bracket
from theory.sizes.hard_distribution import HardDistribution, hard_distribution
from theory.sizes.published import PUBLISHED, PublishedBound, applicable, extremal_sample

__version__: str

__all__ = [
    # the ledger, and that of later versions
    "LEDGER",
    "LATER",
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
    "separation_between",
    "log_ball_volume",
    "log_shell_volume",
    "shell_width",
    "Nearest",
    "nearest_of_other_label",
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
    # what no robust network goes below: on given points, and on the worst
    "CoordinateBound",
    "coordinates_needed",
    "RankBound",
    "first_layer_rank_needed",
    "network_size_needed",
    "worst_case_nonzero",
    # sizes: Theorem 3.5 and the published bounds
    "HardDistribution",
    "hard_distribution",
    "gilbert_varshamov",
    "lexicode",
    "growth_bound",
    "labelling_failure",
    "robust_size_bound",
    "size_bound_bracket",
    "PUBLISHED",
    "PublishedBound",
    "applicable",
    "extremal_sample",
    # section 5
    "max_margin_direction",
    "noise_margin",
    "limit_angle",
    "margin_tail",
    "angle_quantile",
    "direction_error_bound",
    "MixedModel",
    "target_model",
    "target_conditions",
    "margin_certificate",
    "overlap_conditions",
    "overlap_certificate",
    # patches, of later versions
    "PatchNetwork",
    "UnseenNoise",
    # section 6
    "PointwiseMaximum",
    "Flatness",
    "flatness",
    "gradient_norm",
    "maximum_by_search",
    "w1",
    "w_infinity",
    "expected_w1_bound",
    "lipschitz_gap_bound",
    "flatness_gap_bound",
    "transport_gap_bound",
    "affine_vc_dimension",
    "relu_vc_dimension_bound",
    "consistent_bound",
    "consistent_sample_size",
    "transfer_constant",
    "transfer_bound",
    # errors
    "AssumptionError",
]
