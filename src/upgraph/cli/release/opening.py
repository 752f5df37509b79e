"""Images that commands name: opened as the settings say, through mirrors if there are rules for them."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from upgraph.cli.settings import setting_options
from upgraph.errors import DataError
from upgraph.errors.problems.payload import IMAGE_UNNAMED
from upgraph.oci import (
    Access,
    ImageName,
    ImageSource,
    Manifest,
    OnDisk,
    Repository,
    is_digest,
    parse_image_name,
)
from upgraph.payload import Member, Payload, choose, read_members, read_payload
from upgraph.service.building.sources import access_of, open_images
from upgraph.service.configuration import Configuration

F = TypeVar("F", bound=Callable[..., Any])

_MAX_SHOWN = 5
"""Tags of a layout that a message names."""


def access_options(function: F) -> F:
    """The options of commands that read images."""
    return setting_options("mirrors", "ca", "authfile", "authfile_search", "concurrency")(function)


class Opener:
    """Opens images under one configuration; everything that is outside of this process is read here, once."""

    def __init__(self, chosen: Configuration) -> None:
        self._chosen = chosen
        self.access: Access = access_of(chosen, os.environ)

    def images(self, name: ImageName) -> ImageSource:
        """Where an image lies. Nothing is contacted yet."""
        return open_images(name, self._chosen, self.access)

    def repository(self, place: Repository) -> ImageSource:
        """A repository that a release refers to."""
        return self.images(ImageName(place, None))

    def repository_beside(self, name: ImageName) -> Callable[[Repository], ImageSource]:
        """Opens repositories that a release at ``name`` refers to: on its own host in the way it is reached."""
        if not isinstance(name.place, Repository):
            return self.repository
        host, scheme = name.place.host, name.place.scheme

        def opened(place: Repository) -> ImageSource:
            return self.repository(replace(place, scheme=scheme) if place.host == host else place)

        return opened


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
        yield (
            source,
            name.in_registry if isinstance(name.place, Repository) else await _reference(name, source),
        )


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


async def _reference(name: ImageName, source: ImageSource) -> str:
    """What is meant where images lie on a disk: what is named, or the only one that there is."""
    if name.reference is not None:
        return name.reference
    tags = [tag for tag in await source.tags() if not is_digest(tag)]
    if len(tags) == 1:
        return tags[0]
    shown = ", ".join(tags[:_MAX_SHOWN]) + (", ..." if len(tags) > _MAX_SHOWN else "")
    raise DataError(IMAGE_UNNAMED, f"{source.name} has {len(tags)} tags{': ' if tags else ''}{shown}")
