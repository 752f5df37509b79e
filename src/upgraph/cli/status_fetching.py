"""From whatever names a status port to the report that it gives."""

import re
from http import HTTPStatus

import msgspec

from upgraph.errors import RemoteError, UserError
from upgraph.errors.problems.service import STATUS_ADDRESS, STATUS_UNAVAILABLE
from upgraph.oci import Access
from upgraph.service.answering.status_report import Report

MAX_REPORT_BYTES = 16 * 1024 * 1024
"""Bytes of the longest report that is read; with all the findings that are kept it has about one million."""
FETCH_SECONDS = 20.0
"""Longest time for fetching a report."""
PORT = 9081
"""Where the status port is, if nobody says otherwise."""

_QUOTED = 60
"""Characters that are quoted of what is no report."""
_MOST_PORT = 65_535
_ADDRESS = re.compile(
    r"(?P<scheme>https?://)?(?P<host>\[[0-9a-fA-F:.%]+\]|[^/?#\s:@\[\]]*)(?::(?P<port>\d{1,5}))?"
    r"(?:/|/(?:status|readyz|livez|readiness|liveness|metrics)/?)?"
)
_ANYWHERE = frozenset({"", "0.0.0.0", "[::]"})  # noqa: S104 - what was listened on, not what is
"""How somebody who listens on all addresses may call them."""


def address_of(text: str) -> str:
    """The address of the report, from whatever names its port: as it is listened on, or one of its pages.

    Raises:
        UserError: it names none.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None or not (match["host"] or match["port"]) or int(match["port"] or PORT) > _MOST_PORT:
        graph = "; clusters ask there, on another port" if text.rstrip("/").endswith("/graph") else ""
        raise UserError(STATUS_ADDRESS, f"{text!r} is no address of a status port{graph}")
    host = "127.0.0.1" if match["host"] in _ANYWHERE else match["host"]
    # With a scheme it is an address of the web, whose port is known.
    port = match["port"] or ("" if match["scheme"] else PORT)
    return f"{match['scheme'] or 'http://'}{host}{f':{port}' if port else ''}/status"


async def fetch_report(url: str, access: Access) -> Report:
    """The report of a service.

    Raises:
        RemoteError: nobody answers there, or what answers is no status port.
    """
    try:
        async with access.session() as session:
            answer = await session.ask(
                url, limit=MAX_REPORT_BYTES, seconds=FETCH_SECONDS, accept="application/json"
            )
    except RemoteError as error:
        raise RemoteError(STATUS_UNAVAILABLE, error.seen, retryable=error.retryable) from error
    except UserError as error:
        raise UserError(STATUS_ADDRESS, f"{url}: {error.seen}") from error
    if answer.status != HTTPStatus.OK:
        seen = f"{url} answered with the status {answer.status}, so it is no status port"
        raise RemoteError(STATUS_UNAVAILABLE, seen, status=answer.status)
    try:
        report = msgspec.json.decode(answer.content, type=Report)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _no_report(url, answer.content) from error
    if not report.version:
        # A program of somebody else may be ready too.
        raise _no_report(url, answer.content)
    return report


def _no_report(url: str, content: bytes) -> RemoteError:
    begin = content[:_QUOTED].decode("utf-8", "replace").strip()
    seen = (
        f"{url} did not give a report of Upgraph, but {begin!r}" if begin else f"{url} gave an empty answer"
    )
    return RemoteError(STATUS_UNAVAILABLE, seen)
