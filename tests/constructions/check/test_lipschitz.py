"""The rule by Lipschitz constants and balls: what is right is confirmed, and no hypothesis is taken for granted."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from constructions import write_certificate, write_points
from constructions.check import lipschitz
from constructions.check.balls import read_balls
from constructions.check.exact import exact_margin
from constructions.check.files import Layer
from constructions.check.intervals import rounded
from constructions.check.lipschitz import lipschitz_bounds
from tests.constructions.check.checked_files import Files, changed, code, forged, rewritten
from tests.constructions.check.sorting_networks import (
    Weights,
    built,
    least_found,
    margins,
    network_of,
    read,
    task,
    weights_of,
)
from tests.constructions.check.test_exact import layer


def certified(folder: Path, classes: int, arithmetic: str) -> Files:
    """The network's own certificate, by its structural proof."""
    memorizer = built(classes)
    sample, certificate = memorizer.task.sample, memorizer.certify(arithmetic)
    assert certificate.certified.all()
    files = folder / "n.npz", folder / "p.npz", folder / "c.json"
    memorizer.save(files[0])
    labels = sample.codes
    write_points(files[1], memorizer.network, sample.points, labels)
    write_certificate(files[2], certificate, memorizer.network, sample.points, labels)
    return files


@pytest.mark.parametrize("arithmetic", ["reals", "float64"])
@pytest.mark.parametrize("classes", [2, 3])
def test_compact_memorizers_are_confirmed(tmp_path: Path, classes: int, arithmetic: str) -> None:
    files = certified(tmp_path, classes, arithmetic)
    assert code(files) == 0
    changed(files, lambda c: [r.update(lower=r["lower"] + 1e-5) for r in c["records"]])
    assert code(files) == 1
    changed(files, lambda c: [r.update(lower=r["lower"] - 1e-5) for r in c["records"]])
    assert code(files) == 0
    changed(files, lambda c: c.update(radius=1.01 * c["radius"]))
    assert code(files) == 1


def test_nothing_but_the_rule_confirms_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = certified(tmp_path, 3, "reals")
    monkeypatch.setattr(lipschitz, "FEWEST", 99)
    assert code(files) == 1


def test_it_is_a_rule_for_p_2(tmp_path: Path) -> None:
    files = certified(tmp_path, 3, "reals")
    for p in (1.0, 3.0, "inf"):
        changed(files, lambda c, other=p: c.update(p=other))
        assert code(files) == 1


@pytest.mark.parametrize("arithmetic", ["reals", "float64"])
def test_the_order_of_neurons_is_of_no_account(arithmetic: str) -> None:
    rng = np.random.default_rng(0)
    weights, about = weights_of(built().network), task(built())
    before = lipschitz_bounds(read(weights), *about, arithmetic)
    for k in range(len(weights) - 1):
        order = rng.permutation(len(weights[k][1]))
        weights[k] = weights[k][0][order], weights[k][1][order]
        weights[k + 1] = weights[k + 1][0][:, order], weights[k + 1][1]
    assert np.allclose(lipschitz_bounds(read(weights), *about, arithmetic), before, rtol=0, atol=1e-9)
    assert (before > 0).all()


def test_blocks_are_of_no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    layers, about = read(weights_of(built().network)), task(built())
    before = lipschitz_bounds(layers, *about, "float64")
    monkeypatch.setattr(lipschitz, "BLOCK", 8 * 7 * 34)
    # What an executed ball loses is the greatest of all in any case.
    assert np.allclose(lipschitz_bounds(layers, *about, "float64"), before, rtol=0, atol=1e-12)


# Each changes the network, and with it what is true.


def scaled(k: int, factor: float, back: float = 1.0) -> Callable[[Weights], None]:
    """Layer k as steep as that, and the next one less."""

    def change(weights: Weights) -> None:
        weights[k] = weights[k][0] * factor, weights[k][1] * factor
        weights[k + 1] = weights[k + 1][0] / back, weights[k + 1][1]

    return change


