"""The contract of :class:`~upgraph.oci.ImageDestination`, as checks for any implementation of it.

Await each of ``CHECKS`` with what opens the destination anew, what opens the source that reads it back, and
an empty place. A check raises AssertionError when a rule of the contract is broken.
"""

import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field

from upgraph.errors import RemoteError, UpgraphError
from upgraph.errors.problems import oci as problems
from upgraph.oci import (
    OCI_LAYER_GZIP,
    Composition,
    Descriptor,
    ImageDestination,
    ImageSource,
    Manifest,
    Order,
    Platform,
    copy_image,
    digest_of,
)
from upgraph.oci.images.destination import BlobReader

LARGE_BYTES = 5 * 1024 * 1024 + 7
_PIECE_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Harness:
    """How to reach what is checked."""

    write: Callable[[], ImageDestination]
    """Opens the destination; each time it is the same place."""
    read: Callable[[], ImageSource]
    """Opens what was written."""
    keeps: bool = True
    """Whether a block that ends with an error leaves what was put in it."""
    tells: bool = True
    """Whether it knows in a later block what it holds."""


@dataclass(slots=True)
class Bytes:
    """A reader of blobs that counts how often it was called, and fails where it is told to."""

    content: bytes
    fail_at: int | None = None
    starts: list[int] = field(default_factory=list)

    async def read(self, start: int) -> AsyncGenerator[bytes, None]:
        """See :data:`BlobReader`."""
        self.starts.append(start)
        for at in range(start, len(self.content), _PIECE_BYTES):
            if self.fail_at is not None and at >= self.fail_at:
                raise RemoteError(problems.UNREACHABLE, "the source broke off")
            yield self.content[at : at + _PIECE_BYTES]


def sample() -> tuple[Composition, Manifest]:
    """Images to publish under the tag ``multi``, and the manifest of one that has no layers."""
    images = Composition("sample")
    small = images.blob(b"small", OCI_LAYER_GZIP)
    large = images.blob(_noise(LARGE_BYTES), OCI_LAYER_GZIP)
    parts = [
        (images.image(config={"architecture": one, "os": "linux"}, layers=[small, large]), Platform(one))
        for one in ("amd64", "arm64")
    ]
    images.tag("multi", images.index(parts))
    images.tag("amd64", parts[0][0])
    config = b"{}"
    document = (
        b'{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s",'
        b'"size":2},"layers":[]}' % digest_of(config).encode()
    )
    return images, Manifest(digest_of(document), "application/vnd.oci.image.manifest.v1+json", document)


async def check_gives_back_what_was_put(harness: Harness) -> None:
    """An index with all its images is read back, by tag and by digest, byte for byte."""
    images, _ = sample()
    async with harness.write() as destination:
        digest = await copy_image(Order(images, "multi", destination, "v1"))
    async with harness.read() as source:
        assert (await source.manifest("v1")).digest == digest
        await _expect_same(images, source, "multi", digest)


async def check_knows_what_it_has(harness: Harness) -> None:
    """A blob is there after it was put, in this block and in the next, and not before."""
    small = Bytes(b"blob")
    blob = _described(small)
    async with harness.write() as destination:
        assert not await destination.has_blob(blob)
        await destination.put_blob(blob, small.read)
        assert await destination.has_blob(blob)
        await _finish(destination)


async def check_refuses_other_content(harness: Harness) -> None:
    """What does not match its digest, at whatever size, is refused and leaves nothing."""
    for size in (10, LARGE_BYTES):
        content = _noise(size)
        wrong = Descriptor(OCI_LAYER_GZIP, digest_of(b"another"), size)
        async with harness.write() as destination:
            await _expect_refusal(destination, wrong, Bytes(content).read)
            await _finish(destination)


async def check_refuses_another_size(harness: Harness) -> None:
    """A blob that is shorter or longer than its descriptor says is refused."""
    for size in (LARGE_BYTES - 1, LARGE_BYTES + 1):
        content = _noise(LARGE_BYTES)
        async with harness.write() as destination:
            await _expect_refusal(
                destination, Descriptor(OCI_LAYER_GZIP, digest_of(content), size), Bytes(content).read
            )
            await _finish(destination)


