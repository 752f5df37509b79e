"""Lists of promoted versions are an input of the graph: the last good ones stay, and a change makes a snapshot."""

import asyncio
from pathlib import Path

import pytest

from tests.building.conftest import VERSIONS, Desk, files
from upgraph.errors import DataError
from upgraph.graph import Release
from upgraph.graph.promotion import MAX_LIST_BYTES
from upgraph.service.building.ledger import Ledger
from upgraph.service.building.pauses import Pauses
from upgraph.service.building.promoted import PromotionFollower, read_lists
from upgraph.service.building.saved import Saved
from upgraph.service.building.shelf import Shelf, last_snapshot
from upgraph.service.bundle import Content
from upgraph.service.handover import Current, Sources
from upgraph.service.snapshot import Coding
from upgraph.service.source_report import SourceKind

PATIENCE_SECONDS = 180.0


class Lists:
    """A file, and the follower that reads it for a desk."""

    def __init__(self, desk: Desk, path: Path) -> None:
        self.desk = desk
        self.path = path
        self.told: list[Sources] = []
        self.follower = PromotionFollower((path,), desk.workshop, Ledger(self.told.append))

    async def write(self, text: str) -> bool:
        self.path.write_text(text)
        return await self.follower.look()


@pytest.fixture
def desk() -> Desk:
    return Desk(Shelf(None), awaits_promotion=True)


@pytest.fixture
def lists(desk: Desk, chain: list[Release], tmp_path: Path) -> Lists:
    """A desk with all other inputs."""
    desk.workshop.take_graph_data(files())
    desk.take_releases(*chain)
    return Lists(desk, tmp_path / "promoted")


async def test_there_is_no_graph_before_the_lists_were_read(lists: Lists) -> None:
    assert lists.desk.waits_for() == (
        "graph-not-ready",
        "the lists of promoted versions have not been read yet",
    )
    await lists.write("4.1.1\n")
    assert lists.desk.answer().edges == {("4.1.0", "4.1.1")}
    assert set(lists.desk.answer().nodes) == set(VERSIONS)


async def test_a_list_that_cannot_be_used_at_the_first_start_is_the_reason_to_wait(lists: Lists) -> None:
    await lists.write("4.1.1\n4.1\n")
    reference, seen = lists.desk.waits_for()
    assert (reference, seen) == ("promotion-invalid", f"{lists.path}:2: not a version: '4.1'")
    assert lists.desk.snapshots == []


async def test_a_changed_list_makes_a_snapshot_and_a_changed_comment_none(lists: Lists) -> None:
    await lists.write("4.1.1\n")
    await lists.write("4.1.1 # passed\n")
    assert len(lists.desk.snapshots) == 1
    await lists.write("4.1.*\n")
    assert len(lists.desk.snapshots) == 2
    assert lists.desk.answer().edges == {("4.1.0", "4.1.1"), ("4.1.0", "4.1.2"), ("4.1.1", "4.1.2")}


async def test_a_broken_list_keeps_the_last_good_one_and_is_told_with_its_lines(lists: Lists) -> None:
    await lists.write("4.1.1\n")
    await lists.write("4.1.*\n4.1\n4.2\n")
    last = lists.desk.said[-1]
    assert isinstance(last, Current)
    assert [(one.reference, one.line) for one in last.findings] == [
        ("promotion-invalid", 2),
        ("promotion-invalid", 3),
    ]
    lists.desk.take_releases()
    assert lists.desk.answer().edges == {("4.1.0", "4.1.1")}
    await lists.write("4.1.2\n")
    assert lists.desk.answer().edges == {("4.1.0", "4.1.2"), ("4.1.1", "4.1.2")}


async def test_a_list_that_went_away_keeps_what_it_said_and_is_looked_for(lists: Lists) -> None:
    assert await lists.write("4.1.1\n")
    lists.path.unlink()
    assert not await lists.follower.look()
    assert "promotion-invalid" in lists.desk.findings()
    assert lists.desk.answer().edges == {("4.1.0", "4.1.1")}


async def test_the_sources_tell_each_list_with_what_is_wrong(lists: Lists) -> None:
    await lists.write("4.1.1\n4.1.2\n")
    await lists.write("no version\n")
    (report,) = lists.told[-1].reports
    assert (report.kind, report.name) == (SourceKind.PROMOTED, str(lists.path))
    assert report.last_good is not None
    assert report.last_good.counts == {"lines": 2}
    assert report.fault is not None
    assert report.fault.reference == "promotion-invalid"


