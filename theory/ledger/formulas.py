"""The formulas that the ledger quotes, each with the function that computes it, by statement.

Ranges are such that all that is drawn from them meets the hypotheses.
"""

from dataclasses import replace

from theory.ledger.formula import Formula

_SHARE = (0.05, 0.95)

SMALL_MARGIN_COUNT = (
    Formula(
        "√(N ln(2/Δ) / 2)",
        "within … of μN with",
        "theory.generalization.concentration.binomial_deviation",
        {"n": "N", "failure": "Δ"},
        {"N": (1, 1000), "Δ": _SHARE},
    ),
)

# The measured mass of the largest ball of memorized data.
_BALL_MASS = (0.0001, 0.0003)
_UNIT_BALL = "(2Γ(1+1/p))^d / Γ(1+d/p)"
_BALL = {"d": (1, 9), "δ": (0.05, 0.4), "p": (1.1, 9.9)}
_DENSITY = {**_BALL, "κ": (0.5, 9.5)}
_BALL_ARGUMENTS = {"dim": "d", "radius": "δ", "density": "κ", "p": "p"}

_RATIO = Formula(
    "μ - n s",
    "≥ …",
    "theory.generalization.robust_ratio.ratio_bound",
    {"n_small": "n", "mu": "μ", "ball_mass": "s"},
    {"μ": _SHARE, "n": (1, 100), "s": _BALL_MASS},
    returns="quoted/μ",
)
_EXPECTED_RATIO = Formula(
    "(1 - q)^N",
    "≥ …",
    "theory.generalization.robust_ratio.expected_ratio_bound",
    {"n": "N", "mean_mass": "q"},
    {"N": (1, 100), "q": _SHARE},
)
_SAMPLE_THRESHOLD = Formula(
    "ln ½ / ln(1 - q)",
    "N ≤ …",
    "theory.generalization.robust_ratio.log_sample_threshold",
    {"log_mass": "ln(q)"},
    {"q": (0.0001, 0.4)},
    returns="ln(quoted)",
)

PROPOSITION_3_2_III = (
    _RATIO,
    Formula(
        "κ V_{d,p} (2δ)^d",
        "s ≤ …",
        "theory.generalization.robust_ratio.log_ball_mass",
        _BALL_ARGUMENTS,
        _DENSITY,
        returns="ln(quoted)",
        names={"V_{d,p}": _UNIT_BALL},
    ),
    Formula(
        _UNIT_BALL,
        "V_{d,p} = …",
        "theory.setting.volumes.log_ball_volume",
        {"dim": "d", "radius": "1", "p": "p"},
        {"d": (1, 9), "p": (1.1, 9.9)},
        returns="ln(quoted)",
    ),
    Formula(
        "μ / (2κ V_{d,p} (2δ)^d)",
        "n ≤ …",
        "theory.generalization.robust_ratio.log_threshold",
        {**_BALL_ARGUMENTS, "mu": "μ"},
        {**_DENSITY, "μ": _SHARE},
        returns="ln(quoted)",
        names={"V_{d,p}": _UNIT_BALL},
    ),
    _EXPECTED_RATIO,
    _SAMPLE_THRESHOLD,
    Formula(
        "(1 - q)^N - (s/μ) √(N ln(1/Δ) / 2)",
        "> …",
        "theory.generalization.robust_ratio.probable_ratio_bound",
        {"n": "N", "mean_mass": "q", "mu": "μ", "ball_mass": "s", "failure": "Δ"},
        {"N": (1, 50), "q": _BALL_MASS, "μ": (0.1, 0.9), "s": _BALL_MASS, "Δ": _SHARE},
    ),
)

_SIZES = {"n": (1, 300), "d": (1, 60)}
_LEVELS = {"n": (1, 40), "d": (1, 60), "γ": (0.1, 4.0)}
_POWER = {"δ": (0.01, 0.5), "γ": (0.01, 2.0), "p": (1.1, 9.9)}
_D = "(2δ + 1.5γ)/(pγ)"
_COUNT = {"indicator": "A", "clean": "K", "depth": "L"}
_COUNTED = {"nonzero(f_clean)": "K", "depth(f̂)": "L"}
_COUNTS = {"A": (100, 9000), "K": (1, 500), "L": (2, 30)}

