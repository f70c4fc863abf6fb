"""The checker confirms what is right, and refuses what was changed or does not follow."""

import hashlib
import json
import math
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from constructions import Affine, ReLUNetwork, certify, load_sample, robust_memorizer
from constructions.certificates.digests import network_digest
from constructions.certificates.file import write_certificate, write_points
from constructions.check.__main__ import main
from constructions.check.files import canonical, read_certificate
from constructions.networks.calculus import chain
from constructions.pieces.assembly import memorizing_network
from constructions.pieces.square import sum_of_squares

Files = tuple[Path, Path, Path]


def written(folder: Path, arithmetic: str, p: float, outputs: int = 1) -> Files:
    """A random network with certified, undecided and refuted balls, bounded by intervals only."""
    rng = np.random.default_rng(outputs)
    sizes = [4, 12, 8, outputs]
    layers = [Affine(rng.normal(size=(b, a)), rng.normal(size=b)) for a, b in pairwise(sizes)]
    layers[1] = Affine(sp.csr_array(np.where(rng.random((8, 12)) < 0.2, layers[1].weight, 0)), layers[1].bias)
    network = ReLUNetwork(tuple(layers))
    points = rng.normal(size=(16, 4))
    values = network(points)
    labels = np.where(values[:, 0] > 0, 1, -1) if outputs == 1 else values.argmax(axis=1)
    # One wrong label, which every arithmetic refutes.
    labels[0] = -labels[0] if outputs == 1 else (labels[0] + 1) % outputs
    certificate = certify(network, points, labels, 0.02, p, arithmetic=arithmetic)
    assert certificate.certified.any()
    assert certificate.status[0] == "refuted"
    files = folder / "network.npz", folder / "points.npz", folder / "certificate.json"
    network.save(files[0])
    np.savez(files[1], points=points, labels=labels)
    write_certificate(files[2], certificate, network, points, labels)
    return files


def code(files: Files) -> int:
    return main([str(f) for f in files])


@pytest.mark.parametrize("arithmetic", ["rational", "float64", "float32"])
@pytest.mark.parametrize("p", [1.0, 2.0, math.inf])
@pytest.mark.parametrize("outputs", [1, 3])
def test_interval_certificates_are_confirmed(tmp_path: Path, arithmetic: str, p: float, outputs: int) -> None:
    assert code(written(tmp_path, arithmetic, p, outputs)) == 0


def test_every_changed_byte_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line, points, labels = (
        ReLUNetwork((Affine(np.ones((1, 1)), np.zeros(1)),)),
        np.array([[1.0], [0.0]]),
        np.ones(2, int),
    )
    files = tmp_path / "network.npz", tmp_path / "points.npz", tmp_path / "certificate.json"
    line.save(files[0])
    np.savez(files[1], points=points, labels=labels)
    certificate = certify(line, points, labels, 0.5, math.inf, arithmetic="float32")
    write_certificate(files[2], certificate, line, points, labels)
    assert code(files) == 0
    raw = files[2].read_bytes()
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1
        files[2].write_bytes(changed)
        with pytest.raises(ValueError):  # noqa: PT011  (decoding, parsing or digest, by the byte)
            read_certificate(str(files[2]))
    for changed in (raw + b"\n", raw[:-1], b""):
        files[2].write_bytes(changed)
        assert code(files) == 2
    assert "refused" in capsys.readouterr().err


def changed(files: Files, change: Any) -> None:
    """A false claim with a digest that fits it."""
    content = json.loads(files[2].read_text())
    change(content)
    del content["digest"]
    content["digest"] = hashlib.sha256(canonical(content)).hexdigest()
    files[2].write_bytes(canonical(content))


def first(status: str, content: dict[str, Any]) -> dict[str, Any]:
    return next(r for r in content["records"] if r["status"] == status)


