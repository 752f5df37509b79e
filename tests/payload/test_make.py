"""Made releases are like those of `oc adm release new`, and the same values give the same bytes."""

import gzip
import io
import json
import tarfile
from pathlib import Path

from upgraph.oci import LayoutWriter
from upgraph.payload import ReleaseContent, add_release, release_layer

CONTENT = ReleaseContent(
    "4.8.2",
    previous=["4.8.1", "4.8.0"],
    metadata={"url": "u", "a": "b"},
    images={"cli": "registry.example/cli@sha256:1"},
    manifests={"b.yaml": b"b", "a.yaml": b"a"},
)


def _files(layer: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer))) as tar:
        return {member.name: file.read() for member in tar if (file := tar.extractfile(member))}


def test_the_metadata_stand_in_front_of_the_manifests() -> None:
    names = ["image-references", "release-metadata", "a.yaml", "b.yaml"]
    assert list(_files(release_layer(CONTENT))) == [f"release-manifests/{name}" for name in names]


def test_the_documents_say_what_was_given() -> None:
    files = _files(release_layer(CONTENT))
    assert json.loads(files["release-manifests/release-metadata"]) == {
        "kind": "cincinnati-metadata-v0",
        "version": "4.8.2",
        "previous": ["4.8.0", "4.8.1"],
        "metadata": {"a": "b", "url": "u"},
    }
    references = json.loads(files["release-manifests/image-references"])
    assert references["spec"]["tags"][0]["from"]["name"] == "registry.example/cli@sha256:1"


def test_the_same_values_in_another_order_give_the_same_image(tmp_path: Path) -> None:
    same = ReleaseContent(
        "4.8.2",
        previous=["4.8.0", "4.8.1"],
        metadata={"a": "b", "url": "u"},
        images=CONTENT.images,
        manifests={"a.yaml": b"a", "b.yaml": b"b"},
    )
    digests = set()
    for name, content in (("first", CONTENT), ("second", same)):
        with LayoutWriter(tmp_path / name) as layout:
            digests.add(add_release(layout, content, "amd64").digest)
    assert len(digests) == 1
