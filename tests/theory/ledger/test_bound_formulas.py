"""Every formula that the ledger quotes is the one that the code computes, and every formula is bound or listed."""

import re
from dataclasses import replace

import numpy as np
import pytest
import sympy

from theory.ledger.bound_formulas import compare, part
from theory.ledger.ledger import LEDGER, Formula, Statement, resolve
from theory.ledger.notation import read_formula

DRAWS = 12
BOUND = [(entry.id, formula) for entry in LEDGER.values() for formula in entry.formulas]
MUST_BE_BOUND = {
    "claim-small-margin-count", "proposition-3.2-iii", "theorem-3.3", "corollary-3.4-iii", "theorem-3.5",
    "complexity-ordering", "claim-linear-data-separation", "theorem-5.1", "claim-small-margin-transfer", "theorem-5.2",
    "claim-standard-bound", "assumption-6.1", "assumption-6.1-verification", "theorem-6.2", "theorem-6.3",
    "proposition-6.4",
}  # fmt: skip

GEOMETRY = (
    "hypotheses that HardDistribution checks in rational arithmetic, in tests/theory/sizes/test_hard_distribution.py"
)
EVENT = "an event or a distance, no bound; its probability is bounded by what follows, which is bound to code"
HYPOTHESIS = "a hypothesis on the separation, checked by robust_memorizer"
EXAMPLE = "a counterexample of tests/audit/test_corollary_3_4.py"
LIMIT = "a limit or an order of growth: no number is quoted"
RATIO = "½ follows from the counts that are bound, in test_the_ratio_is_a_half_at_the_thresholds"
MEASURED = "a threshold of a measurement in empirics"
CODES = "test_the_numbers_that_are_quoted_are_those_of_the_bound, in tests/audit/test_theorem_3_5_codes.py"
CORNER = "a construction, of tests/audit/test_theorem_3_5_corner.py"
PRINTED = "the printed bound, which is refused"

