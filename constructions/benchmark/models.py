"""The networks of a benchmark: memorizers, as they stand in an ONNX file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from constructions.certificates.certificate import Certificate
from constructions.certificates.executed_intervals import as_executed
from constructions.memorizers.construction import Construction
from constructions.networks.network import ReLUNetwork
from constructions.samples.sample import Sample
from constructions.samples.task import Task


@dataclass(frozen=True, eq=False)
class Model:
    """A memorizer whose network is the one of a file.

    Attributes:
        name: of the file, without ending.
        arguments: the call that made it, as text.
        built: with the network as it is written, rounded to the format of the file.
        dtype: "float32", or "float64" where the rounded network is not proved on every ball.
    """

    name: str
    arguments: str
    built: Construction
    dtype: str

    @property
    def network(self) -> ReLUNetwork:
        return self.built.network

    @property
    def task(self) -> Task:
        return self.built.task

    @property
    def sample(self) -> Sample:
        return self.built.task.sample


def model(name: str, builder: Callable[..., Construction], data: str, sample: Any, /, **options: Any) -> Model:
    """Build a memorizer, in float32 if it then keeps its proof on every ball.

    Args:
        name: of the file.
        builder: such as `robust_memorizer`.
        data: how the sample is made, as text.
        sample: points and labels.
        options: of the builder.

    Raises:
        AssertionError: if not every ball is proved in float64 either: then the construction is wrong.
    """
    built = builder(sample.points, sample.labels, **options)
    text = f"{builder.__name__}({data}, {_shown(options)})"
    rounded = with_network(built, replace(as_executed(built.network, "float32"), classes=built.network.classes))
    for candidate, dtype in ((rounded, "float32"), (built, "float64")):
        if candidate.certify().certified.all():
            return Model(name, text, candidate, dtype)
    raise AssertionError(f"{text} is not proved on every ball")


def with_network(built: Construction, network: ReLUNetwork) -> Construction:
    """The same construction about another network: what it proves is read from that one."""
    changed: Any = built
    return replace(changed, network=network)  # type: ignore[no-any-return]


@dataclass(frozen=True, eq=False)
class FromFile:
    """A network that was read from a file, and what is known of it.

    Attributes:
        model: what was written.
        network: what was read.
    """

    model: Model
    network: ReLUNetwork

    @cached_property
    def certificate(self) -> Certificate:
        """The proof of the construction, made again for the network that was read."""
        made = with_network(self.model.built, self.network).certify()
        sample = self.model.sample
        if not made.is_of(self.network, sample.points, sample.labels):
            raise AssertionError(f"the certificate of {self.model.name} is about another network or other points")
        return made

    @cached_property
    def lower(self) -> Float[np.ndarray, " n"]:
        """Sound lower bounds of the margins on the balls of the task."""
        return np.where(self.certificate.certified, self.certificate.lower, -np.inf)


def _shown(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{k}={_affine(v) if isinstance(v, ReLUNetwork) else repr(v)}" for k, v in options.items())


def _affine(clean: ReLUNetwork) -> str:
    """The one layer of a clean classifier as it is given to `network`."""
    (layer,) = clean.layers
    return f"network(({np.asarray(layer.weight).tolist()}, {layer.bias.tolist()}))"
