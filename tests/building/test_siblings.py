"""Taking the snapshot of another replica: the freshest that arrives whole, and none that is damaged."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import msgspec
import pytest

from upgraph.oci import Access
from upgraph.service.answering.message import Request, Response
from upgraph.service.answering.server import Bound, Listener, serve
from upgraph.service.answering.sharing import OFFER_PATH, offer, whole
from upgraph.service.building.siblings import Inherited, addresses_of, inherit
from upgraph.service.snapshot import Coding, Facts, Snapshot, SnapshotWriter, read_snapshot

NOW = 1_790_000_000.0
ANSWER = b'{"version":1,"nodes":[],"edges":[],"conditionalEdges":[]}'


def made(directory: Path, answer: bytes = ANSWER) -> Snapshot:
    """A snapshot with one answer."""
    content = BytesIO()
    writer = SnapshotWriter(content)
    writer.add_answer("stable-4.1", "amd64", {Coding.IDENTITY: answer})
    writer.add_empty({Coding.IDENTITY: b"{}"})
    writer.add_builder_graph({Coding.IDENTITY: answer})
    counts: dict[str, int] = {}
    writer.finish(
        Facts(
            digest="d",
            releases_digest="r",
            graph_data_digest="g",
            releases=1,
            nodes=1,
            nodes_by_arch=counts,
            edges_by_arch=counts,
            conditional_edges_by_arch=counts,
            refreshed_at=NOW - 100,
        )
    )
    path = directory / f"snapshot-{len(list(directory.iterdir()))}"
    path.write_bytes(content.getvalue())
    with path.open("rb") as file:
        return read_snapshot(file)


@dataclass
class Sibling:
    """A replica as its neighbours see it; a test may make it lie."""

    held: Snapshot | None
    facts: Facts | None
    body: bytes | None = None
    """Given instead of the snapshot."""
    asked: list[str] = field(default_factory=list)

    def respond(self, request: Request) -> Response:
        self.asked.append(request.path)
        if request.path == OFFER_PATH:
            return offer(self)
        if self.body is None:
            return whole(self)
        return Response(200, [("content-length", str(len(self.body)))], self.body)


@dataclass
class Neighbours:
    """Replicas on ports of this machine."""

    directory: Path
    stack: AsyncExitStack
    places: list[str] = field(default_factory=list)

    async def add(self, *, age: float = 100, answer: bytes = ANSWER) -> Sibling:
        snapshot = made(self.directory, answer)
        facts = msgspec.structs.replace(snapshot.facts, refreshed_at=NOW - age)
        return await self.listen(Sibling(snapshot, facts))

    async def listen(self, sibling: Sibling) -> Sibling:
        stop = asyncio.Event()
        started: asyncio.Future[tuple[Bound, ...]] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(serve([Listener("127.0.0.1", 0, sibling)], stop, started.set_result))
        self.stack.push_async_callback(asyncio.wait, {task})
        self.stack.callback(stop.set)
        [bound] = await started
        self.places.append(str(bound))
        return sibling

    async def inherit(self) -> Inherited | None:
        inherited = await inherit(self.places, Access(), NOW)
        if inherited is not None:
            self.stack.callback(inherited.file.close)
        return inherited


@pytest.fixture
async def neighbours(tmp_path: Path) -> AsyncIterator[Neighbours]:
    async with AsyncExitStack() as stack:
        yield Neighbours(tmp_path, stack)


def answer_of(inherited: Inherited | None) -> bytes:
    assert inherited is not None
    return inherited.snapshot.answer("stable-4.1", "amd64").body(Coding.IDENTITY).tobytes()


async def test_the_freshest_is_taken_with_its_age(neighbours: Neighbours) -> None:
    await neighbours.add(age=300, answer=b"old")
    await neighbours.add(age=20, answer=b"fresh")
    await neighbours.add(age=40, answer=b"older")
    inherited = await neighbours.inherit()
    assert answer_of(inherited) == b"fresh"
    assert inherited is not None
    assert inherited.refreshed_at == NOW - 20


async def test_a_clock_that_is_ahead_does_not_make_a_graph_of_the_future(neighbours: Neighbours) -> None:
    await neighbours.add(age=-10_000)
    inherited = await neighbours.inherit()
    assert inherited is not None
    assert inherited.refreshed_at == NOW


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[:-10], id="cut off"),
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: content.replace(b'"nodes":[]', b'"nodes":{}'), id="changed body"),
        pytest.param(lambda content: b"x" * len(content), id="something else"),
    ],
)
async def test_a_damaged_snapshot_is_passed_over_for_the_next(neighbours: Neighbours, damage: object) -> None:
    assert callable(damage)
    broken = await neighbours.add(age=1)
    assert broken.held is not None
    broken.body = damage(bytes(broken.held.file))
    await neighbours.add(age=50, answer=b"sound")
    assert answer_of(await neighbours.inherit()) == b"sound"


async def test_another_snapshot_than_the_one_offered_is_not_taken(neighbours: Neighbours) -> None:
    liar = await neighbours.add()
    liar.body = bytes(made(neighbours.directory, b"forged").file)
    assert await neighbours.inherit() is None


async def test_a_sibling_without_a_graph_is_not_asked_for_one(neighbours: Neighbours) -> None:
    empty = await neighbours.listen(Sibling(None, None))
    assert await neighbours.inherit() is None
    assert empty.asked == [OFFER_PATH]


async def test_names_without_an_address_and_closed_ports_are_passed_over(neighbours: Neighbours) -> None:
    await neighbours.add(answer=b"here")
    [place] = neighbours.places

    async def resolve(host: str, port: int) -> list[str]:
        if host == "nobody.example":
            raise OSError("no such name")
        return ["127.0.0.1:9", place]

    inherited = await inherit(["nobody.example:1", "all.example:1"], Access(), NOW, resolve)
    assert answer_of(inherited) == b"here"
    assert inherited is not None
    inherited.file.close()


async def test_every_address_of_a_name_is_asked(neighbours: Neighbours) -> None:
    first, second = await neighbours.add(), await neighbours.add(age=1, answer=b"second")
    places = list(neighbours.places)

    async def resolve(host: str, port: int) -> list[str]:
        assert (host, port) == ("replicas.example", 9081)
        return places

    inherited = await inherit(["replicas.example:9081"], Access(), NOW, resolve)
    assert answer_of(inherited) == b"second"
    assert inherited is not None
    inherited.file.close()
    assert first.asked == [OFFER_PATH]
    assert second.asked[0] == OFFER_PATH


async def test_an_ipv6_address_is_written_as_in_a_url() -> None:
    assert await addresses_of("::1", 9081) == ["[::1]:9081"]
