"""Requests come in any pieces, together or alone, and are the same requests."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.service.answering.requests import MAX_AT_ONCE, MAX_BODY_BYTES, Received, RequestReader

LIMIT = 1024
REQUESTS = (
    b"GET /a?b=c HTTP/1.1\r\nHost: one\r\nAccept: x\r\naccept: y\r\n\r\n",
    b"POST /b HTTP/1.1\r\nHost: two\r\nContent-Length: 5\r\n\r\nhello",
    b"HEAD /c%20d HTTP/1.1\r\nHost: three\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    b"GET http://host.example/e?f#g HTTP/1.1\r\nHost: four\r\n\r\n",
)


def read(*pieces: bytes) -> tuple[list[Received], str | None]:
    """All requests of a connection, and the kind of answer that ended it."""
    reader = RequestReader(LIMIT)
    received = [one for piece in pieces for one in reader.feed(piece)]
    return received, reader.fault.value if reader.fault else None


def seen(received: list[Received]) -> list[tuple[str, str, str, str | None]]:
    requests = [one.request for one in received]
    return [(one.method, one.path, one.query, one.header("accept")) for one in requests]


@given(st.lists(st.integers(0, sum(map(len, REQUESTS)))))
def test_the_pieces_do_not_matter(cuts: list[int]) -> None:
    whole = b"".join(REQUESTS)
    pieces = [whole[start:end] for start, end in pairwise([0, *sorted(cuts), len(whole)])]
    received, fault = read(*pieces)
    assert fault is None
    assert seen(received) == [
        ("GET", "/a", "b=c", "x, y"),
        ("POST", "/b", "", None),
        ("HEAD", "/c d", "", None),
        ("GET", "/e", "f", None),
    ]


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_are_requests_or_a_fault(first: bytes, second: bytes) -> None:
    reader = RequestReader(LIMIT)
    for data in (first, second):
        for received in reader.feed(data):
            assert received.request.path
    assert reader.fault is None or reader.fault.status in {400, 405, 413, 431}


@pytest.mark.parametrize(
    ("lines", "keeps_open"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n", True, id="1.1"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", False, id="1.1 that closes"),
        pytest.param(b"GET / HTTP/1.0\r\n", False, id="1.0"),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n",
            False,
            id="upgrade",
        ),
    ],
)
def test_the_client_decides_whether_the_connection_stays(lines: bytes, *, keeps_open: bool) -> None:
    received, _ = read(lines + b"\r\n")
    assert [one.keeps_open for one in received] == [keeps_open]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(b"\x16\x03\x01\x02\x00", "this is TLS", id="TLS"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "this is HTTP/2", id="HTTP/2"),
        pytest.param(b"GET / HTTP/3.0\r\n\r\n", "this is no HTTP/1.1 request", id="version"),
        pytest.param(b"GET /\xff HTTP/1.1\r\n\r\n", "this is no HTTP/1.1 request: Invalid char", id="target"),
        pytest.param(b"GET http://[ HTTP/1.1\r\n\r\n", "the request target is no URL", id="address"),
        pytest.param(b"GET / HTTP/1.1\r\nA: b\r\n c: d\r\n\r\n", "this is no HTTP/1.1 request", id="folded"),
        pytest.param(
            b"GET / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "this is no HTTP/1.1 request",
            id="two lengths",
        ),
        pytest.param(b"GET /" + b"a" * LIMIT + b" HTTP/1.1\r\n\r\n", "the header has more", id="long target"),
        pytest.param(b"GET / HTTP/1.1\r\nA: " + b"b" * 2**18, "the header has more", id="endless header"),
        pytest.param(
            b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n" + b"b" * (MAX_BODY_BYTES + 1),
            "the request has a body of more",
            id="long body",
        ),
        pytest.param(b"GET / HTTP/1.1\r\nA: b\r\n\r\n", "Host is missing", id="no host"),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * (MAX_AT_ONCE + 1), "more than 100 requests", id="many"
        ),
    ],
)
def test_what_ends_a_connection_is_told(data: bytes, text: str) -> None:
    _, fault = read(data)
    assert fault is not None
    assert fault.startswith(text)


@pytest.mark.parametrize(
    ("pieces", "method"),
    [
        pytest.param((b"HE", b"AD /\xff HTTP/1.1\r\n"), "HEAD", id="target"),
        pytest.param((b"HEAD / HTTP/1.7\r\n",), "HEAD", id="version"),
        pytest.param((b"HEAD / HTTP/1.1\r\nA : b\r\n",), "HEAD", id="header"),
        pytest.param((b"HEAD / HTTP/1.1\r\n\r\n",), "HEAD", id="no host"),
        pytest.param((b"HEAD /" + b"a" * 2**18,), "HEAD", id="unfinished"),
        pytest.param((b"GET / HTTP/1.1\r\nA : b\r\n",), "GET", id="another method"),
        pytest.param((b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x00"), None, id="nothing after a HEAD"),
    ],
)
def test_the_method_of_what_is_no_request_is_known_once_it_has_come(
    pieces: tuple[bytes, ...], method: str | None
) -> None:
    reader = RequestReader(LIMIT)
    for piece in pieces:
        reader.feed(piece)
    assert reader.fault is not None
    assert reader.unfinished_method == method


def test_http_1_0_needs_no_host() -> None:
    received, fault = read(b"GET / HTTP/1.0\r\n\r\n")
    assert (len(received), fault) == (1, None)


def test_a_header_that_grows_for_ever_is_not_collected() -> None:
    reader = RequestReader(LIMIT)
    reader.feed(b"GET / HTTP/1.1\r\nA: ")
    fed = 0
    while reader.fault is None and fed < 10 * MAX_BODY_BYTES:
        reader.feed(b"b" * 1000)
        fed += 1000
    assert reader.fault is not None
    assert fed < 2 * MAX_BODY_BYTES


def test_the_good_requests_before_a_fault_are_answered() -> None:
    received, fault = read(REQUESTS[0] + b"nonsense\r\n\r\n" + REQUESTS[0])
    assert (len(received), fault is not None) == (1, True)


def test_lines_without_end_are_not_collected() -> None:
    reader = RequestReader(64 * 1024)
    reader.feed(b"GET / HTTP/1.1\r\n" + b"ab:cd\r\n" * 5_000)
    assert reader.fault is not None
    assert reader.fault.status == 431


def test_who_asks_whether_to_send_a_body_is_told_not_to() -> None:
    _, fault = read(b"GET / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert fault == "nothing that a request could bring is expected here"


def test_http_1_0_is_not_kept_open() -> None:
    received, _ = read(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert [one.keeps_open for one in received] == [False]
