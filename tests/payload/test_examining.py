"""Everything that is wrong with a release is found, each fault under its own reference."""

import gzip
import tarfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from upgraph.errors import VerificationError
from upgraph.errors.problems.signing import SIGNATURE_MISSING
from upgraph.oci import (
    OCI_LAYER_GZIP,
    Descriptor,
    LayoutSource,
    LayoutWriter,
    Platform,
    digest_of,
    gzipped,
)
from upgraph.payload import Examination, ReleaseContent, Verdict, add_release, examine_release, release_layer

Examine = Callable[..., Awaitable[Verdict]]
MANIFEST = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
CONTENT = ReleaseContent("4.8.1", previous=["4.8.0"], manifests={"0000_50_a.yaml": MANIFEST})
MULTI = replace(CONTENT, metadata={"release.openshift.io/architecture": "multi"})
NOTHING: Mapping[str, object] = {}


def _references(verdict: Verdict) -> set[str]:
    return {finding.reference for finding in verdict.findings} - {"release-without-operator"}


def _image(
    layout: LayoutWriter, layer: bytes, tag: str | None = None, config: Mapping[str, object] = NOTHING
) -> Descriptor:
    labels = {"Labels": {"io.openshift.release": "4.8.1"}}
    known = {"architecture": "amd64", "os": "linux", "config": labels}
    return layout.image(config=known | dict(config), layers=[layout.blob(layer, OCI_LAYER_GZIP)], tag=tag)


@pytest.mark.parametrize("tag", ["4.8.1", "4.8.1-x86_64"])
async def test_a_good_release_has_no_fault(layout: LayoutWriter, examine: Examine, tag: str) -> None:
    with layout:
        add_release(layout, CONTENT, "amd64", tag)
    verdict = await examine(tag)
    assert _references(verdict) == set()
    assert (verdict.version, verdict.architectures, verdict.manifests) == ("4.8.1", ("amd64",), 1)


async def test_a_good_release_for_several_architectures_has_no_fault(
    layout: LayoutWriter, examine: Examine
) -> None:
    with layout:
        images = [(add_release(layout, MULTI, arch), Platform(arch)) for arch in ("amd64", "arm64")]
        layout.index(images, "4.8.1-multi")
    verdict = await examine("4.8.1-multi")
    assert (_references(verdict), verdict.architectures) == (set(), ("amd64", "arm64"))


async def test_a_release_with_the_files_of_an_operator_could_be_applied(
    layout: LayoutWriter, examine: Examine, pack: Callable[..., bytes]
) -> None:
    labels = {"Labels": {"io.openshift.release": "4.8.1"}}
    with layout:
        base = layout.blob(pack(tarfile.TarInfo("manifests/0000_00_a.yaml")), OCI_LAYER_GZIP)
        release = layout.blob(release_layer(CONTENT), OCI_LAYER_GZIP)
        config = {"architecture": "amd64", "os": "linux", "config": labels}
        layout.image(config=config, layers=[base, release], tag="4.8.1")
    assert (await examine("4.8.1")).findings == ()


async def test_a_release_without_the_files_of_an_operator_is_doubtful_only(
    layout: LayoutWriter, examine: Examine
) -> None:
    with layout:
        add_release(layout, CONTENT, "amd64", "4.8.1")
    (finding,) = (await examine("4.8.1")).findings
    assert (finding.reference, finding.severity.name) == ("release-without-operator", "WARNING")


async def test_a_tag_of_another_version_is_doubtful(layout: LayoutWriter, examine: Examine) -> None:
    with layout:
        add_release(layout, CONTENT, "amd64", "4.8.10")
    assert _references(await examine("4.8.10")) == {"release-tag-mismatch"}


async def test_a_digest_is_no_tag(layout: LayoutWriter, examine: Examine) -> None:
    with layout:
        image = add_release(layout, CONTENT, "amd64", "latest")
    assert _references(await examine(image.digest)) == set()


@pytest.mark.parametrize(
    ("layer", "config"),
    [
        pytest.param(CONTENT, {"config": {"Labels": {"io.openshift.release": "4.8.2"}}}, id="another label"),
        pytest.param(CONTENT, {"config": {}}, id="no label"),
        pytest.param(
            replace(CONTENT, version="4.8.1+x"),
            {"config": {"Labels": {"io.openshift.release": "4.8.1+x"}}},
            id="a version that clusters do not read",
        ),
    ],
)
async def test_names_that_are_not_the_version_are_found(
    layout: LayoutWriter, examine: Examine, layer: ReleaseContent, config: dict[str, object]
) -> None:
    with layout:
        image = _image(layout, release_layer(layer), None, config)
        layout.index([(image, Platform("amd64"))], "4.8.1")
    assert _references(await examine("4.8.1")) - {"release-tag-mismatch"} == {"release-name-mismatch"}


