"""Graph data that is broken, from outside: clusters go on getting what they got, and the fault is named.

A set that is refused leaves the last good one in force. A rule that cannot be read withholds the updates into its
target alone; its rows break a rule whose target is no release of the site, so the same bytes are answered.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import Awaitable, Callable

import pytest

from tests.faults.conftest import (
    VERSIONS,
    GraphDataPlace,
    Oddity,
    Row,
    Site,
    as_users_run_it,
    check_first_start,
    check_survives,
    check_takes,
    in_one_process,
    until,
)

CORRECTED = "Graph data that is in order; it is taken within two seconds."
CHANNEL_FILE = "channels/stable-4.1.yaml"
TARGET = VERSIONS[-1]
RULE_FILE = f"blocked-edges/{TARGET}.yaml"
WITHHELD = "All updates into the target of the rule are withheld; everything else is answered as before."
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(f'*{before}' for _ in range(10))}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

Change = Callable[[Site], Awaitable[object]]


def put(site: Site, name: str, content: bytes) -> None:
    """Put a file into the set at once, as careful tools do."""
    target = site.graph_data.path / name
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = site.directory / "beside"
    beside.write_bytes(content)
    beside.replace(target)


def holding(name: str, content: str | bytes) -> Change:
    """Brings a file into the set."""

    async def make(site: Site) -> None:
        put(site, name, content if isinstance(content, bytes) else content.encode())

    return make


def without(*names: str) -> Change:
    """Takes files or directories out of the set."""

    async def make(site: Site) -> None:
        for name in names:
            taken = site.graph_data.path / name
            shutil.rmtree(taken) if taken.is_dir() else taken.unlink()

    return make


def linked(name: str, target: str) -> Change:
    """Puts a symbolic link into the set."""

    async def make(site: Site) -> None:
        place = site.graph_data.path / name
        place.unlink(missing_ok=True)
        place.symlink_to(target)

    return make


async def pipe(site: Site) -> None:
    place = site.graph_data.path / CHANNEL_FILE
    place.unlink()
    os.mkfifo(place)


WRITE_FOR_EVER = """
import itertools, pathlib, sys
place = pathlib.Path(sys.argv[1])
for size in itertools.cycle(range(1000)):
    place.write_text("x" * size)
