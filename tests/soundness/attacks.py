"""Claims of the project against the truth: what each attack returns are the claims that are false, in words."""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from constructions import certify
from constructions.certificates.certificate import Certificate
from constructions.certificates.executed_intervals import executed_bounds, executed_margin_bound
from constructions.certificates.execution_error import execution_error
from constructions.certificates.rational_intervals import rational_margin_bound
from tests.soundness.executions import DTYPES, Product, all_products, run
from tests.soundness.networks import Case
from tests.soundness.truth import (
    affine_least_margin,
    directions,
    exact_outputs,
    fraction,
    integers,
    is_inside,
    least_margin,
    least_margin_found,
    points_of_ball,
)
from theory import small_margin
from theory.balls import regions
from theory.balls.input_splitting import split_inputs
from theory.balls.relaxation import interval_bounds, linear_bounds, margin_lower_bound, violation_lower_bounds
from theory.balls.relu_splitting import split_relus
from theory.balls.slopes import slope_lower_bounds
from theory.balls.violations import margin_violations

EXACT_NORMS = (1, 2, np.inf)


@dataclass
class Tally:
    """How many claims of each kind were attacked, and the false ones."""

    cases: Counter[str] = field(default_factory=Counter)
    false: list[str] = field(default_factory=list)

    def attacked(self, kind: str, number: int = 1) -> None:
        self.cases[kind] += number

    def is_false(self, kind: str, case: Any, text: str) -> None:
        self.false.append(f"{kind}: {text}\n{case}\n")

    def __str__(self) -> str:
        return f"{len(self.false)} false claims of {sum(self.cases.values())}\n\n" + "\n".join(self.false[:5])


def known_minimum(case: Case, i: int) -> Fraction:
    """At least the least margin over the ball; exactly that for d = 1 and for one layer with p = 1 or ∞."""
    found = [least_margin_found(case, i), least_margin(case, i), affine_least_margin(case, i)]
    return min(f for f in found if f is not None)


def is_at_most(bound: Any, truth: Fraction) -> bool:
    """Whether a claimed lower bound is one; `-inf` always is, NaN never."""
    if isinstance(bound, Fraction):
        return bound <= truth
    return bool(bound == -np.inf) or bool(np.isfinite(bound) and Fraction(float(bound)) <= truth)


def attack_real_bounds(case: Case, tally: Tally) -> None:
    """Every bound over the reals of every ball of the case."""
    network, truth = case.network, [known_minimum(case, i) for i in range(len(case.points))]
    layers, balls = network.layers, (case.points, case.labels, case.radius, case.p)

    claims: dict[str, Any] = {
        "interval": lambda: margin_lower_bound(layers, *balls, method="interval"),
        "linear": lambda: margin_lower_bound(layers, *balls, method="linear"),
        "small_margin lower": lambda: small_margin(layers, *balls).lower,
        **_searched_claims(case),
    }
    if case.p in EXACT_NORMS:
        claims["rational"] = lambda: rational_margin_bound(layers, *balls)
    for kind, claim in claims.items():
        bounds = answered(kind, claim, case, tally)
        tally.attacked(kind, len(truth))
        for i, bound in enumerate(() if bounds is None else bounds):
            if not is_at_most(bound, truth[i]):
                tally.is_false(kind, case, f"ball {i}: {bound!r} > {float(truth[i])!r}")
    for arithmetic in ("reals", "rational") if case.p in EXACT_NORMS else ("reals",):
        kind = f"certify {arithmetic}"
        found = answered(kind, lambda a=arithmetic: certify(network, *balls, arithmetic=a), case, tally)
        if found is not None:
            check_real_certificate(kind, case, found, truth, tally)
    _attack_upper_bounds(case, tally)
    _attack_boxes(case, tally)


def _searched_claims(case: Case) -> dict[str, Any]:
    """Bounds whose slopes or parts are searched for, of two balls with a radius each."""
    layers, outputs = case.network.layers, len(case.biases[-1])
    some = regions.balls(case.points[:2], np.full(2, case.radius), case.p)
    task = layers, some, margin_violations(case.labels[:2], outputs)
    return {
        "linear until proved": lambda: violation_lower_bounds(*task, until_proved=True).min(axis=1),
        "slopes": lambda: slope_lower_bounds(*task, steps=4, hidden_steps=2).min(axis=1),
        "split inputs": lambda: split_inputs(*task, nodes=12).lower,
        "split relus": lambda: split_relus(*task, nodes=8, hidden_steps=1).lower,
    }