THEOREM_3_3 = (
    Formula(
        "A + 2 nonzero(f_clean) + 2 depth(f̂) + 23",
        "nonzero(f̂) ≤ …",
        "theory.sizes.memorizer_size.network_count",
        _COUNT,
        _COUNTS,
        names=_COUNTED,
    ),
    Formula(
        "A + 2 nonzero(f_clean) + 2C depth(f̂) + 15C + 3",
        "for C ≥ 2 classes, an output each, nonzero(f̂) ≤ …",
        "theory.sizes.memorizer_size.network_count",
        {**_COUNT, "outputs": "C"},
        {**_COUNTS, "C": (2, 100)},
        names=_COUNTED,
    ),
    Formula(
        "(d+2)n + 6F",
        "A = …",
        "theory.sizes.memorizer_size.indicator_count",
        {"n": "n", "dim": "d", "p": "∞", "levels": "F"},
        {**_SIZES, "F": (1, 900)},
    ),
    Formula(
        "min(nd, d(1 + 2.01/γ))",
        "F ≤ …",
        "theory.sizes.memorizer_size.level_bound",
        {"n": "n", "dim": "d", "shell": "γ", "p": "∞"},
        _LEVELS,
    ),
    Formula(
        "(d+5)n + 2F + d + 1",
        "A = …",
        "theory.sizes.memorizer_size.indicator_count",
        {"n": "n", "dim": "d", "p": "1", "levels": "F"},
        {**_SIZES, "F": (1, 900)},
    ),
    Formula(
        "min(nd, d(1 + 8.01 d/γ))",
        "F ≤ …",
        "theory.sizes.memorizer_size.level_bound",
        {"n": "n", "dim": "d", "shell": "γ", "p": "1"},
        {"n": (1, 300), "d": (1, 60), "γ": (0.1, 4.0)},
    ),
    Formula(
        "(d+5)n + 8dm + 2d + m",
        "A = …",
        "theory.sizes.memorizer_size.indicator_count",
        {"n": "n", "dim": "d", "p": "2", "tents": "m"},
        {**_SIZES, "m": (1, 30)},
    ),
    Formula(
        "max(1, ⌈½ log2(2d(1+2δ)² / (γ(2δ+γ)))⌉)",
        "m = …",
        "theory.sizes.memorizer_size.tent_bound",
        {"dim": "d", "radius": "δ", "shell": "γ"},
        {"d": (1, 60), "δ": (0.01, 2.5), "γ": (0.001, 8.0)},
    ),
    Formula(
        "(d+4)n + (4s+3)F",
        "A = …",
        "theory.sizes.memorizer_size.indicator_count",
        {"n": "n", "dim": "d", "p": "p", "levels": "F", "pieces": "s"},
        {**_SIZES, "F": (1, 900), "s": (3, 60), "p": (2.1, 9.9)},
    ),
    Formula(
        "min(nd, d(1 + 8.01 d^{1/p}/γ))",
        "F ≤ …",
        "theory.sizes.memorizer_size.level_bound",
        {"n": "n", "dim": "d", "shell": "γ", "p": "p"},
        {**_LEVELS, "p": (1.1, 9.9)},
    ),
    Formula(
        "3 + 1.45 max(1, √D) log⁺(2.7 dD)",
        "s ≤ …",
        "theory.sizes.memorizer_size.piece_bound",
        {"dim": "d", "radius": "δ", "shell": "γ", "p": "p"},
        {**_POWER, "d": (1, 60)},
        names={"D": _D},
    ),
    Formula(_D, "D = …", "theory.sizes.memorizer_size.power_ratio", {"radius": "δ", "shell": "γ", "p": "p"}, _POWER),
    Formula(
        "n V_{d,p} ((δ+γ)^d - δ^d)",
        "≤ …",
        "theory.setting.volumes.log_shell_volume",
        {"n": "n", "dim": "d", "radius": "δ", "shell": "γ", "p": "p"},
        {**_BALL, "n": (1, 300), "γ": (0.01, 2.0)},
        returns="ln(quoted)",
        names={"V_{d,p}": _UNIT_BALL},
    ),
    Formula(
        "(δ^d + ε/(n V_{d,p}))^{1/d} - δ",
        "γ = …",
        "theory.setting.volumes.shell_width",
        {"n": "n", "dim": "d", "radius": "δ", "volume": "ε", "p": "p"},
        {**_BALL, "n": (1, 300), "ε": (0.001, 0.9)},
        names={"V_{d,p}": _UNIT_BALL},
    ),
)

