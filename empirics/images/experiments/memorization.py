"""How much of a network's robust behaviour is local to its training points: the paper's conjecture, tested further.

A robust radius of an image is found by bisection on a grid of radii, with PGD of one restart as the test at each: the
attack fails there and succeeds at the next, so the true one may be smaller. Images that the *clean* network has right,
with a radius below the training radius, are its small-margin points.

Source: conjecture-robust-memorization; adversarial training finds `f_adv`, right on the balls of the training points
and as clean training elsewhere.
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.spatial.distance import cdist
from scipy.stats import spearmanr
from torch import nn

from empirics.images.experiments.kept import kept, losses, record
from empirics.images.experiments.presets import Preset
from empirics.images.experiments.trained import Condition, Place, Run, trained
from empirics.images.training.attacks import LOSSES, correct, pgd, robust_correct
from empirics.images.training.data import Images
from empirics.images.verdicts.result import Record

PARTS = ("train", "test")
# The grid of radii: multiples of an eighth of the training radius, up to four of it.
PITCH, LEVELS = 8, 5


def robust_levels(
    model: nn.Module,
    images: Images,
    radius: float,
    *,
    steps: int,
    seed: int,
    levels: int = LEVELS,
    losses: Sequence[str] = LOSSES,
) -> np.ndarray:
    """Index on the grid `k radius / 8`, k = 0, …, `2^levels - 1`, of the largest robust radius; -1 if there is none.

    Bisection: at each level the images that wait at one radius are attacked together. The answer k means that the
    attack failed at k and, unless k is the last, succeeded at k + 1.

    Args:
        model: in eval mode.
        images: on the model's device.
        radius: of training.
        steps: of PGD.
        seed: of its random starts.
        levels: of bisection.
        losses: that PGD ascends.
    """
    generator = torch.Generator(images.x.device).manual_seed(seed)
    low = np.where(correct(model, images.x, images.y).cpu().numpy(), 0, -1)
    high = np.where(low == 0, 2**levels, 0)
    while (high - low > 1).any():
        middle = (low + high) // 2
        waiting = high - low > 1
        for k in np.unique(middle[waiting]):
            rows = np.flatnonzero(waiting & (middle == k))
            some = torch.from_numpy(rows).to(images.x.device)
            attack = pgd(k * radius / PITCH, steps)
            stays = robust_correct(model, images.x[some], images.y[some], attack, generator, losses=losses)
            right = stays.cpu().numpy()
            low[rows[right]], high[rows[~right]] = k, k
    return low


def nearest_of_class(images: Images, others: Images) -> np.ndarray:
    """l_∞ distance of each image to the nearest of the others with the same label."""
    points, labels = images.x.flatten(1).cpu().numpy(), images.y.cpu().numpy()
    found = np.full(len(points), np.inf)
    for label in np.unique(labels):
        theirs = others.x[others.y == int(label)].flatten(1).cpu().numpy()
        mine = labels == label
        if len(theirs):
            found[mine] = cdist(points[mine], theirs, "chebyshev").min(axis=1)
    return found


def measure(preset: Preset, place: Place) -> tuple[list[Record], list[Run]]:
    """Robust radii, small-margin points, dependence on the nearest training point, and the sweep of widths."""
    found: dict[str, list[Run]] = {
        name: trained(preset, Condition(name, radius, preset.width), place)
        for name, radius in (("adversarial", preset.radius), ("clean", 0.0))
    }
    records: list[Record] = []
    levels: dict[tuple[str, str], list[np.ndarray]] = {}
    for name, runs in found.items():
        for part in PARTS:
            place.say(f"robust radii, {name}, {part}")
            levels[name, part] = [_levels(run, part) for run in runs]
            records += _radii(runs, part, levels[name, part])
    for part in PARTS:
        records.append(_rescued(found["adversarial"], part, levels["clean", part], levels["adversarial", part]))
    records += _nearest(found["adversarial"], levels["adversarial", "test"])
    records += _dependence(found, levels)
    used = [run for runs in found.values() for run in runs]
    for width in preset.widths:
        runs = trained(preset, Condition("adversarial", preset.radius, width), place)
        used += runs if width != preset.width else []
        for part in PARTS:
            errors = [losses(run, preset.epochs, part, images=preset.attacked)["robust_error"] for run in runs]
            records.append(record(runs, part, "robust_error", (preset.radius,), [[e] for e in errors]))
    return records, used


def _levels(run: Run, part: str) -> np.ndarray:
    preset = run.preset
    settings = {
        "part": part,
        "images": preset.attacked,
        "radius": preset.radius,
        "steps": preset.test_steps,
        "losses": preset.losses,
        "grid": [PITCH, LEVELS],
    }

    def found() -> dict[str, list[int]]:
        images = run.part(part, preset.attacked)
        search = {"steps": preset.test_steps, "seed": run.seed}
        levels = robust_levels(run.model(), images, preset.radius, **search, losses=preset.losses)
        return {"levels": levels.tolist()}

    return np.array(kept(run, f"robust-radii-{part}", settings, found)["levels"])


def _radii(runs: list[Run], part: str, levels: list[np.ndarray]) -> list[Record]:
    preset = runs[0].preset
    grid = tuple(k * preset.radius / PITCH for k in range(2**LEVELS))
    return [
        record(runs, part, "robust_fraction", grid, [[(row >= k).mean() for k in range(2**LEVELS)] for row in levels]),
        record(runs, part, "robust_share", (preset.radius,), [[(row >= PITCH).mean()] for row in levels]),
        record(runs, part, "robust_share_of_right", (preset.radius,), [[_share_of_right(row)] for row in levels]),
        record(runs, part, "robust_radius", (0.0,), [[row.clip(0).mean() * preset.radius / PITCH] for row in levels]),
    ]


def _share_of_right(levels: np.ndarray) -> float:
    """Of the images that are classified correctly, the share that stays so; 1 if there is none."""
    right = levels >= 0
    return float((levels[right] >= PITCH).mean()) if right.any() else 1.0


def _rescued(runs: list[Run], part: str, clean: list[np.ndarray], adversarial: list[np.ndarray]) -> Record:
    """Of the points that the clean network has right, with a small margin, the share that the other is robust on."""
    small = [(row >= 0) & (row < PITCH) for row in clean]
    if not all(s.any() for s in small):
        raise ValueError(f"the clean network has no small-margin {part} points at radius {runs[0].preset.radius}")
    rows = [[(row[s] >= PITCH).mean(), s.mean()] for row, s in zip(adversarial, small, strict=True)]
    return record(runs, part, "rescued_share", (runs[0].preset.radius, 0.0), rows)


def _nearest(runs: list[Run], levels: list[np.ndarray]) -> list[Record]:
    """Robustness of test points by their distance to the nearest training point of their class."""
    radius = runs[0].preset.radius
    correlations, shares, distances, inside = [], [], [], []
    for run, row in zip(runs, levels, strict=True):
        distance = nearest_of_class(run.part("test", run.preset.attacked), run.split.train)
        correlations.append([_rank_correlation(row, distance)])
        quarters = np.array_split(np.argsort(distance, kind="stable"), 4)
        shares.append([float((row[q] >= PITCH).mean()) for q in quarters])
        distances.append([float(distance[q].mean()) for q in quarters])
        inside.append([float((distance <= radius).mean())])
    quarter = (1.0, 2.0, 3.0, 4.0)
    return [
        record(runs, "test", "distance_correlation", (0.0,), correlations),
        record(runs, "test", "robust_share_by_quarter", quarter, shares),
        record(runs, "test", "distance_by_quarter", quarter, distances),
        record(runs, "test", "inside_a_training_ball", (radius,), inside),
    ]


def _dependence(found: dict[str, list[Run]], levels: dict[tuple[str, str], list[np.ndarray]]) -> list[Record]:
    """Rank correlations of robust radius and distance, to training images and to as many held-out ones.

    A class that is dense in images is near to both: only the difference speaks of the training images themselves.
    """
    records = []
    for name, runs in found.items():
        rows = []
        for run, row in zip(runs, levels[name, "test"], strict=True):
            attacked = run.preset.attacked
            images, rest = run.part("test", attacked), run.part("test").after(attacked)
            count = min(len(rest), len(run.split.train))
            near = [nearest_of_class(images, others.head(count)) for others in (run.split.train, rest)]
            rows.append([_rank_correlation(row, distance) for distance in near])
        records.append(record(runs, "test", "dependence_correlations", (0.0, 1.0), rows))
    return records


def _rank_correlation(levels: np.ndarray, distance: np.ndarray) -> float:
    """0 where a constant row, or no finite distance, leaves no ranks to correlate."""
    known = np.isfinite(distance)
    if len(np.unique(levels[known])) < 2 or len(np.unique(distance[known])) < 2:
        return 0.0
    return float(spearmanr(levels[known], distance[known]).statistic)
