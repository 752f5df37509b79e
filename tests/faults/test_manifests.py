"""Manifests and indexes that are odd, hostile or wrong: one tag is left out, or nothing is."""

from collections.abc import Awaitable, Callable, Mapping

from tests.faults.conftest import (
    AGAIN,
    BRINGS,
    LEFT_OUT,
    MIRRORED,
    TAG,
    VERSIONS,
    Oddity,
    Row,
    Site,
    as_json,
    as_users_run_it,
    check_survives,
    check_takes,
    each,
    every,
    in_one_process,
    mirror_again,
)
from upgraph.oci.images.manifest import DOCKER_MANIFEST_LIST, OCI_INDEX, OCI_MANIFEST
from upgraph.payload import ReleaseContent, release_layer
from upgraph.testing.registry import Fault

Action = Callable[[Site], Awaitable[None]]
Push = Callable[[Site], Mapping[str, object]]
"""Pushes what an entry of an index points to; gives the entry."""

HUGE_BYTES = 100_000_000
LINUX = {"architecture": "amd64", "os": "linux"}
UNKNOWN = {"architecture": "unknown", "os": "unknown"}
ATTESTATION = {"vnd.docker.reference.type": "attestation-manifest"}


def entry(platform: Mapping[str, str] | None = LINUX, **more: object) -> Push:
    """An image of the new release."""

    def push(site: Site) -> Mapping[str, object]:
        layer = release_layer(ReleaseContent("4.1.3", previous=VERSIONS[-1:]))
        digest = site.image(layer, tag=None)
        described = {"mediaType": OCI_MANIFEST, "digest": digest, "size": len(site.registry.blobs[digest])}
        return described | ({"platform": platform} if platform else {}) | more

    return push


def proof(site: Site) -> Mapping[str, object]:
    """What BuildKit puts beside an image: it has layers, none of which is an archive."""
    digest = site.image(b'{"_type": "https://in-toto.io/Statement/v0.1"}', tag=None, is_labelled=False)
    size = len(site.registry.blobs[digest])
    return {
        "mediaType": OCI_MANIFEST, "digest": digest, "size": size, "platform": UNKNOWN, "annotations": ATTESTATION
    }  # fmt: skip


def index_in_index(site: Site) -> Mapping[str, object]:
    inner = site.registry.add(index_of(site, entry()))
    return {
        "mediaType": OCI_INDEX,
        "digest": inner,
        "size": len(site.registry.blobs[inner]),
        "platform": LINUX,
    }


def index_of(site: Site, *pushes: Push, media_type: str = OCI_INDEX) -> bytes:
    entries = [push(site) for push in pushes]
    return as_json({"schemaVersion": 2, "mediaType": media_type, "manifests": entries})


def index(*pushes: Push, media_type: str = OCI_INDEX) -> Action:
    async def make(site: Site) -> None:
        site.registry.add(index_of(site, *pushes, media_type=media_type), tag=TAG)

    return make


def manifest(content: bytes) -> Action:
    async def make(site: Site) -> None:
        site.registry.add(content, tag=TAG)

    return make


def huge(*, chunked: bool) -> Action:
    """A good manifest with 100 MB of white space behind it."""

    async def make(site: Site) -> None:
        body = site.registry.blobs[site.release("4.1.3", VERSIONS[-1])].ljust(HUGE_BYTES)
        headers = {"Docker-Content-Digest": ""}
        fault = Fault("manifest", 1000, method="GET", name=TAG, body=body, headers=headers, chunked=chunked)
        site.registry.faults[:] = [fault]

    return make


async def obey(site: Site) -> None:
    site.registry.faults.clear()


