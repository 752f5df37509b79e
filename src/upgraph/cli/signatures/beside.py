"""Signatures of cosign as they lie beside images, each by itself: whose they are, or why nobody can tell."""

import os
from collections.abc import Iterator, Sequence

import msgspec

from upgraph.cli.cosign_options import named_image
from upgraph.cli.output import Format, emit_document, print_table, printable, show_findings
from upgraph.cli.signatures.outcomes import short_reason
from upgraph.errors import VerificationError
from upgraph.oci import Digest, Gateway
from upgraph.service.building.sources import access_of, mirrors_of
from upgraph.service.configuration import Configuration
from upgraph.signing.cosign import (
    CosignFound,
    CosignSignature,
    PublicKey,
    find_cosign,
    verify_cosign,
)

_SHOWN_DIGITS = 19


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What lies beside an image."""

    image: str
    digest: str
    signature: str
    """``valid``, ``invalid``, ``not verified`` without keys, ``unusable``, or ``missing`` if there is none."""
    place: str = ""
    identity: str = ""
    """The name under which the image was signed; it is shown only where a trusted key vouches for it."""
    keyless: bool = False
    """Whether it comes with a certificate instead of a key that lasts."""
    key: str = ""
    """Fingerprint of the trusted key that made it."""
    reason: str = ""


async def list_images(
    chosen: Configuration, names: Sequence[str], keys: tuple[PublicKey, ...]
) -> list[Beside]:
    """Everything of cosign that lies beside some images, through mirrors if there are rules for them.

    Raises:
        UserError: a name is not valid.
        DataError, RemoteError: an image, or a place of signatures, could not be read.
    """
    access = access_of(chosen, os.environ)
    rows: list[Beside] = []
    async with Gateway(access, mirrors=mirrors_of(chosen), concurrency=chosen.concurrency) as gateway:
        for text in names:
            name = named_image(text)
            images = await gateway.source(name)
            digest = (await images.manifest(name.in_registry)).digest
            rows += _rows(text, digest, await find_cosign(images, digest), keys)
        show_findings(gateway.take_findings())
    return rows


def _rows(image: str, digest: Digest, found: CosignFound, keys: tuple[PublicKey, ...]) -> Iterator[Beside]:
    if not (found.signatures or found.faults):
        yield Beside(image=image, digest=digest, signature="missing")
    for one in found.signatures:
        yield _row(image, digest, one, keys)
    for fault in found.faults:
        yield Beside(image=image, digest=digest, signature="unusable", reason=fault.seen)


def _row(image: str, digest: Digest, one: CosignSignature, keys: tuple[PublicKey, ...]) -> Beside:
    known = Beside(
        image=image, digest=digest, signature="not verified", place=one.place, keyless=one.is_keyless
    )
    if not keys:
        return msgspec.structs.replace(known, reason="name keys with --cosign-key")
    try:
        (signer,) = verify_cosign(digest, [one], keys).signers
    except VerificationError as error:
        return msgspec.structs.replace(known, signature="invalid", reason=error.seen)
    return msgspec.structs.replace(
        known, signature="valid", identity=signer.identity, key=signer.key.fingerprint
    )


def show_images(rows: Sequence[Beside], output: Format) -> None:
    """Print what lies beside images."""
    if output in (Format.JSON, Format.YAML):
        emit_document(rows, output)
    else:
        print_table([_line(row, is_wide=output is Format.WIDE) for row in rows])


def _line(row: Beside, *, is_wide: bool) -> dict[str, object]:
    said = printable(row.key or row.reason) if is_wide else short_reason(row.key or row.reason)
    return {
        "image": printable(row.image),
        "digest": row.digest if is_wide else row.digest[:_SHOWN_DIGITS],
        "signature": row.signature,
        "made": "keyless" if row.keyless else "with a key" if row.place else "",
        "place": printable(row.place),
        "key or reason": said,
    }
