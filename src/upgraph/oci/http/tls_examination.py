"""Why a certificate is refused: what the server offered, and what is missing to trust it.

Python says that a certificate is refused and keeps to itself which. So a second handshake follows, for
diagnosis alone, that accepts anything; the connection is closed then, and nothing is ever sent on it. That
handshake is bounded in time, and its result is kept for a moment, so that many requests that fail for one
reason ask once. It can be called for a host by itself, before anything has failed.
"""

import asyncio
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from weakref import WeakKeyDictionary

from upgraph.oci.http.proxies import Proxies, Proxy
from upgraph.oci.trust.trusted import Trust
from upgraph.syntax.certificate import MAX_SHOWN, Certificate, day, fingerprint, name_of, offered_chain

EXAMINATION_SECONDS = 8.0
"""Longest time for both handshakes, with connecting."""
KEPT_SECONDS = 30.0
"""For so long the result for a host is given again."""
MAX_HANDSHAKE_BYTES = 256 * 1024
"""Most that a server may send in a handshake; a long chain has 20 KiB."""
MAX_PROXY_HEADER_BYTES = 16 * 1024
"""Most that a proxy may answer to CONNECT."""

# X509_V_ERR_... of OpenSSL (x509_vfy.h).
_NAME_CODES = frozenset({62, 63, 64})
_DATE_CODES = frozenset({9, 10})
_AUTHORITY_CODES = frozenset({2, 7, 18, 19, 20, 21, 27})
_READ_BYTES = 16 * 1024
_named: WeakKeyDictionary[ssl.SSLContext, dict[str, str]] = WeakKeyDictionary()
"""The fingerprints of what contexts trust, by name. Whoever looks at servers again and again asks for them each time, and to
put the authorities of a system into words takes longer than the handshakes."""


class RefusalCause(StrEnum):
    """What has to be otherwise for a certificate to be accepted."""

    AUTHORITY = "authority"
    """Whom is trusted."""
    NAME = "name"
    """The names in the certificate, or the one by which the server is called."""
    DATES = "dates"
    """The certificate, which has ended or not begun, or the clock."""
    OTHER = "other"
    """As OpenSSL says: keys that are too weak and the like."""


@dataclass(frozen=True, slots=True)
class TlsExamination:
    """What came of looking at the certificates of a server."""

    host: str
    port: int
    refusal: str
    """What OpenSSL says against it; empty: it is trusted."""
    offered: tuple[Certificate, ...] = ()
    """The chain that the server offered, its own certificate first."""
    refused: Certificate | None = None
    """The one of the chain that is the reason."""
    missing: str = ""
    """What would have to be otherwise, in words."""
    cause: RefusalCause | None = None
    """The same as one of a few kinds; None: it is trusted, or nothing was offered."""

    @property
    def trusted(self) -> bool:
        """Whether the certificate is accepted."""
        return not self.refusal

    def __str__(self) -> str:
        if self.trusted:
            return f"the certificate of {self.host}:{self.port} is trusted"
        text = f"the certificate of {self.host}:{self.port} is not accepted: {self.refusal}"
        if self.missing:
            text += f"; {self.missing}"
        if self.refused is not None:
            text += f"; refused is: {self.refused}"
        if len(self.offered) > 1:
            chain = " <- ".join(one.subject or one.sha256 for one in self.offered[:MAX_SHOWN])
            text += f"; the server offered the chain {chain}"
        elif self.offered:
            text += "; the server offered this certificate alone"
        return text


async def examine_tls(
    host: str, port: int, *, trust: Trust, proxies: Proxies, now: Callable[[], datetime] | None = None
) -> TlsExamination:
    """Look at the certificates of a server, without sending it anything but handshakes.

    Args:
        host: name or address, an IPv6 address without brackets.
        port: its port.
        trust: what to judge them by.
        proxies: what stands between.
        now: this machine's clock.

    Raises:
        OSError: the server or the proxy cannot be reached, or does not speak TLS.
        TimeoutError: not in time.
    """
    context, proxy = trust.context(host, port), _proxy_for(host, port, proxies)
    async with asyncio.timeout(EXAMINATION_SECONDS):
        try:
            offered = await _handshake(host, port, context, proxy, trust)
            return TlsExamination(host, port, "", offered)
        except ssl.SSLCertVerificationError as error:
            # The error itself would keep this frame, and this frame it: a connection for every look.
            why, code = error.verify_message, error.verify_code
        offered = await _handshake(host, port, _accepting(), proxy, trust)
    moment = datetime.now(UTC) if now is None else now()
    return judged(TlsExamination(host, port, why, offered), code, context, moment)


def judged(seen: TlsExamination, code: int, context: ssl.SSLContext, now: datetime) -> TlsExamination:
    """The examination with which certificate is the reason, and what is missing. Pure.

    Args:
        seen: what the server offered.
        code: the code of OpenSSL (X509_V_ERR_...).
        context: of which the trusted authorities are named.
        now: this machine's clock.
    """
    if not seen.offered:
        return seen
    cause = _cause(code)
    if cause is RefusalCause.DATES:
        refused, missing = _out_of_date(seen.offered, now)
    elif cause is RefusalCause.NAME:
        refused, missing = _of_another(seen.offered[0], seen.host)
    elif cause is RefusalCause.AUTHORITY:
        refused, missing = _without_authority(seen.offered, context)
    else:
        # Weak keys and the like: the words of OpenSSL say it, and giving an authority would not help.
        refused, missing = seen.offered[0], ""
    return replace(seen, refused=refused, missing=missing, cause=cause)


