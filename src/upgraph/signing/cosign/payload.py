"""What a signature of cosign is over: a small JSON document that names one image by its digest. Pure.

Source: containers-signature(5) with the type that cosign's signature specification gives it. The name of the
image in it proves nothing here: images are copied to other registries, and clusters pull them by digest.
"""

from dataclasses import dataclass

import msgspec

from upgraph.oci import Digest

PAYLOAD_TYPE = "cosign container image signature"
MAX_PAYLOAD_BYTES = 64 * 1024
"""Largest payload; cosign writes about 250 bytes, more with annotations."""
_SHOWN = 160


class _Identity(msgspec.Struct, frozen=True):
    reference: str = msgspec.field(name="docker-reference")


class _Image(msgspec.Struct, frozen=True):
    digest: str = msgspec.field(name="docker-manifest-digest")


class _Critical(msgspec.Struct, frozen=True):
    identity: _Identity
    image: _Image
    type: str


class _Payload(msgspec.Struct, frozen=True):
    critical: _Critical
    optional: dict[str, msgspec.Raw] | None = None


_DECODER = msgspec.json.Decoder(_Payload)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a payload says."""

    digest: str
    """The digest as it is written, which may be none."""
    identity: str
    """The name under which the image was signed."""


def read_payload(payload: bytes) -> Claim:
    """What a payload says; it has been found to be signed before.

    Raises:
        ValueError: it is no payload of cosign; the text says why.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"the payload has {len(payload)} bytes; {MAX_PAYLOAD_BYTES} are accepted")
    try:
        critical = _DECODER.decode(payload).critical
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the payload cannot be read: {str(error)[:_SHOWN]}") from error
    if critical.type != PAYLOAD_TYPE:
        raise ValueError(f"the payload has the type {critical.type[:_SHOWN]!r}, not {PAYLOAD_TYPE!r}")
    return Claim(critical.image.digest, critical.identity.reference)


def write_payload(digest: Digest, identity: str) -> bytes:
    """The payload to sign. The same arguments give the same bytes."""
    document = {
        "critical": {
            "identity": {"docker-reference": identity},
            "image": {"docker-manifest-digest": digest},
            "type": PAYLOAD_TYPE,
        },
        # Readers of the containers library insist on it.
        "optional": {"creator": "upgraph"},
    }
    return msgspec.json.encode(document, order="deterministic")
