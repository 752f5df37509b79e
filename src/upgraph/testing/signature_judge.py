"""A simulated judge of signatures, and the contract of :class:`~upgraph.signing.SignatureJudge` as checks.

A simulated message is made in microseconds, where a real one takes gpg and gpgv some milliseconds. Its form is
a secret of this module: it holds the name of the signer and a checksum.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from upgraph.signing import Evidence, Judgement, Key, Keyring, Outcome, SignatureJudge
from upgraph.signing.judge import refused_at_sight

_MAGIC = b"\x88simulated\n"
_RSA, _SHA256 = 1, 8


def simulated_ring(*names: str) -> Keyring:
    """A keyring with the keys of these signers."""
    keys = tuple(Key(_fingerprint(name), "RSA", 2048, "2026-01-01", (name,)) for name in names)
    return Keyring(f"ring of {', '.join(names)}", "\n".join(names).encode(), keys)


def simulated_signature(content: bytes, signer: str, *, signed_at: int = 1_700_000_000) -> bytes:
    """A message of a signer."""
    head = {"signer": signer, "at": signed_at, "sum": hashlib.sha256(content).hexdigest()}
    return _MAGIC + json.dumps(head).encode() + b"\n" + content


def release_message(digest: str, identity: str = "registry.example/ocp/release:4.18.1-x86_64") -> bytes:
    """What is signed of a release."""
    critical = {
        "type": "atomic container signature",
        "image": {"docker-manifest-digest": digest},
        "identity": {"docker-reference": identity},
    }
    return json.dumps({"critical": critical, "optional": {"creator": "a test"}}).encode()


class SimulatedJudge:
    """Judges simulated messages, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def judge(self, message: bytes, ring: Keyring) -> Judgement:
        """See :meth:`SignatureJudge.judge`."""
        self.asked += 1
        refused = refused_at_sight(message)
        if refused is not None:
            return refused
        if not message.startswith(_MAGIC):
            return Judgement(Outcome.MALFORMED)
        head, _, content = message.removeprefix(_MAGIC).partition(b"\n")
        try:
            said = json.loads(head)
            key, signed_at, checksum = _fingerprint(said["signer"]), int(said["at"]), said["sum"]
        except (ValueError, KeyError, TypeError, AttributeError):
            return Judgement(Outcome.MALFORMED)
        if key not in {one.fingerprint for one in ring.keys}:
            return Judgement(Outcome.UNKNOWN_KEY)
        if hashlib.sha256(content).hexdigest() != checksum:
            return Judgement(Outcome.BAD)
        return Judgement(Outcome.GOOD, Evidence(key, signed_at, 4, _RSA, _SHA256, 0), content)


@dataclass(frozen=True, slots=True)
class Sample:
    """What a judge is checked with."""

    content: bytes
    message: bytes
    """``content``, signed by one key."""
    ring: Keyring
    """Has that key."""
    other: Keyring
    """Has another key."""


async def check_a_good_message_gives_what_was_signed_and_by_whom(
    judge: SignatureJudge, sample: Sample
) -> None:
    """The content and the fingerprint are those of the signer."""
    judgement = await judge.judge(sample.message, sample.ring)
    assert judgement.outcome is Outcome.GOOD
    assert judgement.content == sample.content
    assert judgement.evidence is not None
    assert judgement.evidence.key == sample.ring.keys[0].fingerprint


async def check_a_key_counts_only_in_its_own_keyring(judge: SignatureJudge, sample: Sample) -> None:
    """Another keyring does not know the key, also right after one that does."""
    await judge.judge(sample.message, sample.ring)
    assert await judge.judge(sample.message, sample.other) == Judgement(Outcome.UNKNOWN_KEY)


async def check_changed_content_is_refused(judge: SignatureJudge, sample: Sample) -> None:
    """A message whose content was changed gives no content."""
    changed = sample.message.replace(sample.content[-20:], b"x" * 20)
    assert changed != sample.message
    judgement = await judge.judge(changed, sample.ring)
    assert (judgement.outcome, judgement.content) == (Outcome.BAD, None)


async def check_what_is_no_message_is_malformed(judge: SignatureJudge, sample: Sample) -> None:
    """Nothing, text, noise and far too much are verdicts and no errors."""
    for message in (b"", b"text", b"\xff" * 64, b"\x88" * (1024 * 1024 + 1), sample.content):
        judgement = await judge.judge(message, sample.ring)
        assert judgement == Judgement(Outcome.MALFORMED)


CHECKS: tuple[Callable[[SignatureJudge, Sample], Awaitable[None]], ...] = (
    check_a_good_message_gives_what_was_signed_and_by_whom,
    check_a_key_counts_only_in_its_own_keyring,
    check_changed_content_is_refused,
    check_what_is_no_message_is_malformed,
)


def _fingerprint(name: str) -> str:
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest().upper()
