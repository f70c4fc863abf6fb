"""The control whose curve is known: the network of Theorem 3.3 that memorizes training images at the radius.

Where no other soft indicator is positive on `B_∞(x_i, radius)` its logits are constant there, and a quarter of the
shell further: both measures are exactly 0 up to there, and the gradient norm jumps at the edge. Where shells of images
*of the same label* overlap the logits are a sum that varies, and `f̂`, like `f_adv`, is right but not flat. So images
that are near one of their own label are left out of its sample.
"""

from dataclasses import asdict, replace

import numpy as np
from scipy.spatial.distance import cdist

from constructions import robust_memorizer
from constructions.memorizers.clean import fit_clean
from constructions.samples.sample import read_sample
from empirics.images.experiments.presets import Preset
from empirics.images.experiments.trained import Place
from empirics.images.flatness.search import Curves, flatness_curves
from empirics.images.training.data import Images, Split, load_images
from empirics.images.training.models import as_classifier
from empirics.images.verdicts.result import Record, rounded

MEASURES = ("gradient_norm", "loss_change")
# Over the training radius.
SHELL = 0.5


def measure(preset: Preset, place: Place) -> list[Record]:
    """The curves around training and test images, the memorizer of each seed's training images built anew."""
    values: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for seed in preset.seeds:
        place.say(f"constructed memorizer, seed {seed}")
        split = load_images(preset.dataset, train=preset.train, test=preset.test, seed=seed, data_root=place.data_root)
        for part, found in _curves(preset, split, seed).items():
            for name in MEASURES:
                values.setdefault((part, name), []).append(rounded([getattr(found, name).mean(axis=1)])[0])
    return [
        Record(
            condition="constructed",
            radius=preset.radius,
            epoch=0,
            split=part,
            clip=True,
            measure=name,
            at=preset.radii,
            values=tuple(rows),
            width=preset.width,
        )
        for (part, name), rows in values.items()
    ]


def apart(images: Images, distance: float) -> Images:
    """The images without those within a l_∞ distance of an earlier one that stays."""
    points = images.x.flatten(1).numpy()
    near = cdist(points, points, "chebyshev") <= distance
    kept: list[int] = []
    for k in range(len(points)):
        if not near[k, kept].any():
            kept.append(k)
    return replace(images, x=images.x[np.array(kept)], y=images.y[np.array(kept)])


def _curves(preset: Preset, split: Split, seed: int) -> dict[str, Curves]:
    shell = SHELL * preset.radius
    train = apart(split.train, 2 * preset.radius + shell)
    points, labels = train.x.flatten(1).double().numpy(), train.y.tolist()
    sample = read_sample(points, labels)
    # Beyond the balls it is to be a classifier, as a trained network is.
    clean = fit_clean(sample.points, sample.codes, sample.outputs, seed=seed)
    memorizer = robust_memorizer(
        points, labels, radius=preset.radius, p=float("inf"), clean=clean, shell=shell, small="all"
    )
    model = as_classifier(memorizer.network).eval()
    found = {}
    for part, images in (("train", train), ("test", split.test)):
        some = images.head(preset.epoch_images)
        found[part] = flatness_curves(
            model, some.x, some.y, preset.radii, clip=True, seed=seed, **asdict(preset.search)
        )
    return found
