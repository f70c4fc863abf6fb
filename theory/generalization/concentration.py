"""How far a count of independent trials is from its mean."""

import math


def binomial_deviation(n: int, failure: float) -> float:
    """`√(N ln(2/Δ) / 2)`: with probability >= 1 - Δ a Binomial(N, μ) count is within this of μN, for every μ.

    Source: claim-small-margin-count, sharper form; Hoeffding (1963), both tails.

    Args:
        n: N >= 1.
        failure: Δ in (0, 1).

    Raises:
        ValueError: if an argument is out of range.
    """
    if not n >= 1 or not 0 < failure < 1:
        raise ValueError(f"binomial_deviation needs n >= 1 and failure in (0, 1), got n={n}, failure={failure}")
    return math.sqrt(n * math.log(2 / failure) / 2)