def one(k: int, share: float, factor: float) -> Callable[[Weights], None]:
    """An entry of layer k, as far through it as that."""

    def change(weights: Weights) -> None:
        rows, columns = np.nonzero(weights[k][0])
        place = int(share * len(rows))
        weights[k][0][rows[place], columns[place]] *= factor

    return change


def raised(amount: float) -> Callable[[Weights], None]:
    """Balls that are on farther out."""

    def change(weights: Weights) -> None:
        weights[-2][1][-20:] += amount

    return change


def moved(k: int, amount: float) -> Callable[[Weights], None]:
    def change(weights: Weights) -> None:
        weights[k] = weights[k][0], weights[k][1] + amount

    return change


CHANGES: dict[str, Callable[[Weights], None]] = {
    "nothing": moved(0, 0.0),
    **{
        f"entry of layer {k} at {s:g}, times {f:g}": one(k, s, f) for k in range(13) for s, f in ((0.3, -1), (0.8, 1.5))
    },
    **{f"layer {k} steeper": scaled(k, 1.5) for k in range(6)},
    **{f"layer {k} steeper, the next less": scaled(k, 2.0, 2.0) for k in range(6)},
    **{f"layer {k} {a:+g}": moved(k, a) for k in range(0, 13, 2) for a in (-4.0, 0.5)},
    "balls that reach a rival": raised(3.0),
    "balls that reach it just so": raised(0.3),
    "balls of no point": raised(-3.0),
}


@pytest.mark.parametrize("classes", [2, 3])
def test_no_bound_is_above_what_is_found(classes: int) -> None:
    points, labels, radius = task(built(classes))
    confirmed = 0
    for name, change in list(CHANGES.items())[:: 6 - classes]:
        weights = weights_of(built(classes).network)
        change(weights)
        bound = lipschitz_bounds(read(weights), points, labels, radius, "reals")
        confirmed += int((bound > 0).sum())
        if np.isfinite(bound).any():
            assert (bound <= least_found(weights, points, labels, radius)).all(), name
    assert confirmed > 150


@pytest.mark.parametrize(
    "name", ["balls that reach a rival", "layer 1 steeper", "layer 2 steeper", "layer 4 steeper", "layer 2 -4"]
)
def test_what_is_false_then_is_not_confirmed(tmp_path: Path, name: str) -> None:
    points, labels, radius = task(built())
    weights = weights_of(built().network)
    CHANGES[name](weights)
    lower = least_found(weights, points, labels, radius).min()
    claim = max(lower + 1e-3, 1e-3)
    assert forged(tmp_path, network_of(weights), points, labels, radius, 2.0, "reals", claim) == 1


def pair(height: float = 0.0, slope: float = 1.0) -> Weights:
    """On a line: x + 4 and 8 - x are sorted; the outputs are max - min, and 3 with a ball `σ(1 - |u - 4|²)`, u = x + 4.

    `height`: the factor of the ball; its square has pieces of length 1/2 up to u = 8. `slope`: in place of x, slope x.
    """
    ends = np.arange(17) / 2
    pieces = np.diff(np.diff(ends**2, prepend=0.0) / 0.5, prepend=0.0)[1:]
    first = [[slope], [-slope]], [4.0, 8.0]
    copy = np.eye(2)
    layers = [
        first,
        (copy.tolist(), [0.0, 0.0]),
        ([[1.0, 0], [0, 1], [1, -1], *[[1.0, 0]] * 17], [0.0] * 3 + (-ends).tolist()),
        (
            [[0.0, 1, 1, *[0] * 17], [1.0, 0, -1, *[0] * 17], [0] * 3 + [*pieces, 0], [0] * 3 + [1.0] + [0] * 16],
            [0.0] * 4,
        ),
        ([[1.0, -1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], [0.0, 3.0, 0, 0]),
        ([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, 8]], [0.0, 0.0, -15.0]),
        ([[1.0, 0, 0], [0, 1, height]], [0.0, 0.0]),
    ]
    return [(np.array(w, dtype=float), np.array(b, dtype=float)) for w, b in layers]