COROLLARY_3_4_III = (
    _RATIO,
    Formula(
        "μ / (2κ V_{d,p} (2δ+γ)^d)",
        "n ≤ …",
        "theory.generalization.robust_ratio.log_threshold",
        {**_BALL_ARGUMENTS, "radius": "δ + γ/2", "mu": "μ"},
        {**_DENSITY, "γ": (0.01, 0.4), "μ": _SHARE},
        returns="ln(quoted)",
        names={"V_{d,p}": _UNIT_BALL},
    ),
    _EXPECTED_RATIO,
    _SAMPLE_THRESHOLD,
)

_SIZE_BOUND = Formula(
    "m^{(d-1)/2}",
    "about … / polylog",
    "theory.sizes.growth.size_bound_bracket",
    {"dim": "d", "m": "m", "room": "½"},
    {"m": (2, 9), "d": (2, 60)},
    part="1",
)

_GROWTH = "W log2(2e(W+d)) + W + ½W(W+1) log2(2eK)"

THEOREM_3_5 = (
    Formula(
        _GROWTH,
        "with … <",
        "theory.sizes.growth.growth_bound",
        {"nonzero": "W", "count": "K", "dim": "d"},
        {"W": (1, 500), "K": (500, 10**6), "d": (2, 60)},
    ),
    Formula(
        "(1 - h(α)) K",
        "< …",
        "theory.sizes.growth.pattern_room",
        {"count": "K", "alpha": "α"},
        {"K": (1, 10**6), "α": (0.01, 0.49)},
    ),
    Formula(
        "2^{G - (1-h(α))K}",
        "of at most …",
        "theory.sizes.growth.labelling_failure",
        {"nonzero": "W", "count": "K", "dim": "d", "alpha": "α"},
        {"W": (1, 500), "K": (500, 10**6), "d": (2, 60), "α": (0.01, 0.49)},
        returns="log2(quoted)",
        names={"G": f"({_GROWTH})"},
    ),
    Formula(
        "m^{d-1} / Σ_{k<b} C(d-1, k) (m-1)^k",
        "K ≥ … of",
        "theory.sizes.codes.gilbert_varshamov",
        {"length": "d - 1", "distance": "b", "letters": "m"},
        {"m": (2, 5), "d": (10, 20), "b": (1, 8)},
        returns="⌈quoted⌉",
    ),
    _SIZE_BOUND,
    Formula(
        "m^{d-1}",
        "K = …",
        "theory.sizes.growth.size_bound_bracket",
        {"dim": "d", "m": "m", "room": "½"},
        {"m": (2, 9), "d": (2, 60)},
        returns="√quoted",
        part="1",
    ),
)

COMPLEXITY_ORDERING = (replace(_SIZE_BOUND, relation="about n d ≤ …"),)

# t <= D_0/4 for all of these.
_NOISE = {"D_0": (50, 900), "t": (0.1, 9.9)}

LINEAR_DATA_SEPARATION = (
    Formula(
        "N(N-1)/2 · e^{-t}",
        "probability at least 1 - …",
        "theory.gaussian.laws.separation_bound",
        {"dim": "D_0 + 1", "n": "N", "t": "t"},
        {"N": (2, 4), "D_0": (50, 900), "t": (2.0, 9.9)},
        part="failure",
    ),
    Formula(
        "√(2D_0 - 4√(D_0 t))",
        "at least … apart",
        "theory.gaussian.laws.separation_bound",
        {"dim": "D_0 + 1", "n": "9", "t": "t"},
        _NOISE,
        part="distance",
    ),
)

_ANGLE = {"D_0": (1, 60), "n_l": (1, 900), "α": (0.1, 9.9), "t": (0.1, 4.0)}

_ANGLE_FAILURE = Formula(
    "e^{-t²/2}",
    "probability at least 1 - …",
    "theory.gaussian.max_margin.angle_bounds",
    {"dim": "9", "n_large": "9", "alpha": "1", "t": "t"},
    {"t": (0.1, 4.0)},
    part="failure",
)

