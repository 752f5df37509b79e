"""Proxies of the environment: which host goes through which, on the wire too."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import RemoteError, UserError
from upgraph.oci import Access, Proxies, RegistryClient, Repository, Retry, Timing
from upgraph.testing.certificates import Certificates, make_certificates
from upgraph.testing.proxy import SimulatedProxy
from upgraph.testing.registry import SimulatedRegistry

PROXY = "http://proxy.example:3128"
REGISTRY = "registry.example"
Scheme = Literal["http", "https"]
ONCE = Timing(retry=Retry(attempts=1))


def exempt(no_proxy: str, host: str, port: int = 443) -> bool:
    return Proxies.of({"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy}).way("https", host, port).proxy is None


@pytest.mark.parametrize(
    ("no_proxy", "host", "expected"),
    [
        ("example.com", "example.com", True),
        ("example.com", "a.b.example.com", True),
        ("example.com", "badexample.com", False),
        (".example.com", "a.example.com", True),
        (".example.com", "example.com", False),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "example.com", False),
        ("EXAMPLE.com", "a.Example.COM.", True),
        ("example.com.", "example.com", True),
        ("*", "anything.example", True),
        ("a.example,*", "anything.example", True),
        (" a.example ,  b.example ", "b.example", True),
        ("a.example b.example", "b.example", True),
        (",,a.example,", "a.example", True),
        ("", "a.example", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.1.2.3/8", "10.200.0.1", True),
        ("10.0.0.0/8", "11.0.0.1", False),
        ("10.0.0.0/8", "10.example", False),
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "::ffff:192.0.2.7", True),
        ("192.0.2.7", "192.0.2.70", False),
        ("2001:db8::/32", "2001:db8::1", True),
        ("2001:db8::1", "2001:0db8:0::1", True),
        ("[2001:db8::1]", "[2001:db8::1]", True),
        ("[2001:db8::1]:443", "2001:db8::1", True),
        ("[2001:db8::1]:8443", "2001:db8::1", False),
        ("example.com:443", "example.com", True),
        ("example.com:443", "a.example.com", True),
        ("example.com:5000", "example.com", False),
        ("192.0.2.7:443", "192.0.2.7", True),
        ("192.0.2.7:80", "192.0.2.7", False),
        ("bücher.example", "xn--bcher-kva.example", True),
        ("https://example.com", "example.com", False),
    ],
)
def test_no_proxy_covers_what_go_programs_take_it_to_cover(
    no_proxy: str, host: str, *, expected: bool
) -> None:
    assert exempt(no_proxy, host) is expected


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_this_machine_is_never_reached_through_a_proxy(host: str) -> None:
    assert exempt("", host)


@given(st.text(alphabet="abc.,*:/[]10 ", max_size=30), st.from_regex(r"\A[a-z]{1,3}(\.[a-z]{1,3})?\Z"))
def test_any_text_gives_a_way_and_a_reason(no_proxy: str, host: str) -> None:
    way = Proxies.of({"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy}).way("https", host, 443)
    assert way.why


@pytest.mark.parametrize(
    ("environment", "scheme", "expected"),
    [
        ({"HTTPS_PROXY": PROXY}, "https", PROXY),
        ({"https_proxy": PROXY}, "https", PROXY),
        ({"HTTPS_PROXY": PROXY, "https_proxy": "http://other.example"}, "https", PROXY),
        ({"HTTPS_PROXY": " ", "https_proxy": PROXY}, "https", PROXY),
        ({"HTTPS_PROXY": PROXY}, "http", None),
        ({"HTTP_PROXY": PROXY}, "http", PROXY),
        ({"HTTP_PROXY": PROXY}, "https", None),
        ({"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}, "http", None),
        ({"http_proxy": PROXY, "REQUEST_METHOD": "GET"}, "http", PROXY),
        ({"ALL_PROXY": PROXY}, "https", None),
        ({"HTTPS_PROXY": "proxy.example:3128"}, "https", PROXY),
        ({"HTTPS_PROXY": "proxy.example"}, "https", "http://proxy.example:80"),
        ({"HTTPS_PROXY": "https://proxy.example/"}, "https", "https://proxy.example:443"),
        ({"HTTPS_PROXY": "http://[2001:db8::1]:3128"}, "https", "http://[2001:db8::1]:3128"),
    ],
)
def test_the_variable_of_the_scheme_names_the_proxy(
    environment: dict[str, str], scheme: str, expected: str | None
) -> None:
    proxy = Proxies.of(environment).way(scheme, REGISTRY, 443).proxy
    assert (proxy.url if proxy else None) == expected


def test_the_login_of_a_proxy_is_decoded_and_not_shown() -> None:
    proxy = Proxies.of({"HTTPS_PROXY": "http://me:p%40ss%3Aword@proxy.example:3128"}).https
    assert proxy is not None
    assert proxy.authorization == "Basic " + base64.b64encode(b"me:p@ss:word").decode()
    assert "me" not in f"{proxy}".replace("://proxy.example", "")
    assert proxy.authorization not in repr(proxy)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("socks5://me:s3cret@proxy.example:1080", "proxies of the kind 'socks5' are not supported"),
        ("http://me:s3cret@proxy.example:99999", "it is no address"),
        ("http://me:s3cret@/", "it names no host"),
        ("http://me:s3cret@not a host", "it names no host"),
        ("http://me:s3cret/word@proxy.example:1", "no"),
        ("x" * 70_000, "has more than"),
    ],
    ids=["socks", "port", "none", "blanks", "slash-in-password", "long"],
)
def test_a_value_that_is_no_proxy_is_refused_without_its_login(value: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        Proxies.of({"HTTPS_PROXY": value})
    assert refused.value.reference == "proxy-setting"
    assert said in refused.value.seen
    assert "s3cret" not in refused.value.seen


@pytest.mark.parametrize(
    "entry", ["https://a.example", "10.0.0.0/99", "a.example:99999", "a*b.example", "*a.example", ":443", "-"]
)
def test_an_entry_that_can_never_match_is_found(entry: str) -> None:
    found = Proxies.of({"HTTPS_PROXY": PROXY, "NO_PROXY": f"good.example,{entry}"}).findings
    assert [(one.reference, repr(entry) in one.seen) for one in found] == [("proxy-exemption", True)]


@pytest.fixture
async def proxy() -> AsyncIterator[SimulatedProxy]:
    async with SimulatedProxy() as running:
        yield running


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("named"), names=f"DNS:{REGISTRY},IP:127.0.0.1")


def behind(proxy: SimulatedProxy, registry: SimulatedRegistry, scheme: Scheme) -> Repository:
    """A name that only the proxy knows."""
    proxy.names[f"{REGISTRY}:5000"] = int(registry.repository.host.rpartition(":")[2])
    return Repository(f"{REGISTRY}:5000", registry.path, scheme)


def access(url: str, ca: list[Path] | None = None) -> Access:
    return Access.of({"HTTPS_PROXY": url, "HTTP_PROXY": url}, search=False, ca=ca or [])


async def test_a_registry_with_tls_is_read_through_a_tunnel(
    proxy: SimulatedProxy, layout: Path, named: Certificates
) -> None:
    async with SimulatedRegistry(tls=named.server_context()) as registry:
        registry.load(layout)
        repository = behind(proxy, registry, "https")
        async with RegistryClient(repository, access=access(proxy.url, [named.certificate])) as client:
            for tag in await client.tags():
                await client.manifest(tag)
    assert {one.method for one in proxy.asked} == {"CONNECT"}
    assert len(proxy.asked) == 1, "the tunnel is kept between requests"


async def test_a_plain_registry_is_read_through_the_proxy(
    proxy: SimulatedProxy, registry: SimulatedRegistry
) -> None:
    repository = behind(proxy, registry, "http")
    async with RegistryClient(repository, access=access(proxy.url)) as client:
        assert await client.tags() == sorted(registry.tags)
    assert proxy.asked[0].target.startswith(f"http://{REGISTRY}:5000/v2/")


async def test_a_proxy_may_itself_speak_tls(layout: Path, named: Certificates) -> None:
    async with (
        SimulatedProxy(tls=named.server_context()) as proxy,
        SimulatedRegistry(tls=named.server_context()) as registry,
    ):
        registry.load(layout)
        repository = behind(proxy, registry, "https")
        async with RegistryClient(repository, access=access(proxy.url, [named.certificate])) as client:
            assert await client.tags() == sorted(registry.tags)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_login_goes_to_the_proxy_alone(
    proxy: SimulatedProxy, layout: Path, named: Certificates, scheme: Scheme
) -> None:
    proxy.authorization = "Basic " + base64.b64encode(b"me:s3cret").decode()
    tls = named.server_context() if scheme == "https" else None
    async with SimulatedRegistry(tls=tls) as registry:
        registry.load(layout)
        through = access(proxy.url.replace("://", "://me:s3cret@"), [named.certificate])
        async with RegistryClient(behind(proxy, registry, scheme), access=through) as client:
            await client.tags()
        assert all("Proxy-Authorization" not in seen.headers for seen in registry.requests)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("login", "said"), [("", "wants a login"), ("me:wr0ng@", "refuses the login")], ids=["none", "wrong"]
)
async def test_a_proxy_that_wants_a_login_is_reported_as_such(
    proxy: SimulatedProxy, scheme: Scheme, login: str, said: str
) -> None:
    proxy.authorization = "Basic other"
    through = access(proxy.url.replace("://", f"://{login}"))
    repository = Repository(f"{REGISTRY}:5000", "a", scheme)
    async with RegistryClient(repository, access=through) as client:
        with pytest.raises(RemoteError, match=said) as refused:
            await client.tags()
    assert (refused.value.reference, refused.value.status) == ("proxy-login", 407)
    assert proxy.url in refused.value.seen
    assert "wr0ng" not in refused.value.seen
    assert len(proxy.asked) == 1, "a wrong login is not tried again"


async def test_a_proxy_that_forbids_the_host_is_reported_with_its_status(proxy: SimulatedProxy) -> None:
    proxy.refusal = 403
    async with RegistryClient(Repository(REGISTRY, "a"), access=access(proxy.url)) as client:
        with pytest.raises(RemoteError, match=f"answered 403 to CONNECT {REGISTRY}:443") as refused:
            await client.tags()
    assert refused.value.reference == "proxy-refused"


async def test_a_certificate_that_is_refused_behind_a_proxy_is_explained(
    proxy: SimulatedProxy, named: Certificates
) -> None:
    async with SimulatedRegistry(tls=named.server_context()) as registry:
        repository = behind(proxy, registry, "https")
        async with RegistryClient(repository, access=access(proxy.url)) as client:
            with pytest.raises(
                RemoteError, match=f"certificate of {REGISTRY}:5000 .* its own authority"
            ) as refused:
                await client.tags()
    assert refused.value.reference == "registry-untrusted"


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_is_not_there_is_named(scheme: Scheme) -> None:
    repository = Repository(REGISTRY, "a", scheme)
    async with RegistryClient(repository, access=access("http://127.0.0.1:9"), timing=ONCE) as client:
        with pytest.raises(RemoteError, match=r"proxy http://127\.0\.0\.1:9 \(HTTPS?_PROXY\)") as refused:
            await client.tags()
    assert refused.value.reference == "proxy-unreachable"


async def test_the_environment_of_the_process_is_not_read_behind_the_back(
    monkeypatch: pytest.MonkeyPatch, proxy: SimulatedProxy, registry: SimulatedRegistry
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    async with RegistryClient(registry.repository, access=Access()) as client:
        await client.tags()
    assert proxy.asked == []
