"""The memorizing network grown from the indicators themselves: the same network, without a second copy of them."""

import tracemalloc

import numpy as np
import pytest

from constructions.networks.network import Affine, ReLUNetwork, csr_of_blocks
from constructions.pieces.assembly import extended, memorizing_network, without_weights
from constructions.pieces.soft_indicators import Indicators, indicators


def built(size: int, dim: int, share: float, p: float, method: str = "shared") -> tuple[Indicators, np.ndarray]:
    """Indicators of points with a share of coordinates other than 0, and labels of three classes."""
    rng = np.random.default_rng(0)
    centres = rng.integers(1, 256, (size, dim)) / 256 * (rng.random((size, dim)) < share)
    box = np.full(dim, -0.1), np.full(dim, 1.1)
    return indicators(centres, 0.1, 0.1, *box, p=p, method=method), rng.integers(0, 3, size)


def clean(dim: int, hidden: int) -> ReLUNetwork:
    rng = np.random.default_rng(1)
    layers = [Affine(rng.normal(size=(hidden, hidden if k else dim)), rng.normal(size=hidden)) for k in range(hidden)]
    return ReLUNetwork((*layers, Affine(rng.normal(size=(3, hidden if layers else dim)), np.zeros(3))))


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, np.inf])
@pytest.mark.parametrize("method", ["shared", "per_point"])
@pytest.mark.parametrize(("share", "hidden"), [(0.2, 0), (1.0, 0), (0.6, 3), (1.0, 12)])
def test_it_is_the_memorizing_network(p: float, method: str, share: float, hidden: int) -> None:
    """Sparse and dense weights; clean classifiers of fewer and of more layers than the indicators."""
    parts, codes = built(9, 5, share, p, method)
    classifier = clean(5, hidden)
    whole = memorizing_network(parts.network, codes, classifier, 8.0)
    layers = list(parts.network.layers)
    grown = extended(layers, memorizing_network(without_weights(parts.network), codes, classifier, 8.0))
    assert layers == []
    assert grown.widths == whole.widths
    for f, g in zip(grown.layers, whole.layers, strict=True):
        assert type(f.weight) is type(g.weight)
        assert f.bias.tobytes() == g.bias.tobytes()
        if isinstance(f.weight, np.ndarray):
            assert f.weight.tobytes() == g.weight.tobytes()
        else:
            for name in ("data", "indices", "indptr"):
                a, b = getattr(f.weight, name), getattr(g.weight, name)
                assert (a.dtype, a.tobytes()) == (b.dtype, b.tobytes())


def test_no_array_is_there_twice() -> None:
    """What growing takes beside the indicators is little more than the weights without their places."""
    peaks = []
    for grow in (True, False):
        tracemalloc.start()
        parts, codes = built(3000, 200, 0.3, 2.0)
        stored, network, layers = parts.network.bytes, parts.network, list(parts.network.layers)
        del parts
        classifier = clean(200, 0)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        if grow:
            frame = memorizing_network(without_weights(network), codes, classifier, 8.0)
            del network
            extended(layers, frame)
        else:
            memorizing_network(network, codes, classifier, 8.0)
        peaks.append((tracemalloc.get_traced_memory()[1] - before) / stored)
        tracemalloc.stop()
    assert peaks[0] < 0.85 < 1 < peaks[1]


def test_rows_of_blocks_are_written_into_their_place() -> None:
    matrix = np.random.default_rng(0).integers(-1, 2, (7, 4)).astype(float)
    matrix[3] = 0
    found = csr_of_blocks((matrix[k : k + 3] for k in (0, 3, 6)), np.count_nonzero(matrix, axis=1), 4)
    assert found.indices.dtype == found.indptr.dtype == np.int32
    assert np.array_equal(found.toarray(), matrix)
    assert found.has_canonical_format
