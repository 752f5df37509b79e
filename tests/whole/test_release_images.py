"""Releases made on a base in a real registry, with TLS and a login, and looked at by us and by skopeo."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.whole.conftest import BIN
from upgraph.oci import OCI_LAYER_GZIP, LayerFile, LayoutWriter, Platform, digest_of, gzipped, tar_layer
from upgraph.testing.certificates import Certificates
from upgraph.testing.gpg_home import GpgHome
from upgraph.testing.real_registry import PASSWORD, USERNAME, program, real_registry

ARCHES = ("amd64", "arm64")
SECONDS = 60


@dataclass(frozen=True)
class Site:
    """A registry with the base of releases and a component, and how to reach it."""

    host: str
    flags: tuple[str, ...]
    manifests: Path

    def upgraph(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command of ours and compare its exit code."""
        return _run(str(BIN / "upgraph"), *arguments, *self.flags, code=code)

    def new(self, *arguments: str) -> str:
        """Make the release 1.1.0 in the registry; gives its digest."""
        source = ("--name", "1.1.0", "--previous", "1.0.0", "--manifests", str(self.manifests))
        return self.upgraph("release", "new", *source, *arguments, "-o", self.release).stdout.split()[0]

    @property
    def release(self) -> str:
        return f"{self.host}/ocp/release:1.1.0"


def _run(*command: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == code, done.stderr
    return done


def _write_base(layout: LayoutWriter) -> None:
    archive = tar_layer([LayerFile("manifests/0000_00_operator.yaml", b"kind: A\n")])
    layer = layout.blob(gzipped(archive), OCI_LAYER_GZIP)
    images = []
    for arch in ARCHES:
        rootfs = {"type": "layers", "diff_ids": [digest_of(archive)]}
        run = {"Entrypoint": ["/usr/bin/operator"]}
        config = {"architecture": arch, "os": "linux", "rootfs": rootfs, "config": run}
        images.append((layout.image(config=config, layers=[layer]), Platform(arch)))
    layout.index(images, "base")


@pytest.fixture
def site(tmp_path: Path, certificates: Certificates, auth_file: Callable[[str], Path]) -> Iterator[Site]:
    with LayoutWriter(tmp_path / "layout") as layout:
        _write_base(layout)
    (tmp_path / "manifests").mkdir()
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    (tmp_path / "manifests" / "0000_50_a.yaml").write_text(manifest)
    (tmp_path / "storage").mkdir()
    with real_registry(tmp_path / "storage", certificates=certificates, login=True) as registry:
        registry.push(tmp_path / "layout", "base", "ocp/operator")
        host = f"127.0.0.1:{registry.port}"
        flags = ("--ca", str(certificates.certificate), "--authfile", str(auth_file(host)))
        yield Site(host, flags, tmp_path / "manifests")


def test_a_release_on_a_base_has_no_fault_and_is_the_one_that_skopeo_finds(site: Site) -> None:
    operator = f"{site.host}/ocp/operator"
    digest = site.new("--base", f"{operator}:base", "--image", f"cluster-version-operator={operator}:base")
    verdict = json.loads(site.upgraph("release", "verify", site.release, "-o", "json").stdout)
    assert (verdict["findings"], verdict["architectures"], verdict["components"]) == ([], "amd64,arm64", 1)
    options = ("--tls-verify=false", "--creds", f"{USERNAME}:{PASSWORD}")
    seen = json.loads(_run(program("skopeo"), "inspect", *options, f"docker://{site.release}").stdout)
    raw = _run(program("skopeo"), "inspect", "--raw", *options, f"docker://{site.release}").stdout
    assert (seen["Digest"], digest_of(raw.encode())) == (digest, digest)
    assert seen["Labels"]["io.openshift.release"] == "1.1.0"
    assert len(seen["Layers"]) == 2


def test_a_release_is_served_with_what_was_put_into_it(site: Site) -> None:
    digest = site.new("--metadata", "url=https://errata.example/1")
    saved = site.upgraph("scrape", f"docker://{site.host}/ocp/release", "-o", "-").stdout
    assert digest in saved
    assert "https://errata.example/1" in saved


def test_a_component_that_was_never_copied_is_missing(site: Site) -> None:
    lost = digest_of(b"lost")
    site.new("--image", f"app={site.host}/ocp/operator@{lost}")
    done = site.upgraph("release", "verify", site.release, "-o", "json", code=3)
    findings = {one["reference"]: one["place"] for one in json.loads(done.stdout)["findings"]}
    assert findings["release-component-missing"] == "app"


def test_a_component_is_found_through_its_mirror(site: Site, tmp_path: Path) -> None:
    operator = f"{site.host}/ocp/operator"
    told = site.upgraph(
        "release", "new", "--name", "1.1.0", "--image", f"a={operator}:base", "-o", f"oci:{tmp_path / 'out'}"
    ).stderr
    digest = told.strip().rpartition("@")[2]
    site.new("--image", f"app=origin.example/ocp/operator@{digest}")
    mirrors = tmp_path / "registries.conf"
    rule = (
        f'[[registry]]\nlocation = "origin.example/ocp"\n[[registry.mirror]]\nlocation = "{site.host}/ocp"\n'
    )
    mirrors.write_text(rule)
    site.upgraph("release", "verify", site.release, "--mirrors", str(mirrors))


def test_a_signature_that_lies_in_the_registry_holds_for_what_was_signed_and_no_longer(
    site: Site, tmp_path: Path
) -> None:
    site.new("--arch", "amd64", "--arch", "arm64")
    ring, store, image = (
        tmp_path / "ring",
        str(tmp_path / "store"),
        f"docker://{site.host}/ocp/signatures:latest",
    )
    with GpgHome() as gpg:
        ring.write_bytes(gpg.make_key("alice"))
        key = ("--gpg-key", "alice", "--gpg-home", str(gpg.path))
        site.upgraph("signatures", "sign", site.release, *key, "-o", store)
    site.upgraph("signatures", "push", store, "--to", image)
    trust = ("--signatures", image, "--keyring", str(ring))
    assert "(openpgp): valid" in site.upgraph("release", "verify", site.release, *trust).stdout
    site.new("--overwrite")
    assert "signature-missing" in site.upgraph("release", "verify", site.release, *trust, code=5).stderr
