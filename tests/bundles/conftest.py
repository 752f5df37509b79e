"""The parts of a small bundle, and bundles made of them in both forms."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from upgraph.graph import Release
from upgraph.oci import LayoutWriter, digest_of
from upgraph.payload import ReleaseContent, add_release
from upgraph.service.bundle import Parts, write_bundle
from upgraph.testing.sample_graphs import GraphBench

VERSIONS = ("4.1.0", "4.1.1", "4.1.2")
HEX = "0123456789abcdef" * 4
SIGNATURE = f"sha256={HEX}/signature-1"
FORMS = ("site", "site.tar")


def releases(*versions: str) -> tuple[Release, ...]:
    """Releases, each of which can be updated to the later ones."""
    bench = GraphBench()
    return tuple(
        bench.release(version, *versions[:at], digest=digest_of(version.encode()))
        for at, version in enumerate(versions)
    )


def graph_data(*versions: str) -> dict[str, bytes]:
    """Graph data with these versions in stable-4.1."""
    listed = "".join(f"- {version}\n" for version in versions)
    return {
        "version": b"1.1.0\n",
        "raw/metadata.json": b"{}\n",
        "blocked-edges/4.0.0.yaml": b"to: 4.0.0\nfrom: 3[.].*\n",
        "channels/stable-4.1.yaml": f"name: stable-4.1\nversions:\n{listed}".encode(),
    }


def parts_of(place: Path, *versions: str) -> Parts:
    """All that a bundle can hold, with files of its own below ``place``."""
    signatures, images = place / "signatures", place / "layout"
    (signatures / f"sha256={HEX}").mkdir(parents=True)
    (signatures / SIGNATURE).write_bytes(f"signature of {versions[-1]}".encode())
    with LayoutWriter(images) as layout:
        add_release(layout, ReleaseContent(versions[0]), "amd64", versions[0])
    return Parts(releases(*versions), graph_data(*versions), signatures, images)


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return parts_of(tmp_path / "parts", *VERSIONS)


@pytest.fixture(params=FORMS)
def bundle(parts: Parts, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A good bundle, as a directory and as an archive."""
    out = tmp_path / str(request.param)
    write_bundle(parts, out)
    return out


Change = Callable[[dict[str, bytes]], None]


def rewrite(bundle: Path, change: Change) -> None:
    """Change the files of a bundle, as somebody with other tools would."""
    if bundle.is_dir():
        files = {
            path.relative_to(bundle).as_posix(): path.read_bytes()
            for path in bundle.rglob("*")
            if path.is_file()
        }
        before = dict(files)
        change(files)
        for gone in before.keys() - files.keys():
            (bundle / gone).unlink()
        for path, content in files.items():
            (bundle / path).parent.mkdir(parents=True, exist_ok=True)
            (bundle / path).write_bytes(content)
        return
    with tarfile.open(bundle) as archive:
        members = archive.getmembers()
        files = {one.name: file.read() for one in members if (file := archive.extractfile(one)) is not None}
    change(files)
    with tarfile.open(bundle, "w") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
