"""A tar reader that is pushed: bytes go in as they come, entries come out, and only what is wanted is kept.

It knows what layers and tarballs contain: ustar, GNU long names and pax headers. Everything that nobody asked
for is stepped over. Nothing is ever written to a disk; names come out as they were written, so whoever makes
paths of them has to check them.

Why not :mod:`tarfile`: it looks through pax headers with expressions that take the square of their length, in
versions of Python that are in use (CVE-2024-6232), and takes one more frame of the stack for each header.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from upgraph.syntax.fault import SyntaxFault
from upgraph.syntax.pax import MAX_HEADER_BYTES, decimal, pax_records

BLOCK_BYTES = 512

_WITHOUT_DATA = frozenset(b"123456")
_PAX = ord("x")
_PAX_GLOBAL = ord("g")
_GNU_LONG_NAME = ord("L")
_GNU_LONG_LINK = ord("K")
_OCTAL_DIGITS = frozenset(b"01234567")
_KEPT_HEADERS = frozenset({_PAX, _GNU_LONG_NAME, _GNU_LONG_LINK})


class EntryKind(Enum):
    """What an entry of an archive is."""

    FILE = "a file"
    HARD_LINK = "a hard link"
    SYMBOLIC_LINK = "a symbolic link"
    FOLDER = "a directory"
    OTHER = "a device, a pipe or something unknown"


_KINDS = {
    **dict.fromkeys(b"0\0007", EntryKind.FILE),
    ord("1"): EntryKind.HARD_LINK,
    ord("2"): EntryKind.SYMBOLIC_LINK,
    ord("5"): EntryKind.FOLDER,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. Bytes that are no UTF-8 are surrogates in its texts (``surrogateescape``)."""

    name: str
    kind: EntryKind
    size: int
    """Bytes of its content, as the header says."""
    target: str
    """Where a link leads; empty for anything else."""
    modified: int = 0
    """Whole seconds since 1970 as the header says; 0 if it says nothing that can be used."""


class Visitor(Protocol):
    """Is shown every entry, and says what to keep."""

    def begin(self, entry: Entry) -> int | None:
        """The largest content of the entry that is accepted, in bytes; None: step over it.

        Asked for every entry, and its answer counts for files only.
        """
        ...

    def take(self, entry: Entry, content: bytes) -> bool:
        """Take the content of a file that was asked for; false: nothing more is wanted."""
        ...


class _Stage(Enum):
    HEADER = auto()
    SKIP = auto()
    KEEP = auto()
    DONE = auto()


@dataclass(slots=True)
class _Ahead:
    """What headers said of the entry that comes next."""

    name: str | None = None
    target: str | None = None
    size: int | None = None
    is_sparse: bool = False


class TarStream:
    """Shows the entries of a tar stream to a visitor."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._buffer = bytearray()
        self._stage = _Stage.HEADER
        self._left = 0
        self._padding = 0
        self._kind = 0
        self._ahead = _Ahead()
        self._entry: Entry | None = None
        self.has_end_mark = False
        """Whether the mark was read that shows that the archive was not cut off."""

    @property
    def is_done(self) -> bool:
        """Whether nothing more is wanted: the visitor has enough or the archive ended."""
        return self._stage is _Stage.DONE

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the archive.

        Raises:
            SyntaxFault: this is no tar archive, or a wanted file is too large.
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
            content = bytes(self._buffer[: self._left])
            del self._buffer[: self._left + self._padding]
            self._stage = _Stage.HEADER
            self._kept(content)
            return True
        if len(self._buffer) < BLOCK_BYTES:
            return False
        block = bytes(self._buffer[:BLOCK_BYTES])
        del self._buffer[:BLOCK_BYTES]
        self._header(block)
        return True

    def _header(self, block: bytes) -> None:
        if not any(block):
            self.has_end_mark = True
            self._stage = _Stage.DONE
            return
        if not _checksum_matches(block):
            raise SyntaxFault("a header has a wrong checksum")
        self._kind = block[156]
        size = _number(block[124:136])
        self._entry = None
        if self._kind in _KEPT_HEADERS:
            self._keep(size, MAX_HEADER_BYTES, "a header")
            return
        if self._kind != _PAX_GLOBAL:
            entry = self._complete(block, size)
            size = entry.size
            limit = self._visitor.begin(entry)
            if limit is not None and entry.kind is EntryKind.FILE:
                self._entry = entry
                self._keep(size, limit, entry.name)
                return
        self._left = 0 if self._kind in _WITHOUT_DATA else size + -size % BLOCK_BYTES
        self._stage = _Stage.SKIP

    def _complete(self, block: bytes, size: int) -> Entry:
        """The entry of a header, with what headers before it said."""
        ahead, self._ahead = self._ahead, _Ahead()
        name = ahead.name if ahead.name is not None else _ustar_name(block)
        target = ahead.target if ahead.target is not None else _text(block[157:257])
        kind = _KINDS.get(self._kind, EntryKind.OTHER)
        if kind is EntryKind.FILE and name.endswith("/"):
            kind = EntryKind.FOLDER  # as archives did before there was a kind for it
        elif kind is EntryKind.FILE and ahead.is_sparse:
            kind = EntryKind.OTHER  # its bytes are not its content
        is_link = kind in {EntryKind.HARD_LINK, EntryKind.SYMBOLIC_LINK}
        size = ahead.size if ahead.size is not None else size
        return Entry(name, kind, size, target if is_link else "", _time(block[136:148]))

    def _keep(self, size: int, limit: int, what: str) -> None:
        if size > limit:
            raise SyntaxFault(f"{what} has {size} bytes, more than the {limit} that are read")
        self._left, self._padding = size, -size % BLOCK_BYTES
        self._stage = _Stage.KEEP

    def _kept(self, content: bytes) -> None:
        if self._entry is not None:
            if not self._visitor.take(self._entry, content):
                self._stage = _Stage.DONE
        elif self._kind == _PAX:
            self._pax(content)
        elif self._kind == _GNU_LONG_NAME:
            self._ahead.name = _text(content)
        else:
            self._ahead.target = _text(content)

    def _pax(self, content: bytes) -> None:
        for key, value in pax_records(content):
            if key == b"path":
                self._ahead.name = value.decode(errors="surrogateescape")
            elif key == b"linkpath":
                self._ahead.target = value.decode(errors="surrogateescape")
            elif key == b"size":
                self._ahead.size = decimal(value)
            elif key.startswith(b"GNU.sparse."):
                self._ahead.is_sparse = True


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="surrogateescape")


def _ustar_name(block: bytes) -> str:
    name = _text(block[:100])
    # GNU archives use the place of the prefix for other things.
    prefix = _text(block[345:500]) if block[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _checksum_matches(block: bytes) -> bool:
    stated = _number(block[148:156])
    unsigned = sum(block) - sum(block[148:156]) + 8 * ord(" ")
    return stated == unsigned


def _time(field: bytes) -> int:
    # Nothing depends on it but the times of what is unpacked, so it never spoils a layer.
    digits = field.partition(b"\0")[0].strip()
    return int(digits, 8) if digits and _OCTAL_DIGITS.issuperset(digits) else 0


def _number(field: bytes) -> int:
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    digits = field.partition(b"\0")[0].strip()
    # `int` would take signs and underscores as well.
    if not _OCTAL_DIGITS.issuperset(digits):
        raise SyntaxFault(f"{field!r} is not a number")
    return int(digits or b"0", 8)