@pytest.mark.parametrize(
    ("arithmetic", "change"),
    [
        ("float64", lambda c: first("refuted", c).update(status="certified", lower=0.5, witness=None)),
        ("float64", lambda c: first("refuted", c).update(status="certified", witness=None)),
        ("float64", lambda c: first("certified", c).update(lower=9.0)),
        ("rational", lambda c: first("certified", c).update(lower=9.0)),
        ("float64", lambda c: first("certified", c).update(lower=None)),
        ("float32", lambda c: first("certified", c).update(status="refuted", witness=[0.0] * 4)),
        ("float32", lambda c: first("refuted", c)["witness"].__setitem__(0, 100.0)),
        ("float64", lambda c: first("refuted", c).update(witness=None)),
        ("rational", lambda c: first("certified", c).update(status="undecided", lower=9.0)),
        ("float64", lambda c: c.update(radius=5.0)),
    ],
)
def test_false_claims_are_not_confirmed(tmp_path: Path, arithmetic: str, change: Any) -> None:
    files = written(tmp_path, arithmetic, math.inf)
    changed(files, change)
    assert code(files) == 1


def test_a_witness_that_is_no_error_or_no_vector_of_the_format_is_not_confirmed(tmp_path: Path) -> None:
    files = written(tmp_path, "float32", math.inf)
    with np.load(files[1]) as points:
        centre = points["points"]
    witness = centre[1].astype(np.float32).astype(float).tolist()
    changed(files, lambda c: c["records"][1].update(status="refuted", witness=witness))
    assert code(files) == 1
    changed(files, lambda c: c["records"][0].update(witness=(centre[0] + 2.0**-40).tolist()))
    assert code(files) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(arithmetic="decimal"),
        lambda c: c.update(radius="1"),
        lambda c: c.update(p=0.5),
        lambda c: c.update(more=1),
        lambda c: c["records"].pop(),
        lambda c: c["records"][0].update(status="proved"),
        lambda c: c["records"][0].pop("seconds"),
        lambda c: c["records"][0].update(arithmetic="reals"),
    ],
)
def test_malformed_certificates_are_refused(tmp_path: Path, change: Any) -> None:
    files = written(tmp_path, "float64", math.inf)
    changed(files, change)
    assert code(files) == 2


def test_another_network_and_other_points_are_refused(tmp_path: Path) -> None:
    files = written(tmp_path, "float64", math.inf)
    network = ReLUNetwork.load(files[0])
    bias = network.layers[0].bias.copy()
    bias[0] = np.nextafter(bias[0], 9)
    ReLUNetwork((Affine(network.layers[0].weight, bias), *network.layers[1:])).save(files[0])
    assert code(files) == 2
    network.save(files[0])
    assert code(files) == 0
    with np.load(files[1]) as stored:
        points, labels = stored["points"].copy(), stored["labels"]
    points[3, 2] = np.nextafter(points[3, 2], 9)
    np.savez(files[1], points=points, labels=labels)
    assert code(files) == 2
    assert code((files[0], files[1], tmp_path / "absent.json")) == 2
    assert main([]) == 2


def test_storage_does_not_change_the_digest() -> None:
    weight, bias = np.array([[1.0, 0.0], [-0.0, 2.0]]), np.array([-0.0, 1.0])
    dense, sparse = ReLUNetwork((Affine(weight, bias),)), ReLUNetwork((Affine(sp.csr_array(weight), bias + 0.0),))
    assert network_digest(dense) == network_digest(sparse)