# What has numbers and is bound to no function, with the reason; it has to stand in the text word for word.
UNBOUND = {
    "table-1": {"54.2 points robust, 12.7 clean": "differences of the quoted accuracies"},
    "proposition-3.2-i": {"more than 2δ apart": EVENT},
    "proposition-3.2-iii": {
        "dist_p(x, S_small) > 2δ": EVENT,
        "at least ½ while": RATIO,
        "exponentially many when 2δ (κ V_{d,p})^{1/d} stays below 1, as for radii that grow like d^{1/p}": LIMIT,
        "D(X_small ∩ B_p(z, 2δ))": EVENT,
        "D(X_small ∩ B_p(x, 2δ))": EVENT,
        "more than 2δ apart if R ≥ 2δ": HYPOTHESIS,
    },
    "theorem-3.3": {
        "for p = 2": "a case",
        "for C ≥ 2 classes": "a case",
        "¼ of a small γ, costs 8d + 3": "test_one_more_tent_costs_as_is_said; ¼ by the m that is bound",
    },
    "corollary-3.4": {"0 < γ ≤ R - 2δ": HYPOTHESIS},
    "corollary-3.4-i": {"0 < γ ≤ R - 2δ": HYPOTHESIS, "γ = 5(R - 2δ)": EXAMPLE},
    "corollary-3.4-ii": {"0 < γ ≤ R - 2δ": HYPOTHESIS, "γ = 4(R - δ)": EXAMPLE, "can be ½": EXAMPLE},
    "corollary-3.4-iii": {
        "dist_p(x, S_small) ≥ 2δ+γ": EVENT,
        "at least ½ while": RATIO,
        "D(X_small ∩ B_p(z, 2δ+γ))": EVENT,
        "D(X_small ∩ B_p(x, 2δ+γ))": EVENT,
    },
    "theorem-3.5": {
        "Let m ≥ 2, 0 < α < ½": GEOMETRY,
        "/ polylog": LIMIT,
        "{0, …, m-1}^{d-1}": GEOMETRY,
        "0 < δ < b^{1/p}/(2(m-1))": GEOMETRY,
        "so ε = 1/(2(m-1)) ≤ ½": GEOMETRY,
        "s = (1-2η)/(m-1), R = b^{1/p}(s - 3η) > 2δ": GEOMETRY,
        "τ + η ≤ ½": GEOMETRY,
        "(u_k, ½ + τ y_k)": GEOMETRY,
        "the exponent (d-1)/6": "cited",
        "At p = 2, m = 2, α = ¼": CODES,
        "b = 87 at d = 784 allow δ < 4.66 and N_d ≥ 2^193": CODES,
        "b = 153 at d = 3072 δ < 6.18 and N_d ≥ 2^1095": CODES,
        "The power √K": "that of the bound, by test_the_powers_of_the_number_of_cubes_and_of_the_radius",
        "at p = 2 and δ ≤ s/(11K√d) networks of Õ(√K + d)": (
            "cited; the radius by test_the_powers_of_the_number_of_cubes_and_of_the_radius"
        ),
        "If δ < ½": GEOMETRY,
        "if 2b < d": CORNER,
        "a sum of at least ½(m-1)(d-1)": CORNER,
        "f_clean(x) = x_d - ½ + a σ(θ - Σ_{j<d} x_j)": CORNER,
        "d + 5 nonzeros": CORNER,
        "f_clean(x) = x_d - ½ has 2 nonzeros": GEOMETRY,
        "(u_k, ½)": GEOMETRY,
        "(u_1, ½ + y_1(½ - η))": GEOMETRY,
        "ε < ½ the printed form holds, by m = 2": "a case",
    },
    "figure-1": {"95 % intervals": MEASURED, "above 7": MEASURED},
    "figure-2": {"95 % intervals": MEASURED},
    "claim-linear-data-separation": {"2β < 2δ apart": EVENT},
    "definition-exponential-loss": {"exp(-y_i f(x_i + ζ))": "a definition, by theory.setting.losses.exponential_loss"},
    "theorem-5.1": {
        "η∇ log L": "the steps, by empirics.gaussian.fgsm.train_linear",
        "rate is Õ(1/√k)": LIMIT,
        "like 1/log k": LIMIT,
        "at D_0 = 40 and n_l = 70 s* is at most 0.296 but for 5 %": "by test_margin_tail.py, from angle_quantile",
        "says 1.05": "by the same test, from angle_bounds",
        "n_l - 1 > 2(D_0-1)": "hypothesis of exact_limit_bound, which checks it",
        "tends to 90°": LIMIT,
    },
    "claim-small-margin-transfer": {
        "0 < θ < 90°": "a hypothesis",
        "Φ(-α cot θ) ≈ 0 goes with Φ(-β cot θ) ≈ ½": LIMIT,
        "at most η ≤ ½": "a hypothesis of transfer_sample_size",
    },
    "theorem-5.2": {
        "δ√(1 + ‖ξ_i‖²)": "a vector condition, by target_conditions in tests/theory/gaussian/test_mixed_model.py",
        "δ ≤ 2√(1 + a²)": "a hypothesis of memorization_failure",
        "b = D_0/2 and any δ < (1-c)√D_0/2": LIMIT,
        "large against log N": LIMIT,
        "b = D_0/4": "the argument of overlap_radius, which is bound",
        "δ√(1 + Λ_{k+1})": "δ√(1 + Λ_k), which is bound, for another k",
        "1.2 b x_i/‖x_i‖²": "where the algorithm starts, a setting of empirics.gaussian.neurons.Recipe",
        "‖w_i‖ ≤ √d": "a setting of the algorithm",
    },
    "claim-standard-bound": {"√(·/N)": PRINTED, "of order N^{-1/4} for two constants": LIMIT},
    "claim-capacity": {"O(W L log W)": LIMIT},
    "theorem-6.2": {
        "K = m^{d-1}": "bound at theorem-3.5",
        "of order √(v/N) at most": "by test_with_clean_on_the_left_the_printed_form_holds, with its constant",
    },
    "theorem-6.3": {
        "1 beyond 2δ": "the witness's own loss, by memorizing_loss",
        "d ≥ 2": "a hypothesis of flatness_failure",
        "T = ½ B Σ_c |π_c - π̂_c|": "a sum over classes, by GapBound.class_term; test_the_class_term_is_the_quoted_one",
        "of order N_c^{-1/d} for d ≥ 3": LIMIT,
    },
}  # fmt: skip
REFERENCE = re.compile(
    r"\b(?:Theorems?|Propositions?|Corollary|Assumption|Figures?|figure|section) \d(?:\.\d)?(?: and \d\.\d)?"
    r"|\^\{adv,δ\}|(?<=[^\W\d_])_\{?\w+\}?|‖_[12∞]|\bl_[12]\b|\b(?:19|20)\d\d\b"
    r"|\b(?:claim|definition|theory)[\w.-]*"
)
QUANTITY = re.compile(r"[2-9½¼]|√|log|\bln\b|exp\(|Φ|\^\{|\be\^")


