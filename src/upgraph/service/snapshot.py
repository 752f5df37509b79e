"""Snapshots: one file that holds a graph with every answer prepared, and the reading side of it.

The builder writes a snapshot front to back, so that it never holds more than one answer, and finishes it
with an index and a header. The server maps the file and hands out slices. The same file is what survives a
restart, so it is checked whole when it is opened from disk: a damaged one is refused, not served.

Layout: header of 64 bytes (magic, offset, length and SHA-256 of the index), bodies, index as JSON. A
change of the layout takes a new magic; an unknown one is refused and the snapshot made anew.
"""

import hashlib
import mmap
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import islice
from typing import Any, BinaryIO

import msgspec

from upgraph.errors import DataError, Finding
from upgraph.errors.problems.service import SNAPSHOT_DAMAGED

_MAGIC = b"UPGRAPH1"
_HEADER = struct.Struct(">8sQQ32s8s")
_RESERVED = bytes(8)
MAX_FINDINGS = 1_000
"""Findings that a snapshot keeps; the gravest come first."""


class Coding(StrEnum):
    """A content coding, by its name in HTTP."""

    IDENTITY = "identity"
    GZIP = "gzip"
    ZSTD = "zstd"

    # Enum hashes in Python what str hashes in C, and every answer looks its coding up.
    __hash__ = str.__hash__


class FindingFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """A finding as a snapshot keeps it."""

    severity: str
    reference: str
    seen: str
    file: str | None = None
    line: int | None = None


def as_facts(findings: Iterable[Finding]) -> tuple[FindingFact, ...]:
    """Findings as a snapshot keeps them, the first :data:`MAX_FINDINGS`."""
    return tuple(map(_fact, islice(findings, MAX_FINDINGS)))


