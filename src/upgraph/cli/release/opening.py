"""Releases that commands name, opened and read whole."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from upgraph.cli.images import Opener, meant_reference
from upgraph.oci import ImageName, ImageSource, Manifest, OnDisk, parse_image_name
from upgraph.payload import Member, Payload, choose, read_members, read_payload


@dataclass(frozen=True, slots=True)
class Opened:
    """A release, read whole."""

    name: ImageName
    manifest: Manifest
    """What the name points to: an image or an index."""
    members: tuple[Member, ...]
    payload: Payload

    @property
    def pull_spec(self) -> str:
        """The name with its digest."""
        place, digest = self.name.place, self.manifest.digest
        return str(ImageName(place, digest)) if isinstance(place, OnDisk) else f"{place.name}@{digest}"


@asynccontextmanager
async def opened(opener: Opener, name: ImageName) -> AsyncIterator[tuple[ImageSource, str]]:
    """The source of an image, and the tag or digest that is meant there."""
    async with opener.images(name) as source:
        yield source, await meant_reference(name, source)


async def read_opened(opener: Opener, text: str, architecture: str | None) -> Opened:
    """Read the release that ``text`` names; of an index the image for an architecture.

    Raises:
        UpgraphError: it cannot be read, or is no release.
    """
    name = parse_image_name(text)
    async with opened(opener, name) as (source, reference):
        manifest = await source.manifest(reference)
        members = await read_members(source, manifest)
        return Opened(name, manifest, members, await read_payload(source, choose(members, architecture)))
