"""Graph data in a tarball at an address: servers of all manners, and secrets that stay secret."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from upgraph.errors import DataError, RemoteError, UpgraphError, UserError
from upgraph.graphdata import write_tarball
from upgraph.graphdata.address import AddressSource
from upgraph.oci import Access, Trust
from upgraph.testing.certificates import make_certificates
from upgraph.testing.file_server import FileServer, Manners
from upgraph.testing.graph_data_source import SAMPLE, STATES

PASSWORD = "anchor:and@chain"
LOGIN = "sailor:anchor%3Aand%40chain@"


@pytest.fixture
async def server() -> AsyncIterator[FileServer]:
    async with FileServer() as started:
        started.content = write_tarball(SAMPLE)
        yield started


def source(url: str, access: Access | None = None) -> AddressSource:
    return AddressSource(url, (access or Access()).session)


@pytest.mark.parametrize(
    ("manners", "statuses"),
    [
        pytest.param(Manners(), [200, 304, 200], id="etag"),
        pytest.param(
            Manners(tags=False, modified="Wed, 21 Oct 2015 07:28:00 GMT"), [200, 304, 200], id="last-modified"
        ),
        pytest.param(Manners(tags=False), [200, 200, 200], id="neither"),
        pytest.param(
            Manners(headers={"Content-Encoding": "x-gzip"}), [200, 304, 200], id="said-to-be-encoded"
        ),
    ],
)
async def test_a_tarball_is_sent_again_only_if_the_server_cannot_tell(
    server: FileServer, manners: Manners, statuses: list[int]
) -> None:
    server.manners = manners
    async with source(server.url()) as data:
        assert await data.fetch() == SAMPLE
        assert await data.fetch() is None
        server.content = write_tarball(STATES[1])
        manners.modified = manners.modified and "Wed, 21 Oct 2015 07:28:01 GMT"
        assert await data.fetch() == STATES[1]
    assert server.statuses == statuses


async def test_a_change_within_the_same_second_is_not_missed(server: FileServer) -> None:
    moment = "Sun, 22 Nov 2026 14:00:00 GMT"
    server.manners = Manners(tags=False, modified=moment, headers={"Date": moment})
    async with source(server.url()) as data:
        assert await data.fetch() == SAMPLE
        server.content = write_tarball(STATES[1])
        assert await data.fetch() == STATES[1]


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503, 206, 304])
async def test_another_status_is_an_error_that_says_it(server: FileServer, status: int) -> None:
    server.manners.status = status
    async with source(server.url()) as data:
        with pytest.raises(RemoteError, match=f"status {status}") as caught:
            await data.fetch()
    assert caught.value.reference == "graph-data-download"


async def test_a_page_of_a_proxy_is_named_for_what_it_is(server: FileServer) -> None:
    server.content = b"<html><body>Please log in</body></html>"
    server.manners.headers = {"Content-Type": "text/html"}
    async with source(server.url()) as data:
        with pytest.raises(DataError, match="gives text/html that begins with b'<html>") as caught:
            await data.fetch()
    assert caught.value.reference == "graph-data-archive"


async def test_a_broken_tarball_is_fetched_once_and_refused_in_each_round(server: FileServer) -> None:
    server.content = write_tarball(SAMPLE)[:-9]
    async with source(server.url()) as data:
        for _ in range(3):
            with pytest.raises(DataError, match="is damaged"):
                await data.fetch()
        assert server.statuses == [200, 304, 304]
        server.content = write_tarball(SAMPLE)
        assert await data.fetch() == SAMPLE


async def test_a_download_that_breaks_off_is_no_change(server: FileServer) -> None:
    async with source(server.url()) as data:
        await data.fetch()
        server.content = write_tarball(STATES[1])
        server.manners.cut_after = 50
        with pytest.raises(RemoteError):
            await data.fetch()
        server.manners.cut_after = None
        assert await data.fetch() == STATES[1]


async def test_what_is_too_large_is_refused(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("upgraph.graphdata.address.MAX_DOWNLOAD_BYTES", 100)
    async with source(server.url()) as data:
        with pytest.raises(RemoteError, match="100 are accepted"):
            await data.fetch()


async def test_what_takes_too_long_is_given_up(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("upgraph.graphdata.address.DOWNLOAD_SECONDS", 0.0)
    async with source(server.url()) as data:
        with pytest.raises(RemoteError, match="no complete answer in time"):
            await data.fetch()


async def test_a_login_in_the_address_is_sent_to_its_host_alone(server: FileServer) -> None:
    async with FileServer() as other:
        server.manners.login = ("sailor", PASSWORD)
        other.content = server.content
        server.manners.redirects["/moved"] = other.url("/elsewhere")
        async with source(server.url(login=LOGIN)) as data:
            assert await data.fetch() == SAMPLE
        async with source(server.url("/moved", login=LOGIN)) as data:
            assert await data.fetch() == SAMPLE
    assert "Authorization" in server.requests[-1].headers
    assert "Authorization" not in other.requests[-1].headers


@pytest.mark.parametrize("status", [None, 500], ids=["refused", "broken"])
async def test_secrets_of_an_address_are_not_shown(server: FileServer, status: int | None) -> None:
    server.manners = Manners(login=("somebody", "else"), status=status)
    async with source(server.url("/data.tgz?token=hunter2", login=LOGIN)) as data:
        with pytest.raises(UpgraphError) as caught:
            await data.fetch()
    assert data.name == server.url("/data.tgz?***")
    assert not any(secret in f"{caught.value}{data!r}" for secret in ("sailor", "anchor", "hunter2"))


async def test_redirects_end(server: FileServer) -> None:
    server.manners.redirects["/round"] = "/round"
    async with source(server.url("/round")) as data:
        with pytest.raises(RemoteError, match="more than 5 redirects"):
            await data.fetch()


async def test_tls_is_trusted_by_the_given_certificates_and_never_left(
    tmp_path: Path, server: FileServer
) -> None:
    certificates = make_certificates(tmp_path)
    async with FileServer(certificates) as secure:
        secure.content = server.content
        secure.manners.redirects["/down"] = server.url()
        access = Access(trust=Trust([certificates.certificate], {}))
        async with source(secure.url(), access) as data:
            assert await data.fetch() == SAMPLE
        async with source(secure.url("/down"), access) as data:
            with pytest.raises(RemoteError, match="from https to http"):
                await data.fetch()
        async with source(secure.url()) as data:
            with pytest.raises(RemoteError) as caught:
                await data.fetch()
    assert caught.value.reference == "registry-untrusted"


@pytest.mark.parametrize("url", ["https://", "http:///data.tgz", "https://host:port/x", "https://[::1/x"])
def test_an_address_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(UserError):
        source(url)
