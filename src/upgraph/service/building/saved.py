"""The saved scrape: what sources of releases held, as one file for a site that cannot reach them.

It is JSON with a line for each release, sorted, without times, so that two of them are compared with
``diff`` and the same releases give the same bytes. A file that was cut off is no JSON and is refused whole;
one release that cannot be used costs itself alone, as a broken tag does in a registry.

The file carries no proof: whoever can change it decides what clusters are told, as with graph data. What it
says of a release therefore never enters the memory of images that were read.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import msgspec

from upgraph.errors import DataError, Finding, Severity, UserError
from upgraph.errors.problems.service import SCRAPE_ENTRY, SCRAPE_INVALID
from upgraph.graph import Provenance, Release, Version
from upgraph.oci import parse_digest, parse_pull_spec_repository
from upgraph.payload.reader import check_architecture

FORMAT = "upgraph-scrape"
VERSION = 1
"""Version of the format. A reader refuses a newer one, because it may say what this one does not know."""
MAX_BYTES = 128 * 1024 * 1024
"""Bytes of the largest saved scrape; ten thousand releases with 150 predecessors each have about sixteen million."""
MAX_RELEASES = 200_000
"""Releases of the largest saved scrape."""


class _Head(msgspec.Struct):
    format: str
    version: int
    releases: list[msgspec.Raw]


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    version: str
    payload: str
    digest: str
    metadata: dict[str, str]
    previous: list[str]
    next: list[str]
    provenance: Provenance


_encode_entry = msgspec.json.Encoder().encode
_decode_head = msgspec.json.Decoder(_Head).decode
_decode_entry = msgspec.json.Decoder(_Entry).decode


@dataclass(frozen=True, slots=True)
class Saved:
    """The releases of a saved scrape, and what could not be used of it."""

    releases: tuple[Release, ...]
    """Sorted by version and digest."""
    findings: tuple[Finding, ...]


def write_saved(releases: Iterable[Release]) -> bytes:
    """Releases as a saved scrape. Their order does not matter.

    What several sources hold stands once, as it was verified where one of them did so.
    """
    readings = sorted(
        ((one.provenance is not Provenance.VERIFIED, _line(one), one) for one in releases), key=_rank
    )
    chosen: dict[str, tuple[bytes, Release]] = {}
    for _, line, release in readings:
        chosen.setdefault(release.payload, (line, release))
    ordered = [line for line, _ in sorted(chosen.values(), key=lambda pair: _order(pair[1]))]
    head = b'{"format":"%s","version":%d,"releases":[' % (FORMAT.encode(), VERSION)
    return b"\n".join([head, *_separated(ordered), b"]}", b""])


def _rank(reading: tuple[bool, bytes, Release]) -> tuple[bool, bytes]:
    return reading[:2]


def _order(release: Release) -> tuple[object, ...]:
    return release.version.key, release.digest, release.payload


def _separated(lines: list[bytes]) -> Iterator[bytes]:
    for at, line in enumerate(lines, start=1):
        yield line if at == len(lines) else line + b","


def _line(release: Release) -> bytes:
    entry = _Entry(
        version=release.version.text,
        payload=release.payload,
        digest=release.digest,
        metadata=dict(sorted(release.metadata.items())),
        previous=_texts(release.previous),
        next=_texts(release.next),
        provenance=release.provenance,
    )
    return _encode_entry(entry)


def _texts(versions: Iterable[Version]) -> list[str]:
    return [version.text for version in sorted(set(versions), key=lambda version: version.key)]


def read_saved(content: bytes, name: str) -> Saved:
    """The releases of a saved scrape.

    Args:
        content: the file.
        name: what it is called in messages.

    Raises:
        DataError: it is none, of another version, cut off or too large.
    """
    head = _read_head(content, name)
    releases: dict[str, Release] = {}
    findings = []
    for line, raw in _lines(content, head.releases):
        try:
            release = _release(raw)
        except DataError as error:
            findings.append(_left_out(error.seen, name, line))
            continue
        if release.payload in releases:
            findings.append(_left_out(f"{release.payload} stands in the file twice", name, line))
        else:
            releases[release.payload] = release
    return Saved(tuple(sorted(releases.values(), key=_order)), tuple(findings))


def _left_out(seen: str, name: str, line: int) -> Finding:
    return Finding(Severity.ERROR, SCRAPE_ENTRY, seen, name, line)


def _read_head(content: bytes, name: str) -> _Head:
    if len(content) > MAX_BYTES:
        raise DataError(SCRAPE_INVALID, f"{name} has more than {MAX_BYTES} bytes")
    try:
        head = _decode_head(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(SCRAPE_INVALID, f"{name} is no saved scrape, or not all of one: {error}") from error
    if head.format != FORMAT:
        raise DataError(SCRAPE_INVALID, f"{name} has the format {head.format[:64]!r} instead of {FORMAT!r}")
    if head.version != VERSION:
        seen = f"{name} has version {head.version} of the format; this program reads version {VERSION}"
        raise DataError(SCRAPE_INVALID, seen)
    if len(head.releases) > MAX_RELEASES:
        raise DataError(SCRAPE_INVALID, f"{name} has {len(head.releases)} releases, more than {MAX_RELEASES}")
    return head


def _lines(content: bytes, entries: Iterable[msgspec.Raw]) -> Iterator[tuple[int, bytes]]:
    """Each entry with the line on which it begins, however the file was formatted."""
    position, line = 0, 1
    for entry in entries:
        raw = bytes(entry)
        begins = content.index(raw, position)
        line += content.count(b"\n", position, begins)
        yield line, raw
        position = begins + len(raw)
        line += raw.count(b"\n")


def _release(raw: bytes) -> Release:
    try:
        entry = _decode_entry(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(SCRAPE_ENTRY, f"the release cannot be read: {error}") from error
    version = Version.parse(entry.version)
    check_architecture(version.build)
    digest = parse_digest(entry.digest)
    _check_pull_spec(entry.payload, digest)
    return Release(
        version=version,
        payload=entry.payload,
        digest=digest,
        metadata=entry.metadata,
        previous=tuple(map(Version.parse, entry.previous)),
        next=tuple(map(Version.parse, entry.next)),
        provenance=entry.provenance,
    )


def _check_pull_spec(payload: str, digest: str) -> None:
    repository, _, named = payload.rpartition("@")
    if named != digest:
        raise DataError(SCRAPE_ENTRY, f"the pull spec {payload[:300]!r} does not end in the digest {digest}")
    try:
        parse_pull_spec_repository(repository)
    except UserError as error:
        raise DataError(
            SCRAPE_ENTRY, f"the pull spec {payload[:300]!r} cannot be used: {error.seen}"
        ) from error


def at_repository(releases: Iterable[Release], repository: str) -> tuple[Release, ...]:
    """The releases as they are pulled from another repository (``host[:port]/path``); each digest once."""
    moved = {
        release.digest: replace(release, payload=f"{repository}@{release.digest}") for release in releases
    }
    return tuple(moved.values())
