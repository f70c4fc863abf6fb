"""Maximum gradient norm and maximum loss change over l_∞ balls around images: a search, from below.

For images `x_i` with labels `y_i`, L the cross entropy of the network's outputs, and radii `ε_1 < … < ε_K`,

    G_k(i) = max over ‖ξ‖_∞ <= ε_k of ‖∇_x L(f(x_i + ξ), y_i)‖_1,
    C_k(i) = max over ‖ξ‖_∞ <= ε_k of L(f(x_i + ξ), y_i) - L(f(x_i), y_i),

over whole balls, or over their parts in `[0, 1]^d` (`clip`). The search takes the radii in increasing order; in each
ball

1. projected gradient ascent (PGD) on L from the best point for L so far, and from random vertices of the ball;
2. bisection of the segment from the image to where each of these ended, always into the half where L changes more:
   it finds walls too thin for steps, such as those of a soft indicator;
3. ascent on `‖∇_x L‖_1` itself by double backward, from the best point for it so far.

Steps are by sign and shrink linearly from `2 ε_k`. Every point that is visited counts for both measures. A smaller
ball's best points start the larger and its best values stay, so the curves rise with ε by construction. Every value
was reached by a float image in the exact ball: a lower bound of the maximum, never more.

Within one linear region of a ReLU network the logits are affine, so 3 climbs along the curvature of the softmax
alone, and sees the next region only after a step.

Source: definition-maximum-gradient-norm; definition-maximum-loss-change.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from rich.console import Console
from rich.progress import track
from torch import nn

from theory.generalization.flatness import PointwiseMaximum

# Images that draw together, and that are together at once on a CPU.
_GROUP = 100


@dataclass(frozen=True)
class Cost:
    """What a search took: passes of one image through the network, and the time.

    Attributes:
        forward: forward passes.
        backward: backward passes for `∇_x L`.
        double_backward: backward passes through those, for `∇_x ‖∇_x L‖_1`.
        seconds: by the clock.
    """

    forward: int
    backward: int
    double_backward: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Curves:
    """Lower bounds of both maxima, for every radius and image.

    Attributes:
        radii: ε_k, increasing, shape (k,).
        gradient_norm: of `max ‖∇_x L‖_1`, shape (k, n).
        loss_change: of `max L(x + ξ) - L(x)`, shape (k, n), >= 0.
        clip: whether the balls are cut off at `[0, 1]^d`.
        search: what was searched, in words.
        cost: of all radii together.
        gradient_points: where the gradient norms were reached, shape (k, n, …); None unless asked for.
        loss_points: where the losses were reached.
    """

    radii: Float[np.ndarray, " k"]
    gradient_norm: Float[np.ndarray, "k n"]
    loss_change: Float[np.ndarray, "k n"]
    clip: bool
    search: str
    cost: Cost
    gradient_points: torch.Tensor | None = None
    loss_points: torch.Tensor | None = None

    def at(self, k: int) -> PointwiseMaximum:
        """The gradient norms at radius `radii[k]`, as a bracket without upper bound."""
        return self._bracket(self.gradient_norm[k], k)

    def loss_change_at(self, k: int) -> PointwiseMaximum:
        """The loss changes at radius `radii[k]`, as a bracket without upper bound."""
        return self._bracket(self.loss_change[k], k)

    def _bracket(self, lower: np.ndarray, k: int) -> PointwiseMaximum:
        return PointwiseMaximum(lower, np.full(len(lower), np.inf), float(self.radii[k]), unit_box=self.clip)


def flatness_curves(
    model: nn.Module,
    x: Float[torch.Tensor, "n *shape"],
    y: Int64[torch.Tensor, " n_labels"],
    radii: Sequence[float] | Float[np.ndarray, " k"],
    *,
    clip: bool,
    steps: int = 10,
    restarts: int = 1,
    bisections: int = 0,
    gradient_steps: int = 5,
    seed: int = 0,
    batch: int | None = None,
    keep_points: bool = False,
    progress: bool = False,
) -> Curves:
    """Lower bounds of the maximum gradient norm and loss change around each image; see the module.

    Args:
        model: from (n, …) to logits (n, classes), in evaluation mode; an image's logits depend on that image only.
        x: images, with the device, type and memory format the model wants.
        y: labels, shape (n,).
        radii: ε_k >= 0, increasing; at ε = 0 the values are those of the images themselves.
        clip: keep to `[0, 1]^d`, where the images need to lie.
        steps: of PGD from each of its starts, a ball.
        restarts: random starts of PGD in each ball, besides the best point so far. Where the gradient is 0 nothing
            else moves. With `steps=0` and `gradient_steps=0` this is random search.
        bisections: of each segment, a ball. Little gain on trained networks, all of it on constructed ones.
        gradient_steps: of ascent on the gradient norm, a ball.
        seed: of the random starts.
        batch: images at once, up to rounding with the same result; by default 100 on a CPU, whose caches hold no more,
            and on a GPU as many as half of its free memory takes.
        keep_points: return the best points too.
        progress: whether to show a progress bar on stderr.

    Raises:
        ValueError: for malformed arguments, a model in training mode, or losses that are NaN or infinite.
    """
    grid = _checked_radii(radii)
    _check_images(model, x, y, clip)
    for name, value, least in (
        ("steps", steps, 0),
        ("restarts", restarts, 0),
        ("bisections", bisections, 0),
        ("gradient_steps", gradient_steps, 0),
        ("batch", 1 if batch is None else batch, 1),
    ):
        if value < least:
            raise ValueError(f"flatness_curves needs {name} >= {least}, got {value}")
    started = time.perf_counter()
    if batch is None:
        batch = images_at_once(model, x.detach(), y)
    draws = _Draws(x, len(grid[grid > 0]) * restarts, seed)
    passes = _Passes()
    norms, changes = np.empty((len(grid), len(x))), np.empty((len(grid), len(x)))
    points = [x.new_empty((len(grid), *x.shape)) for _ in range(2 if keep_points else 0)]
    console = Console(stderr=True)
    for start in track(range(0, len(x), batch), "flatness", disable=not progress, console=console, transient=True):
        some = slice(start, start + batch)
        search = _Search(model, x[some].detach(), y[some], passes)
        draw = draws.of(start, min(start + batch, len(x)))
        for k, radius in enumerate(grid):
            search.set_ball(float(radius), clip)
            if radius > 0:
                starts = [None, *(search.vertex(next(draw)) for _ in range(restarts))]
                for vertex in starts:
                    search.bisect(search.ascend_loss(steps, vertex), bisections)
                search.ascend_norm(gradient_steps)
            norms[k, some] = search.norm.value.cpu()
            changes[k, some] = (search.loss.value - search.at_image).cpu()
            for kept, best in zip(points, (search.norm, search.loss), strict=False):
                kept[k, some] = best.point
    return Curves(
        radii=grid,
        gradient_norm=norms,
        loss_change=changes,
        clip=clip,
        search=(
            f"in each ball {steps} PGD steps on the loss from the best point so far and from each of {restarts} random "
            f"vertices, {bisections} bisections from the image to each end, then {gradient_steps} sign steps on the "
            f"gradient norm by double backward (seed {seed})"
        ),
        cost=Cost(passes.forward, passes.backward, passes.double_backward, time.perf_counter() - started),
        gradient_points=points[0] if keep_points else None,
        loss_points=points[1] if keep_points else None,
    )


def images_at_once(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> int:
    """How many images a search takes at once: 100, or on a GPU what half of its free memory takes, if that is more.

    What an image takes is measured, in the pass that takes most, by `∇_x ‖∇_x L‖_1` of the first 100.
    """
    if x.device.type != "cuda":
        return _GROUP
    torch.cuda.reset_peak_memory_stats(x.device)
    before = torch.cuda.memory_allocated(x.device)
    some = x[:_GROUP]
    _Search(model, some, y[:_GROUP], _Passes()).ascend_norm(1)
    taken = torch.cuda.max_memory_allocated(x.device) - before
    # What torch keeps for later is free too.
    free = torch.cuda.mem_get_info(x.device)[0] + torch.cuda.memory_reserved(x.device) - before
    return max(_GROUP, free * len(some) // (2 * taken))


def exact_box(x: torch.Tensor, radius: float, clip: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Least and greatest tensors of x's type in `B_∞(x, radius)`, exactly, and in `[0, 1]^d` if `clip`.

    The sum `x ± radius` is rounded towards x, with the rounding error of the float64 sum taken from
    TwoSum (Knuth), so that no point between the two leaves the real ball.
    """
    wide = x.double()
    edges = []
    for step in (-radius, radius):
        total = wide + step
        part = total - wide
        error = (wide - (total - part)) + (step - part)
        edge = total.to(x.dtype)
        far = edge.double() - total
        outside = (far > 0) | ((far == 0) & (error < 0)) if step > 0 else (far < 0) | ((far == 0) & (error > 0))
        edges.append(torch.where(outside, torch.nextafter(edge, x), edge))
    low, high = edges
    return (low.clamp(min=0), high.clamp(max=1)) if clip else (low, high)


