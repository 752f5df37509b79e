"""What is shown to a registry, and how the names under which it is kept are read. Pure.

Rules of the keys are those of containers-auth.json(5): the longest key that is the repository or a path
above it wins, down to the bare host; keys in the old forms of Docker (``https://host/v1/``) stand back.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field

IDENTITY_USER = "<token>"
"""User name under which an identity token is kept in the field of the password (docker, Azure)."""
DOCKER_HUB = "docker.io"
_DOCKER_HUB_NAMES = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})


@dataclass(frozen=True, slots=True)
class Login:
    """What to show to a registry. Secrets never show in its text form."""

    key: str
    """The key that matched, or the host that a helper was asked for."""
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

    @classmethod
    def of_pair(cls, key: str, username: str, password: str) -> "Login":
        """The login of a user name and a password, which may stand for an identity token."""
        if username == IDENTITY_USER:
            return cls(key, identity_token=password)
        return cls(key, username, password)


def lookup_keys(host: str, path: str) -> Iterator[str]:
    """Keys under which the login of ``host/path`` may stand, most special first."""
    host = normal_host(host)
    parts = path.split("/") if path else []
    for length in range(len(parts), 0, -1):
        yield f"{host}/{'/'.join(parts[:length])}"
    yield host


def normal_key(key: str) -> str:
    """A key of ``auths`` without scheme and API version; the names of Docker Hub become one."""
    name = key.split("://", 1)[-1].rstrip("/")
    host, _, path = name.partition("/")
    host = normal_host(host.lower())
    return host if path in {"", "v1", "v2"} else f"{host}/{path}"


def normal_host(host: str) -> str:
    """A host, with one name for Docker Hub."""
    return DOCKER_HUB if host in _DOCKER_HUB_NAMES else host