@pytest.mark.parametrize("arithmetic", ["reals", "float64", "float32"])
def test_memorizers_are_confirmed_by_a_program_of_its_own(tmp_path: Path, arithmetic: str) -> None:
    points = np.random.default_rng(0).random((60, 6))
    labels = ["a", "b", "c"] * 20
    built = robust_memorizer(points, labels, radius=0.02, p=math.inf, small="all")
    certificate = certify(built.network, points, labels, 0.02, math.inf, arithmetic=arithmetic)
    assert certificate.certified.all()
    built.save(tmp_path / "n.npz")
    write_points(tmp_path / "p.npz", built.network, points, labels)
    write_certificate(tmp_path / "c.json", certificate, built.network, points, labels)
    names = [str(tmp_path / name) for name in ("n.npz", "p.npz", "c.json")]
    if arithmetic == "float32":
        done = subprocess.run([sys.executable, "-m", "constructions.check", *names], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["confirmed"] == 60
    else:
        assert main(names) == 0


def memorized(folder: Path, p: float, arithmetic: str = "reals", method: str = "shared") -> Files:
    points, labels = load_sample("digits", classes="3,8")
    points, labels = points[:24], labels[:24]
    # All that is certified is certified by the memory.
    nothing = Affine(np.zeros((2, 64)), np.full(2, 0.125))
    built = robust_memorizer(
        points, labels, radius={1.0: 1.0, 2.0: 0.4, math.inf: 0.1}[p], p=p, small="all", method=method, clean=nothing
    )
    certificate = built.certify(arithmetic)
    assert certificate.lower.tolist() == [1.0] * 24
    files = folder / "n.npz", folder / "p.npz", folder / "c.json"
    built.save(files[0])
    write_points(files[1], built.network, points, labels)
    write_certificate(files[2], certificate, built.network, points, labels, indicators=built.widths)
    return files


@pytest.mark.parametrize(
    ("p", "arithmetic", "method"),
    [
        (1.0, "reals", "shared"),
        (1.0, "reals", "per_point"),
        (2.0, "reals", "shared"),
        (math.inf, "reals", "shared"),
        (math.inf, "reals", "per_point"),
        (math.inf, "float64", "shared"),
        (math.inf, "float32", "shared"),
    ],
)
def test_structural_certificates_are_confirmed_to_the_last_bit(
    tmp_path: Path, p: float, arithmetic: str, method: str
) -> None:
    files = memorized(tmp_path, p, arithmetic, method)
    assert code(files) == 0
    changed(files, lambda c: c["records"][7].update(lower=1.0000000001))
    assert code(files) == 1
    changed(files, lambda c: c.update(radius=1.3 * c["radius"]))
    assert code(files) == 1


@pytest.mark.parametrize("p", [1.0, 2.0])
def test_no_weight_of_the_indicators_may_be_another(tmp_path: Path, p: float) -> None:
    """One weight or bias changed in any layer of the indicators, with digests that fit: never confirmed."""
    files = memorized(tmp_path, p)
    right, content = ReLUNetwork.load(files[0]), json.loads(files[2].read_text())
    rng = np.random.default_rng(0)
    for k, width in enumerate(content["indicators"][1:]):
        layer = right.layers[k]
        weight = layer.weight.toarray() if sp.issparse(layer.weight) else layer.weight.copy()
        rows, columns = np.nonzero(weight[:width])
        place = rng.integers(len(rows))
        weight[rows[place], columns[place]] *= -1
        wrong = ReLUNetwork((*right.layers[:k], Affine(weight, layer.bias), *right.layers[k + 1 :]))
        wrong.save(files[0])
        digest = network_digest(wrong)
        changed(files, lambda c, new=digest: c.update(network=new))
        assert code(files) == 1


def resigned(files: Files, layers: tuple[Affine, ...]) -> None:
    """Another network under the same claims, with digests that fit."""
    wrong = ReLUNetwork(layers)
    wrong.save(files[0])
    digest = network_digest(wrong)
    changed(files, lambda c: c.update(network=digest))


def test_a_sum_of_squares_that_is_clipped_is_not_confirmed(tmp_path: Path) -> None:
    """8 y taken from the sum and given back behind its ReLU: the same numbers, but for the ReLU."""
    files = memorized(tmp_path, 2.0)
    layers = list(ReLUNetwork.load(files[0]).layers)
    k = len(json.loads(files[2].read_text())["indicators"]) - 4
    sums, excess = (sp.lil_array(layers[n].weight) for n in (k, k + 1))
    before = sums.shape[1]
    carried = np.flatnonzero(layers[k].weight.toarray()[1, :])[0]
    for j in range(64):
        sums[0, carried + j] = sums[0, carried + j] - 8
        for i in range(24):
            excess[i, 1 + j] = excess[i, 1 + j] + 8
    assert carried + 64 <= before
    layers[k], layers[k + 1] = (Affine(sp.csr_array(w), layers[n].bias) for n, w in ((k, sums), (k + 1, excess)))
    resigned(files, tuple(layers))
    assert code(files) == 1


def claimed(folder: Path, network: ReLUNetwork, points: np.ndarray, codes: np.ndarray, widths: tuple[int, ...]) -> int:
    """The checker's answer to the claim, for p = 2 and radius 0.05, that every margin is at least 0.1."""
    files = folder / "n.npz", folder / "p.npz", folder / "c.json"
    network.save(files[0])
    write_points(files[1], network, points, codes)
    certificate = certify(network, points, codes, 0.05, 2.0)
    write_certificate(files[2], certificate, network, points, codes, indicators=widths)
    claim = {"status": "certified", "lower": 0.1, "witness": None}
    changed(files, lambda c: [record.update(claim) for record in c["records"]])
    return code(files)


def test_negative_weights_of_squares_are_not_confirmed(tmp_path: Path) -> None:
    """A square with the weight -160 of a coordinate that is constant: as an error bound it would be negative."""
    points, codes = np.array([[-0.45, 0.0], [0.45, 0.0]]), np.array([-1, 1])
    constant = ReLUNetwork((Affine(np.zeros((1, 2)), np.zeros(1)),))
    scalars = Affine(np.diag([1 / 1.1, 1e-6]), np.array([0.5, 0.25]))
    carried = Affine(sp.eye_array(2, format="csr"), np.ones(2))
    omega = sp.csr_array(np.array([[1.1**2, -160.0]]))
    squares = sum_of_squares(scalars, omega, 1, carried=carried, linear=np.zeros(2), constant=100.0)
    # (x_1 - c)² - 0.45, from S = (x_1 + 0.55)² - 10 + 100 and x + 1.
    slope = -2 * points[:, 0] - 1.1
    bias = -0.45 + points[:, 0] ** 2 - 0.3025 - slope + 10 - 100
    excess = ReLUNetwork((Affine(np.column_stack([np.ones(2), slope, np.zeros(2)]), bias),))
    ramp = ReLUNetwork((Affine(sp.diags_array([-20.0, -20.0], format="csr"), np.ones(2)),))
    indicators = chain(squares, excess, ramp)
    network = memorizing_network(indicators, codes, constant, 1.0)
    assert (codes * network(points)[:, 0] < 0.1).any()
    assert claimed(tmp_path, network, points, codes, indicators.widths) == 1


def test_a_point_outside_the_box_of_the_squares_is_not_confirmed(tmp_path: Path) -> None:
    """At 30 the squares of the box around [0, 1] are far too small, and the indicator of 1 is on."""
    clean = Affine(np.zeros((1, 1)), np.array([-0.125]))
    built = robust_memorizer(np.array([[0.0], [1.0]]), [-1, 1], radius=0.05, p=2, small="all", clean=clean)
    points, codes = np.array([[0.0], [1.0], [30.0]]), np.array([-1, 1, -1])
    assert claimed(tmp_path, built.network, points[:2], codes[:2], built.widths) == 0
    assert codes[2] * built.network(points)[2, 0] < 0
    assert claimed(tmp_path, built.network, points, codes, built.widths) == 1


def test_widths_that_are_wrong_confirm_nothing_new(tmp_path: Path) -> None:
    files = memorized(tmp_path, 2.0)
    widths = json.loads(files[2].read_text())["indicators"]
    for wrong in ([], widths[:-1], [*widths, 1], [widths[0], *widths], widths[::-1]):
        changed(files, lambda c, value=wrong: c.update(indicators=value))
        assert code(files) == 1
    for malformed in ("64", [0], [1.5], None):
        changed(files, lambda c, value=malformed: c.update(indicators=value))
        assert code(files) == 2


def test_bounds_by_distances_hold_at_points_of_the_balls(tmp_path: Path) -> None:
    """The second route: the network itself at random points of all balls, and at the nearest and farthest ones."""
    from constructions.check.distances import indicator_bounds
    from constructions.check.files import read_network
    from theory.setting.norms import sample_ball

    rng = np.random.default_rng(0)
    for p in (1.0, 2.0):
        files = memorized(tmp_path, p)
        network, content = ReLUNetwork.load(files[0]), json.loads(files[2].read_text())
        with np.load(files[1]) as stored:
            points = stored["points"]
        widths, radius = content["indicators"], content["radius"]
        known = indicator_bounds(read_network(str(files[0])), widths, points, radius, p)
        assert known is not None
        least, greatest = known[1](np.arange(24))
        part = ReLUNetwork(network.layers[: known[0] + 1])
        toward = points[3] - points
        toward *= radius / np.maximum(np.linalg.norm(toward, p, axis=1, keepdims=True), 1e-9)
        for step in (sample_ball(rng, 24, 64, p, radius), toward, -toward):
            values = part(points + step).T
            assert np.all(values[: len(least)] >= least - 1e-12)
            assert np.all(values[: len(least)] <= greatest + 1e-12)
        # Sharp: reached in the direction of a point, up to the accuracy of levels and squares.
        others = np.arange(24) != 3
        reached = part(points + toward)[others, 3]
        assert np.all(reached <= least[3, others] + 0.25 * (greatest - least)[3, others])


def test_the_checker_uses_nothing_of_the_project() -> None:
    allowed = ("hashlib", "json", "math", "sys", "collections.abc", "dataclasses", "decimal", "fractions")
    allowed = (*allowed, "itertools", "typing")
    sources = list((Path(__file__).parents[3] / "constructions" / "check").glob("*.py"))
    assert len(sources) >= 5
    for source in sources:
        for line in source.read_text().splitlines():
            if line.startswith(("import ", "from ")):
                name = line.split()[1]
                assert name in (*allowed, "numpy") or name.startswith("constructions.check."), line


def test_as_many_records_as_points_are_written(tmp_path: Path) -> None:
    line = ReLUNetwork((Affine(np.ones((1, 1)), np.zeros(1)),))
    certificate = certify(line, np.array([[1.0]]), np.array([1]), 0.1, math.inf)
    with pytest.raises(ValueError, match="1 records, 2 points"):
        write_certificate(tmp_path / "c", certificate, line, np.ones((2, 1)), np.array([1, 1]))


def forged(
    folder: Path,
    network: ReLUNetwork,
    x: np.ndarray,
    labels: np.ndarray,
    radius: float,
    p: float,
    arithmetic: str,
    lower: float = 0.5,
    widths: list[int] | None = None,
) -> int:
    """The checker's answer to the claim that every margin is at least `lower`."""
    files = folder / "n.npz", folder / "p.npz", folder / "c.json"
    network.save(files[0])
    write_points(files[1], network, x, labels)
    write_certificate(files[2], certify(network, x, labels, 0.5, 2), network, x, labels)
    about = {"radius": radius, "p": "inf" if math.isinf(p) else p, "arithmetic": arithmetic, "indicators": widths or []}
    changed(files, lambda c: c.update(about))
    claim = {"status": "certified", "lower": lower, "witness": None, "arithmetic": arithmetic}
    changed(files, lambda c: [record.update(claim) for record in c["records"]])
    return code(files)


def line(*layers: tuple[list[list[float]], list[float]]) -> ReLUNetwork:
    return ReLUNetwork(tuple(Affine(np.array(w, dtype=float), np.array(b, dtype=float)) for w, b in layers))


ARITHMETICS = ["reals", "rational", "float64", "float32"]


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, math.inf])
@pytest.mark.parametrize(
    ("layers", "label"),
    [
        # f = x_1 + x_2 = -4.
        (([[1.0, 1.0]], [0.0]), 1),
        # f_0 = x_1 + x_2 = -4 against f_1 = 0.
        (([[1.0, 1.0], [0.0, 0.0]], [0.0, 0.0]), 0),
        # f_0 = x_1 = 1 against f_1 = -x_2 = 5.
        (([[1.0, 0.0], [0.0, -1.0]], [0.0, 0.0]), 0),
    ],
)
def test_a_network_without_a_hidden_layer_may_have_negative_inputs(
    tmp_path: Path, layers: Any, label: int, p: float, arithmetic: str
) -> None:
    """That terms with positive weights are >= 0 is true behind a ReLU, and not of the inputs."""
    assert forged(tmp_path, line(layers), np.array([[1.0, -5.0]]), np.array([label]), 0.1, p, arithmetic) == 1


