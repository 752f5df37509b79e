"""A registry of releases that goes, and comes back with another authority and another password: pods go on running."""

import base64
import json
from pathlib import Path
from typing import Any

from tests.cluster.walk.conftest import Site, logins_of, push_releases
from upgraph.testing.certificates import Authority, Certificates, make_authority
from upgraph.testing.real_registry import NEXT_PASSWORD, RealRegistry, real_registry, renewed_registry

NEXT_VERSION = "4.1.2"
CHANNEL = "name: stable-4.1\nversions:\n- 4.1.0\n- 4.1.1\n- 4.1.2\n"


def test_a_rotated_authority_and_a_rotated_password_need_no_restart(operated: Site, tmp_path: Path) -> None:
    first, second = (authority_in(tmp_path / name) for name in ("first", "second"))
    operated.pack("three", **{"channels/stable-4.1.yaml": CHANNEL})
    kept = tmp_path / "kept"
    kept.mkdir()
    shown, host = issued(first, operated), str(operated.cluster.addresses.host)
    with real_registry(kept, certificates=shown, login=True, host=host) as harbour:
        push_releases(harbour, tmp_path)
        configure(operated, harbour, first)
        releases = harbour.repository("ocp/release").name
        operated.create("rotated", "three", replicas=2, releases=releases)
        uri = operated.uri("rotated")
        operated.settled("rotated")
        before = running(operated)
    shown = issued(second, operated)
    with operated.asking(uri) as clients:
        operated.until(lambda: is_told(operated, releases, "no connection to"), "the registry that is gone")
    assert clients.unanswered == []
    with (
        renewed_registry(kept, harbour, certificates=shown, password=NEXT_PASSWORD) as harbour,
        operated.asking(uri) as clients,
    ):
        operated.until(lambda: is_told(operated, releases, "certificate"), "a registry that is not trusted")
        configure(operated, harbour, second)
        operated.until(lambda: is_reachable(operated), "the registry that is trusted")
        operated.settled("rotated")
        push_releases(harbour, tmp_path / "more", (NEXT_VERSION,))
        # Rather than to wait for five minutes.
        operated.hang_up("rotated")
        operated.until(lambda: NEXT_VERSION in operated.versions(uri), "the release that is new")
    assert clients.unanswered == []
    assert running(operated) == before


def is_told(site: Site, *words: str) -> bool:
    """Whether the status says that the releases cannot be read, where they are and why."""
    condition = site.condition("ReleasesReachable", "rotated")
    return condition.get("status") == "False" and all(one in condition["message"] for one in words)


def is_reachable(site: Site) -> bool:
    return site.condition("ReleasesReachable", "rotated").get("status") == "True"


def running(site: Site) -> list[tuple[str, int]]:
    """The identities of the pods, and how often their containers were started again."""
    return sorted(
        (pod["metadata"]["uid"], sum(one["restartCount"] for one in pod["status"]["containerStatuses"]))
        for pod in site.pods("rotated")
    )


def configure(site: Site, harbour: RealRegistry, authority: Authority) -> None:
    """Have the cluster trust a registry besides its mirror, and log in there."""
    auths = [json.loads(logins_of(one))["auths"] for one in (site.mirror, harbour)]
    logins = json.dumps({"auths": auths[0] | auths[1]}).encode()
    trusted = {
        "updateservice-registry": site.ca.read_text(),
        f"{harbour.host}..{harbour.port}": authority.certificate.read_text(),
    }
    kind = "kubernetes.io/dockerconfigjson"
    encoded = {".dockerconfigjson": base64.b64encode(logins).decode()}
    site.apply(
        configuration("ConfigMap", "registry-ca", data=trusted),
        configuration("Secret", "pull-secret", type=kind, data=encoded),
    )


def configuration(kind: str, name: str, **content: object) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "openshift-config"}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **content}


def authority_in(folder: Path) -> Authority:
    folder.mkdir()
    return make_authority(folder, name=folder.name)


def issued(authority: Authority, site: Site) -> Certificates:
    """A certificate of an authority for the machine of the registries."""
    return authority.issue(authority.certificate.parent, names=f"IP:{site.cluster.addresses.host}")
