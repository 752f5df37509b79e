"""What a registry may do wrong when it is asked for manifests, and what becomes of it."""

from typing import Any

import pytest

from upgraph.errors import DataError, RemoteError, UpgraphError, VerificationError
from upgraph.oci import Access, ImageMissing, RegistryClient, Repository, digest_of
from upgraph.testing.registry import Fault, SimulatedRegistry

TAG = "4.18.1-x86_64"
OTHER = "sha256:" + "1" * 64
BUSY = b'{"errors": [{"code": "TOOMANYREQUESTS", "message": "slow\\ndown"}]}'


@pytest.mark.parametrize(
    "fault",
    [
        Fault("manifest", status=500),
        Fault("manifest", status=502),
        Fault("manifest", status=503, times=3),
        Fault("manifest", status=429, headers={"Retry-After": "1"}),
        Fault("manifest", cut_after=0),
        Fault("manifest", cut_after=50),
        Fault("manifest", status=404, body=b"default backend - 404"),
    ],
    ids=["500", "502", "503-three-times", "429", "closed", "cut-short", "404-of-a-proxy"],
)
async def test_a_fault_that_passes_is_waited_out(
    client: RegistryClient, registry: SimulatedRegistry, fault: Fault
) -> None:
    registry.faults = [fault]
    assert (await client.manifest(TAG)).digest == registry.tags[TAG]
    assert registry.counts["manifest"] == fault.times + 1


@pytest.mark.parametrize(
    ("fault", "reference", "requests"),
    [
        (Fault("manifest", times=9, status=503), "registry-fault", 4),
        (Fault("manifest", times=9, status=429), "registry-throttled", 4),
        (Fault("manifest", times=9, cut_after=50), "registry-unreachable", 4),
        (Fault("manifest", times=9, status=404, body=b"404 page"), "registry-answer", 4),
        (Fault("manifest", times=9, status=403), "registry-forbidden", 1),
        (Fault("manifest", times=9, status=418), "registry-answer", 1),
        (Fault("manifest", times=9, status=206), "registry-answer", 1),
        (Fault("manifest", headers={"Content-Encoding": "gzip"}), "registry-answer", 1),
        (Fault("manifest", body=b" " * (4 * 1024 * 1024 + 1)), "oci-too-large", 1),
        (Fault("manifest", body=b" " * (4 * 1024 * 1024 + 1), chunked=True), "oci-too-large", 1),
    ],
)
async def test_a_fault_that_stays_is_reported_as_what_it_is(
    client: RegistryClient, registry: SimulatedRegistry, fault: Fault, reference: str, requests: int
) -> None:
    registry.faults = [fault]
    with pytest.raises(RemoteError) as failed:
        await client.manifest(TAG)
    assert failed.value.reference == reference
    assert f"/v2/releases/ocp/manifests/{TAG}" in failed.value.seen
    assert registry.counts["manifest"] == requests


async def test_waits_are_those_of_the_policy_and_of_the_server(
    client: RegistryClient, registry: SimulatedRegistry, clock: Any
) -> None:
    registry.faults = [
        Fault("manifest", status=500),
        Fault("manifest", status=429, headers={"Retry-After": "7"}),
        Fault("manifest", status=503, headers={"Retry-After": "Fri, 21 Aug 2026 12:00:09 GMT"}),
    ]
    await client.manifest(TAG)
    assert clock.slept == [0.1875, 7.125, 9.125]


async def test_the_registry_s_own_words_are_shown_on_one_line(
    client: RegistryClient, registry: SimulatedRegistry
) -> None:
    registry.faults = [Fault("manifest", times=4, status=429, body=BUSY)]
    with pytest.raises(RemoteError) as failed:
        await client.manifest(TAG)
    assert "status 429 (TOOMANYREQUESTS: slow?down)" in failed.value.seen


@pytest.mark.parametrize("stated", [OTHER, "sha512:" + "1" * 128], ids=["sha256", "sha512"])
async def test_a_body_that_is_not_what_the_header_says_is_refused(
    client: RegistryClient, registry: SimulatedRegistry, stated: str
) -> None:
    registry.faults = [Fault("manifest", headers={"Docker-Content-Digest": stated})]
    with pytest.raises(VerificationError) as refused:
        await client.manifest(TAG)
    assert stated in refused.value.seen


