"""The way to one server: which proxy, its name, a connection, its certificate, its clock."""

import asyncio
import ipaddress
import os
import shlex
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from yarl import URL

from upgraph.errors import RemoteError
from upgraph.errors.problems import oci as problems
from upgraph.errors.problems.doctor import CLOCK_SKEW, CONNECT_FAILED, NAME_UNRESOLVED
from upgraph.errors.problems.service import CERTIFICATE_ENDING
from upgraph.oci import Access, RefusalCause, TlsExamination, examine_tls, greet
from upgraph.oci.http.downloads import shown_address
from upgraph.service.answering.own_certificate import ENDING_SECONDS
from upgraph.service.answering.spans import span
from upgraph.service.doctor.check import Outcome, Outcomes, Result, Step
from upgraph.syntax.certificate import day

CONNECT_SECONDS = 5.0
"""Longest wait for a connection to one address of a server."""
MAX_ADDRESSES = 8
"""Most addresses of a server that are tried."""
SKEW_WARNING_SECONDS = 60.0
"""Difference of clocks that is reported; tokens often hold for five minutes."""
SKEW_ERROR_SECONDS = 300.0
"""Difference of clocks with which tokens and new certificates are refused."""
_RESOLVER_FILE = Path("/etc/resolv.conf")
_MAX_RESOLVER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Host:
    """A server, and how to reach it."""

    scheme: str
    name: str
    """Without brackets if it is an IPv6 address."""
    port: int
    access: Access

    @classmethod
    def of(cls, url: str, access: Access) -> "Host":
        """The server of an address.

        Raises:
            UserError: it is no http or https address.
        """
        shown_address(url)
        address = URL(url)
        return cls(address.scheme, address.host or "", address.port or 0, access)

    @property
    def place(self) -> str:
        """``host:port``."""
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"

    @property
    def words(self) -> Mapping[str, str]:
        """What commands call it."""
        proxy = self.access.proxies.way(self.scheme, self.name, self.port).proxy
        known = {
            "host": self.name,
            "port": str(self.port),
            "place": self.place,
            "host_port": self.place,
            "alternative_name": f"{'IP' if _is_address(self.name) else 'DNS'}:{self.name}",
            "config_key": f"{self.name}..{self.port}",
            "url": f"{self.scheme}://{self.place}/",
            "next": _next_hop(self)[0],
        } | ({"proxy": proxy.url} if proxy else {})
        return {name: shlex.quote(value) for name, value in known.items()}


def way_to(host: Host, access_step: Step) -> tuple[Step, ...]:
    """The steps from this machine to a server, each of which needs the one before."""
    words = host.words

    def step(name: str, run: Callable[[Host], Awaitable[Outcomes]], *needs: Step) -> Step:
        return Step(name, host.place, lambda: run(host), needs, words=words)

    proxy = step("proxy", _proxy, access_step)
    dns = step("dns", _resolve, proxy)
    tcp = step("tcp", _connect, dns)
    if host.scheme != "https":
        return (proxy, dns, tcp)
    return (proxy, dns, tcp, step("tls", _examine, tcp))


def clock_step(host: Host, url: str, needed: Step) -> Step:
    """The step that compares the clock of a server with ours."""
    return Step("clock", host.place, lambda: _compare_clocks(host, url), (needed,), words=host.words)


def _next_hop(host: Host) -> tuple[str, int, str]:
    """Whom we connect to ourselves, and what to call it."""
    proxy = host.access.proxies.way(host.scheme, host.name, host.port).proxy
    return (proxy.host, proxy.port, str(proxy)) if proxy else (host.name, host.port, host.place)


async def _proxy(host: Host) -> Outcomes:
    way = host.access.proxies.way(host.scheme, host.name, host.port)
    return (Outcome(f"{host.place} is reached {way}" if way.proxy is None else f"{host.place}: {way}"),)


async def _resolve(host: Host) -> Outcomes:
    name, port, called = _next_hop(host)
    if _is_address(name):
        return (Outcome(f"{name} is an address, no name has to be resolved"),)
    try:
        addresses = await _addresses(name, port)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        servers = ", ".join(await asyncio.to_thread(_name_servers)) or "none is named"
        seen = f"{name} ({called}) cannot be resolved: {reason}; name servers in {_RESOLVER_FILE}: {servers}"
        is_proxy = name != host.name
        remedy = (
            "Correct the variable that names the proxy, or enter the name at a name server."
            if is_proxy
            else ""
        )
        topic = "name-unresolved-proxy" if is_proxy else ""
        return (Outcome(seen, Result.ERROR, NAME_UNRESOLVED, remedy, topic),)
    return (Outcome(f"{name} is {', '.join(addresses)}"),)


