"""Which proxy stands between us and a host: ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY``. Pure.

The rules are those of Go (golang.org/x/net/http/httpproxy), because every other program of a cluster
follows them: what works for the nodes works here. Where curl reads more (blanks between the entries of
``NO_PROXY``, a dot at the end of a name), that is read too. A value that no proxy can be made of is
refused at the start; an entry of ``NO_PROXY`` that can never match is reported, since it is the usual
reason for a request that goes the wrong way.
"""

import base64
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit

from upgraph.errors import Finding, Severity, UserError
from upgraph.errors.problems import oci as problems

MAX_VALUE_CHARACTERS = 64 * 1024
"""Characters of one variable that are read; the NO_PROXY of a large site has a few thousand."""

DEFAULT_PORTS = {"http": 80, "https": 443}

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy. Its login never shows in its text form."""

    url: str
    """``http://host:port`` or ``https://host:port``, without login."""
    variable: str
    """The environment variable that names it."""
    authorization: str | None = field(default=None, repr=False)
    """Value of the header Proxy-Authorization (Basic)."""

    @property
    def host(self) -> str:
        """Its host, an IPv6 address without brackets."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """Its port."""
        return urlsplit(self.url).port or 0

    @property
    def login(self) -> tuple[str, ...]:
        """User and password, for programs that want them apart; empty: none."""
        if self.authorization is None:
            return ()
        user, _, password = (
            base64.b64decode(self.authorization.removeprefix("Basic ")).decode().partition(":")
        )
        return user, password

    def __str__(self) -> str:
        return f"proxy {self.url} ({self.variable})"


@dataclass(frozen=True, slots=True)
class Way:
    """How a host is reached, and which rule says so."""

    proxy: Proxy | None
    """None: directly."""
    why: str

    def __str__(self) -> str:
        return f"{self.proxy or 'directly'}: {self.why}"


@dataclass(frozen=True, slots=True)
class _Exemption:
    """One entry of NO_PROXY."""

    text: str
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None
    suffix: str = ""
    """A domain with its leading dot."""
    itself: bool = False
    """Whether the domain itself is meant beside its subdomains."""
    port: int | None = None
    everything: bool = False

    def covers(self, host: str, address: _Address | None, port: int) -> bool:
        if self.everything:
            return True
        if self.port not in {None, port}:
            return False
        if self.network is not None:
            return address is not None and address in self.network
        return host.endswith(self.suffix) or (self.itself and host == self.suffix[1:])


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies of a process, and the hosts that are reached without them."""

    http: Proxy | None = None
    """For http addresses."""
    https: Proxy | None = None
    """For https addresses."""
    findings: tuple[Finding, ...] = ()
    """Entries of NO_PROXY that can never match."""
    _exemptions: tuple[_Exemption, ...] = ()

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Proxies":
        """The proxies that an environment names.

        Raises:
            UserError: a variable names no proxy that can be used.
        """
        # A web server hands the header `Proxy` of a request to its programs under this name, so it is not
        # the administrator's there (httpoxy, CVE-2016-5385).
        names = ("http_proxy",) if environment.get("REQUEST_METHOD") else ("HTTP_PROXY", "http_proxy")
        http = _proxy(environment, names)
        https = _proxy(environment, ("HTTPS_PROXY", "https_proxy"))
        if http is None and https is None:
            return cls()
        variable, text = _first(environment, ("NO_PROXY", "no_proxy"))
        entries = re.split(r"[,\s]+", text.strip().lower())
        exemptions = {entry: _exemption(entry) for entry in dict.fromkeys(entries) if entry}
        return cls(
            http,
            https,
            tuple(_unusable(variable, entry) for entry, one in exemptions.items() if one is None),
            tuple(one for one in exemptions.values() if one is not None),
        )

    @property
    def any(self) -> bool:
        """Whether any request could go to a proxy."""
        return self.http is not None or self.https is not None

    def way(self, scheme: str, host: str, port: int) -> Way:
        """How to reach a host.

        Args:
            scheme: ``http`` or ``https``, which chooses the proxy.
            host: a name or an address, an IPv6 address with or without brackets.
            port: the port, also if it is the usual one.
        """
        proxy = self.https if scheme == "https" else self.http
        if proxy is None:
            return Way(None, f"no proxy is set for {scheme}")
        name = host.strip("[]").rstrip(".").lower()
        address = _address(name)
        if name == "localhost" or (address is not None and address.is_loopback):
            return Way(None, "this machine is never reached through a proxy")
        for exemption in self._exemptions:
            if exemption.covers(name, address, port):
                return Way(None, f"the entry {exemption.text} of NO_PROXY covers it")
        return Way(proxy, f"{proxy.variable} is set and no entry of NO_PROXY covers it")


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, str]:
    """The first variable that is set and not empty, and its value."""
    for name in names:
        value = environment.get(name, "").strip()
        if len(value) > MAX_VALUE_CHARACTERS:
            raise UserError(problems.PROXY_SETTING, f"{name} has more than {MAX_VALUE_CHARACTERS} characters")
        if value:
            return name, value
    return names[0], ""


