"""Attacks on an image within a ball: one projected gradient ascent for FGSM and PGD, in l_∞ and l_2.

An attack only refutes: the accuracy under attack is an upper bound of the robust accuracy. How much it refutes must
not depend on the unit of the logits z, which no decision depends on. On the cross entropy it does: where logits are
large its gradient, rounded, lacks the label's own logit or is 0, and where they are small it pulls at all other classes
alike. These two ascents are the same for all multiples of z:

- "scaled": on the cross entropy of `20 z / max_c |z_c - z_y|`, the factor taken at each point and for constant; of
  factors 1, …, 20, instead of 20, the one that leaves the fewest robust images of digits and MNIST;
- "margin": on `max_{c ≠ y} z_c - z_y`.

Accuracy is taken after both (`robust_correct`); training ascends the cross entropy, the loss that it minimises.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.nn.functional import cross_entropy

ALL_LOSSES = ("cross_entropy", "scaled", "margin")
# Those of accuracies: free of the unit of the logits.
LOSSES = ("scaled", "margin")
# Largest difference of two logits, of which one is the label's, where the cross entropy is taken of scaled logits.
_SPREAD = 20.0
_IMAGES_A_THREAD = 64


@dataclass(frozen=True)
class Attack:
    """Projected gradient ascent on a loss over `‖ξ‖_p <= radius`.

    A step goes `step_size` along the sign of the gradient (p = ∞) or along the gradient normalised (p = 2).

    Attributes:
        radius: of the ball, >= 0, in units of the pixels' range [0, 1].
        steps: number of gradients, >= 0.
        step_size: in the norm of the ball, >= 0.
        p: 2 or ∞.
        restarts: number of ascents, >= 1; the best point of all is kept.
        random_start: whether an ascent starts at a uniform point of the ball, else at the image itself.
        clip: whether the points stay in [0, 1] too.
        keep_best: whether the answer is the best point seen, the image included, rather than the last; always so
            with restarts. It costs two more forward passes, and then the loss is never below that of the image.

    Raises:
        ValueError: if a number is out of its range or NaN.
    """

    radius: float
    steps: int
    step_size: float
    p: float = math.inf
    restarts: int = 1
    random_start: bool = True
    clip: bool = True
    keep_best: bool = False

    def __post_init__(self) -> None:
        if not (0 <= self.radius < math.inf and 0 <= self.step_size < math.inf):
            raise ValueError(
                f"an attack needs finite radius, step_size >= 0, got radius={self.radius}, step_size={self.step_size}"
            )
        if self.steps < 0 or self.restarts < 1:
            raise ValueError(f"an attack needs steps >= 0 and restarts >= 1, got {self.steps} and {self.restarts}")
        if self.p not in (2, math.inf):
            raise ValueError(f"an attack needs p = 2 or infinity, got {self.p}")


def fgsm(radius: float, *, p: float = math.inf, random_start: bool = True, clip: bool = True) -> Attack:
    """The fast gradient sign method: one step, of 1.25 radii from a random start, else of one radius.

    Source: Wong, Rice, Kolter (2020) for the random start.
    """
    step_size = 1.25 * radius if random_start else radius
    return Attack(radius, 1, step_size, p, random_start=random_start, clip=clip)


def pgd(
    radius: float,
    steps: int = 10,
    *,
    step_size: float | None = None,
    p: float = math.inf,
    restarts: int = 1,
    random_start: bool = True,
    clip: bool = True,
    keep_best: bool = False,
) -> Attack:
    """Projected gradient ascent, by default in steps of `2.5 radius / steps`.

    Source: Madry et al. (2018).
    """
    size = 2.5 * radius / max(1, steps) if step_size is None else step_size
    return Attack(radius, steps, size, p, restarts, random_start, clip, keep_best)


def perturb(
    model: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    attack: Attack,
    generator: torch.Generator | None = None,
    *,
    offsets: torch.Tensor | None = None,
    loss: str = "cross_entropy",
) -> torch.Tensor:
    """A point of large loss in the ball around each image.

    The model is evaluated in eval mode, so that the images do not depend on each other, and gets its mode back; its
    parameters and their gradients stay as they are. In exact arithmetic `‖x' - x‖_p <= radius` for what is returned,
    and `x'` is in [0, 1] if the attack clips.

    Args:
        model: logits of shape (n, classes).
        x: shape (n, …), in [0, 1] if the attack clips.
        y: int64 classes, shape (n,).
        attack: what to do.
        generator: draws the random starts, on its own device; the global one when None.
        offsets: of the starts, as `random_offsets` draws them, instead of the generator.
        loss: "cross_entropy", "scaled" or "margin", see the module.

    Returns:
        Shape and type of x; no gradient.

    Raises:
        ValueError: for NaN, images outside [0, 1] that are to be clipped, another loss, or shapes that do not fit.
    """
    _check(x, y, attack)
    _check_losses((loss,))
    if offsets is None:
        offsets = random_offsets(x.shape, attack, generator, dtype=x.dtype)
    offsets = offsets.to(x.device, x.dtype)
    pieces = zip(_pieces(x.detach()), _pieces(y), _pieces(offsets.transpose(0, 1)), strict=True)
    with evaluating(model), _constant(model), torch.enable_grad():
        return torch.cat([ascend(model, *piece, attack, loss) for piece in pieces])


def ascend(
    model: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    offsets: torch.Tensor,
    attack: Attack,
    loss: str = "cross_entropy",
) -> torch.Tensor:
    """`perturb` without its checks, all images at once, of a model in eval mode, where gradients are enabled.

    One ascent for each of the offsets, which have shape (n, restarts, …) here.
    """
    project = projection(x, attack)
    keep = attack.keep_best or attack.restarts > 1
    best = x
    best_loss = _losses(model, x, y, loss).detach() if keep else torch.empty(0)
    for start in offsets.unbind(1):
        z = project(x + start)
        for _ in range(attack.steps):
            z.requires_grad_()
            losses = _losses(model, z, y, loss)
            (gradient,) = torch.autograd.grad((losses * _magnitude(losses)).sum(), z)
            z = z.detach()
            if keep:
                best, best_loss = _better(best, best_loss, z, losses.detach())
            z = project(z + _direction(gradient, attack))
        if keep:
            with torch.no_grad():
                best, best_loss = _better(best, best_loss, z, _losses(model, z, y, loss))
    return best if keep else z


def _pieces(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Few images at a time on a CPU, where a network's features then fit its caches: LeNet5 is 1.4 times as fast."""
    size = _IMAGES_A_THREAD * torch.get_num_threads() if x.device.type == "cpu" else len(x)
    return tuple(x[k : k + size] for k in range(0, len(x), size))


