"""Certificate files written by hand, with digests that fit, true and false; what the checker says of them."""

import contextlib
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from constructions.certificates.file import FORMAT
from constructions.check.__main__ import main
from tests.soundness.attacks import (
    EXACT_NORMS,
    Tally,
    answered,
    cast,
    computed_margin,
    executed_truth,
    is_at_most,
    known_minimum,
    margin_at,
)
from tests.soundness.executions import DTYPES, all_products, run
from tests.soundness.networks import Case
from tests.soundness.truth import above, is_inside

# The checker's answers.
CONFIRMED, NOT_CONFIRMED, REFUSED = 0, 1, 2
# Of a false claim about a run, so many orders are tried.
_ORDERS = 4


def canonical(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def network_digest(case: Case) -> str:
    digest = hashlib.sha256()
    for weight, bias in zip(case.weights, case.biases, strict=True):
        rows, columns = np.nonzero(weight)
        pointers = [0, *np.cumsum(np.count_nonzero(weight, axis=1)).tolist()]
        for whole in (weight.shape, pointers, columns):
            digest.update(np.asarray(whole, dtype="<i8").tobytes())
        for values in (weight[rows, columns], bias):
            digest.update((np.asarray(values, dtype="<f8") + 0.0).tobytes())
    return digest.hexdigest()


def points_digest(points: np.ndarray, labels: np.ndarray) -> str:
    digest = hashlib.sha256(np.asarray(points.shape, dtype="<i8").tobytes())
    digest.update((np.asarray(points, dtype="<f8") + 0.0).tobytes())
    digest.update(np.asarray(labels, dtype="<i8").tobytes())
    return digest.hexdigest()


def record(status: str, lower: float | None, arithmetic: str, witness: Sequence[float] | None = None) -> dict[str, Any]:
    return {
        "status": status,
        "lower": lower,
        "method": "interval",
        "arithmetic": arithmetic,
        "seconds": 0.0,
        "witness": None if witness is None else [float(v) for v in witness],
    }


def write_files(
    folder: Path, case: Case, arithmetic: str, records: list[dict[str, Any]], indicators: Sequence[int] = ()
) -> list[str]:
    """Network, points and claims; the names of the three files."""
    names = [str(folder / name) for name in ("network.npz", "points.npz", "certificate.json")]
    arrays: dict[str, Any] = {"depth": np.array(len(case.weights))}
    for k, (weight, bias) in enumerate(zip(case.weights, case.biases, strict=True)):
        arrays[f"weight_{k}"], arrays[f"bias_{k}"] = weight, bias
    np.savez(names[0], **arrays)
    np.savez(names[1], points=case.points, labels=case.labels)
    content: dict[str, Any] = {
        "format": FORMAT,
        "network": network_digest(case),
        "points": points_digest(case.points, case.labels),
        "radius": float(case.radius),
        "p": "inf" if case.p == np.inf else float(case.p),
        "arithmetic": arithmetic,
        "indicators": [int(width) for width in indicators],
        "records": records,
    }
    content["digest"] = hashlib.sha256(canonical(content)).hexdigest()
    Path(names[2]).write_bytes(canonical(content))
    return names


def checked(names: list[str]) -> tuple[int, int, str]:
    """Exit code of the checker, the number of records that it confirms, and all that it says."""
    said, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        code = main(names)
    confirmed = json.loads(said.getvalue())["confirmed"] if code != REFUSED else 0
    return code, confirmed, said.getvalue() + complained.getvalue()


def false_bounds(truth: Sequence[Fraction], arithmetic: str) -> list[dict[str, Any]]:
    """For every ball the least float that is no lower bound, as a claim."""
    claims = [above(t) for t in truth]
    return [record("certified" if c > 0 else "undecided", c, arithmetic) for c in claims]


def attack_with_false_bounds(
    folder: Path, case: Case, arithmetic: str, tally: Tally, indicators: Sequence[int] = (), kind: str = "random"
) -> None:
    """A file in which every lower bound is false by one unit in the last place: no record may be confirmed."""
    truth = false_of(case, arithmetic)
    if not truth:
        return
    some = _restricted(case, [i for i, _ in truth])
    records = false_bounds([t for _, t in truth], arithmetic)
    if not all(np.isfinite(r["lower"]) for r in records):
        return
    name = f"false bounds, {kind} {arithmetic}"
    tally.attacked(name, len(records))
    code, confirmed, said = checked(write_files(folder, some, arithmetic, records, indicators))
    if code != NOT_CONFIRMED or confirmed:
        tally.is_false(name, some, f"exit {code}, {confirmed} of {[r['lower'] for r in records]}\n{said}{indicators}")


def false_of(case: Case, arithmetic: str) -> list[tuple[int, Fraction]]:
    """Balls and margins that are reached in them: over the reals, or by a run in some order of summation."""
    if arithmetic in ("reals", "rational"):
        return [(i, known_minimum(case, i)) for i in range(len(case.points))]
    rng = np.random.default_rng(case.seed)
    products = all_products(rng, subnormals=True)
    products = [products[k] for k in rng.choice(len(products), _ORDERS, replace=False)]
    found = []
    for i, ran in enumerate(executed_truth(case, arithmetic, products)):
        if ran.worst:
            # After an overflow no finite number is a bound.
            found.append((i, Fraction(-(2**1000)) if ran.least is None else ran.least))
    return found


def _restricted(case: Case, balls: list[int]) -> Case:
    return replace(case, points=case.points[balls], labels=case.labels[balls])


def false_witnesses(case: Case, i: int, arithmetic: str) -> list[np.ndarray]:
    """Points that refute nothing: errors just outside of the ball, and points that are right in every order."""
    x, kind = case.points[i], DTYPES.get(arithmetic, np.float64)
    with np.errstate(all="ignore"):
        near = x.astype(kind)
        beyond = [near + kind(s * case.radius * f) for s in (1, -1) for f in (1, 1 + 2.0**-20, 2, 2.0**60)]
        beyond += [np.nextafter(b, kind(s * np.inf)) for b, s in zip(beyond, [1] * 4 + [-1] * 4, strict=True)]
    rng = np.random.default_rng(case.seed)
    tried = [np.asarray(near, dtype=np.float64)]
    tried += [np.asarray(beyond[k], dtype=np.float64) for k in rng.choice(len(beyond), 2, replace=False)]
    if arithmetic == "float32":
        # In the ball it may be, and an error, but no vector of the format.
        tried += [np.nextafter(x, np.inf)]
    return [t for t in tried if np.isfinite(t).all() and not _refutes(case, t, i, arithmetic)]


def _refutes(case: Case, x: np.ndarray, i: int, arithmetic: str) -> bool:
    if not is_inside(x, case.points[i], case.radius, case.p):
        return False
    if arithmetic in ("reals", "rational"):
        return margin_at(case, x, i) <= 0
    kind = DTYPES[arithmetic]
    vector = x.astype(kind)
    if not np.array_equal(vector.astype(np.float64), x):
        return False
    weights, biases = cast(case, arithmetic)
    for _, product in all_products(np.random.default_rng(case.seed), subnormals=True):
        margin = computed_margin(run(weights, biases, vector[None], product)[0], int(case.labels[i]))
        if margin is None or margin <= 0:
            return True
    return False


def attack_with_false_witnesses(folder: Path, case: Case, arithmetic: str, tally: Tally) -> None:
    """Refutations by points that are no errors of the ball: none may be confirmed."""
    name = f"false witnesses {arithmetic}"
    false = [(i, w.tolist()) for i in range(len(case.points)) for w in false_witnesses(case, i, arithmetic)]
    if not false:
        return
    balls = _restricted(case, [i for i, _ in false])
    records = [record("refuted", None, arithmetic, witness) for _, witness in false]
    tally.attacked(name, len(records))
    code, confirmed, said = checked(write_files(folder, balls, arithmetic, records))
    if code != NOT_CONFIRMED or confirmed:
        tally.is_false(name, balls, f"exit {code}, {confirmed} of {false}\n{said}")


def attack_round_trip(folder: Path, case: Case, arithmetic: str, tally: Tally) -> None:
    """A certificate of the project, written and checked: what must be confirmed, and by the same bytes."""
    from constructions import certify, write_certificate

    network, balls = case.network, (case.points, case.labels, case.radius, case.p)
    name = f"round trip {arithmetic}"
    found = answered(name, lambda: certify(network, *balls, arithmetic=arithmetic), case, tally)
    if found is None:
        return
    mine = write_files(folder, case, arithmetic, found.records())
    theirs = folder / "theirs.json"
    write_certificate(theirs, found, network, case.points, case.labels)
    if theirs.read_bytes() != Path(mine[2]).read_bytes():
        tally.is_false(name, case, "the file is not the canonical one of these claims")
    network.save(folder / "theirs.npz")
    code, _, said = checked([str(folder / "theirs.npz"), mine[1], str(theirs)])
    missing = [] if code != NOT_CONFIRMED else json.loads(said)["not confirmed"]
    unexpected = [m for m in missing if must_be_confirmed(case, found, int(m.split(":")[0].split()[1]), arithmetic)]
    for status in ("certified", "refuted", "undecided"):
        tally.attacked(f"{name}, {status}", found.count(status))
    if code == REFUSED or unexpected:
        tally.is_false(name, case, f"exit {code}: {said}{found.records()}")
    if code == CONFIRMED and arithmetic in ("reals", "rational"):
        for i in range(len(case.points)):
            truth = known_minimum(case, i)
            if not is_at_most(float(found.lower[i]), truth):
                tally.is_false(name, case, f"confirmed: ball {i} has the bound {found.lower[i]!r} > {float(truth)!r}")


def must_be_confirmed(case: Case, found: Any, i: int, arithmetic: str) -> bool:
    """Whether the checker has the rule: every exact claim, every exact witness and every executed one."""
    if found.status[i] == "refuted":
        return bool(found.lower[i] == -np.inf) and (case.p == np.inf or (case.p == int(case.p) and case.p <= 64))
    return arithmetic == "rational" and case.p in EXACT_NORMS
