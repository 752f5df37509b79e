"""What becomes of a blob on its way into a registry when something goes wrong."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from upgraph.errors import DataError, RemoteError, UpgraphError, VerificationError
from upgraph.oci import (
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    Access,
    Descriptor,
    Digest,
    Manifest,
    Neighbours,
    RegistryDestination,
    Repository,
    digest_of,
)
from upgraph.oci.registry.upload import PIECE_BYTES, WHOLE_BYTES, upload_place
from upgraph.testing.image_destination import Bytes
from upgraph.testing.registry import Fault, Login, SimulatedRegistry

LARGE = hashlib.shake_256(b"large").digest(3 * PIECE_BYTES + 5)
SMALL = b"small"
BLOBS = pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])


@pytest.fixture
async def empty() -> AsyncIterator[SimulatedRegistry]:
    async with SimulatedRegistry() as registry:
        yield registry


@pytest.fixture
async def destination(empty: SimulatedRegistry, clock: Any) -> AsyncIterator[RegistryDestination]:
    async with RegistryDestination(empty.repository, access=Access(), timing=clock.timing()) as opened:
        yield opened


def described(content: bytes) -> Descriptor:
    return Descriptor(OCI_LAYER_GZIP, digest_of(content), len(content))


async def put(destination: RegistryDestination, content: bytes) -> Bytes:
    reader = Bytes(content)
    await destination.put_blob(described(content), reader.read)
    return reader


def methods(registry: SimulatedRegistry) -> list[str]:
    return [seen.method for seen in registry.requests if seen.step == "upload"]


async def test_a_small_blob_takes_two_requests(
    destination: RegistryDestination, empty: SimulatedRegistry
) -> None:
    await put(destination, b"x" * WHOLE_BYTES)
    assert methods(empty) == ["POST", "PUT"]


async def test_a_large_blob_is_sent_in_one_stream(
    destination: RegistryDestination, empty: SimulatedRegistry
) -> None:
    await put(destination, LARGE)
    assert methods(empty) == ["POST", "PATCH", "PUT"]
    assert empty.blobs[digest_of(LARGE)] == LARGE


async def test_what_arrived_before_a_connection_was_lost_is_not_sent_again(
    destination: RegistryDestination, empty: SimulatedRegistry
) -> None:
    empty.faults = [
        Fault("upload", method="PATCH", take=PIECE_BYTES),
        Fault("upload", method="PATCH", take=100),
    ]
    reader = await put(destination, LARGE)
    assert methods(empty) == ["POST", "PATCH", "GET", "PATCH", "GET", "PATCH", "PUT"]
    assert reader.starts == [0, PIECE_BYTES, PIECE_BYTES + 100]
    assert empty.uploads.received == len(LARGE)


async def test_an_upload_begins_anew_where_the_registry_does_not_tell_what_it_has(
    destination: RegistryDestination, empty: SimulatedRegistry
) -> None:
    empty.uploads.offsets = False
    empty.faults = [Fault("upload", method="PATCH", take=PIECE_BYTES)]
    assert (await put(destination, LARGE)).starts == [0, 0]


@BLOBS
async def test_a_blob_whose_last_answer_was_lost_is_not_sent_twice(
    destination: RegistryDestination, empty: SimulatedRegistry, content: bytes
) -> None:
    empty.faults = [Fault("upload", method="PUT", cut_after=0, then="reset", length=1)]
    await put(destination, content)
    assert empty.uploads.finished == {digest_of(content): 1}
    assert empty.uploads.received == len(content)


@BLOBS
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_registry_that_is_busy_for_a_moment_is_waited_for(
    destination: RegistryDestination, empty: SimulatedRegistry, content: bytes, method: str
) -> None:
    empty.faults = [Fault("upload", method=method, status=503, times=2)]
    await put(destination, content)
    assert empty.blobs[digest_of(content)] == content


async def test_the_pause_that_a_registry_asks_for_is_kept_by_all(
    destination: RegistryDestination, empty: SimulatedRegistry, clock: Any
) -> None:
    empty.faults = [Fault("upload", method="POST", status=429, headers={"Retry-After": "17"})]
    before = clock.seconds
    await put(destination, SMALL)
    assert clock.seconds - before >= 17


async def test_a_registry_that_knows_no_parts_gets_the_blob_in_one_request(
    destination: RegistryDestination, empty: SimulatedRegistry
) -> None:
    empty.uploads.parts = False
    await put(destination, LARGE)
    assert methods(empty)[-1] == "PUT"
    assert empty.blobs[digest_of(LARGE)] == LARGE


async def test_a_proxy_that_refuses_large_bodies_gets_smaller_ones(
    destination: RegistryDestination, empty: SimulatedRegistry
) -> None:
    empty.uploads.largest = PIECE_BYTES
    await put(destination, LARGE)
    assert methods(empty).count("PATCH") == 1 + 4
    assert empty.blobs[digest_of(LARGE)] == LARGE


@BLOBS
async def test_an_upload_that_the_registry_has_lost_is_begun_anew(
    destination: RegistryDestination, empty: SimulatedRegistry, content: bytes
) -> None:
    empty.faults = [
        Fault("upload", method="PATCH", take=PIECE_BYTES),
        Fault("upload", method="PATCH", status=404),
        Fault("upload", method="PUT", status=503),
    ]
    await put(destination, content)
    assert empty.blobs[digest_of(content)] == content


@BLOBS
async def test_content_that_does_not_match_is_never_finished(
    destination: RegistryDestination, empty: SimulatedRegistry, content: bytes
) -> None:
    wrong = Descriptor(OCI_LAYER_GZIP, digest_of(b"other"), len(content))
    with pytest.raises(VerificationError, match=r"expected sha256:.* got sha256:"):
        await destination.put_blob(wrong, Bytes(content).read)
    assert not empty.uploads.finished
    assert empty.uploads.unfinished == 0


@BLOBS
async def test_a_source_that_ends_early_is_told_from_a_lost_connection(
    destination: RegistryDestination, empty: SimulatedRegistry, content: bytes
) -> None:
    blob = Descriptor(OCI_LAYER_GZIP, digest_of(content), len(content) + 1)
    with pytest.raises(DataError, match=f"{len(content)} bytes were read"):
        await destination.put_blob(blob, Bytes(content).read)
    assert not empty.uploads.finished


@pytest.mark.parametrize(
    ("status", "reference"),
    [
        (403, "registry-push-denied"),
        (405, "registry-push-denied"),
        (400, "registry-upload-refused"),
        (413, "registry-upload-refused"),
        (500, "registry-fault"),
    ],
)
async def test_a_refusal_says_what_it_means(
    destination: RegistryDestination, empty: SimulatedRegistry, status: int, reference: str
) -> None:
    empty.faults = [Fault("upload", method="POST", status=status, times=20)]
    with pytest.raises(RemoteError) as raised:
        await put(destination, SMALL)
    assert raised.value.reference == reference


async def test_a_media_type_that_is_refused_is_named(
    destination: RegistryDestination, empty: SimulatedRegistry
) -> None:
    empty.uploads.refused_types = {OCI_MANIFEST}
    manifest = Manifest(digest_of(b"{}"), OCI_MANIFEST, b"{}")
    with pytest.raises(
        RemoteError, match=r"415 .*media type application/vnd\.oci\.image\.manifest"
    ) as raised:
        await destination.put_manifest(manifest)
    assert raised.value.reference == "registry-manifest-refused"


async def test_a_registry_that_stores_another_manifest_is_noticed(
    destination: RegistryDestination, empty: SimulatedRegistry
) -> None:
    config = await put(destination, b"{}")
    digest = digest_of(config.content)
    content = (
        b'{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"%s","size":2},"layers":[]}'
        % digest.encode()
    )
    other = digest_of(b"other")
    empty.faults = [Fault("manifest", method="PUT", headers={"Docker-Content-Digest": other})]
    with pytest.raises(VerificationError, match=other):
        await destination.put_manifest(Manifest(digest_of(content), OCI_MANIFEST, content))


async def test_a_token_for_writing_is_asked_for(
    destination: RegistryDestination, empty: SimulatedRegistry
) -> None:
    empty.login = Login("bearer")
    await put(destination, SMALL)
    assert list(empty.scopes.values()) == [["repository:releases/ocp:pull,push"]]


@BLOBS
async def test_a_token_that_ends_in_the_middle_is_renewed(
    destination: RegistryDestination, empty: SimulatedRegistry, content: bytes
) -> None:
    empty.login = Login("bearer")
    left = ["PATCH" if content is LARGE else "PUT"]
    empty.watch = lambda seen: empty.tokens.clear() if seen.method in left and left.pop() else None
    await put(destination, content)
    assert empty.blobs[digest_of(content)] == content
    assert len(empty.scopes) == 2


@pytest.fixture
async def beside(empty: SimulatedRegistry, clock: Any) -> AsyncIterator[RegistryDestination]:
    """A destination that knows of a neighbour with the small blob."""
    empty.uploads.neighbours["other/repo"] = {digest_of(SMALL): SMALL}
    neighbours = Neighbours()
    neighbours.note(Repository(empty.repository.host, "other/repo", "http"), digest_of(SMALL))
    opened = RegistryDestination(
        empty.repository, access=Access(), timing=clock.timing(), neighbours=neighbours
    )
    async with opened:
        yield opened


@pytest.mark.parametrize("login", [None, Login("bearer")], ids=["open", "token"])
async def test_a_blob_that_a_neighbour_has_is_not_sent(
    beside: RegistryDestination, empty: SimulatedRegistry, login: Login | None
) -> None:
    empty.login = login
    assert (await put(beside, SMALL)).starts == []
    assert empty.uploads.mounted == [digest_of(SMALL)]


async def test_a_registry_that_does_not_mount_is_sent_the_blob_in_the_upload_that_it_began(
    beside: RegistryDestination, empty: SimulatedRegistry
) -> None:
    empty.uploads.mounts = False
    await put(beside, SMALL)
    assert methods(empty) == ["POST", "PUT"]


@pytest.mark.parametrize("status", [401, 403])
async def test_who_may_not_read_the_neighbour_sends_the_blob(
    beside: RegistryDestination, empty: SimulatedRegistry, status: int
) -> None:
    empty.login = Login("bearer")
    times = 2 if status == 401 else 1
    empty.faults = [Fault("upload", method="POST", status=status, times=times)]
    await put(beside, SMALL)
    assert empty.blobs[digest_of(SMALL)] == SMALL


@pytest.mark.parametrize(
    ("stated", "place"),
    [
        ("/v2/a/blobs/uploads/1?_state=x%2Fy", "/v2/a/blobs/uploads/1?_state=x%2Fy"),
        ("http://r.example/v2/a/blobs/uploads/1", "/v2/a/blobs/uploads/1"),
        ("https://r.example:8443/v2/a/1?x=1", "/v2/a/1?x=1"),
        ("https://store.example/bucket?signature=a%2Bb", "https://store.example/bucket?signature=a%2Bb"),
    ],
    ids=["path", "scheme-behind-proxy", "port-behind-proxy", "elsewhere"],
)
def test_an_upload_goes_where_the_registry_says(stated: str, place: str) -> None:
    assert upload_place(Repository("r.example", "a"), stated) == place


@pytest.mark.parametrize("stated", ["http://store.example/bucket", "https://u:p@store.example/x", "http://["])
def test_an_upload_never_leaves_tls(stated: str) -> None:
    with pytest.raises(UpgraphError):
        upload_place(Repository("r.example", "a"), stated)


async def test_a_digest_that_the_repository_has_with_another_size_is_not_there(
    destination: RegistryDestination, empty: SimulatedRegistry
) -> None:
    digest: Digest = empty.add(SMALL)
    assert await destination.has_blob(Descriptor(OCI_LAYER_GZIP, digest, len(SMALL)))
    assert not await destination.has_blob(Descriptor(OCI_LAYER_GZIP, digest, len(SMALL) + 1))


@pytest.mark.parametrize(
    "tag", ["../../other/manifests/v1", "v1?x=y", "v1#x", "a b", "a\r\nX: y", "", "%2e%2e"]
)
async def test_a_tag_that_leads_elsewhere_is_refused_before_anything_is_asked(
    destination: RegistryDestination, empty: SimulatedRegistry, tag: str
) -> None:
    content = b"{}"
    for refused in (
        destination.tagged(tag),
        destination.put_tag(tag, Manifest(digest_of(content), OCI_MANIFEST, content)),
    ):
        with pytest.raises(DataError, match="cannot be a tag"):
            await refused
    assert empty.requests == []
