"""``upgraph graph-data`` with a git repository on another machine that has an authority of its own and wants a login."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.conftest import Command
from upgraph.graphdata.directory import DirectorySource
from upgraph.testing.certificates import Certificates, make_certificates
from upgraph.testing.git_server import BareRepository, GitServer
from upgraph.testing.graph_data_source import SAMPLE, STATES


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path)


@pytest.fixture
def address(tmp_path: Path, certificates: Certificates) -> Iterator[str]:
    """The address of a repository whose tag v1 is older than its branch; the command runs loops of its own."""
    data = BareRepository.make(tmp_path / "served" / "data.git")
    first = data.commit(SAMPLE)
    data.git("tag", "v1")
    data.commit(STATES[1], parent=first)
    ready, over = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    server = GitServer(tmp_path / "served", certificates)

    async def serve() -> None:
        server.manners.login = ("user", "secret")
        async with server:
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait(180)
    yield server.url(login="user:secret@")
    loop.call_soon_threadsafe(over.set)
    thread.join()
    loop.close()


@pytest.mark.parametrize(("revision", "state"), [("#v1", 0), ("", 1)], ids=["tag", "head"])
def test_a_revision_is_fetched_with_authority_and_login(
    command: Command, address: str, tmp_path: Path, revision: str, state: int
) -> None:
    ca = ("--ca", tmp_path / "server.crt")
    done = command("upgraph", "graph-data", "fetch", address + revision, *ca, "-o", tmp_path / "got")
    assert (done.code, done.err) == (0, "")
    assert DirectorySource(tmp_path / "got").read() == STATES[state]


def test_the_same_commit_gives_the_same_tarball_as_on_this_machine(
    command: Command, address: str, certificates: Certificates, tmp_path: Path
) -> None:
    here, there = tmp_path / "here.tar.gz", tmp_path / "there.tar.gz"
    local = f"git:{tmp_path / 'served' / 'data.git'}#v1"
    assert command("upgraph", "graph-data", "fetch", local, "-o", here).code == 0
    fetch = ("graph-data", "fetch", f"{address}#v1", "--ca", certificates.certificate, "-o", there)
    assert command("upgraph", *fetch).code == 0
    assert here.read_bytes() == there.read_bytes()


def test_a_host_that_is_not_trusted_is_named_without_the_login(
    command: Command, address: str, tmp_path: Path
) -> None:
    done = command("upgraph", "graph-data", "fetch", address, "-o", tmp_path / "got")
    assert (done.code, "graph-data-git-fetch" in done.err) == (4, True)
    assert "secret" not in done.err
    assert not (tmp_path / "got").exists()


def test_a_revision_that_is_an_option_is_refused(command: Command, address: str, tmp_path: Path) -> None:
    done = command("upgraph", "graph-data", "fetch", f"{address}#--upload-pack=id", "-o", tmp_path / "got")
    assert (done.code, "no name of a branch" in done.err) == (2, True)
