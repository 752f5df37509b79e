"""Tests reach nothing but this machine, and nothing of the person who runs them."""

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

AWAY = "192.0.2.1"
"""An address for documentation (RFC 5737): nothing answers there."""


def _connect() -> None:
    with socket.socket() as connection:
        connection.connect((AWAY, 80))


def _connect_quietly() -> None:
    with socket.socket() as connection:
        connection.connect_ex((AWAY, 80))


def _connect_v6() -> None:
    with socket.socket(socket.AF_INET6) as connection:
        connection.connect(("2001:db8::1", 80))


def _send() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as connection:
        connection.sendto(b"x", (AWAY, 53))


def _resolve() -> None:
    socket.getaddrinfo("registry.example", 443)


def _open_stream() -> None:
    asyncio.run(asyncio.open_connection(AWAY, 80))


@pytest.mark.parametrize("attempt", [_connect, _connect_quietly, _connect_v6, _send, _resolve, _open_stream])
def test_a_test_cannot_leave_the_machine(attempt: Callable[[], None]) -> None:
    with pytest.raises(RuntimeError, match="loopback and Unix sockets only"):
        attempt()


def test_loopback_is_open() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert client.getpeername() == server.getsockname()


def test_unix_sockets_are_open(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))


def test_home_is_a_folder_of_this_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert Path.home().is_relative_to(tmp_path_factory.getbasetemp())


def test_no_proxy_is_in_force() -> None:
    assert [name for name in os.environ if name.lower().endswith("_proxy")] == []
