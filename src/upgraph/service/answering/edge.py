"""The HTTP edge: requests in, prepared bytes out, without input or output of its own.

An :class:`Edge` answers one listener. Which routes it has is decided by the functions at the end: the face
of a policy engine, the face of a graph builder, or the graph data alone. It knows no connection: those are
in :mod:`upgraph.service.answering.connection`, and another server would need nothing of this changed.

The snapshot in force is read once a request and swapped by one assignment, so every answer comes from one
snapshot and no request waits for a swap.
"""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from time import perf_counter
from typing import Protocol

import msgspec

from upgraph.service.answering import cross_origin
from upgraph.service.answering.conditional import Document, FixedDocument, Presentation, document_response
from upgraph.service.answering.message import (
    RETRY_AFTER,
    RefusalError,
    Request,
    Response,
    empty_response,
    error_response,
    for_method,
)
from upgraph.service.answering.negotiation import BUILDER_TYPES, CLIENT_TYPES, media_type
from upgraph.service.answering.openapi import openapi_document
from upgraph.service.answering.query import GraphQuery, read_query
from upgraph.service.answering.signatures import ROUTE, Signatures, signature_handler
from upgraph.syntax.signature_names import SignatureName

OTHER_ROUTE = "other"
"""Label of requests for paths that do not exist."""

_OPENAPI_TYPE = "text/plain; charset=utf-8"
_ARCHIVE_TYPE = "application/gzip"
_TO_PROGRAMS = "Accept, Accept-Encoding"
_TO_PAGES = f"{_TO_PROGRAMS}, {cross_origin.VARY}"
_ARCHIVE_NAME = (("content-disposition", 'attachment; filename="graph-data.tar.gz"'),)

_log = logging.getLogger(__name__)

Handler = Callable[[Request], Response]
_Route = tuple[Handler, Callable[[], None]]


class Graphs(Protocol):
    """Every answer of one graph, prepared."""

    @property
    def builder_graph(self) -> Document:
        """The unfiltered graph, for policy engines."""
        ...

    @property
    def graph_data(self) -> Document | None:
        """The graph data in force as an archive."""
        ...

    def signature(self, name: str) -> Document | None:
        """The signature of this name that came with the releases, if one did."""
        ...

    def answer(self, channel: str, arch: str) -> Document:
        """What a cluster of this channel and architecture gets."""
        ...


class InForce:
    """The snapshot that is served, shared by all listeners of a process."""

    __slots__ = ("snapshot",)

    def __init__(self, snapshot: Graphs | None = None) -> None:
        self.snapshot = snapshot
        """None before the first graph. Assigning another one swaps it in at once."""

    def get(self) -> Graphs:
        """The snapshot.

        Raises:
            RefusalError: 503, there is none yet.
        """
        if self.snapshot is None:
            text = "the update graph is not ready yet; the readiness of the status port says why"
            retry = {"retry-after": str(RETRY_AFTER)}
            raise RefusalError(HTTPStatus.SERVICE_UNAVAILABLE, "graph_not_ready", text, retry)
        return self.snapshot


class BundledSignatures:
    """The signatures of the snapshot in force, which came with its releases."""

    def __init__(self, in_force: InForce) -> None:
        self._in_force = in_force

    def find(self, name: SignatureName) -> Document | None:
        """See :meth:`Signatures.find`. Before the first graph nobody knows whether there is one."""
        return self._in_force.get().signature(str(name))


