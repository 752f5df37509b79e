"""A registry that fails, seen from outside: clusters go on getting what they got, and the fault is named."""

import gzip
import json
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Literal

from tests.faults.conftest import (
    AGAIN,
    BRINGS,
    LEFT_OUT,
    MIRRORED,
    NEW,
    TAG,
    VERSIONS,
    Row,
    Site,
    as_json,
    as_users_run_it,
    check_first_start,
    check_survives,
    each,
    in_one_process,
    mirror_again,
    show_certificate,
)
from upgraph.payload import ReleaseContent, release_layer
from upgraph.testing.certificates import Authority
from upgraph.testing.registry import Fault, Login

FOR_EVER = 1_000_000
"""Requests that a fault hits: all, until it is taken away."""
GONE = as_json({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]})

Action = Callable[[Site], Awaitable[None]]
Part = Literal["manifest", "config", "layer"]
Ending = Literal["close", "reset", "stall"]
PARTS: tuple[Part, ...] = ("manifest", "config", "layer")
WHAT = {"manifest": "a manifest", "config": "the configuration of an image", "layer": "a layer"}
BREAKS: tuple[tuple[Ending, str, str, str], ...] = (
    ("stall", "The registry stalls in the middle of {}.", "registry-timeout", "(?i:time)"),
    ("reset", "The connection is reset in the middle of {}.", "registry-unreachable", "broke off|reset"),
    ("close", "The connection ends before {} does.", "registry-unreachable", "broke off"),
)


def all_requests(*faults: Fault) -> Action:
    """Every request of a step fails."""

    async def make(site: Site) -> None:
        site.registry.faults[:] = faults

    return make


def new_release(part: Part, fault: Fault) -> Action:
    """A release is pushed, and the answer to requests for a part of it is wrong."""

    async def make(site: Site) -> None:
        manifest = site.registry.blobs[site.release("4.1.3", VERSIONS[-1])]
        name = {"manifest": TAG, **site.parts(manifest)}[part]
        site.registry.faults[:] = [
            replace(fault, name=name, step="manifest" if part == "manifest" else "blob")
        ]

    return make


async def obey(site: Site) -> None:
    site.registry.faults.clear()


async def halt(site: Site) -> None:
    await site.registry.halt()


async def resume(site: Site) -> None:
    await site.restore()
    await site.registry.resume()


async def be_slow_to_connect(site: Site) -> None:
    """A port whose queue is full: what asks to be connected is not heard."""
    await site.registry.halt()
    place = ("127.0.0.1", int(site.registry.repository.host.rpartition(":")[2]))
    queue = socket.create_server(place, backlog=0)
    waiting = [socket.socket() for _ in range(3)]
    for one in waiting:
        one.setblocking(False)  # noqa: FBT003 - the standard library has it so
        one.connect_ex(place)

    async def end() -> None:
        for one in (*waiting, queue):
            one.close()

    site.undo.append(end)


NETWORK = (
    Row(
        name="unreachable",
        fault="The registry is down, or its port is closed.",
        make=halt,
        mend=resume,
        reference="registry-unreachable",
        seen=r"tags/list: no connection to .*: Connection refused",
        heals=AGAIN,
        at_start="registry-unreachable",
        in_processes=True,
    ),
    Row(
        name="slow to connect",
        fault="Connections to the registry are not taken, for example behind a firewall that drops them.",
        make=be_slow_to_connect,
        mend=resume,
        reference="registry-timeout",
        seen=r"tags/list.*(in time|timeout)",
        heals=AGAIN,
        at_start="registry-timeout",
        is_hasty=True,
    ),
    Row(
        name="slow to answer",
        fault="The registry takes a connection and does not answer.",
        make=all_requests(Fault("tags", FOR_EVER, stall=True)),
        mend=obey,
        reference="registry-timeout",
        seen=r"tags/list.*no complete answer in time",
        heals=AGAIN,
        at_start="registry-timeout",
        is_hasty=True,
    ),
    Row(
        name="slow to answer for each tag",
        fault="The registry lists its tags and answers nothing else.",
        make=all_requests(Fault("manifest", FOR_EVER, stall=True)),
        mend=obey,
        reference="registry-timeout",
        seen=r"manifests/4\.1\.0-x86_64.*no complete answer in time",
        heals=AGAIN,
        at_start="registry-timeout",
        is_hasty=True,
    ),
    *(
        Row(
            name=f"{then} in the {part}",
            fault=fault.format(WHAT[part]),
            make=new_release(part, Fault("blob", FOR_EVER, cut_after=40, then=then, method="GET")),
            mend=obey,
            reference=reference,
            seen=f"(manifests|blobs)/.*({seen})",
            clients=LEFT_OUT,
            heals=AGAIN,
            brings=BRINGS,
            is_hasty=True,
        )
        for part in PARTS
        for then, fault, reference, seen in BREAKS
    ),
    *(
        Row(
            name=f"{then} in the listing",
            fault=fault.format("the listing of tags"),
            make=all_requests(Fault("tags", FOR_EVER, cut_after=20, then=then)),
            mend=obey,
            reference=reference,
            seen=f"tags/list.*({seen})",
            heals=AGAIN,
            at_start=reference,
            is_hasty=True,
        )
        for then, fault, reference, seen in BREAKS
    ),
    Row(
        name="redirects in circles",
        fault="The registry redirects in circles.",
        make=all_requests(
            Fault("tags", FOR_EVER, status=307, headers={"Location": "/v2/releases/ocp/tags/list"})
        ),
        mend=obey,
        reference="registry-redirect",
        seen="tags/list: more than 5 redirects",
        heals=AGAIN,
        at_start="registry-redirect",
    ),
    Row(
        name="redirects of blobs in circles",
        fault="The registry redirects to a storage that redirects in circles.",
        make=new_release("layer", Fault("blob", FOR_EVER, status=302, headers={"Location": "?again"})),
        mend=obey,
        reference="registry-redirect",
        seen="blobs/.*: more than 5 redirects",
        clients=LEFT_OUT,
        heals=AGAIN,
        brings=BRINGS,
    ),
)