@pytest.mark.parametrize(("statement_id", "formula"), BOUND, ids=[f"{name}: {f.text}" for name, f in BOUND])
def test_a_quoted_formula_is_what_the_code_computes(statement_id: str, formula: Formula) -> None:
    rng = np.random.default_rng(0)
    for _ in range(DRAWS):
        found = compare(formula, resolve, rng)
        assert found.agrees, (statement_id, found)


NUMBERS = re.compile(r"(?<![_\w.])\d+(?:\.\d+)?|(?<=[A-Za-zμβδ(])\d+(?![\w.])|[½²]")


def changed_numbers(text: str) -> list[str]:
    """The text with one of its numbers changed in its last digit."""
    found = []
    for match in NUMBERS.finditer(text):
        old = match.group()
        new = {"½": "¼", "²": "³"}[old] if old in "½²" else old[:-1] + str((int(old[-1]) + 1) % 10)
        found.append(text[: match.start()] + new + text[match.end() :])
    return found


@pytest.mark.parametrize(("statement_id", "formula"), BOUND, ids=[f"{name}: {f.text}" for name, f in BOUND])
def test_each_number_of_a_formula_is_noticed(statement_id: str, formula: Formula) -> None:
    """A constant that is changed in the text alone: the comparison with the code fails."""
    for text in changed_numbers(formula.text):
        planted = replace(
            formula, text=text, names={text if key == formula.text else key: v for key, v in formula.names.items()}
        )
        try:
            rng = np.random.default_rng(0)
            agreed = all(compare(planted, resolve, rng).agrees for _ in range(DRAWS))
        except (ValueError, ZeroDivisionError, TypeError):
            agreed = False  # no number any more
        assert not agreed, (statement_id, text)


def test_the_planted_faults_are_many() -> None:
    assert sum(len(changed_numbers(formula.text)) for _, formula in BOUND) > 80
    assert changed_numbers("½(1 - 2.01a²)") == ["¼(1 - 2.01a²)", "½(2 - 2.01a²)", "½(1 - 2.02a²)", "½(1 - 2.01a³)"]


@pytest.mark.parametrize("number", ["2.01", "23"])
def test_a_changed_text_of_a_statement_is_refused(number: str) -> None:
    entry = LEDGER["theorem-3.3"]
    with pytest.raises(ValueError, match="each of its formulas in its text"):
        replace(entry, repaired=entry.repaired.replace(number, "9"))