async def check_reports_what_the_source_reports(harness: Harness) -> None:
    """An error of the source comes out as it is, the blob is not there, and can be put afterwards."""
    content = _noise(LARGE_BYTES)
    broken, whole = Bytes(content, fail_at=LARGE_BYTES // 2), Bytes(content)
    blob = _described(whole)
    async with harness.write() as destination:
        try:
            await destination.put_blob(blob, broken.read)
        except RemoteError as error:
            assert error.seen == "the source broke off"
        else:
            raise AssertionError("a half of a blob was taken")
        assert not await destination.has_blob(blob)
        await destination.put_blob(blob, whole.read)
        assert await destination.has_blob(blob)
        await _finish(destination)


async def check_tells_tags(harness: Harness) -> None:
    """A tag points to nothing, then to what it was given, then to what it was given later."""
    images, bare = sample()
    async with harness.write() as destination:
        assert await destination.tagged("v1") is None
        first = await copy_image(Order(images, "amd64", destination, "v1"))
        assert await destination.tagged("v1") == first
        await _finish(destination, bare)
        await destination.put_tag("v1", bare)
        assert await destination.tagged("v1") == bare.digest
    async with harness.read() as source:
        assert await source.tags() == ["bare", "v1"]


async def check_holds_what_was_published(harness: Harness) -> None:
    """An image is held after it was published, also in another block, where the destination can tell."""
    images, _ = sample()
    async with harness.write() as destination:
        digest = await copy_image(Order(images, "multi", destination, "v1"))
    if harness.tells:
        async with harness.write() as destination:
            assert await destination.holds(digest)


async def check_lists_an_image_without_a_tag_only_by_its_digest(harness: Harness) -> None:
    """An image that was given no tag is found by its digest, and takes no tag of others."""
    images, bare = sample()
    async with harness.write() as destination:
        await _finish(destination, bare)
        digest = await copy_image(Order(images, "amd64", destination))
    async with harness.read() as source:
        assert (await source.manifest(digest)).digest == digest
        assert set(await source.tags()) <= {"bare", digest}


async def check_keeps_what_was_done(harness: Harness) -> None:
    """What was complete before a block ended with an error is there afterwards, or nothing of it."""
    images, _ = sample()
    destination = harness.write()
    await destination.__aenter__()
    await copy_image(Order(images, "multi", destination, "v1"))
    await destination.__aexit__(UpgraphError, None, None)
    if harness.keeps:
        async with harness.read() as source:
            assert await source.tags() == ["v1"]
    async with harness.write() as destination:
        large = Bytes(_noise(LARGE_BYTES))
        assert await destination.has_blob(_described(large))
        await _finish(destination)


CHECKS: tuple[Callable[[Harness], Awaitable[None]], ...] = (
    check_gives_back_what_was_put,
    check_knows_what_it_has,
    check_refuses_other_content,
    check_refuses_another_size,
    check_reports_what_the_source_reports,
    check_tells_tags,
    check_holds_what_was_published,
    check_lists_an_image_without_a_tag_only_by_its_digest,
    check_keeps_what_was_done,
)
"""The whole contract."""


async def _finish(destination: ImageDestination, manifest: Manifest | None = None) -> None:
    """Put the smallest image, so that there is something to read."""
    bare = manifest or sample()[1]
    config = Bytes(b"{}")
    await destination.put_blob(_described(config), config.read)
    await destination.put_manifest(bare)
    await destination.put_tag("bare", bare)


async def _expect_refusal(destination: ImageDestination, blob: Descriptor, read: BlobReader) -> None:
    try:
        await destination.put_blob(blob, read)
    except UpgraphError:
        assert not await destination.has_blob(blob)
    else:
        raise AssertionError("content that does not match its descriptor was taken")


async def _expect_same(images: ImageSource, source: ImageSource, tag: str, digest: str) -> None:
    made, found = await images.manifest(tag), await source.manifest(digest)
    assert found.content == made.content
    large = _described(Bytes(_noise(LARGE_BYTES)))
    read = b"".join([piece async for piece in source.read(large, LARGE_BYTES // 3)])
    assert read == _noise(LARGE_BYTES)[LARGE_BYTES // 3 :]


def _described(content: Bytes) -> Descriptor:
    return Descriptor(OCI_LAYER_GZIP, digest_of(content.content), len(content.content))


def _noise(size: int) -> bytes:
    return hashlib.shake_256(b"noise").digest(size)