_OF_A_STATUS = {
    401: "registry-unauthorized",
    403: "registry-forbidden",
    429: "registry-throttled",
    500: "registry-fault",
    503: "registry-fault",
}


def token_fails(status: int) -> Action:
    async def make(site: Site) -> None:
        site.registry.login = Login("bearer")
        site.registry.faults[:] = [Fault("token", FOR_EVER, status=status)]

    return make


STATUSES = (
    *(
        Row(
            name=f"{status} to the listing",
            fault=f"The registry answers {status} to the listing of tags.",
            make=all_requests(Fault("tags", FOR_EVER, status=status)),
            mend=obey,
            reference=reference,
            seen="offered: none" if status == 401 else f"tags/list.*status {status}",
            heals=AGAIN,
            at_start=reference,
            in_processes=status == 403,
        )
        for status, reference in (_OF_A_STATUS | {404: "registry-repository-missing"}).items()
    ),
    *(
        Row(
            name=f"{status} to manifests",
            fault=f"The registry lists its tags and answers {status} to requests for manifests.",
            make=all_requests(Fault("manifest", FOR_EVER, status=status)),
            mend=obey,
            reference=reference,
            seen="last good reading stays",
            heals=AGAIN,
            at_start=reference,
        )
        for status, reference in _OF_A_STATUS.items()
    ),
    Row(
        name="404 of a proxy to manifests",
        fault="A proxy before the registry answers 404 to requests for manifests.",
        make=all_requests(Fault("manifest", FOR_EVER, status=404, body=b"no such page")),
        mend=obey,
        reference="registry-answer",
        seen="status 404 without the error document of a registry",
        heals=AGAIN,
        at_start="registry-answer",
    ),
    Row(
        name="404 to manifests",
        fault="The registry lists its tags and knows most of their manifests no more.",
        make=all_requests(
            Fault("manifest", FOR_EVER, name="4.1.0-x86_64", status=404, body=GONE),
            Fault("manifest", FOR_EVER, name="4.1.1-x86_64", status=404, body=GONE),
        ),
        mend=obey,
        reference="listing-shrunk",
        seen="2 of the 3",
        heals="The next scrape in which they are there again; if they were removed on purpose, `--shrink-limit`.",
    ),
    Row(
        name="404 to all manifests",
        fault="The registry lists its tags and knows none of their manifests any more.",
        make=all_requests(Fault("manifest", FOR_EVER, status=404, body=GONE)),
        mend=obey,
        reference="listing-shrunk",
        seen="3 of the 3",
        heals="The next scrape in which they are there again; if they were removed on purpose, `--shrink-limit`.",
        at_start="tags-without-manifest",
    ),
    Row(
        name="404 to a manifest",
        fault="The registry lists a tag and does not have its manifest.",
        make=new_release("manifest", Fault("manifest", FOR_EVER, status=404, body=GONE)),
        mend=obey,
        reference="tags-without-manifest",
        seen=f"lists 4 tags and has no manifest for 1 of them, for example {TAG}",
        clients=LEFT_OUT,
        heals=MIRRORED,
        brings=BRINGS,
    ),
    *(
        Row(
            name=f"{status} to the {part}",
            fault=f"The registry answers {status} to requests for {WHAT[part]}.",
            make=new_release(part, Fault("blob", FOR_EVER, status=status)),
            mend=obey,
            reference=reference,
            seen="left out",
            clients=LEFT_OUT,
            heals=AGAIN,
            brings=BRINGS,
        )
        for part in PARTS[1:]
        for status, reference in (_OF_A_STATUS | {404: "oci-content-missing"}).items()
    ),
    *(
        Row(
            name=f"{status} to the token",
            fault=f"The token service of the registry answers {status}.",
            make=token_fails(status),
            mend=obey,
            reference=reference,
            seen=f"(?s)/token.*status {status}",
            heals=AGAIN,
            at_start=reference,
        )
        for status, reference in (
            (_OF_A_STATUS | {403: "registry-unauthorized", 404: "registry-token"}).items()
        )
    ),
)