# On which side of its relation what each function computes may stand; "equal": it is the quantity itself. Typed from
# the functions, not from the ledger.
SIDES = {
    ("theory.generalization.concentration.binomial_deviation", ""): "upper",
    ("theory.generalization.robust_ratio.ratio_bound", ""): "lower",
    ("theory.generalization.robust_ratio.expected_ratio_bound", ""): "lower",
    ("theory.generalization.robust_ratio.probable_ratio_bound", ""): "lower",
    ("theory.generalization.robust_ratio.log_ball_mass", ""): "upper",
    ("theory.generalization.robust_ratio.log_threshold", ""): "upper",
    ("theory.generalization.robust_ratio.log_sample_threshold", ""): "upper",
    ("theory.setting.volumes.log_ball_volume", ""): "equal",
    ("theory.setting.volumes.log_shell_volume", ""): "upper",
    ("theory.setting.volumes.shell_width", ""): "equal",
    ("theory.sizes.memorizer_size.network_count", ""): "upper",
    ("theory.sizes.memorizer_size.indicator_count", ""): "equal",
    ("theory.sizes.memorizer_size.level_bound", ""): "upper",
    ("theory.sizes.memorizer_size.tent_bound", ""): "equal",
    ("theory.sizes.memorizer_size.piece_bound", ""): "upper",
    ("theory.sizes.memorizer_size.power_ratio", ""): "equal",
    # The sizes that are excluded are those with growth_bound < pattern_room.
    ("theory.sizes.growth.growth_bound", ""): "lower",
    ("theory.sizes.growth.pattern_room", ""): "upper",
    ("theory.sizes.growth.labelling_failure", ""): "upper",
    ("theory.sizes.codes.gilbert_varshamov", ""): "lower",
    # The power of m itself, and n d below it.
    ("theory.sizes.growth.size_bound_bracket", "1"): "equal or upper",
    ("theory.gaussian.laws.separation_bound", "failure"): "upper",
    ("theory.gaussian.laws.separation_bound", "distance"): "lower",
    # The error at an angle, and the largest angle for an error.
    ("theory.gaussian.laws.linear_clean_error", ""): "equal or upper",
    ("theory.gaussian.laws.transfer_sample_size", ""): "lower",
    ("theory.gaussian.max_margin.limit_angle", ""): "equal",
    ("theory.gaussian.convergence.limit_margin", ""): "equal",
    ("theory.gaussian.convergence.direction_error_bound", ""): "upper",
    ("theory.gaussian.margin_tail.log_comparison", ""): "upper",
    ("theory.gaussian.max_margin.angle_bounds", "upper"): "upper",
    ("theory.gaussian.max_margin.angle_bounds", "failure"): "upper",
    ("theory.gaussian.max_margin.wendel_probability", ""): "equal",
    ("theory.gaussian.max_margin.exact_limit_bound", ""): "upper",
    ("theory.gaussian.target_conditions.noise_lengths", "0"): "equal",
    ("theory.gaussian.target_conditions.noise_lengths", "1"): "equal",
    ("theory.gaussian.target_conditions.failure_at", ""): "upper",
    ("theory.gaussian.target_conditions.threshold_range", "0"): "lower",
    ("theory.gaussian.target_conditions.threshold_range", "1"): "upper",
    # The conditions are gain > reach.
    ("theory.gaussian.overlap.joint_square", ""): "equal",
    ("theory.gaussian.overlap.large_gain", ""): "upper",
    ("theory.gaussian.overlap.small_gain", ""): "upper",
    ("theory.gaussian.overlap.joint_reach", ""): "lower",
    ("theory.gaussian.overlap.overlap_radius", ""): "upper",
    ("theory.generalization.vc.uniform_bound", ""): "upper",
    ("theory.generalization.vc.consistent_bound", ""): "upper",
    ("theory.generalization.transfer.transfer_bound", ""): "upper",
    ("theory.generalization.transfer.log_linear_transfer_constant", ""): "equal",
    ("theory.generalization.transport.expected_w1_bound", ""): "upper",
    ("theory.generalization.pairwise_gap.pair_cost", "0"): "equal",
    ("theory.generalization.flatness.loss_change_lower_bound", "0"): "lower",
    ("theory.witnesses.sample_size.unseen_error_bounds", "0"): "lower",
    ("theory.witnesses.sample_size.unseen_error_bounds", "1"): "lower",
    ("theory.witnesses.sample_size.polynomial_sample_failure", "mean"): "lower",
    ("theory.witnesses.flatness.flatness_failure", "density"): "equal",
    ("theory.witnesses.flatness.flatness_failure", "left"): "lower",
    ("theory.witnesses.flatness.flatness_failure", "flatness"): "upper",
    ("theory.witnesses.flatness.oscillating_loss", "left"): "upper",
    ("theory.witnesses.flatness.oscillating_loss", "right"): "equal",
}  # fmt: skip