@pytest.mark.parametrize("arithmetic", ["reals", "rational", "float64"])
@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, math.inf])
@pytest.mark.parametrize(
    ("layers", "x", "radius"),
    [
        # 2^-60 · 1e-320 is no float, and 1e300 · 1e300 times that is 8.7e261.
        ([([[2.0**-60]], [0.0]), ([[1e300]], [0.0]), ([[-1e300]], [1.0])], 1e-320, 1e-322),
        # Two layers in a row, as the rule for p = 1 reads them.
        ([([[1.0]], [0.0]), ([[1e-200]], [0.0]), ([[1e300]], [0.0]), ([[-1e300]], [1.0])], 1e-200, 1e-201),
        ([([[1e-200]], [0.0]), ([[1e-200]], [0.0]), ([[1e300]], [0.0]), ([[-1e300]], [1.0])], 1.0, 0.1),
    ],
)
def test_what_underflows_is_not_zero(
    tmp_path: Path, layers: Any, x: float, radius: float, p: float, arithmetic: str
) -> None:
    """Over the reals f = 1 - 8.7e261 or 1 - 1e200."""
    assert forged(tmp_path, line(*layers), np.array([[x]]), np.array([1]), radius, p, arithmetic) == 1


@pytest.mark.parametrize(
    ("layers", "x", "radius"),
    [
        # An input that counts as zero: -0.05 instead of 0.35.
        ([([[4e37]], [-0.05])], float(np.float32(1e-38)), 1e-40),
        ([([[4e37]], [0.0]), ([[20.0]], [-0.05])], float(np.float32(1e-38)), 1e-40),
        # A weight that does: -0.5 instead of 9.5.
        ([([[1.0]], [0.0]), ([[1e-38]], [0.0]), ([[1e30]], [0.0]), ([[1.0]], [-0.5])], 1e9, 1.0),
    ],
)
@pytest.mark.parametrize("p", [1.0, 2.0, math.inf])
def test_subnormal_inputs_and_weights_may_count_as_zero(
    tmp_path: Path, layers: Any, x: float, radius: float, p: float
) -> None:
    network = line(*layers)
    assert network(np.array([[x]]))[0, 0] > 0.3
    assert forged(tmp_path, network, np.array([[x]]), np.array([1]), radius, p, "float32") == 1
    assert not certify(network, np.array([[x]]), np.array([1]), radius, p, arithmetic="float32").certified[0]
    assert certify(network, np.array([[x]]), np.array([1]), radius, p).certified[0]