async def push_forged_config(site: Site) -> None:
    """What comes is a good configuration of the same size that names another architecture."""
    config = site.parts(site.registry.blobs[site.release("4.1.3", *VERSIONS)])["config"]
    forged = site.registry.blobs[config].replace(b"amd64", b"arm64")
    site.registry.faults[:] = [Fault("blob", FOR_EVER, name=config, body=forged)]


async def push_forged_layer(site: Site) -> None:
    """What comes is a good layer of the same size that names another version."""
    good = gzip.decompress(release_layer(ReleaseContent("4.1.3", previous=VERSIONS)))
    manifest = site.registry.blobs[site.image(good, tag=TAG)]
    forged = Fault("blob", FOR_EVER, name=site.parts(manifest)["layer"], headers={"Content-Range": ""})
    site.registry.faults[:] = [replace(forged, status=200, body=good.replace(b"4.1.3", b"4.1.4"))]


async def push_short_layer(site: Site) -> None:
    layer = release_layer(ReleaseContent("4.1.3", previous=VERSIONS))
    digest = site.image(layer, tag=TAG)
    body = json.loads(site.registry.blobs[digest])
    body["layers"][0]["size"] += 1000
    site.registry.add(as_json(body), tag=TAG)


LIES = (
    Row(
        name="length of the listing",
        fault="The listing of tags is longer than its Content-Length says.",
        make=all_requests(Fault("tags", FOR_EVER, length=30)),
        mend=obey,
        reference="registry-listing",
        seen="a page is not the JSON that was expected",
        heals=AGAIN,
        at_start="registry-listing",
    ),
    Row(
        name="digest of a configuration",
        fault="The configuration of an image has other content than its digest says.",
        make=push_forged_config,
        mend=obey,
        reference="oci-digest-mismatch",
        seen="the image configuration",
        clients=LEFT_OUT,
        heals=AGAIN,
        brings=BRINGS,
    ),
    Row(
        name="digest of a layer",
        fault="A layer has other content than its digest says, and `--verify-layers` is set.",
        make=push_forged_layer,
        mend=obey,
        reference="layer-mismatch",
        seen="has other content than its digest says",
        clients=LEFT_OUT,
        heals=AGAIN,
        brings=BRINGS,
        settings={"verify_layers": True},
    ),
    Row(
        name="size of a layer",
        fault="A layer is shorter than the manifest says.",
        make=push_short_layer,
        mend=mirror_again,
        reference="registry-answer",
        seen=r"the body has \d+ bytes, expected \d+",
        clients=LEFT_OUT,
        heals=MIRRORED,
        brings=BRINGS,
    ),
    Row(
        name="length of a manifest",
        fault="A manifest is longer than its Content-Length says.",
        make=new_release("manifest", Fault("blob", FOR_EVER, length=30)),
        mend=obey,
        reference="oci-digest-mismatch",
        seen=TAG,
        clients=LEFT_OUT,
        heals=AGAIN,
        brings=BRINGS,
    ),
    Row(
        name="length of a layer",
        fault="The Content-Length of a layer is not the size that the manifest names.",
        make=new_release("layer", Fault("blob", FOR_EVER, length=30)),
        mend=obey,
        reference="registry-answer",
        seen=r"the body has 30 bytes, expected \d+",
        clients=LEFT_OUT,
        heals=AGAIN,
        brings=BRINGS,
    ),
    Row(
        name="digest of a manifest",
        fault="A manifest is not the one that the header Docker-Content-Digest names.",
        make=new_release(
            "manifest", Fault("blob", FOR_EVER, headers={"Docker-Content-Digest": "sha256:" + 64 * "1"})
        ),
        mend=obey,
        reference="oci-digest-mismatch",
        seen="sha256:1111",
        clients=LEFT_OUT,
        heals=AGAIN,
        brings=BRINGS,
    ),
    Row(
        name="media type of a manifest",
        fault="The Content-Type of a manifest is that of an index.",
        make=new_release(
            "manifest",
            Fault("blob", FOR_EVER, headers={"Content-Type": "application/vnd.oci.image.index.v1+json"}),
        ),
        mend=obey,
        reference="oci-manifest",
        seen="its source says 'application/vnd.oci.image.index.v1",
        clients=LEFT_OUT,
        heals=AGAIN,
        brings=BRINGS,
    ),
)


