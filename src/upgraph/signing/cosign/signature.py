"""A signature of cosign as it lies in a registry: a layer of an image, with the signature in an annotation. Pure.

One such image may have several layers, which are signatures of several people. It is found under a tag that is made
of the digest of the signed image, or because it refers to that image (:mod:`upgraph.signing.cosign.finding`).
"""

import base64
import binascii
from dataclasses import dataclass

import msgspec

from upgraph.errors import DataError
from upgraph.errors.problems import cosign as problems
from upgraph.oci import Descriptor, Digest, Image, Manifest, parse_digest, parse_manifest
from upgraph.signing.cosign.payload import MAX_PAYLOAD_BYTES

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
"""Media type of a layer that is a payload."""
SIGNATURE = "dev.cosignproject.cosign/signature"
"""The annotation with the signature, in base64."""
CERTIFICATE = "dev.sigstore.cosign/certificate"
"""The annotation of a signature whose key lived for minutes and is vouched for by a certificate."""
SIGNATURE_ARTIFACT = "application/vnd.dev.cosign.artifact.sig.v1+json"
"""Type of such an image where it refers to the one that is signed."""
BUNDLE_PREFIX = "application/vnd.dev.sigstore.bundle"
"""What the types of the newer form begin with, at the image and at its layer."""
MAX_LAYERS = 64
"""Most signatures in one image that are looked at."""
MAX_SIGNATURE_CHARACTERS = 16 * 1024
"""Longest signature in base64; those of RSA with 8,192 bits have 1,366."""


@dataclass(frozen=True, slots=True)
class CosignSignature:
    """A signature that was found or made, and not verified."""

    payload: bytes
    signature: bytes
    place: str
    """Where it was found, for messages."""
    is_keyless: bool = False
    """Whether it comes with a certificate, so that it was probably not made with a key that lasts."""


@dataclass(frozen=True, slots=True)
class SignatureLayer:
    """A signature whose payload has not been read yet."""

    payload: Descriptor
    signature: bytes
    is_keyless: bool


class _Layer(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str
    digest: str
    size: int
    annotations: dict[str, str] | None = None


class _Layers(msgspec.Struct, frozen=True):
    layers: list[_Layer]


_DECODER = msgspec.json.Decoder(_Layers)


def signature_tag(digest: Digest) -> str:
    """The tag under which cosign keeps the signatures of an image."""
    return f"{digest.replace(':', '-', 1)}.sig"


def signature_layers(manifest: Manifest, place: str) -> tuple[list[SignatureLayer], list[DataError]]:
    """The signatures in an image, and what in it cannot be used.

    Args:
        manifest: of the image, checked against its digest.
        place: where it was found, for messages.
    """
    try:
        if not isinstance(parse_manifest(manifest.content, manifest.media_type), Image):
            return [], [unusable(place, "it is an index and no image")]
        layers = _DECODER.decode(manifest.content).layers
    except (DataError, msgspec.MsgspecError) as error:
        return [], [unusable(place, error.seen if isinstance(error, DataError) else str(error))]
    if len(layers) > MAX_LAYERS:
        return [], [unusable(place, f"it has {len(layers)} layers; {MAX_LAYERS} are accepted")]
    found: list[SignatureLayer] = []
    faults: list[DataError] = []
    for layer in layers:
        try:
            found.append(_signature(layer, place))
        except DataError as error:
            faults.append(error)
    return found, faults


def unusable(place: str, reason: str) -> DataError:
    """The error for something that should be a signature."""
    return DataError(problems.COSIGN_UNUSABLE, f"{place}: {reason}")


def bundle(place: str) -> DataError:
    """The error for a signature in the newer form."""
    return DataError(problems.COSIGN_BUNDLE, f"{place} is a Sigstore bundle")


def _signature(layer: _Layer, place: str) -> SignatureLayer:
    if layer.media_type.startswith(BUNDLE_PREFIX):
        raise bundle(place)
    if layer.media_type != SIMPLE_SIGNING:
        raise unusable(place, f"a layer has the type {layer.media_type[:100]!r}, not {SIMPLE_SIGNING}")
    if not 0 < layer.size <= MAX_PAYLOAD_BYTES:
        raise unusable(place, f"a payload has {layer.size} bytes; 1 to {MAX_PAYLOAD_BYTES} are accepted")
    annotations = layer.annotations or {}
    written = annotations.get(SIGNATURE, "")
    if not 0 < len(written) <= MAX_SIGNATURE_CHARACTERS:
        raise unusable(place, f"the annotation {SIGNATURE} has {len(written)} characters")
    try:
        signature = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError) as error:
        raise unusable(place, f"the annotation {SIGNATURE} is not base64") from error
    payload = Descriptor(layer.media_type, parse_digest(layer.digest), layer.size)
    return SignatureLayer(payload, signature, bool(annotations.get(CERTIFICATE)))
