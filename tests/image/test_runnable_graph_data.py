"""An image of graph data with the copier, run as the init container that operators make of it."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT_REASON
from tests.image.conftest import COMMAND_SECONDS, Command, Image, Pod, Volume
from tools.image import native
from upgraph.graphdata.runnable import DATA_IN_IMAGE, DATA_OF_SERVICE, copier
from upgraph.oci import OCI_LAYER_GZIP, LayerFile, LayoutWriter, digest_of, gzipped, tar_layer

FILES = {
    "version": b"1.2.0\n",
    "channels/stable-4.18.yaml": b"name: stable-4.18\nversions:\n- 4.18.1\n",
    "raw/metadata.json": b"{}",
    "blocked-edges/large.yaml": b"# " + b"x" * 200_000,
}
OTHER_USER = 1000770000


def write_image(layout: Path, architecture: str) -> str:
    data = [LayerFile(f"{DATA_IN_IMAGE[1:]}/{name}", content) for name, content in sorted(FILES.items())]
    layer = tar_layer([*data, LayerFile("copier", copier(architecture), 0o755)])
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Entrypoint": ["/copier"], "Env": ["PATH=/"], "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
    }
    with LayoutWriter(layout) as writer:
        blob = writer.blob(gzipped(layer), OCI_LAYER_GZIP)
        return writer.image(config=config, layers=[blob], tag="graph-data").digest


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """In place of the operand image, an image with nothing but graph data and the copier."""
    if os.geteuid():
        pytest.skip(ROOT_REASON)
    place = tmp_path_factory.mktemp("runnable")
    digest = write_image(place / "layout", native().name)
    store = place / "storage.conf"
    store.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{place}/store"\nrunroot = "{place}/run"\n')
    name = subprocess.run(
        ["buildah", "pull", "--quiet", f"oci:{place}/layout:graph-data"],
        check=True,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        env={**os.environ, "CONTAINERS_STORAGE_CONF": str(store)},
    ).stdout.strip()
    return Image(name, digest, store)


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


def test_it_copies_everything_and_ends(pod: Pod, volume: Volume) -> None:
    container = pod.run("init", Command(["/copier"], volumes=[volume]))
    assert container.wait() == 0, container.text
    assert copied(volume) == FILES
    assert f"copied {len(FILES)} files, " in container.text


def test_what_another_user_copied_before_can_be_read_by_the_service(pod: Pod, volume: Volume) -> None:
    assert pod.run("init", Command(["/copier"], volumes=[volume])).wait() == 0
    modes = {path.stat().st_mode & 0o777 for path in volume.source.rglob("*") if path.is_file()}
    assert modes == {0o644}


def test_a_second_start_ends_as_well(pod: Pod, volume: Volume) -> None:
    assert pod.run("first", Command(["/copier"], volumes=[volume])).wait() == 0
    (volume.source / "version").write_text("0.0.1\n")
    assert pod.run("second", Command(["/copier"], volumes=[volume])).wait() == 0
    assert copied(volume) == FILES


def test_without_a_volume_it_says_that_nothing_can_be_written(pod: Pod) -> None:
    container = pod.run("init", Command(["/copier"]))
    assert container.wait() == 1
    assert f"upgraph-copier: cannot make the directory {DATA_OF_SERVICE}: " in container.text


def test_a_volume_of_somebody_else_is_an_error_with_its_name(pod: Pod, volume: Volume) -> None:
    volume.source.chmod(0o755)
    container = pod.run("init", Command(["/copier"], volumes=[volume], user=OTHER_USER))
    assert container.wait() == 1
    assert f"{DATA_OF_SERVICE}" in container.text
    assert "Permission denied" in container.text


def test_a_full_volume_is_called_so_and_keeps_no_half_file(pod: Pod, volume: Volume) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=1777", "tmpfs", str(volume.source)]
    subprocess.run(
        ["nsenter", f"--target={pod.holder}", "--mount", "--", *mount], check=True, timeout=COMMAND_SECONDS
    )
    container = pod.run("init", Command(["/copier"], volumes=[volume]))
    assert container.wait() == 1
    assert "no space is left in the volume" in container.text
    seen = Path(f"/proc/{pod.holder}/root", *volume.source.parts[1:])
    assert not (seen / "blocked-edges" / "large.yaml").exists()
