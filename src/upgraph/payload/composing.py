"""A release put together: one image, or an index of one for each architecture, on a base or on nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from upgraph.errors import DataError, Finding, Severity, UserError
from upgraph.errors.problems.payload import (
    ARCHITECTURE_MISSING,
    BASE_IS_RELEASE,
    CONFIG_INVALID,
    CONTENT_INVALID,
    NO_OPERATOR_FILES,
)
from upgraph.graph import labels
from upgraph.oci import (
    DOCKER_MANIFEST,
    DOCKER_MANIFEST_LIST,
    OCI_INDEX,
    Composition,
    Descriptor,
    ImageSource,
    Platform,
)
from upgraph.payload.make import BASE_LABEL, Foundation, ReleaseContent, make_release
from upgraph.payload.operator_files import has_operator_files
from upgraph.payload.reader import RELEASE_LABEL, check_architecture
from upgraph.payload.whole import DEFAULT_ARCHITECTURE, Member, read_members

_NAMES_OF_KERNELS = {"x86_64": "amd64", "aarch64": "arm64", "ppc64": "ppc64le"}
"""What `uname -m` says, by which no cluster asks; with some of them a release would look well and reach nobody."""


def bare_foundations(architectures: Sequence[str]) -> tuple[Foundation, ...]:
    """What releases without a base stand on; ``amd64`` if no architecture is named.

    Raises:
        UserError: a name is that of a kernel.
        DataError: a name is none that clusters can ask for.
    """
    for name in architectures:
        if name in _NAMES_OF_KERNELS:
            seen = f"the architecture {name}: clusters and images call it {_NAMES_OF_KERNELS[name]}"
            raise UserError(CONTENT_INVALID, seen)
        check_architecture(name)
    return tuple(map(Foundation, sorted(set(architectures)) or [DEFAULT_ARCHITECTURE]))


async def base_foundations(
    source: ImageSource, reference: str, architectures: Sequence[str]
) -> tuple[Foundation, ...]:
    """The images of a base, or those for the architectures that are named.

    Raises:
        UserError: the base has no image for one of them, or is a release itself.
        DataError, RemoteError, VerificationError: the base cannot be read or used.
    """
    members = await read_members(source, await source.manifest(reference))
    found = {member.config.architecture: _foundation(member) for member in members}
    if len(found) < len(members):
        raise DataError(CONFIG_INVALID, f"{reference}: the base has two images for one architecture")
    lacking = sorted(set(architectures) - found.keys())
    if lacking:
        seen = f"the base is for {', '.join(sorted(found))}; {', '.join(lacking)} was asked for"
        raise UserError(ARCHITECTURE_MISSING, seen)
    return tuple(found[name] for name in sorted(set(architectures) or found))


def compose_release(
    content: ReleaseContent, foundations: Sequence[Foundation], base: ImageSource | None
) -> tuple[Composition, Descriptor]:
    """Make the release.

    Args:
        content: what goes into it. An index gets the mark of a release for several architectures in its metadata.
        foundations: one for each architecture; more than one make an index.
        base: where the layers of the base lie. It is closed with the composition.

    Returns:
        The composition, and the image or index in it.
    """
    images = Composition(f"release {content.version}", base)
    if len(foundations) == 1:
        return images, make_release(images, content, foundations[0])
    content = replace(content, metadata={**content.metadata, labels.RELEASE_ARCHITECTURE: labels.MULTI})
    members = [(make_release(images, content, one), Platform(one.architecture)) for one in foundations]
    is_docker = all(one.media_type == DOCKER_MANIFEST for one in foundations)
    return images, images.index(members, media_type=DOCKER_MANIFEST_LIST if is_docker else OCI_INDEX)


async def base_findings(source: ImageSource, foundations: Sequence[Foundation]) -> list[Finding]:
    """What is doubtful about a base: whether a Cluster Version Operator is in it.

    Raises:
        DataError, RemoteError: a layer cannot be read.
    """
    seen = "no layer of the base has a file below /manifests"
    return [
        Finding(Severity.WARNING, NO_OPERATOR_FILES, seen, one.digest)
        for one in foundations
        if not await has_operator_files(source, one.layers)
    ]


def _foundation(member: Member) -> Foundation:
    if RELEASE_LABEL in member.config.labels:
        version = member.config.labels[RELEASE_LABEL]
        below = member.config.labels.get(BASE_LABEL, "unknown")
        seen = f"the base is the release {version[:80]!r} itself; its own base has the digest {below[:80]}"
        raise UserError(BASE_IS_RELEASE, seen)
    check_architecture(member.config.architecture)
    rootfs = member.config.document.get("rootfs")
    known = rootfs.get("diff_ids") if isinstance(rootfs, Mapping) else None
    layers = member.image.layers
    if not isinstance(known, list) or len(known) != len(layers):
        seen = f"{member.digest}: the configuration does not list the {len(layers)} layers of the base"
        raise DataError(CONFIG_INVALID, seen)
    return Foundation(
        member.config.architecture,
        member.image.media_type,
        member.digest,
        layers,
        member.config.document,
    )
