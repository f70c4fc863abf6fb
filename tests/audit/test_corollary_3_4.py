"""Corollary 3.4, repaired: both errors are exactly 0, the first by certificate."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from tests.strategies import Instance, instances, methods

pytestmark = pytest.mark.statement("corollary-3.4", form="repaired")


def build(instance: Instance, method: str) -> Any:
    from constructions import robust_memorizer

    return robust_memorizer(
        instance.points,
        instance.labels,
        radius=instance.radius,
        p=instance.p,
        clean=instance.clean,
        shell=instance.shell,
        method=method,
    )


@given(instances(consistent=True), methods)
def test_adversarial_training_error_is_zero(instance: Instance, method: str) -> None:
    """S_small by the sound margin bound, every ball by the structural proof, and the attack finds nothing."""
    from constructions import guided_attack

    built = build(instance, method)
    certificate = built.certify()
    assert certificate.error_bracket == (0.0, 0.0), str(certificate)
    worst, _ = guided_attack(
        built.network, instance.points, built.sample.codes, instance.radius, instance.p, shell=instance.shell
    )
    assert np.all(worst > 0)


@given(instances(consistent=True), methods)
def test_clean_error_is_zero_on_a_separated_support(instance: Instance, method: str) -> None:
    """Train on half of a support with separation R; the whole support keeps its labels, also inside shells."""
    from constructions import robust_memorizer
    from theory.losses import clean_error, margins

    half = np.arange(0, len(instance.points), 2)
    labels = instance.labels[half]
    if len(set(labels.tolist())) < len(set(instance.labels.tolist())):
        half = np.arange(len(instance.points))
        labels = instance.labels
    built = robust_memorizer(
        instance.points[half],
        labels,
        radius=instance.radius,
        p=instance.p,
        clean=instance.clean,
        shell=instance.shell,
        method=method,
    )
    assert clean_error(margins(built.network(instance.points), instance.labels)) == 0


@given(instances(consistent=True), methods)
def test_without_the_indicators_the_error_is_that_of_the_clean_classifier(instance: Instance, method: str) -> None:
    """The planted fault: a memorizer told that nothing is small certifies no small-margin point."""
    from constructions import robust_memorizer
    from theory.margin import small_margin

    forgetful = robust_memorizer(
        instance.points,
        instance.labels,
        radius=instance.radius,
        p=instance.p,
        clean=instance.clean,
        shell=instance.shell,
        small=[],
        method=method,
    )
    codes = forgetful.sample.codes
    margin = small_margin(instance.clean.layers, instance.points, codes, instance.radius, instance.p)
    assert not np.any(forgetful.certify().certified[margin.small_at_least])
