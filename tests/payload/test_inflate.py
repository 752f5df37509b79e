"""Layers are unpacked as they come, whatever they are packed with, in pieces of bounded size."""

import gzip
import os
import time
import tracemalloc
from collections import deque
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import DataError
from upgraph.payload.inflate import PIECE_BYTES, LayerInflater


def _zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


SKIPPABLE = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"notes"
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda content: content,
    "gzip": _gzip,
    "gzip of two members": lambda content: _gzip(content[:7]) + _gzip(content[7:]),
    "gzip with an empty member": lambda content: _gzip(b"") + _gzip(content),
    "zstd": _zstd,
    "zstd of two frames": lambda content: _zstd(content[:7]) + _zstd(content[7:]),
    "zstd behind a skippable frame": lambda content: SKIPPABLE + _zstd(content),
    "zstd before a skippable frame": lambda content: _zstd(content) + SKIPPABLE,
}
MAGIC_OF_OTHERS = (b"\x1f\x8b", b"\x28\xb5", b"\x2a\x4d")


def _inflated(packed: bytes, step: int = 1 << 20) -> bytes:
    inflater = LayerInflater()
    return b"".join(
        piece
        for start in range(0, len(packed), step)
        for piece in inflater.feed(packed[start : start + step])
    )


@pytest.mark.parametrize("packing", PACKINGS, ids=PACKINGS.keys())
@given(content=st.binary(max_size=400).map(b"ustar".__add__), step=st.integers(1, 300))
def test_what_was_packed_comes_out_however_the_bytes_come(packing: str, content: bytes, step: int) -> None:
    assert _inflated(PACKINGS[packing](content), step) == content


@pytest.mark.parametrize("packing", [_gzip, _zstd], ids=["gzip", "zstd"])
def test_what_a_truncated_layer_starts_with_comes_out(packing: Callable[[bytes], bytes]) -> None:
    content = os.urandom(300_000)
    packed = packing(content)
    start = _inflated(packed[: len(packed) // 2])
    assert content.startswith(start)
    assert len(start) > 100_000


DAMAGED = {
    "gzip": _gzip(b"x" * 100)[:10] + b"\x07" * 100,
    "gzip checksum": _gzip(b"x" * 100)[:-8] + b"\0" * 8,
    "garbage behind gzip": _gzip(b"x" * 100) + b"garbage",
    "zstd": _zstd(os.urandom(100))[:6] + b"\xff" * 100,
    "garbage behind zstd": _zstd(b"x" * 100) + b"garbage",
    "zstd that wants too much memory": b"\x28\xb5\x2f\xfd\x00\xa0" + b"\0" * 8,
}


@pytest.mark.parametrize("packed", DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_layers_are_an_error(packed: bytes) -> None:
    with pytest.raises(DataError) as caught:
        _inflated(packed)
    assert caught.value.reference == "layer-unreadable"


def _zstd_bomb(blocks: int) -> bytes:
    """A frame of RLE blocks: 128 KiB each out of four bytes."""
    block = (0b010 | (128 * 1024) << 3).to_bytes(3, "little") + b"\0"
    return b"\x28\xb5\x2f\xfd\x00\x38" + block * blocks


BOMBS = {"gzip": _gzip(bytes(64 << 20)), "zstd": _zstd_bomb(512)}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_comes_in_small_pieces_and_takes_little_memory(bomb: bytes) -> None:
    tracemalloc.start()
    try:
        sizes = [len(piece) for piece in LayerInflater().feed(bomb)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(sizes) == 64 << 20
    assert max(sizes) <= PIECE_BYTES
    assert peak < 32 << 20


def test_plain_bytes_come_in_small_pieces_too() -> None:
    assert max(map(len, LayerInflater().feed(bytes(1 << 20)))) <= PIECE_BYTES


LARGE = {"members": _gzip(b"") * 100_000, "bomb": _gzip(bytes(64 << 20)) + bytes(4 << 20)}


@pytest.mark.parametrize("packed", LARGE.values(), ids=LARGE.keys())
def test_a_large_chunk_takes_linear_time(packed: bytes) -> None:
    before = time.process_time()
    with pytest.raises(DataError):
        deque(LayerInflater().feed(packed + b"garbage"), maxlen=0)
    assert time.process_time() - before < 5


_SKIPPABLE = b"\x50\x2a\x4d\x18\x04\x00\x00\x00note"


@pytest.mark.parametrize("step", [3, 1000])
@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(gzip.compress(b"x" * 500), id="gzip"),
        pytest.param(gzip.compress(b"x" * 500) + gzip.compress(b""), id="gzip-with-an-empty-member"),
        pytest.param(zstandard.compress(b"x" * 500), id="zstd"),
        pytest.param(zstandard.compress(b"x" * 500) + _SKIPPABLE, id="zstd-with-a-note-behind"),
    ],
)
def test_it_is_known_whether_the_end_was_reached(packed: bytes, step: int) -> None:
    inflater = LayerInflater()
    *most, last = (packed[start : start + step] for start in range(0, len(packed), step))
    for chunk in (*most, last[:-1]):
        deque(inflater.feed(chunk), maxlen=0)
    assert not inflater.is_whole
    deque(inflater.feed(last[-1:]), maxlen=0)
    assert inflater.is_whole