def is_on_its_side(formula: Formula) -> bool:
    return formula.side in SIDES[formula.code, formula.part].split(" or ")


@pytest.mark.parametrize(("statement_id", "formula"), BOUND, ids=[f"{name}: {f.text}" for name, f in BOUND])
def test_a_formula_stands_on_the_side_of_its_function(statement_id: str, formula: Formula) -> None:
    assert is_on_its_side(formula), (statement_id, formula.relation, formula.side)


def test_the_sides_are_those_of_the_bound_functions() -> None:
    assert set(SIDES) == {(formula.code, formula.part) for _, formula in BOUND}


OPPOSITE = {"≤": "≥", "≥": "≤", "<": ">", ">": "<", "at most": "at least", "at least": "at most"}
TURN = re.compile("|".join(OPPOSITE))


def turned(text: str) -> str:
    return TURN.sub(lambda found: OPPOSITE[found.group()], text)


@pytest.mark.parametrize(
    ("statement_id", "formula"),
    [(name, formula) for name, formula in BOUND if TURN.search(formula.relation)],
    ids=lambda value: getattr(value, "text", value),
)
def test_a_relation_that_is_turned_is_noticed(statement_id: str, formula: Formula) -> None:
    """In the text alone the statement is refused; in the text and in its formula the side is wrong."""
    entry = LEDGER[statement_id]
    quoted, wrong = (relation.replace("…", formula.text) for relation in (formula.relation, turned(formula.relation)))
    assert quoted in entry.repaired
    with pytest.raises(ValueError, match="each of its formulas in its text"):
        replace(entry, repaired=entry.repaired.replace(quoted, wrong))
    assert not is_on_its_side(replace(formula, relation=turned(formula.relation)))


def test_only_what_is_named_equal_has_no_relation_to_turn() -> None:
    """So no inequality is left out of the test above."""
    without = [formula for _, formula in BOUND if not TURN.search(formula.relation)]
    assert {formula.relation for formula in without if formula.side != "equal"} == {"within … of μN with"}


@pytest.mark.parametrize(
    ("relation", "side"),
    [
        ("gap ≥ …", "lower"),
        ("at most …", "upper"),
        ("at least 1 - …", "upper"),
        ("at most 1 - …", "lower"),
        ("if … ≤ b", "lower"),
        ("and … >", "upper"),
        ("A = …", "equal"),
        ("A = … ≤", "equal"),
    ],
)
def test_a_relation_says_the_side(relation: str, side: str) -> None:
    assert Formula("2a", relation, "a.b", {}, {}).side == side


@pytest.mark.parametrize("relation", ["", "≤", "…", "gap …", "… ≤ …", "this …", "if … holds", "≤ 2…", "at least 2 - …"])
def test_a_relation_that_says_no_side_is_refused(relation: str) -> None:
    with pytest.raises(ValueError, match="'2a' needs"):
        Formula("2a", relation, "a.b", {}, {})


@pytest.mark.parametrize(
    "text", ["x ≤ 2a", "x ≤ 2a.", "so x ≤ 2a, y", "x ≤ 2a < b", "x ≤ 2a for all", "x ≤ 2a (Wendel)"]
)
def test_a_formula_with_a_boundary_stands_in_its_text(text: str) -> None:
    assert Formula("2a", "x ≤ …", "a.b", {}, {}).stands_in(text)


