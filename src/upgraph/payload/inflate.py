"""Layers are unpacked as their bytes come: gzip, zstd or not compressed at all, told by their first bytes.

The media type is not asked, because registries and tools get it wrong. However much a few bytes inflate
to, the next stage gets it in pieces of bounded size.
"""

import zlib
from collections.abc import Iterator
from typing import Protocol

import zstandard

from upgraph.errors import DataError
from upgraph.errors.problems.payload import LAYER_UNREADABLE

PIECE_BYTES = 64 * 1024
"""Bytes of the largest piece that is handed on."""
_GZIP_SLICE = 4 * 1024
"""Bytes that are given to zlib at once: what it does not take yet is copied for each piece that comes out."""
_ZSTD_SLICE = 256
"""Bytes that are given to zstd at once. A block of 128 KiB can come from four bytes, so this bounds what comes out."""
_ZSTD_WINDOW = 8 * 1024 * 1024
"""Bytes of the largest window; what RFC 8878 asks every decoder to support, and none of the usual writers exceeds."""
_MAGIC_BYTES = 4
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = 0x184D2A50


class Inflater(Protocol):
    """Turns bytes of a layer into bytes of its archive."""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The bytes of the archive that can be had after ``chunk``, in pieces.

        Raises:
            DataError: the bytes are damaged.
        """
        ...

    @property
    def is_whole(self) -> bool:
        """Whether what was fed ends where the compression says that it ends."""
        ...


class LayerInflater:
    """An :class:`Inflater` for a layer of whatever kind its first bytes turn out to be."""

    def __init__(self) -> None:
        self._start = b""
        self._found: Inflater | None = None

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """See :meth:`Inflater.feed`. Nothing comes out of the first bytes until their kind is known."""
        if self._found is None:
            self._start += chunk
            if len(self._start) < _MAGIC_BYTES:
                return
            chunk, self._start = self._start, b""
            self._found = _inflater_for(chunk)
        yield from self._found.feed(chunk)

    @property
    def is_whole(self) -> bool:
        """See :attr:`Inflater.is_whole`. A layer of less than four bytes is no archive."""
        return self._found is not None and self._found.is_whole


def _inflater_for(start: bytes) -> Inflater:
    if start.startswith(_GZIP_MAGIC):
        return _Gzip()
    if start.startswith(_ZSTD_MAGIC) or int.from_bytes(start[:4], "little") & ~0xF == _ZSTD_SKIPPABLE:
        return _Zstd()
    return _Plain()


class _Plain:
    def feed(self, chunk: bytes) -> Iterator[bytes]:
        for start in range(0, len(chunk), PIECE_BYTES):
            yield chunk[start : start + PIECE_BYTES]

    @property
    def is_whole(self) -> bool:
        return True


class _Gzip:
    """Several gzip members in a row are one stream, as the format says; stargz layers have thousands."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=31)

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        try:
            for start in range(0, len(chunk), _GZIP_SLICE):
                yield from self._feed_slice(chunk[start : start + _GZIP_SLICE])
        except zlib.error as error:
            raise DataError(LAYER_UNREADABLE, f"the gzip data of the layer is damaged: {error}") from error

    @property
    def is_whole(self) -> bool:
        return self._stream.eof

    def _feed_slice(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._stream.eof:
                self._stream = zlib.decompressobj(wbits=31)
            piece = self._stream.decompress(data, PIECE_BYTES)
            data = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
            if piece:
                yield piece


class _Zstd:
    def __init__(self) -> None:
        self._new = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj
        self._stream = self._new()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        try:
            for start in range(0, len(chunk), _ZSTD_SLICE):
                yield from self._feed_slice(chunk[start : start + _ZSTD_SLICE])
        except zstandard.ZstdError as error:
            raise DataError(LAYER_UNREADABLE, f"the zstd data of the layer is damaged: {error}") from error

    @property
    def is_whole(self) -> bool:
        return self._stream.eof

    def _feed_slice(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._stream.eof:
                self._stream = self._new()
            output = self._stream.decompress(data)
            data = self._stream.unused_data if self._stream.eof else b""
            for start in range(0, len(output), PIECE_BYTES):
                yield output[start : start + PIECE_BYTES]
