"""What can go wrong between us and an API server, in our words. The one place that knows errors of lightkube and httpx2.

lightkube gives an ApiError only for answers in exactly ``application/json``; an answer without a type, of a proxy
for example, comes as another error, and so does a body that is no JSON.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
from lightkube.core.exceptions import ApiError, ConfigError
from msgspec import MsgspecError

from upgraph.errors import Problem, RemoteError, UserError
from upgraph.errors.problems import kube as problems

_MAX_REASON = 300
"""Characters of what a server says that are shown."""
_PROBLEMS = {
    401: problems.KUBE_UNAUTHORIZED,
    403: problems.KUBE_FORBIDDEN,
    404: problems.KUBE_NOT_FOUND,
    409: problems.KUBE_CONFLICT,
}


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
    except httpx2.HTTPStatusError as error:
        raise _of_status(error, what) from error
    except (httpx2.HTTPError, httpx2.StreamError) as error:
        raise _of_connection(error, what) from error
    except (ConfigError, httpx2.InvalidURL, OSError) as error:
        raise UserError(problems.KUBECONFIG, f"{what}: {str(error)[:_MAX_REASON]}") from error
    except (MsgspecError, KeyError, ValueError) as error:
        if isinstance(error.__context__, httpx2.HTTPStatusError):
            # A refusal of something else than the API, in which lightkube misses the type of its body.
            raise _of_status(error.__context__, what) from error
        raise RemoteError(problems.KUBE_FAULT, f"{what}: the answer is not what the API gives") from error


def _of_status(error: httpx2.HTTPStatusError, what: str) -> RemoteError:
    code = error.response.status_code
    said = (error.status.message or error.status.reason or "") if isinstance(error, ApiError) else ""
    seen = f"{what}: status {code}" + (f": {_printable(said)}" if said else "")
    is_transient = code == 429 or code >= 500
    return RemoteError(_problem(code), seen, status=code, retryable=is_transient or code == 409)


def _problem(code: int) -> Problem:
    if code in _PROBLEMS:
        return _PROBLEMS[code]
    return problems.KUBE_REFUSED if 400 <= code < 500 and code != 429 else problems.KUBE_FAULT


def _of_connection(error: Exception, what: str) -> RemoteError:
    refused = next((one for one in _causes(error) if isinstance(one, ssl.SSLCertVerificationError)), None)
    if refused is not None:
        return RemoteError(problems.KUBE_UNTRUSTED, f"{what}: {refused.verify_message}")
    if isinstance(error, httpx2.TimeoutException):
        return RemoteError(problems.KUBE_UNREACHABLE, f"{what}: no answer in time", retryable=True)
    if isinstance(error, httpx2.DecodingError):
        return RemoteError(problems.KUBE_FAULT, f"{what}: {error}")
    return RemoteError(problems.KUBE_UNREACHABLE, f"{what}: {_printable(str(error))}", retryable=True)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:_MAX_REASON])
