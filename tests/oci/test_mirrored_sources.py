"""A repository with mirrors: who is asked, what happens when one fails, and what is said about it."""

from dataclasses import dataclass

import pytest

from upgraph.errors import RemoteError, VerificationError
from upgraph.oci import Descriptor, MirroredSource, RegistryClient
from upgraph.testing.image_source import Collected, Sample
from upgraph.testing.registry import Fault, SimulatedRegistry, Step

NAME = "docker://quay.example/openshift-release-dev/ocp-release"


@dataclass
class Pair:
    """A mirror, and the source itself."""

    mirror: SimulatedRegistry
    origin: SimulatedRegistry
    source: MirroredSource

    def said(self) -> list[str]:
        """What was noticed since this was last asked."""
        findings = self.source.take_findings()
        assert all(finding.reference == "mirror-failed" for finding in findings)
        return [finding.seen for finding in findings]


@pytest.fixture
def pair(
    registry: SimulatedRegistry,
    origin: SimulatedRegistry,
    client: RegistryClient,
    origin_client: RegistryClient,
) -> Pair:
    return Pair(registry, origin, MirroredSource(NAME, [client, origin_client]))


def broken(step: Step, times: int = 100) -> Fault:
    return Fault(step, times=times, status=500)


async def test_a_good_mirror_is_asked_for_everything(pair: Pair, sample: Sample) -> None:
    assert await pair.source.tags() == sorted(sample.digests)
    await pair.source.manifest("latest")
    await pair.source.pour(sample.small, Collected())
    assert pair.origin.requests == []
    assert pair.said() == []
    assert pair.source.name == NAME


async def test_a_mirror_that_is_down_is_passed_over_until_the_next_listing(
    pair: Pair, sample: Sample
) -> None:
    pair.mirror.faults.append(broken("tags", times=4))
    assert await pair.source.tags() == sorted(sample.digests)
    asked = len(pair.mirror.requests)
    assert await pair.source.resolve("latest") == sample.digests["latest"]
    assert len(pair.mirror.requests) == asked
    (said,) = pair.said()
    assert f"{NAME} was read from docker+http://127.0.0.1" in said
    assert "status 500" in said
    await pair.source.tags()
    await pair.source.resolve("latest")
    assert len(pair.mirror.requests) > asked
    assert pair.said() == []


async def test_a_mirror_that_breaks_off_in_a_round_comes_last_in_it(pair: Pair, sample: Sample) -> None:
    await pair.source.tags()
    pair.mirror.faults.append(broken("manifest"))
    await pair.source.manifest("latest")
    asked = len(pair.mirror.requests)
    await pair.source.manifest("4.18.1-multi")
    assert len(pair.mirror.requests) == asked
    assert len(pair.said()) == 1


async def test_what_a_mirror_lacks_comes_from_the_next_place(pair: Pair, sample: Sample) -> None:
    await pair.source.tags()
    del pair.mirror.tags["latest"]
    assert (await pair.source.manifest("latest")).digest == sample.digests["latest"]
    (said,) = pair.said()
    assert "does not have it" in said


async def test_a_mirror_that_was_not_filled_yet_is_passed_over(pair: Pair, sample: Sample) -> None:
    pair.mirror.tags.clear()
    assert await pair.source.tags() == sorted(sample.digests)
    assert "lists no tag" in pair.said()[0]


async def test_an_empty_listing_is_believed_when_no_other_place_has_more(pair: Pair) -> None:
    pair.mirror.tags.clear()
    pair.origin.faults.append(broken("tags"))
    assert await pair.source.tags() == []
    assert "status 500" in pair.said()[0]


async def test_a_mirror_cannot_change_what_a_digest_means(pair: Pair, sample: Sample) -> None:
    digest = sample.digests["latest"]
    content = pair.mirror.blobs[digest]
    pair.mirror.blobs[digest] = content.replace(b"amd64", b"arm64")
    assert (await pair.source.manifest(digest)).content == content
    assert "expected sha256" in pair.said()[0]
    pair.origin.blobs[digest] = pair.mirror.blobs[digest]
    with pytest.raises(VerificationError):
        await pair.source.manifest(digest)


async def test_another_place_goes_on_in_the_middle_of_a_blob(pair: Pair, sample: Sample) -> None:
    await pair.source.tags()
    pair.mirror.faults.append(Fault("blob", times=100, cut_after=100_000))
    sink = Collected()
    received = await pair.source.pour(sample.large, sink, first=None)
    assert sink.content == sample.large_content
    assert received > sample.large.size
    assert len(pair.said()) == 1


async def test_a_sink_that_has_enough_is_fed_no_more_by_another_place(pair: Pair, sample: Sample) -> None:
    pair.mirror.faults.append(Fault("blob", times=100, cut_after=100_000))
    sink = Collected(limit=150_000)
    await pair.source.pour(sample.large, sink, first=None)
    assert sink.content == sample.large_content[: len(sink.content)]
    assert sink.calls_after_enough == 0


async def test_when_all_places_fail_in_the_same_way_it_is_that_fault_at_each_of_them(pair: Pair) -> None:
    for registry in (pair.mirror, pair.origin):
        registry.faults.append(broken("manifest"))
    with pytest.raises(RemoteError) as failed:
        await pair.source.manifest("latest")
    assert (failed.value.reference, failed.value.retryable) == ("registry-fault", True)
    assert all(registry.repository.host in failed.value.seen for registry in (pair.mirror, pair.origin))
    assert pair.said() == []


async def test_when_all_places_fail_the_longest_pause_that_one_asked_for_is_kept(pair: Pair) -> None:
    pair.mirror.faults.append(Fault("manifest", status=403, headers={"Retry-After": "9"}))
    pair.origin.faults.append(Fault("manifest", status=403))
    with pytest.raises(RemoteError) as failed:
        await pair.source.manifest("latest")
    assert failed.value.retry_after == 9


async def test_when_places_fail_in_different_ways_all_are_told(pair: Pair) -> None:
    del pair.mirror.tags["latest"]
    pair.origin.faults.append(broken("manifest"))
    with pytest.raises(RemoteError) as failed:
        await pair.source.manifest("latest")
    # It cannot be called gone while one of the places could not say.
    assert (failed.value.reference, failed.value.status) == ("mirrors-failed", None)
    assert "does not have it" in failed.value.seen
    assert "status 500" in failed.value.seen


async def test_a_blob_that_no_place_has_feeds_nothing(pair: Pair, sample: Sample) -> None:
    sink = Collected()
    absent = Descriptor("x", sample.digests["latest"], 5)
    with pytest.raises(RemoteError):
        await pair.source.pour(absent, sink)
    assert len(sink.content) <= 5
