"""Fetches the graph of another graph builder, as a policy engine does, and judges whether it can be served."""

from dataclasses import dataclass
from http import HTTPStatus

import msgspec

from upgraph.errors import DataError, Finding, RemoteError, UpgraphError
from upgraph.errors.problems.graph import WIRE_UNANSWERABLE
from upgraph.errors.problems.service import RELEASES_EMPTY, UPSTREAM_FAILED
from upgraph.graph import UpdateGraph, decode
from upgraph.oci import Access
from upgraph.oci.images.closing import Closing
from upgraph.service.setting import masked

MAX_DOCUMENT_BYTES = 512 * 1024 * 1024
"""Bytes of the largest graph that is fetched; the largest known has about 20 MB."""
MAX_REASON_BYTES = 2048
"""Bytes of an error document that are looked at."""
TIMEOUT_SECONDS = 30.0
"""Seconds for one fetch, the default of Cincinnati's plugin."""


class _ErrorDocument(msgspec.Struct):
    value: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """A graph document, and the tag by which to ask whether it has changed."""

    document: bytes
    etag: str | None


class Upstream(Closing):
    """A graph builder that is asked over HTTP. Also an async context manager.

    Args:
        url: address of its graph.
        access: whom to trust, and what stands between.
    """

    def __init__(self, url: str, access: Access) -> None:
        self.name = masked(url)
        """For messages: the address without a password."""
        self._url = url
        self._downloads = access.session()

    async def fetch(self, etag: str | None) -> Fetched | None:
        """The document, or none if it is still the one with this tag.

        Raises:
            RemoteError: the upstream server did not give a document.
        """
        try:
            answer = await self._downloads.ask(
                self._url,
                limit=MAX_DOCUMENT_BYTES,
                etag=etag,
                seconds=TIMEOUT_SECONDS,
                accept="application/json",
            )
        except UpgraphError as error:
            seen = f"{self.name}: {error.seen}"
            raise RemoteError(UPSTREAM_FAILED, seen, remedy=error.remedy, retryable=True) from error
        if answer.is_current and etag:
            return None
        if answer.status != HTTPStatus.OK:
            seen = f"{self.name} answered {answer.status}{_reason(answer.content)}"
            raise RemoteError(UPSTREAM_FAILED, seen, status=answer.status, retryable=True)
        return Fetched(answer.content, answer.etag)

    async def close(self) -> None:
        """Close the connections."""
        await self._downloads.close()


def read_graph(document: bytes) -> tuple[UpdateGraph, tuple[Finding, ...]]:
    """The graph that an upstream server gave, with what was left out of it.

    Raises:
        DataError: it is no graph, or one that answers no cluster, whatever its channel and architecture.
    """
    graph, findings = decode(document)
    releases = [node for node in graph.nodes if not node.is_abstract]
    if not releases:
        raise DataError(RELEASES_EMPTY, "the graph of the upstream server has no release")
    if not any(node.arches for node in releases):
        seen = (
            f"none of the {len(releases)} releases of the upstream server names its architecture, as in what an "
            "update service answers to clusters"
        )
        raise DataError(WIRE_UNANSWERABLE, seen)
    if not any(node.channels and node.arches for node in releases):
        seen = f"none of the {len(releases)} releases of the upstream server has both an architecture and a channel"
        raise DataError(WIRE_UNANSWERABLE, seen)
    return graph, findings


def _reason(content: bytes) -> str:
    """What an error document of the protocol says; empty for anything else."""
    try:
        return f": {msgspec.json.decode(content[:MAX_REASON_BYTES], type=_ErrorDocument).value}"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