@dataclass
class _Passes:
    forward: int = 0
    backward: int = 0
    double_backward: int = 0


class _Draws:
    """Uniform numbers of the images for their random vertices: the same ones whatever number of images is at once.

    They belong to groups of `_GROUP` images, whose draws follow each other's in the order of one generator.
    """

    def __init__(self, x: torch.Tensor, each: int, seed: int) -> None:
        self.x, self.states = x, list[torch.Tensor]()
        generator = torch.Generator(x.device).manual_seed(seed)
        for start in range(0, len(x), _GROUP):
            self.states.append(generator.get_state())
            for _ in range(each if start + _GROUP < len(x) else 0):
                self._group(start, generator)

    def of(self, start: int, stop: int) -> Iterator[torch.Tensor]:
        """One draw after the other for the images from start to stop."""
        groups = range(start - start % _GROUP, stop, _GROUP)
        generators = [torch.Generator(self.x.device).set_state(self.states[first // _GROUP]) for first in groups]
        while True:
            drawn = [self._group(*one) for one in zip(groups, generators, strict=True)]
            yield torch.cat(drawn)[start - groups.start : stop - groups.start]

    def _group(self, start: int, generator: torch.Generator) -> torch.Tensor:
        count = min(_GROUP, len(self.x) - start)
        return torch.rand((count, *self.x.shape[1:]), generator=generator, device=self.x.device)


class _Best:
    """The greatest value seen for each image, where, and `∇_x L` there."""

    def __init__(self, value: torch.Tensor, point: torch.Tensor, gradient: torch.Tensor) -> None:
        self.value, self.point, self.gradient = value, point, gradient

    def update(self, value: torch.Tensor, point: torch.Tensor, gradient: torch.Tensor) -> None:
        better = value > self.value
        self.value = torch.where(better, value, self.value)
        better = better.reshape(-1, *[1] * (point.ndim - 1))
        self.point = torch.where(better, point, self.point)
        self.gradient = torch.where(better, gradient, self.gradient)


class _Search:
    """One batch: the current ball, and the best points in it for either measure."""

    def __init__(self, model: nn.Module, x: torch.Tensor, y: torch.Tensor, passes: _Passes) -> None:
        self.model, self.x, self.y, self.passes = model, x, y, passes
        self.radius, self.low, self.high = 0.0, x, x
        loss, gradient = self._loss_and_gradient(x.clone().requires_grad_(), create_graph=False)
        self.norm = _Best(_l1(gradient), x, gradient)
        self.loss = _Best(loss, x, gradient)
        self.at_image = loss

    def set_ball(self, radius: float, clip: bool) -> None:
        self.radius = radius
        self.low, self.high = exact_box(self.x, radius, clip)

    def vertex(self, uniform: torch.Tensor) -> torch.Tensor:
        return torch.where(uniform < 0.5, self.low, self.high)

    def ascend_loss(self, steps: int, start: torch.Tensor | None) -> torch.Tensor:
        """PGD on L, from `start` or else from the best point so far; returns where it ended."""
        point, gradient = (self.loss.point, self.loss.gradient) if start is None else (start, self._visit(start)[1])
        for size in self._step_sizes(steps):
            point = self._step(point, gradient, size)
            gradient = self._visit(point)[1]
        return point

    def bisect(self, end: torch.Tensor, times: int) -> None:
        """Halve the segment from the images to `end`, into the half where L changes more."""
        if not times:
            return
        near, far = self.x, end
        near_loss, far_loss = self.at_image, self._visit(end)[0]
        for _ in range(times):
            middle = torch.lerp(near, far, 0.5).clamp(self.low, self.high)
            loss = self._visit(middle)[0]
            outer = (far_loss - loss).abs() > (loss - near_loss).abs()
            near_loss, far_loss = torch.where(outer, loss, near_loss), torch.where(outer, far_loss, loss)
            rows = outer.reshape(-1, *[1] * (middle.ndim - 1))
            near, far = torch.where(rows, middle, near), torch.where(rows, far, middle)

    def ascend_norm(self, steps: int) -> None:
        """Ascent on `‖∇_x L‖_1` from the best point for it so far."""
        point = self.norm.point
        for size in self._step_sizes(steps):
            point = self._step(point, self._visit_twice(point), size)
        if steps:
            self._visit(point)

    def _step_sizes(self, steps: int) -> list[float]:
        """From the width of the ball down: on LeNet5 first steps of half or twice this find less."""
        return [2 * self.radius * (1 - t / steps) for t in range(steps)]

    def _step(self, point: torch.Tensor, direction: torch.Tensor, size: float) -> torch.Tensor:
        return (point + size * direction.sign()).clamp(self.low, self.high)

    def _visit(self, point: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Count a point of the ball for both measures; returns L and `∇_x L` there."""
        point = point.detach().requires_grad_()
        loss, gradient = self._loss_and_gradient(point, create_graph=False)
        self._count(point.detach(), loss, gradient, _l1(gradient))
        return loss, gradient

    def _visit_twice(self, point: torch.Tensor) -> torch.Tensor:
        """Count a point of the ball for both measures; returns `∇_x ‖∇_x L‖_1` there."""
        point = point.detach().requires_grad_()
        loss, gradient = self._loss_and_gradient(point, create_graph=True)
        norm = _l1(gradient)
        (direction,) = torch.autograd.grad(norm.sum(), point, materialize_grads=True)
        self.passes.double_backward += len(point)
        self._count(point.detach(), loss, gradient.detach(), norm.detach())
        return direction

    def _count(self, point: torch.Tensor, loss: torch.Tensor, gradient: torch.Tensor, norm: torch.Tensor) -> None:
        self.norm.update(norm, point, gradient)
        self.loss.update(loss, point, gradient)

    def _loss_and_gradient(self, point: torch.Tensor, *, create_graph: bool) -> tuple[torch.Tensor, torch.Tensor]:
        # In float64: with a sure network, 1 - p_y and the loss are below the resolution of float32.
        logits = self.model(point).double()
        if logits.ndim != 2:
            raise ValueError(f"flatness_curves needs logits of shape (n, classes), got {tuple(logits.shape)}")
        if not (self.y.min() >= 0 and self.y.max() < logits.shape[1]):
            raise ValueError(
                f"flatness_curves needs labels in 0..{logits.shape[1] - 1}, one of the model's outputs each, got "
                f"{int(self.y.min())} to {int(self.y.max())}"
            )
        loss = nn.functional.cross_entropy(logits, self.y, reduction="none")
        (gradient,) = torch.autograd.grad(loss.sum(), point, create_graph=create_graph, materialize_grads=True)
        self.passes.forward += len(point)
        self.passes.backward += len(point)
        if not (torch.isfinite(loss).all() and torch.isfinite(gradient).all()):
            raise ValueError(
                "flatness_curves needs finite losses and gradients, got NaN or infinity: check the model's weights"
            )
        return loss.detach(), gradient


def _l1(gradient: torch.Tensor) -> torch.Tensor:
    return gradient.flatten(1).double().abs().sum(dim=1)


def _checked_radii(radii: Sequence[float] | np.ndarray) -> np.ndarray:
    grid = np.asarray(radii, dtype=np.float64)
    if grid.ndim != 1 or not len(grid) or not np.isfinite(grid).all() or not (grid >= 0).all():
        raise ValueError(f"flatness_curves needs at least one finite radius >= 0, got {radii}")
    if not (np.diff(grid) > 0).all():
        raise ValueError(f"flatness_curves needs radii in increasing order, got {radii}: take sorted(set(radii))")
    return grid


def _check_images(model: nn.Module, x: torch.Tensor, y: torch.Tensor, clip: bool) -> None:
    if any(part.training for part in model.modules()):
        raise ValueError(
            "flatness_curves measures the function of a trained model, got one in training mode, where batch "
            "norm and dropout mix images or draw at random: call model.eval() first"
        )
    if x.ndim < 2 or not len(x) or not x.is_floating_point():
        raise ValueError(
            f"flatness_curves needs images of shape (n >= 1, …) and floats, got {tuple(x.shape)}, {x.dtype}"
        )
    if y.shape != (len(x),) or y.dtype != torch.int64:
        raise ValueError(
            f"flatness_curves needs labels of shape ({len(x)},) and int64, got {tuple(y.shape)}, {y.dtype}"
        )
    if not torch.isfinite(x).all():
        raise ValueError("flatness_curves needs finite images, got NaN or infinity")
    if clip and not ((x >= 0) & (x <= 1)).all():
        raise ValueError(
            f"flatness_curves with clip=True needs images in [0, 1], got values from {float(x.min()):g} to "
            f"{float(x.max()):g}: rescale them, or take clip=False"
        )
