"""The image that ``upgraph graph-data pack --runnable`` makes, run as the init container that operators make of it."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT_REASON
from tests.image.conftest import COMMAND_SECONDS, Command, Image, Pod, Volume
from upgraph.cli.main import run, upgraph
from upgraph.graphdata import load
from upgraph.graphdata.directory import DirectorySource
from upgraph.graphdata.runnable import DATA_OF_SERVICE
from upgraph.graphdata.writing import write_directory

FILES = {
    "version": b"1.2.0\n",
    "channels/stable-4.18.yaml": b"name: stable-4.18\nversions:\n- 4.18.1\n- 4.18.2\n",
    "raw/metadata.json": b"{}",
    "blocked-edges/large.yaml": b"to: 4.18.2\nfrom: 4[.]18[.]1\n# " + b"x" * 200_000,
}
OTHER_USER = 1000770000


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """In place of the operand image, an image with nothing but graph data and the copier."""
    if os.geteuid():
        pytest.skip(ROOT_REASON)
    place = tmp_path_factory.mktemp("runnable")
    write_directory(FILES, place / "data")
    layout = f"oci:{place}/layout:graph-data"
    assert run(upgraph, ["graph-data", "pack", f"{place}/data", "-o", layout, "--runnable"]) == 0
    store = place / "storage.conf"
    store.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{place}/store"\nrunroot = "{place}/run"\n')
    name = subprocess.run(
        ["buildah", "pull", "--quiet", layout],
        check=True,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        env={**os.environ, "CONTAINERS_STORAGE_CONF": str(store)},
    ).stdout.strip()
    return Image(name, "", store)


@pytest.fixture
def start(pod: Pod) -> list[str]:
    """What the image runs by itself."""
    config = json.loads(pod.buildah("inspect", "--type=image", pod.image.name))["OCIv1"]["config"]
    assert "Cmd" not in config
    return list(config["Entrypoint"])


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    """An emptyDir: of root, and open to the group that all pods of a namespace have."""
    path = tmp_path / "emptyDir"
    path.mkdir()
    path.chmod(0o2777)
    return Volume(path, DATA_OF_SERVICE, writable=True)


def copied(volume: Volume) -> dict[str, bytes]:
    found = (path for path in volume.source.rglob("*") if path.is_file())
    return {path.relative_to(volume.source).as_posix(): path.read_bytes() for path in found}


def test_it_copies_everything_and_ends(pod: Pod, start: list[str], volume: Volume) -> None:
    container = pod.run("init", Command(start, volumes=[volume]))
    assert container.wait() == 0, container.text
    assert copied(volume) == FILES
    assert f"copied {len(FILES)} files, " in container.text
    assert load(DirectorySource(volume.source).read()).data is not None


def test_what_another_user_copied_before_can_be_read_by_the_service(
    pod: Pod, start: list[str], volume: Volume
) -> None:
    assert pod.run("init", Command(start, volumes=[volume])).wait() == 0
    modes = {path.stat().st_mode & 0o777 for path in volume.source.rglob("*") if path.is_file()}
    assert modes == {0o644}


def test_a_second_start_ends_as_well(pod: Pod, start: list[str], volume: Volume) -> None:
    assert pod.run("first", Command(start, volumes=[volume])).wait() == 0
    (volume.source / "version").write_text("0.0.1\n")
    assert pod.run("second", Command(start, volumes=[volume])).wait() == 0
    assert copied(volume) == FILES


def test_without_a_volume_it_says_that_nothing_can_be_written(pod: Pod, start: list[str]) -> None:
    container = pod.run("init", Command(start))
    assert container.wait() == 1
    assert f"upgraph-copier: cannot make the directory {DATA_OF_SERVICE}: " in container.text


def test_a_volume_of_somebody_else_is_an_error_with_its_name(
    pod: Pod, start: list[str], volume: Volume
) -> None:
    volume.source.chmod(0o755)
    container = pod.run("init", Command(start, volumes=[volume], user=OTHER_USER))
    assert container.wait() == 1
    assert f"{DATA_OF_SERVICE}" in container.text
    assert "Permission denied" in container.text


def test_a_full_volume_is_called_so_and_keeps_no_half_file(
    pod: Pod, start: list[str], volume: Volume
) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=1777", "tmpfs", str(volume.source)]
    subprocess.run(
        ["nsenter", f"--target={pod.holder}", "--mount", "--", *mount], check=True, timeout=COMMAND_SECONDS
    )
    container = pod.run("init", Command(start, volumes=[volume]))
    assert container.wait() == 1
    assert "no space is left in the volume" in container.text
    seen = Path(f"/proc/{pod.holder}/root", *volume.source.parts[1:])
    assert not (seen / "blocked-edges" / "large.yaml").exists()
