"""The strict ReLU network: sums of pixels, GroupSort layers, and beside them balls in few coordinates.

*Pairs.* For `a, b >= 0` and `p = σ(a - b)`, `max(a, b) = b + p` and `min(a, b) = a - p`: with biases that keep the
values on the balls from being negative, a pair costs 8 non-zeros, `(σ(a), σ(b), p)` and the two sums.

*Balls.* With coordinates `u >= 0`, their interpolated squares, and the sum Ŝ over a set of them,
`J = σ(a + v·u - Ŝ)` is `σ(a + ‖v/2‖² - ‖u - v/2‖²)` over that set, but for the error of the squares, which only
lowers it. It raises the output of its class, and nothing gates it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from constructions.networks.calculus import carry, chain, concatenate
from constructions.networks.network import Affine, ReLUNetwork
from constructions.pieces.square import sum_of_squares
from theory.arguments.read_only import handed_over, read_only


@dataclass(frozen=True, eq=False)
class Balls:
    """One ReLU for each point that is left.

    Attributes:
        coordinates: `a ↦ u`, of the first layer's sums, with values in `[0, width]` on the balls.
        width: a power of two for each coordinate.
        tents: of the interpolated squares, at least 2.
        sums: which coordinates each sum of squares has, shape (sums, coordinates), of zeros and ones.
        rows: `(Ŝ, u) ↦ a + v·u - Ŝ_g`, a row for each ball.
    """

    coordinates: Affine
    width: Float[np.ndarray, " k"]
    tents: int
    sums: sp.csr_array
    rows: Affine

    def __post_init__(self) -> None:
        # Sums in shorter types would wrap.
        object.__setattr__(self, "width", read_only(np.array(self.width, dtype=np.float64)))
        sums = sp.csr_array(self.sums, dtype=np.float64, copy=True)
        sums.sum_duplicates()
        object.__setattr__(self, "sums", handed_over(sums))
        if self.tents < 2:
            raise ValueError(f"Balls needs at least 2 tents, got {self.tents}")

    @cached_property
    def centres(self) -> sp.csr_array:
        """`v / 2`, a row for each ball."""
        return sp.csr_array(self.rows.weight[:, self.sums.shape[0] :] / 2)

    @cached_property
    def which(self) -> Int[np.ndarray, " balls"]:
        """The number of the sum that each ball reads."""
        return np.asarray(sp.csr_array(self.rows.weight[:, : self.sums.shape[0]]).indices)

    @property
    def size(self) -> int:
        return self.coordinates.outputs


@dataclass(frozen=True, eq=False)
class Parts:
    """What the network is put together of, with the biases that it has there.

    Attributes:
        pool: the first layer.
        stages: the layers of the GroupSort network behind it, the outputs last.
        balls: None where nothing is left.
        last: of the outputs of both.
    """

    pool: Affine
    stages: tuple[Affine, ...]
    balls: Balls | None
    last: Affine

    @property
    def outputs(self) -> int:
        """Outputs of the GroupSort network."""
        return self.stages[-1].outputs

    @property
    def behind(self) -> int:
        """Number of the layer whose ReLUs are the balls, and the outputs of the GroupSort network beside them."""
        return 2 + max(3 * (len(self.stages) - 1), 0 if self.balls is None else self.balls.tents + 4) - 1

    def layer_of_stage(self, k: int) -> int:
        """Number of the layer whose values are those of stage k."""
        return 1 + 3 * k

    def network(self) -> ReLUNetwork:
        """The network, without names of classes."""
        first, *rest = self.stages
        clean: list[Affine] = []
        for before, stage in zip(self.stages, rest, strict=False):
            clean += [*sorting(before.outputs).layers, stage]
        begin = ReLUNetwork((self.pool, first))
        end = ReLUNetwork((self.last,))
        track = ReLUNetwork(tuple(clean))
        if self.balls is None:
            return chain(begin, track, end)
        memory = _memory(self.balls, max(0, track.depth - self.balls.tents - 4))
        if track.depth < memory.depth:
            track = chain(track, carry(track.outputs, memory.depth - track.depth))
        return chain(begin, concatenate(track, memory), end)

    def nonzero(self) -> int:
        """Non-zeros of the network, by the formula."""
        count = self.pool.nonzero + sum(stage.nonzero for stage in self.stages) + self.last.nonzero
        count += 4 * sum(stage.outputs for stage in self.stages[:-1])
        if self.balls is None:
            return count
        k, m, clean = self.balls.size, self.balls.tents, 3 * (len(self.stages) - 1)
        count += self.outputs * max(0, m + 4 - clean) + k * max(0, clean - m - 4)
        # Tents: 4 k for the first layer, 8 k for the second, 9 k for each other, 4 k for the last; k carried once more.
        count += 4 * k + 8 * k * (m - 1) + k * (m - 2) + 4 * k + k
        return count + self.balls.coordinates.nonzero + int(self.balls.sums.nnz) + self.balls.rows.nonzero


def sorting(width: int) -> ReLUNetwork:
    """Maxima of neighbouring coordinates, then minima, for coordinates >= 0; 4 non-zeros a coordinate."""
    half = width // 2
    one = sp.eye_array(width, format="csr")
    first, second = one[0::2], one[1::2]
    pairs = sp.vstack([first, second, first - second], format="csr")
    third = sp.eye_array(half, format="csr")
    none = sp.csr_array((half, half))
    joined = sp.vstack([sp.hstack([none, third, third]), sp.hstack([third, none, -third])], format="csr")
    return ReLUNetwork((Affine(pairs, np.zeros(3 * half)), Affine(joined, np.zeros(width))))


def _memory(balls: Balls, waiting: int) -> ReLUNetwork:
    """The sums of the balls, from those of the first layer; they wait for deeper outputs as few coordinates."""
    k = balls.size
    scaled = Affine(sp.diags_array(1 / balls.width, format="csr"), np.zeros(k))
    weights = sp.csr_array(sp.diags_array(balls.width**2))
    squares = sum_of_squares(scaled, weights, balls.tents, carried=carry(k, 1).layers[0])
    sums = Affine(sp.block_diag([balls.sums, sp.eye_array(k)], format="csr"), np.zeros(balls.sums.shape[0] + k))
    wait = (carry(k, waiting),) if waiting else ()
    return chain(ReLUNetwork((balls.coordinates,)), *wait, squares, ReLUNetwork((sums,)), ReLUNetwork((balls.rows,)))
