"""The fault matrix: what a row is, a service to try it on, and what holds for every row.

A row is data: how a fault is made and taken away, and the words in which users are told of it. The page
``docs/reference/faults.md`` is made from the same words. One body tries every row: a service answers, the
fault comes, the same bytes are answered, the fault is named where administrators look, it goes, and what
happened meanwhile arrives.
"""

import asyncio
import io
import json
import logging
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
from _pytest.mark import ParameterSet

from upgraph.oci import RegistryClient, Retry, Timing
from upgraph.oci.images.digest import Digest
from upgraph.oci.images.manifest import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST
from upgraph.oci.registry import authorization
from upgraph.payload import ReleaseContent, release_layer
from upgraph.payload.reader import RELEASE_LABEL
from upgraph.service import handover
from upgraph.service.answering.server import serve
from upgraph.service.building import sources
from upgraph.service.building.__main__ import Builder
from upgraph.service.configuration import Configuration
from upgraph.service.log import _TextLines
from upgraph.service.running import Service
from upgraph.testing.answers import read_answer
from upgraph.testing.certificates import Authority, make_authority
from upgraph.testing.http_client import Answer, HttpClient
from upgraph.testing.registry import SimulatedRegistry

PATIENCE_SECONDS = 180.0
"""Longest wait for something that must happen; what decides a test is never how long it took."""
LOOK_SECONDS = 0.02
MOST_SCRAPES = 4
"""Scrapes after which something must be noticed. The first may have begun before it was there to see."""
HASTE_SECONDS = 0.5
"""Patience of a service whose row is about waiting."""
VERSIONS = ("4.1.0", "4.1.1", "4.1.2")
NEW = "4.1.9"
"""The release that is added while a fault lasts."""
CHANNEL = ("stable-4.1", "amd64")
ASK = "/api/upgrades_info/graph?channel={}&arch={}"
BIN = Path(sys.executable).parent

TAG = "4.1.3-x86_64"
"""Of a release that comes with a fault."""
BRINGS = ("4.1.3", NEW)
LAST_GOOD = "the answers of before"
LEFT_OUT = f"{LAST_GOOD}; the release that cannot be read is not offered"
AGAIN = "The next scrape."
MIRRORED = "The next scrape after the image was mirrored again."

T = TypeVar("T")
_numbers = count()


@dataclass(frozen=True, kw_only=True)
class Row:
    """One fault of the matrix. Texts are Markdown, and become a row of the page of faults."""

    name: str
    """Names the row in test runs."""
    fault: str
    """What is wrong, as a user would say it."""
    make: Callable[["Site"], Awaitable[object]]
    """Brings the fault about."""
    mend: Callable[["Site"], Awaitable[object]]
    """Takes it away."""
    reference: str
    """What the status port, the metrics and the log name."""
    seen: str = ""
    """Pattern that is found in what the status port and the log say was seen."""
    clients: str = LAST_GOOD
    """What clients see."""
    heals: str
    """What ends it."""
    at_start: str | None = None
    """The reference that the readiness answer names if the fault is there when the service starts; None: the
    fault does not keep it from becoming ready."""
    withholds: str = ""
    """The version into which no update is answered any more; all else is answered as before."""
    adds: tuple[str, ...] = ()
    """Versions that are answered in spite of the fault, beside those of before; what was answered stays."""
    brings: tuple[str, ...] = (NEW,)
    """Versions that are answered once the fault has gone, beside those of before."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What the service is told beside where its sources are."""
    is_hasty: bool = False
    """Whether the service waits for half a second only, since the fault is to be waited for."""
    is_tls: bool = False
    """Whether the registry speaks TLS before the fault comes."""
    in_processes: bool = False
    """Whether it is also tried on the program as users run it."""


@dataclass(frozen=True, kw_only=True)
class Oddity:
    """Something that looks like a fault and is none: releases of it arrive, and nothing is reported."""

    name: str
    """Names the row in test runs."""
    what: str
    """What is odd, for the page."""
    make: Callable[["Site"], Awaitable[object]]
    """Brings it about."""
    brings: tuple[str, ...]
    """Versions that are answered then, beside those of before."""


