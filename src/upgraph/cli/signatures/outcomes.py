"""What is said of the signatures of a release: in one word, by whom, and if none counts, why not."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from upgraph.cli.output import printable
from upgraph.errors import RemoteError, UpgraphError, VerificationError
from upgraph.errors.problems.cosign import COSIGN_MISSING
from upgraph.errors.problems.signing import SIGNATURE_MISSING
from upgraph.payload import SignatureOutcome
from upgraph.signing import Candidate, Signer, VerifiedDigest

VALID = "valid"
NOT_VERIFIED = "not verified"
"""Said where there are no keys; it is not good, and not bad."""
_DIGEST = re.compile(r"(sha256[:=-][0-9a-f]{12})[0-9a-f]{52}")
_SHOWN_CHARACTERS = 400
"""Characters of a reason in a narrow table: some five reasons, each with the place of its signature."""
_MISSING = (SIGNATURE_MISSING, COSIGN_MISSING)


class SignedBy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who vouches for a release."""

    key: str
    """Fingerprint."""
    algorithm: str = ""
    """Of a key of cosign."""
    keyring: str = ""
    """The keyring that it satisfies; keys of cosign are in none."""
    signed: str = ""
    """The time that the signer says, ISO 8601; signatures of cosign have none."""
    identity: str
    """The name under which the release was signed, which proves nothing."""
    place: str
    """Where the signature was found."""


@dataclass(frozen=True, slots=True)
class Found:
    """What may be a signature, and nobody verified."""

    place: str
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of the signatures of a release."""

    signature: str
    """valid, missing, invalid, unknown or not verified."""
    signers: tuple[SignedBy, ...] = ()
    found: tuple[Found, ...] = ()
    """What lies there, where nothing was verified."""
    reason: str = ""


def standing(outcome: SignatureOutcome) -> Standing:
    """What came of verifying."""
    if isinstance(outcome, UpgraphError):
        return Standing(_word(outcome), reason=outcome.seen)
    if isinstance(outcome, VerifiedDigest):
        return Standing(VALID, tuple(map(_signed_by, outcome.signers)))
    signers = [
        SignedBy(
            key=signer.key.fingerprint,
            algorithm=signer.key.algorithm,
            identity=signer.identity,
            place=signer.place,
        )
        for signer in outcome.signers
    ]
    return Standing(VALID, tuple(signers))


def unverified(present: Sequence[Candidate] | UpgraphError | None) -> Standing:
    """What is known where there are no keys.

    Args:
        present: what lies there, or why it could not be found out; None if nobody looked.
    """
    if isinstance(present, UpgraphError):
        return Standing(_word(present), reason=present.seen)
    if present is None:
        return Standing(NOT_VERIFIED, reason="name a source with --signatures and keys with --keyring")
    found = tuple(Found(one.place, len(one.content)) for one in present)
    return Standing(NOT_VERIFIED, found=found, reason="name keys with --keyring")


def lines(kind: str, one: Standing) -> Iterator[str]:
    """What people read of one kind of signatures."""
    yield f"Signature ({kind}): {one.signature}{f' ({one.reason})' if one.reason else ''}"
    for signer in one.signers:
        said = (signer.key, signer.algorithm, signer.keyring, signer.signed, signer.identity, signer.place)
        yield f"  {'  '.join(filter(None, said))}"
    for found in one.found:
        yield f"  {found.place}  {found.size:,} bytes"


def short_reason(reason: str) -> str:
    """A reason for a narrow table: digests are cut, never what is said of them."""
    cut = _DIGEST.sub(r"\1", printable(reason))
    return cut if len(cut) <= _SHOWN_CHARACTERS else f"{cut[:_SHOWN_CHARACTERS]}..."


def _word(error: UpgraphError) -> str:
    if isinstance(error, VerificationError) and error.problem in _MISSING:
        return "missing"
    return "unknown" if isinstance(error, RemoteError) else "invalid"


def _signed_by(signer: Signer) -> SignedBy:
    signed = datetime.fromtimestamp(signer.signed_at, UTC).isoformat()
    return SignedBy(
        key=signer.key,
        keyring=signer.keyring,
        signed=signed,
        identity=signer.identity,
        place=signer.place,
    )
