"""Prepared documents over HTTP: entity tags, not-modified answers, caching, content codings.

The headers of a document depend on nothing but its tag, type, coding and size, so they are made once and
shared. What is prepared can be sent as it is: nothing here looks into a body.
"""

import re
from functools import lru_cache
from hashlib import sha256
from http import HTTPStatus
from typing import Protocol

import msgspec

from upgraph.service.answering import negotiation
from upgraph.service.answering.message import Request, Response, SharedHeaders
from upgraph.service.snapshot import Coding

MAX_AGE = 30
"""Seconds for which caches may answer unasked. A recalled update must reach clusters soon."""

_REMEMBERED = 1024
"""Header lists that are remembered. A fleet asks for some channels in some architectures."""
_OK, _NOT_MODIFIED = HTTPStatus.OK, HTTPStatus.NOT_MODIFIED
_TAG_SUFFIX = {negotiation.JSON: "json", negotiation.CINCINNATI_V1: "v1"}

_find_tags = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")').findall


class Document(Protocol):
    """A document in every coding in which it is served."""

    @property
    def etag(self) -> str:
        """Identity of the document without coding, the same on every replica."""
        ...

    @property
    def codings(self) -> frozenset[Coding]:
        """The codings there are; identity is always among them."""
        ...

    def size(self, coding: Coding) -> int:
        """Bytes of the document in this coding."""
        ...

    def body(self, coding: Coding) -> bytes | memoryview:
        """The document in this coding."""
        ...


class FixedDocument:
    """A document that stays the same while the process runs."""

    codings: frozenset[Coding] = frozenset({Coding.IDENTITY})

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.etag = sha256(body).hexdigest()

    def size(self, coding: Coding) -> int:
        """See :class:`Document`."""
        return len(self.body(coding))

    def body(self, coding: Coding) -> bytes:
        """See :class:`Document`."""
        return {Coding.IDENTITY: self._body}[coding]


class Presentation(msgspec.Struct, frozen=True, eq=False):
    """How a document is presented, whatever its content. Each is made once and is equal to itself alone."""

    content_type: str
    vary: str
    """Request headers that the answer depends on."""
    extra: tuple[tuple[str, str], ...] = ()
    """Further headers."""


class _Form(msgspec.Struct, frozen=True):
    """A document in one presentation and coding, as the headers describe it."""

    tag: str
    headers: SharedHeaders
    headers_unmodified: SharedHeaders


def document_response(request: Request, document: Document, presentation: Presentation) -> Response:
    """The document in the coding that the client wants most, or 304 if it has that already."""
    coding = negotiation.coding(request.header("accept-encoding"), document.codings)
    form = _form(document.etag, presentation, coding, document.size(coding))
    condition = request.header("if-none-match")
    if condition is not None and _names(condition, form.tag):
        return Response(_NOT_MODIFIED, form.headers_unmodified)
    return Response(_OK, form.headers, document.body(coding))


@lru_cache(_REMEMBERED)
def _form(etag: str, presentation: Presentation, coding: Coding, size: int) -> _Form:
    # Another type or coding is another representation, and a strong tag names one (RFC 9110, 8.8.3).
    suffix = _TAG_SUFFIX.get(presentation.content_type)
    tag = "-".join(filter(None, (etag, suffix, coding.value)))
    kept = [("etag", f'"{tag}"'), ("cache-control", f"max-age={MAX_AGE}"), ("vary", presentation.vary)]
    described = [("content-type", presentation.content_type), ("content-length", str(size))]
    if coding is not Coding.IDENTITY:
        described.append(("content-encoding", coding.value))
    headers = SharedHeaders([*described, *kept, *presentation.extra])
    return _Form(f'"{tag}"', headers, SharedHeaders(kept))


def _names(condition: str, tag: str) -> bool:
    # The comparison is the weak one: a proxy that codes bodies itself weakens the tags that pass it.
    return condition == tag or condition.strip() == "*" or tag in _find_tags(condition)
