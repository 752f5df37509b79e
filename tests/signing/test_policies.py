"""Each row of the table of policies, with signatures that gpg makes."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.signing.conftest import DIGEST, MESSAGE, OTHER_DIGEST, PLAIN, stored
from upgraph.errors import VerificationError
from upgraph.signing import Gpgv, Keyring, Policy, Verifier, parse_keyring
from upgraph.signing.policy import ROWS
from upgraph.testing.gpg_home import GpgHome
from upgraph.testing.signature_judge import release_message

BOTH, NEITHER = frozenset(Policy), frozenset[Policy]()
STRICT, CLUSTER = frozenset({Policy.STRICT}), frozenset({Policy.CLUSTER})


@dataclass
class Case:
    """A message, and the keyring that it is judged with."""

    message: bytes
    ring: bytes


Make = Callable[[GpgHome], Case]


def _signed(content: bytes, *options: str) -> Make:
    arguments = options or PLAIN
    return lambda gpg: Case(gpg.sign(content, "alice", options=arguments), gpg.export("alice"))


def _changed(change: Callable[[bytes], bytes]) -> Make:
    return lambda gpg: Case(change(gpg.sign(MESSAGE, "alice", options=PLAIN)), gpg.export("alice"))


def _hashed(name: str) -> Make:
    options = ("--allow-weak-digest-algos", "--digest-algo", name, *PLAIN)
    return _signed(MESSAGE, *options)


def _expired_key(gpg: GpgHome) -> Case:
    ring = gpg.make_key("expired", expires="1d", at="20200101T000000")
    return Case(gpg.sign(MESSAGE, "expired", options=PLAIN, at="20200101T010000"), ring)


def _expired_signature(gpg: GpgHome) -> Case:
    options = ("--default-sig-expire", "1d", *PLAIN)
    ring = gpg.make_key("brief", at="20200101T000000")
    return Case(gpg.sign(MESSAGE, "brief", options=options, at="20200101T010000"), ring)


def _revoked(gpg: GpgHome) -> Case:
    gpg.make_key("revoked")
    message = gpg.sign(MESSAGE, "revoked", options=PLAIN)
    return Case(message, gpg.revoke("revoked"))


def _from_the_future(gpg: GpgHome) -> Case:
    return Case(gpg.sign(MESSAGE, "alice", options=PLAIN, at="20350101T000000"), gpg.export("alice"))


def _on_a_curve(name: str) -> Make:
    def make(gpg: GpgHome) -> Case:
        ring = gpg.make_key(f"key-{name}", algorithm=name)
        return Case(gpg.sign(MESSAGE, f"key-{name}", options=PLAIN), ring)

    return make


def _two_signers(gpg: GpgHome) -> Case:
    return Case(gpg.sign(MESSAGE, "alice", "bob", options=PLAIN), gpg.export("alice", "bob"))


def _nested(gpg: GpgHome) -> Case:
    inner = gpg.sign(MESSAGE, "alice", options=PLAIN)
    return Case(gpg.sign(inner, "alice", options=PLAIN), gpg.export("alice"))


def _foreign(gpg: GpgHome) -> Case:
    return Case(gpg.sign(MESSAGE, "alice", options=PLAIN), gpg.export("bob"))


def _twice(compress: str) -> Make:
    def make(gpg: GpgHome) -> Case:
        message = gpg.sign(MESSAGE, "alice", options=("--compress-algo", compress, "--sign"))
        return Case(message + message, gpg.export("alice"))

    return make


def _unsigned(gpg: GpgHome) -> Case:
    return Case(gpg.run("--compress-algo", "none", "--store", given=MESSAGE), gpg.export("alice"))


def _compressed_and_more(gpg: GpgHome) -> Case:
    message = gpg.sign(MESSAGE, "alice", options=("--compress-algo", "zlib", "--sign"))
    return Case(message + b"\xcb\x10 more that nobody", gpg.export("alice"))


def _unsigned_before(gpg: GpgHome) -> Case:
    literal = gpg.run("--compress-algo", "none", "--store", given=b"{}")
    return Case(literal + gpg.sign(MESSAGE, "alice", options=PLAIN), gpg.export("alice"))


CASES: dict[str, tuple[Make, frozenset[Policy]]] = {
    "good": (_signed(MESSAGE), BOTH),
    "sha384": (_hashed("SHA384"), BOTH),
    "compressed": (_signed(MESSAGE, "--compress-algo", "zlib", "--sign"), BOTH),
    "compressed-and-more": (_compressed_and_more, BOTH),
    "compressed-twice": (_twice("zlib"), BOTH),
    "nist-curve": (_on_a_curve("nistp256"), BOTH),
    "dsa": (_on_a_curve("dsa2048"), BOTH),
    "ed25519": (_on_a_curve("ed25519"), STRICT),
    "expired-key": (_expired_key, CLUSTER),
    "sha1": (_hashed("SHA1"), CLUSTER),
    "sha224": (_hashed("SHA224"), CLUSTER),
    "future": (_from_the_future, CLUSTER),
    "json-and-more": (_signed(MESSAGE + b" {}"), CLUSTER),
    "md5": (_hashed("MD5"), NEITHER),
    "revoked-key": (_revoked, NEITHER),
    "expired-signature": (_expired_signature, NEITHER),
    "unknown-key": (_foreign, NEITHER),
    "changed-content": (_changed(lambda message: message.replace(b"5a5a", b"5a5b")), NEITHER),
    "other-digest": (_signed(release_message(OTHER_DIGEST)), NEITHER),
    "other-type": (_signed(MESSAGE.replace(b"atomic", b"Atomic")), NEITHER),
    "no-identity": (_signed(release_message(DIGEST, "")), NEITHER),
    "unknown-field": (_signed(MESSAGE.replace(b'{"critical', b'{"more": 1, "critical')), NEITHER),
    "unknown-field-inside": (_signed(MESSAGE.replace(b'"creator"', b'"author"')), NEITHER),
    "name-in-other-letters": (_signed(MESSAGE.replace(b"critical", b"Critical")), NEITHER),
    "no-json": (_signed(b"sha256"), NEITHER),
    "deep-json": (_signed(b"[" * 100_000), NEITHER),
    "no-utf8": (_signed(MESSAGE.replace(b"a test", b"\xff\xfe")), NEITHER),
    "two-signers": (_two_signers, NEITHER),
    "two-messages": (_twice("none"), NEITHER),
    "nested": (_nested, NEITHER),
    "detached": (_signed(MESSAGE, "--detach-sign"), NEITHER),
    "armoured": (_signed(MESSAGE, "--armor", "--sign"), NEITHER),
    "clear-signed": (_signed(MESSAGE, "--clear-sign"), NEITHER),
    "unsigned": (_unsigned, NEITHER),
    "unsigned-before": (_unsigned_before, NEITHER),
    "cut": (_changed(lambda message: message[:-10]), NEITHER),
    "followed": (_changed(lambda message: message + b"more"), NEITHER),
    "empty": (_changed(lambda _: b""), NEITHER),
    "bomb": (_signed(MESSAGE + b" " * (8 * 1024 * 1024), "--sign"), NEITHER),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_policy_accepts_what_its_table_says(gpg: GpgHome, gpgv: Gpgv, case: str) -> None:
    make, expected = CASES[case]
    made = make(gpg)
    ring = parse_keyring(made.ring, "ring")
    accepted = {policy for policy in Policy if await _is_accepted(gpgv, ring, made.message, policy)}
    assert accepted == expected


async def _is_accepted(gpgv: Gpgv, ring: Keyring, message: bytes, policy: Policy) -> bool:
    try:
        verified = await Verifier([ring], gpgv, policy=policy).verify(DIGEST, [stored(message)])
    except VerificationError:
        return False
    return verified.digest == DIGEST


def test_the_table_has_rows_of_every_kind() -> None:
    assert {row.accepted_by for row in ROWS} == {expected for _, expected in CASES.values()}


async def test_a_signature_may_be_as_far_ahead_as_clocks_differ(
    gpg: GpgHome, gpgv: Gpgv, alice: Keyring, signature: bytes
) -> None:
    early = Verifier([alice], gpgv, clock=lambda: time.time() - 250)
    assert (await early.verify(DIGEST, [stored(signature)])).digest == DIGEST
    earlier = Verifier([alice], gpgv, clock=lambda: time.time() - 4_000)
    with pytest.raises(VerificationError, match="ahead of the clock"):
        await earlier.verify(DIGEST, [stored(signature)])
