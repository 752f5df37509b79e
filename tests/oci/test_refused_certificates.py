"""Why a certificate is refused: what the server offered, and what is missing."""

import asyncio
import gc
import hashlib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Self, cast
from weakref import WeakSet

import pytest

from upgraph.errors import RemoteError
from upgraph.oci import Access, Proxies, RefusalCause, RegistryClient, TlsExamination, Trust, examine_tls
from upgraph.oci.http.tls_examination import judged
from upgraph.syntax.certificate import Certificate, offered_chain
from upgraph.testing.certificates import Authority, Certificates, make_authority, make_certificates
from upgraph.testing.proxy import SimulatedProxy
from upgraph.testing.registry import SimulatedRegistry

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def new_directory(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    return lambda: tmp_path_factory.mktemp("made")


@pytest.fixture(scope="module")
def root(new_directory: Callable[[], Path]) -> Authority:
    return make_authority(new_directory())


@pytest.fixture(scope="module")
def middle(root: Authority, new_directory: Callable[[], Path]) -> Authority:
    return root.issue_authority(new_directory(), "Harbour Middle")


@asynccontextmanager
async def silent_server(shown: Certificates) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that shows a certificate, and what it was sent after the handshake."""
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            received.append(await reader.read(100))
        except OSError:
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=shown.server_context())
    async with server:
        yield server.sockets[0].getsockname()[1], received


async def examined(shown: Certificates, *trusted: Path) -> TlsExamination:
    async with silent_server(shown) as (port, _):
        return await examine_tls("127.0.0.1", port, trust=Trust(trusted), proxies=Proxies())


def chained(shown: Certificates, *above: Authority) -> Certificates:
    """The certificate with others behind it in its file, as servers are given chains."""
    bundle = shown.certificate.with_suffix(".chain")
    bundle.write_text(
        "".join(path.read_text() for path in (shown.certificate, *(a.certificate for a in above)))
    )
    return Certificates(bundle, shown.key)


async def test_a_trusted_certificate_is_said_to_be(root: Authority, tmp_path: Path) -> None:
    found = await examined(root.issue(tmp_path), root.certificate)
    assert found.trusted
    assert [one.subject for one in found.offered] == ["O=Harbour, CN=registry"]


async def test_the_missing_authority_is_named(root: Authority, tmp_path: Path) -> None:
    found = await examined(root.issue(tmp_path))
    assert found.missing == "missing among the trusted ones is the authority O=Harbour, CN=Harbour Root"
    assert found.refused is not None
    assert found.refused.issuer == "O=Harbour, CN=Harbour Root"


async def test_the_missing_authority_is_the_one_above_the_whole_chain(
    middle: Authority, tmp_path: Path
) -> None:
    found = await examined(chained(middle.issue(tmp_path), middle))
    assert [one.subject for one in found.offered] == [
        "O=Harbour, CN=registry",
        "O=Harbour, CN=Harbour Middle",
    ]
    assert found.missing.endswith("the authority O=Harbour, CN=Harbour Root")


async def test_an_intermediate_that_the_server_forgot_is_named(
    root: Authority, middle: Authority, tmp_path: Path
) -> None:
    found = await examined(middle.issue(tmp_path), root.certificate)
    assert found.missing.endswith("the authority O=Harbour, CN=Harbour Middle")


async def test_a_root_that_the_server_offers_itself_is_named(root: Authority, tmp_path: Path) -> None:
    found = await examined(chained(root.issue(tmp_path), root))
    assert found.missing.endswith("the authority O=Harbour, CN=Harbour Root")


async def test_a_self_signed_certificate_is_said_to_be_its_own_authority(tmp_path: Path) -> None:
    found = await examined(make_certificates(tmp_path))
    assert found.missing == "it is its own authority and is not among the trusted ones: CN=upgraph test"


async def test_an_authority_that_was_made_anew_under_its_name_is_seen(
    root: Authority, new_directory: Callable[[], Path], tmp_path: Path
) -> None:
    older = make_authority(new_directory())
    found = await examined(root.issue(tmp_path), older.certificate)
    assert "an authority named O=Harbour, CN=Harbour Root is trusted, but it has another key" in found.missing


async def test_an_expired_certificate_is_shown_with_its_end_and_the_clock(
    root: Authority, tmp_path: Path
) -> None:
    found = await examined(root.issue(tmp_path, days=-1), root.certificate)
    assert found.refused is not None
    assert found.refused.not_after is not None
    assert f"it ended on {found.refused.not_after:%Y-%m-%d}" in found.missing
    assert f"the clock of this machine says {datetime.now(UTC):%Y-%m}" in found.missing


async def test_a_certificate_for_another_name_is_shown_with_the_names_it_has(
    root: Authority, tmp_path: Path
) -> None:
    issued = root.issue(tmp_path, names="DNS:a.example,DNS:b.example")
    found = await examined(issued, root.certificate)
    assert found.missing == "it is not for 127.0.0.1, but for DNS:a.example, DNS:b.example"


async def test_a_certificate_without_names_is_said_to_have_none(new_directory: Callable[[], Path]) -> None:
    unnamed = make_authority(new_directory())
    found = await examined(Certificates(unnamed.certificate, unnamed.key), unnamed.certificate)
    assert found.missing.startswith("it has no subjectAltName, and the common name")


def test_what_no_authority_can_mend_does_not_ask_for_one() -> None:
    one = Certificate("CN=a", "CN=b", "AA", None, None, ())
    seen = TlsExamination("a", 443, "EE certificate key too weak", (one,))
    found = judged(seen, 66, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), NOW)
    assert (found.refused, found.missing) == (one, "")
    assert "EE certificate key too weak" in str(found)


async def test_the_text_has_all_that_identifies_the_certificate(root: Authority, tmp_path: Path) -> None:
    issued = root.issue(tmp_path)
    found = await examined(issued)
    der = ssl.PEM_cert_to_DER_cert(issued.certificate.read_text())
    assert found.offered[0].sha256.replace(":", "").lower() == hashlib.sha256(der).hexdigest()
    for part in (
        "subject O=Harbour, CN=registry",
        "issuer O=Harbour, CN=Harbour Root",
        "IP Address:127.0.0.1",
    ):
        assert part in str(found)
    assert found.offered[0].sha256 in str(found)
    for date in (found.offered[0].not_before, found.offered[0].not_after):
        assert date is not None
        assert f"{date:%Y-%m-%d}" in str(found)


class Reticent:
    """A connection of a Python that gives the certificate of the server alone."""

    def getpeercert(self, *, binary_form: bool) -> bytes:
        return b"DER" if binary_form else b""


def test_without_the_chain_the_fingerprint_of_the_server_is_shown() -> None:
    (one,) = offered_chain(cast("ssl.SSLObject", Reticent()))
    assert str(one) == f"SHA-256 {hashlib.sha256(b'DER').digest().hex(':').upper()}"


async def test_nothing_is_sent_to_a_server_that_is_examined(root: Authority, tmp_path: Path) -> None:
    async with silent_server(root.issue(tmp_path)) as (port, received):
        await examine_tls("127.0.0.1", port, trust=Trust(), proxies=Proxies())
    assert b"".join(received) == b""


async def test_a_server_that_is_not_there_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError, match="Connect call failed"):
        await examine_tls("127.0.0.1", 9, trust=Trust(), proxies=Proxies())


async def test_a_server_without_tls_is_an_error_of_the_system(registry: SimulatedRegistry) -> None:
    port = int(registry.repository.host.rpartition(":")[2])
    with pytest.raises(OSError):
        await examine_tls("127.0.0.1", port, trust=Trust(), proxies=Proxies())


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [(-9, -3, "it ended on"), (3, 9, "it begins on"), (-9, 9, "above it is out of its dates")],
    ids=["over", "not-yet", "above"],
)
def test_dates_are_held_against_the_clock(since: int, until: int, said: str) -> None:
    one = Certificate("CN=a", "CN=b", "AA", NOW + timedelta(since), NOW + timedelta(until), ())
    seen = TlsExamination("a", 443, "not valid now", (one,))
    found = judged(seen, 10, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), NOW)
    assert said in found.missing
    assert f"{NOW:%Y-%m-%dT%H:%M}" in found.missing


Opened = Callable[[Certificates, Trust], AbstractAsyncContextManager[RegistryClient]]


@pytest.fixture
def open_registry(layout: Path) -> Opened:
    @asynccontextmanager
    async def opened(shown: Certificates, trust: Trust) -> AsyncIterator[RegistryClient]:
        async with SimulatedRegistry(tls=shown.server_context()) as registry:
            registry.load(layout)
            async with RegistryClient(registry.repository, access=Access(trust=trust)) as client:
                yield client

    return opened


async def test_a_request_that_is_refused_says_all_of_it(
    root: Authority, tmp_path: Path, open_registry: Opened
) -> None:
    async with open_registry(root.issue(tmp_path), Trust()) as client:
        with pytest.raises(RemoteError, match="the authority O=Harbour, CN=Harbour Root") as refused:
            await client.tags()
    assert refused.value.reference == "registry-untrusted"
    assert "the server offered this certificate alone" in refused.value.seen


async def test_an_authority_that_is_put_in_place_counts_at_once(
    root: Authority, new_directory: Callable[[], Path], tmp_path: Path, open_registry: Opened
) -> None:
    ca = new_directory() / "ca.pem"
    ca.write_text(make_authority(new_directory(), name="Other").certificate.read_text())
    trust = Trust([ca], clock=lambda: 0.0)
    async with open_registry(root.issue(tmp_path), trust) as client:
        with pytest.raises(RemoteError):
            await client.tags()
        ca.write_text(root.certificate.read_text())
        assert await client.tags()


async def test_a_certificate_is_examined_through_the_proxy(root: Authority, tmp_path: Path) -> None:
    async with SimulatedProxy() as proxy, silent_server(root.issue(tmp_path)) as (port, _):
        proxy.names["registry.example:5000"] = port
        proxies = Proxies.of({"HTTPS_PROXY": proxy.url})
        found = await examine_tls("registry.example", 5000, trust=Trust(), proxies=proxies)
    assert found.missing.endswith("the authority O=Harbour, CN=Harbour Root")
    assert [one.target for one in proxy.asked] == ["registry.example:5000"] * 2


async def test_a_proxy_that_refuses_the_examination_is_named() -> None:
    async with SimulatedProxy(refusal=403) as proxy:
        proxies = Proxies.of({"HTTPS_PROXY": proxy.url})
        with pytest.raises(ConnectionError, match="refuses CONNECT"):
            await examine_tls("registry.example", 443, trust=Trust(), proxies=proxies)


async def test_the_certificate_of_the_proxy_itself_is_named(root: Authority, tmp_path: Path) -> None:
    async with SimulatedProxy(tls=root.issue(tmp_path).server_context()) as proxy:
        access = Access.of({"HTTPS_PROXY": proxy.url}, search=False)
        async with access.session() as web:
            with pytest.raises(
                RemoteError, match=f"the certificate of 127.0.0.1:{proxy.port} is not accepted"
            ):
                await web.get("https://registry.example/", limit=10)


class Handshake(ssl.SSLObject):
    """A handshake of which it is known for how long it is kept."""

    kept: ClassVar[WeakSet["Handshake"]] = WeakSet()

    def __new__(cls) -> Self:
        made = super().__new__(cls)
        cls.kept.add(made)
        return made


async def test_a_refusal_keeps_no_connection(root: Authority, new_directory: Callable[[], Path]) -> None:
    """Each has tens of kilobytes that Python's collector does not see, and so is in no hurry to look for."""
    trust = Trust()
    shown = root.issue(new_directory(), names="IP:127.0.0.1")
    async with silent_server(shown) as (port, _):
        trust.context("127.0.0.1", port).sslobject_class = Handshake
        gc.disable()
        try:
            seen = await examine_tls("127.0.0.1", port, trust=trust, proxies=Proxies())
            await asyncio.sleep(0)
            kept = len(Handshake.kept)
        finally:
            gc.enable()
    assert seen.cause is RefusalCause.AUTHORITY
    assert not kept
