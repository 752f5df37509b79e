"""The procedure of the documentation of the OpenShift Update Service, step by step, with pods that really run."""

import json

from tests.cluster.walk.conftest import VERSIONS, Site, configure_registry_access, install_operator


def test_the_procedure_of_the_documentation_ends_with_a_cluster_that_asks_the_service(site: Site) -> None:
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
    assert (
        site.status()["servingCA"]["certificate"].split()
        == site.cluster.ingress_authority.read_text().split()
    )
    other_graph_data_rolls_the_pods_without_an_outage(site, uri)


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
