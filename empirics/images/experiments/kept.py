"""Measurements of trained runs, kept beside them, so that nothing is measured twice."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from constructions.networks.whole_file import write_whole
from empirics.images.experiments.trained import Run, accuracy_attack
from empirics.images.flatness.search import flatness_curves
from empirics.images.training.attacks import robust_correct
from empirics.images.training.data import Images
from empirics.images.verdicts.result import Record, rounded
from empirics.progress import bar

Content = dict[str, Any]


def curves(
    run: Run, epoch: int, part: str, radii: tuple[float, ...], *, clip: bool, images: int
) -> dict[str, tuple[float, ...]]:
    """Averages over images of the maximum gradient norm and the maximum loss change, for every radius.

    Args:
        run: of the network.
        epoch: after which; 0 for the start.
        part: "train" or "test".
        radii: of the balls.
        clip: whether the balls are cut off at `[0, 1]^d`.
        images: how many are averaged over.
    """
    search = asdict(run.preset.search)
    settings = {"epoch": epoch, "part": part, "radii": radii, "clip": clip, "images": images, "search": search}

    def measure() -> Content:
        some, shown = run.part(part, images), _shows(run)
        found = flatness_curves(
            run.model(epoch), some.x, some.y, radii, clip=clip, seed=run.seed, progress=shown, **search
        )
        return {
            "gradient_norm": rounded([found.gradient_norm.mean(axis=1)])[0],
            "loss_change": rounded([found.loss_change.mean(axis=1)])[0],
            "passes": found.cost.forward,
            "seconds": found.cost.seconds,
        }

    found = kept(run, f"curves-{epoch:03d}-{part}-{'box' if clip else 'ball'}", settings, measure)
    return {name: tuple(found[name]) for name in ("gradient_norm", "loss_change")}


def losses(run: Run, epoch: int, part: str, *, images: int) -> dict[str, float]:
    """Mean clean loss, clean error, and error under the test attack at the training radius of the preset."""
    attack = {"radius": run.preset.radius, "steps": run.preset.test_steps, "losses": run.preset.losses}
    settings = {"epoch": epoch, "part": part, "images": images, **attack}

    def measure() -> Content:
        some, model = run.part(part, images), run.model(epoch)
        with torch.no_grad():
            logits = model(some.x)
        return {
            "clean_loss": float(torch.nn.functional.cross_entropy(logits, some.y)),
            "clean_error": float((logits.argmax(dim=1) != some.y).float().mean()),
            "robust_error": 1 - float(robust(run, model, some).mean()),
        }

    return {key: float(value) for key, value in kept(run, f"losses-{epoch:03d}-{part}", settings, measure).items()}


def robust(run: Run, model: torch.nn.Module, some: Images, radius: float | None = None) -> np.ndarray:
    """Whether each image stays right under the test attack, at the preset's radius by default."""
    attack = accuracy_attack(run.preset, run.preset.radius if radius is None else radius)
    generator = torch.Generator(some.x.device).manual_seed(run.seed)
    pieces = list(zip(torch.split(some.x, 250), torch.split(some.y, 250), strict=True))
    right = [
        robust_correct(model, x, y, attack, generator, losses=run.preset.losses)
        for x, y in bar(pieces, "attack", show=_shows(run))
    ]
    return torch.cat(right).cpu().numpy()


def record(
    runs: list[Run],
    part: str,
    measure: str,
    at: tuple[float, ...],
    rows: Sequence[Sequence[float]],
    *,
    epoch: int | None = None,
) -> Record:
    """What was measured of runs of one condition, a row for each, on balls in `[0, 1]^d`; epoch None is the last."""
    condition = runs[0].condition
    return Record(
        condition=condition.name,
        radius=condition.radius,
        epoch=runs[0].preset.epochs if epoch is None else epoch,
        split=part,
        clip=True,
        measure=measure,
        at=at,
        values=rounded(rows),
        width=condition.width,
    )


def _shows(run: Run) -> bool:
    return run.place is not None and run.place.progress


def kept(run: Run, name: str, settings: Content, measure: Callable[[], Content]) -> Content:
    """What was measured with these settings before, or else what is measured now.

    Args:
        run: whose folder keeps it.
        name: of the file.
        settings: all that the measurement depends on, besides the network, which is read.
        measure: returns what JSON can hold.
    """
    folder = run.folder / "measured"
    folder.mkdir(exist_ok=True)
    stored = json.dumps({**settings, "network": run.digest}, sort_keys=True)
    path = folder / f"{name}-{hashlib.sha256(stored.encode()).hexdigest()[:12]}.json"
    if path.is_file():
        return dict(json.loads(path.read_text())["found"])
    started = time.perf_counter()
    found = measure()
    if run.place is not None:
        run.place.say(f"  {name}, {run.condition.slug(run.seed)}: {time.perf_counter() - started:.1f} s")
    write_whole(path, json.dumps({"settings": json.loads(stored), "found": found}))
    return found
