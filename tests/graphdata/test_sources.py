"""Every source keeps the contract, and a text names the right one."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from upgraph.errors import UserError
from upgraph.graphdata import Files, GraphDataSource, Reach, open_source, read_once, write_tarball
from upgraph.graphdata.address import AddressSource
from upgraph.graphdata.directory import DirectorySource
from upgraph.graphdata.git import GitSource
from upgraph.graphdata.git_remote import RemoteGitSource
from upgraph.graphdata.image import ImageDataSource
from upgraph.graphdata.tarball import TarballSource
from upgraph.oci import Access, RegistryClient
from upgraph.oci import Repository as Named
from upgraph.testing.graph_data_source import CHECKS, SAMPLE, Place

Fill = Callable[[Path, Files], Path]


def registry(repository: Named) -> RegistryClient:
    return RegistryClient(repository, access=Access())


REACH = Reach(registry, Access(), path="/data")


@dataclass
class Directory:
    """A directory whose content is replaced."""

    path: Path
    fill: Fill

    @property
    def source(self) -> GraphDataSource:
        return DirectorySource(self.path)

    def put(self, files: Files) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self.fill(self.path, files)

    def remove(self) -> None:
        shutil.rmtree(self.path)


@dataclass
class Tarball:
    """A tarball that is replaced as careful people do, by a rename."""

    path: Path
    fill: Fill

    @property
    def source(self) -> GraphDataSource:
        return TarballSource(self.path)

    def put(self, files: Files) -> None:
        beside = self.path.with_suffix(".new")
        beside.write_bytes(write_tarball(files))
        beside.rename(self.path)

    def remove(self) -> None:
        self.path.unlink()


@dataclass
class Repository:
    """A git repository that is committed to."""

    path: Path
    fill: Fill

    @property
    def source(self) -> GraphDataSource:
        return self._source

    def __post_init__(self) -> None:
        self.path.mkdir()
        self._source = GitSource(self.path)

    def put(self, files: Files) -> None:
        self._git("init", "--quiet")
        for entry in self.path.iterdir():
            if entry.name != ".git":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        self.fill(self.path, {path: content for path, content in files.items() if path != ".git/HEAD"})
        self._git("add", "--all")
        self._git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "more")

    def remove(self) -> None:
        shutil.rmtree(self.path)

    def _git(self, *command: str) -> None:
        subprocess.run(["git", "-C", str(self.path), *command], check=True, timeout=180)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", [Directory, Tarball, Repository])
def test_a_source_keeps_the_contract(
    tmp_path: Path, fill: Fill, kind: type[Directory | Tarball | Repository], check: Callable[[Place], None]
) -> None:
    check(kind(tmp_path / "place", fill))


def test_a_directory_is_named_by_its_path(tmp_path: Path, fill: Fill) -> None:
    fill(tmp_path / "data.tar.gz", SAMPLE)
    source = open_source(str(tmp_path / "data.tar.gz"), REACH)
    assert isinstance(source, DirectorySource)
    assert source.name == str(tmp_path / "data.tar.gz")


@pytest.mark.parametrize("name", ["data.tar.gz", "data.tgz"])
def test_a_tarball_is_named_by_its_path(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(write_tarball(SAMPLE))
    source = open_source(str(tmp_path / name), REACH)
    assert isinstance(source, TarballSource)
    assert source.read() == SAMPLE


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        pytest.param("data.zip", "whose name does not end in .tar.gz or .tgz", id="other-ending"),
        pytest.param("gone", "does not exist", id="missing"),
        pytest.param("gone.tar.gz", "does not exist", id="missing-tarball"),
    ],
)
def test_anything_else_is_refused_by_name(tmp_path: Path, name: str, seen: str) -> None:
    (tmp_path / "data.zip").touch()
    with pytest.raises(UserError, match=seen) as caught:
        open_source(str(tmp_path / name), REACH)
    assert name in caught.value.seen


@pytest.mark.parametrize("text", ["", "/dev/null", "ftp://example.com/graph-data"])
def test_what_names_no_place_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"names nothing|is neither|does not exist"):
        open_source(text, REACH)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("docker://r.example/a/data", "docker://r.example/a/data:latest"),
        ("docker://r.example:5000/data:v1", "docker://r.example:5000/data:v1"),
        ("docker+http://r.example/data:v1", "docker+http://r.example/data:v1"),
        (f"docker://r.example/data@sha256:{'0' * 64}", f"docker://r.example/data@sha256:{'0' * 64}"),
        (f"docker://r.example/data:v1@sha256:{'0' * 64}", f"docker://r.example/data@sha256:{'0' * 64}"),
        ("oci:/srv/data", "oci:/srv/data"),
        ("oci:/srv/data:v1", "oci:/srv/data:v1"),
        ("oci-archive:/srv/data.tar", "oci-archive:/srv/data.tar"),
        ("oci-archive:/srv/data.tar:v1", "oci-archive:/srv/data.tar:v1"),
        ("dir:/srv/data", "dir:/srv/data"),
        ("oci:/srv/a:b/data:v1", "oci:/srv/a:b/data:v1"),
        (f"oci:/srv/data:sha256:{'0' * 64}", f"oci:/srv/data@sha256:{'0' * 64}"),
    ],
)
async def test_an_image_is_named_by_its_reference(text: str, name: str) -> None:
    source = open_source(text, REACH)
    assert isinstance(source, ImageDataSource)
    async with source:
        assert source.name == name


async def test_an_address_is_named_without_its_login() -> None:
    source = open_source("https://user:secret@host.example/data.tar.gz", REACH)
    assert isinstance(source, AddressSource)
    async with source:
        assert source.name == "https://host.example/data.tar.gz"


def test_a_layout_may_have_a_colon_in_its_path(tmp_path: Path) -> None:
    (tmp_path / "data:v1").mkdir()
    assert open_source(f"oci:{tmp_path}/data:v1", REACH).name == f"oci:{tmp_path}/data:v1"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("docker://r.example/data:v 1", "'v 1' is no tag"),
        ("docker://r.example/data:", "'' is no tag"),
        ("docker://r.example/data@sha256:0", "'sha256:0' is no digest"),
        ("docker://r.example", "the path of the repository is missing"),
        ("oci:", "the path is missing"),
        ("git:/nonexistent", "there is no such directory"),
    ],
)
def test_a_reference_that_cannot_be_is_refused(text: str, seen: str) -> None:
    with pytest.raises(UserError, match=seen):
        open_source(text, REACH)


@pytest.mark.parametrize("scheme", ["docker", "ftp", "ssh+git"])
def test_a_login_where_none_belongs_is_not_shown(scheme: str) -> None:
    with pytest.raises(UserError) as caught:
        open_source(f"{scheme}://user:secret@host.example/data", REACH)
    assert "host.example" in caught.value.seen
    assert "secret" not in caught.value.seen


def test_a_repository_is_named_with_its_revision(tmp_path: Path) -> None:
    assert open_source(f"git:{tmp_path}#v1", REACH).name == f"git:{tmp_path}#v1"
    assert open_source(f"git:{tmp_path}", REACH).name == f"git:{tmp_path}#HEAD"


def test_a_repository_elsewhere_is_named_without_its_login() -> None:
    source = open_source("https://user:secret@git.example/data.git#v1", REACH)
    assert isinstance(source, RemoteGitSource)
    assert source.name == "https://git.example/data.git#v1"


def test_an_address_of_a_file_is_a_repository_on_this_machine(tmp_path: Path) -> None:
    assert open_source(f"file://{tmp_path}#v1", REACH).name == f"git:{tmp_path}#v1"


async def test_any_source_can_be_read_once(tmp_path: Path, fill: Fill) -> None:
    assert await read_once(DirectorySource(fill(tmp_path, SAMPLE))) == SAMPLE
