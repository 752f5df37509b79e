"""Cross-origin requests: browsers on any site may read update graphs, which hold no secrets.

The rules are those of the original (actix-cors in policy-engine/src/main.rs): any origin, GET and HEAD, no
headers beyond those that every page may send.
"""

import re
from http import HTTPStatus

from upgraph.service.answering.message import Request, Response, empty_response, text_response

VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
METHODS = ("GET", "HEAD")

_is_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch


def preflight_response(request: Request) -> Response | None:
    """The answer to a preflight request; none if an OPTIONS request is not one."""
    method = request.header("access-control-request-method")
    if method is None or not _is_token(method):
        return None
    if method not in METHODS:
        return text_response(HTTPStatus.BAD_REQUEST, "Requested method is not allowed")
    if (request.header("access-control-request-headers") or "").strip():
        return text_response(HTTPStatus.BAD_REQUEST, "One or more request headers are not allowed")
    return empty_response(HTTPStatus.OK, ("access-control-allow-methods", ", ".join(METHODS)))


def for_pages(response: Response, request: Request) -> Response:
    """The response with what lets the page that asks read it; unchanged for a client that is no page."""
    origin = request.header("origin")
    if origin is None:
        return response
    allowed = ("access-control-allow-origin", origin)
    return Response(response.status, [*response.headers, allowed], response.body)
