"""Answers over TLS, and certificates that are replaced under a running service."""

import asyncio
import os
import resource
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from upgraph.errors import UserError
from upgraph.service.answering import accepting
from upgraph.service.answering.clients import Traffic
from upgraph.service.answering.message import Request, Response
from upgraph.service.answering.server import Bound, Listener, serve
from upgraph.service.answering.tls import Certificate
from upgraph.testing.certificates import Certificates, make_certificates
from upgraph.testing.http_client import PATIENCE, HttpClient


class Fixed:
    """Answers everything with one body."""

    def respond(self, request: Request) -> Response:
        return Response(200, [("content-length", "5")], b"hello")


@pytest.fixture
def first(tmp_path: Path) -> Certificates:
    return made(tmp_path, "first")


@pytest.fixture
def second(tmp_path: Path) -> Certificates:
    return made(tmp_path, "second")


def made(directory: Path, name: str) -> Certificates:
    (directory / name).mkdir()
    return make_certificates(directory / name)


def mounted(directory: Path, certificates: Certificates) -> Path:
    """The pair as a mounted Secret: a link to a directory, which is swapped."""
    link = directory / "mounted"
    swap(link, certificates)
    return link


def swap(link: Path, certificates: Certificates) -> None:
    link.with_name("next").symlink_to(certificates.certificate.parent)
    link.with_name("next").replace(link)


@pytest.fixture
def pair(tmp_path: Path, first: Certificates) -> Path:
    return mounted(tmp_path, first)


@pytest.fixture
def certificate(pair: Path) -> Certificate:
    return Certificate(pair / "server.crt", pair / "server.key")


@pytest.fixture
def traffic() -> Traffic:
    return Traffic()


@asynccontextmanager
async def served(listener: Listener) -> AsyncIterator[Bound]:
    stop = asyncio.Event()
    started: asyncio.Future[tuple[Bound, ...]] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        group.create_task(serve([listener], stop, started.set_result))
        [bound] = await started
        try:
            yield bound
        finally:
            stop.set()


@pytest.fixture
async def place(certificate: Certificate, traffic: Traffic) -> AsyncIterator[Bound]:
    listener = Listener("127.0.0.1", 0, Fixed(), certificate=certificate, traffic=traffic)
    async with served(listener) as bound:
        yield bound


def trusting(place: Bound, certificates: Certificates) -> HttpClient:
    return HttpClient(place.address, place.port, tls=certificates.client_context())


async def test_answers_go_over_tls(place: Bound, first: Certificates) -> None:
    answer = await trusting(place, first).get("/")
    assert (answer.status, answer.body) == (200, b"hello")


async def test_a_replaced_certificate_is_shown_to_new_connections_and_open_ones_stay(
    place: Bound, first: Certificates, second: Certificates, pair: Path
) -> None:
    old, new = trusting(place, first), trusting(place, second)
    async with old.connected() as connection:
        swap(pair, second)
        await is_answered_soon(new)
        await connection.send(old.request("GET", "/"))
        assert (await connection.receive()).body == b"hello"
    with pytest.raises(ssl.SSLCertVerificationError):
        await old.get("/")


async def is_answered_soon(client: HttpClient) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await client.get("/")
            except ssl.SSLCertVerificationError:
                await asyncio.sleep(0.05)
            else:
                return


async def test_a_pair_that_does_not_fit_leaves_the_last_good_one(
    place: Bound, first: Certificates, second: Certificates, certificate: Certificate
) -> None:
    first.key.write_bytes(second.key.read_bytes())
    for _ in range(2):
        certificate.look()
    assert certificate.fault is not None
    assert "is not the one of the first certificate" in certificate.fault.seen
    assert (await trusting(place, first).get("/")).status == 200


async def test_who_speaks_plain_http_disturbs_nobody(
    place: Bound, first: Certificates, traffic: Traffic
) -> None:
    async with HttpClient(place.address, place.port).connected() as plain:
        await plain.send(b"GET / HTTP/1.1\r\n\r\n")
        await plain.is_closed_by_server()
    assert (await trusting(place, first).get("/")).status == 200
    assert traffic.failed_handshakes == 1


async def test_who_stalls_in_the_handshake_keeps_nobody_out(
    place: Bound, first: Certificates, traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting, "HANDSHAKES", 4)
    async with AsyncExitStack() as stack:
        for _ in range(12):
            stack.enter_context(socket.create_connection((place.address, place.port)))
        assert (await trusting(place, first).get("/")).status == 200
        assert traffic.failed_handshakes >= 8


async def test_a_stop_does_not_wait_for_handshakes_that_stall(certificate: Certificate) -> None:
    async with asyncio.timeout(accepting.HANDSHAKE_SECONDS / 2), AsyncExitStack() as stack:
        bound = await stack.enter_async_context(
            served(Listener("127.0.0.1", 0, Fixed(), certificate=certificate))
        )
        stalled = socket.create_connection((bound.address, bound.port))
        await asyncio.sleep(0.1)
        await stack.aclose()
        stalled.close()


@pytest.mark.parametrize(
    ("damage", "seen"),
    [
        pytest.param(lambda pair: (pair / "server.key").unlink(), "No such file", id="no key"),
        pytest.param(lambda pair: (pair / "server.crt").write_text("hello"), "form PEM", id="no PEM"),
        pytest.param(lambda pair: put_pipe(pair / "server.key"), "not a plain file", id="pipe"),
        pytest.param(
            lambda pair: (pair / "server.crt").write_bytes((pair / "server.key").read_bytes()),
            "holds no certificate",
            id="key for a certificate",
        ),
        pytest.param(
            lambda pair: (pair / "server.key").write_text(ENCRYPTED), "protected by a password", id="password"
        ),
    ],
)
def test_files_that_cannot_be_used_are_named(pair: Path, damage: object, seen: str) -> None:
    assert callable(damage)
    damage(pair)
    with pytest.raises(UserError, match=seen) as caught:
        Certificate(pair / "server.crt", pair / "server.key")
    assert caught.value.reference == "certificate-unusable"


def put_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


ENCRYPTED = """\
-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF

AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
-----END EC PRIVATE KEY-----
"""


class Long:
    """Answers with more than all buffers of a connection hold."""

    body = memoryview(bytes(20_000_000))

    def respond(self, request: Request) -> Response:
        return Response(200, [("content-length", str(len(self.body)))], self.body)


@pytest.mark.parametrize("fields", [(), (("Connection", "close"),)], ids=["kept", "closed"])
async def test_a_slow_client_gets_the_whole_answer(
    certificate: Certificate, first: Certificates, fields: tuple[tuple[str, str], ...]
) -> None:
    async with served(Listener("127.0.0.1", 0, Long(), certificate=certificate)) as bound:
        client = trusting(bound, first)
        async with client.connected(buffer=64 * 1024) as connection:
            await connection.send(client.request("GET", "/", *fields))
            await connection.receive("HEAD")
            for _ in range(10):
                await connection.receive_bytes(len(Long.body) // 10)
                await asyncio.sleep(0.35)


async def test_who_does_not_read_costs_a_slice_of_the_answer(
    certificate: Certificate, first: Certificates
) -> None:
    async with served(Listener("127.0.0.1", 0, Long(), certificate=certificate)) as bound:
        client = trusting(bound, first)
        async with client.connected(buffer=1024) as deaf:
            before = resident_bytes()
            await deaf.send(client.request("GET", "/"))
            await deaf.receive("HEAD")
            assert resident_bytes() - before < len(Long.body) // 2


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
