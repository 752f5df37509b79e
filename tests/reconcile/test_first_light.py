"""An UpdateService of the documentation becomes objects, an address and a status."""

from upgraph.kube.kinds import DEPLOYMENT, HTTP_ROUTE, INGRESS, ROUTE
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
