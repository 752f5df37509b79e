"""Graph data in a repository on another machine: real git with a real server, an unwilling one, and hostile ones."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from upgraph.errors import DataError, RemoteError, UserError
from upgraph.graphdata import Files, git_remote, git_workplace
from upgraph.graphdata.git_address import parse_git_address
from upgraph.graphdata.git_remote import RemoteGitSource
from upgraph.oci import Access
from upgraph.testing.certificates import make_certificates
from upgraph.testing.git_server import BareRepository, GitServer
from upgraph.testing.graph_data_source import SAMPLE, STATES
from upgraph.testing.proxy import SimulatedProxy


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where directories for the moment are made."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    return place


@pytest.fixture
def data(tmp_path: Path) -> BareRepository:
    return BareRepository.make(tmp_path / "served" / "data.git")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[GitServer]:
    async with GitServer(tmp_path / "served") as running:
        yield running


def source(text: str, *, access: Access | None = None, **environment: str) -> RemoteGitSource:
    known = {"PATH": os.environ["PATH"], **environment}
    return RemoteGitSource(parse_git_address(text), access or Access(), known)


async def fetched(text: str, *, access: Access | None = None, **environment: str) -> Files | None:
    return await source(text, access=access, **environment).fetch()


@pytest.mark.parametrize("is_smart", [True, False], ids=["smart", "plain-files"])
@pytest.mark.parametrize("revision", ["main", "heads/main", "light", "v1", "refs/tags/v1", "commit", "HEAD"])
async def test_a_revision_is_a_branch_a_tag_or_a_commit(
    data: BareRepository, server: GitServer, revision: str, *, is_smart: bool
) -> None:
    first = data.commit(SAMPLE)
    data.git("tag", "light")
    data.git("tag", "-a", "-m", "annotated", "v1")
    if revision not in {"main", "heads/main", "HEAD"}:
        data.commit(STATES[1], parent=first)
    data.git("update-server-info")
    server.manners.is_smart = is_smart
    opened = source(f"{server.url()}#{first if revision == 'commit' else revision}")
    assert (await opened.fetch(), opened.origin) == (SAMPLE, f"sha1:{first}")
    assert await opened.fetch() is None


async def test_one_commit_is_transferred_and_not_the_history(data: BareRepository, server: GitServer) -> None:
    first = data.commit({**SAMPLE, "old": os.urandom(200_000)})
    data.commit(SAMPLE, parent=first)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(git_remote, "MAX_PACK_BYTES", 100_000)
        assert await fetched(server.url()) == SAMPLE


async def test_a_branch_that_moves_is_noticed(data: BareRepository, server: GitServer) -> None:
    data.commit(SAMPLE)
    async with source(f"{server.url()}#main") as opened:
        assert await opened.fetch() == SAMPLE
        data.commit(STATES[1])
        assert await opened.fetch() == STATES[1]


async def test_a_commit_is_asked_for_once(data: BareRepository, server: GitServer) -> None:
    opened = source(f"{server.url()}#{data.commit(SAMPLE)}")
    await opened.fetch()
    asked = len(server.requests)
    assert (await opened.fetch(), len(server.requests)) == (None, asked)


async def test_a_repository_that_names_commits_by_sha256_is_read(tmp_path: Path, server: GitServer) -> None:
    new = BareRepository.make(tmp_path / "served" / "new.git", object_format="sha256")
    commit = new.commit(SAMPLE)
    opened = source(server.url("/new.git"))
    assert (await opened.fetch(), opened.origin) == (SAMPLE, f"sha256:{commit}")


@pytest.mark.parametrize("revision", ["gone", "abcdef0", "f" * 40], ids=["name", "abbreviated", "commit"])
async def test_a_revision_that_is_not_there_is_an_error(
    data: BareRepository, server: GitServer, revision: str
) -> None:
    data.commit(SAMPLE)
    with pytest.raises(RemoteError, match=f"data.git#{revision}: ") as caught:
        await fetched(f"{server.url()}#{revision}")
    assert caught.value.reference == "graph-data-git-fetch"


@pytest.mark.usefixtures("data")
async def test_an_empty_repository_is_an_error(server: GitServer) -> None:
    with pytest.raises(RemoteError, match="has no commit"):
        await fetched(server.url())


async def test_a_set_that_is_refused_is_refused_in_each_round_and_fetched_once(
    data: BareRepository, server: GitServer
) -> None:
    data.commit({**SAMPLE, "version": bytes(5_000_000)})
    opened = source(server.url())
    asked = []
    for _ in range(2):
        with pytest.raises(DataError, match=r"version has 5000000 bytes") as caught:
            await opened.fetch()
        assert caught.value.reference == "graph-data-too-large"
        asked.append(len(server.requests))
    assert asked[1] - asked[0] < asked[0]


async def test_authorities_are_those_of_all_connections(tmp_path: Path, data: BareRepository) -> None:
    data.commit(SAMPLE)
    certificates = make_certificates(tmp_path)
    async with GitServer(tmp_path / "served", certificates) as server:
        with pytest.raises(RemoteError, match="certificate"):
            await fetched(server.url())
        trusting = Access.of({}, ca=[certificates.certificate])
        assert await fetched(server.url(), access=trusting) == SAMPLE


@pytest.mark.parametrize("login", ["", "user:p%40ss@"], ids=["open", "login"])
async def test_the_proxy_is_that_of_all_connections(
    data: BareRepository, server: GitServer, login: str
) -> None:
    data.commit(SAMPLE)
    name = f"git.example:{server.url().split(':')[2].split('/')[0]}"
    wanted = "Basic dXNlcjpwQHNz" if login else ""
    async with SimulatedProxy(names={name: int(name.split(":")[1])}, authorization=wanted) as proxy:
        access = Access.of({"http_proxy": proxy.url.replace("//", f"//{login}")}, search=False)
        assert await fetched(f"http://{name}/data.git", access=access) == SAMPLE
        assert proxy.asked[-1].target.startswith(f"http://{name}/data.git")


async def test_a_proxy_that_is_excepted_is_not_asked(data: BareRepository, server: GitServer) -> None:
    data.commit(SAMPLE)
    access = Access.of({"http_proxy": "http://127.0.0.1:1", "no_proxy": "*"}, search=False)
    assert await fetched(server.url(), access=access, http_proxy="http://127.0.0.1:1") == SAMPLE


async def test_a_login_of_the_address_is_sent_and_never_shown(
    data: BareRepository, server: GitServer
) -> None:
    data.commit(SAMPLE)
    server.manners.login = ("user", "p@ss")
    opened = source(server.url(login="user:p%40ss@"))
    assert (await opened.fetch(), "p%40ss" in opened.name) == (SAMPLE, False)


async def test_a_login_of_the_person_comes_from_netrc(
    data: BareRepository, server: GitServer, tmp_path: Path
) -> None:
    data.commit(SAMPLE)
    server.manners.login = ("user", "pass")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login user password pass\n")
    assert await fetched(server.url(), HOME=str(tmp_path)) == SAMPLE


@pytest.mark.parametrize("login", ["", "user:wrong@"], ids=["none", "wrong"])
async def test_nobody_is_asked_for_a_login(data: BareRepository, server: GitServer, login: str) -> None:
    data.commit(SAMPLE)
    server.manners.login = ("user", "pass")
    with pytest.raises(RemoteError, match=r"terminal prompts disabled|Authentication failed"):
        await fetched(server.url(login=login))


async def test_a_login_does_not_follow_to_another_place(
    data: BareRepository, server: GitServer, tmp_path: Path
) -> None:
    data.commit(SAMPLE)
    server.manners.login = ("user", "pass")
    async with GitServer(tmp_path / "served") as first:
        first.manners.redirect = server.url("")
        with pytest.raises(RemoteError, match="terminal prompts disabled"):
            await fetched(first.url(login="user:pass@"))
    assert {request.login for request in server.requests} == {None}


@pytest.mark.parametrize("place", ["served", "gone"])
async def test_a_redirect_to_a_file_is_not_followed(
    data: BareRepository, server: GitServer, tmp_path: Path, place: str
) -> None:
    data.commit(SAMPLE)
    server.manners.redirect = f"file://{tmp_path / place}"
    with pytest.raises(RemoteError, match=r"data\.git"):
        await fetched(server.url())


async def test_what_is_not_encrypted_is_not_reached_from_what_is(
    data: BareRepository, server: GitServer, tmp_path: Path
) -> None:
    data.commit(SAMPLE)
    certificates = make_certificates(tmp_path)
    async with GitServer(tmp_path / "served", certificates) as encrypted:
        encrypted.manners.redirect = server.url("")
        with pytest.raises(RemoteError, match=r"data\.git"):
            await fetched(encrypted.url(), access=Access.of({}, ca=[certificates.certificate]))
    assert server.requests == []


@pytest.mark.parametrize("fault", ["is_endless", "is_silent"])
@pytest.mark.usefixtures("data")
async def test_an_answer_that_never_ends_is_given_up(
    server: GitServer, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_remote, "ASK_SECONDS", 0.5)
    setattr(server.manners, fault, True)
    with pytest.raises(RemoteError, match=r"git did not end within 0\.5 s|fatal:"):
        await fetched(server.url())


async def test_a_pack_beyond_the_limit_is_refused(
    data: BareRepository, server: GitServer, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.commit({**SAMPLE, "hack/film": os.urandom(3_000_000)})
    monkeypatch.setattr(git_remote, "MAX_PACK_BYTES", 500_000)
    with pytest.raises(DataError, match="sent more than 500000 bytes") as caught:
        await fetched(server.url())
    assert caught.value.reference == "graph-data-too-large"
    assert _left_in(temporary) == []


async def test_a_list_of_refs_without_end_is_refused(
    data: BareRepository, server: GitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.commit(SAMPLE)
    monkeypatch.setattr(git_remote, "MAX_REFS_BYTES", 10)
    with pytest.raises(RemoteError, match="gives more than 10 bytes"):
        await fetched(server.url())


async def test_nothing_is_left_behind(data: BareRepository, server: GitServer, temporary: Path) -> None:
    data.commit(SAMPLE)
    await fetched(server.url())
    assert _left_in(temporary) == []


async def test_a_caller_that_does_not_wait_ends_git_and_all_that_it_started(
    data: BareRepository, server: GitServer, temporary: Path
) -> None:
    data.commit(SAMPLE)
    server.manners.is_silent = True
    task = asyncio.create_task(source(server.url()).fetch())
    await server.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (_left_in(temporary), _running_in(temporary)) == ([], [])


async def test_configuration_of_the_person_does_not_count(
    data: BareRepository, server: GitServer, tmp_path: Path
) -> None:
    data.commit(SAMPLE)
    (tmp_path / ".gitconfig").write_text('[url "file:///nonexistent"]\n\tinsteadOf = http\n')
    home = str(tmp_path)
    got = await fetched(server.url(), HOME=home, GIT_DIR="/nonexistent", GIT_CONFIG_COUNT="x", GIT_TRACE="1")
    assert got == SAMPLE


async def test_a_repository_is_reached_through_ssh_without_questions(
    data: BareRepository, tmp_path: Path
) -> None:
    data.commit(SAMPLE)
    said = tmp_path / "said"
    ssh = _program(tmp_path / "ssh", f'echo "$@" >>{said}\nfor last; do :; done\nexec sh -c "$last"')
    assert await fetched(f"git@git.example:{data.path}#main", GIT_SSH_COMMAND=str(ssh)) == SAMPLE
    assert "git@git.example git-upload-pack" in said.read_text()


async def test_ssh_asks_nobody(data: BareRepository, tmp_path: Path) -> None:
    said = tmp_path / "said"
    _program(tmp_path / "bin" / "ssh", f'echo "$@" >>{said}\nexit 255')
    with pytest.raises(RemoteError, match="Could not read from remote repository"):
        await fetched(f"ssh://git.example{data.path}", PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert "BatchMode=yes" in said.read_text()


async def test_submodules_are_not_fetched(data: BareRepository, server: GitServer) -> None:
    head = data.commit(SAMPLE)
    data.git("read-tree", head)
    data.git("update-index", "--add", "--cacheinfo", f"160000,{head},other")
    modules = data.git("hash-object", "-w", "--stdin", asked=b'[submodule "other"]\npath=other\nurl=/gone\n')
    data.git("update-index", "--add", "--cacheinfo", f"100644,{modules},.gitmodules")
    data.git("update-ref", "refs/heads/main", data.git("commit-tree", "-m", "more", data.git("write-tree")))
    assert await fetched(server.url()) == SAMPLE


def test_without_git_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(UserError, match="there is no git in PATH"):
        source("https://git.example/data.git")


async def test_a_place_that_takes_nothing_is_told(
    data: BareRepository, server: GitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.commit(SAMPLE)
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")
    with pytest.raises(RemoteError, match="nothing can be fetched to /nonexistent: No such file"):
        await fetched(server.url())


def test_a_stalled_connection_is_given_up_before_the_time_for_all_of_it() -> None:
    assert git_workplace.STALL_SECONDS < git_remote.ASK_SECONDS < git_remote.FETCH_SECONDS


def _program(path: Path, script: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def _left_in(place: Path) -> list[Path]:
    return list(place.iterdir())


def _running_in(place: Path) -> list[str]:
    """Command lines of processes that name a directory."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_bytes().decode(errors="replace").replace("\0", " "))
        except OSError:
            continue
    return [line for line in lines if f"--git-dir={place}" in line or f"{place}/" in line]
