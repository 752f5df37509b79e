"""Keys and signatures that gpg makes, once for all tests, and gpgv that judges them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from upgraph.oci import Digest
from upgraph.signing import Gpgv, Keyring, Policy, Verifier, parse_keyring
from upgraph.signing.stores import Candidate, Collection, MemoryStore
from upgraph.testing.gpg_home import GpgHome
from upgraph.testing.signature_judge import release_message

DIGEST = "sha256:" + "5a" * 32
OTHER_DIGEST = "sha256:" + "a5" * 32
MESSAGE = release_message(DIGEST)
PLAIN = ("--compress-algo", "none", "--sign")


@pytest.fixture(scope="session")
def gpg() -> Iterator[GpgHome]:
    with GpgHome() as home:
        home.make_key("alice")
        home.make_key("bob")
        yield home


@pytest.fixture(scope="session")
def alice(gpg: GpgHome) -> Keyring:
    return parse_keyring(gpg.export("alice"), "alice")


@pytest.fixture(scope="session")
def bob(gpg: GpgHome) -> Keyring:
    return parse_keyring(gpg.export("bob"), "bob")


@pytest.fixture(scope="session")
def signature(gpg: GpgHome) -> bytes:
    return gpg.sign(MESSAGE, "alice", options=PLAIN)


@pytest.fixture
def gpgv() -> Iterator[Gpgv]:
    with Gpgv({"PATH": "/usr/bin:/bin"}) as judge:
        yield judge


@pytest.fixture(scope="session")
def real_signatures(real_data: Path) -> Path:
    return real_data / "signatures"


def stored(*messages: bytes, digest: str = DIGEST) -> MemoryStore:
    candidates = [Candidate(f"signature-{number}", one) for number, one in enumerate(messages, start=1)]
    return MemoryStore(Collection("memory", {Digest(digest): candidates}))


def verifier(judge: Gpgv, *rings: Keyring, policy: Policy = Policy.STRICT) -> Verifier:
    return Verifier(rings, judge, policy=policy)