async def _addresses(name: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _name_servers(file: Path = _RESOLVER_FILE) -> list[str]:
    try:
        with file.open("rb") as opened:
            text = opened.read(_MAX_RESOLVER_BYTES).decode("ascii", "replace")
    except OSError:
        return []
    fields = (line.split() for line in text.splitlines())
    return [field[1] for field in fields if len(field) > 1 and field[0] == "nameserver"]


async def _connect(host: Host) -> Outcomes:
    name, port, called = _next_hop(host)
    try:
        addresses = (await _addresses(name, port))[:MAX_ADDRESSES]
    except OSError:
        # It was resolved a moment ago.
        return await _resolve(host)
    reasons = await asyncio.gather(*(_attempt(address, port) for address in addresses))
    failed = [f"{address}: {reason}" for address, reason in zip(addresses, reasons, strict=True) if reason]
    if not failed:
        return (Outcome(f"{called} accepts connections ({', '.join(addresses)})"),)
    seen = f"no connection to {called}: {'; '.join(failed)}"
    is_down = len(failed) == len(addresses)
    result = Result.ERROR if is_down else Result.WARNING
    is_proxy = host.access.proxies.way(host.scheme, host.name, host.port).proxy is not None
    return (Outcome(seen, result, problems.PROXY_UNREACHABLE if is_proxy else CONNECT_FAILED),)


async def _attempt(address: str, port: int) -> str:
    """Why there is no connection; empty if there is one."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError:
        return f"no answer within {CONNECT_SECONDS:g} s"
    except OSError as error:
        return os.strerror(error.errno) if error.errno else str(error)
    writer.transport.abort()
    return ""


async def _examine(host: Host) -> Outcomes:
    access = host.access
    try:
        seen = await examine_tls(host.name, host.port, trust=access.trust, proxies=access.proxies)
    except OSError as error:
        # A request like those of the service says whether it is the proxy or the server.
        try:
            await greet(f"{host.scheme}://{host.place}/", access)
        except RemoteError as told:
            if told.problem is not problems.UNREACHABLE or not _is_plain(error):
                raise
            return (_without_tls(host, told),)
        reason = f"{host.place} does not speak TLS as it should: {error.strerror or error}"
        raise RemoteError(problems.UNREACHABLE, reason) from error
    if not seen.trusted:
        return (_refused(seen),)
    return (Outcome(_shown(seen)), *_ending(seen, datetime.now(UTC)))


def _without_tls(host: Host, told: RemoteError) -> Outcome:
    """What is wrong where no TLS came: over TLS the proxy is asked first, and most proxies have none."""
    proxy = host.access.proxies.way(host.scheme, host.name, host.port).proxy
    if proxy is None or not proxy.url.startswith("https:"):
        return Outcome.of(told, "registry-unreachable-plain")
    seen = f"{proxy} does not speak TLS, and its address begins with https://"
    remedy = f"Let {proxy.variable} begin with http://: what is asked through the proxy has TLS of its own."
    return Outcome(seen, Result.ERROR, problems.PROXY_UNREACHABLE, remedy, "proxy-setting")


def _is_plain(error: OSError) -> bool:
    """Whether what came is no TLS at all, as from a server without it."""
    return isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER"


def _refused(seen: TlsExamination) -> Outcome:
    topic = (
        "registry-untrusted"
        if seen.cause in {None, RefusalCause.OTHER}
        else f"registry-untrusted-{seen.cause}"
    )
    return Outcome(str(seen), Result.ERROR, problems.UNTRUSTED, _REMEDIES.get(seen.cause, ""), topic)


_REMEDIES: Mapping[RefusalCause | None, str] = {
    RefusalCause.AUTHORITY: "Give the certificate of the authority that is missing with --ca. In a cluster, put it into "
    "the ConfigMap that image.config.openshift.io/cluster names.",
    RefusalCause.NAME: "Call the server by a name that is in its certificate, or have the certificate issued for the "
    "name by which it is called. Another --ca does not help.",
    RefusalCause.DATES: "Compare the dates with the clock of this machine: set the clock, or have the certificate of the "
    "server issued anew. Another --ca does not help.",
}


def _shown(seen: TlsExamination) -> str:
    if not seen.offered:
        return str(seen)
    own = seen.offered[0]
    return f"{seen}: {own.subject}, issued by {own.issuer}, until {day(own.not_after)}"


def _ending(seen: TlsExamination, now: datetime) -> Outcomes:
    ends = [one for one in seen.offered if one.not_after and _left(one.not_after, now) < ENDING_SECONDS]
    return tuple(
        Outcome(
            f"the certificate {one.subject}, which {seen.host}:{seen.port} shows, ends on {day(one.not_after)}",
            Result.WARNING,
            CERTIFICATE_ENDING,
            "Have it issued anew by whoever runs the server, before it ends.",
            "certificate-ending-remote",
        )
        for one in ends
    )


def _left(end: datetime, now: datetime) -> float:
    return (end - now).total_seconds()


async def _compare_clocks(host: Host, url: str) -> Outcomes:
    greeting = await greet(url, host.access)
    if greeting.moment is None:
        return (Outcome(f"{host.place} does not tell what its clock says"),)
    return (compared(host.place, greeting.moment, datetime.now(UTC)),)


def compared(place: str, theirs: datetime, ours: datetime) -> Outcome:
    """What the clocks of a server and of this machine say of each other. Pure."""
    seconds = (ours - theirs).total_seconds()
    # Theirs is told in whole seconds.
    if abs(seconds) < SKEW_WARNING_SECONDS:
        return Outcome(f"the clock of {place} agrees with ours")
    result = Result.ERROR if abs(seconds) >= SKEW_ERROR_SECONDS else Result.WARNING
    way = "ahead of" if seconds > 0 else "behind"
    seen = f"our clock says {day(ours)} and is {span(abs(seconds))} {way} that of {place}, which says {day(theirs)}"
    return Outcome(seen, result, CLOCK_SKEW)
