"""The name under which the login of a registry is kept, from what people write for a registry. Pure."""

from dataclasses import dataclass
from typing import Literal

from upgraph.errors import UserError
from upgraph.errors.problems.oci import INVALID_REPOSITORY
from upgraph.oci.credentials.login import DOCKER_HUB, normal_host
from upgraph.oci.images.reference import Repository

_SCHEMES: dict[str, Literal["https", "http"]] = {
    "docker": "https",
    "https": "https",
    "docker+http": "http",
    "http": "http",
}
_ANY_PATH = "login-check"
"""Stands for a path where a login is for the whole host; the right to it is asked for and never used."""


@dataclass(frozen=True, slots=True)
class RegistryKey:
    """A registry, or a path in it."""

    host: str
    path: str = ""
    """Without leading slash; empty: the whole registry."""
    scheme: Literal["https", "http"] = "https"

    def __str__(self) -> str:
        return f"{self.host}/{self.path}" if self.path else self.host

    @property
    def repository(self) -> Repository:
        """A repository for which the login counts. It need not exist."""
        return Repository(self.host, self.path or _ANY_PATH, self.scheme)

    @classmethod
    def parse(cls, text: str) -> "RegistryKey":
        """The key of ``HOST[:PORT][/PATH]``, with or without ``docker://`` or ``https://``.

        ``docker+http://`` and ``http://`` say that the registry has no TLS. Docker Hub has one key for all its names.

        Raises:
            UserError: host or path are not valid, or there is a tag or a digest.
        """
        scheme, separator, rest = text.strip().partition("://")
        if separator and scheme not in _SCHEMES:
            raise UserError(INVALID_REPOSITORY, f"{text!r}: {scheme}:// is no registry")
        host, _, path = (rest if separator else text.strip()).rstrip("/").partition("/")
        host = normal_host(host.lower())
        if not host or "@" in f"{host}{path}" or ":" in path:
            reason = "write HOST[:PORT][/PATH], without user name, tag or digest"
            raise UserError(INVALID_REPOSITORY, f"{text.rpartition('@')[2]!r}: {reason}")
        if host == DOCKER_HUB and path in {"v1", "v2"}:
            path = ""
        made = cls(host, path, _SCHEMES.get(scheme, "https") if separator else "https")
        # The grammar of repositories is that of container engines.
        made.repository  # noqa: B018  # looked at for what it raises
        return made