@dataclass
class GraphDataPlace:
    """A directory with graph data that tests change."""

    path: Path

    def fill(self) -> None:
        """Put a small set there."""
        self.write("version", "1.1.0\n")
        self.write("raw/metadata.json", "{}\n")
        self.write("blocked-edges/4.0.0.yaml", "to: 4.0.0\nfrom: 3[.].*\n")
        self.channel(*VERSIONS, "4.1.3", "4.1.4", NEW)

    def write(self, name: str, text: str) -> None:
        """Put a file there, whole."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}")
        beside.write_text(text)
        beside.replace(target)

    def channel(self, *versions: str) -> None:
        """Let stable-4.1 have these versions."""
        listed = "".join(f"- {version}\n" for version in versions)
        self.write("channels/stable-4.1.yaml", f"name: stable-4.1\nversions:\n{listed}")


class Served(Protocol):
    """A service that runs, however it was started."""

    clients: HttpClient
    status: HttpClient

    def scrape_now(self) -> None:
        """Have the sources read, as SIGHUP does."""
        ...

    def log(self) -> str:
        """All it has said."""
        ...


@dataclass(kw_only=True)
class Site:
    """Sources of which anything can be broken, and the service that reads them."""

    registry: SimulatedRegistry
    graph_data: GraphDataPlace
    directory: Path
    settings: dict[str, Any] = field(default_factory=dict)
    """Of the service, by the field of the configuration."""
    aside: dict[str, Digest] = field(default_factory=dict)
    """Tags that a fault took away, with what they pointed to."""
    undo: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    """What a fault leaves behind for its end."""
    _served: Served | None = None

    @property
    def service(self) -> Served:
        assert self._served is not None, "the service was not started"
        return self._served

    @service.setter
    def service(self, served: Served) -> None:
        self._served = served

    @property
    def configuration(self) -> Configuration:
        """What the service is told."""
        told = {
            "releases": (str(self.registry.repository),),
            "graph_data": str(self.graph_data.path),
            "authfile_search": False,
            "listen": "127.0.0.1:0",
            "status_listen": "127.0.0.1:0",
        }
        return Configuration(**{**told, **self.settings})

    def release(self, version: str, *previous: str, tag: str = "") -> Digest:
        """Push a release that the versions of ``previous`` can be updated to."""
        layer = release_layer(ReleaseContent(version, previous=previous))
        return self.image(layer, tag=tag or f"{version}-x86_64")

    def image(self, *layers: bytes, tag: str | None, arch: str = "amd64", is_labelled: bool = True) -> Digest:
        """Push an image of these layers, from the base upwards."""
        labels = {RELEASE_LABEL: "any"} if is_labelled else {}
        config = as_json({"architecture": arch, "os": "linux", "config": {"Labels": labels}})
        body = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.blob(config, OCI_CONFIG),
            "layers": [self.blob(layer, OCI_LAYER_GZIP) for layer in layers],
        }
        return self.registry.add(as_json(body), tag=tag)

    def blob(self, content: bytes, media_type: str) -> dict[str, object]:
        """Push a blob; gives its descriptor."""
        return {"mediaType": media_type, "digest": self.registry.add(content), "size": len(content)}

    def parts(self, manifest: bytes) -> dict[str, Digest]:
        """Digests of the configuration and the topmost layer of an image."""
        body = json.loads(manifest)
        return {"config": Digest(body["config"]["digest"]), "layer": Digest(body["layers"][-1]["digest"])}

    async def restore(self) -> None:
        """Take away what a fault left behind."""
        while self.undo:
            await self.undo.pop()()

    async def answer(self) -> Answer:
        """Ask as a cluster does."""
        return await self.service.clients.get(ASK.format(*CHANNEL))

    async def state(self) -> dict[str, Any]:
        """What the status port reports."""
        report: dict[str, Any] = json.loads((await self.service.status.get("/status")).body)
        return report

    async def scrape(self) -> dict[str, Any]:
        """Have the sources read now; gives the state after it."""
        # The one that a start begins by itself may be under way, and would be taken for the one that is asked for.
        before = (await self._scraped(other_than=None))["last_scrape"]
        self.service.scrape_now()
        return await self._scraped(other_than=before)

    async def _scraped(self, *, other_than: dict[str, Any] | None) -> dict[str, Any]:
        async def ended() -> dict[str, Any] | None:
            state = await self.state()
            return state if state["last_scrape"] != other_than else None

        return await until(ended, what="the end of a scrape")

    async def serves(self, versions: Collection[str]) -> Answer:
        """Scrape until exactly these versions are answered."""

        async def look(_: object) -> bool:
            got = await self.answer()
            return got.status == 200 and set(read_answer(got.body).nodes) == set(versions)

        await after_scrapes(self, look, what=f"{sorted(versions)} are answered")
        return await self.answer()


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


async def until(look: Callable[[], Awaitable[T | None]], *, what: str) -> T:
    """Look again and again until there is something to see.

    Raises:
        AssertionError: nothing came in time.
    """
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        if seen := await look():
            return seen
        await asyncio.sleep(LOOK_SECONDS)
    raise AssertionError(f"waited {PATIENCE_SECONDS:g} s in vain for {what}")


async def after_scrapes(site: Site, look: Callable[[dict[str, Any]], Awaitable[bool]], *, what: str) -> None:
    """Scrape a few times until there is something to see in the state of a site, then only wait for it.

    Raises:
        AssertionError: it did not come in time after :data:`MOST_SCRAPES`.
    """
    for _ in range(MOST_SCRAPES):
        if await look(await site.scrape()):
            return

    async def later() -> bool:
        return await look(await site.state())

    # Graph data are read beside the scrapes, and may take longer.
    await until(later, what=f"{what} after {MOST_SCRAPES} scrapes; the log: {site.service.log()}")


def found(state: dict[str, Any], row: Row) -> str:
    """What the status port says of the fault of a row; empty if it does not."""
    texts = [
        f"{fact.get('file', '')}: {fact['seen']}"
        for fact in state["details"]
        if fact["reference"] == row.reference
    ]
    return next((text for text in texts if re.search(row.seen, text)), "")


async def check_survives(site: Site, row: Row) -> None:
    """What was served stays served byte for byte, the fault is named everywhere, and its end is noticed."""
    good = await site.serves(VERSIONS)
    await row.make(site)

    async def named(state: dict[str, Any]) -> bool:
        now = await site.answer()
        assert now.status == 200
        if row.withholds:
            return _is_withheld(good, now, row) and bool(found(state, row))
        if row.adds:
            _check_kept(good, now, row)
        else:
            assert (now.body, now.header("etag")) == (good.body, good.header("etag"))
        return bool(found(state, row))

    await after_scrapes(site, named, what=f"{row.reference} is reported")
    assert (await site.service.status.get("/readyz")).status == 200
    metrics = (await site.service.status.get("/metrics")).body.decode()
    assert re.search(rf'^upgraph_findings{{.*reference="{row.reference}".*}} [1-9]', metrics, re.MULTILINE)
    lines = [line for line in site.service.log().splitlines() if row.reference in line]
    assert any(re.search(row.seen, line) for line in lines), site.service.log()
    await check_recovers(site, row)


def _is_withheld(good: Answer, now: Answer, row: Row) -> bool:
    """Whether the updates into the version of the row are withheld. Nothing else ever is."""
    old, new = read_answer(good.body), read_answer(now.body)
    others = {edge for edge in old.edges if edge[1] != row.withholds}
    assert others < old.edges
    assert others <= new.edges
    # The release itself tells in its metadata by which pattern updates into it are taken away.
    kept = [
        {version: node for version, node in one.nodes.items() if version != row.withholds}
        for one in (old, new)
    ]
    assert kept[0] == kept[1]
    assert new.nodes[row.withholds]["payload"] == old.nodes[row.withholds]["payload"]
    return bool(new.edges == others)


def _check_kept(good: Answer, now: Answer, row: Row) -> None:
    """What was answered is still answered, and what came with the fault only leads on from there."""
    old, new = read_answer(good.body), read_answer(now.body)
    assert {version: new.nodes[version] for version in old.nodes} == old.nodes
    assert {edge for edge in new.edges if set(edge) <= set(old.nodes)} == old.edges
    assert set(new.nodes) == {*old.nodes, *row.adds}


async def check_recovers(site: Site, row: Row) -> None:
    """The end of a fault is noticed, and what was added while it lasted arrives."""
    site.release(NEW, VERSIONS[-1])
    await row.mend(site)
    await site.serves({*VERSIONS, *row.brings})

    async def forgotten(state: dict[str, Any]) -> bool:
        return not found(state, row)

    await after_scrapes(site, forgotten, what=f"{row.reference} is reported no more")


async def check_takes(site: Site, oddity: Oddity) -> None:
    """What is only odd brings its releases, and nothing is reported."""
    await site.serves(VERSIONS)
    await oddity.make(site)
    await site.serves({*VERSIONS, *oddity.brings})
    assert (await site.scrape())["details"] == []


async def check_first_start(site: Site, row: Row) -> None:
    """A service that begins with the fault says why it is not ready, and becomes it without a restart."""

    async def named(_: object) -> bool:
        assert (await site.answer()).status == 503
        return f"[{row.at_start}]" in (await site.service.status.get("/readyz")).body.decode()

    await after_scrapes(site, named, what=f"{row.at_start} is the reason")
    assert (await site.service.status.get("/livez")).status == 200
    await check_recovers(site, row)
    assert (await site.service.status.get("/readyz")).status == 200


class _OneProcess(Service):
    """The service with its builder in the same process, so that the patience of a test holds for it."""

    async def _build_once(self) -> None:
        here, there = handover.pair()
        with here, there:
            self._connection = here
            builder = asyncio.create_task(Builder(self.configuration, there, self._memory).run())
            try:
                await self._receive_all(here)
            finally:
                self._connection = None
                here.close()
                await asyncio.gather(builder, return_exceptions=True)


@dataclass
class _Inside:
    service: Service
    clients: HttpClient
    status: HttpClient
    lines: io.StringIO

    def scrape_now(self) -> None:
        self.service.scrape_now()

    def log(self) -> str:
        return self.lines.getvalue()


@asynccontextmanager
async def in_one_process(site: Site) -> AsyncIterator[None]:
    """Run the service of a site here, listening on real ports."""
    service = _OneProcess(site.configuration, lambda: None, site.directory)
    names, listeners = zip(*service.listeners(), strict=True)
    stop, bound = asyncio.Event(), asyncio.get_running_loop().create_future()
    with _logged() as lines:
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(listeners, stop, bound.set_result))
            ports = dict(zip(names, await bound, strict=True))
            building = group.create_task(service.build())
            clients, status = (HttpClient("127.0.0.1", ports[name].port) for name in ("clients", "status"))
            site.service = _Inside(service, clients, status, lines)
            try:
                yield
            finally:
                building.cancel()
                stop.set()


class _logged:  # noqa: N801 - a context manager
    """The log as the program writes it."""

    def __enter__(self) -> io.StringIO:
        stream = io.StringIO()
        self._handler = logging.StreamHandler(stream)
        self._handler.setFormatter(_TextLines())
        self._level = logging.root.level
        logging.root.addHandler(self._handler)
        logging.root.setLevel(logging.INFO)
        return stream

    def __exit__(self, *_: object) -> None:
        logging.root.removeHandler(self._handler)
        logging.root.setLevel(self._level)


@dataclass
class _Outside:
    process: asyncio.subprocess.Process
    output: Path
    clients: HttpClient
    status: HttpClient

    def scrape_now(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def log(self) -> str:
        return self.output.read_text()


@asynccontextmanager
async def as_users_run_it(
    site: Site, *options: object, program: Sequence[object] = (BIN / "upgraph",), **variables: str
) -> AsyncIterator[int]:
    """Run ``upgraph serve`` on a site, with further options and variables; gives the number of its process."""
    output = site.directory / "serve.log"
    told = site.configuration
    command: list[object] = ["--listen", told.listen, "--status-listen", told.status_listen]
    command += ["--releases", told.releases[0], "--graph-data", told.graph_data, *options]
    command.append("--no-authfile-search")
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *map(str, program), "serve", *map(str, command), stdout=file, stderr=file,
            stdin=asyncio.subprocess.DEVNULL, env={**os.environ, "PYTHONUNBUFFERED": "1", **variables},
        )  # fmt: skip
    try:
        clients, status = [
            await _port(output, process, rf"{said} on https?://127\.0\.0\.1:(\d+)")
            for said in ("clusters are answered", "status is")
        ]
        site.service = _Outside(process, output, clients, status)
        yield process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _port(output: Path, process: asyncio.subprocess.Process, said: str) -> HttpClient:
    async def look() -> HttpClient | None:
        text = output.read_text()  # noqa: ASYNC240  # a few lines
        assert process.returncode is None, text
        named = re.search(said, text)
        return HttpClient("127.0.0.1", int(named[1])) if named else None

    return await until(look, what=said)


async def _no_wait(_: float) -> None:
    """Retries come at once."""


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    timing = Timing(retry=Retry(attempts=2), sleep=_no_wait)
    monkeypatch.setattr(sources, "RegistryClient", partial(RegistryClient, timing=timing))
    monkeypatch.setattr(authorization, "REFUSAL_SECONDS", 0.05)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """Three releases, each of which can be updated to the later ones, and graph data; no service yet."""
    graph_data = GraphDataPlace(tmp_path / "graph-data")
    graph_data.fill()
    async with SimulatedRegistry() as registry:
        made = Site(registry=registry, graph_data=graph_data, directory=tmp_path)
        for at, version in enumerate(VERSIONS):
            made.release(version, *VERSIONS[:at])
        yield made
        await made.restore()


@pytest.fixture
async def prepared(
    site: Site, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> tuple[Site, Row]:
    """The site as the row needs it that the test was given as the parameter of this fixture."""
    row: Row = request.param
    site.settings.update(row.settings)
    if row.is_hasty:
        timing = Timing(
            retry=Retry(attempts=1), sleep=_no_wait, answer_seconds=HASTE_SECONDS, idle_seconds=HASTE_SECONDS
        )
        monkeypatch.setattr(sources, "RegistryClient", partial(RegistryClient, timing=timing))
    if row.is_tls:
        authority: Authority = request.getfixturevalue("authority")
        site.settings["ca"] = (authority.certificate,)
        await show_certificate(site, authority)
    return site, row


async def show_certificate(site: Site, authority: Authority, **issued: Any) -> None:
    """Let the registry of a site show another certificate."""
    await site.registry.halt()
    directory = site.directory / f"certificate-{next(_numbers)}"
    directory.mkdir()
    site.registry.tls = authority.issue(directory, **issued).server_context()
    await site.registry.resume()


async def mirror_again(site: Site) -> None:
    """The release that came with a fault is pushed as it should be."""
    site.release("4.1.3", VERSIONS[-1])


def each(rows: Iterable[Row]) -> pytest.MarkDecorator:
    """Try a test on every row, each prepared."""
    return pytest.mark.parametrize("prepared", _named(rows), indirect=True)


def every(oddities: Iterable[Oddity]) -> pytest.MarkDecorator:
    """Try a test on every oddity."""
    return pytest.mark.parametrize("oddity", _named(oddities))


def _named(given: Iterable[Row | Oddity]) -> list[ParameterSet]:
    return [pytest.param(one, id=one.name.replace(" ", "-")) for one in given]
