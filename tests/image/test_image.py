"""What is in the image, and that it is the same whoever builds it."""

import json
import stat
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.image.conftest import REVISION, Image, Pod
from tools import image as building

ROOT = Path(__file__).resolve().parents[2]


def files(root: Path) -> Iterator[Path]:
    """Every file of the image that is no link."""
    return (path for path in root.rglob("*") if not path.is_symlink() and path.is_file())


def test_two_builds_give_the_same_digest(image: Image, build_image: Callable[[], Image]) -> None:
    assert build_image().digest == image.digest


def test_every_program_of_the_package_is_where_the_operator_calls_it(pod: Pod) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    programs = {path.name for path in (pod.content / "usr/bin").iterdir()}
    # gpgv judges signatures where they are required.
    assert programs == {*project["scripts"], "python3.11", "gpgv"}


def test_there_is_no_shell(pod: Pod) -> None:
    assert not [path for path in files(pod.content) if path.name in {"sh", "bash", "dash", "busybox"}]


def test_nobody_but_root_may_change_anything(pod: Pod) -> None:
    others = stat.S_IWGRP | stat.S_IWOTH
    open_to_all = {
        path for path in pod.content.rglob("*") if path.lstat().st_mode & others and not path.is_symlink()
    }
    assert {path.relative_to(pod.content).as_posix() for path in open_to_all} == {"tmp", "var/tmp"}


@pytest.mark.parametrize("folder", ["opt/upgraph/lib", "usr/lib/python3.11"])
def test_nothing_is_left_to_compile(pod: Pod, folder: str) -> None:
    sources = [path for path in files(pod.content / folder) if path.suffix == ".py"]
    assert len(sources) > 100
    compiled = "__pycache__/{}.cpython-311.pyc"
    assert [path for path in sources if not (path.parent / compiled.format(path.stem)).exists()] == []


def test_compiled_files_hold_no_times(pod: Pod) -> None:
    # PEP 552: the second word of the header is 1 for a hash that is not checked.
    flags = {path.read_bytes()[4:8] for path in files(pod.content) if path.suffix == ".pyc"}
    assert flags == {b"\x01\0\0\0"}


def test_the_machine_that_built_it_is_not_told(pod: Pod) -> None:
    here = str(ROOT).encode()
    assert [path for path in files(pod.content / "opt") if here in path.read_bytes()] == []


def test_the_image_tells_what_it_is(pod: Pod) -> None:
    config = json.loads(pod.buildah("inspect", "--type=image", pod.image.name))["OCIv1"]
    assert config["created"] == config["config"]["Labels"]["org.opencontainers.image.created"]
    assert config["config"]["Labels"]["org.opencontainers.image.revision"] == REVISION
    assert config["config"]["Labels"]["org.opencontainers.image.version"] == building.origin().version
    assert config["config"]["User"] == "1001:0"


def test_scanners_find_the_packages_of_the_base(pod: Pod) -> None:
    known = (pod.content / "var/lib/dpkg/status.d/libssl3").read_text()
    assert known.startswith("Package: libssl3\n")
    assert "\nVersion: 3." in known


def test_the_times_of_an_image_can_be_given() -> None:
    made_of = building.origin(environment={"SOURCE_DATE_EPOCH": "1700000000"})
    assert (made_of.epoch, made_of.created) == (1_700_000_000, "2023-11-14T22:13:20Z")
