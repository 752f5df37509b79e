"""What can go wrong between us and an API server, in our words. The one place that knows errors of lightkube and httpx2.

A refusal is judged by what the server says about it, not by its status alone: 409 has three meanings, 404 has two, and a
field of server-side apply that the schema does not have is answered with 500, although it will never be taken.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import msgspec
from lightkube.core.exceptions import ConfigError
from msgspec import MsgspecError

from upgraph.errors import Problem, RemoteError, UserError
from upgraph.errors.problems import kube as problems
from upgraph.kube.api import Cause, ExpiredError, OversizeError, RefusedError

MAX_CAUSES = 50
"""Fields of one refusal that are kept."""

_MAX_REASON = 600
"""Characters of what a server says that are shown."""
_MAX_RETRY_AFTER = 60.0
"""Longest wait in seconds that a server can ask for: the page of a proxy asks for an hour, and nothing tells of its end."""
_TYPED_PATCH = "failed to create typed patch object"
_PROBLEMS = {
    401: problems.KUBE_UNAUTHORIZED,
    403: problems.KUBE_FORBIDDEN,
    409: problems.KUBE_CONFLICT,
    429: problems.KUBE_THROTTLED,
}


class TooManyBytesError(httpx2.DecodingError):
    """An answer is larger than is taken."""


class _Cause(msgspec.Struct):
    field: str = ""
    reason: str = ""
    message: str = ""


class _Details(msgspec.Struct):
    name: str = ""
    causes: list[_Cause] | None = None
    retryAfterSeconds: float = 0  # noqa: N815  # the name of the field


class _Status(msgspec.Struct):
    message: str = ""
    reason: str = ""
    code: int = 0
    details: _Details | None = None


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Let errors of a request leave the block as our own.

    Args:
        what: the request, as messages name it.

    Raises:
        RemoteError: the server refused, failed or could not be reached.
        UserError: the configuration cannot be used, which shows only when a login is needed.
    """
    try:
        yield
    except (httpx2.HTTPError, httpx2.StreamError) as error:
        raise _of_connection(error, what) from error
    except TimeoutError as error:
        raise _too_late(what) from error
    except (ConfigError, httpx2.InvalidURL, OSError) as error:
        raise UserError(problems.KUBECONFIG, f"{what}: {_printable(str(error))}") from error
    except (MsgspecError, KeyError, ValueError, RecursionError) as error:
        raise RemoteError(problems.KUBE_FAULT, f"{what}: the answer is not what the API gives") from error


def refusal(answer: httpx2.Response, what: str) -> RemoteError:
    """The error for an answer that is no success.

    Args:
        answer: what was received; its body has been read.
        what: the request, as messages name it.
    """
    return _judged(answer.status_code, _status(answer.content), what, answer.headers.get("Retry-After", ""))


def refusal_in_stream(document: bytes | msgspec.Raw, what: str) -> RemoteError:
    """The error for a Status that comes as an event of a watch.

    Args:
        document: the object of the event.
        what: the watch, as messages name it.
    """
    status = _status(document)
    return _judged(status.code or 500, status, what)


def _judged(code: int, status: _Status, what: str, retry_after: str = "") -> RemoteError:
    said = _printable(status.message or status.reason)
    seen = f"{what}: status {code}" + (f": {said}" if said else "")
    if code == 410:
        return ExpiredError(problems.KUBE_EXPIRED, seen, status=code, retryable=True)
    problem = _problem(code, status)
    return RefusedError(
        problem,
        seen,
        status=code,
        retryable=_passes(code, problem),
        retry_after=_seconds(retry_after, status),
        causes=_causes(status),
    )


def _problem(code: int, status: _Status) -> Problem:
    details = status.details or _Details()
    if code == 404:
        # Only what has a name was looked for; a path that the server does not have is a kind that it does not have.
        return problems.KUBE_NOT_FOUND if details.name else problems.KUBE_NO_KIND
    if code == 409 and status.reason == "AlreadyExists":
        return problems.KUBE_EXISTS
    if code == 409 and any(cause.reason == "FieldManagerConflict" for cause in details.causes or ()):
        return problems.KUBE_FIELD_CONFLICT
    if code in _PROBLEMS:
        return _PROBLEMS[code]
    if _TYPED_PATCH in status.message:
        return problems.KUBE_REFUSED
    return problems.KUBE_REFUSED if 400 <= code < 500 and code != 408 else problems.KUBE_FAULT


def _passes(code: int, problem: Problem) -> bool:
    if problem in {problems.KUBE_CONFLICT, problems.KUBE_THROTTLED}:
        return True
    return problem is problems.KUBE_FAULT and code >= 400


def _causes(status: _Status) -> tuple[Cause, ...]:
    listed = (status.details.causes if status.details else None) or []
    return tuple(
        Cause(_printable(one.field), _printable(one.reason), _printable(one.message))
        for one in listed[:MAX_CAUSES]
    )


def _seconds(header: str, status: _Status) -> float | None:
    asked = float(header) if header.isascii() and header.isdecimal() and len(header) < 10 else 0.0
    asked = asked or (status.details.retryAfterSeconds if status.details else 0.0)
    return min(asked, _MAX_RETRY_AFTER) if asked > 0 else None


def _status(document: bytes | msgspec.Raw) -> _Status:
    try:
        return msgspec.json.decode(document, type=_Status)
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        return _Status()


def _of_connection(error: Exception, what: str) -> RemoteError:
    refused = next((one for one in _chain(error) if isinstance(one, ssl.SSLCertVerificationError)), None)
    if refused is not None:
        return RemoteError(problems.KUBE_UNTRUSTED, f"{what}: {refused.verify_message}")
    if isinstance(error, httpx2.TimeoutException):
        return _too_late(what)
    if isinstance(error, TooManyBytesError):
        return OversizeError(problems.KUBE_FAULT, f"{what}: {error}")
    if isinstance(error, httpx2.DecodingError):
        return RemoteError(problems.KUBE_FAULT, f"{what}: {error}")
    return RemoteError(problems.KUBE_UNREACHABLE, f"{what}: {_printable(str(error))}", retryable=True)


def _too_late(what: str) -> RemoteError:
    return RemoteError(problems.KUBE_UNREACHABLE, f"{what}: no answer in time", retryable=True)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:_MAX_REASON])
