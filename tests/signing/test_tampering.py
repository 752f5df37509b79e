"""However a signed message is changed, nothing else than what was signed is ever accepted."""

import asyncio
import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.signing.conftest import DIGEST, MESSAGE, stored
from upgraph.errors import DataError, VerificationError
from upgraph.signing import Gpgv, Keyring, Outcome, Policy, Verifier
from upgraph.signing.message import parse_claim
from upgraph.signing.policy import rest_under
from upgraph.testing.gpg_home import GpgHome

ACCEPTED = {Outcome.GOOD, Outcome.EXPIRED_KEY}
slow = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def _content(message: bytes, ring: Keyring) -> bytes | None:
    """What is accepted as signed; None if nothing is."""

    async def judge() -> bytes | None:
        with Gpgv({"PATH": "/usr/bin:/bin"}) as gpgv:
            judgement = await gpgv.judge(message, ring)
        return judgement.content if judgement.outcome in ACCEPTED else None

    return asyncio.run(judge())


@slow
@given(data=st.data())
def test_no_flipped_bit_yields_other_content(data: st.DataObject, signature: bytes, alice: Keyring) -> None:
    # OpenPGP does not sign names and times around the content, so some flips change nothing that counts.
    at = data.draw(st.integers(0, len(signature) - 1), label="byte")
    bit = data.draw(st.integers(0, 7), label="bit")
    changed = bytearray(signature)
    changed[at] ^= 1 << bit
    assert _content(bytes(changed), alice) in {None, MESSAGE}


@slow
@given(cut=st.integers(0, 10_000), more=st.binary(max_size=40))
def test_no_cut_or_addition_yields_other_content(
    cut: int, more: bytes, signature: bytes, alice: Keyring
) -> None:
    assert _content(signature[: cut % len(signature)] + more, alice) in {None, MESSAGE}


@pytest.mark.parametrize("compress", ["none", "zip", "zlib", "bzip2"])
async def test_every_byte_of_a_small_message_counts(
    gpg: GpgHome, gpgv: Gpgv, alice: Keyring, compress: str
) -> None:
    message = gpg.sign(MESSAGE, "alice", options=("--compress-algo", compress, "--sign"))
    changed = [
        message[:at] + bytes([message[at] ^ 0x55]) + message[at + 1 :] for at in range(0, len(message), 7)
    ]
    judgements = await asyncio.gather(*(gpgv.judge(one, alice) for one in changed))
    assert {one.content for one in judgements if one.outcome in ACCEPTED} <= {MESSAGE}
    refused = {one.outcome for one in judgements} - ACCEPTED
    assert refused & {Outcome.BAD, Outcome.MALFORMED}


@given(st.binary(max_size=200))
def test_any_signed_content_is_a_claim_or_refused(content: bytes) -> None:
    for policy in Policy:
        with contextlib.suppress(DataError):
            assert parse_claim(content, rest=rest_under(policy)).identity


async def test_the_same_message_for_another_digest_is_refused(
    gpgv: Gpgv, signature: bytes, alice: Keyring
) -> None:
    other = DIGEST.replace("5a", "5b", 1)
    for policy in Policy:
        with pytest.raises(VerificationError, match="it is for 'sha256:5a5a"):
            await Verifier([alice], gpgv, policy=policy).verify(other, [stored(signature, digest=other)])
