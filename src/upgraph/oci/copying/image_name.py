"""What an administrator calls an image: in a registry, or in something on this machine that holds images.

The forms are those of skopeo and podman (containers-transports(5)). A pull spec, as it stands in a graph or in
a release, is understood as well: it is a registry without ``docker://``.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from upgraph.errors import UserError
from upgraph.errors.problems import oci as problems
from upgraph.oci.disk.archive import ArchiveSource
from upgraph.oci.disk.image_directory import DirectorySource
from upgraph.oci.disk.layout import LayoutSource
from upgraph.oci.images.digest import is_digest
from upgraph.oci.images.listing import TAG
from upgraph.oci.images.reference import Repository, without_login
from upgraph.oci.images.source import ImageSource

REGISTRY_SCHEMES = ("docker://", "docker+http://")
DEFAULT_TAG = "latest"
"""What container tools take where a name in a registry has neither tag nor digest."""

DISK_SOURCES: Mapping[str, Callable[[Path], ImageSource]] = {
    "oci": LayoutSource,
    "oci-archive": ArchiveSource,
    "dir": DirectorySource,
}
"""What holds images on this machine, by the scheme of its name."""

_LOCAL = (".", "/", "~")
"""How paths begin and names in registries never do."""
# The shortest path counts, so that the reference may be a digest, which has a colon inside.
_REFERRED = re.compile(r"(?P<path>.+?)(?::(?P<reference>[^/]+))?")


@dataclass(frozen=True, slots=True)
class OnDisk:
    """Something on this machine that holds images."""

    scheme: str
    """``oci``, ``oci-archive`` or ``dir``."""
    path: Path

    def __str__(self) -> str:
        return f"{self.scheme}:{self.path}"

    def source(self) -> ImageSource:
        """Its images. Nothing is opened yet."""
        return DISK_SOURCES[self.scheme](self.path)


@dataclass(frozen=True, slots=True)
class ImageName:
    """An image, or a place of images."""

    place: Repository | OnDisk
    reference: str | None
    """Tag or digest; None if the name has neither."""

    @property
    def in_registry(self) -> str:
        """The reference that counts in a registry, where ``latest`` stands in for none."""
        return self.reference or DEFAULT_TAG

    def __str__(self) -> str:
        if self.reference is None:
            return str(self.place)
        joint = "@" if is_digest(self.reference) and isinstance(self.place, Repository) else ":"
        return f"{self.place}{joint}{self.reference}"


def parse_image_name(text: str) -> ImageName:
    """The image that ``text`` names. Nothing is contacted.

    =====================================================  ==============================================
    ``docker://HOST/REPOSITORY[:TAG|@DIGEST]``             in a registry (``docker+http://`` without TLS)
    ``HOST/REPOSITORY[:TAG|@DIGEST]``                      a pull spec: the same
    ``oci:PATH[:TAG|:DIGEST]``                             in an OCI layout
    ``oci-archive:PATH[:...]``, ``dir:PATH[:...]``         in the archive of a layout, in directories of skopeo
    =====================================================  ==============================================

    Of a tag and a digest together the digest counts, as container engines have it.

    Raises:
        UserError: it names none, or the name is not valid.
    """
    if "\0" in text:
        raise _refusal(text, "a name has no NUL in it")
    scheme, colon, rest = text.partition(":")
    if colon and scheme in DISK_SOURCES:
        path, reference = _on_disk(rest, text)
        return ImageName(OnDisk(scheme, path), reference)
    if text.startswith(REGISTRY_SCHEMES):
        return _in_registry(text)
    if "://" in text:
        raise _refusal(text, f"{scheme}:// is no place of images; a registry is named docker://")
    if "/" not in text or text.startswith(_LOCAL):
        raise _refusal(
            text, "it has no HOST/REPOSITORY; what lies on this machine is named oci:, oci-archive: or dir:"
        )
    return _in_registry(f"docker://{text}")


def names_image(text: str) -> bool:
    """Whether ``text`` says by its scheme that it names an image; a bare pull spec does not."""
    return text.startswith(REGISTRY_SCHEMES) or text.partition(":")[0] in DISK_SOURCES


def _in_registry(text: str) -> ImageName:
    scheme, _, name = text.partition("://")
    name, at, digest = name.partition("@")
    above, slash, last = name.rpartition("/")
    last, colon, tag = last.partition(":")
    if colon and not TAG.fullmatch(tag):
        raise _refusal(text, f"{tag[:200]!r} is no tag of an image")
    if at and not is_digest(digest):
        raise _refusal(text, f"{digest[:200]!r} is no digest of an image")
    if not slash:
        raise _refusal(text, "the path of the repository is missing after the host")
    place = Repository.parse(f"{scheme}://{above}{slash}{last}")
    return ImageName(place, digest if at else tag if colon else None)


def _on_disk(place: str, text: str) -> tuple[Path, str | None]:
    match = _REFERRED.fullmatch(place)
    if match is None:
        raise _refusal(text, "the path is missing")
    # Unlike that of Path it takes names that are too long for the disk, which are then refused when they are opened.
    if os.path.exists(place):  # noqa: PTH110
        return Path(place), None
    return Path(match["path"]), match["reference"]


def _refusal(text: str, reason: str) -> UserError:
    return UserError(problems.INVALID_IMAGE_NAME, f"{without_login(text)!r}: {reason}")