def test_a_bound_in_closed_form() -> None:
    """`x ↦ (x + 4, 8 - x)` has norm √2, as has their difference `|2 x - 4|`: it moves by 2 r."""
    weights = pair()
    x = np.array([[-2.0], [0.5], [4.0]])
    labels, radius = np.array([0, 1, 0]), 0.25
    layers = read(weights)
    assert len(read_balls(layers).rows) == 1
    values = np.abs(2 * x[:, 0] - 4)
    exact = np.where(labels == 0, values - 3, 3 - values) - 2 * radius
    found = lipschitz_bounds(layers, x, labels, radius, "reals")
    assert np.all(found <= exact)
    assert np.allclose(found, exact, atol=1e-11)


@pytest.mark.parametrize("slope", [1.0, 4.0])
def test_a_ball_in_closed_form(slope: float) -> None:
    """`σ(1 - (u - 4)² - off)` with off in [0, 1/16] at u = 4 ± 1/4, times 10."""
    x, layers, radius = np.array([[0.0], [1.5]]), read(pair(10.0, slope)), 0.25
    values = np.abs(2 * x[:, 0] - 4)
    found = lipschitz_bounds(layers, x / slope, np.array([1, 1]), radius / slope, "reals")
    least = 10 * (1 - np.array([0.25, 1.75]) ** 2 - 1 / 16)
    assert np.allclose(found, 3 - values - 0.5 + np.maximum(least, 0), atol=1e-9)
    # As a rival: the greatest value, without a square that is too great.
    x = np.array([[-1.5], [-0.5]])
    values = np.abs(2 * x[:, 0] - 4)
    found = lipschitz_bounds(layers, x / slope, np.array([0, 0]), radius / slope, "reals")
    most = 10 * (1 - np.array([1.25, 0.25]) ** 2)
    assert np.allclose(found, values - 3 - 0.5 - np.maximum(most, 0), atol=1e-9)


def test_beyond_the_squares_nothing_is_known_of_them() -> None:
    """φ goes on as a line from u = 8 or x = 4, below u²: one point there, and all that is known of rivals is lost."""
    x, labels, radius = np.array([[-2.0], [3.5]]), np.array([0, 1]), 0.25
    near = lipschitz_bounds(read(pair(10.0)), x, labels, radius, "reals")
    x[1] = 9.0
    far = lipschitz_bounds(read(pair(10.0)), x, labels, radius, "reals")
    assert near[0] == pytest.approx(4.5)
    assert far[0] < 0


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_a_sum_that_a_relu_cuts_is_no_line(share: float) -> None:
    """Two outputs of the same slope: their difference is 1, unless the lower is off."""
    isometry = [[0.5, 0.5], [0.5, -0.5]]
    top = [[share, 0.0], [share, 0.0]]
    weights = [
        (np.array(w, dtype=float), np.array(b, dtype=float))
        for w, b in (
            (isometry, [4.0, 4.0]),
            (np.eye(2).tolist(), [0.0, 0.0]),
            ([[1, 0], [0, 1], [1, -1]], [0.0] * 3),
            ([[0, 1, 1], [1, 0, -1]], [0.0] * 2),
            (top, [-4.0 * share + 1, -4.0 * share]),
            (np.eye(2).tolist(), [0.0, 0.0]),
        )
    ]
    x, labels = np.array([[1.0, 1.0], [-1.0, -1.0], [-3.0, -3.0]]), np.zeros(3, dtype=int)
    found = lipschitz_bounds(read(weights), x, labels, 0.5, "reals")
    assert found[0] == pytest.approx(1.0)
    truth = least_found(weights, x, labels, 0.5)
    assert truth[2] < 0.99
    assert (found <= truth).all()


