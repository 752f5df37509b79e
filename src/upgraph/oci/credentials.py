"""Credentials for registries, from the file that ``podman login``, ``docker login`` or a pull secret gives.

Rules of the lookup are those of containers-auth.json(5): the longest key that is the repository or a
path above it wins, down to the bare host; then keys in the old forms of Docker (``https://host/v1/``).
The file is read again when it has changed and a token is needed, because pull secrets are rotated
under a running service. A changed file that cannot be used leaves the last good one in force.
Programs that hold credentials (``credHelpers``) are not asked.
"""

import base64
import binascii
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from upgraph.errors import UserError
from upgraph.errors.problems import oci as problems

MAX_FILE_BYTES = 4 * 1024 * 1024
"""Largest file of credentials; a pull secret of a cluster has a few KiB."""

_DOCKER_HUB = "docker.io"
_DOCKER_HUB_NAMES = frozenset({_DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})
_IDENTITY_USER = "<token>"
"""User name under which an identity token is kept in the field of the password (docker, Azure)."""

_Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Login:
    """What to show to a registry. Secrets never show in its text form."""

    key: str
    """The key of the file that matched."""
    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    """Exchanged for an access token (OAuth2 refresh token)."""
    registry_token: str = field(default="", repr=False)
    """An access token itself."""

    @property
    def basic(self) -> str:
        """Value of the Authorization header for the Basic scheme (RFC 7617, UTF-8)."""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


class _Entry(msgspec.Struct, frozen=True):
    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""
    registrytoken: str = ""


class _File(msgspec.Struct, frozen=True):
    auths: dict[str, _Entry] | None = None


class Credentials:
    """The logins of one file, or none at all.

    Made with :meth:`load`. Its text form names the file only.
    """

    def __init__(self, path: Path | None, logins: Mapping[str, Login], stamp: _Stamp | None) -> None:
        self._path = path
        self._logins = logins
        self._stamp = stamp
        self._fault: UserError | None = None

    @classmethod
    def load(cls, path: Path | None) -> "Credentials":
        """The credentials in ``path``; None: anonymous everywhere.

        Raises:
            UserError: the file cannot be read or is not valid.
        """
        if path is None:
            return cls(None, {}, None)
        logins, stamp = _read(path)
        return cls(path, logins, stamp)

    def __repr__(self) -> str:
        return f"Credentials({str(self._path)!r})" if self._path else "Credentials(anonymous)"

    @property
    def path(self) -> Path | None:
        """The file, for messages."""
        return self._path

    @property
    def fault(self) -> UserError | None:
        """Why the changed file could not be used, while an older reading of it is in force."""
        return self._fault

    def find(self, host: str, path: str) -> Login | None:
        """The login for a repository; the file is read again if it has changed."""
        self._refresh()
        for key in lookup_keys(host, path):
            login = self._logins.get(key)
            if login is not None:
                return login
        return None

    def _refresh(self) -> None:
        if self._path is None:
            return
        try:
            if _stamp_of(os.stat(self._path)) == self._stamp:  # noqa: PTH116 - one call, no object
                return
            self._logins, self._stamp = _read(self._path)
            self._fault = None
        except OSError as error:
            self._fault = _refusal(self._path, str(error.strerror))
        except UserError as error:
            self._fault = error


def lookup_keys(host: str, path: str) -> Iterator[str]:
    """Keys under which the login of ``host/path`` may stand, most special first."""
    host = _DOCKER_HUB if host in _DOCKER_HUB_NAMES else host
    parts = path.split("/") if path else []
    for length in range(len(parts), 0, -1):
        yield f"{host}/{'/'.join(parts[:length])}"
    yield host


def normal_key(key: str) -> str:
    """A key of ``auths`` without scheme and API version; the names of Docker Hub become one."""
    name = key.split("://", 1)[-1].rstrip("/")
    host, _, path = name.partition("/")
    host = host.lower()
    if host in _DOCKER_HUB_NAMES:
        host = _DOCKER_HUB
    return host if path in {"", "v1", "v2"} else f"{host}/{path}"


def _refusal(path: Path, reason: str) -> UserError:
    return UserError(problems.AUTH_FILE, f"{path}: {reason}")


def _stamp_of(status: os.stat_result) -> _Stamp:
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read(path: Path) -> tuple[Mapping[str, Login], _Stamp]:
    try:
        with path.open("rb") as file:
            stamp = _stamp_of(os.fstat(file.fileno()))
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _refusal(path, str(error.strerror)) from error
    if len(content) > MAX_FILE_BYTES:
        raise _refusal(path, f"larger than {MAX_FILE_BYTES} bytes")
    return _logins(path, content), stamp


def _logins(path: Path, content: bytes) -> Mapping[str, Login]:
    try:
        auths = msgspec.json.decode(content, type=_File).auths
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        # The text of the error names types and places, never values. Its cause is cut off all the same.
        raise _refusal(path, f"not valid: {error}") from None
    if auths is None:
        raise _refusal(path, "not valid: there is no object 'auths' in it")
    found: dict[str, Login] = {}
    # A key that is written in its plain form stands before the old forms of the same key.
    for key in sorted(auths, key=lambda k: (normal_key(k) != k, k)):
        login = _login(path, key, auths[key])
        if login is not None:
            found.setdefault(normal_key(key), login)
    return found


def _login(path: Path, key: str, entry: _Entry) -> Login | None:
    username, password = entry.username, entry.password
    if entry.auth:
        username, password = _decode_pair(path, key, entry.auth)
    if username == _IDENTITY_USER:
        return Login(key, identity_token=password)
    if not all("!" <= c <= "~" for c in entry.registrytoken):
        raise _refusal(
            path, f"not valid: auths[{key!r}].registrytoken has characters that no header may have"
        )
    if not (username or entry.identitytoken or entry.registrytoken):
        return None
    return Login(key, username, password, entry.identitytoken, entry.registrytoken)


def _decode_pair(path: Path, key: str, encoded: str) -> tuple[str, str]:
    try:
        pair = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        raise _refusal(path, f"not valid: auths[{key!r}].auth is not base64 of text") from None
    username, colon, password = pair.rstrip("\0").partition(":")
    if not colon:
        raise _refusal(path, f"not valid: auths[{key!r}].auth has no colon between user name and password")
    return username, password
