"""Made releases are like those of `oc adm release new`, and the same values give the same bytes."""

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from upgraph.errors import DataError, UserError
from upgraph.oci import (
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    DOCKER_MANIFEST_LIST,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    Composition,
    Image,
    Index,
    LayoutSource,
    LayoutWriter,
    Platform,
    digest_of,
    parse_manifest,
)
from upgraph.payload import (
    ReleaseContent,
    add_release,
    bare_foundations,
    base_findings,
    base_foundations,
    compose_release,
    release_layer,
)

CONTENT = ReleaseContent(
    "4.8.2",
    previous=["4.8.1", "4.8.0"],
    metadata={"url": "https://a.example/?b=1&c=<2>", "a": "b"},
    images={"cli": "registry.example/cli@sha256:1"},
    manifests={"b.yaml": b"b", "a.yaml": b"a"},
    times={"a.yaml": 1_700_000_000, "b.yaml": 1_600_000_000},
    annotations={"cli": {"io.openshift.build.versions": "kubectl=1.31.0"}},
)
REFERENCES = """{
  "kind": "ImageStream",
  "apiVersion": "image.openshift.io/v1",
  "metadata": {
    "name": "4.8.2",
    "creationTimestamp": "2023-11-14T22:13:20Z"
  },
  "spec": {
    "lookupPolicy": {
      "local": false
    },
    "tags": [
      {
        "name": "cli",
        "annotations": {
          "io.openshift.build.versions": "kubectl=1.31.0"
        },
        "from": {
          "kind": "DockerImage",
          "name": "registry.example/cli@sha256:1"
        }
      }
    ]
  }
}"""
METADATA = """{
  "kind": "cincinnati-metadata-v0",
  "version": "4.8.2",
  "previous": [
    "4.8.0",
    "4.8.1"
  ],
  "metadata": {
    "a": "b",
    "url": "https://a.example/?b=1\\u0026c=\\u003c2\\u003e"
  }
}"""
PROGRAM = """
from upgraph.payload import ReleaseContent, bare_foundations, compose_release
images = {name: f"x.example/{name}@sha256:1" for name in "abcdef"}
content = ReleaseContent("1.0.0", images=images, metadata=images, manifests={name: b"" for name in images})
print(compose_release(content, bare_foundations(["amd64", "arm64", "s390x"]), None)[1].digest)
"""
LABEL, BASE_LABEL = "io.openshift.release", "io.openshift.release.base-image-digest"


def _members(layer: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer))) as tar:
        return tar.getmembers()


def _files(layer: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer))) as tar:
        return {member.name: file.read() for member in tar if (file := tar.extractfile(member))}


async def _config(images: Composition, digest: str) -> tuple[Image, dict[str, Any]]:
    manifest = await images.manifest(digest)
    image = parse_manifest(manifest.content, manifest.media_type)
    assert isinstance(image, Image)
    return image, json.loads(images._blobs[image.config.digest])


def test_the_directory_and_the_metadata_stand_in_front_of_the_manifests() -> None:
    names = ["", "/image-references", "/release-metadata", "/a.yaml", "/b.yaml"]
    found = [(member.name, member.mode, member.mtime) for member in _members(release_layer(CONTENT))]
    newest = 1_700_000_000
    modes, times = [0o777, 0o444, 0o444, 0o444, 0o444], [newest, newest, newest, newest, 1_600_000_000]
    assert found == [
        (f"release-manifests{name}", mode, time) for name, mode, time in zip(names, modes, times, strict=True)
    ]


def test_entries_belong_to_nobody_by_name_and_to_the_superuser_by_number() -> None:
    owners = {
        (member.uid, member.gid, member.uname, member.gname) for member in _members(release_layer(CONTENT))
    }
    assert owners == {(0, 0, "", "")}


def test_the_entry_of_the_directory_has_no_slash_behind_its_name() -> None:
    archive = gzip.decompress(release_layer(CONTENT))
    assert archive.startswith(b"release-manifests\0")
    assert archive[156:157] == b"5"


def test_the_compressed_layer_has_no_time() -> None:
    assert release_layer(CONTENT)[4:8] == bytes(4)


@pytest.mark.parametrize(("name", "text"), [("image-references", REFERENCES), ("release-metadata", METADATA)])
def test_the_documents_are_those_that_oc_writes(name: str, text: str) -> None:
    assert _files(release_layer(CONTENT))[f"release-manifests/{name}"].decode() == text


def test_the_same_values_in_another_order_give_the_same_image(tmp_path: Path) -> None:
    same = replace(
        CONTENT,
        previous=["4.8.0", "4.8.1"],
        metadata=dict(reversed(list(CONTENT.metadata.items()))),
        manifests=dict(reversed(list(CONTENT.manifests.items()))),
    )
    digests = set()
    for name, content in (("first", CONTENT), ("second", same)):
        with LayoutWriter(tmp_path / name) as layout:
            digests.add(add_release(layout, content, "amd64").digest)
    assert len(digests) == 1


def test_another_hash_seed_gives_the_same_image() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            timeout=180,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


async def test_a_release_without_a_base_has_one_layer_and_one_label() -> None:
    images, made = compose_release(CONTENT, bare_foundations([]), None)
    image, config = await _config(images, made.digest)
    assert (len(image.layers), config["architecture"], config["os"]) == (1, "amd64", "linux")
    assert config["config"] == {"Labels": {LABEL: "4.8.2"}}
    assert config["created"] == "2023-11-14T22:13:20Z"


