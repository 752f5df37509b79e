"""Graph data as an image: what is in it, on nothing, on the copier and on a base, and that it is always the same."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from upgraph.errors import DataError, UserError
from upgraph.graphdata import ARCHITECTURES, Files, bare, pack, read_bases, runnable_grounds
from upgraph.graphdata.image import ImageDataSource
from upgraph.graphdata.packing import COPY_COMMAND, Ground
from upgraph.graphdata.runnable import copier
from upgraph.oci import (
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    OCI_LAYER_GZIP,
    Composition,
    Descriptor,
    Digest,
    LayerFile,
    Platform,
    digest_of,
    gzipped,
    tar_layer,
)

Make = Callable[[Mapping[str, bytes | None]], Files]

PATH = "/var/lib/cincinnati-graph-data"


async def document(images: Composition, reference: str) -> Any:
    return json.loads((await images.manifest(reference)).content)


async def content(images: Composition, descriptor: Mapping[str, Any]) -> bytes:
    blob = Descriptor(descriptor["mediaType"], Digest(descriptor["digest"]), descriptor["size"])
    return b"".join([piece async for piece in images.read(blob)])


def base(
    architectures: Sequence[str] = ARCHITECTURES, *, docker: bool = False, diff_ids: int = 1
) -> Composition:
    images = Composition("base")
    tar = tar_layer([LayerFile("bin/cp", b"cp", 0o755)])
    layer = images.blob(gzipped(tar), DOCKER_LAYER_GZIP if docker else OCI_LAYER_GZIP)
    entries = []
    for architecture in architectures:
        config = {
            "architecture": architecture,
            "os": "linux",
            "created": "2026-01-01T00:00:00Z",
            "config": {"Entrypoint": ["/init"], "Env": ["A=b"], "Labels": {"vendor": "x"}},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(tar)] * diff_ids},
            "history": [{"created_by": "base"}],
        }
        kind = {"media_type": DOCKER_MANIFEST} if docker else {}
        entries.append((images.image(config=config, layers=[layer], **kind), Platform(architecture)))
    images.tag("index", images.index(entries))
    images.tag("single", entries[0][0])
    return images


async def packed(files: Files, images: Composition, grounds: Sequence[Ground]) -> list[Any]:
    """The manifests of the packed images, with their configurations."""
    pack(images, files, grounds, tag="packed")
    index = await document(images, "packed")
    found = []
    for entry in index["manifests"]:
        manifest = await document(images, entry["digest"])
        manifest["configuration"] = json.loads(await content(images, manifest["config"]))
        manifest["platform"] = entry["platform"]
        found.append(manifest)
    return found


async def test_each_architecture_has_an_image_of_the_same_data(a_set: Make) -> None:
    found = await packed(a_set({}), Composition("x"), bare(ARCHITECTURES))
    assert [one["platform"]["architecture"] for one in found] == ["amd64", "arm64", "ppc64le", "s390x"]
    assert len({one["layers"][0]["digest"] for one in found}) == 1
    assert [one["configuration"]["architecture"] for one in found] == list(ARCHITECTURES)


async def test_the_layer_holds_the_files_for_everybody_to_read_and_no_times(a_set: Make) -> None:
    images = Composition("x")
    (image,) = await packed(a_set({}), images, bare(["amd64"]))
    layer = await content(images, image["layers"][0])
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as archive:
        members = archive.getmembers()
    assert {member.name for member in members if member.isdir()} == {
        f"{PATH[1:]}{folder}" for folder in ("", "/channels", "/blocked-edges", "/raw")
    }
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, 0)}
    assert {oct(member.mode) for member in members if member.isreg()} == {"0o644"}
    assert len(members) == 4 + len(a_set({}))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
async def test_a_service_reads_the_set_out_of_the_image(a_set: Make, architecture: str) -> None:
    images = Composition("x")
    pack(images, a_set({}), bare(ARCHITECTURES), tag="packed")
    async with ImageDataSource(images, "packed", path=PATH, architecture=architecture) as source:
        assert await source.fetch() == a_set({})


async def test_the_same_set_is_the_same_image_in_whatever_order(a_set: Make) -> None:
    files = a_set({})
    one = pack(Composition("x"), files, bare(ARCHITECTURES), tag="packed")
    other = pack(
        Composition("y"), dict(reversed(list(files.items()))), bare(reversed(ARCHITECTURES)), tag="packed"
    )
    assert one == other


async def test_another_set_is_another_image(a_set: Make) -> None:
    one = pack(Composition("x"), a_set({}), bare(["amd64"]), tag="packed")
    assert one != pack(Composition("x"), a_set({"LICENSE": b"l"}), bare(["amd64"]), tag="packed")


async def test_a_runnable_image_starts_the_copier_of_its_architecture(a_set: Make) -> None:
    images = Composition("x")
    for image in await packed(a_set({}), images, runnable_grounds(images, ARCHITECTURES)):
        program, data = [gzip.decompress(await content(images, layer)) for layer in image["layers"]]
        with tarfile.open(fileobj=io.BytesIO(program)) as archive:
            (member,) = archive.getmembers()
            assert archive.extractfile(member).read() == copier(image["platform"]["architecture"])  # type: ignore[union-attr]  # a file
        run = image["configuration"]["config"]
        assert (run["Entrypoint"], "Cmd" in run) == ([f"/{member.name}"], False)
        assert (member.mode, member.uid, member.mtime) == (0o755, 0, 0)
        assert image["configuration"]["rootfs"]["diff_ids"] == [digest_of(program), digest_of(data)]


async def test_runnable_images_share_the_data_and_are_always_the_same(a_set: Make) -> None:
    one, other = Composition("x"), Composition("y")
    found = await packed(a_set({}), one, runnable_grounds(one, ARCHITECTURES))
    assert len({image["layers"][1]["digest"] for image in found}) == 1
    assert len({image["layers"][0]["digest"] for image in found}) == len(ARCHITECTURES)
    again = pack(other, a_set({}), runnable_grounds(other, reversed(ARCHITECTURES)), tag="packed")
    assert again.digest == (await one.manifest("packed")).digest


@pytest.mark.parametrize("docker", [False, True], ids=["OCI", "Docker"])
async def test_on_a_base_the_data_is_copied_at_the_start(a_set: Make, docker: bool) -> None:  # noqa: FBT001
    below = base(docker=docker)
    grounds = await read_bases(below, "index", ARCHITECTURES)
    for image in await packed(a_set({}), Composition("x", below), grounds):
        run = image["configuration"]["config"]
        assert run["Cmd"] == list(COPY_COMMAND)
        assert "Entrypoint" not in run
        assert run["Env"] == ["A=b"]
        assert run["Labels"]["vendor"] == "x"
        assert [layer["mediaType"] for layer in image["layers"]] == [OCI_LAYER_GZIP] * 2
        assert len(image["configuration"]["rootfs"]["diff_ids"]) == 2
        assert "created" not in image["configuration"]


async def test_one_image_is_a_base_for_its_architecture(a_set: Make) -> None:
    below = base()
    grounds = await read_bases(below, "single", ["amd64"])
    (image,) = await packed(a_set({}), Composition("x", below), grounds)
    assert image["platform"] == {"architecture": "amd64", "os": "linux"}


@pytest.mark.parametrize("reference", ["index", "single"])
async def test_a_base_that_lacks_an_architecture_is_refused_with_what_it_has(reference: str) -> None:
    with pytest.raises(UserError, match="has amd64, and not arm64, ppc64le, s390x") as caught:
        await read_bases(base(["amd64"]), reference, ARCHITECTURES)
    assert caught.value.remedy == "Choose another base, or say --arch amd64."


async def test_a_base_whose_parts_disagree_is_refused() -> None:
    with pytest.raises(DataError, match="names 2 layers, the manifest 1"):
        await read_bases(base(diff_ids=2), "index", ["amd64"])


async def test_the_layers_of_the_image_are_what_its_configuration_says(a_set: Make) -> None:
    images = Composition("x")
    (image,) = await packed(a_set({}), images, bare(["amd64"]))
    layer = gzip.decompress(await content(images, image["layers"][0]))
    assert image["configuration"]["rootfs"]["diff_ids"] == [digest_of(layer)]