def rewritten(path: Path, **arrays: Any) -> None:
    """The same archive with other arrays; None takes one out."""
    with np.load(path) as stored:
        content = {**stored, **arrays}
    np.savez(path, **{name: array for name, array in content.items() if array is not None})


@pytest.mark.parametrize(
    "change",
    [
        lambda w: {"depth": np.array(3.0)},
        lambda w: {"depth": np.array([3])},
        lambda w: {"depth": np.array(3, dtype=np.int32)},
        lambda w: {"depth": np.array(0)},
        lambda w: {"depth": np.array(2)},
        lambda w: {"more": np.zeros(1)},
        lambda w: {"bias_2": None},
        lambda w: {"bias_0": w["bias_0"].astype(complex)},
        lambda w: {"bias_0": w["bias_0"].astype(np.float32)},
        lambda w: {"bias_0": w["bias_0"].astype(np.longdouble)},
        lambda w: {"bias_0": w["bias_0"].astype(">f8")},
        lambda w: {"bias_0": w["bias_0"].astype(str)},
        lambda w: {"bias_0": w["bias_0"][:, None]},
        lambda w: {"bias_0": w["bias_0"][:-1]},
        lambda w: {"weight_0": w["weight_0"].astype(complex)},
        lambda w: {"weight_0": w["weight_0"][None]},
        lambda w: {"weight_0": np.where(w["weight_0"] == w["weight_0"][0, 0], np.nan, w["weight_0"])},
        lambda w: {"data_1": w["data_1"].astype(np.float32)},
        lambda w: {"data_1": np.where(np.arange(len(w["data_1"])) == 0, 0.0, w["data_1"])},
        lambda w: {"indices_1": w["indices_1"].astype(float)},
        lambda w: {"indices_1": w["indices_1"] + 0.5},
        lambda w: {"indices_1": w["indices_1"].astype(np.int16), "indptr_1": w["indptr_1"].astype(np.int16)},
        lambda w: {"indptr_1": w["indptr_1"].astype(np.int64)},
        lambda w: {"indices_1": w["indices_1"][::-1].copy()},
        lambda w: {"indices_1": w["indices_1"] + w["shape_1"][1]},
        lambda w: {"indices_1": w["indices_1"] - w["shape_1"][1]},
        lambda w: {"indptr_1": w["indptr_1"][:-1]},
        lambda w: {"indptr_1": w["indptr_1"] + 1},
        lambda w: {"indptr_1": np.where(np.arange(len(w["indptr_1"])) == 1, w["indptr_1"][-1], w["indptr_1"])},
        lambda w: {"shape_1": w["shape_1"].astype(float)},
        lambda w: {"shape_1": np.append(w["shape_1"], 1)},
        lambda w: {"shape_1": w["shape_1"] + [0, 1]},
    ],
)
def test_a_network_in_another_form_is_refused(tmp_path: Path, change: Any, capsys: pytest.CaptureFixture[str]) -> None:
    files = written(tmp_path, "float64", math.inf)
    with np.load(files[0]) as stored:
        content = dict(stored)
    rewritten(files[0], **change(content))
    assert code(files) == 2
    assert "refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        lambda p: {"points": p["points"].astype(np.float32)},
        lambda p: {"points": p["points"].astype(complex)},
        lambda p: {"points": p["points"].astype(np.longdouble)},
        lambda p: {"points": p["points"].astype(str)},
        lambda p: {"points": p["points"].ravel()},
        lambda p: {"points": p["points"][:, :-1]},
        lambda p: {"points": p["points"][:0], "labels": p["labels"][:0]},
        lambda p: {"points": np.where(p["points"] == p["points"][3, 1], np.inf, p["points"])},
        lambda p: {"labels": p["labels"].astype(float)},
        lambda p: {"labels": p["labels"].astype(np.int8)},
        lambda p: {"labels": p["labels"].astype(str)},
        lambda p: {"labels": p["labels"][:, None]},
        lambda p: {"labels": p["labels"][:-1]},
        lambda p: {"labels": (p["labels"] + 1) // 2},
        lambda p: {"index": np.arange(len(p["labels"]))},
        lambda p: {"labels": None},
    ],
)
def test_points_in_another_form_are_refused(tmp_path: Path, change: Any, capsys: pytest.CaptureFixture[str]) -> None:
    files = written(tmp_path, "float64", math.inf)
    with np.load(files[1]) as stored:
        content = dict(stored)
    rewritten(files[1], **change(content))
    assert code(files) == 2
    assert "refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(radius=0.0),
        lambda c: c.update(radius=1),
        lambda c: c.update(p=2),
        lambda c: c.update(p=True),
        lambda c: c.update(indicators=[True]),
        lambda c: c.update(records={}),
        lambda c: c["records"].__setitem__(3, None),
        lambda c: c["records"][0].update(lower="0.5"),
        lambda c: c["records"][0].update(lower=1),
        lambda c: c["records"][0].update(seconds=True),
        lambda c: c["records"][0].update(method="trust"),
        lambda c: c["records"][0].update(witness=[0.0, 0.0, 0.0, 1]),
        lambda c: c["records"][0].update(witness="0"),
        lambda c: c["records"][0].update(witness=[[0.0]]),
    ],
)
def test_values_of_another_type_are_refused(tmp_path: Path, change: Any) -> None:
    files = written(tmp_path, "float64", math.inf)
    changed(files, change)
    assert code(files) == 2


