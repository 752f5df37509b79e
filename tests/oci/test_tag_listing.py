"""The list of tags is complete or it is an error."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import DataError, RemoteError
from upgraph.oci import RegistryClient, Repository
from upgraph.oci.images.listing import MAX_LISTED_CHARACTERS, TagListing, next_link
from upgraph.testing.registry import Fault, SimulatedRegistry

PATH = "/v2/a/b/tags/list"


def page(*tags: str) -> bytes:
    return json.dumps({"name": "a/b", "tags": tags}).encode()


@pytest.fixture
def listing() -> TagListing:
    return TagListing("docker://q.io:5000/a/b", PATH, Repository("q.io:5000", "a/b"))


@pytest.mark.parametrize(
    "link",
    [
        '</v2/a/b/tags/list?last=x&n=2>; rel="next"',
        '<https://q.io:5000/v2/a/b/tags/list?last=x&n=2>; rel="next"',
        "<http://q.io/v2/a/b/tags/list?last=x&n=2>;rel=next",
        "<?last=x&n=2>",
        '</v2/a/b/tags/list?n=1>; rel="prev", <?last=x&n=2>; rel="next"',
    ],
    ids=["relative", "absolute", "behind-a-proxy", "bare", "second"],
)
def test_a_link_to_the_next_page_is_followed_at_our_address(listing: TagListing, link: str) -> None:
    listing.add(page("b"), link)
    assert listing.next == f"{PATH}?last=x&n=2"


def test_pages_become_one_sorted_list_without_repeats(listing: TagListing) -> None:
    listing.add(page("b", "c"), "<?last=c>")
    listing.add(page("c", "a"), None)
    assert listing.next is None
    assert listing.tags() == ["a", "b", "c"]


def test_a_repository_without_tags_has_an_empty_list(listing: TagListing) -> None:
    listing.add(b'{"name": "a/b", "tags": null}', None)
    assert listing.tags() == []


@pytest.mark.parametrize(
    ("body", "link", "said"),
    [
        (page("a"), '<https://evil.io/v2/a/b/tags/list?last=a>; rel="next"', "another host, evil.io"),
        (page("a"), f'<{PATH}?n=1000>; rel="next"', "in a circle"),
        (page("a"), '</v2/a/b/tags/list>; rel="next"', "no usable query"),
        (page("a"), "rubbish", "cannot be read"),
        (b"<html>", None, "not the JSON"),
        (b'{"tags": "a"}', None, "not the JSON"),
        (b'{"tags": ["a", 1]}', None, "not the JSON"),
        (b"{}", None, "not the JSON"),
    ],
)
def test_doubt_about_completeness_is_an_error(
    listing: TagListing, body: bytes, link: str | None, said: str
) -> None:
    with pytest.raises(RemoteError) as refused:
        listing.add(body, link)
    assert refused.value.reference == "registry-listing"
    assert said in refused.value.seen


def test_pages_without_end_are_an_error(listing: TagListing) -> None:
    for number in range(999):
        listing.add(page("a"), f"<?last={number}>")
    with pytest.raises(RemoteError, match="more than 1000 pages"):
        listing.add(page("a"), "<?last=999>")


STRANGE = ["a/../b", "", "-a", ".a", "a b", "a\n", "sha256:../x", "é", "x" * 129]


@pytest.mark.parametrize("strange", STRANGE, ids=ascii)
def test_a_name_that_cannot_be_a_tag_is_listed_beside_the_others(listing: TagListing, strange: str) -> None:
    listing.add(page("b", strange, "a"), None)
    assert listing.tags() == sorted(["a", "b", strange])


@pytest.mark.parametrize("strange", STRANGE, ids=ascii)
async def test_asking_for_a_name_that_cannot_be_a_tag_is_refused_without_a_request(
    client: RegistryClient, registry: SimulatedRegistry, strange: str
) -> None:
    for ask in (client.resolve, client.manifest):
        with pytest.raises(DataError) as refused:
            await ask(strange)
        assert refused.value.reference == "oci-reference"
        assert repr(strange) in refused.value.seen
    assert not registry.requests


async def test_a_registry_with_a_strange_name_is_listed_and_read(
    client: RegistryClient, registry: SimulatedRegistry
) -> None:
    registry.add(b"{}", tag="a/../b")
    assert await client.tags() == sorted(registry.tags)
    assert (await client.manifest("latest")).digest == registry.tags["latest"]


@pytest.mark.parametrize("endless", ["x" * 1_000_000, "sha256:" + "0" * 1_000_000], ids=["word", "digest"])
async def test_of_an_endless_name_a_part_is_kept_that_is_refused_too(
    client: RegistryClient, registry: SimulatedRegistry, listing: TagListing, endless: str
) -> None:
    listing.add(page(endless), None)
    (kept,) = listing.tags()
    assert len(kept) == MAX_LISTED_CHARACTERS
    with pytest.raises(DataError):
        await client.manifest(kept)
    assert not registry.requests


@given(st.text())
def test_any_link_header_is_survived(header: str) -> None:
    try:
        target = next_link(header)
    except ValueError:
        return
    assert target is None or target in header


@pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
async def test_all_pages_are_read(client: RegistryClient, registry: SimulatedRegistry, size: int) -> None:
    registry.page_tags = size
    assert await client.tags() == sorted(registry.tags)
    assert registry.counts["tags"] == -(-len(registry.tags) // size)


async def test_a_failing_page_is_asked_for_again(client: RegistryClient, registry: SimulatedRegistry) -> None:
    registry.page_tags = 2
    registry.faults = [Fault("tags", status=503), Fault("tags", cut_after=5)]
    assert await client.tags() == sorted(registry.tags)


async def test_a_page_that_keeps_failing_leaves_no_partial_list(
    client: RegistryClient, registry: SimulatedRegistry
) -> None:
    registry.page_tags = 2
    registry.faults = [Fault("tags"), Fault("tags", times=99, status=500)]
    with pytest.raises(RemoteError) as failed:
        await client.tags()
    assert failed.value.status == 500
    assert registry.counts["tags"] == 5


async def test_an_unknown_repository_is_no_empty_one(
    client: RegistryClient, registry: SimulatedRegistry
) -> None:
    registry.faults = [Fault("tags", status=404)]
    with pytest.raises(RemoteError) as failed:
        await client.tags()
    assert failed.value.reference == "registry-repository-missing"


async def test_a_page_that_is_too_large_is_refused(
    client: RegistryClient, registry: SimulatedRegistry
) -> None:
    registry.faults = [
        Fault("tags", body=b" " * (16 * 1024 * 1024 + 1), chunked=chunked) for chunked in (True, False)
    ]
    for _ in range(2):
        with pytest.raises(RemoteError) as refused:
            await client.tags()
        assert refused.value.reference == "oci-too-large"
