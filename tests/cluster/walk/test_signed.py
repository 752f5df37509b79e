"""Pods verify signatures: a release that nobody trusted has signed is offered to no cluster."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.walk.conftest import VERSIONS, Site
from upgraph.testing.gpg_home import GpgHome

FIRST, SECOND = VERSIONS


@dataclass(frozen=True)
class Signer:
    """Who signs releases of a site, and puts the signatures beside them."""

    site: Site
    gpg: GpgHome
    folder: Path

    @property
    def source(self) -> str:
        """Where the signatures are, for the pods."""
        return f"docker://{self.site.mirror.repository('ocp/signatures').name}:latest"

    def sign(self, version: str, by: str) -> None:
        release = f"{self.site.mirror.repository('ocp/release').name}:{version}"
        store, access = str(self.folder / "store"), (f"--ca={self.site.ca}", f"--authfile={self.site.logins}")
        key = (f"--gpg-key={by}", f"--gpg-home={self.gpg.path}")
        self.site.upgraph("signatures", "sign", release, *key, "-o", store, *access)
        self.site.upgraph("signatures", "push", store, "--to", self.source, "--overwrite", *access)

    def trust(self, *names: str) -> None:
        """Have the public keys of these people in one keyring of a ConfigMap."""
        ring = self.folder / "release-keys.asc"
        ring.write_bytes(self.gpg.run("--armor", "--export", *names))
        made = self.site.oc(
            "create", "configmap", "release-keys", f"--from-file={ring}", "--dry-run=client", "-o", "yaml"
        )
        self.site.oc("-n", self.site.namespace, "apply", "-f", "-", stdin=made)


@pytest.fixture
def signer(operated: Site, tmp_path: Path) -> Iterator[Signer]:
    with GpgHome() as gpg:
        for name in ("alice", "bob"):
            gpg.make_key(name)
        yield Signer(operated, gpg, tmp_path)
    operated.oc("-n", operated.namespace, "delete", "configmap", "release-keys")


def test_clusters_are_offered_what_the_keys_of_the_resource_have_signed(signer: Signer) -> None:
    site = signer.site
    signer.sign(FIRST, by="alice")
    signer.sign(SECOND, by="bob")
    signer.trust("alice")
    signatures = {"required": True, "keyringConfigMap": "release-keys", "source": signer.source}
    site.create("signed", signatures=signatures)
    uri = site.uri("signed")
    assert site.versions(uri) == {FIRST}
    site.until(lambda: "no key of the keyring signed it" in told(site), "to be told what is left out")
    before = {pod["metadata"]["name"] for pod in site.pods("signed")}
    with site.asking(uri) as clients:
        signer.trust("alice", "bob")
        site.until(lambda: site.versions(uri) == set(VERSIONS), "the release that bob has signed")
        site.settled("signed")
    assert not clients.unanswered
    assert not before & {pod["metadata"]["name"] for pod in site.pods("signed")}


def told(site: Site) -> str:
    return str(site.condition("ReleasesReachable", "signed").get("message"))
