"""Graph data in a git repository: commits are read, and nothing that lies in a repository runs or leads out."""

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from upgraph.errors import DataError, UserError
from upgraph.graphdata import Files, load
from upgraph.graphdata import git as module
from upgraph.graphdata.git import GitSource

Fill = Callable[[Path, Files], Path]
Make = Callable[[Mapping[str, bytes | None]], Files]
_IDENTITY = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@b",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@b",
}


@dataclass
class Checkout:
    """A working copy that is committed to."""

    path: Path
    fill: Fill

    def git(self, *command: str, asked: bytes = b"") -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "GIT_CONFIG_NOSYSTEM": "1",
            **_IDENTITY,
        }
        done = subprocess.run(
            ["git", "-C", str(self.path), *command],
            env=environment,
            input=asked,
            capture_output=True,
            check=True,
            timeout=180,
        )
        return done.stdout.decode().strip()

    def commit(self, files: Files = {}) -> str:  # noqa: B006 - never changed
        self.fill(self.path, files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "more")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def checkout(tmp_path: Path, fill: Fill, a_set: Make) -> Checkout:
    made = Checkout(tmp_path / "data", fill)
    made.path.mkdir()
    made.git("init", "--quiet", "--initial-branch=main")
    made.commit(a_set({}))
    return made


def test_a_working_copy_and_a_bare_repository_give_the_commit(
    checkout: Checkout, a_set: Make, tmp_path: Path
) -> None:
    checkout.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare"))
    assert GitSource(checkout.path).read() == GitSource(tmp_path / "bare").read() == a_set({})


def test_an_edit_counts_when_it_is_committed(checkout: Checkout, a_set: Make) -> None:
    source = GitSource(checkout.path)
    before = source.fingerprint()
    (checkout.path / "blocked-edges/4.18.2.yaml").write_bytes(b"half a ru")
    checkout.git("add", "--all")
    assert (source.fingerprint(), source.read()) == (before, a_set({}))
    assert checkout.commit() == source.fingerprint() != before


@pytest.mark.parametrize("revision", ["stable", "v1", "light", "remotes/origin/main", "commit"])
def test_a_revision_is_a_branch_a_tag_or_a_commit(checkout: Checkout, a_set: Make, revision: str) -> None:
    first = checkout.git("rev-parse", "HEAD")
    checkout.git("branch", "stable")
    checkout.git("tag", "light")
    checkout.git("tag", "-a", "-m", "annotated", "v1")
    checkout.git("update-ref", "refs/remotes/origin/main", first)
    checkout.commit({"version": b"1.2.0\n"})
    source = GitSource(checkout.path, first if revision == "commit" else revision)
    assert (source.fingerprint(), source.read()) == (first, a_set({}))


@pytest.mark.parametrize("pack", [False, True], ids=["loose", "packed"])
def test_a_branch_that_moves_is_noticed(checkout: Checkout, pack: bool) -> None:  # noqa: FBT001
    source = GitSource(checkout.path, "main")
    before = source.fingerprint()
    after = checkout.commit({"version": b"1.2.0\n"})
    if pack:
        checkout.git("gc", "--quiet")
    assert source.fingerprint() == after != before
    assert source.read()["version"] == b"1.2.0\n"


@pytest.mark.parametrize("revision", ["--help", "-h", "main~1", "@{u}", "a..b", ":/text", "", "x y", "a\nb"])
def test_an_expression_or_an_option_is_no_revision(checkout: Checkout, revision: str) -> None:
    with pytest.raises(UserError, match="no name of a branch"):
        GitSource(checkout.path, revision)


def test_a_revision_that_is_missing_is_named(checkout: Checkout) -> None:
    source = GitSource(checkout.path, "gone")
    with pytest.raises(DataError, match="data#gone: fatal: Needed a single revision") as caught:
        source.read()
    assert caught.value.reference == "graph-data-git"
    assert source.fingerprint().startswith("unreadable: ")


def test_a_directory_in_another_repository_is_no_repository(checkout: Checkout) -> None:
    (checkout.path / "inner").mkdir()
    with pytest.raises(DataError, match="not a git repository"):
        GitSource(checkout.path / "inner").read()


def test_a_directory_that_is_missing_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such directory"):
        GitSource(tmp_path / "gone")


