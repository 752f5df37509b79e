"""``upgraph updateservice create`` against an operator at work, and a cluster that is pointed to what it made."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.walk.conftest import VERSIONS, Site
from tools.cluster.trust_bundle import injected_trust
from tools.pages import read_pages

PAGE = "docs/how-to/update-service.md"
NAMESPACE = "openshift-update-service"
"""The one of the page."""
UNTRUSTED = '{"spec":{"trustedCA":null}}'
UNPOINTED = '{"spec":{"upstream":null}}'


@pytest.fixture
def judging(operated: Site) -> Iterator[Site]:
    """A cluster that says what it trusts, which is not the authority of its ingress, and that asks nobody for updates."""
    machines = Path(operated.cluster.plan.credentials.authority.certificate).read_text()
    operated.oc("patch", "clusterversion", "version", "--type=merge", "-p", UNPOINTED)
    with injected_trust(operated.cluster.client, operated.namespace, machines):
        yield operated
    operated.oc("patch", "clusterversion", "version", "--type=merge", "-p", UNPOINTED)
    operated.oc("patch", "proxy/cluster", "--type=merge", "-p", UNTRUSTED)
    operated.oc("-n", "openshift-config", "delete", "configmap", "user-ca-bundle", "--ignore-not-found")


def test_a_service_is_made_as_the_page_says_and_the_cluster_pointed_to_it_once_it_trusts_it(
    judging: Site, tmp_path: Path
) -> None:
    site, create = judging, page_command(judging)
    done = site.done(*create)
    assert done.returncode == 0, done.stderr
    address = f"{site.uri()}/api/upgrades_info/v1/graph"
    assert site.versions(site.uri()) == set(VERSIONS)
    site.until(lambda: site.status().get("servingCA", {}).get("trustedByCluster") is False, "no trust yet")
    site.until(lambda: site.condition("ReleasesReachable").get("status") == "True", "readable releases")
    refused = site.done(*create, "--point-cluster")
    # Which changes of the status are met on the way is chance; the second has those that stay.
    printed = (done.stderr + done.stdout + refused.stderr).splitlines()
    assert [line for line in page_answer(site) if not any(map(line.fullmatch, printed))] == []
    assert (refused.returncode, "update-service-untrusted" in refused.stderr) == (2, True)
    assert upstream(site) is None
    trust(site, refused.stderr.partition("\nerror: ")[2], tmp_path)
    site.until(lambda: site.status()["servingCA"]["trustedByCluster"] is True, "a trust that covers it")
    before = "the default of its installation"
    pointed = site.upgraph(*create, "--point-cluster").splitlines()
    assert pointed[-1] == f"ClusterVersion points to {address} (before: {before})"
    assert upstream(site) == address
    again = site.upgraph(*create, "--point-cluster").splitlines()
    assert again[-1] == f"ClusterVersion points to {address} already"


def page_command(site: Site) -> list[str]:
    """The first command of the page, for the registry and the namespace of this site."""
    line = next(read_pages()[PAGE].commands())
    mirror = f"{site.mirror.host}:{site.mirror.port}"
    program, *arguments = shlex.split(line.replace("registry.example:5000", mirror))
    assert (program, arguments[:2]) == ("upgraph", ["updateservice", "create"])
    return [*arguments, f"--namespace={site.namespace}"]


def page_answer(site: Site) -> list[re.Pattern[str]]:
    """What the page shows as the answer, line by line, with the names of this site and whatever numbers."""
    shown = read_pages()[PAGE].blocks("text")[0].replace("\\\n", "").splitlines()[1:]
    assert len(shown) > 6
    return [_pattern(site, line) for line in shown]


def _pattern(site: Site, line: str) -> re.Pattern[str]:
    names = {
        "registry.example:5000": f"{site.mirror.host}:{site.mirror.port}",
        NAMESPACE: site.namespace,
        ".apps.site.example": ".apps.example",
    }
    for name, own in names.items():
        line = line.replace(name, own)
    escaped = re.escape(line).replace(re.escape("sha256:4d21...."), r"sha256:[0-9a-f]{64}\.")
    return re.compile(re.sub(r"\b\d[\d,]* (?=releases|updates)", r"[\\d,]+ ", escaped.replace(r"\ ", " ")))


def trust(site: Site, told: str, home: Path) -> None:
    """Do what the command has told to do about an authority that the cluster does not trust, word for word."""
    patch = """oc patch proxy/cluster --type=merge -p '[^']+'"""
    commands = re.findall(rf"oc -n .+?> \S+|oc -n \S+ create .+?(?=, )|{patch}", told)
    assert len(commands) == 3
    for line in commands:
        typed = line.replace("oc ", f"kubectl --kubeconfig={site.cluster.kubeconfig} ", 1)
        path = f"{site.cluster.plan.programs.folder}:{os.environ['PATH']}"
        subprocess.run(["sh", "-ec", typed], cwd=home, check=True, timeout=60, env={"PATH": path})


def upstream(site: Site) -> str | None:
    """Whom the cluster asks for updates."""
    found: str | None = site.get("clusterversion", "version")["spec"].get("upstream")
    return found
