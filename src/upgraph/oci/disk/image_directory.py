"""Images in directories as skopeo writes them (``dir:path``), as a source of images.

Such a directory holds one image: ``manifest.json``, ``version``, blobs named by the digits of their digest,
and for an index the manifests of its images as ``DIGITS.manifest.json``. A directory of such directories is
a repository whose tags are their names. There is no index, so the names of files are listed instead: what
has not changed since is not listed again.
"""

import asyncio
import os
import re
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from itertools import islice
from math import inf
from pathlib import Path
from typing import TypeVar

from upgraph.errors import DataError, RemoteError
from upgraph.errors.problems import oci as problems
from upgraph.oci.disk.folder import Folder, Stamp, stamp_of
from upgraph.oci.disk.storage import pour_blob, read_blob, read_whole
from upgraph.oci.images.closing import Closing
from upgraph.oci.images.digest import Digest, digest_of, is_digest, parse_digest, verify
from upgraph.oci.images.manifest import MAX_MANIFEST_BYTES, Descriptor
from upgraph.oci.images.source import FIRST_RANGE_BYTES, ImageMissing, Manifest, Sink

MAX_IMAGES = 100_000
"""Most subdirectories."""
MAX_FILES = 1_000_000
"""Most blobs and manifests in all of them."""
LISTING_SECONDS = 120.0
"""Longest time for listing all directories."""
LISTING_AGE_SECONDS = 1.0
"""Age of the listing up to which content that is not in it is called missing without another look."""

_MANIFEST = "manifest.json"
_VERSION = "version"
_KNOWN_VERSION = b"Directory Transport Version: 1."
_MAX_VERSION_BYTES = 4096
_MAX_SHOWN = 40
_RECOVERY = "lost+found"
"""Every ext4 file system has it, and only root may look into it."""
_CONTENT = re.compile(r"([0-9a-f]{64}|[0-9a-f]{128})(\.manifest\.json)?")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Image:
    """What one directory held when it had ``stamp``."""

    stamp: tuple[Stamp, Stamp | None]
    """Of the directory and of its manifest."""
    digest: Digest | None
    """Of its manifest; none if the image cannot be used."""
    fault: str
    """Why it cannot be used."""
    names: frozenset[str]
    """Its blobs and further manifests."""
    inside: str
    """Path of the directory, from that of the source."""

    def path_of(self, file: str) -> str:
        """Path of one of its files."""
        return f"{self.inside}/{file}" if self.inside else file


@dataclass(frozen=True, slots=True)
class _Listing:
    images: Mapping[str, _Image]
    """By tag."""
    places: Mapping[str, _Image]
    """By the names of files and the digests of manifests."""
    made_at: float = -inf


