"""What images are read by: sums of 2 x 2 pixels, and features of quarters of the image."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float

from constructions.networks.network import Affine


def pooling(points: Float[np.ndarray, "n d"], image: tuple[int, int] | None, room: float) -> Affine:
    """The first layer, `P x + b`: orthonormal rows, and b the least that keeps it above `room` on the balls, about.

    For an image the halved sums of squares of 2 x 2 pixels, without those that are 0 on all points; else the identity
    on coordinates that are not constant.

    Args:
        points: shape (n, d).
        image: height and width, even; None for points that are no images.
        room: at least the radius of the balls.

    Raises:
        ValueError: for a shape that is not even, or not that of the points.
    """
    dim = points.shape[1]
    live = np.ptp(points, axis=0) > 0
    if image is None:
        weight = sp.eye_array(dim, format="csr")[np.flatnonzero(live)]
    else:
        _height, width = read_image(image, dim)
        cell = np.arange(dim)
        square = cell // width // 2 * (width // 2) + cell % width // 2
        kept = np.flatnonzero(live)
        used = np.unique(square[kept])
        rows = np.searchsorted(used, square[kept])
        weight = sp.csr_array((np.full(len(kept), 0.5), (rows, kept)), shape=(len(used), dim))
    if not weight.shape[0]:
        raise ValueError("compact_memorizer needs points that differ from each other, got equal ones")
    least = np.asarray((weight @ points.T).min(axis=1))
    return Affine(weight, np.maximum(room - least, 0.0))


def quarters(pool: Affine, image: tuple[int, int] | None, features: int) -> Bool[np.ndarray, "features pooled"]:
    """Which pooled coordinates each feature reads: all, or for an image those of its quarter of the image."""
    mask = np.ones((features, pool.outputs), dtype=bool)
    if image is not None:
        width = image[1]
        corner = np.asarray(pool.weight.argmax(axis=1)).ravel()
        quarter = corner // width // (image[0] // 2) * 2 + corner % width // (width // 2)
        mask = np.arange(features)[:, None] * 4 // features == quarter
    return mask


def principal_rows(
    points: Float[np.ndarray, "n k"], mask: Bool[np.ndarray, "features k"]
) -> Float[np.ndarray, "features k"]:
    """Orthonormal rows: for each group of features that read the same coordinates their first principal directions."""
    rows = np.zeros(mask.shape)
    centred = points - points.mean(axis=0)
    for kind in np.unique(mask, axis=0):
        group = np.flatnonzero((mask == kind).all(axis=1))
        seen = np.flatnonzero(kind)
        if len(group) > len(seen):
            raise ValueError(
                f"compact_memorizer needs at most as many features as coordinates that they read, got {len(group)} "
                f"features of {len(seen)} coordinates: take fewer features"
            )
        vectors = principal_directions(centred[:, seen])[: len(group)]
        rows[np.ix_(group, seen)] = vectors
    return rows


def principal_directions(centred: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "k k"]:
    """Orthonormal rows, most important first."""
    return np.ascontiguousarray(np.linalg.eigh(centred.T @ centred)[1].T[::-1])


def read_image(image: Any, dim: int) -> tuple[int, int]:
    """Height and width.

    Raises:
        ValueError: unless they are even whole numbers whose product is the dimension.
    """
    shape = tuple(image) if isinstance(image, tuple | list) else ()
    whole = len(shape) == 2 and all(isinstance(side, int | np.integer) and side > 0 for side in shape)
    if not whole or shape[0] * shape[1] != dim or shape[0] % 2 or shape[1] % 2:
        raise ValueError(
            f"image must be None or an even height and width whose product is the dimension {dim}, got {image!r}"
        )
    return int(shape[0]), int(shape[1])
