"""Where a client lets itself be led, and whom it believes."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from upgraph.errors import RemoteError
from upgraph.oci import Access, Descriptor, RegistryClient, Repository, Trust
from upgraph.testing.certificates import Certificates, make_certificates
from upgraph.testing.image_source import Collected, Sample
from upgraph.testing.real_registry import PASSWORD, USERNAME
from upgraph.testing.registry import Fault, Login, SimulatedRegistry

TAG = "4.18.1-x86_64"
Open = Callable[[Repository, Trust], Any]


@pytest.fixture
async def storage(layout: Path) -> AsyncIterator[SimulatedRegistry]:
    """The object store that a registry sends its clients to."""
    async with SimulatedRegistry("releases/ocp") as simulated:
        simulated.load(layout)
        yield simulated


@pytest.fixture
def open_client(clock: Any) -> Open:
    @asynccontextmanager
    async def opened(repository: Repository, trust: Trust) -> AsyncIterator[RegistryClient]:
        async with RegistryClient(repository, access=Access(trust=trust), timing=clock.timing()) as client:
            yield client

    return opened


def leads(to: SimulatedRegistry, blob: Descriptor, times: int = 99) -> Fault:
    place = f"{to.repository.url}/v2/releases/ocp/blobs/{blob.digest}?signature=a%2Fb%3D"
    return Fault("blob", times=times, status=307, headers={"Location": place})


async def test_blobs_are_read_from_where_the_registry_leads(
    client: RegistryClient, registry: SimulatedRegistry, storage: SimulatedRegistry, sample: Sample
) -> None:
    registry.faults = [leads(storage, sample.large)]
    sink = Collected(limit=40_000)
    await client.pour(sample.large, sink)
    assert sink.content == sample.large_content[: len(sink.content)]
    assert storage.requests[0].path.endswith("?signature=a%2Fb%3D")
    assert storage.requests[0].headers["Range"] == "bytes=0-16383"


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
async def test_a_login_stays_with_its_host(
    known: RegistryClient,
    registry: SimulatedRegistry,
    storage: SimulatedRegistry,
    sample: Sample,
    scheme: Any,
) -> None:
    registry.login = Login(scheme, USERNAME, PASSWORD)
    await known.manifest(TAG)
    registry.faults = [leads(storage, sample.small)]
    await known.pour(sample.small, Collected())
    assert registry.requests[-1].headers["Authorization"]
    assert all("Authorization" not in seen.headers for seen in storage.requests)


async def test_a_refusal_of_the_other_host_is_not_answered_with_the_login(
    known: RegistryClient, registry: SimulatedRegistry, storage: SimulatedRegistry, sample: Sample
) -> None:
    storage.login = Login("basic", USERNAME, PASSWORD)
    registry.faults = [leads(storage, sample.small)]
    with pytest.raises(RemoteError) as failed:
        await known.pour(sample.small, Collected())
    assert failed.value.reference == "registry-unauthorized"
    assert all("Authorization" not in seen.headers for seen in storage.requests)


@pytest.mark.parametrize(
    "location",
    ["", "ftp://127.0.0.1/x", "http://[::1", "http://u:p@127.0.0.1/x"],
    ids=["none", "scheme", "broken", "with-user"],
)
async def test_a_redirect_to_no_usable_address_is_refused(
    client: RegistryClient, registry: SimulatedRegistry, location: str
) -> None:
    registry.faults = [Fault("manifest", status=302, headers={"Location": location})]
    with pytest.raises(RemoteError) as refused:
        await client.manifest(TAG)
    assert refused.value.reference == "registry-redirect"


@pytest.mark.parametrize("host", ["a" * 64, "a..b", "xn--a.b"], ids=["long label", "empty label", "no name"])
async def test_a_redirect_to_a_host_that_no_dns_has_is_refused(
    client: RegistryClient, registry: SimulatedRegistry, host: str
) -> None:
    registry.faults = [Fault("manifest", times=99, status=302, headers={"Location": f"https://{host}/x"})]
    with pytest.raises(RemoteError):
        await client.manifest(TAG)


async def test_redirects_in_a_circle_end(client: RegistryClient, registry: SimulatedRegistry) -> None:
    registry.faults = [Fault("manifest", times=99, status=302, headers={"Location": "#again"})]
    with pytest.raises(RemoteError, match="more than 5 redirects"):
        await client.manifest(TAG)
    assert registry.counts["manifest"] == 6


async def test_the_signature_of_an_address_shows_in_no_message(
    client: RegistryClient, registry: SimulatedRegistry, storage: SimulatedRegistry, sample: Sample
) -> None:
    registry.faults, storage.faults = [leads(storage, sample.small)], [Fault("blob", status=403)]
    with pytest.raises(RemoteError) as failed:
        await client.pour(sample.small, Collected())
    assert storage.repository.host in failed.value.seen
    assert "signature" not in failed.value.seen


async def test_https_never_becomes_http(
    layout: Path, certificates: Certificates, storage: SimulatedRegistry, sample: Sample, open_client: Open
) -> None:
    async with SimulatedRegistry(tls=certificates.server_context()) as registry:
        registry.faults = [leads(storage, sample.small)]
        async with open_client(registry.repository, Trust([certificates.certificate])) as client:
            with pytest.raises(RemoteError, match="from https to http"):
                await client.pour(sample.small, Collected())
    assert not storage.requests


async def test_a_registry_with_a_trusted_certificate_is_read(
    layout: Path, certificates: Certificates, open_client: Open
) -> None:
    async with SimulatedRegistry(tls=certificates.server_context()) as registry:
        registry.load(layout)
        async with open_client(registry.repository, Trust([certificates.certificate])) as client:
            assert await client.tags() == sorted(registry.tags)


@pytest.mark.parametrize(
    ("names", "trusted", "said"),
    [
        ("IP:127.0.0.1", False, "self-signed certificate"),
        ("DNS:other.example.com", True, "IP address mismatch"),
    ],
    ids=["unknown", "other-name"],
)
async def test_a_certificate_that_is_not_accepted_is_reported_with_its_fault(
    tmp_path: Path, open_client: Open, names: str, said: str, *, trusted: bool
) -> None:
    made = make_certificates(tmp_path, names=names)
    trust = Trust([made.certificate] if trusted else [])
    async with (
        SimulatedRegistry(tls=made.server_context()) as registry,
        open_client(registry.repository, trust) as client,
    ):
        with pytest.raises(RemoteError) as refused:
            await client.tags()
    assert refused.value.reference == "registry-untrusted"
    assert said in refused.value.seen.replace("self signed", "self-signed")
    assert "--ca" in refused.value.remedy


async def test_plain_http_where_tls_was_expected_says_how_to_ask_for_it(
    registry: SimulatedRegistry, open_client: Open
) -> None:
    secure = Repository(registry.repository.host, registry.path)
    async with open_client(secure, Trust()) as client:
        with pytest.raises(RemoteError) as failed:
            await client.tags()
    assert "does not speak TLS" in failed.value.seen
    assert "docker+http://" in failed.value.remedy
