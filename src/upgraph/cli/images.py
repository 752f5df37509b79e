"""Images that commands name: opened as the settings say, through mirrors if there are rules for them."""

import os
from collections.abc import Callable
from dataclasses import replace

from upgraph.errors import DataError
from upgraph.errors.problems.payload import IMAGE_UNNAMED
from upgraph.oci import Access, ImageName, ImageSource, Repository, is_digest
from upgraph.service.building.sources import access_of, open_images
from upgraph.service.configuration import Configuration

_MAX_SHOWN = 5
"""Tags of a layout that a message names."""


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


async def meant_reference(name: ImageName, source: ImageSource) -> str:
    """The tag or digest that a name means: ``latest`` of a registry, on a disk the only one that is there.

    Raises:
        DataError: the name has none, and there are several.
    """
    if isinstance(name.place, Repository):
        return name.in_registry
    if name.reference is not None:
        return name.reference
    tags = [tag for tag in await source.tags() if not is_digest(tag)]
    if len(tags) == 1:
        return tags[0]
    shown = ", ".join(tags[:_MAX_SHOWN]) + (", ..." if len(tags) > _MAX_SHOWN else "")
    raise DataError(IMAGE_UNNAMED, f"{source.name} has {len(tags)} tags{': ' if tags else ''}{shown}")
