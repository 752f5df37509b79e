"""Processes that the serving process starts: each gets the configuration, and ends with its connection."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from upgraph.service import handover
from upgraph.service.configuration import Configuration, to_json

FIRST_RESTART_SECONDS = 1.0
LAST_RESTART_SECONDS = 60.0
"""Longest pause before a process is started again."""


@asynccontextmanager
async def running(
    module: str, configuration: Configuration, *arguments: str, grace: float
) -> AsyncIterator[socket.socket]:
    """Run a module of ours in a process of its own for as long as the block lasts; gives the connection to it.

    Args:
        module: it gets the number of its end of the connection as first argument.
        configuration: it finds this as JSON on its standard input.
        arguments: further ones.
        grace: seconds in which it may end by itself, once its connection has ended.

    Raises:
        OSError: the process cannot be started.
    """
    here, there = handover.pair()
    with here, there:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            str(there.fileno()),
            *arguments,
            pass_fds=[there.fileno()],
            stdin=asyncio.subprocess.PIPE,
        )
        there.close()
        try:
            await _give(process, to_json(configuration))
            yield here
        finally:
            here.close()
            await _end(process, grace)


class Restarts:
    """Pauses before a process that has ended is started again: longer each time, unless it lived for long."""

    def __init__(self) -> None:
        self._next = FIRST_RESTART_SECONDS

    def pause(self, lived: float) -> float:
        """Seconds to wait after a process that lived for that many."""
        if lived > LAST_RESTART_SECONDS:
            self._next = FIRST_RESTART_SECONDS
        pause = self._next
        self._next = min(2 * pause, LAST_RESTART_SECONDS)
        return pause


async def _give(process: asyncio.subprocess.Process, content: bytes) -> None:
    if process.stdin is None:
        raise RuntimeError("the process was started without standard input")
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(content)
        await process.stdin.drain()
    process.stdin.close()


async def _end(process: asyncio.subprocess.Process, grace: float) -> None:
    try:
        async with asyncio.timeout(grace):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