def robust_correct(
    model: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    attack: Attack,
    generator: torch.Generator | None = None,
    *,
    losses: Sequence[str] = LOSSES,
) -> torch.Tensor:
    """Whether each image is classified correctly, and still is where each restart of the attack on each loss ends.

    Restarts go on with the images that are left; all of them on one loss, then on the next.

    Args:
        model: logits of shape (n, classes), n >= 1.
        x: shape (n, …), in [0, 1] if the attack clips.
        y: int64 classes, shape (n,).
        attack: what to do.
        generator: of the random starts.
        losses: to ascend, one after the other.

    Returns:
        bool, shape (n,).

    Raises:
        ValueError: for no loss, or another name.
    """
    _check_losses(losses)
    robust = correct(model, x, y)
    single = replace(attack, restarts=1)
    for loss in (loss for loss in losses for _ in range(attack.restarts)):
        left = torch.nonzero(robust).flatten()
        if not len(left):
            break
        worst = perturb(model, x[left], y[left], single, generator, loss=loss)
        robust[left] = correct(model, worst, y[left])
    return robust


def correct(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Whether the largest logit, in eval mode, is that of the label; a NaN is not. Shape (n,)."""
    with evaluating(model), torch.no_grad():
        logits = torch.cat([model(piece) for piece in _pieces(x)])
    return (logits.argmax(dim=1) == y) & ~logits.isnan().any(dim=1)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Eval mode inside, the mode of every module as before after it."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def _constant(model: nn.Module) -> Iterator[None]:
    """No derivatives of the parameters inside, which saves some percent of an attack."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    for p in parameters:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in parameters:
            p.requires_grad_(True)


def random_offsets(
    shape: tuple[int, ...],
    attack: Attack,
    generator: torch.Generator | None = None,
    *,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    """Starts relative to the images, uniform in the ball: shape (restarts, n, …); 0 without a random start.

    Args:
        shape: of the images, (n, …).
        attack: gives radius, p and restarts.
        generator: the global one when None.
        dtype: of the result.
    """
    size = (attack.restarts, *shape)
    device = generator.device if generator is not None else torch.device("cpu")
    if not attack.random_start or attack.radius == 0:
        return torch.zeros(size, dtype=dtype, device=device)
    if attack.p == math.inf:
        return torch.empty(size, dtype=dtype, device=device).uniform_(
            -attack.radius, attack.radius, generator=generator
        )
    direction = torch.randn(size, generator=generator, dtype=dtype, device=device)
    length = torch.rand(size[:2], generator=generator, dtype=dtype, device=device) ** (1 / math.prod(shape[1:]))
    return direction * _columns(attack.radius * length / direction.flatten(2).norm(dim=2), direction)


def projection(x: torch.Tensor, attack: Attack) -> Callable[[torch.Tensor], torch.Tensor]:
    """Takes a point to one of the ball around x, and of [0, 1] if the attack clips.

    For p = ∞ to the nearest. For p = 2 to the nearest of the ball, then clipped: both hold, since x is in [0, 1]. The
    result is in the ball as a real number: bounds are rounded inwards.
    """
    if attack.p == math.inf:
        high, low = _sum_rounded_down(x, attack.radius), -_sum_rounded_down(-x, attack.radius)
        if attack.clip:
            low, high = low.clamp(min=0), high.clamp(max=1)
        return lambda z: z.clamp(low, high)
    eps = torch.finfo(x.dtype).eps
    # The norm is taken in float64; its error, and that of quotient, product and sum, is taken off the radius.
    relative = 4 * eps + x[0].numel() * torch.finfo(torch.float64).eps
    most = (attack.radius * (1 - relative) - eps * (_norms(x) + attack.radius)).clamp(min=0)

    def shortened(z: torch.Tensor) -> torch.Tensor:
        shift = z - x
        scale = (most / _norms(shift).clamp(min=torch.finfo(torch.float64).tiny)).clamp(max=1)
        z = x + shift * _columns(scale.to(x.dtype), shift)
        return z.clamp(0, 1) if attack.clip else z

    return shortened


def _sum_rounded_down(x: torch.Tensor, radius: float) -> torch.Tensor:
    """The largest float `<= x + r` for the largest float `r <= radius`: the sum's error is exact by Knuth's formula."""
    # On the CPU: a number read back from a device waits for all that was asked of it.
    rounded = torch.tensor(radius, dtype=x.dtype)
    if rounded.item() > radius:
        rounded = torch.nextafter(rounded, torch.zeros_like(rounded))
    r = rounded.item()
    total = x + r
    part = total - x
    error = (x - (total - part)) + (r - part)
    return torch.where(error < 0, torch.nextafter(total, torch.full_like(total, -math.inf)), total)


def _direction(gradient: torch.Tensor, attack: Attack) -> torch.Tensor:
    # A network whose derivative is undefined somewhere must not take an image out of its ball; the sign of NaN is 0.
    if attack.p == math.inf:
        return gradient.sign().mul_(attack.step_size)
    gradient = gradient.nan_to_num(nan=0.0)
    norms = _norms(gradient).clamp(min=torch.finfo(torch.float64).tiny)
    return (gradient * _columns(attack.step_size / norms, gradient)).to(gradient.dtype)


def _norms(x: torch.Tensor) -> torch.Tensor:
    """Of each item, in l_2 and float64."""
    return x.flatten(1).double().square().sum(dim=1).sqrt()


def _losses(model: nn.Module, x: torch.Tensor, y: torch.Tensor, loss: str) -> torch.Tensor:
    logits = model(x)
    if loss == "cross_entropy":
        return cross_entropy(logits, y, reduction="none")
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    own = y.unsqueeze(1)
    above = wide - wide.gather(1, own)
    if loss == "margin":
        margin: torch.Tensor = above.scatter(1, own, -math.inf).amax(dim=1)
        return margin
    # Where all logits are equal the factor is finite.
    least = 2.0**30 * torch.finfo(above.dtype).tiny
    spread = above.detach().abs().amax(dim=1, keepdim=True).clamp(min=least)
    return cross_entropy(_SPREAD * (above / spread), y, reduction="none")


def _magnitude(losses: torch.Tensor) -> torch.Tensor:
    """A power of two near 1 / |loss|, for each image.

    A step depends on the direction of each gradient alone; in half precision the small ones of fitted images would
    vanish on the way back.
    """
    _, exponent = torch.frexp(losses.detach().float())
    return torch.ldexp(torch.ones_like(losses, dtype=torch.float32), -exponent.clamp(-24, 24))


def _better(
    best: torch.Tensor, best_loss: torch.Tensor, z: torch.Tensor, loss: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    larger = loss > best_loss
    return torch.where(_columns(larger, z), z, best), torch.where(larger, loss, best_loss)


def _columns(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Trailing axes of length 1, to go with `like`."""
    return values.reshape(values.shape + (1,) * (like.ndim - values.ndim))


def _check_losses(losses: Sequence[str]) -> None:
    if not losses or not set(losses) <= set(ALL_LOSSES):
        raise ValueError(f"an attack ascends {' or '.join(ALL_LOSSES)}, got {', '.join(map(str, losses)) or 'none'}")


def _check(x: torch.Tensor, y: torch.Tensor, attack: Attack) -> None:
    if x.ndim < 2 or y.shape != x.shape[:1] or not len(x):
        raise ValueError(
            f"an attack needs images (n, ...) and n labels, n >= 1, got {tuple(x.shape)} and {tuple(y.shape)}"
        )
    low, high = (float(value) for value in x.detach().aminmax())
    if attack.clip and not (low >= 0 and high <= 1):
        raise ValueError(f"an attack that clips needs images in [0, 1], got {low} to {high}: scale them, or clip=False")
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("an attack needs finite images, got NaN or infinity")
