"""A signature counts if a trusted key made it over a payload that names exactly the image. openssl is the oracle."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cosign.conftest import IDENTITY, KINDS, KeyPair, openssl
from upgraph.errors import DataError, UserError, VerificationError
from upgraph.oci import Digest
from upgraph.signing.cosign import CosignSignature, CosignVerified, sign_cosign, verify_cosign
from upgraph.signing.cosign.payload import MAX_PAYLOAD_BYTES, PAYLOAD_TYPE

OTHER = Digest("sha256:" + "0" * 64)
HASHES = {"p256": ["-sha256"], "p384": ["-sha384"], "rsa": ["-sha256"]}


def payload(digest: str, **changes: object) -> bytes:
    """As cosign writes it: without spaces, `optional` null."""
    critical = {
        "identity": {"docker-reference": IDENTITY},
        "image": {"docker-manifest-digest": digest},
        "type": PAYLOAD_TYPE,
    }
    return json.dumps({"critical": critical | changes, "optional": None}, separators=(",", ":")).encode()


def signed(content: bytes, pair: KeyPair) -> CosignSignature:
    return CosignSignature(content, pair.signing.sign(content), "here")


def by_openssl(kind: str, pair: KeyPair, content: bytes, folder: Path) -> bytes:
    file = folder / "payload"
    file.write_bytes(content)
    if kind == "ed25519":
        return openssl("pkeyutl", "-sign", "-rawin", "-inkey", pair.private, "-in", file)
    return openssl("dgst", *HASHES[kind], "-sign", pair.private, file)


@pytest.mark.parametrize("kind", KINDS)
def test_what_openssl_signs_is_good(
    kind: str, pairs: dict[str, KeyPair], digest: Digest, tmp_path: Path
) -> None:
    content = payload(digest)
    made = CosignSignature(content, by_openssl(kind, pairs[kind], content, tmp_path), "here")
    verified = verify_cosign(digest, [made], pairs[kind].trusted)
    assert verified.digest == digest
    assert [(one.identity, one.place, one.key) for one in verified.signers] == [
        (IDENTITY, "here", pairs[kind].trusted[0])
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_what_we_sign_is_good_for_openssl(
    kind: str, pairs: dict[str, KeyPair], digest: Digest, tmp_path: Path
) -> None:
    made = sign_cosign(digest, IDENTITY, pairs[kind].signing)
    (tmp_path / "payload").write_bytes(made.payload)
    (tmp_path / "signature").write_bytes(made.signature)
    if kind == "ed25519":
        way = ["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", pairs[kind].public, "-sigfile"]
        said = openssl(*way, tmp_path / "signature", "-in", tmp_path / "payload")
    else:
        way = ["dgst", "-sha256", "-verify", pairs[kind].public, "-signature"]
        said = openssl(*way, tmp_path / "signature", tmp_path / "payload")
    assert b"Verified" in said


@pytest.mark.parametrize("kind", KINDS)
def test_signing_again_gives_the_same_bytes(kind: str, pairs: dict[str, KeyPair], digest: Digest) -> None:
    first, second = (sign_cosign(digest, IDENTITY, pairs[kind].signing) for _ in range(2))
    assert first == second


def test_an_image_is_not_signed_without_a_name(digest: Digest, pair: KeyPair) -> None:
    with pytest.raises(UserError) as refused:
        sign_cosign(digest, " ", pair.signing)
    assert refused.value.reference == "cosign-signing"


def test_another_key_does_not_count(digest: Digest, pair: KeyPair, other: KeyPair) -> None:
    with pytest.raises(VerificationError, match=r"here: no trusted key made it$") as refused:
        verify_cosign(digest, [signed(payload(digest), other)], pair.trusted)
    assert refused.value.reference == "cosign-signature-refused"


def test_one_good_signature_among_others_is_enough(digest: Digest, pair: KeyPair, other: KeyPair) -> None:
    bad, good = signed(payload(digest), other), signed(payload(digest), pair)
    assert len(verify_cosign(digest, [bad, good, bad], pair.trusted).signers) == 1


def test_any_of_several_keys_may_have_signed(digest: Digest, pairs: dict[str, KeyPair]) -> None:
    keys = [key for kind in KINDS for key in pairs[kind].trusted]
    made = [signed(payload(digest), pairs[kind]) for kind in KINDS]
    assert [one.key for one in verify_cosign(digest, made, keys).signers] == keys


def test_without_any_key_nothing_is_good(digest: Digest, pair: KeyPair) -> None:
    with pytest.raises(VerificationError):
        verify_cosign(digest, [signed(payload(digest), pair)], [])


def test_no_signature_at_all_is_called_so(digest: Digest, pair: KeyPair) -> None:
    with pytest.raises(VerificationError, match=f"{digest} has no signature") as refused:
        verify_cosign(digest, [], pair.trusted)
    assert refused.value.reference == "cosign-signature-missing"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (payload(OTHER), f"it is for {OTHER}"),
        (payload(""), "it is for "),
        (payload(OTHER, type="atomic container signature"), "has the type 'atomic container signature'"),
        (payload(OTHER, image={}), "cannot be read"),
        (payload(OTHER, identity=None), "cannot be read"),
        (b"{}", "cannot be read"),
        (b"[" * 5000, "cannot be read"),
        (b"\xff", "cannot be read"),
        (payload(OTHER) + b"{}", "cannot be read"),
        (b" " * (MAX_PAYLOAD_BYTES + 1), "the payload has 65537 bytes"),
    ],
    ids=["digest", "empty", "type", "image", "identity", "object", "deep", "utf-8", "trailing", "huge"],
)
def test_a_good_signature_over_something_else_does_not_count(
    content: bytes, said: str, digest: Digest, pair: KeyPair
) -> None:
    with pytest.raises(VerificationError) as refused:
        verify_cosign(digest, [signed(content, pair)], pair.trusted)
    assert said in refused.value.seen


def test_a_digest_in_other_letters_is_another_digest(digest: Digest, pair: KeyPair) -> None:
    with pytest.raises(VerificationError, match="it is for"):
        verify_cosign(digest, [signed(payload(digest.upper()), pair)], pair.trusted)


def test_what_is_no_digest_is_refused(pair: KeyPair) -> None:
    with pytest.raises(DataError, match="not a sha256 or sha512 digest"):
        verify_cosign("4.18.1", [], pair.trusted)


def test_a_signature_with_a_certificate_says_why_it_does_not_count(
    digest: Digest, pair: KeyPair, other: KeyPair
) -> None:
    made = other.signing.sign(payload(digest))
    with pytest.raises(VerificationError, match="without a lasting key"):
        verify_cosign(digest, [CosignSignature(payload(digest), made, "here", is_keyless=True)], pair.trusted)


def test_a_message_names_some_reasons_and_how_many_there_are(
    digest: Digest, pair: KeyPair, other: KeyPair
) -> None:
    with pytest.raises(VerificationError, match=r"and 11 more$"):
        verify_cosign(digest, [signed(payload(digest), other)] * 20, pair.trusted)


def test_nobody_else_says_what_is_verified(digest: Digest) -> None:
    with pytest.raises(TypeError, match="verified by its signature"):
        CosignVerified(digest, ())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize("kind", KINDS)
def test_no_flipped_bit_of_payload_or_signature_is_accepted(
    kind: str, data: st.DataObject, pairs: dict[str, KeyPair], digest: Digest
) -> None:
    made = signed(payload(digest), pairs[kind])
    parts = [bytearray(made.payload), bytearray(made.signature)]
    part = data.draw(st.sampled_from(parts))
    bit = data.draw(st.integers(0, len(part) * 8 - 1))
    part[bit // 8] ^= 1 << bit % 8
    changed = CosignSignature(bytes(parts[0]), bytes(parts[1]), "here")
    with pytest.raises(VerificationError):
        verify_cosign(digest, [changed], pairs[kind].trusted)
