"""Section 3: the setting, the ideal classifier, and the size of networks that are like it.

In all texts `n = |S_small|`, `Ω = [-δ, 1+δ]^d`, `B_p(x, r)` is the closed ball, the distance to an empty set is ∞,
and `nonzero` counts the entries of weights and biases that are not 0.
"""

from theory.ledger import formulas
from theory.ledger.remarks import THEOREM_3_3
from theory.ledger.statement import Statement
from theory.ledger.witness import Side, Witness

STATEMENTS = (
    Statement(
        id="definition-clean-error",
        title="clean 0-1 loss",
        section="3",
        kind="definition",
        printed="L_D^clean(f) = P(sgn f(x) ≠ y) for (x, y) from D, x ∈ [0, 1]^d, y ∈ {-1, +1}; f(x) = 0 is an error.",
        verdict="checked",
        code=(
            "theory.setting.losses.margins",
            "theory.setting.losses.clean_error",
        ),
        source="section 3, first paragraphs",
    ),
    Statement(
        id="definition-relu-network",
        title="ReLU network",
        section="3",
        kind="definition",
        printed=(
            "f(x) = W_L σ(… σ(W_1 x + b_1) …) + b_L with σ = max(0, ·) coordinate by coordinate: affine maps and "
            "ReLUs in strict alternation, no products, no skip connections."
        ),
        verdict="checked",
        code=(
            "constructions.networks.network.ReLUNetwork",
            "constructions.networks.network.Affine",
        ),
        source="section 3, formula of f_clean",
    ),
    Statement(
        id="assumption-clean-classifier",
        title="a small ReLU network has no clean error",
        section="3",
        kind="assumption",
        printed="Some ReLU network f_clean of width O(d) and constant depth has L_D^clean(f_clean) = 0.",
        verdict="checked",
        uses=("definition-clean-error", "definition-relu-network"),
        code=(
            "constructions.memorizers.clean.fit_clean",
            "theory.sizes.hard_distribution.HardDistribution.f_clean",
        ),
        source="section 3, formula of f_clean",
    ),
    Statement(
        id="definition-decision-boundary",
        title="decision boundary",
        section="3",
        kind="definition",
        printed=(
            "DB(f): the points x of the support X with f(x) = 0 and, for every ε > 0, two points of B_p(x, ε) where f "
            "has opposite signs."
        ),
        verdict="repaired",
        fails=(
            "A classifier that is right on the support X has no zero there, so the printed boundary is empty and "
            "every distance to it is infinite, however near the real boundary is."
        ),
        repaired=(
            "The same for x in R^d. A classifier that is right at every point of X has no zero on X, so that the "
            "printed DB is empty and no point has a small margin."
        ),
        witness=Witness(
            "theory.witnesses.decision_boundary.boundary_inside_support",
            {"radius": 0.25},
            left=Side("distance to the printed DB of a point with a margin < 0", "distance"),
            relation="<",
            right=Side("δ", "radius"),
        ),
        code=("theory.balls.cells.distance_to_boundary",),
        source="section 3, definition of DB(f)",
    ),
    Statement(
        id="definition-adversarial-margin",
        title="adversarial margin",
        section="3",
        kind="definition",
        printed="min over ‖ξ‖_p ≤ δ of y f(x+ξ).",
        verdict="checked",
        hypotheses=("f is continuous (else the infimum)", "f is defined on Ω: x + ξ may leave the cube"),
        code=(
            "theory.balls.exact_minimum.minimum_over_ball",
            "theory.balls.small_margin.MarginBracket",
            "theory.balls.relaxation.margin_lower_bound",
        ),
        source="section 3, before Proposition 3.1",
    ),
    Statement(
        id="proposition-3.1",
        title="margin and distance to the decision boundary",
        section="3",
        kind="proposition",
        printed=(
            "If the distance is well defined: min over ‖ξ‖_p ≤ δ of y f(x+ξ) ≥ 0 exactly when dist_p(x, DB(f)) ≥ δ, "
            "and < 0 exactly when the distance is < δ."
        ),
        verdict="repaired",
        fails=(
            "Nothing asks that the point is rightly classified, that the boundary outside the support counts, or that"
            " f has no plateau at 0; without any one of these the two sides differ."
        ),
        repaired=(
            "For every continuous f, with plateaus too, and every x with y f(x) > 0: min over ‖ξ‖_p ≤ δ of y f(x+ξ) > "
            "0 exactly when dist_p(x, ∂{y f > 0}) > δ, and ≥ 0 exactly when dist_p(x, ∂{y f < 0}) ≥ δ, boundaries in "
            "R^d. If {f = 0} has empty interior, then dist_p(x, DB(f)) = dist_p(x, ∂{y f < 0}), with DB(f) in R^d: the "
            "printed equivalences. They fail at a misclassified point far from DB(f) "
            "(theory.witnesses.decision_boundary.misclassified_point), with DB(f) inside the support "
            "(theory.witnesses.decision_boundary.boundary_inside_support), and across a plateau f = 0, where signs "
            "change without a point of DB(f) near by."
        ),
        hypotheses=(
            "f : R^d → R continuous",
            "y f(x) > 0",
            "δ ≥ 0",
            "{f = 0} has empty interior, for DB(f) in place of ∂{y f < 0} only",
        ),
        uses=("definition-decision-boundary", "definition-adversarial-margin"),
        witness=Witness(
            "theory.witnesses.decision_boundary.plateau_network",
            {"p": 2.0},
            left=Side("whether the margin is >= 0", "sides.0"),
            relation="=",
            right=Side("whether the distance is >= δ", "sides.1"),
        ),
        code=(
            "theory.balls.cells.distance_to_side_boundary",
            "theory.balls.cells.distance_to_boundary",
            "theory.balls.cells.distance_to_sign",
            "theory.balls.cells.has_plateau",
        ),
        source="Proposition 3.1",
    ),
    Statement(
        id="definition-margin-split",
        title="small and large margin",
        section="3",
        kind="definition",
        printed=(
            "X_small: dist_p(x, DB(f_clean)) < δ; X_large: ≥ δ. μ = P(x ∈ X_small), 0 < μ < 1. Points of X_large are "
            "classified robustly."
        ),
        verdict="repaired",
        fails=(
            "Where f_clean touches 0 without a change of sign, a point is as far from the boundary as X_large asks "
            "and is still an error inside its ball, as f = 0 is one: it is not classified robustly."
        ),
        repaired=(
            "X_small: min over B_p(x, δ) of y f_clean ≤ 0; X_large: > 0, by Proposition 3.1 y f_clean(x) > 0 and "
            "dist_p(x, ∂{y f_clean > 0}) > δ. Then μ = L_D^{adv,δ}(f_clean) exactly. X_small contains the printed one, "
            "with DB in R^d; what it has beside that are points at distance exactly δ, misclassified ones, and those "
            "near zeros of f_clean without a change of sign or behind a plateau: all errors of f_clean at radius δ."
        ),
        hypotheses=("f_clean : R^d → R continuous",),
        uses=("definition-decision-boundary", "definition-adversarial-error", "proposition-3.1"),
        witness=Witness(
            "theory.witnesses.decision_boundary.touching_zero",
            {"radius": 0.125},
            left=Side("least margin at a point with distance >= radius", "margin"),
            relation=">",
            right=Side("an error", 0.0),
        ),
        code=(
            "theory.balls.small_margin.small_margin",
            "theory.balls.small_margin.affine_margin",
        ),
        source="section 3, after Proposition 3.1",
    ),
    Statement(
        id="assumption-separation",
        title="the classes are separated",
        section="3",
        kind="assumption",
        printed="The support is A ∪ B in [0, 1]^d, A the positive class, B the negative one, and dist_p(A, B) > R.",
        verdict="checked",
        hypotheses=("R > 0",),
        code=("theory.setting.separation.separation",),
        source="section 3, last paragraph before 3.1",
    ),
    Statement(
        id="definition-adversarial-error",
        title="adversarial 0-1 losses",
        section="3.1",
        kind="definition",
        printed=(
            "L_S^{adv,δ}(f) and L_D^{adv,δ}(f): the share of the sample and the probability under D of points (x, y) "
            "with sgn f(x+ξ) ≠ y for some ‖ξ‖_p ≤ δ."
        ),
        verdict="checked",
        hypotheses=("f is defined on Ω",),
        uses=("definition-clean-error",),
        code=("theory.setting.losses.adversarial_error",),
        source="section 3.1, first and third paragraphs",
    ),
    Statement(
        id="definition-sample-split",
        title="small- and large-margin part of the sample",
        section="3.1",
        kind="definition",
        printed="S_small, S_large: the points of S with dist_p(x_i, DB(f_clean)) < δ and ≥ δ.",
        verdict="repaired",
        fails=(
            "The split inherits the printed X_small: a sample point may lie in S_large although f_clean is wrong in "
            "its ball."
        ),
        repaired=(
            "S_small is any part of S that contains every i with min over B_p(x_i, δ) of y_i f_clean ≤ 0, such as all "
            "points that a sound bound does not certify; S_large is the rest."
        ),
        uses=("definition-margin-split",),
        witness=Witness(
            "theory.witnesses.decision_boundary.touching_zero",
            {"radius": 0.125},
            left=Side("least margin at a point with distance >= radius", "margin"),
            relation=">",
            right=Side("an error", 0.0),
        ),
        code=("theory.balls.small_margin.small_margin",),
        source="section 3.1, second paragraph",
    ),
    Statement(
        id="definition-f-adv",
        title="the ideal classifier",
        section="3.1",
        kind="definition",
        printed=(
            "f_adv(x) = Σ over S_small of y_i 1{‖x-x_i‖_p ≤ δ}, plus f_clean(x) 1{min over S_small of ‖x-x_i‖_p > δ}. "
            "Where balls of one label overlap, |f_adv| exceeds 1."
        ),
        verdict="checked",
        uses=("assumption-clean-classifier", "definition-sample-split"),
        code=("theory.setting.ideal.IdealClassifier",),
        source="section 3.1 and section 1, formula of f_adv",
    ),
    Statement(
        id="proposition-3.2",
        title="three properties of the ideal classifier",
        section="3.1",
        kind="proposition",
        printed=(
            "If data within δ of a training point have its label: (i) L_S^{adv,δ}(f_adv) = 0; (ii) L_D^clean(f_adv) = "
            "0; (iii) L_D^{adv,δ}(f_adv) = Ω(L_D^{adv,δ}(f_clean))."
        ),
        verdict="repaired",
        fails=(
            "Items (i) and (iii) fail: between two points of opposite labels the indicators cancel, and a sample that"
            " contains the whole population leaves f_adv no error at all."
        ),
        repaired="(ii) as printed; (i) and (iii) as in the entries of the parts.",
        uses=("proposition-3.2-i", "proposition-3.2-ii", "proposition-3.2-iii"),
        witness=Witness(
            "theory.witnesses.ideal_classifier.midpoint_of_opposite_labels",
            {"radius": 0.25},
            left=Side("share of the training points with an error near by", "error"),
            relation="=",
            right=Side("no error", 0.0),
        ),
        code=("theory.setting.ideal.IdealClassifier",),
        source="Proposition 3.2",
    ),
    Statement(
        id="proposition-3.2-i",
        title="f_adv has no adversarial training error",
        section="3.1",
        kind="proposition",
        printed="If data within δ of a training point have its label: L_S^{adv,δ}(f_adv) = 0.",
        verdict="repaired",
        fails=(
            "The printed hypothesis is about data near a training point. Half way between training points of opposite"
            " labels that are less than 2δ apart the two indicators cancel, f_adv = 0, an error for both."
        ),
        repaired=(
            "L_S^{adv,δ}(f_adv) = 0 if training points of different labels are more than 2δ apart. The printed "
            "hypothesis is about data only, and says nothing of the points between two of them."
        ),
        hypotheses=("R ≥ 2δ, for the sample", "min over B_p(x_i, δ) of y_i f_clean > 0 on S_large"),
        uses=("definition-f-adv", "definition-adversarial-error", "assumption-separation"),
        witness=Witness(
            "theory.witnesses.ideal_classifier.midpoint_of_opposite_labels",
            {"radius": 0.25},
            left=Side("share of the training points with an error near by", "error"),
            relation="=",
            right=Side("no error", 0.0),
        ),
        code=(
            "theory.setting.ideal.IdealClassifier",
            "theory.setting.separation.separation",
        ),
        source="Proposition 3.2, first item",
    ),
    Statement(
        id="proposition-3.2-ii",
        title="f_adv has no clean error",
        section="3.1",
        kind="proposition",
        printed="If data within δ of a training point have its label: L_D^clean(f_adv) = 0.",
        verdict="checked",
        hypotheses=("data within δ of a training point have its label", "L_D^clean(f_clean) = 0"),
        uses=("definition-f-adv", "definition-clean-error", "assumption-clean-classifier"),
        code=("theory.setting.ideal.IdealClassifier",),
        source="Proposition 3.2, second item",
    ),
    Statement(
        id="proposition-3.2-iii",
        title="f_adv is hardly more robust than f_clean",
        section="3.1",
        kind="proposition",
        printed="L_D^{adv,δ}(f_adv) = Ω(L_D^{adv,δ}(f_clean)).",
        verdict="repaired",
        fails=(
            "A finite population that the sample contains as a whole has L_D^{adv,δ}(f_adv) = 0 and "
            "L_D^{adv,δ}(f_clean) = μ > 0: no constant lies between them."
        ),
        repaired=(
            "L_D^{adv,δ}(f_adv) ≥ P(x ∈ X_small, dist_p(x, S_small) > 2δ) ≥ μ - n s, with μ = L_D^{adv,δ}(f_clean) and "
            "s = sup_z D(X_small ∩ B_p(z, 2δ)). If x has a density ≤ κ on X_small, s ≤ κ V_{d,p} (2δ)^d with the "
            "volume V_{d,p} = (2Γ(1+1/p))^d / Γ(1+d/p) of the unit ball, and the ratio of the two errors is at least ½ "
            "while n ≤ μ / (2κ V_{d,p} (2δ)^d), exponentially many when 2δ (κ V_{d,p})^{1/d} stays below 1, as for "
            "radii that grow like d^{1/p}. For N independent draws let q_x = D(X_small ∩ B_p(x, 2δ)) and q ≤ s its "
            "mean over X_small. The expectation of the ratio is ≥ E((1-q_x)^N | X_small) ≥ (1 - q)^N, and at least ½ "
            "while N ≤ ln ½ / ln(1 - q); with equalities for points of equal mass more than 2δ apart if R ≥ 2δ. With "
            "probability at least 1 - Δ the ratio is > (1 - q)^N - (s/μ) √(N ln(1/Δ) / 2). Without a bound on n it "
            "fails: finitely many points, all in S, give 0 and μ."
        ),
        formulas=formulas.PROPOSITION_3_2_III,
        hypotheses=(
            "μ and X_small by the minimum over the closed ball",
            "for N draws: S_small is S ∩ X_small; if it is larger, q_x = D(B_p(x, 2δ)), and not q ≤ s",
        ),
        uses=("definition-f-adv", "definition-adversarial-error", "definition-margin-split"),
        witness=Witness(
            "theory.witnesses.ideal_classifier.memorized_population",
            {"radius": 0.25},
            left=Side("L_D^{adv,δ}(f_adv), at least a share of a positive error", "error_of_f_adv"),
            relation=">",
            right=Side("nothing", 0.0),
        ),
        code=(
            "theory.generalization.robust_ratio.ratio_bound",
            "theory.generalization.robust_ratio.log_threshold",
            "theory.generalization.robust_ratio.expected_ratio_bound",
            "theory.generalization.robust_ratio.log_sample_threshold",
            "theory.generalization.robust_ratio.probable_ratio_bound",
            "theory.generalization.columns.Columns",
        ),
        source="Proposition 3.2, third item",
    ),
    Statement(
        id="conjecture-robust-memorization",
        title="adversarial training finds classifiers like f_adv",
        section="3.1",
        kind="conjecture",
        printed=(
            "Deep networks under adversarial training converge to classifiers close to f_adv: robust around each "
            "training point of small margin, and like a clean classifier elsewhere."
        ),
        verdict="observed",
        repaired=(
            "Measured, beside controls that must come out differently (clean training, random labels, the network of "
            "Theorem 3.3): flatness around training points, and in the model of section 5 the certified adversarial "
            "error and the cosine of each neuron with its noise vector, for joint training as for training by stages. "
            "Neither closeness nor convergence is defined in the paper, so no measurement decides it."
        ),
        uses=("definition-f-adv", "definition-adversarial-error", "theorem-3.3"),
        code=(
            "empirics.images.experiments.memorization.measure",
            "empirics.gaussian.joint.alignment",
            "theory.gaussian.mixed_model.margin_certificate",
        ),
        source="section 3.1, after Proposition 3.2; section 1",
    ),
    Statement(
        id="theorem-3.3",
        title="size of a network that represents f_adv",
        section="3.2",
        kind="theorem",
        printed=(
            "If δ < R/2, a ReLU network f̂ with Õ(μNd + poly(d)) parameters has |f̂ - f_adv| < ε on all of [0, 1]^d."
        ),
        verdict="repaired",
        fails=(
            "f_adv jumps on the spheres around the memorized points, and a ReLU network is continuous: near a jump it"
            " is off by at least half of it, so by no small ε."
        ),
        repaired=(
            "For every γ > 0 a ReLU network f̂ has f̂ = f_adv exactly at every x of Ω outside the shells δ < ‖x-x_i‖_p "
            "< δ+γ, i ∈ S_small. Soft indicators I_i: 1 on B_p(x_i, δ), 0 off B_p(x_i, δ+γ). Gate g = σ(1 - Σ I_i). "
            "With M ≥ |f_clean| on Ω, f̂ = Σ y_i I_i + σ(f_clean - M(1-g)) - σ(-f_clean - M(1-g)). nonzero(f̂) ≤ A + 2 "
            "nonzero(f_clean) + 2 depth(f̂) + 23 for y ∈ {-1, +1}, and for C ≥ 2 classes, an output each, nonzero(f̂) "
            "≤ A + 2 nonzero(f_clean) + 2C depth(f̂) + 15C + 3, where A = (d+2)n + 6F for p = ∞, F ≤ min(nd, d(1 + "
            "2.01/γ)); A = (d+5)n + 2F + d + 1 for p = 1, F ≤ min(nd, d(1 + 8.01 d/γ)); A = (d+5)n + 8dm + 2d + m for "
            "p = 2, m = max(1, ⌈½ log2(2d(1+2δ)² / (γ(2δ+γ)))⌉); A = (d+4)n + (4s+3)F for any other p, F ≤ min(nd, d(1 "
            "+ 8.01 d^{1/p}/γ)), s ≤ 3 + 1.45 max(1, √D) log⁺(2.7 dD), D = (2δ + 1.5γ)/(pγ): the coefficient of nd is "
            "1. With an ε: the measure of {f̂ ≠ f_adv} in Ω is ≤ n V_{d,p} ((δ+γ)^d - δ^d), V_{d,p} = vol B_p(0, 1), "
            "so at most ε for γ = (δ^d + ε/(n V_{d,p}))^{1/d} - δ; for p = 2 the next m, ¼ of a small γ, costs 8d + 3 "
            "for y ∈ {-1, +1}. Where x has a density ≤ κ, the probability is at most κε. No separation is needed. No "
            "continuous function does what is printed: f_adv jumps."
        ),
        formulas=formulas.THEOREM_3_3,
        hypotheses=(
            "γ > 0",
            "p ∈ [1, ∞]; data in the cube for the bounds on F",
            "M ≥ sup over Ω of |f_clean|",
            "exact arithmetic",
        ),
        uses=("definition-f-adv", "definition-relu-network", "assumption-clean-classifier"),
        witness=Witness(
            "theory.witnesses.ideal_classifier.discontinuity_of_f_adv",
            {"radius": 0.25},
            left=Side("least sup |f̂ - f_adv| of a continuous f̂", "sup_error_bound"),
            relation="<",
            right=Side("ε, say", 0.5),
        ),
        remarks=THEOREM_3_3,
        code=(
            "constructions.memorizers.memorizer.robust_memorizer",
            "constructions.rules.memorizer.rule_memorizer",
            "constructions.compact.memorizer.compact_memorizer",
            "constructions.bits.memorizer.code_memorizer",
            "theory.lower_bounds.coordinates.coordinates_needed",
            "theory.lower_bounds.rank.first_layer_rank_needed",
            "constructions.pieces.soft_indicators.indicators",
            "constructions.memorizers.size.size_report",
            "theory.sizes.memorizer_size.size_bound",
            "theory.setting.volumes.log_shell_volume",
            "theory.setting.volumes.shell_width",
        ),
        source="Theorem 3.3 and its proof sketch",
    ),
    Statement(
        id="corollary-3.4",
        title="a network memorizes robustly",
        section="3.2",
        kind="corollary",
        printed=(
            "If δ < R/2, a ReLU network f̂ with Õ(μNd + poly(d)) parameters has (i) L_S^{adv,δ}(f̂) = o(1), (ii) "
            "L_D^clean(f̂) = o(1), (iii) L_D^{adv,δ}(f̂) = Ω(L_D^{adv,δ}(f_clean))."
        ),
        verdict="repaired",
        fails=(
            "Items (i) and (ii) hold, both errors are even 0; (iii) has no bound on the size of the sample, and for "
            "D uniform on S it excludes (i)."
        ),
        repaired=(
            "The network of Theorem 3.3 with 0 < γ ≤ R - 2δ has (i) and (ii) exactly 0, and (iii) as in its own "
            "entry. The count is by n = |S_small|; claim-small-margin-count relates it to μN."
        ),
        hypotheses=("0 < γ ≤ R - 2δ",),
        uses=("corollary-3.4-i", "corollary-3.4-ii", "corollary-3.4-iii", "claim-small-margin-count"),
        witness=Witness(
            "theory.witnesses.ideal_classifier.memorized_population",
            {"radius": 0.25},
            left=Side("L_D^{adv,δ} of any f̂ that is robust on S, for D uniform on S", "error_of_f_adv"),
            relation=">",
            right=Side("nothing", 0.0),
        ),
        code=(
            "constructions.memorizers.memorizer.robust_memorizer",
            "constructions.certificates.any_network.certify",
        ),
        source="Corollary 3.4",
    ),
    Statement(
        id="corollary-3.4-i",
        title="no adversarial training error",
        section="3.2",
        kind="corollary",
        printed="L_S^{adv,δ}(f̂) = o(1), in no stated limit.",
        verdict="checked",
        sharper=(
            "L_S^{adv,δ}(f̂) = 0, which is o(1) in every limit, for the network of Theorem 3.3 with 0 < γ ≤ R - 2δ and "
            "its count. y_i f̂ ≥ 1 on B_p(x_i, δ) for i in S_small. Wider shells can reach into balls of the other "
            "label: with γ = 5(R - 2δ) half of a sample can be errors."
        ),
        hypotheses=(
            "0 < γ ≤ R - 2δ, R for the sample",
            "min over B_p(x_i, δ) of y_i f_clean > 0 on S_large",
            "R, δ and p are fixed in the Õ of the count",
        ),
        uses=("theorem-3.3", "definition-adversarial-error", "definition-sample-split", "assumption-separation"),
        code=(
            "constructions.memorizers.memorizer.robust_memorizer",
            "constructions.certificates.any_network.certify",
        ),
        source="Corollary 3.4, first item",
    ),
    Statement(
        id="corollary-3.4-ii",
        title="no clean error",
        section="3.2",
        kind="corollary",
        printed="L_D^clean(f̂) = o(1), in no stated limit.",
        verdict="checked",
        sharper=(
            "L_D^clean(f̂) = 0, which is o(1) in every limit, for the network of Theorem 3.3 with 0 < γ ≤ R - 2δ; for "
            "any f_clean, f̂ is right wherever f_clean is. Shells wider than R - δ can reach data of the other label: "
            "with γ = 4(R - δ) the clean error can be ½."
        ),
        hypotheses=("δ + γ ≤ R, R for the population", "L_D^clean(f_clean) = 0"),
        uses=("theorem-3.3", "definition-clean-error", "assumption-clean-classifier", "assumption-separation"),
        code=("constructions.memorizers.memorizer.robust_memorizer",),
        source="Corollary 3.4, second item",
    ),
    Statement(
        id="corollary-3.4-iii",
        title="hardly more robust than f_clean",
        section="3.2",
        kind="corollary",
        printed="L_D^{adv,δ}(f̂) = Ω(L_D^{adv,δ}(f_clean)).",
        verdict="repaired",
        fails=(
            "Nothing bounds the number of memorized points: for D uniform on S item (i) makes the left side 0, while "
            "the right side is μ > 0."
        ),
        repaired=(
            "L_D^{adv,δ}(f̂) ≥ P(x ∈ X_small, dist_p(x, S_small) ≥ 2δ+γ) ≥ μ - n s, s = sup_z D(X_small ∩ B_p(z, "
            "2δ+γ)); for a density ≤ κ on X_small the ratio to μ is at least ½ while n ≤ μ / (2κ V_{d,p} (2δ+γ)^d), "
            "with V_{d,p} = vol B_p(0, 1). For N independent draws and q ≤ s the mean over x in X_small of D(X_small ∩ "
            "B_p(x, 2δ+γ)) its expectation is ≥ (1 - q)^N, at least ½ while N ≤ ln ½ / ln(1 - q). For D uniform on S "
            "the printed item excludes item (i)."
        ),
        formulas=formulas.COROLLARY_3_4_III,
        hypotheses=(
            "μ and X_small by the minimum over the closed ball",
            "for N draws: S_small is S ∩ X_small; if it is larger, q is the mean of D(B_p(x, 2δ+γ)), and not q ≤ s",
        ),
        uses=("theorem-3.3", "definition-adversarial-error", "definition-margin-split", "proposition-3.2-iii"),
        witness=Witness(
            "theory.witnesses.ideal_classifier.memorized_population",
            {"radius": 0.25},
            left=Side("L_D^{adv,δ} of any f̂ that is robust on S, for D uniform on S", "error_of_f_adv"),
            relation=">",
            right=Side("nothing", 0.0),
        ),
        code=(
            "constructions.memorizers.memorizer.robust_memorizer",
            "theory.generalization.robust_ratio.ratio_bound",
            "theory.generalization.robust_ratio.log_threshold",
            "theory.generalization.robust_ratio.expected_ratio_bound",
        ),
        source="Corollary 3.4, third item",
    ),
    Statement(
        id="definition-balanced",
        title="μ_0-balanced distribution",
        section="3.2",
        kind="definition",
        printed=(
            "D(E) ≥ μ_0 m_0(E) for every Lebesgue-measurable E, where m_0 is the uniform probability on the support X."
        ),
        verdict="checked",
        hypotheses=("X has positive, finite Lebesgue measure",),
        code=("theory.sizes.hard_distribution.HardDistribution.balance",),
        source="Theorem 3.5, last sentence",
    ),
    Statement(
        id="theorem-3.5",
        title="robust classification needs exponential size",
        section="3.2",
        kind="theorem",
        printed=(
            "For small ε in (0, 1) there are N_d = exp(Ω(d)) and a universal C_1 > 0 such that for every c in (0, 1) "
            "some μ_0-balanced D that meets all assumptions has L_D^{adv,cε}(f) ≥ C_1 μ_0 for every ReLU network f "
            "with at most N_d parameters, for any R > 2δ."
        ),
        verdict="repaired",
        fails=(
            "“For any R > 2δ” includes R ≥ d^{1/p}: no two points of the cube are so far apart, so D has one class, "
            "and a constant classifier, one parameter, has no robust error, however small ε is."
        ),
        repaired=(
            "Let m ≥ 2, 0 < α < ½, and let K words c_k ∈ {0, …, m-1}^{d-1} differ pairwise in at least b places, "
            "with 0 < δ < b^{1/p}/(2(m-1)): all words for b = 1, K = m^{d-1}, so ε = 1/(2(m-1)) ≤ ½; for any b there "
            "are K ≥ m^{d-1} / Σ_{k<b} C(d-1, k) (m-1)^k of them. For small η put s = (1-2η)/(m-1), R = b^{1/p}(s - "
            "3η) > 2δ, and pick τ > η with τ + dη ≤ δ and τ + η ≤ ½. At each u_k = η + s c_k stands a cube of "
            "half-width η with centre (u_k, ½ + τ y_k) and label y_k. Classes are more than R apart, f_clean(x) = "
            "x_d - ½ has 2 nonzeros and no error, and f robust on a cube at radius δ has sign y_k at (u_k, ½). For "
            "every W ≤ K with W log2(2e(W+d)) + W + ½W(W+1) log2(2eK) < (1 - h(α)) K, h the binary entropy, all "
            "labellings y but a fraction of at most 2^{G - (1-h(α))K}, G the left side, force L_D^{adv,δ}(f) > α μ_0 "
            "for every ReLU network f with at most W nonzeros and every μ_0-balanced D on the cubes. N_d is the "
            "largest such W, about m^{(d-1)/2} / polylog for b = 1, where Li et al. (2022) have the exponent "
            "(d-1)/6. At p = 2, m = 2, α = ¼, words with b = 87 at d = 784 allow δ < 4.66 and N_d ≥ 2^193, with b = "
            "153 at d = 3072 δ < 6.18 and N_d ≥ 2^1095. The power √K is the best for all δ: at p = 2 and δ ≤ "
            "s/(11K√d) networks of Õ(√K + d) parameters are robust on all cubes (Kim, Moon and Yun 2025). Here μ = "
            "1; a further cube makes μ < 1 and the bound α μ_0 K/(K+1). If δ < ½, its centre is (u_1, ½ + y_1(½ - η)) "
            "and its label y_1. For any δ, if 2b < d, its centre is (η, …, η, 1 - η) and its label +1, over the words "
            "whose letters have a sum of at least ½(m-1)(d-1), in the code or in that of the reflections m-1-c_k: at "
            "least half of the words; then f_clean(x) = x_d - ½ + a σ(θ - Σ_{j<d} x_j) for some a and θ, with d + 5 "
            "nonzeros. With the R of the data and ε < ½ the printed form holds, by m = 2, with one N_d for every c."
        ),
        formulas=formulas.THEOREM_3_5,
        hypotheses=(
            "m ≥ 2, d ≥ 2, 1 ≤ b < d",
            "0 < η < τ, τ + η ≤ ½, τ + dη ≤ δ, b^{1/p}((1-2η)/(m-1) - 3η) > 2δ",
            "W ≤ K",
        ),
        uses=(
            "definition-balanced",
            "definition-relu-network",
            "definition-adversarial-error",
            "assumption-separation",
            "assumption-clean-classifier",
        ),
        witness=Witness(
            "theory.witnesses.sizes.one_class_only",
            {"eps": 0.001, "c": 0.5, "dim": 10, "p": 2.0},
            left=Side("robust error of a constant classifier, at least C_1 μ_0", "robust_error"),
            relation=">",
            right=Side("nothing", 0.0),
        ),
        code=(
            "theory.sizes.hard_distribution.hard_distribution",
            "theory.sizes.codes.gilbert_varshamov",
            "theory.sizes.codes.heavier_half",
            "theory.sizes.growth.growth_bound",
            "theory.sizes.growth.labelling_failure",
            "theory.sizes.growth.robust_size_bound",
        ),
        source="Theorem 3.5",
    ),
    Statement(
        id="complexity-ordering",
        title="clean < robust memorization < robust",
        section="3.2",
        kind="claim",
        printed=(
            "In number of parameters: clean classifier, poly(d) < robust memorization, Õ(μNd + poly(d)) < robust, "
            "exp(Ω(d))."
        ),
        verdict="repaired",
        fails=(
            "The sizes are bounds and not the least sizes, and strict inequality can fail: a smallest clean "
            "classifier may be robust already, and then all three are the same number."
        ),
        repaired=(
            "The least sizes of networks with L_D^clean = 0, with also L_S^{adv,δ} = 0, and with L_D^{adv,δ} = 0 "
            "always stand in this order with ≤. On the distributions of Theorem 3.5 the second < holds while the "
            "count of Theorem 3.3 is at most N_d, about n d ≤ m^{(d-1)/2}; no gap is left when S meets every cube, "
            "for then every robust memorizer exceeds N_d too. The first < is an equality when a smallest clean "
            "classifier is robust on S."
        ),
        formulas=formulas.COMPLEXITY_ORDERING,
        hypotheses=("one sense of size for the three", "S drawn from D, almost surely"),
        uses=("theorem-3.3", "corollary-3.4", "theorem-3.5"),
        witness=Witness(
            "theory.witnesses.sizes.equal_sizes",
            {},
            left=Side("non-zeros of a smallest clean classifier", "classifier.nonzero"),
            relation="<",
            right=Side("non-zeros of a robust one, the same", "classifier.nonzero"),
        ),
        code=(
            "theory.sizes.growth.size_bound_bracket",
            "theory.sizes.growth.robust_size_bound",
            "constructions.comparison.counts.parameter_report",
        ),
        source="section 3.2, inequality after Theorem 3.5",
    ),
)
