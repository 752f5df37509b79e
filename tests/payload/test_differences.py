"""Two releases are compared by what they mean, not by where they lie."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from upgraph.oci import LayoutWriter
from upgraph.payload import Change, Difference, Payload, ReleaseContent, add_release, compare

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
FIRST = ReleaseContent(
    "4.8.1",
    previous=["4.8.0"],
    metadata={"url": "u"},
    images={"a": f"x.example/a@{ONE}", "b": f"x.example/b@{ONE}"},
    manifests={"0000_50_a.yaml": b"a", "notes.txt": b"n"},
    annotations={"a": {"io.openshift.build.versions": "kubernetes=1.30.0"}},
)
Compare = Callable[[ReleaseContent], Awaitable[Difference]]


@pytest.fixture
def compared(layout: LayoutWriter, whole: Callable[..., Awaitable[Payload]]) -> Compare:
    """Compares the first release with another one."""

    async def compared(second: ReleaseContent) -> Difference:
        with layout:
            add_release(layout, FIRST, "amd64", "first")
            add_release(layout, second, "amd64", "second")
        return compare(await whole("first"), await whole("second"))

    return compared


async def test_a_release_is_the_same_as_itself(compared: Compare) -> None:
    assert (await compared(FIRST)).is_empty


async def test_a_copy_in_another_repository_is_the_same(compared: Compare) -> None:
    assert (
        await compared(replace(FIRST, images={"a": f"y.example/c@{ONE}", "b": f"z.example/b@{ONE}"}))
    ).is_empty


async def test_the_next_release_can_be_updated_to(compared: Compare) -> None:
    found = await compared(replace(FIRST, version="4.8.2", previous=["4.8.1", "4.8.0"]))
    assert (found.can_update, found.previous_added, found.previous_removed) == (True, ("4.8.1",), ())


async def test_each_kind_of_change_is_told(compared: Compare) -> None:
    found = await compared(
        ReleaseContent(
            "4.8.2",
            metadata={"url": "v"},
            images={"a": f"x.example/a@{TWO}", "c": "x.example/c:1"},
            manifests={"0000_50_b.yaml": b"b"},
            annotations={"a": {"io.openshift.build.versions": "kubernetes=1.31.0"}},
        )
    )
    assert (found.can_update, found.previous_removed) == (False, ("4.8.0",))
    assert found.metadata == (Change("url", "u", "v"),)
    assert found.versions == (Change("kubernetes", "1.30.0", "1.31.0"),)
    assert found.components == (
        Change("a", ONE, TWO),
        Change("b", ONE, None),
        Change("c", None, "x.example/c:1"),
    )
    assert [(one.name, one.before is None, one.after is None) for one in found.manifests] == [
        ("0000_50_a.yaml", False, True),
        ("0000_50_b.yaml", True, False),
    ]
