"""An UpdateService becomes objects, an address and a true status."""

from upgraph.kube.kinds import DEPLOYMENT, ROUTE, SERVICE
from upgraph.operator.controller import Controller
from upgraph.operator.resource import UPDATE_SERVICE
from upgraph.testing.operated_cluster import OPERAND, OperatedCluster, put_image


async def test_the_yaml_of_the_documentation_becomes_a_service(
    cluster: OperatedCluster, operator: Controller
) -> None:
    digest = put_image(cluster.registry, "latest", "/copier")
    cluster.trust_registry()
    cluster.update_service()
    await cluster.until(lambda: cluster.find(DEPLOYMENT, "sample"))
    pod = cluster.find(DEPLOYMENT, "sample")["spec"]["template"]["spec"]
    print(pod)
    assert pod["containers"][0]["image"] == OPERAND
    assert pod["initContainers"][0]["image"].endswith(digest)
    await cluster.until(lambda: cluster.find(ROUTE, "sample-route"))
    cluster.admit("localhost")
    await cluster.until(lambda: cluster.find(UPDATE_SERVICE, "sample")["status"].get("policyEngineURI"))
    import json

    print(json.dumps(cluster.find(UPDATE_SERVICE, "sample")["status"], indent=1))
    print(cluster.server.counts)
    assert 0
