"""The image that ``upgraph graph-data pack --base`` makes, run as the operator runs it: as an init container."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.image.conftest import Command, Image, Pod, Volume, shell_image
from tools.image import native
from upgraph.cli.main import run, upgraph
from upgraph.graphdata import load
from upgraph.graphdata.directory import DirectorySource

USER = 1000650000
SHARED = "/var/lib/cincinnati/graph-data"


@pytest.fixture
def starter(tmp_path: Path) -> Path:
    """Graph data as a directory."""
    assert run(upgraph, ["graph-data", "new", str(tmp_path / "starter")]) == 0
    return tmp_path / "starter"


@pytest.fixture
def base(tmp_path: Path) -> str:
    """A base with a shell and cp, and a start of its own that must not count."""
    return f"oci:{shell_image(tmp_path / 'base', start={'Entrypoint': ['/bin/false']})}:shell"


@pytest.fixture
def image(image: Image, starter: Path, base: str, tmp_path: Path) -> Image:
    """The packed image, in the store of our own."""
    layout = f"oci:{tmp_path / 'packed'}:gd"
    packed = ["graph-data", "pack", str(starter), "-o", layout, "--base", base, "--arch", native().name]
    assert run(upgraph, packed) == 0
    pulled = subprocess.run(
        ["buildah", "pull", "--quiet", layout],
        env={**os.environ, "CONTAINERS_STORAGE_CONF": str(image.store)},
        check=True,
        capture_output=True,
        text=True,
    )
    return Image(pulled.stdout.strip(), image.digest, image.store)


def configured(pod: Pod) -> list[str]:
    """What the image runs by itself."""
    config = json.loads(pod.buildah("inspect", "--type=image", pod.image.name))["OCIv1"]["config"]
    assert "Entrypoint" not in config
    return list(config["Cmd"])


def test_it_fills_the_shared_volume_and_ends(pod: Pod, starter: Path, tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    os.chown(volume, USER, 0)
    copier = pod.run("init", Command(configured(pod), {}, [Volume(volume, SHARED, writable=True)]))
    assert (copier.wait(), copier.text) == (0, "")
    copied = DirectorySource(volume).read()
    assert copied == DirectorySource(starter).read()
    assert load(copied).findings == ()
