"""The programs of a control plane are built once, found where they are, and missed by name."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from tools.cluster import build
from tools.cluster.build import BuildError, Programs

WAIT_SECONDS = 180


def folder_with(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_assets_of_another_project_are_used_where_they_are_named(tmp_path: Path) -> None:
    assets = folder_with(tmp_path, *build.NEEDED)
    assert build.find({"KUBEBUILDER_ASSETS": str(assets)}).folder == assets


def test_what_assets_lack_is_said_with_what_will_not_happen(tmp_path: Path) -> None:
    programs = Programs(folder_with(tmp_path, *build.NEEDED))
    assert programs.missing == ("kube-controller-manager", "kube-scheduler", "kwok")
    assert [line.partition(": ")[2] for line in programs.complain()] == list(build.WITHOUT.values())


def test_assets_without_a_server_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="has no etcd and no kubectl"):
        build.find({"KUBEBUILDER_ASSETS": str(folder_with(tmp_path, "kube-apiserver"))})


def test_programs_that_were_not_built_are_no_programs(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="run `make cluster-tools`"):
        build.find({"UPGRAPH_CLUSTER_CACHE": str(tmp_path)})


def test_kwok_without_its_stages_is_missing(tmp_path: Path) -> None:
    assert Programs(folder_with(tmp_path, *build.PROGRAMS)).missing == ("kwok",)


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"UPGRAPH_CLUSTER_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/upgraph/cluster"),
        ({"HOME": "/c"}, "/c/.cache/upgraph/cluster"),
    ],
    ids=["named", "XDG", "home"],
)
def test_programs_are_kept_for_all_checkouts_of_a_person(environment: dict[str, str], folder: str) -> None:
    assert build.cache_folder(environment) == Path(folder)


@pytest.mark.parametrize("name", ["go.mod", "go.sum"])
def test_other_pins_are_other_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for file in ("go.mod", "go.sum"):
        (tmp_path / file).write_bytes((build.MODULE / file).read_bytes())
    before = build.key()
    monkeypatch.setattr(build, "MODULE", tmp_path)
    assert build.key() == before
    with (tmp_path / name).open("a") as pins:
        pins.write("// another\n")
    assert build.key() != before


def test_what_is_built_is_not_built_again(tmp_path: Path) -> None:
    folder_with(tmp_path / build.key(), *build.PROGRAMS, build.STAGES)
    made = build.build({"UPGRAPH_CLUSTER_CACHE": str(tmp_path), "PATH": "/nowhere"})
    assert made.missing == ()


GO_OF_A_NEW_MACHINE = """#!/bin/sh
# As Go is before it has downloaded anything: it knows no folder of a module until it is told to download that.
case "$1 $2" in
"env GOVERSION") echo go9.9.9 ;;
"mod download") printf '{"Path": "%s", "Dir": "FOLDER"}' "$4" ;;
build*) while [ "$1" != -o ]; do shift; done; touch "$2" ;;
list*) echo ;;
esac
"""


def test_a_machine_that_never_downloaded_a_module_builds_all_programs(tmp_path: Path) -> None:
    for stage in build._STAGES_OF_KWOK:
        file = tmp_path / "kwok" / "kustomize" / "stage" / f"{stage}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"stage: {stage}\n")
    (tmp_path / "go").write_text(GO_OF_A_NEW_MACHINE.replace("FOLDER", str(tmp_path / "kwok")))
    (tmp_path / "go").chmod(0o755)
    made = build.build({"UPGRAPH_CLUSTER_CACHE": str(tmp_path / "cache"), "PATH": str(tmp_path)})
    assert made.missing == ()
    assert (made.folder / build.STAGES).read_text().count("stage: ") == len(build._STAGES_OF_KWOK)


def test_who_comes_second_waits_for_the_first(tmp_path: Path) -> None:
    folder_with(tmp_path / build.key(), *build.PROGRAMS, build.STAGES)
    with (tmp_path / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with subprocess.Popen(
            [sys.executable, "-m", "tools.cluster.build"], cwd=build.ROOT, stderr=subprocess.PIPE, text=True,
            env={"UPGRAPH_CLUSTER_CACHE": str(tmp_path)},
        ) as second:  # fmt: skip
            assert second.stderr is not None
            assert "waiting" in second.stderr.readline()
            assert second.poll() is None
            fcntl.flock(held, fcntl.LOCK_UN)
            assert second.wait(WAIT_SECONDS) == 0


@pytest.mark.parametrize(
    ("version", "enough"),
    [("go1.26.8", True), ("go1.27", True), ("go1.9.7", False), ("of an unknown version", False)],
)
def test_go_is_new_enough_or_not(version: str, *, enough: bool) -> None:
    assert (build.numbers(version) >= build.numbers("1.26.0")) == enough
