"""A digest is verified by every keyring, with the first signature that is good, or not at all."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from tests.signing.conftest import DIGEST, OTHER_DIGEST
from upgraph.errors import DataError, Finding, RemoteError, UserError, VerificationError
from upgraph.errors.problems.signing import STORE_FAILED
from upgraph.oci import Digest
from upgraph.signing import Candidate, Collection, MemoryStore, Policy, VerifiedDigest, Verifier, examine
from upgraph.signing.examining import MAX_FAILURES_IN_A_ROW
from upgraph.signing.verifier import MAX_CANDIDATES
from upgraph.testing.signature_judge import (
    SimulatedJudge,
    release_message,
    simulated_ring,
    simulated_signature,
)

ALICE = simulated_signature(release_message(DIGEST), "alice")
BOB = simulated_signature(release_message(DIGEST), "bob")
OTHER = simulated_signature(release_message(OTHER_DIGEST), "alice")


class BrokenStore:
    """A store that nobody reaches."""

    name = "https://mirror.example"

    def __init__(self) -> None:
        self.asked = 0

    async def refresh(self) -> tuple[Finding, ...]:
        return ()

    async def candidates(self, digest: Digest) -> AsyncGenerator[Candidate]:
        self.asked += 1
        if digest:
            raise RemoteError(STORE_FAILED, "nobody answers", retryable=True)
        yield Candidate("", b"")

    async def close(self) -> None: ...


def _store(*messages: bytes) -> MemoryStore:
    candidates = [Candidate(f"s{number}", one) for number, one in enumerate(messages)]
    return MemoryStore(Collection("memory", {Digest(DIGEST): candidates}))


def _verifier(*rings: str, judge: SimulatedJudge | None = None) -> Verifier:
    return Verifier([simulated_ring(*ring.split("+")) for ring in rings], judge or SimulatedJudge())


def test_nobody_else_can_make_a_verified_digest() -> None:
    with pytest.raises(TypeError, match="verified by a Verifier"):
        VerifiedDigest(Digest(DIGEST), (), Policy.STRICT)


def test_without_a_keyring_there_is_no_verifier() -> None:
    with pytest.raises(UserError, match="nobody is trusted"):
        Verifier([], SimulatedJudge())


async def test_a_verified_digest_says_who_signed_and_where_it_was_found() -> None:
    verified = await _verifier("alice").verify(DIGEST, [_store(BOB, ALICE)])
    (signer,) = verified.signers
    assert (verified.digest, signer.place, signer.signature) == (DIGEST, "s1", ALICE)
    assert signer.key == simulated_ring("alice").keys[0].fingerprint
    assert signer.identity == "registry.example/ocp/release:4.18.1-x86_64"


@pytest.mark.parametrize(
    ("rings", "messages", "is_verified"),
    [
        (("alice+bob",), (BOB,), True),
        (("alice", "bob"), (BOB, ALICE), True),
        (("alice", "bob"), (ALICE,), False),
        (("alice", "alice+carol"), (ALICE,), True),
        (("carol",), (ALICE, BOB), False),
    ],
    ids=["any-key-of-a-ring", "every-ring", "one-ring-of-two", "one-signature-for-both", "stranger"],
)
async def test_every_keyring_has_to_be_satisfied_by_any_of_its_keys(
    rings: tuple[str, ...], messages: tuple[bytes, ...], *, is_verified: bool
) -> None:
    outcome = (await examine(_verifier(*rings), [DIGEST], [_store(*messages)]))[DIGEST]
    assert isinstance(outcome, VerifiedDigest) is is_verified


async def test_no_more_is_judged_than_needed() -> None:
    judge = SimulatedJudge()
    await _verifier("alice", judge=judge).verify(DIGEST, [_store(ALICE, BOB), _store(BOB)])
    assert judge.asked == 1


async def test_a_release_without_signatures_is_told_from_one_with_bad_ones() -> None:
    with pytest.raises(VerificationError) as missing:
        await _verifier("alice").verify(DIGEST, [_store()])
    with pytest.raises(VerificationError, match="s0: no key of the keyring signed it; s1: it is for") as bad:
        await _verifier("alice").verify(DIGEST, [_store(BOB, OTHER)])
    assert (missing.value.reference, bad.value.reference) == ("signature-missing", "signature-refused")


async def test_many_signatures_are_not_judged_without_end() -> None:
    judge = SimulatedJudge()
    strangers = [simulated_signature(release_message(DIGEST), f"s{number}") for number in range(100)]
    with pytest.raises(VerificationError, match="and 56 more"):
        await _verifier("alice", judge=judge).verify(DIGEST, [_store(*strangers, ALICE)])
    assert judge.asked == MAX_CANDIDATES


@pytest.mark.parametrize("text", ["", "4.18.1", "sha256:abc", "sha256:" + "A" * 64])
async def test_what_is_no_digest_cannot_be_verified(text: str) -> None:
    with pytest.raises(DataError, match="not a sha256"):
        await _verifier("alice").verify(text, [_store(ALICE)])


async def test_a_store_that_fails_does_not_keep_another_from_being_asked() -> None:
    verified = await _verifier("alice").verify(DIGEST, [BrokenStore(), _store(ALICE)])
    assert verified.digest == DIGEST


async def test_where_a_store_failed_nothing_is_known() -> None:
    with pytest.raises(RemoteError, match="nobody answers"):
        await _verifier("alice").verify(DIGEST, [_store(BOB), BrokenStore()])


async def test_a_store_that_is_down_is_not_asked_for_every_release() -> None:
    broken = BrokenStore()
    digests = [f"sha256:{number:064x}" for number in range(200)]
    outcomes = await examine(_verifier("alice"), digests, [broken], concurrency=1)
    assert broken.asked == MAX_FAILURES_IN_A_ROW
    assert [type(one) for one in outcomes.values()] == [RemoteError] * 200


class SlowStore(BrokenStore):
    """A store that never answers for one digest."""

    async def candidates(self, digest: Digest) -> AsyncGenerator[Candidate]:
        if digest == OTHER_DIGEST:
            await asyncio.Event().wait()
        yield Candidate("slow", ALICE)


async def test_what_was_found_in_time_counts_and_of_the_rest_nothing_is_known() -> None:
    outcomes = await examine(_verifier("alice"), [DIGEST, OTHER_DIGEST], [SlowStore()], seconds=0.2)
    assert isinstance(outcomes[DIGEST], VerifiedDigest)
    assert isinstance(outcomes[OTHER_DIGEST], RemoteError)
