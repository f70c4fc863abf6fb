"""`RobustMemorizerClassifier`: `robust_memorizer` as a classifier of scikit-learn."""

import math
import sys
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from constructions.certificates.certificate import Certificate
from constructions.memorizers.memorizer import Memorizer, robust_memorizer
from constructions.memorizers.size import SizeReport
from constructions.samples.sample import read_labels
from theory.arguments.plain_array import plain_array
from theory.errors import AssumptionError
from theory.setting.separation import separation


class RobustMemorizerClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier that is right on the whole l_p ball around every training point, with the proof.

    `fit` builds `f̂` of Theorem 3.3 for the sample, see `constructions.robust_memorizer`, and certifies its balls.
    Beyond the balls and their shells it is `f_clean`; with `small="all"` and no `clean` it is 0 there, which is the
    first class. Equal points with different labels have no memorizer: `fit` raises.

    The radius is in the units of what `fit` is given. In a `Pipeline` behind a scaler these are the scaled units: a
    coordinate that was divided by s may move by δ s before it, and a `StandardScaler` is fitted anew on each fold.

    Args:
        radius: δ > 0, with `2 δ < R`; None for a quarter of the separation R of the training points, half of what is
            possible, for which R is computed twice.
        p: in [1, ∞], or "inf".
        clean: `f_clean`; None to fit a small one.
        shell: γ; None for the largest, `R - 2δ`.
        small: which points to memorize: "auto", "all", or indices of training points.
        method: "shared" or "per_point".
        seed: of the fit of `f_clean`.

    Attributes:
        classes_: the labels, sorted.
        memorizer_: the `Memorizer`; for two classes its labels are -1 and +1, in the order of `classes_`.
        certificate_: what is known of the ball around every training point, over the reals.
        size_: exact counts of the network.
        radius_: δ.
        n_features_in_: d; `feature_names_in_` where `fit` was given names.
    """

    classes_: Shaped[np.ndarray, " classes"]
    memorizer_: Memorizer
    certificate_: Certificate
    size_: SizeReport
    radius_: float
    n_features_in_: int

    def __init__(
        self,
        radius: Any = None,
        *,
        p: Any = 2,
        clean: Any = None,
        shell: Any = None,
        small: Any = "auto",
        method: str = "shared",
        seed: int = 0,
    ) -> None:
        self.radius = radius
        self.p = p
        self.clean = clean
        self.shell = shell
        self.small = small
        self.method = method
        self.seed = seed

    def fit(self, X: Any, y: Any) -> "RobustMemorizerClassifier":
        """Memorize the points.

        Args:
            X: shape (n, d), dense, real and finite, of numbers that float64 holds exactly, without masked entries; also
                a tensor of torch, of any float type and device, whose gradient is not followed.
            y: one label a point, of two classes at least.

        Raises:
            ValueError: for malformed arguments, or several labels a point.
            AssumptionError: if a hypothesis fails, such as equal points with different labels or a radius too large
                for the separation; see `robust_memorizer`.
        """
        if (several := _labels_of_a_point(y)) > 1:
            raise ValueError(
                f"RobustMemorizerClassifier needs one label a point, y of shape (n,), got {several}: fit one "
                "classifier for each, as sklearn.multioutput.MultiOutputClassifier does, or make one label of each row"
            )
        X, y = _read(X, "points"), _read(y, "labels")
        given = y
        X, y = validate_data(self, X, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        # numpy makes one text of 1 and "1".
        if isinstance(given, list | tuple) and len(set(read_labels(given))) > len(self.classes_):
            raise ValueError(
                f"labels that differ must not read the same, got {len(set(read_labels(given)))} of which an array has "
                f"{len(self.classes_)}: give all labels one type"
            )
        if len(self.classes_) < 2:
            raise AssumptionError(
                "RobustMemorizerClassifier needs at least two classes, got only one class: "
                f"{self.classes_.tolist()[0]!r}"
            )
        labels = 2 * codes - 1 if len(self.classes_) == 2 else self.classes_[codes]
        radius = self.radius
        if radius is None:
            radius = separation(X, y, self.p).distance / 4
        self.memorizer_ = robust_memorizer(
            X,
            labels,
            radius=radius,
            p=self.p,
            clean=self.clean,
            shell=self.shell,
            small=self.small,
            method=self.method,
            seed=self.seed,
        )
        self.radius_ = self.memorizer_.task.radius
        self.certificate_ = self.memorizer_.certify()
        self.size_ = self.memorizer_.size
        return self

    def decision_function(self, X: Any) -> Float[np.ndarray, "n *classes"]:
        """`f̂` at each row: shape (n,) for two classes, > 0 for `classes_[1]`, else (n, classes).

        Raises:
            NotFittedError: before `fit`.
            ValueError: for another number of features, or malformed points.
        """
        check_is_fitted(self)
        values = self.memorizer_(validate_data(self, _read(X, "points"), reset=False))
        return values[:, 0] if values.shape[1] == 1 else values

    def predict(self, X: Any) -> Shaped[np.ndarray, " n"]:
        """The label at each row; the first of those with the greatest output, for two classes that of `f̂ <= 0`.

        Raises:
            NotFittedError: before `fit`.
            ValueError: for another number of features, or malformed points.
        """
        values = self.decision_function(X)
        codes = values.argmax(axis=1) if values.ndim == 2 else (values > 0).astype(int)
        return np.asarray(self.classes_[codes])


def _read(values: Any, name: str) -> Any:
    """What scikit-learn reads wrongly or not at all, as an array: masks, and tensors with gradient or of bfloat16."""
    torch = sys.modules.get("torch")
    if isinstance(values, np.ma.MaskedArray) or (torch is not None and isinstance(values, torch.Tensor)):
        return plain_array(values, name)
    return values


def _labels_of_a_point(y: Any) -> int:
    """Columns of what may be a matrix of labels; 1 for what is none."""
    shape = np.shape(y) if hasattr(y, "shape") or isinstance(y, list | tuple) else ()
    return math.prod(shape[1:])
