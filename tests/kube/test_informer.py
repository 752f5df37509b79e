"""An informer ends equal to the cluster, whatever happens to its connections, and reads nothing twice without need."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from upgraph.errors import RemoteError
from upgraph.errors.problems.kube import KUBE_THROTTLED
from upgraph.kube import client, exchange, informer
from upgraph.kube.api import Scope
from upgraph.kube.backoff import BackOff
from upgraph.kube.client import KubernetesApi
from upgraph.kube.informer import Informer
from upgraph.kube.kinds import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION
from upgraph.kube.objects import Key, Kind, Object, key_of
from upgraph.kube.store import Change
from upgraph.testing.api_place import NEXT_LINE, WIDGET, widget_definition
from upgraph.testing.api_server import Fault, SimulatedApiServer

Start = Callable[..., Awaitable["Known"]]


class Known:
    """An informer that runs, and what it told."""

    def __init__(self, running: Informer) -> None:
        self.informer = running
        self.changes: list[Change] = []
        self._came = asyncio.Event()
        running.listen(self._note)

    def _note(self, change: Change) -> None:
        self.changes.append(change)
        self._came.set()

    async def until(self, names: str) -> None:
        """Wait until exactly the objects of these names, a letter each, are known."""
        async with asyncio.timeout(180):
            while "".join(key_of(one).name for one in self.informer.store.all()) != names:
                self._came.clear()
                await self._came.wait()


@pytest.fixture
async def start(api: KubernetesApi, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Start]:
    monkeypatch.setattr(informer, "RECONNECT", BackOff(first=0.01, most=0.1))
    tasks = []

    async def run(kind: Kind = CONFIG_MAP, *, scope: Scope = Scope("harbour")) -> Known:  # noqa: B008  # frozen
        known = Known(Informer(api, kind, scope, indexes={"colour": lambda obj: obj.get("data") or ()}))
        tasks.append(asyncio.create_task(known.informer.run()))
        return known

    yield run
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert [task.exception() for task in tasks if not task.cancelled()] == []


def config_map(name: str, **data: str) -> Object:
    metadata = {"namespace": "harbour", "name": name}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


@pytest.fixture
def put(api_server: SimulatedApiServer) -> Callable[..., Object]:
    return lambda name, **data: api_server.state.put(CONFIG_MAP, config_map(name, **data))


@pytest.fixture
def drop(api_server: SimulatedApiServer) -> Callable[[str], Object]:
    return lambda name: api_server.state.delete(CONFIG_MAP, Key("harbour", name))


def told(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[str]:
    """The references of what was logged, from a level on."""
    return [one.reference for one in caplog.records if hasattr(one, "reference") and one.levelno >= level]


async def test_it_follows_what_happens(
    start: Start, put: Callable[..., Object], drop: Callable[[str], Object], api_server: SimulatedApiServer
) -> None:
    put("a", red="1")
    known = await start()
    await known.until("a")
    put("b", red="1")
    put("b", green="1")
    drop("a")
    await known.until("b")
    assert [one["metadata"]["name"] for one in known.informer.store.by("colour", "green")] == ["b"]
    assert known.informer.store.by("colour", "red") == ()
    assert (api_server.counts["list configmaps"], api_server.counts["watch configmaps"]) == (1, 1)


async def test_it_is_synced_only_when_all_was_read(
    start: Start, put: Callable[..., Object], api_server: SimulatedApiServer
) -> None:
    put("a")
    gate = asyncio.Event()
    api_server.faults.append(Fault(verb="list", hold=gate))
    known = await start()
    await api_server.reached("list configmaps", 1)
    assert not known.informer.synced.is_set()
    gate.set()
    await known.informer.synced.wait()
    assert len(known.informer.store) == 1


async def test_notes_of_managers_are_not_kept(start: Start, put: Callable[..., Object]) -> None:
    put("a")
    known = await start()
    await known.until("a")
    put("a", x="1")
    await known.until("a")
    assert all("managedFields" not in one["metadata"] for one in known.informer.store.all())


async def test_what_unicode_takes_for_the_end_of_a_line_does_not_end_it(
    start: Start, put: Callable[..., Object], api_server: SimulatedApiServer
) -> None:
    known = await start()
    await known.informer.synced.wait()
    put("a", text=NEXT_LINE)
    put("b")
    await known.until("ab")
    assert known.informer.store.all()[0]["data"] == {"text": NEXT_LINE}
    assert api_server.counts["watch configmaps"] == 1


async def test_it_goes_on_where_a_stream_was_cut(
    start: Start, put: Callable[..., Object], api_server: SimulatedApiServer
) -> None:
    known = await start()
    await api_server.reached("watch configmaps", 1)
    put("a")
    await known.until("a")
    api_server.cut()
    put("b")
    await known.until("ab")
    assert api_server.counts["list configmaps"] == 1
    assert [change.key.name for change in known.changes] == ["a", "b"]


async def test_it_comes_back_when_connections_were_refused(
    start: Start, put: Callable[..., Object], api_server: SimulatedApiServer
) -> None:
    known = await start()
    await api_server.reached("watch configmaps", 1)
    await api_server.refuse()
    put("a")
    async with asyncio.timeout(180):
        while known.informer.fault is None:  # noqa: ASYNC110  # nobody tells of it
            await asyncio.sleep(0.01)
    await api_server.listen()
    await known.until("a")
    assert api_server.counts["list configmaps"] == 1


@pytest.mark.parametrize("in_stream", [True, False], ids=["in the stream", "as status"])
async def test_what_vanished_while_history_was_lost_is_noticed(
    start: Start,
    put: Callable[..., Object],
    drop: Callable[[str], Object],
    api_server: SimulatedApiServer,
    in_stream: bool,  # noqa: FBT001  # a case
) -> None:
    api_server.expired_in_stream = in_stream
    put("a")
    put("b")
    known = await start()
    await known.until("ab")
    await api_server.refuse()
    drop("a")
    api_server.forget_history()
    await api_server.listen()
    await known.until("b")
    assert known.changes[-1].new is None
    assert api_server.counts["list configmaps"] == 2


async def test_a_connection_that_is_silently_dead_is_left(
    start: Start,
    put: Callable[..., Object],
    api_server: SimulatedApiServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exchange, "IDLE_SECONDS", 0.6)
    known = await start()
    await api_server.reached("watch configmaps", 1)
    put("a")
    await known.until("a")
    api_server.fall_silent()
    put("b")
    api_server.speak_again()
    await known.until("ab")
    assert api_server.counts["list configmaps"] == 1
    assert api_server.counts["watch configmaps"] >= 2


async def test_bookmarks_keep_a_quiet_watch_alive(
    start: Start, api_server: SimulatedApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "IDLE_SECONDS", 5.0)
    api_server.bookmark_seconds = 0.01
    known = await start()
    await known.informer.synced.wait()
    before = known.informer._version
    api_server.state.put(CONFIG_MAP, {**config_map("x"), "metadata": {"namespace": "else", "name": "x"}})
    async with asyncio.timeout(180):
        while known.informer._version == before:  # noqa: ASYNC110  # nobody tells of it
            await asyncio.sleep(0.01)
    assert known.changes == []


LINES = {
    "type": b'{"type":"PUZZLE","object":{}}',
    "no JSON": b"no json",
    "no name": b'{"type":"ADDED","object":{"metadata":{}}}',
    "no version": b'{"type":"ADDED","object":{"metadata":{"name":"x"}}}',
    "error": b'{"type":"ERROR","object":{"code":500,"message":"etcd is away"}}',
    "too long": b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7' + b" " * 5000 + b'"}}}',
    "without end": b" " * 200_000,
    "empty, then a type": b'\n\n{"type":"PUZZLE","object":{}}',
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
async def test_a_line_that_cannot_be_read_is_told_and_gone_around(
    start: Start, api_server: SimulatedApiServer, monkeypatch: pytest.MonkeyPatch, line: bytes
) -> None:
    monkeypatch.setattr(client, "MAX_LINE_BYTES", 4000)
    monkeypatch.setattr(informer, "RECONNECT", BackOff(first=0.3, most=0.3))
    api_server.faults.append(Fault(verb="watch", begin=line + b"\n"))
    known = await start()
    await api_server.reached("watch configmaps", 1)
    async with asyncio.timeout(180):
        while known.informer.fault is None:  # noqa: ASYNC110  # nobody tells of it
            await asyncio.sleep(0.01)
    assert known.informer.fault.reference == "kube-fault"
    assert ("more than 4000 bytes" in known.informer.fault.seen) == (len(line) > 4000)
    api_server.state.put(CONFIG_MAP, config_map("a"))
    await known.until("a")


async def test_what_is_forbidden_is_told_and_read_when_it_is_allowed(
    start: Start, put: Callable[..., Object], api_server: SimulatedApiServer
) -> None:
    put("a")
    api_server.forbidden.add(("list", "configmaps"))
    known = await start()
    await api_server.reached("list configmaps", 3)
    assert not known.informer.synced.is_set()
    api_server.forbidden.clear()
    await known.until("a")


async def test_a_kind_that_is_not_there_yet_has_no_objects(
    start: Start, api_server: SimulatedApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(informer, "ABSENT_SECONDS", 0.05)
    monkeypatch.setattr(informer, "GONE_SECONDS", 0.0)
    known = await start(WIDGET)
    await known.informer.synced.wait()
    served = [known.informer.served]
    api_server.state.put(CUSTOM_RESOURCE_DEFINITION, widget_definition())
    metadata = {"namespace": "harbour", "name": "a"}
    widget = {"apiVersion": WIDGET.api_version, "kind": WIDGET.kind, "metadata": metadata}
    api_server.state.put(WIDGET, widget)
    await known.until("a")
    served.append(known.informer.served)
    api_server.state.delete(CUSTOM_RESOURCE_DEFINITION, Key("", "widgets.contract.upgraph.example"))
    await known.until("")
    assert [*served, known.informer.served] == [False, True, False]


async def test_a_kind_that_is_away_for_a_moment_is_not_taken_for_gone_and_told_when_it_is_back(
    start: Start, api_server: SimulatedApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(informer, "ABSENT_SECONDS", 0.05)
    api_server.state.put(CUSTOM_RESOURCE_DEFINITION, widget_definition())
    metadata = {"namespace": "harbour", "name": "a"}
    api_server.state.put(
        WIDGET, {"apiVersion": WIDGET.api_version, "kind": WIDGET.kind, "metadata": metadata}
    )
    known = await start(WIDGET)
    is_back = asyncio.Event()
    known.informer.on_turn(is_back.set)
    await known.until("a")
    api_server.state.delete(CUSTOM_RESOURCE_DEFINITION, Key("", "widgets.contract.upgraph.example"))
    await known.until("")
    assert known.informer.served
    assert not is_back.is_set()
    api_server.state.put(CUSTOM_RESOURCE_DEFINITION, widget_definition())
    async with asyncio.timeout(180):
        await is_back.wait()
    assert known.informer.served


async def test_a_scope_of_one_name_knows_that_one(start: Start, put: Callable[..., Object]) -> None:
    for name in "abc":
        put(name)
    known = await start(scope=Scope("harbour", name="b"))
    await known.until("b")


async def test_many_changes_under_faults_end_as_the_server_is(
    start: Start, put: Callable[..., Object], drop: Callable[[str], Object], api_server: SimulatedApiServer
) -> None:
    known = await start()
    for round_ in range(5):
        for name in "abcdef":
            put(name, turn=str(round_))
        drop("c")
        api_server.cut()
        await asyncio.sleep(0)
        if round_ % 2:
            api_server.forget_history()
    await known.until("abdef")
    async with asyncio.timeout(180):
        while {one["data"]["turn"] for one in known.informer.store.all()} != {"4"}:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.01)


async def test_the_page_of_a_proxy_cannot_ask_for_an_hour(
    api: KubernetesApi, api_server: SimulatedApiServer
) -> None:
    api_server.faults.append(Fault(verb="list", status=503, retry_after=3600, body=b"<html>resting</html>"))
    assert await Informer(api, CONFIG_MAP)._attempt() == 60.0


async def test_a_wait_that_the_server_asks_for_is_kept(api: KubernetesApi) -> None:
    busy = RemoteError(KUBE_THROTTLED, "", status=429, retryable=True, retry_after=50.0)
    assert Informer(api, CONFIG_MAP)._failed(busy) == 50.0


async def test_an_outage_is_logged_once_and_another_one_again(
    start: Start,
    api_server: SimulatedApiServer,
    put: Callable[..., Object],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(informer, "SETTLED_SECONDS", 0.0)
    known = await start()
    put("a")
    await known.until("a")
    for name in "bc":
        caplog.clear()
        api_server.faults += [Fault("watch", status=503) for _ in range(4)]
        api_server.cut()
        put(name)
        await known.until("abc"[: "abc".index(name) + 1])
        assert told(caplog, logging.WARNING).count("kube-fault") == 1


async def test_lost_history_is_in_the_log(
    start: Start,
    put: Callable[..., Object],
    api_server: SimulatedApiServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    put("a")
    known = await start()
    await known.until("a")
    await api_server.refuse()
    put("b")
    api_server.forget_history()
    await api_server.listen()
    await known.until("ab")
    assert "kube-expired" in told(caplog)
    assert told(caplog, logging.WARNING).count("kube-expired") == 0
