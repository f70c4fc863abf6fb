"""Arrays in this process's memory or on a torch device, for the work that only names candidates.

A search names pairs that may be near by products of matrices and by sets of bits, and decides by differences and
integers. The first may be done by a card, for `Device` has the same few operations as `Host`; the second never is. So
the answer is the same to the last bit, if the card leaves out no pair that is within the bounds.

**Assumed of a card**: that of float32 and of float64 numbers sums, differences, products and roots are rounded to
nearest, in any order, fused or not, where float32 numbers below 2^-126 may be taken for 0; and that comparisons,
integers and bits are right. The bounds are derived for no more (`theory.closest.projections`). Products of float32
numbers in a narrower format inside (TF32, bfloat16, also under autocast) are switched off during each product, and the
settings are put back afterwards. `check_products` then multiplies matrices of the shapes that are about to be used, of
whole numbers times powers of two for which every order of exact operations gives the same bits, and refuses a device
that gives others: so does one whose settings were overruled, by the environment or a library.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float, Int

# numpy's or torch's.
Array: TypeAlias = Any
# Words of 64 bits that are intersected at once on a device.
_WORDS = 2**20
_SEED = 0


class Host:
    """numpy's arrays."""

    xp: Any = np

    def array(self, values: np.ndarray) -> Array:
        """As an array to compute with."""
        return values

    def numpy(self, values: Array) -> np.ndarray:
        """As an array of numpy's."""
        return np.asarray(values)

    def single(self, values: Array) -> Array:
        """Rounded to float32."""
        return values.astype(np.float32)

    def product(self, a: Array, b: Array) -> Array:
        """`a b`, in the format of both."""
        return a @ b

    def squares(self, rows: Array) -> Array:
        """`‖row‖²` of each row, in float64."""
        return np.einsum("ij,ij->i", rows, rows, dtype=np.float64)

    def sums(self, rows: Array, size: int) -> Array:
        """Of each row the sums of so many entries each, the last of what is left."""
        return np.add.reduceat(rows, np.arange(0, rows.shape[1], size), axis=1)

    def contiguous(self, values: Array) -> Array:
        """Row after row in memory."""
        return np.ascontiguousarray(values)

    def flatnonzero(self, mask: Array) -> Array:
        """Where a table is true, row after row."""
        return np.flatnonzero(mask)

    def lots(self, cells: Int[np.ndarray, "n k"], words: int) -> Iterator[tuple[int, Any]]:
        """Rows to be intersected together: the first of them, and for each of k tables their cell.

        Here one by one, so that the set of a row stays in the cache.
        """
        return enumerate(cells.tolist())

    def bits(self, words: Array) -> tuple[np.ndarray, np.ndarray]:
        """The rows of a lot, and the numbers of the bits that are set in their words."""
        held = np.flatnonzero(words)
        bits = np.unpackbits(words[held].view(np.uint8).reshape(len(held), 8), axis=1, bitorder="little")
        which, bit = np.nonzero(bits)
        return np.zeros(len(which), dtype=np.int64), held[which] * 64 + bit

    def check_products(self, rows: int, inner: int, columns: int, dtype: type) -> None:
        """Nothing to do: this arithmetic is trusted with the decision too."""


HOST = Host()