def _cause(code: int) -> RefusalCause:
    kinds = (
        (_DATE_CODES, RefusalCause.DATES),
        (_NAME_CODES, RefusalCause.NAME),
        (_AUTHORITY_CODES, RefusalCause.AUTHORITY),
    )
    return next((cause for codes, cause in kinds if code in codes), RefusalCause.OTHER)


def _of_another(one: Certificate, host: str) -> tuple[Certificate, str]:
    if not one.names:
        return one, "it has no subjectAltName, and the common name of the subject alone does not count"
    return one, f"it is not for {host}, but for {', '.join(one.names[:MAX_SHOWN])}"


def _out_of_date(offered: Sequence[Certificate], now: datetime) -> tuple[Certificate, str]:
    clock = f"the clock of this machine says {day(now)}"
    for one in offered:
        if one.not_after is not None and one.not_after < now:
            return one, f"it ended on {day(one.not_after)} and {clock}"
        if one.not_before is not None and one.not_before > now:
            return one, f"it begins on {day(one.not_before)} and {clock}"
    return offered[-1], f"a trusted authority above it is out of its dates, or {clock} wrongly"


def _without_authority(offered: Sequence[Certificate], context: ssl.SSLContext) -> tuple[Certificate, str]:
    top = offered[0]
    others = list(offered[1:])
    while not top.is_self_issued and (
        above := next((one for one in others if one.subject == top.issuer), None)
    ):
        others.remove(above)
        top = above
    if top.is_self_issued and top is offered[0]:
        return top, f"it is its own authority and is not among the trusted ones: {top.subject}"
    name = top.subject if top.is_self_issued else top.issuer
    if not name:
        return top, "its authority cannot be named"
    namesake = _namesake(context, name)
    if namesake is not None and namesake != top.sha256:
        return top, (
            f"an authority named {name} is trusted, but it has another key (SHA-256 {namesake}) than the one that"
            " signed this"
        )
    return top, f"missing among the trusted ones is the authority {name}"


def _namesake(context: ssl.SSLContext, name: str) -> str | None:
    """The fingerprint of a trusted authority of this name. Not seen are those of a hashed directory."""
    named = _named.get(context)
    if named is None:
        # Both lists have the same order: they are the same store, walked twice.
        pairs = list(zip(context.get_ca_certs(), context.get_ca_certs(binary_form=True), strict=True))
        # Of several with one name the first counts.
        named = {name_of(facts.get("subject", ())): fingerprint(der) for facts, der in reversed(pairs)}
        _named[context] = named
    return named.get(name)


def _accepting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _proxy_for(host: str, port: int, proxies: Proxies) -> Proxy | None:
    proxy = proxies.way("https", host, port).proxy
    # The certificate may be that of the proxy itself.
    return None if proxy is None or (proxy.host, proxy.port) == (host, port) else proxy


async def _handshake(
    host: str, port: int, context: ssl.SSLContext, proxy: Proxy | None, trust: Trust
) -> tuple[Certificate, ...]:
    """The chain that is offered in a handshake, after which the connection is cut."""
    reader, writer = await _connected(host, port, proxy, trust)
    try:
        return await _shake(reader, writer, context, host)
    finally:
        writer.transport.abort()


async def _connected(
    host: str, port: int, proxy: Proxy | None, trust: Trust
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if proxy is None:
        return await asyncio.open_connection(host, port)
    secure = trust.context(proxy.host, proxy.port) if proxy.url.startswith("https:") else None
    reader, writer = await asyncio.open_connection(
        proxy.host, proxy.port, ssl=secure, limit=MAX_PROXY_HEADER_BYTES
    )
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    login = f"Proxy-Authorization: {proxy.authorization}\r\n" if proxy.authorization else ""
    writer.write(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{login}\r\n".encode())
    try:
        answer = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        writer.transport.abort()
        raise ConnectionError(f"{proxy} does not answer to CONNECT as it should") from error
    status = answer.split(b" ", 2)[1:2]
    if status != [b"200"]:
        writer.transport.abort()
        raise ConnectionError(f"{proxy} refuses CONNECT")
    return reader, writer


async def _shake(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext, host: str
) -> tuple[Certificate, ...]:
    # In memory rather than on the stream, so that this works inside the tunnel of any proxy.
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = context.wrap_bio(incoming, outgoing, server_hostname=host)
    received = 0
    while True:
        try:
            connection.do_handshake()
        except ssl.SSLWantReadError:
            writer.write(outgoing.read())
            part = await reader.read(_READ_BYTES)
            received += len(part)
            if not part or received > MAX_HANDSHAKE_BYTES:
                raise ConnectionError(f"{host} broke the handshake off") from None
            incoming.write(part)
        else:
            return offered_chain(connection)


class Diagnoses:
    """Examinations for requests that failed: one at a time for a host, and kept for a moment.

    Args:
        trust: what was judged by.
        proxies: what stands between.
    """

    def __init__(self, trust: Trust, proxies: Proxies) -> None:
        self._trust = trust
        self._proxies = proxies
        self._turn = asyncio.Lock()
        self._kept: dict[tuple[str, int], tuple[float, TlsExamination | None]] = {}

    async def of(self, host: str, port: int) -> TlsExamination | None:
        """Why the certificate of a host is refused; None if that cannot be found out now."""
        async with self._turn:
            until, kept = self._kept.get((host, port), (0.0, None))
            if time.monotonic() < until:
                return kept
            try:
                found = await examine_tls(host, port, trust=self._trust, proxies=self._proxies)
            except OSError:
                # The refusal itself is known; only its explanation is not to be had.
                found = None
            self._kept = {(host, port): (time.monotonic() + KEPT_SECONDS, found)}
            return found