def test_a_witness_is_inside_exactly(tmp_path: Path) -> None:
    """For every p: on the surface and one float beyond it, with powers that no float holds."""
    from constructions.check.witnesses import is_inside

    centre = np.array([3.0, 0.0, 0.0])
    for p in (1.0, 1 + 2.0**-40, 1.5, 2.0, 3.0, 10.0, 100.0, 1e6, math.inf):
        for radius in (0.1, 5e-324, 1e-300, 1e300):
            assert is_inside(np.array([3.0, radius, 0.0]), centre, radius, p)
            assert not is_inside(np.array([3.0, np.nextafter(radius, 1e308), 0.0]), centre, radius, p)
        assert is_inside(centre, centre, 0.1, p)
        assert not is_inside(centre[:2], centre, 0.1, p)
        assert not is_inside(np.array([math.nan, 0, 0]), centre, 0.1, p)
        side = 2 ** (-1 / p)
        assert is_inside(np.array([3.0, side * (1 - 2.0**-40), -side * (1 - 2.0**-40)]), centre, 1.0, p)
        if not math.isinf(p):
            assert not is_inside(np.array([3.0, side * (1 + 2.0**-40), side * (1 + 2.0**-40)]), centre, 1.0, p)
            assert not is_inside(np.array([3.0, 1.0, 1e-3]), centre, 1.0, p)


