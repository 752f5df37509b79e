"""The copier brings graph data to where a service reads it, whatever is there already, or says why it cannot."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from upgraph.errors import UserError
from upgraph.graphdata.runnable import ARCHITECTURES, copier
from upgraph.testing.real_registry import program

MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64le", "s390x": "s390x"}
EMULATORS = {
    "amd64": "qemu-x86_64-static",
    "arm64": "qemu-aarch64-static",
    "ppc64le": "qemu-ppc64le-static",
    "s390x": "qemu-s390x-static",
}
RUN_SECONDS = 60
UNFINISHED = ".upgraph-copier-unfinished"

Copy = Callable[..., subprocess.CompletedProcess[str]]


def runner(folder: Path, architecture: str) -> Copy:
    path = folder / "copier"
    path.write_bytes(copier(architecture))
    path.chmod(0o755)
    native = MACHINES[os.uname().machine] == architecture
    command = [str(path)] if native else [program(EMULATORS[architecture]), str(path)]

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        words = [*command, *map(str, arguments)]
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=RUN_SECONDS)

    return run


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """The copier of this machine."""
    return runner(tmp_path, MACHINES[os.uname().machine])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    top = tmp_path / "data"
    (top / "channels").mkdir(parents=True)
    (top / "blocked-edges").mkdir()
    (top / "version").write_text("1.2.0\n")
    (top / "channels" / "stable-4.18.yaml").write_bytes(bytes(range(256)) * 1000)
    (top / "channels" / "empty.yaml").touch()
    return top


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


def content(top: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(top)): path.read_bytes() if path.is_file() else None
        for path in sorted(top.rglob("*"))
    }


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_everything_is_copied_on_every_architecture(
    architecture: str, tmp_path: Path, data: Path, target: Path
) -> None:
    done = runner(tmp_path, architecture)(data, target)
    assert (done.returncode, done.stderr) == (0, "")
    assert content(target) == content(data)
    assert done.stdout == f"upgraph-copier: copied 3 files, 256006 bytes, from {data} to {target}\n"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_copier_is_small_and_needs_no_other_file(architecture: str) -> None:
    found = copier(architecture)
    assert found.startswith(b"\x7fELF")
    assert len(found) < 64 * 1024
    assert b"/ld-" not in found
    assert os.fsencode(Path.cwd()) not in found


def test_a_second_start_replaces_what_the_first_copied(copy: Copy, data: Path, target: Path) -> None:
    assert copy(data, target).returncode == 0
    (data / "version").write_text("1.3.0\n")
    assert copy(data, target).returncode == 0
    assert content(target) == content(data)


def test_a_start_that_was_killed_is_made_up_for(copy: Copy, data: Path, target: Path) -> None:
    (target / "channels").mkdir()
    (target / "channels" / UNFINISHED).write_text("half")
    (target / "channels" / "stable-4.18.yaml").write_text("older")
    assert copy(data, target).returncode == 0
    assert content(target) == content(data)


def test_what_else_lies_in_the_volume_stays(copy: Copy, data: Path, target: Path) -> None:
    (target / "lost+found").mkdir()
    assert copy(data, target).returncode == 0
    assert content(target) == {**content(data), "lost+found": None}


def test_a_volume_that_is_not_there_is_made(copy: Copy, data: Path, tmp_path: Path) -> None:
    assert copy(data, tmp_path / "new").returncode == 0
    assert content(tmp_path / "new") == content(data)


def test_others_may_read_what_was_copied(copy: Copy, data: Path, target: Path) -> None:
    (data / "version").chmod(0o644)
    previous = os.umask(0o077)
    try:
        assert copy(data, target).returncode == 0
    finally:
        os.umask(previous)
    assert (target / "version").stat().st_mode & 0o777 == 0o644


def test_a_target_file_that_is_a_link_is_replaced_not_followed(
    copy: Copy, data: Path, target: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").write_text("mine")
    (target / "version").symlink_to(tmp_path / "elsewhere")
    assert copy(data, target).returncode == 0
    assert (tmp_path / "elsewhere").read_text() == "mine"
    assert not (target / "version").is_symlink()


def spoil_link(data: Path, target: Path) -> None:
    (data / "version").unlink()
    (data / "version").symlink_to("/etc/passwd")


def spoil_pipe(data: Path, target: Path) -> None:
    os.mkfifo(data / "channels" / "pipe")


def spoil_directory(data: Path, target: Path) -> None:
    (target / "version").mkdir()


def spoil_file(data: Path, target: Path) -> None:
    (target / "channels").touch()


def spoil_linked_directory(data: Path, target: Path) -> None:
    (target / "channels").symlink_to(data.parent)


def spoil_depth(data: Path, target: Path) -> None:
    data.joinpath(*["d"] * 40).mkdir(parents=True)


def spoil_source(data: Path, target: Path) -> None:
    shutil.rmtree(data)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_link, "cannot read {data}/version: it is a symbolic link"),
        (spoil_pipe, "cannot copy {data}/channels/pipe: it is neither a file nor a directory"),
        (spoil_directory, "cannot replace {target}/version: Is a directory"),
        (spoil_file, "cannot open the directory {target}/channels: Not a directory"),
        (spoil_linked_directory, "cannot open the directory {target}/channels: "),
        (spoil_depth, "too many directories lie in one another"),
        (spoil_source, "cannot read {data}: No such file or directory"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_fault_ends_it_with_a_line_that_says_where(
    spoil: Callable[[Path, Path], None], said: str, copy: Copy, data: Path, target: Path
) -> None:
    spoil(data, target)
    done = copy(data, target)
    assert (done.returncode, done.stdout) == (1, "")
    assert said.format(data=data, target=target) in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_architecture_without_copier_is_refused_with_those_that_have_one() -> None:
    with pytest.raises(UserError, match="no copier for 'riscv64'; there is one for amd64, arm64") as refused:
        copier("riscv64")
    assert refused.value.reference == "graph-data-copier"
