"""What the commands about signatures share: which options they have, and what they open."""

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import click

from upgraph.errors import UserError
from upgraph.errors.problems.signing import SIGNING_REQUEST
from upgraph.oci import Access, ImageName, ImageSource, is_digest, parse_image_name
from upgraph.service.building.sources import access_of, open_images
from upgraph.service.configuration import Configuration
from upgraph.service.trust import keyring_contents
from upgraph.signing import (
    AddressStore,
    CollectedStore,
    Keyring,
    Policy,
    SignatureReach,
    open_store,
    read_keyrings,
)

F = TypeVar("F", bound=Callable[..., Any])

SIGNATURES_HELP = (
    "Where signatures are: the http or https address of a store, a directory, an archive, ConfigMap manifests,"
    " or an image that `upgraph signatures push` made. Can be given several times."
)


def signatures_option(*, required: bool) -> Callable[[F], F]:
    """Where signatures are."""
    return click.option(
        "--signatures", "stores", multiple=True, required=required, metavar="SOURCE", help=SIGNATURES_HELP
    )


def keyring_option(*, required: bool) -> Callable[[F], F]:
    """Whom to trust."""
    return click.option(
        "--keyring",
        "keyrings",
        multiple=True,
        required=required,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Public keys that are trusted, armoured or binary, or a ConfigMap of a release with such keys."
        " Of several keyrings every one must have signed; of the keys in one, any.",
    )


def policy_option(function: F) -> F:
    """How strict to be."""
    option: Callable[[F], F] = click.option(
        "--policy",
        type=click.Choice([one.value for one in Policy]),
        default=Policy.STRICT.value,
        show_default=True,
        callback=lambda _context, _parameter, value: Policy(value),
        help="What is accepted: strict, or what the Cluster Version Operator accepts.",
    )
    return option(function)


def read_keyring_files(paths: Iterable[Path]) -> tuple[Keyring, ...]:
    """The keyrings of all files.

    Raises:
        UserError: a file cannot be read.
        DataError: it is no keyring.
    """
    files = tuple(paths)
    contents = zip(files, keyring_contents(files), strict=True)
    return tuple(ring for path, content in contents for ring in read_keyrings(content, str(path)))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A release that somebody named."""

    name: str
    digest: str
    identity: str | None
    """Its name with a tag, if it was given with one."""


class Places:
    """Opens stores and images under a configuration. An async context manager that closes all of them."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self.access: Access = access_of(configuration, os.environ)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def concurrency(self) -> int:
        """Requests at a time."""
        return self._configuration.concurrency

    def images(self, name: ImageName) -> ImageSource:
        """Where an image lies."""
        return open_images(name, self._configuration, self.access)

    def stores(self, texts: Sequence[str]) -> list[CollectedStore | AddressStore]:
        """The stores that texts name, opened."""
        reach = SignatureReach(self.access, self.images, self._configuration.concurrency)
        opened = []
        for text in texts:
            store = open_store(text, reach)
            self._stack.push_async_callback(store.close)
            opened.append(store)
        return opened

    async def wanted(self, text: str) -> Wanted:
        """The release that ``text`` names: a digest, a pull spec, or an image whose tag is looked up.

        Raises:
            UserError: it names none.
            RemoteError, DataError: its tag could not be looked up.
        """
        if is_digest(text):
            return Wanted(text, text, None)
        named = parse_image_name(text)
        if named.reference is not None and is_digest(named.reference):
            return Wanted(text, named.reference, None)
        source = self.images(named)
        async with source:
            digest = (await source.manifest(named.in_registry)).digest
        return Wanted(text, digest, _identity(named))


def _identity(name: ImageName) -> str:
    return f"{name.place}:{name.in_registry}".partition("://")[2] or str(name)


def only_local(stores: Sequence[CollectedStore | AddressStore]) -> list[CollectedStore]:
    """The stores, none of which may be an address: nobody can ask one what it holds.

    Raises:
        UserError: one is.
    """
    addresses = [store.name for store in stores if isinstance(store, AddressStore)]
    if addresses:
        remedy = "Fetch from it first: upgraph signatures fetch RELEASE... --signatures ADDRESS -o DIR"
        seen = f"{addresses[0]} does not tell what it holds; it can only be asked for a digest"
        raise UserError(SIGNING_REQUEST, seen, remedy=remedy)
    return [store for store in stores if isinstance(store, CollectedStore)]


def some(digests: Iterable[str]) -> list[str]:
    """The digests that were named, sorted, each once.

    Raises:
        UserError: there is none.
    """
    found = sorted(set(digests))
    if not found:
        raise UserError(SIGNING_REQUEST, "no release is named, neither as an argument nor with --releases")
    return found
