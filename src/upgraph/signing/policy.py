"""Which verdicts are accepted: as strictly as we can, or as a cluster does.

Both bind the content to the digest, and both want one binary message with one good signature. They differ in
what an age or a weak algorithm means; :data:`ROWS` says so for people, and the tests try each row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from upgraph.signing.verdict import Evidence, Judgement, Outcome

CLOCK_SKEW_SECONDS = 300
"""How far a signature may be dated ahead of the clock of this machine."""

_SHA1 = 2
_STRONG_HASHES = frozenset({8, 9, 10})
"""SHA-256, SHA-384 and SHA-512 (RFC 4880, section 9.4)."""
_HASH_NAMES = {1: "MD5", _SHA1: "SHA-1", 3: "RIPEMD-160", 11: "SHA-224"}
_CLUSTER_ALGORITHMS = frozenset({1, 3, 17, 19})
"""RSA, RSA for signing, DSA, ECDSA: what golang.org/x/crypto/openpgp can verify with."""
_OVER_DOCUMENTS = frozenset({0x00, 0x01})
"""Classes of signatures over binary or text documents (RFC 4880, section 5.2.1)."""

_REASONS = {
    Outcome.EXPIRED_KEY: "the key that signed has expired",
    Outcome.EXPIRED_SIGNATURE: "the signature has expired",
    Outcome.REVOKED_KEY: "the key that signed was revoked",
    Outcome.UNKNOWN_KEY: "no key of the keyring signed it",
    Outcome.BAD: "the content is not what was signed",
    Outcome.UNUSABLE: "gpgv does not use its algorithm or its key",
    Outcome.AMBIGUOUS: "it has several signatures or several contents",
    Outcome.MALFORMED: "it is no signed message in binary form",
    Outcome.LIMIT: "it takes more time or room than a signature needs",
}


class Policy(StrEnum):
    """How strict to be."""

    STRICT = "strict"
    CLUSTER = "cluster"


_BOTH = frozenset(Policy)
_NEITHER: frozenset[Policy] = frozenset()
_ONLY_STRICT = frozenset({Policy.STRICT})
_ONLY_CLUSTER = frozenset({Policy.CLUSTER})


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that can be the matter with a signature."""

    case: str
    accepted_by: frozenset[Policy]
    note: str = ""


ROWS = (
    Row("one signature by a key of the keyring, over the digest, with SHA-256, SHA-384 or SHA-512", _BOTH),
    Row("something follows a compressed message", _BOTH, "it is not read, and means nothing"),
    Row(
        "the key is on a curve that is not of NIST (Ed25519)", _ONLY_STRICT, "clusters do not know such keys"
    ),
    Row("the key has expired", _ONLY_CLUSTER, "clusters do not look at the age of keys"),
    Row(
        "the hash over the data is SHA-1, RIPEMD-160 or SHA-224",
        _ONLY_CLUSTER,
        "signatures over keys themselves may have SHA-1 under both",
    ),
    Row("it is dated ahead of the clock by more than 300 s", _ONLY_CLUSTER, "clusters do not compare"),
    Row(
        "something follows the JSON value that was signed",
        _ONLY_CLUSTER,
        "clusters read the first value only",
    ),
    Row("the hash is MD5", _NEITHER, "gpgv does not use it"),
    Row("the key was revoked, and the keyring says so", _NEITHER),
    Row("the signature has expired", _NEITHER),
    Row("the key is not in the keyring", _NEITHER),
    Row("the content was changed", _NEITHER),
    Row("it is for another digest, of another type or without a name of an image", _NEITHER),
    Row("the JSON has an unknown field", _NEITHER, "clusters also take names in other letters (`Critical`)"),
    Row("two signers", _NEITHER),
    Row("detached, armoured, clear-signed, unsigned, encrypted or damaged", _NEITHER),
    Row("it unpacks to more than 1 MiB", _NEITHER, "clusters have no such limit"),
)
"""What each policy accepts, row by row: the documentation has this table."""


def objection(judgement: Judgement, policy: Policy, clock: Callable[[], float]) -> str | None:
    """Why a policy does not accept a verdict; None if it does.

    Args:
        judgement: the verdict.
        policy: how strict to be.
        clock: gives the Unix time in seconds.
    """
    tolerated = {Outcome.GOOD, Outcome.EXPIRED_KEY} if policy is Policy.CLUSTER else {Outcome.GOOD}
    evidence = judgement.evidence
    if evidence is None or judgement.outcome not in tolerated:
        by = f" (key {evidence.key})" if evidence is not None else ""
        return _REASONS.get(judgement.outcome, judgement.outcome.value) + by
    if evidence.signature_class not in _OVER_DOCUMENTS:
        return f"it is a signature of class {evidence.signature_class:#04x}, not over a document"
    return _against_cluster(evidence) if policy is Policy.CLUSTER else _against_strict(evidence, clock())


def _against_strict(evidence: Evidence, now: float) -> str | None:
    if evidence.hash_algorithm not in _STRONG_HASHES:
        name = _HASH_NAMES.get(evidence.hash_algorithm, f"algorithm {evidence.hash_algorithm}")
        return f"its hash is {name}, which is weak (key {evidence.key})"
    if evidence.signed_at > now + CLOCK_SKEW_SECONDS:
        ahead = evidence.signed_at - now
        return f"it is dated {ahead:.0f} s ahead of the clock of this machine (key {evidence.key})"
    return None


def _against_cluster(evidence: Evidence) -> str | None:
    if evidence.public_key_algorithm not in _CLUSTER_ALGORITHMS:
        return f"clusters do not know keys of algorithm {evidence.public_key_algorithm} (key {evidence.key})"
    return None


def rest_under(policy: Policy) -> Literal["refused", "ignored"]:
    """What becomes of something behind the JSON value under a policy."""
    return "ignored" if policy is Policy.CLUSTER else "refused"
