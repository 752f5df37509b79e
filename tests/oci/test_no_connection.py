"""A server that is not there is told in the same words each time, so that what is told does not change by itself."""

import socket

import pytest

from upgraph.errors import RemoteError
from upgraph.oci import Access, Downloads


async def told(port: int) -> str:
    async with Access().session() as session:
        assert isinstance(session, Downloads)
        with pytest.raises(RemoteError) as caught:
            await session.get(f"https://127.0.0.1:{port}/", limit=1)
    return caught.value.seen


async def test_the_words_are_the_same_each_time() -> None:
    with socket.socket() as held:
        # Bound and not listening: nobody else takes it, and nobody answers.
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        first, second = await told(port), await told(port)
    assert first == second
    assert f"no connection to 127.0.0.1:{port}" in first