class Meter(Protocol):
    """What counts the requests of one face."""

    def route(self, label: str) -> Callable[[], None]:
        """What is called for each request of a route."""
        ...

    def refused(self, status: int, kind: str) -> None:
        """A request got an error document."""
        ...

    def answered(self, seconds: float) -> None:
        """A graph or a signature was looked up, in this time."""
        ...


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What an administrator decides about a face."""

    prefix: str = "/api/upgrades_info"
    """Prefix of all paths: empty, or with a slash in front and none behind."""
    mandatory: frozenset[str] = frozenset()
    """Query parameters without which a graph request is refused."""


class Edge:
    """Answers the requests of one listener.

    Args:
        routes: handlers by path, without the prefix. One that ends in a slash gets everything below it too.
        prefix: prefix of all paths.
        meter: counts requests and errors.
        is_cross_origin: whether browsers on other sites may read the answers.
    """

    def __init__(
        self, routes: Mapping[str, Handler], *, prefix: str, meter: Meter, is_cross_origin: bool
    ) -> None:
        self._routes = {
            prefix + path: (handler, meter.route(prefix + path)) for path, handler in routes.items()
        }
        self._below = [(path, route) for path, route in self._routes.items() if path.endswith("/")]
        self._count_other = meter.route(OTHER_ROUTE)
        self._meter = meter
        self._is_cross_origin = is_cross_origin
        self._vary = _TO_PAGES if is_cross_origin else _TO_PROGRAMS

    def respond(self, request: Request) -> Response:
        """The answer. Never raises: a fault of the service itself is an answer too."""
        try:
            response = self._dispatch(request) if request.method != "OPTIONS" else self._options(request)
        except RefusalError as refused:
            response = self._refuse(refused)
        except Exception:  # noqa: BLE001 - whatever it is, clients get an answer and the log the cause
            _log.exception("a request for %s could not be answered", request.path)
            text = "internal error; the log of the service has the details"
            response = self._refuse(RefusalError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", text))
        if self._is_cross_origin:
            response = cross_origin.for_pages(response, request)
        return for_method(response, request.method)

    def _options(self, request: Request) -> Response:
        preflight = cross_origin.preflight_response(request) if self._is_cross_origin else None
        return self._varying(preflight) if preflight else self._dispatch(request)

    def _dispatch(self, request: Request) -> Response:
        route = self._routes.get(request.path) or self._route_below(request.path)
        if route is None:
            self._count_other()
            return self._varying(empty_response(HTTPStatus.NOT_FOUND))
        handler, count = route
        count()
        if request.method not in ("GET", "HEAD"):
            return self._varying(empty_response(HTTPStatus.METHOD_NOT_ALLOWED, ("allow", "GET, HEAD")))
        return handler(request)

    def _route_below(self, path: str) -> _Route | None:
        return next((route for above, route in self._below if path.startswith(above)), None)

    def _refuse(self, refused: RefusalError) -> Response:
        self._meter.refused(refused.status, refused.kind)
        return self._varying(error_response(refused))

    def _varying(self, response: Response) -> Response:
        return Response(response.status, [*response.headers, ("vary", self._vary)], response.body)


def policy_engine(
    in_force: InForce, settings: Settings, meter: Meter, signatures: Signatures | None = None
) -> Edge:
    """The face that clusters see: filtered graphs, their description, the graph data, signatures if there are any."""
    graph = _client_graph(in_force, settings.mandatory, meter)
    document = openapi_document(settings.prefix, settings.mandatory, has_signatures=signatures is not None)
    description = _fixed(document)
    routes = {
        "/graph": graph,
        "/v1/graph": graph,
        "/openapi": description,
        "/v1/openapi": description,
        "/graph-data": _graph_data(in_force, _TO_PAGES),
    }
    if signatures is not None:
        routes[ROUTE] = signature_handler(signatures, settings.prefix, _TO_PAGES)
    return Edge(routes, prefix=settings.prefix, meter=meter, is_cross_origin=True)


def metadata_helper(signatures: Signatures, prefix: str, meter: Meter) -> Edge:
    """The face of a metadata helper: signatures alone."""
    routes = {ROUTE: signature_handler(signatures, prefix, _TO_PROGRAMS, meter.answered)}
    return Edge(routes, prefix=prefix, meter=meter, is_cross_origin=False)


def graph_builder(in_force: InForce, settings: Settings, meter: Meter) -> Edge:
    """The face that policy engines see: the unfiltered graph, and the graph data."""
    graph = _builder_graph(in_force, settings.mandatory)
    routes = {"/graph": graph, "/v1/graph": graph, "/graph-data": _graph_data(in_force, _TO_PROGRAMS)}
    return Edge(routes, prefix=settings.prefix, meter=meter, is_cross_origin=False)


def graph_data(in_force: InForce, settings: Settings, meter: Meter) -> Edge:
    """The public face of a graph builder: the graph data alone."""
    return Edge(
        {"/graph-data": _graph_data(in_force, _TO_PROGRAMS)},
        prefix=settings.prefix,
        meter=meter,
        is_cross_origin=False,
    )


def _client_graph(in_force: InForce, mandatory: frozenset[str], meter: Meter) -> Handler:
    presentations = {kind: Presentation(kind, _TO_PAGES) for kind in CLIENT_TYPES}

    def respond(request: Request) -> Response:
        presentation = presentations[media_type(request.header("accept"), CLIENT_TYPES)]
        query = read_query(request.query, mandatory)
        started = perf_counter()
        try:
            return document_response(request, _answer(in_force.get(), query), presentation)
        finally:
            meter.answered(perf_counter() - started)

    return respond


def _answer(graphs: Graphs, query: GraphQuery) -> Document:
    # The graph is looked up before the channel is checked: without one the answer is 503 for any channel.
    channel, arch = query.checked()
    return graphs.answer(channel, arch)


def _builder_graph(in_force: InForce, mandatory: frozenset[str]) -> Handler:
    presentations = {kind: Presentation(kind, _TO_PROGRAMS) for kind in BUILDER_TYPES}

    def respond(request: Request) -> Response:
        presentation = presentations[media_type(request.header("accept"), BUILDER_TYPES)]
        read_query(request.query, mandatory)
        return document_response(request, in_force.get().builder_graph, presentation)

    return respond


def _graph_data(in_force: InForce, vary: str) -> Handler:
    presentation = Presentation(_ARCHIVE_TYPE, vary, _ARCHIVE_NAME)

    def respond(request: Request) -> Response:
        archive = in_force.get().graph_data
        if archive is None:
            text = "does not exist: this service has its graph from another one and holds no graph data"
            raise RefusalError(HTTPStatus.NOT_FOUND, "does_not_exist", text)
        return document_response(request, archive, presentation)

    return respond


def _fixed(body: bytes) -> Handler:
    document = FixedDocument(body)
    presentation = Presentation(_OPENAPI_TYPE, _TO_PAGES)
    return lambda request: document_response(request, document, presentation)
