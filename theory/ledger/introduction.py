"""Section 1: what the introduction quotes or says without a number."""

from theory.ledger import formulas
from theory.ledger.statement import Statement

STATEMENTS = (
    Statement(
        id="table-1",
        title="clean and robust accuracy on CIFAR-10",
        section="1",
        kind="table",
        printed=(
            "CIFAR-10 accuracies quoted from Raghunathan et al. 2019. Clean training: robust test 3.5 %, clean test "
            "95.2 %, clean train 100 %. Adversarial training: robust test 45.8 %, robust train 100 %, clean test 87.3 "
            "%, clean train 100 %. After adversarial training accuracy drops far more from train to test when robust "
            "than when clean."
        ),
        verdict="observed",
        repaired=(
            "Measured: for both ways of training the four accuracies, and the two drops from train to test (quoted: "
            "54.2 points robust, 12.7 clean). Robust accuracy under an attack is an upper bound of the robust "
            "accuracy."
        ),
        uses=("definition-clean-error", "definition-adversarial-error"),
        code=(
            "empirics.images.experiments.table1.measure",
            "empirics.images.verdicts.verdicts.table1",
        ),
        source="Table 1",
    ),
    Statement(
        id="claim-small-margin-count",
        title="how many training points have a small margin",
        section="1",
        kind="claim",
        printed="About μN of N training points have a small margin, by concentration.",
        verdict="checked",
        sharper=(
            "The number of training points in X_small is Binomial(N, μ), so within √(N ln(2/Δ) / 2) of μN with "
            "probability at least 1 - Δ: for fixed μ > 0 it is μN(1 + o(1)) as N grows."
        ),
        formulas=formulas.SMALL_MARGIN_COUNT,
        hypotheses=("S is i.i.d. from D", "0 < Δ < 1"),
        uses=("definition-margin-split",),
        code=(
            "theory.balls.small_margin.small_margin",
            "theory.generalization.concentration.binomial_deviation",
        ),
        source="section 1, on the assumption about the data",
    ),
)