@pytest.mark.parametrize(
    "text",
    ["x ≤ 12a", "x ≤ ½2a", "x ≤ -2a", "x ≤ 1/2a", "x ≤ n · 2a", "x ≤ √2a", "x ≤ (2a)", "x ≤ 2^2a", "2x ≤ 2a", "(x ≤ 2a"]
    + [f"x ≤ 2a{tail}" for tail in ("b", "0", ".5", "²", "^2", "/3", "·N", "½", "(b)", "_1", "!", ")")]
    + [f"x ≤ 2a {tail}" for tail in ("+ b", "- b", "· N", "/ 3", "b", "√b", "½", "ln b", "(b + c)", "max(b)")]
    + ["x ≤ 2a, x ≤ 2a", "x ≥ 2a", "x = 2a", ""],
)  # fmt: skip
def test_a_formula_that_goes_on_or_has_another_relation_does_not(text: str) -> None:
    assert not Formula("2a", "x ≤ …", "a.b", {}, {}).stands_in(text)


@pytest.mark.parametrize(
    ("statement_id", "old", "new"),
    [
        ("proposition-6.4", "at most 2a", "at most 12a"),
        ("theorem-6.3", "flatness ≤ κN(6δ)^d/δ", "flatness ≤ κN(6δ)^d/δ·N"),
        ("theorem-6.3", "gap ≥ 1 - κN(4δ)^d", "gap ≤ 1 - κN(4δ)^d"),
        ("proposition-6.4", "≥ δ E‖∇L‖_1 for", "≥ d E‖∇L‖_1/δ for"),
        ("theorem-6.2", "½(1 - 1/K)^N", "K½(1 - 1/K)^N"),
    ],
)
def test_what_stands_around_a_formula_is_bound_too(statement_id: str, old: str, new: str) -> None:
    entry = LEDGER[statement_id]
    assert old in entry.repaired
    with pytest.raises(ValueError, match="each of its formulas in its text"):
        replace(entry, repaired=entry.repaired.replace(old, new))


def test_a_changed_function_is_noticed() -> None:
    (formula,) = LEDGER["claim-standard-bound"].formulas
    changed = lambda n, vc_dimension, failure: 1.0001 * resolve(formula.code)(n, vc_dimension, failure)  # noqa: E731
    assert not compare(formula, lambda name: changed, np.random.default_rng(0)).agrees


def unbound_quantities(entry: Statement) -> list[str]:
    """What is left of the numbers in a text when its formulas, the listed parts and references are taken out."""
    text = entry.strongest
    parts = [formula.text for formula in entry.formulas] + list(UNBOUND.get(entry.id, {}))
    for known in sorted(parts, key=len, reverse=True):
        text = text.replace(known, " ")
    text = REFERENCE.sub(" ", text)
    return [text[max(match.start() - 20, 0) : match.end() + 20] for match in QUANTITY.finditer(text)]


@pytest.mark.parametrize("entry", LEDGER.values(), ids=LEDGER)
def test_every_formula_is_bound_or_listed_with_a_reason(entry: Statement) -> None:
    assert unbound_quantities(entry) == []
    for known in UNBOUND.get(entry.id, {}):
        assert known in entry.strongest, "stale: the text changed"


def test_the_statements_with_bounds_are_bound() -> None:
    assert {entry.id for entry in LEDGER.values() if entry.formulas} == MUST_BE_BOUND
    assert set(UNBOUND) <= set(LEDGER)


def test_an_unlisted_formula_is_found() -> None:
    entry = LEDGER["assumption-6.1"]
    assert unbound_quantities(replace(entry, repaired=entry.repaired + " So the error is at most √μ.")) != []
    entry = LEDGER["theorem-3.3"]
    assert unbound_quantities(replace(entry, formulas=entry.formulas[1:])) != []


