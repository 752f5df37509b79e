"""From what sources hold to releases: the pull spec clusters are told, and the digest of all of them."""

import hashlib
from collections.abc import Iterable

from upgraph.graph import Release
from upgraph.payload import ReleaseImage
from upgraph.service.building.library import Image


def release_of(image: ReleaseImage, repository: str) -> Release:
    """The release that an image is, pulled from ``repository`` (``host[:port]/path``)."""
    document = image.metadata.document
    return Release(
        version=document.version.with_build(image.arch),
        payload=f"{repository}@{image.digest}",
        digest=image.digest,
        metadata=document.metadata,
        previous=document.previous,
        next=document.next,
        provenance=image.metadata.provenance,
    )


def releases_of(images: Iterable[Image], repository: str) -> tuple[Release, ...]:
    """The releases among images, sorted by version and digest."""
    releases = (release_of(image, repository) for image in images if isinstance(image, ReleaseImage))
    return tuple(sorted(releases, key=lambda release: (release.version.key, release.digest)))


def digest_of(releases: Iterable[Release]) -> str:
    """Identity of a set of releases. A digest fixes the content, so pull spec and provenance are all that is added."""
    total = hashlib.sha256()
    for release in releases:
        total.update(f"{release.version}\0{release.payload}\0{release.provenance}\n".encode())
    return total.hexdigest()
