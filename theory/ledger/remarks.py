"""Remarks of the ledger: numbers measured on real data, which a test compares with the stored ones."""

from theory.ledger.remark import Remark

_SMALLEST = "benchmarks/results/smallest.json, made by `python -m benchmarks smallest`"
_BOUNDS = "benchmarks/results/lower_bounds.json, made by `python -m benchmarks lower_bounds`"

THEOREM_3_3 = (
    Remark(
        "From above, on real data, certified on every ball: all 60,000 images of MNIST, ten classes, take 14,457 "
        "non-zeros for l_∞ balls of radius 0.1 by rules of robust literals, 0.00031 of N d, and 59,909 for l_2 balls "
        "of radius 0.5 by a compact Lipschitz network, 0.0013 of N d.",
        _SMALLEST,
    ),
    Remark(
        "From below, for the same images: every function that is right on the 60,000 l_2 balls of radius 0.5 reads at "
        "least 22 pixels, and the first weight of a network has rank at least 4, so it has at least 26 non-zeros and "
        "3,145 entries.",
        _BOUNDS,
    ),
    Remark(
        "A is for every sample, its constants are those of worst cases; what real data need says nothing of others: "
        "with random labels 5,000 of the images take 15,964 non-zeros by rules, with their own 2,178.",
        _SMALLEST,
    ),
)
