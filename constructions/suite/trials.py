"""What a builder makes of every sample: built once, for all checks."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from constructions.networks.network import Affine, ReLUNetwork
from constructions.suite.building import Built, build, norms_of, passed_arguments
from constructions.suite.declaring import Builder, Claims, claims_of
from constructions.suite.failure import CheckFailed, NotChecked, described
from constructions.suite.samples import chosen_instances
from constructions.suite.strategies import Instance, drawn_instances


class Trials:
    """The samples of a run and what a builder makes of them.

    Attributes:
        builder: that is tried.
        claims: of the builder.
        max_examples: samples that are drawn, beside those chosen by hand.
        seed: of the samples; the same seed has the same samples.
        current: the sample that is looked at.
        refused: for each kind of sample the names of those that the builder refused, with what it said.
    """

    def __init__(self, builder: Builder, max_examples: int, seed: int, claims: Claims | None = None) -> None:
        if not callable(builder):
            raise TypeError(f"a builder is a function of points, labels, radius and p, got {type(builder).__name__}")
        for name, value, least in (("max_examples", max_examples, 1), ("seed", seed, 0)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise ValueError(f"{name} must be a whole number >= {least}, got {value!r}")
        self.builder, self.max_examples, self.seed = builder, int(max_examples), int(seed)
        self.claims = claims_of(builder) if claims is None else claims
        self.passed = passed_arguments(builder, self.claims)
        self.refused: dict[str, dict[str, str]] = {}
        self.current: Instance | None = None
        self._made: dict[tuple[str, int], Built | NotChecked | CheckFailed] = {}

    @cached_property
    def norms(self) -> tuple[float, ...]:
        """The exponents of the samples."""
        return norms_of(self.builder, self.claims, self.passed)

    @cached_property
    def instances(self) -> list[Instance]:
        """Those chosen by hand, then those drawn, from small to large."""
        classes = 2 if self.claims.binary else None
        drawn = drawn_instances(self.max_examples, self.seed, self.norms, classes)
        named = [replace(instance, name=f"{k}") for k, instance in enumerate(drawn)]
        return chosen_instances(self.norms, classes) + named

    @property
    def most_refused(self) -> int:
        """How many samples the builder refused, of the kind of which it refused most."""
        return max(map(len, self.refused.values()), default=0)

    def all_built(self) -> Iterator[Built]:
        """What the builder makes of every sample that it does not refuse."""
        return self._each("as drawn", lambda instance: instance)

    def all_opposed(self) -> Iterator[Built]:
        """The same with a clean classifier that is large, and wrong at most points."""
        return self._each("opposed", opposed)

    def all_in_text(self) -> Iterator[Built]:
        """The same with labels of text, and room beside ball and shell; for ±1 only, with these."""
        return self._each("in text", lambda instance: roomy(instance, not self.claims.binary))

    def try_one(self, instance: Instance, refusals: tuple[type[Exception], ...] = ()) -> Built:
        """What the builder makes of one sample.

        Args:
            instance: the sample.
            refusals: what more counts as a refusal than was declared.

        Raises:
            NotChecked: if the builder refuses it.
            CheckFailed: if it raises anything else.
        """
        self.current = instance
        try:
            return build(self.builder, instance, self.passed)
        except (*self.claims.refuses, *refusals) as error:
            raise NotChecked(f"refused: {error}") from error
        except CheckFailed:
            raise
        except Exception as error:
            hint = f"; if it refuses by that: claims(refuses={type(error).__name__})"
            line = f"the builder raised {type(error).__name__}: {error}"
            raise CheckFailed(
                line.splitlines()[0] + (hint if isinstance(error, ValueError) else ""), described(instance)
            ) from error

    def _each(self, kind: str, change: Callable[[Instance], Instance]) -> Iterator[Built]:
        refused = self.refused.setdefault(kind, {})
        for k, drawn in enumerate(self.instances):
            if (kind, k) not in self._made:
                try:
                    self._made[kind, k] = self.try_one(change(drawn))
                except (NotChecked, CheckFailed) as error:
                    self._made[kind, k] = error
            made, self.current = self._made[kind, k], drawn
            if isinstance(made, NotChecked):
                refused[drawn.name] = str(made.__cause__)
            elif isinstance(made, CheckFailed):
                raise made
            else:
                yield made
        self.current = None
        if len(refused) == len(self.instances):
            first, said = next(iter(refused.items()))
            raise CheckFailed(f"nothing was checked: the builder refused all {len(refused)} samples; {first!r}: {said}")


def opposed(instance: Instance) -> Instance:
    """The same with a clean classifier that is large and wrong at most points: memory has to silence it."""
    outputs = instance.clean.outputs
    wrong = (instance.labels + 1) % outputs if outputs > 1 else -instance.labels
    common = int(np.bincount(wrong + 1).argmax()) - 1
    bias = np.full(1, 100.0 * common) if outputs == 1 else 100.0 * (np.arange(outputs) == common)
    clean = ReLUNetwork((Affine(np.zeros((outputs, instance.points.shape[1])), bias),))
    return replace(instance, clean=clean)


def roomy(instance: Instance, text: bool) -> Instance:
    """Half the radius and a quarter of the shell; labels of text, the first class last in the order of the points."""
    labels: Any = [f"class {9 - label}" for label in instance.labels.tolist()] if text else instance.labels
    return replace(instance, labels=labels, radius=instance.radius / 2, shell=instance.shell / 4)
