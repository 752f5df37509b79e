"""The list of components is read as clusters read it, and written as `oc` writes it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import DataError
from upgraph.payload import Component, ImageReferences, parse_references
from upgraph.payload.references import references_document

DIGEST = "sha256:" + "a" * 64
NAMES = st.text(st.characters(codec="utf-8"), max_size=20)


def _stream(*tags: dict[str, Any], **changes: Any) -> bytes:
    stream = {
        "kind": "ImageStream",
        "apiVersion": "image.openshift.io/v1",
        "metadata": {"name": "4.8.1", "creationTimestamp": None},
        "spec": {"lookupPolicy": {"local": False}, "tags": list(tags)},
        "status": {"dockerImageRepository": ""},
    }
    return json.dumps(stream | changes).encode()


def _tag(name: str, spec: str, **annotations: str) -> dict[str, Any]:
    return {"name": name, "annotations": annotations, "from": {"kind": "DockerImage", "name": spec}}


def test_components_are_sorted_and_have_their_digests() -> None:
    found = parse_references(_stream(_tag("b", f"x.example/b@{DIGEST}"), _tag("a", "x.example/a:1")))
    assert [(one.name, one.digest) for one in found.components] == [("a", None), ("b", DIGEST)]


def test_versions_come_from_annotations() -> None:
    versions = {"io.openshift.build.versions": "kubernetes=1.31.0, machine-os=9.4"}
    names = {"io.openshift.build.version-display-names": "machine-os=Linux"}
    found = parse_references(_stream(_tag("hyperkube", "x.example/a:1", **versions, **names)))
    assert found.versions == {"kubernetes": "1.31.0", "machine-os": "9.4"}
    assert found.components[0].display_names == {"machine-os": "Linux"}


def test_a_tag_that_points_to_no_image_is_left_out() -> None:
    other = {"name": "a", "from": {"kind": "ImageStreamTag", "name": "b:c"}}
    assert parse_references(_stream(other, {"name": "b"})).components == ()


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b"{", id="no JSON"),
        pytest.param(b"[" * 100_000, id="nested"),
        pytest.param(b"\xff", id="no UTF-8"),
        pytest.param(_stream(kind="List"), id="another kind"),
        pytest.param(_stream(apiVersion="v1"), id="another API"),
        pytest.param(_stream(_tag("a", "x"), _tag("a", "y")), id="twice"),
        pytest.param(_stream({"name": 7}), id="a number for a name"),
    ],
)
def test_anything_else_is_refused(document: bytes) -> None:
    with pytest.raises(DataError) as caught:
        parse_references(document)
    assert caught.value.reference == "release-references-invalid"


@given(st.dictionaries(NAMES, st.tuples(NAMES, st.dictionaries(NAMES, NAMES, max_size=2)), max_size=4), NAMES)
def test_what_is_written_is_read_back(images: dict[str, tuple[str, dict[str, str]]], name: str) -> None:
    components = tuple(Component(key, spec, notes) for key, (spec, notes) in sorted(images.items()))
    references = ImageReferences(name, components)
    assert parse_references(references_document(references, "2026-01-01T00:00:00Z")) == references


def test_markup_is_escaped_as_programs_in_go_do() -> None:
    written = references_document(ImageReferences("<&>\u2028", ()), "2026-01-01T00:00:00Z")
    assert b'"name": "\\u003c\\u0026\\u003e\\u2028"' in written
    assert not written.endswith(b"\n")
