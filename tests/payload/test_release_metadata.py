"""The release document: what is accepted, and what is refused by which field."""

import json

import pytest

from upgraph.errors import DataError
from upgraph.graph import Provenance, Version
from upgraph.payload import ReleaseMetadata, UnverifiedMetadata, VerifiedMetadata, parse_metadata

KIND = "cincinnati-metadata-v0"


def _document(**fields: object) -> bytes:
    return json.dumps({"kind": KIND, "version": "4.8.2", **fields}).encode()


def test_all_fields_are_read() -> None:
    document = _document(previous=["4.8.0", "4.8.1"], next=["4.9.0"], metadata={"url": "https://example.com"})
    parsed = parse_metadata(document)
    assert parsed.version == Version.parse("4.8.2")
    assert list(map(str, parsed.previous)) == ["4.8.0", "4.8.1"]
    assert list(map(str, parsed.next)) == ["4.9.0"]
    assert parsed.metadata == {"url": "https://example.com"}


ACCEPTED: dict[str, dict[str, object]] = {
    "only what is required": {},
    "empty lists": {"previous": [], "next": [], "metadata": {}},
    "unknown keys": {"more": {"a": [1]}, "images": None},
    "any metadata keys": {"metadata": {"": "", "a.b/c": "ü"}},
    "version with architecture": {"version": "4.8.2+amd64"},
    "version with white space": {"version": " 4.8.2\n"},
}


@pytest.mark.parametrize("fields", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_document_is_accepted(fields: dict[str, object]) -> None:
    assert parse_metadata(_document(**fields)).version.base == "4.8.2"


REFUSED = {
    "kind missing": (json.dumps({"version": "4.8.2"}).encode(), "kind"),
    "kind of another version": (_document(kind="cincinnati-metadata-v1"), "kind"),
    "version missing": (json.dumps({"kind": KIND}).encode(), "version"),
    "version null": (_document(version=None), "version"),
    "version a number": (_document(version=4), "version"),
    "version no semver": (_document(version="4.8"), "4.8"),
    "previous null": (_document(previous=None), "previous"),
    "previous a text": (_document(previous="4.8.1"), "previous"),
    "previous with a number": (_document(previous=[4]), "previous"),
    "previous no semver": (_document(previous=["4.8.1", "x"]), "'x'"),
    "too many neighbours": (_document(previous=["4.8.1"] * 9_999, next=["4.8.3"] * 2), "10001 versions"),
    "next null": (_document(next=None), "next"),
    "next no semver": (_document(next=["y"]), "'y'"),
    "metadata null": (_document(metadata=None), "metadata"),
    "metadata a list": (_document(metadata=[]), "metadata"),
    "metadata with a number": (_document(metadata={"a": 1}), "metadata"),
    "metadata with null": (_document(metadata={"a": None}), "metadata"),
    "empty": (b"", ""),
    "no object": (b"[]", "object"),
    "truncated": (_document()[:-1], ""),
    "not utf-8": (b'{"kind":"\xff"}', ""),
    "half a character": (_document().replace(b"4.8.2", rb"4.8.2\ud800"), ""),
    "deeply nested": (b'{"more":' + b"[" * 100_000 + b"]" * 100_000 + b"}", ""),
}


@pytest.mark.parametrize(("document", "named"), REFUSED.values(), ids=REFUSED.keys())
def test_a_document_is_refused_and_the_field_named(document: bytes, named: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_metadata(document)
    assert caught.value.reference == "release-metadata-invalid"
    assert named in caught.value.seen


@pytest.fixture
def parsed() -> ReleaseMetadata:
    return parse_metadata(_document())


def test_metadata_of_a_prefix_are_unverified(parsed: ReleaseMetadata) -> None:
    assert UnverifiedMetadata(parsed).provenance is Provenance.UNVERIFIED


def test_verified_metadata_cannot_be_made_by_hand(parsed: ReleaseMetadata) -> None:
    with pytest.raises(RuntimeError, match="only the reader"):
        VerifiedMetadata(parsed, object())
