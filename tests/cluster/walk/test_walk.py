"""The procedure of the documentation of the OpenShift Update Service, step by step, with pods that really run."""

import json
from pathlib import Path

from tests.cluster.walk.conftest import VERSIONS, Site, configure_registry_access, install_operator
from tools.cluster.procedure import GRAPH
from tools.cluster.trust_bundle import KEY, injected_trust


def test_the_procedure_of_the_documentation_ends_with_a_cluster_that_asks_the_service(
    site: Site, tmp_path: Path
) -> None:
    machines = Path(site.cluster.plan.credentials.authority.certificate).read_text()
    with injected_trust(site.cluster.client, site.namespace, machines):
        walk(site, tmp_path / "updates-ca.pem")


def walk(site: Site, authority: Path) -> None:
    configure_registry_access(site)
    install_operator(site)
    site.pack("latest")
    create_update_service(site)
    uri = site.uri()
    assert site.versions(uri) == set(VERSIONS)
    upstream = json.dumps({"spec": {"upstream": f"{uri}/api/upgrades_info/v1/graph"}})
    site.oc("patch", "clusterversion", "version", "--type=merge", "-p", upstream)
    site.until(lambda: site.condition("Available").get("status") == "True", "a status that says so")
    site.until(lambda: (site.status().get("graph") or {}).get("releases") == len(VERSIONS), "its size")
    try:
        let_the_cluster_trust_the_service(site, uri, authority)
        other_graph_data_rolls_the_pods_without_an_outage(site, uri)
    finally:
        site.oc("patch", "proxy/cluster", "--type=merge", "-p", '{"spec":{"trustedCA":null}}')
        site.oc("-n", "openshift-config", "delete", "configmap", "user-ca-bundle", "--ignore-not-found")


def let_the_cluster_trust_the_service(site: Site, uri: str, file: Path) -> None:
    """6.3.8: the authority that the status names becomes one that the cluster trusts, with the commands that it names."""
    site.until(lambda: site.status().get("servingCA", {}).get("trustedByCluster") is False, "no trust yet")
    assert asked_by_the_cluster(site, uri, file.with_name("before.pem")) == 0
    site.until(lambda: site.condition("Degraded").get("reason") == "ServingCAUntrusted", "to be told so")
    told = site.condition("Degraded")["message"]
    path = "{.status.servingCA.certificate}"
    file.write_text(
        site.oc("-n", site.namespace, "get", "updateservice", "service", "-o", f"jsonpath={path}")
    )
    assert file.read_text().split() == site.cluster.ingress_authority.read_text().split()
    patch = '{"spec":{"trustedCA":{"name":"user-ca-bundle"}}}'
    for part in (path, "create configmap user-ca-bundle --from-file=ca-bundle.crt=", patch):
        assert part in told
    config = ("-n", "openshift-config")
    site.oc(*config, "create", "configmap", "user-ca-bundle", f"--from-file=ca-bundle.crt={file}")
    site.oc("patch", "proxy/cluster", "--type=merge", "-p", patch)
    site.until(lambda: site.status()["servingCA"]["trustedByCluster"] is True, "a trust that covers it")
    site.until(lambda: site.condition("Degraded")["status"] == "False", "a status without a fault")
    assert asked_by_the_cluster(site, uri, file.with_name("after.pem")) == 200
    site.settled()


def asked_by_the_cluster(site: Site, uri: str, file: Path) -> int:
    """The status that a cluster gets which trusts what OpenShift says that it trusts."""
    file.write_text(site.get("configmap", "service-cluster-ca")["data"][KEY])
    return site.curl(f"{uri}{GRAPH}", "--cacert", str(file))[0]


def other_graph_data_rolls_the_pods_without_an_outage(site: Site, uri: str) -> None:
    """What happens on the day after: another image, and clusters that ask all the while."""
    site.pack("next", **{"channels/stable-4.1.yaml": "name: stable-4.1\nversions:\n- 4.1.1\n"})
    image = f"{site.mirror.repository('openshift/graph-data').name}:next"
    patch = json.dumps({"spec": {"graphDataImage": image}})
    site.oc("-n", site.namespace, "patch", "updateservice", "service", "--type=merge", "-p", patch)
    seen: list[set[str]] = []

    def all_are_new() -> bool:
        seen.append(site.versions(uri))
        deployment = site.get("deployment", "service")
        status, spec = deployment["status"], deployment["spec"]
        return status.get("updatedReplicas") == status.get("replicas") == spec["replicas"] and seen[-1] == {
            "4.1.1"
        }

    site.until(all_are_new, "replicas with the other graph data")
    assert set(map(frozenset, seen)) <= {frozenset(VERSIONS), frozenset({"4.1.1"})}
    site.until(lambda: site.condition("Degraded")["status"] == "False", "a status without a fault")


def create_update_service(site: Site) -> None:
    """6.3.6: the resource, as it stands in the documentation."""
    service = {
        "apiVersion": "updateservice.operator.openshift.io/v1",
        "kind": "UpdateService",
        "metadata": {"name": "service"},
        "spec": {
            "replicas": 2,
            "releases": site.mirror.repository("ocp/release").name,
            "graphDataImage": f"{site.mirror.repository('openshift/graph-data').name}:latest",
        },
    }
    site.oc("-n", site.namespace, "create", "-f", "-", stdin=json.dumps(service))
