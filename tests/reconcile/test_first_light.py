"""An UpdateService of the documentation becomes objects, an address and a status."""

import pytest

from upgraph.kube.kinds import DEPLOYMENT, GATEWAY, HTTP_ROUTE, INGRESS, NETWORK_POLICY, ROUTE
from upgraph.operator.controller import Controller
from upgraph.testing.operated_cluster import OPERAND, OperatedCluster, put_image

MADE = {
    ("ConfigMap", "sample-cluster-ca"),
    ("ConfigMap", "sample-trusted-ca"),
    ("Deployment", "sample"),
    ("NetworkPolicy", "sample"),
    ("PodDisruptionBudget", "sample"),
    ("Route", "sample-route"),
    ("Secret", "sample-pull-secret"),
    ("Service", "sample-graph-builder"),
    ("Service", "sample-policy-engine"),
    ("Service", "sample-siblings"),
}


async def test_everything_is_made_and_nothing_else(cluster: OperatedCluster, operator: Controller) -> None:
    cluster.begin()
    await cluster.until(lambda: cluster.owned() == MADE)
    await cluster.until(lambda: cluster.condition("ReconcileCompleted")["reason"] == "Success")
    assert cluster.condition("RegistryCACertFound")["reason"] == "CACertFound"


async def test_pods_run_the_operand_with_graph_data_by_digest(
    cluster: OperatedCluster, operator: Controller
) -> None:
    digest = cluster.begin()
    await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample"))
    pod = cluster.find(DEPLOYMENT, "sample")["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == OPERAND
    assert pod["initContainers"][0]["image"] == f"{cluster.registry.repository.name}@{digest}"


async def test_an_image_without_a_command_is_read_by_the_service(
    cluster: OperatedCluster, operator: Controller
) -> None:
    digest = cluster.begin("/bin/bash")
    await cluster.until(cluster.arguments)
    assert f"--graph-data=docker://{cluster.registry.repository.name}@{digest}" in cluster.arguments()
    assert "initContainers" not in cluster.find(DEPLOYMENT, "sample")["spec"]["template"]["spec"]


async def test_the_address_is_that_of_the_admitted_route(
    cluster: OperatedCluster, operator: Controller
) -> None:
    cluster.begin()
    await cluster.until(lambda: cluster.find(ROUTE, "sample-route"))
    assert "policyEngineURI" not in cluster.status()
    cluster.admit("localhost")
    await cluster.until(lambda: cluster.status().get("policyEngineURI") == "https://localhost")


async def test_an_address_stays_published_while_its_route_is_down(
    cluster: OperatedCluster, operator: Controller
) -> None:
    cluster.begin()
    await cluster.until(lambda: cluster.find(ROUTE, "sample-route"))
    cluster.admit("localhost")
    await cluster.until(lambda: cluster.status().get("policyEngineURI"))
    cluster.run_pods()
    cluster.server.state.put(ROUTE, cluster.find(ROUTE, "sample-route") | {"status": {}})
    await cluster.until(lambda: cluster.condition("Available").get("reason") == "NotAdmitted")
    assert cluster.status()["policyEngineURI"] == "https://localhost"


async def test_a_cluster_without_routes_exposes_by_an_ingress(
    plain: None, cluster: OperatedCluster, operator: Controller
) -> None:
    put_image(cluster.registry, "latest", "/copier")
    cluster.update_service(exposure={"host": "localhost", "tlsSecret": "shown"})
    await cluster.until(lambda: cluster.find(INGRESS, "sample-route"))
    spec = cluster.find(INGRESS, "sample-route")["spec"]
    assert spec["tls"] == [{"secretName": "shown", "hosts": ["localhost"]}]
    await cluster.until(lambda: cluster.status().get("policyEngineURI") == "https://localhost")


async def test_without_any_way_in_the_service_is_reached_inside_the_cluster(
    plain: None, cluster: OperatedCluster, operator: Controller
) -> None:
    put_image(cluster.registry, "latest", "/copier")
    cluster.update_service(exposure={"type": "None"})
    await cluster.until(lambda: cluster.status().get("policyEngineURI"))
    assert cluster.status()["policyEngineURI"] == "http://sample-policy-engine.openshift-update-service.svc"


async def test_a_named_gateway_gets_an_http_route(cluster: OperatedCluster, operator: Controller) -> None:
    exposure = {"type": "HTTPRoute", "host": "localhost", "gateway": {"name": "edge", "namespace": "net"}}
    cluster.begin(exposure=exposure)
    await cluster.until(lambda: cluster.find(HTTP_ROUTE, "sample-route"))
    spec = cluster.find(HTTP_ROUTE, "sample-route")["spec"]
    assert (spec["parentRefs"][0]["namespace"], spec["hostnames"]) == ("net", ["localhost"])


async def test_another_way_replaces_the_former_one_when_it_leads_to_the_service(
    cluster: OperatedCluster, operator: Controller
) -> None:
    cluster.begin(exposure={"type": "Ingress", "host": "localhost"})
    await cluster.until(lambda: cluster.status().get("policyEngineURI") == "http://localhost")
    cluster.update_service(exposure={"type": "Route"})
    await cluster.until(lambda: cluster.condition("Degraded")["reason"] == "NotAdmitted")
    assert "stays: the Ingress sample-route" in cluster.condition("Degraded")["message"]
    assert cluster.find(INGRESS, "sample-route")
    assert cluster.status()["policyEngineURI"] == "http://localhost"
    cluster.admit("127.0.0.1")
    await cluster.until(lambda: cluster.status()["policyEngineURI"] == "https://127.0.0.1")
    await cluster.until(lambda: not cluster.find(INGRESS, "sample-route"))
    policy = cluster.find(NETWORK_POLICY, "sample")["spec"]
    assert policy["ingress"][0]["from"]


async def test_a_route_stays_until_somebody_serves_the_ingress_in_its_place(
    quick: None, cluster: OperatedCluster, operator: Controller
) -> None:
    await cluster.settle()
    cluster.update_service(exposure={"type": "Ingress", "host": "nobody.invalid"})
    await cluster.until(lambda: cluster.condition("Degraded")["reason"] == "NotAdmitted")
    cluster.update_service(exposure={"type": "Ingress", "host": "nobody.invalid"}, replicas=3)
    await cluster.until(lambda: cluster.status()["observedGeneration"] == 3)
    assert cluster.find(ROUTE, "sample-route")
    assert cluster.status()["policyEngineURI"] == "https://localhost"
    served = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    cluster.server.state.put(INGRESS, cluster.find(INGRESS, "sample-route") | {"status": served})
    await cluster.until(lambda: cluster.status()["policyEngineURI"] == "http://nobody.invalid")
    await cluster.until(lambda: not cluster.find(ROUTE, "sample-route"))


@pytest.mark.parametrize("listener", [{}, {"sectionName": ""}], ids=["no listener", "an empty listener"])
async def test_a_gateway_that_is_gone_for_a_moment_changes_no_address(
    cluster: OperatedCluster, operator: Controller, listener: dict[str, str]
) -> None:
    cluster.put(GATEWAY, "edge", spec={"listeners": [{"name": "plain", "protocol": "HTTP"}]})
    gateway = {"name": "edge"} | listener
    cluster.begin(exposure={"type": "HTTPRoute", "host": "localhost", "gateway": gateway})
    await cluster.until(lambda: cluster.find(HTTP_ROUTE, "sample-route"))
    accepted = {"parents": [{"conditions": [{"type": "Accepted", "status": "True"}]}]}
    cluster.server.state.put(HTTP_ROUTE, cluster.find(HTTP_ROUTE, "sample-route") | {"status": accepted})
    await cluster.until(lambda: cluster.status().get("policyEngineURI") == "http://localhost")
    cluster.server.state.delete(GATEWAY, cluster.key("edge"))
    cluster.update_service(**cluster.find(cluster.resource, "sample")["spec"] | {"replicas": 3})
    await cluster.until(lambda: cluster.status()["observedGeneration"] == 2)
    assert cluster.status()["policyEngineURI"] == "http://localhost"


async def test_everything_goes_with_the_resource(cluster: OperatedCluster, operator: Controller) -> None:
    cluster.begin()
    await cluster.until(lambda: cluster.owned() == MADE)
    cluster.server.state.delete(cluster.resource, cluster.key("sample"))
    assert [
        obj["metadata"]["name"]
        for kind in cluster.server.state.kinds
        for obj in cluster.server.state.all(kind)
        if obj["metadata"]["name"].startswith("sample") and kind.kind != "Event"
    ] == []
