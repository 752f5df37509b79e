"""Hostile and broken requests: who sends one gets a refusal, and nobody else notices.

Each row says what is sent and what that client sees. For all of them holds what the test of the rows says:
clusters get the same answer before, meanwhile and afterwards, the service stays ready, the log says nothing, so
that no client can fill it, and what is no request is counted.
"""

from dataclasses import dataclass

import pytest
from _pytest.mark.structures import ParameterSet

from tests.faults.outside import essence
from tests.faults.requests.conftest import MALFORMED, TARGET, Service, asking, kind_of, until_closed
from tests.serving.conftest import PREFIX
from upgraph.service.answering.requests import MAX_BODY_BYTES


@dataclass(frozen=True, slots=True)
class Row:
    """One fault of a request."""

    sent: bytes
    """What the client sends at once."""
    status: int
    """Of the answer to it."""
    text: str
    """Part of the answer."""


def row(name: str, sent: bytes, seen: str) -> ParameterSet:
    """A row, of which ``seen`` is the status of the answer and a part of it."""
    status, _, text = seen.partition(" ")
    return pytest.param(Row(sent, int(status), text), id=name)


def with_query(query: bytes) -> bytes:
    return asking(PREFIX.encode() + b"/graph?" + query)


def posting(*lines: bytes, body: bytes) -> bytes:
    """A request with a body, in which a second request is hidden for whoever reads lengths in another way."""
    head = [b"POST %s HTTP/1.1" % TARGET, b"Host: a", *lines, b"", b""]
    return b"\r\n".join(head) + body + asking(TARGET + b"&hidden=1")


HOST_BEHIND = b"GET %s HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: a\r\n\r\n" % TARGET
FAMILY = "Requests"
NO_REQUEST = "400 this is no HTTP/1.1 request"

