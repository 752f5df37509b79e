"""The manifest of a bundle: which files belong to it, and the digest and size of each.

It is canonical JSON (sorted keys, sorted files, no white space), so the same files have the same manifest, and its
digest names the bundle.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from upgraph.errors import DataError
from upgraph.errors.problems.service import BUNDLE_INVALID
from upgraph.oci import Digest, digest_of

NAME = "upgraph-bundle.json"
"""Where the manifest lies in a bundle. It does not name itself."""
RELEASES = "releases.json"
GRAPH_DATA = "graph-data.tar.gz"
SIGNATURES = "signatures/"
"""What stands before the path of a signature."""
IMAGES = "images/"
"""What stands before the path of a file of the OCI layout."""
FORMAT = "upgraph-bundle"
VERSION = 1
"""Version of the format. A reader refuses a newer one."""
MAX_BYTES = 64 * 1024 * 1024
"""Bytes of the largest manifest."""
MAX_FILES = 250_000
"""Most files of a bundle."""

_PART = r"[A-Za-z0-9_][A-Za-z0-9_.=-]*"
_PATH = re.compile(
    rf"(?:{RELEASES}|{GRAPH_DATA}|(?:{SIGNATURES}|{IMAGES}){_PART}(?:/{_PART}){{0,7}})", re.ASCII
)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a bundle."""

    path: str
    """Inside the bundle, with slashes."""
    sha256: str
    """In lower-case hex."""
    size: int
    """In bytes."""


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    files: list[Entry]
    format: str
    version: int


_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(_Document).decode


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that was read or is to be written."""

    files: Mapping[str, Entry]
    """By path, sorted."""
    content: bytes

    @property
    def digest(self) -> Digest:
        """The digest of the manifest, which names the bundle."""
        return digest_of(self.content)


def make_manifest(entries: Iterable[Entry]) -> Manifest:
    """The manifest of these files."""
    files = sorted(entries, key=lambda entry: entry.path)
    content = _encode(_Document(files, FORMAT, VERSION)) + b"\n"
    return Manifest({entry.path: entry for entry in files}, content)


def parse_manifest(content: bytes, name: str) -> Manifest:
    """Read a manifest.

    Args:
        content: the file.
        name: the bundle, for messages.

    Raises:
        DataError: it is none, of another version, or names files that no bundle has.
    """
    try:
        document = _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _invalid(name, f"its {NAME} cannot be read: {error}") from error
    if (document.format, document.version) != (FORMAT, VERSION):
        seen = f"its {NAME} is {document.format[:64]!r} version {document.version} instead of {FORMAT!r} version {VERSION}"
        raise _invalid(name, seen)
    if len(document.files) > MAX_FILES:
        raise _invalid(name, f"it has {len(document.files)} files, more than {MAX_FILES}")
    files = {entry.path: entry for entry in sorted(document.files, key=lambda entry: entry.path)}
    wrong = [entry.path for entry in document.files if not _is_usable(entry)]
    if wrong or len(files) != len(document.files):
        seen = (
            f"its {NAME} names {wrong[0][:200]!r} with a wrong path, digest or size"
            if wrong
            else "a file twice"
        )
        raise _invalid(name, seen)
    for needed in (RELEASES, GRAPH_DATA):
        if needed not in files:
            raise _invalid(name, f"its {NAME} does not name {needed}")
    return Manifest(files, content)


def _is_usable(entry: Entry) -> bool:
    return (
        _PATH.fullmatch(entry.path) is not None
        and _SHA256.fullmatch(entry.sha256) is not None
        and entry.size >= 0
    )


def _invalid(name: str, seen: str) -> DataError:
    return DataError(BUNDLE_INVALID, f"{name}: {seen}")
