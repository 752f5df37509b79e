"""The copier in a package is what our source compiles to, the same everywhere, or it is not in it."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tools import copier

BUILD_SECONDS = 300
ZIG = copier.ROOT / ".copier"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The source and the programs, somewhere else."""
    return Path(shutil.copytree(copier.ROOT / copier.PLACE, tmp_path / "elsewhere"))


@pytest.fixture
def _with_zig(monkeypatch: pytest.MonkeyPatch) -> None:
    if not ZIG.is_dir():
        pytest.fail("the compiler is not there: run `make copier`")
    monkeypatch.setenv("PYTHONPATH", str(ZIG))
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", str(ZIG / "cache"))


def programs(place: Path) -> Mapping[str, bytes]:
    return {program.name: program.read_bytes() for program in copier.programs(place)}


def version() -> str:
    return (copier.ROOT / copier.PLACE / copier.STAMP).read_text().split()[-1]


def wheel(root: Path, target: Path) -> tuple[set[str], str]:
    """The names in a wheel that is built of the tree at ``root``, and what was said about it."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    done = subprocess.run(
        command, cwd=root, check=True, capture_output=True, text=True, timeout=BUILD_SECONDS
    )
    (made,) = target.glob("*.whl")
    return {Path(name).name for name in zipfile.ZipFile(made).namelist()}, done.stdout + done.stderr


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What a wheel is built of."""
    root = tmp_path / "tree"
    for folder in (copier.PLACE, Path("tools")):
        shutil.copytree(copier.ROOT / folder, root / folder)
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(copier.ROOT / name, root / name)
    return root


def test_what_the_tests_run_was_made_of_the_present_source() -> None:
    assert copier.is_current(copier.ROOT / copier.PLACE)


@pytest.mark.usefixtures("_with_zig")
def test_compiling_elsewhere_gives_the_same_bytes(place: Path) -> None:
    before = programs(place)
    for program in copier.programs(place):
        program.unlink()
    copier.compile_all(place, version())
    assert programs(place) == before
    assert copier.is_current(place)


@pytest.mark.parametrize("missing", ["copier-s390x", copier.STAMP])
def test_a_part_of_the_programs_does_not_count(place: Path, missing: str) -> None:
    (place / missing).unlink()
    assert not copier.is_current(place)


def test_programs_of_another_source_do_not_count(place: Path) -> None:
    with (place / copier.SOURCE).open("a") as source:
        source.write("/* changed */\n")
    assert not copier.is_current(place)


def test_a_wheel_has_the_program_for_every_architecture(tree: Path, tmp_path: Path) -> None:
    names, said = wheel(tree, tmp_path / "dist")
    assert {program.name for program in copier.programs(Path())} <= names
    assert "without the copier" not in said


def test_without_compiler_a_wheel_is_built_without_them_and_says_so(tree: Path, tmp_path: Path) -> None:
    (tree / copier.PLACE / copier.STAMP).unlink()
    names, said = wheel(tree, tmp_path / "dist")
    assert not {program.name for program in copier.programs(Path())} & names
    assert "built without the copier" in said
