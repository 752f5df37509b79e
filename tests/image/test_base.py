"""The root of the base image is what is wanted of Debian packages, and nothing depends on when or where."""

import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import image_base

WITH_FILES = {
    "ca-certificates": {
        "usr/share/ca-certificates/mozilla/b.crt": "second\n",
        "usr/share/ca-certificates/mozilla/a.crt": "first\n",
        "usr/sbin/update-ca-certificates": "#!/bin/sh\n",
    },
    "libpython3.11-stdlib": {
        "usr/lib/python3.11/ssl.py": "import _ssl\n",
        "usr/lib/python3.11/test/support/a.py": "",
        "usr/share/doc/libpython3.11-stdlib/copyright": "PSF",
        "usr/share/doc/libpython3.11-stdlib/changelog.gz": "long",
    },
    "bash": {"bin/bash": "shell"},
}


def _package(folder: Path, name: str) -> None:
    root = folder / f"{name}.root"
    for path, text in WITH_FILES.get(name, {}).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "DEBIAN").mkdir(parents=True, exist_ok=True)
    control = (
        f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: nobody <a@b.example>\nDescription: a\n"
    )
    (root / "DEBIAN" / "control").write_text(control)
    command = ["dpkg-deb", "--build", "-Znone", str(root), str(folder / f"{name}_1_all.deb")]
    subprocess.run(command, check=True, capture_output=True, timeout=180)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every package that is kept, and one that is not."""
    folder = tmp_path_factory.mktemp("packages")
    for name in (*sorted(image_base.KEPT), "bash"):
        _package(folder, name)
    return folder


@pytest.fixture
def root(packages: Path, tmp_path: Path) -> Iterator[tarfile.TarFile]:
    image_base.collect(packages, tmp_path / "base.tar")
    with tarfile.open(tmp_path / "base.tar") as opened:
        yield opened


def test_packages_that_are_not_kept_leave_nothing(root: tarfile.TarFile) -> None:
    assert "bin/bash" not in root.getnames()
    assert "var/lib/dpkg/status.d/bash" not in root.getnames()


def test_what_only_people_read_is_left_out_and_licenses_stay(root: tarfile.TarFile) -> None:
    kept = {name for name in root.getnames() if name.startswith("usr/") and root.getmember(name).isfile()}
    assert kept == {
        "usr/lib/python3.11/ssl.py",
        "usr/share/ca-certificates/mozilla/a.crt",
        "usr/share/ca-certificates/mozilla/b.crt",
        "usr/share/doc/libpython3.11-stdlib/copyright",
    }


def test_authorities_are_joined_where_openssl_looks(root: tarfile.TarFile) -> None:
    assert root.getmember("usr/lib/ssl/cert.pem").linkname == "/etc/ssl/certs/ca-certificates.crt"
    bundle = root.extractfile("etc/ssl/certs/ca-certificates.crt")
    assert bundle is not None
    assert bundle.read() == b"first\nsecond\n"


def test_everything_is_of_root_and_no_younger_than_the_epoch(root: tarfile.TarFile) -> None:
    assert {(entry.uid, entry.gid) for entry in root} == {(0, 0)}
    assert max(int(entry.mtime) for entry in root) == image_base.EPOCH < time.time()


def test_the_same_packages_give_the_same_bytes(packages: Path, tmp_path: Path) -> None:
    for name in ("one", "other"):
        image_base.collect(packages, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_package_that_debian_no_longer_has_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"has no base-files, .*libssl3"):
        image_base.collect(tmp_path, tmp_path / "base.tar")
