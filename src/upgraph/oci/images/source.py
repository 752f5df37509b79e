"""The port through which images are read, whatever holds them: a registry, a layout on disk, a simulator.

The contract is kept by the checks in :mod:`upgraph.testing.image_source`, which every adapter passes.
What an adapter gives is either complete and consistent with its digest, or an error: never a part of a
listing, never a manifest that does not match, never a byte of a blob twice.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from upgraph.errors import RemoteError
from upgraph.oci.images.digest import Digest
from upgraph.oci.images.manifest import Descriptor

FIRST_RANGE_BYTES = 16 * 1024
"""First part of a blob that is asked for: the metadata of most release images is complete in it."""
MAX_RANGE_BYTES = 4 * 1024 * 1024
"""Largest part that is asked for at once."""
MAX_TAGS = 1_000_000
"""Most tags of one repository."""


class ImageMissing(RemoteError):  # noqa: N818 - it says that something is gone, which is a fact rather than a fault
    """The source says that it does not have this tag or digest (any more)."""


class Sink(Protocol):
    """Takes the bytes of a blob in their order."""

    def feed(self, chunk: bytes) -> bool:
        """Take the next bytes; false: nothing more is wanted, and nothing more is fed."""
        ...


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as it was published. ``content`` has been checked against ``digest``."""

    digest: Digest
    media_type: str
    """What the source says it is; empty if it does not say. :func:`parse_manifest` compares it with the body."""
    content: bytes


class ImageSource(Protocol):
    """A repository of images. Also an async context manager that closes it."""

    @property
    def name(self) -> str:
        """For messages: ``docker://host/repository`` or ``oci:path``."""
        ...

    async def tags(self) -> list[str]:
        """All tags, sorted, without repeats.

        A name that cannot be used is listed as well: a tag with characters that no tag may have, a tag
        of a layout that points to two images or has no valid digest. Left out it would look deleted, and
        refusing the listing for its sake would hold up all its neighbours. Asking for it raises DataError.

        Raises:
            RemoteError, DataError: the listing could not be read to its end. There is no partial listing.
        """
        ...

    async def resolve(self, reference: str) -> Digest | None:
        """What a tag points to now, learnt in the cheapest way; None if the source cannot tell cheaply.

        Raises:
            ImageMissing: there is no such tag.
            RemoteError: the source could not be asked.
            DataError: the name cannot be used; ``seen`` has it and the reason. Nothing was asked.
        """
        ...

    async def manifest(self, reference: str) -> Manifest:
        """The manifest of a tag or digest.

        Raises:
            ImageMissing: there is no such tag or digest.
            VerificationError: the content does not match the digest.
            RemoteError, DataError: it could not be read, or the name cannot be used (see :meth:`tags`).
        """
        ...

    async def pour(self, blob: Descriptor, into: Sink, *, first: int | None = FIRST_RANGE_BYTES) -> int:
        """Feed the bytes of ``blob`` from its start, until the sink has enough or the blob ends.

        A prefix cannot be checked against the digest of the blob, so nothing is checked here but the
        size. Whoever reads to the end and needs proof lets the sink hash (:class:`~upgraph.oci.Hasher`).

        Args:
            blob: what to read. Not more than ``blob.size`` bytes are fed.
            into: where the bytes go.
            first: bytes asked for first, doubled each time up to 4 MiB; None: all of it in one request.

        Returns:
            Bytes taken from answers of the source, which may be more than were fed. What a server sent
            beyond that, before its connection was closed, is not known and not counted.

        Raises:
            RemoteError, DataError: the blob could not be read, or is not as long as its descriptor says.
        """
        ...

    def read(self, blob: Descriptor, start: int = 0) -> AsyncGenerator[bytes, None]:
        """The bytes of ``blob`` from ``start`` to its end, each once and in order, to be copied elsewhere.

        Unlike :meth:`pour` it goes as fast as its caller takes. As there, only the size is checked. The
        generator is closed by its caller if it is not read to its end.

        Raises:
            RemoteError, DataError: the blob could not be read, or is not as long as its descriptor says.
        """
        ...

    async def close(self) -> None:
        """Give back connections and files. The source is not used afterwards."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
