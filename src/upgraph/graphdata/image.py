"""Graph data in a container image, from a registry, a layout or an archive.

This is how OpenShift ships it: an image whose files lie at ``/var/lib/cincinnati-graph-data``, on top of
whatever base. A tag is asked for in each round and costs one small request while it stays; a digest never
means anything else, so it is read once. Layers that stayed are not read again when the tag moves.
"""

import asyncio
import logging
import platform
from typing import Protocol

from upgraph.errors import DataError, Finding
from upgraph.errors.problems.graphdata import IMAGE, TOO_LARGE
from upgraph.graphdata.files import MAX_TOTAL_BYTES, Files, Intake, inside
from upgraph.graphdata.layer import Layer, LayerReader
from upgraph.graphdata.tree import Tree, Unreadable
from upgraph.oci import (
    Descriptor,
    Digest,
    Image,
    ImageSource,
    Index,
    IndexEntry,
    findings_of,
    is_digest,
    parse_manifest,
)
from upgraph.oci.images.closing import Closing

MAX_IMAGE_BYTES = 2 * 1024 * 1024 * 1024
"""Largest sum of all layers, as transferred; base images of the usual distributions have up to 0.5 GB."""
MAX_INFLATED_IMAGE_BYTES = 8 * 1024 * 1024 * 1024
"""Bytes of all layers of one image, unpacked; without it a thousand small layers could keep a processor busy for an hour."""

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_MAX_SHOWN = 5
"""Images of a layout that a message names."""
_log = logging.getLogger(__name__)


def this_architecture() -> str:
    """The architecture of this machine in the words of Go: ``amd64``, ``arm64``, ``s390x``, ``ppc64le``."""
    machine = platform.machine()
    return _ARCHITECTURES.get(machine, machine)


class Admission(Protocol):
    """Decides which images may be read."""

    async def admit(self, digest: Digest, name: str) -> None:
        """Let an image in.

        Args:
            digest: of its manifest or index.
            name: what messages call it.

        Raises:
            VerificationError: it is not let in.
            RemoteError, DataError: that could not be found out.
        """
        ...

    def take_findings(self) -> tuple[Finding, ...]:
        """What was noticed about the means to decide."""
        ...

    async def close(self) -> None:
        """Give back what is held. It is not used afterwards."""
        ...


