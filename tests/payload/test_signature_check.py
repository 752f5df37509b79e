"""Whether a release is signed is said by the keys that were named, and a store that is silent says nothing."""

import pytest

from upgraph.errors import RemoteError, UserError, VerificationError
from upgraph.errors.problems.signing import GPGV_UNUSABLE
from upgraph.oci import Access, Digest
from upgraph.payload import KeyringCheck
from upgraph.signing import (
    AddressStore,
    Candidate,
    Collection,
    Judgement,
    Keyring,
    MemoryStore,
    VerifiedDigest,
    Verifier,
)
from upgraph.testing.signature_judge import (
    SimulatedJudge,
    release_message,
    simulated_ring,
    simulated_signature,
)

DIGEST = Digest("sha256:" + "5a" * 32)


def store(signer: str) -> MemoryStore:
    candidate = Candidate("signature-1", simulated_signature(release_message(DIGEST), signer))
    return MemoryStore(Collection("memory", {DIGEST: [candidate]}))


@pytest.fixture
def verifier() -> Verifier:
    return Verifier([simulated_ring("alice")], SimulatedJudge())


async def test_a_key_of_the_keyring_vouches_for_a_release(verifier: Verifier) -> None:
    outcome = await KeyringCheck(verifier, [store("bob"), store("alice")]).check(DIGEST)
    assert isinstance(outcome, VerifiedDigest)
    assert outcome.digest == DIGEST


async def test_a_key_of_nobody_vouches_for_nothing(verifier: Verifier) -> None:
    outcome = await KeyringCheck(verifier, [store("bob")]).check(DIGEST)
    assert isinstance(outcome, VerificationError)
    assert outcome.reference == "signature-refused"


async def test_a_store_that_does_not_answer_says_nothing(verifier: Verifier) -> None:
    silent = AddressStore("http://127.0.0.1:1/s", Access())
    try:
        outcome = await KeyringCheck(verifier, [silent]).check(DIGEST)
    finally:
        await silent.close()
    assert isinstance(outcome, RemoteError)


async def test_that_nobody_can_judge_is_no_fault_of_the_release() -> None:
    class Missing:
        async def judge(self, message: bytes, ring: Keyring) -> Judgement:
            raise UserError(GPGV_UNUSABLE, f"cannot judge {len(message)} bytes by {ring.name}")

    check = KeyringCheck(Verifier([simulated_ring("alice")], Missing()), [store("alice")])
    with pytest.raises(UserError, match="cannot judge"):
        await check.check(DIGEST)