async def test_a_body_that_is_not_what_was_asked_for_is_refused_whatever_the_header_says(
    client: RegistryClient, registry: SimulatedRegistry
) -> None:
    forged = b'{"schemaVersion": 2}'
    registry.faults = [Fault("manifest", body=forged, headers={"Docker-Content-Digest": digest_of(forged)})]
    with pytest.raises(VerificationError):
        await client.manifest(registry.tags[TAG])


async def test_a_manifest_without_the_header_has_the_digest_of_its_body(
    client: RegistryClient, registry: SimulatedRegistry
) -> None:
    registry.faults = [Fault("manifest", headers={"Docker-Content-Digest": ""})]
    assert (await client.manifest(TAG)).digest == registry.tags[TAG]


async def test_a_tag_that_moved_is_seen_at_the_next_call(
    client: RegistryClient, registry: SimulatedRegistry
) -> None:
    await client.manifest(TAG)
    registry.tags[TAG] = registry.tags["4.18.1-aarch64"]
    assert await client.resolve(TAG) == registry.tags[TAG]
    assert (await client.manifest(TAG)).digest == registry.tags[TAG]


async def test_resolving_costs_one_request_without_a_body(
    client: RegistryClient, registry: SimulatedRegistry
) -> None:
    await client.resolve(TAG)
    assert [(seen.method, seen.step) for seen in registry.requests] == [("HEAD", "manifest")]


@pytest.mark.parametrize(
    "fault",
    [Fault("manifest", status=405), Fault("manifest", headers={"Docker-Content-Digest": ""})],
    ids=["no-head", "no-digest"],
)
async def test_a_registry_that_cannot_tell_cheaply_says_nothing(
    client: RegistryClient, registry: SimulatedRegistry, fault: Fault
) -> None:
    registry.faults = [fault]
    assert await client.resolve(TAG) is None


async def test_an_image_is_gone_only_when_the_registry_itself_says_so(
    client: RegistryClient, registry: SimulatedRegistry
) -> None:
    registry.faults = [Fault("manifest", method="HEAD", status=404)]
    assert await client.resolve(TAG) == registry.tags[TAG]
    with pytest.raises(ImageMissing, match="MANIFEST_UNKNOWN"):
        await client.resolve("gone")


@pytest.mark.parametrize("reference", ["../../etc", "a b", "", "-x", "x" * 129, "a?b", "sha256:1"])
async def test_a_reference_that_could_lead_elsewhere_is_never_sent(
    client: RegistryClient, registry: SimulatedRegistry, reference: str
) -> None:
    with pytest.raises(DataError):
        await client.manifest(reference)
    assert not registry.requests


@pytest.mark.parametrize("step", ["tags", "manifest"])
async def test_a_registry_that_stalls_is_given_up(
    hasty: RegistryClient, registry: SimulatedRegistry, step: Any
) -> None:
    registry.faults = [Fault(step, times=99, stall=True)]
    with pytest.raises(RemoteError) as failed:
        await (hasty.tags() if step == "tags" else hasty.manifest(TAG))
    assert failed.value.reference == "registry-timeout"


async def test_nobody_there_is_unreachable(registry: SimulatedRegistry, clock: Any) -> None:
    repository = Repository("127.0.0.1:1", "a/b", "http")
    async with RegistryClient(repository, access=Access(), timing=clock.timing()) as client:
        with pytest.raises(UpgraphError) as failed:
            await client.tags()
    assert failed.value.reference == "registry-unreachable"


async def test_requests_say_who_asks_and_refuse_encodings(
    client: RegistryClient, registry: SimulatedRegistry
) -> None:
    await client.manifest(TAG)
    headers = registry.requests[0].headers
    assert headers["User-Agent"].startswith("upgraph/")
    assert headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_closed_port_is_told_in_the_words_of_the_system(clock: Any, scheme: Any) -> None:
    closed = Repository("127.0.0.1:1", "a", scheme)
    async with RegistryClient(closed, access=Access(), timing=clock.timing()) as client:
        with pytest.raises(RemoteError) as failed:
            await client.manifest(TAG)
    asked = f"GET {scheme}://127.0.0.1:1/v2/a/manifests/{TAG}"
    assert failed.value.seen == f"{asked}: no connection to 127.0.0.1:1: Connection refused"
