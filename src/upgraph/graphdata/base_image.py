"""The base that graph data is put on: its image for each architecture, checked before anything is built on it."""

from collections.abc import Mapping, Sequence

import msgspec

from upgraph.errors import DataError, UserError
from upgraph.errors.problems.checking import BASE_PLATFORM
from upgraph.errors.problems.graphdata import IMAGE
from upgraph.graphdata.packing import COPY_COMMAND, Ground
from upgraph.oci import (
    DOCKER_LAYER_GZIP,
    OCI_LAYER_GZIP,
    Descriptor,
    Image,
    ImageSource,
    Index,
    Platform,
    parse_manifest,
    read_blob,
)

MAX_CONFIG_BYTES = 1024 * 1024
"""Bytes of the largest image configuration that is read."""

_LINUX = "linux"
# The same bytes under another name; a manifest of one kind does not list layers of the other.
_AS_OCI = {
    DOCKER_LAYER_GZIP: OCI_LAYER_GZIP,
    "application/vnd.docker.image.rootfs.diff.tar": "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.docker.image.rootfs.diff.tar.zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
}


async def read_bases(images: ImageSource, reference: str, architectures: Sequence[str]) -> tuple[Ground, ...]:
    """The images of a base as grounds on which the data copies itself when it is started.

    Args:
        images: what has the base.
        reference: its tag or digest: an index, or one image.
        architectures: those that are needed.

    Raises:
        UserError: the base lacks an architecture.
        DataError: it is no image for containers.
        RemoteError, VerificationError: it could not be read, or is not what its digest says.
    """
    name = f"the base {images.name} {reference}"
    manifest = await images.manifest(reference)
    parsed = parse_manifest(manifest.content, manifest.media_type)
    if isinstance(parsed, Image):
        ground = await _ground(images, parsed, name)
        found = {ground.platform.architecture: ground}
        _check_complete(found, architectures, name)
        return tuple(found[architecture] for architecture in architectures)
    chosen = _by_architecture(parsed)
    _check_complete(chosen, architectures, name)
    return tuple([await _child(images, chosen[architecture], name) for architecture in architectures])


def _by_architecture(index: Index) -> Mapping[str, tuple[Descriptor, Platform]]:
    found: dict[str, tuple[Descriptor, Platform]] = {}
    for entry in index.entries:
        if entry.os == _LINUX and not entry.is_attestation:
            platform = Platform(entry.architecture, entry.os, entry.variant)
            found.setdefault(entry.architecture, (entry.descriptor, platform))
    return found


def _check_complete(found: Mapping[str, object], architectures: Sequence[str], name: str) -> None:
    missing = [architecture for architecture in architectures if architecture not in found]
    if missing:
        seen = f"{name} has {', '.join(sorted(found)) or 'no image for linux'}, and not {', '.join(missing)}"
        shared = [architecture for architecture in architectures if architecture in found]
        remedy = (
            f"Choose another base, or say {' '.join(f'--arch {one}' for one in shared)}." if shared else None
        )
        raise UserError(BASE_PLATFORM, seen, remedy=remedy)


async def _child(images: ImageSource, entry: tuple[Descriptor, Platform], name: str) -> Ground:
    descriptor, platform = entry
    manifest = await images.manifest(descriptor.digest)
    parsed = parse_manifest(manifest.content, descriptor.media_type)
    if isinstance(parsed, Index):
        raise DataError(IMAGE, f"{name}: the index leads to another index, {descriptor.digest}")
    return await _ground(images, parsed, name, platform)


async def _ground(images: ImageSource, image: Image, name: str, platform: Platform | None = None) -> Ground:
    config = await _config(images, image.config, name)
    architecture, system = config.get("architecture"), config.get("os")
    if not isinstance(architecture, str) or system != _LINUX:
        raise DataError(IMAGE, f"{name}: the image is for {system}/{architecture}")
    return Ground(
        platform=platform or Platform(architecture),
        config=config,
        layers=tuple(
            Descriptor(_AS_OCI.get(layer.media_type, layer.media_type), layer.digest, layer.size)
            for layer in image.layers
        ),
        diff_ids=_diff_ids(config, len(image.layers), name),
        start={"Cmd": list(COPY_COMMAND)},
    )


def _diff_ids(config: Mapping[str, object], layers: int, name: str) -> tuple[str, ...]:
    rootfs = config.get("rootfs")
    listed = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(listed, list) or len(listed) != layers:
        count = len(listed) if isinstance(listed, list) else 0
        raise DataError(IMAGE, f"{name}: the configuration names {count} layers, the manifest {layers}")
    return tuple(map(str, listed))


async def _config(images: ImageSource, blob: Descriptor, name: str) -> dict[str, object]:
    if blob.size > MAX_CONFIG_BYTES:
        raise DataError(
            IMAGE, f"{name}: the configuration has {blob.size} bytes, more than {MAX_CONFIG_BYTES}"
        )
    content = await read_blob(images, blob, f"{name}: the configuration")
    try:
        return msgspec.json.decode(content, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(IMAGE, f"{name}: the configuration cannot be read: {error}") from error
