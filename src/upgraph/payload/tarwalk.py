"""A tar reader that is pushed: bytes go in as they come, and it says when the wanted file is complete.

It knows what layers contain: ustar, GNU long names and pax headers. Only the wanted file is kept, up to a
limit; everything else is stepped over. Nothing is ever written to a disk, so names need not be trusted.
"""

from enum import Enum, auto

from upgraph.errors import DataError
from upgraph.errors.problems.payload import LAYER_UNREADABLE
from upgraph.syntax import SyntaxFault
from upgraph.syntax.pax import MAX_HEADER_BYTES, decimal, pax_records

BLOCK_BYTES = 512

_REGULAR = frozenset(b"0\0007")
_WITHOUT_DATA = frozenset(b"123456")
_PAX = ord("x")
_PAX_GLOBAL = ord("g")
_GNU_LONG_NAME = ord("L")
_GNU_LONG_LINK = ord("K")
_OCTAL_DIGITS = frozenset(b"01234567")
_KEPT_HEADERS = frozenset({_PAX, _GNU_LONG_NAME})


class _Stage(Enum):
    HEADER = auto()
    SKIP = auto()
    KEEP = auto()
    DONE = auto()


class TarWalk:
    """Looks for one regular file in a tar stream.

    Args:
        wanted: name of the file, without leading ``./``.
        limit: bytes of the largest file that is accepted.
    """

    def __init__(self, wanted: str, limit: int) -> None:
        self._wanted = wanted
        self._folder = wanted.rpartition("/")[0] + "/"
        self._limit = limit
        self._buffer = bytearray()
        self._stage = _Stage.HEADER
        self._left = 0
        self._padding = 0
        self._kind = 0
        self._next_name: str | None = None
        self._next_size: int | None = None
        self.content: bytes | None = None
        """The wanted file, once it is complete."""
        self.in_folder = False
        """Whether something in the folder of the wanted file has been seen."""

    @property
    def is_done(self) -> bool:
        """Whether nothing more is wanted: the file is complete or the archive ended."""
        return self._stage is _Stage.DONE

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the archive.

        Raises:
            DataError: this is no tar archive, or the wanted file is too large.
        """
        self._buffer += data
        while not self.is_done and self._advance():
            pass
        if self.is_done:
            self._buffer.clear()

    def _advance(self) -> bool:
        """Take one step; false if more bytes are needed for it."""
        if self._stage is _Stage.SKIP:
            taken = min(self._left, len(self._buffer))
            del self._buffer[:taken]
            self._left -= taken
            if self._left == 0:
                self._stage = _Stage.HEADER
            return self._left == 0
        if self._stage is _Stage.KEEP:
            if len(self._buffer) < self._left + self._padding:
                return False
            self._kept(bytes(self._buffer[: self._left]))
            del self._buffer[: self._left + self._padding]
            return True
        if len(self._buffer) < BLOCK_BYTES:
            return False
        block = bytes(self._buffer[:BLOCK_BYTES])
        del self._buffer[:BLOCK_BYTES]
        self._header(block)
        return True

    def _header(self, block: bytes) -> None:
        if not any(block):
            self._stage = _Stage.DONE
            return
        if not _checksum_matches(block):
            raise DataError(LAYER_UNREADABLE, "the layer is not a tar archive: a header has a wrong checksum")
        self._kind = block[156]
        size = _number(block[124:136])
        if self._kind in _KEPT_HEADERS:
            self._keep(size, MAX_HEADER_BYTES, "a header")
            return
        if self._kind not in {_PAX_GLOBAL, _GNU_LONG_LINK}:
            name, size = self._entry(block, size)
            self.in_folder = self.in_folder or name.startswith(self._folder)
            if name == self._wanted and self._kind in _REGULAR:
                self._keep(size, self._limit, name)
                return
        self._left = 0 if self._kind in _WITHOUT_DATA else size + -size % BLOCK_BYTES
        self._stage = _Stage.SKIP

    def _entry(self, block: bytes, size: int) -> tuple[str, int]:
        """Name and size of the entry, with what headers before it said."""
        name = self._next_name if self._next_name is not None else _ustar_name(block)
        size = self._next_size if self._next_size is not None else size
        self._next_name = self._next_size = None
        return name.removeprefix("./"), size

    def _keep(self, size: int, limit: int, what: str) -> None:
        if size > limit:
            raise DataError(LAYER_UNREADABLE, f"{what} has {size} bytes, more than the {limit} that are read")
        self._left, self._padding = size, -size % BLOCK_BYTES
        self._stage = _Stage.KEEP

    def _kept(self, content: bytes) -> None:
        if self._kind == _PAX:
            self._pax(content)
        elif self._kind == _GNU_LONG_NAME:
            self._next_name = content.rstrip(b"\0").decode(errors="replace")
        else:
            self.content = content
        self._stage = _Stage.DONE if self.content is not None else _Stage.HEADER

    def _pax(self, content: bytes) -> None:
        try:
            for key, value in pax_records(content):
                if key == b"path":
                    self._next_name = value.decode(errors="replace")
                elif key == b"size":
                    self._next_size = decimal(value)
        except SyntaxFault as error:
            raise DataError(LAYER_UNREADABLE, f"the layer is not a tar archive: {error}") from error


def _ustar_name(block: bytes) -> str:
    name = block[:100].partition(b"\0")[0]
    # GNU archives use the place of the prefix for other things.
    prefix = block[345:500].partition(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    return (prefix + b"/" + name if prefix else name).decode(errors="replace")


def _checksum_matches(block: bytes) -> bool:
    stated = _number(block[148:156])
    unsigned = sum(block) - sum(block[148:156]) + 8 * ord(" ")
    return stated == unsigned


def _number(field: bytes) -> int:
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    digits = field.partition(b"\0")[0].strip()
    # `int` would take signs and underscores as well.
    if not _OCTAL_DIGITS.issuperset(digits):
        raise DataError(LAYER_UNREADABLE, f"the layer is not a tar archive: {field!r} is not a number")
    return int(digits or b"0", 8)
