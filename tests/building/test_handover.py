"""What one process tells the other arrives whole, whatever its size, or the fault is seen."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from upgraph.service import handover
from upgraph.service.handover import (
    MAX_TEXT,
    Built,
    Current,
    Message,
    Refused,
    Scraped,
    Sources,
    Waiting,
    receive,
    send,
)
from upgraph.service.snapshot import FindingFact
from upgraph.service.source_report import Reading, SourceFault, SourceKind, SourceReport

FINDING = FindingFact("error", "release-conflict", "seen", "4.1.0.yaml", 7)
MESSAGES: list[Message] = [
    Scraped(succeeded=True, seconds=1.5, releases=3, cache_hits=2, layer_bytes=1, message="3 releases"),
    Built(seconds=0.25),
    Current(refreshed_at=1_790_000_000.5, findings=(FINDING, FindingFact("info", "x", "y"))),
    Sources(
        reports=(
            SourceReport(
                kind=SourceKind.RELEASES,
                name="oci:a",
                last_good=Reading(at=1.5, digest="a", counts={"releases": 2}),
                fault=SourceFault(reference="registry-untrusted", seen="x", since=2.5),
                left_out=3,
            ),
        )
    ),
    Waiting(reference="graph-not-ready", seen="nothing yet"),
    Refused(reference="oci-ca", seen="no such file", remedy="Give another."),
]
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    here, there = handover.pair()
    with here, there:
        yield here, there


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_arrives_as_it_was(pair: Pair, message: Message) -> None:
    here, there = pair
    send(there, message)
    assert receive(here) == (message, None)


def test_messages_stay_apart_and_in_order(pair: Pair) -> None:
    here, there = pair
    for message in MESSAGES:
        send(there, message)
    received = [receive(here) for _ in MESSAGES]
    assert received == [(message, None) for message in MESSAGES]


def test_an_open_file_arrives_and_outlives_its_name_and_sender(pair: Pair, tmp_path: Path) -> None:
    here, there = pair
    path = tmp_path / "snapshot"
    with path.open("w+b") as file:
        file.write(b"content")
        file.flush()
        send(there, Built(seconds=1), file)
    path.unlink()
    there.close()
    received = receive(here)
    assert received is not None
    assert received[1] is not None
    with received[1] as arrived:
        arrived.seek(0)
        assert arrived.read() == b"content"


@pytest.mark.parametrize("length", [100, 5_000, 200_000], ids=str)
def test_findings_are_cut_to_what_a_message_holds(pair: Pair, length: int) -> None:
    here, there = pair
    findings = tuple(FindingFact("error", "release-conflict", f"{n} " + "x" * length) for n in range(1000))
    send(there, Current(refreshed_at=1.0, findings=findings))
    received = receive(here)
    assert received is not None
    message = received[0]
    assert isinstance(message, Current)
    assert 50 < len(message.findings) <= 1000
    assert [fact.seen.split()[0] for fact in message.findings] == [
        str(n) for n in range(len(message.findings))
    ]


@pytest.mark.parametrize(
    "message",
    [
        Waiting(reference="x", seen="é" * 300_000),
        Refused(reference="x", seen="\0" * 300_000, remedy="y"),
        Scraped(succeeded=False, seconds=1, message="\U0001f6a2" * 300_000),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_text_is_cut_to_what_a_message_holds(pair: Pair, message: Message) -> None:
    here, there = pair
    send(there, message)
    received = receive(here)
    assert received is not None
    texts = [getattr(received[0], name, "") for name in ("seen", "message")]
    assert max(map(len, texts)) == MAX_TEXT


def test_the_end_of_the_other_side_is_seen(pair: Pair) -> None:
    here, there = pair
    send(there, Built(seconds=1))
    there.close()
    assert receive(here) == (Built(seconds=1), None)
    assert receive(here) is None


def test_nobody_to_tell_is_an_error(pair: Pair) -> None:
    here, there = pair
    here.close()
    with pytest.raises(BrokenPipeError):
        send(there, Built(seconds=1))


def test_who_speaks_waits_for_who_listens_also_without_blocking(pair: Pair) -> None:
    here, there = pair
    there.setblocking(False)  # noqa: FBT003 - the standard library has it so
    findings = tuple(FindingFact("error", "release-conflict", "x" * 60) for _ in range(900))
    said = [Current(refreshed_at=float(n), findings=findings) for n in range(12)]

    def speak() -> None:
        for message in said:
            send(there, message)

    speaker = threading.Thread(target=speak)
    speaker.start()
    heard = [receive(here) for _ in said]
    speaker.join()
    assert [
        message.refreshed_at for received in heard if received and isinstance(message := received[0], Current)
    ] == [float(n) for n in range(12)]


def test_who_speaks_gives_up_on_who_never_listens(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    _, there = pair
    there.setblocking(False)  # noqa: FBT003 - the standard library has it so
    monkeypatch.setattr(handover, "SEND_SECONDS", 0.05)

    def speak() -> None:
        for _ in range(10_000):
            send(there, Waiting(reference="x", seen="y" * 1000))

    with pytest.raises(TimeoutError):
        speak()


def test_a_thousand_sources_with_long_faults_are_cut_to_what_a_message_holds(pair: Pair) -> None:
    here, there = pair
    fault = SourceFault(reference="a-b", seen="x" * 50_000, since=1.0)
    reports = tuple(SourceReport(kind=SourceKind.RELEASES, name=str(at), fault=fault) for at in range(1000))
    send(there, Sources(reports=reports))
    received = receive(here)
    assert received is not None
    assert isinstance(received[0], Sources)
    assert [one.name for one in received[0].reports[:3]] == ["0", "1", "2"]
    assert {len(one.fault.seen) for one in received[0].reports if one.fault} == {MAX_TEXT}