class DirectorySource(Closing):
    """The images of a directory that skopeo wrote, or of a directory of them.

    The one image of a directory has its name as tag.

    Args:
        path: the directory; it may be a symbolic link.
        clock: seconds that only grow.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._path = path
        self._folder = Folder(path, "dir", problems.INVALID_DIRECTORY)
        self._listing = _Listing({}, {})
        self._in_work = asyncio.Lock()

    @property
    def name(self) -> str:
        """``dir:path``."""
        return self._folder.name

    async def tags(self) -> list[str]:
        """See :meth:`ImageSource.tags`."""
        return sorted((await self._list()).images)

    async def resolve(self, reference: str) -> Digest | None:
        """See :meth:`ImageSource.resolve`. A directory always knows."""
        if is_digest(reference):
            return (await self.manifest(reference)).digest
        return (await self._usable(reference))[1]

    async def manifest(self, reference: str) -> Manifest:
        """See :meth:`ImageSource.manifest`. A directory does not state types, bodies do."""
        if is_digest(reference):
            return await self._by_digest(parse_digest(reference))
        image, _ = await self._usable(reference)
        content = await self._read(image.path_of(_MANIFEST), f"the manifest of {reference!a}")
        return Manifest(digest_of(content), "", content)

    async def pour(self, blob: Descriptor, into: Sink, *, first: int | None = FIRST_RANGE_BYTES) -> int:
        """See :meth:`ImageSource.pour`."""
        return await pour_blob(self._folder, await self._blob_path(blob), blob, into, first)

    async def read(self, blob: Descriptor, start: int = 0) -> AsyncGenerator[bytes, None]:
        """See :meth:`ImageSource.read`."""
        path = await self._blob_path(blob)
        async with aclosing(read_blob(self._folder, path, blob, start)) as pieces:
            async for piece in pieces:
                yield piece

    async def close(self) -> None:
        """Nothing to give back."""

    async def _blob_path(self, blob: Descriptor) -> str:
        digits = blob.digest.partition(":")[2]
        image = await self._holder(digits)
        if image is None:
            raise DataError(problems.CONTENT_MISSING, f"{self.name}: the blob {blob.digest} is not there")
        return image.path_of(digits)

    async def _by_digest(self, digest: Digest) -> Manifest:
        further = f"{digest.partition(':')[2]}.{_MANIFEST}"
        image = await self._holder(digest) or await self._holder(further)
        if image is None:
            raise ImageMissing(problems.IMAGE_MISSING, f"{self.name} has no {digest}", status=404)
        what = f"the manifest {digest}"
        file = _MANIFEST if image.digest == digest else further
        content = await self._read(image.path_of(file), what)
        verify(content, digest, f"{self.name}: {what}")
        return Manifest(digest, "", content)

    async def _read(self, inside: str, what: str) -> bytes:
        try:
            return await read_whole(self._folder, inside, MAX_MANIFEST_BYTES, what)
        except FileNotFoundError as error:
            # It was there a moment ago: a copy that is being replaced, not an image that was taken away.
            raise DataError(problems.CONTENT_MISSING, f"{self.name}: {what} is not there") from error

    async def _usable(self, tag: str) -> tuple[_Image, Digest]:
        """The image that a tag means now, and its digest.

        Raises:
            ImageMissing: there is no such tag.
            DataError: the image cannot be used.
        """
        image = self._listing.images.get(tag)
        if image is None or self._has_changed(image):
            image = (await self._list()).images.get(tag)
        if image is None:
            raise ImageMissing(problems.IMAGE_MISSING, f"{self.name} has no image {tag!a}", status=404)
        if image.digest is None:
            raise DataError(problems.DIRECTORY_ENTRY, f"{self.name}: {tag!a} {image.fault}")
        return image, image.digest

    def _has_changed(self, image: _Image) -> bool:
        try:
            return _stamps(self._path / image.inside) != image.stamp
        except OSError:
            return True

    async def _holder(self, name: str) -> _Image | None:
        """The image in whose directory there is a file with this name, or a manifest with this digest."""
        found = self._listing.places.get(name)
        if found is None and self._clock() - self._listing.made_at > LISTING_AGE_SECONDS:
            found = (await self._list()).places.get(name)
        return found

    async def _list(self) -> _Listing:
        async with self._in_work:
            before = self._listing.images
            images = await self._in_thread(lambda: self._list_now(before))
            self._listing = _Listing(images, _places(images), self._clock())
            return self._listing

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        try:
            async with asyncio.timeout(LISTING_SECONDS):
                return await asyncio.to_thread(work)
        except TimeoutError as error:
            seen = f"{self.name} was not listed within {LISTING_SECONDS:.0f} s"
            raise RemoteError(problems.TIMEOUT, seen, retryable=True) from error
        except OSError as error:
            raise self._folder.invalid(f"it cannot be listed: {error.strerror}") from error

    def _list_now(self, before: Mapping[str, _Image]) -> dict[str, _Image]:
        if _is_image(self._path):
            names = [""]
        else:
            names = sorted(islice(_subdirectories(self._path), MAX_IMAGES + 1))
        if not names:
            raise self._folder.invalid(f"it has neither {_MANIFEST} nor a subdirectory with an image")
        if len(names) > MAX_IMAGES:
            raise self._too_large(f"more than {MAX_IMAGES} subdirectories")
        images = {}
        for name in names:
            tag = _tag(name or self._path.absolute().name)
            with suppress(FileNotFoundError):  # it was taken away in this moment
                images[tag] = self._image(name, before.get(tag))
        if sum(len(image.names) for image in images.values()) > MAX_FILES:
            raise self._too_large(f"more than {MAX_FILES} files of images")
        return images

    def _too_large(self, seen: str) -> DataError:
        return DataError(problems.TOO_LARGE, f"{self.name} has {seen}")

    def _image(self, inside: str, before: _Image | None) -> _Image:
        stamp = _stamps(self._path / inside)
        if before is not None and before.stamp == stamp:
            return before
        names: frozenset[str] = frozenset()
        try:
            names = _content_names(self._path / inside)
            version = self._read_now(inside, _VERSION, _MAX_VERSION_BYTES)
            if version.startswith(_KNOWN_VERSION):
                digest = digest_of(self._read_now(inside, _MANIFEST, MAX_MANIFEST_BYTES))
                return _Image(stamp, digest, "", names, inside)
            fault = f"has the version {version[:_MAX_SHOWN]!r}; 1.x is known"
        except FileNotFoundError as error:
            fault = f"has no {Path(str(error.filename)).name}"
        except OSError as error:
            fault = f"cannot be read: {error.strerror}"
        except DataError as error:
            fault = f"cannot be read: {error.seen}"
        return _Image(stamp, None, fault, names, inside)

    def _read_now(self, inside: str, name: str, limit: int) -> bytes:
        with self._folder.open_now(str(Path(inside, name)), name) as file:
            if file.size > limit:
                raise DataError(problems.TOO_LARGE, f"{name} has {file.size} bytes; {limit} are accepted")
            return file.read(file.size)


def _is_image(path: Path) -> bool:
    return (path / _MANIFEST).exists()


def _subdirectories(path: Path) -> Iterable[str]:
    """The subdirectories that hold an image, or a part of one."""
    with os.scandir(path) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and entry.name != _RECOVERY and _may_be_image(Path(entry.path)):
                yield entry.name


def _may_be_image(path: Path) -> bool:
    try:
        return (path / _VERSION).exists() or _is_image(path)
    except OSError:
        # What cannot be looked into is listed: left out it would look deleted.
        return True


def _content_names(path: Path) -> frozenset[str]:
    with os.scandir(path) as entries:
        return frozenset(entry.name for entry in entries if _CONTENT.fullmatch(entry.name))


def _stamps(path: Path) -> tuple[Stamp, Stamp | None]:
    # The directory changes with the names in it, the manifest when it is written over.
    try:
        manifest = stamp_of((path / _MANIFEST).stat())
    except OSError:
        manifest = None
    return stamp_of(path.stat()), manifest


def _tag(name: str) -> str:
    # A name that is not UTF-8 could not be stored or printed.
    return name.encode(errors="backslashreplace").decode() or "latest"


def _places(images: Mapping[str, _Image]) -> dict[str, _Image]:
    """The first image that has a file or a manifest, by the name of the file or the digest of the manifest."""
    places: dict[str, _Image] = {}
    for image in images.values():
        for name in (*image.names, *filter(None, [image.digest])):
            places.setdefault(name, image)
    return places