# Refused by what was asked: the connection stays, and the next request on it is answered.
QUERIES = [
    row("escape cut off", with_query(b"channel=%"), "400 invalid escape"),
    row("escape without hex", with_query(b"channel=%zz"), "400 invalid escape"),
    row("not UTF-8", with_query(b"channel=%ff%fe"), "400 channel is not UTF-8"),
    row("overlong UTF-8", with_query(b"channel=%c0%ae"), "400 channel is not UTF-8"),
    row("surrogate", with_query(b"channel=%ed%a0%80"), "400 channel is not UTF-8"),
    row("null byte", with_query(b"channel=stable%00"), "400 does not match regex"),
    row("line break", with_query(b"channel=a%0d%0aX-Made:up"), "400 does not match regex"),
    row("escaped twice", with_query(b"channel=%2573table-4.9"), "400 does not match regex"),
    row("wide letters", with_query(b"channel=%ef%bd%93table"), "400 does not match regex"),
    row("architecture", with_query(b"channel=stable-4.9&arch=../x"), "400 arch '../x' does not match"),
    row("no channel", with_query(b"&&=&==&"), "400 mandatory client parameters missing: channel"),
    row("query above the limit", with_query(b"channel=stable-4.9&x=" + b"y" * 9_000), "414 longer than 8192"),
    row("dots in the path", asking(b"/api/upgrades_info/../upgrades_info/graph"), "404 "),
    row("path that is not UTF-8", asking(b"/api/upgrades_info/gr%ffph"), "404 "),
    row("null byte in the path", asking(PREFIX.encode() + b"/graph%00"), "404 "),
    row("method", b"DELETE %s HTTP/1.1\r\nHost: a\r\n\r\n" % TARGET, "405 "),
    row("trace", b"TRACE %s HTTP/1.1\r\nHost: a\r\n\r\n" % TARGET, "405 "),
]
# Odd, and answered all the same.
STRANGE = [
    row("unknown parameters", with_query(b"channel=stable-4.9&" + b"a=%ff&" * 1000), "200 4.9.3"),
    row("repeated parameters", with_query(b"channel=gone&channel=stable-4.9"), "200 4.9.3"),
    row("hundred names alike", asking(TARGET, *[b"Accept: */*"] * 90), "200 4.9.3"),
    row("letters of Latin", asking(TARGET, b"X-Name: caf\xe9", b"User-Agent: \xff\xfe"), "200 4.9.3"),
    row("ranges", asking(TARGET, b"Range: bytes=" + b"0-0," * 1000 + b"0-0"), "200 4.9.3"),
    row(
        "fields behind the body",
        b"GET %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nAccept: text/html\r\nHost: b\r\n\r\n"
        % TARGET,
        "200 4.9.3",
    ),
    row("another host", asking(b"http://other.example" + TARGET), "200 4.9.3"),
]
# No request, or one about which two readers may disagree: refused, and the connection ends.
BROKEN = [
    row("nonsense", b"\x00\x01\x02\x03\r\n\r\n", NO_REQUEST),
    row("byte above ASCII in the target", asking(TARGET + b"\xff"), NO_REQUEST),
    row("UTF-8 in the target", asking(TARGET + "ü".encode()), NO_REQUEST),
    row("space in the target", asking(TARGET + b" x"), NO_REQUEST),
    row("query of 100 KB", with_query(b"channel=stable-4.9&x=" + b"y" * 100_000), "431 the header has more"),
    row("header of 100 KB", asking(TARGET, b"X-Long: " + b"y" * 100_000), "431 the header has more"),
    row("thousand header lines", asking(TARGET, *[b"X: y"] * 1000), "431 the header has more"),
    row("no host", b"GET %s HTTP/1.1\r\nAccept: */*\r\n\r\n" % TARGET, "400 Host is missing"),
    row("host behind the body", HOST_BEHIND, "400 Host is missing"),
    row("two hosts", asking(TARGET, b"Host: b"), "400 Host is repeated"),
    row("folded line", asking(TARGET, b"X-Folded: a", b"  b"), NO_REQUEST),
    row("null byte in a header", asking(TARGET, b"X-Null: a\x00b"), NO_REQUEST),
    row("carriage return in a header", asking(TARGET, b"X-Return: a\rSet-Cookie: b"), NO_REQUEST),
    row("header without a name", asking(TARGET, b": a"), NO_REQUEST),
    row("header without a colon", asking(TARGET, b"alone"), NO_REQUEST),
    row("space before the colon", asking(TARGET, b"X-Space : a"), NO_REQUEST),
    row("address", asking(b"http://["), "400 the request target is no URL"),
    row("unknown version", b"GET / HTTP/1.7\r\nHost: a\r\n\r\n", NO_REQUEST),
    row("unknown method", b"FETCH / HTTP/1.1\r\nHost: a\r\n\r\n", "405 HTTP knows no such method"),
    row("TLS on the plain port", bytes.fromhex("160301020001000001fc0303"), "400 this is TLS"),
    row("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400 this is HTTP/2"),
]
# Forms by which one reader sees one request and another reader two. One answer, and the connection ends.
SMUGGLED = [
    row("two lengths", posting(b"Content-Length: 0", b"Content-Length: 5", body=b"hello"), NO_REQUEST),
    row("same length twice", posting(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"), NO_REQUEST),
    row("list of lengths", posting(b"Content-Length: 5, 5", body=b"hello"), NO_REQUEST),
    row("signed length", posting(b"Content-Length: +5", body=b"hello"), NO_REQUEST),
    row("negative length", posting(b"Content-Length: -5", body=b"hello"), NO_REQUEST),
    row("length in hex", posting(b"Content-Length: 0x5", body=b"hello"), NO_REQUEST),
    row("length without end", posting(b"Content-Length: " + b"9" * 40, body=b"hello"), NO_REQUEST),
    row(
        "length and chunks",
        posting(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        NO_REQUEST,
    ),
    row(
        "chunks and length",
        posting(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n"),
        NO_REQUEST,
    ),
    row("unknown coding", posting(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"), NO_REQUEST),
    row("chunked first", posting(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"), NO_REQUEST),
    row(
        "chunked twice",
        posting(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        NO_REQUEST,
    ),
    row("space before chunked", posting(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"), NO_REQUEST),
    row("tab in chunked", posting(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"), NO_REQUEST),
    row(
        "chunks in HTTP/1.0",
        b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "400 HTTP/1.0 has no chunks",
    ),
    row(
        "long body",
        posting(b"Content-Length: 99999999", body=b"x" * (MAX_BODY_BYTES + 1)),
        "413 a body of more than 65536 bytes",
    ),
    row(
        "body that waits to be wanted",
        posting(b"Expect: 100-continue", b"Content-Length: 5", body=b"hello"),
        "417 nothing that a request could bring",
    ),
    row("length of a chunk", posting(b"Transfer-Encoding: chunked", body=b"+0\r\n\r\n"), NO_REQUEST),
    row("endless chunk", posting(b"Transfer-Encoding: chunked", body=b"f" * 17 + b"\r\n"), NO_REQUEST),
    row("bare line feeds", b"GET %s HTTP/1.1\nHost: a\n\n" % TARGET + asking(TARGET), NO_REQUEST),
    row("line feed in chunks", posting(b"Transfer-Encoding: chunked", body=b"0\n\n"), NO_REQUEST),
]


REQUESTS = {
    "The connection stays, and the next request on it is answered as ever": QUERIES,
    "The connection ends, and is counted in `upgraph_connections_malformed_total`": [*BROKEN, *SMUGGLED],
}
"""Requests that are refused, by what becomes of their connection: for the page of faults."""


KINDS = {
    400: {"missing_params", "invalid_params"},
    404: {""},
    405: {""},
    414: {"invalid_params"},
}
"""What the error document says where the connection stays, by status; paths and methods that are not there have none."""


@pytest.mark.parametrize("one", [*QUERIES, *STRANGE])
async def test_a_strange_request_is_answered_and_the_next_one_as_ever(
    service: Service, one: Row, quiet: None
) -> None:
    before = await service.graph()
    async with service.cluster.connected() as connection:
        await connection.send(one.sent)
        answer = await connection.receive()
        await connection.send(asking(TARGET))
        after = essence(await connection.receive())
    assert (answer.status, one.text in answer.body.decode()) == (one.status, True)
    assert one.status == 200 or kind_of(answer) in KINDS[one.status]
    assert (after, await service.is_ready(), service.traffic.malformed) == (before, True, 0)


@pytest.mark.parametrize("one", [*BROKEN, *SMUGGLED])
async def test_what_is_no_request_is_refused_and_ends_its_connection_alone(
    service: Service, one: Row, quiet: None
) -> None:
    before = await service.graph()
    async with service.cluster.connected() as connection:
        await connection.send(one.sent + asking(TARGET))
        [answer] = await until_closed(connection)
        assert await service.graph() == before
    assert (answer.status, one.text in answer.body.decode()) == (one.status, True)
    assert (kind_of(answer), answer.header("connection")) == ("invalid_request", "close")
    assert (await service.is_ready(), service.traffic.malformed) == (True, 1)
    assert f'{MALFORMED}{{listener="clients"}} 1.0' in await service.metrics()


async def test_an_upgrade_is_declined_and_nothing_behind_it_is_read(service: Service, quiet: None) -> None:
    upgrade = asking(TARGET, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMA")
    before = await service.graph()
    async with service.cluster.connected() as connection:
        await connection.send(upgrade + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + asking(TARGET))
        assert [essence(answer) for answer in await until_closed(connection)] == [before]


async def test_the_refusal_of_a_head_has_no_body(service: Service, quiet: None) -> None:
    async with service.cluster.connected() as connection:
        await connection.send(asking(TARGET).replace(b"GET", b"HEAD") + b"HEAD /\xff HTTP/1.1\r\n\r\n")
        answers = [await connection.receive("HEAD"), await connection.receive("HEAD")]
        assert await connection.is_closed_by_server()
    assert [answer.status for answer in answers] == [200, 400]
    assert int(answers[1].header("content-length") or 0) > 0
