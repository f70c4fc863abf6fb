"""A small classifier of bits with integer weights: one hidden layer, pruned while it is trained.

It need not be right: what it gets wrong is memorized. So it is as small as pays: weights are taken away, the least
first, until weights and bits cost no more than asked for, and what is left is rounded to a few binary digits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Int

from constructions.bits.wiring import Form, Wiring, total
from constructions.networks.one_thread import one_thread

if TYPE_CHECKING:
    import torch

# Non-zeros of one bit: two ReLUs, each a weight and a bias.
BIT = 4
_BATCH, _RATE = 256, 3e-3
# Steps of training: so many passes, within these limits; pruned up to a share of them, every so many.
_PASSES, _FEWEST, _MOST, _PRUNED, _EVERY = 20, 600, 2400, 0.65, 40
_DIGITS = (3, 4, 5, 6, 8)


@dataclass(frozen=True, eq=False)
class BitClassifier:
    """`argmax of W_2 σ(W_1 s + b_1) + b_2` over integers, of bits s; the last class of equal scores.

    Attributes:
        hidden: W_1.
        hidden_bias: b_1.
        output: W_2.
        output_bias: b_2.
    """

    hidden: Int[np.ndarray, "h k"]
    hidden_bias: Int[np.ndarray, " h"]
    output: Int[np.ndarray, "c h"]
    output_bias: Int[np.ndarray, " c"]

    def scores(self, code: Bool[np.ndarray, "n k"]) -> Int[np.ndarray, "n c"]:
        """The outputs."""
        inner = np.maximum(code.astype(np.int64) @ self.hidden.T + self.hidden_bias, 0)
        return np.asarray(inner @ self.output.T + self.output_bias)

    def predictions(self, code: Bool[np.ndarray, "n k"]) -> Int[np.ndarray, " n"]:
        """Class numbers."""
        scores = self.scores(code)
        return np.asarray(scores.shape[1] - 1 - scores[:, ::-1].argmax(axis=1))

    @property
    def nonzero(self) -> int:
        """Weights of both layers and biases of the first that are not 0."""
        return sum(int(np.count_nonzero(part)) for part in (self.hidden, self.hidden_bias, self.output))


def index_bits(classes: int) -> int:
    """Bits of a class number."""
    return max(1, (classes - 1).bit_length())


def wire_classifier(
    wiring: Wiring, classifier: BitClassifier, bits: list[Form], riders: list[Form], code: Bool[np.ndarray, "n k"]
) -> tuple[Form, list[Form]]:
    """The layers of the classifier, right for the given codes: the class number, and what is carried along.

    Scores and class numbers share integers, `2^{L+1} (score - floor) + number`, whose greatest is found in pairs, and
    off which the score is folded by tents; the floor is the least of the best scores of the codes.

    Args:
        wiring: its last layer has the bits.
        classifier: to be wired.
        bits: s.
        riders: carried along, from the bits on.
        code: the bits of the points.
    """
    classes, low = len(classifier.output), index_bits(len(classifier.output))
    best = classifier.scores(code).max(axis=1)
    floor, unit = int(best.min()), 1 << (low + 1)
    size = len(classifier.hidden)
    inner = wiring.relu(*_forms(classifier.hidden, classifier.hidden_bias, bits), *riders)
    inner, riders = inner[:size], inner[size:]
    scores = _forms(classifier.output * unit, (classifier.output_bias - floor) * unit + np.arange(classes), inner)
    best_of = wiring.relu(*scores, *riders)
    best_of, riders = best_of[:classes], best_of[classes:]
    while len(best_of) > 1:
        odd = best_of[-1:] if len(best_of) % 2 else []
        pairs = [form for a, b in zip(best_of[::2], best_of[1::2], strict=False) for form in (a - b, b)]
        passed = wiring.relu(*pairs, *odd, *riders)
        passed, riders = passed[: len(pairs) + len(odd)], passed[len(pairs) + len(odd) :]
        best_of = [a + b for a, b in zip(passed[::2], passed[1::2], strict=False)] + passed[len(pairs) :]
    value = best_of[0]
    for power in reversed(range(low, low + 1 + score_bits(classifier, code))):
        value, fold, *riders = wiring.relu(value, value - (1 << power), *riders)
        value = value - fold * 2
    return value, riders


def wired_nonzero(classifier: BitClassifier, riders: int, code: Bool[np.ndarray, "n k"]) -> int:
    """Non-zeros of the layers that `wire_classifier` adds, but for the first of the riders, in closed form."""
    classes = len(classifier.output)
    low = index_bits(classes)
    biases = (classifier.output_bias - int(classifier.scores(code).max(axis=1).min())) * (1 << (low + 1))
    count = classifier.nonzero + int(np.count_nonzero(biases + np.arange(classes))) + riders
    # Forms of one neuron at first, of two where a pair was compared.
    terms = [1] * classes
    while len(terms) > 1:
        odd = terms[-1:] if len(terms) % 2 else []
        pairs = list(zip(terms[::2], terms[1::2], strict=False))
        count += sum(a + 2 * b for a, b in pairs) + sum(odd) + riders
        terms = [2] * len(pairs) + [1] * len(odd)
    # The first tent has a value that is one neuron only where no pair was compared.
    return count + (5 + riders) * (score_bits(classifier, code) + 1)


def score_bits(classifier: BitClassifier, code: Bool[np.ndarray, "n k"]) -> int:
    """Bits of the range of the best scores of the codes."""
    return int(np.ptp(classifier.scores(code).max(axis=1))).bit_length()


def _forms(weight: Int[np.ndarray, "o i"], bias: Int[np.ndarray, " o"], inputs: list[Form]) -> list[Form]:
    return [
        total([Form({}, b), *(f * w for f, w in zip(inputs, row, strict=True) if w)])
        for row, b in zip(weight.tolist(), bias.tolist(), strict=True)
    ]


def fit(
    code: Bool[np.ndarray, "n k"],
    labels: Int[np.ndarray, " n"],
    classes: int,
    *,
    budget: int,
    price: Callable[[BitClassifier, Bool[np.ndarray, "n k"]], float],
    seed: int,
    report: Callable[[float], None],
) -> tuple[BitClassifier, Int[np.ndarray, " k_used"]]:
    """A classifier of some of the bits, and which.

    Args:
        code: bits that may be used.
        labels: class numbers.
        classes: how many.
        budget: non-zeros of the bits and the first layer, about.
        price: of a classifier of the codes it is given, of which the cheapest rounding is taken.
        seed: of the first weights and the order of the points.
        report: is told the share of the steps done.
    """
    hidden, hidden_bias, output, output_bias = _trained(code, labels, classes, budget, seed, report)
    used = np.flatnonzero(hidden.any(axis=0))
    if not len(used):
        used = np.arange(1)
    seen = np.ascontiguousarray(code[:, used])
    rounded = []
    for digits in _DIGITS:
        first = (2**digits - 1) / (np.abs(hidden).max() or 1.0)
        second = (2**digits - 1) / (np.abs(output).max() or 1.0)
        parts = hidden[:, used] * first, hidden_bias * first, output * second, output_bias * (first * second)
        rounded.append(BitClassifier(*(np.rint(part).astype(np.int64) for part in parts)))
    best = min(rounded, key=lambda classifier: price(classifier, seen))
    kept = np.flatnonzero(best.hidden.any(axis=0)) if best.hidden.any() else np.arange(1)
    return BitClassifier(best.hidden[:, kept], best.hidden_bias, best.output, best.output_bias), used[kept]


@one_thread()
def _trained(
    code: np.ndarray, labels: np.ndarray, classes: int, budget: int, seed: int, report: Callable[[float], None]
) -> tuple[np.ndarray, ...]:
    """Weights and biases in floats, pruned to the budget."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    inputs, width = code.shape[1], max(4, round(budget**0.5 / 2))
    steps = min(_MOST, max(_FEWEST, _PASSES * len(code) // _BATCH))
    random = np.random.default_rng(seed)
    seen, target = torch.tensor(code, device=device), torch.tensor(labels, device=device)
    deviation = seen.float().std(dim=0, correction=0)
    parts = [
        torch.tensor(random.uniform(-1, 1, shape) / fan**0.5, dtype=torch.float32, device=device, requires_grad=True)
        for shape, fan in (((width, inputs), inputs), (width, inputs), ((classes, width), width), (classes, width))
    ]
    weight, mask = parts[0], torch.ones(width, inputs, device=device)
    adam, whole = torch.optim.Adam(parts, lr=_RATE), (width + BIT) * inputs
    for step in range(steps):
        share = step / (_PRUNED * steps)
        if step % _EVERY == 0:
            with torch.no_grad():
                goal = budget + max(whole - budget, 0) * (1 - min(share, 1.0)) ** 3
                mask = _pruned(weight.abs() * deviation, mask, goal)
                report(step / steps)
        batch = torch.as_tensor(random.integers(len(code), size=_BATCH), device=device)
        with torch.enable_grad():
            hidden = torch.relu(seen[batch].float() @ (weight * mask).T + parts[1])
            loss = torch.nn.functional.cross_entropy(hidden @ parts[2].T + parts[3], target[batch])
            adam.param_groups[0]["lr"] = _RATE * (1 - step / steps) ** 0.7 + 1e-5
            adam.zero_grad()
            loss.backward()
            adam.step()
    parts[0] = weight * mask
    return tuple(part.detach().cpu().double().numpy() for part in parts)


def _pruned(size: "torch.Tensor", mask: "torch.Tensor", goal: float) -> "torch.Tensor":
    """The mask of the weights of the largest effect for their cost, that of a bit shared, up to the goal."""
    shared = size / (1 + BIT / mask.sum(dim=0).clamp(min=1)) * mask
    order = shared.flatten().argsort(descending=True)
    low, high = 0, int(mask.sum())
    while low < high:
        middle = (low + high + 1) // 2
        kept = _first(order, middle, mask)
        low, high = (middle, high) if kept.sum() + BIT * kept.any(dim=0).sum() <= goal else (low, middle - 1)
    return _first(order, low, mask)


def _first(order: "torch.Tensor", count: int, mask: "torch.Tensor") -> "torch.Tensor":
    import torch

    kept = torch.zeros(mask.numel(), device=mask.device)
    kept[order[:count]] = 1
    return kept.view_as(mask)
