"""Section 6: generalization."""

from theory.ledger import formulas
from theory.ledger.statement import Statement
from theory.ledger.witness import Side, Witness

STATEMENTS = (
    Statement(
        id="claim-standard-bound",
        title="the standard generalization bound",
        section="6",
        kind="claim",
        printed=(
            "With high probability L_D^clean(f) ≤ L_S^clean(f) + √(Complexity(F)/N), with the VC dimension or the "
            "Rademacher complexity of F as complexity."
        ),
        verdict="repaired",
        fails=(
            "A Rademacher complexity, as a mean over the sample, is of order N^{-1/2} by itself. Put under the root "
            "with N once more the bound is of order N^{-3/4}, which a class of two constants exceeds."
        ),
        repaired=(
            "With probability at least 1 - Δ, for all f in F at once, |L_D^clean(f) - L_S^clean(f)| ≤ √((8/N)(v "
            "ln(2eN/v) + ln(4/Δ))), v the VC dimension of {sgn f ≠ y : f ∈ F}. A Rademacher complexity that is "
            "normalised, E sup_f (1/N) Σ_i σ_i f(x_i), enters by itself, not as √(·/N); the sum without 1/N may stand "
            "there, up to constants, where it gives a larger bound, of order N^{-1/4} for two constants."
        ),
        formulas=formulas.STANDARD_BOUND,
        hypotheses=("S is i.i.d. from D", "N ≥ v ≥ 1", "0 < Δ < 1"),
        uses=("definition-clean-error",),
        witness=Witness(
            "theory.witnesses.sample_size.rademacher_failure",
            {"constant": 1.0, "failure": 0.25},
            left=Side("probability that the gap exceeds the bound", "probability"),
            relation="<=",
            right=Side("Δ", 0.25),
        ),
        code=("theory.generalization.vc.uniform_bound",),
        source="section 6, first formula",
    ),
    Statement(
        id="claim-capacity",
        title="robust training makes the standard bound void",
        section="6",
        kind="claim",
        printed=(
            "For a class that reaches robust training error 0 one has to set Complexity(F) = O(Nd), by Corollary 3.4 "
            "and the VC dimension of ReLU networks (Bartlett et al. 2019), so the standard bound is too loose."
        ),
        verdict="repaired",
        fails=(
            "The factor d is not needed, and fitting one labelling needs no capacity at all: the class of f̂ alone "
            "fits it."
        ),
        repaired=(
            "If F fits every labelling of some N points, robustly or not, its VC dimension is at least N and the "
            "printed bound at least 1: the factor d is not needed. For one labelling no capacity is needed: F = {f̂}. "
            "Corollary 3.4 bounds from above: W parameters in L layers have VC dimension O(W L log W)."
        ),
        hypotheses=("the N points are distinct",),
        uses=("claim-standard-bound", "corollary-3.4"),
        witness=Witness(
            "theory.witnesses.sizes.one_labelling",
            {},
            left=Side("VC dimension of a class that reaches robust training error 0", "shattered"),
            relation=">",
            right=Side("nothing", 0.0),
        ),
        code=(
            "theory.generalization.vc.relu_vc_dimension_bound",
            "theory.generalization.vc.uniform_bound",
        ),
        source="section 6, before 6.1",
    ),
    Statement(
        id="assumption-6.1",
        title="small-margin data are no harder",
        section="6.1",
        kind="assumption",
        printed=(
            "L^clean on the small-margin part of D is O(L^clean on the large-margin part), for every classifier that "
            "adversarial training puts out."
        ),
        verdict="repaired",
        fails=(
            "For one distribution and one classifier with L_large > 0 some constant does always, so that the O "
            "without one says nothing."
        ),
        repaired=(
            "L_small^clean(f) ≤ C L_large^clean(f) with a stated C ≥ 0, hence L_D^clean(f) ≤ (1 - μ + μC) "
            "L_large^clean(f): for one D and one f with L_large > 0 the printed O holds always and says nothing. f̂ "
            "of Corollary 3.4 meets it with C = 0."
        ),
        formulas=formulas.ASSUMPTION_6_1,
        uses=("definition-margin-split", "definition-clean-error", "corollary-3.4"),
        witness=Witness(
            "theory.witnesses.sample_size.transfer_failure",
            {"constant": 1000.0, "alpha": 2.0, "beta": 0.5},
            left=Side("ln of the least C of a linear classifier at this angle", "log_needed"),
            relation="<=",
            right=Side("ln of the stated C", "log_constant"),
        ),
        code=(
            "theory.generalization.transfer.transfer_constant",
            "theory.generalization.transfer.transfer_bound",
        ),
        source="Assumption 6.1",
    ),
    Statement(
        id="assumption-6.1-verification",
        title="section 5 verifies Assumption 6.1",
        section="6.1",
        kind="claim",
        printed="Section 5 verifies Assumption 6.1 in theory.",
        verdict="repaired",
        fails=(
            "At an angle θ the least constant is Φ(-β cot θ)/Φ(-α cot θ), which exceeds any C when θ is small: an "
            "angle o(1), as in section 5, gives no constant."
        ),
        repaired=(
            "For w_0 at angle θ from w* the least C is Φ(-β cot θ)/Φ(-α cot θ), which tends to ∞ as θ → 0: an angle "
            "o(1) gives no C. For θ = 0 exactly both errors are 0, which Theorem 5.1 gives with Wendel's probability."
        ),
        formulas=formulas.ASSUMPTION_6_1_VERIFICATION,
        hypotheses=("β < α", "0 < θ < 90°"),
        uses=("assumption-6.1", "theorem-5.1", "claim-small-margin-transfer"),
        witness=Witness(
            "theory.witnesses.sample_size.transfer_failure",
            {"constant": 1000.0, "alpha": 2.0, "beta": 0.5},
            left=Side("ln of the least C at this angle", "log_needed"),
            relation="<=",
            right=Side("ln of the stated C", "log_constant"),
        ),
        code=("theory.generalization.transfer.log_linear_transfer_constant",),
        source="section 6.1, after Assumption 6.1",
    ),
    Statement(
        id="assumption-6.1-remark",
        title="homogeneous classifiers meet Assumption 6.1",
        section="6.1",
        kind="claim",
        printed="Assumption 6.1 holds for every homogeneous classifier when small-margin data have a small norm.",
        verdict="repaired",
        fails=(
            "A homogeneous classifier is decided by directions and not by norms: small-margin data of small norm in "
            "other directions than the large-margin data may all be wrong."
        ),
        repaired=(
            "If (x/‖x‖, y) has the same law on both parts of D and f(tx) = t^k f(x) for t > 0, the two clean errors "
            "are equal (C = 1). A small norm is neither enough nor needed: the directions decide."
        ),
        hypotheses=("k > 0", "x ≠ 0 almost surely"),
        uses=("assumption-6.1",),
        witness=Witness(
            "theory.witnesses.sample_size.other_directions",
            {"radius": 0.125, "scale": 0.0625},
            left=Side("L_small of a homogeneous classifier", "small_error"),
            relation="<=",
            right=Side("C L_large, for every C", "large_error"),
        ),
        code=("theory.generalization.transfer.transfer_constant",),
        source="section 6.1, after Assumption 6.1",
    ),
    Statement(
        id="theorem-6.2",
        title="clean generalization",
        section="6.1",
        kind="theorem",
        printed=(
            "Under the assumptions of section 3 and Assumption 6.1 some adversarial training algorithm puts out f̂ "
            "with L_S^{adv,δ}(f̂) = 0 and, with high probability, L_D^{adv,δ}(f̂) ≲ L_S^clean(f̂) + √(poly(d)/N)."
        ),
        verdict="refuted",
        fails=(
            "On random labels of K cubes whoever has seen N of them guesses the others: the robust error stays near ½"
            " while the printed right side falls with N = poly(d). With the clean error on the left, perhaps meant, "
            "it holds."
        ),
        repaired=(
            "On the distributions of Theorem 3.5, uniform on the K = m^{d-1} cubes and with labels drawn at random, "
            "every algorithm has E L_D^{adv,δ} ≥ ½(1 - 1/K)^N ≥ ½(1 - N/K), times μ with a large-margin part, while "
            "the printed right side tends to 0 for N = poly(d). With L_D^clean on the left, as the title, the next "
            "sentence and the introduction have it, the theorem holds, and without Assumption 6.1: if f_clean from a "
            "class of VC dimension v fits S, the network f̂ of Corollary 3.4 has L_S^{adv,δ}(f̂) = 0 and, with "
            "probability at least 1 - Δ, L_D^clean(f̂) ≤ L_D^clean(f_clean) ≤ (2/N)(v log2(2eN/v) + log2(2/Δ)), of "
            "order √(v/N) at most, v = poly(d) for networks of width O(d) and constant depth: what memorizes does not "
            "enter."
        ),
        formulas=formulas.THEOREM_6_2,
        hypotheses=(
            "S is i.i.d. from D, R the separation of the population",
            "0 < γ ≤ R - 2δ",
            "N ≥ v ≥ 1, 0 < Δ < 1",
            "S_small contains every i with min over B_p(x_i, δ) of y_i f_clean ≤ 0",
        ),
        uses=("theorem-3.5", "corollary-3.4", "assumption-6.1"),
        witness=Witness(
            "theory.witnesses.sample_size.polynomial_sample_failure",
            {"constant": 1.0, "degree": 2.0},
            left=Side("least robust error of any algorithm, surely but for exp(-K/32)", "left"),
            relation="<=",
            right=Side("C √(d^k / N)", "right"),
        ),
        code=(
            "theory.witnesses.sample_size.polynomial_sample_failure",
            "theory.generalization.vc.consistent_bound",
            "theory.generalization.vc.relu_vc_dimension_bound",
            "theory.sizes.hard_distribution.hard_distribution",
        ),
        source="Theorem 6.2",
    ),
    Statement(
        id="figure-3",
        title="local and global flatness, and the robust gap",
        section="6.1",
        kind="figure",
        printed=(
            "Adversarial training on CIFAR-10: global flatness grows much faster than local flatness, and the robust "
            "generalization gap grows with global flatness."
        ),
        verdict="observed",
        repaired=(
            "Measured, with confidence intervals over seeds: growth of the maximum gradient norm at the training "
            "radius on test and on train, and the correlation of its test average with the robust gap, on the levels "
            "and on the differences from epoch to epoch. Any two growing series correlate on the levels."
        ),
        hypotheses=("global flatness is estimated on held-out points",),
        uses=("definition-maximum-gradient-norm", "definition-adversarial-error"),
        code=(
            "empirics.images.experiments.figures2and3.measure_figure3",
            "empirics.images.verdicts.figures2and3.figure3",
            "theory.generalization.flatness.flatness",
        ),
        source="Figure 3; section 6.1, last paragraph",
    ),
    Statement(
        id="theorem-6.3",
        title="robust gap and global flatness",
        section="6.1",
        kind="theorem",
        printed=(
            "For D with a smooth density, with probability 1 - Δ: L_D^{adv,δ}(f) - L_S^{adv,δ}(f) ≲ N^{-1/(d+2)} (E "
            "max over ‖ξ‖_∞ ≤ δ of ‖∇_x L(f(x+ξ), y)‖_1 + C(D, L)/√Δ)."
        ),
        verdict="refuted",
        fails=(
            "A loss that is flat on small balls around the sample and 1 beyond keeps the gap near 1, while global "
            "flatness falls with δ^{d-1}: for N large and δ small the printed right side tends to 0."
        ),
        repaired=(
            "Loss 0 on the l_∞ balls of radius δ around the sample, 1 beyond 2δ, a ramp between, D with a density ≤ κ, "
            "such as a C^∞ one on the cube with κ = 2^d, d ≥ 2: gap ≥ 1 - κN(4δ)^d, flatness ≤ κN(6δ)^d/δ; with N "
            "large and then δ small the right side tends to 0. What holds, for every sample, with priors π_c, π̂_c, "
            "the laws D_c, S_c of x in class c, and l_∞ transport: gap ≤ G Σ_c π_c W_1(D_c, S_c) + T and gap ≤ h "
            "E_D[max over ‖ξ‖_∞ ≤ δ+h of ‖∇_x L(f(x+ξ), y)‖_1] + T, where G = sup ‖∇_x L(f(·), y)‖_1, h = max_c "
            "W_∞(D_c, S_c), T = ½ B Σ_c |π_c - π̂_c|. The flatness that counts is at radius δ + h. One bound contains "
            "both: gap ≤ Σ_c π_c OT_c + T, OT_c the least mean over couplings of D_c and S_c of the cost = min(B, t "
            "M(x, δ+t), t M(z, δ+t)) of a pair t = ‖x-z‖_∞ apart, M(x, r) = max over ‖ξ‖_∞ ≤ r of ‖∇_x L(f(x+ξ), "
            "y)‖_1. For D_c on [0, 1]^d and N_c points of class c, E W_1(D_c, S_c) ≤ min over J of 2^-J + Σ_{j≤J} "
            "2^-(j+1) √((2^{dj} - 1)/N_c), of order N_c^{-1/d} for d ≥ 3."
        ),
        formulas=formulas.THEOREM_6_3,
        hypotheses=(
            "0 ≤ L ≤ B, L(f(·), y) locally Lipschitz on R^d; maxima of the gradient over points of differentiability",
            "every class occurs in S",
        ),
        uses=("definition-maximum-gradient-norm",),
        witness=Witness(
            "theory.witnesses.flatness.flatness_failure",
            {"constant": 1.0, "distribution_constant": 1.0, "failure": 0.25},
            left=Side("robust gap", "left"),
            relation="<=",
            right=Side("C N^{-1/(d+2)} (flatness + C(D, L)/√Δ)", "right"),
        ),
        code=(
            "theory.generalization.robust_gap.lipschitz_gap_bound",
            "theory.generalization.robust_gap.flatness_gap_bound",
            "theory.generalization.pairwise_gap.transport_gap_bound",
            "theory.generalization.transport.expected_w1_bound",
        ),
        source="Theorem 6.3",
    ),
    Statement(
        id="proposition-6.4",
        title="lower bound of the robust loss by the gradient",
        section="6.1",
        kind="proposition",
        printed="For D with a smooth density, L_D^{adv,δ}(f) - L_D^clean(f) = Ω(δ E‖∇_x L(f(x), y)‖_1).",
        verdict="repaired",
        fails=(
            "No regime is named. At a fixed δ a loss that oscillates faster has a large gradient nearly everywhere, "
            "and no perturbation changes it by more than its small amplitude."
        ),
        repaired=(
            "L(x) = 1 + a sin(x/a), D on the line with any density, such as a C^∞ one: the left side is at most 2a, "
            "the right one tends to 2δ/π as a → 0. With l_∞ perturbations: (i) left side ≥ δ E‖∇L‖_1 for every δ if L "
            "is convex in x; (ii) ≥ δ E‖∇L‖_1 - βδ²/2 if ∇_x L is β-Lipschitz from l_∞ to l_1; (iii) what is printed, "
            "as δ → 0 for a fixed loss, and even that the ratio of the two sides tends to 1, if E‖∇L‖_1 > 0 and L is "
            "C¹, or is locally Lipschitz (a ReLU network) and D has a density."
        ),
        formulas=formulas.PROPOSITION_6_4,
        hypotheses=(
            "L_D^adv and L_D^clean are means of the loss L, not 0-1 errors, which f ↦ cf leaves as they are",
            "x in a compact set, L defined around it",
        ),
        uses=("definition-maximum-loss-change",),
        witness=Witness(
            "theory.witnesses.flatness.oscillating_loss",
            {"constant": 1.0, "radius": 0.125},
            left=Side("mean change of the loss", "left"),
            relation=">=",
            right=Side("c δ E‖∇L‖_1 for c = 1", "right"),
        ),
        code=("theory.generalization.flatness.loss_change_lower_bound",),
        source="Proposition 6.4",
    ),
)
