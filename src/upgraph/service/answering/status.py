"""The status port: probes, metrics, and what an administrator asks first.

Liveness says that the process answers and depends on nothing else: a process that waits for a registry must
not be killed for it. Readiness says that a valid graph is held, of any age unless a limit is set. When it is
not, the body says why in the words of the documentation. ``/status`` is a document for programs, and for a
browser, which asks for HTML, a page.
"""

from collections.abc import Callable
from functools import partial

import msgspec

from upgraph.service.answering.health import Unready, unready
from upgraph.service.answering.message import RefusalError, Request, Response
from upgraph.service.answering.negotiation import JSON, media_type
from upgraph.service.answering.probes import Probes, uncached
from upgraph.service.answering.sharing import OFFER_PATH, SNAPSHOT_PATH, offer, whole
from upgraph.service.answering.status_page import HTML, PAGE_HEADERS, page
from upgraph.service.answering.status_report import Report, ReportSource, report_of

_PAGE = "/"
_DOCUMENT = "/status"
_VARY = ("vary", "accept")


class StatusPort:
    """Answers the requests of the status port.

    Args:
        source: what is reported on.
        exposition: gives all metrics as text.
        clock: gives the Unix time in seconds.
        max_stale: seconds of age above which a graph makes the service unready; answers go on.
    """

    def __init__(
        self,
        source: ReportSource,
        exposition: Callable[[], bytes],
        clock: Callable[[], float],
        *,
        max_stale: float | None = None,
    ) -> None:
        self._source = source
        self._clock = clock
        self._max_stale = max_stale
        documents: dict[str, Callable[[], Response]] = {
            _PAGE: self._page,
            _DOCUMENT: self._document,
            OFFER_PATH: partial(offer, source),
            SNAPSHOT_PATH: partial(whole, source),
        }
        self._probes = Probes(exposition, self._unready, documents)

    def respond(self, request: Request) -> Response:
        """The answer to one request."""
        if request.path == _DOCUMENT and _wants_page(request.header("accept")):
            request = msgspec.structs.replace(request, path=_PAGE)
        return self._probes.respond(request)

    def _unready(self) -> Unready | None:
        return unready(self._source, self._clock(), self._max_stale)

    def _report(self) -> Report:
        return report_of(self._source, self._unready(), self._clock())

    def _document(self) -> Response:
        content = msgspec.json.format(msgspec.json.encode(self._report())) + b"\n"
        return _with(uncached(content, JSON), (_VARY,))

    def _page(self) -> Response:
        return _with(uncached(page(self._report()), HTML), (_VARY, *PAGE_HEADERS))


def _wants_page(accept: str | None) -> bool:
    try:
        return media_type(accept or "*/*", (JSON, HTML)) == HTML
    except RefusalError:
        return False


def _with(response: Response, headers: tuple[tuple[str, str], ...]) -> Response:
    return Response(response.status, [*response.headers, *headers], response.body)