def other_certificate(**issued: object) -> Action:
    async def make(site: Site) -> None:
        await show_certificate(
            site, Authority(site.settings["ca"][0], site.settings["ca"][0].with_suffix(".key")), **issued
        )

    return make


good_certificate = other_certificate()

CERTIFICATES = (
    Row(
        name="expired certificate",
        fault="The certificate of the registry has expired.",
        make=other_certificate(days=-1),
        mend=good_certificate,
        reference="registry-untrusted",
        seen="expired",
        heals="The next scrape after the certificate was replaced.",
        at_start="registry-untrusted",
        is_tls=True,
    ),
    Row(
        name="certificate of another host",
        fault="The certificate of the registry is for another name.",
        make=other_certificate(names="DNS:registry.example"),
        mend=good_certificate,
        reference="registry-untrusted",
        seen="registry.example",
        heals="The next scrape after the certificate was replaced.",
        at_start="registry-untrusted",
        is_tls=True,
    ),
)


def only(*versions: str) -> Action:
    """The registry lists these alone."""

    async def make(site: Site) -> None:
        tags = site.registry.tags
        site.aside.update(tags)
        for tag in [tag for tag in tags if not tag.startswith(versions or "none")]:
            del tags[tag]

    return make


async def list_all(site: Site) -> None:
    site.registry.tags.update(site.aside)


async def move_tag_while_read(site: Site) -> None:
    """While a release is read, its tag moves to another one and what it was is deleted."""
    old = site.release("4.1.3", tag="4.1-latest")
    parts = site.parts(site.registry.blobs[old])
    new = site.release("4.1.4", tag="unused")
    del site.registry.tags["unused"]

    def moved(_: object) -> None:
        if any(seen.step == "blob" for seen in site.registry.requests[before:]):
            site.registry.tags["4.1-latest"] = new
            site.registry.blobs.pop(parts["layer"], None)

    before = len(site.registry.requests)
    site.registry.watch = moved


async def nothing(site: Site) -> None:
    """It heals by itself."""


LISTINGS = (
    Row(
        name="empty listing",
        fault="The registry lists no tag any more.",
        make=only(),
        mend=list_all,
        reference="listing-shrunk",
        seen="lists 0 tags and lacks 3 of the 3",
        heals="The next scrape that lists them; if they were removed on purpose, `--shrink-limit`.",
        at_start="releases-empty",
        in_processes=True,
    ),
    Row(
        name="listing that shrinks",
        fault="The registry lists less than half of the tags that it had.",
        make=only("4.1.2"),
        mend=list_all,
        reference="listing-shrunk",
        seen="lists 1 tags and lacks 2 of the 3",
        heals="The next scrape that lists them; if they were removed on purpose, `--shrink-limit`.",
    ),
    Row(
        name="tag that moves",
        fault="A tag moves while the release is read, and what it was is deleted.",
        make=move_tag_while_read,
        mend=nothing,
        reference="oci-content-missing",
        seen="4.1-latest.*left out",
        clients=LEFT_OUT,
        heals="The next scrape, which reads what the tag is now.",
        brings=("4.1.4", NEW),
    ),
)

FAMILY = "Registries"
ROWS = (*NETWORK, *STATUSES, *LIES, *CERTIFICATES, *LISTINGS)


@each(ROWS)
async def test_what_was_served_stays_served(prepared: tuple[Site, Row]) -> None:
    site, row = prepared
    async with in_one_process(site):
        await check_survives(site, row)


@each(row for row in ROWS if row.at_start)
async def test_a_first_start_says_what_it_waits_for(prepared: tuple[Site, Row]) -> None:
    site, row = prepared
    await row.make(site)
    async with in_one_process(site):
        await check_first_start(site, row)


@each(row for row in ROWS if row.in_processes)
async def test_the_program_survives_it(prepared: tuple[Site, Row]) -> None:
    site, row = prepared
    async with as_users_run_it(site):
        await check_survives(site, row)
