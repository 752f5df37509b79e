"""The procedure of the documentation of the OpenShift Update Service (sections 6.3.3 to 6.3.6), command by command, with
kubectl where it says oc.
"""

import json
from typing import Any

from tools.cluster.site import Site

GRAPH = "/api/upgrades_info/v1/graph?channel=stable-4.1&arch=amd64"


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
    site.until(lambda: answer(site, uri)[0] == 200, "an answer")
    return uri


def answer(site: Site, uri: str) -> tuple[int, Any]:
    """What a cluster is told: the status, and the JSON or the text with it."""
    status, body = site.curl(f"{uri}{GRAPH}", "-H", "Accept: application/json")
    return status, json.loads(body) if status == 200 else body


def versions(site: Site, uri: str) -> set[str]:
    """What a cluster is offered.

    Raises:
        RuntimeError: it gets no answer.
    """
    status, graph = answer(site, uri)
    if status != 200:
        raise RuntimeError(f"{uri}: status {status}: {graph}")
    return {node["version"] for node in graph["nodes"]}
