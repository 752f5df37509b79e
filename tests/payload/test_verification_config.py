"""The keys that a release names are found where a cluster finds them, and only shown."""

from pathlib import Path

import pytest

from upgraph.errors import DataError
from upgraph.oci import LayoutSource, LayoutWriter, Platform
from upgraph.payload import ReleaseContent, add_release
from upgraph.payload.verification_config import read_verification_config

ANNOTATED = b"""\
apiVersion: v1
kind: ConfigMap
metadata:
  name: %s
  annotations: {release.openshift.io/verification-config-map: ""}
data: {store-one: "https://mirror.example", verifier-public-key-one: key}
"""
OTHER = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n"


def _release(path: Path, **manifests: bytes) -> LayoutSource:
    files = {f"{name}.yaml": content for name, content in manifests.items()}
    with LayoutWriter(path) as layout:
        add_release(layout, ReleaseContent("4.18.1", manifests=files), "amd64", "4.18.1")
    return LayoutSource(path)


async def test_the_first_annotated_config_map_counts(tmp_path: Path) -> None:
    manifests = {"0000_b": ANNOTATED % b"second", "0000_a": OTHER, "0000_a2": ANNOTATED % b"first"}
    found = await read_verification_config(_release(tmp_path / "l", **manifests), "4.18.1")
    assert (found.name, sorted(found.data)) == ("first", ["store-one", "verifier-public-key-one"])


async def test_a_release_without_one_is_told(tmp_path: Path) -> None:
    broken = {"0000_a": OTHER, "0000_b": b"release.openshift.io/verification-config-map: ["}
    with pytest.raises(DataError, match="no ConfigMap with the annotation") as caught:
        await read_verification_config(_release(tmp_path / "l", **broken), "4.18.1")
    assert caught.value.reference == "verification-config-missing"


async def test_of_an_index_the_image_that_speaks_for_it_is_read(tmp_path: Path) -> None:
    content = ReleaseContent("4.18.1", manifests={"0000_a.yaml": ANNOTATED % b"keys"})
    with LayoutWriter(tmp_path / "l") as layout:
        images = [(add_release(layout, content, arch), Platform(arch)) for arch in ("arm64", "amd64")]
        layout.index(images, "4.18.1-multi")
    assert (await read_verification_config(LayoutSource(tmp_path / "l"), "4.18.1-multi")).name == "keys"