class ImageDataSource(Closing):
    """The graph data in an image. Also an async context manager that closes what it reads from.

    Args:
        images: the repository, layout or archive; it is closed with this source.
        reference: tag or digest; None for the only image that there is.
        path: the place of the files in the image.
        architecture: which image of an index to take; the first for linux stands in for one that is missing.
        admission: lets images in, or not; it is closed with this source. None: any is read.
    """

    def __init__(
        self,
        images: ImageSource,
        reference: str | None,
        *,
        path: str,
        architecture: str | None = None,
        admission: Admission | None = None,
    ) -> None:
        self._images = images
        self._admission = admission
        self._reference = reference
        self._base = inside(path.lstrip("/")) or ""
        self._architecture = architecture or this_architecture()
        self._known: Digest | None = None
        self._layers: dict[Digest, Layer | DataError] = {}
        """Of the image in question: a layer that is broken stays so, and is not read again in each round."""

    @property
    def name(self) -> str:
        """``docker://host/repository:tag``, ``...@sha256:...``, ``oci:path`` or ``oci:path:tag``."""
        if self._reference is None:
            return self._images.name
        joint = "@" if is_digest(self._reference) else ":"
        return f"{self._images.name}{joint}{self._reference}"

    @property
    def origin(self) -> str:
        """See :attr:`RemoteGraphData.origin`. What a tag pointed to: an index, or an image."""
        return self._known or ""

    async def fetch(self) -> Files | None:
        """See :meth:`RemoteGraphData.fetch`."""
        reference = self._reference or await self._only_one()
        if is_digest(reference) and reference == self._known:
            return None
        digest = await self._images.resolve(reference)
        if digest is not None and digest == self._known:
            return None
        manifest = await self._images.manifest(digest or reference)
        if manifest.digest == self._known:
            return None
        if self._admission is not None:
            # Before any of it is understood: what follows from here on is bound to this digest.
            await self._admission.admit(manifest.digest, self.name)
        parsed = self._parsed(manifest.content, manifest.media_type)
        files = await self._read(parsed if isinstance(parsed, Image) else await self._chosen(parsed))
        self._known = manifest.digest
        return files

    def take_findings(self) -> tuple[Finding, ...]:
        """See :meth:`RemoteGraphData.take_findings`: what is wrong with mirrors, and with
        the place of signatures.
        """
        noticed = self._admission.take_findings() if self._admission is not None else ()
        return (*findings_of(self._images), *noticed)

    async def close(self) -> None:
        """Close what the images are read from, and what lets them in."""
        try:
            await self._images.close()
        finally:
            if self._admission is not None:
                await self._admission.close()

    async def _only_one(self) -> str:
        listed = await self._images.tags()
        if len(listed) != 1:
            shown = ", ".join(listed[:_MAX_SHOWN]) + (", ..." if len(listed) > _MAX_SHOWN else "")
            raise DataError(
                IMAGE,
                f"{self.name} has {len(listed)} images: {shown}" if listed else f"{self.name} has no image",
                remedy=f"Name one of them: {self.name}:TAG.",
            )
        return listed[0]

    def _parsed(self, content: bytes, media_type: str) -> Image | Index:
        try:
            return parse_manifest(content, media_type)
        except DataError as error:
            raise DataError(error.problem, f"{self.name}: {error.seen}") from error

    async def _chosen(self, index: Index) -> Image:
        entry = self._choose(index)
        manifest = await self._images.manifest(entry.descriptor.digest)
        parsed = self._parsed(manifest.content, entry.descriptor.media_type)
        if isinstance(parsed, Index):
            seen = f"{self.name}: the index leads to another index, {entry.descriptor.digest}"
            raise DataError(IMAGE, seen)
        return parsed

    def _choose(self, index: Index) -> IndexEntry:
        images = [entry for entry in index.entries if not entry.is_attestation]
        if not images:
            raise DataError(IMAGE, f"{self.name}: the index has {len(index.entries)} entries and no image")
        # The files are the same on every architecture, so any image is better than none.
        linux = [entry for entry in images if entry.os == "linux"]
        fitting = [entry for entry in linux if entry.architecture == self._architecture]
        chosen = (fitting or linux or images)[0]
        of = f"{chosen.os or 'unknown'}/{chosen.architecture or 'unknown'}"
        _log.info(
            "graph data is read from %s, the image for %s (%s)", self.name, of, chosen.descriptor.digest
        )
        return chosen

    async def _read(self, image: Image) -> Files:
        size = sum(layer.size for layer in image.layers)
        if size > MAX_IMAGE_BYTES:
            raise DataError(
                TOO_LARGE, f"{self.name}: its layers have {size} bytes; {MAX_IMAGE_BYTES} are read"
            )
        self._layers = {
            blob.digest: self._layers[blob.digest] for blob in image.layers if blob.digest in self._layers
        }
        layers = [await self._layer(blob) for blob in image.layers]
        return await asyncio.to_thread(self._assemble, layers)

    async def _layer(self, blob: Descriptor) -> Layer:
        known = self._layers.get(blob.digest)
        if known is None:
            reader = LayerReader(blob, self._base, self.name)
            await self._images.pour(blob, reader, first=None)
            known = self._layers[blob.digest] = _outcome(reader)
            self._check_sum()
        if isinstance(known, DataError):
            raise DataError(known.problem, known.seen)
        return known

    def _check_sum(self) -> None:
        kept = sum(layer.kept_bytes for layer in self._layers.values() if isinstance(layer, Layer))
        if kept > MAX_TOTAL_BYTES:
            seen = f"{self.name}: its layers have {kept} bytes at /{self._base}, more than {MAX_TOTAL_BYTES}"
            raise DataError(TOO_LARGE, seen)
        inflated = sum(layer.inflated_bytes for layer in self._layers.values() if isinstance(layer, Layer))
        if inflated > MAX_INFLATED_IMAGE_BYTES:
            seen = f"{self.name}: its layers unpack to more than {MAX_INFLATED_IMAGE_BYTES} bytes"
            raise DataError(TOO_LARGE, seen)

    def _assemble(self, layers: list[Layer]) -> Files:
        tree: Tree[bytes] = Tree(self.name)
        for layer in layers:
            layer.apply(tree)
        intake = Intake(self.name)
        for path, content in tree.select(self._base).items():
            intake.expect(path, 0)
            if isinstance(content, Unreadable):
                intake.add_unreadable(path, content.reason)
            else:
                intake.add(path, content)
        return intake.files


def _outcome(reader: LayerReader) -> Layer | DataError:
    try:
        return reader.result()
    except DataError as error:
        # As it was raised it would keep the frames it came through, and with them the content.
        return DataError(error.problem, error.seen)
