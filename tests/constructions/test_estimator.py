"""`RobustMemorizerClassifier` is a classifier of scikit-learn, and what it claims is what `robust_memorizer` claims."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from constructions import Affine, RobustMemorizerClassifier, robust_memorizer
from theory import separation
from theory.errors import AssumptionError

# The inputs of these checks are arrays of all kinds, and scikit-learn reads their types itself.
pytestmark = pytest.mark.usefixtures("untyped")

POINTS = np.random.default_rng(0).random((30, 4))
SIGNS, NAMES = [1, -1] * 15, ["c", "a", "b"] * 10
FLOWERS, KINDS = load_iris(return_X_y=True)
# Two irises are equal, and two of different kinds near: no more than one of equal points is kept.
FLOWERS, _first = np.unique(FLOWERS, axis=0, return_index=True)
KINDS = KINDS[_first]


@parametrize_with_checks([RobustMemorizerClassifier(), RobustMemorizerClassifier(p="inf", small="all")])
def test_scikit_learn_finds_no_fault(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("labels", [SIGNS, NAMES, [str(label) for label in SIGNS], [7, 3, 9] * 10])
@pytest.mark.parametrize("small", ["auto", "all"])
@pytest.mark.parametrize("p", [1, 2, "inf"])
def test_every_training_ball_is_certified_and_right(labels: list[Any], small: str, p: Any) -> None:
    model = RobustMemorizerClassifier(0.02, p=p, small=small).fit(POINTS, labels)
    assert model.certificate_.certified.all()
    assert model.certificate_.radius == model.radius_ == 0.02
    assert model.certificate_.arithmetic == "reals"
    assert model.certificate_.is_of(model.memorizer_.network, POINTS, model.memorizer_.task.sample.labels)
    assert model.size_.nonzero == model.memorizer_.network.nonzero
    assert model.classes_.tolist() == sorted(set(labels))
    assert model.n_features_in_ == 4
    # The radius in l_inf, divided by d, is in every ball.
    moved = POINTS + 0.02 / 4 * np.random.default_rng(1).uniform(-1, 1, POINTS.shape)
    for x in (POINTS, moved):
        assert model.predict(x).tolist() == labels
        assert model.score(x, labels) == 1.0
        values = model.decision_function(x)
        assert values.shape == ((30,) if len(set(labels)) == 2 else (30, 3))


def test_two_classes_are_the_signs_of_one_output_in_their_order() -> None:
    model = RobustMemorizerClassifier(0.02).fit(POINTS, ["yes" if label > 0 else "no" for label in SIGNS])
    assert model.classes_.tolist() == ["no", "yes"]
    assert np.array_equal(np.sign(model.decision_function(POINTS)), SIGNS)
    assert model.memorizer_.network.outputs == 1


def test_it_is_robust_memorizer_with_the_same_arguments() -> None:
    given: dict[str, Any] = {"p": 1, "small": [0, 3, 4, 29], "method": "per_point", "shell": 0.01, "seed": 3}
    given["clean"] = Affine(np.ones((1, 4)), np.full(1, -2.0))
    with pytest.warns(match="no proof for"):
        model = RobustMemorizerClassifier(0.03, **given).fit(POINTS, SIGNS)
    with pytest.warns(match="no proof for"):
        built = robust_memorizer(POINTS, SIGNS, radius=0.03, **given)
    assert np.array_equal(model.decision_function(POINTS + 0.1), built(POINTS + 0.1)[:, 0])
    assert model.size_.to_dict() == built.size.to_dict()
    assert not model.certificate_.certified.all()


def test_without_a_radius_it_is_a_quarter_of_the_separation() -> None:
    model = RobustMemorizerClassifier(p="inf").fit(POINTS, NAMES)
    assert model.radius_ == separation(POINTS, NAMES, np.inf).distance / 4
    assert model.radius is None


def test_in_a_pipeline_the_radius_is_in_scaled_units() -> None:
    model = make_pipeline(StandardScaler(), RobustMemorizerClassifier(0.05, small="all")).fit(FLOWERS * 100, KINDS)
    last = model[-1]
    assert last.certificate_.certified.all()
    scaled = StandardScaler().fit_transform(FLOWERS * 100)
    assert np.array_equal(last.memorizer_.task.sample.points, scaled)
    # A shift by the radius after scaling, the 0.05 of a deviation before it.
    shift = np.zeros(4)
    shift[2] = 0.05 * (FLOWERS[:, 2] * 100).std() * (1 - 1e-9)
    assert model.score(FLOWERS * 100 + shift, KINDS) == 1.0


def test_it_is_cloned_searched_and_cross_validated() -> None:
    model = make_pipeline(StandardScaler(), RobustMemorizerClassifier(seed=1))
    # On the mean: of the last fold a hidden layer of another seed gets three quarters right.
    assert cross_val_score(model, FLOWERS, KINDS, cv=3).mean() > 0.8
    search = GridSearchCV(model, {"robustmemorizerclassifier__radius": [0.01, 0.05]}, cv=3).fit(FLOWERS, KINDS)
    assert search.best_estimator_[-1].certificate_.certified.all()
    assert clone(model[-1]).get_params() == {
        **{"clean": None, "method": "shared", "p": 2, "radius": None},
        **{"seed": 1, "shell": None, "small": "auto"},
    }


def test_it_can_be_pickled() -> None:
    model = RobustMemorizerClassifier(0.02).fit(POINTS, NAMES)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.decision_function(POINTS), model.decision_function(POINTS))
    assert again.certificate_.certified.all()


@pytest.mark.parametrize("y", [np.array([SIGNS, SIGNS]).T, [[1, 0], [0, 1]] * 15])
def test_several_labels_a_point_are_refused(y: Any) -> None:
    with pytest.raises(ValueError, match=r"one label a point, y of shape \(n,\), got 2: fit one classifier for each"):
        RobustMemorizerClassifier().fit(POINTS, y)
    assert MultiOutputClassifier(RobustMemorizerClassifier()).fit(POINTS, y).score(POINTS, np.array(y)) == 1.0


def test_nothing_is_read_below_a_mask_or_merged() -> None:
    masked = np.ma.masked_array(POINTS, POINTS > 0.9)
    with pytest.raises(ValueError, match="points must have no masked entries"):
        RobustMemorizerClassifier().fit(masked, SIGNS)
    with pytest.raises(ValueError, match="labels must have no masked entries"):
        RobustMemorizerClassifier().fit(POINTS, np.ma.masked_array(SIGNS, np.arange(30) < 1))
    model = RobustMemorizerClassifier(small="all").fit(np.ma.masked_array(POINTS), SIGNS)
    with pytest.raises(ValueError, match="points must have no masked entries"):
        model.predict(masked)
    with pytest.raises(ValueError, match="must not read the same, got 3 of which an array has 2"):
        RobustMemorizerClassifier().fit(POINTS[:4], ["1", 1, "2", "2"])
    with pytest.raises(ValueError, match="must not read the same"):
        RobustMemorizerClassifier().fit(POINTS[:4], ("1.5", 1.5, "2", "2"))
    # An array ends text at its last character that is not NUL; that one class is left is not what is wrong.
    for merged in (["1", 1, "1", 1], ["a", "a\0", "a", "a"]):
        with pytest.raises(ValueError, match="must not read the same, got 2 of which an array has 1"):
            RobustMemorizerClassifier().fit(POINTS[:4], merged)


@pytest.mark.parametrize("seed", [None, 1.5, -1, 2**31, True, np.random.RandomState(0)])
def test_a_seed_is_a_whole_number(seed: Any) -> None:
    with pytest.raises(ValueError, match="seed must be a whole number"):
        RobustMemorizerClassifier(seed=seed).fit(POINTS, SIGNS)


def test_what_has_no_memorizer_is_refused() -> None:
    with pytest.raises(AssumptionError, match="got labels a and b for the equal points 0 and 2"):
        RobustMemorizerClassifier().fit(POINTS[[0, 1, 0]], ["a", "b", "b"])
    with pytest.raises(AssumptionError, match="for the equal points 0 and 2"):
        RobustMemorizerClassifier(0.1).fit(POINTS[[0, 1, 0]], ["a", "b", "b"])
    with pytest.raises(AssumptionError, match="at least two classes, got only one class: 'a'"):
        RobustMemorizerClassifier().fit(POINTS, ["a"] * 30)
    with pytest.raises(AssumptionError, match="take a radius below"):
        RobustMemorizerClassifier(5.0).fit(POINTS, SIGNS)
    with pytest.raises(NotFittedError):
        RobustMemorizerClassifier().predict(POINTS)


def test_the_package_does_not_load_scikit_learn_for_it() -> None:
    code = "import constructions, sys; constructions.robust_memorizer; assert 'sklearn' not in sys.modules"
    code += "; constructions.RobustMemorizerClassifier; assert 'sklearn' in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)


@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.bfloat16])
def test_tensors_are_read_as_their_numbers(kind: Any) -> None:
    """With a gradient too; bfloat16 has numbers that numpy has not."""
    points = torch.tensor(POINTS).to(kind).requires_grad_()
    model = RobustMemorizerClassifier(1e-3, p="inf").fit(points, torch.tensor(SIGNS))
    plain = points.detach().double().numpy()
    assert np.array_equal(model.memorizer_.task.sample.points, plain)
    assert model.predict(points).tolist() == list(SIGNS)
    assert np.array_equal(model.decision_function(points), model.decision_function(plain))
