"""What the bounds on coordinates and on the rank say about the size of a network.

Let a network with a hidden layer be right on all balls: `f = g(W x)`, W its first weight. Neurons of the first layer
without a non-zero outgoing weight can go, f stays. What is left of W has still at least `count` columns that are not 0
and rank r, so at least r rows, each with a non-zero outgoing weight: `count + r` non-zeros in the first two weights.
Entries are `r (d + 1)` of weight and bias in the first layer, and as many as its rows, and a bias, in the second.
"""

from theory.lower_bounds.coordinates import CoordinateBound
from theory.lower_bounds.rank import RankBound


def network_size_needed(coordinates: CoordinateBound, rank: RankBound) -> tuple[int, int]:
    """Non-zeros and entries that a ReLU network with a hidden layer has at least, robust on the balls of both bounds.

    Args:
        coordinates, rank: of the same points, labels, radius and p.

    Raises:
        ValueError: if radius, p or dimension differ.
    """
    balls = [(bound.radius, bound.p, bound.dim) for bound in (coordinates, rank)]
    if balls[0] != balls[1]:
        raise ValueError(f"network_size_needed needs two bounds of one radius, p and dimension, got {balls}")
    return coordinates.count + rank.rank, rank.entries + rank.rank + 1