async def test_the_snapshot_has_the_lists_and_what_they_withhold(lists: Lists) -> None:
    await lists.write("4.1.1\n")
    snapshot = lists.desk.snapshots[-1]
    assert snapshot.promotion is not None
    assert snapshot.promotion.body(Coding.IDENTITY).tobytes() == b"4.1.1\n"
    assert snapshot.facts.promoted == snapshot.promotion.etag
    assert snapshot.facts.withheld_by_arch == {"amd64": 2}


async def test_after_a_restart_with_a_broken_list_the_last_good_one_is_in_force(
    lists: Lists, chain: list[Release], tmp_path: Path
) -> None:
    for text in ("4.1.1\n", "broken\n"):
        lists.desk = Desk(Shelf(tmp_path), awaits_promotion=True)
        lists.desk.workshop.resume(last_snapshot(tmp_path))
        lists.desk.workshop.take_graph_data(files())
        lists.desk.take_releases(*chain)
        lists.follower = PromotionFollower((lists.path,), lists.desk.workshop, Ledger(lists.told.append))
        await lists.write(text)
    assert lists.desk.answer().edges == {("4.1.0", "4.1.1")}
    assert "promotion-invalid" in lists.desk.findings()


async def test_what_a_restart_brings_back_does_not_replace_what_was_read_since(
    lists: Lists, chain: list[Release], tmp_path: Path
) -> None:
    before = Desk(Shelf(tmp_path), awaits_promotion=True)
    before.workshop.take_graph_data(files())
    before.take_releases(*chain)
    await Lists(before, lists.path).write("4.1.1\n")
    await lists.write("4.1.2\n")
    lists.desk.workshop.resume(last_snapshot(tmp_path))
    lists.desk.take_releases(*chain[1:])
    assert lists.desk.answer().edges == {("4.1.1", "4.1.2")}


async def test_the_graph_of_another_server_is_restricted_and_follows_the_list(
    desk: Desk, chain: list[Release], tmp_path: Path
) -> None:
    plain = Desk(Shelf(None))
    plain.workshop.take_graph_data(files())
    plain.take_releases(*chain)
    desk.workshop.take_graph(plain.snapshots[0].builder_graph.body(Coding.IDENTITY).tobytes())
    desk.workshop.graph_is_current(1.0)
    assert desk.waits_for()[0] == "graph-not-ready"
    lists = Lists(desk, tmp_path / "promoted")
    await lists.write("4.1.1\n")
    assert desk.answer().edges == {("4.1.0", "4.1.1")}
    await lists.write("4.1.2\n")
    assert desk.answer().edges == {("4.1.0", "4.1.2"), ("4.1.1", "4.1.2")}


async def test_what_a_bundle_brings_is_restricted_and_takes_no_fault_of_the_list_away(
    desk: Desk, chain: list[Release], tmp_path: Path
) -> None:
    lists = Lists(desk, tmp_path / "promoted")
    await lists.write("4.1.1\n")
    bundle = Content("sha256:b", Saved(tuple(chain), ()), files(), {})
    desk.workshop.take_bundle(bundle, refreshed_at=1.0)
    await lists.write("broken\n")
    desk.workshop.take_bundle(bundle, refreshed_at=2.0)
    assert desk.answer().edges == {("4.1.0", "4.1.1")}
    assert desk.findings() == ["promotion-invalid"]


async def test_a_changed_file_is_noticed(lists: Lists) -> None:
    lists.path.write_text("4.1.1\n")
    looks: asyncio.Queue[Sources] = asyncio.Queue()
    follower = PromotionFollower((lists.path,), lists.desk.workshop, Ledger(looks.put_nowait))
    following = asyncio.ensure_future(follower.follow(asyncio.Event(), Pauses(300.0)))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await looks.get()
            lists.path.write_text("4.1.2 # a longer line\n")
            await looks.get()
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    assert lists.desk.answer().edges == {("4.1.0", "4.1.2"), ("4.1.1", "4.1.2")}


def test_several_lists_count_together(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("4.1.2\n4.1.1\n")
    (tmp_path / "b").write_text("4.1.1\n4.2.*\n")
    promotion = read_lists((tmp_path / "a", tmp_path / "b"))
    assert promotion is not None
    assert promotion.document == b"4.1.1\n4.1.2\n4.2.*\n"


def test_no_list_is_not_an_empty_one(tmp_path: Path) -> None:
    assert read_lists(()) is None
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_lists((tmp_path / "absent",))


@pytest.mark.parametrize("kind", ["directory", "large"])
def test_what_is_no_list_is_not_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "list"
    if kind == "directory":
        path.mkdir()
    else:
        path.write_bytes(b"#" * (MAX_LIST_BYTES + 1))
    with pytest.raises(DataError, match="cannot be read"):
        read_lists((path,))
