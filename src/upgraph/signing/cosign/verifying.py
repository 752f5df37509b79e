"""Verifies signatures of cosign with keys that an administrator named. Pure.

1. A signature counts if a trusted key made it over exactly the bytes of its payload, and the payload is of cosign's
   type and names exactly the digest in question. Nothing of a payload is read before its signature is found good.
2. One good signature by any of the keys is enough. A bad one beside it spoils nothing.
3. The name of the image in the payload, certificates, transparency logs and times are not looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from upgraph.errors import DataError, VerificationError
from upgraph.errors.problems import cosign as problems
from upgraph.oci import Digest, parse_digest
from upgraph.signing.cosign.payload import read_payload
from upgraph.signing.cosign.public_keys import PublicKey
from upgraph.signing.cosign.signature import CosignSignature

MAX_REASONS = 9
"""Reasons that a message names."""

_MADE_HERE = object()


@dataclass(frozen=True, slots=True)
class CosignSigner:
    """Whose signature was good, and what it says beside the digest."""

    key: PublicKey
    identity: str
    """The name under which the image was signed, which proves nothing."""
    place: str
    """Where the signature was found."""


@final
class CosignVerified:
    """A digest that a trusted key vouches for. Only :func:`verify_cosign` can make one."""

    __slots__ = ("digest", "signers")

    def __init__(
        self, digest: Digest, signers: tuple[CosignSigner, ...], *, made_here: object = None
    ) -> None:
        if made_here is not _MADE_HERE:
            raise TypeError("a digest is verified by its signature and not by saying so")
        self.digest = digest
        self.signers = signers
        """One for each good signature, at least one."""

    def __repr__(self) -> str:
        return f"CosignVerified({self.digest!r})"


def verify_cosign(
    digest: str,
    signatures: Sequence[CosignSignature],
    keys: Sequence[PublicKey],
    *,
    faults: Sequence[DataError] = (),
) -> CosignVerified:
    """Verify that one of ``keys`` signed the image ``digest``.

    Args:
        digest: of the manifest or index.
        signatures: what was found, in any order.
        keys: any of them may have signed; none of them is a key of the place where the signatures were found.
        faults: what else was found and could not be used, for the message.

    Raises:
        DataError: it is no digest.
        VerificationError: there is no signature, or none is good; the message has the reason for each.
    """
    checked = parse_digest(digest)
    signers, reasons = [], [fault.seen for fault in faults]
    for signature in signatures:
        try:
            signers.append(_signer(checked, signature, keys))
        except ValueError as error:
            reasons.append(f"{signature.place}: {error}")
    if signers:
        return CosignVerified(checked, tuple(signers), made_here=_MADE_HERE)
    raise _unverified(checked, reasons)


def _signer(digest: Digest, signature: CosignSignature, keys: Sequence[PublicKey]) -> CosignSigner:
    signed_by = next((key for key in keys if key.accepts(signature.signature, signature.payload)), None)
    if signed_by is None:
        hint = "; it was made without a lasting key (keyless)" if signature.is_keyless else ""
        raise ValueError(f"no trusted key made it{hint}")
    claim = read_payload(signature.payload)
    if claim.digest != digest:
        raise ValueError(f"it is for {claim.digest[:100]}")
    return CosignSigner(signed_by, claim.identity, signature.place)


def _unverified(digest: str, reasons: Sequence[str]) -> VerificationError:
    if not reasons:
        return VerificationError(problems.COSIGN_MISSING, f"{digest} has no signature of cosign")
    more = f"; and {len(reasons) - MAX_REASONS} more" if len(reasons) > MAX_REASONS else ""
    seen = f"{digest}: {'; '.join(reasons[:MAX_REASONS])}{more}"
    return VerificationError(problems.COSIGN_REFUSED, seen)
