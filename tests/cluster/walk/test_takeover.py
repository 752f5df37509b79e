"""An installation of the OpenShift Update Service Operator becomes ours while clusters ask."""

import base64
import json
from typing import Any

from tests.cluster.walk.conftest import VERSIONS, Site, configure_registry_access, install_operator
from tools.image import native
from upgraph.operator.resource.definition import CRD_NAME, definition
from upgraph.operator.resource.names import ASKING_POD
from upgraph.testing.reference_operator import MANAGER, Reference

KEPT = (
    "deployment/service",
    "service/service-policy-engine",
    "service/service-graph-builder",
    "route/service-route",
)
GONE = ("service-config", "service-env")


def test_its_objects_are_used_on_and_nothing_of_its_pods_stays(site: Site) -> None:
    uri = leave_an_installation(site)
    before = [site.get(one)["metadata"]["uid"] for one in KEPT]
    with site.asking(uri) as clients:
        install_operator(site)
        site.until(lambda: containers(site) == {"update-service"}, "pods that are ours alone")
        site.settled()
        site.until(lambda: not left(site), "the end of what only the old pods have read")
        clients.some_more()
    assert clients.unanswered == []
    assert site.versions(uri) == set(VERSIONS)
    assert site.status()["policyEngineURI"] == uri
    assert [site.get(one)["metadata"]["uid"] for one in KEPT] == before


def leave_an_installation(site: Site) -> str:
    """Have what the other operator makes, without itself, and pods that answer; the address for clusters."""
    configure_registry_access(site)
    site.pack("copier", "--runnable", f"--arch={native().name}")
    site.apply(definition())
    site.oc("wait", "--for=condition=Established", f"crd/{CRD_NAME}")
    site.create("service", "copier", replicas=2)
    made = Reference(
        service=site.get("updateservice", "service"),
        operand=f"{site.images.repository('upgraph/upgraph').name}:test",
        logins={".dockerconfigjson": base64.b64encode(site.logins.read_bytes()).decode()},
        authorities={"updateservice-registry": site.ca.read_text()},
        patience=1,
    )
    listed = {"apiVersion": "v1", "kind": "List", "items": made.objects()}
    site.oc("create", f"--field-manager={MANAGER}", "-f", "-", stdin=json.dumps(listed))
    # An administrator who needed more than the operator gave.
    site.oc("-n", site.namespace, "set", "env", "deployment/service", "-c", "graph-builder", "RUST_LOG=debug")
    uri = f"https://{site.get('route', 'service-route')['spec']['host']}"
    say(site, uri)
    site.until(site.is_rolled_out, "pods of the other operator")
    site.until(lambda: site.graph(uri)[0] == 200, "an answer")
    return uri


def say(site: Site, uri: str) -> None:
    """What the other operator says of a service, which is always the same."""
    moment = "2026-01-01T00:00:00Z"
    said = {"lastTransitionTime": moment, "lastHeartbeatTime": moment, "message": ""}
    condition = {"type": "ReconcileCompleted", "status": "True", "reason": "Success", **said}
    content = json.dumps({"status": {"conditions": [condition], "policyEngineURI": uri}})
    patch = ("patch", "updateservice", "service", "--subresource=status", "--type=merge", "-p", content)
    site.oc("-n", site.namespace, *patch, f"--field-manager={MANAGER}")


def containers(site: Site) -> set[str]:
    return {one["name"] for pod in site.pods() for one in pod["spec"]["containers"]}


def left(site: Site) -> list[Any]:
    """What is there that only the other operator needs."""
    found = [one for kind in ("configmaps", "pods") for one in site.get(kind)["items"]]
    return [name for one in found if (name := one["metadata"]["name"]) in (*GONE, ASKING_POD)]
