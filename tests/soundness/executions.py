"""The same network run in many orders of summation, with fused multiply-adds, and with subnormals read as zero.

An order maps products of shape (k, rows, terms) and biases of shape (rows,) to sums of shape (k, rows). Those of numpy
and torch's own products take weights and inputs instead.
"""

import ctypes
import ctypes.util
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

LEAST = {np.float64: 2.0**-1022, np.float32: 2.0**-126}
DTYPES: dict[str, Any] = {"float64": np.float64, "float32": np.float32}

Flush = Callable[[np.ndarray], np.ndarray]
Product = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
Order = Callable[[np.ndarray, np.ndarray, Flush, np.random.Generator], np.ndarray]


def kept(array: np.ndarray) -> np.ndarray:
    return array


def flushed(array: np.ndarray) -> np.ndarray:
    """Numbers below the least normal one become 0."""
    return np.where(np.abs(array) < LEAST[array.dtype.type], array.dtype.type(0), array)


def _in_turn(terms: np.ndarray, flush: Flush) -> np.ndarray:
    total = terms[..., 0]
    for j in range(1, terms.shape[-1]):
        total = flush(total + terms[..., j])
    return total


def forward(terms: np.ndarray, bias: np.ndarray, flush: Flush, rng: np.random.Generator) -> np.ndarray:
    return flush(_in_turn(terms, flush) + bias)


def from_the_bias(terms: np.ndarray, bias: np.ndarray, flush: Flush, rng: np.random.Generator) -> np.ndarray:
    first = np.broadcast_to(bias, terms.shape[:-1])[..., None]
    return _in_turn(np.concatenate([first, terms], axis=-1), flush)


def backward(terms: np.ndarray, bias: np.ndarray, flush: Flush, rng: np.random.Generator) -> np.ndarray:
    return flush(_in_turn(terms[..., ::-1], flush) + bias)


def growing(terms: np.ndarray, bias: np.ndarray, flush: Flush, rng: np.random.Generator) -> np.ndarray:
    order = np.argsort(np.abs(terms), axis=-1)
    return flush(_in_turn(np.take_along_axis(terms, order, axis=-1), flush) + bias)


def shrinking(terms: np.ndarray, bias: np.ndarray, flush: Flush, rng: np.random.Generator) -> np.ndarray:
    order = np.argsort(-np.abs(terms), axis=-1)
    return flush(_in_turn(np.take_along_axis(terms, order, axis=-1), flush) + bias)


def pairs(terms: np.ndarray, bias: np.ndarray, flush: Flush, rng: np.random.Generator) -> np.ndarray:
    while terms.shape[-1] > 1:
        even = terms.shape[-1] // 2 * 2
        joined = flush(terms[..., :even:2] + terms[..., 1:even:2])
        terms = np.concatenate([joined, terms[..., even:]], axis=-1)
    return flush(terms[..., 0] + bias)


def lanes(terms: np.ndarray, bias: np.ndarray, flush: Flush, rng: np.random.Generator) -> np.ndarray:
    """Four sums side by side, as vector units take them."""
    parts = [_in_turn(terms[..., j::4], flush) for j in range(min(4, terms.shape[-1]))]
    return flush(_in_turn(np.stack(parts, axis=-1), flush) + bias)


def signs_apart(terms: np.ndarray, bias: np.ndarray, flush: Flush, rng: np.random.Generator) -> np.ndarray:
    positive, negative = _in_turn(np.maximum(terms, 0), flush), _in_turn(np.minimum(terms, 0), flush)
    return flush(flush(positive + negative) + bias)


def random_tree(terms: np.ndarray, bias: np.ndarray, flush: Flush, rng: np.random.Generator) -> np.ndarray:
    some = [terms[..., j] for j in range(terms.shape[-1])] + [np.broadcast_to(bias, terms.shape[:-1])]
    while len(some) > 1:
        i, j = rng.choice(len(some), 2, replace=False)
        some = [t for n, t in enumerate(some) if n not in (i, j)] + [flush(some[i] + some[j])]
    return some[0]


