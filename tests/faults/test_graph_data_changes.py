"""Graph data that changes under a running service: rules that break and are mended, and sets turned by a link."""

import asyncio
import shutil
import sys
from collections.abc import Collection
from pathlib import Path

import pytest

from tests.faults.conftest import VERSIONS, GraphDataPlace, Row, Site, check_survives, in_one_process, until
from upgraph.testing.answers import read_answer

# What the rules of these rows would block are updates of the site, so that here something changes for clusters.
TURN_FOR_EVER = """
import itertools, os, sys
os.chdir(sys.argv[1])
print("begun", flush=True)
for name in itertools.cycle(("..second", "..first")):
    os.symlink(name, "..data_tmp")
    os.replace("..data_tmp", "..data")
"""
BROKEN_RULES = ("to: 4.1.2\nfrom: (\n", "to: 4.1.2\nfrom: a\nfrom: b\n", "to: 4.1.2\nfrom: &a [*a]\n")


async def test_a_rule_that_cannot_be_read_withholds_the_updates_into_its_target_alone(site: Site) -> None:
    async with in_one_process(site):
        good = read_answer((await site.serves(VERSIONS)).body)
        for content in BROKEN_RULES:
            site.graph_data.write("blocked-edges/4.1.2.yaml", content)
            await answered(site, {("4.1.0", "4.1.1")})
            (site.graph_data.path / "blocked-edges/4.1.2.yaml").unlink()
            await answered(site, good.edges)


async def test_a_file_that_changes_is_noticed(site: Site) -> None:
    async with in_one_process(site):
        await site.serves(VERSIONS)
        site.graph_data.channel("4.1.0", "4.1.1")
        await noticed(site, ("4.1.0", "4.1.1"))


async def turn_for_ever(site: Site, mount: Path) -> None:
    """Another program turns the link all the time, until the site is restored."""
    turning = await asyncio.create_subprocess_exec(
        sys.executable, "-c", TURN_FOR_EVER, mount, stdout=asyncio.subprocess.PIPE
    )

    async def end() -> None:
        turning.kill()
        await turning.wait()

    site.undo.append(end)
    assert turning.stdout is not None
    assert await turning.stdout.readline() == b"begun\n"


async def noticed(site: Site, versions: Collection[str]) -> None:
    """Wait until clusters get exactly these versions, though nobody asks for the sources to be read."""

    async def look() -> bool:
        return set(read_answer((await site.answer()).body).nodes) == set(versions)

    await until(look, what=f"{sorted(versions)}; the log: {site.service.log()}")


async def answered(site: Site, edges: Collection[tuple[str, str]]) -> None:
    """Wait until clusters are offered exactly these updates; nothing in between is ever missing."""

    async def look() -> bool:
        await site.scrape()
        graph = read_answer((await site.answer()).body)
        assert set(graph.nodes) == set(VERSIONS)
        return set(graph.edges) == set(edges)

    await until(look, what=f"the updates {sorted(edges)}; the log: {site.service.log()}")


class TestSetsTurnedByALink:
    """As ConfigMap volumes (``..data``) and git-sync do: whole sets beside each other, and a link that is turned."""

    @pytest.fixture
    def mount(self, site: Site) -> Path:
        """Where the service looks: names that lead through a link to the set of now."""
        mount = site.directory / "mount"
        mount.mkdir()
        site.graph_data.path.rename(mount / "..first")
        self.turn(mount, "..first")
        for name in ("version", "raw", "channels", "blocked-edges"):
            (mount / name).symlink_to(f"..data/{name}")
        site.graph_data.path = mount
        return mount

    @staticmethod
    def turn(mount: Path, name: str) -> None:
        beside = mount / "..data_tmp"
        beside.unlink(missing_ok=True)
        beside.symlink_to(name)
        beside.replace(mount / "..data")

    async def test_a_set_is_taken_when_the_link_turns(self, site: Site, mount: Path) -> None:
        second = GraphDataPlace(mount / "..second")
        second.fill()
        second.channel("4.1.0", "4.1.1")
        async with in_one_process(site):
            await site.serves(VERSIONS)
            self.turn(mount, "..second")
            shutil.rmtree(mount / "..first")
            await noticed(site, ("4.1.0", "4.1.1"))
            assert (await site.state())["details"] == []

    async def test_a_broken_set_is_refused_and_the_next_good_one_taken(self, site: Site, mount: Path) -> None:
        second, third = GraphDataPlace(mount / "..second"), GraphDataPlace(mount / "..third")
        for place in (second, third):
            place.fill()
        second.write("version", "2.0.0\n")

        async def turn(name: str) -> None:
            self.turn(mount, name)

        row = Row(
            name="turned",
            fault="A link was turned to a set that cannot be used.",
            make=lambda _: turn("..second"),
            mend=lambda _: turn("..third"),
            reference="graph-data-version",
            seen=r"2\.0\.0",
            heals="A link to a set that is in order.",
        )
        async with in_one_process(site):
            await check_survives(site, row)

    async def test_two_sets_are_never_mixed(self, site: Site, mount: Path) -> None:
        second = GraphDataPlace(mount / "..second")
        second.fill()
        second.channel("4.1.0", "4.1.1")
        second.write("blocked-edges/4.1.1.yaml", "to: 4.1.1\nfrom: .*\n")
        # So many that the link turns while they are listed.
        for place in (GraphDataPlace(mount / "..first"), second):
            for number in range(1000):
                place.write(f"blocked-edges/3.0.{number}.yaml", f"to: 3.0.{number}\nfrom: a\n")
        async with in_one_process(site):
            first = read_answer((await site.serves(VERSIONS)).body)
            whole = {frozenset(first.edges), frozenset()}
            await turn_for_ever(site, mount)

            async def is_refused() -> bool:
                state = await site.scrape()
                assert frozenset(read_answer((await site.answer()).body).edges) in whole
                return any(fact["reference"] == "graph-data-changing" for fact in state["details"])

            await until(is_refused, what="the word that the sets keep changing")
            await site.restore()
            self.turn(mount, "..second")
            await noticed(site, ("4.1.0", "4.1.1"))