THEOREM_5_1 = (
    Formula(
        "max(s*, 0)/α",
        "tan ∠(û, w*) = …",
        "theory.gaussian.max_margin.limit_angle",
        {"margin": "s*", "alpha": "α"},
        {"s*": (-3.0, 9.0), "α": (0.1, 9.9)},
        returns="arctan(quoted)",
    ),
    Formula(
        "√(α² + max(s*, 0)²)",
        "margin of û is γ = …",
        "theory.gaussian.convergence.limit_margin",
        {"noise_margin": "s*", "alpha": "α"},
        {"s*": (-3.0, 9.0), "α": (0.1, 9.9)},
    ),
    Formula(
        "2(ln n_l + η(R+δ)²/2)(1 + ln k)/(η(γ-δ)² k)",
        "‖w_0^k/‖w_0^k‖ - û‖² ≤ …",
        "theory.gaussian.convergence.direction_error_bound",
        {"steps": "k", "n": "n_l", "margin": "γ", "radius": "δ", "longest": "R", "step_size": "η"},
        {"k": (1, 900), "n_l": (1, 900), "γ": (1.0, 3.0), "δ": (0.1, 0.9), "R": (3.0, 9.9), "η": (0.01, 2.0)},
        returns="√quoted",
    ),
    Formula(
        "e^{-r²/2} E e^{r‖h‖} E e^{-r p(g + c1)}",
        "P(s* ≥ c) ≤ …",
        "theory.gaussian.margin_tail.log_comparison",
        {"rate": "r", "log_length": "ln(H)", "log_reach": "ln(G)"},
        {"r": (0.1, 9.0), "H": (1.1, 99.0), "G": (0.01, 0.9)},
        returns="ln(quoted)",
        names={"E e^{r‖h‖}": "H", "E e^{-r p(g + c1)}": "G"},
    ),
    Formula(
        "(√D_0 + t)/(α √n_l)",
        "tan ∠(û, w*) ≤ …",
        "theory.gaussian.max_margin.angle_bounds",
        {"dim": "D_0 + 1", "n_large": "n_l", "alpha": "α", "t": "t"},
        _ANGLE,
        part="upper",
    ),
    _ANGLE_FAILURE,
    Formula(
        "1 - 2^{-(n_l-1)} Σ_{k<D_0} C(n_l-1, k)",
        "exactly with probability …",
        "theory.gaussian.max_margin.wendel_probability",
        {"n": "n_l", "dim": "D_0"},
        {"n_l": (12, 40), "D_0": (1, 12)},
        returns="1 - quoted",
    ),
    Formula(
        "exp(-(n_l-1)(1 - 2(D_0-1)/(n_l-1))²/2)",
        "at least 1 - …",
        "theory.gaussian.max_margin.exact_limit_bound",
        {"n": "n_l", "dim": "D_0"},
        {"n_l": (60, 200), "D_0": (1, 25)},
    ),
)

SMALL_MARGIN_TRANSFER = (
    Formula(
        "Φ(-c cot θ)",
        "clean error …",
        "theory.gaussian.laws.linear_clean_error",
        {"scale": "c", "angle": "θ"},
        {"c": (0.1, 4.0), "θ": (0.3, 1.5)},
    ),
    Formula(
        "β / Φ^{-1}(1-η)",
        "tan θ ≤ …",
        "theory.gaussian.laws.linear_clean_error",
        {"scale": "β", "angle": "arctan(quoted)"},
        {"β": (0.1, 4.0), "η": (0.01, 0.45)},
        returns="η",
    ),
    Formula(
        "((√D_0 + t) Φ^{-1}(1-η) / (αβ))²",
        "n_l ≥ … suffices",
        "theory.gaussian.laws.transfer_sample_size",
        {"dim": "D_0 + 1", "alpha": "α", "beta": "β", "error": "η", "t": "t"},
        {"D_0": (1, 900), "α": (0.1, 9.9), "β": (0.1, 9.9), "η": (0.01, 0.45), "t": (0.1, 4.0)},
        returns="⌈quoted⌉",
    ),
    _ANGLE_FAILURE,
)

_A = "√D_0 + √(2t)"
_a = "√(D_0 - 2√(D_0 t))"
_THRESHOLD = {**_NOISE, "δ": (0.1, 4.0), "β": (0.1, 4.0)}
_MARGINS = {"k": (1, 40), "b": (1.0, 90.0), "c": (0.1, 9.0)}

