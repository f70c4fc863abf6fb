"""Calling a builder with what its signature has, and reading what it returns."""

import functools
import inspect
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from constructions.networks.network import Affine, ReLUNetwork
from constructions.networks.reading import read_network
from constructions.samples.sample import read_codes
from constructions.suite.declaring import Builder, Claims
from constructions.suite.failure import CheckFailed
from constructions.suite.strategies import EXPONENTS, Instance
from theory.arguments.scalars import read_exponent

_KINDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, eq=False)
class Built:
    """What a builder made of an instance.

    Attributes:
        instance: the points, labels, radius and p that it was given.
        made: what it returned.
        network: its network: of labels and numbers, from (k, d) to (k, outputs).
        codes: the labels as the network has them, ±1 or class numbers.
        changed: whether the builder wrote into its points or labels.
    """

    instance: Instance
    made: Any
    network: Any
    codes: np.ndarray
    changed: bool

    def values(self, x: np.ndarray) -> np.ndarray:
        """The outputs, shape (k, outputs).

        Raises:
            CheckFailed: for another shape.
        """
        found = np.asarray(self.network(x), dtype=np.float64)
        signed = is_signed(self.codes)
        outputs = 1 if signed else int(self.codes.max()) + 1
        if found.ndim == 1 and outputs == 1:
            found = found[:, None]
        if found.ndim != 2 or len(found) != len(x) or (found.shape[1] != 1 if signed else found.shape[1] < outputs):
            wanted = "(k, 1) for labels -1 and +1" if signed else f"(k, {outputs}), one output a class"
            raise CheckFailed(f"the network has to return shape {wanted}, returned {found.shape} for k = {len(x)}")
        return found

    def margins(self, x: np.ndarray, owner: np.ndarray) -> np.ndarray:
        """The margin at each x for the label of its owner: of the label's output to the largest other one."""
        values, codes = self.values(x), self.codes[owner]
        if is_signed(self.codes):
            return np.asarray(values[:, 0] * codes)
        rows = np.arange(len(x))
        own = values[rows, codes]
        values = values.copy()
        values[rows, codes] = -np.inf
        return np.asarray(own - values.max(axis=1))


def is_signed(codes: np.ndarray) -> bool:
    """Whether these are labels -1 and +1."""
    return bool(codes.min() < 0)


def passed_arguments(builder: Builder, claims: Claims) -> frozenset[str]:
    """Which of `radius, p, shell, clean, small` to pass.

    `clean` and `small="all"` are for `f_adv`; else the builder's own defaults stand. What `functools.partial` holds is
    not passed again.

    Raises:
        TypeError: for a builder without `radius`, or one that needs what the suite does not have; for `f_adv` one
            without `clean` or `shell`.
    """
    inner = inspect.unwrap(builder)
    parameters = list(inspect.signature(builder).parameters.values())[2:]
    open_ended = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters)
    held = inner.keywords if isinstance(inner, functools.partial) else {}
    named = {parameter.name for parameter in parameters if parameter.kind in _KINDS} - set(held)
    wanted = {"radius", "p", "shell"} | ({"clean", "small"} if claims.f_adv else set())
    if open_ended:
        named |= wanted - set(held) if claims.f_adv else {"radius", "p"} - set(held)
    needed = {"radius", "clean", "shell"} if claims.f_adv else {"radius"}
    if missing := sorted(needed - named):
        raise TypeError(
            "a builder takes points, labels, radius and p, and for f_adv clean and shell, by these names; this has no "
            + " or ".join(missing)
        )
    if unknown := sorted(required_arguments(builder) - wanted):
        raise TypeError(
            f"the suite knows no {' or '.join(unknown)}, which the builder needs: give functools.partial(builder, "
            f"{unknown[0]}=…)"
        )
    return frozenset(named & wanted)


def required_arguments(builder: Builder) -> frozenset[str]:
    """The parameters without a default, behind points and labels."""
    inner = inspect.unwrap(builder)
    held = inner.keywords if isinstance(inner, functools.partial) else {}
    parameters = list(inspect.signature(builder).parameters.values())[2:]
    return frozenset(
        parameter.name
        for parameter in parameters
        if parameter.kind in _KINDS and parameter.default is parameter.empty and parameter.name not in held
    )


def build(builder: Builder, instance: Instance, passed: frozenset[str]) -> Built:
    """What the builder makes of an instance; it gets copies of the arrays.

    Raises:
        CheckFailed: if it returns no network.
        Exception: what the builder raises.
    """
    points, labels = instance.points.copy(), instance.labels.copy()
    known = {"radius": instance.radius, "p": instance.p, "shell": instance.shell, "clean": instance.clean}
    made = builder(points, labels, **{name: {**known, "small": "all"}[name] for name in passed})
    network = getattr(made, "network", made)
    if isinstance(network, Affine) or hasattr(network, "named_parameters"):
        network = read_network(network)
    if not callable(network):
        raise CheckFailed(
            "a builder returns a network, callable from (k, d) to (k, outputs), or an object with one as its .network, "
            f"returned {type(made).__name__}"
        )
    classes = getattr(network, "classes", None)
    changed = not (np.array_equal(points, instance.points) and np.array_equal(labels, instance.labels))
    return Built(instance, made, network, np.asarray(read_codes(instance.labels, classes)), changed)


def norms_of(builder: Builder, claims: Claims, passed: frozenset[str]) -> tuple[float, ...]:
    """The exponents that a builder is for: as declared, or held by a partial, or all, or of the task that it builds.

    Raises:
        TypeError: if none of these tells.
    """
    if claims.norms is not None:
        return tuple(claims.norms)
    inner = inspect.unwrap(builder)
    if isinstance(inner, functools.partial) and "p" in inner.keywords:
        return (read_exponent(inner.keywords["p"]),)
    if "p" in passed:
        return EXPONENTS
    # Far apart in every norm.
    clean = ReLUNetwork((Affine(np.ones((1, 2)), np.zeros(1)),))
    apart = Instance(np.array([[0.0, 0.0], [8.0, 8.0]]), np.array([-1, 1]), clean, math.inf, 1.0, 0.5)
    found = getattr(getattr(build(builder, apart, passed).made, "task", None), "p", None)
    if found is None:
        raise TypeError(
            "the builder has no parameter p, and what it returns has no task that tells: declare its norms, as in "
            "claims(norms=[2])"
        )
    return (float(found),)