def answered(kind: str, claim: Any, case: Any, tally: Tally) -> Any:
    """The answer, or None and a finding: a finite network on finite balls has one, and no warning."""
    try:
        return claim()
    except Exception as error:
        if isinstance(error, ValueError) and "beyond float32" in str(error):
            return None
        tally.is_false(kind, case, f"raises {type(error).__name__}: {error}")
        return None


def check_real_certificate(kind: str, case: Case, found: Certificate, truth: Sequence[Fraction], tally: Tally) -> None:
    """Lower bounds, certified and refuted balls of a certificate over the reals."""
    tally.attacked(kind, len(truth))
    for i, least in enumerate(truth):
        lower, status = found.lower[i], str(found.status[i])
        if not is_at_most(lower, least):
            tally.is_false(kind, case, f"ball {i}: lower bound {lower!r} > {float(least)!r}")
        if i in found.misclassified and margin_at(case, case.points[i], i) > 0:
            tally.is_false(kind, case, f"ball {i}: its centre is called misclassified")
        if status == "certified" and not (lower > 0 and least > 0):
            tally.is_false(kind, case, f"ball {i}: certified with {lower!r}, a margin in the ball is {float(least)!r}")
        if (status == "refuted") != (i in found.counterexamples):
            tally.is_false(kind, case, f"ball {i}: {status}, witness {found.counterexamples.get(i)!r}")
        elif status == "refuted":
            x = np.asarray(found.counterexamples[i])
            margin = margin_at(case, x, i) if np.isfinite(x).all() else None
            inside = margin is not None and is_inside(x, case.points[i], case.radius, case.p)
            if not inside or margin is None or margin > min(Fraction(0), Fraction(float(found.upper[i]))):
                text = f"ball {i}: witness {x.tolist()} in the ball: {inside}, margin {float(margin or 0)!r}"
                tally.is_false(kind, case, text)


def margin_at(case: Case, x: np.ndarray, i: int) -> Fraction:
    whole, exponent = integers(np.asarray(x, dtype=np.float64)[:, None])
    outputs, exponent = exact_outputs(case.weights, case.biases, whole, exponent)
    values, label = [fraction(v, exponent) for v in outputs[:, 0]], int(case.labels[i])
    return label * values[0] if len(values) == 1 else values[label] - max(values[:label] + values[label + 1 :])


def _attack_upper_bounds(case: Case, tally: Tally) -> None:
    """The upper end of the bracket of `small_margin`, where the least margin is known exactly."""
    kind = "small_margin upper"
    bracket = answered(
        kind, lambda: small_margin(case.network.layers, case.points, case.labels, case.radius, case.p), case, tally
    )
    for i in range(len(case.points)):
        exact = least_margin(case, i)
        if bracket is None or exact is None:
            continue
        tally.attacked(kind)
        upper = bracket.upper[i]
        if not (upper == np.inf or (np.isfinite(upper) and Fraction(float(upper)) >= exact)):
            tally.is_false(kind, case, f"ball {i}: upper end {upper!r} < {float(exact)!r}")


def _attack_boxes(case: Case, tally: Tally) -> None:
    """Bounds of all outputs: over a box of floats, and over the balls."""
    with np.errstate(over="ignore"):
        low, high = np.minimum(case.points, case.points[::-1]), np.maximum(case.points, case.points[::-1])
    rng = np.random.default_rng(case.seed)
    found = answered("interval_bounds", lambda: interval_bounds(case.network.layers, low, high), case, tally)
    balls = answered(
        "linear_bounds", lambda: linear_bounds(case.network.layers, case.points, case.radius, case.p), case, tally
    )
    for i in range(len(case.points)):
        corners = np.where(rng.random((6, low.shape[1])) < 0.5, low[i], high[i])
        inside = [("interval_bounds", found, integers(corners.T)), ("linear_bounds", balls, points_of_ball(case, i))]
        for kind, bounds, (x, exponent) in inside:
            if bounds is None:
                continue
            tally.attacked(kind)
            values, e = exact_outputs(case.weights, case.biases, x, exponent)
            for c, row in enumerate(values):
                least, most = fraction(min(row), e), fraction(max(row), e)
                below, above = bounds[0][i, c], bounds[1][i, c]
                if not (is_at_most(below, least) and is_at_most(-above, -most)):
                    text = f"box {i}, output {c}: [{below!r}, {above!r}] leaves out {float(least)!r} or {float(most)!r}"
                    tally.is_false(kind, case, text)


