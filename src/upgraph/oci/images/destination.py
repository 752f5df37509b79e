"""The port through which images are published, whatever takes them: a registry, a layout, an archive, a simulator.

The contract is kept by the checks in :mod:`upgraph.testing.image_destination`, which every adapter passes.
What was put is there, whole and under its digest, or an error was raised. Readers never see a manifest before
the blobs that it names, nor a tag before its manifest: who publishes keeps that order, with
:func:`upgraph.oci.copying.run.copy_image`.
"""

from collections.abc import AsyncGenerator, Callable
from types import TracebackType
from typing import Protocol, Self

from upgraph.oci.images.digest import Digest
from upgraph.oci.images.manifest import Descriptor
from upgraph.oci.images.source import Manifest

BlobReader = Callable[[int], AsyncGenerator[bytes, None]]
"""Gives the bytes of a blob from an offset on. It may be called again, after a connection was lost."""


class ImageDestination(Protocol):
    """A repository that takes images. Also an async context manager that closes it."""

    @property
    def name(self) -> str:
        """For messages: ``docker://host/repository``, ``oci:path`` or ``oci-archive:path``."""
        ...

    async def has_blob(self, blob: Descriptor) -> bool:
        """Whether the blob is there, and need not be put.

        Raises:
            RemoteError, DataError: the destination could not be asked.
        """
        ...

    async def put_blob(self, blob: Descriptor, read: BlobReader) -> None:
        """Store a blob, after its digest and size were checked. Nothing is there until all of it is.

        Raises:
            VerificationError: what ``read`` gave is not what the digest names.
            RemoteError, DataError: it could not be stored, or what ``read`` raised.
        """
        ...

    async def put_manifest(self, manifest: Manifest) -> None:
        """Store a manifest under its digest. What it names has to be there.

        Raises:
            RemoteError, DataError: it could not be stored.
        """
        ...

    async def tagged(self, tag: str) -> Digest | None:
        """What the tag points to now; None if there is no such tag.

        Raises:
            RemoteError, DataError: the destination could not be asked, or can have no such tag.
        """
        ...

    async def holds(self, digest: Digest) -> bool:
        """Whether an image that a tag points to is there with all that it names, in the cheapest way to tell.

        Registries take a manifest only with what it names, and are believed; on a disk it is looked at.

        Raises:
            RemoteError, DataError: the destination could not be asked.
        """
        ...

    async def put_tag(self, tag: str, manifest: Manifest) -> None:
        """Store a manifest and let a tag point to it, whatever it pointed to before. What it names has to be there.

        An image without a tag is given its digest as one: where images are listed, it is then listed under it.

        Raises:
            RemoteError, DataError: it could not be stored, or the destination can have no such tag.
        """
        ...

    async def close(self) -> None:
        """Give back connections and files. The destination is not used afterwards.

        A destination that is one file comes into being at the clean end of the ``async with`` block, and is left
        as it was if the block ends with an error.
        """
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
