"""What replicas give to one another: the snapshot in force, so that a new one can answer at once.

It is served on the status port, which is for neighbours and not for clusters. Nothing secret is in it:
clusters can read all of it answer by answer. The digest names the file, and the reader checks it.
"""

from http import HTTPStatus
from typing import Protocol

import msgspec

from upgraph.service.answering.message import NO_STORE, Response, text_response
from upgraph.service.snapshot import Facts, Snapshot

SNAPSHOT_PATH = "/snapshot"
OFFER_PATH = "/snapshot/offer"


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What a replica can give."""

    digest: str
    """Identity of its snapshot (:attr:`~upgraph.service.snapshot.Snapshot.digest`)."""
    bytes: int
    refreshed_at: float
    """Unix time in seconds at which its inputs were last known to be current."""


class Holder(Protocol):
    """Who holds the snapshot in force."""

    @property
    def held(self) -> Snapshot | None:
        """The snapshot in force."""
        ...

    @property
    def facts(self) -> Facts | None:
        """What is known of it now."""
        ...


def offer(holder: Holder) -> Response:
    """What can be had here."""
    snapshot, facts = holder.held, holder.facts
    if snapshot is None or facts is None:
        return _nothing()
    made = Offer(digest=snapshot.digest, bytes=len(snapshot.file), refreshed_at=facts.refreshed_at)
    return _response(msgspec.json.encode(made), "application/json", snapshot)


def whole(holder: Holder) -> Response:
    """The snapshot itself."""
    snapshot = holder.held
    return _response(snapshot.file, "application/octet-stream", snapshot) if snapshot else _nothing()


def _response(body: bytes | memoryview, content_type: str, snapshot: Snapshot) -> Response:
    headers = [
        ("content-type", content_type),
        ("content-length", str(len(body))),
        ("etag", f'"{snapshot.digest}"'),
        NO_STORE,
    ]
    return Response(HTTPStatus.OK, headers, body)


def _nothing() -> Response:
    return text_response(HTTPStatus.SERVICE_UNAVAILABLE, "this replica holds no graph yet\n")
