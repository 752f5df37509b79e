"""Blobs come in ranges, and every byte reaches the sink once."""

from typing import Any

import pytest

from upgraph.errors import RemoteError
from upgraph.oci import Descriptor, RegistryClient, digest_of
from upgraph.oci.registry.pouring import parse_content_range
from upgraph.testing.image_source import Collected, Sample
from upgraph.testing.registry import Fault, SimulatedRegistry

KIB = 1024


def ranges(registry: SimulatedRegistry) -> list[str]:
    return [seen.headers.get("Range", "whole") for seen in registry.requests if seen.step == "blob"]


async def test_ranges_double(client: RegistryClient, registry: SimulatedRegistry, sample: Sample) -> None:
    await client.pour(sample.large, Collected(limit=100 * KIB), first=16 * KIB)
    assert ranges(registry) == ["bytes=0-16383", "bytes=16384-49151", "bytes=49152-114687"]


async def test_a_small_blob_is_asked_for_whole(
    client: RegistryClient, registry: SimulatedRegistry, sample: Sample
) -> None:
    await client.pour(sample.small, Collected())
    assert ranges(registry) == ["whole"]


async def test_an_empty_blob_costs_no_request(client: RegistryClient, registry: SimulatedRegistry) -> None:
    assert await client.pour(Descriptor("x", digest_of(b""), 0), Collected()) == 0
    assert not registry.requests


@pytest.mark.parametrize("first", [16 * KIB, 1024 * KIB, None], ids=["ranges", "large-ranges", "whole"])
@pytest.mark.parametrize("ranged", [True, False], ids=["with-ranges", "without-ranges"])
async def test_a_broken_connection_is_resumed_without_feeding_a_byte_twice(
    client: RegistryClient, registry: SimulatedRegistry, sample: Sample, first: int | None, *, ranged: bool
) -> None:
    registry.ranges = ranged
    registry.faults = [
        Fault("blob", cut_after=10_000),
        Fault("blob", cut_after=400),
        Fault("blob", status=503),
    ]
    sink = Collected()
    await client.pour(sample.large, sink, first=first)
    assert sink.content == sample.large_content


async def test_a_resumed_range_starts_at_the_byte_that_was_reached(
    client: RegistryClient, registry: SimulatedRegistry, sample: Sample
) -> None:
    registry.faults = [Fault("blob", cut_after=10_000)]
    sink = Collected(limit=20_000)
    await client.pour(sample.large, sink)
    assert sink.content == sample.large_content[: len(sink.content)]
    start = int(ranges(registry)[1].removeprefix("bytes=").partition("-")[0])
    assert 0 < start <= 10_000


@pytest.mark.parametrize(
    ("fault", "reference"),
    [
        (Fault("blob", headers={"Content-Range": "bytes 1-16384/3145728"}), "registry-answer"),
        (Fault("blob", headers={"Content-Range": "bytes 0-16382/3145728"}), "registry-answer"),
        (Fault("blob", headers={"Content-Range": "bytes 0-16384/3145728"}), "registry-answer"),
        (Fault("blob", headers={"Content-Range": "bytes 0-16383/3145729"}), "registry-answer"),
        (Fault("blob", headers={"Content-Range": "lines 0-16383/3145728"}), "registry-answer"),
        (Fault("blob", headers={"Content-Range": ""}), "registry-answer"),
        (Fault("blob", body=b"x" * 16385), "registry-answer"),
        (Fault("blob", body=b"x" * 16383), "registry-answer"),
        (Fault("blob", body=b"x" * 16385, chunked=True), "registry-answer"),
        (Fault("blob", times=9, body=b"", chunked=True), "registry-unreachable"),
        (Fault("blob", status=200), "registry-answer"),
        (Fault("blob", status=416), "registry-answer"),
        (Fault("blob", status=404), "oci-content-missing"),
        (Fault("blob", status=204, body=b""), "registry-answer"),
    ],
)
async def test_an_answer_that_contradicts_the_request_is_refused(
    client: RegistryClient, registry: SimulatedRegistry, sample: Sample, fault: Fault, reference: str
) -> None:
    registry.faults = [fault]
    sink = Collected()
    with pytest.raises(RemoteError) as failed:
        await client.pour(sample.large, sink)
    assert failed.value.reference == reference
    assert len(sink.content) <= 16 * KIB


async def test_a_server_without_ranges_costs_no_more_than_the_range_that_was_asked_for(
    client: RegistryClient, registry: SimulatedRegistry, sample: Sample
) -> None:
    registry.ranges = False
    received = await client.pour(sample.large, Collected(limit=1000))
    assert received == 16 * KIB
    assert ranges(registry) == ["bytes=0-16383"]


async def test_a_server_without_ranges_is_read_on_in_the_same_answer(
    client: RegistryClient, registry: SimulatedRegistry, sample: Sample
) -> None:
    registry.ranges = False
    sink = Collected(limit=100 * KIB)
    received = await client.pour(sample.large, sink)
    assert len(sink.content) == received
    # Where within the third step it has enough depends on how the bytes happened to come.
    assert 100 * KIB <= received <= (16 + 32 + 64) * KIB
    assert registry.counts["blob"] == 1


@pytest.mark.parametrize(
    ("rest", "kept"), [(1, True), (16 * KIB, True), (16 * KIB + 1, False)], ids=["one", "most", "too-much"]
)
async def test_what_nobody_asked_for_is_read_to_its_end_only_if_that_is_cheap(
    client: RegistryClient, registry: SimulatedRegistry, rest: int, *, kept: bool
) -> None:
    registry.ranges = False
    content = b"y" * (16 * KIB + rest)
    blob = Descriptor("x", registry.add(content), len(content))
    assert await client.pour(blob, Collected(limit=1000)) == (len(content) if kept else 16 * KIB)


async def test_the_rest_of_a_range_is_read_to_keep_the_connection(
    client: RegistryClient, registry: SimulatedRegistry, sample: Sample
) -> None:
    assert await client.pour(sample.large, Collected(limit=1000), first=1024 * KIB) == 1024 * KIB


async def test_a_break_in_an_unwanted_rest_does_not_matter(
    client: RegistryClient, registry: SimulatedRegistry, sample: Sample
) -> None:
    registry.faults = [Fault("blob", cut_after=300_000)]
    sink = Collected(limit=1000)
    await client.pour(sample.large, sink, first=1024 * KIB)
    assert len(sink.content) >= 1000
    assert registry.counts["blob"] == 1


async def test_a_stall_in_the_middle_is_given_up(
    hasty: RegistryClient, registry: SimulatedRegistry, sample: Sample
) -> None:
    registry.faults = [Fault("blob"), Fault("blob", times=99, stall=True)]
    sink = Collected()
    with pytest.raises(RemoteError) as failed:
        await hasty.pour(sample.large, sink)
    assert failed.value.reference == "registry-timeout"
    assert sink.content == sample.large_content[: 16 * KIB]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes 0-9/10", (0, 9, 10)),
        (" bytes 5-5/* ", (5, 5, None)),
        ("bytes 9-0/10", None),
        ("bytes */10", None),
        ("bytes=0-9/10", None),
        (None, None),
    ],
)
def test_a_content_range_is_read_exactly(value: str | None, expected: Any) -> None:
    assert parse_content_range(value) == expected
