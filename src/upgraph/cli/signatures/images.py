"""Signatures of cosign for ``upgraph signatures``: images verified and signed where they lie."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import click

from upgraph.cli.cosign_options import Examined, examine_image, sign_image
from upgraph.cli.output import show_findings
from upgraph.oci import Gateway, read_mirrors
from upgraph.service.building.sources import access_of, mirrors_of
from upgraph.service.configuration import Configuration
from upgraph.signing.cosign import PublicKey, SigningKey


@dataclass(frozen=True, slots=True)
class Order:
    """How images are signed."""

    key: SigningKey
    identity: str
    """The name under which they are known; empty: their repository."""
    attach: str
    """Where a signature is put, one of :data:`upgraph.cli.cosign_options.PLACES`."""
    recursive: bool
    """Whether every image of an index is signed too."""


async def examine_images(
    chosen: Configuration, names: Sequence[str], keys: tuple[PublicKey, ...]
) -> list[Examined]:
    """Verify images by what lies beside them, through mirrors if there are rules for them.

    Raises:
        UserError: a name is not valid.
        DataError, RemoteError: an image could not be read.
    """
    access = access_of(chosen, os.environ)
    async with Gateway(access, mirrors=mirrors_of(chosen), concurrency=chosen.concurrency) as gateway:
        examined = [await examine_image(name, keys, gateway) for name in names]
        show_findings(gateway.take_findings())
    return examined


async def sign_images(chosen: Configuration, names: Sequence[str], order: Order) -> None:
    """Sign images, put each signature beside its image, and print what was signed as soon as it is.

    Raises:
        UpgraphError: see :func:`upgraph.cli.cosign_options.sign_image`.
    """
    # Without mirrors: what is signed has to be what stands where the signature is put.
    mirrors = read_mirrors([])
    access = access_of(chosen, os.environ)
    async with Gateway(access, mirrors=mirrors, concurrency=chosen.concurrency) as gateway:
        for name in names:
            signed = await sign_image(
                name,
                order.key,
                gateway,
                identity=order.identity,
                attach=order.attach,
                recursive=order.recursive,
            )
            for digest, place in signed:
                click.echo(f"{digest}  {place}")
