"""What a `constructions.Construction` claims: the task asked for, an exact size, true certificates of what it holds."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from constructions.certificates.any_network import certify
from constructions.certificates.digests import network_digest
from constructions.certificates.guided_attack import guided_attack
from constructions.memorizers.construction import Construction
from constructions.networks.network import Affine, ReLUNetwork
from constructions.suite.building import Built, build
from constructions.suite.failure import CheckFailed, NotChecked, require
from constructions.suite.strategies import Instance
from constructions.suite.trials import Trials
from theory.errors import AssumptionError
from theory.setting.nearest import nearest_of_other_label

_ARITHMETICS = ("reals", "float64", "float32")


def contract_is_kept(trials: Trials) -> None:
    """Fails when a part of the contract is missing, or the task is not the one that was asked for."""
    for built in trials.all_in_text():
        made, instance = built.made, built.instance
        if not isinstance(made, Construction):
            missing = [name for name in ("network", "task", "size", "certify", "save") if not hasattr(made, name)]
            raise CheckFailed(f"{type(made).__name__} is no constructions.Construction, it has no {', '.join(missing)}")
        task = made.task
        require(np.array_equal(task.sample.points, instance.points), "the task has other points than were given")
        require(task.sample.labels == list(instance.labels), "the task has other labels than were given")
        asked = (instance.radius, instance.p) + ((instance.shell,) if "shell" in trials.passed else ())
        held = (task.radius, task.p) + ((task.shell,) if "shell" in trials.passed else ())
        require(held == asked, f"the task has radius, p, shell = {held}, asked for were {asked}")


def labels_are_those_that_were_given(trials: Trials) -> None:
    """Fails when the network does not know the labels that the builder took."""
    for built in trials.all_in_text():
        instance = built.instance
        at_points = certify(built.network, instance.points, instance.labels, 0.0, instance.p)
        require(at_points.count("refuted") == 0, f"at the points themselves: {_line(at_points)}")


def count_is_exact(trials: Trials) -> None:
    """Fails when the size is not that of the network, or the formula is wrong."""
    for _, made in _made(trials):
        size = made.size
        entries = [np.asarray(matrix) for f in made.network.layers for matrix in (_dense(f.weight), f.bias)]
        counted = sum(np.count_nonzero(matrix) for matrix in entries)
        require(size.nonzero == counted, f"size.nonzero is {size.nonzero}, the network has {counted}")
        total = sum(matrix.size for matrix in entries)
        require(size.parameters == total, f"size.parameters is {size.parameters}, the network has {total}")
        formula = size.formula_nonzero
        require(formula == counted, f"size.formula_nonzero is {formula}, the network has {counted} non-zeros")
        require(size.general >= counted, f"size.general is {size.general}, below the {counted} non-zeros there are")


def every_ball_is_certified(trials: Trials) -> None:
    """Fails when the construction cannot prove what it was built for."""
    for _, made in _made(trials):
        certificate = made.certify()
        require(certificate.certified.all(), _line(certificate))


def certificates_say_what_they_speak_of(trials: Trials) -> None:
    """Fails when a certificate is of another arithmetic, norm, radius or sample than was asked for."""
    for built, made in _made(trials):
        instance = built.instance
        for arithmetic in _ARITHMETICS:
            found = made.certify(arithmetic)
            require(found.arithmetic == arithmetic, f"asked for {arithmetic}, certified for {found.arithmetic}")
            held, asked = (found.p, found.radius), (instance.p, made.task.radius)
            require(held == asked, f"the certificate has p, radius = {held}, the task {asked}")
            require(
                found.is_of(made.network, instance.points, instance.labels),
                f"the certificate for {arithmetic} is not of this network, these points and labels",
            )
        try:
            made.certify("nonsense")
        except ValueError as error:
            require("arithmetic" in str(error), f"another arithmetic is refused without its name: {error}")
        else:
            raise CheckFailed('certify("nonsense") raises no ValueError')


def task_of_now_is_certified(trials: Trials) -> None:
    """Fails when certify speaks of another task than the one held now: a ball with a point of another label is none."""
    for _, made in _made(trials):
        task = made.task
        sample = task.sample
        farthest = float(nearest_of_other_label(sample.points, sample.codes, task.p).distances.max())
        wide = replace(made, task=replace(task, radius=2 * farthest)).certify()
        require(not wide.certified.any(), "with a radius that reaches other labels in its task, balls are certified")
        other = np.roll(sample.codes, 1)
        exchanged = replace(made, task=replace(task, sample=replace(sample, codes=other))).certify()
        require(
            not exchanged.certified[other != sample.codes].any(),
            "with other labels in its task, balls of points that have another one now are certified",
        )


def certificates_are_true(trials: Trials) -> None:
    """Fails when a point of a ball has a smaller margin than was proved; over the reals and executed."""
    for built, made in _made(trials):
        task, instance = made.task, built.instance
        ball = task.radius, task.p
        worst, where = guided_attack(made.network, instance.points, instance.labels, *ball, shell=task.shell)
        for arithmetic in _ARITHMETICS:
            lower = made.certify(arithmetic).lower
            # The attack rounds in float64; a lower bound of 1 is met to the last bits.
            over = lower - worst - 1e-4 * np.abs(worst)
            i = int(over.argmax())
            if not over[i] <= 0:
                distance = np.linalg.norm(where[i] - instance.points[i], task.p)
                raise CheckFailed(
                    f"point {i}, at distance {distance:.6g} of radius {task.radius:.6g} in l_{task.p:g}: margin "
                    f"{worst[i]:.6g}, certified for {arithmetic} were {lower[i]:.6g}",
                    point=i,
                    x=where[i],
                    margin=float(worst[i]),
                )


def network_of_now_is_certified(trials: Trials) -> None:
    """Fails when certify repeats what was true of another network: with the signs changed nothing may stand."""
    for _, made in _made(trials):
        *rest, last = made.network.layers
        changed = ReLUNetwork((*rest, Affine(-last.weight, -last.bias)), made.network.classes)
        for arithmetic in ("reals", "float64"):
            certified = replace(made, network=changed).certify(arithmetic).certified
            require(not certified.any(), f"with the signs of its network changed, balls are certified, {arithmetic}")


def what_has_no_room_is_refused(trials: Trials) -> None:
    """Fails when balls that meet are taken for a task."""
    for built in trials.all_in_text():
        instance = built.instance
        radius = 8 * instance.radius + 32 * instance.shell + 1
        try:
            build(trials.builder, replace(instance, radius=radius), trials.passed)
        except trials.claims.refuses as error:
            require(
                not isinstance(error, AssumptionError) or "separation" in str(error),
                f"balls that meet are refused without the separation: {error}",
            )
        else:
            raise CheckFailed(f"radius {radius:.6g}, whose balls meet those of other labels, is taken for a task")


def saved_network_is_the_same(trials: Trials) -> None:
    """Fails when the file holds another network, or its classes are lost."""
    # No number of a third is short in binary.
    points = np.array([[0.0, 0.0], [1.0, 1 / 3], [1 / 7, 1.0]])
    labels: Any = np.array([-1, 1, -1]) if trials.claims.binary else ["class 9", "class 8", "class 7"]
    refused = 0
    for p in trials.norms:
        outputs = 1 if trials.claims.binary else 3
        clean = ReLUNetwork((Affine(np.ones((outputs, 2)), np.zeros(outputs)),))
        try:
            made = trials.try_one(Instance(points, labels, clean, p, 0.125, 0.0625, "thirds")).made
        except NotChecked:
            refused += 1
            continue
        with TemporaryDirectory() as folder:
            path = Path(folder) / "network.npz"
            made.save(path)
            loaded = ReLUNetwork.load(path)
        require(network_digest(loaded) == network_digest(made.network), "the saved network is another one")
        classes = tuple(sorted(set(list(labels))))
        require(loaded.classes == classes, f"the saved network has the classes {loaded.classes}, given were {classes}")
    if refused == len(trials.norms):
        raise NotChecked("the builder refused the sample")


def _made(trials: Trials) -> Iterator[tuple[Built, Any]]:
    return ((built, built.made) for built in trials.all_in_text())


def _dense(weight: Any) -> np.ndarray:
    return weight if isinstance(weight, np.ndarray) else np.asarray(weight.toarray())


def _line(certificate: Any) -> str:
    return " ".join(str(certificate).split())
