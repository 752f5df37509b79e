"""What is shown of releases is the same wherever they are."""

import tarfile
from pathlib import Path

import pytest

from tests.commands.conftest import Command
from upgraph.oci import LayoutWriter
from upgraph.payload import ReleaseContent, add_release
from upgraph.testing.real_registry import skopeo_copy

VERSIONS = {"4.1.0": (), "4.1.1": ("4.1.0",)}
CHANNEL = "name: stable-4.1\nversions: [4.1.0, 4.1.1]\n"


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One set of releases as ``layout``, ``releases.tar`` and ``directories``, and ``graph-data`` for it."""
    place = tmp_path_factory.mktemp("places")
    with LayoutWriter(place / "layout") as layout:
        for version, previous in VERSIONS.items():
            add_release(layout, ReleaseContent(version, previous=previous), "amd64", version)
    with tarfile.open(place / "releases.tar", "w") as archive:
        archive.add(place / "layout", ".")
    (place / "directories").mkdir()
    for version in VERSIONS:
        skopeo_copy(f"oci:{place / 'layout'}:{version}", f"dir:{place / 'directories' / version}")
    files = {
        "version": "1.1.0\n",
        "raw/metadata.json": "{}\n",
        "channels/stable-4.1.yaml": CHANNEL,
        "blocked-edges/README.md": "No rule is meant.\n",
    }
    for name, text in files.items():
        (place / "graph-data" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "graph-data" / name).write_text(text)
    return place


@pytest.mark.parametrize(
    "source", ["oci-archive:{}/releases.tar", "dir:{}/directories"], ids=["archive", "directories"]
)
def test_a_graph_is_the_same_from_every_form_of_the_same_releases(
    command: Command, places: Path, source: str
) -> None:
    def shown(releases: str) -> str:
        flags = (
            "--payload-repository",
            "x.example/a",
            "--graph-data",
            str(places / "graph-data"),
            "-o",
            "json",
        )
        return command("upgraph", "graph", "show", "--releases", releases, *flags).out

    seen = shown(source.format(places))
    assert "4.1.1" in seen
    assert seen == shown(f"oci:{places}/layout")


def test_a_file_of_mirrors_that_is_not_understood_ends_the_command(command: Command, places: Path) -> None:
    (places / "idms.yaml").write_text("kind: ImageDigestMirrorSet\n")
    flags = ("--mirrors", f"{places}/idms.yaml", "--graph-data", str(places / "graph-data"))
    ended = command("upgraph", "graph", "show", "--releases", "docker://x.example/a", *flags)
    assert ended.code == 2
    assert "idms.yaml" in ended.err
    assert "reference:      oci-mirrors" in ended.err
