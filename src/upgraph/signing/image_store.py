"""Signature stores as images, so that they lie in the registry of a site and are copied like everything else.

The one layer of such an image is a store directory (``sha256=HEX/signature-1``). The same signatures give the
same digest. Any tool that copies images copies it; nothing but ``upgraph`` looks into it.

Why not beside each release, as an artifact that refers to it: registries differ in what they keep of such
artifacts, thousands of them cost thousands of requests in each round, and one image is one tag.
"""

import asyncio
import io

from upgraph.errors import DataError, Finding, VerificationError
from upgraph.errors.problems.signing import STORE_UNUSABLE
from upgraph.oci import (
    OCI_LAYER_GZIP,
    Composition,
    Descriptor,
    Digest,
    Image,
    ImageSource,
    LayerFile,
    digest_of,
    gzipped,
    is_digest,
    parse_manifest,
    read_blob,
    tar_layer,
)
from upgraph.signing.collecting import collect_archive
from upgraph.signing.packing import Signatures, store_files
from upgraph.signing.stores import Candidate, CollectedStore, Collection

MAX_LAYER_BYTES = 64 * 1024 * 1024
"""Bytes of the largest layer that is read, as transferred; 5,000 releases have about 3 million."""
MAX_LAYERS = 4
"""Most layers of such an image."""
_TITLE = "org.opencontainers.image.title"


def store_image(signatures: Signatures, tag: str) -> Composition:
    """An image that is a store, under a tag."""
    images = Composition("the signatures")
    content = tar_layer(LayerFile(path, body) for path, body in store_files(signatures).items())
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": {_TITLE: "Signatures of releases"}},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(content)]},
    }
    layer = images.blob(gzipped(content), OCI_LAYER_GZIP)
    images.tag(tag, images.image(config=config, layers=[layer]))
    return images


class ImageStore(CollectedStore):
    """A store in an image. It closes the source of the image.

    Args:
        source: where the image is.
        reference: its tag or digest.
    """

    def __init__(self, source: ImageSource, reference: str) -> None:
        joint = "@" if is_digest(reference) else ":"
        self.name = f"{source.name}{joint}{reference}"
        self._source = source
        self._reference = reference
        self._digest: Digest | None = None

    async def close(self) -> None:
        """Close the source."""
        await self._source.close()

    async def read(self, held: Collection | None) -> Collection:
        """See :meth:`CollectedStore.read`. An image whose tag has not moved is not read again."""
        digest = await self._source.resolve(self._reference) if held is not None else None
        if held is not None and digest is not None and digest == self._digest:
            return held
        manifest = await self._source.manifest(self._reference)
        image = parse_manifest(manifest.content, manifest.media_type)
        if not isinstance(image, Image) or len(image.layers) > MAX_LAYERS:
            raise DataError(STORE_UNUSABLE, f"{self.name} is no image of signatures")
        collection = await self._collect(image)
        self._digest = manifest.digest
        return collection

    async def _collect(self, image: Image) -> Collection:
        signatures: dict[Digest, list[Candidate]] = {}
        findings: list[Finding] = []
        for blob in image.layers:
            content = await self._layer(blob)
            read = await asyncio.to_thread(collect_archive, io.BytesIO(content), self.name)
            findings += read.findings
            for digest, candidates in read.signatures.items():
                signatures.setdefault(digest, []).extend(candidates)
        return Collection(self.name, signatures, findings)

    async def _layer(self, blob: Descriptor) -> bytes:
        if blob.size > MAX_LAYER_BYTES:
            seen = f"{self.name}: a layer has {blob.size} bytes; {MAX_LAYER_BYTES} are read"
            raise DataError(STORE_UNUSABLE, seen)
        try:
            return await read_blob(self._source, blob, f"{self.name}: the layer")
        except VerificationError as error:
            raise DataError(STORE_UNUSABLE, error.seen) from error
