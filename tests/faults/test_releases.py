"""Releases that contradict themselves or each other: what they spoil is left out, the rest is answered."""

from collections.abc import Awaitable, Callable

from tests.faults.conftest import (
    BRINGS,
    LEFT_OUT,
    MIRRORED,
    NEW,
    TAG,
    VERSIONS,
    Oddity,
    Row,
    Site,
    as_users_run_it,
    check_survives,
    check_takes,
    each,
    every,
    in_one_process,
    mirror_again,
)
from upgraph.payload import ReleaseContent, release_layer

Action = Callable[[Site], Awaitable[None]]

KEPT = "what they saw, and the new release without the updates that close the circle"
RIVAL = "4.1.2-from-elsewhere"
NAMES = (
    "4.1.3-ec.2",
    "4.1.3-rc.0",
    "4.1.4-0.okd-2026-03-10-010116",
    "4.1.4-okd-scos.5",
    "4.1.3-0.hotfix-2026-05-01-010203",
    "4.1.3-assembly.art1234",
    "4.1.5-0.nightly-2026-05-01-010203",
)


def release(
    version: str = "4.1.3", *, previous: tuple[str, ...] = (), following: tuple[str, ...] = ()
) -> Action:
    """Push a release that names these."""

    async def make(site: Site) -> None:
        site.image(release_layer(ReleaseContent(version, previous, following)), tag=TAG)

    return make


def numbered(count: int) -> tuple[str, ...]:
    return tuple(f"0.{at // 1000}.{at % 1000}" for at in range(count))


async def push_named(site: Site) -> None:
    site.graph_data.channel(*VERSIONS, NEW, *NAMES)
    for name in NAMES:
        site.release(name, VERSIONS[-1])


async def push_under_two_tags(site: Site) -> None:
    site.release("4.1.3", *VERSIONS)
    site.release("4.1.3", *VERSIONS, tag="4.1-latest")


async def push_rival(site: Site) -> None:
    """Another image that says it is a version that is served."""
    site.image(
        release_layer(ReleaseContent(VERSIONS[-1], metadata={"url": "https://else.example"})), tag=RIVAL
    )


async def remove_rival(site: Site) -> None:
    site.registry.tags.pop(RIVAL, None)


def unusable(name: str, fault: str, make: Action, reference: str, seen: str) -> Row:
    return Row(
        name=name,
        fault=fault,
        make=make,
        mend=mirror_again,
        reference=reference,
        seen=seen,
        clients=LEFT_OUT,
        heals=MIRRORED,
        brings=BRINGS,
        in_processes=name == "version of two numbers",
    )


FAMILY = "Releases"
ROWS = (
    Row(
        name="cycle",
        fault="Releases name each other as updates in a circle.",
        make=release(previous=VERSIONS, following=("4.1.0",)),
        mend=mirror_again,
        reference="release-cycle",
        seen=r"the edge from 4\.1\.3\+amd64 to 4\.1\.0\+amd64 closes a circle",
        clients=KEPT,
        heals=MIRRORED,
        adds=("4.1.3",),
        brings=BRINGS,
    ),
    Row(
        name="self-edge",
        fault="A release names itself as an update of itself.",
        make=release(previous=(*VERSIONS, "4.1.3"), following=("4.1.3",)),
        mend=mirror_again,
        reference="release-cycle",
        seen=r"the edge from 4\.1\.3\+amd64 to 4\.1\.3\+amd64 closes a circle",
        clients=KEPT,
        heals=MIRRORED,
        adds=("4.1.3",),
        brings=BRINGS,
    ),
    Row(
        name="two digests",
        fault="Two images claim one version that is served.",
        make=push_rival,
        mend=remove_rival,
        reference="release-conflict",
        seen=r"4\.1\.2\+amd64 is claimed by .* was offered before and stays",
        heals="The next scrape after the tag of the wrong image was removed.",
        in_processes=True,
    ),
    unusable(
        "a million previous",
        "A release names a million versions in `previous`.",
        release(previous=numbered(1_000_000)),
        "layer-unreadable",
        r"release-manifests/release-metadata has \d{8} bytes, more than",
    ),
    unusable(
        "as many previous as fit",
        "A release names as many versions in `previous` as its metadata may have bytes.",
        release(previous=numbered(250_000)),
        "release-metadata-invalid",
        "previous and next name 250000 versions; 10000 are accepted",
    ),
    *(
        unusable(
            name,
            f"The version of a release is no SemVer: `{version}`.",
            release(version),
            "release-metadata-invalid",
            seen,
        )
        for name, version, seen in (
            ("version of two numbers", "4.1", "not a version"),
            ("version of a word", "latest", "not a version"),
            ("version with a letter", "v4.1.3", "not a version"),
            ("version with a zero in front", "4.01.3", "not a version"),
            ("version beyond 64 bits", f"4.1.{1 << 64}", "beyond 64 bits"),
        )
    ),
    unusable(
        "previous that is no version",
        "A release names something in `previous` that is no SemVer.",
        release(previous=(*VERSIONS, "4.1.x")),
        "release-metadata-invalid",
        r"not a version: '4\.1\.x'",
    ),
)

ODDITIES = (
    Oddity(
        name="names of other builds",
        what="Releases have the names of OKD, of previews (`-ec.`, `-rc.`), of nightly builds and of hotfixes.",
        make=push_named,
        brings=NAMES,
    ),
    Oddity(
        name="one image under two tags",
        what="Two tags point to one release.",
        make=push_under_two_tags,
        brings=("4.1.3",),
    ),
    Oddity(
        name="previous that nobody has",
        what="A release names versions in `previous` that are not mirrored.",
        make=release(previous=("3.9.9", *VERSIONS, "4.1.2-rc.1")),
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


async def test_at_the_first_start_none_of_two_rivals_is_offered(site: Site) -> None:
    await push_rival(site)
    async with in_one_process(site):
        await site.serves(VERSIONS[:-1])
        assert [found["reference"] for found in (await site.state())["details"]] == ["release-conflict"]
        await remove_rival(site)
        await site.serves(VERSIONS)
