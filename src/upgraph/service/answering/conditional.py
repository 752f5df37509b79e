"""Prepared documents over HTTP: entity tags, not-modified answers, caching, content codings.

Everything but the date is the same in all answers with one document in one type and coding, so those are
made once, when the first client asks, and live as long as the document. What is prepared can be sent as it
is: nothing here looks into a body.
"""

import re
from hashlib import sha256
from http import HTTPStatus
from typing import Protocol

import msgspec

from upgraph.service.answering import negotiation
from upgraph.service.answering.message import Request, Response, SharedHeaders
from upgraph.service.snapshot import Coding

MAX_AGE = 30
"""Seconds for which caches may answer unasked. A recalled update must reach clusters soon."""

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

    @property
    def forms(self) -> "dict[tuple[Presentation, Coding], Form]":
        """Answers with it that were made before. Kept by the document, used by :func:`document_response` alone."""
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
        self.forms: dict[tuple[Presentation, Coding], Form] = {}
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


class Form(msgspec.Struct, frozen=True, gc=False):
    """A document in one presentation and coding, with its answers."""

    tag: str
    whole: Response
    """200, for who has it not."""
    unmodified: Response
    """304, for who has it."""


def document_response(request: Request, document: Document, presentation: Presentation) -> Response:
    """The document in the coding that the client wants most, or 304 if it has that already."""
    coding = negotiation.coding(request.header("accept-encoding"), document.codings)
    form = document.forms.get((presentation, coding))
    if form is None:
        form = document.forms[presentation, coding] = _form(document, presentation, coding)
    condition = request.header("if-none-match")
    if condition is not None and _names(condition, form.tag):
        return form.unmodified
    return form.whole


def _form(document: Document, presentation: Presentation, coding: Coding) -> Form:
    # Another type or coding is another representation, and a strong tag names one (RFC 9110, 8.8.3).
    suffix = _TAG_SUFFIX.get(presentation.content_type)
    tag = f'"{"-".join(filter(None, (document.etag, suffix, coding.value)))}"'
    kept = [("etag", tag), ("cache-control", f"max-age={MAX_AGE}"), ("vary", presentation.vary)]
    size = document.size(coding)
    described = [("content-type", presentation.content_type), ("content-length", str(size))]
    if coding is not Coding.IDENTITY:
        described.append(("content-encoding", coding.value))
    headers = SharedHeaders([*described, *kept, *presentation.extra])
    return Form(
        tag,
        Response(HTTPStatus.OK, headers, document.body(coding)),
        Response(HTTPStatus.NOT_MODIFIED, SharedHeaders(kept)),
    )


def _names(condition: str, tag: str) -> bool:
    # The comparison is the weak one: a proxy that codes bodies itself weakens the tags that pass it.
    return condition == tag or condition.strip() == "*" or tag in _find_tags(condition)
