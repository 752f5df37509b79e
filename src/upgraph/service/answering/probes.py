"""Probes and metrics, as every program of ours has them on its status port.

Liveness says that the process answers and depends on nothing else. When a program is not ready, the body says
why in the words of the documentation.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus

from upgraph.service.answering.health import Unready
from upgraph.service.answering.message import (
    NO_STORE,
    Request,
    Response,
    empty_response,
    for_method,
    text_response,
)
from upgraph.service.answering.metrics import METRICS_TYPE


class Probes:
    """Answers the requests of a status port.

    Args:
        exposition: gives all metrics as text.
        unready: gives what keeps the program from being ready; none if it is.
        further: handlers by path of what else there is.
    """

    def __init__(
        self,
        exposition: Callable[[], bytes],
        unready: Callable[[], Unready | None],
        further: Mapping[str, Callable[[], Response]] | None = None,
    ) -> None:
        self._exposition = exposition
        self._unready = unready
        self._routes: Mapping[str, Callable[[], Response]] = {
            "/livez": _alive,
            "/liveness": _alive,
            "/readyz": self._readiness,
            "/readiness": self._readiness,
            "/metrics": self._metrics,
            **(further or {}),
        }

    def respond(self, request: Request) -> Response:
        """The answer to one request."""
        handler = self._routes.get(request.path)
        if handler is None:
            return empty_response(HTTPStatus.NOT_FOUND)
        if request.method not in ("GET", "HEAD"):
            return empty_response(HTTPStatus.METHOD_NOT_ALLOWED, ("allow", "GET, HEAD"))
        return for_method(handler(), request.method)

    def _readiness(self) -> Response:
        reason = self._unready()
        if reason is None:
            return text_response(HTTPStatus.OK, "ready\n")
        text = f"not ready: {reason.seen} [{reason.problem.reference}]. {reason.problem.remedy}\n"
        return text_response(HTTPStatus.SERVICE_UNAVAILABLE, text)

    def _metrics(self) -> Response:
        return uncached(self._exposition(), METRICS_TYPE)


def uncached(body: bytes, content_type: str) -> Response:
    """An answer that no cache keeps."""
    headers = [("content-type", content_type), ("content-length", str(len(body))), NO_STORE]
    return Response(HTTPStatus.OK, headers, body)


def _alive() -> Response:
    return text_response(HTTPStatus.OK, "alive\n")