FAMILY = "Manifests and indexes"
ROWS = (
    Row(
        name="index without entries",
        fault="An index has no entry.",
        make=index(),
        mend=mirror_again,
        reference="release-index-empty",
        seen="the index has 0 entries",
        clients=LEFT_OUT,
        heals=MIRRORED,
        brings=BRINGS,
        in_processes=True,
    ),
    Row(
        name="index of unknown platforms",
        fault="All platforms of an index are unknown.",
        make=index(entry(UNKNOWN), proof),
        mend=mirror_again,
        reference="release-index-empty",
        seen="the index has 2 entries and none of them is an image",
        clients=LEFT_OUT,
        heals=MIRRORED,
        brings=BRINGS,
    ),
    Row(
        name="index without platforms",
        fault="An index does not say for which platform its image is.",
        make=index(entry(None)),
        mend=mirror_again,
        reference="release-architecture-invalid",
        seen="the architecture of the image is ''",
        clients=LEFT_OUT,
        heals=MIRRORED,
        brings=BRINGS,
    ),
    Row(
        name="platform that is no word",
        fault="An index names an architecture that no cluster can ask for.",
        make=index(entry({"architecture": "AMD 64&arch=*", "os": "linux"})),
        mend=mirror_again,
        reference="release-architecture-invalid",
        seen="AMD 64&arch=",
        clients=LEFT_OUT,
        heals=MIRRORED,
        brings=BRINGS,
    ),
    Row(
        name="nested index",
        fault="An index leads to another index.",
        make=index(index_in_index),
        mend=mirror_again,
        reference="release-metadata-invalid",
        seen="the index leads to another index, sha256:",
        clients=LEFT_OUT,
        heals=MIRRORED,
        brings=BRINGS,
    ),
    Row(
        name="index with a missing image",
        fault="An index leads to an image that is not there.",
        make=index(entry(digest="sha256:" + 64 * "0")),
        mend=mirror_again,
        reference="oci-image-missing",
        seen="manifests/sha256:000",
        clients=LEFT_OUT,
        heals="The next scrape after the image was mirrored with all its architectures.",
        brings=BRINGS,
    ),
    Row(
        name="no JSON",
        fault="A manifest is no JSON.",
        make=manifest(b'{"schemaVersion": 2, '),
        mend=mirror_again,
        reference="oci-manifest",
        seen="the manifest cannot be read",
        clients=LEFT_OUT,
        heals=MIRRORED,
        brings=BRINGS,
    ),
    Row(
        name="schema 1",
        fault="A manifest has the obsolete format of Docker schema 1.",
        make=manifest(as_json({"schemaVersion": 1, "fsLayers": []})),
        mend=mirror_again,
        reference="oci-manifest-schema1",
        seen="schemaVersion 1",
        clients=LEFT_OUT,
        heals=MIRRORED,
        brings=BRINGS,
    ),
    Row(
        name="image and index at once",
        fault="A manifest can be read both as an image and as an index.",
        make=manifest(
            as_json({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "manifests": [], "layers": []})
        ),
        mend=mirror_again,
        reference="oci-manifest",
        seen="has a list of manifests as well",
        clients=LEFT_OUT,
        heals=MIRRORED,
        brings=BRINGS,
    ),
    *(
        Row(
            name=f"100 MB {how}",
            fault=f"A manifest has 100 MB{says}.",
            make=huge(chunked=chunked),
            mend=obey,
            reference="oci-too-large",
            seen=f"the answer has {size} bytes; 4194304 are accepted",
            clients=LEFT_OUT,
            heals=AGAIN,
            brings=BRINGS,
        )
        for how, says, chunked, size in (
            ("announced", ", and its Content-Length says so", False, HUGE_BYTES),
            ("chunked", " and no Content-Length", True, "more than 4194304"),
        )
    ),
)

ODDITIES = (
    Oddity(
        name="attestations",
        what="An index has attestations beside its image, as BuildKit writes them.",
        make=index(entry(), proof),
        brings=("4.1.3",),
    ),
    Oddity(
        name="attestations in front",
        what="The attestations of an index come before its image.",
        make=index(proof, entry()),
        brings=("4.1.3",),
    ),
    Oddity(
        name="one unknown platform",
        what="An index has an entry for an unknown platform beside its image.",
        make=index(entry(), entry(UNKNOWN)),
        brings=("4.1.3",),
    ),
    Oddity(
        name="Docker manifest list",
        what="An index has the media type of a Docker manifest list.",
        make=index(entry(), media_type=DOCKER_MANIFEST_LIST),
        brings=("4.1.3",),
    ),
)


@each(ROWS)
async def test_what_was_served_stays_served(prepared: tuple[Site, Row]) -> None:
    site, row = prepared
    async with in_one_process(site):
        await check_survives(site, row)


@each(row for row in ROWS if row.in_processes)
async def test_the_program_survives_it(prepared: tuple[Site, Row]) -> None:
    site, row = prepared
    async with as_users_run_it(site):
        await check_survives(site, row)


@every(ODDITIES)
async def test_what_is_only_odd_is_taken(site: Site, oddity: Oddity) -> None:
    async with in_one_process(site):
        await check_takes(site, oddity)
