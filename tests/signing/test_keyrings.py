"""A keyring is taken apart when it is read: what could verify nothing is refused by name."""

import contextlib
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import DataError
from upgraph.signing import Keyring, parse_keyring, read_keyrings
from upgraph.testing.gpg_home import GpgHome

CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: release-verification
  annotations: {{release.openshift.io/verification-config-map: ""}}
data:
  store-one: https://mirror.example/signatures
  verifier-public-key-one: |
{one}
  verifier-public-key-two: |
{two}
"""


def _indented(gpg: GpgHome, name: str) -> str:
    return "\n".join(f"    {line}" for line in gpg.run("--armor", "--export", name).decode().splitlines())


@pytest.mark.parametrize("form", [(), ("--armor",)], ids=["binary", "armoured"])
def test_a_keyring_is_read_in_both_forms(gpg: GpgHome, form: tuple[str, ...]) -> None:
    ring = parse_keyring(gpg.run(*form, "--export", "alice", "bob"), "ring")
    assert [key.fingerprint for key in ring.keys] == [gpg.fingerprint("alice"), gpg.fingerprint("bob")]
    assert [(key.algorithm, key.bits, key.user_ids) for key in ring.keys] == [
        ("RSA", 2048, ("alice",)),
        ("RSA", 2048, ("bob",)),
    ]


def test_armoured_blocks_behind_each_other_are_one_keyring(gpg: GpgHome) -> None:
    blocks = b"of alice:\n" + gpg.run("--armor", "--export", "alice") + b"\nof bob:\r\n"
    crlf = gpg.run("--armor", "--export", "bob").replace(b"\n", b"\r\n")
    ring = parse_keyring(blocks + crlf, "ring")
    assert ring.content == gpg.export("alice") + gpg.export("bob")


def test_the_real_release_key_is_shown_with_its_fingerprint(real_signatures: Path) -> None:
    ring = parse_keyring((real_signatures / "keyrings/redhat.txt").read_bytes(), "redhat")
    assert [(key.fingerprint, key.algorithm, key.bits, key.created) for key in ring.keys] == [
        ("567E347AD0044ADE55BA8A5F199E2F91FD431D51", "RSA", 4096, "2009-10-22")
    ]


def test_a_config_map_has_a_keyring_for_each_of_its_entries(gpg: GpgHome) -> None:
    text = CONFIG_MAP.format(one=_indented(gpg, "bob"), two=_indented(gpg, "alice"))
    rings = read_keyrings(text.encode(), "map.yaml")
    assert [(ring.name, ring.keys[0].user_ids) for ring in rings] == [
        ("map.yaml: verifier-public-key-one", ("bob",)),
        ("map.yaml: verifier-public-key-two", ("alice",)),
    ]


def test_a_revocation_is_shown(gpg: GpgHome) -> None:
    gpg.make_key("carol")
    assert [key.has_revocation for key in parse_keyring(gpg.export("carol"), "carol").keys] == [False]
    assert [key.has_revocation for key in parse_keyring(gpg.revoke("carol"), "carol").keys] == [True]


def test_the_end_of_a_key_is_the_one_that_gpg_tells(gpg: GpgHome) -> None:
    made, extended = 1577836800, 1609459200
    gpg.make_key("dora", expires="1d", at="20200101T000000")
    ends = [key.expires_at for key in parse_keyring(gpg.export("alice", "dora"), "ring").keys]
    assert ends == [None, made + 24 * 3600]
    gpg.run("--quick-set-expire", gpg.fingerprint("dora"), "2y", at="20210101T000000")
    (dora,) = parse_keyring(gpg.export("dora"), "dora").keys
    listed = gpg.run("--with-colons", "--list-keys", "dora").decode().splitlines()
    assert dora.expires_at == int(next(line for line in listed if line.startswith("pub:")).split(":")[6])
    assert dora.expires_at > extended
    gpg.run("--quick-set-expire", gpg.fingerprint("dora"), "never", at="20210102T000000")
    assert [key.expires_at for key in parse_keyring(gpg.export("dora"), "dora").keys] == [None]


def test_the_end_of_a_subkey_is_the_one_that_gpg_tells(gpg: GpgHome) -> None:
    gpg.make_key("erin", expires="2y", at="20200101T000000")
    for expires in ("30d", "1y"):
        gpg.run("--quick-add-key", gpg.fingerprint("erin"), "rsa2048", "sign", expires, at="20200101T000000")
    (erin,) = parse_keyring(gpg.export("erin"), "erin").keys
    listed = [
        line.split(":") for line in gpg.run("--with-colons", "--list-keys", "erin").decode().splitlines()
    ]
    told = [int(fields[6]) for fields in listed if fields[0] in {"pub", "sub"}]
    assert [erin.expires_at, *(one.expires_at for one in erin.subkeys)] == told
    assert len(set(told)) == 3


def test_the_end_of_a_real_key_is_shown(real_signatures: Path) -> None:
    (key,) = parse_keyring((real_signatures / "keyrings/simple.txt").read_bytes(), "simple").keys
    assert datetime.fromtimestamp(key.expires_at or 0, UTC).date().isoformat() == "2021-04-21"


def _armoured(gpg: GpgHome) -> bytes:
    return gpg.run("--armor", "--export", "alice")


REFUSED: dict[str, tuple[Callable[[GpgHome], bytes], str]] = {
    "empty": (lambda gpg: b"", "holds no public key"),
    "text": (lambda gpg: b"no key at all", "begins no packet"),
    "private": (lambda gpg: gpg.run("--export-secret-keys", "alice"), "private key"),
    "private-armoured": (
        lambda gpg: gpg.run("--armor", "--export-secret-keys", "alice"),
        "PRIVATE KEY BLOCK; expected is PUBLIC KEY BLOCK",
    ),
    "signature": (lambda gpg: gpg.sign(b"x", "alice", options=("--detach-sign",)), "type 2"),
    "cut": (lambda gpg: gpg.export("alice")[:-10], "cut off"),
    "cut-armour": (lambda gpg: _armoured(gpg)[:-60], "no complete block"),
    "checksum": (lambda gpg: re.sub(rb"\n=....\n", b"\n=AAAA\n", _armoured(gpg)), "checksum"),
    "no-base64": (lambda gpg: _armoured(gpg).replace(b"\n\n", b"\n\n%%", 1), "no base64"),
    "keybox": (lambda gpg: (gpg.path / "pubring.kbx").read_bytes(), "keybox"),
    "pem": (lambda gpg: b"-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n", "of cosign"),
    "config-map": (lambda gpg: b"apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n", "without verifier"),
    "old-key": (lambda gpg: b"\x98\x0a\x03" + bytes(9), "version 3"),
    "large": (lambda gpg: bytes(5 * 1024 * 1024), "more than"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_verify_anything_is_refused(gpg: GpgHome, case: str) -> None:
    make, reason = REFUSED[case]
    with pytest.raises(DataError, match=reason) as caught:
        read_keyrings(make(gpg), "ring.asc")
    assert caught.value.reference == "keyring-invalid"
    assert "ring.asc" in caught.value.seen


@given(st.binary(max_size=300))
def test_any_bytes_are_a_keyring_or_a_data_error(content: bytes) -> None:
    with contextlib.suppress(DataError):
        assert all(ring.keys for ring in read_keyrings(content, "ring"))


@given(data=st.data())
def test_a_damaged_key_is_a_keyring_or_a_data_error(data: st.DataObject, alice: Keyring) -> None:
    at = data.draw(st.integers(0, len(alice.content) - 1))
    changed = bytearray(alice.content)
    changed[at] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(DataError):
        assert all(len(key.fingerprint) == 40 for key in parse_keyring(bytes(changed), "ring").keys)


def test_the_identity_of_a_keyring_is_its_keys(gpg: GpgHome, alice: Keyring, bob: Keyring) -> None:
    armoured = parse_keyring(_armoured(gpg), "another name")
    assert armoured.identity == alice.identity != bob.identity


def test_blocks_without_an_end_cost_no_more_than_other_text() -> None:
    begun = time.process_time()
    with pytest.raises(DataError, match="no complete block"):
        parse_keyring(b"-----BEGIN PGP A-----\n" * 20_000, "ring")
    assert time.process_time() - begun < 5
