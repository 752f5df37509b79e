"""Digests."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import DataError, VerificationError
from upgraph.oci import Hasher, digest_of, parse_digest
from upgraph.oci.images.digest import verify


@pytest.mark.parametrize("text", ["sha256:" + "a" * 64, "sha512:" + "0" * 128], ids=["sha256", "sha512"])
def test_a_registered_algorithm_is_accepted(text: str) -> None:
    assert parse_digest(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a" * 64,
        "sha256:" + "A" * 64,
        "sha256:" + "a" * 63,
        "md5:" + "a" * 32,
        "sha256:../" + "a" * 61,
        f"sha256:{'a' * 64}\n",
    ],
    ids=["empty", "bare", "upper-case", "short", "md5", "path", "newline"],
)
def test_what_cannot_be_recomputed_or_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(DataError):
        parse_digest(text)


@given(st.lists(st.binary()), st.sampled_from(["sha256", "sha512"]))
def test_a_digest_is_the_same_in_one_piece_and_in_many(chunks: list[bytes], algorithm: str) -> None:
    hasher = Hasher(algorithm)
    for chunk in chunks:
        hasher.update(chunk)
    whole = b"".join(chunks)
    assert hasher.digest() == digest_of(whole, algorithm)
    assert hasher.digest() == f"{algorithm}:{hashlib.new(algorithm, whole).hexdigest()}"


def test_other_content_than_the_digest_names_is_refused_with_both_digests() -> None:
    with pytest.raises(VerificationError) as refused:
        verify(b"other", digest_of(b"content"), "the manifest")
    assert digest_of(b"content") in refused.value.seen
    assert digest_of(b"other") in refused.value.seen
