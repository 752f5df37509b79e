"""The status port: probes, metrics, and what an administrator asks first.

Liveness says that the process answers and depends on nothing else: a process that waits for a registry must
not be killed for it. Readiness says that a valid graph is held, of any age unless a limit is set. When it is
not, the body says why in the words of the documentation. ``/status`` is a document for programs, and for a
browser, which asks for HTML, a page.
"""

import logging
from collections.abc import Callable
from functools import partial

import msgspec

from upgraph.errors.problems.service import GRAPH_STALE
from upgraph.service.answering.health import Unready, unready
from upgraph.service.answering.message import RefusalError, Request, Response
from upgraph.service.answering.negotiation import JSON, media_type
from upgraph.service.answering.probes import Probes, uncached
from upgraph.service.answering.sharing import OFFER_PATH, SNAPSHOT_PATH, offer, whole
from upgraph.service.answering.status_page import HTML, PAGE_HEADERS, page
from upgraph.service.answering.status_report import Report, ReportSource, report_of

_log = logging.getLogger(__name__)

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
        self._is_stale = False
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
        found = unready(self._source, self._clock(), self._max_stale)
        self._tell_staleness(found if found is not None and found.problem is GRAPH_STALE else None)
        return found

    def _tell_staleness(self, stale: Unready | None) -> None:
        """Log that the graph has become too old, and that it is not any more, once each. Probes come often enough."""
        if stale is not None and not self._is_stale:
            _log.warning("%s: not ready", stale.seen, extra={"reference": stale.problem.reference})
        elif stale is None and self._is_stale:
            _log.info("the graph is not too old any more")
        self._is_stale = stale is not None

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
