"""Manifests of images and indexes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import DataError
from upgraph.oci import (
    DOCKER_MANIFEST,
    DOCKER_MANIFEST_LIST,
    MAX_MANIFEST_BYTES,
    OCI_INDEX,
    OCI_MANIFEST,
    Image,
    Index,
    parse_manifest,
)

DIGEST = "sha256:" + "a" * 64
PART = {"mediaType": "application/x", "digest": DIGEST, "size": 7}
IMAGE: dict[str, Any] = {"schemaVersion": 2, "config": PART, "layers": [PART, PART]}
INDEX: dict[str, Any] = {
    "schemaVersion": 2,
    "manifests": [{**PART, "platform": {"architecture": "arm64", "os": "linux", "variant": "v8"}}],
}


def bytes_of(body: object) -> bytes:
    return json.dumps(body).encode()


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
@pytest.mark.parametrize("where", ["body", "source", "both"])
def test_an_image_is_read_whoever_says_its_type(media_type: str, where: str) -> None:
    body = IMAGE if where == "source" else IMAGE | {"mediaType": media_type}
    image = parse_manifest(bytes_of(body), "" if where == "body" else f"{media_type}; charset=utf-8")
    assert isinstance(image, Image)
    assert image.media_type == media_type
    assert (image.config.digest, len(image.layers), image.layers[0].size) == (DIGEST, 2, 7)


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_MANIFEST_LIST])
def test_an_index_has_its_platforms(media_type: str) -> None:
    index = parse_manifest(bytes_of(INDEX), media_type)
    assert isinstance(index, Index)
    entry = index.entries[0]
    assert (entry.architecture, entry.os, entry.variant, entry.is_attestation) == (
        "arm64",
        "linux",
        "v8",
        False,
    )


def test_the_shape_tells_the_type_where_nobody_does() -> None:
    assert isinstance(parse_manifest(bytes_of(IMAGE), "application/json"), Image)
    assert isinstance(parse_manifest(bytes_of(INDEX), ""), Index)


def test_build_provenance_is_known_as_such() -> None:
    entry = PART | {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    index = parse_manifest(bytes_of(INDEX | {"manifests": [entry]}), OCI_INDEX)
    assert isinstance(index, Index)
    assert index.entries[0].is_attestation


def test_an_empty_index_written_by_go_has_no_entries() -> None:
    assert parse_manifest(bytes_of(INDEX | {"manifests": None}), OCI_INDEX) == Index((), OCI_INDEX)


@pytest.mark.parametrize(
    ("body", "media_type", "reference"),
    [
        (IMAGE | {"schemaVersion": 1}, "", "oci-manifest-schema1"),
        (IMAGE, "application/vnd.docker.distribution.manifest.v1+prettyjws", "oci-manifest-schema1"),
        ({"schemaVersion": 1, "fsLayers": [], "architecture": "amd64"}, "", "oci-manifest-schema1"),
        (IMAGE | {"schemaVersion": 3}, OCI_MANIFEST, "oci-manifest"),
        (IMAGE | {"mediaType": OCI_MANIFEST}, DOCKER_MANIFEST, "oci-manifest"),
        (IMAGE, "application/vnd.unknown+json", "oci-manifest"),
        (IMAGE | INDEX, OCI_MANIFEST, "oci-manifest"),
        (IMAGE | INDEX, OCI_INDEX, "oci-manifest"),
        (IMAGE, OCI_INDEX, "oci-manifest"),
        ({"schemaVersion": 2}, OCI_MANIFEST, "oci-manifest"),
        ({"schemaVersion": 2}, OCI_INDEX, "oci-manifest"),
        (IMAGE | {"config": PART | {"size": -1}}, OCI_MANIFEST, "oci-manifest"),
        (IMAGE | {"config": PART | {"digest": "sha256:../../x"}}, OCI_MANIFEST, "oci-digest"),
        (IMAGE | {"layers": [PART] * 1025}, OCI_MANIFEST, "oci-too-large"),
        (INDEX | {"manifests": [PART] * 1025}, OCI_INDEX, "oci-too-large"),
        ([], "", "oci-manifest"),
    ],
)
def test_what_is_not_valid_or_contradicts_itself_is_refused(
    body: object, media_type: str, reference: str
) -> None:
    with pytest.raises(DataError) as refused:
        parse_manifest(bytes_of(body), media_type)
    assert refused.value.reference == reference


def test_a_manifest_that_is_too_large_is_not_even_decoded() -> None:
    with pytest.raises(DataError) as refused:
        parse_manifest(b" " * (MAX_MANIFEST_BYTES + 1), "")
    assert refused.value.reference == "oci-too-large"


@given(
    st.binary()
    | st.recursive(
        st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    ).map(bytes_of)
)
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with pytest.raises(DataError):
        parse_manifest(content, "")


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(DataError):
        parse_manifest(b"[" * 100_000, "")
