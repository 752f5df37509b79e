"""Clears away what an HTTP library leaves behind when it is interrupted."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def cancelled_handshakes() -> Iterator[None]:
    """Close what is left of connections whose handshake was cancelled: httpcore2 leaves it to the garbage collector."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
