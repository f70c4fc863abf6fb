"""What determines an adversarial training run, apart from network and images."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from empirics.images.training.attacks import Attack, fgsm, pgd

# The part of all steps after which a cyclic learning rate is largest.
_PEAK = 0.4


@dataclass(frozen=True)
class Recipe:
    """What determines a training run, apart from network and data.

    Attributes:
        epochs: number of passes, >= 1.
        attack: on the training batches; None for clean training.
        batch: an epoch is divided into ceil(n / batch) parts of equal size, up to one.
        learning_rate: the largest.
        optimizer: "sgd" or "adam".
        momentum: of SGD.
        weight_decay: of either.
        schedule: "cyclic" (from 0 up to the largest after 0.4 of the steps, down to 0 at the end, linearly) or
            "constant".
        seed: of order, starts and monitoring.
        monitor: number of images, of either part, whose accuracy is taken after every epoch.
        monitor_attack: for that accuracy; PGD of 10 steps in the ball of `attack` when None.
        precision: of lightning-fabric, such as "32-true", "bf16-mixed", "16-mixed".
        channels_last: memory layout, faster for convolutions of many channels.
        compile: whether to use `torch.compile`.

    Raises:
        ValueError: if a number or a name is not of these.
    """

    epochs: int
    attack: Attack | None
    batch: int = 128
    learning_rate: float = 0.1
    optimizer: Literal["sgd", "adam"] = "sgd"
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: Literal["cyclic", "constant"] = "cyclic"
    seed: int = 0
    monitor: int = 500
    monitor_attack: Attack | None = None
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    channels_last: bool = False
    compile: bool = False

    def __post_init__(self) -> None:
        if not (self.epochs >= 1 and self.batch >= 1 and self.monitor >= 1 and self.seed >= 0):
            raise ValueError(
                "a recipe needs epochs, batch, monitor >= 1 and seed >= 0, got "
                f"{self.epochs}, {self.batch}, {self.monitor} and {self.seed}"
            )
        if not (0 < self.learning_rate < math.inf and 0 <= self.momentum < 1 and 0 <= self.weight_decay < math.inf):
            raise ValueError(
                "a recipe needs a finite learning_rate > 0, 0 <= momentum < 1 and a finite weight_decay >= 0, got "
                f"{self.learning_rate}, {self.momentum} and {self.weight_decay}"
            )
        for name, value, known in (
            ("optimizer", self.optimizer, ("sgd", "adam")),
            ("schedule", self.schedule, ("cyclic", "constant")),
            ("precision", self.precision, ("32-true", "bf16-mixed", "16-mixed")),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")

    def steps(self, size: int) -> int:
        """Of an epoch of so many images."""
        return math.ceil(size / self.batch)

    def rate(self, done: float) -> float:
        """The learning rate when a part `done`, from 0 to 1, of all steps is done."""
        if self.schedule == "constant":
            return self.learning_rate
        return float(np.interp(done, [0, _PEAK, 1], [0, self.learning_rate, 0]))

    def monitors(self) -> tuple[Attack | None, Attack | None]:
        """The one-step and the many-step attack whose accuracies are logged."""
        strong = self.monitor_attack
        if strong is None and self.attack is not None:
            strong = pgd(self.attack.radius, 10, p=self.attack.p, clip=self.attack.clip)
        return strong and fgsm(strong.radius, p=strong.p, clip=strong.clip), strong
