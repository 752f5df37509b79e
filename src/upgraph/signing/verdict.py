"""What gpgv says about a message, as values; pure, so that every line of its status can be tried.

The order of the rules matters: a key that was revoked or has expired still yields ``VALIDSIG``, and gpgv
ends with 0 for it. Source: doc/DETAILS of GnuPG.
"""

from dataclasses import dataclass
from enum import StrEnum

_PREFIX = "[GNUPG:] "
_ONCE = ("NEWSIG", "VALIDSIG", "PLAINTEXT")
_NO_PUBLIC_KEY = "9"
_VALIDSIG_FIELDS = 10


class Outcome(StrEnum):
    """What is the matter with a message. Policies decide which outcomes they accept."""

    GOOD = "good"
    """One signature by a key of the keyring, and nothing against it."""
    EXPIRED_KEY = "expired-key"
    """As good, but the key has expired."""
    EXPIRED_SIGNATURE = "expired-signature"
    REVOKED_KEY = "revoked-key"
    UNKNOWN_KEY = "unknown-key"
    BAD = "bad"
    """The content is not what was signed."""
    UNUSABLE = "unusable"
    """An algorithm or a key that gpgv does not use, such as MD5."""
    AMBIGUOUS = "ambiguous"
    """Several signatures or several contents."""
    MALFORMED = "malformed"
    """No signed message: detached, armoured, clear-signed, unsigned or damaged."""
    LIMIT = "limit"
    """gpgv was ended because the message took more time or room than any signature needs."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What gpgv found out about the one signature."""

    key: str
    """Fingerprint of the primary key."""
    signed_at: int
    """Unix time in seconds."""
    version: int
    public_key_algorithm: int
    hash_algorithm: int
    signature_class: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict about one message and one keyring."""

    outcome: Outcome
    evidence: Evidence | None = None
    """There is some if the signature verifies, whatever else is wrong with its key or age."""
    content: bytes | None = None
    """What was signed; only with evidence. It is the only part of a message that means anything."""


def read_status(status: bytes, returncode: int) -> tuple[Outcome, Evidence | None]:
    """The verdict in the status lines of gpgv.

    Args:
        status: what it wrote to ``--status-fd``.
        returncode: its exit code; negative if a signal ended it.
    """
    if returncode < 0:
        return Outcome.LIMIT, None
    lines = _lines(status)
    outcome = _outcome(lines, returncode)
    if outcome not in {Outcome.GOOD, Outcome.EXPIRED_KEY, Outcome.EXPIRED_SIGNATURE, Outcome.REVOKED_KEY}:
        return outcome, None
    evidence = _evidence(lines["VALIDSIG"][0])
    return (outcome, evidence) if evidence is not None else (Outcome.MALFORMED, None)


def _lines(status: bytes) -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {}
    for line in status.decode(errors="replace").split("\n"):
        if line.startswith(_PREFIX):
            keyword, *arguments = line.removeprefix(_PREFIX).split(" ")
            found.setdefault(keyword, []).append(arguments)
    return found


def _outcome(lines: dict[str, list[list[str]]], returncode: int) -> Outcome:  # noqa: PLR0911 - one line a rule
    if "NODATA" in lines or not lines:
        return Outcome.MALFORMED
    if "BADSIG" in lines:
        return Outcome.BAD
    if "ERRSIG" in lines:
        is_unknown = all(arguments[5:6] == [_NO_PUBLIC_KEY] for arguments in lines["ERRSIG"])
        return Outcome.UNKNOWN_KEY if is_unknown else Outcome.UNUSABLE
    if "NO_PUBKEY" in lines:
        return Outcome.UNKNOWN_KEY
    counts = [len(lines.get(keyword, ())) for keyword in _ONCE]
    if max(counts) > 1:
        return Outcome.AMBIGUOUS
    if min(counts) < 1:
        return Outcome.MALFORMED
    return _standing(lines, returncode)


def _standing(lines: dict[str, list[list[str]]], returncode: int) -> Outcome:
    """What a signature that verifies is worth."""
    if "REVKEYSIG" in lines:
        return Outcome.REVOKED_KEY
    if "EXPSIG" in lines:
        return Outcome.EXPIRED_SIGNATURE
    if returncode != 0:
        return Outcome.MALFORMED
    if "EXPKEYSIG" in lines:
        return Outcome.EXPIRED_KEY
    return Outcome.GOOD if "GOODSIG" in lines else Outcome.MALFORMED


def _evidence(arguments: list[str]) -> Evidence | None:
    if len(arguments) != _VALIDSIG_FIELDS:
        return None
    _, _, signed_at, _, version, _, public_key, hashed, signature_class, primary = arguments
    try:
        return Evidence(
            key=primary,
            signed_at=int(signed_at),
            version=int(version),
            public_key_algorithm=int(public_key),
            hash_algorithm=int(hashed),
            signature_class=int(signature_class, 16),
        )
    except ValueError:
        return None
