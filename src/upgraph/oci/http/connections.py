"""The one place where connections are opened: which proxy, whose certificates, which limits.

Registries and downloads send their requests through here. HTTP/1.1 with kept connections is what servers
serve best to many small reads. Redirects are never followed by the library, because two rules matter to all
who send: credentials stay with the host they were meant for, and https never becomes http.
"""

import io
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
from yarl import URL

import upgraph
from upgraph.errors import RemoteError
from upgraph.errors.problems import oci as problems
from upgraph.oci.http.failures import certificate_refusal, proxy_refusal, proxy_unreachable
from upgraph.oci.http.proxies import DEFAULT_PORTS, Proxies, Proxy
from upgraph.oci.http.tls_examination import Diagnoses
from upgraph.oci.trust.trusted import Trust

CONNECT_SECONDS = 10.0
"""Longest wait for a connection."""
IDLE_SECONDS = 30.0
"""Longest pause in a body."""
MAX_REDIRECTS = 5
"""Most redirects of one request."""

Body = bytes | Callable[[], AsyncIterator[bytes]]
"""What a request carries; a function gives it anew each time that the request is sent."""

_AT_ONCE_BYTES = 1024 * 1024
"""A larger body is given to the library as a file, which it sends in pieces."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAME_METHOD = frozenset({307, 308})
"""Redirects after which a request with a body is sent again as it is (RFC 9110, section 15.4)."""
_READING = frozenset({"GET", "HEAD"})
_HEADERS_ONLY = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
_HEADERS = {"User-Agent": f"upgraph/{upgraph.__version__}", "Accept-Encoding": "identity"}


_Content = Mapping[str, str] | bytes | io.BytesIO | AsyncIterator[bytes] | None
"""A body as the library takes it."""


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: URL
    headers: Mapping[str, str]
    content: "_Content"
    trust: ssl.SSLContext | bool
    timeout: aiohttp.ClientTimeout


class Connections:
    """Connections to whatever host is asked for, kept between requests. Opens nothing before the first.

    Args:
        trust: whose certificates are accepted.
        proxies: what stands between.
        limit: most connections at a time.
        idle_seconds: longest pause in an answer.
    """

    def __init__(
        self, trust: Trust, proxies: Proxies, *, limit: int, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self._trust = trust
        self._proxies = proxies
        self._limit = limit
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_SECONDS, sock_read=idle_seconds
        )
        self._diagnoses = Diagnoses(trust, proxies)
        self._open: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._open is not None:
            session, self._open = self._open, None
            await session.close()

    async def follow(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        authorization: str | None,
        body: Body | None = None,
    ) -> aiohttp.ClientResponse:
        """Send a request, and again to where it is redirected; the answer has to be released by the caller.

        Args:
            method: of the request.
            url: where to.
            headers: sent to every host.
            authorization: sent to the host of ``url`` alone.
            body: what the request carries.

        Raises:
            RemoteError: a redirect leads where it may not, or as :meth:`send`.
        """
        sent = headers if authorization is None else {**headers, "Authorization": authorization}
        for _ in range(MAX_REDIRECTS + 1):
            response = await self.send(method, url, sent, body=body)
            if response.status not in (_REDIRECTS if method in _READING else _SAME_METHOD):
                return response
            try:
                target = _target(response, url)
            finally:
                response.release()
            if target.origin() != url.origin():
                sent = headers
            url = target
        raise RemoteError(problems.REDIRECT, f"{named(method, url)}: more than {MAX_REDIRECTS} redirects")

    async def send(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        *,
        form: Mapping[str, str] | None = None,
        body: Body | None = None,
    ) -> aiohttp.ClientResponse:
        """Send one request, with a form or another body; the answer has to be released by the caller.

        Raises:
            RemoteError: the certificate or the proxy stands in the way. Other errors of the library pass, for
                :func:`upgraph.oci.http.failures.translated`.
        """
        try:
            return await self._sent(method, url, headers, form or body)
        except aiohttp.ClientConnectorCertificateError as error:
            # The certificates on the disk may have been replaced together with the one of the server.
            if self._trust.refresh():
                return await self.send(method, url, headers, form=form, body=body)
            examined = await self._diagnoses.of(error.host, error.port or DEFAULT_PORTS["https"])
            raise certificate_refusal(error, examined) from error

    async def _sent(
        self, method: str, url: URL, headers: Mapping[str, str], body: Mapping[str, str] | Body | None
    ) -> aiohttp.ClientResponse:
        content = _content(body)
        trust = self._trust.context(url.host or "", url.port or 0) if url.scheme == "https" else True
        # Who asks for headers alone, or sends a body, limits the time himself: no pause of an answer is meant there.
        timeout = self._timeout if method == "GET" else _HEADERS_ONLY
        request = _Request(method, url, headers, content, trust, timeout)
        if self._proxies.any:
            way = self._proxies.way(url.scheme, url.host or "", url.port or 0)
            if way.proxy is not None:
                return await self._through(way.proxy, request)
        return await self._session.request(
            method, url, headers=headers, data=content, ssl=trust, timeout=timeout, allow_redirects=False
        )

    async def _through(self, proxy: Proxy, request: _Request) -> aiohttp.ClientResponse:
        shown = {"Proxy-Authorization": proxy.authorization} if proxy.authorization else {}
        tunnel = request.url.scheme == "https"
        try:
            response = await self._session.request(
                request.method,
                request.url,
                # A tunnel is asked for in a request of its own; without one the proxy reads ours.
                headers=request.headers if tunnel else {**request.headers, **shown},
                data=request.content,
                ssl=request.trust,
                timeout=request.timeout,
                proxy=proxy.url,
                proxy_headers=shown if tunnel else None,
                allow_redirects=False,
            )
        except aiohttp.ClientHttpProxyError as error:
            raise proxy_refusal(proxy, error.status, _place(request.url)) from error
        except (aiohttp.ClientProxyConnectionError, aiohttp.ClientConnectorDNSError) as error:
            # Here only the name of the proxy is resolved: the one behind it is the proxy's business.
            raise proxy_unreachable(proxy, error) from error
        if response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            response.release()
            raise proxy_refusal(proxy, response.status, _place(request.url))
        return response

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._open is None:
            self._open = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._limit),
                timeout=self._timeout,
                headers=_HEADERS,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._open


def _content(body: Mapping[str, str] | Body | None) -> _Content:
    if isinstance(body, bytes):
        return io.BytesIO(body) if len(body) > _AT_ONCE_BYTES else body
    return body() if callable(body) else body


def named(method: str, url: URL) -> str:
    """How messages name a request: never with the query, as object stores have signatures in it."""
    return f"{method} {url.origin()}{url.raw_path}"


def _target(response: aiohttp.ClientResponse, url: URL) -> URL:
    location = response.headers.get("Location", "")
    what = named(response.method, url)
    try:
        # Already encoded: signed addresses of object stores break when they are encoded anew.
        target = url.join(URL(location, encoded=True))
    except ValueError as error:
        raise RemoteError(problems.REDIRECT, f"{what}: redirected to no usable address") from error
    if not location or not target.host or target.user or target.scheme not in DEFAULT_PORTS:
        raise RemoteError(problems.REDIRECT, f"{what}: redirected to no usable address")
    if url.scheme == "https" and target.scheme != "https":
        raise RemoteError(problems.REDIRECT, f"{what}: redirected from https to http, host {target.host}")
    return target


def _place(url: URL) -> str:
    return f"{url.host}:{url.port}"
