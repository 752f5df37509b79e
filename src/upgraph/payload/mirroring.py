"""Where the images of a release go when they are copied, and how clusters find them there.

A tag for each keeps a registry from clearing them away; clusters name them by their digests and never by tags.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from upgraph.errors import DataError, UserError
from upgraph.errors.problems.payload import COMPONENT_UNPINNED, REFERENCES_INVALID
from upgraph.oci import ImageName, Repository, parse_image_name
from upgraph.oci.images.listing import TAG
from upgraph.payload.references import Component

MIRROR_SET = "ImageDigestMirrorSet"
MIRROR_SET_VERSION = "config.openshift.io/v1"
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Placed:
    """An image of a release, and the tag that it gets."""

    source: ImageName
    """By its digest."""
    tag: str


def placed(releases: Mapping[str, Sequence[Component]], prefix: str) -> list[Placed]:
    """What has to be copied for a release, each image once, by tag.

    Args:
        releases: the components by architecture: those of an index may refer to different images.
        prefix: how the tags begin, for example ``4.18.1-x86_64``.

    Raises:
        DataError: an image is not named by its digest, a component by something that can be no tag, or two images would
            get one tag.
    """
    by_name: dict[str, dict[ImageName, str]] = {}
    for architecture, components in releases.items():
        for component in components:
            # Of an image that several have, the first names it.
            by_name.setdefault(component.name, {}).setdefault(_source(component), architecture)
    found = [
        Placed(source, _tag(f"{prefix}-{name}" + (f"-{architecture}" if len(sources) > 1 else "")))
        for name, sources in by_name.items()
        for source, architecture in sources.items()
    ]
    by_tag: dict[str, Placed] = {}
    for one in found:
        # The name of a component may end like the architecture of another.
        other = by_tag.setdefault(one.tag, one)
        if other != one:
            seen = f"image-references cannot be used: {other.source} and {one.source} would both be {one.tag}"
            raise DataError(REFERENCES_INVALID, seen)
    return [by_tag[tag] for tag in sorted(by_tag)]


def mirror_set(sources: Iterable[ImageName], mirror: Repository, name: str) -> dict[str, object]:
    """The object by which the nodes of a cluster ask a mirror for images that a release names elsewhere.

    Args:
        sources: the images.
        mirror: the repository that has them all.
        name: of the object.
    """
    repositories = sorted({source.place.name for source in sources if isinstance(source.place, Repository)})
    entries = [{"source": one, "mirrors": [mirror.name]} for one in repositories if one != mirror.name]
    return {
        "apiVersion": MIRROR_SET_VERSION,
        "kind": MIRROR_SET,
        "metadata": {"name": name},
        "spec": {"imageDigestMirrors": entries},
    }


def _source(component: Component) -> ImageName:
    what = f"{component.name[:_SHOWN]}: its pull spec"
    try:
        name = parse_image_name(component.pull_spec)
    except UserError as error:
        raise DataError(COMPONENT_UNPINNED, f"{what} cannot be used: {error.seen}") from error
    if component.digest is None or not isinstance(name.place, Repository):
        raise DataError(COMPONENT_UNPINNED, f"{what} is {component.pull_spec[:_SHOWN]!r}")
    return name


def _tag(text: str) -> str:
    if TAG.fullmatch(text) is None:
        seen = f"image-references cannot be used: {text[:_SHOWN]!r} can be no tag in a registry"
        raise DataError(REFERENCES_INVALID, seen)
    return text
