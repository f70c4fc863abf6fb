"""The control whose curve is known: the network of Theorem 3.3 that memorizes the training images at the radius.

On `B_∞(x_i, radius)` its logits are constant, and so they are a quarter of the shell further: around a training image
both measures are exactly 0 there, and the gradient norm jumps at the edge.
"""

from dataclasses import asdict

from constructions import robust_memorizer
from empirics.images.data import Split, load_images
from empirics.images.measures import Curves, flatness_curves
from empirics.images.models import as_classifier
from empirics.images.presets import Preset
from empirics.images.result import Record, rounded
from empirics.images.runs import Place

MEASURES = ("gradient_norm", "loss_change")


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


def _curves(preset: Preset, split: Split, seed: int) -> dict[str, Curves]:
    points, labels = split.train.x.flatten(1).double().numpy(), split.train.y.tolist()
    memorizer = robust_memorizer(points, labels, radius=preset.radius, p=float("inf"), small="all", seed=seed)
    model = as_classifier(memorizer.network).eval()
    found = {}
    for part, images in (("train", split.train), ("test", split.test)):
        some = images.head(preset.epoch_images)
        found[part] = flatness_curves(
            model, some.x, some.y, preset.radii, clip=True, seed=seed, **asdict(preset.search)
        )
    return found