def executed_vectors(case: Case, i: int, arithmetic: str) -> np.ndarray:
    """Vectors of the format that lie in the real ball, as many as are found in the usual directions."""
    kind = DTYPES[arithmetic]
    u = directions(case, i).astype(float).T / 2.0**30
    centre = case.points[i]
    with np.errstate(over="ignore", under="ignore"):
        near = (centre + case.radius * u).astype(kind)
    found: dict[bytes, np.ndarray] = {}
    for row in near:
        for _ in range(3):
            exact = row.astype(np.float64)
            if np.isfinite(exact).all() and is_inside(exact, centre, case.radius, case.p):
                found[row.tobytes()] = row
                break
            with np.errstate(over="ignore", under="ignore"):
                outward = np.abs(exact - centre) > 0
                row = np.where(outward, np.nextafter(row, centre.astype(kind)), row)
    return np.array(list(found.values()), dtype=kind).reshape(len(found), len(centre))


def cast(case: Case, arithmetic: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    kind = DTYPES[arithmetic]
    with np.errstate(over="ignore", under="ignore"):
        return [w.astype(kind) for w in case.weights], [b.astype(kind) for b in case.biases]


def computed_margin(outputs: np.ndarray, label: int) -> Fraction | None:
    """The exact difference of computed outputs; None where they are no numbers."""
    if not np.isfinite(outputs).all():
        return None
    values = [Fraction(float(v)) for v in outputs]
    return label * values[0] if len(values) == 1 else values[label] - max(values[:label] + values[label + 1 :])


@dataclass(frozen=True)
class Executed:
    """What a ball's vectors gave in all orders: the worst margin, None for an overflow; the outputs by order."""

    vectors: np.ndarray
    worst: dict[str, Fraction | None]
    outputs: dict[str, np.ndarray]

    @property
    def least(self) -> Fraction | None:
        """The least margin of all; None where there was an overflow. Needs a vector."""
        return None if None in self.worst.values() else min(w for w in self.worst.values() if w is not None)


def executed_truth(
    case: Case, arithmetic: str, products: Iterable[tuple[str, Product]], extra: dict[int, np.ndarray] | None = None
) -> list[Executed]:
    """Real runs on every ball; `extra` holds more vectors of the format for some balls."""
    weights, biases = cast(case, arithmetic)
    vectors = [executed_vectors(case, i, arithmetic) for i in range(len(case.points))]
    for i, more in (extra or {}).items():
        vectors[i] = np.concatenate([vectors[i], more])
    cuts = np.cumsum([0, *(len(v) for v in vectors)])
    together = np.concatenate(vectors)
    outputs = {name: run(weights, biases, together, product) for name, product in products} if len(together) else {}
    truth = []
    for i, (a, b) in enumerate(itertools.pairwise(cuts)):
        mine = {name: values[a:b] for name, values in outputs.items()}
        worst: dict[str, Fraction | None] = {}
        for name, values in mine.items() if b > a else ():
            some = [computed_margin(row, int(case.labels[i])) for row in values]
            worst[name] = None if None in some else min(m for m in some if m is not None)
        truth.append(Executed(vectors[i], worst, mine))
    return truth


def attack_executed(case: Case, arithmetic: str, tally: Tally, *, subnormals: bool) -> None:
    """What is claimed of the network as executed, against runs in all orders of summation."""
    rng = np.random.default_rng(case.seed)
    products = all_products(rng, subnormals)
    balls = case.points, case.labels, case.radius, case.p
    network = case.network
    kind = f"certify {arithmetic}"
    found = answered(kind, lambda: certify(network, *balls, arithmetic=arithmetic), case, tally)
    bounds = answered(
        f"executed_margin_bound {arithmetic}",
        lambda: executed_margin_bound(network.layers, *balls, arithmetic),
        case,
        tally,
    )
    if found is None or bounds is None:
        return
    extra = {i: np.asarray(x, dtype=DTYPES[arithmetic])[None] for i, x in found.counterexamples.items()}
    truth = executed_truth(case, arithmetic, products, extra)
    check_executed_certificate(kind, case, found, truth, arithmetic, tally)
    for i, ran in enumerate(truth):
        tally.attacked(f"executed_margin_bound {arithmetic}")
        check_executed_bound(f"executed_margin_bound {arithmetic}", case, i, bounds[i], ran, tally)
    _attack_executed_boxes(case, arithmetic, truth, tally)


def check_executed_bound(kind: str, case: Case, i: int, bound: float, ran: Executed, tally: Tally) -> None:
    for name, worst in ran.worst.items():
        if bound == -np.inf or (worst is not None and is_at_most(bound, worst)):
            continue
        seen = "an overflow" if worst is None else repr(float(worst))
        tally.is_false(kind, case, f"ball {i}: lower bound {bound!r}, but {seen} computed, {name}")
        return


def check_executed_certificate(
    kind: str, case: Case, found: Certificate, truth: Sequence[Executed], arithmetic: str, tally: Tally
) -> None:
    """Bounds and verdicts against runs; a witness must be a vector of the format that some order misclassifies."""
    tally.attacked(kind, len(truth))
    weights, biases = cast(case, arithmetic)
    for i, ran in enumerate(truth):
        lower, status = float(found.lower[i]), str(found.status[i])
        check_executed_bound(kind, case, i, lower, ran, tally)
        if status == "certified" and not lower > 0:
            tally.is_false(kind, case, f"ball {i}: certified with the lower bound {lower!r}")
        if (status == "refuted") != (i in found.counterexamples):
            tally.is_false(kind, case, f"ball {i}: {status}, witness {found.counterexamples.get(i)!r}")
        elif status == "refuted":
            x = np.asarray(found.counterexamples[i])
            vector = x.astype(DTYPES[arithmetic])
            right = np.array_equal(vector.astype(np.float64), x)
            right = right and is_inside(x, case.points[i], case.radius, case.p)
            orders = all_products(np.random.default_rng(0), True) if right else []
            seen = [
                computed_margin(run(weights, biases, vector[None], product)[0], int(case.labels[i]))
                for _, product in orders
            ]
            if not any(margin is None or margin <= 0 for margin in seen):
                text = f"ball {i}: witness {x.tolist()} of the format and in the ball: {right}, an error in no order"
                tally.is_false(kind, case, text)


def _attack_executed_boxes(case: Case, arithmetic: str, truth: Sequence[Executed], tally: Tally) -> None:
    """`executed_bounds` and `execution_error` on the box of each ball."""
    with np.errstate(over="ignore"):
        low = np.nextafter(case.points - case.radius, -np.inf)
        high = np.nextafter(case.points + case.radius, np.inf)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        return
    layers = case.network.layers
    kinds = f"executed_bounds {arithmetic}", f"execution_error {arithmetic}"
    bounds = answered(kinds[0], lambda: executed_bounds(layers, low, high, arithmetic), case, tally)
    for i, ran in enumerate(truth):
        error = answered(kinds[1], lambda i=i: execution_error(layers, low[i], high[i], arithmetic), case, tally)
        if bounds is None or error is None or not len(ran.vectors):
            continue
        tally.attacked(kinds[0])
        tally.attacked(kinds[1])
        for kind, wrong in (
            (kinds[0], _outside(ran, bounds[0][i], bounds[1][i])),
            (kinds[1], _moved_too_far(case, ran, error)),
        ):
            if wrong is not None:
                tally.is_false(kind, case, f"box {i}: {wrong}")


def _outside(ran: Executed, low: np.ndarray, high: np.ndarray) -> str | None:
    """An output that was computed outside of its bounds."""
    for name, outputs in ran.outputs.items():
        for c, values in enumerate(outputs.T.astype(np.float64)):
            unbounded = low[c] == -np.inf and high[c] == np.inf
            if not (unbounded or np.all((values >= low[c]) & (values <= high[c]))):
                return f"output {c}: [{low[c]!r}, {high[c]!r}] leaves out {values.tolist()}, {name}"
    return None


def _moved_too_far(case: Case, ran: Executed, error: np.ndarray) -> str | None:
    """An output that is farther from the real one than its error bound."""
    whole, e = integers(ran.vectors.astype(np.float64).T)
    real, e = exact_outputs(case.weights, case.biases, whole, e)
    for name, outputs in ran.outputs.items():
        for c in np.flatnonzero(error != np.inf):
            for v, r in zip(outputs[:, c], real[c], strict=True):
                if not np.isfinite(v) or abs(Fraction(float(v)) - fraction(r, e)) > Fraction(float(error[c])):
                    return f"output {c}: {v!r}, not {float(fraction(r, e))!r}, with error <= {error[c]!r}, {name}"
    return None
