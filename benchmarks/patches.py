"""Theorem 5.9 of the later versions: signal and noise after adversarial, clean and half-radius training on patches.

One row a run. With d = 1000, N = 10 points of two noise patches, m = 20 filters, σ = 2/√(d-1), λ = ½ and
δ = α(1 - 1/(√d ln d)): `clean margin` is α^q U, `least V` and `largest V` are over the training points. Test errors are
exact up to a simulated mean over directions. The steps are the first recorded at which α^q U >= 1, and all V_i >= 1.
The figure `benchmarks/results/patches.png` is drawn beside.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

from empirics.gaussian.patches import PatchRun, patch_sample, train_patches

DIM, POINTS, FILTERS = 1000, 10, 20
ALPHAS = (2.0, 3.0, 4.0, 6.0)
SEEDS = range(5)
POWERS = (2, 3)
STEPS, RATE = 20_000, 0.005
# Of noise patches, and of the entries of the filters at the start.
LENGTH, SCALE = 2.0, 0.05
SHARE = 1 - 1 / (math.sqrt(DIM) * math.log(DIM))
# λ, and the adversary's radius over α.
TRAININGS = {"adversarial": (0.5, SHARE), "clean": (0.0, SHARE), "adversarial, radius α/2": (0.5, 0.5)}
FIGURE = Path(__file__).parent / "results" / "patches.png"


def run(power: int, training: str, alpha: float, seed: int) -> PatchRun:
    weight, share = TRAININGS[training]
    sample = patch_sample(DIM, POINTS, FILTERS, alpha=alpha, seed=seed, length=LENGTH, scale=SCALE)
    return train_patches(sample, share * alpha, weight=weight, power=power, rate=RATE, steps=STEPS, record=200)


def row(found: PatchRun, training: str, seed: int) -> dict[str, Any]:
    law = found.unseen
    clean, robust = found.training_errors()
    margin = found.sample.alpha**found.power * found.u
    return {
        "q": found.power,
        "training": training,
        "alpha": found.sample.alpha,
        "seed": seed,
        "clean margin": float(margin[-1]),
        "least V": float(found.v[-1].min()),
        "largest V": float(found.v[-1].max()),
        "clean train error": clean,
        "robust train error": robust,
        "clean test error": law.error(found.clean_threshold)[0],
        "robust test error": law.error(found.robust_threshold)[0],
        "deviation of V": math.sqrt(law.variance),
        "signal at step": _first(found.step, margin >= 1),
        "noise at step": _first(found.step, found.v.min(axis=1) >= 1),
    }


def _first(step: np.ndarray, holds: np.ndarray) -> int | None:
    return int(step[holds.argmax()]) if holds.any() else None


def slope(rows: list[dict[str, Any]], power: int, training: str) -> tuple[float, float, float]:
    """Slope of ln U against ln α by least squares, and its 95 % interval over seeds, by Student's law."""
    found = []
    for seed in SEEDS:
        own = [r for r in rows if (r["q"], r["training"], r["seed"]) == (power, training, seed)]
        x = np.log([r["alpha"] for r in own])
        y = np.log([r["clean margin"] for r in own]) - power * x
        found.append(float(np.polyfit(x, y, 1)[0]))
    half = float(student.ppf(0.975, len(found) - 1)) * float(np.std(found, ddof=1)) / math.sqrt(len(found))
    mean = float(np.mean(found))
    return mean, mean - half, mean + half


def law_of_logarithms(rows: list[dict[str, Any]], power: int, training: str) -> float:
    """The slope -q + 2/(s - 2 + 2/q), s = α^q U, as a mean over the runs.

    One filter, gradient flow, small noise: `ds/dt = α² q² s^{2-2/q} / (1 + e^s)`, so `e^s s^{-(2-2/q)}` grows like
    α² t, and `s - (2 - 2/q) ln s = ln(α² T) + O(1)` has the derivative `2 = (1 - (2 - 2/q)/s) ds/d ln α`.
    """
    s = np.array([r["clean margin"] for r in rows if (r["q"], r["training"]) == (power, training)])
    return float(np.mean(-power + 2 / (s - 2 + 2 / power)))


def rows() -> list[dict[str, Any]]:
    found = [
        row(run(power, training, alpha, seed), training, seed)
        for power in POWERS
        for training in TRAININGS
        for alpha in ALPHAS
        for seed in SEEDS
    ]
    draw(found, FIGURE)
    return found


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """The three phases of one run for q = 3, and U against α."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    for axis, training in zip(axes, ("adversarial", "clean"), strict=False):
        one = run(3, training, 3.0, 0)
        axis.plot(one.step, one.sample.alpha**3 * one.u, color="C0", label="clean margin from the signal, α^q U")
        axis.plot(
            one.step, one.v, color="C1", linewidth=0.7, label=["V_i, one line a training point", *[""] * (POINTS - 1)]
        )
        axis.set(xscale="symlog", xlabel="step", title=f"{training} training, q = 3, α = 3", ylim=(-1, 13))
        axis.axhline(0, color="black", linewidth=0.5)
    axes[0].legend(fontsize="small", loc="upper left")
    axes[0].set_ylabel("share of the margin")
    for k, power in enumerate(POWERS):
        own = [r for r in rows if (r["q"], r["training"]) == (power, "adversarial")]
        x, s = np.array([r["alpha"] for r in own]), np.array([r["clean margin"] for r in own])
        mean, low, high = slope(rows, power, "adversarial")
        axes[2].loglog(
            x, s / x**power, f"C{k}o", markersize=4, label=f"q = {power}: slope {mean:.2f} [{low:.2f}, {high:.2f}]"
        )
        grid = np.array([min(ALPHAS), max(ALPHAS)])
        at = float(np.mean(s[x == min(ALPHAS)])) * grid[0] ** -power
        axes[2].loglog(grid, at * (grid / grid[0]) ** -power, f"C{k}--", linewidth=0.8, label=f"slope -{power}")
    axes[2].set_xticks(ALPHAS, [f"{a:g}" for a in ALPHAS])
    axes[2].minorticks_off()
    axes[2].set(xlabel="α", ylabel="U", title="signal at the end, adversarial training")
    axes[2].legend(fontsize="small")
    figure.savefig(path, dpi=150)
    plt.close(figure)