async def test_a_list_of_components_with_another_name_is_found(
    layout: LayoutWriter, examine: Examine
) -> None:
    archive = _with(release_layer(CONTENT), b'"name": "4.8.1"', b'"name": "4.8.2"')
    with layout:
        _image(layout, archive, "4.8.1")
    (finding,) = [f for f in (await examine("4.8.1")).findings if f.reference == "release-name-mismatch"]
    assert finding.seen == "release-metadata says '4.8.1', image-references says '4.8.2'"


def _with(layer: bytes, old: bytes, new: bytes) -> bytes:
    archive = gzip.decompress(layer)
    assert archive.count(old) == 1
    return gzipped(archive.replace(old, new))


@pytest.mark.parametrize(
    ("content", "stated", "config"),
    [
        pytest.param(MULTI, ["amd64", "s390x"], {}, id="index and configuration"),
        pytest.param(CONTENT, ["amd64", "arm64"], {}, id="no mark of several"),
        pytest.param(MULTI, ["amd64", "arm64"], {"os": "windows"}, id="another system"),
        pytest.param(
            replace(CONTENT, metadata={"release.openshift.io/architecture": "s390x"}),
            ["amd64"],
            {},
            id="metadata name another",
        ),
    ],
)
async def test_architectures_that_do_not_agree_are_found(
    layout: LayoutWriter, examine: Examine, content: ReleaseContent, stated: list[str], config: dict[str, str]
) -> None:
    real = ["amd64", "arm64"][: len(stated)]
    with layout:
        images = [
            _image(layout, release_layer(content), None, {"architecture": arch} | config) for arch in real
        ]
        layout.index(list(zip(images, map(Platform, stated), strict=True)), "4.8.1")
    assert _references(await examine("4.8.1")) == {"release-architecture-mismatch"}


async def test_images_of_an_index_with_other_content_are_found(
    layout: LayoutWriter, examine: Examine
) -> None:
    other = replace(MULTI, manifests={"0000_50_b.yaml": MANIFEST})
    with layout:
        images = [add_release(layout, MULTI, "amd64"), add_release(layout, other, "arm64")]
        layout.index(list(zip(images, [Platform("amd64"), Platform("arm64")], strict=True)), "4.8.1")
    (finding,) = [f for f in (await examine("4.8.1")).findings if f.reference == "release-members-differ"]
    assert finding.seen == "amd64 and arm64 differ in 0000_50_a.yaml, 0000_50_b.yaml"


async def test_every_fault_of_every_manifest_is_listed(layout: LayoutWriter, examine: Examine) -> None:
    bad = {
        "0000_50_b.yaml": b"a: b: c",
        "0000_50_c.yaml": MANIFEST + b"---\n" + MANIFEST,
        "notes.txt": b"a: b: c",
    }
    with layout:
        add_release(layout, replace(CONTENT, manifests=bad), "amd64", "4.8.1")
    verdict = await examine("4.8.1")
    places = [(f.file, f.line) for f in verdict.findings if f.reference.startswith("release-manifest")]
    assert places == [("0000_50_b.yaml", 1), ("0000_50_c.yaml", 5)]


async def test_one_broken_image_does_not_hide_the_others(
    layout: LayoutWriter, examine: Examine, path: Path
) -> None:
    with layout:
        images = [
            add_release(layout, MULTI, "amd64"),
            _image(layout, b"\x1f\x8bbroken", None, {"architecture": "arm64"}),
        ]
        layout.index(list(zip(images, [Platform("amd64"), Platform("arm64")], strict=True)), "4.8.1")
    verdict = await examine("4.8.1")
    assert (verdict.version, verdict.architectures) == ("4.8.1", ("amd64", "arm64"))
    assert [f.file for f in verdict.findings if f.reference == "layer-unreadable"] == [images[1].digest]


async def test_an_image_that_the_index_names_and_nobody_has_is_a_fault(
    layout: LayoutWriter, examine: Examine
) -> None:
    lost = Descriptor("application/vnd.oci.image.manifest.v1+json", digest_of(b"lost"), 4)
    with layout:
        layout.index([(lost, Platform("amd64"))], "4.8.1")
    verdict = await examine("4.8.1")
    assert (verdict.version, [f.severity.name for f in verdict.findings]) == (None, ["ERROR"])


async def test_signatures_of_the_digest_that_is_meant_are_looked_at(layout: LayoutWriter, path: Path) -> None:
    class Refusal:
        async def check(self, digest: str) -> VerificationError:
            return VerificationError(SIGNATURE_MISSING, f"there is no signature of {digest}")

    with layout:
        image = add_release(layout, CONTENT, "amd64", "4.8.1")
    async with LayoutSource(path) as source:
        verdict = await examine_release(source, "4.8.1", Examination(signatures={"keys": Refusal()}))
    assert _references(verdict) == {"signature-missing"}
    assert str(verdict.signatures["keys"]) == f"there is no signature of {image.digest}"