ORDERS: tuple[Order, ...] = (
    forward,
    from_the_bias,
    backward,
    growing,
    shrinking,
    pairs,
    lanes,
    signs_apart,
    random_tree,
)


def numpy_product(weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.asarray(x @ weight.T + bias)


def numpy_columns(weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.asarray((weight @ x.T).T + bias)


def numpy_einsum(weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.einsum("kj,ij->ki", x, weight) + bias


def torch_linear(weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.asarray(torch.nn.functional.linear(*(torch.tensor(a) for a in (x, weight, bias))).numpy())


def torch_vector(weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> np.ndarray:
    w, b = torch.tensor(weight), torch.tensor(bias)
    return np.stack([(torch.mv(w, torch.tensor(row)) + b).numpy() for row in x])


def torch_sparse(weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> np.ndarray:
    product = torch.sparse.mm(torch.tensor(weight).to_sparse(), torch.tensor(np.ascontiguousarray(x.T)))
    return np.asarray(product.T.numpy() + bias)


_LIBRARY = ctypes.CDLL(ctypes.util.find_library("m"))
_FUSED: dict[Any, Any] = {}
for _dtype, _name, _c in ((np.float64, "fma", ctypes.c_double), (np.float32, "fmaf", ctypes.c_float)):
    _function = getattr(_LIBRARY, _name)
    _function.argtypes, _function.restype = [_c] * 3, _c
    _FUSED[_dtype] = np.frompyfunc(_function, 3, 1)


def fused(weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> np.ndarray:
    """`fma(w_n, x_n, … fma(w_1, x_1, b))`, each rounded once, by the C library."""
    total: Any = np.broadcast_to(bias, (len(x), len(bias)))
    for j in range(x.shape[1]):
        total = _FUSED[weight.dtype.type](weight[:, j], x[:, j, None], total)
    return np.asarray(total, dtype=weight.dtype)


PRODUCTS: tuple[Product, ...] = (
    numpy_product,
    numpy_columns,
    numpy_einsum,
    torch_linear,
    torch_vector,
    torch_sparse,
    fused,
)


def by_order(order: Order, flush: Flush, rng: np.random.Generator) -> Product:
    """Products rounded one by one and added in this order; with `flushed`, nothing subnormal is read or written."""

    def product(weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> np.ndarray:
        terms = flush(flush(weight) * flush(x)[:, None, :])
        return order(terms, flush(bias), flush, rng)

    return product


def in_hardware_flushed(product: Product) -> Product:
    """The product with the processor's own flush to zero, where it has one."""

    def run_flushed(weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> np.ndarray:
        torch.set_flush_denormal(True)
        try:
            return product(weight, bias, x)
        finally:
            torch.set_flush_denormal(False)

    return run_flushed


def mixed(products: Sequence[Product], rng: np.random.Generator) -> Product:
    """Every layer in an order of its own."""

    def product(weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> np.ndarray:
        return products[int(rng.integers(len(products)))](weight, bias, x)

    return product


def all_products(rng: np.random.Generator, subnormals: bool) -> list[tuple[str, Product]]:
    """Name and product of every order; those that flush only if asked for."""
    found = [(order.__name__, by_order(order, kept, rng)) for order in ORDERS]
    found += [(product.__name__, product) for product in PRODUCTS]
    if subnormals:
        found += [(f"{order.__name__}, flushed", by_order(order, flushed, rng)) for order in ORDERS]
        found += [(f"{p.__name__}, flushed", in_hardware_flushed(p)) for p in (numpy_product, torch_linear)]
    found.append(("mixed", mixed([p for _, p in found], rng)))
    return found


def run(weights: Sequence[np.ndarray], biases: Sequence[np.ndarray], x: np.ndarray, product: Product) -> np.ndarray:
    """The outputs at the rows of x; weights and x are of one format already."""
    h = x
    with np.errstate(all="ignore"):
        for k, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            h = np.maximum(h, h.dtype.type(0)) if k else h
            h = np.asarray(product(weight, bias, h))
    return h
