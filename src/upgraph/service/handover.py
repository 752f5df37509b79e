"""What the building process tells the serving process, and how a snapshot changes hands.

The two are connected by a pair of sockets that keep messages whole. A snapshot is handed over as an open
file, so the same way leads from a state directory and from memory, and no name has to be agreed on. When
one side ends, the other sees the end of the connection.
"""

import array
import errno
import os
import select
import socket
from typing import BinaryIO, TypeVar

import msgspec

from upgraph.service.snapshot import FindingFact
from upgraph.service.source_report import SourceFault, SourceReport

MAX_MESSAGE_BYTES = 128 * 1024
"""Bytes of the largest message; what the kernel grants a pair of sockets without asking for more."""
MAX_TEXT = 1_000
"""Characters of the longest text in a message."""
SEND_SECONDS = 60.0
"""Longest wait until the other side has taken what was said before."""


class Scraped(msgspec.Struct, frozen=True, kw_only=True, tag="scraped"):
    """A scrape has ended."""

    succeeded: bool
    seconds: float
    releases: int = 0
    """Releases that are known now."""
    cache_hits: int = 0
    layer_bytes: int = 0
    unsigned: int = 0
    """Releases that were left out because signatures are required."""
    message: str
    """One line: counts, or what went wrong."""


class Built(msgspec.Struct, frozen=True, kw_only=True, tag="built"):
    """A snapshot is finished; its file comes with the message."""

    seconds: float


class Inherited(msgspec.Struct, frozen=True, kw_only=True, tag="inherited"):
    """A snapshot that another replica made; its file comes with the message."""

    refreshed_at: float
    """Unix time in seconds at which its inputs were last known to be current."""


class Current(msgspec.Struct, frozen=True, kw_only=True, tag="current"):
    """The inputs of the graph in force were looked at."""

    refreshed_at: float
    """Unix time in seconds at which they were last known to be current."""
    findings: tuple[FindingFact, ...]


class Waiting(msgspec.Struct, frozen=True, kw_only=True, tag="waiting"):
    """There is nothing to build a graph from, and this is why."""

    reference: str
    seen: str


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """The configuration cannot be used; the building process has ended."""

    reference: str
    seen: str
    remedy: str


class Sources(msgspec.Struct, frozen=True, kw_only=True, tag="sources"):
    """How the last readings of all sources went."""

    reports: tuple[SourceReport, ...]


Message = Scraped | Built | Inherited | Current | Waiting | Refused | Sources
"""What the building process says."""

SCRAPE_NOW = b"scrape"
"""What the serving process says: do not wait for the timer."""

PASSED_ON = b"snapshot"
"""What comes with a snapshot from one process that answers to another."""

_S = TypeVar("_S", bound=msgspec.Struct)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Message).decode


def pair() -> tuple[socket.socket, socket.socket]:
    """The two ends of a connection: for the serving and for the building process."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(connection: socket.socket, message: Message, file: BinaryIO | None = None) -> None:
    """Say something, and hand over an open file with it. Texts and findings are cut to what a message holds.

    Waits while the other side has not taken what was said before, also on a connection that does not block.

    Raises:
        OSError: the other side has ended, or took nothing for :data:`SEND_SECONDS`.
    """
    content = _encode(_bounded(message))
    rights = (
        [] if file is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file.fileno()]))]
    )
    while True:
        try:
            connection.sendmsg([content], rights)
        except BlockingIOError:
            _wait_for_room(connection)
        else:
            return


def _wait_for_room(connection: socket.socket) -> None:
    room = select.poll()
    room.register(connection, select.POLLOUT)
    if not room.poll(SEND_SECONDS * 1000):
        raise TimeoutError(f"the other side took no message for {SEND_SECONDS:g} s")


def _bounded(message: Message) -> Message:
    """A message of which all texts, and all that it lists, fit."""
    match message:
        case Current() if len(_encode(message)) > MAX_MESSAGE_BYTES:
            return msgspec.structs.replace(message, findings=_fitting(message.findings))
        case Sources():
            return Sources(reports=_fitting(tuple(map(_short_report, message.reports))))
        case _:
            return _shortened(message)


def _short_report(report: SourceReport) -> SourceReport:
    fault: SourceFault | None = None if report.fault is None else _shortened(report.fault)
    return msgspec.structs.replace(_shortened(report), fault=fault)


def _shortened(said: _S) -> _S:
    long = {name: text for name, text in msgspec.structs.asdict(said).items() if _is_long(text)}
    if not long:
        return said
    return msgspec.structs.replace(said, **{name: f"{text[: MAX_TEXT - 1]}…" for name, text in long.items()})


def _is_long(value: object) -> bool:
    return isinstance(value, str) and len(value) > MAX_TEXT


def _fitting(listed: tuple[_S, ...]) -> tuple[_S, ...]:
    """The first of what is listed, as many as a message holds."""
    kept, left = [], MAX_MESSAGE_BYTES // 2
    for one in map(_shortened, listed):
        left -= len(_encode(one))
        if left < 0:
            break
        kept.append(one)
    return tuple(kept)


def pass_on(connection: socket.socket, file: BinaryIO) -> None:
    """Hand a snapshot on to another process that answers. It is never waited for.

    Raises:
        OSError: it has ended, or has not taken the ones before.
    """
    socket.send_fds(connection, [PASSED_ON], [file.fileno()], socket.MSG_DONTWAIT)


def take_over(connection: socket.socket) -> BinaryIO | None:
    """The snapshot that :func:`pass_on` gave; None when the other side has ended.

    Raises:
        OSError: the connection failed, or this process may not open the file that came.
    """
    content, descriptors, flags, _ = socket.recv_fds(connection, len(PASSED_ON), 1)
    if not content:
        return None
    if flags & socket.MSG_CTRUNC:
        raise OSError(errno.EMFILE, "a snapshot came, and this process may not open more files")
    return os.fdopen(descriptors[0], "rb")


def receive(connection: socket.socket) -> tuple[Message, BinaryIO | None] | None:
    """The next message and the file that came with it; none when the other side has ended.

    Raises:
        OSError: the connection failed, or this process may not open the file that came.
    """
    content, descriptors, flags, _ = socket.recv_fds(connection, MAX_MESSAGE_BYTES * 2, 1)
    if not content:
        return None
    if flags & socket.MSG_CTRUNC:
        # The kernel drops the file and gives the message all the same; a graph would be lost without a word.
        raise OSError(errno.EMFILE, "a file came with a message, and this process may not open more files")
    try:
        message = _decode(content)
    except msgspec.DecodeError:
        for descriptor in descriptors:
            os.close(descriptor)
        raise
    return message, os.fdopen(descriptors[0], "rb") if descriptors else None
