"""What the name of a graph-data image stands for now, from the registry itself.

A tag is asked for again and again, and costs one small request while it stays. What was found last holds while the registry
does not answer. No pod is started for it, and each UpdateService asks for itself, with its own login and authorities.
"""

from dataclasses import dataclass

import msgspec

from upgraph.errors import DataError, UpgraphError
from upgraph.errors.problems.graphdata import IMAGE
from upgraph.graphdata.image import this_architecture
from upgraph.oci import (
    Access,
    Descriptor,
    Image,
    ImageName,
    ImageSource,
    Index,
    RegistryClient,
    Repository,
    is_digest,
    parse_manifest,
    read_blob,
)
from upgraph.operator.inputs.values import GraphDataImage

MAX_CONFIG_BYTES = 1024 * 1024
"""Bytes of the largest configuration of an image that is read."""
CONCURRENCY = 2
"""Requests to a registry at once."""

_SHELLS = frozenset({"sh", "bash", "ash", "dash", "ksh", "zsh"})


class _Config(msgspec.Struct):
    """What an image is started with."""

    entrypoint: list[str] | None = msgspec.field(name="Entrypoint", default=None)
    cmd: list[str] | None = msgspec.field(name="Cmd", default=None)


class _Document(msgspec.Struct):
    config: _Config | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of asking."""

    found: GraphDataImage | None = None
    fault: UpgraphError | None = None


async def look(name: ImageName, access: Access, known: GraphDataImage | None = None) -> Looked:
    """Ask the registry what an image is.

    Args:
        name: of the image.
        access: login, authorities and proxy.
        known: what was found before; where the digest is the same nothing more is read.
    """
    if not isinstance(name.place, Repository):
        return Looked(fault=DataError(IMAGE, f"{name} is in no registry"))
    try:
        async with RegistryClient(name.place, access=access, concurrency=CONCURRENCY) as images:
            return Looked(await _look(images, name, known))
    except UpgraphError as error:
        return Looked(fault=error)


def copies_itself(command: list[str]) -> bool:
    """Whether an image that is started with a command can have one that puts its data into a volume.

    An image without a command, or with the shell of its base alone, copies nothing: the service reads it by itself.
    """
    if not command:
        return False
    return len(command) > 1 or command[0].rpartition("/")[2] not in _SHELLS


async def _look(images: ImageSource, name: ImageName, known: GraphDataImage | None) -> GraphDataImage:
    reference = name.in_registry
    digest = reference if is_digest(reference) else await images.resolve(reference)
    if known is not None and digest is not None and known.digest == digest:
        return known
    manifest = await images.manifest(digest or reference)
    image = await _for_this_machine(images, parse_manifest(manifest.content, manifest.media_type))
    command = await _command(images, image.config)
    return GraphDataImage(manifest.digest, copies_itself(command))


async def _for_this_machine(images: ImageSource, parsed: Image | Index) -> Image:
    """The image itself, or the one of an index: their commands are the same for all architectures."""
    if isinstance(parsed, Image):
        return parsed
    if not parsed.images:
        raise DataError(IMAGE, f"{images.name}: the index has no image")
    fitting = [one for one in parsed.images if one.architecture == this_architecture()]
    chosen = (fitting or list(parsed.images))[0].descriptor
    manifest = await images.manifest(chosen.digest)
    inner = parse_manifest(manifest.content, chosen.media_type)
    if isinstance(inner, Index):
        raise DataError(IMAGE, f"{images.name}: the index leads to another index, {chosen.digest}")
    return inner


async def _command(images: ImageSource, config: Descriptor) -> list[str]:
    if config.size > MAX_CONFIG_BYTES:
        raise DataError(IMAGE, f"{images.name}: its configuration has {config.size} bytes")
    content = await read_blob(images, config, f"the configuration of {images.name}")
    try:
        document = msgspec.json.decode(content, type=_Document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(IMAGE, f"{images.name}: its configuration is not valid: {error}") from error
    found = document.config or _Config()
    return [*(found.entrypoint or ()), *(found.cmd or ())]
