"""Finds the signatures of cosign that lie beside an image.

1. The image under the tag ``sha256-DIGITS.sig``, where cosign keeps them by default.
2. Images that refer to the signed one, as the registry lists them, or as clients list them under the tag
   ``sha256-DIGITS`` where it does not.

What cannot be used is told and passed over: another signature may be good. That a place could not be asked is an
error, since an image would look unsigned.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass

from upgraph.errors import DataError, VerificationError
from upgraph.oci import (
    Descriptor,
    Digest,
    ImageMissing,
    ImageSource,
    Manifest,
    Referrer,
    parse_digest,
    read_blob,
    referrers_of,
)
from upgraph.signing.cosign.public_keys import PublicKey
from upgraph.signing.cosign.signature import (
    BUNDLE_PREFIX,
    SIGNATURE_ARTIFACT,
    CosignSignature,
    bundle,
    signature_layers,
    signature_tag,
    unusable,
)
from upgraph.signing.cosign.verifying import CosignVerified, verify_cosign

MAX_SIGNATURES = 128
"""Most signatures of one image that are looked at."""

_Found = CosignSignature | DataError


@dataclass(frozen=True, slots=True)
class CosignFound:
    """What lies beside an image."""

    signatures: tuple[CosignSignature, ...]
    faults: tuple[DataError, ...]
    """What should be a signature and cannot be used."""


async def find_cosign(images: ImageSource, digest: str) -> CosignFound:
    """All signatures of an image, in the order of their places, each once.

    Args:
        images: the repository of the image.
        digest: of the manifest or index that is signed.

    Raises:
        DataError: it is no digest, or a list of referrers cannot be read.
        RemoteError: a place could not be asked.
    """
    found = [one async for one in _candidates(images, parse_digest(digest))]
    unique: dict[tuple[bytes, bytes], CosignSignature] = {}
    for one in found:
        if isinstance(one, CosignSignature):
            unique.setdefault((one.payload, one.signature), one)
    faults = {one.seen: one for one in found if isinstance(one, DataError)}
    return CosignFound(tuple(unique.values()), tuple(faults.values()))


async def verify_cosign_image(images: ImageSource, digest: str, keys: Sequence[PublicKey]) -> CosignVerified:
    """Verify that one of ``keys`` signed the image, by what lies beside it. No more is asked than is needed.

    Raises:
        VerificationError: there is no signature, or none is good; the message has the reason for each.
        DataError, RemoteError: see :func:`find_cosign`.
    """
    signatures: list[CosignSignature] = []
    faults: list[DataError] = []
    async with aclosing(_candidates(images, parse_digest(digest))) as candidates:
        async for one in candidates:
            if isinstance(one, DataError):
                faults.append(one)
                continue
            signatures.append(one)
            with suppress(VerificationError):
                return verify_cosign(digest, [one], keys)
    return verify_cosign(digest, signatures, keys, faults=faults)


async def _candidates(images: ImageSource, digest: Digest) -> AsyncGenerator[_Found, None]:
    count = 0
    async for one in _everywhere(images, digest):
        count += 1
        if count > MAX_SIGNATURES:
            yield unusable(f"{images.name}@{digest}", f"it has more than {MAX_SIGNATURES} signatures")
            return
        yield one


async def _everywhere(images: ImageSource, digest: Digest) -> AsyncGenerator[_Found, None]:
    tag = signature_tag(digest)
    try:
        manifest = await images.manifest(tag)
    except ImageMissing:
        pass
    else:
        async for one in _signatures(images, manifest, f"{images.name}:{tag}"):
            yield one
    for referrer in await referrers_of(images, digest):
        async for one in _referring(images, referrer):
            yield one


async def _referring(images: ImageSource, referrer: Referrer) -> AsyncGenerator[_Found, None]:
    place = f"{images.name}@{referrer.manifest.digest}"
    if referrer.artifact_type.startswith(BUNDLE_PREFIX):
        yield bundle(place)
        return
    if referrer.artifact_type != SIGNATURE_ARTIFACT:
        return
    try:
        manifest = await images.manifest(referrer.manifest.digest)
    except ImageMissing:
        yield unusable(place, "it is listed and not there")
        return
    async for one in _signatures(images, manifest, place):
        yield one


async def _signatures(images: ImageSource, manifest: Manifest, place: str) -> AsyncGenerator[_Found, None]:
    layers, faults = signature_layers(manifest, place)
    for layer in layers:
        try:
            payload = await _payload(images, layer.payload, place)
        except DataError as error:
            yield error
            continue
        yield CosignSignature(payload, layer.signature, place, layer.is_keyless)
    for fault in faults:
        yield fault


async def _payload(images: ImageSource, blob: Descriptor, place: str) -> bytes:
    try:
        return await read_blob(images, blob, "the payload")
    except VerificationError as error:
        raise unusable(place, error.seen) from error
