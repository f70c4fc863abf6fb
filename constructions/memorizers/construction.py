"""The contract of every construction, and the plain object that meets it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Shaped

from constructions.certificates.certificate import Certificate
from constructions.certificates.deciding import certificate_of_task, margin_bounds
from constructions.memorizers.size import Size
from constructions.networks.network import Affine, ReLUNetwork
from constructions.samples.sample import Sample
from constructions.samples.task import Task

# Sound lower bounds of the margins on the balls of the task, read from the weights, in an arithmetic.
Proof: TypeAlias = Callable[[ReLUNetwork, Task, str], Float[np.ndarray, " n"]]


@runtime_checkable
class Construction(Protocol):
    """What every builder returns: a network that memorizes a task, its size, and its proof."""

    @property
    def network(self) -> ReLUNetwork:
        """The strict ReLU network; its `classes` are the labels that the builder was given."""

    @property
    def task(self) -> Task:
        """What it memorizes."""

    @property
    def size(self) -> Size:
        """Its exact counts, and the formula's value."""

    def certify(self, arithmetic: str = "reals") -> Certificate:
        """Proof on every ball of the task, read from the network that the object holds now."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to an `.npz` file that `ReLUNetwork.load` reads, all of it or nothing."""


@dataclass(frozen=True, eq=False)
class PlainMemorizer:
    """A network that memorizes every ball of a task, proved by bounds for any network or by a proof of its own.

    Attributes:
        network: the strict ReLU network.
        task: what it memorizes.
        size: exact counts, with the formula's value beside them.
        proof: for "reals", "float64" and "float32"; None for the bounds of `constructions.certify`.
    """

    network: ReLUNetwork
    task: Task
    size: Size
    proof: Proof | None = None

    def __repr__(self) -> str:
        task, (size, dim) = self.task, self.task.sample.points.shape
        return (
            f"<PlainMemorizer of {size:,} points in R^{dim}, l_{task.p:g}, radius {task.radius:g}, "
            f"{self.network.nonzero:,} non-zeros>"
        )

    def certify(self, arithmetic: str = "reals") -> Certificate:
        """Proof on every ball of the task, read from the weights; what it leaves open is attacked.

        Args:
            arithmetic: "reals", "float64", "float32" or "rational".

        Raises:
            ValueError: for another arithmetic.
        """
        return proved(self.network, self.task, self.proof, arithmetic)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to an `.npz` file that `ReLUNetwork.load` reads, all of it or nothing."""
        self.network.save(path)


def proved(
    network: ReLUNetwork, task: Task, proof: Proof | None, arithmetic: str, *, client: Any = None
) -> Certificate:
    """The certificate by a proof of the construction's own; by the bounds for any network without one, or "rational".

    Args:
        network: that is certified.
        task: the balls.
        proof: of the construction, or None.
        arithmetic: of the claim.
        client: for the bounds of any network, as for `constructions.certify`.

    Raises:
        ValueError: for another arithmetic.
    """

    def bounds() -> tuple[Float[np.ndarray, " n"], Shaped[np.ndarray, " n"]]:
        sample = task.sample
        if proof is None or arithmetic == "rational":
            balls = sample.points, sample.codes, task.radius, task.p
            return margin_bounds(network, *balls, arithmetic, client=client)
        lower = proof(network, task, arithmetic)
        return lower, np.full(len(lower), "structure", dtype="<U9")

    return certificate_of_task(network, task, bounds, arithmetic)


def class_sums(sample: Sample) -> sp.csr_array:
    """The matrix that maps indicators to the signed sum (labels ±1) or to one sum a class; n non-zeros."""
    size = len(sample.codes)
    if sample.outputs == 1:
        return sp.csr_array(sample.codes[None, :].astype(np.float64))
    return sp.csr_array((np.ones(size), (sample.codes, np.arange(size))), shape=(sample.outputs, size))


def least_squares(points: Float[np.ndarray, "n k"], sample: Sample) -> Affine:
    """The affine map nearest to the labels ±1, or to one-hot labels: a clean classifier on which no ball depends."""
    target = sample.codes[:, None].astype(np.float64) if sample.outputs == 1 else np.eye(sample.outputs)[sample.codes]
    solution = np.linalg.lstsq(np.hstack([points, np.ones((len(points), 1))]), target)[0]
    return Affine(np.ascontiguousarray(solution[:-1].T), solution[-1])