"""
MANY = 1_000
"""Rules of a set that takes so long to read that another program gets its turn meanwhile."""


async def write_for_ever(site: Site) -> None:
    """Another program writes into a set of many files all the time."""
    for number in range(MANY):
        put(site, f"blocked-edges/3.0.{number}.yaml", f"to: 3.0.{number}\nfrom: a\n".encode())
    place = site.graph_data.path / "blocked-edges" / "README"
    writer = await asyncio.create_subprocess_exec(sys.executable, "-c", WRITE_FOR_EVER, place)

    async def end() -> None:
        writer.kill()
        await writer.wait()

    site.undo.append(end)


async def in_order(site: Site) -> None:
    """Whatever was done to the set, it is whole again."""
    while site.undo:
        await site.undo.pop()()
    put_aside = site.directory / f"aside-{len(list(site.directory.iterdir()))}"
    made = GraphDataPlace(site.directory / "made")
    made.fill()
    if site.graph_data.path.exists():
        site.graph_data.path.rename(put_aside)
    made.path.rename(site.graph_data.path)


def refused(
    name: str, fault: str, make: Change, reference: str, seen: str, *, in_processes: bool = False
) -> Row:
    """A fault for which the whole set is refused, whenever it comes."""
    return Row(
        name=name,
        fault=fault,
        make=make,
        mend=in_order,
        reference=reference,
        seen=seen,
        heals=CORRECTED,
        at_start=reference,
        in_processes=in_processes,
    )


def withheld(name: str, fault: str, content: str | bytes, reference: str, seen: str) -> Row:
    """A fault of one rule."""
    return Row(
        name=name,
        fault=fault,
        make=holding(RULE_FILE, content),
        mend=in_order,
        reference=reference,
        seen=seen,
        clients=WITHHELD,
        withholds=TARGET,
        heals="A rule that can be read; it is taken within two seconds.",
    )


def channel(*lines: str) -> str:
    return "\n".join(["name: stable-4.1", "versions:", *(f"- {line}" for line in lines), ""])


FAMILY = "Graph data"
ROWS = (
    refused(
        "empty",
        "The directory of the graph data is empty.",
        without("version", "raw", "channels", "blocked-edges"),
        "graph-data-layout",
        "channels/ has no YAML file",
        in_processes=True,
    ),
    refused(
        "no-metadata",
        "raw/metadata.json is missing.",
        without("raw/metadata.json"),
        "graph-data-layout",
        r"raw/metadata\.json",
    ),
    refused(
        "half-written-channel",
        "A channel file was cut off in the middle of a version.",
        holding(CHANNEL_FILE, channel("4.1.0", "4.1")[:-1]),
        "graph-data-channel",
        r"stable-4\.1\.yaml.*'4\.1' is not a version",
    ),
    refused(
        "half-written-text",
        "A channel file was cut off in the middle of a text.",
        holding(CHANNEL_FILE, channel("4.1.0", '"4.1.')),
        "graph-data-yaml",
        r"stable-4\.1\.yaml.*unexpected end of stream",
    ),
    refused(
        "half-written-metadata",
        "raw/metadata.json was cut off.",
        holding("raw/metadata.json", '{"4.1.0": {"url"'),
        "graph-data-raw-metadata",
        r"raw/metadata\.json",
    ),
    refused(
        "file-without-content",
        "A file was opened for writing and nothing written yet.",
        holding(CHANNEL_FILE, ""),
        "graph-data-yaml",
        r"stable-4\.1\.yaml.*no document",
    ),
    refused(
        "version-without-content",
        "The file version has no content yet.",
        holding("version", ""),
        "graph-data-version",
        "version",
    ),
    Row(
        name="changing",
        fault="Somebody writes into the directory without end.",
        make=write_for_ever,
        mend=in_order,
        reference="graph-data-changing",
        seen="keeps changing",
        heals="The end of the writing.",
    ),
    refused(
        "dangling-link",
        "A symbolic link leads to a file that is not there.",
        linked(CHANNEL_FILE, "../gone.yaml"),
        "graph-data-unreadable",
        r"stable-4\.1\.yaml cannot be read",
    ),
    refused(
        "escaping-link",
        "A symbolic link leads out of the directory.",
        linked(CHANNEL_FILE, "/etc/hostname"),
        "graph-data-unreadable",
        r"stable-4\.1\.yaml cannot be read: a symbolic link leads out",
    ),
    refused(
        "pipe",
        "A file is a named pipe, from which reading would never end.",
        pipe,
        "graph-data-unreadable",
        r"stable-4\.1\.yaml cannot be read: it is not a plain file",
    ),
    refused(
        "newer-major",
        "The schema has a newer major version.",
        holding("version", "2.0.0\n"),
        "graph-data-version",
        r"2\.0\.0",
        in_processes=True,
    ),
    Row(
        name="newer-minor",
        fault="The schema has a newer minor version.",
        make=holding("version", "1.99.0\n"),
        mend=in_order,
        reference="graph-data-version-newer",
        seen=r"1\.99\.0",
        clients="Answers of the new set: it is used, with a warning.",
        heals="A newer release of Upgraph, or nothing: what the newer schema adds has no effect.",
    ),
    *(
        refused(
            f"large-{kind}",
            f"A file of 10 MB ({kind}).",
            holding(name, b"# " + b"x" * 10_000_000),
            "graph-data-too-large",
            rf"{name} has 10000002 bytes",
        )
        for kind, name in (("channel", CHANNEL_FILE), ("rule", RULE_FILE), ("metadata", "raw/metadata.json"))
    ),
    refused(
        "bomb",
        "A channel file whose aliases are a billion values.",
        holding(CHANNEL_FILE, f"{BOMB}name: stable-4.1\nversions: *i\n"),
        "graph-data-yaml",
        r"stable-4\.1\.yaml.*more than 100000 values",
    ),
    refused(
        "long-bomb",
        "A channel file whose aliases are gigabytes of text.",
        holding(CHANNEL_FILE, f"a: &a {'x' * 100_000}\nversions: [{', '.join(['*a'] * 50_000)}]\nname: b\n"),
        "graph-data-yaml",
        r"stable-4\.1\.yaml.*more than 4194304 characters",
    ),
    refused(
        "anchor-in-itself",
        "A value that contains itself.",
        holding(CHANNEL_FILE, "name: stable-4.1\nversions: &a [*a]\n"),
        "graph-data-yaml",
        r"stable-4\.1\.yaml.*alias",
    ),
    refused(
        "deep",
        "Brackets in brackets, a hundred thousand deep.",
        holding(CHANNEL_FILE, "name: stable-4.1\nversions: " + "[" * 100_000),
        "graph-data-yaml",
        r"stable-4\.1\.yaml.*nested more than 32 deep",
    ),
    refused(
        "tag",
        "A tag that makes objects in careless readers.",
        holding(CHANNEL_FILE, "name: !!python/object/apply:os.system [echo]\nversions: []\n"),
        "graph-data-yaml",
        r"stable-4\.1\.yaml.*tag",
    ),
    refused(
        "repeated-key",
        "A key is repeated; readers disagree about which one counts.",
        holding(CHANNEL_FILE, channel("4.1.0") + "versions:\n- 4.1.1\n"),
        "graph-data-yaml",
        r"stable-4\.1\.yaml.*'versions' is repeated",
    ),
    refused(
        "number-for-a-version",
        "A version of two parts, which is a number in YAML.",
        holding(CHANNEL_FILE, channel("4.1.0", "4.10")),
        "graph-data-channel",
        r"stable-4\.1\.yaml.*'4\.10' is not a version",
    ),
    refused(
        "not-utf8",
        "A channel file that is not UTF-8.",
        holding(CHANNEL_FILE, channel("4.1.0").encode("utf-16")),
        "graph-data-yaml",
        r"stable-4\.1\.yaml.*is not UTF-8",
    ),
    withheld(
        "pattern-program",
        "A pattern that takes a gigabyte to compile.",
        "to: 4.1.2\nfrom: " + r"\pL{1000}" * 5 + "\n",
        "pattern-invalid",
        r"4\.1\.2\.yaml.*too large",
    ),
    withheld(
        "pattern-repetition",
        "A pattern with repetitions of repetitions of repetitions.",
        "to: 4.1.2\nfrom: ((.{1,1000}){1,1000}){1,1000}\n",
        "pattern-invalid",
        r"4\.1\.2\.yaml.*repetition size",
    ),
    withheld(
        "pattern-text",
        "A pattern of 100 KB.",
        f"to: 4.1.2\nfrom: {'a' * 100_000}\n",
        "pattern-invalid",
        r"4\.1\.2\.yaml.*100000 characters",
    ),
    withheld(
        "pattern-look-around",
        "A pattern with look-around.",
        "to: 4.1.2\nfrom: (?=4)\n",
        "pattern-invalid",
        "4",
    ),
    withheld(
        "rule-number", "A number for the target of a rule.", "to: 4.1\nfrom: .*\n", "graph-data-rule", "'4.1'"
    ),
    withheld(
        "rule-repeated-key",
        "A key of a rule is repeated.",
        "to: 4.1.2\nfrom: a\nfrom: b\n",
        "graph-data-yaml",
        r"4\.1\.2\.yaml.*'from' is repeated",
    ),
    withheld("rule-bomb", "A rule of a billion values.", BOMB, "graph-data-yaml", r"4\.1\.2\.yaml.*values"),
)

ODDITIES = (
    Oddity(
        name="slow-pattern",
        what="A pattern for which engines that go back take for ever (`(a+)+$`).",
        make=holding("blocked-edges/4.1.2.yaml", f"to: 4.1.2\nfrom: {'(.*)' * 40}!$\n"),
        brings=(),
    ),
    Oddity(
        name="anchors",
        what="Anchors and aliases as people use them.",
        make=holding(CHANNEL_FILE, "versions: &v [4.1.0, 4.1.1, 4.1.2]\nname: stable-4.1\nfeeder: *v\n"),
        brings=(),
    ),
    Oddity(
        name="line-ends",
        what="Files with the line ends of other systems.",
        make=holding(CHANNEL_FILE, channel(*VERSIONS).replace("\n", "\r\n")),
        brings=(),
    ),
)


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
async def test_what_was_served_stays_served(site: Site, row: Row) -> None:
    async with in_one_process(site):
        await check_survives(site, row)


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS if row.at_start])
async def test_a_first_start_says_what_it_waits_for(site: Site, row: Row) -> None:
    await row.make(site)
    async with in_one_process(site):
        await check_first_start(site, row)


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS if row.in_processes])
async def test_the_program_survives_it(site: Site, row: Row) -> None:
    async with as_users_run_it(site):
        await check_survives(site, row)


@pytest.mark.parametrize("oddity", [pytest.param(oddity, id=oddity.name) for oddity in ODDITIES])
async def test_what_is_only_odd_is_taken(site: Site, oddity: Oddity) -> None:
    async with in_one_process(site):
        await site.serves(VERSIONS)
        before = await taken(site)
        await check_takes(site, oddity)

        async def is_taken() -> bool:
            return await taken(site) != before

        await until(is_taken, what="the odd set")
        assert (await site.state())["details"] == []


async def taken(site: Site) -> str:
    """The digest of the set that was taken last."""
    [digest] = [
        source["last_good"]["digest"]
        for source in (await site.state())["sources"]
        if source["kind"] == "graph-data"
    ]
    return str(digest)
