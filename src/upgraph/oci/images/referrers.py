"""What refers to an image: signatures and other artifacts whose manifests name it as their subject.

Registries that keep account of that list it under an address of its own (distribution specification 1.1, "Listing
Referrers"). For all others, and on disks, clients keep the list themselves, as an index under a tag that is made of
the digest. A list is complete or an error, as that of tags is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Protocol, runtime_checkable

import msgspec

from upgraph.errors import DataError
from upgraph.errors.problems import oci as problems
from upgraph.oci.images.digest import Digest, parse_digest
from upgraph.oci.images.documents import reference_to
from upgraph.oci.images.listing import Pages
from upgraph.oci.images.manifest import OCI_INDEX, Descriptor
from upgraph.oci.images.reference import Repository
from upgraph.oci.images.source import ImageMissing, ImageSource

MAX_REFERRERS = 1024
"""Most referrers of one image."""


class _Entry(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str
    digest: str
    size: Annotated[int, msgspec.Meta(ge=0)]
    artifact_type: str = ""
    annotations: dict[str, str] | None = None


class _Index(msgspec.Struct, frozen=True):
    manifests: list[_Entry] | None


_DECODER = msgspec.json.Decoder(_Index)


@dataclass(frozen=True, slots=True)
class Referrer:
    """Something that refers to an image."""

    manifest: Descriptor
    artifact_type: str
    """What it is; empty if that is not said."""
    annotations: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Referred(Protocol):
    """A source that may know what refers to an image."""

    async def referrers(self, digest: Digest) -> tuple[Referrer, ...] | None:
        """What refers to it; None if the source keeps no account of that."""
        ...


class ReferrerListing:
    """A listing of referrers while it is read from a registry.

    Args:
        source: name of the repository, for messages.
        path: path of the listing at the registry.
        repository: where links may lead.
    """

    def __init__(self, source: str, path: str, repository: Repository) -> None:
        self.is_new = True
        """Whether no page was read yet."""
        self._pages = Pages(source, path, repository)
        self._found: list[Referrer] = []

    @property
    def next(self) -> str | None:
        """Path and query of the page to read next; None: the listing is complete."""
        return self._pages.next

    def add(self, body: bytes, link: str | None) -> None:
        """Take the page that ``next`` asked for.

        Raises:
            RemoteError: the page is not valid, or the listing cannot become complete.
        """
        self.is_new = False
        try:
            self._found += _entries(body)
        except ValueError as error:
            raise self._pages.broken(f"a page of referrers {error}") from error
        if len(self._found) > MAX_REFERRERS:
            raise self._pages.broken(f"more than {MAX_REFERRERS} referrers of one image")
        self._pages.advance(link)

    def referrers(self) -> tuple[Referrer, ...]:
        """All of them, each once, ordered by digest."""
        return _ordered(self._found)


def fallback_tag(digest: Digest) -> str:
    """The tag under which clients keep the list where the registry keeps none."""
    return digest.replace(":", "-", 1)


async def still_there(source: ImageSource, referrers: Iterable[Referrer]) -> list[Referrer]:
    """Those that the source has. A list may be older than a clean-up, and registries refuse one with what is gone.

    Raises:
        RemoteError, DataError: the source could not be asked for one of them.
    """
    return [one for one in referrers if await _is_there(source, one.manifest.digest)]


async def _is_there(source: ImageSource, digest: Digest) -> bool:
    try:
        await source.manifest(digest)
    except ImageMissing:
        return False
    return True


async def referrers_of(source: ImageSource, digest: Digest) -> tuple[Referrer, ...]:
    """What refers to an image, wherever that is kept, ordered by digest.

    Raises:
        RemoteError, DataError: the list could not be read. There is no partial list.
    """
    if isinstance(source, Referred):
        known = await source.referrers(digest)
        if known is not None:
            return known
    tag = fallback_tag(digest)
    try:
        manifest = await source.manifest(tag)
    except ImageMissing:
        return ()
    try:
        found = _entries(manifest.content)
    except ValueError as error:
        seen = f"{source.name}:{tag}, the list of what refers to an image, {error}"
        raise DataError(problems.INVALID_MANIFEST, seen) from error
    if len(found) > MAX_REFERRERS:
        raise DataError(problems.TOO_LARGE, f"{source.name}:{tag} lists more than {MAX_REFERRERS} referrers")
    return _ordered(found)


def referrer_index(referrers: Sequence[Referrer]) -> dict[str, object]:
    """The index that stands under the fallback tag."""
    manifests = [_document(referrer) for referrer in _ordered(referrers)]
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}


def _document(referrer: Referrer) -> dict[str, object]:
    document = reference_to(referrer.manifest)
    if referrer.artifact_type:
        document["artifactType"] = referrer.artifact_type
    if referrer.annotations:
        document["annotations"] = dict(referrer.annotations)
    return document


def _entries(body: bytes) -> list[Referrer]:
    try:
        entries = _DECODER.decode(body).manifests or []
        return [
            Referrer(
                Descriptor(entry.media_type, parse_digest(entry.digest), entry.size),
                entry.artifact_type,
                entry.annotations or {},
            )
            for entry in entries
        ]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"is no index: {error}") from error
    except DataError as error:
        raise ValueError(f"names something unusable: {error.seen}") from error


def _ordered(found: Sequence[Referrer]) -> tuple[Referrer, ...]:
    unique = {referrer.manifest.digest: referrer for referrer in found}
    return tuple(unique[digest] for digest in sorted(unique))
