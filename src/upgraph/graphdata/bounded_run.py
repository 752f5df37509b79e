"""Runs a program that speaks to others: with limits on time, output and files, and never outlived by what it starts.

It differs from :mod:`upgraph.graphdata.program` in that its program starts others (git starts its transports and ssh)
and may take minutes. All of them form a process group without a terminal, so none can ask a person for anything, and
the group as a whole is ended when the time is over or the caller does not wait any longer.
"""

import asyncio
import os
import resource
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from upgraph.graphdata.program import MAX_COMPLAINT_BYTES, Ended

_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a run may take."""

    output: int
    """Most bytes of output."""
    seconds: float
    """Longest time."""
    file: int
    """Most bytes of a file that it writes."""


async def run_bounded(command: tuple[str, ...], environment: Mapping[str, str], bounds: Bounds) -> Ended:
    """Run a program in the root directory, without input.

    Args:
        command: the program and its arguments.
        environment: all of its variables.
        bounds: what it may take; it is killed when that is not enough.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        return Ended(b"", -1, "", f"{command[0]} cannot be started: {error.strerror}")
    is_over = False
    try:
        # Before anything has come from elsewhere; what is started later inherits it.
        _limit(process.pid, bounds.file)
        async with asyncio.timeout(bounds.seconds):
            output, complaint = await _outcome(process, bounds.output)
            status = await process.wait()
        is_over = len(output) <= bounds.output
    except TimeoutError:
        return Ended(b"", -1, "", f"{command[0]} did not end within {bounds.seconds:g} s")
    finally:
        if not is_over:
            await _end(process)
    fault = None if is_over else f"{command[0]} gives more than {bounds.output} bytes"
    return Ended(output, status, " ".join(complaint.decode(errors="replace").split()), fault)


def _limit(pid: int, file: int) -> None:
    with suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (file, file))
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))


async def _outcome(process: Process, limit: int) -> tuple[bytes, bytes]:
    async with asyncio.TaskGroup() as group:
        output = group.create_task(_begin(process, limit))
        complaint = group.create_task(_tail(process.stderr))
    return output.result(), complaint.result()


async def _begin(process: Process, limit: int) -> bytes:
    """Its output, or a little more than the limit."""
    taken = bytearray()
    while process.stdout is not None and (piece := await process.stdout.read(_PIECE_BYTES)):
        taken += piece
        if len(taken) > limit:
            _kill(process)
            break
    return bytes(taken)


async def _tail(reader: asyncio.StreamReader | None) -> bytes:
    """The end of what it complains about: the reason for giving up comes last, what a server says before it."""
    kept = b""
    while reader is not None and (piece := await reader.read(_PIECE_BYTES)):
        kept = (kept + piece)[-MAX_COMPLAINT_BYTES:]
    return kept


def _kill(process: Process) -> None:
    # As long as one of them is there, the number of the group belongs to nobody else.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


async def _end(process: Process) -> None:
    _kill(process)
    # What it said and nobody read would keep its end from being noticed.
    for reader in (process.stdout, process.stderr):
        while reader is not None and await reader.read(_PIECE_BYTES):
            pass
    await process.wait()
