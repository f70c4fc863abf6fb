"""The tables that the later versions of the paper print, and what follows from their numbers.

From notes on the ICML text (PMLR 267:35231; its Table 1 and Table 2, PDF page 8), not from the text itself: MNIST with
LeNet of several widths, l_inf radius 0.3, CIFAR-10 with WRN-34, 8/255, projected gradients, no number of seeds given.

Source: later-table-1; later-table-2.
"""

from dataclasses import dataclass
from typing import Literal

from empirics.images.verdicts.result import Result


@dataclass(frozen=True)
class PublishedRow:
    """Accuracies in percent.

    Attributes:
        data: "mnist" or "cifar10".
        width: as a multiple of the smallest network.
        clean_test, robust_test, robust_train: accuracies.
    """

    data: Literal["mnist", "cifar10"]
    width: int
    clean_test: float
    robust_test: float
    robust_train: float

    @property
    def gap(self) -> float:
        """Robust accuracy on train minus on test, in points."""
        return self.robust_train - self.robust_test


TABLE_1 = (
    PublishedRow("mnist", 1, 11.35, 11.35, 11.70),
    PublishedRow("mnist", 8, 11.35, 11.35, 11.70),
    PublishedRow("mnist", 12, 95.06, 77.96, 99.30),
    PublishedRow("mnist", 16, 94.85, 83.43, 99.50),
    PublishedRow("cifar10", 1, 82.56, 43.39, 64.19),
    PublishedRow("cifar10", 5, 85.83, 46.25, 97.37),
    PublishedRow("cifar10", 10, 86.05, 50.08, 99.57),
)
# Patch data: clean and robust accuracy on train and on test, in percent.
TABLE_2 = {"clean train": 100.0, "robust train": 100.0, "clean test": 98.5, "robust test": 17.5}
# Of MNIST's test set: 1,135 ones among 10,000 images. Who always says 1 has this accuracy, attacked or not.
ONES_IN_MNIST_TEST = 1135 / 10_000


def says_always_one(row: PublishedRow) -> bool:
    """Whether both test accuracies are, to the printed digits, those of the classifier that always says 1."""
    return row.data == "mnist" and row.clean_test == row.robust_test == round(100 * ONES_IN_MNIST_TEST, 2)


def published_gaps(data: str) -> list[tuple[int, float]]:
    """(width, gap in points) of one data set, by width."""
    return [(row.width, round(row.gap, 2)) for row in TABLE_1 if row.data == data]


def measured_gaps(result: Result) -> list[tuple[float, float]]:
    """(width, mean gap in points) of our own sweep of widths, the result of the experiment "memorization"."""
    errors = {
        split: {
            record.width: sum(row[0] for row in record.values) / len(record.values)
            for record in result.select(measure="robust_error", condition="adversarial", split=split)
        }
        for split in ("train", "test")
    }
    return [(width, 100 * (errors["test"][width] - error)) for width, error in sorted(errors["train"].items())]
