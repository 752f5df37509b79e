"""Where signatures are, by the name that an administrator gives: one grammar for all commands and the service."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from upgraph.errors import UserError
from upgraph.errors.problems.signing import STORE_UNUSABLE
from upgraph.oci import Access, ImageName, ImageSource, names_image, parse_image_name
from upgraph.signing.address_store import AddressStore
from upgraph.signing.collecting import collect
from upgraph.signing.image_store import ImageStore
from upgraph.signing.stores import CollectedStore, Collection

_ADDRESSES = ("http://", "https://")
_FILE = "file://"


@dataclass(frozen=True, slots=True)
class SignatureReach:
    """How stores are reached that are not on this machine."""

    access: Access
    images: Callable[[ImageName], ImageSource]
    """Opens where an image lies, through mirrors where there are some."""
    concurrency: int = 1
    """Most requests to a store at a time."""


class LocalStore(CollectedStore):
    """A store in a directory or a file; see :func:`~upgraph.signing.collecting.collect` for its forms."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path

    async def read(self, held: Collection | None) -> Collection:  # noqa: ARG002 - no sign tells that it changed
        """See :meth:`CollectedStore.read`."""
        return await asyncio.to_thread(collect, self._path)


def open_store(text: str, reach: SignatureReach) -> CollectedStore | AddressStore:
    """The store that ``text`` names. Nothing is read or contacted yet.

    ========================================================  ========================================
    ``https://HOST/PATH``, ``http://...``                     a store that is asked for each release
    ``docker://HOST/REPOSITORY[:TAG]``, ``oci:PATH:TAG`` ...  an image that is a store
    a path, ``file:///PATH``                                  a directory, an archive, ConfigMaps
    ========================================================  ========================================

    Raises:
        UserError: it names none.
    """
    if text.startswith(_ADDRESSES):
        return AddressStore(text, reach.access, concurrency=reach.concurrency)
    if text.startswith(_FILE):
        return LocalStore(Path(unquote(urlsplit(text).path)))
    if names_image(text):
        named = parse_image_name(text)
        return ImageStore(reach.images(named), named.in_registry)
    if not text.strip():
        raise UserError(STORE_UNUSABLE, "the source of signatures has an empty name")
    return LocalStore(Path(text).expanduser())
