"""An entry of a layout that cannot be used is there all the same, and spoils none beside it."""

import json
from pathlib import Path
from typing import Any

import pytest

from upgraph.errors import DataError
from upgraph.oci import Descriptor, LayoutSource, LayoutWriter, digest_of
from upgraph.oci.disk.layout_entries import REF_NAME

CONFIG = {"architecture": "amd64", "os": "linux"}
OTHER = digest_of(b"something else")
MD5 = "md5:9e107d9d372bb6826bd81d3542a419d6"


@pytest.fixture
def good(tmp_path: Path) -> Descriptor:
    """The image that is tagged ``good``, in a layout that has an image tagged ``bad`` as well."""
    with LayoutWriter(tmp_path) as layout:
        layout.image(config=CONFIG | {"variant": "v8"}, layers=[], tag="bad")
        return layout.image(config=CONFIG, layers=[], tag="good")


def entries(path: Path) -> list[Any]:
    found: list[Any] = json.loads((path / "index.json").read_bytes())["manifests"]
    return found


def put(path: Path, *changed: object) -> LayoutSource:
    """Put entries in the place of the one that is tagged ``bad``."""
    kept = [entry for entry in entries(path) if entry["annotations"][REF_NAME] == "good"]
    (path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [*changed, *kept]}))
    return LayoutSource(path)


def bad(path: Path, **changes: object) -> dict[str, object]:
    """The entry that is tagged ``bad``, with changes; None takes a field away."""
    (entry,) = (entry for entry in entries(path) if entry["annotations"][REF_NAME] == "bad")
    return {key: value for key, value in {**entry, **changes}.items() if value is not None}


async def refusal(source: LayoutSource, name: str) -> str:
    """What is seen when ``name`` is asked for, which is the same in every way of asking."""
    with pytest.raises(DataError) as resolved:
        await source.resolve(name)
    with pytest.raises(DataError) as read:
        await source.manifest(name)
    assert resolved.value.reference == read.value.reference == "oci-layout-entry"
    assert resolved.value.seen == read.value.seen
    return read.value.seen


UNUSABLE: dict[str, tuple[dict[str, object], str]] = {
    "path-for-a-digest": ({"digest": "sha256:../x"}, "is not a sha256 or sha512 digest"),
    "other-algorithm": ({"digest": MD5}, "is not a sha256 or sha512 digest"),
    "number-for-a-digest": ({"digest": 7}, "$.digest"),
    "no-digest": ({"digest": None}, "`digest`"),
    "size-below-zero": ({"size": -1}, "$.size"),
    "text-for-a-size": ({"size": "12"}, "$.size"),
    "no-type": ({"mediaType": None}, "`mediaType`"),
}


@pytest.mark.parametrize("name", UNUSABLE)
async def test_a_tag_with_an_unusable_descriptor_is_listed_and_refused_by_name(
    tmp_path: Path, good: Descriptor, name: str
) -> None:
    changes, said = UNUSABLE[name]
    source = put(tmp_path, bad(tmp_path, **changes))
    assert await source.tags() == ["bad", "good"]
    seen = await refusal(source, "bad")
    assert "'bad'" in seen
    assert said in seen
    assert (await source.manifest("good")).digest == good.digest


@pytest.mark.parametrize("second", [OTHER, MD5], ids=["other-digest", "unusable"])
@pytest.mark.parametrize("order", [1, -1], ids=["behind", "before"])
async def test_a_tag_that_points_to_two_images_is_listed_once_and_refused(
    tmp_path: Path, good: Descriptor, second: str, order: int
) -> None:
    pair = [bad(tmp_path), bad(tmp_path, digest=second)]
    source = put(tmp_path, *pair[::order])
    assert await source.tags() == ["bad", "good"]
    seen = await refusal(source, "bad")
    assert "'bad'" in seen
    assert second in seen
    assert await source.resolve("good") == good.digest


async def test_a_third_entry_does_not_decide_between_two(tmp_path: Path, good: Descriptor) -> None:
    source = put(tmp_path, bad(tmp_path), bad(tmp_path, digest=OTHER), bad(tmp_path))
    assert OTHER in await refusal(source, "bad")
    assert await source.resolve("good") == good.digest


async def test_images_of_an_ambiguous_tag_can_still_be_read_by_digest(
    tmp_path: Path, good: Descriptor
) -> None:
    entry = bad(tmp_path)
    source = put(tmp_path, entry, {**entry, "digest": good.digest, "size": good.size})
    for digest in (good.digest, str(entry["digest"])):
        assert (await source.manifest(digest)).digest == digest


async def test_a_tag_twice_with_the_same_digest_is_no_fault(tmp_path: Path, good: Descriptor) -> None:
    entry = bad(tmp_path)
    source = put(tmp_path, entry, entry)
    assert await source.tags() == ["bad", "good"]
    assert await source.resolve("bad") == (await source.manifest("bad")).digest == entry["digest"]
    assert await source.resolve("good") == good.digest


@pytest.mark.parametrize("entry", ["text", 7, None, [], {}, {"digest": MD5}, {"annotations": {REF_NAME: 7}}])
async def test_an_entry_without_any_name_is_listed_under_its_place(
    tmp_path: Path, good: Descriptor, entry: object
) -> None:
    source = put(tmp_path, entry)
    assert await source.tags() == ["good", "manifests[0]"]
    assert "'manifests[0]'" in await refusal(source, "manifests[0]")
    assert await source.resolve("good") == good.digest


async def test_an_unusable_entry_without_a_tag_is_listed_under_its_digest(
    tmp_path: Path, good: Descriptor
) -> None:
    source = put(tmp_path, {"digest": OTHER, "mediaType": "x", "size": -1})
    assert await source.tags() == sorted(["good", OTHER])
    assert "$.size" in await refusal(source, OTHER)
    assert await source.resolve("good") == good.digest


async def test_a_tag_that_is_the_digest_of_another_image_does_not_stand_for_it(
    tmp_path: Path, good: Descriptor
) -> None:
    source = put(tmp_path, bad(tmp_path, annotations={REF_NAME: good.digest}))
    assert await source.tags() == ["good", "manifests[0]"]
    assert good.digest in await refusal(source, "manifests[0]")
    assert (await source.manifest(good.digest)).digest == good.digest


async def test_annotations_of_others_do_not_matter(tmp_path: Path, good: Descriptor) -> None:
    source = put(tmp_path, bad(tmp_path, annotations={REF_NAME: "bad", "org.example.count": 7}))
    assert await source.resolve("bad") == (await source.manifest("bad")).digest != good.digest


async def test_an_endless_name_is_shortened_in_what_is_reported(tmp_path: Path, good: Descriptor) -> None:
    name = "x" * 1_000_000
    source = put(tmp_path, bad(tmp_path, digest=MD5, annotations={REF_NAME: name}))
    assert len(await refusal(source, name)) < 1000
    assert await source.resolve("good") == good.digest
