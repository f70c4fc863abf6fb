from collections.abc import Iterator

import jaxtyping
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from theory.setting.losses import (
    adversarial_error,
    check_labels,
    clean_error,
    exponential_loss,
    log_exponential_loss,
    margins,
)


def test_margin_of_one_output_is_y_times_f() -> None:
    outputs, labels = np.array([2.0, -3.0, 0.0]), np.array([1, 1, -1])
    assert margins(outputs, labels).tolist() == [2.0, -3.0, 0.0]
    assert margins(outputs[:, None], labels).tolist() == [2.0, -3.0, 0.0]


def test_margin_of_several_outputs_is_the_least_gap() -> None:
    outputs = np.array([[1.0, 4.0, 2.5], [1.0, 1.0, 0.0], [-5.0, -7.0, -6.0]])
    assert margins(outputs, np.array([1, 0, 0])).tolist() == [1.5, 0.0, 1.0]
    assert margins(outputs, np.array([2, 2, 1])).tolist() == [-1.5, -1.0, -2.0]


@given(hnp.arrays(float, (4, 2), elements=st.floats(-1e6, 1e6)), st.lists(st.integers(0, 1), min_size=4, max_size=4))
def test_two_classes_are_one_output_of_their_difference(outputs, labels) -> None:
    y = np.array(labels)
    assert (margins(outputs, y) == margins(outputs[:, 1] - outputs[:, 0], 2 * y - 1)).all()


def test_zero_margin_is_an_error_for_both_labels() -> None:
    # Planted fault it would catch: `<` in place of `<=`.
    zero = np.zeros(2)
    assert clean_error(margins(zero, np.array([1, -1]))) == 1.0
    assert clean_error(np.array([1e-300, -1e-300, 0.0, 1.0])) == 0.5


def test_adversarial_error_is_the_right_way_round() -> None:
    # Surely right, undecided, surely wrong, surely wrong by a tie.
    lower, upper = np.array([0.5, -1.0, -2.0, -1.0]), np.array([0.7, 0.5, -1.0, 0.0])
    assert adversarial_error(lower, upper) == (0.5, 0.75)


@given(hnp.arrays(float, 6, elements=st.floats(-2, 2)), hnp.arrays(float, (2, 6), elements=st.floats(0, 1)))
def test_adversarial_error_brackets_the_true_error(minima, slack) -> None:
    low, high = adversarial_error(minima - slack[0], minima + slack[1])
    assert low <= clean_error(minima) <= high
    assert adversarial_error(minima, minima) == (clean_error(minima),) * 2


def test_minus_infinity_is_a_lower_bound() -> None:
    assert adversarial_error(np.array([-np.inf]), np.array([1.0])) == (0.0, 1.0)


def test_exponential_loss_is_the_mean_and_its_log_does_not_overflow() -> None:
    # log 2, log 4, log 1/2: every step but exp and log is exact, so a few units of rounding.
    margin = -np.log(np.array([2.0, 4.0, 0.5, 1.5]))
    assert abs(exponential_loss(margin) - 2.0) <= 2.0 * 20 * 2.0**-53
    assert exponential_loss(np.array([-1e4])) == np.inf
    assert log_exponential_loss(np.array([-1e4, -1e4])) == 1e4
    assert log_exponential_loss(np.array([1e4])) == -1e4
    # A sum in place of a mean would be off by log n.
    assert log_exponential_loss(np.zeros(7)) == pytest.approx(0.0, abs=1e-15)


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Let the functions' own checks speak: the shape annotations would refuse these calls first."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check_labels(np.array([0, 1]), 1), "map {0, 1}.*got 0 at row 0"),
        (lambda: check_labels(np.array([1, -1]), 2), "0..1, got -1 at row 1"),
        (lambda: check_labels(np.array([0, 3]), 3), "0..2, got 3 at row 1"),
        (lambda: check_labels(np.array([1.0]), 1), "integers"),
        (lambda: check_labels(np.array([[1]]), 1), "shape"),
        (lambda: check_labels(np.array([1]), 0), "at least one output"),
        (lambda: margins(np.ones(2), np.array([1])), "margins need outputs"),
        (lambda: margins(np.ones(0), np.ones(0, int)), "margins need outputs"),
        (lambda: margins(np.ones((2, 2, 2)), np.array([1, 1])), "margins need outputs"),
        (lambda: margins(np.array([1.0, np.nan]), np.array([1, 1])), "NaN at row 1"),
        (lambda: clean_error(np.array([])), "n >= 1"),
        (lambda: clean_error(np.array([np.nan])), "NaN at row 0"),
        (lambda: exponential_loss(np.array([0.0, np.nan])), "NaN at row 1"),
        (lambda: adversarial_error(np.zeros(2), np.zeros(3)), "one shape"),
        (lambda: adversarial_error(np.zeros(1), np.array([np.nan])), "NaN"),
        (lambda: adversarial_error(np.array([0.0, 1.0]), np.array([0.0, 0.5])), "1.0 > 0.5 at row 1"),
    ],
)
def test_bad_calls(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()
