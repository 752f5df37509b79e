"""Downloads that are no images: bounded, with the login for one host alone."""

import base64
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from upgraph.errors import RemoteError, UserError
from upgraph.oci import Access, Downloads, Trust
from upgraph.testing.certificates import Certificates

CONTENT = b"graph data"


@dataclass
class Site:
    """A web server that answers as it is told."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[web.BaseRequest] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, request: web.BaseRequest) -> web.Response:
        self.seen.append(request)
        if request.path == "/moved":
            return web.Response(status=302, headers=self.headers)
        if request.headers.get("If-None-Match") == '"1"':
            return web.Response(status=304)
        return web.Response(status=self.status, body=CONTENT, headers={"ETag": '"1"'} | self.headers)


async def running(site: Site) -> AsyncIterator[Site]:
    runner = web.ServerRunner(web.Server(site.answer), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.port = runner.addresses[0][1]
    yield site
    await runner.cleanup()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async for one in running(Site()):
        yield one


@pytest.fixture
async def other() -> AsyncIterator[Site]:
    async for one in running(Site()):
        yield one


@pytest.fixture
async def downloads() -> AsyncIterator[Downloads]:
    async with Access().session() as opened:
        yield opened


async def test_content_comes_with_its_tag_and_type(downloads: Downloads, site: Site) -> None:
    answer = await downloads.get(f"{site.url}/a.tar.gz", limit=100)
    assert (answer.content, answer.etag, answer.media_type) == (CONTENT, '"1"', "application/octet-stream")


async def test_content_that_has_not_changed_is_not_sent_again(downloads: Downloads, site: Site) -> None:
    answer = await downloads.get(f"{site.url}/a", limit=100, etag='"1"')
    assert (answer.is_current, answer.content) == (True, b"")


async def test_content_beyond_the_limit_is_refused(downloads: Downloads, site: Site) -> None:
    with pytest.raises(RemoteError, match="has 10 bytes; 9 are accepted"):
        await downloads.get(f"{site.url}/a", limit=9)


@pytest.mark.parametrize(("status", "retryable"), [(404, False), (403, False), (503, True), (429, True)])
async def test_another_status_is_an_error_that_names_it(
    downloads: Downloads, site: Site, status: int, *, retryable: bool
) -> None:
    site.status = status
    with pytest.raises(RemoteError, match=f"/a: status {status}") as failed:
        await downloads.get(f"{site.url}/a?token=s3cret", limit=100)
    assert (failed.value.reference, failed.value.retryable) == ("download-status", retryable)
    assert "s3cret" not in failed.value.seen


async def test_the_login_of_the_address_goes_to_its_host_alone(
    downloads: Downloads, site: Site, other: Site
) -> None:
    site.headers["Location"] = f"{other.url}/a"
    await downloads.get(f"{site.url}/moved".replace("://", "://me:s%40cret@"), limit=100)
    expected = "Basic " + base64.b64encode(b"me:s@cret").decode()
    assert site.seen[0].headers.get("Authorization") == expected
    assert "Authorization" not in other.seen[0].headers


async def test_the_login_of_the_address_is_not_shown(downloads: Downloads) -> None:
    with pytest.raises(RemoteError) as failed:
        await downloads.get("http://me:s3cret@127.0.0.1:9/a?token=s3cret", limit=100)
    assert failed.value.reference == "registry-unreachable"
    assert "s3cret" not in failed.value.seen


@pytest.mark.parametrize(
    "url",
    [
        "",
        "no address",
        "ftp://me:s3cret@a.example/",
        "http://",
        "http://me:s3cret@a:b/",
        "file:///etc/passwd",
    ],
)
async def test_an_address_that_is_none_is_refused_without_its_login(downloads: Downloads, url: str) -> None:
    with pytest.raises(UserError) as refused:
        await downloads.get(url, limit=100)
    assert refused.value.reference == "download-address"
    assert "s3cret" not in refused.value.seen


@pytest.mark.parametrize(
    "date",
    ["Mon, 99999999999999 Jan 2020 00:00:00 GMT", "Fri, 21 Aug 2026 12:00:09 -0000"],
    ids=["year", "zone"],
)
async def test_a_date_that_is_none_is_passed_over(downloads: Downloads, site: Site, date: str) -> None:
    site.headers = {"Date": date, "Last-Modified": "Fri, 21 Aug 2026 11:00:00 GMT"}
    assert (await downloads.get(site.url, limit=100, seconds=180)).content == CONTENT


async def test_redirects_in_a_circle_end(downloads: Downloads, site: Site) -> None:
    site.headers["Location"] = "/moved"
    with pytest.raises(RemoteError, match="more than 5 redirects"):
        await downloads.get(f"{site.url}/moved", limit=100)


async def test_https_needs_an_authority_that_is_trusted(certificates: Certificates) -> None:
    server = web.Server(Site().answer)
    runner = web.ServerRunner(server, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificates.server_context()).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}/"
    async with Access(trust=Trust([certificates.certificate])).session() as trusting:
        assert (await trusting.get(url, limit=100)).content == CONTENT
    async with Access().session() as careful:
        with pytest.raises(RemoteError, match="its own authority"):
            await careful.get(url, limit=100)
    await runner.cleanup()


async def test_a_server_that_does_not_answer_is_given_up(downloads: Downloads) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(RemoteError) as failed:
            await downloads.get(url, limit=100, seconds=0.1)
    assert (failed.value.reference, failed.value.retryable) == ("registry-timeout", True)
