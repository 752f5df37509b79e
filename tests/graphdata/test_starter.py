"""The starter repository is good data, and explains itself."""

from pathlib import Path

import pytest

from upgraph.errors import UserError
from upgraph.graphdata import write_starter
from upgraph.graphdata.checking import check, read_baseline
from upgraph.graphdata.directory import DirectorySource


def test_it_gives_no_findings(tmp_path: Path) -> None:
    write_starter(tmp_path / "new")
    assert check(DirectorySource(tmp_path / "new").read()).findings == ()


def test_its_baseline_is_valid_and_empty(tmp_path: Path) -> None:
    write_starter(tmp_path / "new")
    assert read_baseline((tmp_path / "new" / ".upgraph-check.yaml").read_bytes()).entries == ()


def test_every_file_but_the_bare_values_is_explained(tmp_path: Path) -> None:
    names = write_starter(tmp_path / "new")
    bare = [name for name in names if not (tmp_path / "new" / name).read_text().startswith("#")]
    assert bare == ["raw/metadata.json", "version"]


def test_an_empty_directory_is_taken(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    write_starter(tmp_path / "new")
    assert (tmp_path / "new" / "README.md").exists()


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(UserError, match="is there and not empty"):
        write_starter(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
