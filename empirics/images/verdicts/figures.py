"""The figures of section 4, drawn from stored results alone."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from constructions.networks.whole_file import replacing
from empirics.images.verdicts.chance import fitted
from empirics.images.verdicts.figure1 import fitted_random_labels
from empirics.images.verdicts.result import Record, Result
from empirics.images.verdicts.statistics import inside_mean

# Okabe and Ito's, which the colour-blind tell apart.
COLOURS = {
    "adversarial": "#0072B2",
    "clean": "#E69F00",
    "random labels": "#009E73",
    "initialisation": "#777777",
    "constructed": "#CC79A7",
}
STYLE = {"train": "-", "test": "--"}
# Of adversarial training alone, and darker where the balls may leave the cube, for those curves may coincide.
SPLITS = {
    ("train", True): "#0072B2",
    ("test", True): "#D55E00",
    ("train", False): "#00507F",
    ("test", False): "#A03F00",
}
MARKERS = "os^Dv*XP"
RADIUS = r"$\ell_\infty$ radius ε of the balls, pixels in [0, 1]"
NORM = r"mean of max $\|\nabla_x L\|_1$"
CHANGE = r"mean of max $L(x+\xi)-L(x)$"


def draw(results: Sequence[Result], folder: Path, endings: Sequence[str] = ("png", "svg")) -> list[Path]:
    """One figure of one experiment, a row of panels for each result.

    Args:
        results: of one experiment, such as Figure 1 on two data sets.
        folder: of the files, which are named after the results.
        endings: of their names, one format each.

    Raises:
        ValueError: for no result, or results of different experiments.
    """
    experiments = {result.experiment for result in results}
    if len(experiments) != 1:
        raise ValueError(f"a figure shows results of one experiment, got {sorted(experiments)}")
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels, columns, title = PANELS[experiments.pop()]
    # Text stays text, and the same figure gives the same file.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "section 4", "font.size": 9}):
        figure = Figure(figsize=(max(3.6 * columns, 4.2), 3.6 * len(results) + 0.5), layout="constrained")
        FigureCanvasAgg(figure)
        figure.suptitle(f"{title}: mean and standard deviation over seeds", fontsize="large")
        grid = figure.subplots(len(results), columns, squeeze=False)
        for axes, result in zip(grid, results, strict=True):
            panels(axes, result)
            # A line above the title of the panel.
            axes[0].set_title(f"{_title(result)}\n", loc="left", fontsize="medium", fontweight="bold")
        folder.mkdir(parents=True, exist_ok=True)
        stem = "-".join([results[0].name, *(result.dataset for result in results[1:])])
        paths = [folder / f"{stem}.{ending}" for ending in endings]
        for path in paths:
            with replacing(path) as partial:
                figure.savefig(partial, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
    return paths


def _title(result: Result) -> str:
    seeds = len(result.seeds)
    return f"{result.dataset}, {result.settings['model']}, {seeds} seed{'s' * (seeds > 1)}"


def _line(axis: Any, record: Record, *, scale: float = 1.0, **options: Any) -> None:
    """Mean over seeds, and a band of one standard deviation."""
    values = np.array(record.values)
    _band(axis, record.grid(), values / scale, **options)


def _band(axis: Any, at: np.ndarray, values: np.ndarray, *, floor: float | None = None, **options: Any) -> None:
    mean = values.mean(axis=0)
    deviation = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros_like(mean)
    (line,) = axis.plot(at, mean if floor is None else mean.clip(floor), **options)
    low, high = mean - deviation, mean + deviation
    if floor is not None:
        low, high = low.clip(floor), high.clip(floor)
    axis.fill_between(at, low, high, color=line.get_color(), alpha=0.15, linewidth=0)


def _legend(axis: Any, *, ncols: int = 2, below: float = -0.18) -> None:
    """Below the panel, where it hides no curve."""
    options = {"fontsize": "x-small", "frameon": False, "handlelength": 2.5}
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, below), ncols=ncols, **options)


def _radius(axis: Any, result: Result) -> None:
    axis.axvline(result.settings["radius"], color="black", linewidth=0.7, linestyle=":")


def _figure1(axes: Any, result: Result) -> None:
    from matplotlib import colormaps

    main = result.settings["radius"]
    unfitted = _named(result, "adversarial").removeprefix("adversarial")
    for axis, measure, label, title in (
        (axes[0], "gradient_norm", NORM, "gradient norm"),
        (axes[1], "loss_change", CHANGE, "change of the loss"),
    ):
        for record in result.select(condition="adversarial", radius=main, measure=measure):
            _line(
                axis,
                record,
                color=SPLITS[record.split, record.clip],
                linestyle="-" if record.clip else ":",
                label=f"{record.split}, {'balls in $[0, 1]^d$' if record.clip else 'whole balls'}{unfitted}",
            )
        _radius(axis, result)
        axis.set(xlabel=RADIUS, ylabel=label)
        axis.set_title(title, fontsize="medium", loc="right")
        _legend(axis)
    floor = _floor(result, "gradient_norm")
    for record in result.select(measure="gradient_norm", clip=True):
        if record.condition != "adversarial" or record.radius == main:
            _line(
                axes[2],
                record,
                floor=floor,
                color=COLOURS[record.condition],
                linestyle=STYLE[record.split],
                label=_named(result, record.condition) if record.split == "train" else None,
            )
    _radius(axes[2], result)
    axes[2].set(xlabel=RADIUS, ylabel=NORM, yscale="log")
    axes[2].set_title("controls, dashed: test", fontsize="medium", loc="right")
    _legend(axes[2])
    swept = sorted(
        result.select(condition="adversarial", measure="gradient_norm", split="train", clip=True),
        key=lambda record: record.radius,
    )
    for k, record in enumerate(swept):
        colour = colormaps["cividis"](0.9 * k / max(1, len(swept) - 1))
        highest = float(np.array(record.values).mean(axis=0).max()) or 1.0
        _line(axes[3], record, scale=highest, color=colour, label=f"trained at {record.radius:.3g}")
        axes[3].axvline(record.radius, color=colour, linewidth=0.7, linestyle=":")
    axes[3].set(xlabel=RADIUS, ylabel="gradient norm on train over its maximum")
    axes[3].set_title("radii of training, dotted", fontsize="medium", loc="right")
    _legend(axes[3])


def _named(result: Result, condition: str) -> str:
    learned = fitted_random_labels(result) if condition == "random labels" else fitted(result, condition)
    return condition if learned else f"{condition}, not fitted"


def _floor(result: Result, measure: str) -> float:
    """For logarithmic axes: below the least positive mean, but no more than six decades below the largest."""
    means = np.array([np.mean(record.values, axis=0) for record in result.select(measure=measure)])
    positive = means[means > 0]
    return float(max(positive.min() / 2, 1e-6 * positive.max())) if positive.size else 1e-6


def _figure2(axes: Any, result: Result) -> None:
    from matplotlib import colormaps

    epochs = sorted({record.epoch for record in result.records})
    shown = [epochs[k] for k in np.unique(np.linspace(0, len(epochs) - 1, 6).round().astype(int))]
    for axis, split in zip(axes, ("train", "test"), strict=False):
        for k, epoch in enumerate(shown):
            record = result.one(condition="adversarial", measure="gradient_norm", split=split, epoch=epoch)
            colour = colormaps["viridis"](0.95 * k / max(1, len(shown) - 1))
            _line(axis, record, color=colour, marker=".", label=f"epoch {epoch}")
        _radius(axis, result)
        axis.set(xlabel=RADIUS, ylabel=NORM)
        axis.set_title(split, fontsize="medium", loc="right")
        _legend(axis, ncols=3)
    for condition in ("adversarial", "clean"):
        for split in ("train", "test"):
            series = sorted(
                result.select(condition=condition, measure="gradient_norm", split=split),
                key=lambda record: record.epoch,
            )
            values = np.array(
                [[inside_mean(r.grid(), row, result.settings["radius"]) for row in r.rows()] for r in series]
            ).T
            _band(
                axes[2],
                np.array([r.epoch for r in series]),
                values,
                floor=float(values.min()) / 2,
                color=COLOURS[condition],
                linestyle=STYLE[split],
                label=f"{_named(result, condition)}, {split}",
            )
    axes[2].set(xlabel="epoch", ylabel=f"{NORM},\nmean over radii up to that of training", yscale="log")
    axes[2].xaxis.get_major_locator().set_params(integer=True)
    _legend(axes[2])


def _figure3(axes: Any, result: Result) -> None:
    from matplotlib.ticker import MaxNLocator

    def series(condition: str, measure: str, split: str) -> tuple[np.ndarray, np.ndarray]:
        found = sorted(
            result.select(condition=condition, measure=measure, split=split), key=lambda record: record.epoch
        )
        return np.array([r.epoch for r in found]), np.array([[row[-1] for row in r.values] for r in found]).T

    for condition in ("adversarial", "clean"):
        for split, name in (("train", "local flatness"), ("test", "global flatness")):
            at, values = series(condition, "flatness", split)
            _band(
                axes[0],
                at,
                values,
                floor=float(values.min()) / 2,
                color=COLOURS[condition],
                linestyle=STYLE[split],
                label=f"{name}, {_named(result, condition)}",
            )
    axes[0].set(xlabel="epoch", ylabel=f"{NORM} at the radius of training", yscale="log")
    axes[0].xaxis.get_major_locator().set_params(integer=True)
    _legend(axes[0])
    for axis, measure in ((axes[1], "robust_loss"), (axes[2], "robust_error")):
        _, overall = series("adversarial", "flatness", "test")
        at, test = series("adversarial", measure, "test")
        gap = test - series("adversarial", measure, "train")[1]
        for k, seed in enumerate(result.seeds):
            style = {"marker": MARKERS[k % len(MARKERS)], "label": f"seed {seed}"}
            axis.plot(overall[k], gap[k], color="0.6", linewidth=0.7)
            points = axis.scatter(overall[k], gap[k], c=at, cmap="viridis", s=22, zorder=3, **style)
        axis.set(
            xlabel="global flatness, large is steep",
            ylabel=f"gap in {measure.replace('_', ' ')}, test minus train",
        )
        _legend(axis, ncols=3)
        axis.figure.colorbar(points, ax=axis, label="epoch", ticks=MaxNLocator(integer=True))


def _table1(axes: Any, result: Result) -> None:
    axis = axes[0]
    names = [(measure, split) for measure in ("robust_accuracy", "clean_accuracy") for split in ("test", "train")]
    for k, condition in enumerate(("clean", "adversarial")):
        values = np.array(
            [
                [100 * row[0] for row in result.one(condition=condition, measure=measure, split=split).values]
                for measure, split in names
            ]
        )
        error = values.std(axis=1, ddof=1) if values.shape[1] > 1 else None
        bars = axis.bar(
            np.arange(4) + 0.38 * k,
            values.mean(axis=1),
            0.36,
            yerr=error,
            capsize=2,
            color=COLOURS[condition],
            label=f"{_named(result, condition)} training",
        )
        axis.bar_label(bars, fmt="%.1f", fontsize="x-small", padding=2)
    axis.set_xticks(np.arange(4) + 0.19, [f"{measure.split('_')[0]}\n{split}" for measure, split in names])
    axis.set(ylabel="accuracy, %", ylim=(0, 108))
    _legend(axis)


def _memorization(axes: Any, result: Result) -> None:
    width, blue = result.settings["width"], COLOURS["adversarial"]
    for condition in ("adversarial", "clean"):
        for record in result.select(condition=condition, measure="robust_fraction", width=width):
            _line(
                axes[0],
                record,
                color=COLOURS[condition],
                linestyle=STYLE[record.split],
                label=f"{_named(result, condition)} training, {record.split}",
            )
    _radius(axes[0], result)
    axes[0].set(xlabel=RADIUS, ylabel="share of points robust at ε (PGD)", ylim=(0, 1.03))
    _legend(axes[0])
    pairs = [(split, result.one(measure="rescued_share", split=split)) for split in ("train", "test")]
    for k, (_, record) in enumerate(pairs):
        values = np.array(record.values)[:, 0]
        error = [values.std(ddof=1)] if len(values) > 1 else None
        bar = axes[1].bar([k], [values.mean()], 0.6, yerr=error, capsize=3, color=blue, alpha=1 - 0.45 * k)
        axes[1].bar_label(bar, fmt="%.2f", padding=2)
    axes[1].set_xticks(range(2), [split for split, _ in pairs])
    axes[1].set(ylabel="share of the clean network's\nsmall-margin points made robust", ylim=(0, 1.15))
    shares = result.one(measure="robust_share_by_quarter")
    distances = np.array(result.one(measure="distance_by_quarter").values).mean(axis=0)
    _line(axes[2], shares, color=blue, marker="o")
    axes[2].set_xticks(shares.at, _apart(distances))
    axes[2].set(
        xlabel="mean $\\ell_\\infty$ distance to the nearest training\npoint of the class, by quarters of the points",
        ylabel="share of test points robust at the radius",
    )
    axes[2].set_ylim(0, 1.03)
    errors = sorted(result.select(measure="robust_error"), key=lambda record: record.width)
    for split in ("train", "test"):
        rows = [record for record in errors if record.split == split]
        _band(
            axes[3],
            np.array([record.width for record in rows]),
            np.array([[row[0] for row in record.values] for record in rows]).T,
            color=blue,
            linestyle=STYLE[split],
            marker="o",
            markerfacecolor=blue if split == "train" else "white",
            label=split,
        )
    widths = [record.width for record in errors if record.split == "train"]
    axes[3].set_xscale("log", base=2)
    axes[3].set_xticks(widths, [f"{w:g}" for w in widths])
    axes[3].minorticks_off()
    axes[3].set(xlabel="width of the network", ylabel="robust error (PGD)", ylim=(-0.02, 1.02))
    _legend(axes[3])


def _apart(values: np.ndarray) -> list[str]:
    """Values as ticks, with the fewest decimals that tell them apart: two to four."""
    for decimals in (2, 3, 4):
        ticks = [f"{value:.{decimals}f}" for value in values]
        if len(set(ticks)) == len(ticks):
            break
    return ticks


# How an experiment is drawn, in how many panels, and its title: the statement first.
PANELS: dict[str, tuple[Callable[[Any, Result], None], int, str]] = {
    "figure1": (_figure1, 4, "Figure 1, flat inside the training radius"),
    "figure2": (_figure2, 3, "Figure 2, gradient norm by epoch"),
    "figure3": (_figure3, 3, "Figure 3, flatness and the robust gap"),
    "table1": (_table1, 1, "Table 1"),
    "memorization": (_memorization, 4, "Conjecture of robust memorization"),
}