def _proxy(environment: Mapping[str, str], names: tuple[str, ...]) -> Proxy | None:
    variable, value = _first(environment, names)
    if not value:
        return None
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _refusal(variable, value, "it is no address") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise _refusal(variable, value, f"proxies of the kind {parts.scheme!r} are not supported")
    if not host or not (_address(host) or _HOST.fullmatch(host)):
        raise _refusal(variable, value, "it names no host")
    named = f"[{host}]" if ":" in host else host
    url = f"{parts.scheme}://{named}:{port or DEFAULT_PORTS[parts.scheme]}"
    return Proxy(url, variable, _authorization(parts))


def _authorization(parts: SplitResult) -> str | None:
    if not parts.username:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _refusal(variable: str, value: str, reason: str) -> UserError:
    # Whatever stands before the last @ may be a password, also in a value that is no address.
    shown = f"***@{value.rpartition('@')[2]}" if "@" in value else value
    return UserError(problems.PROXY_SETTING, f"{variable} is {shown[:200]!r}: {reason}")


def _unusable(variable: str, entry: str) -> Finding:
    seen = f"the entry {entry[:200]!r} of {variable} can never match"
    return Finding(Severity.WARNING, problems.PROXY_EXEMPTION, seen)


def _exemption(entry: str) -> _Exemption | None:
    """The rule that an entry stands for; None if it stands for none."""
    if entry == "*":
        return _Exemption(entry, everything=True)
    if "/" in entry:
        network = _network(entry)
        return None if network is None else _Exemption(entry, network)
    host, port = _port_apart(entry)
    if port is not None and not 0 < port <= 65_535:
        return None
    address = _address(host)
    if address is not None:
        return _Exemption(entry, ipaddress.ip_network(address), port=port)
    return _domain(entry, host, port)


def _domain(entry: str, host: str, port: int | None) -> _Exemption | None:
    name = host.removeprefix("*").rstrip(".")
    plain = name.removeprefix(".")
    try:
        # Addresses carry names in this form.
        plain = plain if plain.isascii() else plain.encode("idna").decode()
    except UnicodeError:
        return None
    if not _HOST.fullmatch(plain) or (host.startswith("*") and not name.startswith(".")):
        return None
    return _Exemption(entry, suffix=f".{plain}", itself=not name.startswith("."), port=port)


def _port_apart(entry: str) -> tuple[str, int | None]:
    match = re.fullmatch(r"\[([^\]]+)\](?::(\d{1,5}))?|([^:]+):(\d{1,5})", entry)
    if match is None:
        return entry, None
    bracketed, bracketed_port, host, port = match.groups()
    number = bracketed_port or port
    return bracketed or host, int(number) if number else None


def _address(text: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
