"""The procedure of the documentation of the OpenShift Update Service, step by step, with pods that really run."""

import json

from tests.cluster.walk.conftest import VERSIONS, Site

GRAPH = "/api/upgrades_info/v1/graph?channel=stable-4.1&arch=amd64"


def test_the_procedure_of_the_documentation_ends_with_a_cluster_that_asks_the_service(site: Site) -> None:
    configure_registry_access(site)
    install_operator(site)
    site.pack("latest")
    create_update_service(site)
    uri = wait_for_uri(site)
    assert versions(site, uri) == set(VERSIONS)
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
        seen.append(versions(site, uri))
        deployment = site.get("deployment", "service")
        status, spec = deployment["status"], deployment["spec"]
        return status.get("updatedReplicas") == status.get("replicas") == spec["replicas"] and seen[-1] == {
            "4.1.1"
        }

    site.until(all_are_new, "replicas with the other graph data")
    assert set(map(frozenset, seen)) <= {frozenset(VERSIONS), frozenset({"4.1.1"})}
    site.until(lambda: site.condition("Degraded")["status"] == "False", "a status without a fault")


def versions(site: Site, uri: str) -> set[str]:
    """What a cluster is offered. Fails where it gets no answer."""
    status, body = site.curl(f"{uri}{GRAPH}", "-H", "Accept: application/json")
    assert status == 200, body
    return {node["version"] for node in json.loads(body)["nodes"]}


def configure_registry_access(site: Site) -> None:
    """6.3.3: the authority and the logins of the registry."""
    config = ("-n", "openshift-config")
    site.oc(*config, "delete", "configmap/registry-ca", "secret/pull-secret", "--ignore-not-found")
    site.oc(*config, "create", "configmap", "registry-ca", f"--from-file=updateservice-registry={site.ca}")
    trust = json.dumps({"spec": {"additionalTrustedCA": {"name": "registry-ca"}}})
    site.oc("patch", "image.config.openshift.io/cluster", "--type=merge", "-p", trust)
    logins = f"--from-file=.dockerconfigjson={site.logins}"
    kind = "--type=kubernetes.io/dockerconfigjson"
    site.oc(*config, "create", "secret", "generic", "pull-secret", logins, kind)


def install_operator(site: Site) -> None:
    """6.3.4: the operator, from its own manifests."""
    image = f"{site.images.repository('upgraph/upgraph').name}:test"
    manifests = site.upgraph("operator", "manifests", f"--namespace={site.namespace}", f"--image={image}")
    site.oc("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifests)
    site.oc("-n", site.namespace, "rollout", "status", "deployment/upgraph-operator", "--timeout=120s")


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


def wait_for_uri(site: Site) -> str:
    """6.3.6: until the address answers with 200, as the documentation polls it."""
    site.until(lambda: site.status().get("policyEngineURI"), "an address")
    uri = str(site.status()["policyEngineURI"])
    site.until(lambda: site.curl(f"{uri}{GRAPH}", "-H", "Accept: application/json")[0] == 200, "an answer")
    return uri
