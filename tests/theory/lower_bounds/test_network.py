"""What follows for networks, against one that is as small as it gets."""

import numpy as np
import pytest

from theory.lower_bounds.coordinates import coordinates_needed
from theory.lower_bounds.network import network_size_needed
from theory.lower_bounds.rank import first_layer_rank_needed


def test_a_network_of_one_neuron_meets_the_bound_on_non_zeros() -> None:
    """`relu(x_1) - 1/2`: a non-zero more, the bias, in the second layer."""
    points, labels = np.array([[0.0, 3.0], [1.0, 3.0], [0.0, 2.0]]), [-1, 1, -1]
    balls = {"radius": 0.4, "p": 2}
    found = network_size_needed(
        coordinates_needed(points, labels, **balls), first_layer_rank_needed(points, labels, **balls)
    )
    assert found == (2, 1 * (2 + 1) + 1 + 1)


def test_bounds_of_different_balls_do_not_mix() -> None:
    points, labels = np.array([[0.0], [1.0]]), [0, 1]
    coordinates = coordinates_needed(points, labels, radius=0.1, p=2)
    with pytest.raises(ValueError, match="needs two bounds of one radius, p and dimension"):
        network_size_needed(coordinates, first_layer_rank_needed(points, labels, radius=0.2))