def test_without_git_the_error_says_so(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(UserError, match="there is no git in PATH") as caught:
        GitSource(checkout.path)
    assert caught.value.reference == "graph-data-git-missing"


def test_attributes_change_nothing(checkout: Checkout, a_set: Make) -> None:
    checkout.git("config", "filter.evil.smudge", "touch evil")
    attributes = b"blocked-edges/* export-ignore filter=evil\n* text eol=crlf export-subst\n"
    checkout.commit({".gitattributes": attributes})
    assert GitSource(checkout.path).read() == a_set({})


def test_replacements_change_nothing(checkout: Checkout, a_set: Make) -> None:
    first = checkout.git("rev-parse", "HEAD")
    second = checkout.commit({"version": b"9.9.9\n"})
    checkout.git("replace", first, second)
    assert GitSource(checkout.path, first).read() == a_set({})


def test_variables_of_the_service_do_not_reach_git(
    checkout: Checkout, a_set: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"GIT_DIR": "/nonexistent", "GIT_CONFIG_COUNT": "x", "GIT_TRACE": "1"}.items():
        monkeypatch.setenv(name, value)
    assert GitSource(checkout.path).read() == a_set({})


def test_links_inside_are_followed(checkout: Checkout, a_set: Make) -> None:
    (checkout.path / "data").mkdir()
    (checkout.path / "channels").rename(checkout.path / "data/channels")
    (checkout.path / "channels").symlink_to("data/channels")
    (checkout.path / "blocked-edges/4.18.1.yaml").symlink_to("4.18.2.yaml")
    checkout.commit()
    rule = a_set({})["blocked-edges/4.18.2.yaml"]
    assert GitSource(checkout.path).read() == a_set({"blocked-edges/4.18.1.yaml": rule})


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "gone", "4.18.1.yaml"])
def test_a_rule_that_is_a_link_to_elsewhere_withholds_its_target(checkout: Checkout, target: str) -> None:
    (checkout.path / "blocked-edges/4.18.1.yaml").symlink_to(target)
    checkout.commit()
    loaded = load(GitSource(checkout.path).read())
    assert [finding.reference for finding in loaded.findings] == ["graph-data-unreadable"]
    assert loaded.data is not None
    assert ".*" in [block.source.text for block in loaded.data.blocks]


def test_a_submodule_in_the_place_of_the_rules_is_refused(checkout: Checkout) -> None:
    head = checkout.git("rev-parse", "HEAD")
    checkout.git("rm", "-r", "--quiet", "blocked-edges")
    checkout.git("update-index", "--add", "--cacheinfo", f"160000,{head},blocked-edges")
    checkout.git("commit", "--quiet", "-m", "submodule")
    with pytest.raises(DataError, match="blocked-edges is no directory"):
        GitSource(checkout.path).read()


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(checkout: Checkout) -> None:
    checkout.commit({"blocked-edges/4.18.1.yaml": bytes(5_000_000)})
    with pytest.raises(DataError, match=r"4\.18\.1\.yaml has 5000000 bytes") as caught:
        GitSource(checkout.path).read()
    assert caught.value.reference == "graph-data-too-large"


def test_large_files_beside_the_set_do_not_matter(checkout: Checkout, a_set: Make) -> None:
    checkout.commit({"hack/big.bin": bytes(5_000_000), "channels/deep/x.yaml": b"x"})
    assert GitSource(checkout.path).read() == a_set({})


def test_a_damaged_repository_is_an_error(checkout: Checkout) -> None:
    blob = checkout.git("rev-parse", "HEAD:version")
    file = checkout.path / ".git/objects" / blob[:2] / blob[2:]
    file.chmod(0o644)
    file.write_bytes(b"rubbish")
    with pytest.raises(DataError) as caught:
        GitSource(checkout.path).read()
    assert caught.value.reference == "graph-data-git"


def test_what_is_missing_is_not_fetched(checkout: Checkout, tmp_path: Path) -> None:
    checkout.git("config", "uploadpack.allowFilter", "true")
    url = f"file://{checkout.path}"
    checkout.git("clone", "--quiet", "--bare", "--filter=blob:none", url, str(tmp_path / "part"))
    with pytest.raises(DataError) as caught:
        GitSource(tmp_path / "part").read()
    assert caught.value.reference == "graph-data-git"


def test_a_listing_without_end_is_refused(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LISTING_BYTES", 100)
    with pytest.raises(DataError, match="gives more than 100 bytes"):
        GitSource(checkout.path).read()


def test_a_program_that_hangs_is_ended(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin/git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec sleep 100\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.2)
    with pytest.raises(DataError, match=r"did not end within 0\.2 s"):
        GitSource(checkout.path).read()
