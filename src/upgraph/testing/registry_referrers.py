"""What refers to an image, as the simulated registry tells it (distribution specification 1.1)."""

from collections.abc import Mapping

import msgspec
from aiohttp import web

from upgraph.oci import OCI_INDEX, OCI_MANIFEST, Digest
from upgraph.testing.registry_uploads import Reply, refusal


class _Subject(msgspec.Struct):
    digest: str


class _Config(msgspec.Struct, rename="camel"):
    media_type: str


class _Manifest(msgspec.Struct, rename="camel"):
    subject: _Subject
    config: _Config | None = None
    artifact_type: str = ""
    annotations: dict[str, str] = {}


class KeptReferrers:
    """The account that a registry keeps.

    Args:
        blobs: what the registry holds.
    """

    def __init__(self, blobs: Mapping[Digest, bytes]) -> None:
        self._blobs = blobs
        self.offered = True
        """Whether the registry keeps any."""
        self.page: int | None = None
        """Most entries of one page."""

    def answer(self, request: web.Request, digest: str) -> Reply:
        """Answer the question what refers to ``digest``."""
        if not self.offered:
            return refusal(404, "NOT_FOUND")
        last = request.query.get("last", "")
        left = [entry for entry in self._entries(digest) if str(entry["digest"]) > last]
        shown = left[: self.page]
        headers = {"Content-Type": OCI_INDEX}
        if len(left) > len(shown):
            headers["Link"] = f'<{request.path}?last={shown[-1]["digest"]}>; rel="next"'
        body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": shown}
        return Reply(200, msgspec.json.encode(body), headers)

    def _entries(self, digest: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for name, content in sorted(self._blobs.items()):
            try:
                manifest = msgspec.json.decode(content, type=_Manifest)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue
            if manifest.subject.digest == digest:
                kind = manifest.artifact_type or (manifest.config.media_type if manifest.config else "")
                entry = {"mediaType": OCI_MANIFEST, "digest": name, "size": len(content)}
                found.append({**entry, "artifactType": kind, "annotations": manifest.annotations})
        return found