def test_the_ratio_is_a_half_at_the_thresholds() -> None:
    """With μ / (2κ V (2δ)^d) points, each with a ball of mass κ V (2δ)^d; with ln ½ / ln(1 - q) draws."""
    from theory.generalization.robust_ratio import (
        expected_ratio_bound,
        log_ball_mass,
        log_sample_threshold,
        log_threshold,
        ratio_bound,
    )

    radius, mu, density = 2.0**-6, 0.5, 1.0
    n = round(np.exp(log_threshold(1, radius, mu, density, np.inf)))
    assert n == 4
    assert ratio_bound(n, mu, np.exp(log_ball_mass(1, radius, density, np.inf))) == pytest.approx(0.5, abs=1e-15)
    assert round(np.exp(log_sample_threshold(np.log(1 - np.sqrt(0.5))))) == 2
    assert expected_ratio_bound(2, 1 - np.sqrt(0.5)) == pytest.approx(0.5, abs=1e-15)


def test_one_more_tent_costs_as_is_said() -> None:
    """p = 2: `8d + 3`, with the layer that a tent needs; a quarter of a small shell needs one more, at most."""
    from theory.sizes.memorizer_size import indicator_count, network_count, tent_bound

    count = lambda m: network_count(indicator_count(9, 7, 2.0, tents=m), clean=5, depth=m + 4)  # noqa: E731
    assert count(12) - count(11) == 8 * 7 + 3
    for shell in 2.0 ** -np.arange(20, 60):
        assert tent_bound(7, 0.1, shell / 4) == tent_bound(7, 0.1, shell) + 1


def test_the_class_term_is_the_quoted_one() -> None:
    from theory.generalization.robust_gap import LabelledLosses, lipschitz_gap_bound

    rng = np.random.default_rng(0)
    labels = np.array([0, 0, 0, 1]), np.array([0, 1, 1])
    population, sample = (LabelledLosses(rng.random((len(y), 2)), y, rng.random(len(y))) for y in labels)
    shares = [np.array([np.mean(y == c) for c in (0, 1)]) for y in labels]
    expected = 0.5 * 3.0 * np.abs(shares[0] - shares[1]).sum()
    assert lipschitz_gap_bound(population, sample, lipschitz=1.0, loss_bound=3.0).class_term == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("nd", 6),
        ("2nd/n", 6),
        ("n - d/2 · n", -1),
        ("-n²", -4),
        ("√n²", 2),
        ("√(n²+d)", np.sqrt(7)),
        ("2^-(n+1)", 1 / 8),
        ("2^{d-n}", 2),
        ("½ log2(8)", 1.5),
        ("log⁺(½)", 0),
        ("⌈d/2⌉", 2),
        ("C(4, n)", 6),
        ("Σ_{k<d} 2^k", 7),
        ("Σ_{j≤d} j n", 12),
        ("min over J of J + 2^-J", 1),
        ("Φ(Φ^{-1}(¼))", 0.25),
        ("cot n tan n", 1),
        ("h(½)", 1),
        ("e^{ln 2}", 2),
        ("max(n, d, 1)", 3),
    ],
)
def test_the_notation(text: str, value: float) -> None:
    symbols = {"n": sympy.Integer(2), "d": sympy.Integer(3)}
    assert float(read_formula(text, symbols)) == pytest.approx(value, rel=1e-14)


def test_symbols_go_before_functions_and_names_before_symbols() -> None:
    values = {"h": sympy.Integer(5), "c": sympy.Integer(2), "s": sympy.Integer(7)}
    assert read_formula("h(3)", values) == 15
    assert read_formula("2 sup D(h)", values, {"sup D(h)": "s + 1"}) == 16
    assert read_formula("c cot(1)", values) == 2 * sympy.cot(1)


@pytest.mark.parametrize("text", ["", "2 +", "(n", "n)", "x", "Σ_{k<½} k", "2^"])
def test_what_is_no_formula_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"needs .* after .*; the symbols are n"):
        read_formula(text, {"n": sympy.Integer(2)})


def test_a_part_is_found_by_its_path() -> None:
    assert part((1, (2, 3)), "1.0") == 2
    assert part(3 + 4j, "imag") == 4
    assert part(5.0, "") == 5.0
