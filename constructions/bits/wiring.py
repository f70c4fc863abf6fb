"""Layers put together neuron by neuron: affine forms of the neurons of the layer that was added last."""

from collections.abc import Hashable
from dataclasses import dataclass, field

from constructions.bits.layer import IntegerLayer
from constructions.bits.network import IntegerNetwork


@dataclass(frozen=True)
class Form:
    """`constant + Σ weights[j] * neuron j` with integer weights."""

    weights: dict[int, int]
    constant: int = 0

    def __add__(self, other: "Form | int") -> "Form":
        if isinstance(other, int):
            return Form(self.weights, self.constant + other)
        weights = {j: self.weights.get(j, 0) + other.weights.get(j, 0) for j in {**self.weights, **other.weights}}
        return Form({j: w for j, w in weights.items() if w}, self.constant + other.constant)

    def __sub__(self, other: "Form | int") -> "Form":
        return self + (-other if isinstance(other, int) else other * -1)

    def __rsub__(self, other: int) -> "Form":
        return self * -1 + other

    def __mul__(self, factor: int) -> "Form":
        return Form({j: factor * w for j, w in self.weights.items() if factor}, factor * self.constant)


@dataclass
class Wiring:
    """A network as it grows.

    Attributes:
        inputs: of the network.
        layers: that were added.
    """

    inputs: int
    layers: list[IntegerLayer] = field(default_factory=list)

    @property
    def width(self) -> int:
        """Neurons of the last layer."""
        return self.layers[-1].outputs if self.layers else self.inputs

    def relu(self, *forms: Form) -> list[Form]:
        """One more layer, `σ` of each form of the last one; its neurons."""
        rows = tuple(tuple(sorted(form.weights.items())) for form in forms)
        self.layers.append(IntegerLayer(self.width, rows, tuple(form.constant for form in forms)))
        return [Form({j: 1}) for j in range(len(forms))]

    def network(self, outputs: list[Form], classes: tuple[Hashable, ...]) -> IntegerNetwork:
        """The network whose last layer has these forms, without a ReLU."""
        self.relu(*outputs)
        return IntegerNetwork(tuple(self.layers), classes)


def total(forms: list[Form]) -> Form:
    """Their sum, by one pass."""
    weights: dict[int, int] = {}
    for form in forms:
        for j, w in form.weights.items():
            weights[j] = weights.get(j, 0) + w
    return Form({j: w for j, w in weights.items() if w}, sum(form.constant for form in forms))
