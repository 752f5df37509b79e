"""The body of a release signature: a claim that a digest is known by a name. Read strictly, written in one form.

Source: containers/image ``docs/atomic-signature.md``; the Cluster Version Operator (library-go
``pkg/verify/verify.go``) refuses unknown fields and does not look at the value of the name.
"""

import json
from dataclasses import dataclass
from typing import Literal

import msgspec

from upgraph.errors import DataError
from upgraph.errors.problems.signing import SIGNATURE_REFUSED
from upgraph.oci import Digest

TYPE = "atomic container signature"

_SHOWN = 160


class _Image(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    docker_manifest_digest: str


class _Identity(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    docker_reference: str


class _Critical(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    image: _Image
    identity: _Identity


class _Optional(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    creator: str = ""
    timestamp: int = 0


class _Body(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    critical: _Critical
    optional: _Optional | None = None


_decode = msgspec.json.Decoder(_Body).decode
_scan = json.JSONDecoder().raw_decode


@dataclass(frozen=True, slots=True)
class Claim:
    """What was signed."""

    digest: str
    identity: str
    """The name under which the signer knew it, ``host/repository:tag``."""
    creator: str = ""


def parse_claim(content: bytes, *, rest: Literal["refused", "ignored"]) -> Claim:
    """The claim in the body of a signature.

    Args:
        content: what gpgv gave.
        rest: what becomes of something behind the JSON value; clusters ignore it.

    Raises:
        DataError: it is no such claim.
    """
    try:
        body = _decode(_first_value(content) if rest == "ignored" else content)
    except (ValueError, RecursionError) as error:
        raise _refused(f"what was signed is no release signature: {str(error)[:_SHOWN]}") from error
    if body.critical.type != TYPE:
        raise _refused(f"what was signed is of the type {body.critical.type[:_SHOWN]!r} instead of {TYPE!r}")
    if not body.critical.identity.docker_reference:
        raise _refused("what was signed names no image (docker-reference is empty)")
    return Claim(
        body.critical.image.docker_manifest_digest,
        body.critical.identity.docker_reference,
        body.optional.creator if body.optional else "",
    )


def _first_value(content: bytes) -> bytes:
    text = content.decode().lstrip(" \t\r\n")
    _, end = _scan(text)
    return text[:end].encode()


def write_claim(digest: Digest, identity: str, creator: str) -> bytes:
    """The body of a signature. It has no time: that of the signature itself counts."""
    body = _Body(
        critical=_Critical(type=TYPE, image=_Image(digest), identity=_Identity(identity)),
        optional=_Optional(creator=creator),
    )
    return msgspec.json.encode(body)


def _refused(seen: str) -> DataError:
    return DataError(SIGNATURE_REFUSED, seen)
