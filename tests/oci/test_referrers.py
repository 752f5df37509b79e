"""What refers to an image is listed completely, from the registry or from the tag that stands in for it."""

import json

import pytest

from upgraph.errors import DataError, RemoteError
from upgraph.oci import (
    OCI_INDEX,
    OCI_MANIFEST,
    Access,
    Descriptor,
    Digest,
    MirroredSource,
    Referrer,
    RegistryClient,
    digest_of,
    fallback_tag,
    referrer_index,
    referrers_of,
)
from upgraph.oci.images.referrers import MAX_REFERRERS
from upgraph.testing.image_source import Sample
from upgraph.testing.real_registry import RealRegistry
from upgraph.testing.registry import Fault, SimulatedRegistry

KIND = "application/vnd.example.signature"


@pytest.fixture
def digest(sample: Sample) -> Digest:
    return sample.digests["4.18.1-multi"]


def refer(registry: SimulatedRegistry, digest: Digest, number: int) -> Digest:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": KIND,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest, "size": 2},
        "layers": [],
        "subject": {"mediaType": OCI_INDEX, "digest": digest, "size": 1},
        "annotations": {"number": str(number)},
    }
    return registry.add(json.dumps(document).encode())


@pytest.mark.parametrize("page", [None, 1, 2], ids=["whole", "single", "pairs"])
async def test_all_pages_become_one_ordered_list(
    page: int | None, registry: SimulatedRegistry, client: RegistryClient, digest: Digest
) -> None:
    expected = sorted(refer(registry, digest, number) for number in range(5))
    registry.referrers.page = page
    found = await referrers_of(client, digest)
    assert [one.manifest.digest for one in found] == expected
    assert {one.artifact_type for one in found} == {KIND}
    assert {one.annotations["number"] for one in found} == {"0", "1", "2", "3", "4"}


async def test_an_image_to_which_nothing_refers_has_an_empty_list(
    client: RegistryClient, digest: Digest
) -> None:
    assert await referrers_of(client, digest) == ()


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_where_the_registry_keeps_no_account_the_tag_counts(
    status: int, registry: SimulatedRegistry, client: RegistryClient, digest: Digest
) -> None:
    referrer = Referrer(Descriptor(OCI_MANIFEST, digest_of(b"a"), 1), KIND, {"a": "b"})
    registry.add(json.dumps(referrer_index([referrer])).encode(), tag=fallback_tag(digest))
    registry.faults.append(Fault("referrers", status=status))
    assert await referrers_of(client, digest) == (referrer,)


async def test_without_account_and_tag_nothing_refers_to_it(
    plain_registry: RealRegistry, digest: Digest
) -> None:
    async with RegistryClient(plain_registry.repository("releases/ocp"), access=Access()) as real:
        assert await real.referrers(digest) is None
        assert await referrers_of(real, digest) == ()


async def test_an_account_that_is_kept_is_believed_though_there_is_a_tag(
    registry: SimulatedRegistry, client: RegistryClient, digest: Digest
) -> None:
    registry.add(b"{}", tag=fallback_tag(digest))
    assert await referrers_of(client, digest) == ()


async def test_a_mirror_that_lists_nothing_is_made_up_for(
    registry: SimulatedRegistry, client: RegistryClient, origin_client: RegistryClient, digest: Digest
) -> None:
    expected = refer(registry, digest, 1)
    for places in ([origin_client, client], [client, origin_client]):
        mirrored = MirroredSource("docker://quay.example/ocp", places)
        assert [one.manifest.digest for one in await referrers_of(mirrored, digest)] == [expected]
        said = [finding.seen for finding in mirrored.take_findings()]
        assert ["lists nothing that refers to" in one for one in said] == [True] * places.index(client)


async def test_where_no_place_lists_anything_nothing_refers_to_it_and_failures_are_told(
    registry: SimulatedRegistry, client: RegistryClient, origin_client: RegistryClient, digest: Digest
) -> None:
    mirrored = MirroredSource("docker://quay.example/ocp", [client, origin_client])
    assert (await referrers_of(mirrored, digest), mirrored.take_findings()) == ((), ())
    registry.faults.append(Fault("referrers", status=403, times=9))
    assert await referrers_of(mirrored, digest) == ()
    assert ["status 403" in finding.seen for finding in mirrored.take_findings()] == [True]


async def test_where_every_place_fails_nobody_can_tell_what_refers_to_it(
    registry: SimulatedRegistry,
    origin: SimulatedRegistry,
    client: RegistryClient,
    origin_client: RegistryClient,
    digest: Digest,
) -> None:
    for one in (registry, origin):
        one.faults.append(Fault("referrers", status=403, times=9))
    with pytest.raises(RemoteError, match="403"):
        await referrers_of(MirroredSource("docker://quay.example/ocp", [client, origin_client]), digest)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("referrers", status=500, times=9), "status 500"),
        (Fault("referrers", status=403), "status 403"),
        (Fault("referrers", body=b"<html>"), "is no index"),
        (
            Fault("referrers", body=b'{"manifests": [{"mediaType": "a", "digest": "b", "size": 1}]}'),
            "unusable",
        ),
        (Fault("referrers", headers={"Link": "<https://evil.example/v2/?n=1>"}), "another host"),
    ],
    ids=["server", "forbidden", "page", "digest", "link"],
)
async def test_doubt_about_completeness_is_an_error(
    fault: Fault, said: str, registry: SimulatedRegistry, client: RegistryClient, digest: Digest
) -> None:
    registry.faults.append(fault)
    with pytest.raises(RemoteError) as refused:
        await referrers_of(client, digest)
    assert said in refused.value.seen


async def test_a_list_that_ends_in_the_middle_is_an_error(
    registry: SimulatedRegistry, client: RegistryClient, digest: Digest
) -> None:
    for number in range(2):
        refer(registry, digest, number)
    registry.referrers.page = 1
    registry.watch = lambda seen: (
        registry.faults.append(Fault("referrers", status=404)) if "last=" in seen.path else None
    )
    with pytest.raises(RemoteError, match="404"):
        await referrers_of(client, digest)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b'{"manifests": 1}', "is no index"), (b'{"manifests": [{}]}', "is no index")],
    ids=["shape", "entry"],
)
async def test_a_tag_with_something_else_is_an_error(
    content: bytes, said: str, registry: SimulatedRegistry, client: RegistryClient, digest: Digest
) -> None:
    registry.referrers.offered = False
    registry.add(content, tag=fallback_tag(digest))
    with pytest.raises(DataError, match=said):
        await referrers_of(client, digest)


@pytest.mark.parametrize("offered", [True, False])
async def test_there_is_a_largest_list(
    *, offered: bool, registry: SimulatedRegistry, client: RegistryClient, digest: Digest
) -> None:
    many = [
        Referrer(Descriptor(OCI_MANIFEST, digest_of(str(number).encode()), 1), KIND)
        for number in range(MAX_REFERRERS + 1)
    ]
    content = json.dumps(referrer_index(many)).encode()
    registry.referrers.offered = offered
    registry.add(content, tag=fallback_tag(digest))
    registry.faults.append(Fault("referrers", body=content if offered else None))
    with pytest.raises((RemoteError, DataError), match=f"more than {MAX_REFERRERS} referrers"):
        await referrers_of(client, digest)
