"""One file of registry credentials, in any of the forms that podman, docker and Kubernetes write.

Three forms exist: the object ``auths`` of podman, docker and pull secrets (``.dockerconfigjson``), with
``credHelpers`` and ``credsStore`` beside it; the older ``.dockercfg``, which has the keys at the top; and a
directory that a secret was mounted to. An empty file is an error, as it is for podman, skopeo and oc (docker
alone takes it for a file without logins); ``{}`` is a file without logins, as it is for all of them.
"""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypeVar

import msgspec

from upgraph.errors import UserError
from upgraph.errors.problems import oci as problems
from upgraph.oci.credentials.login import IDENTITY_USER, Login, lookup_keys, normal_host, normal_key

MAX_FILE_BYTES = 4 * 1024 * 1024
"""Largest file of credentials; a pull secret of a cluster has a few KiB."""
SECRET_KEYS = (".dockerconfigjson", "config.json", "auth.json", ".dockercfg")
"""Names under which the file is looked for in a directory, best first."""
EMPTY = "the file is empty; a file without logins is {}"
"""Why an empty file is refused."""

Stamp: TypeAlias = tuple[str, int, int, int]
"""Tells one state of a file from another: path, inode, change time in nanoseconds, bytes."""

_OURS = frozenset({"auths", "credHelpers", "credsStore"})
_CLIENT_CONFIGURATION = "config.json"
_SHOWN_KEYS = 5
_T = TypeVar("_T")


class _Entry(msgspec.Struct, frozen=True):
    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""
    registrytoken: str = ""


class _Content(msgspec.Struct, frozen=True, rename={"helpers": "credHelpers", "store": "credsStore"}):
    auths: dict[str, _Entry | None] | None = None
    helpers: dict[str, str] | None = None
    store: str | None = None


@dataclass(frozen=True, slots=True)
class AuthFile:
    """What a file holds. Its text form has no secret."""

    path: Path
    stamp: Stamp
    logins: Mapping[str, Login] = field(default_factory=dict)
    """By normal key. Entries without a login are left out."""
    helpers: Mapping[str, str] = field(default_factory=dict)
    """Names of credential helpers by normal host."""
    store: str = ""
    """Name of the helper for all other hosts; empty: none."""

    def login(self, host: str, path: str) -> Login | None:
        """The login under the longest key for a repository."""
        return next((self.logins[key] for key in lookup_keys(host, path) if key in self.logins), None)

    def helper(self, host: str) -> str | None:
        """The helper that is named for this very host."""
        return self.helpers.get(normal_host(host))


def file_of(place: Path) -> Path:
    """The file itself, where ``place`` is the directory that a secret was mounted to.

    Raises:
        UserError: the directory has no file with a name that is known.
    """
    if not place.is_dir():
        return place
    for name in SECRET_KEYS:
        if (place / name).is_file():
            return place / name
    raise refusal(place, f"it is a directory without a file named {' or '.join(SECRET_KEYS)}")


def stamp_of(place: Path) -> Stamp | None:
    """The state of the file at a place; None if there is none or it cannot be looked at."""
    try:
        file = file_of(place)
        return _stamp(file, file.stat())
    except (OSError, UserError):
        return None


def read_auth_file(place: Path) -> AuthFile:
    """Read a file, or the one in a directory.

    Raises:
        UserError: it cannot be read or is not valid. FileNotFoundError is its cause where it is not there.
    """
    file = file_of(place)
    try:
        with file.open("rb") as opened:
            stamp = _stamp(file, os.fstat(opened.fileno()))
            content = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise refusal(file, str(error.strerror)) from error
    if len(content) > MAX_FILE_BYTES:
        raise refusal(file, f"larger than {MAX_FILE_BYTES} bytes")
    if not content.strip():
        raise refusal(file, EMPTY)
    return _parsed(file, stamp, content)


def parse_auth_file(file: Path, content: bytes) -> AuthFile:
    """What a text says that may not be in a file at all.

    Args:
        file: what it is called in messages.
        content: the text.

    Raises:
        UserError: it is not valid.
    """
    return _parsed(file, (str(file), 0, 0, len(content)), content)


def refusal(path: Path, reason: str) -> UserError:
    """The error for a file that cannot be used."""
    return UserError(problems.AUTH_FILE, f"{path}: {reason}")


def _stamp(file: Path, status: os.stat_result) -> Stamp:
    return str(file), status.st_ino, status.st_mtime_ns, status.st_size


def _parsed(file: Path, stamp: Stamp, content: bytes) -> AuthFile:
    keys = _decoded(file, content, dict[str, msgspec.Raw]).keys()
    if keys & _OURS or not keys:
        found = _decoded(file, content, _Content)
        helpers = {normal_key(host): name for host, name in (found.helpers or {}).items()}
        return AuthFile(file, stamp, _logins(file, "auths", found.auths or {}), helpers, found.store or "")
    if {"kind", "data"} <= keys:
        raise refusal(file, "not valid: it is a Secret of Kubernetes, not the decoded value of its key")
    if file.name == _CLIENT_CONFIGURATION:
        # The settings of the docker client, which need not hold any login.
        return AuthFile(file, stamp)
    entries = _old_form(content)
    if entries is None:
        shown = ", ".join(sorted(keys)[:_SHOWN_KEYS])
        raise refusal(file, f"not valid: there is no object 'auths' in it, but {shown[:200]}")
    return AuthFile(file, stamp, _logins(file, "", entries))


def _decoded(file: Path, content: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        # The text of the error names types and places, never values. Its cause is cut off all the same.
        raise refusal(file, f"not valid: {error}") from None


def _old_form(content: bytes) -> dict[str, _Entry | None] | None:
    """The entries of a ``.dockercfg``; None if the content is none."""
    try:
        entries = msgspec.json.decode(content, type=dict[str, _Entry | None])
    except msgspec.MsgspecError:
        return None
    return entries if any(entry not in {None, _Entry()} for entry in entries.values()) else None


def _logins(file: Path, above: str, entries: Mapping[str, _Entry | None]) -> Mapping[str, Login]:
    found: dict[str, Login] = {}
    # A key that is written in its plain form stands before the old forms of the same key.
    for key in sorted(entries, key=lambda k: (normal_key(k) != k, k)):
        entry = entries[key]
        login = None if entry is None else _login(file, f"{above}[{key!r}]", key, entry)
        if login is not None:
            found.setdefault(normal_key(key), login)
    return found


def _login(file: Path, where: str, key: str, entry: _Entry) -> Login | None:
    username, password = entry.username, entry.password
    if entry.auth:
        username, password = _pair(file, where, entry.auth)
    if username == IDENTITY_USER:
        return Login.of_pair(key, username, password)
    if not all("!" <= c <= "~" for c in entry.registrytoken):
        raise refusal(file, f"not valid: {where}.registrytoken has characters that no header may have")
    if not (username or entry.identitytoken or entry.registrytoken):
        return None
    return Login(key, username, password, entry.identitytoken, entry.registrytoken)


def _pair(file: Path, where: str, encoded: str) -> tuple[str, str]:
    try:
        pair = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        raise refusal(file, f"not valid: {where}.auth is not base64 of text") from None
    username, colon, password = pair.rstrip("\0").partition(":")
    if not colon:
        raise refusal(file, f"not valid: {where}.auth has no colon between user name and password")
    return username, password