THEOREM_5_2 = (
    Formula(
        _A, "A = …", "theory.gaussian.target_conditions.noise_lengths", {"dim": "D_0 + 1", "t": "t"}, _NOISE, part="1"
    ),
    Formula(
        _a, "a = …", "theory.gaussian.target_conditions.noise_lengths", {"dim": "D_0 + 1", "t": "t"}, _NOISE, part="0"
    ),
    Formula(
        "n(N+1)e^{-t}",
        "probability at least 1 - …",
        "theory.gaussian.target_conditions.failure_at",
        {"n": "N", "n_small": "n", "t": "t"},
        {"N": (1, 900), "n": (1, 300), "t": (0.1, 9.9)},
    ),
    Formula(
        "A(√(2t) + δ)",
        "if … ≤ b",
        "theory.gaussian.target_conditions.threshold_range",
        {"dim": "D_0 + 1", "beta": "β", "radius": "δ", "t": "t"},
        _THRESHOLD,
        part="0",
        names={"A": _A},
    ),
    Formula(
        "β + a² - δ√(1 + a²)",
        "b < …",
        "theory.gaussian.target_conditions.threshold_range",
        {"dim": "D_0 + 1", "beta": "β", "radius": "δ", "t": "t"},
        _THRESHOLD,
        part="1",
        names={"a": _a},
    ),
    Formula(
        "k min(λ, M² + (k-1)c)",
        "Λ_k = …",
        "theory.gaussian.overlap.joint_square",
        {"k": "k", "largest": "λ", "most": "M", "product": "c"},
        {"k": (1, 40), "λ": (50.0, 200.0), "M": (5.0, 12.0), "c": (0.1, 9.0)},
    ),
    Formula(
        "α + k(b - c)",
        "if … >",
        "theory.gaussian.overlap.large_gain",
        {"k": "k", "alpha": "α", "b": "b", "product": "c"},
        {**_MARGINS, "α": (0.1, 90.0)},
    ),
    Formula(
        "β + a² - b + k(b - c)",
        "and … >",
        "theory.gaussian.overlap.small_gain",
        {"k": "k", "beta": "β", "b": "b", "product": "c", "least": "a"},
        {**_MARGINS, "β": (0.1, 4.0), "a": (5.0, 12.0)},
    ),
    Formula(
        "δ√(1 + Λ_k)",
        "> …",
        "theory.gaussian.overlap.joint_reach",
        {"radius": "δ", "square": "Λ_k"},
        {"δ": (0.1, 9.0), "Λ_k": (0.1, 900.0)},
    ),
    Formula(
        "(1-c)√(D_0/2)",
        "any δ < …",
        "theory.gaussian.overlap.overlap_radius",
        {"q": "¼"},
        {"D_0": (1, 900), "c": (0.1, 0.9)},
        returns="quoted/((1-c)√D_0)",
    ),
)

STANDARD_BOUND = (
    Formula(
        "√((8/N)(v ln(2eN/v) + ln(4/Δ)))",
        "|L_D^clean(f) - L_S^clean(f)| ≤ …",
        "theory.generalization.vc.uniform_bound",
        {"n": "N", "vc_dimension": "v", "failure": "Δ"},
        {"N": (50, 900), "v": (1, 50), "Δ": _SHARE},
    ),
)

ASSUMPTION_6_1 = (
    Formula(
        "(1 - μ + μC) L_large^clean(f)",
        "L_D^clean(f) ≤ …",
        "theory.generalization.transfer.transfer_bound",
        {"large_error": "q", "mu": "μ", "constant": "C"},
        {"μ": _SHARE, "C": (0.1, 9.0), "q": _SHARE},
        names={"L_large^clean(f)": "q"},
    ),
)

ASSUMPTION_6_1_VERIFICATION = (
    Formula(
        "Φ(-β cot θ)/Φ(-α cot θ)",
        "the least C is …",
        "theory.generalization.transfer.log_linear_transfer_constant",
        {"alpha": "α", "beta": "β", "angle": "θ"},
        {"α": (2.0, 4.0), "β": (0.1, 1.5), "θ": (0.3, 1.5)},
        returns="ln(quoted)",
    ),
)

