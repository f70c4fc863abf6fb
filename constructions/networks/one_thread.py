"""One thread of torch, for tensors that are too small to be shared out."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread meanwhile, and as many as before afterwards.

    Tensors this small take longer to share out than to compute, and much longer on a busy machine; and the order of
    summation does not depend on the machine.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
