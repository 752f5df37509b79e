"""A bundle in force: replaced as a whole, or not at all."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.bundles.conftest import FORMS, SIGNATURE, parts_of, rewrite
from upgraph.errors import UserError
from upgraph.service.building.bundled import BundleFollower
from upgraph.service.building.saved_source import Acceptance
from upgraph.service.building.shelf import Shelf
from upgraph.service.building.workshop import Workshop
from upgraph.service.bundle import write_bundle
from upgraph.service.handover import Current, Message, Waiting
from upgraph.service.snapshot import Coding, Snapshot, read_snapshot
from upgraph.testing.answers import read_answer


class Desk:
    """A workshop that follows a bundle, and everything that it said."""

    def __init__(self, path: Path, acceptance: Acceptance | None = None) -> None:
        self.said: list[Message] = []
        self.snapshots: list[Snapshot] = []
        workshop = Workshop(Shelf(None), self._say)
        self.follower = BundleFollower(path, acceptance or Acceptance(), workshop)

    def _say(self, message: Message, file: BinaryIO | None) -> None:
        self.said.append(message)
        if file is not None:
            self.snapshots.append(read_snapshot(file))

    @property
    def offered(self) -> list[str]:
        """Versions of stable-4.1 in the last snapshot."""
        body = self.snapshots[-1].answer("stable-4.1", "amd64").body(Coding.IDENTITY)
        return sorted(read_answer(body.tobytes()).nodes)

    @property
    def signature(self) -> bytes:
        """The signature in the last snapshot."""
        found = self.snapshots[-1].signature(SIGNATURE)
        return bytes(found.body(Coding.IDENTITY)) if found else b""

    @property
    def found(self) -> list[str]:
        """References of what was last said to be found."""
        last = self.said[-1]
        return [fact.reference for fact in last.findings] if isinstance(last, Current) else []


@pytest.fixture(params=FORMS)
def make(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Path]:
    """Makes a bundle of some versions in the place of the one before."""
    place = tmp_path / str(request.param)

    def put(*versions: str) -> Path:
        new = tmp_path / "new" / place.name
        new.parent.mkdir(exist_ok=True)
        write_bundle(parts_of(tmp_path / "-".join(versions), *versions), new)
        if place.is_dir():
            place.rename(tmp_path / "old")
        return new.rename(place)

    return put


async def test_all_of_a_bundle_is_in_one_snapshot(make: Callable[..., Path]) -> None:
    desk = Desk(make("4.1.0", "4.1.1"))
    report = await desk.follower.look(lambda: 1000.0)
    assert (report.succeeded, report.releases) == (True, 2)
    assert (len(desk.snapshots), desk.offered, desk.signature) == (
        1,
        ["4.1.0", "4.1.1"],
        b"signature of 4.1.1",
    )


async def test_another_bundle_takes_its_place_at_once(make: Callable[..., Path]) -> None:
    desk = Desk(make("4.1.0", "4.1.1"))
    await desk.follower.look()
    make("4.1.0", "4.1.2")
    await desk.follower.look()
    assert (len(desk.snapshots), desk.offered, desk.signature) == (
        2,
        ["4.1.0", "4.1.2"],
        b"signature of 4.1.2",
    )


async def test_a_bundle_that_did_not_change_is_not_read_but_known_to_be_current(
    make: Callable[..., Path],
) -> None:
    desk = Desk(make("4.1.0"))
    first, second = await desk.follower.look(lambda: 1000.0), await desk.follower.look(lambda: 2000.0)
    assert (second.releases, second.message) == (1, f"{first.message}, unchanged")
    assert len(desk.snapshots) == 1
    assert isinstance(desk.said[-1], Current)
    assert desk.said[-1].refreshed_at == 2000.0


async def test_new_signatures_alone_are_a_new_snapshot(make: Callable[..., Path], tmp_path: Path) -> None:
    place = make("4.1.0")
    desk = Desk(place)
    await desk.follower.look()
    if place.is_dir():
        place.rename(tmp_path / "before")
    parts = parts_of(tmp_path / "signed again", "4.1.0")
    (tmp_path / "signed again" / "signatures" / SIGNATURE).write_bytes(b"another")
    write_bundle(parts, place)
    await desk.follower.look()
    assert desk.signature == b"another"


async def test_a_bad_bundle_leaves_the_one_before_in_force_until_it_is_mended(
    make: Callable[..., Path],
) -> None:
    place = make("4.1.0", "4.1.1")
    desk = Desk(place)
    await desk.follower.look()
    good = {path: path.read_bytes() for path in [place, *place.rglob("*")] if path.is_file()}
    rewrite(place, lambda files: files.update({"releases.json": b"{}"}))
    report = await desk.follower.look()
    assert (report.succeeded, desk.offered, desk.found) == (False, ["4.1.0", "4.1.1"], ["bundle-damaged"])
    for path, content in good.items():
        path.write_bytes(content)
    assert (await desk.follower.look()).succeeded
    assert desk.found == []


async def test_a_bad_bundle_at_the_start_is_what_is_waited_for(make: Callable[..., Path]) -> None:
    place = make("4.1.0")
    rewrite(place, lambda files: files.update({"releases.json": b"{}"}))
    desk = Desk(place)
    await desk.follower.look()
    assert isinstance(desk.said[-1], Waiting)
    assert desk.said[-1].reference == "bundle-damaged"


async def test_a_bundle_without_any_release_is_held_back(make: Callable[..., Path], tmp_path: Path) -> None:
    place = make("4.1.0")
    desk = Desk(place, Acceptance(wants_proof=True))
    report = await desk.follower.look()
    assert (report.succeeded, desk.snapshots) == (False, [])
    assert "no release" in report.message


async def test_clusters_are_told_the_repository_that_is_named(make: Callable[..., Path]) -> None:
    desk = Desk(make("4.1.0"), Acceptance("mirror.example/ocp"))
    await desk.follower.look()
    body = desk.snapshots[-1].answer("stable-4.1", "amd64").body(Coding.IDENTITY)
    assert b'"payload":"mirror.example/ocp@sha256:' in body.tobytes()


def test_a_place_where_nothing_lies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        Desk(tmp_path / "none")