THEOREM_6_2 = (
    Formula(
        "½(1 - 1/K)^N",
        "E L_D^{adv,δ} ≥ …",
        "theory.witnesses.sample_size.unseen_error_bounds",
        {"n": "N", "cubes": "K"},
        {"N": (1, 60), "K": (60, 900)},
        part="0",
    ),
    Formula(
        "½(1 - N/K)",
        "≥ …, times μ",
        "theory.witnesses.sample_size.unseen_error_bounds",
        {"n": "N", "cubes": "K"},
        {"N": (1, 60), "K": (61, 900)},
        part="1",
    ),
    Formula(
        "½(1 - N/K)",
        "≥ …, times μ",
        "theory.witnesses.sample_size.polynomial_sample_failure",
        {"constant": "q", "degree": "k"},
        {"q": (0.1, 3.0), "k": (0.1, 2.0)},
        part="mean",
        reads={"N": "n", "d": "dim"},
        names={"K": "2^{d-1}"},
    ),
    Formula(
        "(2/N)(v log2(2eN/v) + log2(2/Δ))",
        "L_D^clean(f̂) ≤ L_D^clean(f_clean) ≤ …",
        "theory.generalization.vc.consistent_bound",
        {"n": "N", "vc_dimension": "v", "failure": "Δ"},
        {"N": (50, 900), "v": (1, 50), "Δ": _SHARE},
    ),
)

_FAILURE = {"constant": "q", "distribution_constant": "r", "failure": "Δ", "dim": "d"}
_FAILURE_READS = {"κ": "density", "N": "n", "δ": "radius"}
_FAILURE_AT = {"q": (0.5, 4.0), "r": (0.1, 2.0), "Δ": (0.1, 0.9), "d": (2, 5)}

THEOREM_6_3 = (
    Formula(
        "2^d",
        "with κ = …",
        "theory.witnesses.flatness.flatness_failure",
        _FAILURE,
        _FAILURE_AT,
        part="density",
    ),
    Formula(
        "1 - κN(4δ)^d",
        "gap ≥ …",
        "theory.witnesses.flatness.flatness_failure",
        _FAILURE,
        _FAILURE_AT,
        part="left",
        reads=_FAILURE_READS,
    ),
    Formula(
        "κN(6δ)^d/δ",
        "flatness ≤ …",
        "theory.witnesses.flatness.flatness_failure",
        _FAILURE,
        _FAILURE_AT,
        part="flatness",
        reads=_FAILURE_READS,
    ),
    Formula(
        "min over J of 2^-J + Σ_{j≤J} 2^-(j+1) √((2^{dj} - 1)/N_c)",
        "E W_1(D_c, S_c) ≤ …",
        "theory.generalization.transport.expected_w1_bound",
        {"n": "N_c", "dim": "d"},
        {"N_c": (1, 900), "d": (1, 4)},
    ),
    Formula(
        "min(B, t M(x, δ+t), t M(z, δ+t))",
        "the cost = …",
        "theory.generalization.pairwise_gap.pair_cost",
        {"length": "[t]", "near": "[m]", "far": "[q]", "loss_bound": "B"},
        {"t": (0.1, 4.0), "m": (0.1, 4.0), "q": (0.1, 4.0), "B": (0.5, 4.0)},
        part="0",
        names={"M(x, δ+t)": "m", "M(z, δ+t)": "q"},
    ),
)

PROPOSITION_6_4 = (
    Formula(
        "2a",
        "the left side is at most …",
        "theory.witnesses.flatness.oscillating_loss",
        {"constant": "q", "radius": "r"},
        {"q": (0.1, 4.0), "r": (0.01, 0.5)},
        returns="quoted/2",
        part="left",
        reads={"a": "amplitude"},
    ),
    Formula(
        "2δ/π",
        "the right one tends to …",
        "theory.witnesses.flatness.oscillating_loss",
        {"constant": "1", "radius": "δ"},
        {"δ": (0.01, 0.5)},
        part="right",
    ),
    Formula(
        "δ E‖∇L‖_1",
        "(i) left side ≥ …",
        "theory.generalization.flatness.loss_change_lower_bound",
        {"gradient_norms": "[G]", "radius": "δ", "smoothness": "0"},
        {"G": (0.1, 9.0), "δ": (0.01, 1.0)},
        part="0",
        names={"E‖∇L‖_1": "G"},
    ),
    Formula(
        "δ E‖∇L‖_1 - βδ²/2",
        "(ii) ≥ …",
        "theory.generalization.flatness.loss_change_lower_bound",
        {"gradient_norms": "[G]", "radius": "δ", "smoothness": "β"},
        {"G": (0.1, 9.0), "δ": (0.01, 1.0), "β": (0.1, 9.0)},
        part="0",
        names={"E‖∇L‖_1": "G"},
    ),
)
