"""Options with keys of cosign, and what commands do with them: images signed and verified where they lie."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from upgraph.errors import DataError, UpgraphError, UserError
from upgraph.errors.problems import cosign as problems
from upgraph.oci import Digest, Gateway, ImageName, OnDisk, Repository, is_digest, parse_image_name
from upgraph.service.plain_file import open_plain
from upgraph.signing.cosign import (
    MAX_KEY_FILE_BYTES,
    CosignVerified,
    PublicKey,
    SigningKey,
    attach_cosign,
    digests_to_sign,
    parse_public_keys,
    parse_signing_key,
    refer_cosign,
    sign_cosign,
    verify_cosign_image,
)

F = TypeVar("F", bound=Callable[..., Any])

PASSPHRASE_VARIABLE = "COSIGN_PASSWORD"  # noqa: S105 - its name, and no passphrase
"""Environment variable with the passphrase of a key, as cosign has it."""
PLACES = {"tag": attach_cosign, "referrer": refer_cosign}
"""Where a signature is put."""
DEFAULT_PLACE = "tag"

_FILE = click.Path(path_type=Path, dir_okay=False)


def trusted_key_option(function: F) -> F:
    """``--cosign-key``, the parameter ``cosign_keys``."""
    decorated: F = click.option(
        "--cosign-key",
        "cosign_keys",
        type=_FILE,
        multiple=True,
        metavar="FILE",
        help="PEM file with public keys for signatures of cosign, which lie beside the image; any of them may have"
        " signed. Can be given several times.",
    )(function)
    return decorated


def signing_key_options(function: F) -> F:
    """``--key``, ``--passphrase-file``, ``--attach`` and ``--recursive``, and parameters of those names."""
    options = (
        click.option(
            "--key",
            type=_FILE,
            metavar="FILE",
            help="Private key to sign with like cosign: PEM of any tool, or of `cosign generate-key-pair`.",
        ),
        click.option(
            "--passphrase-file",
            type=_FILE,
            metavar="FILE",
            help="File with the passphrase of the key, for machines where nobody can be asked."
            f" [env: {PASSPHRASE_VARIABLE} for --key, the passphrase itself]",
        ),
        click.option(
            "--attach",
            type=click.Choice(sorted(PLACES)),
            help=f"With --key: put the signature under cosign's tag, or let it refer to the image."
            f" [default: {DEFAULT_PLACE}]",
        ),
        click.option(
            "--recursive",
            is_flag=True,
            help="With --key: sign every image of an index too. podman and CRI-O look at the one of their"
            " architecture.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def trusted_keys(files: tuple[Path, ...]) -> tuple[PublicKey, ...]:
    """The public keys in some files.

    Raises:
        DataError: a file cannot be read, or holds something else.
    """
    return tuple(key for file in files for key in parse_public_keys(_content(file), str(file)))


def signing_key(
    file: Path, passphrase_file: Path | None, environment: Mapping[str, str] = os.environ
) -> SigningKey:
    """The private key in a file, opened with the passphrase of another file or of the environment.

    Raises:
        DataError: a file cannot be read, the key is of no use, or the passphrase is missing or wrong.
    """
    passphrase = environment[PASSPHRASE_VARIABLE].encode() if PASSPHRASE_VARIABLE in environment else None
    if passphrase_file is not None:
        # Editors and `echo` end a line.
        passphrase = _content(passphrase_file).rstrip(b"\r\n")
    return parse_signing_key(_content(file), str(file), passphrase)


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found out about an image."""

    name: str
    digest: Digest
    outcome: CosignVerified | UpgraphError
    """Why no key vouches for it, or why that could not be found out."""


async def examine_image(text: str, keys: tuple[PublicKey, ...], gateway: Gateway) -> Examined:
    """Verify the image that ``text`` names, by what lies beside it.

    Raises:
        UserError: the name is not valid.
        DataError, RemoteError: the image itself could not be read.
    """
    name = named_image(text)
    images = await gateway.source(name)
    (digest, *_) = await digests_to_sign(images, name.in_registry)
    try:
        return Examined(text, digest, await verify_cosign_image(images, digest, keys))
    except UpgraphError as error:
        return Examined(text, digest, error)


async def sign_image(  # noqa: PLR0913 - each is an option of the command
    text: str, key: SigningKey, gateway: Gateway, *, identity: str, attach: str, recursive: bool
) -> list[tuple[Digest, str]]:
    """Sign the image that ``text`` names, and put the signature beside it.

    Args:
        text: a name in a registry or a layout.
        key: the key.
        gateway: opens both. It has no mirrors: what a mirror holds is not what stands where we write.
        identity: the name under which the image is known; empty: its repository.
        attach: one of ``PLACES``.
        recursive: whether every image of an index is signed too.

    Returns:
        What was signed, and under which tag or digest the signature lies.

    Raises:
        UserError: the name is not valid, or a signature cannot be added there.
        DataError, RemoteError: something could not be read or written.
    """
    name = named_image(text)
    _refuse_archive(name)
    images, destination = await gateway.source(name), await gateway.destination(name)
    digests = await digests_to_sign(images, name.in_registry)
    signed = []
    for digest in digests if recursive else digests[:1]:
        made = sign_cosign(digest, identity or _identity(name), key)
        signed.append((digest, await PLACES[attach](digest, made, images, destination)))
    return signed


def named_image(text: str) -> ImageName:
    """The image that ``text`` names, with its place.

    Raises:
        UserError: it is a digest alone, or no name.
    """
    if is_digest(text):
        seen = f"{text} is a digest alone, and signatures of cosign lie beside the image"
        remedy = f"Name the image with its place: HOST/REPOSITORY@{text}, or oci:DIRECTORY:{text}."
        raise UserError(problems.COSIGN_IMAGE, seen, remedy=remedy)
    return parse_image_name(text)


def _refuse_archive(name: ImageName) -> None:
    if isinstance(name.place, OnDisk) and name.place.scheme != "oci":
        # Whatever is written there takes the place of all that it holds.
        seen = f"{name}: a signature cannot be added to what is written as a whole"
        remedy = "Copy the image into a layout (oci:DIRECTORY:TAG) or a registry, sign it there, and copy both back."
        raise UserError(problems.COSIGN_SIGNING, seen, remedy=remedy)


def _identity(name: ImageName) -> str:
    return name.place.name if isinstance(name.place, Repository) else ""


def _content(file: Path) -> bytes:
    try:
        with open_plain(file) as opened:
            # One more than is accepted, so that the reader sees that it is too long.
            return opened.read(MAX_KEY_FILE_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(problems.COSIGN_KEY, f"{file} cannot be read: {reason}") from error
