"""Where files lie inside a tar archive, such as that of a layout. Pure: pieces of the archive in, places out.

Only headers are read, content is stepped over. What two programs could read differently is refused: a name
that stands twice, a name that leads out, a sparse file, an archive that ends in the middle. A link, a device
or a directory in the place of a file is noted, and refused when it is asked for.
"""

import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from upgraph.syntax import SyntaxFault
from upgraph.syntax.pax import MAX_HEADER_BYTES, decimal, pax_records

MAX_MEMBERS = 200_000
"""Most members of an archive."""

_FILES = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE})
_WITHOUT_DATA = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.DIRTYPE: "a directory",
    tarfile.FIFOTYPE: "a pipe",
}
_TOP = frozenset({"oci-layout", "index.json"})
_ENCODING = "utf-8"
_ERRORS = "surrogateescape"
_SHOWN = 200
_COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
}

ReadAt = Callable[[int, int], bytes]
"""Bytes of the archive by their offset and number; fewer only at its end."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside an archive."""

    offset: int
    size: int


def of_layout(name: str) -> bool:
    """Whether a name is that of a part of a layout."""
    return name in _TOP or name.startswith("blobs/")


def read_index(
    read_at: ReadAt,
    size: int,
    *,
    wanted: Callable[[str], bool] = of_layout,
    most: int | None = None,
    in_time: Callable[[], bool] = lambda: True,
) -> Mapping[str, Member | str]:
    """The files of an archive by their names; instead of a place, what stands there if it is no file.

    Directories are left out, except those in the place of ``index.json`` or ``oci-layout``.

    Args:
        read_at: reads pieces of the archive.
        size: bytes of the archive.
        wanted: which names count.
        most: members that it may have, if not :data:`MAX_MEMBERS`.
        in_time: false once the time for reading is over.

    Raises:
        SyntaxFault: it is no tar archive, compressed, cut off or has too many members, its members
            contradict each other, or the time is over.
        OSError: a piece cannot be read.
    """
    walk = _Walk(read_at, size, wanted, most or MAX_MEMBERS)
    try:
        while walk.advance():
            if not in_time():
                raise SyntaxFault("its headers were not read in time")
    except tarfile.HeaderError as error:
        form = _compression(read_at(0, tarfile.BLOCKSIZE))
        damaged = f"it is damaged or no tar archive: at byte {walk.offset}: {error}"
        raise SyntaxFault(f"it is compressed with {form}" if form else damaged) from error
    return walk.found


class _Walk:
    def __init__(self, read_at: ReadAt, size: int, wanted: Callable[[str], bool], most: int) -> None:
        self.offset = 0
        self.found: dict[str, Member | str] = {}
        self._read_at = read_at
        self._size = size
        self._wanted = wanted
        self._most = most
        self._members = 0
        self._long_name: str | None = None
        self._long_size: int | None = None

    def advance(self) -> bool:
        """Take the next header; false at the mark of the end."""
        block = self._read_at(self.offset, tarfile.BLOCKSIZE)
        if not block.strip(b"\0") and len(block) == tarfile.BLOCKSIZE:
            return False
        if len(block) < tarfile.BLOCKSIZE:
            raise SyntaxFault(f"it is cut off: it ends at byte {self.offset} without the mark of the end")
        header = tarfile.TarInfo.frombuf(block, _ENCODING, _ERRORS)
        self._members += 1
        if self._members > self._most:
            raise SyntaxFault(f"it has more than {self._most} members")
        self.offset += tarfile.BLOCKSIZE
        if header.type in {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE}:
            self._take_pax(self._content_of_header(header.size))
        elif header.type == tarfile.GNUTYPE_LONGNAME:
            self._long_name = _text(self._content_of_header(header.size))
        elif header.type in {tarfile.XGLTYPE, tarfile.GNUTYPE_LONGLINK}:
            self._pass_over(header.size)
        else:
            self._take_member(header)
        return True

    def _take_pax(self, content: bytes) -> None:
        for key, value in pax_records(content):
            if key == b"path":
                self._long_name = value.decode(_ENCODING, _ERRORS)
            elif key == b"size":
                self._long_size = decimal(value)
            elif key.startswith(b"GNU.sparse."):
                raise SyntaxFault("it has a sparse file: pack it without --sparse")

    def _take_member(self, header: tarfile.TarInfo) -> None:
        if header.type == tarfile.GNUTYPE_SPARSE:
            raise SyntaxFault("it has a sparse file: pack it without --sparse")
        name = _inside(header.name if self._long_name is None else self._long_name)
        size = header.size if self._long_size is None else self._long_size
        self._long_name = self._long_size = None
        place = Member(self.offset, size)
        no_file = _WITHOUT_DATA.get(header.type)
        if no_file is None:
            self._pass_over(size)
        if no_file is None and header.type not in _FILES:
            no_file = f"a member of the unknown type {header.type!r}"
        if self._wanted(name) and (no_file != "a directory" or name in _TOP):
            if name in self.found:
                raise SyntaxFault(f"it has {name[:_SHOWN]!r} twice")
            self.found[name] = no_file or place

    def _content_of_header(self, size: int) -> bytes:
        if size > MAX_HEADER_BYTES:
            raise SyntaxFault(f"a header has {size} bytes; {MAX_HEADER_BYTES} are accepted")
        start = self.offset
        self._pass_over(size)
        return self._read_at(start, size)

    def _pass_over(self, size: int) -> None:
        if size < 0:
            raise SyntaxFault("the size of a member is negative")
        if self.offset + size > self._size:
            missing = self.offset + size - self._size
            raise SyntaxFault(f"it is cut off: {missing} bytes of a member are missing")
        self.offset += size + -size % tarfile.BLOCKSIZE


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(_ENCODING, _ERRORS)


def _inside(name: str) -> str:
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if name.startswith("/") or ".." in parts:
        raise SyntaxFault(f"it has a member whose name leads out of it: {name[:_SHOWN]!a}")
    return "/".join(parts)


def _compression(start: bytes) -> str | None:
    return next((form for mark, form in _COMPRESSED.items() if start.startswith(mark)), None)
