"""The list of components of a release: ``release-manifests/image-references``, an ImageStream of OpenShift.

Source: ``oc adm release new`` and ``oc adm release info``. Versions and commits are in annotations of the tags.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from upgraph.errors import DataError
from upgraph.errors.problems.payload import REFERENCES_INVALID
from upgraph.oci import is_digest
from upgraph.payload.go_json import go_json

KIND = "ImageStream"
API_VERSION = "image.openshift.io/v1"
VERSIONS = "io.openshift.build.versions"
"""``NAME=VERSION,NAME=VERSION``: what a component brings."""
DISPLAY_NAMES = "io.openshift.build.version-display-names"
COMMIT = "io.openshift.build.commit.id"
SOURCE = "io.openshift.build.source-location"

MAX_COMPONENTS = 10_000
"""Most components of a release; real ones have about 200."""

_IMAGE = "DockerImage"


@dataclass(frozen=True, slots=True)
class Component:
    """An image of a release."""

    name: str
    pull_spec: str
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str | None:
        """The digest in the pull spec; None if it has none."""
        digest = self.pull_spec.rpartition("@")[2]
        return digest if is_digest(digest) else None

    @property
    def versions(self) -> dict[str, str]:
        """Versions of what it brings, by name, sorted."""
        return _pairs(self.annotations.get(VERSIONS, ""))

    @property
    def display_names(self) -> dict[str, str]:
        """Names for people of what it brings."""
        return _pairs(self.annotations.get(DISPLAY_NAMES, ""))


@dataclass(frozen=True, slots=True)
class ImageReferences:
    """The components of a release."""

    name: str
    """Name of the stream: the version of the release."""
    components: tuple[Component, ...]
    """By name."""

    @property
    def versions(self) -> dict[str, str]:
        """Versions that the components bring, by name, sorted; of two that differ the first component's."""
        found: dict[str, str] = {}
        for component in self.components:
            found = component.versions | found
        return dict(sorted(found.items()))


class _Source(msgspec.Struct):
    kind: str = ""
    name: str = ""


class _Tag(msgspec.Struct, rename={"source": "from"}):
    name: str
    source: _Source | None = None
    annotations: dict[str, str] | None = None


class _Spec(msgspec.Struct):
    tags: list[_Tag] | None = None


class _Metadata(msgspec.Struct):
    name: str = ""


class _Stream(msgspec.Struct, rename="camel"):
    kind: str
    api_version: str
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    spec: _Spec = msgspec.field(default_factory=_Spec)


_decode = msgspec.json.Decoder(_Stream).decode


def parse_references(document: bytes) -> ImageReferences:
    """Read a list of components. Unknown keys are ignored; tags that point to no image are left out.

    Raises:
        DataError: it is no such list, or names a component twice.
    """
    try:
        stream = _decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _invalid(str(error)) from error
    if (stream.kind, stream.api_version) != (KIND, API_VERSION):
        seen = f"it is {stream.kind[:80]!r} of {stream.api_version[:80]!r}, not {KIND} of {API_VERSION}"
        raise _invalid(seen)
    tags = stream.spec.tags or []
    if len(tags) > MAX_COMPONENTS:
        raise _invalid(f"it has {len(tags)} components; {MAX_COMPONENTS} are accepted")
    found: dict[str, Component] = {}
    for tag in tags:
        if tag.name in found:
            raise _invalid(f"the component {tag.name[:200]!r} stands there twice")
        if tag.source is not None and tag.source.kind == _IMAGE:
            found[tag.name] = Component(tag.name, tag.source.name, tag.annotations or {})
    return ImageReferences(stream.metadata.name, tuple(found[name] for name in sorted(found)))


def references_document(references: ImageReferences, created: str) -> bytes:
    """The list as ``oc adm release new`` writes it; ``created`` is a time as RFC 3339 writes it."""
    return go_json(
        {
            "kind": KIND,
            "apiVersion": API_VERSION,
            "metadata": {"name": references.name, "creationTimestamp": created},
            "spec": {"lookupPolicy": {"local": False}, "tags": [*map(_tag, references.components)]},
        }
    )


def _tag(component: Component) -> dict[str, object]:
    annotations = (
        {"annotations": dict(sorted(component.annotations.items()))} if component.annotations else {}
    )
    return {"name": component.name, **annotations, "from": {"kind": _IMAGE, "name": component.pull_spec}}


def _pairs(text: str) -> dict[str, str]:
    pairs = (item.partition("=") for item in text.split(",") if "=" in item)
    return dict(sorted((name.strip(), value.strip()) for name, _, value in pairs))


def _invalid(reason: str) -> DataError:
    return DataError(REFERENCES_INVALID, f"image-references cannot be used: {reason}")
