"""The writing half of the simulated registry: uploads, mounts and manifests, and the ways in which real ones differ."""

import itertools
import re
from collections import Counter
from dataclasses import dataclass, field

import msgspec
from aiohttp import web

from upgraph.errors import UpgraphError
from upgraph.oci import Digest, Image, digest_of, parse_manifest

_RANGE = re.compile(r"(\d+)-(\d+)")
_CHUNK_BYTES = 64 * 1024


class Lost(Exception):  # noqa: N818 - it is an event that a fault asked for
    """The connection ends here, in the middle of a body."""


@dataclass(slots=True)
class Reply:
    """What a simulated registry answers."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def refusal(status: int, code: str) -> Reply:
    """An answer with the error document of a registry."""
    body = msgspec.json.encode({"errors": [{"code": code, "message": code.lower().replace("_", " ")}]})
    return Reply(status, body, {"Content-Type": "application/json"})


class Uploads:
    """What is written to one repository.

    Args:
        path: path of the repository.
        blobs: where what was written is kept.
        tags: where tags are kept.
    """

    def __init__(self, path: str, blobs: dict[Digest, bytes], tags: dict[str, Digest]) -> None:
        self._root = f"/v2/{path}"
        self._blobs = blobs
        self._tags = tags
        self._open: dict[str, bytearray] = {}
        self._names = itertools.count(1)
        self.neighbours: dict[str, dict[Digest, bytes]] = {}
        """Blobs of other repositories, by their paths."""
        self.mounts = True
        """Whether blobs of them are taken over."""
        self.parts = True
        """Whether PATCH is known."""
        self.offsets = True
        """Whether it tells how much of an upload it has."""
        self.largest: int | None = None
        """Most bytes of one body."""
        self.refused_types: set[str] = set()
        """Media types of manifests that are not known."""
        self.finished: Counter[Digest] = Counter()
        """How often each blob was written."""
        self.mounted: list[Digest] = []
        """Blobs that were taken over."""
        self.received = 0
        """Bytes of all bodies of uploads."""

    @property
    def unfinished(self) -> int:
        """Uploads that were begun and neither finished nor given up."""
        return len(self._open)

    async def upload(self, request: web.Request, name: str, take: int | None) -> Reply:
        """Answer a request to the place of uploads.

        Args:
            request: it.
            name: of the upload; empty: a new one.
            take: bytes of the body after which the connection is lost.

        Raises:
            Lost: as ``take`` asked for.
        """
        if not name:
            return self._begin(request)
        if name not in self._open:
            return refusal(404, "BLOB_UPLOAD_UNKNOWN")
        if request.method in {"PATCH", "PUT"}:
            return self._refused(request) or await self._write(request, name, take)
        if request.method == "DELETE":
            del self._open[name]
            return Reply(204)
        return self._state(name, 204) if self.offsets else refusal(404, "BLOB_UPLOAD_UNKNOWN")

    async def manifest(self, request: web.Request, reference: str) -> Reply:
        """Answer the PUT of a manifest."""
        content, media_type = await _body(request), request.headers.get("Content-Type", "")
        if media_type in self.refused_types:
            return refusal(415, "MANIFEST_INVALID")
        try:
            parsed = parse_manifest(content, media_type)
        except UpgraphError:
            return refusal(400, "MANIFEST_INVALID")
        if isinstance(parsed, Image):
            named = [parsed.config.digest, *(layer.digest for layer in parsed.layers)]
        else:
            named = [entry.descriptor.digest for entry in parsed.entries]
        if any(digest not in self._blobs for digest in named):
            return refusal(400, "MANIFEST_BLOB_UNKNOWN")
        digest = digest_of(content)
        self._blobs[digest] = content
        if ":" not in reference:
            self._tags[reference] = digest
        elif reference != digest:
            return refusal(400, "DIGEST_INVALID")
        return Reply(201, b"", {"Docker-Content-Digest": digest})

    def _begin(self, request: web.Request) -> Reply:
        digest = Digest(request.query.get("mount", ""))
        others = self.neighbours.get(request.query.get("from", ""), {})
        if self.mounts and digest in others:
            self._blobs[digest] = others[digest]
            self.mounted.append(digest)
            return Reply(201, b"", {"Location": f"{self._root}/blobs/{digest}"})
        name = f"upload-{next(self._names)}"
        self._open[name] = bytearray()
        return self._state(name, 202)

    def _refused(self, request: web.Request) -> Reply | None:
        if request.method == "PATCH" and not self.parts:
            return refusal(405, "UNSUPPORTED")
        if self.largest is not None and (request.content_length or 0) > self.largest:
            return Reply(413, b"<html>Request Entity Too Large</html>", {"Content-Type": "text/html"})
        return None

    async def _write(self, request: web.Request, name: str, take: int | None) -> Reply:
        kept = self._open[name]
        if request.method == "PATCH":
            stated = _RANGE.fullmatch(request.headers.get("Content-Range", f"{len(kept)}-0"))
            if stated is None or int(stated[1]) != len(kept):
                return refusal(416, "BLOB_UPLOAD_INVALID")
        async for chunk in request.content.iter_chunked(_CHUNK_BYTES):
            piece = chunk if take is None else chunk[:take]
            kept += piece
            self.received += len(piece)
            if take is not None:
                take -= len(piece)
                if take <= 0:
                    raise Lost
        if request.method == "PATCH":
            return self._state(name, 202)
        del self._open[name]
        digest = Digest(request.query.get("digest", ""))
        if digest_of(bytes(kept)) != digest:
            return refusal(400, "DIGEST_INVALID")
        self._blobs[digest] = bytes(kept)
        self.finished[digest] += 1
        return Reply(201, b"", {"Docker-Content-Digest": digest})

    def _state(self, name: str, status: int) -> Reply:
        end = max(len(self._open[name]) - 1, 0)
        location = f"{self._root}/blobs/uploads/{name}?_state=a%2Fb"
        return Reply(status, b"", {"Location": location, "Range": f"0-{end}"})


async def _body(request: web.Request) -> bytes:
    return b"".join([chunk async for chunk in request.content.iter_chunked(_CHUNK_BYTES)])
