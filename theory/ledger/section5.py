"""Section 5: adversarial training on linearly separable data. `D_0 = d - 1` is the dimension of the noise."""

from theory.ledger import formulas
from theory.ledger.statement import Statement
from theory.ledger.witness import Side, Witness

STATEMENTS = (
    Statement(
        id="assumption-linear-data",
        title="linearly separable data with noise",
        section="5",
        kind="assumption",
        printed=(
            "x = c y w* + ξ with ‖w*‖_2 = 1, c = α (large margin) or β ≪ α (small), and ξ ~ N(0, I - w* w*ᵀ). "
            "f_clean(x) = w*·x has no clean error and is not robust on small-margin data."
        ),
        verdict="checked",
        hypotheses=("0 < β < δ < α: dist_2(x, DB(f_clean)) = c", "d ≥ 2"),
        uses=("definition-margin-split",),
        code=("empirics.gaussian.samples.LinearData",),
        source="section 5, second and third paragraphs",
    ),
    Statement(
        id="claim-linear-data-separation",
        title="noise separates the small-margin data",
        section="5",
        kind="claim",
        printed=(
            "In high dimension the noise makes small-margin data well separated, so the data are of the kind of "
            "section 3."
        ),
        verdict="repaired",
        fails=(
            "Separation holds for the sample and in a stated probability only: the noise is unbounded, so that the "
            "support is not in a cube, and classes of the population are 2β < 2δ apart."
        ),
        repaired=(
            "The sample is separated: with probability at least 1 - N(N-1)/2 · e^{-t}, all pairs are at least √(2D_0 "
            "- 4√(D_0 t)) apart in l_2, whatever their labels. The population is not: it is unbounded, and its "
            "classes are 2β < 2δ apart."
        ),
        formulas=formulas.LINEAR_DATA_SEPARATION,
        hypotheses=("the N noise vectors are independent", "0 < t ≤ D_0/4"),
        uses=("assumption-linear-data", "assumption-separation"),
        witness=Witness(
            "theory.witnesses.noise.twins_of_the_population",
            {"dim": 1000, "beta": 0.1, "radius": 0.5},
            left=Side("distance of two points with opposite labels", "distance"),
            relation=">",
            right=Side("2δ", "diameter"),
        ),
        code=("theory.gaussian.laws.separation_bound",),
        source="section 5, third paragraph",
    ),
    Statement(
        id="definition-mixed-model",
        title="linear part and ReLU neurons",
        section="5",
        kind="definition",
        printed="f(x) = w_0·x + Σ_{i ≤ m} a_i σ(w_i·x - b), trained in θ = (w_0, …, w_m).",
        verdict="checked",
        code=("theory.gaussian.mixed_model.MixedModel",),
        source="section 5, fourth paragraph",
    ),
    Statement(
        id="definition-exponential-loss",
        title="adversarial exponential loss",
        section="5",
        kind="definition",
        printed="(1/N) Σ_i max over ‖ζ‖_2 ≤ δ of exp(-y_i f(x_i + ζ)).",
        verdict="checked",
        code=(
            "theory.setting.losses.exponential_loss",
            "empirics.gaussian.tensors.loss_gradients",
        ),
        source="section 5, fifth paragraph",
    ),
    Statement(
        id="theorem-5.1",
        title="FGSM on the linear part finds w*",
        section="5",
        kind="theorem",
        printed=(
            "FGSM on S_large for w_0 alone, started at 0: with high probability the limit of ‖w_0^k/‖w_0^k‖ - w*‖ is "
            "o(1), in no stated regime of N, d, α, δ."
        ),
        verdict="repaired",
        fails=(
            "No regime is named. With few points in a high dimension the max-margin direction follows the noise and "
            "is nearly orthogonal to w*."
        ),
        repaired=(
            "With n_l = |S_large|, û its l_2 max-margin direction and s* = max over unit u ⊥ w* of min_i y_i⟨ξ_i, u⟩: "
            "the margin of û is γ = √(α² + max(s*, 0)²), and tan ∠(û, w*) = max(s*, 0)/α exactly. For δ < γ, steps w "
            "← w - η∇ log L, L the adversarial loss, and R the length of the longest point: ‖w_0^k/‖w_0^k‖ - û‖² ≤ "
            "2(ln n_l + η(R+δ)²/2)(1 + ln k)/(η(γ-δ)² k) for every k ≥ 1, so the rate is Õ(1/√k), as Li, Fang, Xu, "
            "Zhao (2020) have it for theirs; constant steps turn like 1/log k (Soudry et al. 2018, clean data). Hence "
            "tan ∠(û, w*) ≤ (√D_0 + t)/(α √n_l) with probability at least 1 - e^{-t²/2}. By Gordon's comparison, for "
            "all c ≥ 0 and r > 0, P(s* ≥ c) ≤ e^{-r²/2} E e^{r‖h‖} E e^{-r p(g + c1)}, g of n_l and h of D_0 "
            "independent normal entries, p(v) = max of λ·v over unit vectors λ ≥ 0: at D_0 = 40 and n_l = 70 s* is "
            "at most 0.296 but for 5 %, where the bound before it says 1.05. And û = w* exactly with probability 1 - "
            "2^{-(n_l-1)} Σ_{k<D_0} C(n_l-1, k) (Wendel), so at least 1 - exp(-(n_l-1)(1 - 2(D_0-1)/(n_l-1))²/2) for "
            "n_l - 1 > 2(D_0-1). The printed form fails as D_0/n_l → ∞ at fixed α: the angle tends to 90°."
        ),
        formulas=formulas.THEOREM_5_1,
        hypotheses=(
            "0 ≤ δ < √(α² + max(s*, 0)²), for which δ < α is enough",
            "gradient descent from 0 on the adversarial exponential loss; the first step is the plain gradient, for "
            "FGSM has no direction at 0",
            "the points of S_large are independent",
        ),
        uses=("assumption-linear-data", "definition-mixed-model", "definition-exponential-loss"),
        witness=Witness(
            "theory.witnesses.noise.direction_lost_in_noise",
            {"dim": 2000, "n_large": 20, "alpha": 1.0},
            left=Side("‖û - w*‖, which is o(1)", "distance"),
            relation="<",
            right=Side("say", 0.5),
        ),
        code=(
            "theory.gaussian.max_margin.max_margin_direction",
            "theory.gaussian.max_margin.noise_margin",
            "theory.gaussian.max_margin.angle_bounds",
            "theory.gaussian.margin_tail.angle_quantile",
            "theory.gaussian.convergence.direction_error_bound",
            "theory.gaussian.max_margin.wendel_probability",
            "empirics.gaussian.fgsm.train_linear",
        ),
        source="Theorem 5.1",
    ),
    Statement(
        id="claim-small-margin-transfer",
        title="clean accuracy carries over to small-margin data",
        section="5",
        kind="claim",
        printed=(
            "By Theorem 5.1, high clean accuracy on large-margin data implies good clean accuracy on small-margin data."
        ),
        verdict="repaired",
        fails=(
            "A small angle is small against α and not against β: for β ≪ tan θ ≪ α the error on large-margin data is "
            "nearly 0 and on small-margin data nearly ½."
        ),
        repaired=(
            "A linear classifier at angle 0 < θ < 90° from w* has clean error Φ(-c cot θ) on data of scale c, so that "
            "Φ(-α cot θ) ≈ 0 goes with Φ(-β cot θ) ≈ ½ for β ≪ tan θ ≪ α. The error on small-margin data is at most η "
            "≤ ½ iff tan θ ≤ β / Φ^{-1}(1-η); n_l ≥ ((√D_0 + t) Φ^{-1}(1-η) / (αβ))² suffices with probability at "
            "least 1 - e^{-t²/2}."
        ),
        formulas=formulas.SMALL_MARGIN_TRANSFER,
        hypotheses=("those of theorem-5.1", "fresh data"),
        uses=("theorem-5.1", "definition-clean-error"),
        witness=Witness(
            "theory.witnesses.noise.accuracy_lost_at_small_margin",
            {"alpha": 8.0, "beta": 0.08},
            left=Side("clean error on small-margin data at this angle", "small_error"),
            relation="<=",
            right=Side("a good one, say", 0.1),
        ),
        code=(
            "theory.gaussian.laws.linear_clean_error",
            "theory.gaussian.laws.transfer_sample_size",
        ),
        source="section 5, after Theorem 5.1",
    ),
    Statement(
        id="theorem-5.2",
        title="the mixed model memorizes robustly",
        section="5",
        kind="theorem",
        printed=(
            "A modified adversarial training algorithm, not described, on all of S drives the adversarial 0-1 "
            "training error to 0 with high probability."
        ),
        verdict="repaired",
        fails=(
            "The algorithm is not described and neither are N, d, β, δ and b: under no conditions on them there is "
            "nothing to check."
        ),
        repaired=(
            "f*(x) = w*·x + Σ over S_small of y_i σ(ξ_i·x - b) has adversarial training error 0 if δ < α, b ≥ ⟨ξ_j, "
            "x_i⟩ + δ‖ξ_j‖ for all j in S_small and i ≠ j, and β + ‖ξ_i‖² - b > δ√(1 + ‖ξ_i‖²) for all i in S_small. "
            "With A = √D_0 + √(2t), a = √(D_0 - 2√(D_0 t)) and n = |S_small|, both hold with probability at least 1 - "
            "n(N+1)e^{-t} if A(√(2t) + δ) ≤ b < β + a² - δ√(1 + a²) and δ ≤ 2√(1 + a²); b = D_0/2 and any δ < "
            "(1-c)√D_0/2 meet this once D_0 is large against log N. Wrong neurons need not be off: with a ≤ ‖ξ_i‖ ≤ M, "
            "c ≥ |⟨ξ_j, ξ_i⟩|, λ the largest eigenvalue of the Gram matrix of the small-margin noise and Λ_k = k "
            "min(λ, M² + (k-1)c) the error is 0 too if α + k(b - c) > δ√(1 + Λ_k) for 0 ≤ k ≤ n and β + a² - b + k(b - "
            "c) > δ√(1 + Λ_{k+1}) for 0 ≤ k < n; so b = D_0/4 reaches any δ < (1-c)√(D_0/2), half the separation of "
            "the noise, but with α of the order of D_0. Any network of the form has at (x, y) the sound bound min over "
            "‖ζ‖_2 ≤ δ of y f(x+ζ) ≥ y w_0·x - δ‖w_0‖ + Σ_{a_j y > 0} |a_j| σ(w_j·x - δ‖w_j‖ - b) - Σ_{a_j y < 0} "
            "|a_j| σ(w_j·x + δ‖w_j‖ - b). Algorithm: w_0 on S_large, normalised, frozen; then one neuron a point of "
            "S_small, a_i = y_i, from 1.2 b x_i/‖x_i‖², trained on its own point, the radius rising from 0 to δ, ‖w_i‖ "
            "≤ √d. That it gets there is measured, and certified run by run; it starts at the points, so it shows that "
            "the state can be reached."
        ),
        formulas=formulas.THEOREM_5_2,
        hypotheses=("0 < t < D_0/4", "the noise vectors are independent", "δ < α"),
        uses=(
            "assumption-linear-data",
            "definition-mixed-model",
            "definition-exponential-loss",
            "definition-adversarial-error",
            "theorem-5.1",
        ),
        witness=Witness(
            "theory.witnesses.mixed_model.zero_in_a_ball",
            {"radius": 1.0, "alpha": 4.0, "beta": 0.1},
            left=Side("least adversarial training error of any parameters", "least_error"),
            relation="=",
            right=Side("no error", 0.0),
        ),
        code=(
            "theory.gaussian.mixed_model.target_model",
            "theory.gaussian.target_conditions.target_conditions",
            "theory.gaussian.overlap.overlap_conditions",
            "theory.gaussian.mixed_model.margin_certificate",
            "empirics.gaussian.stages.train_in_stages",
        ),
        source="Theorem 5.2",
    ),
    Statement(
        id="claim-linear-limit",
        title="the limit is the function of section 3",
        section="5",
        kind="claim",
        printed=(
            "By Theorems 5.1 and 5.2 adversarial training converges to f* up to scale, and f* is exactly the robust "
            "memorization function of section 3."
        ),
        verdict="refuted",
        fails=(
            "The two theorems give a direction and a training error, not a function; and f* is not f_adv: its neurons"
            " act on half-spaces and not on balls."
        ),
        repaired=(
            "The two theorems give the direction of w_0 and a training error of 0, not the function. f* is not f_adv: "
            "its neurons act on half-spaces ξ_i·x > b and not on balls, and its value at x_i is not y_i. Under the "
            "conditions of Theorem 5.2 f* and f_adv have the same sign on every ball B_2(x_i, δ) of the sample, and "
            "f* = w*·x wherever every neuron is off. Which function joint training finds is measured."
        ),
        hypotheses=("those of theorem-5.2", "different labels of the sample more than 2δ apart"),
        uses=("theorem-5.1", "theorem-5.2", "definition-f-adv", "conjecture-robust-memorization"),
        witness=Witness(
            "theory.witnesses.mixed_model.half_space_of_a_neuron",
            {"noise": 6.0},
            left=Side("sign of f* at a point", "signs.0"),
            relation="=",
            right=Side("sign of f_adv there", "signs.1"),
        ),
        code=(
            "theory.gaussian.mixed_model.target_model",
            "theory.setting.ideal.IdealClassifier",
            "empirics.gaussian.joint.train_jointly",
        ),
        source="section 5, last paragraph; section 1",
    ),
)
