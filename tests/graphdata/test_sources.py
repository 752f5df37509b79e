"""Every source keeps the contract, and a text names the right one."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from upgraph.errors import UserError
from upgraph.graphdata import Files, GraphDataSource, open_source, write_tarball
from upgraph.graphdata.directory import DirectorySource
from upgraph.graphdata.tarball import TarballSource
from upgraph.testing.graph_data_source import CHECKS, SAMPLE, Place

Fill = Callable[[Path, Files], Path]


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


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", [Directory, Tarball])
def test_a_source_keeps_the_contract(
    tmp_path: Path, fill: Fill, kind: type[Directory | Tarball], check: Callable[[Place], None]
) -> None:
    check(kind(tmp_path / "place", fill))


def test_a_directory_is_named_by_its_path(tmp_path: Path, fill: Fill) -> None:
    fill(tmp_path / "data.tar.gz", SAMPLE)
    source = open_source(str(tmp_path / "data.tar.gz"))
    assert isinstance(source, DirectorySource)
    assert source.name == str(tmp_path / "data.tar.gz")


@pytest.mark.parametrize("name", ["data.tar.gz", "data.tgz"])
def test_a_tarball_is_named_by_its_path(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(write_tarball(SAMPLE))
    assert open_source(str(tmp_path / name)).read() == SAMPLE


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
        open_source(str(tmp_path / name))
    assert name in caught.value.seen


@pytest.mark.parametrize("text", ["", "/dev/null", "https://example.com/graph-data"])
def test_what_names_no_place_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"names nothing|is neither|does not exist"):
        open_source(text)