def _fact(finding: Finding) -> FindingFact:
    return FindingFact(
        finding.severity.name.lower(), finding.reference, finding.seen, finding.file, finding.line
    )


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about the graph of a snapshot beside the graph itself."""

    digest: str
    """SHA-256 of the unfiltered document: the identity of the graph."""
    releases_digest: str
    """Identity of the releases it was built from."""
    graph_data_digest: str
    """Identity of the graph data it was built from."""
    releases: int
    nodes: int
    """Releases and abstract versions."""
    nodes_by_arch: Mapping[str, int]
    edges_by_arch: Mapping[str, int]
    conditional_edges_by_arch: Mapping[str, int]
    channels: Mapping[str, Mapping[str, int]] = {}
    """Nodes that clusters get, by channel and architecture. Empty in snapshots of earlier versions."""
    findings: tuple[FindingFact, ...] = ()
    refreshed_at: float
    """Unix time in seconds at which the inputs were last known to be current."""
    trust: str = ""
    """Whose signatures every release in it has; empty if none were required. See :mod:`upgraph.service.trust`."""
    promoted: str = ""
    """Identity of the lists of promoted versions; empty if there were none and all updates are offered."""
    withheld_by_arch: Mapping[str, int] = {}
    """Updates that are not offered because their target is not promoted."""


class _Section(msgspec.Struct, frozen=True, array_like=True):
    offset: int
    length: int
    crc: int


class _Entry(msgspec.Struct, frozen=True):
    etag: str
    bodies: dict[Coding, _Section]


class _Index(msgspec.Struct, frozen=True, omit_defaults=True):
    facts: Facts
    empty: _Entry
    builder_graph: _Entry
    graph_data: _Entry | None
    answers: dict[str, dict[str, _Entry]]
    signatures: dict[str, _Entry] = {}
    promotion: _Entry | None = None


class Prepared:
    """One document, ready to be sent in several codings."""

    __slots__ = ("_entry", "_file", "codings", "etag", "forms")

    def __init__(self, entry: _Entry, file: "_MappedFile") -> None:
        self._entry = entry
        self._file = file
        self.etag = entry.etag
        """SHA-256 in hex of the document without coding; the same on every replica."""
        self.codings = frozenset(entry.bodies)
        self.forms: dict[Any, Any] = {}
        """What the edge has made of it, which lives as long as it; only the edge looks in here."""

    @property
    def sections(self) -> Iterable[_Section]:
        """Where it lies in the file, in each coding."""
        return self._entry.bodies.values()

    def size(self, coding: Coding) -> int:
        """Bytes of the document in this coding."""
        return self._entry.bodies[coding].length

    def body(self, coding: Coding) -> memoryview:
        """The document in this coding."""
        return self._file.read(self._entry.bodies[coding])


class _MappedFile:
    """The mapped bytes of a snapshot. They live in the page cache, once for all processes, and are sent from there."""

    def __init__(self, data: mmap.mmap, digest: bytes) -> None:
        self._view = memoryview(data)
        self.digest = digest.hex()

    def read(self, section: _Section) -> memoryview:
        return self._view[section.offset : section.offset + section.length]

    @property
    def whole(self) -> memoryview:
        return self._view

    def is_sound(self, section: _Section) -> bool:
        return zlib.crc32(self.read(section)) == section.crc


class Snapshot:
    """A graph with every answer prepared, read from a mapped file."""

    def __init__(self, index: _Index, file: _MappedFile) -> None:
        self.facts = index.facts
        self.file = file.whole
        """All bytes of the file."""
        self.digest = file.digest
        """SHA-256 of its index, which has the digests of all bodies: the identity of the file."""
        self._empty = Prepared(index.empty, file)
        self._answers = {
            (channel, arch): Prepared(entry, file)
            for channel, arches in index.answers.items()
            for arch, entry in arches.items()
        }
        self.builder_graph = Prepared(index.builder_graph, file)
        """The unfiltered graph, as a graph builder serves it."""
        self.graph_data = Prepared(index.graph_data, file) if index.graph_data else None
        """The graph data in force, as a compressed archive."""
        self.promotion = Prepared(index.promotion, file) if index.promotion else None
        """The lists of promoted versions in force, as one list; none where all versions are promoted."""
        self._signatures = {name: Prepared(entry, file) for name, entry in index.signatures.items()}

    def documents(self) -> Iterator[Prepared]:
        """Everything that it can answer."""
        yield from (self._empty, self.builder_graph, *self._answers.values(), *self._signatures.values())
        yield from (one for one in (self.graph_data, self.promotion) if one is not None)

    def signature(self, name: str) -> Prepared | None:
        """The signature of this name (``sha256=HEX/signature-1``) that came with the releases, if one did."""
        return self._signatures.get(name)

    def answer(self, channel: str, arch: str) -> Prepared:
        """What a cluster of this channel and architecture gets; an empty graph where nothing is known."""
        return self._answers.get((channel, arch), self._empty)


class SnapshotWriter:
    """Writes a snapshot into a seekable file. Nothing is valid before :meth:`finish`."""

    def __init__(self, into: BinaryIO) -> None:
        self._file = into
        self._offset = _HEADER.size
        self._file.write(bytes(_HEADER.size))
        self._entries: dict[str, _Entry] = {}
        self._answers: dict[str, dict[str, _Entry]] = {}
        self._named: dict[str, _Entry] = {}
        self._signatures: dict[str, _Entry] = {}

    def add_answer(self, channel: str, arch: str, bodies: Mapping[Coding, bytes]) -> None:
        """Add what clusters of one channel and architecture get."""
        self._answers.setdefault(channel, {})[arch] = self._entry(bodies)

    def add_empty(self, bodies: Mapping[Coding, bytes]) -> None:
        """Add what clusters of an unknown channel or architecture get."""
        self._named["empty"] = self._entry(bodies)

    def add_builder_graph(self, bodies: Mapping[Coding, bytes]) -> str:
        """Add the unfiltered graph; gives its digest."""
        self._named["builder_graph"] = self._entry(bodies)
        return self._named["builder_graph"].etag

    def add_graph_data(self, archive: bytes) -> None:
        """Add the archive of the graph data in force."""
        self._named["graph_data"] = self._entry({Coding.IDENTITY: archive})

    def add_promotion(self, document: bytes) -> None:
        """Add the lists of promoted versions in force."""
        self._named["promotion"] = self._entry({Coding.IDENTITY: document})

    def add_signature(self, name: str, content: bytes) -> None:
        """Add a signature that came with the releases."""
        self._signatures[name] = self._entry({Coding.IDENTITY: content})

    def finish(self, facts: Facts) -> None:
        """Write index and header, which makes the snapshot valid."""
        index = msgspec.json.encode(
            _Index(
                facts=facts,
                empty=self._named["empty"],
                builder_graph=self._named["builder_graph"],
                graph_data=self._named.get("graph_data"),
                answers=self._answers,
                signatures=self._signatures,
                promotion=self._named.get("promotion"),
            )
        )
        self._file.write(index)
        self._file.seek(0)
        digest = hashlib.sha256(index).digest()
        self._file.write(_HEADER.pack(_MAGIC, self._offset, len(index), digest, _RESERVED))
        self._file.flush()

    def _entry(self, bodies: Mapping[Coding, bytes]) -> _Entry:
        etag = hashlib.sha256(bodies[Coding.IDENTITY]).hexdigest()
        known = self._entries.get(etag)
        if known is None:
            sections = {coding: self._section(body) for coding, body in bodies.items()}
            known = self._entries[etag] = _Entry(etag, sections)
        return known

    def _section(self, body: bytes) -> _Section:
        section = _Section(self._offset, len(body), zlib.crc32(body))
        self._file.write(body)
        self._offset += len(body)
        return section


def read_snapshot(file: BinaryIO) -> Snapshot:
    """Open a snapshot that was just written by the builder of this service.

    Raises:
        DataError: it is not a finished snapshot of this layout.
    """
    index, mapped = _open(file)
    return Snapshot(index, mapped)


def read_and_check_snapshot(file: BinaryIO) -> Snapshot:
    """Open a snapshot that lay on a disk, and check every body of it.

    Raises:
        DataError: it is not a finished snapshot of this layout, or some part is damaged.
    """
    index, mapped = _open(file)
    snapshot = Snapshot(index, mapped)
    sections = {section for document in snapshot.documents() for section in document.sections}
    damaged = sum(not mapped.is_sound(section) for section in sections)
    if damaged:
        raise DataError(SNAPSHOT_DAMAGED, f"{damaged} of {len(sections)} parts of the snapshot are damaged")
    return snapshot


def read_foreign_snapshot(file: BinaryIO, digest: str) -> Snapshot:
    """Open a snapshot that came over a network, and check every body of it against its digest.

    Args:
        file: the snapshot.
        digest: the identity under which it was announced (:attr:`Snapshot.digest`).

    Raises:
        DataError: it is another one, or is damaged.
    """
    snapshot = read_and_check_snapshot(file)
    if snapshot.digest != digest:
        raise DataError(SNAPSHOT_DAMAGED, f"the snapshot has the digest {snapshot.digest} and not {digest}")
    if any(Coding.IDENTITY not in document.codings for document in snapshot.documents()):
        raise DataError(SNAPSHOT_DAMAGED, "an answer in the snapshot has no form without coding")
    bodies = {document.etag: document.body(Coding.IDENTITY) for document in snapshot.documents()}
    changed = sum(hashlib.sha256(body).hexdigest() != etag for etag, body in bodies.items())
    if changed:
        raise DataError(
            SNAPSHOT_DAMAGED, f"{changed} of {len(bodies)} answers in the snapshot are not what they claim"
        )
    return snapshot


def _open(file: BinaryIO) -> tuple[_Index, _MappedFile]:
    try:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        magic, offset, length, digest, reserved = _HEADER.unpack(data[: _HEADER.size])
    except (ValueError, OSError, struct.error) as error:
        raise DataError(SNAPSHOT_DAMAGED, f"the file is no snapshot: {error}") from error
    index = data[offset : offset + length]
    if magic != _MAGIC or reserved != _RESERVED:
        raise DataError(
            SNAPSHOT_DAMAGED, f"the file starts with {magic!r}, which is no header of this layout"
        )
    if offset + length != len(data) or hashlib.sha256(index).digest() != digest:
        raise DataError(SNAPSHOT_DAMAGED, "the index does not match its length and digest in the header")
    try:
        return msgspec.json.decode(index, type=_Index), _MappedFile(data, digest)
    except msgspec.DecodeError as error:
        raise DataError(SNAPSHOT_DAMAGED, f"the index of the snapshot cannot be read: {error}") from error