def test_rounding_is_counted_over_the_reals() -> None:
    """On balls that are hardly more than their centres the margins are known but for the interpolation of squares."""
    for classes in (2, 3):
        points, labels, _ = task(built(classes))
        layers = read(weights_of(built(classes).network))
        found = lipschitz_bounds(layers, points, labels, 2.0**-70, "reals")
        for bound, x, label in zip(found.tolist(), points, labels.tolist(), strict=True):
            exact = exact_margin(layers, x, label, 0.0, 2.0)
            # A tent more would leave a quarter of it.
            assert bound <= exact <= bound + 1


def executed_margins(layers: list[Layer], points: np.ndarray, labels: np.ndarray, kind: type) -> np.ndarray:
    """The least margins at the points, in the format, in random orders of summation."""
    rng, least = np.random.default_rng(0), np.full(len(points), np.inf)
    for _ in range(40):
        h = points.astype(kind)
        for k, f in enumerate(layers):
            h = np.maximum(h, 0) if k else h
            sums = np.zeros((len(h), f.shape[0]), dtype=kind)
            for r in range(f.shape[0]):
                part = np.arange(f.start[r], f.start[r + 1])
                for place in rng.permutation(part):
                    sums[:, r] += kind(f.value[place]) * h[:, f.column[place]]
            h = sums + f.bias.astype(kind)
        least = np.minimum(least, margins(h.astype(np.float64), labels))
    return least


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_rounding_is_counted_as_executed(arithmetic: str) -> None:
    """In some order of summation, so coarse that the error is a good part of its bound."""
    points, labels, _ = task(built())
    kind = np.float32 if arithmetic == "float32" else np.float64
    points = points.astype(kind).astype(np.float64)
    weights = weights_of(built().network)
    layers = [rounded(f, arithmetic) for f in read(weights)]
    found = lipschitz_bounds(layers, points, labels, 2.0**-70, arithmetic)
    real = lipschitz_bounds(layers, points, labels, 2.0**-70, "reals")
    assert (found < real).all()
    least = executed_margins(layers, points, labels, kind)
    assert (found <= least).all()
    if arithmetic == "float32":
        assert (found > -np.inf).all()
        assert (real > least).any()


def test_rounding_of_balls_is_counted_as_executed() -> None:
    """Next to the end of a piece, where the square is exact, a ball is on farther than it should be."""
    layers = [rounded(f, "float32") for f in read(pair(1000.0, 0.3))]
    x = np.float32(-0.5 / 0.3) + np.arange(-6, 7, dtype=np.float32) * np.float32(2.0**-23)
    points, labels = x.astype(np.float64)[:, None], np.zeros(len(x), dtype=int)
    found = lipschitz_bounds(layers, points, labels, 2.0**-70, "float32")
    least = executed_margins(layers, points, labels, np.float32)
    assert (found <= least).all()
    assert (lipschitz_bounds(layers, points, labels, 2.0**-70, "reals") > least + 1e-4).any()


@pytest.mark.parametrize(("arithmetic", "shift"), [("reals", 2.0**40), ("float64", 2.0**40), ("float32", 2.0**12)])
@pytest.mark.parametrize("early", [True, False])
def test_errors_of_one_layer_are_counted(arithmetic: str, shift: float, early: bool) -> None:
    """Numbers that are added and taken away again, where other layers round next to nothing."""
    weights = pair(0.0, 0.3)
    weights[0 if early else -1][1][:] += shift
    weights[1][1][:] -= shift if early else 0
    layers = [rounded(f, arithmetic) for f in read(weights)]
    x = np.random.default_rng(0).uniform(-5, 5, 30).astype(np.float32).astype(np.float64)
    labels = (np.abs(2 * 0.3 * x - 4) < 3).astype(int)
    found = lipschitz_bounds(layers, x[:, None], labels, 2.0**-70, arithmetic)
    exact = np.array(
        [float(exact_margin(layers, np.array([v]), int(y), 0.0, 2.0)) for v, y in zip(x, labels, strict=True)]
    )
    kind = np.float32 if arithmetic == "float32" else np.float64
    executed = executed_margins(layers, x[:, None], labels, kind)
    least = exact if arithmetic == "reals" else executed
    assert (found <= least).all()
    assert (found >= exact - 100 * shift * np.finfo(kind).eps).all()
    # Without them some would not be.
    assert (executed < exact - shift * np.finfo(kind).eps / 8).any()