class Device:
    """torch's arrays on a device, by the operations of `Host`; see `read_device`."""

    def __init__(self, torch: Any, device: Any) -> None:
        self.xp, self.device = torch, device

    def __repr__(self) -> str:
        return f"<Device {self.device}>"

    def array(self, values: np.ndarray) -> Array:
        if values.dtype == np.uint64:
            values = values.view(np.int64)
        # A copy, on the CPU too: memory that is mapped may be read-only.
        return self.xp.tensor(values, device=self.device)

    def numpy(self, values: Array) -> np.ndarray:
        return np.asarray(values.cpu())

    def single(self, values: Array) -> Array:
        return values.float()

    def product(self, a: Array, b: Array) -> Array:
        with self._without_narrower_formats():
            return a @ b

    def squares(self, rows: Array) -> Array:
        return rows.double().square().sum(axis=1)

    def sums(self, rows: Array, size: int) -> Array:
        whole = self.xp.nn.functional.pad(rows, (0, -rows.shape[1] % size))
        return whole.reshape(len(rows), -1, size).sum(axis=2)

    def contiguous(self, values: Array) -> Array:
        return values.contiguous()

    def flatnonzero(self, mask: Array) -> Array:
        return mask.flatten().nonzero()[:, 0]

    def lots(self, cells: Int[np.ndarray, "n k"], words: int) -> Iterator[tuple[int, Any]]:
        size = max(1, _WORDS // words)
        for start in range(0, len(cells), size):
            yield start, self.array(np.ascontiguousarray(cells[start : start + size].T))

    def bits(self, words: Array) -> tuple[np.ndarray, np.ndarray]:
        row, word = words.nonzero(as_tuple=True)
        bits = (words[row, word][:, None] >> self.xp.arange(64, device=self.device)) & 1
        which, bit = bits.nonzero(as_tuple=True)
        return self.numpy(row[which]), self.numpy(word[which] * 64 + bit)

    def check_products(self, rows: int, inner: int, columns: int, dtype: type) -> None:
        """Multiply known matrices of shapes (rows, inner) and (inner, columns).

        Raises:
            ValueError: if the product is not, bit for bit, what operations without a narrower format give.
        """
        digits = np.finfo(dtype).nmant + 1
        exact_left, exact_right = _factors(rows, inner, columns, digits)
        left, right = (self.array(np.asarray(factor, dtype=dtype)) for factor in (exact_left, exact_right))
        found = self.numpy(self.product(left, right).double())
        wrong = found != exact_left @ exact_right
        if wrong.any():
            raise ValueError(
                f"a device must multiply {np.dtype(dtype).name} matrices with {np.dtype(dtype).name} operations, got "
                f"{wrong.sum()} of {wrong.size} entries that those do not give, on {self.device}: something overrules "
                "the settings of torch, such as NVIDIA_TF32_OVERRIDE or an emulation in the environment; leave the "
                "device out"
            )

    @contextmanager
    def _without_narrower_formats(self) -> Iterator[None]:
        backends = self.xp.backends.cuda.matmul, self.xp.backends.mkldnn.matmul
        before = [backend.fp32_precision for backend in backends]
        for backend in backends:
            backend.fp32_precision = "ieee"
        try:
            with self.xp.autocast(self.device.type, enabled=False):
                yield
        finally:
            for backend, precision in zip(backends, before, strict=True):
                backend.fp32_precision = precision


Place: TypeAlias = Host | Device


def read_device(device: Any) -> Place:
    """Where to compute, by None for this process, or a `torch.device` or its name such as "cuda" or "cuda:1".

    Raises:
        ImportError: if torch is not installed, or too old.
        ValueError: for what is no device that torch knows, or one that does not compute as is assumed.
        OSError: if that device is not there.
    """
    if device is None:
        return HOST
    try:
        import torch
    except ImportError as error:
        raise ImportError(f"the device {device} needs the library torch: pip install torch, or leave it out") from error
    if not hasattr(torch.backends.cuda.matmul, "fp32_precision"):
        raise ImportError(f"the device {device} needs torch >= 2.9, got {torch.__version__}: leave it out, or upgrade")
    if not isinstance(device, str | torch.device):
        raise ValueError(f'device must be None, a torch.device or its name such as "cuda", got {device!r}')
    try:
        place = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f'device must be one that torch knows, such as "cuda" or "cuda:1", got {device!r}') from error
    found = Device(torch, place)
    try:
        found.numpy(torch.zeros(1, dtype=torch.float64, device=place))
    # What torch raises for a device that is not there, has no memory, or no float64.
    except (RuntimeError, AssertionError, NotImplementedError, TypeError, ImportError) as error:
        reason = str(error).partition("\n")[0]
        raise OSError(
            f"a device has to be there and to have float64, got {device} ({reason}): leave it out, or name one of "
            f"{', '.join(_present(torch))}"
        ) from error
    return found


def _present(torch: Any) -> list[str]:
    return [*(f"cuda:{k}" for k in range(torch.cuda.device_count())), "cpu"]


def _factors(
    rows: int, inner: int, columns: int, digits: int
) -> tuple[Float[np.ndarray, "n k"], Float[np.ndarray, "k m"]]:
    """Matrices whose product is exact in `digits` binary digits in any order, and needs most of them.

    In half of the sums the left factors are wide, in the other half the right ones; and the factors have powers of two
    that cancel, so that no row has a common exponent.
    """
    rng = np.random.default_rng(_SEED)
    # Of each product, so that a sum of `inner` has one digit less.
    room = digits - 1 - inner.bit_length()
    half, narrow = inner // 2, room // 5
    wide = room - narrow
    left = np.hstack([_odd(rng, (rows, half), wide), _odd(rng, (rows, inner - half), narrow)])
    right = np.vstack([_odd(rng, (half, columns), narrow), _odd(rng, (inner - half, columns), wide)])
    exponents = rng.integers(-20, 21, inner)
    return np.ldexp(left, exponents), np.ldexp(right, -exponents[:, None])


def _odd(rng: np.random.Generator, shape: tuple[int, int], digits: int) -> np.ndarray:
    """Odd whole numbers of up to so many binary digits, of either sign."""
    size = 2 * rng.integers(0, 2 ** max(digits - 1, 0), shape) + 1
    return np.asarray(size * rng.choice([-1.0, 1.0], shape))
