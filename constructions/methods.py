"""The builders behind `--method`: each takes the points, the labels and the options of the command line."""

import argparse
from collections.abc import Callable
from typing import Any

from constructions.networks.network import ReLUNetwork

# Data sets by name whose coordinates are pixels.
_IMAGES = {"digits": (8, 8), "mnist5k": (28, 28), "mnist": (28, 28), "fashion-mnist": (28, 28), "cifar10": (32, 32, 3)}
# Options that are for some methods only.
_OPTIONS = ("clean", "small", "shell", "image", "seconds", "resume", "scheduler", "device")
Built = Callable[[Any, Any, argparse.Namespace, Any], Any]


def build(points: Any, labels: Any, options: argparse.Namespace, client: Any) -> Any:
    """The memorizer by `options.method`.

    Raises:
        ValueError: for an option that the method has not, or bad input.
    """
    builder, known = _METHODS[options.method]
    if given := [f"--{name}" for name in _OPTIONS if name not in known and getattr(options, name) is not None]:
        raise ValueError(f"--method {options.method} needs no {' or '.join(given)}: leave it out")
    return builder(points, labels, options, client)


def _indicators(points: Any, labels: Any, options: argparse.Namespace, client: Any) -> Any:
    from constructions.memorizers.memorizer import robust_memorizer

    return robust_memorizer(
        points,
        labels,
        radius=options.radius,
        p=options.p,
        clean=ReLUNetwork.load(options.clean) if options.clean else None,
        shell=options.shell,
        small=options.small or "auto",
        method=options.method,
        seed=options.seed,
        progress=True,
        client=client,
        device=options.device,
    )


def _rules(points: Any, labels: Any, options: argparse.Namespace, client: Any) -> Any:
    from constructions.rules.memorizer import rule_memorizer

    return rule_memorizer(
        points,
        labels,
        radius=options.radius,
        p=options.p,
        shell=options.shell,
        image=_image(options),
        seed=options.seed,
        seconds=options.seconds,
        resume=options.resume,
        progress=True,
    )


def _compact(points: Any, labels: Any, options: argparse.Namespace, client: Any) -> Any:
    from constructions.compact.memorizer import compact_memorizer

    image = _image(options)
    return compact_memorizer(
        points,
        labels,
        radius=options.radius,
        p=options.p,
        shell=options.shell,
        # Of one channel.
        image=image if image is None or len(image) == 2 else None,
        seed=options.seed,
        seconds=options.seconds,
        progress=True,
    )


def _bits(points: Any, labels: Any, options: argparse.Namespace, client: Any) -> Any:
    from constructions.bits.memorizer import code_memorizer

    arithmetic = "float64" if options.arithmetic == "float64" else "reals"
    return code_memorizer(
        points, labels, radius=options.radius, p=options.p, arithmetic=arithmetic, seed=options.seed, progress=True
    )


def _image(options: argparse.Namespace) -> tuple[int, ...] | None:
    if options.image is None:
        return _IMAGES.get(options.data)
    try:
        return tuple(int(side) for side in options.image.split(","))
    except ValueError:
        raise ValueError(f"--image needs HEIGHT,WIDTH or HEIGHT,WIDTH,CHANNELS, got {options.image!r}") from None


_METHODS: dict[str, tuple[Built, tuple[str, ...]]] = {
    "shared": (_indicators, ("clean", "small", "shell", "scheduler", "device")),
    "per_point": (_indicators, ("clean", "small", "shell", "scheduler", "device")),
    "rules": (_rules, ("shell", "image", "seconds", "resume", "scheduler")),
    "compact": (_compact, ("shell", "image", "seconds")),
    "bits": (_bits, ()),
}
