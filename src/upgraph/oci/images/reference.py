"""Names of repositories: where releases are read, and what clusters are told to pull.

The grammar is that of the distribution project (``reference`` package), which container engines on
the nodes use as well: what they would read differently is refused here, so that no cluster is ever
sent to another registry than the administrator meant.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

from upgraph.errors import UserError
from upgraph.errors.problems import oci as problems

MAX_NAME_CHARACTERS = 255
"""Longest ``host[:port]/path`` that registries accept (distribution specification)."""
MAX_PORT = 65535

_SCHEMES: dict[str, Literal["https", "http"]] = {"docker": "https", "docker+http": "http"}
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_COMPONENT = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*")
_LOGIN = re.compile(r"(?<=://)[^/]*@|^[^/]*:[^/]*@(?=[^/]*/)")
_CONTACT = {"docker.io": "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of a registry.

    Raises:
        UserError: host or path are not valid.
    """

    host: str
    """Host name, IPv4 address or IPv6 address in brackets, with ``:port`` if one was given."""
    path: str
    """Path of the repository, without leading slash."""
    scheme: Literal["https", "http"] = "https"
    """Plain ``http`` is used only when asked for by name."""

    def __post_init__(self) -> None:
        _check_host(self.host, self.name)
        _check_path(self.path, self.name)
        if len(self.name) > MAX_NAME_CHARACTERS:
            raise _refusal(
                self.name, f"it has {len(self.name)} characters; {MAX_NAME_CHARACTERS} are allowed"
            )

    @property
    def name(self) -> str:
        """``host[:port]/path``, as in a pull spec: never with a scheme."""
        return f"{self.host}/{self.path}"

    @property
    def url(self) -> str:
        """Base address of the registry: ``scheme://host[:port]``, without a path.

        Docker Hub is named ``docker.io`` everywhere but answers at ``registry-1.docker.io``.
        """
        return f"{self.scheme}://{_CONTACT.get(self.host, self.host)}"

    def __str__(self) -> str:
        return f"{'docker' if self.scheme == 'https' else 'docker+http'}://{self.name}"

    @classmethod
    def parse(cls, text: str) -> "Repository":
        """The repository of ``docker://host[:port]/path`` or ``docker+http://host[:port]/path``.

        Raises:
            UserError: another scheme, a tag or digest, or a host or path that is not valid.
        """
        scheme, separator, name = text.partition("://")
        if not separator or scheme not in _SCHEMES:
            raise _refusal(
                text, "it must begin with docker:// (or docker+http:// for a registry without TLS)"
            )
        host, path = _split(name, text)
        return cls(host, path, _SCHEMES[scheme])


def parse_pull_spec_repository(text: str) -> str:
    """``text`` as the ``host[:port]/path`` that clusters pull from.

    Raises:
        UserError: it has a scheme, a tag or a digest, or its host or path are not valid.
    """
    if "://" in text:
        raise _refusal(text, "it must have no scheme, because it stands before @sha256:... in pull specs")
    host, path = _split(text, text)
    return Repository(host, path).name


def without_login(text: str) -> str:
    """A name without the login that somebody may have put where none belongs."""
    return _LOGIN.sub("***@", text)


def _refusal(text: str, reason: str) -> UserError:
    return UserError(problems.INVALID_REPOSITORY, f"{without_login(text)!r}: {reason}")


def _split(name: str, text: str) -> tuple[str, str]:
    host, _, path = name.partition("/")
    if not host:
        raise _refusal(text, "the host is missing")
    if "@" in name:
        raise _refusal(text, "it must not have a digest or a user name (the part with '@')")
    if not path:
        raise _refusal(text, "the path of the repository is missing after the host")
    if ":" in path:
        raise _refusal(text, f"it must not have a tag: leave out {':' + path.rpartition(':')[2]!r}")
    return host.lower(), path


def _check_host(host: str, text: str) -> None:
    name, port = _split_port(host, text)
    if port is not None and not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= MAX_PORT):
        raise _refusal(text, f"the port {port!r} is not a number from 1 to {MAX_PORT}")
    if name.startswith("["):
        _check_ipv6(name, text)
    elif not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise _refusal(text, f"{name!r} is not a host name or address")
    elif port is None and "." not in name and name != "localhost":
        # Container engines read such a name as a path on Docker Hub, and would pull from there.
        raise _refusal(
            text, f"{name!r} is not known as a host: write the full name, or add the port ('{name}:443')"
        )


def _split_port(host: str, text: str) -> tuple[str, str | None]:
    bracket = host.rfind("]")
    name, colon, port = host[bracket + 1 :].partition(":")
    if bracket >= 0 and name:
        raise _refusal(text, f"{name!r} may not stand after the bracket of an IPv6 address")
    return host[: bracket + 1] + name, port if colon else None


def _check_ipv6(name: str, text: str) -> None:
    try:
        ipaddress.IPv6Address(name.removeprefix("[").removesuffix("]"))
    except ValueError as error:
        raise _refusal(text, f"{name!r} is not an IPv6 address in brackets") from error


def _check_path(path: str, text: str) -> None:
    for component in path.split("/"):
        if _COMPONENT.fullmatch(component):
            continue
        if component != component.lower():
            raise _refusal(
                text, f"{component!r} has upper case letters, which registries do not allow in a path"
            )
        raise _refusal(
            text,
            f"{component!r} is not a valid part of a path: lower case letters and digits, joined by . _ -",
        )
