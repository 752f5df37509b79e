"""Events are counted, cut short and dropped rather than burden the cluster or stop the work."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from upgraph.kube import events
from upgraph.kube.client import KubernetesApi
from upgraph.kube.events import Note, Recorder
from upgraph.kube.kinds import EVENT
from upgraph.kube.objects import Key, Object
from upgraph.testing.api_server import Fault, SimulatedApiServer

RAINS = Note("Warning", "ItRains", "x" * 5000)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def about(name: str = "a", uid: str = "u-1") -> Object:
    metadata = {"namespace": "harbour", "name": name, "uid": uid, "resourceVersion": "7"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def recorder(api: KubernetesApi, clock: Clock) -> AsyncIterator[Recorder]:
    recording = Recorder(api, "example.com/operator", "pod-1", clock)
    task = asyncio.create_task(recording.run())
    yield recording
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


async def test_it_is_written_as_kubectl_describes_it(
    recorder: Recorder, api_server: SimulatedApiServer
) -> None:
    recorder.note(about(), RAINS)
    await api_server.reached("create events", 1)
    sent = api_server.requests[0].body or {}
    assert sent["metadata"]["name"].startswith("a.")
    assert (sent["type"], sent["reason"], len(sent["note"])) == ("Warning", "ItRains", 1024)
    assert sent["regarding"] == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "namespace": "harbour",
        "name": "a",
        "uid": "u-1",
        "resourceVersion": "7",
    }


async def test_what_is_said_again_is_counted_and_after_a_while_said_anew(
    recorder: Recorder, api_server: SimulatedApiServer, clock: Clock
) -> None:
    for _ in range(3):
        recorder.note(about(), RAINS)
    await api_server.reached("patch events", 2)
    (event,) = api_server.state.all(EVENT)
    assert event["series"]["count"] == 3
    clock.now += events.SAME_SECONDS
    recorder.note(about(), RAINS)
    await api_server.reached("create events", 2)


async def test_an_object_with_much_to_say_is_cut_short_and_others_are_heard(
    recorder: Recorder, api_server: SimulatedApiServer, clock: Clock
) -> None:
    for number in range(events.BURST + 10):
        recorder.note(about(), Note("Normal", "Talks", f"{number}"))
    recorder.note(about("b", "u-2"), RAINS)
    await api_server.reached("create events", events.BURST + 1)
    assert recorder.dropped == 10
    clock.now += events.PACE_SECONDS
    recorder.note(about(), RAINS)
    await api_server.reached("create events", events.BURST + 2)


async def test_what_cannot_be_written_is_dropped(recorder: Recorder, api_server: SimulatedApiServer) -> None:
    api_server.faults.append(Fault(verb="create", status=403))
    recorder.note(about(), RAINS)
    recorder.note(about("b", "u-2"), RAINS)
    await api_server.reached("create events", 2)
    assert recorder.dropped == 1


async def test_what_belongs_to_the_cluster_is_told_in_the_default_namespace(
    recorder: Recorder, api_server: SimulatedApiServer
) -> None:
    recorder.note({"kind": "Node", "metadata": {"name": "n", "uid": "u-3"}}, RAINS)
    await api_server.reached("create events", 1)
    assert api_server.requests[0].key == Key("default", "")


async def test_more_than_can_wait_is_dropped_without_a_word(api: KubernetesApi, clock: Clock) -> None:
    idle = Recorder(api, "example.com/operator", "pod-1", clock)
    for number in range(events.MAX_WAITING + 5):
        idle.note(about(), Note("Normal", "Talks", f"{number}"))
    assert idle.dropped == 5


async def test_it_remembers_a_bounded_number(
    recorder: Recorder, api_server: SimulatedApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MAX_REMEMBERED", 4)
    for number in range(12):
        recorder.note(about(f"{number}", f"u-{number}"), RAINS)
    await api_server.reached("create events", 12)
    assert len(recorder._told) <= 4
    assert len(recorder._paced) <= 4
