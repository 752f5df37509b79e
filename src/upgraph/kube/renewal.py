"""Connections that follow the files in which a configuration has its certificates.

A cluster renews its authority, and the kubelet replaces the file in every pod; a client certificate is replaced while a
process runs. So the files are looked at before each request: from another state of them comes another set of connections.
What is under way goes on where it began. Files that cannot be used change nothing, as they may be half written.
"""

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import httpx2

from upgraph.errors import UpgraphError

_State = tuple[tuple[int, int, int] | None, ...]

_log = logging.getLogger(__name__)


class RenewedTransport(httpx2.AsyncBaseTransport):
    """Carries requests over connections that were made from the present state of some files.

    Args:
        make: makes what carries requests, from the files as they are.
        files: a symbolic link counts as what it leads to, as the kubelet turns links.

    Raises:
        UpgraphError: nothing can be made at the beginning.
    """

    def __init__(self, make: Callable[[], httpx2.AsyncBaseTransport], files: Iterable[Path]) -> None:
        self._make = make
        self._files = tuple(files)
        # The state first: what is replaced while it is read is read once more before the next request.
        self._state = _state_of(self._files)
        self._current = make()
        self._former: httpx2.AsyncBaseTransport | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request."""
        await self._renew()
        return await self._current.handle_async_request(request)

    async def aclose(self) -> None:
        """Close all connections."""
        for one in (self._former, self._current):
            if one is not None:
                await one.aclose()

    async def _renew(self) -> None:
        state = _state_of(self._files)
        if state == self._state:
            return
        self._state = state
        try:
            made = self._make()
        except UpgraphError as error:
            _log.warning(
                "%s; what was trusted before is trusted on", error.seen, extra={"reference": error.reference}
            )
            return
        # A watch may still be read from the one of before; what is older than that has ended long ago.
        forgotten, self._former, self._current = self._former, self._current, made
        if forgotten is not None:
            await forgotten.aclose()


def _state_of(files: Iterable[Path]) -> _State:
    return tuple(map(_state, files))


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(file)  # noqa: PTH116  # of the loop: it waits for no disk longer than any other look
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
