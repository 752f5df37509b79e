"""Verifies that a release digest is signed. What is verified has a type of its own, which only this module makes.

1. A candidate is a blob that may be a signature. It counts if it is one message, signed by a key of a keyring,
   whose content claims exactly the digest in question.
2. With several keyrings every one has to be satisfied; one candidate may satisfy several.
3. Candidates are asked for one by one and no further than needed, so a store is asked no more than it must be.
4. A candidate that is refused spoils nothing: another may be good. All reasons are kept for the message.

Source of 1 to 3: the Cluster Version Operator (library-go ``pkg/verify``).
"""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import final

from upgraph.errors import DataError, UpgraphError, UserError, VerificationError
from upgraph.errors.problems.signing import KEYRING_INVALID, SIGNATURE_MISSING, SIGNATURE_REFUSED
from upgraph.oci import Digest, parse_digest
from upgraph.signing.judge import SignatureJudge
from upgraph.signing.keyring import Keyring
from upgraph.signing.message import parse_claim
from upgraph.signing.policy import Policy, objection, rest_under
from upgraph.signing.stores import Candidate, SignatureStore

MAX_CANDIDATES = 64
"""Blobs that are judged for one digest; clusters look at nine in each store."""
MAX_REASONS = 9
"""Reasons that a message names."""

_MADE_HERE = object()


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed, and what stood beside the digest."""

    keyring: str
    """Name of the keyring that the signature satisfies."""
    key: str
    """Fingerprint of the primary key."""
    signed_at: int
    """Unix time in seconds, as the signer says."""
    identity: str
    """The name of the image, which proves nothing: clusters do not look at it."""
    place: str
    """Where the signature was found."""
    signature: bytes


@final
class VerifiedDigest:
    """A digest that every keyring vouches for. Only a :class:`Verifier` can make one."""

    __slots__ = ("digest", "policy", "signers")

    def __init__(
        self, digest: Digest, signers: tuple[Signer, ...], policy: Policy, *, made_here: object = None
    ) -> None:
        if made_here is not _MADE_HERE:
            raise TypeError("a digest is verified by a Verifier and not by saying so")
        self.digest = digest
        self.signers = signers
        """One for each keyring."""
        self.policy = policy

    def __repr__(self) -> str:
        return f"VerifiedDigest({self.digest!r})"


class Verifier:
    """Verifies digests.

    Args:
        rings: every one has to vouch for a digest.
        judge: gives the verdicts.
        policy: which verdicts are accepted.
        clock: gives the Unix time in seconds.

    Raises:
        UserError: there is no keyring.
    """

    def __init__(
        self,
        rings: Sequence[Keyring],
        judge: SignatureJudge,
        *,
        policy: Policy = Policy.STRICT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not rings:
            raise UserError(KEYRING_INVALID, "no keyring is given, so nobody is trusted")
        self._rings = tuple(rings)
        self._judge = judge
        self._policy = policy
        self._clock = clock

    async def verify(self, digest: str, stores: Sequence[SignatureStore]) -> VerifiedDigest:
        """Verify a digest by the signatures in some stores.

        Raises:
            DataError: it is no digest.
            VerificationError: a keyring does not vouch for it; the message has the reason for each signature.
            RemoteError: nothing vouches for it, and a store could not be asked.
            UserError: there is nothing that could judge.
        """
        search = _Search(parse_digest(digest), self._policy)
        missing = list(self._rings)
        fault: UpgraphError | None = None
        for store in stores:
            try:
                async with aclosing(store.candidates(search.digest)) as found:
                    missing = await self._satisfy(missing, found, search)
            except DataError as error:
                search.reasons.append(error.seen)
            except UpgraphError as error:
                if isinstance(error, UserError):
                    raise
                fault = fault or error
            if not missing:
                return search.result()
        if fault is not None:
            raise fault
        raise search.failure(missing)

    async def _satisfy(
        self, missing: list[Keyring], found: AsyncIterator[Candidate], search: "_Search"
    ) -> list[Keyring]:
        """Judge candidates until every keyring is satisfied; gives those that are not."""
        async for candidate in found:
            search.judged += 1
            if search.judged > MAX_CANDIDATES:
                search.reasons.append(f"more than {MAX_CANDIDATES} signatures; the rest was not looked at")
                break
            missing = [ring for ring in missing if not await self._counts(candidate, ring, search)]
            if not missing:
                break
        return missing

    async def _counts(self, candidate: Candidate, ring: Keyring, search: "_Search") -> bool:
        judgement = await self._judge.judge(candidate.content, ring)
        reason = objection(judgement, self._policy, self._clock)
        if reason is not None or judgement.content is None or judgement.evidence is None:
            search.reasons.append(f"{candidate.place}: {reason}")
            return False
        try:
            claim = parse_claim(judgement.content, rest=rest_under(self._policy))
        except DataError as error:
            search.reasons.append(f"{candidate.place}: {error.seen}")
            return False
        if claim.digest != search.digest:
            search.reasons.append(f"{candidate.place}: it is for {claim.digest[:100]!r}")
            return False
        evidence = judgement.evidence
        search.signers.append(
            Signer(
                ring.name,
                evidence.key,
                evidence.signed_at,
                claim.identity,
                candidate.place,
                candidate.content,
            )
        )
        return True


class _Search:
    """What is known until now of one digest."""

    def __init__(self, digest: Digest, policy: Policy) -> None:
        self.digest = digest
        self._policy = policy
        self.judged = 0
        self.signers: list[Signer] = []
        self.reasons: list[str] = []

    def result(self) -> VerifiedDigest:
        return VerifiedDigest(self.digest, tuple(self.signers), self._policy, made_here=_MADE_HERE)

    def failure(self, missing: Sequence[Keyring]) -> VerificationError:
        names = ", ".join(ring.name for ring in missing)
        if not self.reasons:
            return VerificationError(SIGNATURE_MISSING, f"there is no signature of {self.digest}")
        listed = "; ".join(self.reasons[:MAX_REASONS])
        more = f"; and {len(self.reasons) - MAX_REASONS} more" if len(self.reasons) > MAX_REASONS else ""
        seen = f"no signature of {self.digest} satisfies {names}: {listed}{more}"
        return VerificationError(SIGNATURE_REFUSED, seen)
