"""What is recorded of a training run, and when FGSM training has failed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Above the noise of two shares of 500 images, each of deviation 0.022 at most.
_GAP = 0.1


@dataclass(frozen=True)
class EpochRecord:
    """What is known after an epoch; accuracies of the first `monitor` images, None without an attack.

    Attributes:
        epoch: from 1.
        loss: mean over the epoch of the loss that was minimised.
        learning_rate: of the last step.
        seconds: of the epoch's training steps.
        train_clean: accuracy on training images.
        train_fgsm: under one step of FGSM from a random start.
        train_pgd: under the many-step attack.
        test_clean: the same for test images.
        test_fgsm: the same for test images.
        test_pgd: the same for test images.
        catastrophic_overfitting: whether `overfits_catastrophically(train_fgsm, train_pgd)`.
        measures: what `after_epoch` returned.
    """

    epoch: int
    loss: float
    learning_rate: float
    seconds: float
    train_clean: float
    train_fgsm: float | None
    train_pgd: float | None
    test_clean: float
    test_fgsm: float | None
    test_pgd: float | None
    catastrophic_overfitting: bool
    measures: Mapping[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """One line of text."""
        shown = [f"epoch {self.epoch}: loss {self.loss:.4f}"]
        for part in ("train", "test"):
            values = {kind: getattr(self, f"{part}_{kind}") for kind in ("clean", "fgsm", "pgd")}
            shown.append(f"{part} " + ", ".join(f"{kind} {v:.1%}" for kind, v in values.items() if v is not None))
        if self.catastrophic_overfitting:
            shown.append("CATASTROPHIC OVERFITTING: robust to FGSM only")
        return "; ".join(shown)


@dataclass(frozen=True)
class TrainingLog:
    """The records of a run, one an epoch."""

    records: tuple[EpochRecord, ...]

    @property
    def overfitted_at(self) -> int | None:
        """The first epoch after which catastrophic overfitting was seen."""
        return next((record.epoch for record in self.records if record.catastrophic_overfitting), None)


def overfits_catastrophically(fgsm_accuracy: float | None, pgd_accuracy: float | None) -> bool:
    """Whether the network is robust to the one-step attack only: PGD leaves less than half of the accuracy under FGSM.

    Both in the same ball, and at least 0.1 apart. Source: Wong, Rice, Kolter (2020): in catastrophic overfitting the
    accuracy under PGD falls to 0 within an epoch while that under FGSM goes on rising.
    """
    if fgsm_accuracy is None or pgd_accuracy is None:
        return False
    return 2 * pgd_accuracy < fgsm_accuracy and fgsm_accuracy - pgd_accuracy > _GAP
