"""The one place where statuses and errors of the HTTP client become errors of ours.

Each names the request and what came instead. Whether it may be asked again is decided here, and only
here: connections that break, servers that are busy, bodies that end early may; refusals may not.
"""

import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus

import aiohttp
import msgspec

from upgraph.errors import Problem, RemoteError
from upgraph.errors.problems import oci as problems
from upgraph.oci.http.proxies import Proxy
from upgraph.oci.http.retry import parse_retry_after
from upgraph.oci.http.tls_examination import TlsExamination

MAX_ERROR_BYTES = 64 * 1024
"""What is read at most of the body of an error."""

_BUSY = frozenset({408, 425, 500, 502, 503, 504})
_PROBLEMS: dict[int, Problem] = {
    401: problems.UNAUTHORIZED,
    403: problems.FORBIDDEN,
    404: problems.CONTENT_MISSING,
    429: problems.THROTTLED,
}
_SHOWN = 200


class _Fault(msgspec.Struct, frozen=True):
    code: str = ""
    message: str | None = ""


class _Faults(msgspec.Struct, frozen=True):
    errors: list[_Fault]


_FAULTS = msgspec.json.Decoder(_Faults)


def broken(what: str, reason: str) -> RemoteError:
    """The error for an answer that contradicts itself or the request."""
    return RemoteError(problems.BROKEN_ANSWER, f"{what}: {reason}")


def cut_short(what: str, got: int, expected: int) -> RemoteError:
    """The error for a body that ended early."""
    return RemoteError(
        problems.UNREACHABLE, f"{what}: the body ended after {got} of {expected} bytes", retryable=True
    )


def certificate_refusal(
    error: aiohttp.ClientConnectorCertificateError, examined: TlsExamination | None
) -> RemoteError:
    """The error for a certificate that is not trusted, with what an examination of it found."""
    if examined is not None and not examined.trusted:
        return RemoteError(problems.UNTRUSTED, str(examined))
    cause = error.certificate_error
    reason = cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else str(cause)
    seen = f"the certificate of {error.host}:{error.port} is not accepted: {_shown(reason)}"
    return RemoteError(problems.UNTRUSTED, seen)


def proxy_refusal(proxy: Proxy, status: int, target: str) -> RemoteError:
    """The error for a proxy that does not let a request pass to ``host:port``."""
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        shown = "refuses the login" if proxy.authorization else "wants a login"
        seen = f"{proxy} {shown}, status {status}, on the way to {target}"
        return RemoteError(problems.PROXY_LOGIN, seen, status=status)
    seen = f"{proxy} answered {status} to CONNECT {target}"
    return RemoteError(problems.PROXY_REFUSED, seen, status=status, retryable=status in _BUSY)


def proxy_unreachable(proxy: Proxy, error: aiohttp.ClientConnectorError) -> RemoteError:
    """The error for a proxy to which there is no connection."""
    seen = f"{proxy}: {_socket_reason(error.os_error)}"
    return RemoteError(problems.PROXY_UNREACHABLE, seen, retryable=True)


async def status_failure(response: aiohttp.ClientResponse, what: str, now: datetime) -> RemoteError:
    """The error for an answer that has another status than was expected; reads its body for the reason."""
    status = response.status
    problem = _PROBLEMS.get(status) or (problems.SERVER_FAULT if status >= 500 else problems.BROKEN_ANSWER)
    reason = registry_reason(await read_reason(response))
    return RemoteError(
        problem,
        f"{what}: status {status}" + (f" ({reason})" if reason else ""),
        status=status,
        retryable=status in _BUSY or status == 429,
        retry_after=parse_retry_after(response.headers.get("Retry-After"), now),
    )


async def read_reason(response: aiohttp.ClientResponse) -> bytes:
    """The beginning of the body of an error; empty if it cannot be read. Keeps the connection if it is short."""
    content = bytearray()
    try:
        async for chunk in response.content.iter_any():
            content += chunk
            if len(content) > MAX_ERROR_BYTES:
                break
    except aiohttp.ClientError:
        # The status says what matters; a body that breaks off adds nothing.
        return b""
    return bytes(content[:MAX_ERROR_BYTES])


def registry_reason(body: bytes) -> str:
    """Code and message of a registry's error document (distribution specification, "Error Codes").

    Empty if the body is none, which tells the answer of a registry from that of a proxy before it.
    """
    try:
        faults = _FAULTS.decode(body).errors
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    text = "; ".join(f"{fault.code}: {fault.message or ''}".strip(": ") for fault in faults[:3])
    return _shown(text)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn errors of the HTTP client, also those while a body is read, into :class:`RemoteError`."""
    try:
        yield
    except TimeoutError as error:
        seen = f"{what}: {str(error)[:_SHOWN] or 'no complete answer in time'}"
        raise RemoteError(problems.TIMEOUT, seen, retryable=True) from error
    except aiohttp.ClientSSLError as error:
        seen = f"{what}: {error.host}:{error.port} does not speak TLS as it should: {_tls_reason(error)}"
        raise RemoteError(problems.UNREACHABLE, seen) from error
    except aiohttp.ClientConnectorError as error:
        # Its own text has the place of an object in memory, so that it would differ each time.
        seen = f"{what}: no connection to {error.host}:{error.port}: {_socket_reason(error.os_error)}"
        raise RemoteError(problems.UNREACHABLE, seen, retryable=True) from error
    except (aiohttp.InvalidURL, UnicodeError) as error:
        # The second one comes of a host that no DNS can be asked for, such as a label of 64 characters.
        raise broken(what, "the address is not valid") from error
    except aiohttp.ClientResponseError as error:
        # Its own text has the address, whose query may be a signature.
        raise broken(what, f"not valid HTTP: {_shown(error.message)}") from error
    except aiohttp.ClientPayloadError as error:
        raise RemoteError(problems.UNREACHABLE, f"{what}: the body broke off", retryable=True) from error
    except aiohttp.ClientError as error:
        raise RemoteError(
            problems.UNREACHABLE, f"{what}: {_shown(str(error) or type(error).__name__)}", retryable=True
        ) from error


def _tls_reason(error: aiohttp.ClientSSLError) -> str:
    cause = error.os_error
    return str(getattr(cause, "reason", None) or cause.strerror or cause)[:_SHOWN]


def _socket_reason(error: OSError) -> str:
    # The library puts the address into the text in the place of the reason, but not where a name was not found.
    if error.errno is not None and error.errno > 0 and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)
    return _shown(error.strerror or str(error))


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:_SHOWN])
