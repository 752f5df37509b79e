"""Certificates of authorities on disk: which files hold them, and for which hosts each is meant.

Sites keep them in many shapes: one PEM bundle with rubbish between, a directory, a mounted ConfigMap whose
keys name hosts, or the directories of container engines. Reading never stops at a file that holds no
certificate; what was passed over is reported, with the reason, beside what was found.
"""

import base64
import binascii
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from upgraph.errors import UserError
from upgraph.errors.problems import oci as problems

MAX_FILE_BYTES = 16 * 1024 * 1024
"""Largest file of certificates; the bundle of a whole system has about 1 MiB."""
MAX_FILES = 4096
"""Most files of one directory of certificates."""
DIRECTORY_LEVELS = 2
"""How deep directories below the given one are looked at (as Cincinnati does)."""
UPDATE_SERVICE_KEY = "updateservice-registry"
"""Key of a ConfigMap under which the OpenShift Update Service expects the authority of its registry."""
HTTPS_PORT = 443
"""The port of a scope that names none."""

Scope: TypeAlias = tuple[str, int] | None
"""The host and port for which an authority is trusted; None: every host."""
Stamp: TypeAlias = tuple[tuple[str, int, int, int], ...]
"""Tells one state of files from another: path, inode, change time in nanoseconds and bytes of each."""

_SUFFIXES = frozenset({".pem", ".crt"})
_BLOCK = re.compile(
    r"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)-----END (?:X509 |TRUSTED )?CERTIFICATE-----"
)
_LABEL = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_HOST = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_KEY = re.compile(rf"(?P<host>{_HOST})(?:\.\.(?P<port>\d{{1,5}}))?", re.IGNORECASE)
_DIRECTORY = re.compile(rf"(?P<host>{_HOST}|\[[0-9a-f:]+\])(?::(?P<port>\d{{1,5}}))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AnchorFile:
    """A file that was looked at."""

    path: Path
    scope: Scope
    certificates: tuple[bytes, ...] = ()
    """In DER form."""
    instead: str = ""
    """What was found, if there was no certificate."""


def read_anchors(place: Path) -> tuple[AnchorFile, ...]:
    """Every file of certificates at ``place``.

    Args:
        place: a file with PEM certificates (other text between them is passed over) or one DER certificate;
            or a directory, of which these are read, two levels deep:

            - ``*.pem`` and ``*.crt``, trusted for every host;
            - ``updateservice-registry``, trusted for every host;
            - ``HOST..PORT`` and ``HOST``, the keys of a ConfigMap, trusted for this host alone;
            - ``*.crt`` in a directory ``HOST:PORT`` or ``HOST.DOMAIN``, trusted for this host alone.

    Raises:
        UserError: it cannot be read or holds no usable certificate.
    """
    try:
        if not place.is_dir():
            found = _read(place, None)
            if found.instead:
                raise _refusal(f"{place}: {found.instead}")
            return (found,)
        files = tuple(_read(path, scope) for path, scope in listed_files(place))
    except OSError as error:
        raise _refusal(f"{error.filename or place}: {error.strerror}") from error
    if not any(file.certificates for file in files):
        passed = [f"{file.path.name}: {file.instead}" for file in files]
        raise _refusal(f"{place}: " + ("; ".join(passed[:5]) or "no *.pem or *.crt file in it"))
    return files


def stamp_of(place: Path) -> Stamp:
    """The state of everything that :func:`read_anchors` would read; empty if nothing can be read."""
    try:
        files = [path for path, _ in listed_files(place)] if place.is_dir() else [place]
        return tuple(_stamp(file) for file in files)
    except (OSError, UserError):
        return ()


def _stamp(file: Path) -> tuple[str, int, int, int]:
    status = file.stat()
    return str(file), status.st_ino, status.st_mtime_ns, status.st_size


def _refusal(seen: str) -> UserError:
    return UserError(problems.CA_BUNDLE, seen)


def listed_files(directory: Path) -> list[tuple[Path, Scope]]:
    """The files of a directory that are read, with their scopes, in their order.

    Raises:
        UserError: there are too many.
    """
    listed: list[tuple[Path, Scope]] = []
    for file in _top(directory):
        if len(listed) >= MAX_FILES:
            raise _refusal(f"{directory}: more than {MAX_FILES} files")
        listed.append(file)
    return listed


def _top(directory: Path) -> Iterator[tuple[Path, Scope]]:
    for entry in _visible(directory):
        if entry.is_dir():
            for file in _below(entry, DIRECTORY_LEVELS - 1):
                yield file, _scope_of_directory(entry.name)
        elif entry.suffix.lower() in _SUFFIXES or entry.name == UPDATE_SERVICE_KEY:
            yield entry, None
        elif (scope := scope_of_key(entry.name)) is not None:
            yield entry, scope


def _below(directory: Path, levels: int) -> Iterator[Path]:
    for entry in _visible(directory):
        if entry.is_dir():
            if levels:
                yield from _below(entry, levels - 1)
        elif entry.suffix.lower() in _SUFFIXES:
            yield entry


def _visible(directory: Path) -> list[Path]:
    # A mounted ConfigMap keeps its files a second time in directories that begin with dots.
    return sorted(entry for entry in directory.iterdir() if not entry.name.startswith("."))


def _scope_of_directory(name: str) -> Scope:
    # A plain word is a folder somebody made; container engines name theirs after a host.
    return _scope(_DIRECTORY.fullmatch(name)) if "." in name or ":" in name else None


def scope_of_key(key: str) -> Scope:
    """The host and port that a key of a ConfigMap names; None: it names none, or every host is meant."""
    return None if key == UPDATE_SERVICE_KEY else _scope(_KEY.fullmatch(key))


def _scope(match: re.Match[str] | None) -> Scope:
    if match is None:
        return None
    return match["host"].strip("[]").lower(), int(match["port"] or HTTPS_PORT)


def _read(file: Path, scope: Scope) -> AnchorFile:
    with file.open("rb") as opened:
        content = opened.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        return AnchorFile(file, scope, instead=f"larger than {MAX_FILE_BYTES} bytes")
    text = content.decode("ascii", "replace")
    blocks = _BLOCK.findall(text)
    found = [der for block in blocks if (der := _decoded(block)) and is_certificate(der)]
    if not found and b"-----BEGIN" not in content and is_certificate(content):
        found = [content]
    return AnchorFile(file, scope, tuple(found), "" if found else _instead(content, text, len(blocks)))


def _decoded(block: str) -> bytes | None:
    try:
        return base64.b64decode("".join(block.split()), validate=True)
    except binascii.Error:
        return None


def is_certificate(der: bytes) -> bool:
    """Whether OpenSSL reads ``der`` as one certificate or several."""
    if not der:
        return False
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=der)
    except (ssl.SSLError, ValueError):
        return False
    return True


def _instead(content: bytes, text: str, blocks: int) -> str:
    if not content:
        return "the file is empty"
    if blocks:
        return f"{blocks} certificate block(s), none of which can be decoded"
    labels = sorted(set(_LABEL.findall(text)))
    return f"no certificate, but {', '.join(labels)}" if labels else "no certificate"