@pytest.mark.parametrize(
    ("layers", "x", "radius", "lower", "widths"),
    [
        # ω α² vanishes, and the least value of the sum is 0 / 0: the sum is -100, and its ReLU 100 more.
        (
            [
                ([[2.0**-240], [2.0**-240], [1.0]], [0.0, -0.5, 0.0]),
                ([[2.0**-601, 2.0**-600, 0.0], [0, 0, 1.0]], [-100.0, 0.0]),
                ([[1.0, 0.0]], [50.0]),
                ([[1.0]], [0.0]),
                ([[-1.0]], [10.0]),
            ],
            [0.5],
            0.25,
            9.0,
            [1, 3, 2, 1, 1],
        ),
        # λ = 2^60 in the sum, which the excess takes back: the rounding of the sum alone is what counts for its ReLU.
        (
            [
                ([[1, 0], [0, 1], [1, 0], [0, 1], [1, 0], [0, 1]], [0, 0, -0.5, -0.5, 0, 2.0**-55]),
                ([[0.5, 0.5, 1, 1, 2.0**60, -(2.0**60)], [0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1]], [0.0, 0, 0]),
                ([[1.0, -(2.0**60), 2.0**60]], [-10.0]),
                ([[1.0]], [0.0]),
                ([[-1.0]], [1.0]),
            ],
            [0.5, 0.5],
            2.0**-100,
            0.9,
            [2, 6, 3, 1, 1],
        ),
    ],
)
def test_sums_of_squares_whose_least_value_is_not_known_are_not_confirmed(
    tmp_path: Path, layers: Any, x: list[float], radius: float, lower: float, widths: list[int]
) -> None:
    assert forged(tmp_path, line(*layers), np.array([x]), np.array([1]), radius, 2.0, "reals", lower, widths) == 1


def test_bounds_that_contradict_each_other_are_no_bounds() -> None:
    from constructions.check.files import Layer
    from constructions.check.intervals import margin_bounds

    def layer(weight: float, bias: float) -> Layer:
        return Layer((1, 1), np.array([0, 1]), np.array([0]), np.array([weight]), np.array([bias]))

    layers, points, labels = [layer(1.0, 0.0), layer(1.0, 0.0), layer(-1.0, 9.0)], np.array([[5.0]]), np.array([1])

    def bound(least: float, greatest: float) -> float:
        known = 1, lambda balls: (np.array([[least]]), np.array([[greatest]]))
        return float(margin_bounds(layers, points, labels, 1.0, math.inf, "reals", known)[0])

    assert bound(-9.0, 9.0) == pytest.approx(3.0)
    assert bound(4.5, 5.5) == pytest.approx(3.5)
    assert bound(1.0, 2.0) == -math.inf
