"""Section 4: the measures, and what is seen with trained networks."""

from theory.ledger.statement import Statement
from theory.ledger.witness import Side, Witness

STATEMENTS = (
    Statement(
        id="definition-maximum-gradient-norm",
        title="maximum gradient norm near a point",
        section="4",
        kind="definition",
        printed=(
            "max over ‖ξ‖_∞ ≤ ε of ‖∇_x L(f(x+ξ), y)‖_1, the local flatness at (x, y); averaged over the training "
            "set, and with a pair p, q of dual exponents in place of ∞, 1."
        ),
        verdict="repaired",
        fails=(
            "A ReLU network has no gradient where it has a kink, so the printed maximum is not defined there; and "
            "whether x+ξ may leave the cube is not said, which changes its value."
        ),
        repaired=(
            "The supremum over the points of the ball where x ↦ L(f(x), y) is differentiable (almost all, for a ReLU "
            "network and a loss that is locally Lipschitz). Two versions, which differ: over the whole ball, and over "
            "its part in [0, 1]^d. A search gives a lower bound of either."
        ),
        uses=("definition-relu-network",),
        witness=Witness(
            "theory.witnesses.local_measures.kink",
            {},
            left=Side("slope of the loss left of the point", "left"),
            relation="=",
            right=Side("slope right of it", "right"),
        ),
        code=(
            "theory.generalization.flatness.PointwiseMaximum",
            "theory.generalization.flatness.maximum_by_search",
            "empirics.images.flatness.search.flatness_curves",
            "empirics.images.flatness.bracket.flatness_brackets",
        ),
        source="section 4, second paragraph; section 1 for p and q",
    ),
    Statement(
        id="definition-maximum-loss-change",
        title="maximum change of the loss near a point",
        section="4",
        kind="definition",
        printed="max over ‖ξ‖_∞ ≤ ε of L(f(x+ξ), y) - L(f(x), y), the local robustness at (x, y).",
        verdict="repaired",
        fails="It is not said whether x+ξ may leave the cube, and the two maxima differ.",
        repaired=(
            "The printed maximum exists for continuous L∘f and is ≥ 0; over the whole ball and over its part in [0, "
            "1]^d it differs, and the paper does not say which it takes. It is at most ε times the maximum gradient "
            "norm over the same set. A search gives a lower bound."
        ),
        hypotheses=("L∘f is continuous, and locally Lipschitz for the comparison", "x ∈ [0, 1]^d"),
        uses=("definition-maximum-gradient-norm",),
        witness=Witness(
            "theory.witnesses.local_measures.two_readings",
            {"radius": 0.25},
            left=Side("largest change of the loss over the ball", "over_ball"),
            relation="=",
            right=Side("largest change over its part in the cube", "in_cube"),
        ),
        code=(
            "theory.generalization.flatness.PointwiseMaximum",
            "empirics.images.flatness.search.flatness_curves",
        ),
        source="section 4, second paragraph",
    ),
    Statement(
        id="figure-1",
        title="flat inside the training radius, sharp outside",
        section="4",
        kind="figure",
        printed=(
            "After adversarial training at one radius, both measures, averaged over the training points, stay small "
            "for ε up to that radius and rise steeply beyond. MNIST: LeNet-5, 20 epochs, radius 0.1; CIFAR-10: "
            "ResNet-9, 15 epochs, radius 8/255."
        ),
        verdict="observed",
        repaired=(
            "Measured, with 95 % intervals over seeds that draw images, start and training: the ratio of the slopes "
            "outside and inside the training radius (a claim above 7, what a cubic has), on train and on test, and how "
            "the kink moves with the training radius (by more than half of it). Clean training, networks at their "
            "start, and test points of random labels must not have it; the network of Theorem 3.3 must, exactly. A "
            "flat zone that test points share is robustness that generalizes, not memorization."
        ),
        hypotheses=("cyclic learning rate, mixed precision", "search, steps, restarts and clipping are reported"),
        uses=(
            "definition-maximum-gradient-norm",
            "definition-maximum-loss-change",
            "conjecture-robust-memorization",
            "theorem-3.3",
        ),
        code=(
            "empirics.images.experiments.figure1.measure",
            "empirics.images.verdicts.figure1.figure1",
            "empirics.images.flatness.closed_form.exact_curves",
        ),
        source="Figure 1 and the paragraph on robust memorization",
    ),
    Statement(
        id="figure-2",
        title="the maximum gradient norm by epoch",
        section="4",
        kind="figure",
        printed=(
            "With the epochs the average maximum gradient norm on training points descends for ε inside the training "
            "radius, on MNIST and CIFAR-10. On test points it descends too on MNIST, and rises on CIFAR-10. Settings "
            "of figure 1."
        ),
        verdict="observed",
        repaired=(
            "Measured, with 95 % intervals over seeds: the change of the curve inside the radius from the first epoch "
            "to the last, on train and on test; on train also from its highest epoch, and from the first that fits "
            "the sample. Clean training must not show the descent."
        ),
        hypotheses=("as for figure-1",),
        uses=("definition-maximum-gradient-norm", "figure-1"),
        code=(
            "empirics.images.experiments.figures2and3.measure_figure2",
            "empirics.images.verdicts.figures2and3.figure2",
        ),
        source="Figure 2 and the paragraph on the learning process",
    ),
)