@pytest.mark.parametrize("k", [1, 4, 12])
@pytest.mark.parametrize("value", [2.0**201, -(2.0**1000), 2.0**-1060])
def test_extreme_weights_are_of_no_use(k: int, value: float) -> None:
    points, labels, radius = task(built())
    weights = weights_of(built().network)
    rows, columns = np.nonzero(weights[k][0] == 0)
    rows, columns = (rows, columns) if len(rows) else np.nonzero(weights[k][0])
    weights[k][0][rows[0], columns[0]] = value
    for arithmetic in ("reals", "float64", "float32"):
        layers = [rounded(f, arithmetic) for f in read(weights)]
        bound = lipschitz_bounds(layers, points, labels, radius, arithmetic)
        if abs(value) > 1:
            assert np.isneginf(bound).all()
        elif np.isfinite(bound).any():
            assert (bound <= least_found(weights, points, labels, radius)).all()


@pytest.mark.parametrize("broken", [np.nan, np.inf, 2.0**201])
@pytest.mark.parametrize("where", ["weight", "bias", "point", "radius"])
def test_what_is_no_ordinary_number_proves_nothing(broken: float, where: str) -> None:
    points, labels, radius = task(built())
    points, layers = points.copy(), read(weights_of(built().network))
    if where == "weight":
        layers[4].value[0] = broken
    elif where == "bias":
        layers[4].bias[0] = broken
    elif where == "point":
        points[0, 0] = broken
    bounds = lipschitz_bounds(layers, points, labels, broken if where == "radius" else radius, "reals")
    assert np.isneginf(bounds).all()


def test_overflow_of_float32_proves_nothing() -> None:
    """In a neuron that nothing reads: what is infinite, times 0, is no number."""
    weights = weights_of(built().network)
    row = np.zeros((1, weights[1][0].shape[1]))
    row[0, 0] = 2.0**127
    weights[1] = np.vstack([weights[1][0], row]), np.append(weights[1][1], 0.0)
    weights[2] = np.hstack([weights[2][0], np.zeros((len(weights[2][0]), 1))]), weights[2][1]
    points, labels, radius = task(built())
    layers = [rounded(f, "float32") for f in read(weights)]
    assert (lipschitz_bounds(layers, points, labels, radius, "float64") > 0).all()
    assert np.isneginf(lipschitz_bounds(layers, points, labels, radius, "float32")).all()


@pytest.mark.parametrize(
    "arrays",
    [
        lambda content: {"data_4": np.where(np.arange(len(content["data_4"])) == 3, np.nan, content["data_4"])},
        lambda content: {"data_4": np.where(np.arange(len(content["data_4"])) == 3, 0.0, content["data_4"])},
        lambda content: {"bias_4": np.full_like(content["bias_4"], np.inf)},
        # A column twice in a row.
        lambda content: {
            "indices_4": np.where(np.arange(len(content["data_4"])) == 1, content["indices_4"][0], content["indices_4"])
        },
    ],
)
def test_arrays_that_are_no_network_are_refused(
    tmp_path: Path, arrays: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
) -> None:
    files = certified(tmp_path, 3, "reals")
    with np.load(files[0]) as stored:
        other = arrays(dict(stored))
    rewritten(files[0], **other)
    assert code(files) == 2


def test_networks_without_pairs_are_left_to_other_rules() -> None:
    eye = layer(np.eye(2).tolist(), [0.0, 0.0])
    points, labels = np.array([[1.0, 3.0]]), np.array([1])
    for depth in (1, 2, 3, 6):
        assert np.isneginf(lipschitz_bounds([eye] * depth, points, labels, 0.1, "reals")).all()
