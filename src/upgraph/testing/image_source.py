"""The contract of :class:`~upgraph.oci.ImageSource`, as checks for any implementation of it.

Write the sample with :func:`write_sample`, bring it into the source that is to be checked (copy it,
push it, load it), and await each of ``CHECKS`` with the source and the sample. A check raises
AssertionError when a rule of the contract is broken.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from upgraph.errors import DataError, RemoteError
from upgraph.oci import (
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    OCI_LAYER_GZIP,
    Descriptor,
    Digest,
    Image,
    ImageMissing,
    ImageSource,
    Index,
    LayoutWriter,
    Platform,
    digest_of,
    parse_manifest,
)

LARGE_BYTES = 3 * 1024 * 1024
SMALL_BYTES = 700
_ABSENT = Digest("sha256:" + "0" * 64)


@dataclass(frozen=True, slots=True)
class Sample:
    """A small content set: what :func:`write_sample` wrote."""

    digests: MappingProxyType[str, Digest]
    """What each tag points to."""
    small: Descriptor
    small_content: bytes
    large: Descriptor
    large_content: bytes


class Collected:
    """A sink that keeps what it gets and has enough after ``limit`` bytes."""

    def __init__(self, limit: int | None = None) -> None:
        self.content = bytearray()
        self.calls_after_enough = 0
        self._limit = limit
        self._enough = False

    def feed(self, chunk: bytes) -> bool:
        """See :meth:`upgraph.oci.Sink.feed`."""
        self.calls_after_enough += self._enough
        self.content += chunk
        self._enough = self._limit is not None and len(self.content) >= self._limit
        return not self._enough


def write_sample(path: Path) -> Sample:
    """Write the content set into an OCI layout: an OCI image, a Docker image and an index of both."""
    small, large = _noise(b"small", SMALL_BYTES), _noise(b"large", LARGE_BYTES)
    with LayoutWriter(path) as layout:
        low = layout.blob(small, OCI_LAYER_GZIP)
        high = layout.blob(large, OCI_LAYER_GZIP)
        config = {"os": "linux", "rootfs": {"type": "layers", "diff_ids": [low.digest, high.digest]}}
        oci = layout.image(
            config={"architecture": "amd64", **config}, layers=[low, high], tag="4.18.1-x86_64"
        )
        docker = layout.image(
            config={"architecture": "arm64", **config},
            layers=[replace(layer, media_type=DOCKER_LAYER_GZIP) for layer in (low, high)],
            tag="4.18.1-aarch64",
            media_type=DOCKER_MANIFEST,
        )
        platforms = [(oci, Platform("amd64")), (docker, Platform("arm64"))]
        index = layout.index(platforms, "4.18.1-multi")
        layout.index(platforms, "latest")
    digests = {"4.18.1-x86_64": oci, "4.18.1-aarch64": docker, "4.18.1-multi": index, "latest": index}
    found = MappingProxyType({tag: image.digest for tag, image in digests.items()})
    return Sample(found, low, small, high, large)


async def check_lists_tags(source: ImageSource, sample: Sample) -> None:
    """The listing has every tag once and is sorted."""
    assert await source.tags() == sorted(sample.digests)


async def check_resolves_tags(source: ImageSource, sample: Sample) -> None:
    """What a tag resolves to is what it points to, if the source tells at all."""
    for tag, digest in sample.digests.items():
        assert await source.resolve(tag) in {digest, None}


async def check_says_what_is_missing(source: ImageSource, sample: Sample) -> None:
    """A tag or digest that is not there raises ImageMissing with the status 404."""
    assert "no-such-tag" not in sample.digests
    asked: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: source.manifest("no-such-tag"),
        lambda: source.manifest(_ABSENT),
        lambda: source.resolve("no-such-tag"),
    )
    for ask in asked:
        try:
            await ask()
        except ImageMissing as missing:
            assert missing.status == 404
        else:
            raise AssertionError("something absent was found")


async def check_manifest_matches_digest(source: ImageSource, sample: Sample) -> None:
    """A manifest is the same by tag and by digest, and its digest is that of its content."""
    for tag, digest in sample.digests.items():
        by_tag, by_digest = await source.manifest(tag), await source.manifest(digest)
        assert by_tag.digest == by_digest.digest == digest_of(by_tag.content) == digest
        assert by_tag.content == by_digest.content


async def check_manifests_parse(source: ImageSource, sample: Sample) -> None:
    """The type that a source states agrees with the body, also for images that an index refers to."""
    top = await source.manifest("4.18.1-multi")
    index = parse_manifest(top.content, top.media_type)
    assert isinstance(index, Index)
    assert [entry.architecture for entry in index.entries] == ["amd64", "arm64"]
    for entry in index.entries:
        child = await source.manifest(entry.descriptor.digest)
        image = parse_manifest(child.content, child.media_type)
        assert isinstance(image, Image)
        assert [layer.digest for layer in image.layers] == [sample.small.digest, sample.large.digest]


async def check_pours_whole_blobs(source: ImageSource, sample: Sample) -> None:
    """A sink that wants all gets all, in order, whatever the size of the first range."""
    for first in (1000, SMALL_BYTES, 16 * 1024, LARGE_BYTES + 1, None):
        sink = Collected()
        received = await source.pour(sample.large, sink, first=first)
        assert sink.content == sample.large_content
        assert received == sample.large.size
    sink = Collected()
    assert await source.pour(sample.small, sink) == sample.small.size
    assert sink.content == sample.small_content


async def check_pours_a_prefix(source: ImageSource, sample: Sample) -> None:
    """A sink that has enough is fed no more, and little more than it needed was read."""
    sink = Collected(limit=40_000)
    received = await source.pour(sample.large, sink, first=16 * 1024)
    assert sink.content == sample.large_content[: len(sink.content)]
    assert len(sink.content) >= 40_000
    assert sink.calls_after_enough == 0
    assert len(sink.content) <= received <= 7 * 16 * 1024


async def check_reads_from_any_byte(source: ImageSource, sample: Sample) -> None:
    """Whoever copies gets the bytes from where he is to the end, and none after it."""
    for start in (0, 1, LARGE_BYTES // 2, LARGE_BYTES - 1, LARGE_BYTES):
        read = b"".join([piece async for piece in source.read(sample.large, start)])
        assert read == sample.large_content[start:]


async def check_reads_no_blob_that_is_not_as_described(source: ImageSource, sample: Sample) -> None:
    """A blob that is not there, or is longer or shorter than its descriptor says, is an error."""
    absent = replace(sample.small, digest=_ABSENT)
    other = [replace(sample.small, size=size) for size in (sample.small.size - 10, sample.small.size + 10)]
    for blob in (absent, *other):
        try:
            async for _ in source.read(blob):
                pass
        except (RemoteError, DataError):
            continue
        raise AssertionError(f"{blob} was read")


async def check_refuses_a_wrong_size(source: ImageSource, sample: Sample) -> None:
    """A blob that is shorter or longer than its descriptor says is an error, and never overfeeds."""
    for size in (sample.small.size + 10, sample.small.size - 10):
        sink = Collected()
        try:
            await source.pour(replace(sample.small, size=size), sink)
        except (RemoteError, DataError):
            assert len(sink.content) <= size
        else:
            raise AssertionError(f"a blob of {sample.small.size} bytes passed as one of {size}")


async def check_misses_a_blob(source: ImageSource, sample: Sample) -> None:
    """A blob that is not there is an error that feeds nothing."""
    sink = Collected()
    try:
        await source.pour(replace(sample.small, digest=_ABSENT), sink)
    except (RemoteError, DataError):
        assert not sink.content
    else:
        raise AssertionError("an absent blob was poured")


CHECKS: tuple[Callable[[ImageSource, Sample], Awaitable[None]], ...] = (
    check_lists_tags,
    check_resolves_tags,
    check_says_what_is_missing,
    check_manifest_matches_digest,
    check_manifests_parse,
    check_pours_whole_blobs,
    check_pours_a_prefix,
    check_reads_from_any_byte,
    check_reads_no_blob_that_is_not_as_described,
    check_refuses_a_wrong_size,
    check_misses_a_blob,
)
"""The whole contract."""


def _noise(seed: bytes, size: int) -> bytes:
    return hashlib.shake_256(seed).digest(size)
