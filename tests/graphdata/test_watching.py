"""Noticing that graph data changed."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from upgraph.graphdata import Files, changes
from upgraph.graphdata.directory import DirectorySource
from upgraph.graphdata.watch import MAX_SETTLE_LOOKS


class Script:
    """A source whose fingerprints were written down beforehand; the last one stays."""

    name = "script"

    def __init__(self, fingerprints: str) -> None:
        self.fingerprints = list(fingerprints)
        self.naps: list[float] = []

    def fingerprint(self) -> str:
        return self.fingerprints.pop(0) if len(self.fingerprints) > 1 else self.fingerprints[0]

    def read(self) -> Files:
        return {}

    async def sleep(self, seconds: float) -> None:
        """Ends the watch once nothing is left that could change."""
        self.naps.append(seconds)
        if len(self.fingerprints) == 1 and self.naps[-4:] == [1.0] * 4:
            raise EOFError


async def watch(script: Script, since: str | None = None) -> str:
    """All changes that were reported, one letter each."""
    seen = ""
    with contextlib.suppress(EOFError):
        async for change in changes(script, since=since, sleep=script.sleep):
            seen += change
    return seen


@pytest.mark.parametrize(
    ("fingerprints", "reported"),
    [
        pytest.param("aaaa", "", id="nothing-changes"),
        pytest.param("aabb", "b", id="one-change"),
        pytest.param("aabbbbcc", "bc", id="two-changes"),
        pytest.param("aabcdee", "e", id="a-copy-that-takes-a-while"),
        pytest.param("aabaaaa", "", id="there-and-back"),
        pytest.param("aabbaa", "ba", id="back-after-a-rest"),
    ],
)
async def test_a_change_is_reported_once_it_rests(fingerprints: str, reported: str) -> None:
    assert await watch(Script(fingerprints)) == reported


async def test_a_change_between_reading_and_watching_is_not_missed() -> None:
    assert await watch(Script("bb"), since="a") == "b"


async def test_a_change_that_never_rests_is_reported_in_the_end() -> None:
    script = Script("a" + "bc" * MAX_SETTLE_LOOKS + "a")
    assert (await watch(script))[0] in "bc"
    assert script.naps.count(0.2) >= MAX_SETTLE_LOOKS


async def test_looks_are_one_interval_apart() -> None:
    script = Script("aaaa")
    await watch(script)
    assert set(script.naps) == {1.0}


async def test_an_edit_of_a_directory_is_noticed(
    tmp_path: Path, a_set: Callable[[Files], Files], fill: Callable[[Path, Files], Path]
) -> None:
    source = DirectorySource(fill(tmp_path, a_set({})))
    edits = [{"LICENSE": b"x"}]

    async def sleep(seconds: float) -> None:
        if edits:
            fill(tmp_path, edits.pop())

    async with contextlib.aclosing(changes(source, since=source.fingerprint(), sleep=sleep)) as seen:
        assert await anext(seen) == source.fingerprint()
    assert source.read()["LICENSE"] == b"x"