async def test_a_release_for_several_architectures_is_marked_and_has_one_layer_for_all() -> None:
    images, made = compose_release(CONTENT, bare_foundations(["s390x", "amd64", "s390x"]), None)
    index = parse_manifest((await images.manifest(made.digest)).content, OCI_INDEX)
    assert isinstance(index, Index)
    assert [entry.architecture for entry in index.entries] == ["amd64", "s390x"]
    layers = {(await _config(images, entry.descriptor.digest))[0].layers for entry in index.entries}
    (layer,) = layers
    files = _files(images._blobs[layer[0].digest])
    metadata = json.loads(files["release-manifests/release-metadata"])["metadata"]
    assert metadata["release.openshift.io/architecture"] == "multi"


BASE = {
    "architecture": "s390x",
    "os": "linux",
    "config": {"Entrypoint": ["/usr/bin/operator"], "Labels": {"vendor": "x"}},
    "history": [{"created_by": "COPY manifests"}],
    "author": "somebody",
}


def _base(layout: LayoutWriter, *, media_type: str = DOCKER_MANIFEST, **changes: object) -> str:
    layer = layout.blob(gzip.compress(b"base"), DOCKER_LAYER_GZIP)
    rootfs = {"rootfs": {"type": "layers", "diff_ids": [digest_of(b"base")]}}
    return layout.image(
        config=BASE | rootfs | changes, layers=[layer], tag="base", media_type=media_type
    ).digest


async def test_a_release_on_a_base_starts_as_the_base_does_under_labels_of_its_own(
    layout: LayoutWriter, path: Path
) -> None:
    with layout:
        digest = _base(layout)
    source = LayoutSource(path)
    images, made = compose_release(CONTENT, await base_foundations(source, "base", []), source)
    image, config = await _config(images, made.digest)
    assert config["config"]["Entrypoint"] == ["/usr/bin/operator"]
    assert config["config"]["Labels"] == {LABEL: "4.8.2", BASE_LABEL: digest}
    assert (config["architecture"], config["author"], len(config["history"])) == ("s390x", "somebody", 2)
    assert [layer.media_type for layer in image.layers] == [DOCKER_LAYER_GZIP, DOCKER_LAYER_GZIP]
    archive = gzip.decompress(images._blobs[image.layers[-1].digest])
    assert config["rootfs"]["diff_ids"] == [digest_of(b"base"), digest_of(archive)]


async def test_a_history_that_does_not_tell_of_all_layers_gets_no_more(
    layout: LayoutWriter, path: Path
) -> None:
    with layout:
        _base(layout, history=[])
    source = LayoutSource(path)
    images, made = compose_release(CONTENT, await base_foundations(source, "base", []), source)
    assert (await _config(images, made.digest))[1]["history"] == []


async def test_a_base_for_several_architectures_gives_an_index_of_its_kind(
    layout: LayoutWriter, path: Path
) -> None:
    with layout:
        layer = layout.blob(b"base", DOCKER_LAYER_GZIP)
        images = []
        for arch in ("s390x", "arm64", "amd64"):
            config = BASE | {"architecture": arch, "rootfs": {"diff_ids": [digest_of(b"base")]}}
            images.append(
                (layout.image(config=config, layers=[layer], media_type=DOCKER_MANIFEST), Platform(arch))
            )
        layout.index(images, "base", media_type=DOCKER_MANIFEST_LIST)
    foundations = await base_foundations(LayoutSource(path), "base", ["arm64", "amd64"])
    assert [one.architecture for one in foundations] == ["amd64", "arm64"]
    assert compose_release(CONTENT, foundations, None)[1].media_type == DOCKER_MANIFEST_LIST


async def test_an_architecture_that_the_base_does_not_have_is_told(layout: LayoutWriter, path: Path) -> None:
    with layout:
        _base(layout)
    with pytest.raises(UserError, match="the base is for s390x; amd64, arm64 was asked for"):
        await base_foundations(LayoutSource(path), "base", ["amd64", "arm64"])


async def test_a_base_whose_configuration_does_not_list_its_layers_is_refused(
    layout: LayoutWriter, path: Path
) -> None:
    with layout:
        layer = layout.blob(b"base", OCI_LAYER_GZIP)
        layout.image(config=BASE, layers=[layer], tag="base")
    with pytest.raises(DataError, match="does not list the 1 layers"):
        await base_foundations(LayoutSource(path), "base", [])


async def test_a_release_is_no_base(layout: LayoutWriter, path: Path) -> None:
    with layout:
        add_release(layout, CONTENT, "amd64", "base")
    with pytest.raises(UserError) as caught:
        await base_foundations(LayoutSource(path), "base", [])
    assert caught.value.reference == "release-base-is-release"


async def test_a_base_without_the_files_of_an_operator_is_doubtful(layout: LayoutWriter, path: Path) -> None:
    with layout:
        digest = _base(layout)
    source = LayoutSource(path)
    (finding,) = await base_findings(source, await base_foundations(source, "base", []))
    assert (finding.reference, finding.file) == ("release-without-operator", digest)


async def test_a_base_with_two_images_for_one_architecture_is_refused(
    layout: LayoutWriter, path: Path
) -> None:
    with layout:
        layer = layout.blob(b"base", OCI_LAYER_GZIP)
        config = BASE | {"rootfs": {"diff_ids": [digest_of(b"base")]}}
        images = [layout.image(config=config | {"author": name}, layers=[layer]) for name in ("a", "b")]
        layout.index([(image, Platform("s390x")) for image in images], "base")
    with pytest.raises(DataError, match="two images for one architecture"):
        await base_foundations(LayoutSource(path), "base", [])


@pytest.mark.parametrize("name", ["x86-64", "AMD64", "", "linux/amd64"])
def test_an_architecture_that_no_cluster_asks_for_is_refused(name: str) -> None:
    with pytest.raises(DataError) as caught:
        bare_foundations(["amd64", name])
    assert caught.value.reference == "release-architecture-invalid"
