"""The status of gpgv is read line by line; whatever is not clearly good is not good."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.signing.verdict import Evidence, Outcome, read_status

KEY = "567E347AD0044ADE55BA8A5F199E2F91FD431D51"
NEW, PLAIN, GOOD = "NEWSIG", "PLAINTEXT 62 0 ", f"GOODSIG {KEY[-16:]} a name"
VALID = f"VALIDSIG {KEY} 2026-01-01 1700000000 0 4 0 1 8 00 {KEY}"
ERROR = f"ERRSIG {KEY[-16:]} 1 8 00 1700000000"


def _status(*lines: str) -> bytes:
    return "".join(f"[GNUPG:] {line}\n" for line in lines).encode()


ROWS = {
    "good": ((NEW, PLAIN, GOOD, VALID), 0, Outcome.GOOD),
    "expired-key": ((NEW, PLAIN, "KEYEXPIRED 1", f"EXPKEYSIG {KEY} a", VALID), 0, Outcome.EXPIRED_KEY),
    "revoked-key": ((NEW, PLAIN, f"REVKEYSIG {KEY} a", VALID), 0, Outcome.REVOKED_KEY),
    "expired-signature": ((NEW, PLAIN, "SIGEXPIRED", f"EXPSIG {KEY} a", VALID), 1, Outcome.EXPIRED_SIGNATURE),
    "bad": ((NEW, PLAIN, f"BADSIG {KEY} a"), 1, Outcome.BAD),
    "unknown-key": ((NEW, PLAIN, f"{ERROR} 9 {KEY}", f"NO_PUBKEY {KEY}"), 2, Outcome.UNKNOWN_KEY),
    "weak-digest": ((NEW, PLAIN, f"{ERROR} 5 {KEY}"), 2, Outcome.UNUSABLE),
    "unknown-and-weak": ((NEW, NEW, f"{ERROR} 9", f"{ERROR} 5"), 2, Outcome.UNUSABLE),
    "two-signers": ((NEW, PLAIN, GOOD, VALID, NEW, GOOD, VALID), 0, Outcome.AMBIGUOUS),
    "good-and-bad": ((NEW, PLAIN, GOOD, VALID, NEW, f"BADSIG {KEY} a"), 1, Outcome.BAD),
    "good-and-revoked": ((NEW, PLAIN, GOOD, f"REVKEYSIG {KEY} a", VALID), 0, Outcome.REVOKED_KEY),
    "two-contents": ((NEW, PLAIN, PLAIN, GOOD, VALID), 0, Outcome.AMBIGUOUS),
    "no-content": ((NEW, GOOD, VALID), 0, Outcome.MALFORMED),
    "not-good": ((NEW, PLAIN, VALID), 0, Outcome.MALFORMED),
    "good-that-failed": ((NEW, PLAIN, GOOD, VALID), 2, Outcome.MALFORMED),
    "no-data": (("NODATA 3",), 2, Outcome.MALFORMED),
    "silent": ((), 2, Outcome.MALFORMED),
    "killed": ((NEW, PLAIN, GOOD, VALID), -25, Outcome.LIMIT),
    "short": ((NEW, PLAIN, GOOD, VALID.rpartition(" ")[0]), 0, Outcome.MALFORMED),
    "no-number": ((NEW, PLAIN, GOOD, VALID.replace("1700000000", "soon")), 0, Outcome.MALFORMED),
}


@pytest.mark.parametrize("case", ROWS)
def test_each_status_is_its_verdict(case: str) -> None:
    lines, returncode, expected = ROWS[case]
    assert read_status(_status(*lines), returncode)[0] is expected


def test_evidence_is_what_validsig_says() -> None:
    _, evidence = read_status(_status(NEW, PLAIN, GOOD, VALID), 0)
    assert evidence == Evidence(KEY, 1700000000, 4, 1, 8, 0)


def test_lines_without_the_mark_count_for_nothing() -> None:
    forged = _status(NEW, PLAIN, GOOD, VALID).replace(b"[GNUPG:] ", b"gpgv: ")
    assert read_status(forged, 0) == (Outcome.MALFORMED, None)


@given(st.lists(st.sampled_from([NEW, PLAIN, GOOD, VALID, f"BADSIG {KEY} a", "NODATA 1", "NO_PUBKEY x"])))
def test_only_one_of_each_is_good(lines: list[str]) -> None:
    outcome, evidence = read_status(_status(*lines), 0)
    is_single = all(lines.count(one) == 1 for one in (NEW, PLAIN, VALID))
    is_good = is_single and set(lines) == {NEW, PLAIN, GOOD, VALID}
    assert ((outcome is Outcome.GOOD), evidence is not None) == (is_good, is_good)
