"""From names, as administrators write them, to images that are to be copied."""

from dataclasses import dataclass

from upgraph.errors import DataError, UserError
from upgraph.errors.problems import oci as problems
from upgraph.oci.copying.cargo import Choice
from upgraph.oci.copying.gateway import Gateway
from upgraph.oci.copying.image_name import ImageName, parse_image_name
from upgraph.oci.copying.publishing import destination_tag
from upgraph.oci.copying.run import Order
from upgraph.oci.images.digest import is_digest
from upgraph.oci.images.reference import Repository
from upgraph.oci.images.source import ImageSource

MAX_LIST_BYTES = 16 * 1024 * 1024
"""Largest list of images."""
MAX_LIST_LINES = 100_000
"""Most images of a list."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One line of what is wanted: from where, to where."""

    source: ImageName
    destination: ImageName
    where: str = ""
    """File and line, for messages."""


def parse_list(content: bytes, name: str) -> list[Wish]:
    """The lines ``SOURCE DESTINATION`` of a file; empty lines and what follows ``#`` count for nothing.

    Raises:
        DataError: a line has not two names, or one of them is not valid.
    """
    if len(content) > MAX_LIST_BYTES:
        raise DataError(problems.TOO_LARGE, f"{name} has {len(content)} bytes; {MAX_LIST_BYTES} are accepted")
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError as error:
        raise DataError(
            problems.COPY_LIST, f"{name}: it is not UTF-8 ({error.reason} at {error.start})"
        ) from error
    if len(lines) > MAX_LIST_LINES:
        raise DataError(problems.TOO_LARGE, f"{name} has {len(lines)} lines; {MAX_LIST_LINES} are accepted")
    wishes = []
    for number, line in enumerate(lines, start=1):
        names = line.partition("#")[0].split()
        if names:
            wishes.append(_wish(names, f"{name}:{number}"))
    return wishes


async def order_of(wish: Wish, gateway: Gateway, choice: Choice, *, overwrite: bool) -> Order:
    """The image that a wish is for.

    A destination that names no tag gets that of the source; an image that has none there is found by its digest.

    Raises:
        UserError: it is not clear which image is meant.
        UpgraphError: the source could not be read.
    """
    source, destination = await gateway.source(wish.source), await gateway.destination(wish.destination)
    reference = await _reference(wish.source, source)
    tag = destination_tag(wish.destination) or (None if is_digest(reference) else reference)
    return Order(source, reference, destination, tag, choice, overwrite)


async def every_order(wish: Wish, gateway: Gateway, choice: Choice, *, overwrite: bool) -> list[Order]:
    """All images of a repository, under the tags that they have there.

    Raises:
        UserError: one of the names has a tag or digest.
        UpgraphError: the source could not be listed.
    """
    for name in (wish.source, wish.destination):
        if name.reference is not None:
            seen = f"{name}: all tags were asked for, and this is one"
            raise UserError(problems.AMBIGUOUS_IMAGE, seen)
    source, destination = await gateway.source(wish.source), await gateway.destination(wish.destination)
    return [
        Order(source, tag, destination, None if is_digest(tag) else tag, choice, overwrite)
        for tag in await source.tags()
    ]


async def _reference(name: ImageName, source: ImageSource) -> str:
    if isinstance(name.place, Repository):
        return name.in_registry
    if name.reference is not None:
        return name.reference
    tags = await source.tags()
    if len(tags) != 1:
        shown = ", ".join(tags[:5]) or "none"
        raise UserError(
            problems.AMBIGUOUS_IMAGE, f"{name} holds {len(tags)} images ({shown}), and none was named"
        )
    return tags[0]


def _wish(names: list[str], where: str) -> Wish:
    if len(names) != 2:
        raise DataError(problems.COPY_LIST, f"{where}: {len(names)} names, not 2")
    try:
        return Wish(parse_image_name(names[0]), parse_image_name(names[1]), where)
    except UserError as error:
        raise DataError(error.problem, f"{where}: {error.seen}", remedy=error.remedy) from error
